//! What the liquidator knows: the pool, whose turn it is to be looked at, and who is urgent.

mod act;

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, RwLockReadGuard};
use std::time::{Duration, Instant};

use novate_client::rpc::{Change, Kind, Mirror, Mirrored};
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Terms};
use novate_margin::Ratio;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Options, TICK};
use crate::ahead::Ahead;
use crate::backoff::BackOff;
use crate::bid::Policy;
use crate::calls::{Call, Calls};
use crate::candidates::Candidates;
use crate::feeds::Feeds;
use crate::judge::{rests_on, Judge, Verdict};
use crate::metrics::Metrics;
use crate::scan::scan;
use crate::sender::Sender;
use crate::webhook::Webhook;

pub(super) use act::Done;
use act::{Refusal, UnderWay};

pub(super) struct State {
    mirror: Arc<Mirror>,
    feeds: Feeds,
    ahead: Ahead,
    judge: Judge,
    candidates: Candidates,
    /// Short, in an auction, or not to be judged.
    urgent: BTreeSet<Pubkey>,
    under_way: HashMap<Pubkey, UnderWay>,
    backoff: BackOff<Pubkey>,
    /// What the program refused last, for whoever waits.
    refused: HashMap<Pubkey, Refusal>,
    calls: Calls,
    webhook: Webhook,
    sender: Sender,
    done: mpsc::UnboundedSender<Done>,
    taker: Option<Pubkey>,
    policy: Policy,
    metrics: Arc<Metrics>,
    /// Up to where everyone was looked at again, and how often that is.
    cursor: Option<Pubkey>,
    rescan: Duration,
}

impl State {
    pub(super) fn new(
        options: &Options,
        (mirror, feeds): (Arc<Mirror>, Feeds),
        (sender, done): (Sender, mpsc::UnboundedSender<Done>),
        (taker, policy): (Option<Pubkey>, Policy),
        metrics: Arc<Metrics>,
        webhook: Webhook,
    ) -> Self {
        let ahead = Ahead::new(&mirror.read(), &feeds);
        let calls = Calls::new(&options.calls);
        Self {
            mirror,
            feeds,
            ahead,
            judge: Judge::new(calls.levels()),
            candidates: Candidates::default(),
            urgent: BTreeSet::new(),
            under_way: HashMap::new(),
            backoff: BackOff::default(),
            refused: HashMap::new(),
            calls,
            webhook,
            sender,
            done,
            taker,
            policy,
            metrics,
            cursor: None,
            rescan: Duration::from_secs(options.rescan),
        }
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    pub(super) fn mirrored(&self) -> RwLockReadGuard<'_, Mirrored> {
        self.mirror.read()
    }

    pub(super) async fn end(self) {
        self.webhook.end().await;
    }

    fn now(&self) -> i64 {
        self.mirror.read().now()
    }

    /// Looks at everyone at once.
    pub(super) fn scan(&mut self) {
        let begun = Instant::now();
        let (portfolios, now) = {
            let mirrored = self.mirror.read();
            let all = mirrored.portfolios.iter().map(|(address, portfolio)| (*address, portfolio.clone()));
            (all.collect::<Vec<_>>(), mirrored.now())
        };
        self.candidates = Candidates::default();
        self.urgent.clear();
        let terms = Terms { now, prices: Prices::Last };
        let found = scan(&self.ahead.snapshot, &portfolios, terms, self.calls.levels());
        self.metrics.looks.inc_by(portfolios.len() as u64);
        for ((address, portfolio), verdict) in portfolios.iter().zip(found) {
            self.place(*address, portfolio, verdict);
        }
        self.candidates.turn_ended();
        self.metrics.scan.set(begun.elapsed().as_secs_f64());
        tracing::info!(
            portfolios = portfolios.len(),
            candidates = self.candidates.len(),
            urgent = self.urgent.len(),
            seconds = begun.elapsed().as_secs_f64(),
            "looked at everyone"
        );
    }

    /// Everything was read anew.
    pub(super) fn on_everything(&mut self) {
        tracing::warn!("subscribed again: everything was read anew");
        self.metrics.reconnects.inc();
        self.ahead = Ahead::new(&self.mirror.read(), &self.feeds);
        self.under_way.retain(|_, under_way| under_way.settles.is_none());
        self.scan();
        self.act(Instant::now());
    }

    /// Accounts changed on the chain.
    pub(super) fn on_changes(&mut self, changes: &[Change]) {
        let since = Instant::now();
        for change in changes {
            self.ahead.follow(change.kind, &self.mirror.read(), &self.feeds);
        }
        for change in changes {
            match change.kind {
                Kind::Portfolio => self.look(change.address),
                Kind::Asset(index) => self.look_at_reached(index),
                _ => {}
            }
        }
        self.act(since);
    }

