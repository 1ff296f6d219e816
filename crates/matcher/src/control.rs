//! Texts that a portfolio's owner or delegate signs for the matcher alone: to cancel, to ask for quotes, to see its own orders. The
//! program knows none of them. The time, microseconds of unix time, keeps them from being used again: it has to be near the
//! clock, and of cancels and requests it has to rise.
//!
//! ```text
//! Novate cancel: localnet portfolio 9xQe…VFin generation 1; nonce 1764000000000000; time 1764000001000000
//! Novate cancel: localnet portfolio 9xQe…VFin generation 1; all; time 1764000001000000
//! Novate request: localnet portfolio 9xQe…VFin generation 1; 2 x 1 BTC-PERP#0, -1 ETH-PERP#1; seconds 30; time 1764000001000000
//! Novate login: localnet portfolio 9xQe…VFin generation 1; time 1764000001000000
//! ```

use novate_client::order::{Cluster, Order};
use novate_client::Pubkey;

use crate::engine::Which;
use crate::refusal::Refusal;

/// Seconds that a time may be from the clock, either way.
pub const WINDOW: i64 = 60;
/// Seconds that a request for quotes may be open, at least and at most.
pub const REQUEST_SECONDS: std::ops::RangeInclusive<i64> = 1..=300;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Cancel(Which),
    /// Quantity and legs as an order has them, and for how long.
    Request {
        strategy: String,
        seconds: i64,
    },
    Login,
}

/// A text, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub cluster: Cluster,
    pub portfolio: Pubkey,
    pub generation: u64,
    pub wish: Wish,
    /// Microseconds of unix time.
    pub time: u64,
}

impl Control {
    /// Reads a text. Only what [`Control::render`] writes is one.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let read = read(text).ok_or(Refusal::BadText)?;
        match read.render() == text {
            true => Ok(read),
            false => Err(Refusal::BadText),
        }
    }

    pub fn render(&self) -> String {
        let (verb, wish) = match &self.wish {
            Wish::Cancel(Which::Nonce(nonce)) => ("cancel", format!("; nonce {nonce}")),
            Wish::Cancel(Which::All) => ("cancel", "; all".into()),
            Wish::Request { strategy, seconds } => ("request", format!("; {strategy}; seconds {seconds}")),
            Wish::Login => ("login", String::new()),
        };
        let Self { portfolio, generation, time, .. } = self;
        let cluster = self.cluster.name();
        format!("Novate {verb}: {cluster} portfolio {portfolio} generation {generation}{wish}; time {time}")
    }
}

fn read(text: &str) -> Option<Control> {
    let (verb, rest) = text.strip_prefix("Novate ")?.split_once(": ")?;
    let mut parts = rest.split("; ");
    let (cluster, of) = parts.next()?.split_once(" portfolio ")?;
    let cluster = Cluster::ALL.into_iter().find(|known| known.name() == cluster)?;
    let (portfolio, generation) = of.split_once(" generation ")?;
    let wish = match verb {
        "login" => Wish::Login,
        "cancel" => match parts.next()? {
            "all" => Wish::Cancel(Which::All),
            nonce => Wish::Cancel(Which::Nonce(nonce.strip_prefix("nonce ")?.parse().ok()?)),
        },
        "request" => {
            let strategy = parts.next()?.to_string();
            Wish::Request { strategy, seconds: parts.next()?.strip_prefix("seconds ")?.parse().ok()? }
        }
        _ => return None,
    };
    let time = parts.next()?.strip_prefix("time ")?.parse().ok()?;
    let (portfolio, generation) = (portfolio.parse().ok()?, generation.parse().ok()?);
    parts.next().is_none().then_some(Control { cluster, portfolio, generation, wish, time })
}

/// Ratio, symbol and market of each leg.
pub type NamedLegs = Vec<(i64, String, u16)>;

/// Quantity in 1e-9 and legs of `2 x 1 BTC-PERP#0, -1 ETH-PERP#1`, read as the program reads those of an order.
pub fn read_strategy(text: &str) -> Result<(i64, NamedLegs), Refusal> {
    let order = format!(
        "Novate order: localnet portfolio {} generation 1; buy {text}; limit 0; until 2026-01-01 08:00:00 UTC; nonce 1",
        Pubkey::default()
    );
    // One that goes on as an order does would be read as another.
    let order = Order::parse(order.as_bytes()).ok().filter(|_| !text.contains(';')).ok_or(Refusal::BadText)?;
    let legs = order.legs.iter().map(|leg| (leg.ratio, leg.symbol.to_string(), leg.market));
    Ok((order.quantity, legs.collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn control(wish: Wish) -> Control {
        let portfolio = Pubkey::new_from_array([7; 32]);
        Control { cluster: Cluster::Devnet, portfolio, generation: 3, wish, time: 1_764_000_000_000_000 }
    }

    #[test]
    fn what_is_written_is_read() {
        let strategy = "2 x 1 BTC-PERP#0, -1 ETH-PERP#1".to_string();
        for wish in [
            Wish::Cancel(Which::All),
            Wish::Cancel(Which::Nonce(5)),
            Wish::Request { strategy, seconds: 30 },
            Wish::Login,
        ] {
            let control = control(wish);
            assert_eq!(Control::parse(&control.render()), Ok(control));
        }
    }

    #[test]
    fn there_is_one_spelling() {
        let text = control(Wish::Cancel(Which::Nonce(5))).render();
        for other in [
            text.replace("nonce 5", "nonce 05"),
            text.replace("nonce 5", "nonce +5"),
            text.replace("; ", ";  "),
            text.replace("devnet", "Devnet"),
            format!("{text} "),
            format!("{text}; all"),
            text.replace("cancel", "login"),
            text.replace("Novate", "novate"),
            String::new(),
        ] {
            assert_eq!(Control::parse(&other), Err(Refusal::BadText), "{other}");
        }
    }

    #[test]
    fn a_strategy_is_read_as_in_an_order() {
        let (quantity, legs) = read_strategy("0.5 x 1 BTC-PERP#0, -2 ETH-PERP#1").unwrap();
        assert_eq!((quantity, legs.len()), (500_000_000, 2));
        assert_eq!(legs[1], (-2, "ETH-PERP".into(), 1));
        for bad in
            ["", "1 x", "0 x 1 BTC-PERP#0", "01 x 1 BTC-PERP#0", "1 x 1 BTC-PERP#0; limit 5; ", "1 x 0 BTC-PERP#0"]
        {
            assert_eq!(read_strategy(bad), Err(Refusal::BadText), "{bad}");
        }
    }
}
