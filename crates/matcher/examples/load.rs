//! Orders a second, and how long an answer takes, of the matcher as a process with its journal on this disk. Every order is signed beforehand, so that
//! signing is not measured; checking the signatures is.
//!
//! `make figures` runs it, after `cargo build -p novate-matcher`; docs/performance.md has what it printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use anyhow::{Context, Result};
use novate_client::order::{Cluster, Order, OrderFlags, OrderLeg, OrderSide};
use novate_client::{instrument, Pubkey};
use novate_matcher::admission::Submission;
use novate_matcher::order::Key;
use novate_matcher::view::{Instrument, Roster};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Orders of a measurement.
const ORDERS: usize = 8_000;
const UNIT: i64 = 1_000_000_000;

struct Trader {
    key: Keypair,
    portfolio: Pubkey,
}

fn main() -> Result<()> {
    let folder = std::env::current_exe()?.parent().context("no folder")?.join("load-journal");
    println!("| clients | orders | orders/s | p50, ms | p99, ms | worst, ms |");
    println!("|---|---|---|---|---|---|");
    for clients in [1, 16] {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let traders: Vec<_> = (1..=clients as u8).map(trader).collect();
        let (mut process, address) = start(&folder, &traders)?;
        let orders = if clients == 1 { ORDERS / 4 } else { ORDERS };
        let measured = measure(&address, &traders, orders / clients);
        process.kill()?;
        process.wait()?;
        tell(clients, measured?);
    }
    Ok(())
}

fn trader(n: u8) -> Trader {
    Trader { key: Keypair::new_from_array([n; 32]), portfolio: Pubkey::new_from_array([n + 100; 32]) }
}

fn start(folder: &Path, traders: &[Trader]) -> Result<(Child, String)> {
    let perpetual = Instrument {
        id: instrument::perpetual(0),
        symbol: "BTC-PERP".into(),
        market: 0,
        underlying: 1,
        tick: UNIT / 10,
        lot: UNIT / 100,
        minimum: UNIT / 100,
    };
    let roster = Roster {
        cluster: "localnet".into(),
        instruments: vec![perpetual],
        portfolios: traders.iter().map(|trader| (Key(trader.portfolio), Key(trader.key.pubkey()))).collect(),
    };
    let path = folder.join("roster.json");
    fs::write(&path, serde_json::to_string(&roster)?)?;
    let mut process = Command::new(binary()?)
        .args(["--listen", "127.0.0.1:0", "--log", "warn"])
        .args(["--roster", &path.display().to_string(), "--journal", &folder.join("journal").display().to_string()])
        .args(["--address-rate", "1e9/1e9", "--key-rate", "1e9/1e9", "--portfolio-orders", "1000000"])
        .args(["--book-orders", "1000000"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
    let address = line.trim().strip_prefix("matcher http://").context("it did not start")?;
    Ok((process, address.into()))
}

/// Beside the folder of examples.
fn binary() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let built = this.ancestors().nth(2).context("no folder")?.join("novate-matcher");
    anyhow::ensure!(built.exists(), "{} is not built: cargo build -p novate-matcher", built.display());
    Ok(built)
}

/// Bodies of orders around a price, half of each side, so that about half of them trade.
fn bodies(trader: &Trader, count: usize, first: u64) -> Result<Vec<String>> {
    let mut bodies = vec![];
    for at in 0..count as u64 {
        let nonce = first + at;
        let buys = (at / 3 + u64::from(trader.portfolio.to_bytes()[0])) % 2 == 0;
        let away = (nonce.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as i64 % 40 - 15;
        let order = Order {
            cluster: Cluster::Localnet,
            portfolio: trader.portfolio,
            generation: 1,
            side: if buys { OrderSide::Buy } else { OrderSide::Sell },
            quantity: UNIT / 10,
            legs: vec![OrderLeg { ratio: 1, symbol: "BTC-PERP", market: 0 }],
            limit: (60_000 + if buys { -away } else { away }) * UNIT,
            until: (first / 1_000_000) as i64 + 3_600,
            nonce,
            flags: OrderFlags::default(),
        };
        let text = order.render();
        let signature = trader.key.sign_message(text.as_bytes()).to_string();
        let signer = trader.key.pubkey().to_string();
        let submission = Submission { text, signer, signature, envelope: "raw".into(), request: None };
        bodies.push(serde_json::to_string(&submission)?);
    }
    Ok(bodies)
}

/// Latencies of all answers, and how long all took.
fn measure(address: &str, traders: &[Trader], each: usize) -> Result<(Vec<Duration>, Duration)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
    let all: Vec<_> = traders.iter().map(|trader| bodies(trader, each, now)).collect::<Result<_>>()?;
    let begin = Barrier::new(traders.len() + 1);
    thread::scope(|scope| {
        let clients: Vec<_> = all.iter().map(|bodies| scope.spawn(|| client(address, bodies, &begin))).collect();
        begin.wait();
        let begun = Instant::now();
        let mut latencies = vec![];
        for client in clients {
            latencies.extend(client.join().map_err(|_| anyhow::anyhow!("a client ended"))??);
        }
        Ok((latencies, begun.elapsed()))
    })
}

/// One connection, one order after the other.
fn client(address: &str, bodies: &[String], begin: &Barrier) -> Result<Vec<Duration>> {
    let connected = TcpStream::connect(address);
    begin.wait();
    let mut stream = connected?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut latencies = Vec::with_capacity(bodies.len());
    for body in bodies {
        let head = format!("POST /orders HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
        let sent = Instant::now();
        stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice())?;
        let (mut length, mut line, mut status) = (0, String::new(), String::new());
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            if status.is_empty() {
                status = line.clone();
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer)?;
        latencies.push(sent.elapsed());
        anyhow::ensure!(status.contains(" 200 "), "{}", String::from_utf8_lossy(&answer));
    }
    Ok(latencies)
}

fn tell(clients: usize, (mut latencies, took): (Vec<Duration>, Duration)) {
    latencies.sort();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).or(latencies.last());
    let milliseconds = |latency: Option<&Duration>| latency.map_or(0.0, |latency| latency.as_secs_f64() * 1e3);
    println!(
        "| {clients} | {} | {:.0} | {:.2} | {:.2} | {:.2} |",
        latencies.len(),
        latencies.len() as f64 / took.as_secs_f64(),
        milliseconds(at(0.5)),
        milliseconds(at(0.99)),
        milliseconds(latencies.last()),
    );
}
