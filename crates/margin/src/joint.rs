//! Joint scenarios: what happens to all underlyings on the same day (MRG-20 to MRG-22).
//!
//! A row gives each underlying a move of its spot, in units of its scan range, and one of its vol. The *expected
//! shortfall* is the mean of the [`TAIL_COUNT`] largest losses over the rows. Taken for each underlying alone and
//! summed, it overstates what the rows show for the portfolio as a whole; that difference is what diversification
//! saves, and a share of it is credited.
//!
//! Rows are stored by column, one for each underlying. A linear leg with scan loss G = R·|N| loses -s·G·z/4096 in a
//! row with move z, where s is the sign of N: so its shortfall alone follows from the sums of the smallest and
//! largest moves of the column ([`Extremes`], computed once when the rows are staged), and the portfolio's needs
//! one multiply-add per row and underlying.

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::scan::{Grid, NODE_STEPS, SPOT_NODES};
use crate::units::Usd;

/// Underlyings that a set of rows can hold: bits of [`Rows::present`].
pub const MAX_COLUMNS: usize = 16;
/// Rows in a set (MRG-20).
pub const MAX_ROWS: usize = 128;
/// A spot move of one whole scan range. Moves lie in [-MOVE_ONE, MOVE_ONE].
pub const MOVE_ONE: i16 = 4096;
/// A vol move of one whole vol shock. Vol moves lie in [-VOL_ONE, VOL_ONE].
pub const VOL_ONE: i8 = 127;
/// The column of an underlying that has none: too short a history (MRG-23).
pub const NO_COLUMN: u8 = 255;
/// Losses that an expected shortfall averages (MRG-21).
pub const TAIL_COUNT: usize = 3;

/// The sum of TAIL_COUNT moves of a whole scan range: the divisor of [`Extremes`].
const TAIL_MOVES: u64 = 12_288;
const _: () = assert!(TAIL_MOVES == 3 * 4096 && TAIL_COUNT == 3 && MOVE_ONE == 4096);
const _: () = assert!(MAX_COLUMNS <= u16::BITS as usize && MAX_COLUMNS <= NO_COLUMN as usize);

/// Weights are shifted right until their sum is below 2^46; see [`shortfall_ceil`].
const WEIGHT_BITS: u32 = 46;

/// The sums of the [`TAIL_COUNT`] smallest and of the as many largest moves of a column, in units of
/// 1/[`MOVE_ONE`]. With fewer rows, of all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Extremes {
    /// Sum of the smallest moves.
    pub low: i32,
    /// Sum of the largest moves.
    pub high: i32,
}

/// One set of joint rows, borrowed from where it is stored.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Spot moves by column; entries beyond `count` are ignored.
    pub moves: &'a [[i16; MAX_ROWS]; MAX_COLUMNS],
    /// Vol moves by column. Linear legs do not use them.
    pub vols: &'a [[i8; MAX_ROWS]; MAX_COLUMNS],
    /// [`extremes`] of each present column over its first `count` moves.
    pub extremes: &'a [Extremes; MAX_COLUMNS],
    /// Rows in use, at most [`MAX_ROWS`].
    pub count: usize,
    /// A bit per column: which of them hold an underlying.
    pub present: u16,
}

impl<'a> Rows<'a> {
    /// The moves of a column that is present, and its extremes.
    fn column(&self, column: u8) -> Option<(&'a [i16], Extremes)> {
        let index = usize::from(column);
        let moves = self.moves.get(index)?.get(..self.count)?;
        let bit = self.present.checked_shr(u32::from(column)).unwrap_or_default() & 1;
        (bit == 1).then_some((moves, *self.extremes.get(index)?))
    }

    /// Whether an underlying with this column takes part in the joint rows (MRG-23).
    pub fn has(&self, column: u8) -> bool {
        self.column(column).is_some()
    }

