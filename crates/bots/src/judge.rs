//! Where a portfolio stands, and how far prices have to move before that can be otherwise.
//!
//! A reach is a bound, not a forecast: as long as every price that a portfolio rests on has moved by less than it, the portfolio
//! is above the level that it was measured against. So a bot that looks at a portfolio only when a price reaches its edge misses
//! none for the price; what else moves health, time, forecasts, funding, is small between two looks at everyone, which go on
//! all the time ([`crate::candidates`]).

use std::collections::BTreeSet;

use novate_client::instrument::{self, Instrument};
use novate_client::state::{Portfolio, SETTLEMENT_ASSET};
use novate_client::{HealthError, Snapshot, Terms};
use novate_margin::{Book, Health, Ratio, Usd};

/// How much equity a holding may lose of its notional when the price moves by all of it, and how much maintenance margin it may
/// gain: of what is linear, and of options. Equity follows price one to one at most. Maintenance is 0.80 of scan losses and charges that
/// are shares of notional: a linear loss is a share of at most the scan range, less a credit that moves no faster; an option's loss at
/// a node is a difference of two values, each of which follows price one to one at most.
const LINEAR: Exposure = Exposure { equity: 1, maintenance: 1 };
const OPTION: Exposure = Exposure { equity: 1, maintenance: 3 };

/// In multiples of notional.
#[derive(Clone, Copy)]
struct Exposure {
    equity: i128,
    maintenance: i128,
}

/// What a look at a portfolio found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub equity: Usd,
    pub maintenance: Usd,
    /// Equity over maintenance margin, 1e-6, rounded down; the largest number where there is no margin.
    pub factor: Ratio,
    /// Least share by which a price has to move before the factor can fall to the next level below it, 1e-6; 0 of one that is below
    /// all of them.
    pub reach: Ratio,
}

impl Verdict {
    pub fn is_short(&self) -> bool {
        self.equity < self.maintenance
    }
}

/// Looks at many portfolios, in one workspace. `levels` are factors at or above 1 at which something is to be done; 1 is always one.
pub struct Judge {
    book: Box<Book>,
    levels: Vec<Ratio>,
}

impl Judge {
    pub fn new(levels: &[Ratio]) -> Self {
        let mut levels: Vec<_> = levels.iter().copied().chain([Ratio::ONE]).filter(|l| *l >= Ratio::ONE).collect();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.dedup();
        Self { book: bytemuck::zeroed_box(), levels }
    }

    /// None of a portfolio that owes nothing. Fails where the program would refuse to judge it.
    pub fn look(
        &mut self,
        snapshot: &Snapshot,
        portfolio: &Portfolio,
        terms: Terms,
    ) -> Result<Option<Verdict>, HealthError> {
        if !portfolio.owes() {
            return Ok(None);
        }
        let health = snapshot.judge_in(&mut self.book, portfolio, terms)?;
        Ok(Some(self.measure(snapshot, portfolio, &health)))
    }

    fn measure(&self, snapshot: &Snapshot, portfolio: &Portfolio, health: &Health) -> Verdict {
        let (equity, maintenance) = (health.equity, health.maintenance);
        let factor = novate_margin::health_factor(health);
        let above = |level: Ratio| i128::from(equity.0) * 1_000_000 - i128::from(maintenance.0) * i128::from(level.0);
        let next = self.levels.iter().map(|level| (*level, above(*level))).find(|(_, above)| *above >= 0);
        let reach = match next {
            None => Ratio::ZERO,
            Some((level, above)) => {
                let moved = exposure(snapshot, portfolio, equity, level);
                let reach = if moved == 0 { i128::from(Ratio::ONE.0) } else { above / moved };
                Ratio(i64::try_from(reach).unwrap_or(i64::MAX).min(Ratio::ONE.0))
            }
        };
        Verdict { equity, maintenance, factor, reach }
    }
}

/// What equity may lose and `level` times maintenance margin gain together when every price moves by all of it, 1e-6 USD.
fn exposure(snapshot: &Snapshot, portfolio: &Portfolio, equity: Usd, level: Ratio) -> i128 {
    let mut total = 0;
    let mut add = |notional: i128, of: Exposure| {
        total += notional * (of.equity + of.maintenance * i128::from(level.0) / 1_000_000 + 1);
    };
    let price = |asset: u16| snapshot.assets.get(&asset).map_or(0, |asset| i128::from(asset.price.0));
    for position in portfolio.positions() {
        let notional = i128::from(position.quantity).abs() * price(position.underlying) / 1_000_000_000_000;
        let option = matches!(instrument::parse(position.instrument), Ok(Instrument::Option { .. }));
        add(notional, if option { OPTION } else { LINEAR });
    }
    for balance in portfolio.balances() {
        let Some(asset) = snapshot.assets.get(&balance.asset) else { continue };
        let quantity = asset.quantity(balance).map_or(i64::MAX, |q| q.0);
        add(i128::from(quantity).abs() * i128::from(asset.price.0) / 1_000_000_000_000, LINEAR);
    }
    // What is in settlement asset, all of it together: cash and variation.
    add(i128::from(equity.0).abs(), LINEAR);
    total
}

/// The assets whose prices a portfolio rests on.
pub fn rests_on(portfolio: &Portfolio) -> BTreeSet<u16> {
    let balances = portfolio.balances().iter().flat_map(|b| [b.asset, b.redemption_underlying]);
    let positions = portfolio.positions().iter().map(|p| p.underlying);
    balances.chain(positions).chain([SETTLEMENT_ASSET]).collect()
}
