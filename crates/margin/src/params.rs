//! The parameters of the model, as governance stores them: one set per pool, every one a [`Ratio`] (1e-6), so that
//! the struct has no padding and a stored copy can be read in place. [`Params::validate`] bounds each of them; the
//! proofs in this crate that need a bound cite it.

use bytemuck::{Pod, Zeroable};

use crate::error::{MarginError, Result};
use crate::units::Ratio;

/// What a higher value of a parameter asks of a book, others equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// As much margin or more, of every book.
    More,
    /// As much or less, of every book.
    Less,
    /// More of some, less of others.
    Either,
}

macro_rules! params {
    ($($(#[$doc:meta])* $field:ident, $variant:ident, $asks:ident, $default:literal, $low:literal, $high:literal;)*) => {
        /// Every parameter of the model. All are ratios in 1e-6; their bounds are those of [`Params::validate`].
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
        pub struct Params { $($(#[$doc])* pub $field: Ratio,)* }

        /// The name of a parameter, for errors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Parameter { $(
            #[doc = concat!("[`Params::", stringify!($field), "`].")]
            $variant,
        )* }

        impl Params {
            /// The fields in their order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field),)*];

            /// What a higher value of each asks for, in their order.
            pub const ASKS: &'static [Asks] = &[$(Asks::$asks,)*];

            /// The values of the specification.
            pub const DEFAULT: Self = Self { $($field: Ratio($default),)* };

            /// Each parameter within its bounds, or [`MarginError::InvalidParameter`] naming the first that is not.
            pub fn validate(&self) -> Result<()> {
                $(if !($low..=$high).contains(&self.$field.0) {
                    return Err(MarginError::InvalidParameter(Parameter::$variant));
                })*
                Ok(())
            }
        }
    };
}

params! {
    /// MRG-13: a tail node at move m counts min(1, this·R/|m|). At most 1, so that for a linear book no tail node
    /// exceeds the edge of the scan range (see [`scan`](crate::scan)).
    tail_factor, TailFactor, More, 750_000, 0, 1_000_000;
    /// MRG-12: relative rise of a 30-day vol in the up scenario.
    vol_up, VolUp, Either, 500_000, 0, 3_000_000;
    /// MRG-12: relative fall of a 30-day vol in the down scenario.
    vol_down, VolDown, Either, 300_000, 0, 1_000_000;
    /// MRG-12: the up scenario's vol is at least this.
    vol_up_floor, VolUpFloor, Either, 400_000, 0, 3_000_000;
    /// MRG-22: the share of the saving seen in joint scenarios that is credited. At most 1: never more than seen.
    es_credit, EsCredit, Less, 900_000, 0, 1_000_000;
    /// MRG-22: the core requirement is at least this share of the sum of scan losses.
    diversified_floor, DiversifiedFloor, More, 350_000, 100_000, 1_000_000;
    /// MRG-30: charge on hedged delta between spot, perpetual and expiries.
    basis_rate, BasisRate, More, 10_000, 0, 1_000_000;
    /// MRG-30: the same per year to the furthest expiry held.
    basis_rate_per_year, BasisRatePerYear, More, 50_000, 0, 1_000_000;
    /// MRG-31: the core requirement is at least this share of the net delta, summed over underlyings.
    net_delta_floor, NetDeltaFloor, More, 20_000, 0, 1_000_000;
    /// MRG-32: charge per contract net short at a strike.
    naked_short_rate, NakedShortRate, More, 5_000, 0, 1_000_000;
    /// MRG-33: charge on an expiry's net positive option value.
    long_option_discount, LongOptionDiscount, More, 30_000, 0, 1_000_000;
    /// MRG-33: charge on an expiry's net negative option value.
    short_option_premium, ShortOptionPremium, More, 10_000, 0, 1_000_000;
    /// MRG-37: charge on vega hedged between expiries.
    term_vega_rate, TermVegaRate, More, 400_000, 0, 1_000_000;
    /// MRG-38: a balance outside the scan costs this multiple of its haircut. At 1.25 the maintenance margin
    /// (0.80 of the requirement) holds the haircut itself.
    outside_multiple, OutsideMultiple, More, 1_250_000, 1_000_000, 5_000_000;
    /// MRG-34: multiple of the oracle's confidence interval. A published interval is one deviation of a
    /// Laplace-like spread; 2.12 of them hold 95 % of it.
    confidence_multiple, ConfidenceMultiple, More, 2_120_000, 0, 10_000_000;
    /// MRG-36: below this price of the settlement asset initial margin rises.
    depeg_threshold, DepegThreshold, More, 990_000, 500_000, 1_000_000;
    /// MRG-36: by this much for each USD below.
    depeg_slope, DepegSlope, More, 4_000_000, 0, 20_000_000;
    /// MRG-40: maintenance margin as a share of the requirement.
    maintenance_ratio, MaintenanceRatio, More, 800_000, 500_000, 1_000_000;
}

impl Default for Params {
    fn default() -> Self {
        Self::DEFAULT
    }
}

// Eighteen fields of eight bytes, none of them padding.
const _: () = assert!(size_of::<Params>() == 18 * 8);
// At the defaults a balance outside the scan costs exactly its haircut in maintenance (MRG-38, MRG-40).
const _: () =
    assert!(Params::DEFAULT.outside_multiple.0 * Params::DEFAULT.maintenance_ratio.0 == Ratio::ONE.0 * Ratio::ONE.0);
