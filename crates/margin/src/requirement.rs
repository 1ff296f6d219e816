//! From a book to its health: the order in which the rules are put together (MRG-40, MRG-41, MRG-45).

use crate::book::{Book, Underlying, MAX_UNDERLYINGS, SETTLEMENT_DEBT_HAIRCUT};
use crate::contingency::{basis_ceil, concentration_ceil, confidence_ceil};
use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_ceil, product_over_ten_pow_ceil};
use crate::health::Health;
use crate::joint::{shortfall_ceil, Linear, Rows, MAX_ROWS};
use crate::params::Params;
use crate::scan::linear_scan_loss_ceil;
use crate::units::{Price, Ratio, Usd, PRICE_DIGITS, USD_DIGITS};

/// 1e-9 in 1e-6: from the digits of a ratio to those of a price.
const RATIO_TO_PRICE: i64 = 1_000;
const _: () = assert!(RATIO_TO_PRICE == 10i64.pow(PRICE_DIGITS - USD_DIGITS));

impl Underlying {
    /// Fills in the results of MRG-14, MRG-30, MRG-34 and MRG-35.
    fn evaluate(&mut self, params: &Params) -> Result<()> {
        self.net_delta = self.spot.add(self.perpetual)?;
        self.notional = self.net_delta.abs()?.value_ceil(self.price)?;
        self.scan_loss = linear_scan_loss_ceil(self.notional, self.scan_range)?;
        self.es_alone = Usd::ZERO;
        let longs = self.perpetual_long.add(self.spot.or_zero())?;
        let shorts = self.perpetual_long.sub(self.perpetual)?.add(self.spot.neg()?.or_zero())?;
        self.basis = basis_ceil(longs, shorts, self.price, params.basis_rate)?;
        self.confidence_charge = confidence_ceil(self.net_delta, self.confidence, params.confidence_multiple)?;
        self.concentration = concentration_ceil(self.notional, self.depth, self.scan_range)?;
        if self.net_delta.0 > 0 {
            // What is long loses at most its value: beyond that a deposit would lower health, and collateral without a
            // debt could be liquidated.
            self.concentration = self.concentration.min(self.notional.sub(self.scan_loss)?);
        }
        Ok(())
    }
}

impl Book {
    /// What the book is worth and what it must hold (MRG-40, MRG-41). Without rows there is no diversification
    /// credit.
    ///
    /// 1. Each underlying alone: scan loss and contingencies.
    /// 2. The joint rows over those that have a column, and the core requirement.
    /// 3. Equity, with and without gains that are not settled.
    /// 4. Requirement, initial and maintenance margin.
    ///
    /// Fails where the settlement price is missing, the rows are too many or a value does not fit. `params` are
    /// those that [`Params::validate`] passed. The results of each underlying stay in [`Book::underlyings`].
    pub fn health(&mut self, rows: Option<&Rows>, params: &Params) -> Result<Health> {
        if self.settlement_price <= Price::ZERO {
            return Err(MarginError::NoSettlementPrice);
        }
        if rows.is_some_and(|r| r.count > MAX_ROWS) {
            return Err(MarginError::TooManyRows);
        }
        let mut health = Health::default();
        self.evaluate(params, &mut health)?;
        self.join(rows, params, &mut health)?;
        self.value(&mut health)?;
        self.require(params, &mut health)?;
        Ok(health)
    }

    /// Step 1: each underlying alone, and their sums.
    fn evaluate(&mut self, params: &Params, health: &mut Health) -> Result<()> {
        let mut worst = Usd::ZERO;
        for underlying in self.underlyings.iter_mut().take(self.length) {
            underlying.evaluate(params)?;
            let u = &*underlying;
            if u.scan_loss > worst {
                worst = u.scan_loss;
                health.worst_underlying = Some(u.asset);
                health.worst_move = u.worst_move();
            }
            let signed = if u.net_delta.0 < 0 { u.notional.neg()? } else { u.notional };
            health.net_notional = health.net_notional.add(signed)?;
            health.gross_notional = health.gross_notional.add(u.notional)?;
            health.gross = health.gross.add(u.scan_loss)?;
            health.basis = health.basis.add(u.basis)?;
            health.confidence = health.confidence.add(u.confidence_charge)?;
            health.concentration = health.concentration.add(u.concentration)?;
        }
        health.net_delta_floor = health.gross_notional.scale_ceil(params.net_delta_floor)?;
        health.contingencies = health.basis.add(health.confidence)?.add(health.concentration)?;
        Ok(())
    }

