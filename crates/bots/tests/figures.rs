//! Figures of docs/performance.md, off the chain: `make figures` prints them.

#![allow(clippy::unwrap_used)]

mod crowd;
mod scene;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use novate_bots::candidates::Candidates;
use novate_bots::judge::{rests_on, Judge};
use novate_bots::liquidator;
use novate_bots::scan::scan;
use novate_client::state::Portfolio;
use novate_client::{Prices, Pubkey, Terms};
use novate_margin::Price;
use novate_tests::{Actor, Builder, Chance, BTC, CONTRACT, DOLLAR, ETH};
use scene::{long_at_initial, within, Scene, FALLEN, SPOT};
use solana_account::Account;
use solana_rpc_client::rpc_client::GetConfirmedSignaturesForAddress2Config;

const TRIALS: usize = 100;
/// Portfolios beside the one that falls, which the price brings to an edge of theirs or not.
const BESIDE: i64 = 1_000;
const SLOT_MS: u64 = 300;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    options: liquidator::Options,
}

/// A liquidator within this process, new: its candidates were never asked.
struct Running {
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    port: u16,
}

impl Running {
    fn start(scene: &Scene, taker: &Actor) -> Running {
        let port = scene::free_port();
        let key = scene.wallet(&taker.key);
        let arguments = Arguments::parse_from([
            "liquidator",
            "--url",
            &scene.node.url(),
            "--ws",
            &scene.node.ws(),
            "--keypair",
            &key.display().to_string(),
            "--pool",
            &scene.world.pool.to_string(),
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--mode",
            "inventory",
        ]);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let stop = async {
                let _ = stopped.await;
            };
            runtime.block_on(liquidator::run(arguments.options, stop)).unwrap();
        });
        let running = Running { stop: Some(stop), thread: Some(thread), port };
        within(20, || running.ask("/health").starts_with("HTTP/1.1 200"));
        running
    }

    fn ask(&self, path: &str) -> String {
        let mut answer = String::new();
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return answer };
        let _ = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// Median, 95th of a hundred, and worst, in milliseconds, as cells of a table.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("{:.1} ms | {:.1} ms | {:.1} ms", at(50), at(95), at(100))
}

#[test]
#[ignore = "a figure: some ten minutes"]
fn from_the_price_to_the_confirmed_liquidation() {
    let (scene, (long, taker, beside)) = Scene::new("figures", SLOT_MS, |mut world| {
        let (long, short) = long_at_initial(&mut world);
        let beside = world.trader(10_000);
        world.trade(&beside, &short, &[(novate_tests::BTC_PERP, 2 * CONTRACT, SPOT as i64 * novate_tests::PRICE)]);
        let taker = world.trader(1_000_000);
        (world, (long, taker, beside))
    });
    let template = scene.world.account(&beside.portfolio);
    for at in 0..BESIDE {
        let mut portfolio: Portfolio = scene.world.portfolio(&beside.portfolio);
        portfolio.cash = (9_000 + 20 * at) * DOLLAR;
        let mut data = template.data.clone();
        data[novate_client::state::DISCRIMINATOR..].copy_from_slice(bytemuck::bytes_of(&portfolio));
        scene.node.write(&Pubkey::new_unique(), &Account { data, ..template.clone() });
    }
    let mut chance = Chance::new(1);
    let (mut seen, mut confirmed) = (vec![], vec![]);
    for trial in 0..TRIALS {
        scene.put_accounts();
        scene.on_the_edge();
        let running = Running::start(&scene, &taker);
        scene.on_the_edge();
        // The trials begin anywhere within a slot.
        sleep(Duration::from_millis(500 + u64::try_from(chance.between(0, 300)).unwrap()));
        let before = scene.portfolio(&long).sequence;
        let written = Instant::now();
        scene.publish(BTC, FALLEN);
        while scene.portfolio(&long).sequence == before {
            assert!(written.elapsed() < Duration::from_secs(20), "trial {trial}: {}", running.ask("/metrics"));
            sleep(Duration::from_millis(2));
        }
        seen.push(written.elapsed());
        let last = GetConfirmedSignaturesForAddress2Config { limit: Some(1), ..Default::default() };
        let signature = scene.node.client.get_signatures_for_address_with_config(&long.portfolio, last);
        let signature = signature.unwrap()[0].signature.parse().unwrap();
        let is_confirmed = || {
            let statuses = scene.node.client.get_signature_statuses(&[signature]).unwrap().value;
            statuses[0].as_ref().is_some_and(|status| {
                assert!(status.err.is_none());
                status.satisfies_commitment(novate_client::rpc::CONFIRMED)
            })
        };
        while !is_confirmed() {
            sleep(Duration::from_millis(2));
        }
        confirmed.push(written.elapsed());
        let taken = scene.portfolio(&long).positions()[0].quantity;
        assert!(taken < 2 * CONTRACT, "the same transaction starts the auction and bids");
    }
    println!("slots of {SLOT_MS} ms, {BESIDE} portfolios beside\n");
    println!("| {TRIALS} trials | median | 95 % within | worst |\n|---|---:|---:|---:|");
    println!("| the account has changed | {} |", summary(seen));
    println!("| the liquidation is confirmed | {} |", summary(confirmed));
}

