//! A book: everything one portfolio holds, gathered for one health check.
//!
//! Holdings are grouped by underlying as they are added, so that the model afterwards costs the same however many
//! there were. A book is large and lives on the heap; zeroed memory is an empty one, and [`Book::clear`] makes it
//! ready for another portfolio without touching the arrays. What does not move with a listed underlying is only
//! summed.

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::joint::{MAX_COLUMNS, MAX_ROWS, NO_COLUMN};
use crate::units::{Contracts, Price, Ratio, Usd};

/// Underlyings in one book: the 8 that positions may be on, and 16 balances, each of which may become an underlying by the
/// listing of a market after it was deposited. A book must hold them all, or that account could not be judged (CLR-36).
pub const MAX_UNDERLYINGS: usize = 24;
/// MRG-38: the haircut that a debt in the settlement asset is charged at.
pub const SETTLEMENT_DEBT_HAIRCUT: Ratio = Ratio(20_000);
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
    /// Perpetuals on it, summed.
    pub perpetual: Contracts,
    /// Of them, the long ones.
    pub perpetual_long: Contracts,
    /// Unrealised profit and loss of its positions, settlement units.
    pub unsettled: Usd,
    /// Result: net delta.
    pub net_delta: Contracts,
    /// Result: |net delta| at the index price, rounded up.
    pub notional: Usd,
    /// Result: scan loss G (MRG-14).
    pub scan_loss: Usd,
    /// Result: expected shortfall alone, rounded down (MRG-21); 0 without a column.
    pub es_alone: Usd,
    /// Result: basis and roll charge (MRG-30).
    pub basis: Usd,
    /// Result: oracle confidence charge (MRG-34).
    pub confidence_charge: Usd,
    /// Result: concentration charge (MRG-35).
    pub concentration: Usd,
    /// Identity of the asset, as the caller counts them.
    pub asset: u16,
    /// Column in the joint rows, or [`NO_COLUMN`].
    pub column: u8,
    padding: [u8; 5],
}

impl Underlying {
    /// The spot move at which the scan loss arises: -R, R, or 0 where the net delta is zero.
    pub fn worst_move(&self) -> Ratio {
        crate::scan::linear_worst_move(self.net_delta, self.scan_range)
    }
}

/// The workspace of one health check. Keep it on the heap: it is most of what a stack frame on chain may hold.
/// After an error clear it: a holding may have been added in part.
#[repr(C)]
#[derive(Clone, Zeroable)]
pub struct Book {
    pub(crate) underlyings: [Underlying; MAX_UNDERLYINGS],
    pub(crate) sums: [i64; MAX_ROWS],
    pub(crate) length: usize,
    pub(crate) settlement_price: Price,
    pub(crate) cash: Usd,
    pub(crate) pending: Usd,
    pub(crate) outside_value: Usd,
    pub(crate) outside_haircut: Usd,
    pub(crate) initial_multiplier: Ratio,
}

const _: () = assert!(size_of::<Book>() < 6 * 1024);

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
        self.settlement_price = Price::ZERO;
        self.cash = Usd::ZERO;
        self.pending = Usd::ZERO;
        self.outside_value = Usd::ZERO;
        self.outside_haircut = Usd::ZERO;
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
            ..Underlying::zeroed()
        };
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

    /// A balance outside the scan, valued at `price` and charged by its haircut, in [0, 1] (MRG-38, MRG-41); a loan
    /// is negative. For initial margin pass the price of MRG-44.
    pub fn add_outside(&mut self, quantity: Contracts, price: Price, haircut: Ratio) -> Result<()> {
        if price <= Price::ZERO {
            return Err(MarginError::InvalidPrice);
        }
        if haircut < Ratio::ZERO || haircut > Ratio::ONE {
            return Err(MarginError::InvalidHaircut);
        }
        // The value is rounded down, its size away from zero.
        let (value, above) = quantity.value_bounds(price)?;
        let size = if quantity.0 < 0 { value.neg()? } else { above };
        self.outside_value = self.outside_value.add(value)?;
        self.outside_haircut = self.outside_haircut.add(size.scale_ceil(haircut)?)?;
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
        let mut profit = cost.neg()?;
        if quantity.0 != 0 {
            if mark <= Price::ZERO {
                return Err(MarginError::InvalidPrice);
            }
            profit = quantity.value_floor(mark)?.sub(cost)?;
            underlying.perpetual = underlying.perpetual.add(quantity)?;
            underlying.perpetual_long = underlying.perpetual_long.add(quantity.or_zero())?;
        }
        underlying.unsettled = underlying.unsettled.add(profit)?;
        if quantity.0 != 0 {
            let bounded = initial_multiplier.clamp(INITIAL_MULTIPLIER.0, INITIAL_MULTIPLIER.1);
            self.initial_multiplier = self.initial_multiplier.max(bounded);
        }
        Ok(())
    }
}
