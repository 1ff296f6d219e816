//! `novate scenarios`: the joint scenario rows of a pool (MRG-20 to MRG-23), made from daily prices, and the back-test
//! of the margin that follows from them.

pub mod backtest;
pub mod books;
pub mod build;
pub mod coverage;
pub mod exact;
pub mod history;
pub mod profile;
pub mod quotes;
pub mod replay;
pub mod report;
pub mod requirement;
pub mod rows;
pub mod table;
pub mod tune;

use anyhow::Result;

/// What to do with scenarios.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Make the rows of a pool from a table of daily closes or returns.
    Build(build::Options),
    /// Replay a table day by day: what margin with rows of the past would have covered, and which settings suffice.
    Backtest(backtest::Options),
}

/// Runs a command and returns what it prints.
pub fn run(command: &Command) -> Result<String> {
    match command {
        Command::Build(options) => build::run(options),
        Command::Backtest(options) => backtest::run(options),
    }
}
