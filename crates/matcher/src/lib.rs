//! An order book off the chain: signed orders in, settlements out.
//!
//! The matcher never holds what it trades: an order is a text that its owner signed, and the program checks every fill against it. What
//! it can and cannot do with an order is in docs/matcher.md.

pub mod admission;
pub mod api;
pub mod book;
pub mod control;
pub mod decimal;
pub mod desk;
pub mod engine;
pub mod journal;
pub mod limits;
pub mod metrics;
pub mod options;
pub mod order;
pub mod refusal;
pub mod run;
pub mod settle;
pub mod strategy;
pub mod view;
