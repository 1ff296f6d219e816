//! What a book holds at one expiry: futures and options (MRG-10, MRG-15).
//!
//! Options are netted by strike as calls: a put is a call less a forward plus the strike. Each strike held then weighs its
//! stored values once. Strikes that were priced at the same spot and scan range are summed on that stored grid, and the sum is
//! shifted once to the spot of now: at a move m of the scan the stored grid is read at (1+m)(1+x) - 1, x being the move of spot
//! since the values were made.

use bytemuck::{Pod, Zeroable};

use crate::chain::{
    Strike, BASIS_RANGE, CENTRE, FLAT, GRID_STEPS, MAX_STRIKES, SLOPE, TAIL, UP, VALUES, VALUE_ERROR, VALUE_ONE,
};
use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_floor, product_over_ten_pow_floor};
use crate::pricing::{saturated, DAY};
use crate::scan::{tail_move, Grid, NODE_STEPS, SPOT_NODES, TAIL_NODES};
use crate::units::{Contracts, Price, Ratio, Seconds, Tenor, Usd, PRICE_DIGITS, USD_DIGITS};

/// Expiries in one book (CLR-36).
pub const MAX_EXPIRIES: usize = 12;

/// A whole node, as positions on a stored grid count: 2^24.
pub const NODE_ONE: i64 = 1 << NODE_BITS;
const NODE_BITS: u32 = 24;
/// Weights of one group are shifted right until their sum is below 2^31: with values below 2^32 the sums fit an i64.
const WEIGHT_BITS: u32 = 31;
/// Sums are shifted right by this before they are interpolated: a 2^-4 of a weight's unit is left.
const SUM_SHIFT: u32 = 25;
const SUM_FRACTION: u32 = 4;
const _: () = assert!(VALUE_ONE == 1 << (SUM_SHIFT + SUM_FRACTION));
/// Most that the options on one underlying may be at the spot their values were made at, sizes summed: 2.8e11 USD. A call is
/// worth less than eight spots, so no node's profit or loss leaves 2^62.
pub(crate) const MAX_OPTIONS: Usd = Usd(1 << 58);
/// Farthest that a scan reaches on a stored grid, in nodes from its centre.
const FARTHEST: i64 = 40;
/// 2^27: values off by VALUE_ERROR at each end of a difference are off by 2^-27 of the weight.
const ERROR_BITS: u32 = 27;
const _: () = assert!(VALUE_ERROR * 2 * (1 << ERROR_BITS) == VALUE_ONE as i64);

/// What the book must know of an expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryFacts {
    /// The forward over the spot, less one.
    pub basis: Ratio,
    /// Time that is left, above zero.
    pub remaining: Tenor,
}

/// Call or put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The right to the forward at the strike.
    Call,
    /// The right to the strike for the forward.
    Put,
}

/// Which of two values an option takes where its mark has to be carried to another spot (MRG-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carry {
    /// The mark with delta and gamma, within the bounds below.
    Central,
    /// In favour of who holds it: what convexity allows at most for a long option, at least for a short one. For
    /// liquidations.
    Owner,
}

/// One expiry of a book: what is held, and after [`Book::add_chain`](crate::Book::add_chain) what the options are worth.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct HeldExpiry {
    /// Identity of the expiry, as the caller counts them.
    pub id: u64,
    /// The forward over the spot, less one.
    pub basis: Ratio,
    /// Time that is left.
    pub remaining: Tenor,
    /// The futures.
    pub future: Contracts,
    /// Puts of all strikes, summed.
    pub puts: Contracts,
    /// The strikes of the puts: quantity times strike, summed and rounded down.
    pub put_strikes: Usd,
    /// Calls and puts of each strike slot, netted.
    pub net: [Contracts; MAX_STRIKES],
    /// Result: delta of futures and options in contracts of spot.
    pub delta: Contracts,
    /// Result: value of the options, settlement units, rounded down.
    pub value: Usd,
    /// Result: that less what they are worth at once (MRG-33).
    pub time_value: Usd,
    /// Result: profit of the options with vol up and no move (MRG-37).
    pub vega: Usd,
    /// Result: contracts net short, over strikes (MRG-32).
    pub naked: Contracts,
    /// Slot of the underlying in the book.
    pub underlying: u16,
    /// 1 where options were added and their chain was not yet.
    pub(crate) unvalued: u8,
    /// 1 where the chain was added.
    pub(crate) valued: u8,
    padding: [u8; 4],
}

