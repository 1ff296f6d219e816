//! The stored values of strikes, summed on their grid and shifted to the spot of now (MRG-15).
//!
//! Strikes that were priced at one spot and scan range share a stored grid. Their weighted values are summed on it, over all
//! expiries of an underlying that follow each other; then the sum is read at (1+m)(1+x) - 1 for a move m of the scan, x being
//! the move of spot since the values were made.

use bytemuck::{Pod, Zeroable};

use crate::book::MAX_GRIDS;
use crate::chain::{
    Expected, Strike, CENTRE, DOWN, FLAT, GRID_NODES, GRID_STEPS, SLOPE, TAIL, UP, VALUES, VALUE_ERROR, VALUE_ONE,
};
use crate::dated::{Carry, RATIO_TO_CONTRACTS};
use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_floor, product_over_ten_pow_floor};
use crate::scan::{tail_moves, Grid, NODE_STEPS, SPOT_NODES, TAIL_NODES};
use crate::units::{Contracts, Price, Ratio, Usd, PRICE_DIGITS};

/// A whole node, as positions on a stored grid count: 2^24.
pub const NODE_ONE: i64 = 1 << NODE_BITS;
const NODE_BITS: u32 = 24;
/// What a value may rise, in units of [`VALUE_ONE`], within the 2^-24 of a reference that the position of spot is cut by: a
/// call's slope is at most 2.
const POSITION_ERROR: i64 = 2 << (VALUE_ONE.trailing_zeros() - NODE_BITS);
/// One, as a relative move of spot counts: 2^31. It is off by less than 2^-28 of a reference.
const MOVE_ONE: i64 = 1 << MOVE_BITS;
const MOVE_BITS: u32 = 31;
/// Bits of a reference in [`Group::bounds`] and in a relative move, and what a value may be off by for the former, in its units:
/// a value is below eight references, and eight units and a half are cut.
const SHORT_BITS: u32 = 30;
const SHORT_CUT: i64 = 16;
/// Bits that a reference is below: a value of eight of them fits.
const REFERENCE_BITS: u32 = 59;
/// Farthest that a scan reaches on a stored grid, in nodes from its centre.
const FARTHEST: i64 = 40;
/// Bits of a gamma whose product with a relative move fits.
const GAMMA_BITS: u32 = 32;

/// Strikes whose values were made at one spot, scan range and price expected at expiry, and where spot is now on their grid.
///
/// Values depend on spot through the price expected at expiry (CLR-12). Where its basis, or what samples have decided of it, has
/// moved since, spot counts as what it would be by the old one with the price expected now, and a move of the scan as what moves the
/// old one as much: so calls, puts by parity and futures stay on one price and one move.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(crate) struct Group {
    pub reference: Price,
    range: Ratio,
    expected: Expected,
    /// Spot of now as the values have it, what a move of the scan is a part of, and the scan range of now.
    spot: Price,
    span: Price,
    scan: Ratio,
    /// Move of spot since, USD 1e-9, and as a share of the reference, [`MOVE_ONE`] to one.
    moved: i64,
    share: i64,
    /// `span` in references, [`MOVE_ONE`] to one.
    stretch: i64,
    /// Position of spot on the grid, and the distance of two nodes of the scan on it.
    pub start: i64,
    step: i64,
    /// The stored node at or below spot, and the rest.
    node: i64,
    rest: i64,
    /// The reference shifted right until it is below 2^[`SHORT_BITS`], and by how much.
    short: i64,
    shift: i64,
}

/// Spot of now as a strike's values have it, the one at which what they belong to gives the price expected now; and what its
/// moves are a part of.
fn spot_of(strike: &Strike, (spot, now): (Price, Expected)) -> Result<(Price, Price)> {
    let stored = strike.expected();
    let span = match now.growth == stored.growth {
        true => spot,
        false => Price(mul_div_floor(spot.0, now.growth.0, stored.growth.0)?),
    };
    if now.decided == stored.decided {
        return Ok((span, span));
    }
    let apart = now.decided.sub(stored.decided)?;
    Ok((span.add(Price(mul_div_floor(apart.0, Ratio::ONE.0, stored.growth.0)?))?, span))
}

