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

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { options, log } = Arguments::parse();
    options::log(log);
    let stop = async {
        if let Err(error) = options::asked_to_stop().await {
            tracing::error!(%error, "signals");
        }
    };
    match liquidator::run(options, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