    /// At most [`MAX_ROWS`] rows, and every present column made of valid moves with the right extremes: what a set
    /// of rows must pass when it is staged. Costs a pass over the whole set.
    pub fn is_valid(&self) -> bool {
        self.count <= MAX_ROWS
            && (0u8..).zip(self.vols).take(MAX_COLUMNS).all(|(c, vols)| {
                self.column(c).is_none_or(|(moves, stored)| {
                    moves.iter().all(|z| (-MOVE_ONE..=MOVE_ONE).contains(z))
                        && vols.iter().take(self.count).all(|v| (-VOL_ONE..=VOL_ONE).contains(v))
                        && extremes(moves) == stored
                })
            })
    }
}

/// The [`TAIL_COUNT`] smallest values seen, in ascending order; `i64::MAX` where there were fewer.
struct Smallest {
    values: [i64; TAIL_COUNT],
    /// The last of them.
    last: i64,
}

impl Smallest {
    const NONE: Self = Self { values: [i64::MAX; TAIL_COUNT], last: i64::MAX };

    #[inline(always)]
    fn take(&mut self, v: i64) {
        if v < self.last {
            self.last = insert(&mut self.values, v);
        }
    }

    /// Their sum, absent ones left out. Callers pass values below 2^61 in magnitude, so that it fits.
    fn sum(&self) -> i64 {
        self.values.iter().filter(|v| **v != i64::MAX).fold(0, |sum, v| sum.wrapping_add(*v))
    }
}

/// Takes in a value below the last of the three, and returns the new last one. Rare: one in ten values, so it stays out of
/// the loop.
#[cold]
#[inline(never)]
fn insert(values: &mut [i64; TAIL_COUNT], v: i64) -> i64 {
    let [a, b, _] = *values;
    if v >= b {
        *values = [a, b, v];
        return v;
    }
    *values = if v < a { [v, a, b] } else { [a, v, b] };
    b
}

/// The sum of the [`TAIL_COUNT`] smallest values, or of all where there are fewer.
fn smallest_sum(values: impl Iterator<Item = i64>) -> i64 {
    let mut smallest = Smallest::NONE;
    values.for_each(|v| smallest.take(v));
    smallest.sum()
}

/// The same of the sums of rows, by turns.
fn smallest_sum_of(sums: &[i64]) -> i64 {
    let mut smallest = Smallest::NONE;
    let (turns, rest) = sums.as_chunks::<TURN>();
    turns.iter().for_each(|turn| turn.iter().for_each(|v| smallest.take(*v)));
    rest.iter().for_each(|v| smallest.take(*v));
    smallest.sum()
}

/// The extremes of a column: pass exactly the moves in use.
pub fn extremes(column: &[i16]) -> Extremes {
    let low = smallest_sum(column.iter().map(|z| i64::from(*z)));
    let high = smallest_sum(column.iter().map(|z| i64::from(*z).wrapping_neg())).wrapping_neg();
    // Three times 2^15 at most: both fit.
    Extremes { low: i32::try_from(low).unwrap_or(i32::MIN), high: i32::try_from(high).unwrap_or(i32::MAX) }
}

/// A linear net position as the joint rows see it: the column of its underlying, its scan loss G ≥ 0, rounded
/// up by less than two units, and whether it is short.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linear {
    /// Column of the underlying, present in the rows.
    pub column: u8,
    /// Scan loss.
    pub scan_loss: Usd,
    /// The net position is short: it loses where moves are positive.
    pub short: bool,
}

impl Linear {
    /// Expected shortfall of this underlying alone, rounded down (MRG-21): (G - 2)·max(0, e)/12288, where e is -low
    /// or high.
    ///
    /// G - 2 is not above the exact scan loss, so what the credit rests on is never overstated.
    pub fn shortfall_floor(&self, rows: &Rows) -> Usd {
        let Some((_, extremes)) = rows.column(self.column) else {
            return Usd::ZERO;
        };
        let loss = if self.short { i64::from(extremes.high) } else { i64::from(extremes.low).wrapping_neg() };
        let loss = u64::try_from(loss).unwrap_or(0).min(TAIL_MOVES);
        let weight = u64::try_from(self.scan_loss.0).unwrap_or(0).saturating_sub(2);
        // floor(weight·loss / 12288) digit by digit: with loss ≤ 12288 neither part exceeds weight < 2^63.
        let (whole, rest) = (weight / TAIL_MOVES, weight % TAIL_MOVES);
        let floor = whole.wrapping_mul(loss).wrapping_add(rest.wrapping_mul(loss) / TAIL_MOVES);
        Usd(i64::try_from(floor).unwrap_or(i64::MAX))
    }
}

