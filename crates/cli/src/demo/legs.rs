//! Margin leg by leg: what the same holdings would need if each balance and each position were a portfolio of its own,
//! judged by the same model.

use anyhow::Result;
use bytemuck::Zeroable;
use novate_client::state::Portfolio;
use novate_client::Snapshot;

/// Initial margin of each balance and of each position alone, added up, 1e-6 USD.
pub fn initial(snapshot: &Snapshot, portfolio: &Portfolio, now: i64) -> Result<i64> {
    let mut total = 0;
    let mut alone = Box::new(Portfolio::zeroed());
    alone.balance_count = 1;
    for balance in portfolio.balances() {
        alone.balances[0] = *balance;
        total += snapshot.health(&alone, now)?.initial.0;
    }
    (alone.balance_count, alone.position_count) = (0, 1);
    for position in portfolio.positions() {
        alone.positions[0] = *position;
        total += snapshot.health(&alone, now)?.initial.0;
    }
    Ok(total)
}
