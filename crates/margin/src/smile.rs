//! The smile of one expiry (MRG-10): total variance at log-moneyness k = ln(K/F) by the SVI formula
//! w(k) = a + b·(ρ·(k - m) + √((k - m)² + σ²)), with |k| clamped to 4·√(a + b·σ).

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::fixed::mul_div_floor;
use crate::pricing::{log_of, root_time, Deviation};
use crate::transcendental::sqrt;
use crate::units::{Price, Ratio, Tenor};

/// Largest total variance a: a vol of 800 % over a year.
pub const MAX_LEVEL: Ratio = Ratio(64_000_000);
/// b·(1 + |ρ|) is below this: a steeper wing has arbitrage, whatever the rest (Lee's bound).
pub const SLOPE_BOUND: Ratio = Ratio(2_000_000);
/// Largest |m| and σ, in log-moneyness.
pub const MAX_WIDTH: Ratio = Ratio(4_000_000);
/// The clamp of |k|, in multiples of √(a + b·σ).
const CLAMP: i64 = 4;
/// Tests for arbitrage do not go beyond this |k|.
const TESTED: i64 = 3 << BITS;
/// Points at which arbitrage is tested, on each side of zero.
pub const TEST_STEPS: i64 = 32;
/// Points at which several smiles of an expiry are compared.
pub const POINTS: usize = 9;
/// From one to the next, in steps of the test.
const STRIDE: i64 = TEST_STEPS / 4;
const _: () = assert!(POINTS == 9 && STRIDE * 8 == 2 * TEST_STEPS);

/// Fractional bits of log-moneyness.
const BITS: u32 = crate::pricing::DEVIATION_BITS;
/// Fractional bits that a total variance has on top of its 1e-12.
const VARIANCE_BITS: u32 = 52;
/// Fractional bits in the test for butterfly arbitrage.
const TEST_BITS: u32 = 30;
const TEST_ONE: i64 = 1 << TEST_BITS;

/// SVI parameters of one expiry, 1e-6 each. What [`Smile::validate`] accepts fits all arithmetic here.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Smile {
    /// Level of total variance, above 0, at most [`MAX_LEVEL`].
    pub a: Ratio,
    /// Slope of the wings, 0 or more; b·(1 + |ρ|) is below [`SLOPE_BOUND`].
    pub b: Ratio,
    /// Tilt, above -1 and below 1.
    pub rho: Ratio,
    /// Log-moneyness of the centre, at most [`MAX_WIDTH`] from 0.
    pub m: Ratio,
    /// Width of the centre, above 0, at most [`MAX_WIDTH`].
    pub sigma: Ratio,
}

impl Smile {
    /// Each parameter within its bounds, and no butterfly arbitrage: the density that the smile implies is not negative
    /// at any of 65 points over the clamped range of k, not beyond 3.
    ///
    /// Fails with [`MarginError::SmileOutOfBounds`] or [`MarginError::ButterflyArbitrage`].
    pub fn validate(&self) -> Result<()> {
        self.within_bounds()?;
        let end = self.clamp().min(TESTED);
        for step in const { -TEST_STEPS }..=TEST_STEPS {
            if self.density_sign(point(end, step)) < 0 {
                return Err(MarginError::ButterflyArbitrage);
            }
        }
        Ok(())
    }

    /// No calendar arbitrage against a later expiry of the same underlying: total variance is not above the later's at
    /// any of 65 points over the wider of the two clamped ranges of k, not beyond 3.
    ///
    /// Fails with [`MarginError::CalendarArbitrage`], or [`MarginError::SmileOutOfBounds`].
    pub fn require_not_above(&self, later: &Self) -> Result<()> {
        self.within_bounds()?;
        later.within_bounds()?;
        let (own, others) = (self.clamp(), later.clamp());
        let end = own.max(others).min(TESTED);
        for step in const { -TEST_STEPS }..=TEST_STEPS {
            let k = point(end, step);
            if self.variance(k.clamp(own.wrapping_neg(), own)) > later.variance(k.clamp(others.wrapping_neg(), others))
            {
                return Err(MarginError::CalendarArbitrage);
            }
        }
        Ok(())
    }

    /// Whether total variance at the middle, the ends and the halves of the wider clamped range, not beyond 3, moves by no more
    /// than a share of this smile's.
    pub fn is_near(&self, next: &Self, share: Ratio) -> bool {
        self.compare(next, |last, moved| moved.abs_diff(last) <= part(last, share).unsigned_abs())
    }

    /// Whether total variance at those points stays between two shares of this smile's.
    pub fn is_within(&self, next: &Self, low: Ratio, high: Ratio) -> bool {
        self.compare(next, |last, moved| part(last, low) <= moved && moved <= part(last, high))
    }

