//! A book: everything one portfolio holds, gathered for one health check.
//!
//! Holdings are grouped by underlying as they are added, so that the model afterwards costs the same however many
//! there were. A book is large and lives on the heap; zeroed memory is an empty one, and [`Book::clear`] makes it
//! ready for another portfolio without touching the arrays. What does not move with a listed underlying is only
//! summed.

use bytemuck::{Pod, Zeroable};

use crate::chain::{Strike, MAX_STRIKES};
use crate::dated::{value_options, Carry, Drift, ExpiryFacts, HeldExpiry, Right, Work, MAX_EXPIRIES, MAX_OPTIONS};
use crate::error::{MarginError, Result};
use crate::joint::{Scratch, MAX_COLUMNS, NO_COLUMN};
use crate::scan::Grid;
use crate::units::{Contracts, Price, Ratio, Seconds, Usd};

/// Underlyings in one book: the 8 that positions may be on, and 16 balances, each of which may become an underlying by the
/// listing of a market after it was deposited. A book must hold them all, or that account could not be judged (CLR-36).
pub const MAX_UNDERLYINGS: usize = 24;
/// Underlyings with options in one book: the 8 that positions may be on.
pub const MAX_GRIDS: usize = 8;
/// [`Underlying::grid`] of an underlying without options.
pub const NO_GRID: u8 = 255;
/// MRG-38: the haircut that a debt in the settlement asset is charged at.
pub const SETTLEMENT_DEBT_HAIRCUT: Ratio = Ratio(20_000);
/// Units that figures of a slice may miss by rounding: some forty of each of 24 underlyings, and three of each of 64 holdings.
const ROUNDINGS: Usd = Usd(1_200);
/// MRG-40: bounds of a market's initial multiplier.
pub const INITIAL_MULTIPLIER: (Ratio, Ratio) = (Ratio(1_000_000), Ratio(3_000_000));

/// What the model must know of an underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderlyingFacts {
    /// Index price, positive.
    pub price: Price,
    /// Confidence interval of that price, 0 or more (MRG-34).
    pub confidence: Price,
    /// Depth of its market, 0 or more; 0 means no concentration charge (MRG-35).
    pub depth: Usd,
    /// Scan range, above 0 and at most 1 (MRG-51).
    pub scan_range: Ratio,
    /// Column in the joint rows, or [`NO_COLUMN`] (MRG-23).
    pub column: u8,
}

impl UnderlyingFacts {
    fn validate(&self) -> Result<()> {
        if self.price <= Price::ZERO {
            return Err(MarginError::InvalidPrice);
        }
        if self.confidence < Price::ZERO {
            return Err(MarginError::InvalidConfidence);
        }
        if self.depth < Usd::ZERO {
            return Err(MarginError::InvalidDepth);
        }
        if self.scan_range <= Ratio::ZERO || self.scan_range > Ratio::ONE {
            return Err(MarginError::InvalidScanRange);
        }
        if usize::from(self.column) >= MAX_COLUMNS && self.column != NO_COLUMN {
            return Err(MarginError::InvalidColumn);
        }
        Ok(())
    }
}

