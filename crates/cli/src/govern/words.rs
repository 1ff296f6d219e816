//! A change in words: what it does, which way, and what is there now. Which way a value goes is the program's to say
//! (`programs/novate/src/state/setting.rs`).

use std::fmt::Write;

use anyhow::{Context, Result};
use novate_client::state::{lending, Asset, AssetField, Change, Loosens, LENDING};
use novate_client::{Delays, Lending, MarketTerms, OracleSource, Pubkey};
use novate_margin::Params;
use serde_json::Value;

use super::change::{asset_settings, market_settings, param_settings, source_of, Wanted};
use super::text;
use super::view::View;

/// What the change says: of what is there already, each value in force, the one to be, and which way that goes; of what is new, its terms.
pub fn content(wanted: &Wanted, view: &View) -> Result<String> {
    let mut out = String::new();
    match wanted {
        Wanted::SetAsset { asset, terms } => {
            let held = view.asset(*asset)?;
            writeln!(out, "set_asset of {}", of_asset(*asset, held))?;
            for setting in asset_settings(terms)? {
                let (rule, from) = (setting.field.rule(), held.get(setting.field));
                line(&mut out, rule.name, rule.loosens, from, setting.value)?;
                let mut goals = AssetField::RAMPED.into_iter().zip(held.goals());
                if let Some((_, goal)) = goals.find(|(field, goal)| *field == setting.field && *goal != from) {
                    writeln!(out, "    on its way to {goal} already")?;
                }
            }
        }
        Wanted::SetMarket { market, terms } => {
            let held = view.market(*market)?;
            writeln!(out, "set_market of market {market} ({})", text::symbol_of(&held.symbol))?;
            for setting in market_settings(terms)? {
                let rule = setting.field.rule();
                line(&mut out, rule.name, rule.loosens, held.get(setting.field), setting.value)?;
            }
        }
        Wanted::SetParams { params } => {
            writeln!(out, "set_params")?;
            for setting in param_settings(params)? {
                let place = usize::from(setting.parameter);
                let (name, from) = (Params::NAMES.get(place), view.params().get(place));
                let (name, from) = name.zip(from).context("there is no such parameter")?;
                let loosens = setting.loosens().context("there is no such parameter")?;
                line(&mut out, name, loosens, from.0, setting.value)?;
            }
        }
        Wanted::SetLending { asset, terms } => set_lending(&mut out, *asset, terms, view)?,
        Wanted::SetOracle { asset, source } => set_oracle(&mut out, *asset, source, view)?,
        Wanted::SetCommittee { members, quorum } => set_committee(&mut out, members, *quorum, view)?,
        Wanted::SetDelays { delays } => set_delays(&mut out, delays, view)?,
        Wanted::SwitchScenarios { generation, hash } => {
            let from = view.pool().generation;
            writeln!(out, "switch_scenarios: generation {from} -> {generation}, either way")?;
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(out, "  hash: {hash}")?;
        }
        Wanted::AddMarket { asset, terms } => add_market(&mut out, *asset, terms, wanted, view)?,
        Wanted::ListExpiry { market, time, .. } => {
            let symbol = text::symbol_of(&view.market(*market)?.symbol);
            writeln!(out, "list_expiry of market {market} ({symbol}) on {}", text::time(*time))?;
            terms_of(&mut out, wanted, "forecast")?;
        }
        Wanted::AddAsset { mint, .. } => {
            writeln!(out, "add_asset {} of mint {mint}", view.pool().asset_count)?;
            terms_of(&mut out, wanted, "terms")?;
        }
        Wanted::RegisterVenue { signer } => {
            let (number, state) = match view.venue(signer)? {
                None => (view.pool().venue_count, ""),
                Some(venue) if venue.is_active() => (venue.index, ", as it does already"),
                Some(venue) => (venue.index, " again, after it was removed"),
            };
            writeln!(out, "register_venue {number}: {signer} reports mids of perpetuals{state}")?;
        }
    }
    Ok(out)
}

fn of_asset(index: u16, asset: &Asset) -> String {
    format!("asset {index} ({})", text::symbol_of(&asset.symbol))
}

/// A value in force, the one to be, and which way that goes. Of what loosens either way it says so: no direction is the safe one.
fn line<T: Ord + Copy + std::fmt::Display>(
    out: &mut String,
    name: &str,
    loosens: Loosens,
    from: T,
    to: T,
) -> Result<()> {
    let way = match (from == to, loosens) {
        (true, _) => "as it is",
        (_, Loosens::Either) => "loosens, as either way does",
        _ if loosens.is(from, to) => "loosens",
        _ => "tightens",
    };
    writeln!(out, "  {name}: {from} -> {to}, {way}")?;
    Ok(())
}

