//! Instrument ids: what a position is in, as one number that sorts by market.
//!
//! From the high end: market `u16`, kind `u8`, strike slot `u8`, expiry `u32` in minutes of unix time. What a kind does not
//! have is zero.

use novate_margin::chain::MAX_STRIKES;
use novate_margin::dated::Right;

use crate::error::NovateError;

/// Kind of the perpetual.
pub const PERPETUAL: u8 = 1;
/// Kind of dated futures.
pub const FUTURE: u8 = 2;
/// Kind of calls.
pub const CALL: u8 = 3;
/// Kind of puts.
pub const PUT: u8 = 4;

/// What an instrument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instrument {
    Perpetual,
    Future { minutes: u32 },
    Option { minutes: u32, slot: u8, right: Right },
}

/// Id of a market's perpetual.
pub const fn perpetual(market: u16) -> u64 {
    id(market, PERPETUAL, 0, 0)
}

/// Id of a market's dated future by the minute of its expiry.
pub const fn future(market: u16, minutes: u32) -> u64 {
    id(market, FUTURE, 0, minutes)
}

/// Id of an option of a market by the minute of its expiry and the slot of its strike.
pub const fn option(market: u16, minutes: u32, slot: u8, right: Right) -> u64 {
    let kind = match right {
        Right::Call => CALL,
        Right::Put => PUT,
    };
    id(market, kind, slot, minutes)
}

const fn id(market: u16, kind: u8, slot: u8, minutes: u32) -> u64 {
    ((market as u64) << 48) | ((kind as u64) << 40) | ((slot as u64) << 32) | minutes as u64
}

/// Market index of any instrument.
pub const fn market_of(instrument: u64) -> u16 {
    (instrument >> 48) as u16
}

/// Minute of expiry of any instrument, 0 of a perpetual.
#[expect(clippy::cast_possible_truncation, reason = "the low word")]
pub const fn minutes_of(instrument: u64) -> u32 {
    instrument as u32
}

/// The expiry of a dated instrument as one number, which sorts by market and time; `None` for a perpetual.
pub fn expiry_of(instrument: u64) -> Option<u64> {
    let minutes = minutes_of(instrument);
    (minutes != 0).then(|| expiry_id(market_of(instrument), minutes))
}

/// An expiry as one number, which sorts by market and time.
pub const fn expiry_id(market: u16, minutes: u32) -> u64 {
    ((market as u64) << 32) | minutes as u64
}

/// What an id stands for. An id with anything where its kind has nothing is none.
pub fn parse(instrument: u64) -> Result<Instrument, NovateError> {
    let [_, _, kind, slot, ..] = instrument.to_be_bytes();
    let minutes = minutes_of(instrument);
    let listed = usize::from(slot) < MAX_STRIKES;
    match kind {
        PERPETUAL if slot == 0 && minutes == 0 => Ok(Instrument::Perpetual),
        FUTURE if slot == 0 && minutes != 0 => Ok(Instrument::Future { minutes }),
        CALL if listed && minutes != 0 => Ok(Instrument::Option { minutes, slot, right: Right::Call }),
        PUT if listed && minutes != 0 => Ok(Instrument::Option { minutes, slot, right: Right::Put }),
        _ => Err(NovateError::UnknownInstrument),
    }
}
