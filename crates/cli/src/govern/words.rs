//! A change in words: what it does, which way, and what is there now.

use std::fmt::Write;

use anyhow::Result;
use novate_client::state::{Change, Rule};
use novate_margin::Params;

use super::change::{asset_settings, market_settings, param_settings, Wanted};
use super::text;
use super::view::View;

/// What the change says: its fields as a draft has them, and of settings what is in force and which way it goes.
pub fn content(wanted: &Wanted, view: &View) -> Result<String> {
    let mut out = String::new();
    match wanted {
        Wanted::SetAsset { asset, terms } => {
            let held = view.asset(*asset)?;
            writeln!(out, "set_asset of asset {asset} ({})", text::symbol_of(&held.symbol))?;
            for setting in asset_settings(terms)? {
                line(&mut out, setting.field.rule(), held.get(setting.field), setting.value)?;
            }
        }
        Wanted::SetMarket { market, terms } => {
            let held = view.market(*market)?;
            writeln!(out, "set_market of market {market} ({})", text::symbol_of(&held.symbol))?;
            for setting in market_settings(terms)? {
                line(&mut out, setting.field.rule(), held.get(setting.field), setting.value)?;
            }
        }
        Wanted::SetParams { params } => {
            writeln!(out, "set_params")?;
            let values = view.params();
            for setting in param_settings(params)? {
                let place = usize::from(setting.parameter);
                let (name, from) = (Params::NAMES.get(place), values.get(place).map(|value| value.0));
                writeln!(
                    out,
                    "  {}: {} -> {}",
                    name.copied().unwrap_or_default(),
                    from.unwrap_or_default(),
                    setting.value
                )?;
            }
        }
        other => writeln!(out, "{}", serde_json::to_string_pretty(other)?)?,
    }
    Ok(out)
}

fn line(out: &mut String, rule: Rule, from: u64, to: u64) -> Result<()> {
    let way = match (from == to, rule.loosens(from, to)) {
        (true, _) => "as it is",
        (_, true) => "loosens",
        (_, false) => "tightens",
    };
    writeln!(out, "  {}: {from} -> {to}, {way}", rule.name)?;
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
