//! `novate pool`.

use std::fmt::Write;

use anyhow::Result;
use novate_client::state::{Asset, Expiry, Market};
use novate_client::{Action, Pubkey, Snapshot};
use serde_json::{json, Value};

use super::session::{Act, Look, Session};
use super::{Printed, Run};
use crate::amount::{decimal, figure, CONTRACT, PRICE, RATIO};
use crate::govern::text;
use crate::margin::tables::table;
use crate::symbol;

/// What pools there are, and what is in one.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// List the pools of the cluster.
    List {
        #[command(flatten)]
        look: Look,
    },
    /// Show assets, markets and expiries of a pool, with prices and marks.
    Show {
        #[command(flatten)]
        look: Look,
    },
    /// Make the pool's lookup tables, or add what is missing: by the pool's authority, where clients look for them.
    Tables {
        #[command(flatten)]
        act: Act,
    },
}

impl Run for Command {
    fn run(&self) -> Result<Printed> {
        match self {
            Self::List { look } => list(look),
            Self::Show { look } => show(&look.session()?),
            Self::Tables { act } => tables(act),
        }
    }

    fn json(&self) -> bool {
        match self {
            Self::List { look } | Self::Show { look } => look.json,
            Self::Tables { act } => act.look.json,
        }
    }
}

fn list(look: &Look) -> Result<Printed> {
    let cluster = look.at.cluster()?;
    let pools = cluster.wait(cluster.rpc.pools())?;
    let row = |(key, pool): &(Pubkey, novate_client::state::Pool)| {
        let trades = if pool.is_live() { "yes" } else { "not yet" };
        vec![key.to_string(), pool.asset_count.to_string(), pool.market_count.to_string(), trades.into()]
    };
    let rows = pools.iter().map(row).collect();
    let json = pools.iter().map(|(key, pool)| {
        json!({
            "pool": key.to_string(),
            "creator": pool.creator.to_string(),
            "id": pool.id,
            "assets": pool.asset_count,
            "markets": pool.market_count,
            "live": pool.is_live(),
        })
    });
    Ok(Printed::new(table("Pools", &["pool", "assets", "markets", "trades"], 1, rows), json.collect()))
}

fn show(session: &Session) -> Result<Printed> {
    let (view, snapshot) = (&session.view, &session.view.snapshot);
    let mut out = format!("pool {}, authority {}, {}\n", view.address, snapshot.pool.authority, text::time(view.now));
    for action in [Action::Trade, Action::Deposit, Action::Withdraw, Action::Borrow, Action::Liquidate, Action::Stake] {
        let until = snapshot.pool.paused_until(action);
        if until > view.now {
            writeln!(out, "{action:?} is paused until {}", text::time(until))?;
        }
    }
    let assets = snapshot.assets.values().map(|asset| {
        let row = [
            session.symbol(asset),
            figure(asset.price.0, PRICE, 2),
            age(view.now, asset),
            percent(asset.scan_range.0),
            percent(asset.haircut.0),
            figure(asset.vaulted().unwrap_or_default(), asset.decimals, 0),
        ];
        row.to_vec()
    });
    out +=
        &table("Assets", &["", "price, USD", "age, s", "scan range", "haircut", "in the vault"], 1, assets.collect());
    let markets = snapshot.markets.values().map(|market| {
        let mark = snapshot.assets.get(&market.asset).and_then(|asset| market.mark_at(asset.price).ok());
        let row = [
            text::symbol_of(&market.symbol),
            mark.map(|mark| figure(mark.0, PRICE, 2)).unwrap_or_default(),
            figure(market.long.0, CONTRACT, 0),
            decimal(market.tick.0, PRICE),
            decimal(market.lot.0, CONTRACT),
            percent(market.fee.0),
        ];
        row.to_vec()
    });
    out += "\n";
    out += &table("Markets", &["", "mark, USD", "open interest", "tick", "lot", "fee"], 1, markets.collect());
    let mut expiries: Vec<&Expiry> = snapshot.expiries.values().map(Box::as_ref).collect();
    expiries.sort_by_key(|expiry| (expiry.market, expiry.time));
    if !expiries.is_empty() {
        let rows = expiries.iter().map(|expiry| expiry_row(snapshot, expiry, view.now));
        out += "\n";
        out += &table("Expiries", &["", "forward, USD", "strikes", "values from", "state"], 1, rows.collect());
    }
    let json = json!({
        "pool": view.address.to_string(),
        "authority": snapshot.pool.authority.to_string(),
        "time": view.now,
        "slot": view.slot,
        "live": snapshot.pool.is_live(),
        "assets": snapshot.assets.values().map(|asset| asset_json(session, asset)).collect::<Value>(),
        "markets": snapshot.markets.values().map(|market| market_json(snapshot, market)).collect::<Value>(),
        "expiries": expiries.iter().map(|expiry| expiry_json(snapshot, expiry, view.now)).collect::<Value>(),
    });
    Ok(Printed::new(out, json))
}

