//! A chain: the strikes of one expiry, each priced once per refresh into a vector of scenario values (MRG-10 to
//! MRG-13). Only calls are priced and stored: a put is a call less a forward plus the strike.
//!
//! A value is the call's price in units of the reference spot, [`VALUE_ONE`] to one. The vector of a strike holds 19
//! spot nodes (one more on each side than the scan has, so that it can be shifted, MRG-15) with vol down, flat and up,
//! then nine tail nodes with vol up, then the slope of the value at each tail node.

use core::num::NonZeroU64;

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_floor, product_over_ten_pow_floor};
use crate::normal;
use crate::params::Params;
use crate::pricing::{call, distances, log_of, root_time, Deviation, Quote, DAY, DEVIATION_BITS, MAX_MONEYNESS};
use crate::scan::{LOWEST_MOVE, NODE_STEPS, RANGE_TAILS, TAILS, TAIL_NODES};
use crate::smile::Section;
use crate::transcendental::{exp, ln, ONE};
use crate::units::{Contracts, Price, Ratio, Seconds, Tenor, USD_DIGITS};

/// Most strikes of an expiry.
pub const MAX_STRIKES: usize = 24;
/// Stored spot nodes on each side of zero: one more than the scan reads (MRG-15).
pub const GRID_STEPS: i64 = 9;
/// Stored spot nodes of each vol.
pub const GRID_NODES: usize = 19;
const _: () = assert!(GRID_NODES == 19 && GRID_STEPS * 2 + 1 == 19);
/// The stored node of no move.
pub const CENTRE: usize = 9;
/// Where the rows of a strike's values begin: vol down, flat, up, then the tails, then the slopes at the tails.
pub const DOWN: usize = 0;
/// See [`DOWN`].
pub const FLAT: usize = GRID_NODES;
/// See [`DOWN`].
pub const UP: usize = 2 * GRID_NODES;
/// See [`DOWN`].
pub const TAIL: usize = 3 * GRID_NODES;
/// See [`DOWN`].
pub const SLOPE: usize = TAIL + crate::scan::TAIL_NODES;
/// Numbers in a strike's vector.
pub const VALUES: usize = SLOPE + crate::scan::TAIL_NODES;
const _: () = assert!(VALUES == 75);
/// One reference spot, as values count: 2^29, so that a value of up to eight of them fits.
pub const VALUE_ONE: u32 = 1 << 29;
/// Values are off by at most so many of their units: pricing and rounding together.
pub const VALUE_ERROR: i64 = 2;

/// What samples have decided of the price that an expiry settles at (CLR-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Their share of it, from 0 to 1.
    pub share: Ratio,
    /// Their average.
    pub average: Price,
}

impl Decided {
    /// Before the settlement window, and as long as nothing in it is sure.
    pub const NOTHING: Self = Self { share: Ratio::ZERO, average: Price::ZERO };
}

/// The price that an expiry is expected to settle at: `decided` + `growth`·spot. Where nothing is decided that is the forward.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Expected {
    /// Share·average of what is decided.
    pub decided: Price,
    /// (1 - share)·(1 + basis), from 0 to 2.
    pub growth: Ratio,
}

impl Expected {
    /// Fails with [`MarginError::InvalidBasis`] where the basis is not within [`BASIS_RANGE`]. A share beyond 1 counts as 1.
    pub fn of(basis: Ratio, decided: Decided) -> Result<Self> {
        if basis < BASIS_RANGE.0 || basis > BASIS_RANGE.1 {
            return Err(MarginError::InvalidBasis);
        }
        let growth = Ratio(Ratio::ONE.0.saturating_add(basis.0));
        if decided.share <= Ratio::ZERO {
            return Ok(Self { decided: Price::ZERO, growth });
        }
        let share = decided.share.min(Ratio::ONE);
        let left = Ratio::ONE.0.saturating_sub(share.0);
        let growth = Ratio(mul_div_floor(growth.0, left, Ratio::ONE.0)?);
        Ok(Self { decided: decided.average.scale_floor(share)?, growth })
    }