/// One underlying of a book: its facts, what is held of it, and after [`Book::health`] what the model found.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
pub struct Underlying {
    /// Index price.
    pub price: Price,
    /// Confidence interval of the price.
    pub confidence: Price,
    /// Depth of its market; 0 for no concentration charge.
    pub depth: Usd,
    /// Scan range R.
    pub scan_range: Ratio,
    /// Balances of the asset, summed.
    pub spot: Contracts,
    /// Yield-bearing balances in contracts of it, each a bucket of its own (MRG-61).
    pub staked: Contracts,
    /// Perpetuals on it, summed.
    pub perpetual: Contracts,
    /// Of them, the long ones.
    pub perpetual_long: Contracts,
    /// Unrealised profit and loss of its perpetuals and futures, settlement units.
    pub unsettled: Usd,
    /// Result: value of its options, settlement units, rounded down.
    pub option_value: Usd,
    /// Result: net delta.
    pub net_delta: Contracts,
    /// Result: |net delta| at the index price, rounded up.
    pub notional: Usd,
    /// Result: scan loss G (MRG-14).
    pub scan_loss: Usd,
    /// Result: with options, the greatest size of its profit or loss at a spot node, and what that may be off by.
    pub(crate) extent: Usd,
    /// See [`Underlying::extent`].
    pub(crate) error: Usd,
    /// Options held, each at the spot its values were made at: sizes summed. What bounds every node.
    pub(crate) options: Usd,
    /// Of the linear holdings, what the nodes hold already.
    pub(crate) in_nodes: Usd,
    /// Result: expected shortfall alone, rounded down (MRG-21); 0 without a column.
    pub es_alone: Usd,
    /// Result: basis and roll charge (MRG-30), that on yield-bearing balances included (MRG-61).
    pub basis: Usd,
    /// Result: charge on net short options (MRG-32).
    pub naked_short: Usd,
    /// Result: charge on option value (MRG-33).
    pub option_charge: Usd,
    /// Result: oracle confidence charge (MRG-34).
    pub confidence_charge: Usd,
    /// Result: concentration charge (MRG-35).
    pub concentration: Usd,
    /// Result: charge on the term structure of vol (MRG-37).
    pub term_vega: Usd,
    /// Result: spot move of the worst node.
    pub worst_spot: Ratio,
    /// Identity of the asset, as the caller counts them.
    pub asset: u16,
    /// Column in the joint rows, or [`NO_COLUMN`].
    pub column: u8,
    /// Result: vol of the worst node: -1, 0 or 1 for down, as it is, up.
    pub worst_vol: i8,
    /// Place of its nodes in [`Book::grids`], or [`NO_GRID`].
    pub grid: u8,
    padding: [u8; 3],
}

/// The workspace of one health check. Keep it on the heap: it is larger than a stack frame on chain may be.
/// After an error clear it: a holding may have been added in part.
#[repr(C)]
#[derive(Clone, Zeroable)]
pub struct Book {
    pub(crate) underlyings: [Underlying; MAX_UNDERLYINGS],
    pub(crate) expiries: [HeldExpiry; MAX_EXPIRIES],
    pub(crate) grids: [Grid; MAX_GRIDS],
    pub(crate) scratch: Scratch,
    pub(crate) work: Work,
    pub(crate) length: usize,
    pub(crate) expiry_count: usize,
    pub(crate) grid_count: usize,
    pub(crate) settlement_price: Price,
    pub(crate) cash: Usd,
    pub(crate) pending: Usd,
    pub(crate) owed: Usd,
    pub(crate) outside_value: Usd,
    pub(crate) outside_haircut: Usd,
    pub(crate) outside_ahead: Usd,
    pub(crate) uncounted: Usd,
    pub(crate) at_risk: Usd,
    pub(crate) initial_multiplier: Ratio,
}

const _: () = assert!(size_of::<Book>() < 20 * 1024);

impl Default for Book {
    /// An empty book. Off chain only: on chain the stack is too small to build one, so zero the memory in place
    /// instead.
    fn default() -> Self {
        Self::zeroed()
    }
}

impl Book {
    /// Empties the book, the settlement price included. Cheap: the arrays stay as they are.
    pub fn clear(&mut self) {
        self.length = 0;
        self.expiry_count = 0;
        self.grid_count = 0;
        self.uncounted = Usd::ZERO;
        self.at_risk = Usd::ZERO;
        self.work.run.clear();
        self.work.drift = Drift { nodes: 0, oldest: Seconds(i64::MAX) };
        self.work.dearest = Price::ZERO;
        self.settlement_price = Price::ZERO;
        self.cash = Usd::ZERO;
        self.pending = Usd::ZERO;
        self.owed = Usd::ZERO;
        self.outside_value = Usd::ZERO;
        self.outside_haircut = Usd::ZERO;
        self.outside_ahead = Usd::ZERO;
        self.initial_multiplier = Ratio::ZERO;
    }

    /// The price of one unit of the settlement asset (MRG-36). [`Book::health`] refuses one that is not positive.
    pub fn set_settlement_price(&mut self, price: Price) {
        self.settlement_price = price;
    }

