//! What the pool's authority does.

pub mod add_asset;
pub mod add_market;
pub mod create_pool;
pub mod stage_scenarios;

pub use add_asset::*;
pub use add_market::*;
pub use create_pool::*;
pub use stage_scenarios::*;
