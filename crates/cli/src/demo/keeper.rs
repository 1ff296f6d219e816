//! The keeper: has losers pay their variation, then winners take what was paid in (CLR-10).

use anyhow::Result;
use novate_client::instructions as ix;
use novate_client::instrument::perpetual;
use novate_client::state::{Portfolio, Position};
use novate_margin::{Contracts, Price};

use super::cast::{CAST, PERPETUALS};
use super::world::World;

/// Settles everyone in every market. `turn` rotates which winner comes first.
pub fn settle_all(world: &mut World, turn: usize) -> Result<()> {
    for market in 0..PERPETUALS.len() as u16 {
        let mark = world.market(market)?.mark;
        let mut winners = Vec::new();
        for member in 0..CAST.len() {
            let portfolio = world.portfolio(member)?;
            let Some(position) = portfolio.positions().iter().find(|p| p.instrument == perpetual(market)) else {
                continue;
            };
            if profit(position, mark)? > 0 {
                winners.push(member);
            } else {
                settle(world, member, market, mark)?;
            }
        }
        if !winners.is_empty() {
            let first = turn % winners.len();
            winners.rotate_left(first);
        }
        for member in winners {
            settle(world, member, market, mark)?;
        }
    }
    Ok(())
}

/// Settles one member in one market, where there is anything to settle.
fn settle(world: &mut World, member: usize, market: u16, mark: Price) -> Result<()> {
    let portfolio = world.portfolio(member)?;
    let pool = world.market(market)?.variation_pool.0;
    if !would_move(&portfolio, market, mark, pool, world.chain.now())? {
        return Ok(());
    }
    let underlying = PERPETUALS[usize::from(market)].asset;
    let settle = ix::settle_variation(&world.keys.pool, world.addresses[member], perpetual(market), underlying);
    world.by_anyone(settle)
}

/// Whether the instruction would move money, as it decides itself.
fn would_move(portfolio: &Portfolio, market: u16, mark: Price, pool: i64, now: i64) -> Result<bool> {
    let Some(position) = portfolio.positions().iter().find(|p| p.instrument == perpetual(market)) else {
        return Ok(false);
    };
    let mut position = *position;
    let released = position.release_pending(now);
    let profit = profit(&position, mark)?;
    let means = portfolio.cash + released + position.pending_new + position.pending_old;
    let amount = if profit > 0 { profit.min(pool) } else { profit.max(-means) };
    Ok(amount != 0 || released != 0)
}

/// Profit that is not settled, rounded down.
pub fn profit(position: &Position, mark: Price) -> Result<i64> {
    Ok(Contracts(position.quantity).value_floor(mark)?.0 - position.cost)
}
