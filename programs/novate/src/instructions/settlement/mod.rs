//! What anyone may do to move money that is owed.

pub mod settle_variation;

pub use settle_variation::*;
