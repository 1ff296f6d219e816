//! What anyone may do to keep prices and marks fresh.

pub mod refresh_asset;
pub mod refresh_market;

pub use refresh_asset::*;
pub use refresh_market::*;
