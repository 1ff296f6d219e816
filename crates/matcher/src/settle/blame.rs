//! Whose order was at fault, when the chain refuses a fill.
//!
//! The program says what is wrong and not with whom. What concerns an order alone is found by reading its portfolio; what concerns
//! margin, by the model; a price off the band is the maker's, whose limit it is. What is nobody's fault, a stale price or a pause, is
//! tried again for a while.

use novate_client::instrument::{self, Instrument};
use novate_client::rpc::PoolView;
use novate_client::state::Portfolio;
use novate_client::{Prices, Terms};

use super::transaction::{received, NO_MARK, NO_PRICES};
use super::{leg_prices, Chain, Due, Facts, Quote};
use crate::admission::check_trader;
use crate::engine::Blame;
use crate::order::{Side, Standing};
use crate::view::{Holder, View};

/// Errors of the world rather than of an order.
const NOBODYS: [&str; 13] = [
    "PriceStale",
    "PriceUncertain",
    "ChainStale",
    "ChainShifted",
    "ChainNotCurrent",
    "ForecastStale",
    "Paused",
    "PoolNotLive",
    "StrikeNotPriced",
    "WrongScenarios",
    "Restricted",
    "OpenInterestCap",
    NO_MARK,
];
/// Errors of the price, which is the maker's limit.
const MAKERS: [&str; 3] = ["OutsideBand", "InvalidPrice", NO_PRICES];
/// Slots that a portfolio has for orders.
const SLOTS: usize = 32;

/// What is wrong with an order or its portfolio, by the error that the program would give.
pub type Fault = &'static str;

/// An order that the chain would not fill whatever it met.
pub(super) fn withdrawn(facts: &Facts, holder: &Holder, now: i64) -> Option<Fault> {
    if facts.generation != holder.generation {
        return Some("OrderGeneration");
    }
    if facts.nonce < holder.minimum_nonce {
        return Some("NonceTooLow");
    }
    if check_trader(holder, &facts.signer.0, facts.nonce, now).is_err() {
        return Some("WrongAuthority");
    }
    let met = holder.fills.iter().find(|(nonce, until, _)| (*nonce, *until) == (facts.nonce, facts.until));
    met.is_some_and(|(_, _, filled)| *filled == i64::MAX).then_some("OrderCancelled")
}

/// What is wrong with an order's part in a fill, apart from margin. `legs`: contracts that its portfolio receives, by instrument.
pub fn local_fault(
    standing: &Standing,
    holder: &Holder,
    quantity: i64,
    legs: &[(u64, i64)],
    now: i64,
) -> Option<Fault> {
    let facts = Facts::of(standing);
    if let Some(fault) = withdrawn(&facts, holder, now) {
        return Some(fault);
    }
    if facts.until <= now {
        return Some("OrderExpired");
    }
    let met = holder.fills.iter().find(|(nonce, until, _)| (*nonce, *until) == (facts.nonce, facts.until));
    let filled = met.map_or(0, |(_, _, filled)| *filled);
    if filled.saturating_add(quantity) > standing.order.quantity {
        return Some("OrderOverfilled");
    }
    let live = |(nonce, until, _): &&(u64, i64, i64)| *until > now && *nonce >= holder.minimum_nonce;
    if met.is_none() && holder.fills.iter().filter(live).count() >= SLOTS {
        return Some("FillsFull");
    }
    let held = |instrument: u64| holder.positions.iter().find(|(id, _)| *id == instrument).map_or(0, |(_, q)| *q);
    let shrinks = |(instrument, received): &(u64, i64)| {
        let held = held(*instrument);
        held.signum() == -received.signum() && received.unsigned_abs() <= held.unsigned_abs()
    };
    (standing.order.flags.reduce_only && !legs.iter().all(shrinks)).then_some("ReduceOnly")
}

/// Whose order is at fault for an error; none where the fill may be tried again.
pub(super) async fn judge(chain: &Chain, view: &View, due: &Due, error: &str) -> Option<Blame> {
    if NOBODYS.contains(&error) {
        return None;
    }
    if MAKERS.contains(&error) {
        return Some(Blame::Maker);
    }
    let (Ok((maker, taker)), Some(mirror)) = (chain.portfolios(due).await, view.mirror()) else { return None };
    let pool = mirror.read().view();
    let side = due.fill.maker_side;
    let settled = error == "UnsettledGains";
    let maker = is_at_fault(&pool, due, (&due.maker, &maker), (side, settled));
    let taker = is_at_fault(&pool, due, (&due.taker, &taker), (side.opposite(), settled));
    Some(match (maker, taker) {
        (true, false) => Blame::Maker,
        (false, true) => Blame::Taker,
        // Nothing tells them apart.
        (true, true) | (false, false) => Blame::Both,
    })
}

