//! What is to be done about one account: start its auction, bid, end the auction, or resolve what is left of it.

use std::collections::BTreeMap;

use novate_client::ahead::refreshed_expiry;
use novate_client::instructions::{self as ix, ExpirySlots, Holdings, PoolKeys, TradeSide};
use novate_client::instrument::{self, Instrument};
use novate_client::state::{Balance, Portfolio, Position, SETTLEMENT_ASSET};
use novate_client::{HealthError, Instruction, Prices, Pubkey, Snapshot, StrikeRange, Terms};
use novate_margin::{auction, is_liquidatable, Health};

use crate::bid::{self, Bid, Policy, Sale};

/// Seconds that option values may be old for a taker, and how far they are made anew before: a transaction takes its time.
const VALUES_AGE: i64 = 60;
const LANDING: i64 = 10;
/// Ranges of strikes in one instruction.
const AT_ONCE: usize = 16;

/// Who bids.
#[derive(Clone, Copy)]
pub struct Taker<'a> {
    pub side: TradeSide,
    pub portfolio: &'a Portfolio,
    pub policy: Policy,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Start the auction, or start it anew: the insolvent kind (`true`) or the solvent one.
    pub start: Option<bool>,
    pub bid: Option<Bid>,
    pub end: bool,
    pub resolve: bool,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A word for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self { start: Some(_), bid: Some(_), .. } => "start_and_bid",
            Self { start: Some(_), .. } => "start",
            Self { bid: Some(_), .. } => "bid",
            Self { resolve: true, .. } => "resolve",
            Self { end: true, .. } => "end",
            _ => "nothing",
        }
    }

    /// The instructions: values of options that are too old, then what is to be done. Prices are the sender's.
    pub fn instructions(
        &self,
        snapshot: &Snapshot,
        keys: PoolKeys,
        (address, account): (Pubkey, &Portfolio),
        taker: Option<Taker>,
        now: i64,
    ) -> Vec<Instruction> {
        let own = Holdings::of([account]);
        let mut all = vec![];
        if self.start.is_some() || self.bid.is_some() {
            let both = [Some(account), taker.map(|taker| taker.portfolio)];
            let old: Vec<_> = old_values(snapshot, both.into_iter().flatten(), now).into_values().collect();
            all.extend(old.chunks(AT_ONCE).map(|some| ix::refresh_expiry(&keys.pool, some)));
        }
        if self.start.is_some() {
            all.push(ix::start_auction(keys, address, &own));
        }
        if let (Some(bid), Some(taker)) = (self.bid, taker) {
            let holdings = Holdings::of([account, taker.portfolio]);
            all.push(ix::liquidate(keys, address, taker.side, &holdings, bid.fraction.0, bid.limit));
        }
        if self.resolve {
            all.push(ix::resolve_bankruptcy(keys.pool, address, &own));
        }
        if self.end {
            all.push(ix::end_auction(keys, address, &own));
        }
        all
    }
}

/// What is to be done at the prices of a snapshot, values of options being made anew where [`Plan::instructions`] has that done: in
/// `remade`, for all who are decided on at once. Fails where the program would refuse to judge.
pub fn decide(
    snapshot: &Snapshot,
    remade: &mut Option<Box<Snapshot>>,
    account: &Portfolio,
    taker: Option<Taker>,
    now: i64,
) -> Result<Plan, HealthError> {
    let both = [Some(account), taker.map(|taker| taker.portfolio)];
    if old_values(snapshot, both.into_iter().flatten(), now).is_empty() {
        return decide_at(snapshot, account, taker, now);
    }
    decide_at(remade.get_or_insert_with(|| remake(snapshot, now)), account, taker, now)
}

/// A snapshot with the values of all options made anew, as far as the program would.
fn remake(snapshot: &Snapshot, now: i64) -> Box<Snapshot> {
    let (mut remade, params) = (Box::new(snapshot.clone()), snapshot.pool.params_at(now));
    for expiry in remade.expiries.values_mut().filter(|expiry| expiry.time > now && !expiry.is_fixed()) {
        let Some(asset) = snapshot.assets.get(&expiry.asset) else { continue };
        if let Ok(refreshed) = refreshed_expiry(expiry, asset, &params, now) {
            *expiry = refreshed;
        }
    }
    remade
}

