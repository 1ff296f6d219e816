//! What anyone may do when a portfolio falls below maintenance margin.

pub mod end_auction;
pub mod liquidate;
mod losses;
pub mod resolve_bankruptcy;
pub mod start_auction;

pub use end_auction::*;
pub use liquidate::*;
pub use resolve_bankruptcy::*;
pub use start_auction::*;
