//! What a change would do to the portfolios that are there now.

use std::fmt::Write;

use anyhow::{ensure, Context, Result};
use novate_client::state::{NEW_SOURCE, SEASONING};
use novate_client::{addresses, AssetSetting, Lending, MarketTerms, NovateError, OracleSource, Pubkey, Snapshot};
use novate_margin::bank::LendingTerms;
use novate_margin::{is_liquidatable, Health, Seconds};

use super::change::{asset_settings, market_settings, param_settings, source_of, take_source, Wanted};
use super::text;
use super::view::View;

/// Portfolios named one by one; the others are counted.
const NAMED: usize = 20;

/// What can be said of a pool with a change in force.
enum After {
    /// As it is then, all that moves because of it at its end.
    Pool(Box<Ahead>),
    /// Nobody's margin follows from it, or nobody can say how: in words.
    Said(String),
}

struct Ahead {
    snapshot: Snapshot,
    /// Unix time of that end.
    from: i64,
    /// What it rests on beside the pool as it is now.
    note: &'static str,
}

impl After {
    fn at(snapshot: Snapshot, from: i64, note: &'static str) -> Self {
        Self::Pool(Box::new(Ahead { snapshot, from, note }))
    }
}

/// The pool with the change executed at `at`. Fails as the program would.
fn after(wanted: &Wanted, view: &View, at: i64) -> Result<After> {
    let mut snapshot = view.snapshot.clone();
    match wanted {
        Wanted::SetAsset { asset, terms } => set_asset(*asset, &asset_settings(terms)?, view, at),
        Wanted::SetMarket { market: index, terms } => {
            let asset = view.market(*index)?.asset;
            let market = snapshot.markets.get_mut(index).context("the market is not there")?;
            market.set(&market_settings(terms)?, at)?;
            bind(&mut snapshot, asset)?;
            Ok(After::at(snapshot, at, ""))
        }
        Wanted::SetParams { params } => {
            let until = snapshot.pool.set_params(&param_settings(params)?, at)?;
            snapshot.pool.params_from = snapshot.pool.params;
            Ok(After::at(snapshot, until, ""))
        }
        Wanted::SwitchScenarios { generation, hash } => switch_scenarios(*generation, hash, view, at),
        Wanted::AddMarket { asset, terms } => add_market(*asset, terms, view, at),
        Wanted::SetOracle { asset, source } => set_oracle(*asset, source, view, at),
        Wanted::SetLending { asset, terms } => set_lending(*asset, terms, view, at).map(After::Said),
        Wanted::SetDelays { delays } => {
            snapshot.pool.set_delays(delays, at)?;
            Ok(After::Said("No portfolio has to hold more or less for it.".into()))
        }
        Wanted::AddAsset { .. } => {
            Ok(After::Said("No portfolio holds it yet: none has to hold more or less for it.".into()))
        }
        Wanted::ListExpiry { .. } => {
            Ok(After::Said("Nobody has a position in it yet: no portfolio has to hold more or less for it.".into()))
        }
        Wanted::RegisterVenue { .. } => Ok(After::Said(
            "No portfolio has to hold more or less when it is executed. Not computed: what it reports then moves marks of perpetuals, \
             within their bounds."
                .into(),
        )),
        Wanted::SetCommittee { .. } => Ok(After::Said(
            "No portfolio has to hold more or less when it is executed: what was applied stands. Not computed: what the members forecast then."
                .into(),
        )),
    }
}

fn refused(error: NovateError) -> anchor_lang::error::Error {
    error.into()
}

/// Initial multipliers of the markets on an asset, as their next refresh sets them.
fn bind(snapshot: &mut Snapshot, asset: u16) -> Result<()> {
    let underlying = snapshot.assets.get(&asset).context("the asset is not there")?;
    for market in snapshot.markets.values_mut().filter(|market| market.asset == asset) {
        market.bind(underlying)?;
    }
    Ok(())
}

/// The terms at their end, with what the committee forecasts now: that forecasts lapse until then is no effect of the change.
fn set_asset(index: u16, settings: &[AssetSetting], view: &View, at: i64) -> Result<After> {
    let held = view.asset(index)?;
    let (mut snapshot, mut asset) = (view.snapshot.clone(), *held);
    if asset.set(settings, at)? && snapshot.pool.is_live() {
        snapshot.pool.require_model_still(at)?;
    }
    let end = asset.until().max(at);
    asset.advance(end);
    let governed = asset.governed_depth();
    asset.forecast = held.forecast;
    asset.forecast.depth = governed;
    asset.derive(view.now);
    snapshot.assets.insert(index, asset);
    bind(&mut snapshot, index)?;
    Ok(After::at(snapshot, end, ""))
}

fn switch_scenarios(generation: u16, hash: &[u8; 32], view: &View, at: i64) -> Result<After> {
    let mut snapshot = view.snapshot.clone();
    let rows = view.rows(&addresses::scenarios(&view.address, generation))?;
    let pool = &snapshot.pool;
    let next = rows.complete != 0 && pool.generation.checked_add(1) == Some(rows.generation);
    ensure!(next, "the rows are not complete, or not of the generation after the live one");
    ensure!(rows.hash() == *hash, "the rows have another hash");
    pool.require_model_still(at)?;
    pool.require_terms_still(at)?;
    let near = rows.is_near(&snapshot.scenarios, pool.params.diversified_floor);
    ensure!(near, "the rows are farther than a step from the live ones");
    snapshot.scenarios = rows;
    Ok(After::at(snapshot, at, ""))
}

