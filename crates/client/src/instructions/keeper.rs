//! What anyone sends to keep prices, marks and risk arrays fresh.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
use novate::{accounts, instruction, StrikeRange};

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

/// Anyone: yield-bearing assets by index, each with its stake pool.
pub fn refresh_redemption(pool: &Pubkey, stake_pools: &[(u16, Pubkey)]) -> Instruction {
    let mut instruction = build(accounts::RefreshRedemption {}, instruction::RefreshRedemption {});
    for (index, stake_pool) in stake_pools {
        instruction.accounts.push(AccountMeta::new(addresses::asset(pool, *index), false));
        instruction.accounts.push(AccountMeta::new_readonly(*stake_pool, false));
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

/// Slots of one expiry, and where it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpirySlots {
    pub market: u16,
    /// Index of the market's underlying.
    pub asset: u16,
    /// Unix time of expiry.
    pub time: i64,
    pub range: StrikeRange,
}

/// Anyone: prices the strikes of each range; at most 64 in all.
pub fn refresh_expiry(pool: &Pubkey, slots: &[ExpirySlots]) -> Instruction {
    let ranges = slots.iter().map(|s| s.range).collect();
    let mut instruction = build(accounts::RefreshExpiry { pool: *pool }, instruction::RefreshExpiry { ranges });
    for slots in slots {
        let expiry = addresses::expiry(&addresses::market(pool, slots.market), slots.time);
        instruction.accounts.push(AccountMeta::new(expiry, false));
        instruction.accounts.push(AccountMeta::new_readonly(addresses::asset(pool, slots.asset), false));
    }
    instruction
}
