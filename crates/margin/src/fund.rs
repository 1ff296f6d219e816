//! The insurance fund (CLR-32, CLR-35): the pool's own capital, stake divided into shares, and payouts out of both.
//!
//! Tokens become stake only against shares, and losses only lower what a share is worth. Two bounds hold after every
//! operation:
//!
//! - staked ≤ shares: a share is worth at most one unit. The first stake is 1:1; shares are rounded down from at least as
//!   many as the tokens, claims are rounded down. So no stake rounds to nothing, and none loses more than a unit by rounding:
//!   nobody can raise the price of a share to take from those who stake later.
//! - shares ≤ staked·2^32: stake whose shares are worth less than that has ended, see [`Fund::draw`]. So shares stay below
//!   2^96 and all products within 192 bits, in two parts of 128.

use crate::error::{MarginError, Result};

/// Shares that a unit of stake may come to before the stake ends, as a power of two: a share worth less than 2^-32 of a unit
/// is worth nothing.
pub const WORTHLESS: u32 = 32;

/// What the fund holds, in units of the settlement asset, and the shares that its stake is divided into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fund {
    /// The pool's own capital.
    pub capital: u64,
    /// Tokens of all stakers.
    pub staked: u64,
    /// Shares of all stakers; zero where nothing is staked.
    pub shares: u128,
}

/// Where a payout came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Out of the pool's own capital.
    pub capital: u64,
    /// Out of stake.
    pub staked: u64,
    /// The stake ended: its shares are worth nothing from now on.
    pub ended: bool,
}

impl Fund {
    /// Everything that can be paid out.
    pub fn total(&self) -> u128 {
        u128::from(self.capital).wrapping_add(u128::from(self.staked))
    }

    /// Takes stake in and returns its shares, tokens·shares/staked rounded down; the first stake is 1:1.
    pub fn stake(&mut self, tokens: u64) -> Result<u128> {
        let bought = match self.staked {
            0 => u128::from(tokens),
            staked => {
                let staked = u128::from(staked);
                let whole = self.shares.checked_div(staked).ok_or(MarginError::ZeroDivisor)?;
                let rest = self.shares.checked_rem(staked).ok_or(MarginError::ZeroDivisor)?;
                // At most 2^64·2^32; and rest < 2^64, so that the product is below 2^128 and its quotient below 2^64.
                let tokens = u128::from(tokens);
                let part = tokens.wrapping_mul(rest).checked_div(staked).ok_or(MarginError::ZeroDivisor)?;
                tokens.checked_mul(whole).and_then(|b| b.checked_add(part)).ok_or(MarginError::Overflow)?
            }
        };
        self.staked = self.staked.checked_add(tokens).ok_or(MarginError::Overflow)?;
        self.shares = self.shares.checked_add(bought).ok_or(MarginError::Overflow)?;
        Ok(bought)
    }

    /// What shares are worth, shares·staked/all shares rounded down. Fails where there are not so many.
    pub fn claim_floor(&self, shares: u128) -> Result<u64> {
        if shares > self.shares {
            return Err(MarginError::Overflow);
        }
        // Digits of 32 bits of what is staked, the high one first; shares < 2^96, so that no product reaches 2^128.
        let (high, low) = (u128::from(self.staked >> 32), u128::from(self.staked & 0xffff_ffff));
        let divide = |n: u128| {
            let quotient = n.checked_div(self.shares).ok_or(MarginError::ZeroDivisor)?;
            Ok((quotient, n.wrapping_sub(quotient.wrapping_mul(self.shares))))
        };
        let (first, rest) = divide(shares.checked_mul(high).ok_or(MarginError::Overflow)?)?;
        let (second, rest) = divide(rest.checked_mul(1 << 32).ok_or(MarginError::Overflow)?)?;
        let (third, other) = divide(shares.checked_mul(low).ok_or(MarginError::Overflow)?)?;
        // Both remainders are below all shares.
        let (fourth, _) = divide(rest.wrapping_add(other))?;
        let claim = (first << 32).wrapping_add(second).wrapping_add(third).wrapping_add(fourth);
        u64::try_from(claim).map_err(|_| MarginError::Overflow)
    }

    /// Takes shares out and returns their claim. Fails where there are not so many.
    pub fn unstake(&mut self, shares: u128) -> Result<u64> {
        let claim = self.claim_floor(shares)?;
        self.staked = self.staked.checked_sub(claim).ok_or(MarginError::Overflow)?;
        self.shares = self.shares.checked_sub(shares).ok_or(MarginError::Overflow)?;
        Ok(claim)
    }

    /// Pays out: capital first, then stake, which lowers what each share is worth (CLR-32). Fails where the fund holds less.
    ///
    /// Where shares are worth less than 2^-32 of a unit afterwards, or nothing is staked any more, the stake ends: what is
    /// left of it, less than a unit for every 2^32 shares, becomes capital.
    pub fn draw(&mut self, tokens: u64) -> Result<Drawn> {
        let capital = tokens.min(self.capital);
        let staked = tokens.wrapping_sub(capital);
        self.staked = self.staked.checked_sub(staked).ok_or(MarginError::Overflow)?;
        self.capital = self.capital.wrapping_sub(capital);
        let ended = self.shares > u128::from(self.staked) << WORTHLESS;
        if ended {
            self.capital = self.capital.checked_add(self.staked).ok_or(MarginError::Overflow)?;
            (self.staked, self.shares) = (0, 0);
        }
        Ok(Drawn { capital, staked, ended })
    }
}
