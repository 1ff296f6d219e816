//! The fixture of Novate's tests: a [`World`] is a Solana machine in process that runs the program as it was built, with a
//! clock, tokens, price feeds and a pool. Everything the program knows reaches it by its instructions; only clocks, tokens
//! and price accounts are written from outside, for there is no other program here to write them.
//!
//! [`checker`] reads account bytes on its own and verifies the rules that must hold after every instruction.

pub mod actor;
pub mod altered;
pub mod books;
pub mod chance;
pub mod checker;
pub mod committee;
pub mod dated;
pub mod expiring;
pub mod feed;
pub mod fullest;
pub mod governing;
pub mod haircut;
pub mod insured;
pub mod ledger;
pub mod lending;
pub mod lookup;
pub mod orders;
pub mod perpetual;
pub mod sending;
pub mod spec;
pub mod squads;
pub mod stake_pool;
pub mod tape;
pub mod token;
pub mod world;

pub use actor::Actor;
pub use altered::Altered;
pub use chance::Chance;
pub use dated::{call, flat, future, put, refused};
pub use governing::{CHANGE_DELAYS, DAY, LONGEST_PAUSES, ROLE_DELAY};
pub use lending::LENDING;
pub use sending::{Failure, Refusal, Sent};
pub use spec::{AssetSpec, MarketSpec};
pub use stake_pool::StakePool;
pub use world::{Builder, World};

/// Assets of the default pool, by index.
pub const USDC: u16 = 0;
pub const BTC: u16 = 1;
pub const ETH: u16 = 2;
pub const SOL: u16 = 3;
/// No market is on it: a balance outside the scan.
pub const GOLD: u16 = 4;
/// Yield-bearing, redeemed for SOL; in the pool of [`World::staking`] only.
pub const JITOSOL: u16 = 5;

/// Markets of the default pool, by index.
pub const BTC_PERP: u16 = 0;
pub const ETH_PERP: u16 = 1;
pub const SOL_PERP: u16 = 2;

/// One contract, in 1e-9.
pub const CONTRACT: i64 = 1_000_000_000;
/// One unit of the settlement asset, in 1e-6; one USD of equity or margin too.
pub const DOLLAR: i64 = 1_000_000;
/// One USD per contract, as prices have it.
pub const PRICE: i64 = 1_000_000_000;
