//! The scan of one underlying (MRG-11, MRG-13, MRG-14): its profit and loss at 17 spot nodes, each at three vols,
//! and at nine tail nodes. Legs that are linear in spot (balances, perpetuals) need none of the nodes: their net
//! notional N has the scan loss R·|N| in closed form.
//!
//! Proof. At spot node m = R·j/8 the profit is N·m, the same at all three vols; the worst of them is -R·|N|, at j = 8
//! or -8. A tail node has |m| at most 2R or an absolute move, cut at -95 %, and the weight min(1, t·R/|m|): its profit
//! N·m·min(1, t·R/|m|) has the magnitude |N|·min(|m|, t·R) ≤ t·R·|N|. The tail factor t is at most 1 (0.75 by default,
//! bounded by `Params::validate`), so no tail node is worse, whatever the cut does to |m|; and the spot nodes need no
//! cut because R ≤ 1.

use crate::error::Result;
use crate::fixed::mul_div_floor;
use crate::units::{Contracts, Ratio, Usd};

/// Spot nodes on each side of zero (MRG-11).
pub const NODE_STEPS: i64 = 8;
/// Spot nodes in all.
pub const SPOT_NODES: usize = 17;
const _: () = assert!(SPOT_NODES == 17 && NODE_STEPS * 2 + 1 == 17);
/// Tail nodes in scan ranges, in the order of [`linear_tail_floor`] (MRG-13).
pub const RANGE_TAILS: [Ratio; 4] = [Ratio(-2_000_000), Ratio(-1_500_000), Ratio(1_500_000), Ratio(2_000_000)];
/// Tail nodes as absolute moves, after those in scan ranges (MRG-13).
pub const TAILS: [Ratio; 5] = [Ratio(-660_000), Ratio(-330_000), Ratio(500_000), Ratio(1_000_000), Ratio(2_000_000)];
/// Tail nodes in all.
pub const TAIL_NODES: usize = 9;
const _: () = assert!(TAIL_NODES == RANGE_TAILS.len() + TAILS.len());
/// A node given in scan ranges is not below this move (MRG-13).
pub const LOWEST_MOVE: Ratio = Ratio(-950_000);

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
