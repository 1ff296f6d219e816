//! The stored values of strikes, summed on their grid and shifted to the spot of now (MRG-15).
//!
//! Strikes that were priced at one spot and scan range share a stored grid. Their weighted values are summed on it; then the sum
//! is read at (1+m)(1+x) - 1 for a move m of the scan, x being the move of spot since the values were made.

use crate::chain::{Strike, CENTRE, FLAT, GRID_STEPS, SLOPE, TAIL, UP, VALUES, VALUE_ERROR, VALUE_ONE};
use crate::dated::Carry;
use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_floor, product_over_ten_pow_floor};
use crate::scan::{tail_move, Grid, NODE_STEPS, SPOT_NODES, TAIL_NODES};
use crate::units::{Contracts, Price, Ratio, PRICE_DIGITS};

/// A whole node, as positions on a stored grid count: 2^24.
pub const NODE_ONE: i64 = 1 << NODE_BITS;
const NODE_BITS: u32 = 24;
/// Weights of one group are shifted right until their sum is below 2^31: with values below 2^32 the sums fit an i64.
const WEIGHT_BITS: u32 = 31;
/// Sums are shifted right by this before they are interpolated: a 2^-4 of a weight's unit is left.
const SUM_SHIFT: u32 = 25;
const SUM_FRACTION: u32 = 4;
const _: () = assert!(VALUE_ONE == 1 << (SUM_SHIFT + SUM_FRACTION));
/// What a value may rise, in units of [`VALUE_ONE`], within the 2^-24 of a reference that the position of spot is cut by: a
/// call's slope is at most 2.
const POSITION_ERROR: i64 = 2 << (VALUE_ONE.trailing_zeros() - NODE_BITS);
/// Bits of a reference in [`Group::bounds`], and what a value may be off by for it, in its units: a value is below eight
/// references, and eight units and a half are cut.
const SHORT_BITS: u32 = 30;
const SHORT_CUT: i64 = 16;
/// Bits that a reference is below: a value of eight of them fits.
const REFERENCE_BITS: u32 = 59;
/// Farthest that a scan reaches on a stored grid, in nodes from its centre.
const FARTHEST: i64 = 40;

/// Strikes whose values were made at one spot, scan range and basis, and where spot is now on their grid.
///
/// Values depend on spot through the forward. Where the basis has moved since, spot counts as what it would be at the old basis
/// with the forward of now: so calls, puts by parity and futures stay on one forward.
pub(crate) struct Group {
    pub reference: Price,
    range: Ratio,
    basis: Ratio,
    /// Move of spot since, USD 1e-9.
    moved: i64,
    /// The same as a share of the reference, 1e-9.
    share: i64,
    /// Position of spot on the grid, and the distance of two nodes of the scan on it.
    pub start: i64,
    step: i64,
    /// Spot over the reference, as the forward of now has it, [`NODE_ONE`] to one.
    growth: i64,
    /// The reference shifted right until it is below 2^[`SHORT_BITS`], and by how much.
    short: i64,
    shift: u32,
}

impl Group {
    /// Fails with [`MarginError::StrikeTooFar`] where spot is above twice the reference or beyond the stored grid, or the scan
    /// reaches further than [`FARTHEST`]: the values say nothing of that.
    pub fn new(strike: &Strike, (spot, basis): (Price, Ratio), range: Ratio) -> Result<Self> {
        let (reference, stored) = (strike.reference, strike.scan_range);
        if reference <= Price::ZERO || stored <= Ratio::ZERO {
            return Err(MarginError::StrikeNotPriced);
        }
        if reference.0 >> REFERENCE_BITS != 0 {
            return Err(MarginError::Overflow);
        }
        let unshifted = Self {
            reference,
            range: stored,
            basis: strike.basis,
            moved: 0,
            share: 0,
            start: 0,
            step: NODE_ONE,
            growth: NODE_ONE,
            short: 0,
            shift: 0,
        };
        let carry = |basis: Ratio| Ratio::ONE.0.saturating_add(basis.0);
        let spot =
            if basis == strike.basis { spot } else { Price(mul_div_floor(spot.0, carry(basis), carry(strike.basis))?) };
        if reference == spot && stored == range {
            return Ok(unshifted);
        }
        let moved = spot.sub(reference)?.0;
        let growth = mul_div_floor(NODE_ONE, spot.0, reference.0)?;
        if growth > const { 2 * NODE_ONE } {
            return Err(MarginError::StrikeTooFar);
        }
        // Eight nodes to a range: (spot/reference - 1)·8/stored and (range/stored)·(spot/reference), in 2^-24. The first is
        // below 2^24·2^23, a range at most 2^20.
        let apart = growth.wrapping_sub(NODE_ONE);
        let per_range = |n: i64| n.checked_div(stored.0).unwrap_or_default();
        let start = per_range(apart.wrapping_mul(const { NODE_STEPS * Ratio::ONE.0 }));
        let step = per_range(growth.wrapping_mul(range.0));
        let reach = step.saturating_mul(NODE_STEPS).saturating_add(start.saturating_abs());
        if start.saturating_abs() > const { GRID_STEPS * NODE_ONE } || reach > const { FARTHEST * NODE_ONE } {
            return Err(MarginError::StrikeTooFar);
        }
        let share = apart.wrapping_mul(Price::ONE.0) >> NODE_BITS;
        let shift = u64::BITS.saturating_sub(SHORT_BITS).saturating_sub(reference.0.leading_zeros());
        Ok(Self { moved, share, start, step, growth, short: reference.0 >> shift, shift, ..unshifted })
    }

