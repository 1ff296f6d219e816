//! Names of what is traded: `BTC-PERP`, `BTC-25DEC26`, `BTC-25DEC26-100000-C`, in a pool.

use anyhow::{bail, Context, Result};
use novate_client::instrument;
use novate_client::state::{Asset, Expiry, Market};
use novate_client::{Right, Snapshot};

use crate::amount;
use crate::govern::text::symbol_of;

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The asset of a symbol.
pub fn asset<'s>(snapshot: &'s Snapshot, symbol: &str) -> Result<&'s Asset> {
    let found = snapshot.assets.values().find(|asset| symbol_of(&asset.symbol).eq_ignore_ascii_case(symbol));
    found.with_context(|| {
        let known: Vec<_> = snapshot.assets.values().map(|asset| symbol_of(&asset.symbol)).collect();
        format!("the pool has no asset {symbol}; there are {}", known.join(", "))
    })
}

/// Symbol of an asset by its index, and its number where there is none.
pub fn of_asset(snapshot: &Snapshot, index: u16) -> String {
    snapshot.assets.get(&index).map_or_else(|| format!("asset {index}"), |asset| symbol_of(&asset.symbol))
}

/// What instruments of a market are called after: its perpetual's symbol without `-PERP`.
fn root(market: &Market) -> String {
    let symbol = symbol_of(&market.symbol);
    symbol.strip_suffix("-PERP").unwrap_or(&symbol).to_string()
}

/// Instrument id of a symbol.
pub fn instrument(snapshot: &Snapshot, symbol: &str) -> Result<u64> {
    let symbol = symbol.to_ascii_uppercase();
    let market = snapshot.markets.values().find(|market| {
        let root = root(market).to_ascii_uppercase();
        symbol_of(&market.symbol).eq_ignore_ascii_case(&symbol)
            || symbol.strip_prefix(&root).is_some_and(|rest| rest.starts_with('-'))
    });
    let Some(market) = market else {
        let known: Vec<_> = snapshot.markets.values().map(|market| symbol_of(&market.symbol)).collect();
        bail!("the pool has no market {symbol}; there are {}", known.join(", "));
    };
    if symbol_of(&market.symbol).eq_ignore_ascii_case(&symbol) {
        return Ok(instrument::perpetual(market.index));
    }
    let rest = &symbol[root(market).len() + 1..];
    let parts: Vec<_> = rest.split('-').collect();
    let expiry = expiry(snapshot, market, parts.first().copied().unwrap_or_default())?;
    match parts[..] {
        [_] => Ok(instrument::future(market.index, expiry.minutes())),
        [_, strike, right @ ("C" | "P")] => {
            let price = amount::parse(strike, amount::PRICE)?;
            let slot = expiry.listed().iter().position(|slot| slot.strike.0 == price).with_context(|| {
                let mut strikes: Vec<_> = expiry.listed().iter().map(|s| s.strike.0).collect();
                strikes.sort_unstable();
                let strikes: Vec<_> = strikes.into_iter().map(|s| amount::decimal(s, amount::PRICE)).collect();
                format!("{symbol}: no such strike is listed; there are {}", strikes.join(", "))
            })?;
            let right = if right == "C" { Right::Call } else { Right::Put };
            Ok(instrument::option(market.index, expiry.minutes(), u8::try_from(slot)?, right))
        }
        _ => bail!("{symbol} is no instrument; write BTC-PERP, BTC-25DEC26 or BTC-25DEC26-100000-C"),
    }
}

fn expiry<'s>(snapshot: &'s Snapshot, market: &Market, day: &str) -> Result<&'s Expiry> {
    let of_market = || snapshot.expiries.values().filter(|expiry| expiry.market == market.index);
    let found = of_market().find(|expiry| date(expiry.time) == day);
    found.map(Box::as_ref).with_context(|| {
        let known: Vec<_> = of_market().map(|expiry| date(expiry.time)).collect();
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        format!("{} has no expiry {day}; there are {known}", root(market))
    })
}

/// A day as `25DEC26`.
pub fn date(time: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_second(time) else { return time.to_string() };
    let day = time.to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = MONTHS.get(usize::try_from(day.month() - 1).unwrap_or_default()).copied().unwrap_or_default();
    format!("{}{month}{:02}", day.day(), day.year().rem_euclid(100))
}

/// The symbol of an instrument, and its number where the pool has no name for it.
pub fn of(snapshot: &Snapshot, id: u64) -> String {
    novate_client::symbol::of(snapshot, id).unwrap_or_else(|| format!("instrument {id:#018x}"))
}
