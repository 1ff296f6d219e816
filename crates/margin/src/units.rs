//! A type per unit, and only the products that mean something.
//!
//! Each type wraps a 64-bit integer counting a fixed small unit; the field is public because accounts store it and
//! tests compare it. Sums are checked. Products round, and say in which direction; there is no unsuffixed one.
//!
//! Ranges: every operation is exact over the whole of i64 and fails with [`MarginError::Overflow`] if its result
//! does not fit. A book whose legs are each at most 1e9 USD, with depths of at least 1e6 USD and a settlement price
//! of at least 0.50, stays clear of it in every intermediate value.

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::fixed::{
    mul_div_ceil, mul_div_floor, product_over_ten_pow_bounds, product_over_ten_pow_ceil, product_over_ten_pow_floor,
};

/// Digits behind the point of [`Usd`] and [`Ratio`].
pub const USD_DIGITS: u32 = 6;
/// Digits behind the point of [`Price`], [`Contracts`] and [`Fraction`].
pub const PRICE_DIGITS: u32 = 9;
/// A quantity times a price has 18 digits behind the point, money 6: the difference.
pub const VALUE_SHIFT: u32 = 12;
const _: () = assert!(VALUE_SHIFT == 2 * PRICE_DIGITS - USD_DIGITS);

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
        pub struct $name(
            /// The count of the type's unit.
            pub i64,
        );

        // The names are the plain ones on purpose: the trait operators cannot report overflow.
        #[allow(clippy::should_implement_trait)]
        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);

            /// Checked sum.
            #[inline]
            pub fn add(self, other: Self) -> Result<Self> {
                self.0.checked_add(other.0).map(Self).ok_or(MarginError::Overflow)
            }

            /// Checked difference.
            #[inline]
            pub fn sub(self, other: Self) -> Result<Self> {
                self.0.checked_sub(other.0).map(Self).ok_or(MarginError::Overflow)
            }

            /// Checked negation; fails for the smallest i64 only.
            #[inline]
            pub fn neg(self) -> Result<Self> {
                self.0.checked_neg().map(Self).ok_or(MarginError::Overflow)
            }

            /// Checked magnitude; fails for the smallest i64 only.
            #[inline]
            pub fn abs(self) -> Result<Self> {
                self.0.checked_abs().map(Self).ok_or(MarginError::Overflow)
            }

            /// The value, or zero where it is negative.
            #[inline]
            pub const fn or_zero(self) -> Self {
                if self.0 < 0 { Self(0) } else { self }
            }
        }
    };
}

unit! {
    /// Money: 1e-6 USD, signed from the portfolio's side. Also an amount of the settlement asset in 1e-6 of its
    /// unit.
    Usd
}
unit! {
    /// A price: 1e-9 USD per contract. A contract is 10^k coins, k fixed per market.
    Price
}
unit! {
    /// A quantity: 1e-9 contract, long positive, short negative.
    Contracts
}
unit! {
    /// A ratio, rate, haircut, scan range or multiple: 1e-6.
    Ratio
}
unit! {
    /// A variance of returns: 1e-12 per day, so that its square root is a [`Ratio`] without rescaling.
    Variance
}
unit! {
    /// Unix time or a duration: one second. A slot is never a measure of time.
    Seconds
}
unit! {
    /// Time to an expiry: 1e-9 second. On chain a multiple of a second.
    Tenor
}
unit! {
    /// A part of a whole: 1e-9, from 0 to [`Fraction::ONE`]. Slices and discounts of a liquidation (CLR-30).
    Fraction
}

impl Ratio {
    /// One.
    pub const ONE: Self = Self(1_000_000);
}
impl Price {
    /// One USD.
    pub const ONE: Self = Self(1_000_000_000);

    /// The price times a ratio, rounded down. A band, a haircut or a premium on a price.
    pub fn scale_floor(self, ratio: Ratio) -> Result<Self> {
        product_over_ten_pow_floor::<USD_DIGITS>(self.0, ratio.0).map(Self)
    }

    /// The price times a ratio, rounded up.
    pub fn scale_ceil(self, ratio: Ratio) -> Result<Self> {
        product_over_ten_pow_ceil::<USD_DIGITS>(self.0, ratio.0).map(Self)
    }
}
impl Usd {
    /// One USD.
    pub const ONE: Self = Self(1_000_000);

    /// The amount times a ratio, rounded down.
    #[inline]
    pub fn scale_floor(self, ratio: Ratio) -> Result<Self> {
        product_over_ten_pow_floor::<USD_DIGITS>(self.0, ratio.0).map(Self)
    }

