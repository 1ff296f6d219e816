//! Who trades on a local cluster once it runs: members of the cast take from the matcher's books, a few orders at each turn.

use anyhow::{Context, Result};
use novate_client::instrument::perpetual;
use novate_client::order::{OrderFlags, OrderSide};
use novate_client::rpc::PoolView;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cast::{LIQUIDATOR, MAKER};
use super::node::Node;
use super::setup::{Account, Place};
use crate::trader::{mark, Held, Matcher, Terms};

/// USD 1e-6 of an order, at least and at most.
const SIZES: std::ops::Range<i128> = 1_000_000_000..15_000_000_000;
/// How far from the mark a taker goes, 1e-6.
const REACH: i128 = 5_000;
const ONE: i128 = 1_000_000;

/// The takers, and what they do next.
pub struct Crowd {
    pub matcher: Matcher,
    chance: StdRng,
    /// Seconds that an order is good: until its settlement, though the clock leaps in between.
    good: i64,
    /// Orders that the matcher took.
    pub taken: u64,
}

impl Crowd {
    pub fn new(matcher: Matcher, seed: u64, good: i64) -> Self {
        Self { matcher, chance: StdRng::seed_from_u64(seed), good, taken: 0 }
    }

    /// One member takes a little of one perpetual. What is refused is told: a book may be empty, a member may be short of margin.
    pub fn trade(&mut self, node: &Node, place: &Place) -> Result<()> {
        let view = node.cluster.wait(node.cluster.rpc.view(&place.keys.pool))?;
        let members: Vec<&Account> = place.accounts.iter().filter(|a| ![MAKER, LIQUIDATOR].contains(&a.name)).collect();
        let member = members.get(self.chance.random_range(0..members.len())).context("nobody trades")?;
        let portfolio = Box::new(node.cluster.account(&member.portfolio)?);
        let held = Held { address: member.portfolio, portfolio };
        let Some(terms) = self.terms(&view) else { return Ok(()) };
        match self.matcher.post("/orders", &terms.sign(&view, &held, &member.owner, false)?) {
            Ok(_) => self.taken += 1,
            Err(error) => eprintln!("crowd: {}: {error:#}", member.name),
        }
        Ok(())
    }

    /// An order that takes what is near the mark; none where there is no mark.
    fn terms(&mut self, view: &PoolView) -> Option<Terms> {
        let index = self.chance.random_range(0..view.snapshot.pool.market_count);
        let market = view.snapshot.markets.get(&index)?;
        let mark = mark(&view.snapshot, perpetual(index), view.now)?;
        let size = self.chance.random_range(SIZES);
        let (side, reach) =
            if self.chance.random_bool(0.5) { (OrderSide::Buy, REACH) } else { (OrderSide::Sell, -REACH) };
        let tick = i128::from(market.tick.0);
        let limit = i128::from(mark) * (ONE + reach) / ONE / tick * tick;
        let flags = OrderFlags { ioc: true, ..OrderFlags::default() };
        Terms::perpetual(view, (market, mark), (side, size, limit), self.good, flags).ok()
    }
}
