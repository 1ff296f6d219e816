//! `novate quote`: requests for quotes at a matcher (docs/matcher.md). One asks for a strategy without saying on which side, makers
//! answer by signed orders that stand in no book, and who asked takes the best of them by a signed order.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use novate_client::order::{OrderFlags, OrderSide};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use solana_keypair::Keypair;

use super::desk::{Desk, Matcher};
use super::orders::{quantity, shown, Side, Wanted};
use super::session::{Act, Held, Session};
use super::sheet::{request, Terms};
use super::strategy::{canonical, Ratio};
use super::{Printed, Run};
use crate::amount::{parse, PRICE};
use crate::govern::text::{length, time};
use crate::margin::tables::table;

/// Seconds that a matcher keeps a request open at most.
const LONGEST: i64 = 300;
/// Seconds that the order of `quote ask --buy` and `--sell` is good: a matcher tries for a minute to settle it.
const GOOD: i64 = 120;

/// Ask makers for quotes and take the best of them, or answer those who ask.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Ask for quotes of a strategy, without saying on which side, and print what came, the best first.
    Ask {
        /// In strategies; of one leg in contracts.
        quantity: String,
        /// SYMBOL, or SYMBOL:RATIO: contracts of it for each strategy, negative where it is sold when the strategy is bought.
        #[arg(required = true, value_name = "LEG")]
        legs: Vec<Ratio>,
        /// Seconds until what came is printed.
        #[arg(long, value_name = "SECONDS", default_value_t = 10)]
        wait: u16,
        /// How long quotes may come and be taken, as 90s or 2m; 5 minutes at most.
        #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = length)]
        seconds: i64,
        /// Then buy at the best quote that is not above this: USD for one strategy.
        #[arg(long, value_name = "PRICE", allow_hyphen_values = true, conflicts_with = "sell")]
        buy: Option<String>,
        /// Then sell at the best quote that is not below this: USD for one strategy.
        #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
        sell: Option<String>,
        /// Write the request to this file, for `quote show` and `quote take`. Whoever has the file sees the quotes.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        act: Act,
    },
    /// Print the quotes that a request has now, the best first.
    Show {
        /// File of `quote ask --out`.
        request: PathBuf,
        #[command(flatten)]
        desk: Desk,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sign an order that takes the best quotes of a request. The first fill ends the request.
    Take {
        /// File of `quote ask --out`.
        request: PathBuf,
        #[arg(value_enum)]
        side: Side,
        /// USD for one strategy: the most that a buyer pays, the least that a seller receives.
        #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
        limit: String,
        /// In strategies; by default all that was asked for.
        #[arg(long)]
        quantity: Option<String>,
        /// Take all of it from one quote, or nothing.
        #[arg(long)]
        fok: bool,
        /// How long the order is good: until it is settled.
        #[arg(long = "for", value_name = "TIME", default_value = "2m", value_parser = length)]
        seconds: i64,
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        act: Act,
    },
    /// Print the requests that are open, for makers to answer.
    List {
        #[command(flatten)]
        desk: Desk,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Answer a request by a signed order, as `orders send` takes it. The matcher has it no longer than the request; on the chain it is
    /// good for as long as it says, by default 5 minutes, or until `orders cancel`.
    #[command(mut_arg("seconds", |seconds| seconds.default_value("5m")))]
    Answer {
        /// Of the request, as `quote list` prints it.
        id: String,
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        act: Act,
    },
}

/// A request as who asked keeps it. What is taken is signed by this, not by what a matcher says that it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    id: String,
    /// What shows its quotes.
    token: String,
    /// Who asked, and who alone takes.
    portfolio: String,
    /// As they were written.
    quantity: String,
    legs: Vec<String>,
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::Ask { quantity, legs, wait, seconds, buy, sell, out, desk, act } => {
                let take = match (buy, sell) {
                    (Some(limit), _) => Some((Side::Buy, limit.as_str())),
                    (None, Some(limit)) => Some((Side::Sell, limit.as_str())),
                    (None, None) => None,
                };
                let times = (i64::from(*wait), *seconds);
                ask((quantity, legs), times, out.as_deref(), take, (&desk.matcher()?, act))
            }
            Self::Show { request, desk, .. } => {
                let found = Asked::read(request)?.quotes(&desk.matcher()?)?;
                Ok(Printed::new(quotes(&found), found))
            }
            Self::Take { request, side, limit, quantity, fok, seconds, desk, act } => {
                let asked = Asked::read(request)?;
                let quantity = quantity.as_deref().unwrap_or(&asked.quantity);
                let flags = OrderFlags { ioc: !fok, fok: *fok, ..OrderFlags::default() };
                let (session, held, key) = act.held()?;
                let taken =
                    asked.take((*side, quantity, limit), (flags, *seconds), &desk.matcher()?, (&session, &held, &key));
                Ok(shown(taken?))
            }
            Self::List { desk, .. } => Ok(list(desk.matcher()?.get("/rfq")?)),
            Self::Answer { id, wanted, desk, act } => {
                let (session, held, key) = act.held()?;
                let mut sheet = wanted.sign(canonical(&session, &wanted.legs)?, &session, &held, &key)?;
                sheet.request = Some(id.clone());
                Ok(shown(desk.matcher()?.post("/orders", &sheet)?))
            }
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::Ask { act, .. } | Self::Take { act, .. } | Self::Answer { act, .. } => act.look.json,
            Self::Show { json, .. } | Self::List { json, .. } => *json,
        }
    }
}

