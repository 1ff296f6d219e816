//! Compute units by the shape of what is judged, as docs/performance.md has them: bounds, for where nothing can be simulated.

use std::collections::BTreeSet;

use novate::instrument::{self, market_of, Instrument};
use novate::state::Portfolio;

/// The instruction, and the check's own part.
const CHECK: u32 = 6_000;
const BALANCE: u32 = 900;
const POSITION: u32 = 1_500;
const OPTION: u32 = 1_700;
const EXPIRY: u32 = 2_800;
/// An underlying, and one with options.
const UNDERLYING: u32 = 2_000;
const NODES: u32 = 15_000;
/// A joint row.
const ROW: u32 = 130;
/// A leg of a trade, with its event.
const LEG: u32 = 6_000;

/// Most that one check of a portfolio takes, in a pool with so many joint rows.
pub fn check_units(portfolio: &Portfolio, rows: u16) -> u32 {
    let (mut options, mut positions) = (0u32, 0u32);
    let (mut expiries, mut underlyings, mut with_options) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for position in portfolio.positions() {
        underlyings.insert(position.underlying);
        expiries.extend(instrument::expiry_of(position.instrument));
        match instrument::parse(position.instrument) {
            Ok(Instrument::Option { .. }) => {
                options += 1;
                with_options.insert(market_of(position.instrument));
            }
            _ => positions += 1,
        }
    }
    let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    let parts = [
        (count(portfolio.balances().len()), BALANCE),
        (positions, POSITION),
        (options, OPTION),
        (count(expiries.len()), EXPIRY),
        (count(underlyings.len()), UNDERLYING),
        (count(with_options.len()), NODES),
        (u32::from(rows), ROW),
    ];
    parts.into_iter().fold(CHECK, |sum, (count, each)| sum.saturating_add(count.saturating_mul(each)))
}

/// Most that a trade of so many legs takes, where each side is checked before and after.
pub fn trade_units(sides: [&Portfolio; 2], rows: u16, legs: usize) -> u32 {
    let checks: u32 = sides.map(|side| check_units(side, rows).saturating_mul(2)).iter().sum();
    let legs = u32::try_from(legs).unwrap_or(u32::MAX);
    checks.saturating_add(legs.saturating_mul(LEG + POSITION + OPTION + EXPIRY))
}