    pub fn has(&self, strike: &Strike) -> bool {
        strike.reference == self.reference && strike.scan_range == self.range && strike.basis == self.basis
    }

    /// Value of a call per contract at the spot of now, and its delta.
    ///
    /// A call is convex in spot: its value lies above the tangent at the reference and below the chord of the nodes around spot.
    /// The mark carried by delta and gamma is held between [`Group::bounds`], since close to expiry gamma reaches less far than a
    /// node.
    pub fn carry(&self, strike: &Strike, quantity: Contracts, limit: i64, carry: Carry) -> Result<(Price, i64)> {
        if self.moved == 0 {
            return Ok((strike.mark, strike.delta.0));
        }
        let nine = |a: i64, b: i64| product_over_ten_pow_floor::<PRICE_DIGITS>(a, b);
        let bent = nine(strike.gamma.0, self.share)?;
        let delta = strike.delta.add(Contracts(bent))?.0.clamp(0, limit);
        let tangent = strike.mark.add(Price(nine(strike.delta.0, self.moved)?))?;
        let (low, high) = self.bounds(strike)?;
        let low = low.max(tangent).or_zero();
        let high = high.max(low);
        let value = match carry {
            Carry::Owner if quantity.0 > 0 => high,
            Carry::Owner => low,
            Carry::Central => {
                let curve = nine(bent, self.moved)?.wrapping_div(2);
                tangent.add(Price(curve))?.clamp(low, high)
            }
        };
        Ok((value, delta))
    }

    /// The least and the most that convexity lets a call be worth at the spot of now: above its neighbours' segments carried on,
    /// below the chord of its own.
    fn bounds(&self, strike: &Strike) -> Result<(Price, Price)> {
        let (at, rest) = node_of(self.start);
        let row = strike.values.get(FLAT..UP).unwrap_or_default();
        let value = |i: usize| row.get(i).copied().map(i64::from);
        let (left, right) = (value(at).unwrap_or_default(), value(at.wrapping_add(1)).unwrap_or_default());
        // Differences of u32 values times at most 2^24, since spot is on the grid.
        let part = |rise: i64, way: i64| rise.wrapping_mul(way) >> NODE_BITS;
        let chord = left.wrapping_add(part(right.wrapping_sub(left), rest));
        let before = value(at.wrapping_sub(1)).map(|v| left.wrapping_add(part(left.wrapping_sub(v), rest)));
        let rest_after = NODE_ONE.wrapping_sub(rest);
        let after = value(at.wrapping_add(2)).map(|v| right.wrapping_sub(part(v.wrapping_sub(right), rest_after)));
        let floor = before.max(after).unwrap_or_default();
        // From the mark, in units of the reference: a difference below 2^33 in size, less what the short reference leaves out.
        // Two nodes that are carried on are at most 2^32 apart. A segment carried on is off by three values' errors.
        let centre = value(CENTRE).unwrap_or_default();
        let carried = |value: i64| {
            let rise = value.wrapping_sub(centre).wrapping_mul(self.short) >> const { VALUE_ONE.trailing_zeros() };
            strike.mark.add(Price(rise.wrapping_shl(self.shift)))
        };
        let above = const { 2 * VALUE_ERROR + POSITION_ERROR };
        let (low, high) = (carried(floor.wrapping_sub(4 * VALUE_ERROR))?, carried(chord.wrapping_add(above))?);
        let cut = Price(SHORT_CUT.wrapping_shl(self.shift));
        Ok((low.sub(cut)?, high.add(cut)?))
    }
}

/// The stored node at or below a position, as an index that has a next one, and the rest; beyond the ends the last segment
/// goes on.
#[inline]
fn node_of(position: i64) -> (usize, i64) {
    let node = (position >> NODE_BITS).clamp(-GRID_STEPS, const { GRID_STEPS - 1 });
    let rest = position.wrapping_sub(node << NODE_BITS);
    (usize::try_from(node.wrapping_add(GRID_STEPS)).unwrap_or_default(), rest)
}

/// How far weights of this size in all are shifted right before they are summed.
pub(crate) fn weight_shift(total: i64) -> u32 {
    u64::BITS.saturating_sub(WEIGHT_BITS).saturating_sub(total.leading_zeros())
}

/// Numbers that the inner loops below take at a turn: on chain a loop's own counters would otherwise be a third of its cost.
const TURN: usize = 15;
const _: () = assert!(VALUES.is_multiple_of(TURN));

