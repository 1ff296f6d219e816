//! `novate localnet` as a person runs it. The bots have to be built beside it, as `cargo test --workspace` does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use common::{localnet, until_ready};
use serde_json::Value;

/// A folder of the test's own.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn start(state: &Path, arguments: &[&str]) -> Child {
    localnet(state, arguments).stderr(Stdio::piped()).spawn().unwrap()
}

/// Positions of a member by the last table.
fn positions(said: &str, name: &str) -> u32 {
    let line = said.lines().rfind(|line| line.starts_with(name)).unwrap();
    let count = line.split(", ").nth(1).and_then(|words| words.split(' ').next());
    count.unwrap().parse().unwrap()
}

/// Fills that the matcher settled.
fn settled(said: &str) -> u32 {
    let line = said.lines().rfind(|line| line.contains("orders of the crowd")).unwrap();
    line.split_once("matcher, ").and_then(|(_, rest)| rest.split(' ').next()).unwrap().parse().unwrap()
}

/// A page of a bot, where its log says that it listens.
fn page(log: &Path, path: &str) -> Option<String> {
    let log = fs::read_to_string(log).ok()?;
    let at = log.split_once("listening=")?.1.split(' ').next()?;
    let mut stream = TcpStream::connect(at).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    page.starts_with("HTTP/1.0 200").then_some(page)
}

/// Transactions of a bot that were confirmed, by chore.
fn confirmed(metrics: &str) -> BTreeMap<String, u32> {
    let lines = metrics.lines().filter(|l| l.starts_with("novate_transactions_total") && l.contains("\"confirmed\""));
    lines
        .map(|line| {
            let chore = line.split_once("chore=\"").unwrap().1.split('"').next().unwrap();
            (chore.to_string(), line.rsplit_once(' ').unwrap().1.parse().unwrap())
        })
        .collect()
}

#[test]
fn a_replayed_crash_ends_with_every_vault_balanced() {
    let days = ["--replay", "ftx", "--from-day", "4", "--days", "2", "--leap", "1800", "--turn-ms", "600"];
    let state = folder("crash");
    let mut process = start(&state, &days);
    // Both bots answer and work while it runs.
    let mut figures = [(); 2].map(|()| None);
    while process.try_wait().unwrap().is_none() {
        for (bot, last) in ["keeper.log", "liquidator.log"].iter().zip(&mut figures) {
            let log = state.join(bot);
            let healthy = page(&log, "/health").and_then(|_| page(&log, "/metrics"));
            *last = healthy.or(last.take());
        }
        sleep(Duration::from_millis(200));
    }
    let [kept, taken] = figures.map(|last| confirmed(&last.expect("a bot never answered")));
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.lines().last().unwrap().starts_with("every vault balances: "), "{said}");
    // SOL halves: who was levered on it is taken over, at least in part.
    assert!(positions(&said, "liquidator") > 0, "{said}");
    // Orders are matched and settled all the way down.
    assert!(settled(&said) > 10, "{said}");
    println!("keeper {kept:?}, liquidator {taken:?}");
    for chore in ["refresh_market", "settle_variation"] {
        assert!(kept.get(chore).is_some_and(|count| *count > 3), "{chore}: {kept:?}");
    }
    assert!(taken.get("start_and_bid").is_some_and(|count| *count > 3), "{taken:?}");
    // Who signs by a clock that has just leapt is not refused for it, but where it leaps between the look and the signature.
    let maker = fs::read_to_string(state.join("market-maker.log")).unwrap();
    let late = maker.lines().filter(|line| line.contains("[TimeTooOld]")).count();
    assert!(late < 10, "{maker}");
}

#[test]
fn a_walk_ends_when_it_is_told_to_and_leaves_nobody_behind() {
    let wallet = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T";
    let state = folder("walk");
    let mut process = start(&state, &["--turn-ms", "200", "--wallet", wallet]);
    let mut lines = BufReader::new(process.stdout.take().unwrap());
    until_ready(&mut lines);
    let addresses: Value = serde_json::from_str(&fs::read_to_string(state.join("addresses.json")).unwrap()).unwrap();
    let url = addresses["rpc"].as_str().unwrap();
    let health = Command::new(env!("CARGO_BIN_EXE_novate"))
        .args(["health", addresses["accounts"]["miner"]["portfolio"].as_str().unwrap(), "--url", url, "--json"])
        .output()
        .unwrap();
    assert!(health.status.success(), "{}", String::from_utf8_lossy(&health.stderr));
    serde_json::from_slice::<Value>(&health.stdout).unwrap();

    let told = Command::new("kill").arg(process.id().to_string()).status().unwrap();
    assert!(told.success());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    assert!(process.wait().unwrap().success(), "{said}");
    assert!(said.trim_end().lines().last().unwrap().starts_with("every vault balances: "), "{said}");
    let port = url.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(port).is_err(), "the validator is still there");
}

#[test]
fn what_is_missing_is_named() {
    let fails = |state: &Path, arguments: &[&str]| {
        let output = start(state, arguments).wait_with_output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let said = fails(&folder("missing"), &["--validator", "no-such-validator"]);
    assert!(said.contains("no-such-validator: run `make localnet-build`"), "{said}");
    let said = fails(&folder("missing"), &["--replay", "depeg", "--days", "100"]);
    assert!(said.contains("has days 0 to 6"), "{said}");
    let foreign = folder("foreign");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join("kept"), "").unwrap();
    let said = fails(&foreign, &[]);
    assert!(said.contains("is not the folder of an earlier run"), "{said}");
    assert!(foreign.join("kept").exists(), "a folder of somebody else's was emptied");
}