/// The order that takes more of the packet, in which there is not room for both: of two as long as each other the newer.
pub(super) fn longer(due: &Due) -> Blame {
    let length = |standing: &Standing| standing.order.signed.as_ref().map_or(0, |signed| signed.text.len());
    match length(&due.maker) > length(&due.taker) {
        true => Blame::Maker,
        false => Blame::Taker,
    }
}

fn is_at_fault(
    pool: &PoolView,
    due: &Due,
    (standing, portfolio): (&Standing, &Portfolio),
    (side, settled): (Side, bool),
) -> bool {
    let legs = due.fill.strategy.legs();
    let moved = legs.iter().map(|leg| Some((leg.instrument, received(due, leg.ratio, side)?)));
    let Some(moved) = moved.collect::<Option<Vec<_>>>() else { return true };
    let holder = Holder::from(portfolio);
    if local_fault(standing, &holder, due.fill.quantity, &moved, pool.now).is_some() {
        return true;
    }
    !may_hold(pool, due, portfolio, (&moved, settled)).unwrap_or(false)
}

/// Whether a portfolio may hold what it would after the fill: caps, what is left of positions, cash, and initial margin, without gains
/// that are not settled where `settled`; as nearly as can be told without fees. None where it cannot be told.
fn may_hold(
    pool: &PoolView,
    due: &Due,
    portfolio: &Portfolio,
    (moved, settled): (&[(u64, i64)], bool),
) -> Option<bool> {
    if portfolio.in_auction() {
        return Some(false);
    }
    let mut after = Box::new(*portfolio);
    let quotes: Option<Vec<Quote>> = moved.iter().map(|(instrument, _)| quote(pool, *instrument)).collect();
    let prices = leg_prices(&due.fill.strategy, due.fill.price, &quotes?)?;
    for ((instrument, received), price) in moved.iter().zip(prices) {
        let market = pool.snapshot.markets.get(&instrument::market_of(*instrument))?;
        let cost = i128::from(*received) * i128::from(price) / 1_000_000_000_000;
        let cost = i64::try_from(cost).ok()?;
        let position = after.position_entry(*instrument, market.asset, pool.now).ok()?;
        let held = position.quantity;
        position.quantity = held.checked_add(*received)?;
        let size = position.quantity.unsigned_abs();
        let grows = size > held.unsigned_abs();
        let dust = size != 0 && size < market.minimum.0.unsigned_abs();
        if dust || grows && size > market.position_cap.0.unsigned_abs() {
            return Some(false);
        }
        if matches!(instrument::parse(*instrument), Ok(Instrument::Option { .. })) {
            after.cash = after.cash.checked_sub(cost)?;
        } else {
            position.add_cost(cost).ok()?;
        }
    }
    if after.cash < 0 {
        return Some(false);
    }
    after.free_empty_positions();
    if after.require_within_limits().is_err() {
        return Some(false);
    }
    let terms = Terms { now: pool.now, prices: Prices::Last };
    let (_, health) = pool.snapshot.judge(&after, terms).ok()?;
    Some(if settled { health.meets_initial_settled() } else { health.meets_initial() })
}

/// Mark and tick of an instrument, by the prices that are known.
pub(super) fn quote(pool: &PoolView, id: u64) -> Option<Quote> {
    let snapshot = &pool.snapshot;
    let market = snapshot.markets.get(&instrument::market_of(id))?;
    let asset = snapshot.assets.get(&market.asset)?;
    let expiry = instrument::expiry_of(id).and_then(|id| snapshot.expiries.get(&id));
    match (instrument::parse(id).ok()?, expiry) {
        (Instrument::Perpetual, _) => Some(Quote { mark: market.mark_at(asset.price).ok()?.0, tick: market.tick.0 }),
        (Instrument::Future { .. }, Some(expiry)) => {
            Some(Quote { mark: expiry.mark(asset, pool.now).ok()?.0, tick: market.tick.0 })
        }
        (Instrument::Option { slot, right, .. }, Some(expiry)) => {
            let decided = asset.decided(expiry.time, pool.now).ok()?;
            let facts = expiry.facts(decided, pool.now).ok()?;
            let spot = (asset.price, asset.scan_range);
            let option = novate_margin::dated::option_at(expiry.strike(slot).ok()?, right, spot, facts).ok()?;
            Some(Quote { mark: option.mark.0, tick: market.option_tick.0 })
        }
        _ => None,
    }
}
