//! `docs/performance.md`: written from the figures, and read back by the test that guards them.

use crate::Figure;

const HEAD: &str = "# Performance

Written by `make bench` from the program that `make program` builds; a test measures again and fails where a figure has
grown by more than 2 % over this file. Each figure is one transaction at mainnet's limits (1,400,000 compute units, 64
account locks, 1,232 bytes), sent as version 0 with a lookup table; its state is reached by instructions and read back from
the chain before it is measured. Compute units are those of the one instruction, without the 150 of the compute budget
instruction.

The compiler is the one in `toolchain/`, which gives fewer than Solana's own: some 8 % fewer on Token-2022, see
[toolchain/README.md](../toolchain/README.md). A budget needs that much room.

| instruction | state | compute units | goal | bytes | accounts |
|---|---|---:|---:|---:|---:|
";

/// The document.
pub fn render(figures: &[Figure]) -> String {
    let rows = figures.iter().map(|f| {
        let goal = f.goal.map_or_else(String::new, grouped);
        format!(
            "| {} | {} | {} | {goal} | {} | {} |\n",
            f.instruction,
            f.state,
            grouped(f.units),
            grouped(f.bytes as u64),
            f.accounts
        )
    });
    HEAD.to_string() + &rows.collect::<String>() + &marginals(figures)
}

/// What one more holding adds to a check, from the figures of the check with and without eight of them.
fn marginals(figures: &[Figure]) -> String {
    let check = |state: &str| {
        let mut of_state = figures.iter().filter(|f| f.instruction == "require_health" && f.state.starts_with(state));
        of_state.next().map_or(0, |f| f.units)
    };
    let full = check("16 balances, 16 perpetuals");
    let each = |without: &str, goal: u64| {
        let units = full.saturating_sub(check(without)) / 8;
        format!("{} | {goal}{}", grouped(units), if units > goal { ", missed" } else { "" })
    };
    format!(
        "
| one more in a check of 16 balances and 16 perpetuals on 4 underlyings | compute units | goal |
|---|---:|---:|
| perpetual | {} |
| balance | {} |

Part of that is what Anchor takes for one more account and the check of it in the list.
",
        each("16 balances, 8 perpetuals", 400),
        each("8 balances, 16 perpetuals", 600)
    )
}

/// The figures of a document, row by row.
pub fn parse(document: &str) -> Vec<Figure> {
    let rows = document.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    rows.map_while(row).collect()
}

fn row(line: &str) -> Option<Figure> {
    let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [instruction, state, units, goal, bytes, accounts] = cells[..] else { return None };
    Some(Figure {
        instruction: instruction.into(),
        state: state.into(),
        units: number(units)?,
        goal: number(goal),
        bytes: number(bytes)? as usize,
        accounts: number(accounts)? as usize,
    })
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn number(text: &str) -> Option<u64> {
    text.replace(',', "").parse().ok()
}
