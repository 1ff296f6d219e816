//! The demo from end to end on the built program, twice: what it claims, and that it says the same each time.

use std::path::PathBuf;

use novate_cli::demo::{self, terminal, Kind, Options, Outcome};

/// Fewer steps than a person gets, so that the test stays below a minute without optimisation.
const STEPS: u32 = 4;

fn program() -> PathBuf {
    let built = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/deploy/novate.so"));
    std::env::var_os("NOVATE_PROGRAM").map_or_else(built, PathBuf::from)
}

fn run(report: &str) -> Outcome {
    let report = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(report);
    let options = Options { program: program(), report, steps: STEPS, quiet: true };
    demo::run(&options).unwrap_or_else(|e| panic!("the demo failed: {e:#}"))
}

#[test]
fn the_fortnight_clears_and_repeats() {
    let first = run("first.html");

    // A book that does not balance, or a health that chain and client see differently, would have been an error.
    assert!(first.checks > 56, "{} ledger checks", first.checks);
    assert!(first.compared > 150, "{} health checks compared", first.compared);

    assert!(first.liquidations() >= 8, "{} slices sold", first.liquidations());
    for kind in [Kind::Hedger, Kind::BasisTrader] {
        for (name, fate) in first.fates_by_kind(kind) {
            assert_eq!((fate.auctions, fate.bids), (0, 0), "{name} is hedged and was auctioned");
        }
    }
    assert!(first.fates_by_kind(Kind::LeveredLong).any(|(_, f)| f.bids > 0), "no levered long was auctioned");
    assert!(first.fates_by_kind(Kind::LeveredShort).any(|(_, f)| f.bids > 0), "no levered short was auctioned");

    let page = std::fs::read_to_string(&first.report).expect("the report is written");
    for fetch in ["http:", "https:", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(fetch), "the report asks for something: {fetch}");
    }
    assert!(page.contains("<svg") && page.contains("width=device-width"));

    let second = run("second.html");
    let table = |o: &Outcome| terminal::summary(o).lines().filter(|l| !l.starts_with("Report:")).collect::<String>();
    assert_eq!(table(&first), table(&second));
    assert_eq!(first.frames, second.frames);
}

#[test]
fn a_missing_program_says_what_to_do() {
    let options = Options { program: "no/such.so".into(), report: "unused.html".into(), steps: STEPS, quiet: true };
    let error = demo::run(&options).expect_err("there is no program");
    assert!(error.to_string().contains("make program"), "{error:#}");
}