    /// At a spot price; what follows it is rounded down.
    #[inline]
    pub fn at(&self, spot: Price) -> Result<Price> {
        spot.scale_floor(self.growth)?.add(self.decided)
    }
}

/// One strike of an expiry and what its call is worth in every scenario.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Strike {
    /// Strike price; 0 in a free slot.
    pub strike: Price,
    /// Index price that the values belong to; 0 before the first refresh.
    pub reference: Price,
    /// Scan range that the nodes belong to, 1e-6.
    pub scan_range: u32,
    /// What follows spot of the price expected at expiry, and what is decided of it, at the refresh: see [`Expected`]. The first is
    /// in 1e-6.
    pub growth: u32,
    /// See `growth`.
    pub decided: Price,
    /// Unix time of the refresh.
    pub refreshed: Seconds,
    /// The call's value at the reference, per contract.
    pub mark: Price,
    /// Change of the mark for a change of the spot price by one, 1e-9, from 0 to the growth.
    pub delta: Contracts,
    /// Change of the delta for a relative move of spot by 1, 1e-9: gamma times the reference.
    pub gamma: Contracts,
    /// Change of the mark for a vol higher by 1.00.
    pub vega: Price,
    /// Change of the mark in a day that passes, 0 or less.
    pub theta: Price,
    /// The call's value at every node in units of the reference, and the slopes at the tails.
    pub values: [u32; VALUES],
    /// Implied vol at the refresh, 1e-6.
    pub vol: u32,
}
const _: () = assert!(size_of::<Strike>() == 384);

/// Fractional bits of a price in units of the reference spot, within the pricing of a chain.
const RATIO_BITS: u32 = 34;
/// MRG-12: the exponent of the vol shocks' scale below 30 days.
const SHORT_POWER: Ratio = Ratio(300_000);
/// MRG-12: the same from 30 days.
const LONG_POWER: Ratio = Ratio(130_000);
/// MRG-12: the shocks are those of this tenor, and the scale 1 there.
const SHOCK_TENOR: Tenor = Tenor(30 * DAY.0);
/// Lowest and highest basis of an expiry, F/S - 1.
pub const BASIS_RANGE: (Ratio, Ratio) = (Ratio(-500_000), Ratio(1_000_000));

/// What the pricing of one expiry's strikes is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The index price S, above 0.
    pub price: Price,
    /// The forward's relative distance from it, within [`BASIS_RANGE`].
    pub basis: Ratio,
    /// What of the settlement price is decided.
    pub decided: Decided,
    /// The scan range R of the underlying, above 0, at most 1.
    pub scan_range: Ratio,
    /// Time to the expiry. No time or less: calls are worth what they would pay now.
    pub remaining: Tenor,
    /// Unix time, for [`Strike::refreshed`].
    pub time: Seconds,
}

/// A spot move's forward: in units of the reference spot (2^-34), and its logarithm (2^-40).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Point {
    forward: i64,
    log: i64,
}

/// What the strikes of an expiry share: the forwards of every node, their logarithms, and the shocks of vol. Some 570
/// bytes: made on the heap, from zeroes, where the stack is small.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Nodes {
    price: Price,
    forward: Price,
    scan_range: Ratio,
    expected: Expected,
    remaining: Tenor,
    time: Seconds,
    /// √T, 2^-40.
    root_time: i64,
    /// ln S, 2^-40.
    log: i64,
    /// The growth, 2^-34.
    growth: i64,
    /// Factors of a deviation in the up and the down scenario, 2^-40.
    up: i64,
    down: i64,
    /// The least deviation of the up scenario, 2^-40.
    floor: i64,
    grid: [Point; GRID_NODES],
    tails: [Point; TAIL_NODES],
}