impl Group {
    /// Fails with [`MarginError::StrikeTooFar`] where spot or what it moves by is above twice the reference or beyond the stored
    /// grid, or the scan reaches further than [`FARTHEST`]: the values say nothing of that.
    pub fn new(strike: &Strike, spot: (Price, Expected), scan: Ratio) -> Result<Self> {
        let (reference, range, expected) = (strike.reference, Ratio(strike.scan_range.into()), strike.expected());
        if reference <= Price::ZERO || range <= Ratio::ZERO {
            return Err(MarginError::StrikeNotPriced);
        }
        if reference.0 >> REFERENCE_BITS != 0 {
            return Err(MarginError::Overflow);
        }
        let (spot, span) = spot_of(strike, spot)?;
        let moved = spot.sub(reference)?.0;
        if moved > reference.0 || span.sub(reference)? > reference {
            return Err(MarginError::StrikeTooFar);
        }
        let shift = u64::BITS.saturating_sub(SHORT_BITS).saturating_sub(reference.0.leading_zeros());
        let short = reference.0 >> shift;
        // At most 2^30 in size, as is the reference; then at most 2^31.
        let share = ((moved >> shift) << MOVE_BITS).checked_div(short).unwrap_or_default();
        let stretch = match span == spot {
            true => MOVE_ONE.wrapping_add(share),
            false => ((span.0 >> shift) << MOVE_BITS).checked_div(short).unwrap_or_default(),
        };
        // Eight nodes to a range: (spot/reference - 1)·8/stored and (range/stored)·(span/reference). The first is below
        // 2^31·2^23, a range at most 2^20.
        let nodes = |n: i64| n.checked_div(range.0).unwrap_or_default() >> const { MOVE_BITS - NODE_BITS };
        let start = nodes(share.wrapping_mul(const { NODE_STEPS * Ratio::ONE.0 }));
        let step = nodes(stretch.wrapping_mul(scan.0));
        // At most 2^32·2^20·2^3, since neither spot nor span is above two references.
        let reach = step.wrapping_mul(NODE_STEPS).saturating_add(start.saturating_abs());
        if start.saturating_abs() > const { GRID_STEPS * NODE_ONE } || reach > const { FARTHEST * NODE_ONE } {
            return Err(MarginError::StrikeTooFar);
        }
        let (node, rest) = node_of(start);
        let (node, shift) = (i64::from(node), i64::from(shift));
        Ok(Self {
            reference,
            range,
            expected,
            spot,
            span,
            scan,
            moved,
            share,
            stretch,
            start,
            step,
            node,
            rest,
            short,
            shift,
        })
    }

    pub fn has(&self, strike: &Strike) -> bool {
        strike.reference == self.reference && self.is_in(strike) && strike.expected() == self.expected
    }

    /// The scan range is that of the strike's values.
    fn is_in(&self, strike: &Strike) -> bool {
        self.range == Ratio(strike.scan_range.into())
    }

    /// A delta to spot as the values have it, as one to the spot of now.
    pub fn delta_now(&self, delta: i64, now: Expected) -> Result<i64> {
        match now.growth == self.expected.growth {
            true => Ok(delta),
            false => mul_div_floor(delta, now.growth.0, self.expected.growth.0),
        }
    }