/// The asset's balances in the scan, whole.
fn add_market(index: u16, terms: &MarketTerms, view: &View, at: i64) -> Result<After> {
    terms.validate()?;
    let (mut snapshot, mut asset) = (view.snapshot.clone(), *view.asset(index)?);
    ensure!(!asset.is_settlement(), refused(NovateError::SettlementUnderlying));
    ensure!(!asset.is_yield_bearing(), refused(NovateError::YieldBearingUnderlying));
    asset.require_seasoned(at)?;
    if asset.is_underlying() {
        return Ok(After::Said(
            "The asset has a market already, so that its balances are in the scan, and nobody has a position on the new one: no portfolio has \
             to hold more or less for it."
                .into(),
        ));
    }
    asset.become_underlying(&mut snapshot.pool, at)?;
    let season = if asset.scanned != 0 { SEASONING } else { 0 };
    asset.scanned = 0;
    snapshot.assets.insert(index, asset);
    Ok(After::at(snapshot, at + season, "With its first market balances of the asset enter the scan."))
}

/// The price that the new source gives now, if the program would take it.
fn set_oracle(index: u16, source: &OracleSource, view: &View, at: i64) -> Result<After> {
    let (mut snapshot, mut asset) = (view.snapshot.clone(), *view.asset(index)?);
    if source_of(&asset) == *source {
        return Ok(After::Said("It is the source that is there.".into()));
    }
    take_source(&mut asset, source);
    asset.source_new_until = view.now + NEW_SOURCE;
    let read = match view.feed(&asset)? {
        None => Err("there is no account of it now".into()),
        Some(feed) => match feed.read(&asset, view.now).and_then(|reading| asset.accept(reading, view.now)) {
            Err(error) => Err(format!("what it says now would be refused: {}", text::refusal(error.into()))),
            Ok(false) => {
                Err("what it says now is beyond the band: it would be no price, and restrict the asset".into())
            }
            Ok(true) => Ok(()),
        },
    };
    if let Err(why) = read {
        let said = "Not computed: the margin of who holds it follows from what the new source says then";
        return Ok(After::Said(format!("{said}, and {why}.")));
    }
    snapshot.assets.insert(index, asset);
    bind(&mut snapshot, index)?;
    Ok(After::at(snapshot, at, "By what the new source says now; what it says then nobody knows."))
}

/// What other terms of a bank come to: of them no margin follows, but what loans cost.
fn set_lending(index: u16, wanted: &Lending, view: &View, at: i64) -> Result<String> {
    let held = view.asset(index)?;
    let terms = wanted.checked()?;
    ensure!(!held.is_yield_bearing(), refused(NovateError::YieldBearingLending));
    let mut asset = *held;
    asset.bank.accrue(Seconds(at));
    asset.set_lending(terms, wanted.borrow_cap, view.pool().is_live(), at)?;
    let used = held.bank.utilisation();
    let rate = |terms: LendingTerms| Ok::<_, anyhow::Error>(text::percent(terms.rate(used)?.0));
    // A bank that was never open has no rate.
    let rates = match held.is_lent() {
        true => format!("{} -> {}", rate(held.bank.terms)?, rate(terms)?),
        false => rate(terms)?,
    };
    let owing = view.portfolios.iter().filter(|(_, p)| p.balances().iter().any(|b| b.asset == index && b.loan != 0));
    Ok(format!(
        "No portfolio has to hold more or less when it is executed. {} of what is lent is on loan, to {} portfolios, at a yearly rate of {rates}. \
         Not computed: what that comes to over time, and who lends or borrows because of it.",
        text::percent(used.0),
        owing.count(),
    ))
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
    let ahead = match after(wanted, view, at) {
        Ok(After::Pool(ahead)) => ahead,
        Ok(After::Said(said)) => return Ok(format!("{said}\n")),
        Err(error) => return Ok(format!("The program would refuse it as things are: {}\n", text::refusal(error))),
    };
    let (mut judged, mut unknown) = (vec![], vec![]);
    for (key, portfolio) in &view.portfolios {
        let both = view.health(portfolio).and_then(|before| {
            let after = View::judge(&ahead.snapshot, portfolio, view.now)?;
            Ok(Judged { portfolio: *key, owner: portfolio.owner, before, after })
        });
        match both {
            Ok(both) => judged.push(both),
            Err(error) => unknown.push((key, error)),
        }
    }
    let mut out = String::new();
    writeln!(out, "In force whole from {}; by prices and positions of now:", text::time(ahead.from))?;
    if !ahead.note.is_empty() {
        writeln!(out, "{}", ahead.note)?;
    }
    let count =
        |standing, side: fn(&Judged) -> &Health| judged.iter().filter(|j| Standing::of(side(j)) == standing).count();
    writeln!(out, "{:<24}{:>10}{:>10}", "portfolios", "now", "with it")?;
    for standing in [Standing::Sound, Standing::BelowInitial, Standing::Liquidatable] {
        let (now, then) = (count(standing, |j| &j.before), count(standing, |j| &j.after));
        writeln!(out, "{:<24}{now:>10}{then:>10}", standing.words())?;
    }
    let asked = |health: &Health| (health.maintenance, health.initial);
    let more = judged.iter().filter(|j| asked(&j.after) > asked(&j.before)).count();
    let less = judged.iter().filter(|j| asked(&j.after) < asked(&j.before)).count();
    writeln!(out, "asked for more: {more}, for less: {less}")?;
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
