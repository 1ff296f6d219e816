//! What a holding gains in each scenario, in double precision (MRG-10 to MRG-14, MRG-20).
//!
//! Spot is 1 throughout: a quantity is an amount of USD at the price of the day before. Forwards equal spot.

use novate_margin::{Params, Ratio, MOVE_ONE, VOL_ONE};

use super::history::Day;
use super::rows::Row;

/// A parameter as a number.
pub const fn ratio(ratio: Ratio) -> f64 {
    ratio.0 as f64 / Ratio::ONE.0 as f64
}

/// A year of vol.
pub const DAYS_PER_YEAR: f64 = 365.0;
/// Spot nodes on each side of zero, and in all (MRG-11).
const STEPS: usize = 8;
const NODES: usize = 2 * STEPS + 1;
/// Rows of a grid.
const DOWN: usize = 0;
const FLAT: usize = 1;
const UP: usize = 2;
/// Tail nodes in scan ranges, not below the lowest move, and absolute (MRG-13).
const RANGE_TAILS: [f64; 4] = [-2.0, -1.5, 1.5, 2.0];
const TAILS: [f64; 5] = [-0.66, -0.33, 0.50, 1.00, 2.00];
const LOWEST_MOVE: f64 = -0.95;
const TAIL_NODES: usize = RANGE_TAILS.len() + TAILS.len();
const TAIL_FACTOR: f64 = ratio(Params::DEFAULT.tail_factor);
/// MRG-12.
const VOL_UP: f64 = ratio(Params::DEFAULT.vol_up);
const VOL_DOWN: f64 = ratio(Params::DEFAULT.vol_down);
const VOL_UP_FLOOR: f64 = ratio(Params::DEFAULT.vol_up_floor);

fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// A call's value by Black-76 and its delta, spot and forward 1 + `moved` (MRG-10).
pub fn call(moved: f64, strike: f64, days: f64, vol: f64) -> (f64, f64) {
    let forward = 1.0 + moved;
    let deviation = vol * (days / DAYS_PER_YEAR).sqrt();
    if deviation <= 0.0 {
        return ((forward - strike).max(0.0), f64::from(u8::from(forward > strike)));
    }
    let d1 = (forward / strike).ln() / deviation + deviation / 2.0;
    let delta = normal(d1);
    (forward * delta - strike * normal(d1 - deviation), delta)
}

/// The vol of a scenario (MRG-12).
fn shocked(vol: f64, days: f64, grid: usize) -> f64 {
    let scale = (30.0 / days.max(1.0)).powf(if days < 30.0 { 0.30 } else { 0.13 });
    match grid {
        UP => (vol * (1.0 + VOL_UP * scale)).max(VOL_UP_FLOOR),
        DOWN => (vol * (1.0 - VOL_DOWN * scale)).max(0.0),
        _ => vol,
    }
}

/// What a holding gains in each scenario and over the day that came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Profile {
    /// At spot nodes with vol down, flat and up.
    grid: [[f64; NODES]; 3],
    /// At tail nodes, vol up, not weighted.
    tails: [f64; TAIL_NODES],
    /// On the day that came.
    pub gain: f64,
}

impl Profile {
    fn of(range: f64, gain: f64, at: impl Fn(f64, usize) -> f64) -> Self {
        let node = |j: usize| range * (j as f64 - STEPS as f64) / STEPS as f64;
        let grid = [DOWN, FLAT, UP].map(|vol| std::array::from_fn(|j| at(node(j), vol)));
        Self { grid, tails: tails(range).map(|m| at(m, UP)), gain }
    }

    /// One USD of spot, perpetual or forward.
    pub fn linear(day: &Day) -> Self {
        Self::of(day.range, day.change, |m, _| m)
    }

    /// A call on one USD of spot; a day later it is a day nearer to expiry, and vol is `vols[1]` instead of `vols[0]`.
    pub fn call(day: &Day, strike: f64, days: f64, vols: [f64; 2]) -> Self {
        let now = call(0.0, strike, days, vols[0]).0;
        let gain = call(day.change, strike, days - 1.0, vols[1]).0 - now;
        let shocked = [DOWN, FLAT, UP].map(|grid| shocked(vols[0], days, grid));
        Self::of(day.range, gain, |m, grid| call(m, strike, days, shocked[grid]).0 - now)
    }

    /// Adds so many of another.
    pub fn add(&mut self, quantity: f64, other: &Self) {
        let mine = self.grid.as_flattened_mut().iter_mut().chain(&mut self.tails);
        for (mine, other) in mine.zip(other.grid.as_flattened().iter().chain(&other.tails)) {
            *mine += quantity * other;
        }
        self.gain += quantity * other.gain;
    }

    /// MRG-14.
    pub fn scan_loss(&self, range: f64) -> f64 {
        let weighted = self.tails.iter().zip(tails(range)).map(|(p, m)| p * (TAIL_FACTOR * range / m.abs()).min(1.0));
        let worst = self.grid.as_flattened().iter().copied().chain(weighted).fold(0.0, f64::min);
        -worst
    }

    /// MRG-20.
    pub fn joint(&self, place: &Place) -> f64 {
        let at = |row: &[f64; NODES]| row[place.node] + (row[place.node + 1] - row[place.node]) * place.part;
        let flat = at(&self.grid[FLAT]);
        if place.vol == 0.0 {
            return flat;
        }
        let other = at(&self.grid[if place.vol > 0.0 { UP } else { DOWN }]);
        flat + place.vol.abs() * (other - flat)
    }

    /// Gain where vol alone rises (MRG-37).
    pub fn vega(&self) -> f64 {
        self.grid[UP][STEPS]
    }
}

fn tails(range: f64) -> [f64; TAIL_NODES] {
    std::array::from_fn(|at| match RANGE_TAILS.get(at) {
        Some(ranges) => (ranges * range).max(LOWEST_MOVE),
        None => TAILS[at - RANGE_TAILS.len()],
    })
}

/// Where a row finds its value in a grid.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    node: usize,
    part: f64,
    vol: f64,
}

/// Rows ready for use: by row, then by column.
pub struct Places(pub Vec<Vec<Place>>);

impl Places {
    /// Of staged rows.
    pub fn new(rows: &[Row]) -> Self {
        let place = |(z, vol): (&i16, &i8)| {
            let at = (f64::from(*z) / f64::from(MOVE_ONE) + 1.0) * STEPS as f64;
            let node = (at as usize).min(NODES - 2);
            Place { node, part: at - node as f64, vol: f64::from(*vol) / f64::from(VOL_ONE) }
        };
        Self(rows.iter().map(|r| r.moves.iter().zip(&r.vols).map(place).collect()).collect())
    }
}