    /// Value of a call per contract at the spot of now, and its delta to spot as the values have it.
    ///
    /// A call is convex in spot: its value lies above the tangent at the reference and below the chord of the nodes around spot.
    /// The mark carried by delta and gamma is held between [`Group::bounds`], since close to expiry gamma reaches less far than a
    /// node.
    pub fn carry(&self, strike: &Strike, quantity: Contracts, carry: Carry) -> Result<(Price, i64)> {
        if self.moved == 0 {
            return Ok((strike.mark, strike.delta.0));
        }
        let bent = self.bent(strike.gamma.0);
        let (low, high) = self.bounds(strike)?;
        let along = |slope: i64| -> Result<Price> {
            strike.mark.add(Price(product_over_ten_pow_floor::<PRICE_DIGITS>(slope, self.moved)?))
        };
        let tangent = || along(strike.delta.0);
        let value = match carry {
            Carry::Owner if quantity.0 > 0 => high.max(low).max(tangent()?),
            Carry::Owner => low.max(tangent()?),
            // Above the tangent, since gamma is 0 or more.
            Carry::Central => match along(strike.delta.0.saturating_add(bent >> 1))? {
                value if value <= high => value.max(low),
                _ => high.max(low).max(tangent()?),
            },
        };
        // A growth is below 2^32.
        let limit = self.expected.growth.0.wrapping_mul(RATIO_TO_CONTRACTS);
        Ok((value.or_zero(), strike.delta.0.saturating_add(bent).clamp(0, limit)))
    }

    /// Change of a delta by its gamma over the move.
    fn bent(&self, gamma: i64) -> i64 {
        if gamma >> GAMMA_BITS == 0 {
            return gamma.wrapping_mul(self.share) >> MOVE_BITS;
        }
        // So large only close to expiry: below 2^63·2^31.
        let wide = i128::from(gamma).wrapping_mul(i128::from(self.share)) >> MOVE_BITS;
        i64::try_from(wide).unwrap_or_default()
    }

    /// The least and the most that convexity lets a call be worth at the spot of now: above its neighbours' segments carried on,
    /// below the chord of its own.
    fn bounds(&self, strike: &Strike) -> Result<(Price, Price)> {
        let (at, rest) = (usize::try_from(self.node).unwrap_or_default(), self.rest);
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
            strike.mark.add(Price(self.lengthened(rise)))
        };
        let above = const { 2 * VALUE_ERROR + POSITION_ERROR };
        let (low, high) = (carried(floor.wrapping_sub(4 * VALUE_ERROR))?, carried(chord.wrapping_add(above))?);
        let cut = Price(self.lengthened(SHORT_CUT));
        Ok((low.sub(cut)?, high.add(cut)?))
    }

    /// From units of the short reference to those of the reference.
    fn lengthened(&self, short: i64) -> i64 {
        short.wrapping_shl(u32::try_from(self.shift).unwrap_or_default())
    }
}

/// The stored node at or below a position, counted from the first one, where there is a next one, and the rest; beyond the ends
/// the last segment goes on.
#[inline(always)]
fn node_of(position: i64) -> (u8, i64) {
    let node = (position >> NODE_BITS).clamp(-GRID_STEPS, const { GRID_STEPS - 1 });
    let rest = position.wrapping_sub(node << NODE_BITS);
    (u8::try_from(node.wrapping_add(GRID_STEPS)).unwrap_or_default(), rest)
}

/// Weights of one expiry are shifted right until their sum is below 2^31: with values below 2^32 the sums fit an i64.
const WEIGHT_BITS: u32 = 31;
/// Furthest that weights are shifted: [`MAX_OPTIONS`](crate::dated::MAX_OPTIONS) fit then.
const LAST_SHIFT: u32 = VALUE_ONE.trailing_zeros();
/// Bits that a run's total is shifted to, so that differences of its nodes times a rest fit.
const TOTAL_BITS: u32 = 36;

/// Numbers that the inner loops below take at a turn: on chain a loop's own counters would otherwise be a third of its cost.
const TURN: usize = 15;
const _: () = assert!(VALUES.is_multiple_of(TURN));

/// Strikes of one underlying that share a stored grid and spot on it: their weighted values summed, until they enter the nodes
/// of the scan.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub(crate) struct Run {
    pub group: Group,
    /// In money, over all expiries; of no meaning where `total` is 0.
    values: [i64; VALUES],
    /// Of one expiry, before its last two strikes.
    sums: [i64; VALUES],
    /// Sizes of the weights, summed; 0 where nothing waits.
    total: i64,
    /// What vol up adds to the values at the spot of now.
    risen: i64,
    /// Place of the nodes in the book.
    grid: u64,
}

