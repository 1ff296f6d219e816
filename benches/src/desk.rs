//! The fullest option books, checked, traded and liquidated.

use novate_client::instructions as build;
use novate_client::{Leg, Right};
use novate_margin::{is_liquidatable, Health};
use novate_tests::fullest::{Desk, Shape, MOVE, USD};
use novate_tests::orders::{by_order, by_signature, signed};
use novate_tests::world::leg;
use novate_tests::{Actor, CONTRACT, DOLLAR, PRICE};
use solana_signer::Signer;

use crate::figure::{measure, measure_all, Figure};

/// Seconds for which interest is due: as old as the price may be that starts an auction.
const DUE: i64 = 5;

/// Where the units of a check go: each state has one thing more than the one before, the last is the check with a goal.
pub const PARTS: [(&str, Shape); 9] = [
    ("cash and a perpetual: the instruction itself, and one underlying", Shape::ONE),
    ("7 perpetuals more, on 3 underlyings more", Shape { balances: 0, ..Shape::PERPETUALS }),
    ("16 balances", Shape::PERPETUALS),
    ("8 futures, on 8 expiries", Shape::LINEAR),
    (
        "an option on each of the 4 underlyings: its nodes, and an expiry with options",
        Shape { options: 4, ..Shape::FEW_ROWS },
    ),
    ("an option at each of 4 expiries more", Shape { options: 8, ..Shape::FEW_ROWS }),
    ("a second option at each of the 8 expiries", Shape::FEW_ROWS),
    ("122 joint rows more", Shape::AT_THIS_PRICE),
    ("option values carried to another price", Shape::CHECKED),
];

/// The state of a check.
pub fn checked(shape: &Shape) -> String {
    let values = match (shape.options, shape.carried) {
        (0, _) => "",
        (_, false) => ", values of this price",
        (_, true) => ", values carried",
    };
    format!("{}, {} rows{values}", shape.text(), shape.rows)
}

/// A full portfolio after a loss on the first market: prices fall until it is as far as this, and the others' option values
/// are carried.
fn fallen(desk: &mut Desk, far: impl Fn(&Health) -> bool) -> Actor {
    let trader = desk.trader(2_000);
    let held = judge(desk, &trader);
    let contracts = (held.equity.0 - held.initial.0) / (2 * 15 * DOLLAR);
    let maker = desk.maker.clone();
    let legs = [leg(0, contracts * CONTRACT, USD as i64 * PRICE)];
    let trade = desk.world.trade_of(trader.side(), maker.side(), &legs);
    measure(&mut desk.world, "trade", "setting up", trade, &[&trader.key, &maker.key]);
    for fall in (1..=70).map(|percent| USD * (1.0 - f64::from(percent) / 100.0)) {
        desk.world.price(1, fall);
        desk.world.refresh_chains();
        if far(&judge(desk, &trader)) {
            break;
        }
    }
    // Averages are those of here; values of options are made anew and then carried.
    desk.world.hold();
    desk.world.refresh_chains();
    for asset in 2..=desk.shape.underlyings as u16 {
        desk.world.price(asset, USD * MOVE);
    }
    let fallen = desk.world.listing(1).usd;
    desk.world.price(1, fallen * 0.995);
    desk.assert_full(&trader);
    trader
}

fn judge(desk: &Desk, of: &Actor) -> Health {
    desk.world.snapshot().health(&desk.world.portfolio(&of.portfolio), desk.world.now()).expect("health")
}

fn require_health(desk: &mut Desk, of: &Actor, state: &str) -> Figure {
    let holdings = desk.world.holdings(&[of.portfolio]);
    let built = build::require_health(desk.world.keys(), of.portfolio, &holdings, 0);
    measure(&mut desk.world, "require_health", state, built, &[])
}

pub fn all() -> Vec<Figure> {
    let mut figures = checks();
    figures.extend([2, 4].map(one_leg));
    figures.extend(eight_legs());
    figures.extend(liquidation(Shape::LIQUIDATED, 300_000));
    figures.extend(liquidation(Shape::FULL, 400_000));
    figures.extend(insolvency(Shape::FULL));
    figures.extend(lent_liquidation());
    figures
}

/// The check with a goal and what it is made of; then with more markets listed, with fewer and more options, and with fewer
/// expiries and underlyings.
fn checks() -> Vec<Figure> {
    let mut figures: Vec<Figure> = PARTS.iter().map(|(_, shape)| check(*shape)).collect();
    if let Some(last) = figures.last_mut() {
        last.goal = Some(90_000);
    }
    let listed = Shape { beside: 40, ..Shape::CHECKED };
    let mut desk = Desk::new(listed);
    let trader = desk.trader(10_000);
    desk.shift();
    figures.push(require_health(
        &mut desk,
        &trader,
        &format!("the same in a pool with {} markets more", listed.beside),
    ));
    let fewer_expiries = Shape { expiries: 4, ..Shape::CHECKED };
    let shapes = [
        Shape { options: 8, ..Shape::CHECKED },
        Shape { options: 24, ..Shape::CHECKED },
        fewer_expiries,
        Shape { underlyings: 2, ..fewer_expiries },
        Shape::FULL,
        Shape::LENT,
    ];
    figures.extend(shapes.map(check));
    figures
}

fn check(shape: Shape) -> Figure {
    let mut desk = Desk::new(shape);
    let trader = desk.trader(10_000);
    if shape.carried {
        desk.shift();
    }
    require_health(&mut desk, &trader, &checked(&shape))
}

