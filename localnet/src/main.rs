//! `novate-localnet`: a Solana node on loopback, for wallets, browsers, bots and tests.

mod methods;
mod node;
mod servers;

use std::process::ExitCode;

use clap::Parser;

/// A Solana node on loopback: nothing is fetched from outside, and nothing is kept when it ends.
#[derive(Parser)]
#[command(name = "novate-localnet", version)]
pub(crate) struct Options {
    /// Port of JSON-RPC over HTTP; 0 takes one that is free.
    #[arg(long, default_value_t = 8899)]
    rpc_port: u16,
    /// Port of subscriptions over websocket; 0 takes one that is free.
    #[arg(long, default_value_t = 8900)]
    ws_port: u16,
    /// Length of a slot, milliseconds.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u64).range(10..=10_000))]
    slot_ms: u64,
}

fn main() -> ExitCode {
    match node::run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
