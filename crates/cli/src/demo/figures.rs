//! What the demo found, as JSON: amounts and ratios are decimals in strings, times unix seconds.

use serde_json::{json, Value};

use super::stress::{Replay, Run};
use super::{terminal, Fate, Kind, Ledger, Member, Outcome, Standing, CAST};
use crate::amount::{decimal, CONTRACT, RATIO, USD};

fn usd(amount: impl Into<i128>) -> Value {
    decimal(amount, USD).into()
}

/// Everything that is printed at the end, in figures.
pub fn figures(outcome: &Outcome) -> Value {
    let (Some(first), Some(last)) = (outcome.frames.first(), outcome.frames.last()) else { return Value::Null };
    let members = CAST.iter().zip(&outcome.fates).zip(first.standings.iter().zip(&last.standings));
    json!({
        "report": outcome.report,
        "steps": outcome.steps,
        "checks": outcome.checks,
        "transactions": outcome.transactions,
        "health_compared": outcome.compared,
        "from": first.time,
        "to": last.time,
        "members": members.map(|((member, fate), standings)| of_member(member, fate, standings)).collect::<Value>(),
        "insurance": {
            "before": usd(first.insurance), "after": usd(last.insurance), "paid_out": usd(last.paid_out),
        },
        "deficits": { "worst": usd(outcome.worst_deficit()), "end": usd(last.unfunded) },
        "ledger": ledger(&last.ledger),
        "notes": outcome.notes,
        "instructions": instructions(outcome),
        "windows": outcome.stress.iter().map(window).collect::<Value>(),
    })
}

fn of_member(member: &Member, fate: &Fate, (before, end): (&Standing, &Standing)) -> Value {
    json!({
        "name": member.name,
        "kind": Kind::name(member.kind),
        "before": usd(before.equity),
        "equity": usd(end.equity),
        "initial": usd(end.initial),
        "initial_by_leg": usd(end.leg_by_leg),
        "maintenance": usd(end.maintenance),
        // Nothing where no margin is asked for.
        "health": (end.health != i64::MAX).then(|| decimal(end.health, RATIO)),
        "in_auction": end.in_auction,
        "auctions": fate.auctions,
        "averted": fate.recovered,
        "slices_sold": fate.bids,
        "share_sold": decimal(fate.taken, CONTRACT),
        "slices_bought": fate.bought,
        "insurance_paid": usd(fate.insured),
        "story": terminal::story(member, fate, end),
    })
}

fn ledger(ledger: &Ledger) -> Value {
    json!({
        "vault": usd(ledger.vault),
        "cash": usd(ledger.cash),
        "pending": usd(ledger.pending),
        "variation_pools": usd(ledger.variation_pools),
        "insurance": usd(ledger.insurance),
        "fees": usd(ledger.fees),
    })
}

/// Compute units as they were measured.
fn instructions(outcome: &Outcome) -> Value {
    let row = |(name, units): (&String, &Vec<u64>)| {
        let mut sorted = units.clone();
        sorted.sort_unstable();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        let (min, median, max) = (at(0), at(sorted.len() / 2), at(sorted.len().saturating_sub(1)));
        json!({ "instruction": name, "times": sorted.len(), "min": min, "median": median, "max": max })
    };
    outcome.compute.iter().map(row).collect()
}

fn window(replay: &Replay) -> Value {
    let runs = replay.runs.iter().zip([false, true]).map(|(run, asleep)| of_run(run, asleep));
    json!({ "name": replay.window.name, "runs": runs.collect::<Value>() })
}

/// Losses tier by tier, and what is left of them.
fn of_run(run: &Run, asleep: bool) -> Value {
    let (worst, left) = run.lacking();
    let [capital, stake, gains, deposits, nobody] = run.waterfall.tiers().map(usd);
    let (fund_capital, fund_stake) = run.fund[1];
    json!({
        "liquidators": if asleep { "asleep" } else { "awake" },
        "auctions": run.auctions(),
        "slices": run.slices(),
        "lacking": { "worst": usd(worst), "end": usd(left) },
        "short": run.members.iter().filter(|member| member.short > 0).count(),
        "gains_unpaid": usd(run.members.iter().map(|member| i128::from(member.unsettled)).sum::<i128>()),
        "taken_over": usd(run.waterfall.deficits),
        "paid_to_takers": usd(run.waterfall.payouts),
        "paid_by": {
            "capital": capital, "stake": stake, "gains": gains, "deposits": deposits, "nobody": nobody,
        },
        "fund": { "capital": usd(fund_capital), "stake": usd(fund_stake) },
    })
}
