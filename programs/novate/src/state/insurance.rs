use anchor_lang::prelude::*;

use super::{Wide, DISCRIMINATOR};

/// The insurance fund of a pool: capital, stake and what is reserved out of them (CLR-31, CLR-32, CLR-35).
///
/// Address: `[INSURANCE, pool]`. Amounts are settlement asset, 1e-6. Created empty with the pool.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Insurance {
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    pub pool: Pubkey,
    /// The pool's own capital.
    pub capital: u64,
    /// Staked capital.
    pub staked: u64,
    pub stake_shares: Wide,
    /// Greatest payout of the insolvent auctions under way.
    pub reserved: u64,
    /// Paid to takers of insolvent accounts so far.
    pub paid_out: u64,
    /// Deficits found so far.
    pub deficits: u64,
    pub reserve: [u8; 408],
}

impl Insurance {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();
}

const _: () = assert!(Insurance::SPACE == 512);
