//! What the demo prints: the table of members, compute units, the ledger line and where the report is.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table, TableComponent};

use super::cast::{Kind, Member, CAST};
use super::products::COINS;
use super::{stress, Fate, Outcome, Standing};

/// USD 1e-6 as whole dollars with separators.
pub fn thousands(amount: i64) -> String {
    separated((i128::from(amount) + if amount < 0 { -500_000 } else { 500_000 }) / 1_000_000)
}

/// A number with separators.
pub fn separated(value: i128) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A health factor with two places; none where there is no requirement.
pub fn factor(health: i64) -> String {
    if health == i64::MAX || health == i64::MIN {
        return "-".into();
    }
    let hundredths = health.div_euclid(10_000);
    if hundredths >= 10_000 {
        return ">100".into();
    }
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

/// A ratio 1e-6 as a percentage with one place.
pub fn percent(ratio: i64) -> String {
    format!("{}.{} %", ratio / 10_000, (ratio / 1_000).abs() % 10)
}

/// What a member began with: `100 BTC`, `265k USDC`.
pub fn collateral(member: &Member) -> String {
    let cash = (member.cash > 0).then(|| format!("{}k USDC", separated(i128::from(member.cash / 1_000))));
    let spot = member
        .spot
        .iter()
        .map(|(asset, amount)| format!("{} {}", separated((*amount).into()), COINS[usize::from(*asset)].symbol));
    spot.chain(cash).collect::<Vec<_>>().join(", ")
}

/// What a member of the option desk holds after its first trade, a leg each: `100 BTC`, `-100 BTC 22,000 call 25 Nov`.
pub fn strategy(member: &Member) -> Vec<String> {
    if member.kind == Kind::OptionsDealer {
        return vec!["the other side of these, and perpetuals".into()];
    }
    let coins = member.spot.iter().map(|(asset, amount)| {
        let symbol = COINS[usize::from(*asset)].symbol;
        format!("{} {symbol}", separated((*amount).into()))
    });
    let legs = member.strategy.iter().map(|(product, whole)| {
        let sign = if *whole > 0 { "+" } else { "" };
        format!("{sign}{} {}", separated((*whole).into()), product.name())
    });
    coins.chain(legs).collect()
}

/// What happened to a member, in a few words.
pub fn story(member: &Member, fate: &Fate, end: &Standing) -> String {
    if end.equity < 0 {
        return format!("insolvent, {} unfunded", thousands(-end.equity));
    }
    if fate.insured > 0 {
        return format!("insolvent, taken over: insurance paid {}", thousands(fate.insured));
    }
    if fate.bids > 0 {
        let slices = if fate.bids == 1 { "1 slice".into() } else { format!("{} slices", fate.bids) };
        return format!("{} % sold in {slices}", (fate.taken + 5_000_000) / 10_000_000);
    }
    if fate.bought > 0 {
        return format!("bought {} slices", fate.bought);
    }
    if fate.recovered > 0 {
        return format!("{} auctions averted", fate.recovered);
    }
    match member.kind {
        Kind::Hedger | Kind::BasisTrader | Kind::Collar => "hedge held",
        Kind::Saver => "held",
        Kind::MarketMaker | Kind::OptionsDealer => "took the other side",
        _ => "survived",
    }
    .into()
}

/// Everything that is printed at the end.
pub fn summary(outcome: &Outcome) -> String {
    let (Some(first), Some(last)) = (outcome.frames.first(), outcome.frames.last()) else { return String::new() };
    let mut lines = vec![
        "Everyone at the end of the fortnight, 2022-11-17, in thousand USD".to_string(),
        members(&first.standings, &last.standings, &outcome.fates).to_string(),
        "before, equity: worth of the account after its first trade, and at the end. initial, maint.: margin of the"
            .into(),
        "whole book. by leg: initial margin if every leg were margined alone. health: equity over maintenance margin."
            .into(),
        String::new(),
        "The option desk right after its first trades, in thousand USD".into(),
        desk(&first.standings).to_string(),
        String::new(),
        "Compute units of each instruction, as measured in this run".into(),
        compute(outcome).to_string(),
        String::new(),
    ];
    lines.extend(outcome.notes.iter().cloned());
    lines.push(format!(
        "Insurance paid {} USD to the takers of insolvent accounts and holds {} of {}; deficits {} USD at the end, at most {} \
         in between",
        thousands(last.paid_out),
        thousands(last.insurance),
        thousands(first.insurance),
        thousands(last.unfunded),
        thousands(outcome.worst_deficit()),
    ));
    lines.extend(ledger_lines(outcome));
    if !outcome.stress.is_empty() {
        lines.push("Stress windows, liquidators awake and asleep, in USD".into());
        lines.extend(stress::lines(&outcome.stress));
    }
    lines.push(format!("Report: {}", outcome.report.display()));
    lines.join("\n")
}

/// What the checks found, a sentence each.
pub fn ledger_lines(outcome: &Outcome) -> [String; 2] {
    let ledger = outcome.frames.last().map(|f| f.ledger).unwrap_or_default();
    let unit = |v: i128| format!("{}.{:06}", separated(v / 1_000_000), v.unsigned_abs() % 1_000_000);
    let checks = format!(
        "Ledger exact to the unit in {} checks over {} transactions; chain and client agreed on health {} times",
        outcome.checks,
        separated(outcome.transactions as i128),
        outcome.compared,
    );
    let vault = format!(
        "Settlement vault {} USDC = cash {} + pending gains {} + variation pools {} + insurance {}",
        unit(ledger.vault),
        unit(ledger.cash),
        unit(ledger.pending),
        unit(ledger.variation_pools),
        unit(ledger.insurance),
    );
    [checks, vault]
}

fn members(before: &[Standing], after: &[Standing], fates: &[Fate]) -> Table {
    let names =
        ["who", "kind", "collateral", "before", "equity", "initial", "by leg", "maint.", "health", "what happened"];
    let mut table = table(&names);
    for ((member, fate), (before, after)) in CAST.iter().zip(fates).zip(before.iter().zip(after)) {
        let mut row = vec![member.name.into(), member.kind.name().into(), collateral(member)];
        let amounts = [before.equity, after.equity, after.initial, after.leg_by_leg, after.maintenance];
        row.extend(amounts.map(|a| thousands(a / 1_000)));
        row.extend([factor(after.health), story(member, fate, after)]);
        table.add_row(row);
    }
    right_align(&mut table, 3..=8);
    table
}

fn desk(standings: &[Standing]) -> Table {
    let mut table = table(&["who", "holds", "initial", "by leg", "share"]);
    for (member, standing) in CAST.iter().zip(standings).filter(|(m, _)| m.kind.is_option_book()) {
        let share = standing.initial as f64 * 100.0 / standing.leg_by_leg as f64;
        let [initial, by_leg] = [standing.initial, standing.leg_by_leg].map(|a| thousands(a / 1_000));
        table.add_row([member.name.into(), strategy(member).join("\n"), initial, by_leg, format!("{share:.0} %")]);
    }
    right_align(&mut table, 2..=4);
    table
}

fn compute(outcome: &Outcome) -> Table {
    let mut table = table(&["instruction", "times", "min", "median", "max"]);
    for (name, [count, min, median, max]) in compute_rows(outcome) {
        table.add_row([name, count, min, median, max]);
    }
    right_align(&mut table, 1..=4);
    table
}

/// Name, times, smallest, median and largest of each instruction.
pub fn compute_rows(outcome: &Outcome) -> Vec<(String, [String; 4])> {
    let rows = outcome.compute.iter().map(|(name, units)| {
        let mut sorted = units.clone();
        sorted.sort_unstable();
        let at = |i: usize| separated(sorted.get(i).copied().unwrap_or_default().into());
        let count = separated(sorted.len() as i128);
        (name.clone(), [count, at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1))])
    });
    rows.collect()
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_header(header.iter().copied());
    for style in [TableComponent::HorizontalLines, TableComponent::MiddleIntersections] {
        table.remove_style(style);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

fn right_align(table: &mut Table, columns: std::ops::RangeInclusive<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(thousands(1_234_567_499_999), "1,234,567");
        assert_eq!(thousands(-999_600_000), "-1,000");
        assert_eq!(factor(1_234_567), "1.23");
        assert_eq!(factor(-20_000), "-0.02");
        assert_eq!(factor(i64::MAX), "-");
        assert_eq!(percent(152_345), "15.2 %");
    }
}
