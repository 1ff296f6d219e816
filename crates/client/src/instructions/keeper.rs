//! What anyone sends to keep prices and marks fresh.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use novate::{accounts, instruction};

use super::build;
use crate::addresses;

/// Anyone: assets by index, each with its price account.
pub fn refresh_asset(pool: &Pubkey, feeds: &[(u16, Pubkey)]) -> Instruction {
    let mut instruction = build(accounts::RefreshAsset {}, instruction::RefreshAsset {});
    for (index, feed) in feeds {
        instruction.accounts.push(AccountMeta::new(addresses::asset(pool, *index), false));
        instruction.accounts.push(AccountMeta::new_readonly(*feed, false));
    }
    instruction
}

/// Anyone: markets by index, each with the index of its underlying.
pub fn refresh_market(pool: &Pubkey, markets: &[(u16, u16)]) -> Instruction {
    let mut instruction = build(accounts::RefreshMarket {}, instruction::RefreshMarket {});
    for (market, asset) in markets {
        instruction.accounts.push(AccountMeta::new(addresses::market(pool, *market), false));
        instruction.accounts.push(AccountMeta::new_readonly(addresses::asset(pool, *asset), false));
    }
    instruction
}
