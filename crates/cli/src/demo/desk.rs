//! The option desk: strategies traded with the options dealer, and delta traded away with perpetuals.

use std::cmp::Reverse;

use anyhow::{Context, Result};
use novate_client::instrument::{perpetual, PERPETUAL};
use novate_client::state::Position;
use novate_client::Refused;

use super::cast::{self, Kind, CAST};
use super::prices::{DAY, START};
use super::products::Product::{self, Call, Put};
use super::products::{BTC_DEC, BTC_NOV, PERPETUALS};
use super::quotes::Haste;
use super::setup::CONTRACT;
use super::terminal::thousands;
use super::world::World;

/// Refusals that a smaller trade, another portfolio or another time may not meet.
const LACK_OF_MEANS: [&str; 6] =
    ["BelowInitialMargin", "InsufficientCash", "PositionCap", "PremiumUnpaid", "InAuction", "LeavesDust"];
/// Legs of one trade.
const LEGS: usize = 8;
/// Time after midnight that still counts as midnight.
const HOUR: i64 = 3_600;
/// Delta that a book bears, whole USD.
const BORNE: i64 = 20_000;

/// Whether the program did it, or refused for lack of means; any other refusal is an error of the demo.
pub fn accepted(sent: Result<()>) -> Result<bool> {
    let Err(error) = sent else { return Ok(true) };
    match error.downcast_ref::<Refused>() {
        Some(refused) if LACK_OF_MEANS.contains(&refused.name.as_str()) => Ok(false),
        _ => Err(error),
    }
}

fn dealer() -> Result<usize> {
    cast::of_kind(Kind::OptionsDealer).next().context("no options dealer")
}

/// A member buys and sells from the dealer, all legs in one trade.
fn deal(world: &mut World, member: usize, legs: &[(Product, i64)]) -> Result<()> {
    let legs = legs.iter().map(|(product, whole)| Ok((product.instrument()?, whole * CONTRACT)));
    world.trade(member, dealer()?, &legs.collect::<Result<Vec<_>>>()?, Haste::Patient, None)
}

/// Everyone's first trade with the dealer, then delta.
pub fn open(world: &mut World) -> Result<()> {
    for (member, who) in CAST.iter().enumerate().filter(|(_, m)| !m.strategy.is_empty()) {
        deal(world, member, who.strategy).with_context(|| format!("first trade of {}", who.name))?;
    }
    hedge_all(world)
}

/// What a member trades with the dealer at the end of a step.
struct Deal {
    time: i64,
    member: &'static str,
    legs: &'static [(Product, i64)],
}

/// At noon of 9 November, when BTC is lowest.
const DEALS: [Deal; 2] = [
    Deal { time: LOW, member: "Tail fund", legs: &[(Put(BTC_DEC, 15_000), -75)] },
    Deal { time: LOW, member: "BTC call writer", legs: &[(Call(BTC_NOV, 22_000), 100), (Call(BTC_NOV, 18_000), -100)] },
];
const LOW: i64 = START + 5 * DAY + DAY / 2;

/// Does what members have planned for `time`, and says what was done.
pub fn deal_later(world: &mut World, time: i64) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for later in DEALS.iter().filter(|d| d.time == time) {
        let member = CAST.iter().position(|m| m.name == later.member).context("nobody of that name")?;
        let before = world.portfolio(member)?.cash;
        let done = accepted(deal(world, member, later.legs))?;
        let gained = world.portfolio(member)?.cash - before;
        let leg = |(product, whole): &(Product, i64)| {
            format!("{} {} {}", if *whole > 0 { "bought" } else { "sold" }, whole.abs(), product.name())
        };
        let legs = later.legs.iter().map(leg).collect::<Vec<_>>().join(" and ");
        let date = world.path.date(time);
        notes.push(if done {
            format!("{date}: {} {legs} for {} USD in cash, fees deducted", later.member, thousands(gained))
        } else {
            format!("{date}: {} would have {legs} and lacked the means", later.member)
        });
    }
    Ok(notes)
}

/// Delta of those that hedge it: the dealer's after every move, the others' at midnight.
pub fn hedge_all(world: &mut World) -> Result<()> {
    let midnight = world.chain.now() % DAY < HOUR;
    let due = |kind: Kind| kind == Kind::OptionsDealer || kind == Kind::VolSeller && midnight;
    for (member, _) in CAST.iter().enumerate().filter(|(_, m)| due(m.kind)) {
        hedge(world, member, BORNE, Haste::Patient).with_context(|| format!("hedge of {}", CAST[member].name))?;
    }
    Ok(())
}

/// Trades what moves with a coin's price away with a market maker, where it is worth more than `borne` in whole USD. What
/// no market maker has margin for stays.
pub fn hedge(world: &mut World, member: usize, borne: i64, haste: Haste) -> Result<()> {
    let (book, _) = world.snapshot()?.book(&world.portfolio(member)?, world.chain.now())?;
    let deltas: Vec<(u16, i64, i64)> =
        book.underlyings().iter().map(|u| (u.asset, u.net_delta.0, u.notional.0 / 1_000_000)).collect();
    for (asset, delta, notional) in deltas {
        let Some(market) = PERPETUALS.iter().position(|p| p.asset == asset) else { continue };
        let (id, minimum) = (perpetual(market as u16), PERPETUALS[market].minimum);
        let lots = -delta / PERPETUALS[market].lot * PERPETUALS[market].lot;
        if lots.abs() < minimum || notional <= borne {
            continue;
        }
        // What slices left beyond whole lots goes with the rest of a position that is closed.
        let held = world.portfolio(member)?.quantity_of(id);
        let lots = if (held + lots).abs() < minimum { -held } else { lots };
        for maker in by_free_equity(world, Kind::MarketMaker)? {
            if accepted(world.trade(member, maker, &[(id, lots)], haste, None))? {
                break;
            }
        }
    }
    Ok(())
}

/// Closes a member's futures and options with the dealer, so far as it takes them.
pub fn close_dated(world: &mut World, member: usize) -> Result<()> {
    let dated = |p: &&Position| p.quantity != 0 && p.instrument.to_be_bytes()[2] != PERPETUAL;
    let legs: Vec<(u64, i64)> =
        world.portfolio(member)?.positions().iter().filter(dated).map(|p| (p.instrument, -p.quantity)).collect();
    for some in legs.chunks(LEGS) {
        accepted(world.trade(member, dealer()?, some, Haste::Urgent, None))?;
    }
    Ok(())
}

/// Members of a kind, the one with the most equity above initial margin first.
fn by_free_equity(world: &World, kind: Kind) -> Result<Vec<usize>> {
    let snapshot = world.snapshot()?;
    let mut free = Vec::new();
    for member in cast::of_kind(kind) {
        let health = world.health(&snapshot, member)?;
        free.push((Reverse(health.equity.0 - health.initial.0), member));
    }
    free.sort();
    Ok(free.into_iter().map(|(_, member)| member).collect())
}