    /// Step 2: shortfalls and the core requirement (MRG-21, MRG-22). What has no column keeps its whole scan loss.
    fn join(&mut self, rows: Option<&Rows>, params: &Params, health: &mut Health) -> Result<()> {
        let mut positions = [Linear::default(); MAX_UNDERLYINGS];
        let mut count = 0usize;
        if let Some(rows) = rows {
            let mut free = positions.iter_mut();
            for u in self.underlyings.iter_mut().take(self.length) {
                if u.scan_loss == Usd::ZERO || !rows.has(u.column) {
                    continue;
                }
                let Some(place) = free.next() else { break };
                *place = Linear { column: u.column, scan_loss: u.scan_loss, short: u.net_delta.0 < 0 };
                u.es_alone = place.shortfall_floor(rows);
                health.es_alone = health.es_alone.add(u.es_alone)?;
                count = count.saturating_add(1);
            }
            let positions = positions.get(..count).unwrap_or_default();
            // One underlying saves nothing on itself, and its joint shortfall needs no pass over the rows.
            health.es_joint = match positions {
                [] | [_] => health.es_alone,
                many => shortfall_ceil(&mut self.sums, rows, many)?,
            };
        }
        let saved = health.es_alone.sub(health.es_joint)?.or_zero();
        let least = health.gross.scale_ceil(params.diversified_floor)?;
        let credited = health.gross.sub(saved.scale_floor(params.es_credit)?)?;
        health.core = least.max(credited);
        Ok(())
    }

    /// Step 3: equity (MRG-41) and settled equity (MRG-45), rounded down.
    fn value(&self, health: &mut Health) -> Result<()> {
        let (mut unsettled, mut losses, mut balances) = (Usd::ZERO, Usd::ZERO, self.outside_value);
        for u in self.underlyings() {
            unsettled = unsettled.add(u.unsettled)?;
            losses = losses.add(u.unsettled.min(Usd::ZERO))?;
            if u.spot.0 != 0 {
                balances = balances.add(u.spot.value_floor(u.price)?)?;
            }
        }
        let cash = self.cash.add(self.pending)?.add(unsettled)?;
        health.equity = cash.at_price_floor(self.settlement_price)?.add(balances)?;
        let settled = self.cash.add(losses)?;
        health.settled_equity = settled.at_price_floor(self.settlement_price)?.add(balances)?;
        Ok(())
    }

    /// Step 4: the requirement (MRG-40), rounded up. A debt in the settlement asset counts as a balance outside the
    /// scan (MRG-38); a loss that is not settled is no debt and pays nothing.
    fn require(&self, params: &Params, health: &mut Health) -> Result<()> {
        let mut haircuts = self.outside_haircut;
        if self.cash < Usd::ZERO {
            let debt = self.cash.neg()?.at_price_ceil(self.settlement_price)?;
            haircuts = haircuts.add(debt.scale_ceil(SETTLEMENT_DEBT_HAIRCUT)?)?;
        }
        health.outside = haircuts.scale_ceil(params.outside_multiple)?;
        health.requirement = health.core.max(health.net_delta_floor).add(health.contingencies)?.add(health.outside)?;
        health.maintenance = health.requirement.scale_ceil(params.maintenance_ratio)?;
        let depeg = depeg_ceil(self.settlement_price, params)?;
        let multiplier = self.initial_multiplier.max(Ratio::ONE);
        health.initial = health.requirement;
        if depeg != Price::ONE {
            health.initial = product_over_ten_pow_ceil::<PRICE_DIGITS>(health.initial.0, depeg.0).map(Usd)?;
        }
        if multiplier != Ratio::ONE {
            health.initial = health.initial.scale_ceil(multiplier)?;
        }
        Ok(())
    }
}

/// The factor 1 + slope·max(0, threshold - price) of initial margin (MRG-36), in 1e-9, rounded up.
fn depeg_ceil(price: Price, params: &Params) -> Result<Price> {
    let threshold = params.depeg_threshold.0.checked_mul(RATIO_TO_PRICE).ok_or(MarginError::Overflow)?;
    let gap = Price(threshold).sub(price)?;
    if gap <= Price::ZERO {
        return Ok(Price::ONE);
    }
    Price::ONE.add(Price(mul_div_ceil(gap.0, params.depeg_slope.0, Ratio::ONE.0)?))
}