/// Rows that the inner loops take at a turn: on chain a loop's own counters would otherwise be a third of its cost.
const TURN: usize = 8;
const _: () = assert!(MAX_ROWS / TURN * TURN == MAX_ROWS);

/// Applies `step` to each sum and the two entries of its row. Nothing where a column is shorter than the sums; none is.
#[inline(always)]
fn by_turns<B: Copy>(sums: &mut [i64], a: &[i16], b: &[B], mut step: impl FnMut(&mut i64, i16, B)) {
    // Cut to one length, so that one counter serves all three.
    let (Some(a), Some(b)) = (a.get(..sums.len()), b.get(..sums.len())) else {
        return;
    };
    let (turns_a, turns_b) = (a.chunks_exact(TURN), b.chunks_exact(TURN));
    let (rest_a, rest_b) = (turns_a.remainder(), turns_b.remainder());
    let mut turns = sums.chunks_exact_mut(TURN);
    for ((s, a), b) in turns.by_ref().zip(turns_a).zip(turns_b) {
        for ((s, a), b) in s.iter_mut().zip(a).zip(b) {
            step(s, *a, *b);
        }
    }
    for ((s, a), b) in turns.into_remainder().iter_mut().zip(rest_a).zip(rest_b) {
        step(s, *a, *b);
    }
}

/// A column of moves and its weight.
type Weighted<'a> = (&'a [i16], i64);

/// Two columns weighted into the sums, or as the sums where they are the first: one pass for two halves the loads
/// and stores of the sums. Ranges of all three: see [`shortfall_ceil`].
fn accumulate_two(sums: &mut [i64], first: bool, (a, wa): Weighted, (b, wb): Weighted) {
    if first {
        by_turns(sums, a, b, |s, a, b| *s = wa.wrapping_mul(a.into()).wrapping_add(wb.wrapping_mul(b.into())));
    } else {
        by_turns(sums, a, b, |s, a, b| {
            *s = s.wrapping_add(wa.wrapping_mul(a.into())).wrapping_add(wb.wrapping_mul(b.into()));
        });
    }
}

/// One column weighted into the sums: what is left of an odd number.
fn accumulate_one(sums: &mut [i64], (a, wa): Weighted) {
    by_turns(sums, a, a, |s, a, _| *s = s.wrapping_add(wa.wrapping_mul(a.into())));
}

/// Linear positions weighted into the sums, two at a pass. False where there is none, and the sums are as they were.
fn accumulate(sums: &mut [i64], rows: &Rows, positions: &[Linear], shift: u32, scale: i64) -> Result<bool> {
    let weigh = |p: &Linear| -> Result<Weighted> {
        let (moves, _) = rows.column(p.column).ok_or(MarginError::InvalidColumn)?;
        let weight = p.scan_loss.0.checked_shr(shift).unwrap_or_default().wrapping_mul(scale);
        Ok((moves, if p.short { weight.wrapping_neg() } else { weight }))
    };
    let mut first = true;
    for pair in positions.chunks(2) {
        match pair {
            [a, b] => accumulate_two(sums, first, weigh(a)?, weigh(b)?),
            [a] if first => accumulate_two(sums, first, weigh(a)?, (weigh(a)?.0, 0)),
            [a] => accumulate_one(sums, weigh(a)?),
            _ => {}
        }
        first = false;
    }
    Ok(!first)
}

