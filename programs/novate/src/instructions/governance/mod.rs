//! What the pool's authority does.

pub mod add_asset;
pub mod add_market;
pub mod create_pool;
pub mod list_expiry;
pub mod list_strikes;
pub mod register_venue;
pub mod remove_venue;
pub mod set_lending;
pub mod set_publisher;
pub mod set_settlement_price;
pub mod stage_scenarios;

pub use add_asset::*;
pub use add_market::*;
pub use create_pool::*;
pub use list_expiry::*;
pub use list_strikes::*;
pub use register_venue::*;
pub use remove_venue::*;
pub use set_lending::*;
pub use set_publisher::*;
pub use set_settlement_price::*;
pub use stage_scenarios::*;
