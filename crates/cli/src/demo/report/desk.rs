//! The part of the report on futures and options.

use super::chart::{percent, short};
use super::{grid, line, members, series};
use crate::demo::cast::CAST;
use crate::demo::products::{BTC_DEC, BTC_NOV, ETH_DEC, ETH_NOV};
use crate::demo::terminal::{story, strategy, thousands};
use crate::demo::{Frame, Outcome, Standing};

pub const TEXT: &str = "On BTC and ETH there are futures and options that expire on 25 November and 30 December. A dealer \
    takes the other side of every strategy and trades its delta away with perpetuals after every move. The program \
    prices each option not once but in every scenario of the scan, moves of price and of volatility together, and asks \
    of a book what its worst scenario costs as a whole, plus charges for what a scan cannot see. So a box, which pays the \
    same whatever happens, needs next to nothing, and a long that owns puts outlives the one that does not. Leg by leg \
    each option, future, perpetual and coin is a portfolio of its own, under the same model.";

/// Charts and the table of books.
pub fn body(outcome: &Outcome) -> String {
    let frames = &outcome.frames;
    let vol = |at: usize| move |f: &Frame| f.vols[at] as f64 / 1e4;
    let vols = |title, note, [near, far]: [usize; 2]| {
        let both = vec![series(frames, "25 Nov", "a", vol(near)), series(frames, "30 Dec", "c", vol(far))];
        line(title, note, false, percent, both)
    };
    let total = |of: fn(&Standing) -> i64| {
        move |f: &Frame| {
            let books = f.standings.iter().zip(CAST).filter(|(_, m)| m.kind.is_option_book());
            books.map(|(s, _)| of(s)).sum::<i64>() as f64 / 1e6
        }
    };
    let figures = [
        vols("BTC implied volatility", "A year, at the money, as published.", [BTC_NOV, BTC_DEC]),
        vols("ETH implied volatility", "A year, at the money, as published.", [ETH_NOV, ETH_DEC]),
        line(
            "Initial margin of the option desk",
            "USD, the dealer included.",
            true,
            short,
            vec![
                series(frames, "leg by leg", "b", total(|s| s.leg_by_leg)),
                series(frames, "as one book", "a", total(|s| s.initial)),
            ],
        ),
    ];
    grid(&figures) + &table(outcome)
}

/// The option desk: what each book holds, what it needs right after its first trade, and what became of it.
fn table(outcome: &Outcome) -> String {
    let (Some(first), Some(last)) = (outcome.frames.first(), outcome.frames.last()) else { return String::new() };
    let mut out = String::from(
        "<table class=\"members\"><thead><tr><th>Who<th>Holds<th>Initial margin<th>Leg by leg<th>Share<th>Equity before\
         <th>Equity<th>What happened</tr></thead><tbody>",
    );
    let standings = first.standings.iter().zip(&last.standings);
    let books = CAST.iter().zip(&outcome.fates).zip(standings).filter(|((m, _), _)| m.kind.is_option_book());
    for ((member, fate), (before, after)) in books {
        let share = before.initial as f64 * 100.0 / before.leg_by_leg as f64;
        let cells = [
            ("Holds", strategy(member).join("<br>")),
            ("Initial margin", thousands(before.initial)),
            ("Leg by leg", thousands(before.leg_by_leg)),
            ("Share", format!("{share:.0} %")),
            ("Equity before", thousands(before.equity)),
            ("Equity", thousands(after.equity)),
            ("What happened", story(member, fate, after)),
        ];
        out.push_str(&members::row(member, &cells));
    }
    out.push_str("</tbody></table>");
    out
}