#[test]
#[ignore = "a figure: 6 GB of memory"]
fn a_million_portfolios() {
    let count: usize = std::env::var("NOVATE_PORTFOLIOS").map_or(1_000_000, |count| count.parse().unwrap());
    let (world, actors) = crowd::crowd(Builder::default().rows(128));
    let mut snapshot = world.snapshot();
    let templates: Vec<Portfolio> = actors.iter().map(|actor| world.portfolio(&actor.portfolio)).collect();
    let mut chance = Chance::new(3);
    let portfolios: Vec<(Pubkey, Arc<Portfolio>)> = (0..count)
        .map(|at| {
            let mut portfolio = templates[at % templates.len()];
            // From where they were, near initial margin, to several times what they need; half of them within a tenth of that.
            let share = chance.between(0, 1_000) as f64 / 1e3;
            portfolio.cash += (40_000.0 * share.powf(3.3)) as i64 * DOLLAR;
            (Pubkey::new_unique(), Arc::new(portfolio))
        })
        .collect();
    let positions: usize = portfolios.iter().map(|(_, portfolio)| portfolio.positions().len()).sum();
    let threads = std::thread::available_parallelism().unwrap();
    println!("{count} portfolios with {positions} positions, {threads} threads\n\n| | |\n|---|---:|");
    let terms = Terms { now: world.now(), prices: Prices::Last };

    let begun = Instant::now();
    let found = scan(&snapshot, &portfolios, terms, &[]);
    println!("| a look at everyone | {:.2} s |", begun.elapsed().as_secs_f64());

    let begun = Instant::now();
    let mut candidates = Candidates::default();
    for ((address, portfolio), verdict) in portfolios.iter().zip(found) {
        if let Some(verdict) = verdict.unwrap().filter(|verdict| !verdict.is_short()) {
            candidates.keep(*address, rests_on(portfolio), &snapshot, verdict.reach);
        }
    }
    println!("| edges of the {} that are not short | {:.2} s |", candidates.len(), begun.elapsed().as_secs_f64());
    for within in [1_000, 10_000, 100_000] {
        let near = candidates.nearest(&snapshot.assets[&BTC], count).into_iter().take_while(|(_, r)| r.0 <= within);
        println!("| within {} % of an edge of BTC | {} |", within as f64 / 1e4, near.count());
    }

    let by_address: std::collections::HashMap<_, _> = portfolios.iter().map(|(a, p)| (*a, p.clone())).collect();
    let mut judge = Judge::new(&[]);
    println!("\n| candidates only, one thread | judged at a price | median | 95 % within | worst |");
    println!("|---|---:|---:|---:|---:|");
    for (name, step, ticks) in [("0.01 %", 100, 1_000), ("0.1 %", 1_000, 100), ("1 %", 10_000, 5)] {
        let (mut times, mut looks) = (vec![], 0usize);
        for tick in 0..ticks {
            let asset = snapshot.assets.get_mut(if tick % 2 == 0 { &BTC } else { &ETH }).unwrap();
            let way = if chance.between(0, 1) == 0 { step } else { -step };
            asset.price = Price(asset.price.0 + asset.price.0 / 1_000_000 * way);
            let begun = Instant::now();
            let moved = *asset;
            let reached = candidates.reached(&moved);
            looks += reached.len();
            for address in reached {
                let portfolio = &by_address[&address];
                match judge.look(&snapshot, portfolio, terms) {
                    Ok(Some(verdict)) if !verdict.is_short() => {
                        candidates.keep(address, rests_on(portfolio), &snapshot, verdict.reach);
                    }
                    _ => candidates.forget(&address),
                }
            }
            times.push(begun.elapsed());
        }
        let each = looks / times.len();
        println!("| prices that move by {name} | {each} | {} |", summary(times));
    }
}

/// A keeper's rule for prices, over a day of prices a second: how many readings it sends, and what they cost.
#[test]
#[ignore = "a figure"]
fn what_fresh_prices_cost_a_day() {
    const DAY: i64 = 86_400;
    const SIGNATURE: i64 = 5_000;
    let normal = |chance: &mut Chance| (0..12).map(|_| chance.between(0, 1_000_000) as f64 / 1e6).sum::<f64>() - 6.0;
    println!("of one asset, at 5,000 lamports a transaction, in one transaction each:");
    for (name, daily) in [("calm, 2 % a day", 0.02), ("5 % a day", 0.05), ("wild, 15 % a day", 0.15)] {
        for heartbeat in [5, 20, 30] {
            let (mut price, mut read, mut at, mut readings) = (1.0f64, 1.0f64, 0, 0i64);
            let mut chance = Chance::new(11);
            for second in 1..=DAY {
                price *= (normal(&mut chance) * daily / (DAY as f64).sqrt()).exp();
                if second - at >= heartbeat || (price / read - 1.0).abs() >= 0.001 {
                    (read, at) = (price, second);
                    readings += 1;
                }
            }
            let sol = (readings * SIGNATURE) as f64 / 1e9;
            println!("{name}, heartbeat {heartbeat} s: {readings} readings, {sol:.4} SOL");
        }
    }
    println!(
        "values of one expiry, each 40 s: {} transactions, {:.4} SOL",
        DAY / 40,
        (DAY / 40 * SIGNATURE) as f64 / 1e9
    );
    println!(
        "a market with a premium, each 60 s: {} transactions, {:.4} SOL",
        DAY / 60,
        (DAY / 60 * SIGNATURE) as f64 / 1e9
    );
}
