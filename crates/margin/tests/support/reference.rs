//! Black-76 in double precision (MRG-10), written from the rule alone; its normal distribution is libm's erfc.

use novate_margin::Tenor;

pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The call's value and N(d1).
pub fn black76(forward: f64, strike: f64, sd: f64) -> (f64, f64) {
    if sd <= 0.0 || forward <= 0.0 {
        return ((forward - strike).max(0.0), if forward > strike { 1.0 } else { 0.0 });
    }
    let d1 = (forward / strike).ln() / sd + sd / 2.0;
    (forward * cdf(d1) - strike * cdf(d1 - sd), cdf(d1))
}

pub fn years(tenor: Tenor) -> f64 {
    tenor.0 as f64 / (365.0 * 86_400.0 * 1e9)
}
