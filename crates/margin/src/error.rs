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
    /// More than [`MAX_EXPIRIES`](crate::dated::MAX_EXPIRIES) expiries, or options on too many underlyings, in one book.
    TooManyExpiries,
    /// The expiry already has a slot in this book.
    DuplicateExpiry,
    /// No expiry has this slot.
    UnknownExpiry,
    /// A basis outside of [-0.5, 1].
    InvalidBasis,
    /// An expiry without time left.
    Expired,
    /// No such strike slot, or the strike of another.
    UnknownStrike,
    /// A strike is held that was never priced.
    StrikeNotPriced,
    /// Spot is beyond the values of a strike that is held (MRG-15).
    StrikeTooFar,
    /// An expiry's options were not valued before the book was judged.
    ChainMissing,
    /// A haircut outside of [0, 1].
    InvalidHaircut,
    /// A yield-bearing balance below zero: it is never lent.
    NegativeStake,
    /// Pending gains below zero: a loss is never pending.
    NegativePending,
    /// The book has no settlement price, or one that is not positive.
    NoSettlementPrice,
    /// A model parameter outside of its bounds; says which.
    InvalidParameter(Parameter),
    /// A variance below zero.
    NegativeVariance,
    /// A volatility below zero.
    NegativeVolatility,
    /// A parameter of a smile outside of its bounds (MRG-10).
    SmileOutOfBounds,
    /// A smile that implies a negative density (MRG-10).
    ButterflyArbitrage,
    /// A smile above that of a later expiry (MRG-10).
    CalendarArbitrage,
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
    /// The tokens asked back of a bank are lent out (CLR-20).
    BankIlliquid,
    /// A loan beyond the utilisation cap (CLR-20).
    UtilisationCap,
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
            Self::TooManyExpiries => "too many expiries in one book",
            Self::DuplicateExpiry => "the expiry is already in the book",
            Self::UnknownExpiry => "no expiry has this slot",
            Self::InvalidBasis => "a basis must be between -0.5 and 1",
            Self::Expired => "the expiry has passed",
            Self::UnknownStrike => "the expiry has no such strike",
            Self::StrikeNotPriced => "a strike is held that was never priced",
            Self::StrikeTooFar => "spot is beyond the values of a strike; refresh it",
            Self::ChainMissing => "value the options of every expiry before the book is judged",
            Self::InvalidHaircut => "a haircut must be between 0 and 1",
            Self::NegativeStake => "a yield-bearing balance must not be negative",
            Self::NegativePending => "pending gains must not be negative",
            Self::NoSettlementPrice => "set the price of the settlement asset first",
            Self::InvalidParameter(p) => return write!(f, "parameter {p:?} is out of bounds"),
            Self::NegativeVariance => "a variance must not be negative",
            Self::NegativeVolatility => "a volatility must not be negative",
            Self::SmileOutOfBounds => "a parameter of the smile is out of bounds",
            Self::ButterflyArbitrage => "the smile implies a negative density at some strike",
            Self::CalendarArbitrage => "total variance must not fall towards a later expiry",
            Self::SampleTooEarly => "wait an hour between volatility samples",
            Self::InvalidFraction => "a fraction must be between 0 and 1",
            Self::NotLiquidatable => "equity is not below maintenance margin",
            Self::Insolvent => "equity is not positive: use the insolvent auction",
            Self::InvalidIndex => "an interest index must not be zero",
            Self::NegativeAccrual => "interest accrues forward in time, at a rate of zero or more",
            Self::BankIlliquid => "the tokens are lent out",
            Self::UtilisationCap => "a loan must stay within the utilisation cap",
        };
        f.write_str(text)
    }
}

impl core::error::Error for MarginError {}
