//! `novate-liquidator`: docs/bots.md.

use std::process::ExitCode;

use clap::Parser;
use novate_bots::{liquidator, options};

/// Auctions portfolios that are below maintenance margin, bids, and calls margins before that.
#[derive(Parser)]
#[command(name = "novate-liquidator", version)]
struct Arguments {
    #[command(flatten)]
    options: liquidator::Options,
    /// What is logged, to standard error: error, warn, info, debug, trace.
    #[arg(long, default_value = "info")]
    log: tracing::Level,
}

fn main() -> ExitCode {
    let Arguments { options, log } = Arguments::parse();
    options::run(log, |stop| liquidator::run(options, stop))
}
