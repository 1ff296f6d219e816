//! The fullest option books: perpetuals, futures and options, their values carried to a price that has moved on.

use novate_client::{instructions as build, Leg, Right};
use novate_margin::{is_liquidatable, Health};
use novate_tests::dated::option_leg;
use novate_tests::world::leg;
use novate_tests::{future, Actor, AssetSpec, Builder, MarketSpec, World, CONTRACT, DOLLAR, PRICE};

use crate::figure::{measure, Figure};

const ROWS: u16 = 128;
const USD: f64 = 100.0;
const COLLATERAL: usize = 16;
const STRIKES: i64 = 24;
/// Units of a collateral's mint.
const TOKEN: u64 = 100_000_000;
/// Tick of options.
const TICK: i64 = 10_000_000;
/// Seconds for which interest is due: as old as the price may be that starts an auction.
const DUE: i64 = 5;
/// How far prices move after strikes were priced: within what risk may rise on.
const MOVE: f64 = 1.01;

/// What a pool lists and a portfolio holds.
#[derive(Clone, Copy)]
pub struct Shape {
    balances: usize,
    underlyings: usize,
    /// Each with its perpetual; the first of each underlying has the expiries.
    markets: usize,
    /// Each with its future.
    expiries: usize,
    options: usize,
    /// Markets that the pool lists beside those.
    beside: usize,
    /// Joint rows.
    rows: u16,
    /// Prices have moved on since option values were made.
    carried: bool,
    /// A part of each balance is lent, and a loan stands beside it.
    lent: bool,
}

impl Shape {
    const CHECKED: Self = Self {
        balances: COLLATERAL,
        underlyings: 4,
        markets: 8,
        expiries: 8,
        options: 16,
        beside: 0,
        rows: ROWS,
        carried: true,
        lent: false,
    };
    const AT_THIS_PRICE: Self = Self { carried: false, ..Self::CHECKED };
    const FEW_ROWS: Self = Self { rows: 6, ..Self::AT_THIS_PRICE };
    const LINEAR: Self = Self { options: 0, ..Self::FEW_ROWS };
    const PERPETUALS: Self = Self { expiries: 0, ..Self::LINEAR };
    const ONE: Self = Self { balances: 0, underlyings: 1, markets: 1, ..Self::PERPETUALS };
    const LIQUIDATED: Self = Self { options: 32, ..Self::CHECKED };
    const FULL: Self =
        Self { balances: COLLATERAL, underlyings: 8, markets: 11, expiries: 12, options: 25, ..Self::CHECKED };

    const LENT: Self = Self { lent: true, ..Self::FULL };

    fn positions(&self) -> usize {
        self.markets + self.expiries + self.options
    }

    /// The state of a check.
    pub fn checked(&self) -> String {
        let values = match (self.options, self.carried) {
            (0, _) => "",
            (_, false) => ", values of this price",
            (_, true) => ", values carried",
        };
        format!("{}, {} rows{values}", self.text(), self.rows)
    }

    fn text(&self) -> String {
        let Self { balances, underlyings, markets, expiries, options, .. } = *self;
        let lent = if self.lent { ", each lent in part and with a loan" } else { "" };
        format!(
            "{balances} balances{lent}, {} positions ({markets} perpetuals, {expiries} futures, {options} options) on \
             {underlyings} underlyings and {expiries} expiries",
            self.positions()
        )
    }
}

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

struct Desk {
    world: World,
    maker: Actor,
    shape: Shape,
    /// Market and time of every expiry.
    chains: Vec<(u16, i64)>,
}