impl HeldExpiry {
    pub(crate) fn new(id: u64, underlying: u16, facts: ExpiryFacts) -> Result<Self> {
        if facts.basis < BASIS_RANGE.0 || facts.basis > BASIS_RANGE.1 {
            return Err(MarginError::InvalidBasis);
        }
        if facts.remaining <= Tenor::ZERO {
            return Err(MarginError::Expired);
        }
        Ok(Self { id, basis: facts.basis, remaining: facts.remaining, underlying, ..Self::zeroed() })
    }

    /// Options were added that no chain has valued yet.
    pub fn needs_chain(&self) -> bool {
        self.unvalued != 0
    }

    /// The forward at a spot price, rounded down.
    pub fn forward(&self, spot: Price) -> Result<Price> {
        spot.scale_floor(self.growth())
    }

    /// 1 + basis, between 0.5 and 2.
    fn growth(&self) -> Ratio {
        Ratio(Ratio::ONE.0.saturating_add(self.basis.0))
    }

    /// A quantity of forwards in contracts of spot.
    fn in_spot(&self, forwards: Contracts) -> Result<Contracts> {
        product_over_ten_pow_floor::<USD_DIGITS>(forwards.0, self.growth().0).map(Contracts)
    }

    /// Futures less puts, in contracts of spot: what is linear here.
    pub(crate) fn linear(&self) -> Result<Contracts> {
        self.in_spot(self.future.sub(self.puts)?)
    }
}

/// How far the values that a book rests on lie from now: the worst of all strikes held.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Drift {
    /// Distance of spot from where values were made, in nodes of their grid, [`NODE_ONE`] to one (an eighth of the scan range).
    pub nodes: i64,
    /// Unix time of the oldest values; `i64::MAX` without options.
    pub oldest: Seconds,
}

/// Strikes whose values were made at one spot and scan range, and where spot is now on their grid.
struct Group {
    reference: Price,
    range: Ratio,
    /// Move of spot since, USD 1e-9.
    moved: i64,
    /// The same as a share of the reference, 1e-9.
    share: i64,
    /// Position of spot on the grid, and the distance of two nodes of the scan on it.
    start: i64,
    step: i64,
    /// Spot over the reference, [`NODE_ONE`] to one.
    growth: i64,
}

impl Group {
    /// Fails with [`MarginError::Overflow`] where spot is above twice the reference or beyond the stored grid, or the scan
    /// reaches further than [`FARTHEST`]: the values say nothing of that.
    fn new(strike: &Strike, spot: Price, range: Ratio) -> Result<Self> {
        let (reference, stored) = (strike.reference, strike.scan_range);
        if reference <= Price::ZERO || stored <= Ratio::ZERO {
            return Err(MarginError::StrikeNotPriced);
        }
        let unshifted =
            Self { reference, range: stored, moved: 0, share: 0, start: 0, step: NODE_ONE, growth: NODE_ONE };
        if reference == spot && stored == range {
            return Ok(unshifted);
        }
        let moved = spot.sub(reference)?.0;
        let growth = mul_div_floor(NODE_ONE, spot.0, reference.0)?;
        if growth > const { 2 * NODE_ONE } {
            return Err(MarginError::Overflow);
        }
        // Eight nodes to a range: (spot/reference - 1)·8/stored and (range/stored)·(spot/reference), in 2^-24.
        let nodes = mul_div_floor(const { NODE_ONE * NODE_STEPS }, Ratio::ONE.0, stored.0)?;
        let start = mul_div_floor(moved, nodes, reference.0)?;
        let step = mul_div_floor(growth, range.0, stored.0)?;
        let reach = step.saturating_mul(NODE_STEPS).saturating_add(start.saturating_abs());
        if start.saturating_abs() > const { GRID_STEPS * NODE_ONE } || reach > const { FARTHEST * NODE_ONE } {
            return Err(MarginError::Overflow);
        }
        let share = mul_div_floor(moved, Price::ONE.0, reference.0)?;
        Ok(Self { moved, share, start, step, growth, ..unshifted })
    }

