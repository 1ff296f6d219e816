//! `novate scenarios`: rows against those committed, the back-test against hand-made cases, the margin crate and the
//! canonical portfolios, and every refusal.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use novate_cli::scenarios::backtest::{self, report, IN_FORCE, SOURCE};
use novate_cli::scenarios::books::{linear, options, perpetual, Book};
use novate_cli::scenarios::build::Input;
use novate_cli::scenarios::coverage::{kupiec, Coverage, Outcome};
use novate_cli::scenarios::exact;
use novate_cli::scenarios::history::{Day, History, JointDay};
use novate_cli::scenarios::profile::{Places, Profile};
use novate_cli::scenarios::quotes::{Call, Quote};
use novate_cli::scenarios::replay::{months, outcomes, replay, Samples};
use novate_cli::scenarios::requirement::{Holding, Measure};
use novate_cli::scenarios::rows::{rows, Choice, Row};
use novate_cli::scenarios::table::{Content, Table};
use novate_cli::scenarios::tune::{Found, Judged};

const CLOSES: &str = include_str!("data/closes.csv");
const ROWS: &str = include_str!("data/rows.json");

fn data(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "data", name].iter().collect()
}

/// An empty folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("scenarios").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn novate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_novate")).arg("scenarios").args(arguments).output().unwrap()
}

fn input(file: PathBuf) -> Input {
    Input { file, returns: false, base: Vec::new() }
}

fn table(text: &str) -> Table {
    Table::parse(text.as_bytes(), Content::Closes).unwrap()
}

fn history(table: &Table) -> History {
    History::new(table, &[], None).unwrap()
}

/// The committed closes with the lines from a date on replaced by what `change` makes of them.
fn changed_from(date: &str, change: impl Fn(&str) -> String) -> String {
    let lines = CLOSES.lines().map(|line| if line >= date && line < "3" { change(line) } else { line.into() });
    lines.collect::<Vec<_>>().join("\n")
}

fn day(change: f64, range: f64) -> Day {
    Day { change, range, sigma_before: 0.0, sigma_after: 0.0 }
}

// Rows

/// `data/rows.json` was compared with an independent script in Python, of which moves and vols were the same.
#[test]
fn build_repeats_the_committed_rows() {
    let out = folder("repeat").join("rows.json");
    let said = novate(&[
        "build",
        "--until",
        "2022-01-31",
        "--out",
        out.to_str().unwrap(),
        data("closes.csv").to_str().unwrap(),
    ]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(fs::read_to_string(&out).unwrap(), ROWS);
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("128 rows of BTC, ETH, SOL"), "{said}");
    assert!(said.contains("from 373 common days, 2021-01-22 to 2022-01-31"), "{said}");
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1, "nothing but the rows is left");

    let out = out.to_str().unwrap();
    let said =
        novate(&["build", "--json", "--until", "2022-01-31", "--out", out, data("closes.csv").to_str().unwrap()]);
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((said["rows"].as_u64(), said["days"].as_u64()), (Some(128), Some(373)));
    assert_eq!((said["out"].as_str(), said["columns"][2].as_str()), (Some(out), Some("SOL")));
    assert_eq!(fs::read_to_string(out).unwrap(), ROWS);
}

#[test]
fn returns_give_the_rows_of_their_closes() {
    let closes = table(CLOSES);
    let mut text = format!("date,{}\n", closes.names.join(","));
    for (at, date) in closes.dates.iter().enumerate() {
        let fields = closes.returns.iter().map(|column| column[at].map_or(String::new(), |r| r.to_string()));
        text += &format!("{date},{}\n", fields.collect::<Vec<_>>().join(","));
    }
    let returns = Table::parse(text.as_bytes(), Content::Returns).unwrap();
    assert_eq!(returns.returns, closes.returns);
    assert_ne!(returns.sha256, closes.sha256);
}

#[test]
fn what_comes_after_the_last_day_is_not_known() {
    let until = Some("2021-12-31".parse().unwrap());
    let other = table(&changed_from("2022-01-01", |line| format!("{},1,1,1", &line[..10])));
    let [a, b] = [&table(CLOSES), &other].map(|t| History::new(t, &[], until).unwrap().joint);
    assert_eq!(a, b);
    assert_ne!(history(&table(CLOSES)).joint, history(&other).joint);
}