/// Asks, waits, prints, and takes where that is wanted.
fn ask(
    (quantity, legs): (&str, &[Ratio]),
    (wait, seconds): (i64, i64),
    out: Option<&Path>,
    take: Option<(Side, &str)>,
    (matcher, act): (&Matcher, &Act),
) -> Result<Printed> {
    ensure!(seconds <= LONGEST, "a request is open for 5 minutes at most: `--for 5m`");
    ensure!(wait < seconds, "the request ends before {wait} s have passed: wait shorter, or ask for longer with --for");
    if let Some((_, limit)) = take {
        parse(limit, PRICE)?;
    }
    let (session, held, key) = act.held()?;
    let named = canonical(&session, legs)?;
    let units = super::orders::quantity(quantity)?;
    // Before anything is sent, and for nobody else to read.
    let mut file = match out {
        Some(path) => {
            let mut options = File::options();
            let file = options.write(true).create(true).truncate(false).mode(0o600).open(path);
            let name = path.display().to_string();
            Some((file.with_context(|| format!("cannot write {name}"))?, name))
        }
        None => None,
    };
    let answer = matcher.post("/rfq", &request(&session.view, (units, &named), seconds, (&held, &key))?)?;
    let field = |name: &str| {
        let text = answer[name].as_str();
        text.map(String::from).with_context(|| format!("the matcher's answer has no {name}: {answer}"))
    };
    let asked = Asked {
        id: field("id")?,
        token: field("token")?,
        portfolio: held.address.to_string(),
        quantity: quantity.into(),
        legs: legs.iter().map(ToString::to_string).collect(),
    };
    if let Some((file, name)) = &mut file {
        file.set_len(0)
            .and_then(|()| serde_json::to_writer_pretty(file, &asked).map_err(Into::into))
            .context(name.clone())?;
    }
    sleep(Duration::from_secs(wait.unsigned_abs()));
    let mut found = asked.quotes(matcher)?;
    let mut text = quotes(&found);
    let mut order = Value::Null;
    match take {
        Some((side, limit)) if reaches(&found, side, parse(limit, PRICE)?) => {
            let take = || {
                // Prices and the clock are others than before the wait.
                let (session, held, key) = act.held()?;
                let flags = OrderFlags { ioc: true, ..OrderFlags::default() };
                let wanted = (side, asked.quantity.as_str(), limit);
                asked.take(wanted, (flags, GOOD), matcher, (&session, &held, &key))
            };
            let taken = shown(take().with_context(|| format!("{text}\nnone of it was taken"))?);
            text = format!("{text}\n{}", taken.text);
            order = taken.json;
        }
        Some(_) => text = format!("{text}\nno quote is at the limit or better: nothing was signed"),
        None => {}
    }
    if let Some(found) = found.as_object_mut() {
        found.insert("token".into(), asked.token.into());
        found.insert("order".into(), order);
    }
    Ok(Printed::new(text, found))
}

