//! The command line of Novate as a library, so that tests can run what a person runs.

pub mod amount;
pub mod cluster;
pub mod command;
pub mod demo;
pub mod govern;
pub mod margin;
pub mod migrate;
pub mod scenarios;
pub mod symbol;
pub mod trader;