    /// A new underlying, and the slot that names it from here on. Fails where the book is full, the asset has a
    /// slot already, or a fact is out of its range.
    pub fn add_underlying(&mut self, asset: u16, facts: UnderlyingFacts) -> Result<usize> {
        facts.validate()?;
        if self.slot_of(asset).is_some() {
            return Err(MarginError::DuplicateUnderlying);
        }
        let slot = self.length;
        let place = self.underlyings.get_mut(slot).ok_or(MarginError::TooManyUnderlyings)?;
        *place = Underlying {
            price: facts.price,
            confidence: facts.confidence,
            depth: facts.depth,
            scan_range: facts.scan_range,
            asset,
            column: facts.column,
            grid: NO_GRID,
            ..Underlying::zeroed()
        };
        self.work.dearest = self.work.dearest.max(facts.price);
        self.length = slot.saturating_add(1);
        Ok(slot)
    }

    /// The slot of an asset, if it has one.
    pub fn slot_of(&self, asset: u16) -> Option<usize> {
        self.underlyings().iter().position(|u| u.asset == asset)
    }

    /// The underlyings of the book, in the order of their slots.
    pub fn underlyings(&self) -> &[Underlying] {
        self.underlyings.get(..self.length).unwrap_or_default()
    }

    fn at(&mut self, slot: usize) -> Result<&mut Underlying> {
        let held = self.underlyings.get_mut(..self.length).unwrap_or_default();
        held.get_mut(slot).ok_or(MarginError::UnknownSlot)
    }

    /// Settlement cash, settlement units; negative is a debt (MRG-38).
    pub fn add_cash(&mut self, amount: Usd) -> Result<()> {
        self.cash = self.cash.add(amount)?;
        Ok(())
    }

    /// Gains paid out but still locked, settlement units, 0 or more (CLR-10): equity, not settled equity.
    pub fn add_pending(&mut self, amount: Usd) -> Result<()> {
        if amount < Usd::ZERO {
            return Err(MarginError::NegativePending);
        }
        self.pending = self.pending.add(amount)?;
        Ok(())
    }

    /// A balance of an asset with a market: equity, and a spot leg of the scan; a loan is negative (MRG-14,
    /// MRG-41).
    pub fn add_spot(&mut self, slot: usize, quantity: Contracts) -> Result<()> {
        let underlying = self.at(slot)?;
        underlying.spot = underlying.spot.add(quantity)?;
        Ok(())
    }

    /// A yield-bearing balance, 0 or more, as the quantity of its underlying that it is worth (MRG-61). Where it does not count
    /// for new risk it is equity, but not for initial margin.
    pub fn add_staked(&mut self, slot: usize, quantity: Contracts, counts: bool) -> Result<()> {
        let underlying = self.at(slot)?;
        if quantity < Contracts::ZERO {
            return Err(MarginError::NegativeStake);
        }
        underlying.staked = underlying.staked.add(quantity)?;
        let value = quantity.value_ceil(underlying.price)?;
        if !counts {
            self.uncounted = self.uncounted.add(value)?;
        }
        Ok(())
    }

    /// A balance outside the scan, valued at `price` and charged by its haircut, in [0, 1] (MRG-38, MRG-41); a loan
    /// is negative. For initial margin a balance is worth no more, and a loan no less, than at `average`, the time-weighted
    /// price (MRG-44).
    pub fn add_outside(&mut self, quantity: Contracts, price: Price, average: Price, haircut: Ratio) -> Result<()> {
        if price <= Price::ZERO || average <= Price::ZERO {
            return Err(MarginError::InvalidPrice);
        }
        if haircut < Ratio::ZERO || haircut > Ratio::ONE {
            return Err(MarginError::InvalidHaircut);
        }
        self.work.dearest = self.work.dearest.max(price);
        // The value is rounded down, its size away from zero.
        let (value, above) = quantity.value_bounds(price)?;
        let size = if quantity.0 < 0 { value.neg()? } else { above };
        self.outside_value = self.outside_value.add(value)?;
        if average != price {
            let gap = quantity.value_ceil(price.sub(average)?)?.or_zero();
            self.uncounted = self.uncounted.add(gap)?;
        }
        self.outside_haircut = self.outside_haircut.add(size.scale_ceil(haircut)?)?;
        Ok(())
    }

    /// By how much the haircut of a balance outside the scan is about to rise: charged in initial margin only (CLR-50).
    pub fn add_ahead(&mut self, quantity: Contracts, price: Price, rise: Ratio) -> Result<()> {
        let charge = quantity.abs()?.value_ceil(price)?.scale_ceil(rise.or_zero())?;
        self.outside_ahead = self.outside_ahead.add(charge)?;
        Ok(())
    }

