//! Symbols of what is traded: `BTC-PERP`, `BTC-25DEC26`, `BTC-25DEC26-100000-C`. The program writes the symbol of the leg that is
//! traded from the accounts that are listed, and compares: it never looks one up.

use novate_margin::dated::Right;
use novate_margin::Price;

use super::calendar;
use super::writer::Writer;
use crate::instrument::Instrument;

/// Bytes that a market's symbol has room for.
const ROOM: usize = 16;
const PERPETUAL: &[u8] = b"-PERP";
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// Characters of a symbol at most: the root, a day, a strike of 10 and 9 digits, and what stands between them.
pub const MAX_SYMBOL: usize = (ROOM - PERPETUAL.len()) + "-25DEC26".len() + "-1234567890.123456789".len() + "-C".len();

/// What instruments of a market are called after: its symbol without zeros behind it and without `-PERP`. `None` where it does not end
/// so, or the rest is not of upper-case letters and digits.
pub fn root_of(symbol: &[u8; ROOM]) -> Option<&str> {
    let length = symbol.iter().position(|byte| *byte == 0).unwrap_or(ROOM);
    let (symbol, zeros) = symbol.split_at_checked(length)?;
    let root = symbol.strip_suffix(PERPETUAL).filter(|root| !root.is_empty())?;
    let plain = root.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let sound = plain && zeros.iter().all(|byte| *byte == 0);
    core::str::from_utf8(root).ok().filter(|_| sound)
}

/// A market can be called so.
pub fn is_perpetual_symbol(symbol: &[u8; ROOM]) -> bool {
    root_of(symbol).is_some()
}

/// The symbol of an instrument, from its market's root and, of an option, its strike.
pub fn render_symbol(root: &str, instrument: Instrument, strike: Price) -> String {
    let mut out = Writer::with_capacity(MAX_SYMBOL);
    out.text(root);
    match instrument {
        Instrument::Perpetual => out.text("-PERP"),
        Instrument::Future { minutes } => day(&mut out, minutes),
        Instrument::Option { minutes, right, .. } => {
            day(&mut out, minutes).text("-").decimal(strike.0).text(if right == Right::Call { "-C" } else { "-P" })
        }
    };
    out.finish()
}

/// `-25DEC26`, without a zero in front of the day.
fn day(out: &mut Writer, minutes: u32) -> &mut Writer {
    let (year, month, day) = calendar::date_of(u64::from(minutes) / 1_440);
    let month = usize::try_from(month.saturating_sub(1)).ok().and_then(|month| MONTHS.get(month));
    out.text("-").unsigned(day).text(month.copied().unwrap_or_default()).padded(year % 100, 2)
}
