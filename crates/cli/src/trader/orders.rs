//! `novate orders`: signed orders, which others settle (CLR-52): made, sent to a matcher, settled without one, looked at, cancelled.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{bail, ensure, Context, Result};
use clap::ValueEnum;
use novate_client::instructions::{self as build, Holdings};
use novate_client::order::{Order, OrderFlags, OrderSide, NONCES_PER_SECOND, NONCE_AHEAD_SECONDS, STRATEGY_UNIT};
use novate_client::state::{Fill, Portfolio};
use novate_client::{instrument, Leg, OrderId, Pubkey};
use serde_json::{json, Value};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::desk::Desk;
use super::legs;
use super::session::{signed, Act, Held, Look, Reads, Session};
use super::sheet::{Sheet, Terms};
use super::strategy::{self, Named, Ratio};
use super::{Printed, Run};
use crate::amount::{decimal, parse, CONTRACT, PRICE};
use crate::govern::text::{self, length};
use crate::symbol;

/// Sign orders, send them to a matcher, settle, look at and cancel them.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Sign an order and print it: nothing is sent.
    Sign {
        #[command(flatten)]
        wanted: Wanted,
        /// Also write it to this file, for `orders settle`.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        act: Act,
    },
    /// Sign an order and send it to a matcher.
    Send {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        act: Act,
    },
    /// Say what became of an order that was sent to a matcher.
    Status {
        /// What `orders send` printed.
        id: String,
        #[command(flatten)]
        desk: Desk,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print a matcher's book.
    Book {
        /// Legs as SYMBOL, or SYMBOL:RATIO.
        #[arg(required = true, value_name = "LEG")]
        legs: Vec<Ratio>,
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        look: Look,
    },
    /// Settle two orders that cross, without a matcher: whoever has both may.
    Settle {
        /// Files of `orders sign --out`; the first was there first, its price holds.
        first: PathBuf,
        second: PathBuf,
        /// How much, in strategies; by default all that both have left.
        #[arg(long)]
        quantity: Option<String>,
        #[command(flatten)]
        look: Look,
        #[command(flatten)]
        by: crate::cluster::By,
    },
    /// Print what is filled or cancelled of a portfolio's orders that have not expired.
    List {
        /// The portfolio.
        address: Pubkey,
        #[command(flatten)]
        look: Look,
    },
    /// Cancel on chain: no matcher can fill them any more.
    Cancel {
        /// All that were signed until now.
        #[arg(long, required_unless_present = "order")]
        all: bool,
        /// One, by nonce and expiry as its text has them: 1764000000000000/1764003600.
        #[arg(long, value_name = "NONCE/UNIX-TIME", conflicts_with = "all", value_parser = named)]
        order: Vec<(u64, i64)>,
        #[command(flatten)]
        act: Act,
    },
}

/// An order to be signed.
#[derive(Clone, Debug, clap::Args)]
pub struct Wanted {
    #[arg(value_enum)]
    side: Side,
    /// In strategies; of one leg in contracts.
    quantity: String,
    /// SYMBOL, or SYMBOL:RATIO: contracts of it for each strategy, negative where it is sold when the strategy is bought.
    #[arg(required = true, value_name = "LEG")]
    pub(super) legs: Vec<Ratio>,
    /// USD for one strategy: the most that a buyer pays, the least that a seller receives.
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    limit: String,
    /// How long it is good, as 90s, 30m, 4h or 2d; 30 days at most.
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = length)]
    seconds: i64,
    /// Rest in the book, take nothing from it.
    #[arg(long, conflicts_with = "ioc")]
    post_only: bool,
    /// What is not filled at once is void.
    #[arg(long, conflicts_with = "fok")]
    ioc: bool,
    /// Fill it whole, or not at all.
    #[arg(long)]
    fok: bool,
    /// Only shrink positions.
    #[arg(long)]
    reduce_only: bool,
    /// Sign it as hardware wallets do, in Solana's off-chain message.
    #[arg(long)]
    offchain: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Side {
    Buy,
    Sell,
}

impl From<Side> for OrderSide {
    fn from(side: Side) -> Self {
        match side {
            Side::Buy => Self::Buy,
            Side::Sell => Self::Sell,
        }
    }
}