impl Desk {
    fn new(shape: Shape) -> Self {
        let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
        assets.extend((0..COLLATERAL).map(|_| AssetSpec::new("ASSET", 8, USD).max_age(3_600)));
        assets[0].max_age = 3_600;
        let markets =
            (0..shape.markets + shape.beside).map(|m| MarketSpec::new("M-PERP", 1 + (m % shape.underlyings) as u16));
        let mut world = Builder::default().assets(assets).markets(markets.collect()).rows(shape.rows).build();
        let strikes: Vec<i64> = (0..STRIKES).map(|i| 54 + 4 * i).collect();
        let chains = (0..shape.expiries).map(|e| {
            let market = (e % shape.underlyings) as u16;
            (market, world.chain(market, 30 + 30 * (e / shape.underlyings) as i64, 0.6, &strikes))
        });
        let chains = chains.collect();
        let maker = world.trader(10_000_000);
        if shape.lent {
            for asset in 1..=COLLATERAL as u16 {
                world.lender(asset, 10 * TOKEN);
            }
        }
        Self { world, maker, shape, chains }
    }

    /// Every leg of a full portfolio, long and short in turn.
    fn legs(&self) -> Vec<Leg> {
        let sign = |i: usize| if i.is_multiple_of(3) { -CONTRACT } else { CONTRACT };
        let perpetuals = (0..self.shape.markets).map(|m| leg(m as u16, sign(m), USD as i64 * PRICE));
        let futures = self.chains.iter().enumerate();
        let futures = futures.map(|(e, (market, time))| future(*market, *time, sign(e + 1), USD as i64 * PRICE));
        let options = (0..self.shape.options).map(|i| {
            let (market, time) = self.chains[i % self.chains.len()];
            let turn = i / self.chains.len();
            let right = if (i + turn).is_multiple_of(2) { Right::Call } else { Right::Put };
            self.option(market, time, (4 + 3 * turn) as u8, right, sign(i + turn))
        });
        perpetuals.chain(futures).chain(options).collect()
    }

    /// A leg in an option at its mark.
    fn option(&self, market: u16, time: i64, slot: u8, right: Right, quantity: i64) -> Leg {
        let expiry = self.world.expiry(market, time);
        let strike = expiry.strikes[usize::from(slot)];
        let call = strike.mark.0;
        let mark = if right == Right::Call { call } else { call - strike.reference.0 + strike.strike.0 };
        option_leg(market, time, slot, right, quantity, (mark / TICK * TICK).max(TICK))
    }

    /// A trader with every holding of the shape.
    fn trader(&mut self, usd: i64) -> Actor {
        let trader = self.world.trader(usd);
        for asset in 1..=self.shape.balances as u16 {
            self.world.deposit(&trader, asset, TOKEN);
            if self.shape.lent {
                self.world.lend(&trader, asset, TOKEN / 2);
                let borrow = self.world.borrow_instruction(&trader, asset, TOKEN / 10);
                measure(&mut self.world, "borrow", "setting up", borrow, &[&trader.key]);
            }
        }
        let maker = self.maker.clone();
        for some in self.legs().chunks(8) {
            let trade = self.world.trade_of(trader.side(), maker.side(), some);
            measure(&mut self.world, "trade", "setting up", trade, &[&trader.key, &maker.key]);
        }
        self.assert_full(&trader);
        trader
    }

    /// Read back from the chain: every holding of the shape, and none of them zero.
    fn assert_full(&self, of: &Actor) {
        let state = self.world.portfolio(&of.portfolio);
        let holdings = self.world.holdings(&[of.portfolio]);
        assert_eq!(state.balances().len(), self.shape.balances);
        assert_eq!(state.positions().len(), self.shape.positions());
        assert_eq!(holdings.expiries().count(), self.shape.expiries);
        assert_eq!(holdings.markets().count(), self.shape.markets);
        assert!(state.cash > 0 && state.balances().iter().all(|b| b.tokens > 0));
        assert!(state.balances().iter().all(|b| (b.lent > 0, b.loan > 0) == (self.shape.lent, self.shape.lent)));
        assert!(state.positions().iter().all(|p| p.quantity != 0));
    }