#[test]
fn a_move_is_a_return_in_the_scan_range_of_the_days_before() {
    // BTC: 200 days of +-10 %, one day of +50 %, then +10 % on.
    let mut text = "date,BTC\n".to_string();
    for at in 0..300 {
        let size = if at == 200 { 0.5 } else { 0.1 };
        text += &format!("2020-{:02}-{:02},{}\n", 1 + at / 28, 1 + at % 28, if at % 2 == 0 { size } else { -0.1 });
    }
    let table = Table::parse(text.replace("2020-13", "2021-01").as_bytes(), Content::Returns);
    let joint = history(&table.unwrap()).joint;
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} instead of {b}");
    // No variance is known on the first day: the range is the base.
    close(joint[0].days[0].range, 0.15);
    close(joint[0].days[0].z(), 0.1 / 0.15);
    // The fast average starts at zero and forgets 6 % a day; three deviations, not above twice the base.
    close(joint[3].days[0].range, f64::max(0.15, 3.0 * (0.01 * (1.0 - 0.94_f64.powi(3))).sqrt()));
    close(joint[100].days[0].range, f64::min(0.30, 3.0 * (0.01 * (1.0 - 0.94_f64.powi(100))).sqrt()));
    // The shock is measured by the range before it, and cut to it.
    assert!(joint[200].days[0].range < 0.30);
    close(joint[200].days[0].z(), 1.0);
    close(joint[201].days[0].range, 0.30);
}

#[test]
fn rows_are_the_days_that_their_choice_names() {
    let zs = [[0.1, 0.1], [0.9, 0.0], [-0.7, -0.7], [0.2, -0.8], [0.6, 0.6], [-0.1, 0.75], [0.05, 0.0]];
    let joint: Vec<JointDay> = zs
        .iter()
        .enumerate()
        .map(|(at, z)| JointDay {
            date: format!("2022-01-0{}", at + 1).parse().unwrap(),
            days: z.map(|z| day(z * 0.2, 0.2)).to_vec(),
        })
        .collect();
    let kept = |count, choice| -> Vec<usize> {
        let rows = rows(&joint, count, choice);
        rows.iter().map(|row| joint.iter().position(|day| day.date == row.date).unwrap()).collect()
    };
    // Norms: 0.14, 0.90, 0.99, 0.82, 0.85, 0.76, 0.05.
    assert_eq!(kept(3, Choice::Norm), [1, 2, 4]);
    // Largest single moves: 0.9, 0.8, 0.75.
    assert_eq!(kept(3, Choice::Largest), [1, 3, 5]);
    // Worst of the first fallen, then risen; both fallen, both risen; first fallen while second rose, and so on.
    assert_eq!(kept(2, Choice::Directions), [1, 2]);
    assert_eq!(kept(5, Choice::Directions), [1, 2, 3, 4, 5]);
    assert_eq!(kept(100, Choice::Norm).len(), joint.len());

    let row = &rows(&joint, 7, Choice::Norm)[2];
    assert_eq!((&row.moves[..], &row.vols[..]), (&[-2867, -2867][..], &[89, 89][..]));
    assert_eq!(rows(&joint, 7, Choice::Norm)[1].vols, [0, 0], "a rise leaves vol where it is");
}

#[test]
fn an_underlying_with_few_days_gets_no_column() {
    let header = |line: &str| line.replace("date,BTC,ETH,SOL", "date,BTC,ETH,SOL,NEW");
    let lines = CLOSES.lines().enumerate().map(|(at, line)| match at {
        0 | 1 => header(line),
        _ => format!("{line},{}", if at > 300 { "5" } else { "" }),
    });
    let table = table(&lines.collect::<Vec<_>>().join("\n"));
    let history = History::new(&table, &[("NEW".into(), 0.4)], None).unwrap();
    assert_eq!((history.columns.join(" "), history.left_out.join(" ")), ("BTC ETH SOL".into(), "NEW".into()));
}