impl Run {
    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.total = 0;
    }

    /// Makes ready for strikes like this one, of the underlying with these nodes. What waits enters the scan where they differ.
    pub fn turn_to(
        &mut self,
        strike: &Strike,
        spot: (Price, Expected),
        scan: Ratio,
        grid: u8,
        grids: &mut [Grid; MAX_GRIDS],
    ) -> Result<()> {
        let group = &self.group;
        let stored = strike.reference == group.reference && group.is_in(strike);
        let same = stored && scan == group.scan && spot_of(strike, spot)? == (group.spot, group.span);
        if !same || u64::from(grid) != self.grid {
            self.enter(grids);
            self.grid = grid.into();
        }
        if !same {
            self.group = Group::new(strike, spot, scan)?;
        }
        self.group.expected = strike.expected();
        Ok(())
    }

    /// Adds the values of strikes of one expiry, `total` being the sizes of their weights, summed. Returns their profit with vol
    /// up and no move, and what a unit of a weight is worth, USD 1e-6.
    pub fn add<'a>(&mut self, total: i64, strikes: impl Iterator<Item = (i64, &'a [u32; VALUES])>) -> (Usd, i64) {
        let before = if self.total == 0 { 0 } else { self.risen };
        let shift = const { u64::BITS - WEIGHT_BITS }.saturating_sub(total.leading_zeros()).min(LAST_SHIFT);
        let strikes = strikes.map(|(weight, values)| (i32::try_from(weight >> shift).unwrap_or(i32::MAX), values));
        let into = (&mut self.values, self.total == 0);
        accumulate(into, &mut self.sums, LAST_SHIFT.wrapping_sub(shift), strikes);
        self.total = self.total.saturating_add(total);
        self.risen = self.rise();
        (Usd(self.risen.wrapping_sub(before)), 1i64.wrapping_shl(shift))
    }

    /// See `risen`.
    fn rise(&self) -> i64 {
        let (node, rest) = (usize::try_from(self.group.node).unwrap_or_default(), self.group.rest);
        let cut = self.cut();
        self.between(UP, node, rest, cut).wrapping_sub(self.between(FLAT, node, rest, cut))
    }

    /// How far differences of nodes are shifted right before they are multiplied.
    fn cut(&self) -> u32 {
        const { u64::BITS - TOTAL_BITS }.saturating_sub(self.total.leading_zeros()).min(NODE_BITS)
    }

    /// The row that begins at `row`, at a node and a rest. Two nodes are at most a quarter of the total apart and a rest is at
    /// most 31 nodes: 2^34·2^29.
    #[inline(always)]
    fn between(&self, row: usize, node: usize, rest: i64, cut: u32) -> i64 {
        let at = |index: usize| self.values.get(index).copied().unwrap_or_default();
        let index = row.wrapping_add(node);
        let (left, right) = (at(index), at(index.wrapping_add(1)));
        let rise = (right.wrapping_sub(left) >> cut).wrapping_mul(rest);
        left.wrapping_add(rise >> NODE_BITS.wrapping_sub(cut))
    }

    /// Shifts the sums to the spot of now and adds them to the scan's nodes (MRG-11, MRG-13, MRG-15).
    pub fn enter(&mut self, grids: &mut [Grid; MAX_GRIDS]) {
        if self.total == 0 {
            return;
        }
        let cut = self.cut();
        self.total = 0;
        let place = usize::try_from(self.grid).ok().and_then(|at| grids.get_mut(at));
        let (Some(grid), group) = (place, &self.group) else { return };
        let base = self.between(FLAT, usize::try_from(group.node).unwrap_or_default(), group.rest, cut);
        let mut position = group.start.wrapping_sub(group.step.wrapping_mul(NODE_STEPS));
        for ((down, flat), up) in grid.down.iter_mut().zip(&mut grid.flat).zip(&mut grid.up) {
            let (node, rest) = node_of(position);
            // Known to be in every row, so that no access is checked.
            let node = usize::from(node).min(const { GRID_NODES - 2 });
            for (place, row) in [(down, DOWN), (flat, FLAT), (up, UP)] {
                *place = place.wrapping_add(self.between(row, node, rest, cut).wrapping_sub(base));
            }
            position = position.wrapping_add(group.step);
        }
        let growth = NODE_ONE.wrapping_add(group.share >> const { MOVE_BITS - NODE_BITS });
        let stretch = group.stretch >> const { MOVE_BITS - NODE_BITS };
        let levels = tail_moves(group.scan).into_iter().zip(tail_moves(group.range));
        for (i, (place, (now, stored))) in grid.tails.iter_mut().zip(levels).enumerate() {
            // The tail level of now less the stored one, in references: its size is below 3, a slope at most twice the total.
            let level = |moved: Ratio| Ratio::ONE.0.wrapping_add(moved.0);
            let there = Ratio::ONE.0.wrapping_mul(growth).wrapping_add(now.0.wrapping_mul(stretch));
            let apart = there.wrapping_sub(level(stored) << NODE_BITS);
            let apart = apart.wrapping_div(Ratio::ONE.0);
            let at = |row: usize| self.values.get(row.wrapping_add(i)).copied().unwrap_or_default();
            let rise = (at(SLOPE) >> cut).wrapping_mul(apart) >> NODE_BITS.wrapping_sub(cut);
            *place = place.wrapping_add(at(TAIL).wrapping_add(rise).wrapping_sub(base));
        }
    }
}

