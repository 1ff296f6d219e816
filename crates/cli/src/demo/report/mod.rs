//! The report: one HTML file without any request to anywhere, plots as inline SVG, readable on a phone.

mod chart;
mod desk;
mod members;
mod stress;

use std::fmt::Write;

use anyhow::{Context, Result};

use super::cast::{Kind, CAST};
use super::prices::{DAY, START};
use super::terminal::{compute_rows, ledger_lines, thousands};
use super::{Frame, Outcome};
use chart::{percent, short, Chart, Series};

const STYLE: &str = include_str!("style.css");

/// Writes the report where the options say.
pub fn write(outcome: &Outcome) -> Result<()> {
    let path = &outcome.report;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::fs::write(path, page(outcome)?).with_context(|| format!("cannot write {}", path.display()))
}

/// Days since the start of the replay.
fn days(time: i64) -> f64 {
    (time - START) as f64 / DAY as f64
}

fn page(outcome: &Outcome) -> Result<String> {
    let sections = [
        opening(outcome)?,
        section("What the market did", MARKET, &market(outcome)),
        section("What netting is worth", NETTING, &(members::netting(outcome) + &margin(outcome))),
        section("The option desk", desk::TEXT, &desk::body(outcome)),
        section("Who could hold on", HEALTH, &members::health(outcome)),
        section("Where the money was", MONEY, &money(outcome)),
        section("Everyone, at the end", ENDING, &members::table(outcome)),
        stressed(outcome),
        section("What the chain had to compute", COMPUTE, &compute(outcome)),
        section("How this was made", "", &method(outcome)),
    ];
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light \
         dark\"><title>Novate: the FTX fortnight, \
         replayed</title><style>{STYLE}</style></head>\n<body><main>{}</main></body></html>\n",
        sections.join("\n")
    ))
}

fn section(title: &str, text: &str, body: &str) -> String {
    let text = if text.is_empty() { String::new() } else { format!("<p>{text}</p>") };
    format!("<section><h2>{title}</h2>{text}{body}</section>")
}

fn stressed(outcome: &Outcome) -> String {
    if outcome.stress.is_empty() {
        return String::new();
    }
    section("Four windows that broke markets", &stress::text(), &stress::body(&outcome.stress))
}

fn opening(outcome: &Outcome) -> Result<String> {
    let last = outcome.last()?;
    let hedged = CAST.iter().zip(&outcome.fates).filter(|(m, _)| m.kind.is_hedged());
    let (held, hedgers) = hedged.fold((0, 0), |(held, all), (_, f)| (held + usize::from(f.auctions == 0), all + 1));
    let tiles = [
        (CAST.len().to_string(), "portfolios, margined each as one book"),
        (format!("{held} of {hedgers}"), "hedged books came through without an auction"),
        (outcome.liquidations().to_string(), "slices sold in liquidation auctions"),
        (format!("{} USD", thousands(last.unfunded)), "deficits of insolvent accounts at the end"),
        (format!("{} USD", thousands(last.paid_out)), "paid out of insurance to those who took them over"),
        (outcome.checks.to_string(), "checks of the books, each exact to the unit"),
    ];
    let mut out = String::from(
        "<header><h1>The FTX fortnight, replayed</h1><p>Novate is a clearing house: it stands between the two sides \
         of every trade and asks each trader for <em>margin</em>, money that covers what the position could lose \
         before it can be closed. This page shows its program, the binary that is built for Solana, clearing the two \
         weeks of November 2022 in which the exchange FTX failed and SOL lost more than half of its \
         price.</p></header><div class=\"tiles\">",
    );
    for (value, label) in tiles {
        let _ = write!(out, "<div><b>{value}</b><span>{label}</span></div>");
    }
    out.push_str("</div>");
    Ok(out)
}

const MARKET: &str = "Prices run from each day's close through the next day's low to its close. The wilder they \
    move, the larger the move that margin has to cover: the <em>scan range</em>. It never falls below a floor, so \
    that it need not jump when calm ends. Where volatility passes a market's limit, <em>initial margin</em>, what is \
    needed to take on risk, rises by a multiplier at once; <em>maintenance margin</em>, below which an account is \
    auctioned, does not. The axes below count the days of November 2022, in UTC.";

