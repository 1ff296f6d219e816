//! What a change would do to the portfolios that are there now.

use std::fmt::Write;

use anyhow::{anyhow, ensure, Context, Result};
use novate_client::state::{NEW_SOURCE, PARAM_RAMP, SEASONING};
use novate_client::{addresses, Lending, NovateError, Pubkey, Snapshot};
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

/// The pool with the change executed at `at`. Fails as the program would.
fn after(wanted: &Wanted, view: &View, at: i64) -> Result<After> {
    let mut snapshot = view.snapshot.clone();
    let mut note = "";
    let from = match wanted {
        Wanted::SetAsset { asset: index, terms } => {
            let (settings, live) = (asset_settings(terms)?, view.pool().is_live());
            let mut tried = *view.asset(*index)?;
            let moves = tried.set(&settings, at)?;
            if moves && live {
                snapshot.pool.require_model_still(at)?;
            }
            // As if it were executed now: what moves meanwhile for other reasons is no effect of it.
            let asset = snapshot.assets.get_mut(index).context("the asset is not there")?;
            asset.ramp.set = 0;
            asset.set(&settings, view.now)?;
            asset.advance(asset.until());
            asset.derive(view.now);
            bind(&mut snapshot, *index)?;
            tried.until().max(at)
        }
        Wanted::SetMarket { market: index, terms } => {
            let asset = view.market(*index)?.asset;
            let market = snapshot.markets.get_mut(index).context("the market is not there")?;
            market.set(&market_settings(terms)?, at)?;
            bind(&mut snapshot, asset)?;
            at
        }
        Wanted::SetParams { params } => {
            let until = snapshot.pool.set_params(&param_settings(params)?, at)?;
            snapshot.pool.params_from = snapshot.pool.params;
            until.min(at + PARAM_RAMP)
        }
        Wanted::SwitchScenarios { generation, hash } => {
            let rows = view.rows(&addresses::scenarios(&view.address, *generation))?;
            let pool = &snapshot.pool;
            let next = rows.complete != 0 && pool.generation.checked_add(1) == Some(rows.generation);
            ensure!(next, "the rows are not complete, or not of the generation after the live one");
            ensure!(rows.hash() == *hash, "the rows have another hash");
            pool.require_model_still(at)?;
            pool.require_terms_still(at)?;
            let near = rows.is_near(&snapshot.scenarios, pool.params.diversified_floor);
            ensure!(near, "the rows are farther than a step from the live ones");
            snapshot.scenarios = rows;
            at
        }
        Wanted::AddMarket { asset: index, terms } => {
            terms.validate()?;
            let asset = snapshot.assets.get_mut(index).with_context(|| format!("the pool has no asset {index}"))?;
            ensure!(!asset.is_settlement(), anyhow!(anchor(NovateError::SettlementUnderlying)));
            ensure!(!asset.is_yield_bearing(), anyhow!(anchor(NovateError::YieldBearingUnderlying)));
            asset.require_seasoned(at)?;
            if asset.is_underlying() {
                return Ok(After::Said(
                    "The asset has a market already, so that its balances are in the scan, and nobody has a position on the new one: \
                     no portfolio has to hold more or less for it."
                        .into(),
                ));
            }
            asset.become_underlying(&mut snapshot.pool, at)?;
            let enters = asset.scanned != 0;
            asset.scanned = 0;
            note = "With its first market balances of the asset enter the scan.";
            at + if enters { SEASONING } else { 0 }
        }
        Wanted::SetOracle { asset: index, source } => {
            let asset = snapshot.assets.get_mut(index).with_context(|| format!("the pool has no asset {index}"))?;
            if source_of(asset) == *source {
                return Ok(After::Said("It is the source that is there.".into()));
            }
            let not = |why: String| {
                After::Said(format!(
                    "Not computed: everybody's margin follows from what the new source says then, {why}."
                ))
            };
            take_source(asset, source);
            asset.source_new_until = view.now + NEW_SOURCE;
            let Some(feed) = view.feed(asset)? else { return Ok(not("and there is no account of it now".into())) };
            match feed.read(asset, view.now).and_then(|reading| asset.accept(reading, view.now)) {
                Err(error) => {
                    return Ok(not(format!("and what it says now would be refused: {}", text::refusal(&error.into()))))
                }
                Ok(false) => {
                    return Ok(not(
                        "and what it says now is beyond the band: it would be no price, and restrict the asset".into(),
                    ))
                }
                Ok(true) => bind(&mut snapshot, *index)?,
            }
            note = "By what the new source says now; what it says then nobody knows.";
            at
        }
        Wanted::SetLending { asset, terms } => return lending(*asset, terms, view, at).map(After::Said),
        Wanted::SetDelays { delays } => {
            snapshot.pool.set_delays(delays, at)?;
            return Ok(After::Said("No portfolio has to hold more or less for it.".into()));
        }
        Wanted::AddAsset { .. } => {
            return Ok(After::Said("No portfolio holds it yet: none has to hold more or less for it.".into()));
        }
        Wanted::ListExpiry { .. } => {
            return Ok(After::Said(
                "Nobody has a position in it yet: no portfolio has to hold more or less for it.".into(),
            ));
        }
        Wanted::RegisterVenue { .. } => {
            return Ok(After::Said(
                "No portfolio has to hold more or less when it is executed. Not computed: what it reports then moves marks of \
                 perpetuals, within their bounds."
                    .into(),
            ));
        }
        Wanted::SetCommittee { .. } => {
            return Ok(After::Said(
                "No portfolio has to hold more or less when it is executed: what was applied stands. Not computed: what the members \
                 forecast then."
                    .into(),
            ));
        }
    };
    Ok(After::Pool(Box::new(Ahead { snapshot, from, note })))
}

fn anchor(error: NovateError) -> anchor_lang::error::Error {
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

/// What other terms of a bank come to: of them no margin follows, but what loans cost.
fn lending(index: u16, wanted: &Lending, view: &View, at: i64) -> Result<String> {
    let held = view.asset(index)?;
    let terms = wanted.checked()?;
    ensure!(!held.is_yield_bearing(), anyhow!(anchor(NovateError::YieldBearingLending)));
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
        Err(error) => return Ok(format!("The program would refuse it as things are: {}\n", text::refusal(&error))),
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
