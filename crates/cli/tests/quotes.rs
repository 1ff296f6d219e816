//! Requests for quotes over the wire, of options: one asks, others answer, the best is taken and settled on chain. The bots have to be
//! built beside it, as `cargo test --workspace` does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{localnet, until_ready};
use serde_json::{json, Value};

/// A local cluster with a matcher, and commands against it.
struct Desk {
    process: Child,
    lines: BufReader<ChildStdout>,
    state: PathBuf,
    addresses: Value,
}

impl Desk {
    fn start(name: &str) -> Self {
        let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut process = localnet(&state, &["--turn-ms", "500"]).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        until_ready(&mut lines);
        let addresses = fs::read_to_string(state.join("addresses.json")).unwrap();
        Self { process, lines, addresses: serde_json::from_str(&addresses).unwrap(), state }
    }

    /// A command of a member of the cast; `@name` stands for a file of the cluster's folder.
    fn command(&self, who: &str, line: &str) -> Command {
        let file = |name: &str| self.state.join(name).display().to_string();
        let word = |word: &str| word.strip_prefix('@').map_or(word.to_string(), file);
        let mut command = Command::new(env!("CARGO_BIN_EXE_novate"));
        for (name, field) in [("URL", "rpc"), ("WS", "websocket"), ("POOL", "pool"), ("MATCHER", "matcher")] {
            command.env(format!("NOVATE_{name}"), self.addresses[field].as_str().unwrap());
        }
        command.env("NOVATE_KEYPAIR", file(&format!("{who}.json"))).args(line.split_whitespace().map(word));
        command
    }

    #[track_caller]
    fn json(&self, who: &str, line: &str) -> Value {
        json_of(&self.command(who, line).arg("--json").output().unwrap())
    }

    #[track_caller]
    fn says(&self, who: &str, line: &str) -> String {
        let output = self.command(who, line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, who: &str, line: &str, words: &str) {
        let output = self.command(who, line).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(words), "{line}: {said}");
    }

    /// Contracts that a member holds of an instrument.
    fn held(&self, who: &str, instrument: &str) -> String {
        let portfolio = self.addresses["accounts"][who]["portfolio"].as_str().unwrap();
        let shown = self.json(who, &format!("portfolio show {portfolio}"));
        let positions = shown["positions"].as_array().unwrap();
        let found = positions.iter().find(|position| position["instrument"] == instrument);
        found.map_or("0".into(), |position| position["quantity"].as_str().unwrap().into())
    }

    #[track_caller]
    fn until_settled(&self, order: &Value) {
        let line = format!("orders status {}", order["id"].as_str().unwrap());
        within(40, || {
            let now = self.json("bear", &line);
            assert_eq!(now["error"], Value::Null, "{now}");
            now["settled"] == order["filled"]
        });
    }

    /// Ends it, and returns what it says last.
    fn stop(mut self) -> String {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        let mut said = String::new();
        self.lines.read_to_string(&mut said).unwrap();
        assert!(self.process.wait().unwrap().success(), "{said}");
        said.trim_end().lines().last().unwrap().into()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).output();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn within(seconds: u64, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < end, "not within {seconds} s");
        sleep(Duration::from_millis(200));
    }
}

/// A call at the money and one above it, of the expiry that is nearer, and what the spread is worth in whole USD.
fn spread(desk: &Desk) -> ([String; 2], i64) {
    // Nobody has traded them yet: they have no value before.
    desk.says("bear", "refresh");
    let pool = desk.json("bear", "pool show");
    let expiries = pool["expiries"].as_array().unwrap();
    let bitcoin = expiries.iter().filter(|expiry| expiry["symbol"].as_str().unwrap().starts_with("BTC-"));
    let nearer = bitcoin.min_by_key(|expiry| expiry["time"].as_i64().unwrap()).unwrap();
    let call = |strike: &Value| {
        let usd: f64 = strike["call_mark"].as_str().unwrap().parse().unwrap();
        (format!("{}-{}-C", nearer["symbol"].as_str().unwrap(), strike["strike"].as_str().unwrap()), usd)
    };
    let [(low, dear), (high, cheap)] = [&nearer["strikes"][4], &nearer["strikes"][5]].map(call);
    assert!(dear > cheap && cheap > 0.0, "{low} {dear}, {high} {cheap}");
    ([low, high], (dear - cheap) as i64 / 10 * 10)
}

