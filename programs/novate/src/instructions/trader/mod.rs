//! What the owner of a portfolio, or a delegate, does.

pub mod borrow;
pub mod close_portfolio;
pub mod deposit;
pub mod health;
pub mod lend;
pub mod open_portfolio;
pub mod repay;
pub mod require_health;
pub mod require_sequence;
pub mod revoke_delegate;
pub mod set_delegate;
pub mod trade;
pub mod transfer;
pub mod unlend;
pub mod withdraw;

pub use borrow::*;
pub use close_portfolio::*;
pub use deposit::*;
pub use health::*;
pub use lend::*;
pub use open_portfolio::*;
pub use repay::*;
pub use require_health::*;
pub use require_sequence::*;
pub use revoke_delegate::*;
pub use set_delegate::*;
pub use trade::*;
pub use transfer::*;
pub use unlend::*;
pub use withdraw::*;
