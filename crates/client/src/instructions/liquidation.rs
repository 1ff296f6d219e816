//! What anyone sends when a portfolio falls below maintenance margin.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::{accounts, instruction, ID};

use super::{build, Holdings, PoolKeys, TradeSide};
use crate::addresses;

/// Anyone, for a portfolio below maintenance margin.
pub fn start_auction(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings) -> Instruction {
    let mut instruction = build(
        accounts::StartAuction {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            insurance: addresses::insurance(&keys.pool),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::StartAuction {},
    );
    instruction.accounts.extend(holdings.clone().with_cash_moved().metas(&keys.pool));
    instruction
}

/// Anyone, for a portfolio in an insolvent auction that holds nothing but losses. `holdings` are its own.
pub fn resolve_bankruptcy(pool: Pubkey, portfolio: Pubkey, holdings: &Holdings) -> Instruction {
    let mut instruction = build(
        accounts::ResolveBankruptcy {
            pool,
            portfolio,
            insurance: addresses::insurance(&pool),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::ResolveBankruptcy {},
    );
    instruction.accounts.extend(holdings.clone().with_all_written().with_cash_moved().metas(&pool));
    instruction
}

/// Owner or delegate of the taker: at most `fraction` (1e-9) of the account for at most `limit` of settlement asset (1e-6).
/// For an insolvent account, whose taker insurance pays, the limit is minus the least that the taker accepts, at most 0.
/// `holdings` are those of both portfolios.
pub fn liquidate(
    keys: PoolKeys,
    portfolio: Pubkey,
    taker: TradeSide,
    holdings: &Holdings,
    fraction: i64,
    limit: i64,
) -> Instruction {
    let mut instruction = build(
        accounts::Liquidate {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            taker: taker.portfolio,
            signer: taker.signer,
            insurance: addresses::insurance(&keys.pool),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::Liquidate { fraction, limit },
    );
    instruction.accounts.extend(holdings.clone().with_all_written().with_cash_moved().metas(&keys.pool));
    instruction
}

/// Anyone, for a portfolio that is back at maintenance margin.
pub fn end_auction(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings) -> Instruction {
    let mut instruction = build(
        accounts::EndAuction {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            insurance: addresses::insurance(&keys.pool),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::EndAuction {},
    );
    instruction.accounts.extend(holdings.clone().with_cash_moved().metas(&keys.pool));
    instruction
}
