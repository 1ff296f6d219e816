//! `novate maker`: a market maker of the plainest kind, which keeps a few orders on both sides of each perpetual's mark in a matcher's
//! books. It has no view of its own: it is there so that a pool has somebody to trade with, and as an example.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use novate_client::instrument::perpetual;
use novate_client::order::{OrderFlags, OrderSide};
use novate_client::rpc::PoolView;
use novate_client::state::Market;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use solana_keypair::Keypair;

use super::desk::{Desk, Matcher};
use super::legs::mark;
use super::orders::cancel;
use super::session::{Act, Held};
use super::sheet::{withdrawal, Sheet, Terms};
use super::{Printed, Run};
use crate::amount::{parse, USD};
use crate::govern::text::length;

/// Fill slots of the portfolio that may be taken before all orders are made void on chain, which frees them.
const SLOTS: usize = 16;
/// 1e-6.
const ONE: i128 = 1_000_000;

/// Make markets: keep orders on both sides of each perpetual's mark at a matcher, until it is stopped.
#[derive(Clone, Debug, clap::Args)]
pub struct Maker {
    /// Half of the distance between the best bid and the best offer, as a share of the mark.
    #[arg(long, default_value = "0.001")]
    spread: String,
    /// Orders on each side, a spread apart.
    #[arg(long, default_value_t = 3)]
    levels: u16,
    /// USD of each order.
    #[arg(long, default_value = "20000")]
    size: String,
    /// How long an order is good; it is renewed after half of that.
    #[arg(long = "for", value_name = "TIME", default_value = "2m", value_parser = length)]
    seconds: i64,
    /// Seconds between two looks at the marks.
    #[arg(long, default_value_t = 1)]
    every: u64,
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    act: Act,
}

/// What is quoted of a market, and since when.
struct Quoted {
    mark: i64,
    since: i64,
}

impl Run for Maker {
    fn run(&self) -> Result<Printed> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, stop.clone()).context("waiting for signals")?;
        }
        let spread = i128::from(parse(&self.spread, USD)?);
        ensure!(spread > 0 && spread < ONE / 10, "the spread is above 0 and below 0.1");
        ensure!(self.levels > 0, "at least one level");
        let size = i128::from(parse(&self.size, USD)?);
        ensure!(size > 0, "the size is above 0");
        let matcher = self.desk.matcher()?;
        let mut quoted = BTreeMap::new();
        let mut sent = 0u64;
        while !stop.load(Ordering::Relaxed) {
            match self.turn(&matcher, &mut quoted, (spread, size)) {
                Ok(count) => sent += count,
                // A node or a matcher that is away for a while comes back.
                Err(error) => {
                    quoted.clear();
                    eprintln!("maker: {error:#}");
                }
            }
            sleep(Duration::from_secs(self.every));
        }
        let (session, held, key) = self.act.held()?;
        matcher.post("/cancels", &withdrawal(&session.view, &held, &key)?)?;
        Ok(Printed::new(format!("{sent} orders sent, all withdrawn"), json!({ "orders": sent })))
    }

    fn json(&self) -> bool {
        self.act.look.json
    }
}

impl Maker {
    /// Looks, and where a mark has moved by a quarter of the spread, or orders grow old, makes all orders anew. How many.
    fn turn(&self, matcher: &Matcher, quoted: &mut BTreeMap<u16, Quoted>, (spread, size): (i128, i128)) -> Result<u64> {
        let (session, held, key) = self.act.held()?;
        let view = &session.view;
        let marks: Vec<(&Market, i64)> = view
            .snapshot
            .markets
            .values()
            .filter_map(|market| Some((market, mark(&view.snapshot, perpetual(market.index), view.now)?)))
            .collect();
        let is_good = |(market, mark): &(&Market, i64)| {
            quoted.get(&market.index).is_some_and(|quoted| {
                let moved = i128::from(mark.abs_diff(quoted.mark)) * ONE * 4;
                moved < i128::from(*mark) * spread && view.now - quoted.since < self.seconds / 2
            })
        };
        if marks.iter().all(is_good) {
            return Ok(0);
        }
        matcher.post("/cancels", &withdrawal(view, &held, &key)?)?;
        quoted.clear();
        if held.portfolio.fills.iter().filter(|fill| fill.expiry > view.now).count() > SLOTS {
            cancel(true, &[], &self.act)?;
            return Ok(0);
        }
        let mut sent = 0;
        for (market, mark) in marks {
            let before = sent;
            for level in 1..=i128::from(self.levels) {
                for side in [OrderSide::Buy, OrderSide::Sell] {
                    let sheet = self.sheet(view, (&held, &key), (market, mark), (side, spread * level, size))?;
                    match matcher.post("/orders", &sheet) {
                        Ok(_) => sent += 1,
                        // What the matcher refuses is told and left out.
                        Err(error) => eprintln!("maker: {error:#}"),
                    }
                }
            }
            if sent > before {
                quoted.insert(market.index, Quoted { mark, since: view.now });
            }
        }
        Ok(sent)
    }

    /// One order.
    fn sheet(
        &self,
        view: &PoolView,
        (held, key): (&Held, &Keypair),
        (market, mark): (&Market, i64),
        (side, away, size): (OrderSide, i128, i128),
    ) -> Result<Sheet> {
        let (at, tick) = (i128::from(mark), i128::from(market.tick.0));
        let limit = match side {
            OrderSide::Buy => at * (ONE - away) / ONE / tick * tick,
            OrderSide::Sell => (at * (ONE + away) / ONE + tick - 1) / tick * tick,
        };
        let flags = OrderFlags { post_only: true, ..OrderFlags::default() };
        let terms = Terms::perpetual(view, (market, mark), (side, size, limit), self.seconds, flags)?;
        terms.sign(view, held, key, false)
    }
}
