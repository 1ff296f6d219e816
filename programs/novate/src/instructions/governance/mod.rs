//! What the pool's authority and guardian do.

pub mod accept_role;
pub mod add_asset;
pub mod add_market;
pub mod cancel_role;
pub mod create_pool;
pub mod list_expiry;
pub mod list_strikes;
pub mod pause;
pub mod propose_role;
pub mod register_venue;
pub mod remove_venue;
pub mod set_lending;
pub mod set_publisher;
pub mod set_settlement_price;
pub mod stage_scenarios;
pub mod unpause;

pub use accept_role::*;
pub use add_asset::*;
pub use add_market::*;
pub use cancel_role::*;
pub use create_pool::*;
pub use list_expiry::*;
pub use list_strikes::*;
pub use pause::*;
pub use propose_role::*;
pub use register_venue::*;
pub use remove_venue::*;
pub use set_lending::*;
pub use set_publisher::*;
pub use set_settlement_price::*;
pub use stage_scenarios::*;
pub use unpause::*;
