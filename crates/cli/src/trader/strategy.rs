//! What an order or a request for quotes is of, as people write it: `BTC-PERP`, or `BTC-PERP ETH-PERP:-2`.

use std::fmt::{self, Display, Formatter};

use anyhow::{bail, ensure, Context, Result};
use novate_client::{instrument, symbol as symbols};

use super::session::Session;
use crate::symbol;

/// A leg of a strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ratio {
    symbol: String,
    ratio: i64,
}

impl std::str::FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (symbol, ratio) = text.split_once(':').unwrap_or((text, "1"));
        let ratio = ratio.parse().ok().filter(|ratio: &i64| *ratio != 0 && ratio.unsigned_abs() <= 1_000);
        match ratio {
            Some(ratio) if !symbol.is_empty() => Ok(Self { symbol: symbol.into(), ratio }),
            _ => Err(format!(
                "{text:?} is no leg; write SYMBOL or SYMBOL:RATIO, a whole number up to 1000, for instance ETH-PERP:-2"
            )),
        }
    }
}

impl Display for Ratio {
    fn fmt(&self, to: &mut Formatter) -> fmt::Result {
        write!(to, "{}:{}", self.symbol, self.ratio)
    }
}

/// Ratio, symbol and index of the market of each leg, as texts of orders name them, ascending by instrument.
pub type Named = Vec<(i64, String, u16)>;

/// Legs as texts name them, in the order that matchers ask for.
pub fn named(session: &Session, legs: &[Ratio]) -> Result<Named> {
    let snapshot = &session.view.snapshot;
    let name = |leg: &Ratio| {
        let id = symbol::instrument(snapshot, &leg.symbol)?;
        let name = symbols::of(snapshot, id).with_context(|| format!("{} cannot be named in an order", leg.symbol))?;
        Ok((id, (leg.ratio, name, instrument::market_of(id))))
    };
    let mut named: Vec<_> = legs.iter().map(name).collect::<Result<_>>()?;
    named.sort_by_key(|(id, _)| *id);
    if let Some(((_, (_, twice, _)), _)) = named.iter().zip(named.iter().skip(1)).find(|(one, next)| one.0 == next.0) {
        bail!("{twice} stands there twice: make one leg of it");
    }
    Ok(named.into_iter().map(|(_, leg)| leg).collect())
}

/// The same, where they have the one spelling that a matcher takes. The opposite of a strategy is another word for selling it.
pub fn canonical(session: &Session, legs: &[Ratio]) -> Result<Named> {
    let named = named(session, legs)?;
    let first = named.first().map_or(0, |(ratio, _, _)| *ratio);
    ensure!(first > 0, "a matcher knows this as its opposite: turn every sign, {}, buy where you would sell, and turn the sign of the limit", {
        let turned = named.iter().map(|(ratio, symbol, _)| format!("{symbol}:{}", -ratio));
        turned.collect::<Vec<_>>().join(" ")
    });
    let divisor = named.iter().fold(0, |divisor, (ratio, _, _)| gcd(divisor, ratio.unsigned_abs()));
    ensure!(
        divisor == 1,
        "all ratios are multiples of {divisor}: divide them and the limit by it, and multiply the quantity"
    );
    Ok(named)
}

/// In a text: `1 BTC-PERP#0, -2 ETH-PERP#1`.
pub fn text(named: &Named) -> String {
    named.iter().map(|(ratio, name, market)| format!("{ratio} {name}#{market}")).collect::<Vec<_>>().join(", ")
}

fn gcd(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        b => gcd(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_of_a_strategy() {
        let read = |text: &str| text.parse::<Ratio>();
        assert_eq!(read("BTC-PERP"), Ok(Ratio { symbol: "BTC-PERP".into(), ratio: 1 }));
        assert_eq!(read("ETH-PERP:-2"), Ok(Ratio { symbol: "ETH-PERP".into(), ratio: -2 }));
        assert_eq!(read("ETH-PERP:-2").map(|leg| leg.to_string()), Ok("ETH-PERP:-2".into()));
        for text in ["", ":1", "ETH-PERP:0", "ETH-PERP:1.5", "ETH-PERP:1001", "ETH-PERP:"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