/// Seconds since a price was published.
fn age(now: i64, asset: &Asset) -> String {
    match asset.price.0 {
        0 => "no price".into(),
        _ => figure(now - asset.publish_time, 0, 0),
    }
}

fn percent(ratio: i64) -> String {
    format!("{} %", decimal(ratio, RATIO - 2))
}

fn forward(snapshot: &Snapshot, expiry: &Expiry) -> Option<i64> {
    let asset = snapshot.assets.get(&expiry.asset)?;
    expiry.forward(asset.price).ok().map(|price| price.0)
}

fn state(expiry: &Expiry, now: i64) -> &'static str {
    match (expiry.is_fixed(), expiry.time <= now, expiry.is_published()) {
        (true, _, _) => "settles",
        (_, true, _) => "passed, not fixed",
        (_, _, false) => "not forecast yet",
        _ => "trades",
    }
}

fn future_symbol(snapshot: &Snapshot, expiry: &Expiry) -> String {
    symbol::of(snapshot, novate_client::instrument::future(expiry.market, expiry.minutes()))
}

fn expiry_row(snapshot: &Snapshot, expiry: &Expiry, now: i64) -> Vec<String> {
    let oldest = expiry.listed().iter().map(|strike| strike.refreshed.0).min();
    vec![
        future_symbol(snapshot, expiry),
        forward(snapshot, expiry).map(|price| figure(price, PRICE, 2)).unwrap_or_default(),
        expiry.strike_count.to_string(),
        match oldest {
            None => "-".into(),
            Some(0) => "never".into(),
            Some(time) => format!("{} s ago", figure(now - time, 0, 0)),
        },
        state(expiry, now).into(),
    ]
}

fn asset_json(session: &Session, asset: &Asset) -> Value {
    json!({
        "symbol": session.symbol(asset),
        "index": asset.index,
        "mint": asset.mint.to_string(),
        "decimals": asset.decimals,
        "price": decimal(asset.price.0, PRICE),
        "published": asset.publish_time,
        "max_age": asset.max_age,
        "scan_range": decimal(asset.scan_range.0, RATIO),
        "haircut": decimal(asset.haircut.0, RATIO),
        "vault": decimal(asset.vaulted().unwrap_or_default(), asset.decimals),
        "restricted": asset.guard.is_restricted(session.view.now),
    })
}

fn market_json(snapshot: &Snapshot, market: &Market) -> Value {
    let mark = snapshot.assets.get(&market.asset).and_then(|asset| market.mark_at(asset.price).ok());
    json!({
        "symbol": text::symbol_of(&market.symbol),
        "index": market.index,
        "underlying": symbol::of_asset(snapshot, market.asset),
        "mark": mark.map(|mark| decimal(mark.0, PRICE)),
        "open_interest": decimal(market.long.0, CONTRACT),
        "tick": decimal(market.tick.0, PRICE),
        "lot": decimal(market.lot.0, CONTRACT),
        "minimum": decimal(market.minimum.0, CONTRACT),
        "band": decimal(market.band.0, RATIO),
        "fee": decimal(market.fee.0, RATIO),
    })
}

fn expiry_json(snapshot: &Snapshot, expiry: &Expiry, now: i64) -> Value {
    let strikes = expiry.listed().iter().map(|strike| {
        json!({
            "strike": decimal(strike.strike.0, PRICE),
            "call_mark": decimal(strike.mark.0, PRICE),
            "vol": decimal(strike.vol, RATIO),
            "refreshed": strike.refreshed.0,
        })
    });
    json!({
        "symbol": future_symbol(snapshot, expiry),
        "market": expiry.market,
        "time": expiry.time,
        "state": state(expiry, now),
        "forward": forward(snapshot, expiry).map(|price| decimal(price, PRICE)),
        "strikes": strikes.collect::<Value>(),
    })
}

fn tables(act: &Act) -> Result<Printed> {
    let (session, key) = (act.look.session()?, act.by.key()?);
    crate::govern::require_authority_of(&session.view.snapshot.pool, &key)?;
    let tables = session.cluster.wait(session.cluster.rpc.publish_tables(&session.view, &key))?;
    let lines: Vec<_> =
        tables.iter().map(|table| format!("{} {} addresses", table.key, table.addresses.len())).collect();
    let json = tables.iter().map(|table| json!({ "table": table.key.to_string(), "addresses": table.addresses.len() }));
    Ok(Printed::new(lines.join("\n"), json.collect()))
}
