//! `novate portfolio`, and `novate health`.

use std::fmt::Write;

use anyhow::{ensure, Result};
use novate_client::state::{Portfolio, Position};
use novate_client::{addresses, instructions as build, Pubkey};
use novate_margin::{health_factor, is_liquidatable, Health as Margins};
use serde_json::{json, Value};
use solana_signer::Signer;

use super::session::{signed, Act, Held, Look, Reads, Session};
use super::{Printed, Run};
use crate::amount::{decimal, figure, usd, CONTRACT, RATIO, USD};
use crate::govern::text;
use crate::margin::tables::table;
use crate::symbol;

/// Portfolios of an owner.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Open a portfolio; says first what rent it takes.
    Open {
        #[command(flatten)]
        act: Act,
        /// Only say what rent it takes.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what a portfolio holds, and its margins.
    Show {
        /// Its address.
        address: Pubkey,
        #[command(flatten)]
        look: Look,
    },
    /// List the portfolios of an owner in all pools, or only those of --pool.
    List {
        /// The owner.
        owner: Pubkey,
        #[command(flatten)]
        look: Look,
    },
    /// Close an empty portfolio; its rent comes back, but for that of a marker that stays.
    Close {
        #[command(flatten)]
        act: Act,
    },
}

/// Say equity, margins and health of a portfolio as of now.
#[derive(Clone, Debug, clap::Args)]
pub struct Health {
    /// Its address.
    address: Pubkey,
    /// Ask the chain too, by simulation: both have to say the same.
    #[arg(long)]
    chain: bool,
    #[command(flatten)]
    look: Look,
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::Open { act, dry_run } => open(act, *dry_run),
            Self::Show { address, look } => {
                let (session, held) = look.portfolio(*address)?;
                show(&session, &held)
            }
            Self::List { owner, look } => list(owner, look),
            Self::Close { act } => close(act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::Open { act, .. } | Self::Close { act } => act.look.json,
            Self::Show { look, .. } | Self::List { look, .. } => look.json,
        }
    }
}

fn open(act: &Act, dry_run: bool) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    let pool = session.view.address;
    let address = addresses::portfolio(&pool, &key.pubkey(), act.sub);
    ensure!(session.find(&address)?.is_none(), "portfolio {address} is open already");
    let (rpc, owner) = (&session.cluster.rpc, key.pubkey());
    let there = session.cluster.wait(rpc.lamports(&address))?;
    let rent = session.cluster.wait(rpc.rent(Portfolio::SPACE))?.saturating_sub(there);
    let has = session.cluster.wait(rpc.lamports(&owner))?;
    let sol = |lamports: u64| decimal(lamports, 9);
    ensure!(has > rent, "the rent is {} SOL, {owner} has {}: send some there first", sol(rent), sol(has));
    let mut json = json!({
        "portfolio": address.to_string(),
        "pool": pool.to_string(),
        "sub_account": act.sub,
        "rent_lamports": rent.to_string(),
    });
    if dry_run {
        return Ok(Printed::new(format!("portfolio {address} would take {} SOL of rent", sol(rent)), json));
    }
    // Before anything is paid.
    eprintln!("rent {} SOL of {}", sol(rent), sol(has));
    let open = build::open_portfolio(owner, pool, act.sub);
    let sent = session.send(vec![open], Reads::default(), act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    json["signatures"] = signatures;
    Ok(Printed::new(format!("portfolio {address}, rent {} SOL\n{line}", sol(rent)), json))
}

fn close(act: &Act) -> Result<Printed> {
    let (session, held, key) = act.held()?;
    ensure!(held.portfolio.owner == key.pubkey(), "only its owner, {}, closes it", held.portfolio.owner);
    let settled = "withdraw all, close its positions and settle them first; `novate portfolio show` has what it holds";
    ensure!(held.portfolio.is_empty(), "portfolio {} still holds something: {settled}", held.address);
    let close = build::close_portfolio(key.pubkey(), session.view.address, held.portfolio.sub_account);
    let sent = session.send(vec![close], Reads::default(), act.options(), &[&key])?;
    let (line, signatures) = signed(&sent);
    let json = json!({ "portfolio": held.address.to_string(), "signatures": signatures });
    Ok(Printed::new(format!("portfolio {} is closed\n{line}", held.address), json))
}

