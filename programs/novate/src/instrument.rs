//! Instrument ids: what a position is in, as one number that sorts by market.
//!
//! From the high end: market `u16`, kind `u8`, strike slot `u8`, expiry `u32` in minutes of unix time.

use crate::error::NovateError;

/// Kind of the perpetual. Futures are 2, calls 3 and puts 4.
pub const PERPETUAL: u8 = 1;

/// Id of a market's perpetual.
pub const fn perpetual(market: u16) -> u64 {
    ((market as u64) << 48) | ((PERPETUAL as u64) << 40)
}

/// Market index of any instrument.
pub const fn market_of(instrument: u64) -> u16 {
    (instrument >> 48) as u16
}

/// Market index of a perpetual; any other id is no instrument that trades here yet.
pub fn require_perpetual(instrument: u64) -> Result<u16, NovateError> {
    let market = market_of(instrument);
    if instrument == perpetual(market) {
        Ok(market)
    } else {
        Err(NovateError::UnknownInstrument)
    }
}