impl Nodes {
    /// Fills in the nodes for a reference and the parameters of the pool.
    ///
    /// Fails with [`MarginError::InvalidPrice`], [`MarginError::InvalidBasis`] or [`MarginError::InvalidScanRange`], and with
    /// [`MarginError::Expired`] where all is decided.
    pub fn set(&mut self, facts: &Reference, params: &Params) -> Result<()> {
        let expected = Expected::of(facts.basis, facts.decided)?;
        let growth = expected.growth;
        if growth <= Ratio::ZERO {
            return Err(MarginError::Expired);
        }
        if facts.scan_range <= Ratio::ZERO || facts.scan_range > Ratio::ONE {
            return Err(MarginError::InvalidScanRange);
        }
        self.log = log_of(facts.price)?;
        self.price = facts.price;
        self.expected = expected;
        self.scan_range = facts.scan_range;
        self.remaining = facts.remaining;
        self.time = facts.time;
        self.forward = facts.price.scale_floor(growth)?;
        self.growth = (growth.0 << RATIO_BITS).checked_div(Ratio::ONE.0).unwrap_or_default();

        self.root_time = root_time(facts.remaining);
        self.floor = product_over_ten_pow_floor::<USD_DIGITS>(params.vol_up_floor.0, self.root_time)?;
        let scale = shock_scale(facts.remaining);
        self.up = ONE.saturating_add(product_over_ten_pow_floor::<USD_DIGITS>(params.vol_up.0, scale)?);
        self.down = ONE.saturating_sub(product_over_ten_pow_floor::<USD_DIGITS>(params.vol_down.0, scale)?).max(0);

        for (point, step) in self.grid.iter_mut().zip(GRID_STEPS.wrapping_neg()..) {
            // The move in eighths of 1e-6.
            *point = Point::at(facts.scan_range.0.wrapping_mul(step), growth);
        }
        let (ranges, absolute) = self.tails.split_at_mut(const { RANGE_TAILS.len() });
        for (point, ranges) in ranges.iter_mut().zip(RANGE_TAILS) {
            let eighths = facts.scan_range.0.wrapping_mul(ranges.0).wrapping_mul(NODE_STEPS);
            let eighths = eighths.checked_div(Ratio::ONE.0).unwrap_or_default();
            *point = Point::at(eighths.max(const { LOWEST_MOVE.0 * NODE_STEPS }), growth);
        }
        for (point, tail) in absolute.iter_mut().zip(TAILS) {
            *point = Point::at(tail.0.wrapping_mul(NODE_STEPS), growth);
        }
        Ok(())
    }

    /// The forward as far as it is not decided, rounded down: what the smile is read at.
    pub fn forward(&self) -> Price {
        self.forward
    }

    /// The price expected at expiry, rounded down.
    pub fn expected(&self) -> Result<Price> {
        self.forward.add(self.expected.decided)
    }

    /// What of a strike is not covered by what is decided: an option is one with that strike on the rest of the forward. Zero or
    /// less where a call will be exercised whatever the rest is.
    #[inline]
    pub fn uncovered(&self, strike: Price) -> Price {
        // Neither is below zero.
        Price(strike.0.wrapping_sub(self.expected.decided.0))
    }

    /// The deviation at a strike of the smile at [`Nodes::forward`]; zero where the strike is covered.
    pub fn deviation(&self, section: &Section, strike: Price) -> Result<Deviation> {
        match self.uncovered(strike) {
            Price(..=0) => Ok(Deviation(0)),
            uncovered => section.deviation(uncovered),
        }
    }
}

