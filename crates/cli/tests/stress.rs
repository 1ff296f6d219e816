//! The stress windows on the built program: what a replay claims, and that the report says what the replay found.

#![allow(clippy::expect_used)]

use std::path::PathBuf;

use novate_cli::demo::stress::{tell, Replay, Run, CAPITAL};
use novate_cli::demo::{self, terminal, Options};

fn options(report: &str) -> Options {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/novate.so"));
    let program = std::env::var_os("NOVATE_PROGRAM").map_or_else(built, PathBuf::from);
    let report = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(report);
    // As few steps of the fortnight as there can be: this is about what follows.
    Options { program, report, steps: 2, no_stress: false, quiet: true }
}

#[test]
fn the_windows_are_replayed_and_told() {
    let options = options("stress.html");
    let outcome = demo::run(&options).unwrap_or_else(|e| panic!("the demo failed: {e:#}"));
    let names: Vec<&str> = outcome.stress.iter().map(|r| r.window.name).collect();
    assert_eq!(names, ["March 2020", "May 2021", "November 2022", "March 2023"]);
    for replay in &outcome.stress {
        holds(replay);
    }
    // The worst of them reach the second tier.
    let deep = outcome.stress.iter().filter(|r| r.runs.iter().all(|run| run.drawn().1 > 0));
    assert!(deep.count() >= 2, "stake pays in no two windows");

    let page = std::fs::read_to_string(&options.report).expect("the report is written");
    let summary = terminal::summary(&outcome);
    for replay in &outcome.stress {
        for run in &replay.runs {
            for figure in tell::figures(run) {
                assert!(page.contains(&format!(">{figure}</td>")), "{figure} is missing");
                assert!(summary.contains(&figure), "{figure} is not printed");
            }
        }
        for member in &replay.runs[1].members {
            assert!(page.contains(&terminal::thousands(member.after)), "{} is missing", member.name);
        }
    }
    for fetch in ["http:", "https:", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(fetch), "the report asks for something: {fetch}");
    }
}

/// That vaults, markets and open interests balance to the unit, and that no token comes or goes, the replay asserts itself.
fn holds(replay: &Replay) {
    let name = replay.window.name;
    let [awake, asleep] = &replay.runs;
    for run in &replay.runs {
        assert!(run.checks > 30, "{name}: {} checks", run.checks);
        assert!(run.auctions() > 0 && run.slices() > 0, "{name}: nobody was auctioned");
        waterfall(name, run);
        lows(replay, run);
        for member in ["BTC hedger", "Lender of USDC", "Market maker"] {
            let member = run.members.iter().find(|m| m.name == member).expect("a member of that name");
            assert_eq!(member.fate.auctions, 0, "{name}: {} was auctioned", member.name);
        }
    }
    // Nobody is guarded while they sleep; whether that costs more in the end is luck.
    assert!(asleep.lacking().0 >= awake.lacking().0, "{name}: less was lacking with nobody awake");
    assert_eq!(awake.frames.first(), asleep.frames.first(), "{name}: they do not begin alike");
}

/// Capital pays before stake, and what members are said to have been paid for is what the fund has paid.
fn waterfall(name: &str, run: &Run) {
    assert!(run.fund[0].0 == CAPITAL && run.fund[0].1 > 0, "{name}: the fund begins with {:?}", run.fund[0]);
    let (capital, stake) = run.drawn();
    assert!(stake == 0 || capital == CAPITAL, "{name}: stake paid before capital");
    let told: (u64, u64) = run.members.iter().fold((0, 0), |(c, s), m| (c + m.fate.capital, s + m.fate.stake));
    assert_eq!(told, (capital, stake), "{name}");
}

/// The pool has seen the lowest price of each coin.
fn lows(replay: &Replay, run: &Run) {
    for (coin, _, low, date) in &replay.lows {
        let at = ["USDC", "BTC", "ETH", "SOL"].iter().position(|c| c == coin).expect("a coin of the pool");
        let seen = run.frames.iter().map(|f| f.prices[at]).min().expect("frames");
        // Within what a price moves in the minutes until it is one.
        let reach = low / 50;
        assert!((seen / 10 - low).abs() <= reach, "{}: {coin} {low} of {date} was {}", replay.window.name, seen / 10);
    }
}