    /// Prices were published.
    pub(super) fn on_prices(&mut self, moved: &[u16], since: Instant) {
        for index in moved {
            {
                let mirrored = self.mirror.read();
                let Some(asset) = mirrored.snapshot.assets.get(index) else { continue };
                self.ahead.price(asset, &self.feeds, mirrored.now());
            }
            self.look_at_reached(*index);
        }
        self.act(since);
    }

    fn look_at_reached(&mut self, index: u16) {
        let Some(asset) = self.ahead.snapshot.assets.get(&index) else { return };
        for address in self.candidates.reached(asset) {
            self.look(address);
        }
    }

    /// Time has passed.
    pub(super) fn on_tick(&mut self) {
        let since = Instant::now();
        self.ahead.renew(&self.mirror.read(), &self.feeds);
        self.under_way.retain(|_, under_way| under_way.settles.is_none_or(|until| since < until));
        self.look_further();
        for address in self.urgent.clone() {
            self.look(address);
        }
        self.act(since);
        self.candidates.tidy();
        self.backoff.tidy(since);
        self.refused.retain(|address, _| self.backoff.waits(address, since));
        self.measure();
    }

    /// Looks at the next ones in turn, so many that everyone's turn comes in time.
    fn look_further(&mut self) {
        let next: Vec<Pubkey> = {
            let mirrored = self.mirror.read();
            let all = mirrored.portfolios.len();
            let parts = (self.rescan.as_millis() / TICK.as_millis()).max(1);
            let count = all.div_ceil(usize::try_from(parts).unwrap_or(usize::MAX));
            let from = self.cursor.map_or(Bound::Unbounded, Bound::Excluded);
            mirrored.portfolios.range((from, Bound::Unbounded)).take(count).map(|(address, _)| *address).collect()
        };
        self.cursor = next.last().copied();
        if self.cursor.is_none() {
            self.candidates.turn_ended();
        }
        for address in next {
            self.look(address);
        }
    }

    fn measure(&self) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.candidates.set(count(self.candidates.len()));
        self.metrics.urgent.set(count(self.urgent.len()));
    }

    /// Looks at one portfolio at the prices that are published.
    fn look(&mut self, address: Pubkey) {
        let portfolio = self.mirror.read().portfolios.get(&address).cloned();
        let Some(portfolio) = portfolio else {
            self.candidates.forget(&address);
            self.urgent.remove(&address);
            return;
        };
        let terms = Terms { now: self.now(), prices: Prices::Last };
        self.metrics.looks.inc();
        let verdict = self.judge.look(&self.ahead.snapshot, &portfolio, terms).map_err(|error| error.to_string());
        self.place(address, &portfolio, verdict);
    }

    /// Puts a portfolio where it belongs after a look.
    fn place(&mut self, address: Pubkey, portfolio: &Portfolio, verdict: Result<Option<Verdict>, String>) {
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(error) => {
                if self.urgent.insert(address) {
                    tracing::debug!(portfolio = %address, error, "cannot be judged");
                }
                self.candidates.forget(&address);
                return;
            }
        };
        match &verdict {
            None => {
                self.calls.forget(&address);
                self.candidates.forget(&address);
            }
            Some(verdict) => {
                if let Some(call) = self.calls.look(address, verdict.factor) {
                    self.call(call, portfolio, verdict);
                }
                if verdict.is_short() {
                    self.candidates.forget(&address);
                } else {
                    self.candidates.keep(address, rests_on(portfolio), &self.ahead.snapshot, verdict.reach);
                }
            }
        }
        let urgent = portfolio.in_auction() || verdict.is_some_and(|verdict| verdict.is_short());
        if urgent {
            self.urgent.insert(address);
        } else {
            self.urgent.remove(&address);
        }
    }

    fn call(&self, call: Call, portfolio: &Portfolio, verdict: &Verdict) {
        self.metrics.calls.get_or_create(&vec![("level", decimal(call.level))]).inc();
        self.webhook.alert(json!({
            "kind": "margin_call",
            "pool": portfolio.pool.to_string(),
            "portfolio": call.portfolio.to_string(),
            "owner": portfolio.owner.to_string(),
            "level": decimal(call.level),
            "factor": decimal(call.factor),
            "equity": verdict.equity.0.to_string(),
            "maintenance": verdict.maintenance.0.to_string(),
            "time": self.now(),
        }));
    }
}

/// A factor as people write it.
fn decimal(ratio: Ratio) -> String {
    format!("{:.4}", ratio.0 as f64 / 1e6)
}
