//! What anyone may do to move money that is owed.

pub mod borrow_for_loss;
pub mod settle_variation;

pub use borrow_for_loss::*;
pub use settle_variation::*;