/// The sums of weighted values, two strikes at a pass: half of the loads and stores of the sums.
///
/// Range: the weights of a group add up to less than 2^31 in size and a value is below 2^32, so no sum leaves an i64.
pub(crate) fn accumulate<'a>(sums: &mut [i64; VALUES], mut strikes: impl Iterator<Item = (i64, &'a [u32; VALUES])>) {
    let mut first = true;
    while let Some((wa, a)) = strikes.next() {
        let (wb, b) = strikes.next().unwrap_or((0, a));
        let turns = sums.as_chunks_mut::<TURN>().0.iter_mut();
        for ((sums, a), b) in turns.zip(a.as_chunks::<TURN>().0).zip(b.as_chunks::<TURN>().0) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                let pair = wa.wrapping_mul(i64::from(*a)).wrapping_add(wb.wrapping_mul(i64::from(*b)));
                *sum = if first { pair } else { sum.wrapping_add(pair) };
            }
        }
        first = false;
    }
    if first {
        *sums = [0; VALUES];
    }
}

/// A group's sums, and the shifts from them to money: that of its weights, less [`SUM_FRACTION`].
pub(crate) struct Weighted<'a> {
    sums: &'a [i64; VALUES],
    left: u32,
    right: u32,
}

impl<'a> Weighted<'a> {
    /// Sums of values under weights that were shifted right by `shift`.
    pub fn new(sums: &'a [i64; VALUES], shift: u32) -> Self {
        Self { sums, left: shift.saturating_sub(SUM_FRACTION), right: SUM_FRACTION.saturating_sub(shift) }
    }

    /// A sum in 2^-4 of a weight's unit. Every index in use is below VALUES.
    #[inline]
    fn at(&self, index: usize) -> i64 {
        self.sums.get(index).copied().unwrap_or_default() >> SUM_SHIFT
    }

    /// The row that begins at `row`, at a node and a rest: below 2^38 + 2^33·2^29 / 2^24. Two nodes are at most a quarter of a
    /// reference apart, and a rest is at most 31 nodes.
    #[inline]
    fn between(&self, row: usize, node: usize, rest: i64) -> i64 {
        let index = row.wrapping_add(node);
        let (left, right) = (self.at(index), self.at(index.wrapping_add(1)));
        left.wrapping_add(right.wrapping_sub(left).wrapping_mul(rest) >> NODE_BITS)
    }

    /// From 2^-4 of a weight's unit to money, rounded down. Two sums are at most 2^39 apart, and the shift is below 28 where
    /// [`MAX_OPTIONS`](crate::dated::MAX_OPTIONS) hold.
    #[inline]
    fn money(&self, value: i64) -> i64 {
        value.wrapping_shl(self.left) >> self.right
    }
}

/// Shifts a group's sums to the spot of now and adds them to the scan's nodes (MRG-11, MRG-13, MRG-15). Returns the profit
/// with vol up and no move.
pub(crate) fn add_to_grid(grid: &mut Grid, group: &Group, range: Ratio, values: &Weighted) -> i64 {
    let (node, rest) = node_of(group.start);
    let base = values.between(FLAT, node, rest);
    let above = values.between(UP, node, rest);
    let mut position = group.start.wrapping_sub(group.step.wrapping_mul(NODE_STEPS));
    let whole = group.start == 0 && group.step == NODE_ONE;
    for (j, ((down, flat), up)) in grid.down.iter_mut().zip(&mut grid.flat).zip(&mut grid.up).enumerate() {
        let rows = [(down, 0), (flat, FLAT), (up, UP)];
        if whole {
            let node = j.wrapping_add(CENTRE_OF_SCAN);
            for (place, row) in rows {
                let value = values.at(row.wrapping_add(node)).wrapping_sub(base);
                *place = place.wrapping_add(values.money(value));
            }
        } else {
            let (node, rest) = node_of(position);
            for (place, row) in rows {
                let value = values.between(row, node, rest).wrapping_sub(base);
                *place = place.wrapping_add(values.money(value));
            }
            position = position.wrapping_add(group.step);
        }
    }
    for (i, place) in grid.tails.iter_mut().enumerate() {
        let mut value = values.at(TAIL.wrapping_add(i)).wrapping_sub(base);
        if !whole {
            // The tail level of now less the stored one, in references: its size is below 3, a slope below 2^37.
            let level = |range: Ratio| Ratio::ONE.0.wrapping_add(tail_move(range, i).0);
            let now = level(range).wrapping_mul(group.growth);
            let apart = now.wrapping_sub(level(group.range) << NODE_BITS).wrapping_div(Ratio::ONE.0);
            let slope = values.at(SLOPE.wrapping_add(i));
            value = value.wrapping_add(slope.wrapping_mul(apart) >> NODE_BITS);
        }
        *place = place.wrapping_add(values.money(value));
    }
    values.money(above.wrapping_sub(base))
}

/// From the index of a scan node to that of a stored node: the stored grid has one more in front.
const CENTRE_OF_SCAN: usize = 1;
const _: () = assert!(CENTRE - CENTRE_OF_SCAN == SPOT_NODES / 2 && TAIL_NODES == 9);
