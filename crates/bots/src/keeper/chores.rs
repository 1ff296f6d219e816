//! What there is to do for a keeper: each chore only where it would change something, reckoned by the program's own code on
//! copies.

use std::collections::BTreeMap;

use novate_client::ahead::{refreshed_redemption, FeedAccount};
use novate_client::instructions::{self as ix, ExpirySlots};
use novate_client::instrument::{expiry_of, market_of};
use novate_client::rpc::Mirrored;
use novate_client::state::{is_settling, Asset, Expiry, Market, Position};
use novate_client::{Instruction, Pubkey, StrikeRange};
use novate_margin::{Contracts, Ratio, Usd};
use solana_account::Account;

use crate::feeds::Feeds;

/// Seconds between two refreshes of a market with a premium: what a median counts for (CLR-15). Without one, until its record of the
/// index is renewed.
const PREMIUM: i64 = 60;
const QUIET: i64 = 600;
/// Seconds between two samples of a settlement window; 120 break its run (CLR-12).
const SAMPLES: i64 = 30;
/// Seconds between two readings of a stake pool's rate that rises, and of any: it counts for new risk for three days.
const REDEMPTION_RISE: i64 = 6 * 3_600;
const REDEMPTION: i64 = 86_400;
/// Seconds that a transaction takes to land, as a price must last.
pub(super) const LANDING: i64 = 5;

/// When a keeper does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A price that moved by so much is read, 1e-6; and one that is so many seconds old.
    pub moved: Ratio,
    pub heartbeat: i64,
    /// Values of options that are held are made anew when they are so many seconds old; sooner where the price has moved half of what
    /// lets risk rise on them (MRG-15).
    pub values_age: i64,
    /// Least variation that is worth a transaction, and least fees, settlement asset 1e-6.
    pub least_variation: i64,
    pub least_fees: i64,
}

/// Whom or what a chore is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Asset(u16),
    Redemption(u16),
    Market(u16),
    Values(u64),
    Fixing(u64),
    Closing(u64),
    Fees(u16),
    Haircut(u16),
    /// A portfolio's position.
    Variation(Pubkey, u64),
    Gain(Pubkey, u64),
    /// A portfolio's positions in an expiry.
    Expired(Pubkey, u64),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    RefreshAsset {
        asset: u16,
        feed: Pubkey,
    },
    RefreshMarket {
        market: u16,
        asset: u16,
    },
    RefreshExpiry(Vec<ExpirySlots>),
    /// Anything else, with its name.
    Other(&'static str, Instruction),
}

/// Yield-bearing assets whose stake pool, as it was read in an epoch, has another rate, or whose rate was read long ago (MRG-61).
pub fn of_redemption(
    mirrored: &Mirrored,
    stake_pools: &BTreeMap<u16, (Pubkey, Account)>,
    epoch: u64,
    now: i64,
) -> Vec<(Subject, Chore)> {
    let assets = mirrored.snapshot.assets.values().filter(|asset| asset.is_yield_bearing());
    let due = assets.filter_map(|asset| {
        let (address, account) = stake_pools.get(&asset.index)?;
        let read = FeedAccount { address: *address, owner: account.owner, data: &account.data };
        let refreshed = refreshed_redemption(asset, read, epoch, now).ok()?;
        let (before, after) = (asset.redemption, refreshed.redemption);
        let old = now.saturating_sub(before.time);
        let falls = after.rate < before.rate || before.rate.0 == 0;
        let due = falls || old >= REDEMPTION || old >= REDEMPTION_RISE && after.rate > before.rate;
        let refresh = ix::refresh_redemption(&mirrored.pool, &[(asset.index, *address)]);
        due.then_some((Subject::Redemption(asset.index), Chore::Other("refresh_redemption", refresh)))
    });
    due.collect()
}

