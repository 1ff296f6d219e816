use anchor_lang::prelude::*;

use super::Wide;
use crate::error::NovateError;

/// Seconds in which an empty bucket is full again.
pub const REFILL: i64 = 86_400;
/// Days in which all that an asset's cap lets in can leave: the longest that a bucket delays an exit (CLR-51).
pub const LONGEST_EXIT: u64 = 7;

/// How much more of an asset may leave the vault by withdrawals than came in by deposits (CLR-41): a bucket of `limit` units that
/// refills linearly, in a day from empty to full. Kept exactly, in units times seconds.
///
/// Deposits refill it too, so that moving tokens out and in again uses nothing up; into a full one nothing goes, so that who holds x can keep
/// others waiting for x once a day, at most. While somebody waits, `limit` a day leaves on balance, and what the vault holds is out in held / limit days, whoever goes first.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Outflow {
    /// The mint's units; 0 sets no limit.
    pub limit: u64,
    /// What left and has not refilled: units times seconds of [`REFILL`].
    pub used: Wide,
    /// Unix time up to which it has refilled.
    pub time: i64,
}

impl Outflow {
    /// Whether a limit lets everything that a cap lets in leave within [`LONGEST_EXIT`] days.
    pub fn is_sound(limit: u64, deposit_cap: u64) -> bool {
        limit == 0 || limit >= deposit_cap.div_ceil(LONGEST_EXIT)
    }

    /// What may leave at a time, the mint's units, rounded down.
    pub fn available(&self, now: i64) -> u64 {
        if self.limit == 0 {
            return u64::MAX;
        }
        let left = self.size().saturating_sub(self.used_at(now));
        left.checked_div(const { seconds(REFILL) }).and_then(|left| u64::try_from(left).ok()).unwrap_or(u64::MAX)
    }

    /// Takes what leaves; fails with `OutflowLimit` beyond what is available.
    pub fn draw(&mut self, amount: u64, now: i64) -> Result<()> {
        if self.limit == 0 {
            return Ok(());
        }
        let used = self.used_at(now).saturating_add(spent(amount));
        require!(used <= self.size(), NovateError::OutflowLimit);
        self.set(used, now);
        Ok(())
    }

    /// Puts back what comes in, as far as the bucket is not full.
    pub fn put_back(&mut self, amount: u64, now: i64) {
        if self.limit != 0 {
            self.set(self.used_at(now).saturating_sub(spent(amount)), now);
        }
    }

    fn size(&self) -> u128 {
        spent(self.limit)
    }

    /// No time passes backwards.
    fn used_at(&self, now: i64) -> u128 {
        let passed = seconds(now.saturating_sub(self.time).clamp(0, REFILL));
        self.used.get().saturating_sub(u128::from(self.limit).saturating_mul(passed))
    }

    fn set(&mut self, used: u128, now: i64) {
        self.used = Wide::new(used);
        self.time = self.time.max(now);
    }
}

/// Units times the seconds of a refill: below 2^64·2^17.
fn spent(amount: u64) -> u128 {
    u128::from(amount).saturating_mul(const { seconds(REFILL) })
}

#[expect(clippy::cast_sign_loss, reason = "at or above zero")]
const fn seconds(time: i64) -> u128 {
    time as u128
}

const _: () = assert!(core::mem::size_of::<Outflow>() == 32);
