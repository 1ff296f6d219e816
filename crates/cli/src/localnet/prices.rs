//! Where the prices of a local cluster come from: days that broke markets, or a random walk.

use anyhow::{ensure, Result};
use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::demo::prices::{PricePath, DAY, START, UNIT};
use crate::demo::products::COINS;
use crate::demo::stress::window::WINDOWS;

/// Prices where a walk begins, and of coins that a window has none of; 1e-8 USD by asset index.
const ORDINARY: [i64; 4] = [UNIT, 140 * UNIT, 90_000 * UNIT, 3_000 * UNIT];
/// Deviation of a coin in a year of the walk, and what all coins have in common of it.
const DEVIATION: [f64; 4] = [0.0, 0.8, 0.45, 0.6];
const COMMON: f64 = 0.8;
const YEAR: f64 = 365.0 * 86_400.0;
/// Memory of the average that is published beside a price, seconds.
const MEMORY: f64 = 3_600.0;

/// Days whose prices can be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Replay {
    /// March 2020.
    Covid,
    /// May 2021.
    Deleveraging,
    /// November 2022.
    Ftx,
    /// March 2023, when USDC lost its peg.
    Depeg,
}

/// Price and average by asset index, 1e-8 USD.
pub type Quotes = [[i64; 2]; COINS.len()];

pub enum Prices {
    Replay { path: PricePath, from: i64, until: i64 },
    Walk(Box<Walk>),
}

impl Prices {
    /// Some days of a window: from the first one, counted from 0, so many; all that follow where it is not said.
    pub fn replay(which: Replay, first: i64, days: Option<i64>) -> Result<Self> {
        let path = WINDOWS[which as usize].prices()?;
        let rest = path.length() - first;
        let days = days.unwrap_or(rest);
        ensure!(first >= 0 && days > 0 && days <= rest, "{which:?} has days 0 to {}", path.length() - 1);
        let from = START + first * DAY;
        Ok(Self::Replay { path, from, until: from + days * DAY })
    }

    pub fn walk(seed: u64) -> Self {
        let prices = ORDINARY.map(|price| price as f64);
        let random = StdRng::seed_from_u64(seed);
        Self::Walk(Box::new(Walk { random, elapsed: 0, prices, averages: prices }))
    }

    /// Seconds until there are no more; a walk goes on.
    pub fn length(&self) -> Option<i64> {
        match self {
            Self::Replay { from, until, .. } => Some(until - from),
            Self::Walk(_) => None,
        }
    }

    /// The prices so many seconds after the start, later than those before.
    pub fn after(&mut self, elapsed: i64) -> Result<Quotes> {
        match self {
            Self::Walk(walk) => Ok(walk.after(elapsed)),
            Self::Replay { path, from, until } => {
                let time = (*from + elapsed).min(*until);
                let mut quotes = ORDINARY.map(|price| [price; 2]);
                for (coin, quote) in COINS.iter().zip(&mut quotes) {
                    if path.coins().iter().any(|name| name == coin.symbol) {
                        *quote = [path.at(coin.symbol, time)?, path.average(coin.symbol, time)?];
                    }
                }
                Ok(quotes)
            }
        }
    }
}

/// A geometric walk of coins that move with each other. The same seed, asked at the same times, gives the same prices.
pub struct Walk {
    random: StdRng,
    elapsed: i64,
    prices: [f64; COINS.len()],
    averages: [f64; COINS.len()],
}

impl Walk {
    fn after(&mut self, elapsed: i64) -> Quotes {
        let seconds = (elapsed - self.elapsed).max(0) as f64;
        self.elapsed = elapsed;
        let (years, follow) = (seconds / YEAR, 1.0 - libm::exp(-seconds / MEMORY));
        let common = self.normal();
        for (at, deviation) in DEVIATION.iter().enumerate() {
            let own = self.normal();
            let shock = COMMON * common + libm::sqrt(1.0 - COMMON * COMMON) * own;
            self.prices[at] *= libm::exp(deviation * libm::sqrt(years) * shock - deviation * deviation * years / 2.0);
            self.averages[at] += follow * (self.prices[at] - self.averages[at]);
        }
        std::array::from_fn(|at| [self.prices[at].round() as i64, self.averages[at].round() as i64])
    }

    /// Of mean 0 and deviation 1 (Box and Muller).
    fn normal(&mut self) -> f64 {
        let [radius, angle]: [f64; 2] = [self.random.random(), self.random.random()];
        libm::sqrt(-2.0 * libm::log(1.0 - radius)) * libm::cos(core::f64::consts::TAU * angle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_its_seed() -> Result<()> {
        let prices = |seed| -> Result<Vec<Quotes>> {
            let mut walk = Prices::walk(seed);
            (0..50).map(|step| walk.after(step * 600)).collect()
        };
        assert_eq!(prices(1)?, prices(1)?);
        assert_ne!(prices(1)?, prices(2)?);
        Ok(())
    }

    #[test]
    fn a_walk_moves_as_much_as_it_says() -> Result<()> {
        let (mut walk, step) = (Prices::walk(3), 3_600);
        let (mut sum, mut before) = ([0.0; 4], walk.after(0)?);
        for hour in 1..=2_000 {
            let now = walk.after(hour * step)?;
            for (at, sum) in sum.iter_mut().enumerate() {
                *sum += libm::log(now[at][0] as f64 / before[at][0] as f64).powi(2);
            }
            before = now;
        }
        for (at, sum) in sum.iter().enumerate() {
            let yearly = libm::sqrt(sum / 2_000.0 * YEAR / step as f64);
            assert!((yearly - DEVIATION[at]).abs() <= 0.1 * DEVIATION[at], "asset {at}: {yearly}");
        }
        Ok(())
    }

    #[test]
    fn a_replay_has_the_prices_of_its_days_and_ends() -> Result<()> {
        let mut ftx = Prices::replay(Replay::Ftx, 4, Some(2))?;
        assert_eq!(ftx.length(), Some(2 * DAY));
        let (start, end) = (ftx.after(0)?, ftx.after(2 * DAY)?);
        let sol = usize::from(crate::demo::products::SOL);
        assert!(end[sol][0] < start[sol][0] / 10 * 6, "{start:?} {end:?}");
        let low = ftx.after(3 * DAY / 2)?;
        assert!(low[sol][1] > low[sol][0], "the average lags behind a fall");
        assert_eq!(ftx.after(3 * DAY)?, end);
        assert!(Prices::replay(Replay::Depeg, 0, Some(100)).is_err());
        Ok(())
    }
}
