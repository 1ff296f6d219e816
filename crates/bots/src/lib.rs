//! Bots that anyone may run beside the program: a keeper, which keeps prices, marks, option values and settlement in order, and a
//! liquidator, which auctions and takes accounts that are short. The chain decides everything: what bots reckon only says what is
//! worth sending.

pub mod ahead;
pub mod backoff;
pub mod bid;
pub mod calls;
pub mod candidates;
pub mod feeds;
pub mod judge;
pub mod keeper;
pub mod liquidator;
pub mod metrics;
pub mod options;
pub mod plan;
pub mod scan;
pub mod sender;
pub mod server;
pub mod tables;
pub mod vitals;
pub mod webhook;
