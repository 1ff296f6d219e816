//! What registered venues send.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use novate::{accounts, instruction};

use super::build;
use crate::addresses;

/// A venue: the mid of its book of a market's perpetual on `underlying`, USD 1e-9 per contract.
pub fn report_mid(pool: &Pubkey, signer: Pubkey, market: u16, underlying: u16, mid: i64) -> Instruction {
    build(
        accounts::ReportMid {
            venue: addresses::venue(pool, &signer),
            signer,
            market: addresses::market(pool, market),
            asset: addresses::asset(pool, underlying),
        },
        instruction::ReportMid { mid },
    )
}
