//! `novate-matcher`: docs/matcher.md.

use std::process::ExitCode;

use clap::Parser;
use novate_matcher::{options::Options, run};

/// Keeps order books of a pool: takes signed orders, matches them, and settles what matched on the chain.
#[derive(Parser)]
#[command(name = "novate-matcher", version)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// What is logged, to standard error: error, warn, info, debug, trace.
    #[arg(long, default_value = "info")]
    log: tracing::Level,
}

fn main() -> ExitCode {
    let Arguments { options, log } = Arguments::parse();
    run::main(log, options)
}
