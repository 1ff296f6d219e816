//! Compute units by the shape of what is judged, as docs/performance.md has them: bounds, for where nothing can be simulated, because it
//! rests on a transaction that has not landed yet. They only set limits: what is left over costs its priority fee.

use std::collections::BTreeSet;

use novate::instrument::{self, market_of, Instrument};
use novate::state::Portfolio;

/// The instruction, and the check's own part.
const CHECK: u32 = 6_000;
const BALANCE: u32 = 1_200;
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
/// Anything that an instruction of a trader does beside checks: signatures read, tokens moved, accounts made.
const INSTRUCTION: u32 = 80_000;
/// Checks of one portfolio by one instruction, before and after.
const CHECKS: u32 = 2;
/// A refresh, and what each asset or strike of it adds.
const REFRESH: u32 = 10_000;
const PRICE: u32 = 10_000;
const STRIKE: u32 = 14_000;

/// What a check goes by.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    balances: u32,
    /// Perpetuals and futures.
    linear: u32,
    options: u32,
    expiries: u32,
    underlyings: u32,
    with_options: u32,
    rows: u32,
}

impl Shape {
    fn of(portfolio: &Portfolio, rows: u16) -> Self {
        let mut shape = Self { balances: count(portfolio.balances().len()), rows: rows.into(), ..Self::default() };
        let (mut expiries, mut underlyings, mut with_options) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for position in portfolio.positions() {
            underlyings.insert(position.underlying);
            expiries.extend(instrument::expiry_of(position.instrument));
            match instrument::parse(position.instrument) {
                Ok(Instrument::Option { .. }) => {
                    shape.options += 1;
                    with_options.insert(market_of(position.instrument));
                }
                _ => shape.linear += 1,
            }
        }
        let [expiries, underlyings] = [count(expiries.len()), count(underlyings.len())];
        Self { expiries, underlyings, with_options: count(with_options.len()), ..shape }
    }

    fn units(&self) -> u32 {
        let parts = [
            (self.balances, BALANCE),
            (self.linear, POSITION),
            (self.options, OPTION),
            (self.expiries, EXPIRY),
            (self.underlyings, UNDERLYING),
            (self.with_options, NODES),
            (self.rows, ROW),
        ];
        parts.into_iter().fold(CHECK, |sum, (count, each)| sum.saturating_add(count.saturating_mul(each)))
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// Most that one check of a portfolio takes, in a pool with so many joint rows.
pub fn check_units(portfolio: &Portfolio, rows: u16) -> u32 {
    Shape::of(portfolio, rows).units()
}

/// Most that so many instructions take together, each of which may judge all the portfolios and trade so many instruments, which are then
/// held beside the others.
pub(super) fn trader_units(instructions: usize, portfolios: &[&Portfolio], traded: usize, rows: u16) -> u32 {
    let checks = portfolios.iter().map(|portfolio| check_units(portfolio, rows)).collect();
    judging_units(checks, traded).saturating_mul(count(instructions))
}

fn judging_units(checks: Vec<u32>, traded: usize) -> u32 {
    let traded = count(traded);
    let held = traded.saturating_mul(OPTION.max(POSITION) + EXPIRY + UNDERLYING + NODES);
    let own = INSTRUCTION.saturating_add(traded.saturating_mul(LEG));
    checks.into_iter().fold(own, |sum, check| sum.saturating_add(check.saturating_add(held).saturating_mul(CHECKS)))
}

/// Most that one refresh of so many assets takes.
pub(super) fn asset_units(assets: usize) -> u32 {
    count(assets).saturating_mul(PRICE).saturating_add(REFRESH)
}

/// Most that one refresh of so many strikes takes, in so many runs.
pub(super) fn strike_units(runs: usize, strikes: usize) -> u32 {
    count(strikes).saturating_mul(STRIKE).saturating_add(count(runs).saturating_mul(REFRESH))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by the bench, which fails where it is not so any more.
    const MEASURED: &str = include_str!("../../../../docs/performance.md");

    /// Rows of an instruction: the state, and its compute units.
    fn rows(instruction: &str) -> Vec<(&'static str, u32)> {
        let cells = MEASURED.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let of = cells.filter(|cells| cells.len() > 4 && cells[1] == instruction);
        of.map(|cells| (cells[2], cells[3].replace(',', "").parse().unwrap())).collect()
    }

    /// The number before a word; 0 without it.
    fn number(state: &str, word: &str) -> u32 {
        let before = state.split(word).next().filter(|before| before.len() < state.len());
        before.and_then(|before| before.trim_end().rsplit([' ', '(']).next()?.parse().ok()).unwrap_or_default()
    }

    fn shape(state: &str) -> Shape {
        let underlyings = number(state, " underlyings");
        let [options, expiries] = [number(state, " options"), number(state, " expiries")];
        Shape {
            balances: number(state, " balances"),
            linear: number(state, " perpetuals") + number(state, " futures"),
            options,
            expiries,
            underlyings,
            with_options: if options == 0 { 0 } else { underlyings.min(expiries) },
            rows: number(state, " rows").max(if state.contains(" rows") { 0 } else { 128 }),
        }
    }

    /// What is measured is within the bound, and the bound is of use.
    fn holds(what: &str, state: &str, measured: u32, bound: u32) {
        assert!(measured <= bound, "{what}, {state}: {measured} units, bound {bound}");
        assert!(bound <= 4 * measured.max(INSTRUCTION), "{what}, {state}: bound {bound} for {measured} units");
    }

    #[test]
    fn bounds_hold_for_what_the_bench_measures() {
        let checks: Vec<_> =
            rows("require_health").into_iter().filter(|(state, _)| number(state, " balances") > 0).collect();
        assert!(checks.len() > 12, "{checks:?}");
        for (state, measured) in checks {
            holds("require_health", state, measured, shape(state).units());
        }
        for (instruction, sides) in [("trade", 2), ("start_auction", 1), ("end_auction", 1), ("withdraw", 1)] {
            let measured = rows(instruction);
            let full: Vec<_> = measured.into_iter().filter(|(state, _)| number(state, " balances") > 0).collect();
            assert!(!full.is_empty(), "{instruction}");
            for (state, measured) in full {
                let traded = if instruction == "trade" {
                    number(state, if state.contains("leg") { " leg" } else { " option" })
                } else {
                    0
                };
                let bound = judging_units(vec![shape(state).units(); sides], traded as usize);
                assert!(measured <= bound, "{instruction}, {state}: {measured} units, bound {bound}");
            }
        }
        for (state, measured) in rows("refresh_expiry") {
            let strikes = number(state, " strike");
            holds("refresh_expiry", state, measured, strike_units(1, strikes as usize));
        }
        for (state, measured) in rows("refresh_asset") {
            holds("refresh_asset", state, measured, asset_units(number(state, " assets").max(1) as usize));
        }
    }
}
