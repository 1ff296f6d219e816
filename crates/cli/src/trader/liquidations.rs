//! `novate liquidations`.

use anyhow::{ensure, Context, Result};
use novate_client::instructions::{self as build, Holdings};
use novate_client::rpc::Age;
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Terms};
use novate_margin::auction;
use novate_margin::{Health, Seconds};
use serde_json::{json, Value};

use super::portfolio::{factor, margins_json};
use super::session::{signed, Act, Held, Look, Reads, Session};
use super::{Printed, Run};
use crate::amount::{decimal, figure, parse, usd, CONTRACT, USD};
use crate::margin::tables::table;

/// Portfolios below maintenance margin: find them, start their auction, bid.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// List portfolios of a pool that an auction could be started for, or is running for.
    List {
        #[command(flatten)]
        look: Look,
    },
    /// Start the auction of a portfolio; anyone may.
    Start {
        /// Its address.
        address: Pubkey,
        #[command(flatten)]
        act: Act,
    },
    /// Take a part of a portfolio in an auction over, into the key's own.
    Bid {
        /// Its address.
        address: Pubkey,
        /// Most of it that is taken, from 0 to 1.
        #[arg(long, default_value = "1")]
        fraction: String,
        /// Most that is paid, in settlement tokens. Of an insolvent portfolio, whose taker is paid: minus the least that is accepted, at most 0.
        #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
        limit: String,
        #[command(flatten)]
        act: Act,
    },
    /// End the auction of a portfolio that is back at maintenance margin; anyone may.
    End {
        /// Its address.
        address: Pubkey,
        #[command(flatten)]
        act: Act,
    },
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::List { look } => list(&look.session()?),
            Self::Start { address, act } => start(*address, act),
            Self::Bid { address, fraction, limit, act } => bid(*address, fraction, limit, act),
            Self::End { address, act } => end(*address, act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::List { look } => look.json,
            Self::Start { act, .. } | Self::Bid { act, .. } | Self::End { act, .. } => act.look.json,
        }
    }
}

/// How a portfolio stands in or before its auction.
struct Candidate {
    address: Pubkey,
    portfolio: Box<Portfolio>,
    health: Health,
    /// What of the equity a taker keeps now, 1e-9; of an insolvent one the premium over its margin.
    terms: i64,
}

impl Candidate {
    fn row(&self, now: i64) -> Vec<String> {
        let since = match self.portfolio.auction_start {
            0 => "not started".into(),
            start => format!("{} s", figure(now - start, 0, 0)),
        };
        let kind = if self.portfolio.auction_insolvent != 0 { "premium" } else { "discount" };
        let percent = decimal(self.terms / 100_000, 2);
        let mut row = vec![self.address.to_string(), since];
        row.push(if self.portfolio.in_auction() { format!("{kind} {percent} %") } else { String::new() });
        row.extend([usd(self.health.equity.0), usd(self.health.maintenance.0), factor(&self.health).0]);
        row
    }

    fn json(&self) -> Value {
        json!({
            "portfolio": self.address.to_string(),
            "owner": self.portfolio.owner.to_string(),
            "in_auction": self.portfolio.in_auction(),
            "insolvent": self.portfolio.auction_insolvent != 0,
            "auction_start": self.portfolio.auction_start,
            "terms": decimal(self.terms, CONTRACT),
            "margins": margins_json(&self.health),
        })
    }
}