    fn has(&self, strike: &Strike) -> bool {
        strike.reference == self.reference && strike.scan_range == self.range
    }

    /// Value of a call per contract at the spot of now, and its delta.
    ///
    /// A call is convex in spot: its value lies above the tangent at the reference and below the chord of the nodes around spot.
    /// The mark carried by delta and gamma is held between [`Group::bounds`], since close to expiry gamma reaches less far than a
    /// node.
    fn carry(&self, strike: &Strike, quantity: Contracts, limit: i64, carry: Carry) -> Result<(Price, i64)> {
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
        // From the mark, in units of the reference: below 2^34·2^63. A segment carried on is off by three values' errors.
        let centre = value(CENTRE).unwrap_or_default();
        let carried = |value: i64| {
            let rise = i128::from(value.wrapping_sub(centre)).wrapping_mul(i128::from(self.reference.0));
            strike.mark.add(Price(saturated(rise >> VALUE_ONE.trailing_zeros())))
        };
        Ok((carried(floor.wrapping_sub(4 * VALUE_ERROR))?, carried(chord.wrapping_add(2 * VALUE_ERROR))?))
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

/// Values weighted into the sums, or as the sums where they are the first.
///
/// Range: the weights of a group add up to less than 2^31 in size and a value is below 2^32, so no sum leaves an i64.
#[inline]
fn accumulate(sums: &mut [i64; VALUES], first: bool, weight: i64, values: &[u32; VALUES]) {
    if first {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = weight.wrapping_mul(i64::from(*value));
        }
    } else {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.wrapping_add(weight.wrapping_mul(i64::from(*value)));
        }
    }
}

/// A group's sums, and the shifts from them to money: that of its weights, less [`SUM_FRACTION`].
struct Weighted<'a> {
    sums: &'a [i64; VALUES],
    left: u32,
    right: u32,
}

impl Weighted<'_> {
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
    /// [`MAX_OPTIONS`] hold.
    #[inline]
    fn money(&self, value: i64) -> i64 {
        value.wrapping_shl(self.left) >> self.right
    }
}

/// Of the options of one expiry: what a node may be off by, rounded up, and their sizes at the spot their values were made at,
/// summed.
#[derive(Default)]
pub(crate) struct Valued {
    pub error: Usd,
    pub held: Usd,
}

