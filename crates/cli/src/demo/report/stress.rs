//! The part of the report on the stress windows.

use std::fmt::Write;

use super::chart::{short, Chart, Series};
use crate::demo::prices::DAY;
use crate::demo::stress::tell::{back, figures, haircuts, lowest, mode, refused, tiers, FIGURES, TIERS};
use crate::demo::stress::{story, Frame, Replay, Run, CAPITAL};
use crate::demo::terminal::thousands;

/// What the section is about.
pub fn text() -> String {
    format!(
        "Four windows, the same books in each, sized in USD of the first prices: longs and shorts, sellers of options, \
         borrowers, lenders, and an insurance fund of {} USD of capital and 100,000 USD of stake. Every day prices fall at \
         noon to the low of the day in one step, all coins at once, and the readings go on until the guard of the program \
         takes them for prices. Each window runs twice: with liquidators awake, and with liquidators asleep from the \
         worst low on, for a day or, in March 2023, for four. Futures and options expire two days after that low and are \
         settled. Sleep is not always dearer: where prices come back, less is paid to those who bid late. How far \
         accounts fall in between is left to prices.",
        thousands(i64::try_from(CAPITAL).unwrap_or(i64::MAX))
    )
}

const WATERFALL: &str = "An account loses its own margin first. Where its equity is below zero, whoever takes it over is paid what \
    it lacks, and a premium that grows with time: out of the capital of the fund, then out of its stake. What the fund lacks is \
    forgiven to the taker, and charged to those who gained in the same market, in proportion to their gains; what these do \
    not cover, and what a loan and no market lost, all settlement deposits pay, lenders included. \
    While deposits may have to pay, what leaves is cut by as much; exits are in full where it is not. Amounts that are paid are USDC; \
    what accounts had is counted in USD.";

/// Tables of all runs, then charts and everyone for each window.
pub fn body(replays: &[Replay]) -> String {
    let mut out = table(replays);
    let _ = write!(out, "<h3>Who paid, tier by tier</h3><p>{WATERFALL}</p>{}", waterfall(replays));
    for replay in replays {
        let (window, low) = (replay.window, lowest(replay));
        let _ = write!(out, "<h3>{}</h3><p>{} Lowest: {low}.", window.name, window.what);
        let _ = write!(out, "{}</p>", guard(&replay.runs[0]));
        out.push_str(&super::grid(&[prices(replay), lacking(replay), fund(replay)]));
        out.push_str("<ul class=\"below\">");
        for (run, asleep) in replay.runs.iter().zip([false, true]) {
            let _ = write!(out, "<li>Haircuts, liquidators {}: {}.</li>", mode(asleep), haircuts(run));
        }
        out.push_str("</ul>");
        let _ =
            write!(out, "<details><summary>Everyone in {}</summary>{}</details>", replay.window.name, everyone(replay));
    }
    let checks: usize = replays.iter().flat_map(|r| &r.runs).map(|run| run.checks).sum();
    let _ = write!(
        out,
        "<p class=\"note\">Vaults, markets and open interest balanced to the unit {checks} times, no token came or went, and what \
         events tell of each tier is what the fund and the markets lack. \
         Prices: daily closes and lows, public market data. The joint scenarios are those of the fortnight above, so of the \
         first two windows they have seen what came. A stake is counted at 1 USD.</p>"
    );
    out
}

fn guard(run: &Run) -> String {
    refused(run).map_or_else(String::new, |waits| format!(" Longest time until a gap was a price: {waits}."))
}

fn table(replays: &[Replay]) -> String {
    let mut out = String::from("<table class=\"members runs\"><thead><tr><th>Window");
    for name in FIGURES {
        let _ = write!(out, "<th>{name}");
    }
    out.push_str("<th>Recovery</tr></thead><tbody>");
    for replay in replays {
        for (run, asleep) in replay.runs.iter().zip([false, true]) {
            let _ = write!(out, "<tr><th>{} <em>liquidators {}</em>", replay.window.name, mode(asleep));
            for (name, value) in FIGURES.iter().zip(figures(run)) {
                let _ = write!(out, "<td data-label=\"{name}\">{value}</td>");
            }
            let _ = write!(out, "<td data-label=\"Recovery\">{}</td></tr>", back(run));
        }
    }
    out.push_str("</tbody></table>");
    out
}

