use anchor_lang::prelude::*;

use super::DISCRIMINATOR;

/// A venue whose mids make the premium of a pool's perpetuals (CLR-15). Anyone can see who reports.
///
/// Address: `[VENUE, pool, signer]`. It stays when the venue is removed, with its index.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Venue {
    pub version: u8,
    pub bump: u8,
    /// Of no other venue of the pool.
    pub index: u16,
    /// 1 while it is registered, 0 once it is removed.
    pub active: u8,
    pub padding: [u8; 3],
    pub pool: Pubkey,
    /// The key, or the program-derived address, that signs its reports.
    pub signer: Pubkey,
    pub reserve: [u8; 48],
}

impl Venue {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    pub fn is_active(&self) -> bool {
        self.active != 0
    }
}

const _: () = assert!(Venue::SPACE == 128);
