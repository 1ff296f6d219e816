use anchor_lang::prelude::*;
use novate_margin::{Contracts, Fraction, Usd};

use crate::error::NovateError;

/// Seconds for which a gain that was paid out stays pending (CLR-10).
pub const PENDING_SECONDS: i64 = 3600;

/// A position of a portfolio in one instrument.
///
/// Its unsettled profit is `quantity x mark - cost`. Trades, fees, funding and settlements only move `cost`, so a closed position
/// (`quantity` 0) stays as long as variation is owed to or by it.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Position {
    /// Instrument id, see [`crate::instrument`].
    pub instrument: u64,
    /// 1e-9 contracts, long positive.
    pub quantity: i64,
    /// Settlement asset, 1e-6: what the quantity cost, plus fees, less variation received, plus variation paid back.
    pub cost: i64,
    /// Of a perpetual, the market's cumulative funding up to which `cost` has it (CLR-11); else zero.
    pub funding: i64,
    /// Gain that was registered in the market's round of haircuts and is not charged yet, 0 or more (CLR-32); void where that was
    /// opened anew since.
    pub gain: i64,
    /// Gains received that can become cash at the next rotation.
    pub pending_old: i64,
    /// Gains received since `pending_since`.
    pub pending_new: i64,
    /// Unix time at which `pending_new` was opened.
    pub pending_since: i64,
    /// Asset index of the underlying.
    pub underlying: u16,
    pub padding: [u8; 2],
    /// The last round of haircuts that the position was looked at in.
    pub round: u32,
}

impl Position {
    /// Nothing is held, owed, pending or to be charged: the slot can be freed.
    pub fn is_empty(&self) -> bool {
        self.quantity == 0 && self.cost == 0 && self.pending_old == 0 && self.pending_new == 0 && self.gain == 0
    }

    /// Of a closed one: it is owed a gain, or one is pending.
    pub fn has_unsettled_gain(&self) -> bool {
        self.cost < self.pending_old.saturating_add(self.pending_new)
    }

    /// Adds to the cost: what a trade cost, variation received, and a loss paid, which is negative.
    pub fn add_cost(&mut self, amount: i64) -> Result<()> {
        self.cost = self.cost.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        Ok(())
    }

    /// Takes variation in: it is pending, and no longer owed to the position.
    pub fn receive(&mut self, amount: i64) -> Result<i64> {
        self.add_cost(amount)?;
        self.pending_new = self.pending_new.checked_add(amount).ok_or(NovateError::MathOverflow)?;
        Ok(0)
    }

    /// Pays a loss (`amount` is negative): out of pending gains first, the newest before the older. Returns what cash
    /// has to pay.
    pub fn pay(&mut self, amount: i64) -> Result<i64> {
        self.add_cost(amount)?;
        let mut due = amount.checked_neg().ok_or(NovateError::MathOverflow)?;
        for pending in [&mut self.pending_new, &mut self.pending_old] {
            let paid = due.min(*pending);
            *pending = pending.checked_sub(paid).ok_or(NovateError::MathOverflow)?;
            due = due.checked_sub(paid).ok_or(NovateError::MathOverflow)?;
        }
        Ok(due)
    }

    /// Cuts a fraction off for the taker of a liquidation and returns it (CLR-30): the quantity towards zero, the cost rounded
    /// up, gains rounded down. The cost does not follow the quantity: a position of a few units can owe much, and a slice without
    /// its share of that would take balances and leave the debts. A registered gain stays: who gained bears for it, and was paid for
    /// it as if it bore nothing (CLR-32).
    pub fn cut(&mut self, part: Fraction) -> Result<Self> {
        let size = Contracts(self.quantity.checked_abs().ok_or(NovateError::MathOverflow)?);
        let size = size.slice_floor(part).map_err(NovateError::from)?.0;
        let mut slice = Self {
            quantity: if self.quantity < 0 { size.saturating_neg() } else { size },
            cost: Usd(self.cost).slice_ceil(part).map_err(NovateError::from)?.0,
            pending_old: 0,
            pending_new: 0,
            gain: 0,
            ..*self
        };
        // Parts of what they are cut from.
        self.quantity = self.quantity.saturating_sub(slice.quantity);
        self.cost = self.cost.saturating_sub(slice.cost);
        for (whole, cut) in
            [(&mut self.pending_old, &mut slice.pending_old), (&mut self.pending_new, &mut slice.pending_new)]
        {
            if *whole != 0 {
                *cut = Usd(*whole).slice_floor(part).map_err(NovateError::from)?.0;
                *whole = whole.saturating_sub(*cut);
            }
        }
        Ok(slice)
    }

    /// Adds a slice of another portfolio's position in the same instrument. What was pending there starts anew here.
    pub fn absorb(&mut self, slice: &Self) -> Result<()> {
        let pending = slice.pending_old.checked_add(slice.pending_new).ok_or(NovateError::MathOverflow)?;
        for (whole, part) in
            [(&mut self.quantity, slice.quantity), (&mut self.cost, slice.cost), (&mut self.pending_new, pending)]
        {
            *whole = whole.checked_add(part).ok_or(NovateError::MathOverflow)?;
        }
        Ok(())
    }

    /// Moves gains on: what has been pending for at least an hour is returned and is cash from now on (CLR-10).
    ///
    /// Two buckets keep the age of many small gains: what came in during the hour from `pending_since` is released when the
    /// next hour is over. So a gain waits between one and two hours, however often others settle. Of all that is pending
    /// `hold` stays, as far as there is that much: due again when the next hour is over.
    pub fn release_pending(&mut self, now: i64, hold: i64) -> i64 {
        let age = now.saturating_sub(self.pending_since);
        if age < PENDING_SECONDS {
            return 0;
        }
        // Both are parts of one cash counter, which fits an i64.
        let free = self.pending_old.saturating_add(self.pending_new).saturating_sub(hold).max(0);
        let mut released = self.pending_old;
        if age < 2 * PENDING_SECONDS {
            self.pending_old = self.pending_new;
            self.pending_since = self.pending_since.saturating_add(PENDING_SECONDS);
        } else {
            released = released.saturating_add(self.pending_new);
            self.pending_old = 0;
            self.pending_since = now;
        }
        self.pending_new = 0;
        let held = released.saturating_sub(free).max(0);
        self.pending_old = self.pending_old.saturating_add(held);
        released.saturating_sub(held)
    }
}

const _: () = assert!(core::mem::size_of::<Position>() == 72);