// Refusals

#[test]
fn a_bad_table_is_refused_by_name() {
    let cases = [
        ("", "the file is empty"),
        ("day,BTC\n2022-01-01,1\n", "the first column is `day`; it must be `date`"),
        ("date\n2022-01-01\n", "there is no column besides `date`"),
        ("date,BTC,\n2022-01-01,1,1\n", "a column has no name"),
        ("date,BTC,BTC\n2022-01-01,1,1\n", "two columns are named BTC"),
        ("date,BTC\n", "there are no days"),
        ("date,BTC\n2022-01-01,1,2\n", "2022-01-01: 3 fields; there are 2 columns"),
        ("date,BTC\n2022-01-02,1\n2022-01-01,1\n", "2022-01-01 stands after 2022-01-02; dates must ascend"),
        ("date,BTC\n2022-01-01,1\n2022-01-01,1\n", "2022-01-01 stands after 2022-01-01; dates must ascend"),
        ("date,BTC\n2022-02-29,1\n", "`2022-02-29` is not a date such as 2022-11-09"),
        ("date,BTC\n01/02/2022,1\n", "`01/02/2022` is not a date such as 2022-11-09"),
        ("date,BTC\n2022-01-01,NaN\n", "2022-01-01, BTC: `NaN` is not a number"),
        ("date,BTC\n2022-01-01,inf\n", "2022-01-01, BTC: `inf` is not a number"),
        ("date,BTC\n2022-01-01,1e3x\n", "2022-01-01, BTC: `1e3x` is not a number"),
        ("date,BTC\n2022-01-01,-0.01\n", "2022-01-01, BTC: a close of -0.01; it must be above 0"),
        ("date,BTC\n2022-01-01,0\n", "2022-01-01, BTC: a close of 0; it must be above 0"),
    ];
    for (text, expected) in cases {
        let error = Table::parse(text.as_bytes(), Content::Closes).err().map(|e| format!("{e:#}"));
        assert!(error.as_ref().is_some_and(|e| e.contains(expected)), "{text:?}: {error:?} instead of {expected:?}");
    }
    let many = (0..17).fold("date".to_string(), |text, at| format!("{text},U{at}"));
    assert!(Table::parse(many.as_bytes(), Content::Closes).is_err_and(|e| e.to_string().contains("17 underlyings")));
    let ruin = Table::parse(b"date,BTC\n2022-01-01,-1\n", Content::Returns);
    assert!(ruin.is_err_and(|e| format!("{e:#}").contains("a return of -1; it must lie between -1 and 10")));
}

#[test]
fn a_gap_in_the_days_gives_no_return() {
    let table = table("date,BTC\n2022-01-31,100\n2022-02-01,110\n2022-02-03,120\n2022-02-04,\n2022-02-05,130\n");
    assert_eq!(table.returns, [[None, Some(110.0 / 100.0 - 1.0), None, None, None]]);
}

