//! What the liquidator has under way: for whoever is urgent a plan, sent, and what became of it.

use std::time::{Duration, Instant};

use novate_client::instructions::{self as ix, Holdings, TradeSide};
use novate_client::state::Portfolio;
use novate_client::{Pubkey, Snapshot};
use novate_margin::Price;

use super::State;
use crate::backoff::FIRST;
use crate::plan::{decide, Plan, Taker};
use crate::sender::Outcome;

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

/// Errors that a younger price can end, though it is the same.
const STALE: [&str; 2] = ["PriceStale", "ChainStale"];
/// A price that moved by less changes nothing about what was refused, 1e-6.
const MOVED: i128 = 1_000;

/// What a plan rests on.
#[derive(Debug)]
struct Grounds {
    /// Of the account, and of the taker where it bids.
    sequence: u64,
    taker: Option<u64>,
    /// Price and publish time of each asset that either rests on.
    prices: Vec<(u16, Price, i64)>,
}

/// A plan that the program refused.
pub(super) struct Refusal {
    at: Instant,
    stale: bool,
    grounds: Grounds,
}

/// A transaction that has come to its end.
pub(in crate::liquidator) struct Done {
    account: Pubkey,
    plan: Plan,
    grounds: Grounds,
    outcome: Outcome,
    /// When the price came that led to it, or the look at the clock.
    since: Instant,
}

/// One that is on its way, or confirmed and not yet to be seen in the mirror.
pub(super) struct UnderWay {
    sequence: u64,
    /// None before it is confirmed.
    pub(super) settles: Option<Instant>,
}

impl State {
    /// Sends for whoever is urgent what is worth sending.
    pub(super) fn act(&mut self, since: Instant) {
        let here = Instant::now();
        if self.mirror.read().current.is_err() {
            return;
        }
        let mut remade = None;
        for address in self.urgent.clone() {
            let Some(portfolio) = self.mirror.read().portfolios.get(&address).cloned() else { continue };
            if self.is_under_way(&address, &portfolio, here) {
                continue;
            }
            if self.backoff.waits(&address, here) {
                if !self.is_otherwise(&address, &portfolio, here) {
                    continue;
                }
                self.backoff.forget(&address);
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

    /// Whether what the program refused last rests on something else now, so that it may end otherwise: the account or the taker was
    /// changed, or, half a second later at the soonest, a price has moved.
    fn is_otherwise(&self, address: &Pubkey, portfolio: &Portfolio, now: Instant) -> bool {
        let Some(Refusal { at, stale, grounds }) = self.refused.get(address) else { return false };
        let taker = self.taker.and_then(|taker| Some(self.mirror.read().portfolios.get(&taker)?.sequence));
        if grounds.sequence != portfolio.sequence || grounds.taker.is_some_and(|sequence| Some(sequence) != taker) {
            return true;
        }
        let moved = |(index, price, time): &(u16, Price, i64)| {
            let Some(asset) = self.ahead.snapshot.assets.get(index) else { return false };
            let apart = i128::from(asset.price.0.abs_diff(price.0)) * 1_000_000;
            apart > i128::from(price.0) * MOVED || *stale && asset.publish_time > *time
        };
        now.duration_since(*at) >= FIRST && grounds.prices.iter().any(moved)
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
        let priced = held.assets().filter_map(|index| self.ahead.snapshot.assets.get(&index));
        let grounds = Grounds {
            sequence: portfolio.sequence,
            taker: taker.filter(|_| plan.bid.is_some()).map(|taker| taker.portfolio.sequence),
            prices: priced.map(|asset| (asset.index, asset.price, asset.publish_time)).collect(),
        };
        self.under_way.insert(address, UnderWay { sequence: portfolio.sequence, settles: None });
        let (sender, done) = (self.sender.clone(), self.done.clone());
        tokio::spawn(async move {
            let outcome = sender.send(plan.name(), &instructions).await;
            let _ = done.send(Done { account: address, plan, grounds, outcome, since });
        });
    }

    /// A transaction came to its end.
    pub(in crate::liquidator) fn on_done(&mut self, done: Done) {
        let Done { account, plan, grounds, outcome, since } = done;
        let now = Instant::now();
        if let Outcome::Refused(name) = &outcome {
            let stale = STALE.contains(&name.as_str());
            self.refused.insert(account, Refusal { at: now, stale, grounds });
        } else {
            self.refused.remove(&account);
        }
        let settles = |under_way: &mut UnderWay| under_way.settles = Some(now + SETTLES);
        match &outcome {
            Outcome::Confirmed(signature) => {
                let seconds = since.elapsed().as_secs_f64();
                self.metrics.reaction.get_or_create(&vec![("chore", plan.name().into())]).observe(seconds);
                self.metrics.gain.inc_by(plan.bid.map_or(0.0, |bid| bid.gain.0 as f64 / 1e6));
                tracing::info!(portfolio = %account, ?plan, signature, seconds, "confirmed");
                self.backoff.forget(&account);
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
