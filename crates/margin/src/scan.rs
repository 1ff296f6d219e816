//! The scan of one underlying (MRG-11, MRG-13, MRG-14): its profit and loss at 17 spot nodes, each at three vols,
//! and at nine tail nodes. Legs that are linear in spot (balances, perpetuals) need none of the nodes: their net
//! notional N has the scan loss R·|N| in closed form.
//!
//! Proof. At spot node m = R·j/8 the profit is N·m, the same at all three vols; the worst of them is -R·|N|, at j = 8
//! or -8. A tail node has |m| at most 2R or an absolute move, cut at -95 %, and the weight min(1, t·R/|m|): its profit
//! N·m·min(1, t·R/|m|) has the magnitude |N|·min(|m|, t·R) ≤ t·R·|N|. The tail factor t is at most 1 (0.75 by default,
//! bounded by `Params::validate`), so no tail node is worse, whatever the cut does to |m|; and the spot nodes need no
//! cut because R ≤ 1.

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_floor, product_over_ten_pow_floor};
use crate::units::{Contracts, Price, Ratio, Usd, PRICE_DIGITS};

/// Spot nodes on each side of zero (MRG-11).
pub const NODE_STEPS: i64 = 8;
/// Spot nodes in all.
pub const SPOT_NODES: usize = 17;
const _: () = assert!(SPOT_NODES == 17 && NODE_STEPS * 2 + 1 == 17);
/// Tail nodes in scan ranges, in the order of [`linear_tail_floor`] (MRG-13); see [`tail_moves`].
pub const RANGE_TAILS: [Ratio; 4] = [Ratio(-2_000_000), Ratio(-1_500_000), Ratio(1_500_000), Ratio(2_000_000)];
/// Tail nodes as absolute moves, after those in scan ranges (MRG-13).
pub const TAILS: [Ratio; 5] = [Ratio(-660_000), Ratio(-330_000), Ratio(500_000), Ratio(1_000_000), Ratio(2_000_000)];
/// Tail nodes in all.
pub const TAIL_NODES: usize = 9;
const _: () = assert!(TAIL_NODES == RANGE_TAILS.len() + TAILS.len());
/// A node given in scan ranges is not below this move (MRG-13).
pub const LOWEST_MOVE: Ratio = Ratio(-950_000);

/// The spot moves of the tail nodes at a scan range (MRG-13).
#[inline(always)]
pub fn tail_moves(range: Ratio) -> [Ratio; TAIL_NODES] {
    // RANGE_TAILS times a range of at most 1, cut towards zero.
    let (twice, half_more) = (range.0.wrapping_mul(2), range.0.wrapping_mul(3) >> 1);
    let down = |size: i64| Ratio(size.wrapping_neg()).max(LOWEST_MOVE);
    let [a, b, c, d, e] = TAILS;
    [down(twice), down(half_more), Ratio(half_more), Ratio(twice), a, b, c, d, e]
}

/// Profit and loss of one underlying at every node of the scan (MRG-11, MRG-13), settlement units. Tail nodes are not weighted
/// yet: see [`Grid::tail`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Grid {
    /// Vol down, by spot move from -R to R.
    pub down: [i64; SPOT_NODES],
    /// Vol as it is.
    pub flat: [i64; SPOT_NODES],
    /// Vol up.
    pub up: [i64; SPOT_NODES],
    /// Vol up, at the tail moves.
    pub tails: [i64; TAIL_NODES],
}

/// A node of the scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Spot move.
    pub spot: Ratio,
    /// -1, 0 or 1: vol down, as it is, up.
    pub vol: i8,
}

/// The worst of a grid: the scan loss, the node where it arises, and the greatest size of any spot node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Worst {
    pub loss: Usd,
    pub node: Node,
    pub extent: i64,
}