fn market(outcome: &Outcome) -> String {
    let frames = &outcome.frames;
    let price = |title, style, coin: usize| {
        line(title, "USD", false, short, vec![series(frames, title, style, |f| f.prices[coin] as f64 / 1e9)])
    };
    let by_coin = |of: fn(&Frame) -> &Vec<i64>, order: [usize; 3], scale: f64| {
        let named = [("BTC", "btc"), ("ETH", "eth"), ("SOL", "sol")];
        named
            .into_iter()
            .zip(order)
            .map(|((n, s), i)| series(frames, n, s, |f| of(f)[i] as f64 / scale))
            .collect::<Vec<_>>()
    };
    // Prices and ranges are by asset: SOL, BTC, ETH. Multipliers are by market: BTC, ETH, SOL.
    let figures = [
        price("BTC price", "btc", 1),
        price("ETH price", "eth", 2),
        price("SOL price", "sol", 0),
        line(
            "Scan range",
            "The move of a day that margin covers. The floors are 15, 18 and 25 %.",
            true,
            percent,
            by_coin(|f| &f.scan_ranges, [1, 2, 0], 1e4),
        ),
        line(
            "Initial margin multiplier",
            "Measured volatility over the market's limit, from 1 to 3.",
            false,
            short,
            by_coin(|f| &f.multipliers, [0, 1, 2], 1e6),
        ),
        line(
            "Haircut",
            "What a collateral's value is cut by where it is held outside of the scan. It rises with volatility. The \
             coins here have markets and are scanned instead.",
            true,
            percent,
            by_coin(|f| &f.haircuts, [1, 2, 0], 1e4),
        ),
    ];
    grid(&figures)
}

const NETTING: &str = "A short perpetual loses when its coin rises, and the coin itself gains as much. Margined leg \
    by leg, both are charged in full. Margined as one book, the hedged pair needs about a thirtieth of that; a pair \
    of different coins needs less than its legs, because history shows how far they move together. The bars show \
    initial margin right after the first trades, the option desk has its own below: in colour for the whole book, in grey leg by leg.";

fn margin(outcome: &Outcome) -> String {
    let frames = &outcome.frames;
    let total = |of: fn(&super::Standing) -> i64| move |f: &Frame| f.standings.iter().map(of).sum::<i64>() as f64 / 1e6;
    let hedged = |of: fn(&super::Standing) -> i64| {
        move |f: &Frame| {
            let books = f.standings.iter().zip(CAST).filter(|(_, m)| m.kind.is_hedged() || m.kind == Kind::PairTrader);
            books.map(|(s, _)| of(s)).sum::<i64>() as f64 / 1e6
        }
    };
    grid(&[
        line(
            "Initial margin of everyone",
            "USD, all portfolios together.",
            true,
            short,
            vec![
                series(frames, "leg by leg", "b", total(|s| s.leg_by_leg)),
                series(frames, "as one book", "a", total(|s| s.initial)),
            ],
        ),
        line(
            "Initial margin of hedged books and pairs",
            "USD, hedgers, basis and pair traders.",
            true,
            short,
            vec![
                series(frames, "leg by leg", "b", hedged(|s| s.leg_by_leg)),
                series(frames, "as one book", "a", hedged(|s| s.initial)),
            ],
        ),
    ])
}

const HEALTH: &str = "Health is equity over maintenance margin. Below 1 (the red line) anyone may start an auction: \
    slices of the whole account are offered at a discount that grows with time, until a bidder finds it worth the \
    risk. A slice takes a part of every position and every balance, so a hedge in it stays a hedge. Dots are slices \
    sold. The scale runs from 0 to 4; what is above is drawn at 4.";

const MONEY: &str = "Losses are paid into a market's <em>variation pool</em> as they arise, and gains are paid out \
    of it: nobody is paid what nobody has paid in. Who has posted coins and no cash cannot pay at once; the loss \
    counts against its equity and waits. An account with negative equity is a <em>deficit</em>. Whoever takes \
    such an account over is paid what it lacks out of the pool's insurance fund, and a premium that grows with time. The \
    founders paid into the fund before the first trade; fees are not collected in this run, and nobody stakes. Bidders here take \
    what the fund can pay for; what it could not would stay a deficit, and be shown. Who pays beyond the fund is \
    told below, of four other windows.";