/// Every refusal of the command: what it says, that it fails, and that the rows that stood there still do.
#[test]
fn a_refused_build_writes_nothing() {
    let folder = folder("refused");
    let write = |name: &str, text: &str| -> String {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name).to_str().unwrap().into()
    };
    let good = write("good.csv", CLOSES);
    let short = write("short.csv", &CLOSES.lines().take(200).collect::<Vec<_>>().join("\n"));
    let unknown = write("unknown.csv", &CLOSES.replace("date,BTC", "date,DOGE"));
    let nan = write("nan.csv", &CLOSES.replace("2021-07-20,", "2021-07-20,nan,"));
    let out = write("rows.json", "as it was");
    let missing = folder.join("no/such/rows.json");
    let nowhere = missing.to_str().unwrap();
    let before = fs::read_dir(&folder).unwrap().count();
    let cases: [(&[&str], &str); 11] = [
        (&["no.csv", "--out", &out], "no.csv: No such file"),
        (&[&short, "--out", &out], "no underlying has 250 daily returns"),
        (&[&unknown, "--out", &out], "the base scan range of DOGE is not known: state it with --base DOGE=RATIO"),
        (&[&nan, "--out", &out], "2021-07-20: 5 fields; there are 4 columns"),
        (&[&good, "--out", &out, "--returns"], "2021-01-01, BTC: a return of"),
        (&[&good, "--out", &out, "--base", "DOGE=0.4"], "there is no column DOGE"),
        (&[&good, "--out", &out, "--base", "BTC=0.9"], "a base scan range lies between 0.01 and 0.50"),
        (&[&good, "--out", &out, "--count", "129"], "--count 129: a set has 6 to 128 rows"),
        (&[&good, "--out", &out, "--until", "2021-06-01"], "no underlying has 250 daily returns"),
        (&[&good, "--out", nowhere], "rows.json: No such file or directory"),
        (&[&good, "--out", folder.to_str().unwrap()], "refused"),
    ];
    for (arguments, expected) in cases {
        let said = novate(&[&["build"], arguments].concat());
        let error = String::from_utf8(said.stderr).unwrap();
        assert!(!said.status.success() && error.contains(expected), "{arguments:?}: {error} instead of {expected}");
        assert_eq!(fs::read_to_string(&out).unwrap(), "as it was", "{arguments:?}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), before, "{arguments:?}");
    }
}

#[test]
fn a_backtest_without_enough_days_is_refused() {
    let short = folder("short").join("short.csv");
    // A comment, the header, and a day on which nothing has a return; then ETH lacks two, SOL twenty.
    let cases = [
        (252, "no underlying has 250 daily returns"),
        (253, "250 common days of two underlyings are needed"),
        (255, "250 common days; the first month to test needs 250 before it"),
    ];
    for (lines, expected) in cases {
        fs::write(&short, CLOSES.lines().take(lines).collect::<Vec<_>>().join("\n")).unwrap();
        let options = backtest::Options { input: input(short.clone()), seed: 1, premium: 0.1, json: false };
        let error = format!("{:#}", report(&options).err().unwrap());
        assert!(error.contains(expected), "{lines}: {error}");
    }
    let options = backtest::Options { input: input(data("closes.csv")), seed: 1, premium: f64::NAN, json: false };
    assert!(report(&options).is_err_and(|e| e.to_string().contains("--premium NaN")));
}

// The model in double precision

/// Spot 1 is 100,000 USD, vol 50 %, scan range 15 %; amounts in USD per contract.
#[test]
fn canonical_portfolios_need_what_the_specification_says() {
    let day = day(0.0, 0.15);
    let linear = Profile::linear(&day);
    let call = |strike: f64| Call::new(&day, strike, 30.0, [0.5, 0.5]);
    let needs = |fill: &dyn Fn(&mut Holding)| {
        let mut holding = Holding { range: day.range, ..Holding::default() };
        fill(&mut holding);
        (1e5 * Measure::of(&[holding], &Places::new(&[])).requirement(&IN_FORCE)).round()
    };
    let hedge = |h: &mut Holding| h.add_perpetual(-h.net_delta(), &linear);
    assert_eq!(
        needs(&|h| {
            h.add_spot(1.0, &linear);
            h.add_perpetual(-1.0, &linear)
        }),
        1_000.0,
        "A"
    );
    assert_eq!(needs(&|h| h.add_perpetual(-1.0, &linear)), 15_000.0, "B");
    assert_eq!(
        needs(&|h| {
            h.add_option(-1.0, true, &call(1.0), &linear);
            h.add_option(-1.0, false, &call(1.0), &linear);
            hedge(h);
        }),
        11_136.0,
        "D"
    );
    assert_eq!(
        needs(&|h| {
            for (strike, sign) in [(1.0, 1.0), (1.1, -1.0)] {
                h.add_option(sign, true, &call(strike), &linear);
                h.add_option(-sign, false, &call(strike), &linear);
            }
        }),
        300.0,
        "E"
    );
    assert_eq!(
        needs(&|h| {
            h.add_perpetual(1.0, &linear);
            h.add_option(1.0, false, &call(0.9), &linear);
            h.add_option(-1.0, true, &call(1.1), &linear);
        }),
        9_005.0,
        "F"
    );
    assert_eq!(
        needs(&|h| {
            h.add_option(-1.0, false, &call(0.7), &linear);
            h.add_option(-1.0, true, &call(1.3), &linear);
        }),
        10_551.0,
        "H"
    );
}