    /// The amount times a ratio, rounded up.
    #[inline]
    pub fn scale_ceil(self, ratio: Ratio) -> Result<Self> {
        product_over_ten_pow_ceil::<USD_DIGITS>(self.0, ratio.0).map(Self)
    }

    /// A fraction of the amount, rounded down.
    pub fn slice_floor(self, part: Fraction) -> Result<Self> {
        product_over_ten_pow_floor::<PRICE_DIGITS>(self.0, part.0).map(Self)
    }

    /// A fraction of the amount, rounded up.
    pub fn slice_ceil(self, part: Fraction) -> Result<Self> {
        product_over_ten_pow_ceil::<PRICE_DIGITS>(self.0, part.0).map(Self)
    }

    /// An amount of the settlement asset at that asset's price, in USD, rounded down: a debt away from zero
    /// (MRG-36).
    pub fn at_price_floor(self, settlement: Price) -> Result<Self> {
        product_over_ten_pow_floor::<PRICE_DIGITS>(self.0, settlement.0).map(Self)
    }

    /// An amount of the settlement asset at that asset's price, in USD, rounded up.
    pub fn at_price_ceil(self, settlement: Price) -> Result<Self> {
        product_over_ten_pow_ceil::<PRICE_DIGITS>(self.0, settlement.0).map(Self)
    }

    /// This amount over another, rounded down. Fails where the other is zero.
    pub fn ratio_floor(self, of: Self) -> Result<Ratio> {
        mul_div_floor(self.0, Ratio::ONE.0, of.0).map(Ratio)
    }

    /// This amount over another, rounded up. Fails where the other is zero.
    pub fn ratio_ceil(self, of: Self) -> Result<Ratio> {
        mul_div_ceil(self.0, Ratio::ONE.0, of.0).map(Ratio)
    }
}
impl Contracts {
    /// One contract.
    pub const ONE: Self = Self(1_000_000_000);

    /// Quantity times price, rounded down: equity, so that debts round away from zero.
    #[inline]
    pub fn value_floor(self, price: Price) -> Result<Usd> {
        product_over_ten_pow_floor::<VALUE_SHIFT>(self.0, price.0).map(Usd)
    }

    /// Quantity times price, rounded up: notionals that requirements are made of.
    #[inline]
    pub fn value_ceil(self, price: Price) -> Result<Usd> {
        product_over_ten_pow_ceil::<VALUE_SHIFT>(self.0, price.0).map(Usd)
    }

    /// Quantity times price, rounded down and rounded up.
    #[inline]
    pub fn value_bounds(self, price: Price) -> Result<(Usd, Usd)> {
        product_over_ten_pow_bounds::<VALUE_SHIFT>(self.0, price.0).map(|(floor, ceil)| (Usd(floor), Usd(ceil)))
    }

    /// The quantity as a factor of a price: a delta times the price of what it is a delta to, rounded down.
    pub fn of_price_floor(self, price: Price) -> Result<Price> {
        product_over_ten_pow_floor::<PRICE_DIGITS>(self.0, price.0).map(Price)
    }

    /// A fraction of the quantity, rounded down (a short one away from zero).
    pub fn slice_floor(self, part: Fraction) -> Result<Self> {
        product_over_ten_pow_floor::<PRICE_DIGITS>(self.0, part.0).map(Self)
    }

    /// A fraction of the quantity, rounded up (a short one towards zero).
    pub fn slice_ceil(self, part: Fraction) -> Result<Self> {
        product_over_ten_pow_ceil::<PRICE_DIGITS>(self.0, part.0).map(Self)
    }
}
impl Fraction {
    /// The whole.
    pub const ONE: Self = Self(1_000_000_000);

    /// What is left of the whole. Fails outside of [0, 1].
    pub fn complement(self) -> Result<Self> {
        match Self::ONE.sub(self)? {
            rest if self.0 >= 0 && rest.0 >= 0 => Ok(rest),
            _ => Err(MarginError::InvalidFraction),
        }
    }
}
const _: () = assert!(
    Ratio::ONE.0 == 10i64.pow(USD_DIGITS)
        && Usd::ONE.0 == 10i64.pow(USD_DIGITS)
        && Price::ONE.0 == 10i64.pow(PRICE_DIGITS)
        && Contracts::ONE.0 == 10i64.pow(PRICE_DIGITS)
        && Fraction::ONE.0 == 10i64.pow(PRICE_DIGITS)
);