impl Grid {
    /// Adds what is linear: a net notional (signed) at every node, less the one that was added `before`, rounded down.
    ///
    /// Range: what options put into a node is below 2^62 (see [`dated`](crate::dated)), a linear notional is at most
    /// [`MOST_LINEAR`] and moves by at most twice itself: sums stay below 2^63, a difference of two of them below 2^60.
    pub(crate) fn add_linear(&mut self, before: Usd, notional: Usd, range: Ratio) -> Result<()> {
        if notional.0.unsigned_abs() > MOST_LINEAR {
            return Err(MarginError::Overflow);
        }
        let notional = notional.sub(before)?;
        if notional.0 == 0 {
            return Ok(());
        }
        let edge = notional.scale_floor(range)?;
        let mut moved = edge.0.wrapping_mul(const { -NODE_STEPS });
        for ((down, flat), up) in self.down.iter_mut().zip(&mut self.flat).zip(&mut self.up) {
            let profit = moved >> NODE_BITS;
            *down = down.wrapping_add(profit);
            *flat = flat.wrapping_add(profit);
            *up = up.wrapping_add(profit);
            moved = moved.wrapping_add(edge.0);
        }
        // The notional in USD and its millionths, each times at most 2,000,000 millionths.
        let whole = notional.0.div_euclid(Ratio::ONE.0);
        let rest = notional.0.wrapping_sub(whole.wrapping_mul(Ratio::ONE.0));
        for (tail, m) in self.tails.iter_mut().zip(tail_moves(range)) {
            // Raised above zero, so that the division is one of unsigned numbers; it rounds down all the same.
            let raised = rest.wrapping_mul(m.0).wrapping_add(const { RAISE * Ratio::ONE.0 }).cast_unsigned();
            let part = raised.div_euclid(const { Ratio::ONE.0.cast_unsigned() }).cast_signed().wrapping_sub(RAISE);
            *tail = tail.wrapping_add(whole.wrapping_mul(m.0)).wrapping_add(part);
        }
        Ok(())
    }

    /// Weighted profit and loss at tail node `index`, rounded down: P&L·min(1, factor·R/|m|) (MRG-13).
    pub fn tail(&self, range: Ratio, factor: Ratio, index: usize) -> Result<Usd> {
        let profit = self.tails.get(index).copied().ok_or(MarginError::UnknownSlot)?;
        let spot = tail_moves(range).get(index).copied().unwrap_or_default();
        weighted(profit, spot, range.0.wrapping_mul(factor.0)).map(Usd)
    }

    pub(crate) fn worst(&self, range: Ratio, factor: Ratio) -> Result<Worst> {
        let (mut least, mut greatest, mut vol) = (0i64, 0i64, 0i8);
        for (direction, row) in [(0i8, &self.flat), (1, &self.up), (-1, &self.down)] {
            let before = least;
            for value in row {
                if *value < least {
                    least = *value;
                } else if *value > greatest {
                    greatest = *value;
                }
            }
            if least != before {
                vol = direction;
            }
        }
        let row = match vol {
            0 => &self.flat,
            1 => &self.up,
            _ => &self.down,
        };
        let found = row.iter().position(|value| *value == least).and_then(|at| i64::try_from(at).ok());
        let at = if least < 0 { found.unwrap_or(NODE_STEPS) } else { NODE_STEPS };
        let extent = greatest.max(least.saturating_neg());
        let moved = range.0.saturating_mul(at.wrapping_sub(NODE_STEPS)).wrapping_div(NODE_STEPS);
        let mut node = Node { spot: Ratio(moved), vol };
        // Range times factor, at most 1, in 1e-12, and in 1e-6 rounded up by more than a weight is.
        let exact = range.0.wrapping_mul(factor.0);
        let cap = exact.wrapping_div(Ratio::ONE.0).wrapping_add(2);
        for (tail, spot) in self.tails.iter().zip(tail_moves(range)) {
            // Most tails lose more than the worst node, and less once they are weighted by cap/|m|: first without a division, by
            // a weight that is too large, in steps of 2^22. Both products are below 2^62.
            let coarse = (*tail >> COARSE).wrapping_mul(cap);
            let size = spot.0.wrapping_abs();
            if *tail < least && coarse < (least >> COARSE).wrapping_add(1).wrapping_mul(size) {
                let exact = weighted(*tail, spot, exact)?;
                if exact < least {
                    least = exact;
                    node = Node { spot, vol: 1 };
                }
            }
        }
        Ok(Worst { loss: Usd(least).neg()?, node, extent })
    }
}