impl Asked {
    fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        serde_json::from_str(&text).with_context(|| format!("{name} is no request of `novate quote ask --out`"))
    }

    /// What came so far, as the matcher answers.
    fn quotes(&self, matcher: &Matcher) -> Result<Value> {
        matcher.get_as(&format!("/rfq/{}", self.id), &self.token).map_err(|error| {
            match error.to_string().ends_with("[NoRequest]") {
                true => error.context("the request is over, or of another matcher: ask anew"),
                false => error,
            }
        })
    }

    /// Signs an order for what was asked for, and has it take quotes. The order.
    fn take(
        &self,
        (side, wanted, limit): (Side, &str, &str),
        (flags, seconds): (OrderFlags, i64),
        matcher: &Matcher,
        (session, held, key): (&Session, &Held, &Keypair),
    ) -> Result<Value> {
        let who = held.address.to_string();
        ensure!(who == self.portfolio, "{} asked, and this is {who}: take with its key and --sub", self.portfolio);
        let legs: Result<Vec<Ratio>, String> = self.legs.iter().map(|leg| leg.parse()).collect();
        let legs = canonical(session, &legs.map_err(anyhow::Error::msg)?)?;
        let (side, limit) = (OrderSide::from(side), parse(limit, PRICE)?);
        let terms = Terms { side, quantity: quantity(wanted)?, legs, limit, seconds, flags };
        let mut sheet = terms.sign(&session.view, held, key, false)?;
        sheet.request = Some(self.id.clone());
        matcher.post("/orders", &sheet)
    }
}

/// Whether the best quote of makers of the other side is at a limit or better.
fn reaches(found: &Value, side: Side, limit: i64) -> bool {
    let best = |name: &str| found[name][0]["price"].as_str().and_then(|price| parse(price, PRICE).ok());
    match side {
        Side::Buy => best("sells").is_some_and(|price| price <= limit),
        Side::Sell => best("buys").is_some_and(|price| price >= limit),
    }
}

fn list(found: Value) -> Printed {
    let requests = found["requests"].as_array().cloned().unwrap_or_default();
    let row = |request: &Value| {
        let field = |name: &str| request[name].as_str().unwrap_or_default().to_string();
        vec![field("id"), field("strategy"), field("quantity"), time(request["until"].as_i64().unwrap_or_default())]
    };
    let text = match requests.as_slice() {
        [] => "nobody asks for quotes".into(),
        _ => {
            table("Requests for quotes", &["id", "of", "quantity", "open until"], 2, requests.iter().map(row).collect())
        }
    };
    Printed::new(text, found)
}

/// Quotes as who asked sees them: a maker's sale is where he buys.
fn quotes(found: &Value) -> String {
    let field = |name: &str| found[name].as_str().unwrap_or_default();
    let until = found["until"].as_i64().unwrap_or_default();
    let rows = |name: &str, verb: &str| {
        let quotes = found[name].as_array().cloned().unwrap_or_default();
        let row = |quote: &Value| {
            let field = |name: &str| quote[name].as_str().unwrap_or_default().to_string();
            let good = time(quote["until"].as_i64().unwrap_or_default().min(until));
            let size = if quote["whole"] == json!(true) { "whole or not at all" } else { "or less" };
            vec![verb.to_string(), size.into(), field("price"), field("quantity"), good, field("portfolio")]
        };
        quotes.iter().map(row).collect::<Vec<_>>()
    };
    let rows = [rows("sells", "buy"), rows("buys", "sell")].concat();
    let title = format!(
        "request {} for {} of {}, open until {}",
        field("id"),
        field("quantity"),
        field("strategy"),
        time(until)
    );
    if rows.is_empty() {
        return format!("{title}\nnobody has answered");
    }
    table(&title, &["you", "", "at, USD for one", "up to", "until", "maker"], 2, rows)
}
