use anchor_lang::prelude::*;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{Price, Ratio};

use crate::error::NovateError;

/// Seconds over which the guard's average is taken.
pub const GUARD_SPAN: i64 = 60;
/// Seconds without a reading outside the band after which a restriction ends (CLR-41).
pub const RESTRICTION: i64 = 300;
/// Most time, in seconds, that a silence of the feed widens the band for: an hour.
const LONGEST: i64 = 3_600;

/// Seconds for which no silence widens the band after the asset was given another price account: a day.
pub const NEW_SOURCE: i64 = 86_400;

/// What an asset's readings are held against before one becomes a price (CLR-40, CLR-41).
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Guard {
    /// Average of the last minute's readings, each as far as the band lets it count; 0 before the first.
    pub average: Price,
    /// Unix time of the last reading that counted, by its publisher.
    pub time: i64,
    /// Farthest that a price may be from the average a minute after the last reading, as a share of it.
    pub band: Ratio,
    /// Unix time until which what raises risk in the asset is refused; 0 or past where it is not.
    pub restricted_until: i64,
}

impl Guard {
    /// Takes a verified reading in, and says whether it is a price: within the band of the average, which widens by as much for
    /// each further minute that the feed was silent. One outside restricts the asset. Either moves the average towards it,
    /// by at most the band a minute, so that a real move is not refused for ever.
    ///
    /// Not while the source is `new`: its silence may be its choice.
    pub fn admit(&mut self, price: Price, publish_time: i64, now: i64, new: bool) -> Result<bool> {
        if self.average.0 == 0 {
            self.average = price;
            self.time = publish_time;
            return Ok(true);
        }
        let longest = if new { GUARD_SPAN } else { LONGEST };
        let elapsed = publish_time.saturating_sub(self.time).clamp(0, longest);
        let band = self.average.scale_floor(self.band).map_err(NovateError::from)?;
        // What would not fit is wide enough.
        let reach = mul_div_floor(band.0, elapsed.max(GUARD_SPAN), GUARD_SPAN).unwrap_or(i64::MAX);
        let apart = price.sub(self.average).map_err(NovateError::from)?.0;
        let counted = apart.clamp(reach.saturating_neg(), reach);
        let step = mul_div_floor(counted, elapsed.min(GUARD_SPAN), GUARD_SPAN).map_err(NovateError::from)?;
        // Of a band of at most the whole, what is left is above zero: a step down is at most the average less one unit.
        self.average = Price(self.average.0.saturating_add(step).max(1));
        self.time = self.time.max(publish_time);
        let inside = counted == apart;
        if !inside {
            self.restricted_until = self.restricted_until.max(publish_time.min(now).saturating_add(RESTRICTION));
        }
        Ok(inside)
    }

    pub fn is_restricted(&self, now: i64) -> bool {
        now < self.restricted_until
    }
}

const _: () = assert!(core::mem::size_of::<Guard>() == 32);
