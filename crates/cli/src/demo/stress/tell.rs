//! What the replays came to, in words: for the terminal and the report.

use super::{Cut, End, Replay, Run};
use crate::demo::prices::UNIT;
use crate::demo::terminal::{separated, thousands};

/// Lowest price of each coin and how far below the first it is.
pub fn lowest(replay: &Replay) -> String {
    let low = |(coin, first, low, date): &(String, i64, i64, String)| {
        let fall = ((first - low) * 100 + first / 2) / first;
        let price = if *first > 10 * UNIT { separated(i128::from((low + UNIT / 2) / UNIT)) } else { cents(*low) };
        format!("{coin} {price} (-{fall} %, {})", day(date))
    };
    replay.lows.iter().map(low).collect::<Vec<_>>().join(", ")
}

/// A date as people write it, without its year.
fn day(date: &str) -> String {
    const MONTHS: [(&str, &str); 3] = [("03", "March"), ("05", "May"), ("11", "November")];
    let mut parts = date.split('-').skip(1);
    let (month, day) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let month = MONTHS.iter().find(|(number, _)| *number == month).map_or(month, |(_, name)| name);
    format!("{} {month}", day.trim_start_matches('0'))
}

/// A small price, 1e-8 USD.
fn cents(price: i64) -> String {
    format!("{}.{:04}", price / UNIT, price % UNIT / 10_000)
}

/// A time span, in the unit that reads best.
fn span(seconds: i64) -> String {
    match seconds {
        0..7_200 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3_600),
    }
}

/// A moment, seconds after the low.
fn since(seconds: i64) -> String {
    let word = if seconds < 0 { "before" } else { "after" };
    format!("{} {word} the low", span(seconds.abs()))
}