    /// What a closed position owes, settlement units, 0 or more: an unsettled loss that no other holding is netted with.
    pub fn add_owed(&mut self, amount: Usd) -> Result<()> {
        self.owed = self.owed.add(amount.or_zero())?;
        Ok(())
    }

    /// Gains that may still be taken, settlement units, 0 or more: equity, but no initial margin rests on them. Add the settlement
    /// price first.
    pub fn add_at_risk(&mut self, amount: Usd) -> Result<()> {
        self.at_risk = self.at_risk.add(amount.or_zero().at_price_ceil(self.settlement_price)?)?;
        Ok(())
    }

    /// A debt that stands against as much of the same asset, 0 or more: they have no value and no risk together, but interest
    /// goes on. It is charged as a debt in the settlement asset is (MRG-38).
    pub fn add_covered_debt(&mut self, quantity: Contracts, price: Price) -> Result<()> {
        let charge = quantity.or_zero().value_ceil(price)?.scale_ceil(SETTLEMENT_DEBT_HAIRCUT)?;
        self.outside_haircut = self.outside_haircut.add(charge)?;
        Ok(())
    }

    /// A perpetual, once a market: `quantity` at its mark, bought for `cost` in all (settlement units, negative for a
    /// short one). Unrealised profit is quantity·mark - cost, rounded down. A closed position whose variation is not
    /// settled has quantity 0 and still counts, but no longer asks for its market's initial multiplier (MRG-40, clamped
    /// to 1..3).
    pub fn add_perpetual(
        &mut self,
        slot: usize,
        quantity: Contracts,
        mark: Price,
        cost: Usd,
        initial_multiplier: Ratio,
    ) -> Result<()> {
        let underlying = self.at(slot)?;
        underlying.add_variation(quantity, mark, cost)?;
        underlying.perpetual = underlying.perpetual.add(quantity)?;
        underlying.perpetual_long = underlying.perpetual_long.add(quantity.or_zero())?;
        self.raise_multiplier(quantity, initial_multiplier);
        Ok(())
    }

    /// MRG-40: the largest initial multiplier of the markets held.
    fn raise_multiplier(&mut self, quantity: Contracts, multiplier: Ratio) {
        if quantity.0 != 0 {
            let bounded = multiplier.clamp(INITIAL_MULTIPLIER.0, INITIAL_MULTIPLIER.1);
            self.initial_multiplier = self.initial_multiplier.max(bounded);
        }
    }

    /// A new expiry of the underlying in `slot`, and the slot that names the expiry from here on. Fails where the book holds
    /// [`MAX_EXPIRIES`], the id has a slot already, or a fact is out of its range.
    pub fn add_expiry(&mut self, slot: usize, id: u64, facts: ExpiryFacts) -> Result<usize> {
        let spot = self.at(slot)?.price;
        if self.expiry_of(id).is_some() {
            return Err(MarginError::DuplicateExpiry);
        }
        let underlying = u16::try_from(slot).map_err(|_| MarginError::UnknownSlot)?;
        let at = self.expiry_count;
        let place = self.expiries.get_mut(at).ok_or(MarginError::TooManyExpiries)?;
        place.set(id, (underlying, spot), facts)?;
        self.expiry_count = at.saturating_add(1);
        Ok(at)
    }

    /// The slot of an expiry, if it has one.
    pub fn expiry_of(&self, id: u64) -> Option<usize> {
        self.expiries().iter().position(|e| e.id == id)
    }

    /// The expiries of the book, in the order of their slots.
    pub fn expiries(&self) -> &[HeldExpiry] {
        self.expiries.get(..self.expiry_count).unwrap_or_default()
    }

    fn expiry(&mut self, expiry: usize) -> Result<&mut HeldExpiry> {
        let held = self.expiries.get_mut(..self.expiry_count).unwrap_or_default();
        held.get_mut(expiry).ok_or(MarginError::UnknownExpiry)
    }

