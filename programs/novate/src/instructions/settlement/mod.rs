//! What anyone may do to move money that is owed, and to settle what has expired.

pub mod borrow_for_loss;
pub mod close_expiry;
pub mod fix_expiry;
pub mod settle_expiry;
pub mod settle_variation;

pub use borrow_for_loss::*;
pub use close_expiry::*;
pub use fix_expiry::*;
pub use settle_expiry::*;
pub use settle_variation::*;