/// The sum of the [`TAIL_COUNT`] smallest sums as a loss in money, rounded up: divided by `unit`, shifted back, with the error
/// added.
fn loss_ceil(smallest: i64, unit: u64, shift: u32, error: u64) -> Result<Usd> {
    let loss = u64::try_from(smallest.wrapping_neg()).unwrap_or(0).div_ceil(unit);
    let loss = loss.checked_mul(1u64.checked_shl(shift).unwrap_or(u64::MAX)).and_then(|l| l.checked_add(error));
    loss.and_then(|l| i64::try_from(l).ok()).map(Usd).ok_or(MarginError::Overflow)
}

/// Expected shortfall of several linear positions together, rounded up (MRG-21). `sums` is scratch.
///
/// Range. Weights are scan losses shifted right by the smallest s with (sum of G) >> s below 2^46, so the shifted
/// ones sum to less than 2^46. A stored move is below 2^15 in magnitude, valid or not: every partial sum is below
/// 2^61 in magnitude, the three smallest together below 2^63.
///
/// Error. The weight in use differs from the exact R·|N| by less than e = max(2, 2^s): rounding adds less than 2,
/// the shift cuts less than 2^s. A valid move is at most one scan range, so the exact shortfall exceeds the one
/// computed by less than e for each position, and that is added. Up to 70 million USD of scan losses s is 0 and e
/// is 0.000002 USD; beyond, e is below 2^-45 of the sum.
pub fn shortfall_ceil(sums: &mut [i64; MAX_ROWS], rows: &Rows, positions: &[Linear]) -> Result<Usd> {
    let mut total = Usd::ZERO;
    for position in positions {
        total = total.add(position.scan_loss)?;
    }
    let shift = shift_below(total, WEIGHT_BITS);
    let sums = sums.get_mut(..rows.count).ok_or(MarginError::TooManyRows)?;
    if !accumulate(sums, rows, positions, shift, 1)? {
        return Ok(Usd::ZERO);
    }
    let count = u64::try_from(positions.len()).unwrap_or(u64::MAX);
    let error = 1u64.checked_shl(shift).unwrap_or(u64::MAX).max(2).checked_mul(count).ok_or(MarginError::Overflow)?;
    loss_ceil(smallest_sum_of(sums), TAIL_MOVES, shift, error)
}

/// How far an amount of 0 or more must be shifted right to be below 2^bits.
fn shift_below(amount: Usd, bits: u32) -> u32 {
    u64::BITS.saturating_sub(bits).saturating_sub(amount.0.leading_zeros())
}

/// A position that is not linear as the joint rows see it.
#[derive(Clone, Copy, Debug)]
pub struct Curve<'a> {
    /// Column of the underlying, present in the rows.
    pub column: u8,
    /// Its profit and loss at every node.
    pub grid: &'a Grid,
    /// The greatest size of any of its spot nodes.
    pub extent: Usd,
    /// What a node may be off by, 0 or more.
    pub error: Usd,
}

/// Room for the segments between spot nodes, with vol on its way up and with vol on its way down. A segment stands at its
/// first node's step from the centre, -8 to 8, modulo the room: where the high bits of a move lead.
type Segments = [[Segment; SEGMENTS]; 2];
const SEGMENTS: usize = 32;
const _: () = assert!(SEGMENTS.is_power_of_two() && SPOT_NODES <= SEGMENTS);

/// Profit and loss between two neighbouring spot nodes, with vol on its way to one direction: in units of [`CURVE_UNIT`]ths it
/// is base + slope·f + n·(vol_base + vol_slope·f) at f 512ths of the way, n being the vol move as an unsigned byte: nu 127ths
/// of the vol shock up, and 256 - |nu| down.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Segment {
    base: i64,
    slope: i64,
    vol_base: i64,
    vol_slope: i64,
}