/// What insolvent accounts had and lacked, and who paid.
fn waterfall(replays: &[Replay]) -> String {
    let mut out = String::from("<table class=\"members runs tiers\"><thead><tr><th>Window");
    for name in TIERS {
        let _ = write!(out, "<th>{name}");
    }
    out.push_str("</tr></thead><tbody>");
    for replay in replays {
        for (run, asleep) in replay.runs.iter().zip([false, true]) {
            let _ = write!(out, "<tr><th>{} <em>liquidators {}</em>", replay.window.name, mode(asleep));
            for (name, value) in TIERS.iter().zip(tiers(run)) {
                let _ = write!(out, "<td data-label=\"{name}\">{value}</td>");
            }
            out.push_str("</tr>");
        }
    }
    out.push_str("</tbody></table>");
    out
}

fn everyone(replay: &Replay) -> String {
    let mut out = String::from(
        "<table class=\"members\"><thead><tr><th>Who<th>Book, USD<th>Before<th>Awake<th>Asleep<th>What happened</tr>\
         </thead><tbody>",
    );
    let [awake, asleep] = &replay.runs;
    for (one, other) in awake.members.iter().zip(&asleep.members) {
        let stories = match [one, other].map(story) {
            [one, other] if one == other => one,
            [one, other] => format!("awake: {one}<br>asleep: {other}"),
        };
        let cells = [
            ("Book", one.book.clone()),
            ("Before", thousands(one.before)),
            ("Awake", thousands(one.after)),
            ("Asleep", thousands(other.after)),
            ("What happened", stories),
        ];
        let _ = write!(out, "<tr><th>{}", one.name);
        for (label, text) in cells {
            let _ = write!(out, "<td data-label=\"{label}\">{text}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

fn points(replay: &Replay, run: &Run, value: impl Fn(&Frame) -> f64) -> Vec<(f64, f64)> {
    let day = |time: i64| (time - replay.window.start) as f64 / DAY as f64;
    run.frames.iter().map(|f| (day(f.time), value(f))).collect()
}

fn chart(replay: &Replay, title: &'static str, note: &'static str, from_zero: bool, series: Vec<Series>) -> String {
    let end = series.iter().flat_map(|s| s.points.iter().map(|p| p.0)).fold(1.0, f64::max);
    Chart { title, note, series, from_zero, format: short, days: (replay.window.first_day, end) }.figure()
}

fn prices(replay: &Replay) -> String {
    let coins = [("USDC", "b"), ("BTC", "btc"), ("ETH", "eth"), ("SOL", "sol")];
    let run = &replay.runs[0];
    let first = run.frames.first().map(|f| f.prices.clone()).unwrap_or_default();
    let of = |(at, (name, style)): (usize, &(&'static str, &'static str))| Series {
        name,
        style,
        points: points(replay, run, |f| f.prices[at] as f64 * 100.0 / first[at] as f64),
    };
    let series = coins.iter().take(first.len()).enumerate().map(of).collect();
    chart(replay, "Prices", "The first is 100. As the pool knows them.", false, series)
}

fn both(replay: &Replay, value: fn(&Frame) -> f64) -> Vec<Series> {
    let one = |(run, (name, style)): (&Run, (&'static str, &'static str))| Series {
        name,
        style,
        points: points(replay, run, value),
    };
    replay.runs.iter().zip([("awake", "a"), ("asleep", "limit")]).map(one).collect()
}

fn lacking(replay: &Replay) -> String {
    let series = both(replay, |f| f.lacking as f64 / 1e6);
    chart(replay, "Insolvent accounts lack", "USD, until they are taken over.", true, series)
}

fn fund(replay: &Replay) -> String {
    let series = both(replay, |f| f.fund as f64 / 1e6);
    chart(replay, "Insurance fund", "USDC, capital and stake.", true, series)
}