    /// Moves the price of every underlying, so that option values belong to another one.
    fn shift(&mut self) {
        for asset in 1..=self.shape.underlyings as u16 {
            let moved = self.world.listing(asset).usd * MOVE;
            self.world.price(asset, moved);
        }
        let asset = self.world.asset(1).price;
        for (market, time) in &self.chains {
            let expiry = self.world.expiry(*market, *time);
            assert_eq!(expiry.strike_count, STRIKES as u8);
            assert!(expiry.listed().iter().all(|s| s.reference != asset && s.reference.0 > 0));
        }
    }

    /// A full portfolio after a loss on the first market: prices fall until it is as far as this, and the others' option values
    /// are carried.
    fn fallen(&mut self, far: impl Fn(&Health) -> bool) -> Actor {
        let trader = self.trader(2_000);
        let held = self.judge(&trader);
        let contracts = (held.equity.0 - held.initial.0) / (2 * 15 * DOLLAR);
        let maker = self.maker.clone();
        let legs = [leg(0, contracts * CONTRACT, USD as i64 * PRICE)];
        let trade = self.world.trade_of(trader.side(), maker.side(), &legs);
        measure(&mut self.world, "trade", "setting up", trade, &[&trader.key, &maker.key]);
        for fall in (1..=70).map(|percent| USD * (1.0 - f64::from(percent) / 100.0)) {
            self.world.price(1, fall);
            self.world.refresh_chains();
            if far(&self.judge(&trader)) {
                break;
            }
        }
        // Averages are those of here; values of options are made anew and then carried.
        self.world.hold();
        self.world.refresh_chains();
        for asset in 2..=self.shape.underlyings as u16 {
            self.world.price(asset, USD * MOVE);
        }
        let fallen = self.world.listing(1).usd;
        self.world.price(1, fallen * 0.995);
        self.assert_full(&trader);
        trader
    }

    fn judge(&self, of: &Actor) -> Health {
        self.world.snapshot().health(&self.world.portfolio(&of.portfolio), self.world.now()).expect("health")
    }

    fn require_health(&mut self, of: &Actor, state: &str) -> Figure {
        let holdings = self.world.holdings(&[of.portfolio]);
        let built = build::require_health(self.world.keys(), of.portfolio, &holdings, 0);
        measure(&mut self.world, "require_health", state, built, &[])
    }
}

pub fn all() -> Vec<Figure> {
    let mut figures = checks();
    figures.extend([2, 4].map(one_leg));
    figures.push(eight_legs());
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
    figures.push(desk.require_health(&trader, &format!("the same in a pool with {} markets more", listed.beside)));
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
    desk.require_health(&trader, &shape.checked())
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

/// Eight options between two portfolios at every limit.
fn eight_legs() -> Figure {
    let mut desk = Desk::new(Shape::FULL);
    let sides = [0, 1].map(|_| desk.trader(10_000));
    let legs: Vec<Leg> = desk.legs().into_iter().rev().take(8).collect();
    desk.shift();
    let built = desk.world.trade_of(sides[0].side(), sides[1].side(), &legs);
    let state = format!("8 options, both sides {}, values carried", Shape::FULL.text());
    measure(&mut desk.world, "trade", &state, built, &[&sides[0].key, &sides[1].key]).within(260_000)
}

/// The auction of a full portfolio, and a taker without holdings that buys all it may.
fn liquidation(shape: Shape, goal: u64) -> Vec<Figure> {
    let mut desk = Desk::new(shape);
    let trader = desk.fallen(is_liquidatable);
    let taker = desk.world.trader(1_000_000);
    let health = desk.judge(&trader);
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
    let trader = desk.fallen(|health| health.equity.0 < -100 * DOLLAR);
    let (taker, backer) = (desk.world.trader(1_000_000), desk.world.actor());
    desk.world.insure(&backer, 1);
    desk.world.stake(&backer, 1_000_000 * DOLLAR as u64);
    assert!(desk.judge(&trader).equity.0 < 0);
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
    let trader = desk.fallen(is_liquidatable);
    let health = desk.judge(&trader);
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