/// So many of something.
fn count(number: u32, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

fn usd(amount: u64) -> String {
    thousands(i64::try_from(amount).unwrap_or(i64::MAX))
}

/// Amounts with what they are, without those that are nothing.
fn list(amounts: &[(u64, &str)]) -> String {
    let some = amounts.iter().filter(|(amount, _)| *amount > 0);
    some.map(|(amount, name)| format!("{} {name}", usd(*amount))).collect::<Vec<_>>().join(", ")
}

/// When everyone was at maintenance margin again, the last round of haircuts was closed, and cash left in full.
pub fn back(run: &Run) -> String {
    let short = match run.back {
        Some(seconds) => format!("nobody short any more {}", since(seconds)),
        None => "somebody is short to the end".into(),
    };
    let closed = run.closed.map(|seconds| format!("last round of haircuts closed {}", since(seconds)));
    let whole = match run.whole {
        _ if run.waterfall.at_stake == 0 => "exits in full throughout".into(),
        Some(seconds) => format!("exits in full again {}", since(seconds)),
        None => "exits net of a haircut to the end".into(),
    };
    [Some(short), closed, Some(whole)].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What happened to a member in one run, in a few words.
pub fn story(end: &End) -> String {
    let (fate, paid, mut parts) = (&end.fate, &end.part.paid, Vec::new());
    if paid.sum() > 0 {
        let fund = [(paid.capital, "by capital"), (paid.stake, "by stake")];
        let tiers = list(&[fund[0], fund[1], (paid.forgiven, "forgiven"), (paid.deposits.sum(), "by deposits")]);
        parts.push(format!("insolvent, paid for it: {tiers}"));
    } else if fate.slices > 0 {
        let sold = (fate.taken + 5_000_000) / 10_000_000;
        parts.push(format!("{sold} % sold in {}, {}", count(fate.slices, "slice"), count(fate.auctions, "auction")));
    } else if fate.auctions > 0 {
        parts.push(format!("{}, nothing sold", count(fate.auctions, "auction")));
    }
    if end.after < 0 {
        parts.push(format!("lacks {}", thousands(-end.after)));
    } else if end.short > 0 {
        parts.push(format!("short of {} of margin", thousands(end.short)));
    }
    let stake = end.staked[0].saturating_sub(end.staked[1]).unsigned_abs();
    let haircuts = [(end.part.charged, "haircut of gains"), (end.part.deposits, "haircut of deposits")];
    for (amount, name) in [(stake, "stake paid")].into_iter().chain(haircuts) {
        if amount > 0 {
            parts.push(format!("{name} {}", usd(amount)));
        }
    }
    if parts.is_empty() {
        return "no auction".into();
    }
    parts.join("; ")
}

/// Which run it is.
pub fn mode(asleep: bool) -> &'static str {
    if asleep {
        "asleep"
    } else {
        "awake"
    }
}

/// A run's figures: auctions, slices; members below maintenance margin at the end; USD lacking at the worst and at the end, and
/// won without being paid.
pub fn figures(run: &Run) -> [String; 6] {
    let (worst, left) = run.lacking();
    let short = run.members.iter().filter(|m| m.short > 0).count();
    let unpaid = run.members.iter().map(|m| m.unsettled).sum();
    let counts = [run.auctions().to_string(), run.slices().to_string()];
    let [auctions, slices] = counts;
    [auctions, slices, thousands(worst), thousands(left), short.to_string(), thousands(unpaid)]
}

/// The names of [`figures`].
pub const FIGURES: [&str; 6] =
    ["Auctions", "Slices", "Lacking at worst", "Lacking at the end", "Short at the end", "Gains unpaid"];

/// Losses tier by tier: what insolvent accounts had and lacked, what was paid for them, and out of what.
pub fn tiers(run: &Run) -> [String; 9] {
    let (waterfall, (capital, stake)) = (&run.waterfall, run.fund[1]);
    let [from_capital, from_stake, gains, deposits, nobody] = waterfall.tiers().map(usd);
    let (margin, deficits, payouts) = (thousands(run.margin()), usd(waterfall.deficits), usd(waterfall.payouts));
    [margin, deficits, payouts, from_capital, from_stake, gains, deposits, nobody, usd(capital + stake)]
}

/// The names of [`tiers`].
pub const TIERS: [&str; 9] = [
    "Own margin",
    "Taken over",
    "Paid to takers",
    "Capital",
    "Stake",
    "Gains",
    "Deposits",
    "Nobody",
    "Left in the fund",
];

/// The haircuts of a run: of gains by market, and of deposits; or what was spare.
pub fn haircuts(run: &Run) -> String {
    let waterfall = &run.waterfall;
    let of_market = |cut: &Cut| {
        let rounds = count(cut.rounds, "round");
        let (coin, gains, registered) = (cut.coin, usd(cut.gains()), usd(cut.registered));
        let mut out =
            format!("{coin}: {} forgiven in {rounds}, {gains} paid by gains of {registered}", usd(cut.forgiven));
        for (amount, by) in [(cut.deposits.sum(), "deposits"), (cut.left(), "nobody")] {
            if amount > 0 {
                out.push_str(&format!(", {} by {by}", usd(amount)));
            }
        }
        out
    };
    let mut parts: Vec<String> = waterfall.cuts.iter().filter(|cut| cut.rounds > 0).map(of_market).collect();
    let deposits = waterfall.deposits();
    if deposits.sum() > 0 {
        let kinds = [(deposits.free, "of cash"), (deposits.held, "held back"), (deposits.lent, "lent")];
        parts.push(format!("deposits: {}", list(&kinds)));
    }
    if parts.is_empty() {
        let (capital, stake) = run.fund[1];
        parts.push(format!("none, spare were {}", list(&[(capital, "of capital"), (stake, "of stake")])));
    }
    if waterfall.at_stake > 0 {
        parts.push(format!("at most {} at stake for deposits in between", usd(waterfall.at_stake)));
    }
    parts.join("; ")
}

/// What is printed: a few lines for each window.
pub fn lines(replays: &[Replay]) -> Vec<String> {
    let mut out = Vec::new();
    let named = |names: &[&str], values: &[String]| {
        let named = names.iter().zip(values).map(|(name, value)| format!("{} {value}", name.to_lowercase()));
        named.collect::<Vec<_>>().join(", ")
    };
    for replay in replays {
        out.push(format!("{}: {}", replay.window.name, lowest(replay)));
        for (run, asleep) in replay.runs.iter().zip([false, true]) {
            out.push(format!("  {}: {}; {}", mode(asleep), named(&FIGURES, &figures(run)), back(run)));
            out.push(format!("    {}", named(&TIERS, &tiers(run))));
            out.push(format!("    haircuts: {}", haircuts(run)));
        }
    }
    out
}

/// Which coins' readings were refused and for how long, where any was.
pub fn refused(run: &Run) -> Option<String> {
    let waits = run.refused.iter().filter(|(_, seconds)| *seconds > 0);
    let waits: Vec<String> = waits.map(|(coin, seconds)| format!("{coin} {seconds} s")).collect();
    (!waits.is_empty()).then(|| waits.join(", "))
}
