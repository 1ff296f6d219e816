//! How often, and by how much, a day's loss exceeded the margin of the day before.

use novate_margin::Params;
use serde::Serialize;

use super::profile::ratio;

/// The share of days that may exceed margin.
pub const TARGET: f64 = 0.01;
/// Upper ends of the classes that breaches are counted in, as loss over margin; the last class has none.
pub const SIZES: [f64; 4] = [1.10, 1.25, 1.50, 2.00];
/// MRG-40.
const MAINTENANCE: f64 = ratio(Params::DEFAULT.maintenance_ratio);

/// One book on one day.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Initial margin on the day before.
    pub margin: f64,
    /// The sum of what each leg alone would have needed.
    pub summed: f64,
    /// Loss on the day; negative is a gain.
    pub loss: f64,
}

/// One book over many days.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Days that were tested.
    pub days: usize,
    /// Days on which the loss exceeded initial margin.
    pub breaches: usize,
    /// The same for maintenance margin.
    pub maintenance_breaches: usize,
    /// Breaches of initial margin by size; see [`SIZES`].
    pub sizes: [usize; SIZES.len() + 1],
    /// Largest loss over initial margin.
    pub worst: f64,
    /// Initial margin over summed margin, both summed over the days.
    pub share: f64,
    /// Kupiec's likelihood ratio: that breaches come at the rate of [`TARGET`].
    pub kupiec: f64,
    /// Its probability: small means another rate, lower or higher.
    pub p: f64,
}

impl Coverage {
    /// Of outcomes day by day.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut out = Self::default();
        let (mut margin, mut summed) = (0.0, 0.0);
        for outcome in outcomes {
            out.days += 1;
            margin += outcome.margin;
            summed += outcome.summed;
            out.worst = out.worst.max(outcome.loss / outcome.margin);
            out.maintenance_breaches += usize::from(outcome.loss > MAINTENANCE * outcome.margin);
            if outcome.loss > outcome.margin {
                out.breaches += 1;
                let class = SIZES.iter().position(|size| outcome.loss <= size * outcome.margin);
                out.sizes[class.unwrap_or(SIZES.len())] += 1;
            }
        }
        out.share = margin / summed;
        (out.kupiec, out.p) = kupiec(out.days, out.breaches);
        out
    }

    /// Breaches of initial margin a day.
    pub fn rate(&self) -> f64 {
        self.breaches as f64 / self.days as f64
    }

    /// Breaches of maintenance margin a day.
    pub fn maintenance_rate(&self) -> f64 {
        self.maintenance_breaches as f64 / self.days as f64
    }
}

/// Kupiec's test of the proportion of failures against [`TARGET`]: the likelihood ratio and its probability, that of
/// chi-squared with one degree of freedom.
pub fn kupiec(days: usize, breaches: usize) -> (f64, f64) {
    let (n, x) = (days as f64, breaches as f64);
    let likelihood = |p: f64| {
        let term = |count: f64, p: f64| if count == 0.0 { 0.0 } else { count * p.ln() };
        term(n - x, 1.0 - p) + term(x, p)
    };
    let ratio = 2.0 * (likelihood(x / n) - likelihood(TARGET)).max(0.0);
    (ratio, libm::erfc((ratio / 2.0).sqrt()))
}