fn list(session: &Session) -> Result<Printed> {
    let (view, snapshot) = (&session.view, &session.view.snapshot);
    let portfolios = session.cluster.wait(session.cluster.rpc.portfolios(&view.address))?;
    let (mut found, mut unknown) = (vec![], 0usize);
    let count = portfolios.len();
    for (address, portfolio) in portfolios {
        if !portfolio.owes() {
            continue;
        }
        // A question about prices that nobody refreshes has an answer as well.
        let Ok((_, health)) = snapshot.judge(&portfolio, Terms { now: view.now, prices: Prices::Last }) else {
            unknown += 1;
            continue;
        };
        if !portfolio.in_auction() && !novate_margin::is_liquidatable(&health) {
            continue;
        }
        let elapsed = Seconds(view.now - portfolio.auction_start);
        let terms =
            if portfolio.auction_insolvent != 0 { auction::premium(elapsed) } else { auction::discount(elapsed) };
        found.push(Candidate { address, portfolio, health, terms: terms.0 });
    }
    found.sort_by_key(|candidate| (candidate.portfolio.auction_start, candidate.address));
    let header = ["portfolio", "auction", "terms", "equity, USD", "maintenance", "health"];
    let title = format!("Below maintenance margin or in an auction, of {count} portfolios");
    let mut out = table(&title, &header, 3, found.iter().map(|candidate| candidate.row(view.now)).collect());
    if unknown > 0 {
        out += &format!(
            "{unknown} cannot be judged: their option values are too old; `novate refresh` makes them young\n"
        );
    }
    let listed: Value = found.iter().map(Candidate::json).collect();
    Ok(Printed::new(out, json!({ "portfolios": count, "unknown": unknown, "listed": listed })))
}

fn there(session: &Session, address: &Pubkey) -> Result<Held> {
    session.find(address)?.with_context(|| format!("there is no portfolio {address}"))
}

fn reads(held: &Held, age: Age) -> Reads<'_> {
    Reads { holdings: Holdings::of([&*held.portfolio]), portfolios: vec![&held.portfolio], age, ..Reads::default() }
}

fn start(address: Pubkey, act: &Act) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    let held = there(&session, &address)?;
    let reads = reads(&held, Age::Sampled);
    let start = build::start_auction(session.view.keys(), address, &reads.holdings);
    let sent = session.send(vec![start], reads, act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "portfolio": address.to_string(), "signatures": signatures });
    Ok(Printed::new(format!("the auction of {address} has begun\n{line}"), json))
}

fn bid(address: Pubkey, fraction: &str, limit: &str, act: &Act) -> Result<Printed> {
    let fraction = parse(fraction, CONTRACT).context("--fraction")?;
    ensure!((1..=1_000_000_000).contains(&fraction), "--fraction is above 0 and at most 1");
    let limit = parse(limit, USD).context("--limit")?;
    let (session, taker, key) = act.held()?;
    let held = there(&session, &address)?;
    ensure!(held.portfolio.in_auction(), "{address} is in no auction; `novate liquidations start` starts one");
    let holdings = Holdings::of([&*held.portfolio, &taker.portfolio]);
    let side = taker.side(&key);
    let bid = build::liquidate(session.view.keys(), address, side, &holdings, fraction, limit);
    let portfolios: Vec<&Portfolio> = vec![&held.portfolio, &taker.portfolio];
    let reads = Reads { holdings, portfolios, age: Age::Fresh, ..Reads::default() };
    let sent = session.send(vec![bid], reads, act.options(), &[&key])?;
    let before = session.settlement()?;
    let symbol = session.symbol(before);
    let after = there(&session, &taker.address)?.portfolio;
    let paid = taker.portfolio.cash.saturating_sub(after.cash);
    let (line, signatures) = signed(&sent);
    let json = json!({
        "portfolio": address.to_string(),
        "taker": taker.address.to_string(),
        "cash_paid": decimal(paid, USD),
        "signatures": signatures,
    });
    let words = format!(
        "took part of {address} over; cash went down by {} {symbol}, its cash in it counted\n{line}",
        figure(paid, USD, 2)
    );
    Ok(Printed::new(words, json))
}

fn end(address: Pubkey, act: &Act) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    let held = there(&session, &address)?;
    ensure!(held.portfolio.in_auction(), "{address} is in no auction");
    let reads = reads(&held, Age::Fresh);
    let end = build::end_auction(session.view.keys(), address, &reads.holdings);
    let sent = session.send(vec![end], reads, act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "portfolio": address.to_string(), "signatures": signatures });
    Ok(Printed::new(format!("the auction of {address} has ended\n{line}"), json))
}
