//! The fullest states: many balances and positions, arrays of 128 rows.

use std::collections::BTreeSet;

use novate_client::state::Scenarios;
use novate_client::{instructions as build, Pubkey};
use novate_margin::{is_liquidatable, Health};
use novate_tests::{Actor, AssetSpec, Builder, MarketSpec, World, CONTRACT, DOLLAR, PRICE};
use solana_signer::Signer;

use crate::figure::{measure, Figure};

/// Rows of the joint scenarios: as many as a generation can have.
const ROWS: u16 = 128;
/// Price of every asset but the settlement asset.
pub(crate) const USD: f64 = 100.0;
/// Balances of a full portfolio.
pub(crate) const COLLATERAL: usize = 16;

/// A pool with 16 collaterals, of which the first `underlyings` have `markets` in turn.
pub(crate) fn pool(underlyings: usize, markets: usize) -> World {
    let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
    assets.extend((0..COLLATERAL).map(|_| AssetSpec::new("ASSET", 8, USD).max_age(3_600)));
    assets[0].max_age = 3_600;
    let markets = (0..markets).map(|m| MarketSpec::new("ANY-PERP", 1 + (m % underlyings) as u16));
    Builder::default().assets(assets).markets(markets.collect()).rows(ROWS).build()
}

/// A trader with cash, this many balances, and the same number of contracts in each of the first `positions` markets,
/// long and short in turn.
pub(crate) fn trader(world: &mut World, maker: &Actor, balances: usize, positions: usize) -> Actor {
    let trader = world.trader(1_000);
    for asset in 1..=balances {
        world.deposit(&trader, asset as u16, 100_000_000);
    }
    let markets: Vec<u16> = (0..positions as u16).collect();
    for some in markets.chunks(8) {
        let legs: Vec<_> = some.iter().map(|m| (*m, quantity(*m), USD as i64 * PRICE)).collect();
        trade(world, &trader, maker, &legs);
    }
    assert_full(world, &trader.portfolio, balances, positions);
    trader
}

fn quantity(market: u16) -> i64 {
    if (market / 3).is_multiple_of(2) {
        CONTRACT
    } else {
        -CONTRACT
    }
}

/// Trades of many accounts do not fit a packet without a lookup table.
fn trade(world: &mut World, first: &Actor, second: &Actor, legs: &[(u16, i64, i64)]) -> Figure {
    let built = world.trade_instruction(first.side(), second.side(), legs);
    measure(world, "trade", "setting up", built, &[&first.key, &second.key])
}

/// Read back from the chain: this many balances and positions, none of them zero.
pub(crate) fn assert_full(world: &World, portfolio: &Pubkey, balances: usize, positions: usize) {
    let state = world.portfolio(portfolio);
    assert_eq!((state.balances().len(), state.positions().len()), (balances, positions));
    assert!(state.cash > 0 && state.balances().iter().all(|b| b.tokens > 0));
    assert!(state.positions().iter().all(|p| p.quantity != 0 && p.cost != 0));
}

/// Health as a client computes it: the chain's own report of so many accounts needs a lookup table.
fn judge(world: &World, trader: &Actor) -> Health {
    world.snapshot().health(&world.portfolio(&trader.portfolio), world.now()).expect("health")
}

fn underlyings(world: &World, portfolio: &Pubkey) -> usize {
    let state = world.portfolio(portfolio);
    state.positions().iter().map(|p| p.underlying).collect::<BTreeSet<_>>().len()
}

/// Health checks, and what one more holding adds to them.
pub fn checks() -> Vec<Figure> {
    let mut world = pool(4, 16);
    let maker = world.trader(10_000_000);
    let trader = trader(&mut world, &maker, COLLATERAL, 16);
    assert_eq!(underlyings(&world, &trader.portfolio), 4);
    let state = "16 balances, 16 perpetuals on 4 underlyings, 128 rows";
    let mut figures =
        vec![require_health(&mut world, &trader, state).within(42_000), health(&mut world, &trader, state)];
    for (balances, positions) in [(COLLATERAL, 8), (8, 16)] {
        let trader = self::trader(&mut world, &maker, balances, positions);
        assert_eq!(underlyings(&world, &trader.portfolio), 4);
        let state = format!("{balances} balances, {positions} perpetuals on 4 underlyings, 128 rows");
        figures.push(require_health(&mut world, &trader, &state));
    }

    let mut world = pool(8, 23);
    let maker = world.trader(10_000_000);
    let trader = self::trader(&mut world, &maker, COLLATERAL, 23);
    assert_eq!(underlyings(&world, &trader.portfolio), 8);
    let state = "16 balances, 23 perpetuals on 8 underlyings, 128 rows: 40 accounts";
    figures.push(require_health(&mut world, &trader, state));
    figures.push(health(&mut world, &trader, state));
    figures
}

fn require_health(world: &mut World, trader: &Actor, state: &str) -> Figure {
    let holdings = world.holdings(&[trader.portfolio]);
    let built = build::require_health(world.keys(), trader.portfolio, &holdings, 0);
    measure(world, "require_health", state, built, &[])
}

fn health(world: &mut World, trader: &Actor, state: &str) -> Figure {
    let holdings = world.holdings(&[trader.portfolio]);
    let built = build::health(world.keys(), trader.portfolio, &holdings);
    measure(world, "health", state, built, &[])
}

/// Instructions that change full portfolios.
pub fn clearing() -> Vec<Figure> {
    let mut figures = vec![one_leg(2).within(120_000), one_leg(4).within(160_000)];
    figures.extend(fullest());
    figures.extend(liquidation(4, 16, 300_000));
    figures.extend(liquidation(8, 23, 400_000));
    figures.push(staging());
    figures
}