impl Point {
    /// The forward after a relative move of spot in eighths of 1e-6, from -9 to 16 millions. At a move of -100 % or
    /// below (a scan range above 8/9 has such nodes) there is no spot left: a forward of zero.
    fn at(eighths: i64, growth: Ratio) -> Self {
        const EIGHTHS: i64 = NODE_STEPS * Ratio::ONE.0;
        // S·(1+m)·(1+basis) in units of 1.25e-13: at most 24e6·2e6, below 2^46.
        let forward = EIGHTHS.saturating_add(eighths).max(0).wrapping_mul(growth.0);
        let Some(units) = NonZeroU64::new(forward.unsigned_abs()) else {
            return Self { forward: 0, log: 0 };
        };
        let unit = const { NonZeroU64::new((EIGHTHS * Ratio::ONE.0) as u64).unwrap() };
        // The unit is 5^12·2^15: what is left of 34 bits after taking 2^15 out is split in two divisions.
        let rest = units.get() % unit;
        let whole = units.get() / unit;
        let half = RATIO_BITS / 2;
        let (first, rest) = ((rest << half) / unit, (rest << half) % unit);
        let second = (rest << half) / unit;
        let forward = (whole << RATIO_BITS) | (first << half) | second;
        Self { forward: forward.cast_signed(), log: ln(units).wrapping_sub(ln(unit)) }
    }
}

/// (30 days / max(1 day, T))^p, in units of 2^-40 (MRG-12): at most 2.78.
fn shock_scale(remaining: Tenor) -> i64 {
    let tenor = remaining.max(DAY);
    let power = if tenor < SHOCK_TENOR { SHORT_POWER } else { LONG_POWER };
    let units = |tenor: Tenor| NonZeroU64::new(tenor.0.unsigned_abs()).unwrap_or(NonZeroU64::MIN);
    // A logarithm of at most 2^43 in size, times less than 2^20.
    let log = ln(units(SHOCK_TENOR)).wrapping_sub(ln(units(tenor)));
    exp(log.wrapping_mul(power.0).checked_div(Ratio::ONE.0).unwrap_or_default())
}

impl Strike {
    /// The price expected at expiry by what the values belong to.
    #[inline]
    pub(crate) fn expected(&self) -> Expected {
        Expected { decided: self.decided, growth: Ratio(self.growth.into()) }
    }

    /// Prices the call at every node (MRG-10 to MRG-13) and fills in every field. `sd` is the strike's vol times √T, as
    /// [`Nodes::deviation`] or [`deviation`](crate::pricing::deviation) give it.
    ///
    /// Of a price that is decided in part only the rest moves: the call pays what one on the rest of the forward pays whose strike is
    /// less what is decided, and is priced as that, exactly. That the rest will be an average too makes it less volatile; that is
    /// not credited.
    ///
    /// A value is within [`VALUE_ERROR`] of the true one for strikes up to 20 times the reference. A strike above
    /// [`MAX_MONEYNESS`] times the reference is priced as one there. Fails where the strike is not positive.
    pub fn reprice(&mut self, nodes: &Nodes, strike: Price, sd: Deviation) -> Result<()> {
        if strike <= Price::ZERO {
            return Err(MarginError::InvalidPrice);
        }
        let uncovered = nodes.uncovered(strike);
        let is_covered = uncovered <= Price::ZERO;
        let sd = if nodes.remaining > Tenor::ZERO && !is_covered { sd.0.clamp(0, Deviation::MAX.0) } else { 0 };
        let quote = match is_covered {
            true => Quote { value: nodes.forward.sub(uncovered)?, delta: Contracts::ONE, ..Quote::default() },
            false => call(nodes.forward, uncovered, Deviation(sd), nodes.remaining)?,
        };
        let growth = nodes.expected.growth;
        self.strike = strike;
        self.reference = nodes.price;
        // Both are at most 2e6 by then.
        self.scan_range = u32::try_from(nodes.scan_range.0).unwrap_or_default();
        self.growth = u32::try_from(growth.0).unwrap_or_default();
        self.decided = nodes.expected.decided;
        self.refreshed = nodes.time;
        self.mark = quote.value;
        self.delta = Contracts(product_over_ten_pow_floor::<USD_DIGITS>(quote.delta.0, growth.0)?);
        self.gamma = Contracts(product_over_ten_pow_floor::<USD_DIGITS>(quote.gamma.0, growth.0).unwrap_or(i64::MAX));
        self.vega = quote.vega;
        self.theta = quote.theta;
        // A deviation of at most 2^44 times a million is below 2^64.
        let vol = sd.unsigned_abs().wrapping_mul(const { Ratio::ONE.0.unsigned_abs() });
        let vol = vol.checked_div(nodes.root_time.max(1).unsigned_abs()).unwrap_or_default();
        self.vol = u32::try_from(vol).unwrap_or(u32::MAX);

        let capped = Price(uncovered.0.min(nodes.price.0.saturating_mul(MAX_MONEYNESS)));
        let terms = Terms {
            strike: mul_div_floor(capped.0, const { 1 << RATIO_BITS }, nodes.price.0)?,
            log: if is_covered { 0 } else { log_of(capped)?.wrapping_sub(nodes.log) },
        };
        // A deviation of at most 2^44 times a factor of at most 2^44.
        let shocked = |factor: i64| {
            let wide = i128::from(sd).wrapping_mul(i128::from(factor)) >> DEVIATION_BITS;
            i64::try_from(wide).unwrap_or(i64::MAX)
        };
        let up = Deviation(if is_covered { 0 } else { shocked(nodes.up).max(nodes.floor) }).divisor();
        let grids = [Deviation(shocked(nodes.down)).divisor(), Deviation(sd).divisor(), up];
        let mut rows = self.values.chunks_mut(GRID_NODES);
        for (sd, row) in grids.into_iter().zip(rows.by_ref()) {
            for (value, point) in row.iter_mut().zip(&nodes.grid) {
                *value = units(terms.call(point, sd).0);
            }
        }
        let (values, slopes) = rows.next().unwrap_or_default().split_at_mut_checked(TAIL_NODES).unwrap_or_default();
        for ((value, slope), point) in values.iter_mut().zip(slopes).zip(&nodes.tails) {
            let (call, probability) = terms.call(point, up);
            *value = units(call);
            // At most 2^35·2^20 twice, then 2^35.
            *slope = units(part(nodes.growth, probability));
        }
        Ok(())
    }
}