/// Steps of a move between two spot nodes: 4096 of a scan range over 8 nodes.
const STEPS: i64 = 512;
const STEP_BITS: u32 = 9;
const STEP_MASK: u16 = 511;
const _: () = assert!(STEP_MASK as i64 == STEPS - 1);
/// A 127th of a node in [`CURVE_UNIT`]ths, and the same over [`STEPS`], as shifts.
const MOVE_BITS: u32 = 12;
const STEP_SHIFT: u32 = MOVE_BITS - STEP_BITS;
const _: () = assert!(MOVE_ONE == 1 << MOVE_BITS);
const _: () = assert!(STEPS * NODE_STEPS == MOVE_ONE as i64 && STEPS == 1 << STEP_BITS);
/// Units of a sum with curves: 4096 · 127, so that linear weights times 127 have the same.
const CURVE_UNIT: i64 = 520_192;
const _: () = assert!(CURVE_UNIT == MOVE_ONE as i64 * VOL_ONE as i64);
/// Three of them: the divisor of a shortfall.
const CURVE_TAILS: u64 = 1_560_576;
const _: () = assert!(CURVE_TAILS == 3 * CURVE_UNIT as u64);
/// Weights and extents are shifted right until their sum is below 2^41; see [`mixed_shortfall_ceil`].
const CURVE_BITS: u32 = 41;

/// Fills the segments of a curve, each node shifted right by `shift`.
///
/// Nodes are below 2^41 and a profit between them below 2^60; the terms that it is a sum of may leave an i64, and come back.
fn segment([rising, falling]: &mut Segments, grid: &Grid, shift: u32) {
    // Profit with vol as it is, and what the whole shock adds, up and down.
    let cut = |row: &[i64; SPOT_NODES], i: usize| row.get(i).map_or(0, |v| v.checked_shr(shift).unwrap_or_default());
    let node = |i: usize| {
        let flat = cut(&grid.flat, i);
        (flat, cut(&grid.up, i).wrapping_sub(flat), cut(&grid.down, i).wrapping_sub(flat))
    };
    // From the last node, which has no slope: a valid move does not reach beyond it.
    let mut next = node(const { SPOT_NODES - 1 });
    for i in (0..SPOT_NODES).rev() {
        let (flat_next, up_next, down_next) = next;
        let (flat, up, down) = node(i);
        next = (flat, up, down);
        let at = i.wrapping_add(const { SEGMENTS - SPOT_NODES / 2 }) & const { SEGMENTS - 1 };
        let base = flat.wrapping_mul(CURVE_UNIT);
        let slope = flat_next.wrapping_sub(flat).wrapping_mul(const { CURVE_UNIT / STEPS });
        let (vol_base, vol_slope) = (up << MOVE_BITS, up_next.wrapping_sub(up) << STEP_SHIFT);
        if let Some(place) = rising.get_mut(at) {
            *place = Segment { base, slope, vol_base, vol_slope };
        }
        let (vol_base, vol_slope) = (down << MOVE_BITS, down_next.wrapping_sub(down) << STEP_SHIFT);
        if let Some(place) = falling.get_mut(at) {
            // |nu| is 256 less the byte.
            *place = Segment {
                base: base.wrapping_add(vol_base << u8::BITS),
                slope: slope.wrapping_add(vol_slope << u8::BITS),
                vol_base: vol_base.wrapping_neg(),
                vol_slope: vol_slope.wrapping_neg(),
            };
        }
    }
}

impl Segment {
    /// Profit at a move and a vol move, in [`CURVE_UNIT`]ths: within the nodes of the segment, since neither reaches beyond
    /// them.
    #[inline(always)]
    fn at(&self, f: i64, n: i64) -> i64 {
        let flat = self.base.wrapping_add(self.slope.wrapping_mul(f));
        flat.wrapping_add(self.vol_base.wrapping_add(self.vol_slope.wrapping_mul(f)).wrapping_mul(n))
    }
}

