//! What anyone may do to keep prices, marks and risk arrays fresh, and what the pool's publisher does for expiries.

pub mod publish_forecast;
pub mod refresh_asset;
pub mod refresh_expiry;
pub mod refresh_market;
pub mod refresh_redemption;

pub use publish_forecast::*;
pub use refresh_asset::*;
pub use refresh_expiry::*;
pub use refresh_market::*;
pub use refresh_redemption::*;
