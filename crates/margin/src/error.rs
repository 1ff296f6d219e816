//! Why a computation was refused. Every failure of this crate is one of these, each with one cause, so that a
//! caller can map them one to one to its own error codes.

use crate::params::Parameter;

/// The result of every fallible operation of this crate.
pub type Result<T, E = MarginError> = core::result::Result<T, E>;

/// One variant, one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarginError {
    /// A result does not fit its type; the inputs are beyond the ranges that the unit types document.
    Overflow,
    /// A divisor was zero.
    ZeroDivisor,
    /// More than [`MAX_UNDERLYINGS`](crate::MAX_UNDERLYINGS) underlyings in one book.
    TooManyUnderlyings,
    /// The asset already has a slot in this book.
    DuplicateUnderlying,
    /// No underlying has this slot.
    UnknownSlot,
    /// A price that is not positive.
    InvalidPrice,
    /// An oracle confidence below zero.
    InvalidConfidence,
    /// A market depth below zero (zero means: no concentration charge).
    InvalidDepth,
    /// A scan range outside of (0, 1].
    InvalidScanRange,
    /// A column that is neither below [`MAX_COLUMNS`](crate::MAX_COLUMNS) nor [`NO_COLUMN`](crate::NO_COLUMN).
    InvalidColumn,
    /// More than [`MAX_ROWS`](crate::MAX_ROWS) joint rows.
    TooManyRows,
    /// A haircut outside of [0, 1].
    InvalidHaircut,
    /// Pending gains below zero: a loss is never pending.
    NegativePending,
    /// The book has no settlement price, or one that is not positive.
    NoSettlementPrice,
    /// A model parameter outside of its bounds; says which.
    InvalidParameter(Parameter),
    /// A variance below zero.
    NegativeVariance,
    /// A volatility sample less than an hour after the last one (MRG-50).
    SampleTooEarly,
    /// A fraction outside of [0, 1].
    InvalidFraction,
    /// Equity is at or above the maintenance margin: there is nothing to liquidate (CLR-30).
    NotLiquidatable,
    /// Equity is zero or below: the insolvent auction applies instead (CLR-31).
    Insolvent,
    /// An interest index of zero.
    InvalidIndex,
    /// Time runs backwards, or an interest rate is below zero.
    NegativeAccrual,
}

impl core::fmt::Display for MarginError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            Self::Overflow => "a result does not fit its type",
            Self::ZeroDivisor => "division by zero",
            Self::TooManyUnderlyings => "too many underlyings in one book",
            Self::DuplicateUnderlying => "the underlying is already in the book",
            Self::UnknownSlot => "no underlying has this slot",
            Self::InvalidPrice => "a price must be positive",
            Self::InvalidConfidence => "an oracle confidence must not be negative",
            Self::InvalidDepth => "a market depth must not be negative",
            Self::InvalidScanRange => "a scan range must be above 0 and at most 1",
            Self::InvalidColumn => "no such column of the joint rows",
            Self::TooManyRows => "too many joint rows",
            Self::InvalidHaircut => "a haircut must be between 0 and 1",
            Self::NegativePending => "pending gains must not be negative",
            Self::NoSettlementPrice => "set the price of the settlement asset first",
            Self::InvalidParameter(p) => return write!(f, "parameter {p:?} is out of bounds"),
            Self::NegativeVariance => "a variance must not be negative",
            Self::SampleTooEarly => "wait an hour between volatility samples",
            Self::InvalidFraction => "a fraction must be between 0 and 1",
            Self::NotLiquidatable => "equity is not below maintenance margin",
            Self::Insolvent => "equity is not positive: use the insolvent auction",
            Self::InvalidIndex => "an interest index must not be zero",
            Self::NegativeAccrual => "interest accrues forward in time, at a rate of zero or more",
        };
        f.write_str(text)
    }
}

impl core::error::Error for MarginError {}