#[test]
fn a_spread_of_options_is_asked_for_answered_taken_and_settled() {
    let desk = Desk::start("quotes");
    let ([low, high], worth) = spread(&desk);
    // The other way round than a matcher spells it: the command puts legs in order.
    let legs = format!("{high}:-1 {low}");

    // One asks and takes in one command, while makers answer.
    let line = format!("quote ask 2 {legs} --wait 12 --buy {} --json", worth + 150);
    let asks = desk.command("bear", &line).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut open = json!([]);
    within(10, || {
        open = desk.json("liquidator", "quote list")["requests"].clone();
        !open.as_array().unwrap().is_empty()
    });
    assert_eq!(open[0]["quantity"], "2");
    assert_eq!(open[0]["strategy"], format!("1 {low}#0, -1 {high}#0"));
    let id = open[0]["id"].as_str().unwrap();
    let answer = |who: &str, at: i64| {
        desk.json(who, &format!("quote answer {id} sell 2 {legs} --limit {at} --for 5m"));
    };
    answer("btc-bull", worth + 200);
    answer("liquidator", worth + 100);
    answer("btc-bull", worth + 120);
    desk.fails("liquidator", &format!("quote answer {id} sell 2 {low} --limit {worth}"), "[OtherStrategy]");
    desk.fails("liquidator", &format!("quote answer {id} sell 2 {legs} --limit {worth} --ioc"), "[QuoteImmediate]");
    assert!(desk.says("liquidator", "quote list").contains(&low));
    let asked = json_of(&asks.wait_with_output().unwrap());
    let sells: Vec<_> = asked["sells"].as_array().unwrap().iter().map(|quote| quote["price"].clone()).collect();
    assert_eq!(sells, [worth + 100, worth + 120, worth + 200].map(|at| json!(at.to_string())), "the best first");
    assert_eq!(asked["sells"][0]["portfolio"], desk.addresses["accounts"]["liquidator"]["portfolio"]);
    assert_eq!(asked["order"]["filled"], "2", "{asked}");
    desk.until_settled(&asked["order"]);
    assert_eq!([&low, &high].map(|of| desk.held("bear", of)), ["2", "-2"]);
    assert_eq!([&low, &high].map(|of| desk.held("liquidator", of)), ["-2", "2"]);
    assert_eq!(desk.held("btc-bull", &low), "0");

    // And in steps, the other way: half of it is sold to whoever bids most.
    let legs = format!("{low} {high}:-1");
    let asked = desk.says("bear", &format!("quote ask 2 {legs} --wait 0 --for 2m --out @request.json"));
    assert!(asked.contains("nobody has answered"), "{asked}");
    let request: Value = serde_json::from_str(&fs::read_to_string(desk.state.join("request.json")).unwrap()).unwrap();
    let id = request["id"].as_str().unwrap();
    desk.says("btc-bull", &format!("quote answer {id} buy 1 {legs} --limit {}", worth - 100));
    desk.says("liquidator", &format!("quote answer {id} buy 2 {legs} --limit {}", worth - 150));
    let shown = desk.says("bear", "quote show @request.json");
    let places =
        [worth - 100, worth - 150].map(|at| shown.find(&format!(" {at} ")).unwrap_or_else(|| panic!("{shown}")));
    assert!(places[0] < places[1], "{shown}");
    desk.fails("liquidator", &format!("quote take @request.json sell --limit {worth}"), " asked, and this is ");
    let none = desk.json("bear", &format!("quote take @request.json sell --quantity 1 --limit {}", worth - 50));
    assert_eq!((&none["filled"], &none["why"]), (&json!("0"), &json!("NothingLeft")));
    let order = desk.json("bear", &format!("quote take @request.json sell --quantity 1 --limit {}", worth - 200));
    assert_eq!(order["filled"], "1");
    desk.until_settled(&order);
    assert_eq!([&low, &high].map(|of| desk.held("bear", of)), ["1", "-1"]);
    assert_eq!([&low, &high].map(|of| desk.held("btc-bull", of)), ["1", "-1"]);
    desk.fails("bear", "quote show @request.json", "the request is over");
    desk.fails("bear", &format!("quote take @request.json sell --limit {worth}"), "[RequestOver]");

    // Where nobody quotes at the limit nothing is signed.
    let asked = desk.json("bear", &format!("quote ask 1 {low} --wait 0 --buy 1"));
    assert_eq!((&asked["order"], &asked["sells"]), (&Value::Null, &json!([])));

    // What makes no sense is said before anything is sent.
    desk.fails("bear", &format!("quote ask 1 {low} --wait 60"), "the request ends before 60 s");
    desk.fails("bear", &format!("quote ask 1 {low}:-1 {high}"), &format!("turn every sign, {low}:1 {high}:-1"));
    desk.fails("bear", &format!("quote ask 1 {low}:2 {high}:-4"), "all ratios are multiples of 2");
    desk.fails("bear", &format!("quote ask 1 {low} {low}:2"), &format!("{low} stands there twice"));
    assert!(desk.stop().starts_with("every vault balances: "));
}