fn list(owner: &Pubkey, look: &Look) -> Result<Printed> {
    let cluster = look.at.cluster()?;
    let found = cluster.wait(cluster.rpc.portfolios_of(owner))?;
    let found: Vec<_> = found.into_iter().filter(|(_, p)| look.pool.is_none_or(|pool| pool == p.pool)).collect();
    let rows = found.iter().map(|(key, p)| {
        let counts = [p.sub_account.to_string(), p.balance_count.to_string(), p.position_count.to_string()];
        [key.to_string(), p.pool.to_string()].into_iter().chain(counts).chain([figure(p.cash, USD, 2)]).collect()
    });
    let text = table("Portfolios", &["portfolio", "pool", "sub", "balances", "positions", "cash"], 2, rows.collect());
    let json = found.iter().map(|(key, p)| {
        json!({
            "portfolio": key.to_string(),
            "pool": p.pool.to_string(),
            "sub_account": p.sub_account,
            "cash": decimal(p.cash, USD),
            "balances": p.balance_count,
            "positions": p.position_count,
        })
    });
    let none = format!("{owner} has no portfolio here; `novate portfolio open` opens one");
    Ok(Printed::new(if found.is_empty() { none } else { text }, json.collect()))
}

/// What a position would gain if it were closed at its mark; none where there is no mark.
fn unsettled(session: &Session, position: &Position) -> Option<i64> {
    let snapshot = &session.view.snapshot;
    let mark = super::legs::mark(snapshot, position.instrument, session.view.now)?;
    let value = i128::from(position.quantity) * i128::from(mark) / 1_000_000_000_000;
    i64::try_from(value - i128::from(position.cost)).ok()
}

/// Margins as of now, and as JSON.
pub(super) fn margins(session: &Session, portfolio: &Portfolio) -> Result<(Margins, Value)> {
    let health = session.view.snapshot.health(portfolio, session.view.now);
    let health =
        health.map_err(|error| anyhow::anyhow!("{error}; `novate refresh` makes prices and option values young"))?;
    Ok((health, margins_json(&health)))
}

pub(super) fn margins_json(health: &Margins) -> Value {
    json!({
        "equity": decimal(health.equity.0, USD),
        "initial": decimal(health.initial.0, USD),
        "maintenance": decimal(health.maintenance.0, USD),
        "requirement": decimal(health.requirement.0, USD),
        "counted_equity": decimal(health.counted_equity.0, USD),
        "settled_equity": decimal(health.settled_equity.0, USD),
        "health": factor(health).1,
        "liquidatable": is_liquidatable(health),
    })
}

/// Equity over maintenance margin, for people and as JSON: none where no margin is asked for.
pub(super) fn factor(health: &Margins) -> (String, Value) {
    match health_factor(health).0 {
        i64::MAX | i64::MIN => ("-".into(), Value::Null),
        ratio => (figure(i128::from(ratio).div_euclid(10_000), 2, 2), decimal(ratio, RATIO).into()),
    }
}

/// Two lines of margins.
pub(super) fn standing(health: &Margins) -> String {
    let words = match (is_liquidatable(health), health.meets_initial()) {
        (true, _) => "liquidatable",
        (_, false) => "below initial margin: risk can only be reduced",
        _ => "meets initial margin",
    };
    let [equity, initial, maintenance] = [health.equity, health.initial, health.maintenance].map(|x| usd(x.0));
    format!(
        "equity {equity} USD, initial margin {initial}, maintenance margin {maintenance}\nhealth {}, {words}\n",
        factor(health).0
    )
}

