//! What anyone may do to move money that is owed, and to settle what has expired.

mod bear;
pub mod borrow_for_loss;
pub mod charge_gain;
pub mod close_expiry;
pub mod close_haircut;
pub mod fix_expiry;
pub mod register_gain;
pub mod settle_expiry;
pub mod settle_variation;

pub use borrow_for_loss::*;
pub use charge_gain::*;
pub use close_expiry::*;
pub use close_haircut::*;
pub use fix_expiry::*;
pub use register_gain::*;
pub use settle_expiry::*;
pub use settle_variation::*;
