//! What a change would do to the portfolios that are there now.

use std::fmt::Write;

use anyhow::{ensure, Context, Result};
use novate_client::{addresses, Pubkey, Snapshot};
use novate_margin::{is_liquidatable, Health};

use super::change::{asset_settings, market_settings, param_settings, Wanted};
use super::text;
use super::view::View;

/// Portfolios named one by one; the others are counted.
const NAMED: usize = 20;

/// The pool as it is at `at` with the change executed then, every ramp at its end. None where the change is not about what a portfolio must
/// hold. Fails as the program would.
fn after(wanted: &Wanted, view: &View, at: i64) -> Result<Option<Snapshot>> {
    let mut snapshot = view.snapshot.clone();
    match wanted {
        Wanted::SetAsset { asset, terms } => {
            view.asset(*asset)?;
            let asset = snapshot.assets.get_mut(asset).context("the asset is not there")?;
            asset.set(&asset_settings(terms)?, at)?;
            let end = asset.until().max(at);
            asset.derive(end);
        }
        Wanted::SetMarket { market, terms } => {
            view.market(*market)?;
            let market = snapshot.markets.get_mut(market).context("the market is not there")?;
            market.set(&market_settings(terms)?, at)?;
        }
        Wanted::SetParams { params } => {
            snapshot.pool.set_params(&param_settings(params)?, at)?;
            snapshot.pool.params_from = snapshot.pool.params;
        }
        Wanted::SwitchScenarios { generation, .. } => {
            let rows = view.rows(&addresses::scenarios(&view.address, *generation))?;
            let near = rows.is_near(&snapshot.scenarios, snapshot.pool.params.diversified_floor);
            ensure!(near, "the rows are farther than a step from the live ones");
            snapshot.scenarios = rows;
        }
        _ => return Ok(None),
    }
    Ok(Some(snapshot))
}

/// How a portfolio stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Sound,
    BelowInitial,
    Liquidatable,
}

impl Standing {
    fn of(health: &Health) -> Self {
        match (is_liquidatable(health), health.meets_initial()) {
            (true, _) => Self::Liquidatable,
            (_, false) => Self::BelowInitial,
            _ => Self::Sound,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Sound => "meets initial margin",
            Self::BelowInitial => "below initial margin",
            Self::Liquidatable => "liquidatable",
        }
    }
}

struct Judged {
    portfolio: Pubkey,
    owner: Pubkey,
    before: Health,
    after: Health,
}

/// The effect in words: who would be worse off, by prices and positions of now, once the change is executed at `at` and all of it in force.
pub fn words(wanted: &Wanted, view: &View, at: i64) -> Result<String> {
    let changed = match after(wanted, view, at) {
        Ok(Some(changed)) => changed,
        Ok(None) => return Ok("No portfolio has to hold more or less for it.\n".into()),
        Err(error) => return Ok(format!("The program would refuse it as things are: {error:#}\n")),
    };
    let (mut judged, mut unknown) = (vec![], vec![]);
    for (key, portfolio) in &view.portfolios {
        let both = view.health(portfolio).and_then(|before| {
            let after = View::judge(&changed, portfolio, view.now)?;
            Ok(Judged { portfolio: *key, owner: portfolio.owner, before, after })
        });
        match both {
            Ok(both) => judged.push(both),
            Err(error) => unknown.push((key, error)),
        }
    }
    let mut out = String::new();
    let count =
        |standing, side: fn(&Judged) -> &Health| judged.iter().filter(|j| Standing::of(side(j)) == standing).count();
    writeln!(out, "{:<24}{:>10}{:>10}", "portfolios", "now", "with it")?;
    for standing in [Standing::Sound, Standing::BelowInitial, Standing::Liquidatable] {
        let (now, then) = (count(standing, |j| &j.before), count(standing, |j| &j.after));
        writeln!(out, "{:<24}{now:>10}{then:>10}", standing.words())?;
    }
    let mut worse: Vec<_> = judged.iter().filter(|j| Standing::of(&j.after) > Standing::of(&j.before)).collect();
    worse.sort_by_key(|j| (std::cmp::Reverse(Standing::of(&j.after)), j.portfolio));
    for j in worse.iter().take(NAMED) {
        let (to, equity) = (Standing::of(&j.after).words(), text::usd(j.after.equity));
        let [from, margin] = [&j.before, &j.after].map(|health| text::usd(health.maintenance));
        writeln!(out, "{} of {}: {to}; equity {equity}, maintenance margin {from} -> {margin}", j.portfolio, j.owner)?;
    }
    if worse.len() > NAMED {
        writeln!(out, "and {} more", worse.len() - NAMED)?;
    }
    for (key, error) in &unknown {
        writeln!(out, "{key} cannot be judged: {error}")?;
    }
    Ok(out)
}
