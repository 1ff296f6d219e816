//! What the matcher is told on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{ensure, Result};
use clap::Args;
use novate_client::Pubkey;

use crate::engine::Bounds;
use crate::limits::Rate;

/// Where, for whom and how.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// JSON-RPC of the node.
    #[arg(long, default_value = "http://127.0.0.1:8899")]
    pub url: String,
    /// Its subscriptions.
    #[arg(long, default_value = "ws://127.0.0.1:8900")]
    pub ws: String,
    /// Address of the pool.
    #[arg(long, required_unless_present = "roster")]
    pub pool: Option<Pubkey>,
    /// File of the key that signs and pays settlements, as solana-keygen writes it.
    #[arg(long, required_unless_present = "roster")]
    pub keypair: Option<PathBuf>,
    /// Instruments and portfolios from a file instead of a chain, for tests and load figures: nothing is settled.
    #[arg(long, conflicts_with_all = ["pool", "keypair", "venue_key"])]
    pub roster: Option<PathBuf>,
    /// Folder of the journal.
    #[arg(long, default_value = "matcher-journal")]
    pub journal: PathBuf,
    /// Bytes of commands after which the journal is begun anew.
    #[arg(long, default_value_t = 64 << 20)]
    pub journal_bytes: u64,
    /// Where the API answers; port 0 takes one that is free.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Requests a second of one address, and how many at once.
    #[arg(long, default_value = "100/200", value_parser = rate)]
    pub address_rate: Rate,
    /// Signed requests a second of one portfolio, and how many at once.
    #[arg(long, default_value = "50/100", value_parser = rate)]
    pub key_rate: Rate,
    /// Open orders of a book.
    #[arg(long, default_value_t = Bounds::default().book)]
    pub book_orders: usize,
    /// Open orders of a portfolio.
    #[arg(long, default_value_t = Bounds::default().portfolio)]
    pub portfolio_orders: usize,
    /// Price of a compute unit, 1e-6 lamports: the priority fee.
    #[arg(long, default_value_t = 0)]
    pub unit_price: u64,
    /// Settlements under way at once.
    #[arg(long, default_value_t = 8)]
    pub at_once: usize,
    /// Makes the pool's lookup tables, with the key as their authority, where they are missing.
    #[arg(long)]
    pub publish_tables: bool,
    /// File of the key of a registered venue: mids of the perpetuals' books are reported with it.
    #[arg(long)]
    pub venue_key: Option<PathBuf>,
    /// Seconds between two reports.
    #[arg(long, default_value_t = 10, requires = "venue_key")]
    pub mid_every: u64,
}

impl Options {
    pub fn bounds(&self) -> Bounds {
        Bounds { book: self.book_orders, portfolio: self.portfolio_orders, ..Bounds::default() }
    }
}

/// `50/100`: tokens a second, and how many a bucket holds.
fn rate(text: &str) -> Result<Rate> {
    let (second, burst) = text.split_once('/').unwrap_or((text, text));
    let rate = Rate { second: second.parse()?, burst: burst.parse()? };
    let sound = rate.second > 0.0 && rate.burst >= 1.0 && rate.second.is_finite() && rate.burst.is_finite();
    ensure!(sound, "a rate is as 50/100: more than 0 a second, at least 1 at once");
    Ok(rate)
}
