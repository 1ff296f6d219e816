//! The fullest option books: perpetuals, futures and options, their values carried to a price that has moved on.

use novate_client::instrument::{self, expiry_of, Instrument};
use novate_client::{Leg, Right};
use novate_margin::dated::option_at;

use crate::dated::option_leg;
use crate::world::leg;
use crate::{future, Actor, AssetSpec, Builder, MarketSpec, World, CONTRACT, PRICE};

/// Price of every asset but the settlement asset.
pub const USD: f64 = 100.0;
const ROWS: u16 = 128;
/// Balances of a full portfolio.
const COLLATERAL: usize = 16;
const STRIKES: i64 = 24;
/// Units of a collateral's mint.
const TOKEN: u64 = 100_000_000;
/// Tick of options, where a shape has no other.
const TICK: i64 = 10_000_000;
/// How far prices move after strikes were priced: within what risk may rise on.
pub const MOVE: f64 = 1.01;

/// What a pool lists and a portfolio holds.
#[derive(Clone, Copy)]
pub struct Shape {
    pub balances: usize,
    pub underlyings: usize,
    /// Each with its perpetual; the first of each underlying has the expiries.
    pub markets: usize,
    /// Each with its future.
    pub expiries: usize,
    pub options: usize,
    /// Markets that the pool lists beside those.
    pub beside: usize,
    /// Joint rows.
    pub rows: u16,
    /// Prices have moved on since option values were made.
    pub carried: bool,
    /// A part of each balance is lent, and a loan stands beside it.
    pub lent: bool,
    /// Tick of options, USD 1e-9.
    pub option_tick: i64,
}

impl Shape {
    pub const CHECKED: Self = Self {
        balances: COLLATERAL,
        underlyings: 4,
        markets: 8,
        expiries: 8,
        options: 16,
        beside: 0,
        rows: ROWS,
        carried: true,
        lent: false,
        option_tick: TICK,
    };
    pub const AT_THIS_PRICE: Self = Self { carried: false, ..Self::CHECKED };
    pub const FEW_ROWS: Self = Self { rows: 6, ..Self::AT_THIS_PRICE };
    pub const LINEAR: Self = Self { options: 0, ..Self::FEW_ROWS };
    pub const PERPETUALS: Self = Self { expiries: 0, ..Self::LINEAR };
    pub const ONE: Self = Self { balances: 0, underlyings: 1, markets: 1, ..Self::PERPETUALS };
    pub const LIQUIDATED: Self = Self { options: 32, ..Self::CHECKED };
    pub const FULL: Self =
        Self { balances: COLLATERAL, underlyings: 8, markets: 11, expiries: 12, options: 25, ..Self::CHECKED };

    pub const LENT: Self = Self { lent: true, ..Self::FULL };

    pub fn positions(&self) -> usize {
        self.markets + self.expiries + self.options
    }

    /// As a reader would say it.
    pub fn text(&self) -> String {
        let Self { balances, underlyings, markets, expiries, options, .. } = *self;
        let lent = if self.lent { ", each lent in part and with a loan" } else { "" };
        format!(
            "{balances} balances{lent}, {} positions ({markets} perpetuals, {expiries} futures, {options} options) on \
             {underlyings} underlyings and {expiries} expiries",
            self.positions()
        )
    }
}

/// A pool of a shape, and who takes the other side of everything.
pub struct Desk {
    pub world: World,
    pub maker: Actor,
    pub shape: Shape,
    /// Market and time of every expiry.
    pub chains: Vec<(u16, i64)>,
}

impl Desk {
    pub fn new(shape: Shape) -> Self {
        let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
        assets.extend((0..COLLATERAL).map(|_| AssetSpec::new("ASSET", 8, USD).max_age(3_600)));
        assets[0].max_age = 3_600;
        let market = |m| MarketSpec::new("M-PERP", 1 + (m % shape.underlyings) as u16);
        let ticking = |t: &mut novate_client::MarketTerms| t.option_tick = shape.option_tick;
        let markets = (0..shape.markets + shape.beside).map(|m| market(m).with(ticking));
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
    pub fn legs(&self) -> Vec<Leg> {
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
    pub fn option(&self, market: u16, time: i64, slot: u8, right: Right, quantity: i64) -> Leg {
        let expiry = self.world.expiry(market, time);
        let strike = expiry.strikes[usize::from(slot)];
        let call = strike.mark.0;
        let mark = if right == Right::Call { call } else { call - strike.reference.0 + strike.strike.0 };
        option_leg(market, time, slot, right, quantity, self.ticked(mark))
    }

    /// A leg in an option at what its mark is carried to, rounded to the tick.
    pub fn carried(&self, leg: Leg) -> Leg {
        let (snapshot, now) = (self.world.snapshot(), self.world.now());
        let Ok(Instrument::Option { slot, right, .. }) = instrument::parse(leg.instrument) else { return leg };
        let expiry = &snapshot.expiries[&expiry_of(leg.instrument).expect("an option expires")];
        let asset = &snapshot.assets[&expiry.asset];
        let facts = expiry.facts(asset.decided(expiry.time, now).unwrap(), now).unwrap();
        let spot = (asset.price, asset.scan_range);
        let mark = option_at(expiry.strike(slot).unwrap(), right, spot, facts).unwrap().mark.0;
        Leg { price: self.ticked(mark), ..leg }
    }

    fn ticked(&self, price: i64) -> i64 {
        let tick = self.shape.option_tick;
        (price / tick * tick).max(tick)
    }

    /// A trader with every holding of the shape.
    pub fn trader(&mut self, usd: i64) -> Actor {
        self.holder(usd, 1)
    }

    /// The same with every position of the other sign.
    pub fn opposite(&mut self, usd: i64) -> Actor {
        self.holder(usd, -1)
    }

    fn holder(&mut self, usd: i64, sign: i64) -> Actor {
        let trader = self.world.trader(usd);
        for asset in 1..=self.shape.balances as u16 {
            self.world.deposit(&trader, asset, TOKEN);
            if self.shape.lent {
                self.world.lend(&trader, asset, TOKEN / 2);
                let borrow = self.world.borrow_instruction(&trader, asset, TOKEN / 10);
                self.world.succeeds_packed(&[borrow], &[&trader.key]);
            }
        }
        let maker = self.maker.clone();
        let legs: Vec<Leg> = self.legs().iter().map(|leg| Leg { quantity: sign * leg.quantity, ..*leg }).collect();
        for some in legs.chunks(8) {
            let trade = self.world.trade_of(trader.side(), maker.side(), some);
            self.world.succeeds_packed(&[trade], &[&trader.key, &maker.key]);
        }
        self.assert_full(&trader);
        trader
    }

    /// Read back from the chain: every holding of the shape, and none of them zero.
    pub fn assert_full(&self, of: &Actor) {
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
    pub fn shift(&mut self) {
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
}
