//! The keeper: has published prices read, marks, option values and funding kept, expiries fixed, settled and closed, variation
//! paid, haircuts registered, charged and closed, and fees collected. docs/bots.md is its manual.

mod batch;
pub mod chores;
pub mod variation;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use novate_client::rpc::{Kind, Mirror};
use novate_client::Pubkey;
use novate_margin::Ratio;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::backoff::BackOff;
use crate::feeds::Feeds;
use crate::metrics::Metrics;
use crate::options::{ratio, Begun, Common};
use crate::sender::{Outcome, Sender};
use batch::{pack, Batch, OTHERS, PAIRS};
use chores::{of_pool, of_portfolios, of_redemption, Chore, Policy, Subject};
use variation::variation;

/// Between two looks at prices, markets and expiries; and at portfolios, where something of theirs is due.
const TICK: Duration = Duration::from_millis(250);
const SWEEP: Duration = Duration::from_secs(2);
/// Between two looks at the balance of the key and at stake pools.
const SLOW: Duration = Duration::from_secs(30);
/// How long the mirror may take to show what was confirmed.
const SETTLES: Duration = Duration::from_secs(2);
/// Transactions under way at once.
const AT_ONCE: usize = 8;
/// Keeps a pool in order.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    pub common: Common,
    /// A price is read when it has moved by this share.
    #[arg(long, default_value = "0.001", value_parser = ratio)]
    pub moved: Ratio,
    /// A price is read when it is so many seconds old, or half of what its asset allows.
    #[arg(long, default_value_t = 20)]
    pub heartbeat: i64,
    /// Values of options that are held are made anew when they are so many seconds old.
    #[arg(long, default_value_t = 40)]
    pub values_age: i64,
    /// Seconds between two settlements of variation.
    #[arg(long, default_value_t = 600)]
    pub settle_every: u64,
    /// Least variation that is settled, in units of the settlement asset.
    #[arg(long, default_value_t = 10)]
    pub least_variation: i64,
    /// Least fees that are collected, in units of the settlement asset.
    #[arg(long, default_value_t = 100)]
    pub least_fees: i64,
}

/// One unit of the settlement asset, 1e-6.
const UNIT: i64 = 1_000_000;

impl Options {
    fn policy(&self) -> Policy {
        Policy {
            moved: self.moved,
            heartbeat: self.heartbeat,
            values_age: self.values_age,
            least_variation: self.least_variation.saturating_mul(UNIT).max(1),
            least_fees: self.least_fees.saturating_mul(UNIT).max(1),
        }
    }
}

/// A transaction that has come to its end.
struct Done {
    name: &'static str,
    subjects: Vec<Subject>,
    outcome: Outcome,
}

struct State {
    mirror: Arc<Mirror>,
    feeds: Feeds,
    sender: Sender,
    policy: Policy,
    done: mpsc::UnboundedSender<Done>,
    /// Until when a subject is left alone: it is under way, or the mirror may not show yet what was confirmed.
    under_way: HashMap<Subject, Option<Instant>>,
    /// Sent alone from now on: they failed together with others.
    alone: HashSet<Subject>,
    backoff: BackOff<Subject>,
    /// Variation that is still to be settled of a pass.
    queue: Vec<(Subject, Chore)>,
    metrics: Arc<Metrics>,
}

/// Runs until `stop` ends. Fails only before it has begun.
pub async fn run(options: Options, stop: impl std::future::Future<Output = ()>) -> Result<()> {
    let begun = options.common.begin().await?;
    let Begun { sender, metrics, mut vitals, mirror, mut changes, feeds, mut prices, server } = begun;
    let (done, mut results) = mpsc::unbounded_channel();
    let mut state = State {
        mirror,
        feeds,
        sender,
        policy: options.policy(),
        done,
        under_way: HashMap::new(),
        alone: HashSet::new(),
        backoff: BackOff::default(),
        queue: vec![],
        metrics,
    };
    let every = |period: Duration| {
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let (mut tick, mut sweep, mut slow) = (every(TICK), every(SWEEP), every(SLOW));
    let mut settle = every(Duration::from_secs(options.settle_every.max(1)));
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            price = prices.recv() => {
                if price.is_none() {
                    break;
                }
                while prices.try_recv().is_ok() {}
                state.keep_pool();
            }
            change = changes.recv() => {
                let Some(change) = change else { break };
                let anew = change.kind == Kind::Everything;
                if anew {
                    tracing::warn!("subscribed again: everything was read anew");
                    state.metrics.reconnects.inc();
                }
            }
            result = results.recv() => {
                let Some(result) = result else { break };
                state.on_done(result);
                state.send_on();
            }
            _ = settle.tick() => state.settle(),
            _ = sweep.tick() => state.keep_portfolios(),
            _ = slow.tick() => {
                vitals.look_at_balance(&state.sender).await;
                if let Err(error) = state.keep_redemption().await {
                    tracing::warn!(%error, "stake pools cannot be read");
                }
            }
            _ = tick.tick() => {
                state.keep_pool();
                state.send_on();
                vitals.say(&state.mirror.read());
            }
        }
    }
    tracing::info!("stopping");
    server.abort();
    Ok(())
}