/// Everything to do for prices, markets and expiries.
pub fn of_pool(mirrored: &Mirrored, feeds: &Feeds, policy: Policy, now: i64) -> Vec<(Subject, Chore)> {
    let mut chores = vec![];
    let (pool, snapshot) = (&mirrored.pool, &mirrored.snapshot);
    for asset in snapshot.assets.values() {
        chores.extend(refresh_asset(asset, feeds, policy, now));
    }
    for market in snapshot.markets.values() {
        let Some(asset) = snapshot.assets.get(&market.asset) else { continue };
        chores.extend(refresh_market(market, asset, now));
        chores.extend(collect_fees(pool, market, policy));
        chores.extend(close_haircut(pool, market, now));
    }
    for (id, expiry) in &snapshot.expiries {
        let Some(asset) = snapshot.assets.get(&expiry.asset) else { continue };
        if expiry.time <= now {
            chores.extend(fix_or_close(*id, expiry, asset));
        } else {
            chores.extend(refresh_expiry(*id, expiry, asset, policy, now));
        }
    }
    chores
}

/// A younger reading is there, and the price has moved, or grown old, or is refused by the guard, whose average it moves (CLR-41).
fn refresh_asset(asset: &Asset, feeds: &Feeds, policy: Policy, now: i64) -> Option<(Subject, Chore)> {
    let (refreshed, accepted) = feeds.ahead(asset, now)?;
    // Two readings may be of one second.
    let younger = refreshed.guard.time > asset.guard.time || refreshed.price != asset.price;
    let apart = i128::from(refreshed.price.0.abs_diff(asset.price.0)) * 1_000_000;
    let moved = accepted && apart >= i128::from(asset.price.0) * i128::from(policy.moved.0);
    let window = asset.is_underlying() && asset.window.target != 0 && is_settling(asset.window.target, now);
    let heartbeat = policy.heartbeat.min(asset.max_age / 2).min(if window { SAMPLES } else { i64::MAX });
    let old = now.saturating_sub(asset.guard.time) >= heartbeat;
    let feed = feeds.address(asset.index)?;
    let due = younger && (moved || old);
    due.then_some((Subject::Asset(asset.index), Chore::RefreshAsset { asset: asset.index, feed }))
}

fn refresh_market(market: &Market, asset: &Asset, now: i64) -> Option<(Subject, Chore)> {
    asset.require_fresh(now, asset.max_age - LANDING).ok()?;
    let mut refreshed = *market;
    refreshed.refresh(asset, now).ok()?;
    let premium = market.premium_target != 0 || market.premium_exact != 0 || refreshed.premium_target != 0;
    let age = now.saturating_sub(market.refreshed);
    let binds = refreshed.initial_multiplier != market.initial_multiplier;
    let due = binds || age >= if premium { PREMIUM } else { QUIET };
    due.then_some((Subject::Market(market.index), Chore::RefreshMarket { market: market.index, asset: asset.index }))
}

fn collect_fees(pool: &Pubkey, market: &Market, policy: Policy) -> Option<(Subject, Chore)> {
    let amount = market.accrued_fees.0.min(market.variation_pool.0.saturating_add(market.option_cash.0));
    let chore = || Chore::Other("collect_fees", ix::collect_fees(*pool, market.index));
    (amount >= policy.least_fees).then(|| (Subject::Fees(market.index), chore()))
}

fn close_haircut(pool: &Pubkey, market: &Market, now: i64) -> Option<(Subject, Chore)> {
    let round = &market.round;
    let over = round.stands() && !round.is_open(now) && round.uncharged == Usd::ZERO;
    over.then(|| (Subject::Haircut(market.index), Chore::Other("close_haircut", ix::close_haircut(pool, market.index))))
}

/// Of an expiry that has passed.
fn fix_or_close(id: u64, expiry: &Expiry, asset: &Asset) -> Option<(Subject, Chore)> {
    if expiry.is_unheld() {
        return Some((Subject::Closing(id), Chore::Other("close_expiry", ix::close_expiry(expiry))));
    }
    let fixable = !expiry.is_fixed() && asset.window.fixed_time == expiry.time;
    fixable.then(|| (Subject::Fixing(id), Chore::Other("fix_expiry", ix::fix_expiry(expiry))))
}