/// The reference model of the specification, in double precision, found these values.
#[test]
fn option_books_agree_with_the_reference() {
    let days = [day(-0.04, 0.15), day(0.0, 0.18)];
    let linear = days.map(|day| Profile::linear(&day));
    let rows: Vec<Row> = [
        ([-3000, -2000], [127, 60]),
        ([3500, 1000], [0, -127]),
        ([-4096, -4096], [127, 100]),
        ([1000, -2500], [-50, 90]),
        ([2048, 4096], [-90, -100]),
        ([100, -50], [30, -20]),
    ]
    .map(|(moves, vols): ([i16; 2], [i8; 2])| Row {
        date: "2022-01-01".parse().unwrap(),
        moves: moves.to_vec(),
        vols: vols.to_vec(),
    })
    .into();
    let option = |h: &mut Holding, quantity, is_call, strike, expiry, vol| {
        let call = Call::new(&days[h.column], strike, expiry, [vol, vol]);
        h.add_option(quantity, is_call, &call, &linear[h.column]);
    };
    let empty = |column: usize| Holding { column, range: days[column].range, ..Holding::default() };
    let agree = |holdings: &[Holding], expected: f64| {
        let margin = Measure::of(holdings, &Places::new(&rows)).requirement(&IN_FORCE);
        assert!((margin - expected).abs() < 1e-12, "{margin} instead of {expected}");
    };

    // Between two expiries: basis, term structure of vol.
    let mut calendar = empty(0);
    for is_call in [true, false] {
        option(&mut calendar, -1.0, is_call, 1.0, 7.0, 0.6);
        option(&mut calendar, 1.0, is_call, 1.0, 30.0, 0.5);
    }
    calendar.add_perpetual(-0.4, &linear[0]);
    calendar.add_spot(0.2, &linear[0]);
    agree(&[calendar], 0.107_155_666_780_998_44);

    // Worst at the tail of 1.5 scan ranges.
    let mut ratio = empty(0);
    option(&mut ratio, -1.0, true, 1.17, 0.5, 0.3);
    option(&mut ratio, 1.5, true, 1.22, 0.5, 0.3);
    agree(&[ratio], 0.021_082_554_684_878_71);

    // In the last day.
    let mut last = empty(0);
    option(&mut last, 1.0, true, 1.01, 0.5, 0.7);
    option(&mut last, -2.0, false, 0.97, 0.5, 0.7);
    agree(&[last], 0.255_409_919_837_887_86);

    // Across underlyings, credited by rows with vol moves up and down.
    let (mut short, mut long) = (empty(0), empty(1));
    for is_call in [true, false] {
        option(&mut short, -1.0, is_call, 1.0, 7.0, 0.6);
    }
    short.add_perpetual(0.5, &linear[0]);
    option(&mut long, 1.0, true, 1.05, 30.0, 0.8);
    option(&mut long, 2.0, false, 0.9, 30.0, 0.8);
    long.add_perpetual(-0.25, &linear[1]);
    agree(&[short, long], 0.176_955_689_891_800_38);

    // A day later: spot at 0.96, a day less, another vol.
    let gain = Profile::call(&days[0], 1.05, 7.0, [0.6, 0.66]).gain;
    assert!((gain - -0.008_341_458_259_951_723).abs() < 1e-12, "{gain}");
}

