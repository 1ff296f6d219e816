//! `novate-keeper`: docs/bots.md.

use std::process::ExitCode;

use clap::Parser;
use novate_bots::{keeper, options};

/// Keeps prices, marks, option values and settlement of a pool in order.
#[derive(Parser)]
#[command(name = "novate-keeper", version)]
struct Arguments {
    #[command(flatten)]
    options: keeper::Options,
    /// What is logged, to standard error: error, warn, info, debug, trace.
    #[arg(long, default_value = "info")]
    log: tracing::Level,
}

fn main() -> ExitCode {
    let Arguments { options, log } = Arguments::parse();
    options::run(log, |stop| keeper::run(options, stop))
}