/// A strike in units of the reference: its price (2^-34, at most 2^42) and the price's logarithm (2^-40). One of zero or less has
/// none, and no deviation.
struct Terms {
    strike: i64,
    log: i64,
}

impl Terms {
    /// A call's value in units of the reference (2^-34), and N(d1) (2^-40).
    #[inline(always)]
    fn call(&self, point: &Point, sd: Option<NonZeroU64>) -> (i64, i64) {
        let intrinsic = point.forward.wrapping_sub(self.strike).max(0);
        let Some(sd) = sd.filter(|_| point.forward > 0) else {
            return (intrinsic, if intrinsic > 0 { normal::ONE } else { 0 });
        };
        let (d1, d2) = distances(point.log.wrapping_sub(self.log), sd);
        let probability = normal::cdf(d1);
        let value = part(point.forward, probability).wrapping_sub(part(self.strike, normal::cdf(d2)));
        (value.max(intrinsic).min(point.forward), probability)
    }
}

/// A number below 2^42 times a probability, rounded down by up to two units: its bits in two halves, so that the
/// products are at most 2^62.
#[inline(always)]
fn part(number: i64, probability: i64) -> i64 {
    const HALF: u32 = normal::BITS / 2;
    let (high, low) = (probability >> HALF, probability & const { (1i64 << HALF).wrapping_sub(1) });
    number.wrapping_mul(high).wrapping_add(number.wrapping_mul(low) >> HALF) >> HALF
}

/// A value of 0 or more in units of 2^-34, as it is stored: to nearest, and a value of eight or more as just below.
#[inline(always)]
fn units(value: i64) -> u32 {
    const CUT: u32 = RATIO_BITS - VALUE_ONE.trailing_zeros();
    u32::try_from(value.wrapping_add(const { 1 << (CUT - 1) }) >> CUT).unwrap_or(u32::MAX)
}
