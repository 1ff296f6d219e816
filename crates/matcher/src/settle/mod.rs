//! From fills to the chain: every fill is a transaction of its own, the orders of both sides in it, since a packet has no room for more
//! than two orders. Fills that share no portfolio go at once; those that do go one after the other.
//!
//! A transaction is in the journal before it is sent, and a fill is signed anew only once the transaction before it can no longer land: so a
//! fill never lands twice, through a crash neither. A preflight is not asked, for it may refuse what has landed; what became of a
//! transaction is asked by its signature.

mod blame;
mod chain;
mod mids;
mod prices;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::desk::Desk;
use crate::engine::{Blame, Command, Engine, Fill, Stage};
use crate::metrics::Metrics;
use crate::order::{Key, Standing};
use crate::view::View;

pub use blame::{local_fault, Fault};
pub use chain::Chain;
pub use prices::{leg_prices, Quote};

/// Between two looks for fills.
const LOOK: Duration = Duration::from_millis(50);
/// Before a fill that nobody is at fault for is tried again, and for how long it is.
const AGAIN: Duration = Duration::from_secs(2);
const TRIED: Duration = Duration::from_secs(60);
/// Between two looks for orders that the chain would not fill any more.
const WEED: Duration = Duration::from_secs(2);

/// A fill with both orders.
#[derive(Clone, Debug)]
pub struct Due {
    pub fill: Fill,
    pub maker: Standing,
    pub taker: Standing,
}

/// What became of an attempt.
#[derive(Debug)]
enum Outcome {
    Settled,
    /// The program refused: by this error, and whose order was at fault, if anyone's.
    Refused(String, Option<Blame>),
    /// The node, an expired blockhash: again.
    Failed(String),
}

/// Settles fills until it is dropped.
pub struct Settler {
    chain: Arc<Chain>,
    desk: Desk,
    view: Arc<View>,
    metrics: Arc<Metrics>,
    /// Fills that are under way, and their portfolios.
    under_way: BTreeMap<u64, (Key, Key)>,
    /// Fills that failed: since when, and when they are tried again.
    failed: BTreeMap<u64, (Instant, Instant)>,
}

impl Settler {
    pub fn new(chain: Arc<Chain>, desk: Desk, view: Arc<View>, metrics: Arc<Metrics>) -> Self {
        Self { chain, desk, view, metrics, under_way: BTreeMap::new(), failed: BTreeMap::new() }
    }

    pub async fn run(mut self) {
        let mut attempts: JoinSet<(u64, Outcome)> = JoinSet::new();
        let mut weeded = Instant::now();
        loop {
            tokio::select! {
                Some(ended) = attempts.join_next(), if !attempts.is_empty() => {
                    if let Ok((fill, outcome)) = ended {
                        self.on_outcome(fill, outcome).await;
                    }
                }
                () = sleep(LOOK) => {}
            }
            if weeded.elapsed() > WEED && self.view.is_current() {
                self.weed().await;
                weeded = Instant::now();
            }
            let room = self.chain.at_once.saturating_sub(attempts.len());
            for due in self.next(room).await {
                let number = due.fill.number;
                self.under_way.insert(number, due.fill.parties);
                let (chain, desk, view) = (self.chain.clone(), self.desk.clone(), self.view.clone());
                attempts.spawn(async move { (number, chain.settle(&desk, &view, due).await) });
            }
        }
    }

