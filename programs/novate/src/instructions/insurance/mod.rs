//! What fills the insurance fund, and what stakers do. The fund's tokens lie in the vault of the settlement asset (CLR-02).

pub mod close_stake;
pub mod collect_fees;
pub mod fund_insurance;
pub mod request_unstake;
pub mod stake;
pub mod unstake;
mod vault;

pub use close_stake::*;
pub use collect_fees::*;
pub use fund_insurance::*;
pub use request_unstake::*;
pub use stake::*;
pub use unstake::*;
