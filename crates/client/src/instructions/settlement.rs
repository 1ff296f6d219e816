//! What anyone sends to move money that is owed.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::instrument::{expiry_of, market_of};
use novate::state::SETTLEMENT_ASSET;
use novate::{accounts, instruction, ID};

use super::{build, Holdings, PoolKeys};
use crate::addresses;

/// Anyone: settles a portfolio's perpetual or future on `underlying`.
pub fn settle_variation(pool: &Pubkey, portfolio: Pubkey, instrument: u64, underlying: u16) -> Instruction {
    build(
        accounts::SettleVariation {
            portfolio,
            market: addresses::market(pool, market_of(instrument)),
            asset: addresses::asset(pool, underlying),
            expiry: expiry_of(instrument).map(|id| addresses::expiry_by_id(pool, id)),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SettleVariation { instrument },
    )
}

/// Anyone: raises the cash for a portfolio's loss in a perpetual or future. Send [`settle_variation`] behind it. `holdings` are
/// the portfolio's.
pub fn borrow_for_loss(keys: PoolKeys, portfolio: Pubkey, holdings: &Holdings, instrument: u64) -> Instruction {
    let mut instruction = build(
        accounts::BorrowForLoss {
            pool: keys.pool,
            scenarios: keys.scenarios,
            portfolio,
            settlement: addresses::asset(&keys.pool, SETTLEMENT_ASSET),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::BorrowForLoss { instrument },
    );
    instruction.accounts.extend(holdings.metas(&keys.pool));
    instruction
}
