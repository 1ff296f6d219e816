//! The command line of Novate as a library, so that tests can run what a person runs.

pub mod demo;
pub mod margin;
pub mod scenarios;
