//! The demo from end to end on the built program, twice: what it claims, and that it says the same each time.

#![allow(clippy::expect_used)]

use std::path::PathBuf;

use novate_cli::demo::{self, terminal, Kind, Options, Outcome, Standing};

/// As many steps a day as a person gets.
const STEPS: u32 = 8;

fn program() -> PathBuf {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/novate.so"));
    std::env::var_os("NOVATE_PROGRAM").map_or_else(built, PathBuf::from)
}

fn run(report: &str, steps: u32) -> Outcome {
    let report = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(report);
    let options = Options { program: program(), report, steps, no_stress: true, quiet: true, json: false };
    demo::run(&options).unwrap_or_else(|e| panic!("the demo failed: {e:#}"))
}

#[test]
fn the_fortnight_clears_and_repeats() {
    let first = run("first.html", STEPS);

    // A book that does not balance, or a health that chain and client see differently, would have been an error.
    assert!(first.checks > 112, "{} ledger checks", first.checks);
    assert!(first.compared > 300, "{} health checks compared", first.compared);

    assert!(first.liquidations() >= 20, "{} slices sold", first.liquidations());
    for kind in [Kind::Hedger, Kind::BasisTrader] {
        for (name, fate) in first.fates_by_kind(kind) {
            assert_eq!((fate.auctions, fate.bids), (0, 0), "{name} is hedged and was auctioned");
        }
    }
    let last = first.frames.last().expect("the replay has frames");
    let hedged = || last.standings.iter().zip(demo::CAST).filter(|(_, m)| m.kind.is_hedged());
    assert!(hedged().all(|(s, _)| s.initial * 20 < s.leg_by_leg), "a hedge needs a fraction of its legs' margin");
    assert!(first.fates_by_kind(Kind::LeveredLong).any(|(_, f)| f.bids > 0), "no levered long was auctioned");
    assert!(first.fates_by_kind(Kind::LeveredShort).any(|(_, f)| f.bids > 0), "no levered short was auctioned");

    the_option_desk_is_margined_as_one(&first);

    let page = std::fs::read_to_string(&first.report).expect("the report is written");
    for fetch in ["http:", "https:", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(fetch), "the report asks for something: {fetch}");
    }
    assert!(page.contains("<svg") && page.contains("width=device-width"));

    let figures = demo::figures::figures(&first);
    let members = figures["members"].as_array().expect("members");
    assert_eq!(members.len(), demo::CAST.len());
    let slices: u64 = members.iter().filter_map(|member| member["slices_sold"].as_u64()).sum();
    assert_eq!(slices, u64::from(first.liquidations()));
    assert_eq!(figures["instructions"].as_array().map(Vec::len), Some(first.compute.len()));

    let second = run("second.html", STEPS);
    let table = |o: &Outcome| terminal::summary(o).lines().filter(|l| !l.starts_with("Report:")).collect::<String>();
    assert_eq!(table(&first), table(&second));
    assert_eq!(first.frames, second.frames);
}

/// Margin right after the first trades against what the legs would need one by one, and what became of the books.
fn the_option_desk_is_margined_as_one(outcome: &Outcome) {
    let start = outcome.frames.first().expect("the replay has frames");
    let desk = || start.standings.iter().zip(demo::CAST).filter(|(_, m)| m.kind.is_option_book());
    assert!(desk().count() >= 10, "the desk is missing");
    for (standing, member) in desk() {
        let Standing { initial, maintenance, leg_by_leg, .. } = *standing;
        assert!(0 < maintenance && maintenance < initial, "{} has not traded", member.name);
        let most = match member.kind {
            Kind::Spread | Kind::Collar | Kind::Calendar | Kind::OptionsDealer => leg_by_leg / 4,
            _ => leg_by_leg,
        };
        assert!(initial <= most, "{} needs {initial} of {leg_by_leg}", member.name);
    }
    let fate = |name: &str| {
        let at = demo::CAST.iter().position(|m| m.name == name).expect("a member of that name");
        outcome.fates[at]
    };
    assert!(fate("BTC strangle, levered").bids > 0, "no option book was auctioned");
    assert!(fate("BTC bull, 6x").bids > 0 && fate("BTC bull, 6x, puts").auctions == 0, "puts did not help");
    for part in ["Tail fund sold 75", "BTC call writer bought 100"] {
        assert!(outcome.notes.iter().any(|n| n.contains(part)), "{part} is missing from {:?}", outcome.notes);
    }
    let end = outcome.frames.last().expect("the replay has frames");
    assert!(start.vols.iter().zip(&end.vols).all(|(before, after)| before < after), "implied vol did not rise");
    for instruction in
        ["list_expiry", "list_strikes", "set_committee", "submit_forecast", "apply_forecasts", "refresh_expiry"]
    {
        assert!(outcome.compute.contains_key(instruction), "{instruction} did not run");
    }
}

#[test]
fn a_deficit_is_paid_by_insurance_and_told() {
    // Two looks a day: prices fall so far between them that no auction can come in time.
    let outcome = run("gaps.html", 2);
    let deficit = outcome.worst_deficit();
    assert!(deficit > 0, "nobody became insolvent");
    let (start, end) = (&outcome.frames[0], outcome.frames.last().expect("the replay has frames"));
    assert!(end.paid_out > 0 && end.unfunded == 0, "{} was paid, {} is unfunded", end.paid_out, end.unfunded);
    assert_eq!(end.insurance, start.insurance - end.paid_out);
    let told: i64 = outcome.fates.iter().map(|f| f.insured).sum();
    assert_eq!(told, end.paid_out, "the fates of members do not add up to what was paid");
    let summary = terminal::summary(&outcome);
    for text in [
        format!("Insurance paid {} USD", terminal::thousands(end.paid_out)),
        format!("at most {} in between", terminal::thousands(deficit)),
    ] {
        assert!(summary.contains(&text), "it is not told: {text}");
    }
}

#[test]
fn a_missing_program_says_what_to_do() {
    let options = Options {
        program: "no/such.so".into(),
        report: "unused.html".into(),
        steps: STEPS,
        no_stress: true,
        quiet: true,
        json: false,
    };
    let error = demo::run(&options).expect_err("there is no program");
    assert!(error.to_string().contains("make program"), "{error:#}");
}
