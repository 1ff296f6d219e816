//! What the liquidator knows and has under way.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, RwLockReadGuard};
use std::time::{Duration, Instant};

use novate_client::instructions::{self as ix, Holdings, TradeSide};
use novate_client::rpc::{Change, Kind, Mirror, Mirrored};
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Snapshot, Terms};
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
use crate::plan::{decide, Plan, Taker};
use crate::scan::scan;
use crate::sender::{Outcome, Sender};
use crate::webhook::Webhook;

/// How long the mirror may take to show what was confirmed.
const SETTLES: Duration = Duration::from_secs(3);
/// Errors that say that somebody else was faster, or that the account has come back (CLR-33).
const RACES: [&str; 8] = [
    "AuctionRunning",
    "NoAuction",
    "NotLiquidatable",
    "StillLiquidatable",
    "NotBankrupt",
    "Insolvent",
    "PriceOlder",
    "LimitAboveZero",
];

/// A transaction that has come to its end.
pub(super) struct Done {
    account: Pubkey,
    plan: Plan,
    outcome: Outcome,
    /// When the price came that led to it, or the look at the clock.
    since: Instant,
}

/// One that is on its way, or confirmed and not yet to be seen in the mirror.
struct UnderWay {
    sequence: u64,
    /// None before it is confirmed.
    settles: Option<Instant>,
}

pub(super) struct State {
    mirror: Mirror,
    feeds: Feeds,
    ahead: Ahead,
    judge: Judge,
    candidates: Candidates,
    /// Short, in an auction, or not to be judged.
    urgent: BTreeSet<Pubkey>,
    under_way: HashMap<Pubkey, UnderWay>,
    backoff: BackOff<Pubkey>,
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
        (mirror, feeds): (Mirror, Feeds),
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
        self.look_further();
        for address in self.urgent.clone() {
            self.look(address);
        }
        self.act(since);
        self.candidates.tidy();
        self.backoff.tidy(since);
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
            "portfolio": address_text(&call.portfolio),
            "owner": address_text(&portfolio.owner),
            "level": decimal(call.level),
            "factor": decimal(call.factor),
            "equity": verdict.equity.0.to_string(),
            "maintenance": verdict.maintenance.0.to_string(),
            "time": self.now(),
        }));
    }

    /// Sends for whoever is urgent what is worth sending.
    fn act(&mut self, since: Instant) {
        let here = Instant::now();
        if self.mirror.read().current.is_err() {
            return;
        }
        let mut remade = None;
        for address in self.urgent.clone() {
            if self.backoff.waits(&address, here) {
                continue;
            }
            let Some(portfolio) = self.mirror.read().portfolios.get(&address).cloned() else { continue };
            if self.is_under_way(&address, &portfolio, here) {
                continue;
            }
            self.act_on(address, &portfolio, &mut remade, since);
        }
    }

    fn is_under_way(&self, address: &Pubkey, portfolio: &Portfolio, now: Instant) -> bool {
        self.under_way.get(address).is_some_and(|under_way| match under_way.settles {
            None => true,
            Some(until) => now < until && portfolio.sequence == under_way.sequence,
        })
    }

    fn act_on(&mut self, address: Pubkey, portfolio: &Portfolio, remade: &mut Option<Box<Snapshot>>, since: Instant) {
        let (own, keys) = {
            let mirrored = self.mirror.read();
            let own = self.taker.and_then(|taker| Some((taker, mirrored.portfolios.get(&taker)?.clone())));
            (own, mirrored.keys())
        };
        let now = self.now();
        let taker = own.as_ref().map(|(address, portfolio)| Taker {
            side: TradeSide { portfolio: *address, signer: self.sender.address() },
            portfolio,
            policy: self.policy,
        });
        let plan = match decide(&self.ahead.snapshot, remade, portfolio, taker, now) {
            Ok(plan) if !plan.is_empty() => plan,
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(portfolio = %address, %error, "cannot be planned");
                return;
            }
        };
        let both = [Some(portfolio), taker.filter(|_| plan.bid.is_some()).map(|taker| taker.portfolio)];
        let held = Holdings::of(both.into_iter().flatten());
        let unread = held.assets().filter(|index| self.ahead.unread.contains(index));
        let pairs: Vec<_> = unread.filter_map(|index| Some((index, self.feeds.address(index)?))).collect();
        let mut instructions = vec![];
        if !pairs.is_empty() {
            instructions.push(ix::refresh_asset(&keys.pool, &pairs));
        }
        instructions.extend(plan.instructions(&self.ahead.snapshot, keys, (address, portfolio), taker, now));
        self.under_way.insert(address, UnderWay { sequence: portfolio.sequence, settles: None });
        let (sender, done) = (self.sender.clone(), self.done.clone());
        tokio::spawn(async move {
            let outcome = sender.send(plan.name(), &instructions).await;
            let _ = done.send(Done { account: address, plan, outcome, since });
        });
    }

    /// A transaction came to its end.
    pub(super) fn on_done(&mut self, done: Done) {
        let Done { account, plan, outcome, since } = done;
        let now = Instant::now();
        let settles = |under_way: &mut UnderWay| under_way.settles = Some(now + SETTLES);
        match &outcome {
            Outcome::Confirmed(signature) => {
                let seconds = since.elapsed().as_secs_f64();
                self.metrics.reaction.get_or_create(&vec![("chore", plan.name().into())]).observe(seconds);
                self.metrics.gain.inc_by(plan.bid.map_or(0.0, |bid| bid.gain.0 as f64 / 1e6));
                tracing::info!(portfolio = %account, ?plan, signature, seconds, "confirmed");
                self.backoff.succeeded(&account);
                self.under_way.entry(account).and_modify(settles);
            }
            Outcome::Dry => {
                tracing::info!(portfolio = %account, ?plan, "would go through");
                self.under_way.entry(account).and_modify(settles);
            }
            Outcome::Refused(name) if RACES.contains(&name.as_str()) => {
                tracing::info!(portfolio = %account, ?plan, name, "somebody was faster");
                self.metrics.lost.inc();
                self.backoff.failed(account, name, now);
                self.under_way.remove(&account);
            }
            Outcome::Refused(name) | Outcome::Failed(name) => {
                let waits = self.backoff.failed(account, name, now);
                tracing::warn!(portfolio = %account, ?plan, error = name, ?waits, "failed");
                self.under_way.remove(&account);
            }
        }
    }
}

/// A factor as people write it.
fn decimal(ratio: Ratio) -> String {
    format!("{:.4}", ratio.0 as f64 / 1e6)
}

fn address_text(address: &Pubkey) -> String {
    address.to_string()
}
