//! Killed at any moment, the process comes back with every order that it accepted, and every fill once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use novate_matcher::journal::Journal;
use novate_matcher::order::Side;
use serde_json::Value;

use crate::process::{folder, Matcher};
use crate::signing::{buy, micros, sell, Trader};

/// Orders that were answered, by id.
type Accepted = Mutex<BTreeMap<String, Value>>;

/// Sends orders that often meet until the process is gone.
fn trade(matcher: &Matcher, trader: &Trader, accepted: &Accepted, ended: &AtomicBool) {
    while !ended.load(Ordering::SeqCst) {
        let price = 60_000 + (micros() % 7) as i64;
        let quantity = 1 + (micros() % 3) as i64;
        let wanted = if micros().is_multiple_of(2) { buy(quantity, price) } else { sell(quantity, price) };
        let (status, answer) = matcher.post("/orders", &trader.order(&wanted));
        if status == 200 {
            accepted.lock().unwrap().insert(answer["id"].as_str().unwrap().into(), answer);
        }
    }
}

fn amount(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// Every accepted order is there, has not lost a fill, and what was bought was sold.
fn check(matcher: &Matcher, accepted: &BTreeMap<String, Value>) {
    for (id, before) in accepted {
        let (status, now) = matcher.get(&format!("/orders/{id}"));
        assert_eq!(status, 200, "an accepted order is lost: {before}");
        for field in ["number", "portfolio", "side", "quantity", "limit", "nonce"] {
            assert_eq!(now[field], before[field]);
        }
        assert!(amount(&now["filled"]) >= amount(&before["filled"]), "a fill is lost: {before} {now}");
        assert!(amount(&now["filled"]) <= amount(&now["quantity"]), "a fill is doubled: {now}");
    }
}

/// What is on the disk, orders that were not answered any more too: every fill has both sides, once.
fn check_disk(folder: &Path) {
    let open = || Journal::open(&folder.join("journal"), "roster", 1 << 30);
    // A process that another test starts holds every open file for a moment.
    let opened = (0..100).find_map(|_| open().map_err(|_| thread::sleep(Duration::from_millis(20))).ok()).unwrap();
    let mut fills: BTreeMap<u64, i64> = BTreeMap::new();
    for fill in opened.engine.fills() {
        *fills.entry(fill.maker).or_default() += fill.quantity;
        *fills.entry(fill.taker).or_default() += fill.quantity;
    }
    for standing in opened.engine.orders() {
        assert_eq!(standing.filled, fills.get(&standing.number).copied().unwrap_or_default());
    }
    let filled = |side| opened.engine.orders().filter(|s| s.order.side == side).map(|s| s.filled).sum::<i64>();
    assert!(filled(Side::Buy) > 0, "nothing met");
    assert_eq!(filled(Side::Buy), filled(Side::Sell));
}

#[test]
fn killed_at_any_moment_nothing_accepted_is_lost() {
    let folder = folder("crash");
    let traders: Vec<_> = (1..5).map(Trader::new).collect();
    let all: Vec<_> = traders.iter().collect();
    let accepted = Accepted::default();
    // The journal is begun anew often, so that some kills meet that too.
    let more = ["--journal-bytes", "60000", "--portfolio-orders", "100000"];
    for moment in [15, 40, 90, 160, 250, 400] {
        let matcher = Matcher::start(&folder, &all, &more);
        check(&matcher, &accepted.lock().unwrap());
        let ended = AtomicBool::new(false);
        let id = matcher.process.id().to_string();
        thread::scope(|scope| {
            for trader in &traders {
                scope.spawn(|| trade(&matcher, trader, &accepted, &ended));
            }
            thread::sleep(Duration::from_millis(moment));
            std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap();
            ended.store(true, Ordering::SeqCst);
        });
    }
    let matcher = Matcher::start(&folder, &all, &more);
    let accepted = accepted.into_inner().unwrap();
    assert!(accepted.len() > 50, "only {} orders", accepted.len());
    check(&matcher, &accepted);
    drop(matcher);
    check_disk(&folder);
    println!("{} orders accepted, none lost", accepted.len());
}

#[test]
fn a_restart_leads_to_the_same_state() {
    let folder = folder("crash_state");
    let traders: Vec<_> = (1..4).map(Trader::new).collect();
    let all: Vec<_> = traders.iter().collect();
    let mut matcher = Matcher::start(&folder, &all, &[]);
    for price in 0..20 {
        matcher.sends("/orders", &traders[price % 3].order(&sell(1, 60_000 + price as i64)));
        matcher.sends("/orders", &traders[(price + 1) % 3].order(&buy(2, 59_990 + 2 * price as i64)));
    }
    let book = matcher.get("/books/1%20BTC-PERP%230").1;
    matcher.kill();
    drop(matcher);
    let state = |log: &str| log.rsplit_once("state=").unwrap().1.split_whitespace().next().unwrap().to_string();
    let mut again = Matcher::start(&folder, &all, &[]);
    assert_eq!(again.get("/books/1%20BTC-PERP%230").1, book);
    let first = state(&again.log());
    again.kill();
    drop(again);
    let third = Matcher::start(&folder, &all, &[]);
    assert_eq!(state(&third.log()), first, "the same commands, the same hash");
}
