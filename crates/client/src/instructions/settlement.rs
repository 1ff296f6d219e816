//! What anyone sends to move money that is owed.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::{accounts, instruction, ID};

use super::build;
use crate::addresses;

/// Anyone: settles a portfolio's perpetual in a market on `underlying`.
pub fn settle_variation(pool: &Pubkey, portfolio: Pubkey, market: u16, underlying: u16) -> Instruction {
    build(
        accounts::SettleVariation {
            portfolio,
            market: addresses::market(pool, market),
            asset: addresses::asset(pool, underlying),
            event_authority: addresses::event_authority(),
            program: ID,
        },
        instruction::SettleVariation {},
    )
}
