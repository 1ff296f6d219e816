//! The margin model: what a portfolio of collateral and derivatives must hold.
//!
//! A [`Book`] is filled with one portfolio's cash, balances and positions, then [`Book::health`] says what it is
//! worth ([`Health::equity`]) and what it must hold ([`Health::initial`], [`Health::maintenance`]). Everything is
//! integer arithmetic with the direction of rounding in each operation's name: requirements round up, equity rounds
//! down. No operation panics; each failure is one [`MarginError`] with one cause.
//!
//! Rule ids (MRG-.., CLR-..) refer to the specification.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )
)]
#![warn(missing_docs)]

#[cfg(any(test, feature = "idl-build"))]
extern crate std;

pub mod auction;
pub mod bank;
pub mod book;
pub mod chain;
pub mod collateral;
pub mod contingency;
pub mod dated;
pub mod error;
pub mod fixed;
pub mod fund;
pub mod haircut;
pub mod health;
#[cfg(feature = "idl-build")]
mod idl;
pub mod interest;
pub mod joint;
pub mod normal;
pub mod params;
pub mod pricing;
mod requirement;
pub mod scan;
mod shift;
pub mod smile;
pub mod transcendental;
pub mod units;
pub mod volatility;

pub use book::{Book, Underlying, UnderlyingFacts, MAX_UNDERLYINGS};
pub use error::{MarginError, Result};
pub use health::{health_factor, is_liquidatable, reduces_risk, Health};
pub use joint::{extremes, Extremes, Rows, MAX_COLUMNS, MAX_ROWS, MOVE_ONE, NO_COLUMN, TAIL_COUNT, VOL_ONE};
pub use params::{Asks, Parameter, Params};
pub use units::{Contracts, Fraction, Price, Ratio, Seconds, Tenor, Usd, Variance};
