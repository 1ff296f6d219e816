//! `novate`: the command line of the clearing house.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use novate_cli::{demo, govern, localnet, margin, migrate, scenarios};

/// Clearing with cross margin on Solana.
#[derive(Parser)]
#[command(name = "novate", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Replay two weeks of November 2022 against the built program, in process, and write a report.
    Demo(demo::Options),
    /// Draft, show, schedule, execute and cancel changes of a pool.
    #[command(subcommand)]
    Govern(govern::Command),
    /// Run a local validator with a pool that trades, until it is stopped or a replayed crash is over.
    Localnet(localnet::Options),
    /// Evaluate or explain portfolios in files.
    #[command(subcommand)]
    Margin(margin::Command),
    /// Take an empty cluster to a pool that trades by the files of a folder, or what is missing of it.
    Migrate(migrate::Options),
    /// Make joint scenario rows from daily prices, and back-test the margin that follows from them.
    #[command(subcommand)]
    Scenarios(scenarios::Command),
}

/// Runs a command and returns what it prints.
fn run(command: &Command) -> Result<String> {
    match command {
        Command::Demo(options) => demo::run(options).map(|outcome| demo::terminal::summary(&outcome)),
        Command::Govern(command) => govern::run(command),
        Command::Localnet(options) => localnet::run(options),
        Command::Margin(command) => margin::run(command),
        Command::Migrate(options) => migrate::run(options),
        Command::Scenarios(command) => scenarios::run(command),
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