/// Adds weighted values, shifted right by `shift`, to `values`, or puts them there where they are new. Two strikes at a pass:
/// half of the loads and stores of the sums.
///
/// Range: the weights add up to less than 2^31 in size and a value is below 2^32, so no sum leaves an i64.
fn accumulate<'a>(
    (values, new): (&mut [i64; VALUES], bool),
    sums: &mut [i64; VALUES],
    shift: u32,
    mut strikes: impl Iterator<Item = (i32, &'a [u32; VALUES])>,
) {
    let mut first = true;
    let mut next = strikes.next();
    while let Some((wa, a)) = next {
        let (wb, b) = strikes.next().unwrap_or((0, a));
        next = strikes.next();
        let product = |value: u32, weight: i32| i64::from(value).wrapping_mul(i64::from(weight));
        let pair = |a: u32, b: u32| product(a, wa).wrapping_add(product(b, wb));
        match (next.is_none(), first) {
            (true, true) if new => by_turns(values, sums, a, b, |value, _, a, b| *value = pair(a, b) >> shift),
            (true, true) => by_turns(values, sums, a, b, |value, _, a, b| {
                *value = value.wrapping_add(pair(a, b) >> shift);
            }),
            (true, false) => by_turns(values, sums, a, b, |value, sum, a, b| {
                *value = if new { 0 } else { *value }.wrapping_add(sum.wrapping_add(pair(a, b)) >> shift);
            }),
            (false, true) => by_turns(values, sums, a, b, |_, sum, a, b| *sum = pair(a, b)),
            (false, false) => by_turns(values, sums, a, b, |_, sum, a, b| *sum = sum.wrapping_add(pair(a, b))),
        }
        first = false;
    }
}

#[inline(always)]
fn by_turns(
    values: &mut [i64; VALUES],
    sums: &mut [i64; VALUES],
    a: &[u32; VALUES],
    b: &[u32; VALUES],
    step: impl Fn(&mut i64, &mut i64, u32, u32),
) {
    let turns = values.as_chunks_mut::<TURN>().0.iter_mut().zip(sums.as_chunks_mut::<TURN>().0);
    for (((values, sums), a), b) in turns.zip(a.as_chunks::<TURN>().0).zip(b.as_chunks::<TURN>().0) {
        for (((value, sum), a), b) in values.iter_mut().zip(sums).zip(a).zip(b) {
            step(value, sum, *a, *b);
        }
    }
}

const _: () = assert!(TAIL_NODES == 9 && SPOT_NODES < GRID_NODES);