/// Values one expiry at `spot`: its results, and the profit and loss of its options added to `grid`, which has the scan range
/// `range`. `sums` is scratch.
pub(crate) fn value_options(
    held: &mut HeldExpiry,
    strikes: &[Strike; MAX_STRIKES],
    (spot, range): (Price, Ratio),
    carry: Carry,
    grid: &mut Grid,
    sums: &mut [i64; VALUES],
    drift: &mut Drift,
) -> Result<Valued> {
    let forward = held.forward(spot)?;
    let limit = held.growth().0.saturating_mul(RATIO_TO_CONTRACTS);
    let soon = held.remaining < DAY;
    let mut delta = held.linear()?;
    let mut value = held.put_strikes.sub(held.puts.value_ceil(forward)?)?;
    let (mut time_value, mut vega, mut valued) = (Usd::ZERO, Usd::ZERO, Valued::default());
    held.naked = naked(held, strikes)?;
    let mut done = [false; MAX_STRIKES];
    loop {
        let open = |(done, net): (&bool, &Contracts)| !done && net.0 != 0;
        let Some(lead) = done.iter().zip(&held.net).position(open) else { break };
        let group = Group::new(strikes.get(lead).ok_or(MarginError::UnknownStrike)?, spot, range)?;
        drift.nodes = drift.nodes.max(group.start.saturating_abs());
        let mut weights = [0i64; MAX_STRIKES];
        let mut total = 0i64;
        let members = done.iter_mut().zip(&held.net).zip(strikes).zip(&mut weights).skip(lead);
        for (((done, net), strike), weight) in members {
            if *done || net.0 == 0 || !group.has(strike) {
                continue;
            }
            *done = true;
            drift.oldest = drift.oldest.min(strike.refreshed);
            let (price, unit_delta) = group.carry(strike, *net, limit, carry)?;
            value = value.add(net.value_floor(price)?)?;
            delta = delta.add(Contracts(product_over_ten_pow_floor::<PRICE_DIGITS>(net.0, unit_delta)?))?;
            if soon {
                let rest = price.sub(forward.sub(strike.strike)?.or_zero())?;
                time_value = time_value.add(net.value_ceil(rest)?)?;
            }
            *weight = net.value_floor(group.reference)?.0;
            total = total.checked_add(weight.abs()).ok_or(MarginError::Overflow)?;
        }
        let shift = u64::BITS.saturating_sub(WEIGHT_BITS).saturating_sub(total.leading_zeros());
        let (mut first, mut count) = (true, 0i64);
        for (weight, strike) in weights.iter().zip(strikes).skip(lead) {
            if *weight != 0 {
                accumulate(sums, first, *weight >> shift, &strike.values);
                first = false;
                count = count.wrapping_add(1);
            }
        }
        if first {
            continue;
        }
        let (left, right) = (shift.saturating_sub(SUM_FRACTION), SUM_FRACTION.saturating_sub(shift));
        let up = add_to_grid(grid, &group, range, &Weighted { sums, left, right });
        vega = vega.add(Usd(up))?;
        // Values, weights that were cut, and what the steps above cut: each below a unit of a weight per strike and node.
        let cut = count.wrapping_add(4).checked_mul(1i64 << shift).ok_or(MarginError::Overflow)?;
        valued.error = valued.error.add(Usd(total >> ERROR_BITS))?.add(Usd(cut))?;
        valued.held = valued.held.add(Usd(total))?;
    }
    (held.delta, held.value, held.time_value, held.vega) = (delta, value, time_value, vega);
    (held.unvalued, held.valued) = (0, 1);
    Ok(valued)
}

/// One option at the spot of now, carried as the book carries it (MRG-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Value per contract, 0 or more.
    pub mark: Price,
    /// Size of its delta in contracts of spot.
    pub delta: Contracts,
    /// How far its values lie from now.
    pub drift: Drift,
}

/// Marks one option of an expiry at `spot`, of an underlying with the scan range `range`.
pub fn option_at(strike: &Strike, right: Right, (spot, range): (Price, Ratio), facts: ExpiryFacts) -> Result<Carried> {
    let held = HeldExpiry::new(0, 0, facts)?;
    let group = Group::new(strike, spot, range)?;
    let limit = held.growth().0.saturating_mul(RATIO_TO_CONTRACTS);
    let (call, delta) = group.carry(strike, Contracts::ZERO, limit, Carry::Central)?;
    let (mark, delta) = match right {
        Right::Call => (call, delta),
        Right::Put => (call.sub(held.forward(spot)?)?.add(strike.strike)?.or_zero(), limit.saturating_sub(delta)),
    };
    let drift = Drift { nodes: group.start.saturating_abs(), oldest: strike.refreshed };
    Ok(Carried { mark, delta: Contracts(delta), drift })
}

/// 1e-9 in 1e-6: from the digits of a ratio to those of a quantity.
const RATIO_TO_CONTRACTS: i64 = 1_000;

/// Contracts net short over the strikes (MRG-32). Slots next to each other with the same strike count as one.
fn naked(held: &HeldExpiry, strikes: &[Strike; MAX_STRIKES]) -> Result<Contracts> {
    let (mut naked, mut run, mut last) = (Contracts::ZERO, Contracts::ZERO, Price::ZERO);
    for (net, strike) in held.net.iter().zip(strikes) {
        if net.0 == 0 {
            continue;
        }
        if strike.strike == last {
            run = run.add(*net)?;
            continue;
        }
        naked = naked.add(run.neg()?.or_zero())?;
        (run, last) = (*net, strike.strike);
    }
    naked.add(run.neg()?.or_zero())
}

/// Shifts a group's sums to the spot of now and adds them to the scan's nodes (MRG-11, MRG-13, MRG-15). Returns the profit
/// with vol up and no move.
fn add_to_grid(grid: &mut Grid, group: &Group, range: Ratio, values: &Weighted) -> i64 {
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
