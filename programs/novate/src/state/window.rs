use anchor_lang::prelude::*;
use novate_margin::chain::Decided;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{Price, Ratio};

use super::{Asset, Wide, SAMPLE_AGE};
use crate::error::NovateError;

/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// Seconds from midnight UTC to every expiry, 08:00:00.
pub const TIME_OF_DAY: i64 = 28_800;

/// Seconds before a time from which its samples count.
pub const WINDOW: i64 = 1_800;
/// Longest gap between two samples, in seconds, that a run bears.
pub const MAX_GAP: i64 = 120;
/// Fewest samples of a run that fixes a price, its first and its last included.
pub const MIN_SAMPLES: u64 = 20;
/// Shortest such run, in seconds: the first sample of the window may come a gap late.
const SHORTEST: i64 = WINDOW - MAX_GAP;
/// Seconds beyond its time to which a window extends: there the next one begins, so that no sample counts for two prices and a
/// price that was fixed late stays for half an hour at least.
const EXTENSION: i64 = DAY - WINDOW;

/// The settlement window of an underlying (CLR-12): one a day, for every expiry is at 08:00:00 UTC. All zero before the first
/// sample. Times are those of publication.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Window {
    /// Unix time whose price is fixed next.
    pub target: i64,
    // The run: samples at most [`MAX_GAP`] apart.
    pub start: i64,
    pub sample_time: i64,
    pub sample_price: Price,
    /// Of every sample but the last, price times the seconds until the next.
    pub sum: Wide,
    pub samples: u64,
    // The last price that was fixed, and for which time; zero before the first.
    pub fixed_time: i64,
    pub fixed_price: Price,
}

impl Window {
    /// Takes in a sample: a positive price and the unix time of its publication, which is positive.
    ///
    /// 1. The first sample ever aims at the next 08:00. One that comes when the window after the target's has begun gives the
    ///    target up, for the earliest 08:00 of which that is not so; the run begins anew.
    /// 2. What is older than the window, or no later than the last sample, does not count.
    /// 3. After a gap of more than 120 s the run begins anew.
    /// 4. The first sample at or after the target that ends a run of 1,680 s and 20 samples fixes its price: the average over
    ///    the run, each price weighing until the next sample, rounded down. The next target is a day later.
    pub fn take(&mut self, price: Price, time: i64) -> Result<()> {
        if self.target == 0 {
            self.aim(time);
        } else if time >= self.target.saturating_add(EXTENSION) {
            self.aim(time.saturating_sub(EXTENSION));
        }
        if time < self.target.saturating_sub(WINDOW) {
            return Ok(());
        }
        let gap = time.saturating_sub(self.sample_time);
        if self.samples == 0 || gap > MAX_GAP {
            (self.start, self.sum, self.samples) = (time, Wide::default(), 0);
        } else if gap <= 0 {
            return Ok(());
        } else {
            let weight = u128::from(self.sample_price.0.unsigned_abs()).wrapping_mul(u128::from(gap.unsigned_abs()));
            // A price below 2^63 over less than 2^17 seconds.
            self.sum = Wide::new(self.sum.get().wrapping_add(weight));
        }
        (self.sample_time, self.sample_price) = (time, price);
        self.samples = self.samples.saturating_add(1);

        let lasted = time.saturating_sub(self.start);
        if time >= self.target && lasted >= SHORTEST && self.samples >= MIN_SAMPLES {
            let average = self.sum.get().checked_div(u128::from(lasted.unsigned_abs()));
            let average = average.and_then(|average| i64::try_from(average).ok()).ok_or(NovateError::MathOverflow)?;
            (self.fixed_time, self.fixed_price) = (self.target, Price(average));
            self.aim(self.target);
        }
        Ok(())
    }

    /// Of the price that is or will be fixed for a time: the share that samples have decided by now, rounded down, and their average,
    /// likewise. Nothing is decided before the second sample of a run, nor once the run is bound to begin anew.
    ///
    /// The share is of a run that ends at the time, or when it has lasted 1,680 s, or when each sample that it lacks comes as late as it
    /// may, whichever is last: what is not sure counts as not decided.
    pub fn decided(&self, time: i64, now: i64) -> Result<Decided> {
        if self.fixed_time == time {
            return Ok(Decided { share: Ratio::ONE, average: self.fixed_price });
        }
        let lasted = self.sample_time.saturating_sub(self.start);
        let broken = now.saturating_sub(self.sample_time) > MAX_GAP;
        if self.target != time || self.samples == 0 || lasted <= 0 || broken {
            return Ok(Decided::NOTHING);
        }
        let average = self.sum.get().checked_div(u128::from(lasted.unsigned_abs()));
        let average = average.and_then(|average| i64::try_from(average).ok()).ok_or(NovateError::MathOverflow)?;
        let lacking = i64::try_from(MIN_SAMPLES.saturating_sub(self.samples)).unwrap_or_default();
        let complete = self.sample_time.saturating_add(lacking.saturating_mul(MAX_GAP));
        let end = time.max(self.start.saturating_add(SHORTEST)).max(complete);
        let share = mul_div_floor(Ratio::ONE.0, lasted, end.saturating_sub(self.start)).map_err(NovateError::from)?;
        Ok(Decided { share: Ratio(share), average: Price(average) })
    }

    /// Whether the run for a time is about to begin anew, or has to and it does not show yet: a reading that is posted now decides
    /// whether it goes on.
    pub fn hangs(&self, time: i64, now: i64) -> bool {
        let silent = now.saturating_sub(self.sample_time);
        let close = silent > const { MAX_GAP - 2 * SAMPLE_AGE } && silent <= const { MAX_GAP + SAMPLE_AGE };
        close && self.target == time && self.samples > 1
    }

    /// Turns to the first 08:00 after a time, without samples.
    fn aim(&mut self, time: i64) {
        self.target = next_expiry(time);
        self.samples = 0;
    }
}

/// The first 08:00 UTC after a unix time.
pub fn next_expiry(time: i64) -> i64 {
    let since = time.saturating_sub(TIME_OF_DAY).rem_euclid(DAY);
    time.saturating_add(DAY.saturating_sub(since))
}

/// A unix time is so near that samples decide what expires then.
pub fn is_settling(time: i64, now: i64) -> bool {
    time.saturating_sub(now) <= WINDOW
}

impl Asset {
    /// What its samples have decided of the settlement price of an expiry (CLR-12): nothing more than half an hour before.
    pub fn decided(&self, time: i64, now: i64) -> Result<Decided> {
        if is_settling(time, now) {
            self.window.decided(time, now)
        } else {
            Ok(Decided::NOTHING)
        }
    }
}

const _: () = assert!(core::mem::size_of::<Window>() == 72);