fn named(text: &str) -> Result<(u64, i64), String> {
    let parts = text.split_once('/').and_then(|(nonce, until)| Some((nonce.parse().ok()?, until.parse().ok()?)));
    parts.ok_or_else(|| format!("{text:?}: write NONCE/UNIX-TIME"))
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::Sign { wanted, out, act } => {
                let (session, held, key) = act.held()?;
                let sheet = wanted.sign(strategy::named(&session, &wanted.legs)?, &session, &held, &key)?;
                if let Some(path) = out {
                    std::fs::write(path, serde_json::to_string_pretty(&sheet)?)
                        .with_context(|| path.display().to_string())?;
                }
                let text = format!("{}\nsigned by {}: {}", sheet.text, sheet.signer, sheet.signature);
                Ok(Printed::new(text, serde_json::to_value(&sheet)?))
            }
            Self::Send { wanted, desk, act } => {
                let (session, held, key) = act.held()?;
                let sheet = wanted.sign(strategy::canonical(&session, &wanted.legs)?, &session, &held, &key)?;
                Ok(shown(desk.matcher()?.post("/orders", &sheet)?))
            }
            Self::Status { id, desk, .. } => Ok(shown(desk.matcher()?.get(&format!("/orders/{id}"))?)),
            Self::Book { legs, desk, look } => {
                let session = look.session()?;
                let strategy = strategy::text(&strategy::canonical(&session, legs)?);
                book(desk.matcher()?.get(&format!("/books/{}", encoded(&strategy)))?)
            }
            Self::Settle { first, second, quantity, look, by } => {
                settle([&Sheet::read(first)?, &Sheet::read(second)?], quantity.as_deref(), look, &by.key()?)
            }
            Self::List { address, look } => list(look.portfolio(*address)?.1),
            Self::Cancel { all, order, act } => cancel(*all, order, act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::Sign { act, .. } | Self::Send { act, .. } | Self::Cancel { act, .. } => act.look.json,
            Self::Book { look, .. } | Self::Settle { look, .. } | Self::List { look, .. } => look.json,
            Self::Status { json, .. } => *json,
        }
    }
}

impl Wanted {
    /// Signed, of these legs as texts name them.
    pub(super) fn sign(&self, legs: Named, session: &Session, held: &Held, key: &Keypair) -> Result<Sheet> {
        let terms = Terms {
            side: self.side.into(),
            quantity: quantity(&self.quantity)?,
            legs,
            limit: parse(&self.limit, PRICE)?,
            seconds: self.seconds,
            flags: OrderFlags {
                post_only: self.post_only,
                ioc: self.ioc,
                fok: self.fok,
                reduce_only: self.reduce_only,
            },
        };
        terms.sign(&session.view, held, key, self.offchain)
    }
}

/// Strategies, 1e-9.
pub(super) fn quantity(text: &str) -> Result<i64> {
    let quantity = parse(text, CONTRACT)?;
    ensure!(quantity > 0, "the quantity is above zero; to sell say sell");
    Ok(quantity)
}

fn settle(sheets: [&Sheet; 2], quantity: Option<&str>, look: &Look, key: &Keypair) -> Result<Printed> {
    let [first, second] = [sheets[0].order()?, sheets[1].order()?];
    ensure!(first.side != second.side, "both orders {}", if first.side == OrderSide::Buy { "buy" } else { "sell" });
    ensure!(first.legs == second.legs, "the orders are of different legs");
    let [leg] = first.legs.as_slice() else {
        bail!("only orders of one leg are settled by hand: give strategies to a matcher")
    };
    let (session, one) = look.portfolio(first.portfolio)?;
    let other =
        session.find(&second.portfolio)?.with_context(|| format!("there is no portfolio {}", second.portfolio))?;
    let left =
        |order: &Order, held: &Held| order.quantity.saturating_sub(filled(&held.portfolio, order.nonce, order.until));
    let most = left(&first, &one).min(left(&second, &other));
    let quantity = quantity.map_or(Ok(most), |quantity| parse(quantity, CONTRACT))?;
    ensure!(quantity > 0 && quantity <= most, "{} are left of both orders", decimal(most.max(0), CONTRACT));

    let id = symbol::instrument(&session.view.snapshot, leg.symbol)?;
    ensure!(instrument::market_of(id) == leg.market, "{} is of another market than {}", leg.symbol, leg.market);
    let sign = if first.side == OrderSide::Buy { leg.ratio } else { leg.ratio.saturating_neg() };
    ensure!(first.limit % leg.ratio == 0, "the limit is no whole price of {} contracts", leg.ratio);
    let traded = quantity.checked_mul(sign).context("that is too much")?;
    let legs = vec![Leg { instrument: id, quantity: traded, price: first.limit / leg.ratio }];
    let mut holdings = Holdings::of([&*one.portfolio, &*other.portfolio])
        .with_traded(id, legs::underlying(&session.view.snapshot, id)?);
    if matches!(instrument::parse(id), Ok(instrument::Instrument::Option { .. })) {
        holdings = holdings.with_cash_moved();
    }
    let portfolios = vec![&*one.portfolio, &*other.portfolio];
    let reads = Reads { holdings: holdings.clone(), portfolios, traded: vec![id], ..Reads::default() };
    let mut signatures = session.refresh(reads, novate_client::rpc::Options::default(), &[key])?.0;
    // One instruction stands before it: the limit of compute units.
    let sides = [sheets[0].side()?, sheets[1].side()?];
    let instructions = build::settle_orders(session.view.keys(), [&sides[0], &sides[1]], &holdings, legs, 1);
    let instructions = instructions.context("the orders are too long for a transaction")?;
    signatures.push(session.run(&instructions, key)?);
    let (text, signatures) = signed(&signatures);
    let quantity = decimal(quantity, CONTRACT);
    let price = decimal(first.limit, PRICE);
    let json = json!({ "quantity": quantity, "price": price, "signatures": signatures });
    Ok(Printed::new(format!("{quantity} settled at {price}\n{text}"), json))
}

