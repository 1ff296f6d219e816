//! A portfolio's requirement in double precision, so that credit, floor and tail count can be chosen after the losses
//! have been measured once (MRG-21, MRG-22, MRG-30 to MRG-33, MRG-37, MRG-40). Neither confidence nor depth.

use novate_margin::Params;

use super::books::EXPIRIES;
use super::profile::{ratio, Places, Profile, DAYS_PER_YEAR};

const BASIS_RATE: f64 = ratio(Params::DEFAULT.basis_rate);
const NET_DELTA_FLOOR: f64 = ratio(Params::DEFAULT.net_delta_floor);
const NAKED_SHORT_RATE: f64 = ratio(Params::DEFAULT.naked_short_rate);
const LONG_OPTION_DISCOUNT: f64 = ratio(Params::DEFAULT.long_option_discount);
const SHORT_OPTION_PREMIUM: f64 = ratio(Params::DEFAULT.short_option_premium);
const TERM_VEGA_RATE: f64 = ratio(Params::DEFAULT.term_vega_rate);
// The furthest expiry comes last.
const _: () =
    assert!(ratio(Params::DEFAULT.basis_rate_per_year) * EXPIRIES[EXPIRIES.len() - 1] / DAYS_PER_YEAR < BASIS_RATE);
/// Largest number of losses that an expected shortfall is tried with.
pub const MOST_TAILS: usize = 6;

/// Options of one expiry on one underlying, gathered for the contingencies.
#[derive(Clone, Debug, Default)]
pub struct Expiry {
    /// Days to it.
    pub days: f64,
    /// Net delta of its options.
    pub delta: f64,
    /// Net value.
    pub value: f64,
    /// Net value at expiry if spot stayed.
    pub intrinsic: f64,
    /// What its options gain.
    pub profile: Profile,
    /// By strike: calls and puts netted.
    pub strikes: Vec<(f64, f64)>,
}

/// All that is held of one underlying.
#[derive(Clone, Debug, Default)]
pub struct Holding {
    /// Column in the rows.
    pub column: usize,
    /// Scan range.
    pub range: f64,
    /// USD of spot.
    pub spot: f64,
    /// USD of perpetuals.
    pub perpetual: f64,
    /// Its options.
    pub expiries: Vec<Expiry>,
    /// What all of it gains.
    pub profile: Profile,
}

impl Holding {
    /// In USD at the price of the day before.
    pub fn net_delta(&self) -> f64 {
        self.spot + self.perpetual + self.expiries.iter().map(|e| e.delta).sum::<f64>()
    }

    /// MRG-30, 32, 33 and 37. No expiry of [`EXPIRIES`] is so far away that the yearly part of MRG-30 counts.
    fn contingencies(&self) -> f64 {
        let buckets = || [self.spot, self.perpetual].into_iter().chain(self.expiries.iter().map(|e| e.delta));
        let hedged = offset(buckets());
        let basis = BASIS_RATE * hedged;
        let naked: f64 = self.expiries.iter().flat_map(|e| &e.strikes).map(|(_, net)| (-net).max(0.0)).sum();
        let values: f64 = self.expiries.iter().map(Expiry::value_charge).sum();
        let term = TERM_VEGA_RATE * offset(self.expiries.iter().map(|e| e.profile.vega()));
        basis + NAKED_SHORT_RATE * naked + values + term
    }
}

impl Expiry {
    /// MRG-33.
    fn value_charge(&self) -> f64 {
        LONG_OPTION_DISCOUNT * self.value.max(0.0)
            + SHORT_OPTION_PREMIUM * (-self.value).max(0.0)
            + (1.0 - self.days).max(0.0) * (self.value - self.intrinsic).max(0.0)
    }
}

/// The smaller of the sum of what is positive and the sum of what is negative, in size.
fn offset(parts: impl Iterator<Item = f64>) -> f64 {
    let (long, short) = parts.fold((0.0, 0.0), |(long, short), p: f64| (long + p.max(0.0), short + (-p).max(0.0)));
    f64::min(long, short)
}

/// A requirement before credit, floor and tail count are chosen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measure {
    /// Sum of scan losses.
    pub gross: f64,
    /// By tail count less one: the shortfalls alone, summed, less the joint one (MRG-22).
    saved: [f64; MOST_TAILS],
    net_delta_floor: f64,
    contingencies: f64,
}

/// What decides the joint credit: two parameters and a constant of the code (MRG-21, MRG-22).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// ES_CREDIT.
    pub credit: f64,
    /// DIVERSIFIED_FLOOR.
    pub floor: f64,
    /// Losses that an expected shortfall averages, 1 to 6.
    pub tail_count: usize,
}

impl Measure {
    /// Of what is held, one holding per underlying.
    pub fn of(holdings: &[Holding], places: &Places) -> Self {
        let mut out = Self::default();
        for holding in holdings {
            out.gross += holding.profile.scan_loss(holding.range);
            out.net_delta_floor += NET_DELTA_FLOOR * holding.net_delta().abs();
            out.contingencies += holding.contingencies();
        }
        if holdings.len() < 2 {
            return out;
        }
        let mut alone = vec![Largest::default(); holdings.len()];
        let mut together = Largest::default();
        for row in &places.0 {
            let mut sum = 0.0;
            for (holding, largest) in holdings.iter().zip(&mut alone) {
                let loss = -holding.profile.joint(&row[holding.column]);
                largest.insert(loss);
                sum += loss;
            }
            together.insert(sum);
        }
        let joint = together.shortfalls();
        let alone: Vec<_> = alone.iter().map(Largest::shortfalls).collect();
        out.saved = std::array::from_fn(|k| (alone.iter().map(|es| es[k]).sum::<f64>() - joint[k]).max(0.0));
        out
    }

    /// Initial margin at a settlement price of 1 (MRG-22, MRG-31, MRG-40).
    pub fn requirement(&self, setting: &Setting) -> f64 {
        let saved = self.saved[setting.tail_count - 1];
        let core = (setting.floor * self.gross).max(self.gross - setting.credit * saved);
        core.max(self.net_delta_floor) + self.contingencies
    }
}

/// The largest losses in descending order.
#[derive(Clone, Copy)]
struct Largest([f64; MOST_TAILS]);

impl Default for Largest {
    fn default() -> Self {
        Self([f64::NEG_INFINITY; MOST_TAILS])
    }
}

impl Largest {
    fn insert(&mut self, loss: f64) {
        if let Some(at) = self.0.iter().position(|l| loss > *l) {
            self.0[at..].rotate_right(1);
            self.0[at] = loss;
        }
    }

    /// MRG-21 for every k.
    fn shortfalls(&self) -> [f64; MOST_TAILS] {
        let mut sum = 0.0;
        let mut k = 0.0;
        self.0.map(|loss| {
            sum += loss;
            k += 1.0;
            (sum / k).max(0.0)
        })
    }
}