#[test]
fn linear_books_agree_with_the_margin_crate() {
    let history = history(&table(CLOSES));
    let months = months(&history).unwrap();
    let books = linear(&history.columns, 7);
    let exact = exact::replay(&months[..1], &books, SOURCE, &IN_FORCE).unwrap();
    let ours = outcomes(&replay(&months[..1], &books, SOURCE, Quote::linear), &IN_FORCE);
    for (book, (exact, ours)) in books.iter().zip(exact.iter().zip(&ours)) {
        assert_eq!(exact.len(), months[0].days.len());
        for (exact, ours) in exact.iter().zip(ours) {
            // The crate rounds, the scan range to 1e-6; the largest book has a notional of 3.
            let apart = (exact.margin - ours.margin).abs();
            assert!(apart < 6e-6, "{}: {} and {}", book.name, exact.margin, ours.margin);
            assert!((exact.summed - ours.summed).abs() < 1e-9 && (exact.loss - ours.loss).abs() < 1e-9);
        }
    }
}

// The replay

#[test]
fn margin_knows_the_past_only() {
    let other = changed_from("2022-01-01", |line| format!("{},{}", &line[..10], "1000,10,1"));
    let [a, b] = [CLOSES, &other].map(|text| {
        let history = history(&table(text));
        let months = months(&history).unwrap();
        let days: usize = months.iter().flat_map(|m| m.days).filter(|d| d.date < "2022-01-01".parse().unwrap()).count();
        let books = options(&history.columns);
        let all = outcomes(&replay(&months, &books, SOURCE, |day| Quote::new(day, 0.1)), &IN_FORCE);
        // By book: the tested days before the change, and the margin of the first day that it touched.
        assert!(days >= 60, "{days}");
        all.into_iter().map(|o| (o[..days].to_vec(), o[days])).collect::<Vec<_>>()
    });
    for ((before_a, day_a), (before_b, day_b)) in a.iter().zip(&b) {
        let numbers = |outcomes: &[Outcome]| outcomes.iter().map(|o| (o.margin, o.summed, o.loss)).collect::<Vec<_>>();
        assert_eq!(numbers(before_a), numbers(before_b));
        assert_eq!(day_a.margin, day_b.margin);
    }
    assert!(a.iter().zip(&b).any(|(a, b)| a.1.loss != b.1.loss));
}

#[test]
fn books_are_those_announced() {
    let columns = ["BTC", "ETH", "SOL"].map(String::from);
    let linear = linear(&columns, 1);
    let count = |of: &dyn Fn(&Book) -> bool| linear.iter().filter(|b| of(b)).count();
    assert_eq!(count(&|b| b.group == "single"), 6);
    assert_eq!(count(&|b| b.legs.len() == 2), 3 * 4 * 3);
    assert_eq!(count(&|b| b.group == "random"), 40);
    assert_eq!(count(&|b| b.is_joint()), 36 + 40);
    assert!(linear.iter().flat_map(|b| &b.legs).all(|l| l.quantity.abs() <= 2.0));
    for books in [linear, options(&columns)] {
        let mut names: Vec<&str> = books.iter().map(|b| b.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), books.len());
    }
}

/// Breaches are counted by hand from the losses.
#[test]
fn breaches_are_counted_by_size() {
    let outcome = |loss: f64| Outcome { margin: 1.0, summed: 2.0, loss };
    let losses = [-3.0, 0.5, 0.81, 1.0, 1.05, 1.10, 1.2, 1.5, 1.9, 5.0];
    let found = Coverage::of(&losses.map(outcome));
    assert_eq!((found.days, found.breaches, found.maintenance_breaches), (10, 6, 8));
    assert_eq!(found.sizes, [2, 1, 1, 1, 1]);
    assert_eq!((found.worst, found.share), (5.0, 0.5));
}

/// References: the likelihoods, and the tail of chi-squared by numerical integration.
#[test]
fn kupiec_test_agrees_with_references() {
    for (days, breaches, ratio, p) in [
        (1000, 10, 0.0, 1.0),
        (250, 0, 5.025_168, 0.024_982),
        (250, 4, 0.769_138, 0.380_484),
        (255, 7, 5.316_341, 0.021_126),
        (1503, 4, 11.551_530, 0.000_677),
    ] {
        let found = kupiec(days, breaches);
        assert!((found.0 - ratio).abs() < 1e-6 && (found.1 - p).abs() < 1e-6, "{days}, {breaches}: {found:?}");
    }
}

// The search

