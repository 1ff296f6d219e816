//! What fills the insurance fund, and what stakers send.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::state::SETTLEMENT_ASSET;
use novate::{accounts, instruction, ID};

use super::{build, Token, TokenMove, SYSTEM_PROGRAM};
use crate::addresses;

/// Anyone: gives settlement tokens from a token account of `funder` to the pool's own capital.
pub fn fund_insurance(funder: Pubkey, pool: Pubkey, tokens: TokenMove) -> Instruction {
    let asset = addresses::asset(&pool, tokens.asset);
    build(
        accounts::FundInsurance {
            pool,
            insurance: addresses::insurance(&pool),
            asset,
            vault: addresses::vault(&asset),
            source: tokens.account,
            mint: tokens.token.mint,
            funder,
            token_program: tokens.token.program,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::FundInsurance { amount: tokens.amount },
    )
}

/// Anyone: moves the fees of a market to the pool's own capital.
pub fn collect_fees(pool: Pubkey, market: u16) -> Instruction {
    build(
        accounts::CollectFees {
            pool,
            insurance: addresses::insurance(&pool),
            market: addresses::market(&pool, market),
            asset: addresses::asset(&pool, SETTLEMENT_ASSET),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CollectFees {},
    )
}

/// Owner: settlement tokens from a token account of the owner, who pays the rent of a new stake.
pub fn stake(owner: Pubkey, pool: Pubkey, tokens: TokenMove) -> Instruction {
    let asset = addresses::asset(&pool, tokens.asset);
    build(
        accounts::AddStake {
            pool,
            insurance: addresses::insurance(&pool),
            stake: addresses::stake(&pool, &owner),
            asset,
            vault: addresses::vault(&asset),
            source: tokens.account,
            mint: tokens.token.mint,
            owner,
            token_program: tokens.token.program,
            system_program: SYSTEM_PROGRAM,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Stake { amount: tokens.amount },
    )
}

/// Owner: asks for shares back; replaces an earlier request.
pub fn request_unstake(owner: Pubkey, pool: Pubkey, shares: u128) -> Instruction {
    build(
        accounts::RequestUnstake {
            pool,
            insurance: addresses::insurance(&pool),
            stake: addresses::stake(&pool, &owner),
            owner,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::RequestUnstake { shares },
    )
}

/// Owner: takes out what was requested, to any token account of the settlement mint.
pub fn unstake(owner: Pubkey, pool: Pubkey, token: Token, destination: Pubkey) -> Instruction {
    let asset = addresses::asset(&pool, SETTLEMENT_ASSET);
    build(
        accounts::Unstake {
            pool,
            insurance: addresses::insurance(&pool),
            stake: addresses::stake(&pool, &owner),
            asset,
            vault: addresses::vault(&asset),
            destination,
            mint: token.mint,
            owner,
            token_program: token.program,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Unstake {},
    )
}

/// Owner: closes a stake without shares and takes its rent back.
pub fn close_stake(owner: Pubkey, pool: Pubkey) -> Instruction {
    build(
        accounts::CloseStake {
            pool,
            insurance: addresses::insurance(&pool),
            stake: addresses::stake(&pool, &owner),
            owner,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CloseStake {},
    )
}