    fn compare(&self, next: &Self, holds: impl Fn(i64, i64) -> bool) -> bool {
        let (own, others) = (self.clamp(), next.clamp());
        let end = own.max(others).min(TESTED);
        const { [-TEST_STEPS, -TEST_STEPS / 2, 0, TEST_STEPS / 2, TEST_STEPS] }.into_iter().all(|step| {
            let k = point(end, step);
            let last = self.short_variance(k.clamp(own.wrapping_neg(), own));
            holds(last, next.short_variance(k.clamp(others.wrapping_neg(), others)))
        })
    }

    /// How far from the forward it is looked at, in units of 2^-40: its clamped range, not beyond 3.
    pub fn reach(&self) -> i64 {
        self.clamp().min(TESTED)
    }

    /// Total variances at [`POINTS`] points over a reach, for the time that is left of the time that it was stated for. In units of
    /// 2^-12·1e-12, rounded down, 0 or more.
    pub fn variances(&self, reach: i64, stated: Tenor, left: Tenor) -> [i64; POINTS] {
        let own = self.clamp();
        let mut step = const { -TEST_STEPS };
        [(); POINTS].map(|()| {
            let k = point(reach, step).clamp(own.wrapping_neg(), own);
            step = step.wrapping_add(STRIDE);
            let whole = self.short_variance(k);
            mul_div_floor(whole, left.0, stated.0).unwrap_or(whole)
        })
    }

    /// The smile at a forward, for several strikes. Fails where the forward is not positive or a parameter is out of bounds.
    pub fn at(&self, forward: Price) -> Result<Section<'_>> {
        self.within_bounds()?;
        Ok(Section { smile: self, log: log_of(forward)?, end: self.clamp(), roots: None })
    }

    /// The deviation at one strike, see [`Section::deviation`].
    pub fn deviation(&self, forward: Price, strike: Price) -> Result<Deviation> {
        self.at(forward)?.deviation(strike)
    }

    fn within_bounds(&self) -> Result<()> {
        let one = Ratio::ONE.0;
        let inside = 0 < self.a.0
            && self.a <= MAX_LEVEL
            && 0 <= self.b.0
            && self.rho.0.saturating_abs() < one
            && self.m.0.saturating_abs() <= MAX_WIDTH.0
            && 0 < self.sigma.0
            && self.sigma <= MAX_WIDTH
            && self.b.0.saturating_mul(one.saturating_add(self.rho.0.saturating_abs()))
                < const { SLOPE_BOUND.0 * Ratio::ONE.0 };
        if inside {
            Ok(())
        } else {
            Err(MarginError::SmileOutOfBounds)
        }
    }

    /// 4·√(a + b·σ), the largest |k|, in units of 2^-40: at most 34.
    fn clamp(&self) -> i64 {
        // In 1e-12, below 2^47; the root in 1e-6, below 2^24, with 40 fractional bits.
        let level = self.a.0.wrapping_mul(Ratio::ONE.0).wrapping_add(self.b.0.wrapping_mul(self.sigma.0));
        let root = sqrt(u128::from(level.unsigned_abs()) << 80);
        let quarter = root.checked_div(Ratio::ONE.0.unsigned_abs()).unwrap_or_default();
        CLAMP.wrapping_mul(quarter.cast_signed())
    }

    /// k - m and the root of its square plus σ², in units of 2^-40 and 2^-52. The first is at most 38, so its square is
    /// below 2^91 in units of 2^-80.
    fn arms(&self, k: i64) -> (i64, i64) {
        let u = k.wrapping_sub(binary(self.m));
        let sigma = i128::from(binary(self.sigma));
        let square = i128::from(u).wrapping_mul(i128::from(u)).wrapping_add(sigma.wrapping_mul(sigma));
        (u, sqrt(square.unsigned_abs() << 24).cast_signed())
    }

    /// Total variance at a clamped k, in units of 2^-52·1e-12: below 2^99.
    fn variance(&self, k: i64) -> u128 {
        self.variance_of(self.arms(k))
    }

    /// The same in units of 2^-12·1e-12, rounded down: below 2^59.
    fn short_variance(&self, k: i64) -> i64 {
        i64::try_from(self.variance(k) >> 40).unwrap_or(i64::MAX)
    }

    /// Total variance from the arms.
    fn variance_of(&self, (u, root): (i64, i64)) -> u128 {
        let tilt = i128::from(self.rho.0).wrapping_mul(i128::from(u) << (VARIANCE_BITS - BITS));
        let arm = i128::from(Ratio::ONE.0).wrapping_mul(i128::from(root));
        let level = i128::from(self.a.0.wrapping_mul(Ratio::ONE.0)) << VARIANCE_BITS;
        let wings = i128::from(self.b.0).wrapping_mul(tilt.wrapping_add(arm));
        // The root is not below |u| but for its rounding, and |ρ| < 1.
        level.wrapping_add(wings).max(0).unsigned_abs()
    }

    /// The sign of the density that the smile implies, in the form that needs no division by w: with v = √w,
    /// (1 - k·v'/v)² - v'² - (v·v'/2)² + w''/2, where w' = 2·v·v'.
    fn density_sign(&self, k: i64) -> i64 {
        let (u, arm) = self.arms(k);
        let v = root(self.variance_of((u, arm))).max(1);
        let root = (arm >> (VARIANCE_BITS - BITS)).max(1);
        // The cosine u/root.
        let cosine = quotient(u, root);
        // w' = b·(ρ + cosine), w'' = b·(1 - cosine²)/root.
        let tilt = (self.rho.0 << TEST_BITS).checked_div(Ratio::ONE.0).unwrap_or_default();
        let first = scaled(self.b, tilt.wrapping_add(cosine));
        let bend = scaled(self.b, TEST_ONE.wrapping_sub(product(cosine, cosine)));
        let second = quotient(bend << (BITS - TEST_BITS), root);
        let rise = quotient(first << (BITS - TEST_BITS), v) >> 1;
        let lean = TEST_ONE.wrapping_sub(product(quotient(k, v), rise));
        let breadth = product(v >> (BITS - TEST_BITS), rise) >> 1;
        product(lean, lean)
            .saturating_sub(product(rise, rise))
            .saturating_sub(product(breadth, breadth))
            .saturating_add(second >> 1)
    }
}