/// A trade of one leg between two portfolios of 8 balances and 16 positions.
fn one_leg(count: usize) -> Figure {
    let mut world = pool(count, 16);
    let maker = world.trader(10_000_000);
    let sides = [0, 1].map(|_| trader(&mut world, &maker, 8, 16));
    for side in &sides {
        assert_eq!(underlyings(&world, &side.portfolio), count);
    }
    let built = world.trade_instruction(sides[0].side(), sides[1].side(), &[(0, CONTRACT, 100 * PRICE)]);
    let state = format!("1 leg, both sides 8 balances, 16 perpetuals on {count} underlyings");
    measure(&mut world, "trade", &state, built, &[&sides[0].key, &sides[1].key])
}

/// Two portfolios at every limit: what either can do.
fn fullest() -> Vec<Figure> {
    let mut world = pool(8, 23);
    let maker = world.trader(10_000_000);
    let sides = [0, 1].map(|_| trader(&mut world, &maker, COLLATERAL, 23));
    let [first, second] = &sides;
    let full = "16 balances, 23 perpetuals on 8 underlyings";

    let legs: Vec<_> = (0..8).map(|m| (m, CONTRACT, 100 * PRICE)).collect();
    let built = world.trade_instruction(first.side(), second.side(), &legs);
    let state = format!("8 legs, both sides {full}");
    let mut figures = vec![measure(&mut world, "trade", &state, built, &[&first.key, &second.key]).within(260_000)];

    let deposit_state = format!("into {full}");
    world.fund(first, 16, 1);
    let built = world.deposit_instruction(first, 16, 1);
    figures.push(measure(&mut world, "deposit", &deposit_state, built, &[&first.key]).within(25_000));

    let built = world.withdraw_instruction(first, 16, 1);
    figures.push(measure(&mut world, "withdraw", full, built, &[&first.key]));

    let next = world.sub_account(first, 1);
    let move_one = build::Transfer { from: first.portfolio, to: next.portfolio, asset: 16, amount: 1 };
    let built = build::transfer(first.address(), world.keys(), &world.holdings(&[first.portfolio]), move_one);
    figures.push(measure(&mut world, "transfer", full, built, &[&first.key]));

    world.price(1, USD * 1.01);
    let built = world.settle_instruction(second, 0);
    figures.push(measure(&mut world, "settle_variation", full, built, &[]).within(18_000));
    figures
}

/// The last range of 128 rows of 16 columns, which completes the generation.
fn staging() -> Figure {
    let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
    assets.extend((0..COLLATERAL).map(|_| AssetSpec::new("ASSET", 8, USD)));
    let markets = (1..=COLLATERAL as u16).map(|asset| MarketSpec::new("ANY-PERP", asset));
    let mut world = Builder::default().assets(assets).markets(markets.collect()).unstaged().build();
    let governor = world.governor.insecure_clone();
    let (pool, authority) = (world.pool, governor.pubkey());
    let stage = |start, rows| build::stage_scenarios(authority, pool, 1, World::rows_of(ROWS, u16::MAX, start, rows));
    for start in (0..120).step_by(12) {
        world.succeeds(&[stage(start, 12)], &[&governor]);
    }
    let last = stage(120, ROWS - 120);
    let figure = measure(&mut world, "stage_scenarios", "8 of 128 rows of 16 columns, completed", last, &[&governor]);
    assert_eq!(world.state::<Scenarios>(&world.keys().scenarios).complete, 1);
    figure
}

/// An auction of a full portfolio that is started, ended and started again, and a taker without holdings that buys all it
/// may.
fn liquidation(count: usize, markets: usize, goal: u64) -> Vec<Figure> {
    let mut world = pool(count, markets);
    let maker = world.trader(10_000_000);
    let trader = trader(&mut world, &maker, COLLATERAL, markets);
    let taker = world.trader(1_000_000);
    // A loss on the first market that leaves a little equity.
    let price = 100 * PRICE;
    let held = judge(&world, &trader);
    let room = held.equity.0 - held.initial.0;
    let contracts = room / (2 * 15 * DOLLAR);
    trade(&mut world, &trader, &maker, &[(0, contracts * CONTRACT, price)]);
    for fall in (1..=30).map(|percent| USD * (1.0 - f64::from(percent) / 100.0)) {
        world.price(1, fall);
        if is_liquidatable(&judge(&world, &trader)) {
            break;
        }
    }
    let health = judge(&world, &trader);
    assert!(is_liquidatable(&health) && health.equity.0 > 0, "equity {}", health.equity.0);
    let fallen = world.listing(1).usd;
    world.refresh();
    let full = format!("16 balances, {markets} perpetuals on {count} underlyings");
    world.hold();
    let built = world.start_auction_instruction(&trader);
    let mut figures = vec![measure(&mut world, "start_auction", &full, built, &[])];
    world.price(1, USD);
    let built = world.end_auction_instruction(&trader);
    figures.push(measure(&mut world, "end_auction", &full, built, &[]));
    world.price(1, fallen);
    world.hold();
    let built = world.start_auction_instruction(&trader);
    measure(&mut world, "start_auction", &full, built, &[]);
    assert_full(&world, &trader.portfolio, COLLATERAL, markets);
    let built = world.liquidate_instruction(&trader, taker.side(), CONTRACT, i64::MAX);
    let state = format!("{full}, taker without holdings");
    figures.push(measure(&mut world, "liquidate", &state, built, &[&taker.key]).within(goal));
    assert_full(&world, &taker.portfolio, COLLATERAL, markets);
    figures
}
