//! From a book to its health: the order in which the rules are put together (MRG-40, MRG-41, MRG-45).

use crate::book::{Book, Underlying, MAX_UNDERLYINGS, NO_GRID, SETTLEMENT_DEBT_HAIRCUT};
use crate::contingency::{
    basis_ceil, concentration_ceil, confidence_ceil, naked_short_ceil, option_value_ceil, term_vega_ceil, STAKED_BASIS,
};
use crate::dated::HeldExpiry;
use crate::error::{MarginError, Result};
use crate::fixed::{mul_div_ceil, product_over_ten_pow_ceil};
use crate::health::Health;
use crate::joint::{mixed_shortfall_ceil, shortfall_ceil, Curve, Linear, Rows, MAX_COLUMNS, MAX_ROWS};
use crate::params::Params;
use crate::scan::{linear_scan_loss_ceil, linear_worst_move, Grid, Node};
use crate::units::{Contracts, Price, Ratio, Tenor, Usd, PRICE_DIGITS, USD_DIGITS};

/// 1e-9 in 1e-6: from the digits of a ratio to those of a price.
const RATIO_TO_PRICE: i64 = 1_000;
const _: () = assert!(RATIO_TO_PRICE == 10i64.pow(PRICE_DIGITS - USD_DIGITS));

/// Sums over the expiries of one underlying.
#[derive(Default)]
struct Dated {
    /// Of them linear, in contracts of spot.
    linear: Contracts,
    /// Deltas of long and of short buckets.
    longs: Contracts,
    shorts: Contracts,
    naked: Contracts,
    charge: Usd,
    vega_gains: Usd,
    vega_losses: Usd,
    furthest: Tenor,
}

impl Dated {
    fn of(expiries: &[HeldExpiry], slot: usize, params: &Params) -> Result<Self> {
        let mut sum = Self::default();
        for held in expiries.iter().filter(|e| usize::from(e.underlying) == slot) {
            let linear = held.linear()?;
            // Without options nothing was valued, and the futures are all there is.
            let delta = if held.valued != 0 { held.delta } else { linear };
            sum.linear = sum.linear.add(linear)?;
            sum.longs = sum.longs.add(delta.or_zero())?;
            sum.shorts = sum.shorts.add(delta.neg()?.or_zero())?;
            sum.furthest = sum.furthest.max(held.remaining);
            sum.naked = sum.naked.add(held.naked)?;
            sum.vega_gains = sum.vega_gains.add(held.vega.or_zero())?;
            sum.vega_losses = sum.vega_losses.add(held.vega.neg()?.or_zero())?;
            sum.charge = sum.charge.add(option_value_ceil(held, params)?)?;
        }
        Ok(sum)
    }
}

impl Underlying {
    /// Fills in the results of MRG-14 and of the contingencies.
    fn evaluate(&mut self, dated: &Dated, grid: Option<&mut Grid>, params: &Params) -> Result<()> {
        let held = self.spot.add(self.staked)?;
        let linear = held.add(self.perpetual)?.add(dated.linear)?;
        self.net_delta = held.add(self.perpetual)?.add(dated.longs)?.sub(dated.shorts)?;
        self.notional = self.net_delta.abs()?.value_ceil(self.price)?;
        self.es_alone = Usd::ZERO;
        match grid {
            None => {
                self.scan_loss = linear_scan_loss_ceil(self.notional, self.scan_range)?;
                self.worst_spot = linear_worst_move(self.net_delta, self.scan_range);
                self.worst_vol = 0;
            }
            Some(grid) => {
                // A second time only what has come since.
                let notional = linear.value_floor(self.price)?;
                grid.add_linear(self.in_nodes, notional, self.scan_range)?;
                self.in_nodes = notional;
                let worst = grid.worst(self.scan_range, params.tail_factor)?;
                self.scan_loss = worst.loss.add(self.error)?;
                self.extent = Usd(worst.extent);
                (self.worst_spot, self.worst_vol) = (worst.node.spot, worst.node.vol);
            }
        }
        let longs = self.perpetual_long.add(self.spot.or_zero())?.add(self.staked)?.add(dated.longs)?;
        let shorts = self.perpetual_long.sub(self.perpetual)?.add(self.spot.neg()?.or_zero())?.add(dated.shorts)?;
        self.basis = basis_ceil(longs, shorts, self.price, dated.furthest, params)?;
        if self.staked.0 > 0 {
            self.basis = self.basis.add(self.staked.value_ceil(self.price)?.scale_ceil(STAKED_BASIS)?)?;
        }
        self.naked_short = naked_short_ceil(dated.naked, self.price, params.naked_short_rate)?;
        self.option_charge = dated.charge;
        self.term_vega = term_vega_ceil(dated.vega_gains, dated.vega_losses, params.term_vega_rate)?;
        self.confidence_charge = confidence_ceil(self.net_delta, self.confidence, params.confidence_multiple)?;
        self.concentrate()
    }

