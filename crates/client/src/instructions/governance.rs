//! What the pool's authority sends.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::{accounts, instruction, AssetTerms, MarketTerms, ScenarioRange, ID};

use super::{build, Token, SYSTEM_PROGRAM};
use crate::addresses;

/// Governance: anyone creates a pool and becomes its authority.
pub fn create_pool(creator: Pubkey, id: u16, settlement_mint: Pubkey) -> Instruction {
    let pool = addresses::pool(&creator, id);
    build(
        accounts::CreatePool {
            pool,
            insurance: addresses::insurance(&pool),
            settlement_mint,
            creator,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CreatePool { id },
    )
}

/// Governance: `index` is the pool's asset count.
pub fn add_asset(authority: Pubkey, pool: Pubkey, index: u16, token: Token, terms: AssetTerms) -> Instruction {
    let asset = addresses::asset(&pool, index);
    build(
        accounts::AddAsset {
            pool,
            asset,
            vault: addresses::vault(&asset),
            mint: token.mint,
            authority,
            token_program: token.program,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AddAsset { terms },
    )
}

/// Governance: `index` is the pool's market count.
pub fn add_market(authority: Pubkey, pool: Pubkey, asset: u16, index: u16, terms: MarketTerms) -> Instruction {
    build(
        accounts::AddMarket {
            pool,
            asset: addresses::asset(&pool, asset),
            market: addresses::market(&pool, index),
            authority,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::AddMarket { terms },
    )
}

/// Governance: one range of the rows of a generation.
pub fn stage_scenarios(authority: Pubkey, pool: Pubkey, generation: u16, range: ScenarioRange) -> Instruction {
    build(
        accounts::StageScenarios {
            pool,
            scenarios: addresses::scenarios(&pool, generation),
            authority,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::StageScenarios { generation, range },
    )
}
