use anchor_lang::prelude::*;

use super::{Wide, DISCRIMINATOR};

/// Seconds between a request and the first moment at which stake can be taken out: a week, in which every day and hour that
/// losses are found on comes up once, so that nobody can see a loss coming and leave before it (CLR-35).
pub const COOLING_OFF: i64 = 7 * 86_400;
/// Seconds after the cooling-off during which it can be; then the request lapses, so that none is kept ready.
pub const UNSTAKE_WINDOW: i64 = 2 * 86_400;

/// What one owner has staked in the insurance fund of a pool (CLR-35).
///
/// Address: `[STAKE, pool, owner]`. Shares of the fund's stake: all bear its losses, those that are requested too.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Stake {
    pub version: u8,
    pub bump: u8,
    pub padding: [u8; 6],
    pub pool: Pubkey,
    pub owner: Pubkey,
    /// Era of the fund that the shares are of.
    pub era: u64,
    pub shares: Wide,
    /// Shares that were asked back, at most `shares`.
    pub requested: Wide,
    /// Unix time of the request, 0 while there is none.
    pub requested_at: i64,
    pub reserve: [u8; 128],
}

impl Stake {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// Clears shares and request of an era that has ended.
    pub fn enter(&mut self, era: u64) {
        if self.era != era {
            self.era = era;
            self.shares = Wide::default();
            self.request(0, 0);
        }
    }

    /// Replaces the request; zero shares withdraw it.
    pub fn request(&mut self, shares: u128, now: i64) {
        (self.requested, self.requested_at) = (Wide::new(shares), now);
    }
}

const _: () = assert!(Stake::SPACE == 256);
const _: () = assert!(core::mem::offset_of!(Stake, era) == 72);
