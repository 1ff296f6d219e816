//! The Rust client of Novate: addresses, accounts, instruction builders and health computed off chain.
//!
//! Layouts, arguments and the margin model are the program's own, so that a client cannot read or compute otherwise than
//! the chain does. Nothing here talks to a network, bytes in, instructions out, but for [`rpc`], behind the feature of that name.

pub mod accounts;
pub mod addresses;
pub mod ahead;
pub mod instructions;
pub mod refused;
#[cfg(feature = "rpc")]
pub mod rpc;
pub mod signing;
pub mod snapshot;
pub mod symbol;
pub mod tokens;

pub use accounts::{decode, DecodeError};
pub use anchor_lang::prelude::Pubkey;
pub use anchor_lang::solana_program::instruction::{AccountMeta, Instruction};
pub use novate::error::NovateError;
pub use novate::health::{Prices, Terms};
pub use novate::{
    events, instruction, instrument, order, state, Action, AssetField, AssetForecast, AssetSetting, AssetTerms,
    Authority, Class, Delays, Forecast, HealthReport, Leg, Lending, MarketField, MarketSetting, MarketTerms,
    OracleSource, OrderId, ParamSetting, RedemptionTerms, Role, ScenarioRange, StrikeRange, UnderlyingReport, ID,
};
pub use novate_margin::dated::Right;
pub use refused::Refused;
pub use snapshot::{HealthError, Snapshot};