    /// A dated future: as [`Book::add_perpetual`], marked at the expiry's forward.
    pub fn add_future(
        &mut self,
        expiry: usize,
        quantity: Contracts,
        cost: Usd,
        initial_multiplier: Ratio,
    ) -> Result<()> {
        let held = self.expiry(expiry)?;
        held.future = held.future.add(quantity)?;
        let (underlying, forward) = (held.underlying, held.forward);
        let underlying = self.at(usize::from(underlying))?;
        underlying.add_variation(quantity, forward, cost)?;
        self.raise_multiplier(quantity, initial_multiplier);
        Ok(())
    }

    /// An option at a strike slot of an expiry. Its premium was paid when it was traded, so it has no cost. Call
    /// [`Book::add_chain`] once all options of the expiry are in.
    pub fn add_option(
        &mut self,
        expiry: usize,
        slot: usize,
        right: Right,
        quantity: Contracts,
        initial_multiplier: Ratio,
    ) -> Result<()> {
        self.expiry(expiry)?.add(slot, right, quantity)?;
        self.raise_multiplier(quantity, initial_multiplier);
        Ok(())
    }

    /// Values the options of one expiry from its stored strikes (MRG-10, MRG-15): once, after the last
    /// [`Book::add_option`] of it.
    pub fn add_chain(&mut self, expiry: usize, strikes: &[Strike; MAX_STRIKES], carry: Carry) -> Result<()> {
        let held = self.expiries.get_mut(..self.expiry_count).unwrap_or_default().get_mut(expiry);
        let held = held.ok_or(MarginError::UnknownExpiry)?;
        let underlyings = self.underlyings.get_mut(..self.length).unwrap_or_default();
        let underlying = underlyings.get_mut(usize::from(held.underlying)).ok_or(MarginError::UnknownSlot)?;
        if underlying.grid == NO_GRID {
            underlying.grid = u8::try_from(self.grid_count).map_err(|_| MarginError::TooManyExpiries)?;
            *self.grids.get_mut(self.grid_count).ok_or(MarginError::TooManyExpiries)? = Grid::zeroed();
            self.grid_count = self.grid_count.saturating_add(1);
        }
        let spot = (underlying.price, underlying.scan_range);
        let nodes = (underlying.grid, &mut self.grids);
        let valued = value_options(held, strikes, spot, carry, &mut self.work, nodes)?;
        underlying.error = underlying.error.add(valued.error)?;
        underlying.options = underlying.options.add(valued.held)?;
        if underlying.options > MAX_OPTIONS {
            return Err(MarginError::Overflow);
        }
        underlying.option_value = underlying.option_value.add(held.value)?;
        Ok(())
    }

    /// How far this book is from one that a slice has its share of, at most: what either of equity and requirement of a part of
    /// it may miss of that part, where cutting holdings to whole units misses at most so many 1e-9 of a contract (CLR-30). After
    /// [`Book::health`].
    ///
    /// Each is worth at most the dearest price; the model asks for less than sixteen times its worth where it is not
    /// concentrated beyond thirty times the depth. Values of options are off by the error that is charged for them, whatever the
    /// slice. The rest are roundings.
    pub fn grain(&self, units: i64) -> Result<Usd> {
        let error = self.underlyings().iter().try_fold(Usd::ZERO, |sum, u| sum.add(u.error))?;
        let missed = Contracts(units.saturating_mul(16)).value_ceil(self.work.dearest)?;
        missed.add(Usd(error.0.saturating_mul(8)))?.add(ROUNDINGS)
    }

    /// How far the values of the options lie from now, the worst of all strikes held (MRG-15).
    pub fn drift(&self) -> Drift {
        self.work.drift
    }

    /// Profit and loss of an underlying's nodes after [`Book::health`]; `None` where it has no options: then every node follows
    /// from the net delta.
    pub fn grid(&self, underlying: &Underlying) -> Option<&Grid> {
        self.grids.get(..self.grid_count)?.get(usize::from(underlying.grid))
    }
}

impl Underlying {
    /// Unrealised profit of a position that is settled by variation.
    fn add_variation(&mut self, quantity: Contracts, mark: Price, cost: Usd) -> Result<()> {
        let mut profit = cost.neg()?;
        if quantity.0 != 0 {
            if mark <= Price::ZERO {
                return Err(MarginError::InvalidPrice);
            }
            profit = quantity.value_floor(mark)?.sub(cost)?;
        }
        self.unsettled = self.unsettled.add(profit)?;
        Ok(())
    }
}
