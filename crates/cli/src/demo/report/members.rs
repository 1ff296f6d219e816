//! The parts of the report that have an entry for each member: health over time, what netting saves, the table.

use std::fmt::Write;

use super::chart::path;
use super::days;
use crate::demo::cast::{Member, CAST};
use crate::demo::terminal::{collateral, factor, story, thousands};
use crate::demo::{Fate, Frame, Outcome};

/// Health factors above this are drawn at the top.
const HIGHEST: f64 = 4.0;
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 80.0;
/// Room above and below the curve.
const MARGIN: f64 = 6.0;

/// A small chart of the health factor for each member.
pub fn health(outcome: &Outcome) -> String {
    let mut out = String::from("<div class=\"small\">");
    for (index, (member, fate)) in CAST.iter().zip(&outcome.fates).enumerate() {
        let end = outcome.frames.last().map(|f| f.standings[index]).unwrap_or_default();
        let points = curve(&outcome.frames, index);
        let _ = write!(
            out,
            "<figure><figcaption><b>{}</b><span>{}</span></figcaption>",
            member.name.trim(),
            member.kind.name()
        );
        if points.is_empty() {
            out.push_str("<p class=\"empty\">no positions, nothing required</p>");
        } else {
            out.push_str(&small_chart(&points, &sales(outcome, index)));
        }
        let _ = write!(out, "<p class=\"note\">{}</p></figure>", story(member, fate, &end));
    }
    out.push_str("</div>");
    out
}

/// Health factor by day, where something is required.
fn curve(frames: &[Frame], index: usize) -> Vec<(f64, f64)> {
    let required = frames.iter().filter(|f| f.standings[index].maintenance > 0);
    required.map(|f| (days(f.time), f.standings[index].health as f64 / 1e6)).collect()
}

fn sales(outcome: &Outcome, index: usize) -> Vec<f64> {
    outcome.sales.iter().filter(|s| s.member == index).map(|s| days(s.time)).collect()
}

fn small_chart(points: &[(f64, f64)], sales: &[f64]) -> String {
    let x = |day: f64| 2.0 + day / 14.0 * (WIDTH - 4.0);
    let y = |value: f64| MARGIN + (HIGHEST - value.clamp(0.0, HIGHEST)) / HIGHEST * (HEIGHT - 2.0 * MARGIN);
    let drawn: Vec<(f64, f64)> = points.iter().map(|(d, v)| (x(*d), y(*v))).collect();
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"health factor\">");
    for level in [0.0, 2.0, 4.0] {
        let _ = write!(out, "<path class=\"grid\" d=\"M2 {:.1}H{:.1}\"/>", y(level), WIDTH - 2.0);
    }
    let _ = write!(out, "<path class=\"limit\" d=\"M2 {:.1}H{:.1}\"/>", y(1.0), WIDTH - 2.0);
    let _ = write!(out, "<path class=\"line a\" d=\"{}\"/>", path(&drawn));
    for day in sales {
        let _ = write!(out, "<circle class=\"sale\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>", x(*day), y(1.0));
    }
    out.push_str("</svg>");
    out
}

/// Initial margin after the first trades as two bars: of the whole book, and leg by leg. Without the option desk.
pub fn netting(outcome: &Outcome) -> String {
    let Some(first) = outcome.frames.first() else { return String::new() };
    let books = || CAST.iter().zip(&first.standings).filter(|(m, _)| !m.kind.is_option_book());
    let most = books().map(|(_, s)| s.leg_by_leg).max().unwrap_or(0).max(1);
    let mut out = String::from("<div class=\"bars\">");
    for (member, standing) in books() {
        if standing.leg_by_leg == 0 {
            continue;
        }
        let width = |v: i64| v as f64 * 100.0 / most as f64;
        let share = standing.initial as f64 * 100.0 / standing.leg_by_leg as f64;
        let _ = write!(
            out,
            "<div class=\"bar\"><span>{} <em>{}</em></span><span>{} of {} USD, {share:.0} %</span>\
             <div class=\"whole\" style=\"width:{:.2}%\"></div><div class=\"part\" style=\"width:{:.2}%\"></div></div>",
            member.name.trim(),
            member.kind.name(),
            thousands(standing.initial),
            thousands(standing.leg_by_leg),
            width(standing.leg_by_leg),
            width(standing.initial),
        );
    }
    out.push_str("</div>");
    out
}

/// What the discounts of the auctions cost or brought.
fn discount(fate: &Fate) -> String {
    match (fate.bids, fate.bought) {
        (0, 0) => String::new(),
        (0, _) => format!(", {} USD below value", thousands(fate.earned)),
        _ => format!(", at a discount of {} USD", thousands(fate.discount_paid)),
    }
}

/// The table of members; on a narrow screen a card each.
pub fn table(outcome: &Outcome) -> String {
    let mut out = String::from(
        "<table class=\"members\"><thead><tr><th>Who<th>Collateral<th>Equity before<th>Equity<th>Initial margin\
         <th>Leg by leg<th>Maintenance<th>Health<th>What happened</tr></thead><tbody>",
    );
    let (Some(first), Some(last)) = (outcome.frames.first(), outcome.frames.last()) else { return String::new() };
    let standings = first.standings.iter().zip(&last.standings);
    for ((member, fate), (before, after)) in CAST.iter().zip(&outcome.fates).zip(standings) {
        let cells = [
            ("Collateral", collateral(member)),
            ("Equity before", thousands(before.equity)),
            ("Equity", thousands(after.equity)),
            ("Initial margin", thousands(after.initial)),
            ("Leg by leg", thousands(after.leg_by_leg)),
            ("Maintenance", thousands(after.maintenance)),
            ("Health", factor(after.health)),
            ("What happened", story(member, fate, after) + &discount(fate)),
        ];
        out.push_str(&row(member, &cells));
    }
    out.push_str("</tbody></table>");
    out
}

/// A row of a table that has a card for each member on a narrow screen.
pub fn row(member: &Member, cells: &[(&str, String)]) -> String {
    let mut out = format!("<tr><th>{} <em>{}</em>", member.name.trim(), member.kind.name());
    for (label, text) in cells {
        let _ = write!(out, "<td data-label=\"{label}\">{text}</td>");
    }
    out.push_str("</tr>");
    out
}