fn money(outcome: &Outcome) -> String {
    let frames = &outcome.frames;
    grid(&[
        line(
            "Variation pools",
            "USD, paid in by losers and not yet taken out: fees are a claim on it.",
            true,
            short,
            vec![
                series(frames, "variation pools", "a", |f| f.ledger.variation_pools as f64 / 1e6),
                series(frames, "fees", "c", |f| f.ledger.fees as f64 / 1e6),
            ],
        ),
        line(
            "Losses not yet paid",
            "USD, owed by accounts without cash. Their coins cover it.",
            true,
            short,
            vec![series(frames, "not yet paid", "b", |f| f.unpaid_losses as f64 / 1e6)],
        ),
        line(
            "Insurance fund and deficits",
            "USD, what the fund holds, and what insolvent accounts lack until they are taken over.",
            true,
            short,
            vec![
                series(frames, "insurance fund", "a", |f| f.insurance as f64 / 1e6),
                series(frames, "deficits", "limit", |f| f.unfunded as f64 / 1e6),
            ],
        ),
    ])
}

const ENDING: &str =
    "At the close of 17 November, in USD. Leg by leg is what the same holdings would need without netting.";

const COMPUTE: &str = "A transaction on Solana may use 1,400,000 compute units. These are all executions in this \
    run, logs and events included. refresh_asset reads four prices at once, refresh_market three markets; a price \
    that is also a sample of volatility costs more. refresh_expiry prices \
    all 64 strikes at once.";

fn compute(outcome: &Outcome) -> String {
    let mut out = String::from(
        "<table class=\"plain\"><thead><tr><th>Instruction<th>Times<th>Min<th>Median<th>Max</tr></thead><tbody>",
    );
    for (name, cells) in compute_rows(outcome) {
        let name = name.replace('_', "_<wbr>");
        let _ = write!(out, "<tr><th>{name}");
        for cell in cells {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

fn method(outcome: &Outcome) -> String {
    let mut notes = String::new();
    for note in &outcome.notes {
        let _ = write!(notes, "<li>{note}.</li>");
    }
    format!(
        "<ul><li>Prices: daily closes and lows of 3 to 17 November 2022, public market data. Within a day they run \
         in a straight line from the previous close at 00:00 UTC to the low at 12:00 and to the close at 24:00: {} \
         steps a day, and every minute while an auction runs. USDC stays at 1 USD.</li><li>Joint scenarios: {}, in \
         units of each coin's scan range of that day. Nothing after the start of the replay is in them. Volatility \
         moves are set by a rule, not measured (a fall raises vol by as many vol shocks as it spans scan \
         ranges).</li><li>Implied volatility is a rule too, and no market: variance is that of a calm year (60 % for \
         BTC, 80 % for ETH) plus three times the measured one, and what is on top of calm fades with a memory of twenty \
         days. Puts are dearer than calls. A risk committee sends it step by step, as far as the program lets a forecast \
         move at once and in a day; all strikes are priced again after each price. Vol sellers hedge once a day, at \
         midnight.</li><li>Variances start at zero, as those of a new asset do, so volatility here is \
         that of the fortnight alone.</li><li>Bidders want 0.6 % of the notional they take over. They hedge with the \
         market makers at 0.15 % from the mark, as long as these have margin for it.</li><li>The market makers took \
         the other side of every first trade, half each, at 0.03 % from the mark; the fee is 0.02 \
         %. The options dealer quotes 1 % from an option's mark, and 5 % for what a bidder took over in an \
         auction.</li>{notes}<li>{}.</li></ul>",
        outcome.steps,
        outcome.rows,
        ledger_lines(outcome).join(".</li><li>"),
    )
}

fn series(frames: &[Frame], name: &'static str, style: &'static str, value: impl Fn(&Frame) -> f64) -> Series {
    Series { name, style, points: frames.iter().map(|f| (days(f.time), value(f))).collect() }
}

fn line(
    title: &'static str,
    note: &'static str,
    from_zero: bool,
    format: fn(f64) -> String,
    series: Vec<Series>,
) -> String {
    Chart { title, note, series, from_zero, format, days: (4, 14.0) }.figure()
}

fn grid(figures: &[String]) -> String {
    format!("<div class=\"charts\">{}</div>", figures.concat())
}
