//! What anyone sends to move money that is owed.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::instrument::{expiry_of, market_of};
use novate::state::{Expiry, SETTLEMENT_ASSET};
use novate::{accounts, instruction, ID};

use super::{build, Holdings, PoolKeys};
use crate::addresses;

/// Anyone: settles a portfolio's perpetual, future, or option that expiry settled, on `underlying`.
pub fn settle_variation(pool: &Pubkey, portfolio: Pubkey, instrument: u64, underlying: u16) -> Instruction {
    build(
        accounts::SettleVariation {
            portfolio,
            market: addresses::market(pool, market_of(instrument)),
            asset: addresses::asset(pool, underlying),
            settlement: addresses::asset(pool, SETTLEMENT_ASSET),
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

/// Anyone: copies the price that the underlying has fixed into an expiry.
pub fn fix_expiry(expiry: &Expiry) -> Instruction {
    build(
        accounts::FixExpiry {
            expiry: addresses::expiry_by_id(&expiry.pool, expiry.id()),
            asset: addresses::asset(&expiry.pool, expiry.asset),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::FixExpiry {},
    )
}

/// Anyone: settles all that a portfolio holds in the expiry of a market at a unix time.
pub fn settle_expiry(pool: &Pubkey, portfolio: Pubkey, market: u16, time: i64) -> Instruction {
    build(
        accounts::SettleExpiry {
            portfolio,
            expiry: addresses::expiry(&addresses::market(pool, market), time),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SettleExpiry {},
    )
}

/// Anyone: closes an expiry in which nobody holds a position any more.
pub fn close_expiry(expiry: &Expiry) -> Instruction {
    build(
        accounts::CloseExpiry {
            market: addresses::market(&expiry.pool, expiry.market),
            expiry: addresses::expiry_by_id(&expiry.pool, expiry.id()),
            payer: expiry.payer,
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::CloseExpiry {},
    )
}
