//! `docs/performance.md`: its part about the program is written from the figures, and read back by the test that guards them.

use crate::desk::{checked, PARTS};
use crate::Figure;

const HEAD: &str = "# Performance

What the program takes comes first, up to [Off the chain](#off-the-chain): written by `make bench` from the program that `make program` builds; a test
measures again and fails where a figure has grown by more than 2 % over this file. Each figure is one transaction at mainnet's limits (1,400,000 compute units, 64
account locks, 1,232 bytes), sent as version 0 with a lookup table; its state is reached by instructions and read back from
the chain before it is measured. Compute units are those of the one instruction, without the 150 of the compute budget
instruction; the ed25519 instruction of signed orders takes none, and its bytes are counted.

The compiler is the one in `toolchain/`, which gives fewer than Solana's own: some 8 % fewer on Token-2022, see
[toolchain/README.md](../toolchain/README.md). A budget needs that much room.

| instruction | state | compute units | goal | bytes | accounts |
|---|---|---:|---:|---:|---:|
";

/// Behind a goal that is not met.
const MISSED: &str = ", missed";

/// Where the part begins that `make figures` measures and a person writes: it stays as it is.
const OFF_CHAIN: &str = "\n## Off the chain\n";

/// The document anew, from what it was.
pub fn render(figures: &[Figure], before: &str) -> String {
    let rows = figures.iter().map(|f| {
        let missed = if f.is_missed() { MISSED } else { "" };
        let goal = f.goal.map_or_else(String::new, |goal| grouped(goal) + missed);
        format!(
            "| {} | {} | {} | {goal} | {} | {} |\n",
            f.instruction,
            f.state,
            grouped(f.units),
            grouped(f.bytes as u64),
            f.accounts
        )
    });
    let off_chain = before.find(OFF_CHAIN).and_then(|at| before.get(at..)).unwrap_or_default();
    HEAD.to_string() + &rows.collect::<String>() + &parts(figures) + &marginals(figures) + off_chain
}

/// Where the units of the check with a goal go: differences of states that have one thing more each.
fn parts(figures: &[Figure]) -> String {
    let mut table = String::from(PARTS_HEAD);
    let mut before = 0;
    for (what, shape) in &PARTS {
        let state = checked(shape);
        let of_state = |f: &&Figure| f.instruction == "require_health" && f.state == state;
        let units = figures.iter().find(of_state).map_or(0, |f| f.units);
        table += &format!("| {what} | {} | {} |\n", grouped(units.saturating_sub(before)), grouped(units));
        before = units;
    }
    table
}

const PARTS_HEAD: &str = "
| what the check of 32 positions is made of | compute units | so far |
|---|---:|---:|
";

/// What one more holding adds to a check, from the figures of checks that differ in it alone.
fn marginals(figures: &[Figure]) -> String {
    let check = |state: &str| {
        let of_state = |f: &&Figure| f.instruction == "require_health" && f.state.starts_with(state);
        // Option values carried to another price come last.
        figures.iter().filter(of_state).filter(|f| !f.state.ends_with("of this price")).map(|f| f.units).next()
    };
    let each = |what: &str, with: &str, without: &str, count: u64, goal: Option<u64>| {
        let units = check(with).zip(check(without)).map_or(0, |(with, without)| with.saturating_sub(without) / count);
        let missed = if goal.is_some_and(|goal| units > goal) { MISSED } else { "" };
        let goal = goal.map_or_else(String::new, |goal| grouped(goal) + missed);
        format!("| {what} | {} | {goal} |\n", grouped(units))
    };
    let (linear, options) = ("16 balances, 16 perpetuals", "16 balances, 32 positions");
    let halved = "16 balances, 28 positions (8 perpetuals, 4 futures, 16 options) on 4 underlyings";
    [
        "\n| one more in a check | compute units | goal |\n|---|---:|---:|\n".into(),
        each("perpetual, beside 16 balances and 8 perpetuals", linear, "16 balances, 8 perpetuals", 8, Some(400)),
        each("balance, beside 8 balances and 16 perpetuals", linear, "8 balances, 16 perpetuals", 8, Some(600)),
        each("second option of an expiry", options, "16 balances, 24 positions", 8, Some(1_000)),
        each("third option of an expiry", "16 balances, 40 positions", options, 8, Some(1_000)),
        each("expiry with its future, the same options spread over more of them", options, halved, 4, None),
        each(
            "underlying with options, the same holdings spread over more of them",
            halved,
            "16 balances, 28 positions (8 perpetuals, 4 futures, 16 options) on 2 underlyings",
            2,
            None,
        ),
        TAIL.into(),
    ]
    .concat()
}

const TAIL: &str = "
Part of that is what Anchor takes for one more account and the check of it in the list. A check costs the same however many
markets are listed.

Checks of option books cost more by what their parts have in common than by what one more option costs. An underlying with
options goes through the joint rows with its nodes and not as one number, and has its values shifted to the price of now, node
by node; each expiry is an account more, whose strikes are summed node by node. A third option takes another pass over the
nodes of its expiry. A liquidation is two checks: the account before, and the taker.
";

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
        goal: number(goal.strip_suffix(MISSED).unwrap_or(goal)),
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
