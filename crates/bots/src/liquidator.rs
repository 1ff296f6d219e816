//! The liquidator: mirrors the pool, looks at whoever a price has brought near the edge, starts auctions, bids, ends auctions and
//! resolves what is left. docs/bots.md is its manual.

mod state;

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use novate_client::rpc::{Change, Kind};
use novate_client::{addresses, Pubkey};
use novate_margin::Ratio;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::bid::Policy;
use crate::options::{ratio, Begun, Common};
use crate::webhook::Webhook;
use state::{Done, State};

/// Between two looks at those that are urgent: discounts rise with time.
const TICK: Duration = Duration::from_millis(200);
/// Between two looks at the balance of the key.
const BALANCE: Duration = Duration::from_secs(30);

/// Whether what is taken is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Takes slices only where the discount pays for closing them elsewhere.
    NoInventory,
    /// Keeps slices as far as its own initial margin reaches.
    Inventory,
}

/// Starts auctions, bids and calls margins.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    pub common: Common,
    /// Portfolio that bids, of which the key is owner or delegate; the key's own sub-account 0 where it is not given.
    #[arg(long)]
    pub portfolio: Option<Pubkey>,
    /// Starts and ends auctions, and never bids.
    #[arg(long)]
    pub no_bids: bool,
    #[arg(long, value_enum, default_value = "no-inventory")]
    pub mode: Mode,
    /// Without inventory: share of the notional that closing a slice elsewhere costs, and that the discount has to pay.
    #[arg(long, default_value = "0.006", value_parser = ratio)]
    pub reward: Ratio,
    /// With inventory: share of the initial margin that a slice needs more, and that the discount has to pay.
    #[arg(long, default_value = "0.01", value_parser = ratio)]
    pub hurdle: Ratio,
    /// With inventory: share of its own initial margin that it keeps to spare.
    #[arg(long, default_value = "0.25", value_parser = ratio)]
    pub buffer: Ratio,
    /// Equity over maintenance margin below which a margin call is sent, once for each fall; several are allowed.
    #[arg(long = "call", value_parser = ratio)]
    pub calls: Vec<Ratio>,
    /// Where alerts are posted to, as JSON.
    #[arg(long)]
    pub webhook: Option<String>,
    /// Seconds within which everyone is looked at again, whatever prices do.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub rescan: u64,
}

impl Options {
    fn policy(&self) -> Policy {
        match self.mode {
            Mode::NoInventory => Policy::NoInventory { reward: self.reward },
            Mode::Inventory => Policy::Inventory { hurdle: self.hurdle, buffer: self.buffer },
        }
    }
}

/// Runs until `stop` ends. Fails only before it has begun: a node that goes away later is waited for.
pub async fn run(options: Options, stop: impl std::future::Future<Output = ()>) -> Result<()> {
    let begun = options.common.begin().await?;
    let Begun { sender, metrics, mut vitals, mirror, mut changes, feeds, mut prices, server } = begun;
    let webhook = Webhook::start(options.webhook.clone(), metrics.clone())?;
    let own = addresses::portfolio(&options.common.pool, &sender.address(), 0);
    let taker = (!options.no_bids).then(|| options.portfolio.unwrap_or(own));
    let (done, mut results) = mpsc::unbounded_channel::<Done>();
    let mut state = State::new(&options, (mirror, feeds), (sender, done), (taker, options.policy()), metrics, webhook);
    state.scan();

    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut balance = tokio::time::interval(BALANCE);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            price = prices.recv() => {
                let Some(index) = price else { break };
                let at = Instant::now();
                let mut moved = vec![index];
                while let Ok(index) = prices.try_recv() {
                    moved.push(index);
                }
                state.on_prices(&moved, at);
            }
            change = changes.recv() => {
                let Some(change) = change else { break };
                let mut all: Vec<Change> = vec![change];
                while let Ok(change) = changes.try_recv() {
                    all.push(change);
                }
                let anew = all.iter().any(|change| change.kind == Kind::Everything);
                if anew {
                    state.on_everything();
                } else {
                    state.on_changes(&all);
                }
            }
            result = results.recv() => {
                let Some(result) = result else { break };
                state.on_done(result);
            }
            _ = balance.tick() => vitals.look_at_balance(state.sender()).await,
            _ = tick.tick() => {
                state.on_tick();
                vitals.say(&state.mirrored());
            }
        }
    }
    tracing::info!("stopping");
    state.end().await;
    server.abort();
    Ok(())
}