/// One option between two portfolios of 8 balances and 16 positions, half of them options.
fn one_leg(underlyings: usize) -> Figure {
    let shape = Shape { balances: 8, underlyings, markets: 4, expiries: 4, options: 8, ..Shape::CHECKED };
    let mut desk = Desk::new(shape);
    let sides = [0, 1].map(|_| desk.trader(10_000));
    let (market, time) = desk.chains[0];
    let traded = desk.option(market, time, 4, Right::Call, CONTRACT);
    desk.shift();
    let built = desk.world.trade_of(sides[0].side(), sides[1].side(), &[traded]);
    let state = format!("1 option, both sides {}, values carried", shape.text());
    let goal = if underlyings == 2 { 120_000 } else { 160_000 };
    measure(&mut desk.world, "trade", &state, built, &[&sides[0].key, &sides[1].key]).within(goal)
}

/// Eight options between two portfolios at every limit: by signatures, by an order and a signature, by a venue.
fn eight_legs() -> Vec<Figure> {
    let mut desk = Desk::new(Shape::FULL);
    let sides = [0, 1].map(|_| desk.trader(10_000));
    let venue = desk.world.venue();
    for side in &sides {
        desk.world.opt_in(side, &venue.pubkey());
    }
    let legs: Vec<Leg> = desk.legs().into_iter().rev().take(8).collect();
    desk.shift();
    let [first, second] = sides.each_ref();
    let both = format!("both sides {}, values carried", Shape::FULL.text());
    let built = desk.world.trade_of(first.side(), second.side(), &legs);
    let state = format!("8 options, {both}");
    let mut figures =
        vec![measure(&mut desk.world, "trade", &state, built, &[&first.key, &second.key]).within(260_000)];
    let symbols = desk.world.symbols(&legs);
    let [order, _] = desk.world.orders_of([first, second], &legs, &symbols);
    let order = by_order(first, &signed(&first.key, &order));
    let built = desk.world.settling([&order, &by_signature(second)], &legs);
    let by_order = format!("8 options, an order and a signature, {both}");
    figures.push(measure_all(&mut desk.world, "settle_orders", &by_order, built, &[&second.key]));
    let built = desk.world.clearing(&venue.pubkey(), [first.portfolio, second.portfolio], &legs);
    figures.push(measure(&mut desk.world, "clear", &state, built, &[&venue]));
    figures
}

/// The auction of a full portfolio, and a taker without holdings that buys all it may.
fn liquidation(shape: Shape, goal: u64) -> Vec<Figure> {
    let mut desk = Desk::new(shape);
    let trader = fallen(&mut desk, is_liquidatable);
    let taker = desk.world.trader(1_000_000);
    let health = judge(&desk, &trader);
    assert!(is_liquidatable(&health) && health.equity.0 > 0, "{health:?}");
    let built = desk.world.start_auction_instruction(&trader);
    let state = format!("{}, values carried", shape.text());
    let mut figures = vec![measure(&mut desk.world, "start_auction", &state, built, &[])];
    let built = desk.world.liquidate_instruction(&trader, taker.side(), CONTRACT, i64::MAX);
    let state = format!("{state}, taker without holdings");
    figures.push(measure(&mut desk.world, "liquidate", &state, built, &[&taker.key]).within(goal));
    desk.assert_full(&taker);
    figures
}

/// The same of an insolvent portfolio, which is taken whole and paid for out of capital and stake.
fn insolvency(shape: Shape) -> Vec<Figure> {
    let mut desk = Desk::new(shape);
    let trader = fallen(&mut desk, |health| health.equity.0 < -100 * DOLLAR);
    let (taker, backer) = (desk.world.trader(1_000_000), desk.world.actor());
    desk.world.insure(&backer, 1);
    desk.world.stake(&backer, 1_000_000 * DOLLAR as u64);
    assert!(judge(&desk, &trader).equity.0 < 0);
    let built = desk.world.start_auction_instruction(&trader);
    let state = format!("insolvent, {}, values carried", shape.text());
    let mut figures = vec![measure(&mut desk.world, "start_auction", &state, built, &[])];
    let built = desk.world.liquidate_instruction(&trader, taker.side(), CONTRACT, 0);
    let state = format!("{state}, taker without holdings");
    figures.push(measure(&mut desk.world, "liquidate", &state, built, &[&taker.key]));
    desk.assert_full(&taker);
    assert!(desk.world.portfolio(&trader.portfolio).is_empty());
    let fund = desk.world.insurance();
    assert!(fund.capital == 0 && fund.staked < 1_000_000 * DOLLAR as u64);
    figures
}

/// A portfolio at every limit that lends and owes every asset it holds, and a taker that is as full. Interest is due on both,
/// and time has passed since funding was accrued.
fn lent_liquidation() -> Vec<Figure> {
    let mut desk = Desk::new(Shape::LENT);
    let taker = desk.trader(1_000_000);
    let trader = fallen(&mut desk, is_liquidatable);
    let health = judge(&desk, &trader);
    assert!(is_liquidatable(&health) && health.equity.0 > 0, "{health:?}");
    desk.world.pass(DUE);
    let state = format!("{}, values carried", Shape::LENT.text());
    let built = desk.world.start_auction_instruction(&trader);
    let mut figures = vec![measure(&mut desk.world, "start_auction", &state, built, &[])];
    desk.world.pass(DUE);
    desk.assert_full(&taker);
    let built = desk.world.liquidate_instruction(&trader, taker.side(), CONTRACT, i64::MAX);
    let state = format!("{state}, taker as full");
    figures.push(measure(&mut desk.world, "liquidate", &state, built, &[&taker.key]));
    desk.assert_full(&taker);
    figures
}