/// A curve's profit in every row added to the sums (MRG-20). Returns the sum of its own [`TAIL_COUNT`] smallest. `own` is
/// scratch, as long as the sums.
///
/// Two loops: what finds the smallest needs registers that the interpolation has no room for.
fn accumulate_curve(
    (sums, own): (&mut [i64], &mut [i64]),
    rows: &Rows,
    column: u8,
    segments: &Segments,
) -> Result<i64> {
    let (moves, _) = rows.column(column).ok_or(MarginError::InvalidColumn)?;
    let vols = rows.vols.get(usize::from(column)).ok_or(MarginError::InvalidColumn)?;
    by_turns(own, moves, vols, |own, z, nu| {
        // The low bits of a move are the way, the next ones the step, negative ones from above.
        let (z, nu) = (z.cast_unsigned(), nu.cast_unsigned());
        let step = usize::from(z >> STEP_BITS) & const { SEGMENTS - 1 };
        let segment = segments.get(usize::from(nu >> 7)).and_then(|way| way.get(step));
        *own = segment.map_or(0, |segment| segment.at(i64::from(z & STEP_MASK), i64::from(nu)));
    });
    let mut smallest = Smallest::NONE;
    let mut add = |(sum, own): (&mut i64, &i64)| {
        *sum = sum.wrapping_add(*own);
        smallest.take(*own);
    };
    let ((sums, last_sums), (own, last_own)) = (sums.as_chunks_mut::<TURN>(), own.as_chunks::<TURN>());
    sums.iter_mut().zip(own).for_each(|(sums, own)| sums.iter_mut().zip(own).for_each(&mut add));
    last_sums.iter_mut().zip(last_own).for_each(&mut add);
    Ok(smallest.sum())
}

/// Room to work in: for the rows' sums, one curve's own profits, and its segments.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Scratch {
    pub(crate) sums: [i64; MAX_ROWS],
    own: [i64; MAX_ROWS],
    segments: Segments,
}

/// Expected shortfall of linear positions and curves together, rounded up, and of each curve alone, rounded down, into `alone`
/// (MRG-20, MRG-21).
///
/// Range. Scan losses and extents are shifted right by the smallest s with their sum below 2^41; in units of 4096·127 below 2^19
/// a row's sum is below 2^60, its terms below 2^61, the three smallest together below 2^62.
///
/// Error. A linear weight is off by less than max(2, 2^s) as in [`shortfall_ceil`], a node of a curve by its error and less
/// than 2^s. A row lies between nodes, in spot and in vol, so its profit is off by no more.
pub fn mixed_shortfall_ceil<'a>(
    Scratch { sums, own, segments }: &mut Scratch,
    rows: &Rows,
    positions: &[Linear],
    curves: impl Iterator<Item = Curve<'a>> + Clone,
    mut alone: impl FnMut(u8, Usd) -> Result<()>,
) -> Result<Usd> {
    let mut total = Usd::ZERO;
    for position in positions {
        total = total.add(position.scan_loss)?;
    }
    for curve in curves.clone() {
        total = total.add(curve.extent)?;
    }
    let shift = shift_below(total, CURVE_BITS);
    let unit = 1u64.checked_shl(shift).unwrap_or(u64::MAX);
    let sums = sums.get_mut(..rows.count).ok_or(MarginError::TooManyRows)?;
    let own = own.get_mut(..rows.count).ok_or(MarginError::TooManyRows)?;
    if !accumulate(sums, rows, positions, shift, i64::from(VOL_ONE))? {
        sums.fill(0);
    }
    let mut error = unit.max(2).saturating_mul(u64::try_from(positions.len()).unwrap_or(u64::MAX));
    for curve in curves {
        segment(segments, curve.grid, shift);
        let smallest = accumulate_curve((&mut *sums, &mut *own), rows, curve.column, segments)?;
        let off = u64::try_from(curve.error.0).unwrap_or(0).saturating_add(unit);
        error = error.saturating_add(off);
        let loss = u64::try_from(smallest.wrapping_neg()).unwrap_or(0) / CURVE_TAILS;
        let loss = loss.saturating_mul(unit).saturating_sub(off);
        alone(curve.column, Usd(i64::try_from(loss).map_err(|_| MarginError::Overflow)?))?;
    }
    loss_ceil(smallest_sum_of(sums), CURVE_TAILS, shift, error)
}
