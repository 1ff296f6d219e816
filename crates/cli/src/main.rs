//! `novate`: the command line of the clearing house.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use novate_cli::demo;

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
}

fn main() -> ExitCode {
    let Command::Demo(options) = Cli::parse().command;
    match demo::run(&options) {
        Ok(outcome) => {
            println!("{}", demo::terminal::summary(&outcome));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