/// A smile at one forward: what all strikes have in common.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    smile: &'a Smile,
    /// ln F and the clamp of |k|, 2^-40.
    log: i64,
    end: i64,
    /// Roots of the time that is left and of the time that the smile was stated for, where they differ.
    roots: Option<(i64, i64)>,
}

impl Section<'_> {
    /// The same vols over the time that is left of the time they were stated for, both above zero: total variance runs off
    /// with time.
    pub fn run_off(self, stated: Tenor, left: Tenor) -> Self {
        let roots = (stated != left).then(|| (root_time(left), root_time(stated)));
        Self { roots, ..self }
    }

    /// The deviation at a strike: the root of total variance, within 1e-10. Fails where the strike is not positive.
    pub fn deviation(&self, strike: Price) -> Result<Deviation> {
        let k = log_of(strike)?.wrapping_sub(self.log);
        let stated = root(self.smile.variance(k.clamp(self.end.wrapping_neg(), self.end)));
        match self.roots {
            None => Ok(Deviation(stated)),
            Some((left, whole)) => mul_div_floor(stated, left, whole).map(Deviation),
        }
    }
}

/// The largest difference of variances from those of a middle, 1e-6 of them, rounded down.
pub fn apart(middle: &[i64; POINTS], other: &[i64; POINTS]) -> i64 {
    let each = middle.iter().zip(other).map(|(middle, other)| {
        let apart = other.saturating_sub(*middle).saturating_abs();
        mul_div_floor(apart, Ratio::ONE.0, (*middle).max(1)).unwrap_or(i64::MAX)
    });
    each.max().unwrap_or_default()
}

/// The middle one of some values, of an even number the mean of the two in the middle, rounded down; 0 of none. Orders them.
pub fn median(values: &mut [i64]) -> i64 {
    values.sort_unstable();
    let half = values.len() >> 1;
    let at = |at: usize| values.get(at).copied().unwrap_or_default();
    match values.len() & 1 {
        1 => at(half),
        _ => {
            // Half of the way from the lower one to the upper one.
            let (lower, upper) = (at(half.saturating_sub(1)), at(half));
            lower.wrapping_add((upper.abs_diff(lower) >> 1).cast_signed())
        }
    }
}

/// A share of a variance, rounded down.
fn part(variance: i64, share: Ratio) -> i64 {
    mul_div_floor(variance, share.or_zero().0, Ratio::ONE.0).unwrap_or(i64::MAX)
}

/// Grid point `step` of 32 on the way to `end`, which is below 2^46.
fn point(end: i64, step: i64) -> i64 {
    end.wrapping_mul(step) >> TEST_STEPS.trailing_zeros()
}

/// A parameter of at most [`MAX_WIDTH`] in units of 2^-40, to nearest below.
fn binary(ratio: Ratio) -> i64 {
    (ratio.0 << BITS).checked_div(Ratio::ONE.0).unwrap_or_default()
}

/// The root of a total variance in units of 2^-52·1e-12, in units of 2^-40.
fn root(variance: u128) -> i64 {
    // Below 2^127; its root in units of 2^-40·1e-6.
    sqrt(variance << 28).checked_div(Ratio::ONE.0.unsigned_abs()).unwrap_or_default().cast_signed()
}

/// A quotient in units of 2^-30. Saturates.
fn quotient(n: i64, d: i64) -> i64 {
    let wide = (i128::from(n) << TEST_BITS).checked_div(i128::from(d)).unwrap_or_default();
    crate::pricing::saturated(wide)
}

/// A product in units of 2^-30. Saturates.
fn product(a: i64, b: i64) -> i64 {
    crate::pricing::saturated(i128::from(a).wrapping_mul(i128::from(b)) >> TEST_BITS)
}

/// A number times b, which is below 2.
fn scaled(b: Ratio, n: i64) -> i64 {
    b.0.wrapping_mul(n).checked_div(Ratio::ONE.0).unwrap_or_default()
}