impl State {
    fn keep_pool(&mut self) {
        let chores = {
            let mirrored = self.mirror.read();
            of_pool(&mirrored, &self.feeds, self.policy, mirrored.now())
        };
        self.send(chores);
    }

    /// Reads stake pools, where there are any.
    async fn keep_redemption(&mut self) -> Result<()> {
        let held: Vec<(u16, Pubkey)> = {
            let mirrored = self.mirror.read();
            let assets = mirrored.snapshot.assets.values().filter(|asset| asset.is_yield_bearing());
            assets.map(|asset| (asset.index, asset.redemption.stake_pool)).collect()
        };
        if held.is_empty() {
            return Ok(());
        }
        let cluster = self.sender.cluster();
        let addresses: Vec<_> = held.iter().map(|(_, address)| *address).collect();
        let (_, accounts) = cluster.read(&addresses, None).await?;
        let epoch = cluster.client().get_epoch_info().await?.epoch;
        let there = held.into_iter().zip(accounts).filter_map(|((index, address), a)| Some((index, (address, a?))));
        let stake_pools = there.collect();
        let chores = {
            let mirrored = self.mirror.read();
            of_redemption(&mirrored, &stake_pools, epoch, mirrored.now())
        };
        self.send(chores);
        Ok(())
    }

    fn keep_portfolios(&mut self) {
        let chores = {
            let mirrored = self.mirror.read();
            of_portfolios(&mirrored, mirrored.now())
        };
        self.send(chores);
        self.backoff.tidy(Instant::now());
    }

    /// Begins a pass of settling variation.
    fn settle(&mut self) {
        let mirrored = self.mirror.read();
        // Last first: it is taken from the end.
        self.queue = variation(&mirrored, self.policy, mirrored.now());
        self.queue.reverse();
    }

    /// Goes on with the pass, a transaction at a time, so that losers have paid before winners are.
    fn send_on(&mut self) {
        let under_way =
            self.under_way.iter().any(|(subject, until)| matches!(subject, Subject::Variation(..)) && until.is_none());
        if under_way || self.queue.is_empty() {
            return;
        }
        let rest = self.queue.len().saturating_sub(OTHERS);
        let mut next = self.queue.split_off(rest);
        next.reverse();
        self.send(next);
    }

    /// Sends chores that do not wait, as few transactions as they fit in.
    fn send(&mut self, chores: Vec<(Subject, Chore)>) {
        let now = Instant::now();
        self.under_way.retain(|_, until| until.is_none_or(|until| now < until));
        let due = chores
            .into_iter()
            .filter(|(subject, _)| !self.under_way.contains_key(subject) && !self.backoff.waits(subject, now));
        let (alone, together): (Vec<_>, Vec<_>) = due.partition(|(subject, _)| self.alone.contains(subject));
        let pool = self.mirror.read().pool;
        let mut batches = pack(&pool, together);
        batches.extend(alone.into_iter().flat_map(|one| pack(&pool, vec![one])));
        for Batch { name, subjects, instructions } in batches {
            if self.under_way.values().filter(|until| until.is_none()).count() >= AT_ONCE * PAIRS {
                break;
            }
            self.under_way.extend(subjects.iter().map(|subject| (*subject, None)));
            let (sender, done) = (self.sender.clone(), self.done.clone());
            tokio::spawn(async move {
                let outcome = sender.send(name, &instructions).await;
                let _ = done.send(Done { name, subjects, outcome });
            });
        }
    }

    fn on_done(&mut self, done: Done) {
        let Done { name, subjects, outcome } = done;
        let now = Instant::now();
        if outcome.is_success() {
            tracing::debug!(name, ?subjects, ?outcome, "done");
        }
        let together = subjects.len() > 1;
        for subject in subjects {
            match &outcome {
                Outcome::Confirmed(_) => {
                    self.under_way.insert(subject, Some(now + SETTLES));
                    self.backoff.forget(&subject);
                    self.alone.remove(&subject);
                }
                Outcome::Dry => {
                    self.under_way.insert(subject, Some(now + SETTLES));
                }
                Outcome::Refused(error) | Outcome::Failed(error) => {
                    self.under_way.remove(&subject);
                    if together {
                        self.alone.insert(subject);
                        tracing::debug!(name, ?subject, error, "failed with others; alone next time");
                    } else {
                        let waits = self.backoff.failed(subject, error, now);
                        tracing::warn!(name, ?subject, error, ?waits, "failed");
                    }
                }
            }
        }
    }
}
