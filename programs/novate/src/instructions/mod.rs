//! The instructions: a folder per actor, a file each. In every file, in this order: arguments, accounts, validation,
//! handler; the handler's documentation is its algorithm in numbered steps.

pub mod committee;
pub mod governance;
pub mod insurance;
pub mod keeper;
pub mod liquidation;
pub mod settlement;
pub mod trader;
pub mod venue;

pub use committee::*;
pub use governance::*;
pub use insurance::*;
pub use keeper::*;
pub use liquidation::*;
pub use settlement::*;
pub use trader::*;
pub use venue::*;