/// Strikes that somebody holds and whose values grow too old or too far from the price.
fn refresh_expiry(id: u64, expiry: &Expiry, asset: &Asset, policy: Policy, now: i64) -> Option<(Subject, Chore)> {
    let freshest = if is_settling(expiry.time, now) { i64::MAX } else { asset.max_age - LANDING };
    if !expiry.is_published() || expiry.is_fixed() || asset.require_fresh(now, freshest).is_err() {
        return None;
    }
    let mut slots: Vec<ExpirySlots> = vec![];
    for (slot, strike) in (0u8..).zip(expiry.listed()) {
        let held = |open: &[Contracts]| open.get(usize::from(slot)).is_some_and(|open| open.0 != 0);
        let near = i128::from(strike.reference.0) * i128::from(strike.scan_range) / 16_000_000;
        let moved = i128::from(asset.price.0.abs_diff(strike.reference.0)) >= near;
        let due = moved || now.saturating_sub(strike.refreshed.0) >= policy.values_age;
        if !due || !(held(&expiry.open_calls) || held(&expiry.open_puts)) {
            continue;
        }
        match slots.last_mut().map(|slots| &mut slots.range).filter(|range| range.first + range.count == slot) {
            Some(range) => range.count += 1,
            None => slots.push(ExpirySlots {
                market: expiry.market,
                asset: expiry.asset,
                time: expiry.time,
                range: StrikeRange { first: slot, count: 1 },
            }),
        }
    }
    (!slots.is_empty()).then_some((Subject::Values(id), Chore::RefreshExpiry(slots)))
}

/// Everything to do for portfolios that cannot wait: gains to register and to charge (CLR-32), positions that have expired (CLR-12).
pub fn of_portfolios(mirrored: &Mirrored, now: i64) -> Vec<(Subject, Chore)> {
    let snapshot = &mirrored.snapshot;
    let idle = snapshot.markets.values().all(|market| !market.round.stands())
        && snapshot.expiries.values().all(|expiry| !expiry.is_fixed());
    if idle {
        return vec![];
    }
    let mut chores = vec![];
    for (address, portfolio) in &mirrored.portfolios {
        let mut expired = vec![];
        for position in portfolio.positions() {
            let id = expiry_of(position.instrument).filter(|_| position.quantity != 0);
            let expiry = id.and_then(|id| snapshot.expiries.get(&id));
            if let (Some(id), true) = (id, expiry.is_some_and(|expiry| expiry.is_fixed())) {
                expired.push(id);
            }
            let Some(market) = snapshot.markets.get(&market_of(position.instrument)) else { continue };
            chores.extend(bear(&mirrored.pool, address, position, market, expiry.map(Box::as_ref), now));
        }
        expired.dedup();
        for id in expired {
            let Some(expiry) = snapshot.expiries.get(&id) else { continue };
            let settle = ix::settle_expiry(&mirrored.pool, *address, expiry.market, expiry.time);
            chores.push((Subject::Expired(*address, id), Chore::Other("settle_expiry", settle)));
        }
    }
    chores
}

/// A position's part in a haircut of its market: registered while the window is open, charged after it.
fn bear(
    pool: &Pubkey,
    address: &Pubkey,
    position: &Position,
    market: &Market,
    expiry: Option<&Expiry>,
    now: i64,
) -> Option<(Subject, Chore)> {
    if !market.round.stands() && position.gain == 0 {
        return None;
    }
    let (mut borne, mut ledger) = (*position, *market);
    let found = ledger.bear(&mut borne, expiry, now).ok()??;
    let (instrument, subject) = (position.instrument, Subject::Gain(*address, position.instrument));
    if market.round.is_open(now) {
        let register = || Chore::Other("register_gain", ix::register_gain(pool, *address, instrument));
        return (found.registered > 0).then(|| (subject, register()));
    }
    Some((subject, Chore::Other("charge_gain", ix::charge_gain(pool, *address, instrument))))
}
