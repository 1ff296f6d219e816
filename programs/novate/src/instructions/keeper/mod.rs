//! What anyone may do to keep prices, marks and risk arrays fresh.

pub mod refresh_asset;
pub mod refresh_expiry;
pub mod refresh_market;
pub mod refresh_redemption;

pub use refresh_asset::*;
pub use refresh_expiry::*;
pub use refresh_market::*;
pub use refresh_redemption::*;