/// Two underlyings that fall together in the one row, and a book long one and short the other.
fn spread(losses: &[f64]) -> Samples {
    let day = day(0.0, 0.2);
    let rows =
        rows(&[JointDay { date: "2022-01-01".parse().unwrap(), days: vec![self::day(-0.2, 0.2); 2] }], 1, Choice::Norm);
    let quotes = [Quote::linear(&day), Quote::linear(&day)];
    let held = novate_cli::scenarios::quotes::holdings(&[perpetual(0, 1.0), perpetual(1, -1.0)], &quotes);
    let measure = Measure::of(&held, &Places::new(&rows));
    let sample = |loss: &f64| novate_cli::scenarios::replay::Sample { measure, summed: 0.4, loss: *loss };
    vec![losses.iter().map(sample).collect()]
}

#[test]
fn the_search_takes_the_lowest_margin_that_covers() {
    // G = 0.4, and alone the long loses 0.2 while the short loses nothing, together nothing: 0.2 can be credited, and
    // margin is 0.4 - 0.2·credit or more. Of 200 days two may breach.
    let mut losses = vec![0.0; 400];
    losses[..3].copy_from_slice(&[0.24, 0.25, 0.30]);
    let parts = [0..200, 200..400];
    let best = |losses: &[f64]| Found::best(&spread(losses), SOURCE, &parts).unwrap();
    let found = best(&losses);
    let judged = |margin: f64, worst: f64, above| Judged { share: margin / 0.4, worst, above };
    let same = |a: Judged, b: Judged| (a.share - b.share).abs() < 1e-9 && (a.worst, a.above) == (b.worst, b.above);
    assert_eq!((found.setting.credit, found.setting.floor), (0.80, 0.60), "a floor of 0.24 covers 0.24");
    assert!(same(found.inside, judged(0.24, 0.01, 0)), "{found:?}");
    assert!(same(found.outside, judged(0.24, 0.0, 0)), "{found:?}");

    // What happens outside has no part in the choice, and is judged.
    losses[200..210].fill(0.39);
    let other = best(&losses);
    assert_eq!(other.setting, found.setting);
    assert!(same(other.outside, judged(0.24, 0.05, 1)), "{other:?}");

    // Where nothing covers, nothing is chosen.
    losses[..3].fill(0.5);
    assert!(Found::best(&spread(&losses), SOURCE, &parts).is_none());
}

/// The whole command on the committed closes. The first part allows no breach in 73 days and finds a careful setting;
/// in the second part no setting is careful enough.
#[test]
fn the_backtest_reports_all_that_it_promises() {
    let options = backtest::Options { input: input(data("closes.csv")), seed: 1, premium: 0.1, json: false };
    let found = report(&options).unwrap();
    assert_eq!(found.tuned.iter().map(|t| t.what).collect::<Vec<_>>()[..2], ["in force", "best"]);
    assert_eq!(found.tuned.last().map(|t| (t.what, t.inside.above)), Some(("chosen", 0)));
    assert_eq!(found.reversed.len(), 1);
    assert_eq!(found.sections.len(), 6);
    for section in &found.sections {
        let days = if section.title.ends_with("all days") { 147 } else { 74 };
        for line in &section.lines {
            let coverage = &line.coverage;
            assert_eq!(coverage.days, days, "{}: {}", section.title, line.book);
            assert_eq!(coverage.sizes.iter().sum::<usize>(), coverage.breaches);
            assert!(coverage.maintenance_breaches >= coverage.breaches);
            assert!(coverage.share > 0.0 && coverage.share < 1.0 + 1e-5, "{}: {}", line.book, coverage.share);
        }
    }
    let text = found.text();
    assert!(text.contains("No setting that was tried keeps every book within 1 % of those days."), "{text}");
    assert!(text.contains("| random         | 40 |"), "{text}");

    let json = backtest::run(&backtest::Options { json: true, ..options.clone() }).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let lines = json["sections"][0]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 6 + 36 + 40);
    assert_eq!(lines[0]["breaches"], found.sections[0].lines[0].coverage.breaches);
    assert_eq!(backtest::run(&options).unwrap(), text, "the same table and seed say the same");
}