    /// Concentration (MRG-35). What is long and linear loses at most its value: beyond that a deposit would lower health, and
    /// collateral without a debt could be liquidated.
    fn concentrate(&mut self) -> Result<()> {
        let linear = self.grid == NO_GRID;
        let mut exposed = self.notional;
        if !linear && self.depth.0 > 0 {
            exposed = exposed.max(Usd(mul_div_ceil(self.scan_loss.0, Ratio::ONE.0, self.scan_range.0)?));
        }
        self.concentration = concentration_ceil(exposed, self.depth, self.scan_range)?;
        if linear && self.net_delta.0 > 0 {
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
        let expiries = self.expiries.get(..self.expiry_count).unwrap_or_default();
        if expiries.iter().any(|e| e.needs_chain()) {
            return Err(MarginError::ChainMissing);
        }
        self.work.run.enter(&mut self.grids);
        let mut worst = Usd::ZERO;
        for (slot, underlying) in self.underlyings.iter_mut().take(self.length).enumerate() {
            let dated = Dated::of(expiries, slot, params)?;
            underlying.evaluate(&dated, self.grids.get_mut(usize::from(underlying.grid)), params)?;
            let u = &*underlying;
            if u.scan_loss > worst {
                worst = u.scan_loss;
                health.worst_underlying = Some(u.asset);
                health.worst_node = Node { spot: u.worst_spot, vol: u.worst_vol };
            }
            let signed = if u.net_delta.0 < 0 { u.notional.neg()? } else { u.notional };
            health.net_notional = health.net_notional.add(signed)?;
            health.gross_notional = health.gross_notional.add(u.notional)?;
            health.gross = health.gross.add(u.scan_loss)?;
            health.basis = health.basis.add(u.basis)?;
            health.naked_short = health.naked_short.add(u.naked_short)?;
            health.option_charge = health.option_charge.add(u.option_charge)?;
            health.term_vega = health.term_vega.add(u.term_vega)?;
            health.confidence = health.confidence.add(u.confidence_charge)?;
            health.concentration = health.concentration.add(u.concentration)?;
        }
        health.net_delta_floor = health.gross_notional.scale_ceil(params.net_delta_floor)?;
        health.contingencies = health.basis.add(health.confidence)?.add(health.concentration)?;
        let options = health.naked_short.add(health.option_charge)?.add(health.term_vega)?;
        health.contingencies = health.contingencies.add(options)?;
        Ok(())
    }

    /// Step 2: shortfalls and the core requirement (MRG-21, MRG-22). What has no column keeps its whole scan loss.
    fn join(&mut self, rows: Option<&Rows>, params: &Params, health: &mut Health) -> Result<()> {
        let mut positions = [Linear::default(); MAX_UNDERLYINGS];
        let (mut count, mut curves) = (0usize, 0usize);
        if let Some(rows) = rows {
            let mut free = positions.iter_mut();
            for u in self.underlyings.iter_mut().take(self.length) {
                if u.scan_loss == Usd::ZERO || !rows.has(u.column) {
                    continue;
                }
                if u.grid != NO_GRID {
                    curves = curves.saturating_add(1);
                    continue;
                }
                let Some(place) = free.next() else { break };
                *place = Linear { column: u.column, scan_loss: u.scan_loss, short: u.net_delta.0 < 0 };
                u.es_alone = place.shortfall_floor(rows);
                health.es_alone = health.es_alone.add(u.es_alone)?;
                count = count.saturating_add(1);
            }
            let positions = positions.get(..count).unwrap_or_default();
            // One underlying saves nothing on itself; a linear one needs no pass over the rows.
            health.es_joint = match positions {
                [] | [_] if curves == 0 => health.es_alone,
                many if curves == 0 => shortfall_ceil(&mut self.scratch.sums, rows, many)?,
                some => self.join_curves(rows, some, health)?,
            };
            if count.saturating_add(curves) == 1 {
                health.es_joint = health.es_alone;
            }
        }
        let saved = health.es_alone.sub(health.es_joint)?.or_zero();
        let least = health.gross.scale_ceil(params.diversified_floor)?;
        let credited = health.gross.sub(saved.scale_floor(params.es_credit)?)?;
        health.core = least.max(credited);
        Ok(())
    }

    /// Step 2 where some underlying has options.
    fn join_curves(&mut self, rows: &Rows, positions: &[Linear], health: &mut Health) -> Result<Usd> {
        let (underlyings, grids) = (&self.underlyings, &self.grids);
        let held = underlyings.get(..self.length).unwrap_or_default();
        let curves = held.iter().filter(|u| u.scan_loss != Usd::ZERO && rows.has(u.column)).filter_map(|u| {
            let grid = grids.get(usize::from(u.grid))?;
            Some(Curve { column: u.column, grid, extent: u.extent, error: u.error })
        });
        let mut alone = [Usd::ZERO; MAX_COLUMNS];
        let joint = mixed_shortfall_ceil(&mut self.scratch, rows, positions, curves, |column, loss| {
            *alone.get_mut(usize::from(column)).ok_or(MarginError::InvalidColumn)? = loss;
            Ok(())
        })?;
        for u in self.underlyings.iter_mut().take(self.length).filter(|u| u.grid != NO_GRID) {
            u.es_alone = alone.get(usize::from(u.column)).copied().unwrap_or(Usd::ZERO);
            health.es_alone = health.es_alone.add(u.es_alone)?;
        }
        Ok(joint)
    }

    /// Step 3: equity (MRG-41), what of it counts (MRG-44, MRG-61), and what of that is settled (MRG-45), rounded down.
    fn value(&self, health: &mut Health) -> Result<()> {
        let owed = self.owed.neg()?;
        let (mut unsettled, mut losses, mut balances) = (owed, owed, self.outside_value);
        let mut options = Usd::ZERO;
        for u in self.underlyings() {
            unsettled = unsettled.add(u.unsettled)?.add(u.option_value)?;
            losses = losses.add(u.unsettled.min(Usd::ZERO))?.add(u.option_value.min(Usd::ZERO))?;
            options = options.add(u.option_value)?;
            let held = u.spot.add(u.staked)?;
            if held.0 != 0 {
                balances = balances.add(held.value_floor(u.price)?)?;
            }
        }
        let cash = self.cash.add(self.pending)?.add(unsettled)?;
        health.equity = cash.at_price_floor(self.settlement_price)?.add(balances)?;
        health.option_value = options.at_price_floor(self.settlement_price)?;
        health.counted_equity = health.equity.sub(self.uncounted)?.sub(self.at_risk)?;
        let settled = self.cash.add(losses)?;
        health.settled_equity = settled.at_price_floor(self.settlement_price)?.add(balances)?.sub(self.uncounted)?;
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
        if self.outside_ahead != Usd::ZERO {
            health.initial = health.initial.add(self.outside_ahead.scale_ceil(params.outside_multiple)?)?;
        }
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