/// Profit or loss at a tail move, weighted by min(1, cap/|m|), rounded down (MRG-13). The cap is in 1e-12, 0 or more, at most 1.
fn weighted(profit: i64, spot: Ratio, cap: i64) -> Result<i64> {
    // The cap is below 2^40, and after a thousandfold below 2^50: its quotient is in 1e-9.
    let cap = cap.wrapping_mul(1_000).unsigned_abs();
    let floor = cap.div_euclid(spot.0.unsigned_abs().max(1)).cast_signed();
    // A loss takes the weight rounded up, a gain rounded down.
    let weight = if profit < 0 { floor.wrapping_add(1) } else { floor }.min(Price::ONE.0);
    product_over_ten_pow_floor::<PRICE_DIGITS>(profit, weight)
}

/// More than the millionths of a USD times the lowest tail move.
const RAISE: i64 = 2 * Ratio::ONE.0;

/// Greatest linear notional of an underlying beside options: 576 billion USD.
const MOST_LINEAR: u64 = 1 << 59;

/// Bits that the first comparison in [`Grid::worst`] leaves out.
const COARSE: u32 = 22;

/// Eight nodes to a scan range, as a shift.
const NODE_BITS: u32 = 3;
const _: () = assert!(NODE_STEPS == 1 << NODE_BITS);

/// The scan loss R·|N| of a linear net notional, rounded up (MRG-14). `notional` is |N|, 0 or more.
#[inline]
pub fn linear_scan_loss_ceil(notional: Usd, range: Ratio) -> Result<Usd> {
    notional.scale_ceil(range)
}

/// Profit and loss of a linear net notional (signed) at spot node `step`, -8 to 8, rounded down. The vols of the
/// three grids make no difference to it.
pub fn linear_node_floor(notional: Usd, range: Ratio, step: i8) -> Result<Usd> {
    let moved = range.0.checked_mul(i64::from(step)).ok_or(crate::MarginError::Overflow)?;
    mul_div_floor(notional.0, moved, const { Ratio::ONE.0 * NODE_STEPS }).map(Usd)
}

/// Weighted profit and loss of a linear net notional (signed) at tail node `index`, 0 to 8, rounded down; `None`
/// beyond.
pub fn linear_tail_floor(notional: Usd, range: Ratio, tail_factor: Ratio, index: usize) -> Option<Result<Usd>> {
    let node = match RANGE_TAILS.get(index) {
        Some(ranges) => mul_div_floor(range.0, ranges.0, Ratio::ONE.0).map(|m| Ratio(m).max(LOWEST_MOVE)),
        None => Ok(*TAILS.get(index.checked_sub(RANGE_TAILS.len())?)?),
    };
    Some(node.and_then(|node| {
        let cap = range.0.saturating_mul(tail_factor.0);
        // The weighted move, in 1e-12: |m| or t·R, whichever is smaller.
        let size = node.0.saturating_abs().saturating_mul(Ratio::ONE.0).min(cap);
        let signed = if node.0 < 0 { size.saturating_neg() } else { size };
        mul_div_floor(notional.0, signed, const { Ratio::ONE.0 * Ratio::ONE.0 }).map(Usd)
    }))
}

/// The spot move at which a linear net delta loses its scan loss: -R for a long one, R for a short one, 0 for none.
pub fn linear_worst_move(net_delta: Contracts, range: Ratio) -> Ratio {
    match net_delta.0.signum() {
        1 => Ratio(range.0.saturating_neg()),
        -1 => range,
        _ => Ratio::ZERO,
    }
}
