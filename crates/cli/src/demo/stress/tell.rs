//! What the replays came to, in words: for the terminal and the report.

use super::{End, Replay, Run};
use crate::demo::prices::UNIT;
use crate::demo::terminal::{separated, thousands};

/// Lowest price of each coin and how far below the first it is.
pub fn lowest(replay: &Replay) -> String {
    let low = |(coin, first, low, date): &(String, i64, i64, String)| {
        let fall = ((first - low) * 100 + first / 2) / first;
        let price = if *first > 10 * UNIT { separated(i128::from((low + UNIT / 2) / UNIT)) } else { cents(*low) };
        format!("{coin} {price} (-{fall} %, {date})")
    };
    replay.lows.iter().map(low).collect::<Vec<_>>().join(", ")
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

/// When everyone was at maintenance margin again.
pub fn back(run: &Run) -> String {
    match run.back {
        Some(seconds) => format!("nobody short from {} after the low on", span(seconds)),
        None => "somebody is short to the end".into(),
    }
}

/// What happened to a member in one run, in a few words.
pub fn story(end: &End) -> String {
    let paid = end.fate.capital + end.fate.stake;
    let sold = (end.fate.taken + 5_000_000) / 10_000_000;
    match (end.fate.auctions, end.after) {
        (0, after) if after >= 0 => "no auction".into(),
        (_, after) if after < 0 => format!("lacks {}", thousands(-after)),
        _ if paid > 0 => format!("insolvent, insurance paid {}", thousands(i64::try_from(paid).unwrap_or(i64::MAX))),
        (auctions, _) => format!("{sold} % sold in {} slices, {auctions} auctions", end.fate.slices),
    }
}

/// Which run it is.
pub fn mode(asleep: bool) -> &'static str {
    if asleep {
        "asleep"
    } else {
        "awake"
    }
}

/// A run's figures: auctions, slices; USD lacking at the worst, taken over, paid out of capital and of stake, and at the end
/// lacking and won without being paid.
pub fn figures(run: &Run) -> [String; 8] {
    let ((capital, stake), (worst, left)) = (run.drawn(), run.lacking());
    let usd = |amount: u64| thousands(i64::try_from(amount).unwrap_or(i64::MAX));
    let (auctions, slices) = (run.auctions().to_string(), run.slices().to_string());
    let unpaid = run.members.iter().map(|m| m.unsettled).sum();
    let paid = [run.deficits, capital, stake].map(usd);
    let [taken, capital, stake] = paid;
    [auctions, slices, thousands(worst), taken, capital, stake, thousands(left), thousands(unpaid)]
}

/// The names of [`figures`].
pub const FIGURES: [&str; 8] = [
    "Auctions",
    "Slices",
    "Lacking at worst",
    "Taken over",
    "From capital",
    "From stake",
    "Left unpaid",
    "Gains unpaid",
];

/// What is printed: a few lines for each window.
pub fn lines(replays: &[Replay]) -> Vec<String> {
    let mut out = Vec::new();
    for replay in replays {
        out.push(format!("{}: {}", replay.window.name, lowest(replay)));
        for (run, asleep) in replay.runs.iter().zip([false, true]) {
            let figures = figures(run);
            let named = FIGURES.iter().zip(&figures).map(|(name, value)| format!("{} {value}", name.to_lowercase()));
            out.push(format!("  {}: {}; {}", mode(asleep), named.collect::<Vec<_>>().join(", "), back(run)));
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
