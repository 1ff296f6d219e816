//! Health: what a portfolio is worth against what it must hold, and the three questions asked of it: may risk rise,
//! may this be done although it is below initial margin, may it be liquidated (MRG-42, MRG-43).

use crate::error::Result;
use crate::scan::Node;
use crate::units::{Ratio, Usd};

/// The outcome of one health check. Requirements are rounded up, equity and savings down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What the account is worth (MRG-41).
    pub equity: Usd,
    /// Equity that initial margin counts: balances outside the scan at the worse of spot and average price (MRG-44), depegged
    /// yield-bearing collateral not at all (MRG-61), nor gains that a haircut may take ([`Book::add_at_risk`](crate::Book::add_at_risk)).
    pub counted_equity: Usd,
    /// The same without gains that are unsettled or pending and without net positive option value; losses count (MRG-45).
    pub settled_equity: Usd,
    /// Net value of the options, in USD; part of equity (MRG-41).
    pub option_value: Usd,
    /// Initial margin: risk may rise only with at least this much equity (MRG-40, MRG-42).
    pub initial: Usd,
    /// Maintenance margin: liquidatable below it (MRG-40, MRG-42).
    pub maintenance: Usd,
    /// The requirement both follow from (MRG-40).
    pub requirement: Usd,
    /// Sum of scan losses (MRG-22).
    pub gross: Usd,
    /// Sum of expected shortfalls of each underlying alone (MRG-21).
    pub es_alone: Usd,
    /// Expected shortfall of the portfolio (MRG-21), rounded up; that alone where fewer than two underlyings have a
    /// column.
    pub es_joint: Usd,
    /// Core requirement (MRG-22).
    pub core: Usd,
    /// The least that the core may be (MRG-31).
    pub net_delta_floor: Usd,
    /// Sum of the contingencies (MRG-30, MRG-32 to MRG-35, MRG-37).
    pub contingencies: Usd,
    /// Of them, basis and roll (MRG-30).
    pub basis: Usd,
    /// Of them, net short options (MRG-32).
    pub naked_short: Usd,
    /// Of them, option value (MRG-33).
    pub option_charge: Usd,
    /// Of them, the term structure of vol (MRG-37).
    pub term_vega: Usd,
    /// Of them, oracle confidence (MRG-34).
    pub confidence: Usd,
    /// Of them, concentration (MRG-35).
    pub concentration: Usd,
    /// Charge on balances outside the scan (MRG-38).
    pub outside: Usd,
    /// The asset with the largest scan loss, if any has one.
    pub worst_underlying: Option<u16>,
    /// The node at which that loss arises.
    pub worst_node: Node,
    /// Net notionals with their signs, summed over underlyings.
    pub net_notional: Usd,
    /// Net notionals without their signs, summed over underlyings.
    pub gross_notional: Usd,
}

impl Health {
    /// Whether counted equity covers initial margin: what every action that raises risk must end with (MRG-42).
    pub fn meets_initial(&self) -> bool {
        self.counted_equity >= self.initial
    }

    /// Whether settled equity covers initial margin: for withdrawals and loans (MRG-45).
    pub fn meets_initial_settled(&self) -> bool {
        self.settled_equity >= self.initial
    }
}

/// Whether the portfolio may be liquidated: equity below maintenance margin (MRG-42).
pub fn is_liquidatable(health: &Health) -> bool {
    health.equity < health.maintenance
}

/// Equity over maintenance margin, rounded down (MRG-42). Saturates: where the margin is zero the factor is the
/// largest number, or the smallest if equity is negative.
pub fn health_factor(health: &Health) -> Ratio {
    let end = if health.equity < Usd::ZERO { Ratio(i64::MIN) } else { Ratio(i64::MAX) };
    if health.maintenance <= Usd::ZERO {
        return end;
    }
    health.equity.ratio_floor(health.maintenance).unwrap_or(end)
}

/// Whether what led from `before` to `after` reduced risk, so that it is allowed although initial margin is missing
/// (MRG-43): the margin M does not rise, and equity keeps pace with it, E' ≥ max(E, 0)·M'/M + min(E, 0) - fee;
/// where M is zero, E' ≥ E - fee. M is the maintenance margin, `fee` what the account paid for the trade, 0 or
/// more.
///
/// Exact: both sides are multiplied by M. Of the products, E'·M and E·M' are at most 2^126 in magnitude, and (E -
/// fee)·M with negative E below 2^127; with positive E the two on the right are at most 2^126 each. So nothing
/// wraps, and it never fails at present; the result leaves room for rules that can.
pub fn reduces_risk(before: &Health, after: &Health, fee: Usd) -> Result<bool> {
    let (e, e_after) = (i128::from(before.equity.0), i128::from(after.equity.0));
    let (m, m_after) = (i128::from(before.maintenance.0), i128::from(after.maintenance.0));
    let fee = i128::from(fee.or_zero().0);
    if m_after > m {
        return Ok(false);
    }
    if m <= 0 {
        return Ok(e_after >= e.wrapping_sub(fee));
    }
    let least = e.max(0).wrapping_mul(m_after).wrapping_add(e.min(0).wrapping_sub(fee).wrapping_mul(m));
    Ok(e_after.wrapping_mul(m) >= least)
}
