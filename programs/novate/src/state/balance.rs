use anchor_lang::prelude::*;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::Fraction;

use super::{signed, Asset};
use crate::error::NovateError;

/// A balance of one asset in a portfolio. An unused slot is all zero but sorts last by count.
///
/// Of the settlement asset, what is not lent is the portfolio's cash, and `tokens` stays zero.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Balance {
    pub asset: u16,
    /// 1 where the asset had a market when the balance was opened: it counts as an underlying for the caps of CLR-36.
    pub underlying: u8,
    pub padding: u8,
    /// Of a yield-bearing asset, the index of what it is redeemed for, which the portfolio then names too (CLR-36); else 0.
    pub redemption_underlying: u16,
    pub reserve: [u8; 2],
    /// In the mint's units: segregated, never lent, earning nothing (CLR-20).
    pub tokens: u64,
    /// Shares of what the asset's bank was lent.
    pub lent: u64,
    /// Shares of the bank's loans.
    pub loan: u64,
}

impl Balance {
    /// An empty one of an asset.
    pub fn of(asset: &Asset) -> Self {
        Self {
            asset: asset.index,
            underlying: asset.is_underlying().into(),
            redemption_underlying: asset.redemption.underlying,
            ..Self::default()
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tokens == 0 && self.lent == 0 && self.loan == 0
    }

    /// Adds what another of the same asset holds.
    pub fn add(&mut self, more: &Self) -> Result<()> {
        for (held, more) in self.amounts(more) {
            *held = held.checked_add(more).ok_or(NovateError::MathOverflow)?;
        }
        Ok(())
    }

    /// Takes a part of it out. Fails where it holds less.
    pub fn take(&mut self, part: &Self) -> Result<()> {
        for (held, part) in self.amounts(part) {
            *held = held.checked_sub(part).ok_or(NovateError::InsufficientBalance)?;
        }
        Ok(())
    }

    /// The fraction that the taker of a liquidation receives: what is owned rounded down, what is owed rounded up (CLR-30).
    pub fn slice(&self, part: Fraction) -> Result<Self> {
        let cut = |amount: u64, rounded: fn(i64, i64, i64) -> novate_margin::Result<i64>| -> Result<u64> {
            let cut = rounded(signed(amount)?, part.0, Fraction::ONE.0).map_err(NovateError::from)?;
            Ok(cut.unsigned_abs())
        };
        Ok(Self {
            tokens: cut(self.tokens, mul_div_floor)?,
            lent: cut(self.lent, mul_div_floor)?,
            loan: cut(self.loan, mul_div_ceil)?,
            ..*self
        })
    }

    fn amounts<'a>(&'a mut self, other: &Self) -> [(&'a mut u64, u64); 3] {
        [(&mut self.tokens, other.tokens), (&mut self.lent, other.lent), (&mut self.loan, other.loan)]
    }
}

const _: () = assert!(core::mem::size_of::<Balance>() == 32);
const _: () = assert!(core::mem::offset_of!(Balance, redemption_underlying) == 4);
const _: () = assert!(core::mem::offset_of!(Balance, tokens) == 8);