/// Of an order, strategies in 1e-9.
fn filled(portfolio: &Portfolio, nonce: u64, until: i64) -> i64 {
    let found = portfolio.fills.iter().find(|fill| (fill.nonce, fill.expiry) == (nonce, until));
    found.map_or(0, |fill| fill.filled)
}

fn list(held: Held) -> Result<Printed> {
    let portfolio = &held.portfolio;
    let mut out = format!("orders with a nonce below {} are void\n", portfolio.minimum_nonce);
    let mut listed = vec![];
    for fill in portfolio.fills.iter().filter(|fill| fill.filled != 0 && fill.nonce >= portfolio.minimum_nonce) {
        let cancelled = fill.filled == Fill::CANCELLED;
        let what = if cancelled { "cancelled".into() } else { format!("{} filled", decimal(fill.filled, CONTRACT)) };
        writeln!(out, "{}/{} {what}, until {}", fill.nonce, fill.expiry, text::time(fill.expiry))?;
        listed.push(json!({
            "nonce": fill.nonce.to_string(),
            "until": fill.expiry,
            "cancelled": cancelled,
            "filled": if cancelled { Value::Null } else { decimal(fill.filled, CONTRACT).into() },
        }));
    }
    let json = json!({
        "portfolio": held.address.to_string(),
        "minimum_nonce": portfolio.minimum_nonce.to_string(),
        "orders": listed,
    });
    Ok(Printed::new(out, json))
}

/// Cancels on chain: all that were signed until now, or these.
pub(super) fn cancel(all: bool, orders: &[(u64, i64)], act: &Act) -> Result<Printed> {
    let (session, held, key) = act.held()?;
    // Those that are dated ahead too, as far as an order may be.
    let latest = session.view.now.saturating_add(NONCE_AHEAD_SECONDS).max(0).unsigned_abs();
    let minimum = if all { latest.saturating_mul(NONCES_PER_SECOND) } else { 0 };
    let orders: Vec<OrderId> = orders.iter().map(|(nonce, until)| OrderId { nonce: *nonce, until: *until }).collect();
    let count = orders.len();
    let instruction = build::cancel_orders(key.pubkey(), held.address, minimum, orders);
    let (text, signatures) = signed(&session.send(vec![instruction], Reads::default(), act.options(), &[&key])?);
    let said =
        if all { "all orders signed until now are void".into() } else { format!("{count} orders are cancelled") };
    Ok(Printed::new(
        format!("{said}\n{text}"),
        json!({ "portfolio": held.address.to_string(), "signatures": signatures }),
    ))
}

/// A path's part.
fn encoded(text: &str) -> String {
    text.replace('#', "%23").replace(' ', "%20")
}

/// An order as the matcher answers.
pub(super) fn shown(order: Value) -> Printed {
    let field = |name: &str| order[name].as_str().unwrap_or("-").to_string();
    let why = order["why"].as_str().map(|why| format!(" ({why})")).unwrap_or_default();
    let text = format!(
        "order {}\n{} {} {} at {}: {}{why}, {} filled, {} settled",
        field("id"),
        field("side"),
        field("quantity"),
        field("strategy"),
        field("limit"),
        field("status"),
        field("filled"),
        field("settled"),
    );
    Printed::new(text, order)
}

fn book(book: Value) -> Result<Printed> {
    let mut out = format!("{}\n", book["strategy"].as_str().unwrap_or_default());
    let levels = |name: &str| book[name].as_array().cloned().unwrap_or_default();
    let line = |level: &Value| {
        let at = |index: usize| level[index].as_str().unwrap_or_default().to_string();
        (at(0), at(1))
    };
    for level in levels("sells").iter().rev() {
        let (price, quantity) = line(level);
        writeln!(out, "sell {price:>16} {quantity:>16}")?;
    }
    for level in &levels("buys") {
        let (price, quantity) = line(level);
        writeln!(out, "buy  {price:>16} {quantity:>16}")?;
    }
    Ok(Printed::new(out, book))
}

const _: () = assert!(STRATEGY_UNIT == 1_000_000_000, "quantities of strategies are written as contracts are");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_on_chain_is_named_by_nonce_and_expiry() {
        assert_eq!(named("17/19"), Ok((17, 19)));
        for text in ["", "17", "17/", "/19", "-1/19", "17/19/2"] {
            assert!(named(text).is_err(), "{text}");
        }
    }
}