fn decide_at(snapshot: &Snapshot, account: &Portfolio, taker: Option<Taker>, now: i64) -> Result<Plan, HealthError> {
    if account.in_auction() && !account.owes() {
        return Ok(Plan { end: true, ..Plan::default() });
    }
    if account.in_auction() && account.auction_insolvent != 0 && is_bankrupt(account) {
        return Ok(Plan { resolve: true, ..Plan::default() });
    }
    let needed = snapshot.auction(account, now)?;
    let running = account.in_auction().then_some(account.auction_insolvent != 0);
    let lapsed =
        now.saturating_sub(account.auction_start) >= auction::FAST_END.0 || snapshot.pool.paused_since(account);
    let prices = if running.is_some() { Prices::Favourable } else { Prices::Sampled };
    let (_, health) = snapshot.judge(account, Terms { now, prices })?;
    if needed.is_some() && (needed != running || lapsed) {
        let bid = choose(snapshot, account, &health, None, taker, now)?;
        return Ok(Plan { start: needed, bid, ..Plan::default() });
    }
    if running.is_none() {
        return Ok(Plan::default());
    }
    if !is_liquidatable(&health) {
        let (_, strict) = snapshot.judge(account, Terms { now, prices: Prices::Unfavourable })?;
        return Ok(Plan { end: !is_liquidatable(&strict), ..Plan::default() });
    }
    let bid = choose(snapshot, account, &health, Some(account.auction_start), taker, now)?;
    Ok(Plan { bid, ..Plan::default() })
}

fn choose(
    snapshot: &Snapshot,
    account: &Portfolio,
    health: &Health,
    started: Option<i64>,
    taker: Option<Taker>,
    now: i64,
) -> Result<Option<Bid>, HealthError> {
    let Some(taker) = taker.filter(|t| t.portfolio.owner != account.owner && !t.portfolio.in_auction()) else {
        return Ok(None);
    };
    // A bid in an auction of the other kind is refused; the auction is started anew first.
    let insolvent = health.equity.0 <= 0;
    if started.is_some() && insolvent != (account.auction_insolvent != 0) {
        return Ok(None);
    }
    let sale = Sale { account, health: *health, started, taker: taker.portfolio, now };
    bid::choose(snapshot, sale, taker.policy)
}

/// Nothing of value is left, and something is owed: what `resolve_bankruptcy` takes.
fn is_bankrupt(account: &Portfolio) -> bool {
    let owes = |b: &Balance| b.asset == SETTLEMENT_ASSET && b.lent == 0 && b.tokens == 0;
    let lost = |p: &Position| p.quantity == 0 && p.cost > 0 && p.pending_old == 0 && p.pending_new == 0;
    account.owes() && account.cash == 0 && account.balances().iter().all(owes) && account.positions().iter().all(lost)
}

/// Strikes that the portfolios hold options of and whose values a taker may not rest on, by expiry and slot.
fn old_values<'a>(
    snapshot: &Snapshot,
    portfolios: impl Iterator<Item = &'a Portfolio>,
    now: i64,
) -> BTreeMap<(u64, u8), ExpirySlots> {
    let mut slots = BTreeMap::new();
    for position in portfolios.flat_map(|p| p.positions()).filter(|p| p.quantity != 0) {
        let Ok(Instrument::Option { slot, .. }) = instrument::parse(position.instrument) else { continue };
        let Some(id) = instrument::expiry_of(position.instrument) else { continue };
        let Some(expiry) = snapshot.expiries.get(&id).filter(|e| e.time > now && !e.is_fixed()) else { continue };
        let Some(asset) = snapshot.assets.get(&expiry.asset) else { continue };
        let Ok(strike) = expiry.strike(slot) else { continue };
        let reach = i128::from(strike.reference.0) * i128::from(strike.scan_range) / 8_000_000;
        let moved = i128::from(asset.price.0.abs_diff(strike.reference.0)) >= reach;
        if moved || now - strike.refreshed.0 > VALUES_AGE - LANDING {
            let range = StrikeRange { first: slot, count: 1 };
            let (market, time) = (expiry.market, expiry.time);
            slots.insert((id, slot), ExpirySlots { market, asset: expiry.asset, time, range });
        }
    }
    slots
}