    /// Fills that may go now: of no portfolio that an earlier one has.
    async fn next(&self, room: usize) -> Vec<Due> {
        if room == 0 {
            return vec![];
        }
        let mut taken: BTreeSet<Key> = BTreeSet::new();
        let under_way = self.under_way.clone();
        let now = Instant::now();
        let waits: BTreeSet<u64> = self.failed.iter().filter(|(_, (_, at))| *at > now).map(|(f, _)| *f).collect();
        let due = move |engine: &Engine| {
            let mut due = vec![];
            for fill in engine.fills() {
                let (first, second) = fill.parties;
                let free = !taken.contains(&first) && !taken.contains(&second);
                taken.extend([first, second]);
                if !free || under_way.contains_key(&fill.number) || waits.contains(&fill.number) || due.len() >= room {
                    continue;
                }
                let orders = (engine.order_by_number(fill.maker), engine.order_by_number(fill.taker));
                if let (Some(maker), Some(taker)) = orders {
                    due.push(Due { fill: fill.clone(), maker: maker.clone(), taker: taker.clone() });
                }
            }
            due
        };
        self.desk.look(due).await.unwrap_or_default()
    }

    async fn on_outcome(&mut self, fill: u64, outcome: Outcome) {
        self.under_way.remove(&fill);
        let name = match &outcome {
            Outcome::Settled => "settled".to_string(),
            Outcome::Refused(error, _) => error.clone(),
            Outcome::Failed(_) => "failed".into(),
        };
        self.metrics.transactions.get_or_create(&vec![("outcome", name)]).inc();
        match outcome {
            Outcome::Settled => {
                self.failed.remove(&fill);
                let _ = self.desk.submit(Command::Settled { fills: vec![fill] }).await;
            }
            Outcome::Refused(error, Some(blame)) => self.undo(fill, blame, error).await,
            Outcome::Refused(error, None) => {
                let now = Instant::now();
                let (since, _) = *self.failed.entry(fill).or_insert((now, now));
                if since.elapsed() > TRIED {
                    return self.undo(fill, Blame::Both, error).await;
                }
                tracing::info!(fill, error, "refused; it is tried again");
                self.failed.insert(fill, (since, now + AGAIN));
            }
            Outcome::Failed(why) => {
                tracing::warn!(fill, why, "not settled; it is tried again");
                let now = Instant::now();
                let (since, _) = *self.failed.entry(fill).or_insert((now, now));
                self.failed.insert(fill, (since, now + AGAIN));
            }
        }
    }

    async fn undo(&mut self, fill: u64, blame: Blame, error: String) {
        tracing::info!(fill, ?blame, error, "undone");
        self.failed.remove(&fill);
        let _ = self.desk.submit(Command::Undo { fill, blame, error }).await;
    }

    /// Takes orders out of the books that were cancelled on the chain, or whose signer may not trade any more.
    async fn weed(&self) {
        let open = |engine: &Engine| {
            let open = engine.orders().filter(|standing| standing.closed.is_none());
            open.map(|s| (s.number, s.order.portfolio, Facts::of(s))).collect::<Vec<_>>()
        };
        let Ok(open) = self.desk.look(open).await else { return };
        let now = self.view.now();
        let mut withdrawn: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
        for (number, portfolio, facts) in open {
            let fault = match self.view.holder(&portfolio.0) {
                Some(holder) => blame::withdrawn(&facts, &holder, now),
                None => Some("OrderGeneration"),
            };
            if let Some(error) = fault {
                withdrawn.entry(error).or_default().push(number);
            }
        }
        for (error, orders) in withdrawn {
            let _ = self.desk.submit(Command::Withdraw { orders, error: error.into() }).await;
        }
    }
}

/// What of an order says whether the chain would still fill it.
#[derive(Clone, Debug)]
pub struct Facts {
    pub generation: u64,
    pub nonce: u64,
    pub until: i64,
    pub signer: Key,
}

impl Facts {
    pub fn of(standing: &Standing) -> Self {
        let order = &standing.order;
        Self {
            generation: order.generation,
            nonce: order.nonce,
            until: order.until,
            signer: order.signed.as_ref().map_or(order.portfolio, |signed| signed.signer),
        }
    }
}

/// Whether it is still to be found out what became of a fill's transaction.
fn sent(fill: &Fill) -> Option<(&str, &str)> {
    match &fill.stage {
        Stage::Sent { signature, transaction } => Some((signature, transaction)),
        _ => None,
    }
}
