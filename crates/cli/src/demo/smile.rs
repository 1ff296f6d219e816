//! The forecasts that the demo publishes: a rule, not a market.
//!
//! Implied variance is a coin's calm variance plus [`RISE`] times the measured one (MRG-50), which begins at zero here; what
//! comes on top of calm is expected to fade with a memory of twenty days, so short expiries rise more than long ones. The
//! smile around it is the surface SSVI of Gatheral and Jacquier (2014) with phi = ETA/√theta, theta the total variance at
//! the money: free of butterfly arbitrage as long as ETA²(1 + |RHO|) is at most 4, and of calendar arbitrage as long as
//! theta grows with the expiry, as it does here.

use novate_client::Forecast;

/// Tilt: puts are dearer than calls.
const RHO: f64 = -0.25;
/// Curvature.
const ETA: f64 = 0.9;
const _: () = assert!(ETA * ETA * (1.0 - RHO) <= 4.0 && RHO < 0.0);
/// Implied variance on top of calm, in measured variances.
const RISE: f64 = 3.0;
/// Memory of it, in years.
const MEMORY: f64 = 20.0 / 365.0;
/// Yearly carry of a forward over the index when calm, and how much of it goes when measured vol is as high as calm one.
const CARRY: f64 = 0.04;
const FLIGHT: f64 = 0.12;
/// Most that one publication moves: of total variance a share, of the basis 1. Just inside of what the program allows.
const VARIANCE_STEP: f64 = 0.18;
const BASIS_STEP: f64 = 0.0045;
/// The same of a day: shares of the total variance that it began with, of the lower one what time has left, and of the basis.
const VARIANCE_DAY: [f64; 2] = [0.27, 3.8];
const BASIS_DAY: f64 = 0.029;

/// What a forecast is made of: total variance at the money, and the forward over the index, less one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    pub variance: f64,
    pub basis: f64,
}

impl Level {
    /// What the rule says for an expiry that is `years` away, where vol is `calm` a year when nothing happens and was
    /// measured as `daily`.
    pub fn target(calm: f64, daily: f64, years: f64) -> Self {
        let measured = daily * 365f64.sqrt();
        let fading = (1.0 - libm::exp(-years / MEMORY)) * MEMORY;
        let variance = calm * calm * years + RISE * measured * measured * fading;
        Self { variance, basis: (CARRY - FLIGHT * measured / calm) * years }
    }

    /// What an expiry has now.
    pub fn of(forecast: &Forecast) -> Self {
        let [basis, a, b, rho, m, sigma] =
            [forecast.basis, forecast.a, forecast.b, forecast.rho, forecast.m, forecast.sigma].map(|v| v as f64 / 1e6);
        Self { variance: a + b * ((m * m + sigma * sigma).sqrt() - rho * m), basis }
    }

    /// As far towards `target` as one publication may go.
    pub fn step(self, target: Self) -> Self {
        let [least, most] = [1.0 - VARIANCE_STEP, 1.0 + VARIANCE_STEP].map(|share| self.variance * share);
        let basis = target.basis.clamp(self.basis - BASIS_STEP, self.basis + BASIS_STEP);
        Self { variance: target.variance.clamp(least, most), basis }
    }

    /// As far as a day that began at `day`, of whose time so much is left, lets it go.
    pub fn within(self, (day, left): (Self, f64)) -> Self {
        let [least, most] = VARIANCE_DAY;
        Self {
            variance: self.variance.clamp(day.variance * least * left, day.variance * most),
            basis: self.basis.clamp(day.basis - BASIS_DAY, day.basis + BASIS_DAY),
        }
    }

    /// The forecast with this level.
    pub fn forecast(self) -> Forecast {
        let theta = self.variance;
        let phi = ETA / theta.sqrt();
        let rest = 1.0 - RHO * RHO;
        let micro = |v: f64| (v * 1e6).round() as i64;
        Forecast {
            basis: micro(self.basis),
            a: micro(theta / 2.0 * rest),
            b: micro(theta * phi / 2.0),
            rho: micro(RHO),
            m: micro(-RHO / phi),
            sigma: micro(rest.sqrt() / phi),
        }
    }

    /// Vol at the money a year, 1e-6.
    pub fn vol(self, years: f64) -> i64 {
        ((self.variance / years).sqrt() * 1e6).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use novate_margin::smile::Smile;

    use super::*;

    fn smile(level: Level) -> Smile {
        let Forecast { a, b, rho, m, sigma, .. } = level.forecast();
        let [a, b, rho, m, sigma] = [a, b, rho, m, sigma].map(novate_margin::Ratio);
        Smile { a, b, rho, m, sigma }
    }

    #[test]
    fn smiles_of_any_vol_have_no_arbitrage() -> novate_margin::Result<()> {
        for daily in [0.0, 0.02, 0.05, 0.1, 0.2] {
            let [near, far] = [8.0, 43.0].map(|days| Level::target(0.6, daily, days / 365.0));
            smile(near).validate()?;
            smile(far).validate()?;
            smile(near).require_not_above(&smile(far))?;
        }
        Ok(())
    }

    #[test]
    fn a_level_survives_its_forecast() {
        let level = Level::target(0.6, 0.05, 0.1);
        let back = Level::of(&level.forecast());
        assert!((back.variance - level.variance).abs() < 3e-6 && (back.basis - level.basis).abs() < 1e-6);
    }

    #[test]
    fn steps_arrive() {
        let (mut level, target) = (Level::target(0.6, 0.0, 0.1), Level::target(0.6, 0.06, 0.1));
        for _ in 0..12 {
            level = level.step(target);
        }
        assert_eq!(level, target);
    }
}