fn show(session: &Session, held: &Held) -> Result<Printed> {
    let (snapshot, portfolio) = (&session.view.snapshot, &held.portfolio);
    let mut out = format!("portfolio {} of {}, pool {}\n", held.address, portfolio.owner, portfolio.pool);
    if portfolio.delegate != Pubkey::default() {
        writeln!(out, "delegate {} until {}", portfolio.delegate, text::time(portfolio.delegate_expiry))?;
    }
    if portfolio.in_auction() {
        let kind = if portfolio.auction_insolvent != 0 { "insolvent " } else { "" };
        writeln!(out, "in an {kind}auction since {}", text::time(portfolio.auction_start))?;
    }
    let margins = margins(session, portfolio);
    match &margins {
        Ok((health, _)) => out += &standing(health),
        Err(error) => writeln!(out, "it cannot be judged: {error:#}")?,
    }
    let settlement = session.settlement()?;
    let (mut rows, mut balances) = (vec![], vec![]);
    let cash = (session.symbol(settlement), portfolio.cash);
    rows.push(vec![cash.0.clone(), figure(cash.1, USD, 2), String::new(), String::new()]);
    for balance in portfolio.balances() {
        let name = symbol::of_asset(snapshot, balance.asset);
        let Some(asset) = snapshot.assets.get(&balance.asset) else { continue };
        let shown = |units: u64| if units == 0 { String::new() } else { figure(units, asset.decimals, 0) };
        let lent = asset.bank.lent_floor(balance.lent).unwrap_or_default();
        let owed = asset.bank.owed_ceil(balance.loan).unwrap_or_default();
        rows.push(vec![name.clone(), shown(balance.tokens), shown(lent), shown(owed)]);
        balances.push(json!({
            "asset": name,
            "tokens": decimal(balance.tokens, asset.decimals),
            "lent": decimal(lent, asset.decimals),
            "owed": decimal(owed, asset.decimals),
        }));
    }
    out += "\n";
    out += &table("Balances", &["", "tokens", "lent", "owed"], 1, rows);
    let (mut rows, mut positions) = (vec![], vec![]);
    for position in portfolio.positions() {
        let (name, gain) = (symbol::of(snapshot, position.instrument), unsettled(session, position));
        let pending = position.pending_old.saturating_add(position.pending_new);
        let shown = |amount: i64| if amount == 0 { String::new() } else { usd(amount) };
        rows.push(vec![
            name.clone(),
            figure(position.quantity, CONTRACT, 0),
            usd(position.cost),
            gain.map(usd).unwrap_or_default(),
            shown(pending),
        ]);
        positions.push(json!({
            "instrument": name,
            "id": position.instrument.to_string(),
            "quantity": decimal(position.quantity, CONTRACT),
            "cost": decimal(position.cost, USD),
            "unsettled": gain.map(|gain| decimal(gain, USD)),
            "pending": decimal(pending, USD),
        }));
    }
    if !rows.is_empty() {
        out += "\n";
        out += &table("Positions", &["", "contracts", "cost", "unsettled", "pending"], 1, rows);
    }
    let json = json!({
        "portfolio": held.address.to_string(),
        "pool": portfolio.pool.to_string(),
        "owner": portfolio.owner.to_string(),
        "sub_account": portfolio.sub_account,
        "sequence": portfolio.sequence.to_string(),
        "time": session.view.now,
        "cash": decimal(portfolio.cash, USD),
        "balances": balances,
        "positions": positions,
        "in_auction": portfolio.in_auction(),
        "margins": margins.ok().map(|(_, json)| json),
    });
    Ok(Printed::new(out, json))
}

impl Run for Health {
    fn run(&self) -> Result<Printed> {
        let (session, held) = self.look.portfolio(self.address)?;
        let (health, mut json) = margins(&session, &held.portfolio)?;
        let mut out = format!("portfolio {} at {}\n{}", held.address, text::time(session.view.now), standing(&health));
        json["portfolio"] = held.address.to_string().into();
        json["time"] = session.view.now.into();
        if self.chain {
            let asked = session.cluster.rpc.chain_health(&session.view, &held.address, &held.portfolio);
            let (report, units) = session.cluster.wait(asked)?;
            let [equity, initial, maintenance] = [report.equity, report.initial, report.maintenance].map(usd);
            writeln!(out, "on chain: equity {equity} USD, initial margin {initial}, maintenance margin {maintenance}; {units} compute units")?;
            json["chain"] = json!({
                "equity": decimal(report.equity, USD),
                "initial": decimal(report.initial, USD),
                "maintenance": decimal(report.maintenance, USD),
                "units": units,
            });
        }
        Ok(Printed::new(out, json))
    }

    fn json(&self) -> bool {
        self.look.json
    }
}