/// What is new has no value before.
fn terms_of(out: &mut String, wanted: &Wanted, part: &str) -> Result<()> {
    let (_, held) = wanted.written()?;
    let Some(Value::Object(terms)) = held.get(part) else { return Ok(()) };
    for (name, value) in terms {
        match value {
            Value::Null => {}
            Value::String(text) => writeln!(out, "  {name}: {text}")?,
            Value::Object(inner) => {
                for (field, value) in inner {
                    let value = value.as_str().map_or_else(|| value.to_string(), String::from);
                    writeln!(out, "  {name}.{field}: {value}")?;
                }
            }
            other => writeln!(out, "  {name}: {other}")?,
        }
    }
    Ok(())
}

fn add_market(out: &mut String, asset: u16, terms: &MarketTerms, wanted: &Wanted, view: &View) -> Result<()> {
    let held = view.asset(asset)?;
    let first = if held.is_underlying() { "" } else { ", its first market" };
    let (number, symbol) = (view.pool().market_count, text::symbol_of(&terms.symbol));
    writeln!(out, "add_market {number} ({symbol}) on {}{first}", of_asset(asset, held))?;
    terms_of(out, wanted, "terms")
}

fn set_lending(out: &mut String, index: u16, terms: &Lending, view: &View) -> Result<()> {
    let held = view.asset(index)?;
    writeln!(out, "set_lending of {}", of_asset(index, held))?;
    let to = lending(terms.checked()?, terms.borrow_cap);
    for (rule, (from, to)) in LENDING.iter().zip(held.lending().into_iter().zip(to)) {
        line(out, rule.name, rule.loosens, from, to)?;
    }
    Ok(())
}

fn set_oracle(out: &mut String, index: u16, source: &OracleSource, view: &View) -> Result<()> {
    let held = view.asset(index)?;
    writeln!(out, "set_oracle of {}", of_asset(index, held))?;
    let written = |source| Ok::<_, anyhow::Error>(Wanted::SetOracle { asset: index, source }.written()?.1);
    let (from, to) = (written(source_of(held))?, written(*source)?);
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    for name in ["oracle", "feed", "feed_owner", "feed_id"] {
        let [from, to] = [&from, &to].map(|held| held.get("source").and_then(|source| source.get(name)).map(plain));
        let (from, to) = from.zip(to).context("a source has four fields")?;
        let way = if from == to { "as it is" } else { "loosens, as either way does" };
        writeln!(out, "  {name}: {from} -> {to}, {way}")?;
    }
    Ok(())
}

/// Who joins, stays and leaves. No direction is the safe one.
fn set_committee(out: &mut String, members: &[Pubkey], quorum: u8, view: &View) -> Result<()> {
    let (seats, before) = view.committee()?.unwrap_or_default();
    writeln!(out, "set_committee")?;
    line(out, "quorum", Loosens::Either, before, quorum)?;
    line(out, "seats", Loosens::Either, seats.len(), members.len())?;
    for member in members {
        let word = if seats.contains(member) { "stays" } else { "joins" };
        writeln!(out, "  {member} {word}")?;
    }
    for seat in seats.iter().filter(|seat| !members.contains(seat) && **seat != Pubkey::default()) {
        writeln!(out, "  {seat} leaves")?;
    }
    Ok(())
}

fn set_delays(out: &mut String, delays: &Delays, view: &View) -> Result<()> {
    writeln!(out, "set_delays")?;
    for (class, to) in delays.by_class() {
        let name = format!("{class:?}").to_lowercase();
        line(out, &name, Loosens::Down, view.pool().delay(class), to)?;
    }
    Ok(())
}

/// When a change may be executed, and by whom it was scheduled.
pub fn standing(change: &Change, view: &View) -> String {
    let state = match () {
        () if change.epoch != view.pool().authority_epoch => "void: the authority has passed on since",
        () if view.now >= change.expires => "lapsed",
        () if view.now >= change.ready => "can be executed",
        () => "waits",
    };
    format!(
        "change {} of pool {}: {state}\nscheduled {} by {}, executable from {} to {}\n",
        change.number,
        change.pool,
        text::time(change.scheduled),
        change.proposer,
        text::time(change.ready),
        text::time(change.expires),
    )
}
