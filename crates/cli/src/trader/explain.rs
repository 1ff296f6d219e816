//! `novate margin explain` of a portfolio on the cluster, and `novate margin what-if`.

use anyhow::{Context, Result};
use novate_client::state::Portfolio;
use novate_client::{Pubkey, Snapshot};
use novate_margin::{Book, Health, Usd};
use serde_json::{json, Value};

use super::legs::{self, Wanted};
use super::portfolio::{factor, margins_json, standing};
use super::session::{Look, Session};
use super::{Printed, Run};
use crate::amount::{decimal, figure, usd, CONTRACT, USD};
use crate::margin::explain::{parts, parts_json, places, underlyings, underlyings_json};
use crate::margin::tables::table;
use crate::symbol;

/// Say what the margin of a portfolio on the cluster is made of.
#[derive(Clone, Debug)]
pub struct Margin {
    pub address: Pubkey,
    pub look: Look,
}

/// Say what the margins of a portfolio would be after a trade. Nothing is sent.
#[derive(Clone, Debug, clap::Args)]
pub struct WhatIf {
    /// Address of the portfolio.
    address: Pubkey,
    /// What would be traded: SYMBOL:QUANTITY, at the mark, or SYMBOL:QUANTITY@PRICE; a minus sells.
    #[arg(required = true, value_name = "LEG")]
    legs: Vec<Wanted>,
    #[command(flatten)]
    look: Look,
}

/// A portfolio's margins with the book behind them.
fn judged(snapshot: &Snapshot, portfolio: &Portfolio, now: i64) -> Result<(Box<Book>, Health)> {
    snapshot.book(portfolio, now).context("it cannot be judged; `novate refresh` makes prices and option values young")
}

/// The same portfolio without one of its positions or balances.
fn without(portfolio: &Portfolio, part: Part) -> Box<Portfolio> {
    let mut rest = Box::new(*portfolio);
    match part {
        Part::Position(at) => {
            rest.positions[at..].rotate_left(1);
            rest.position_count -= 1;
        }
        Part::Balance(at) => {
            rest.balances[at..].rotate_left(1);
            rest.balance_count -= 1;
        }
    }
    rest
}

#[derive(Clone, Copy)]
enum Part {
    Position(usize),
    Balance(usize),
}

/// What a position or a balance adds to the requirement of the rest.
struct Added {
    name: String,
    amount: String,
    requirement: Usd,
}

fn added(session: &Session, portfolio: &Portfolio, whole: Usd) -> Result<Vec<Added>> {
    let (snapshot, now) = (&session.view.snapshot, session.view.now);
    let mut rows = vec![];
    for (at, balance) in portfolio.balances().iter().enumerate() {
        let Some(asset) = snapshot.assets.get(&balance.asset) else { continue };
        let rest = judged(snapshot, &without(portfolio, Part::Balance(at)), now)?.1.requirement;
        let tokens = asset.tokens(balance).unwrap_or_default();
        let name = session.symbol(asset);
        rows.push(Added { name, amount: decimal(tokens, asset.decimals), requirement: whole.sub(rest)? });
    }
    for (at, position) in portfolio.positions().iter().enumerate() {
        let rest = judged(snapshot, &without(portfolio, Part::Position(at)), now)?.1.requirement;
        let name = symbol::of(snapshot, position.instrument);
        rows.push(Added { name, amount: decimal(position.quantity, CONTRACT), requirement: whole.sub(rest)? });
    }
    Ok(rows)
}

impl Run for Margin {
    fn run(&self) -> Result<Printed> {
        let (session, held) = self.look.portfolio(self.address)?;
        let (snapshot, now) = (&session.view.snapshot, session.view.now);
        let (book, health) = judged(snapshot, &held.portfolio, now)?;
        let places = places(health.requirement);
        let named = |asset: u16| symbol::of_asset(snapshot, asset);
        let mut out = parts(&format!("portfolio {}", held.address), &health, places);
        out += "\n";
        out += &underlyings(book.underlyings().iter().map(|found| (named(found.asset), found)), places);
        let rows = added(&session, &held.portfolio, health.requirement)?;
        let shown = rows.iter().map(|row| vec![row.name.clone(), row.amount.clone(), usd(row.requirement.0)]);
        out += "\n";
        out +=
            &table("What each adds to the requirement of the rest, USD", &["", "held", "it adds"], 1, shown.collect());
        out += "\n";
        out += &standing(&health);
        let amount = |x: Usd| Value::from(decimal(x.0, USD));
        let found = book.underlyings().iter().map(|found| (named(found.asset), found));
        let own = json!({
            "portfolio": held.address.to_string(),
            "time": now,
            "margins": margins_json(&health),
            "by_underlying": underlyings_json(found),
            "adds": rows.iter().map(|row| json!({ "name": row.name, "held": row.amount, "requirement": amount(row.requirement) })).collect::<Value>(),
        });
        let mut json = parts_json(&health);
        json.extend(own.as_object().cloned().unwrap_or_default());
        Ok(Printed::new(out, json.into()))
    }

    fn json(&self) -> bool {
        self.look.json
    }
}

impl Run for WhatIf {
    fn run(&self) -> Result<Printed> {
        let (session, held) = self.look.portfolio(self.address)?;
        let (snapshot, now) = (&session.view.snapshot, session.view.now);
        let legs = legs::legs(&self.legs, snapshot, now, false)?;
        let (_, before) = judged(snapshot, &held.portfolio, now)?;
        let traded = legs::after(&held.portfolio, &legs, snapshot, now)?;
        let (_, after) = judged(snapshot, &traded, now)?;
        let words: Vec<_> = legs.iter().map(|leg| legs::words(snapshot, leg, true)).collect();
        let row = |name: &str, [from, to]: [Usd; 2]| {
            let change = i128::from(to.0) - i128::from(from.0);
            vec![name.into(), usd(from.0), usd(to.0), figure(change.div_euclid(10_000), 2, 2)]
        };
        let mut rows = vec![
            row("equity", [before.equity, after.equity]),
            row("initial margin", [before.initial, after.initial]),
            row("maintenance margin", [before.maintenance, after.maintenance]),
        ];
        rows.push(vec!["health".into(), factor(&before).0, factor(&after).0, String::new()]);
        let mut out =
            table(&format!("{} {}", held.address, words.join(", ")), &["USD", "before", "after", "change"], 1, rows);
        let missing = after.initial.0.saturating_sub(after.counted_equity.0);
        let accepted = missing <= 0;
        out += &match accepted {
            true => "after it initial margin is met\n".to_string(),
            false => format!(
                "after it {} USD are missing to initial margin: only what reduces risk would be let through\n",
                usd(missing)
            ),
        };
        let json = json!({
            "portfolio": held.address.to_string(),
            "legs": legs::json(snapshot, &legs, true),
            "before": margins_json(&before),
            "after": margins_json(&after),
            "meets_initial": accepted,
        });
        Ok(Printed::new(out, json))
    }

    fn json(&self) -> bool {
        self.look.json
    }
}
