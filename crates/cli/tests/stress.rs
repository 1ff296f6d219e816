//! The stress windows on the built program: what a replay claims, and that the report says what the replay found.

#![allow(clippy::expect_used)]

use std::path::PathBuf;

use novate_cli::demo::stress::{tell, End, Replay, Run, CAPITAL};
use novate_cli::demo::{self, terminal, Options};

fn options(report: &str) -> Options {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/novate.so"));
    let program = std::env::var_os("NOVATE_PROGRAM").map_or_else(built, PathBuf::from);
    let report = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(report);
    // As few steps of the fortnight as there can be: this is about what follows.
    Options { program, report, steps: 2, no_stress: false, quiet: true, json: false }
}

#[test]
fn the_windows_are_replayed_and_told() {
    let options = options("stress.html");
    let outcome = demo::run(&options).unwrap_or_else(|e| panic!("the demo failed: {e:#}"));
    let names: Vec<&str> = outcome.stress.iter().map(|r| r.window.name).collect();
    assert_eq!(names, ["March 2020", "May 2021", "November 2022", "March 2023"]);
    let figures = novate_cli::demo::figures::figures(&outcome);
    for (replay, told) in outcome.stress.iter().zip(figures["windows"].as_array().expect("windows")) {
        assert_eq!((&told["name"], &told["runs"][1]["liquidators"]), (&replay.window.name.into(), &"asleep".into()));
        assert_eq!(told["runs"][0]["slices"], replay.runs[0].slices());
    }
    for replay in &outcome.stress {
        holds(replay);
    }
    deep(&outcome.stress);

    let page = std::fs::read_to_string(&options.report).expect("the report is written");
    let summary = terminal::summary(&outcome);
    for replay in &outcome.stress {
        for run in &replay.runs {
            for figure in tell::figures(run).into_iter().chain(tell::tiers(run)) {
                assert!(page.contains(&format!(">{figure}</td>")), "{figure} is missing");
                assert!(summary.contains(&figure), "{figure} is not printed");
            }
            for text in [tell::haircuts(run), tell::back(run)] {
                assert!(page.contains(&text), "{text} is missing");
                assert!(summary.contains(&text), "{text} is not printed");
            }
            for member in &run.members {
                assert!(page.contains(&tell::story(member)), "{} is missing", member.name);
                assert!(page.contains(&terminal::thousands(member.after)), "{} is missing", member.name);
            }
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

/// How far the windows reach: the first in both runs through the fund to the gains of its markets, and asleep to deposits; the
/// last takes nothing.
fn deep(replays: &[Replay]) {
    let tiers = |window: usize, run: usize| replays[window].runs[run].waterfall.tiers();
    for run in 0..2 {
        let [capital, stake, gains, ..] = tiers(0, run);
        assert!(capital == CAPITAL && stake == replays[0].runs[run].fund[0].1 && gains > 0, "March 2020 is not deep");
        assert!(tiers(2, run)[1] > 0, "stake pays nothing in November 2022");
        assert_eq!(tiers(3, run), [0; 5], "the depeg costs the fund something");
    }
    assert!(tiers(0, 1)[3] > 0, "deposits pay nothing in March 2020");
}

/// Each tier pays after the one before, and what members are said to have been paid for, and to have paid, is what was paid.
/// That events and accounts agree to the unit, the replay asserts itself.
fn waterfall(name: &str, run: &Run) {
    assert!(run.fund[0].0 == CAPITAL && run.fund[0].1 > 0, "{name}: the fund begins with {:?}", run.fund[0]);
    let (capital, stake) = run.drawn();
    assert!(stake == 0 || capital == CAPITAL, "{name}: stake paid before capital");
    let (waterfall, tiers) = (&run.waterfall, run.waterfall.tiers());
    assert_eq!((capital, stake), (tiers[0], tiers[1]), "{name}");
    assert!(tiers[2..] == [0; 3] || stake == run.fund[0].1, "{name}: {tiers:?}, and stake is left");
    assert_eq!(tiers.iter().sum::<u64>(), waterfall.payouts, "{name}: the tiers are not what was paid");
    assert!(waterfall.payouts >= waterfall.deficits, "{name}: takers lacked some");
    assert_eq!(tiers[4], 0, "{name}: somebody was not paid");

    let sum = |of: fn(&End) -> u64| run.members.iter().map(of).sum::<u64>();
    assert_eq!(sum(|m| m.part.paid.sum()), waterfall.payouts, "{name}");
    let staked: i64 = run.members.iter().map(|m| m.staked[0] - m.staked[1]).sum();
    assert_eq!(staked.unsigned_abs(), stake, "{name}: stakers lost something else");
    let (charged, gains) = (sum(|m| m.part.charged), tiers[2]);
    assert!((gains..gains + 100).contains(&charged), "{name}: {charged} charged for {gains}");
    // Less than a unit for each haircut that each bears, and what the cash of options of a market bears.
    let (borne, most) = (sum(|m| m.part.deposits), tiers[3] + 100);
    assert!(borne <= most && borne >= tiers[3] / 1_000 * 999, "{name}: {borne} borne of {} by deposits", tiers[3]);

    assert!(run.margin() > 0 || tiers == [0; 5], "{name}: nobody lost its own margin");
    let stands = waterfall.cuts.iter().any(|cut| cut.forgiven > 0);
    assert!(run.closed.is_some() || !stands, "{name}: a round was not closed");
    assert!(run.back.is_some() && run.whole.is_some() == (waterfall.at_stake > 0), "{name}: not all is back");
    assert!(run.members.iter().all(|m| m.short == 0 && m.after >= 0), "{name}: somebody is short");
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
