use anchor_lang::prelude::*;

/// Set where the owner asked that the balance is never lent (CLR-20).
pub const SEGREGATED: u8 = 1;

/// A balance of one asset in a portfolio, as shares of that asset's bank. An unused slot is all zero but sorts last by count.
#[zero_copy]
#[derive(Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Balance {
    pub asset: u16,
    pub flags: u8,
    /// 1 where the asset had a market when the balance was opened: it counts as an underlying for the caps of CLR-36.
    pub underlying: u8,
    /// Of a yield-bearing asset, the index of what it is redeemed for, which the portfolio then names too (CLR-36); else 0.
    pub redemption_underlying: u16,
    pub padding: [u8; 2],
    /// Positive: shares of deposits. Negative: shares of loans.
    pub shares: i64,
    pub reserve: [u8; 16],
}

const _: () = assert!(core::mem::size_of::<Balance>() == 32);
const _: () = assert!(core::mem::offset_of!(Balance, redemption_underlying) == 4);
const _: () = assert!(core::mem::offset_of!(Balance, shares) == 8);
