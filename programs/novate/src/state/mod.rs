//! The accounts of the program: a file each, zero-copy, `repr(C)`, padded by hand, with a version and a reserve.
//!
//! Sizes and offsets are asserted at compile time, because they never move: clients read accounts by offset.
//! No field is aligned to more than eight bytes; a 128-bit value is two `u64`, low word first.

use anchor_lang::prelude::*;

mod asset;
mod balance;
mod change;
mod claims;
mod committee;
mod expiry;
mod forecasts;
mod funding;
mod guard;
mod haircut;
mod insurance;
mod market;
mod outflow;
mod pause;
mod pool;
mod portfolio;
mod position;
mod ramp;
mod redemption;
mod role;
mod scenarios;
mod setting;
mod stake;
mod venue;
mod window;

pub use asset::*;
pub use balance::*;
pub use change::*;
pub use claims::*;
pub use committee::*;
pub use expiry::*;
pub use forecasts::*;
pub use funding::*;
pub use guard::*;
pub use haircut::*;
pub use insurance::*;
pub use market::*;
pub use outflow::*;
pub use pause::*;
pub use pool::*;
pub use portfolio::*;
pub use position::*;
pub use ramp::*;
pub use redemption::*;
pub use role::*;
pub use scenarios::*;
pub use setting::*;
pub use stake::*;
pub use venue::*;
pub use window::*;

/// Bytes in front of every account: Anchor's discriminator.
pub const DISCRIMINATOR: usize = 8;

/// The layout version that new accounts carry.
pub const VERSION: u8 = 1;

/// A 128-bit unsigned value as two words, low word first: `u128` itself has another alignment on the host than on chain.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Wide {
    pub low: u64,
    pub high: u64,
}

impl Wide {
    #[expect(clippy::cast_possible_truncation, reason = "each word is cut out of the value")]
    pub const fn new(value: u128) -> Self {
        Self { low: value as u64, high: (value >> 64) as u64 }
    }

    pub const fn get(self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }
}
