//! `novate`: the command line of the clearing house.

use std::process::ExitCode;

use clap::Parser;
use novate_cli::command::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
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
