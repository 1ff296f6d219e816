//! The keeper: has losers pay their variation, then winners take what was paid in (CLR-10).

use anyhow::Result;
use novate_client::instructions as ix;
use novate_client::instrument::{market_of, Instrument};
use novate_client::state::Position;
use novate_margin::{Contracts, Price};

use super::cast::CAST;
use super::products::{self, underlying};
use super::world::World;

/// Settles everyone's perpetuals and futures. `turn` rotates which winner comes first.
pub fn settle_all(world: &mut World, turn: usize) -> Result<()> {
    let mut winners = Vec::new();
    for member in 0..CAST.len() {
        for (position, profit) in unsettled(world, member)? {
            if profit > 0 {
                winners.push((member, position));
            } else {
                settle(world, member, &position, profit)?;
            }
        }
    }
    if !winners.is_empty() {
        let first = turn % winners.len();
        winners.rotate_left(first);
    }
    for (member, position) in winners {
        let profit = profit(&position, world.mark(position.instrument)?)?;
        settle(world, member, &position, profit)?;
    }
    Ok(())
}

/// Settles one position, where there is anything to settle.
fn settle(world: &mut World, member: usize, position: &Position, profit: i64) -> Result<()> {
    let pool = world.market(market_of(position.instrument))?.variation_pool.0;
    if !would_move(position, profit, world.portfolio(member)?.cash, pool, world.chain.now()) {
        return Ok(());
    }
    let (instrument, asset) = (position.instrument, underlying(position.instrument));
    world.by_anyone(ix::settle_variation(&world.keys.pool, world.addresses[member], instrument, asset))
}

/// Whether the instruction would move money, as it decides itself.
fn would_move(position: &Position, profit: i64, cash: i64, pool: i64, now: i64) -> bool {
    let mut position = *position;
    let released = position.release_pending(now, 0);
    let means = cash + released + position.pending_new + position.pending_old;
    let amount = if profit > 0 { profit.min(pool) } else { profit.max(-means) };
    amount != 0 || released != 0
}

/// A member's positions that are settled by variation, each with its profit that is not settled.
pub fn unsettled(world: &World, member: usize) -> Result<Vec<(Position, i64)>> {
    let mut out = Vec::new();
    for position in world.portfolio(member)?.positions() {
        if !matches!(products::parse(position.instrument)?, Instrument::Option { .. }) {
            out.push((*position, profit(position, world.mark(position.instrument)?)?));
        }
    }
    Ok(out)
}

/// Profit that is not settled, rounded down.
fn profit(position: &Position, mark: Price) -> Result<i64> {
    Ok(Contracts(position.quantity).value_floor(mark)?.0 - position.cost)
}
