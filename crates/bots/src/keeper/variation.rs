//! Variation that is worth settling, in the order in which everyone gets most.

use std::collections::BTreeMap;

use novate_client::instructions as ix;
use novate_client::instrument::{self, expiry_of, market_of, Instrument};
use novate_client::rpc::Mirrored;
use novate_client::state::{Market, Portfolio, Position, SETTLEMENT_ASSET};
use novate_client::Snapshot;
use novate_margin::{Contracts, Price};

use super::chores::{Chore, Policy, Subject, LANDING};

/// Variation to settle: losers in order of their addresses, then winners out of what losers pay (CLR-10).
pub fn variation(mirrored: &Mirrored, policy: Policy, now: i64) -> Vec<(Subject, Chore)> {
    let snapshot = &mirrored.snapshot;
    let (mut losers, mut winners) = (vec![], vec![]);
    for (address, portfolio) in &mirrored.portfolios {
        for position in portfolio.positions() {
            let Some(profit) = unsettled(snapshot, position, now) else { continue };
            let side = if profit > 0 { &mut winners } else { &mut losers };
            side.push((*address, portfolio, position, profit));
        }
    }
    let shortage = snapshot.assets.get(&SETTLEMENT_ASSET).map_or(0, |asset| asset.shortage);
    let mut pools: BTreeMap<u16, i64> =
        snapshot.markets.iter().map(|(i, market)| (*i, market.variation_pool.0)).collect();
    let mut chores = vec![];
    for (address, portfolio, position, profit) in losers.into_iter().chain(winners) {
        let market = market_of(position.instrument);
        let Some((ledger, pool)) = snapshot.markets.get(&market).zip(pools.get_mut(&market)) else { continue };
        let Some(moved) = moves(portfolio, position, profit, (ledger, *pool, shortage), now) else { continue };
        if moved.abs() < policy.least_variation && position.quantity != 0 {
            continue;
        }
        *pool = pool.saturating_sub(moved);
        let settle = ix::settle_variation(&mirrored.pool, address, position.instrument, position.underlying);
        chores.push((Subject::Variation(address, position.instrument), Chore::Other("settle_variation", settle)));
    }
    chores
}

/// Profit that is not settled, rounded down; none of an option that is held, and where there is no fresh price.
fn unsettled(snapshot: &Snapshot, position: &Position, now: i64) -> Option<i64> {
    if position.quantity == 0 {
        return position.cost.checked_neg();
    }
    let asset = snapshot.assets.get(&position.underlying)?;
    asset.require_fresh(now, asset.max_age - LANDING).ok()?;
    let mark: Price = match instrument::parse(position.instrument).ok()? {
        Instrument::Perpetual => snapshot.markets.get(&market_of(position.instrument))?.mark_at(asset.price).ok()?,
        Instrument::Future { .. } => snapshot.expiries.get(&expiry_of(position.instrument)?)?.mark(asset, now).ok()?,
        Instrument::Option { .. } => return None,
    };
    Contracts(position.quantity).value_floor(mark).ok()?.0.checked_sub(position.cost)
}

/// What `settle_variation` would move out of the variation pool, or, below zero, into it; none where nothing moves and nothing
/// becomes cash.
fn moves(
    portfolio: &Portfolio,
    position: &Position,
    profit: i64,
    (market, pool, shortage): (&Market, i64, u64),
    now: i64,
) -> Option<i64> {
    let mut copy = *position;
    let released = copy.release_pending(now, market.holds_back(shortage, now));
    let means =
        portfolio.cash.saturating_add(released).saturating_add(copy.pending_new).saturating_add(copy.pending_old);
    let amount = match profit > 0 {
        true if market.round.is_open(now) => 0,
        true => profit.min(pool),
        false => profit.max(means.saturating_neg()),
    };
    (amount != 0 || released != 0).then_some(amount)
}
