//! Books with options, futures, perpetuals, spot and yield-bearing balances, as plain data: to fill a [`Book`] with, in any
//! order and from strikes priced at any spot.

use bytemuck::Zeroable;
use novate_margin::chain::{Decided, Nodes, Reference, Strike, MAX_STRIKES};
use novate_margin::dated::{Carry, ExpiryFacts, Right};
use novate_margin::pricing::{deviation, DAY};
use novate_margin::*;

use super::random::Random;
use super::OwnedRows;

/// One expiry: underlying, facts and strikes with their vols.
#[derive(Clone, Debug)]
pub struct Expiry {
    pub underlying: usize,
    pub facts: ExpiryFacts,
    pub strikes: Vec<(Price, Ratio)>,
}

/// What a leg is: an underlying, or an expiry and a strike of it.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Spot(usize),
    Staked(usize),
    Perpetual(usize),
    Future(usize),
    Option(usize, usize, Right),
}

#[derive(Clone, Copy, Debug)]
pub struct Leg {
    pub kind: Kind,
    pub quantity: Contracts,
}

#[derive(Clone, Debug)]
pub struct Desk {
    pub underlyings: Vec<UnderlyingFacts>,
    pub expiries: Vec<Expiry>,
    pub legs: Vec<Leg>,
    pub rows: OwnedRows,
}

/// Strikes of every expiry.
pub type Chains = Vec<Box<[Strike; MAX_STRIKES]>>;

impl Desk {
    /// Up to three underlyings and five expiries from half a day to a year, up to twelve legs of 1,000 to 1,000,000 USD each.
    pub fn random(random: &Random) -> Self {
        let mut desk = Self::without_legs(random);
        desk.add_legs(random, 1 + random.bits() % 12);
        desk
    }

    /// The same with 48 legs: as many as a portfolio has positions.
    pub fn full(random: &Random) -> Self {
        let mut desk = Self::without_legs(random);
        desk.add_legs(random, 48);
        desk
    }

    fn without_legs(random: &Random) -> Self {
        let count = 1 + random.bits() as usize % 3;
        let underlyings: Vec<UnderlyingFacts> = (0..count).map(|u| facts(random, u)).collect();
        let expiries: Vec<Expiry> = (0..1 + random.bits() as usize % 5).map(|_| expiry(random, &underlyings)).collect();
        Self { underlyings, expiries, legs: vec![], rows: rows(random, count) }
    }

    fn add_legs(&mut self, random: &Random, count: u64) {
        for _ in 0..count {
            let kind = self.kind(random);
            let price = self.underlyings[self.underlying(kind)].price.0 as f64 / 1e9;
            let size = random.scale(1e3, 1e6) / price * 1e9;
            let short = random.bits().is_multiple_of(2) && !matches!(kind, Kind::Staked(_));
            self.legs.push(Leg { kind, quantity: Contracts(if short { -size } else { size } as i64) });
        }
    }

    fn kind(&self, random: &Random) -> Kind {
        let underlying = random.bits() as usize % self.underlyings.len();
        let expiry = random.bits() as usize % self.expiries.len();
        let slot = random.bits() as usize % self.expiries[expiry].strikes.len();
        match random.bits() % 9 {
            0 => Kind::Spot(underlying),
            1 => Kind::Staked(underlying),
            2 => Kind::Perpetual(underlying),
            3 => Kind::Future(expiry),
            n => Kind::Option(expiry, slot, if n % 2 == 0 { Right::Call } else { Right::Put }),
        }
    }

    pub fn underlying(&self, kind: Kind) -> usize {
        match kind {
            Kind::Spot(u) | Kind::Staked(u) | Kind::Perpetual(u) => u,
            Kind::Future(e) | Kind::Option(e, ..) => self.expiries[e].underlying,
        }
    }

    /// Legs at the index price, sizes summed, USD.
    pub fn gross(&self) -> f64 {
        let size = |leg: &Leg| leg.quantity.0.abs() as f64 * self.underlyings[self.underlying(leg.kind)].price.0 as f64;
        self.legs.iter().map(size).sum::<f64>() * 1e-18
    }

    /// Every strike priced at the index price.
    pub fn priced(&self) -> Chains {
        self.priced_at(|_, _| 1.0)
    }

    /// Every strike priced at the index price times a factor of its expiry and slot.
    pub fn priced_at(&self, factor: impl Fn(usize, usize) -> f64) -> Chains {
        let chain = |(at, expiry): (usize, &Expiry)| {
            let UnderlyingFacts { price, scan_range, .. } = self.underlyings[expiry.underlying];
            let ExpiryFacts { basis, remaining, decided } = expiry.facts;
            let mut strikes = Box::new([Strike::zeroed(); MAX_STRIKES]);
            let mut nodes = Nodes::zeroed();
            for (slot, (place, (strike, vol))) in strikes.iter_mut().zip(&expiry.strikes).enumerate() {
                let price = Price((price.0 as f64 * factor(at, slot)) as i64);
                let facts = Reference { price, basis, decided, scan_range, remaining, time: Seconds(slot as i64) };
                nodes.set(&facts, &Params::DEFAULT).unwrap();
                place.reprice(&nodes, *strike, deviation(*vol, remaining).unwrap()).unwrap();
            }
            strikes
        };
        self.expiries.iter().enumerate().map(chain).collect()
    }

    pub fn fill(&self, book: &mut Book, chains: &Chains, carry: Carry) -> Result<()> {
        book.clear();
        book.set_settlement_price(Price::ONE);
        for (asset, facts) in self.underlyings.iter().enumerate() {
            book.add_underlying(asset as u16, *facts)?;
        }
        for (id, expiry) in self.expiries.iter().enumerate() {
            book.add_expiry(expiry.underlying, id as u64, expiry.facts)?;
        }
        for leg in &self.legs {
            self.add(book, leg)?;
        }
        for (slot, chain) in chains.iter().enumerate() {
            if self.legs.iter().any(|leg| matches!(leg.kind, Kind::Option(e, ..) if e == slot)) {
                book.add_chain(slot, chain, carry)?;
            }
        }
        Ok(())
    }

    pub fn add(&self, book: &mut Book, leg: &Leg) -> Result<()> {
        let quantity = leg.quantity;
        match leg.kind {
            Kind::Spot(u) => book.add_spot(u, quantity),
            Kind::Staked(u) => book.add_staked(u, quantity, true),
            Kind::Perpetual(u) => book.add_perpetual(u, quantity, self.underlyings[u].price, Usd::ZERO, Ratio::ONE),
            Kind::Future(e) => book.add_future(e, quantity, Usd::ZERO, Ratio::ONE),
            Kind::Option(e, slot, right) => book.add_option(e, slot, right, quantity, Ratio::ONE),
        }
    }

    /// Judged with strikes from `chains`.
    pub fn health_with(&self, chains: &Chains, carry: Carry) -> Health {
        let mut book = Box::new(Book::default());
        self.fill(&mut book, chains, carry).unwrap();
        book.health(Some(&self.rows.borrow()), &Params::DEFAULT).unwrap()
    }

    /// Judged with strikes priced now.
    pub fn health(&self) -> Health {
        self.health_with(&self.priced(), Carry::Central)
    }

    /// The same with other legs.
    pub fn with(&self, legs: Vec<Leg>) -> Self {
        Self { legs, ..self.clone() }
    }
}

fn facts(random: &Random, at: usize) -> UnderlyingFacts {
    let price = random.scale(0.05, 2e5);
    UnderlyingFacts {
        price: Price((price * 1e9) as i64),
        confidence: Price((price * random.between(0.0, 2e6)) as i64),
        depth: Usd::ZERO,
        scan_range: Ratio(random.between(150_000.0, 600_000.0) as i64),
        // The last of three has no column.
        column: if at == 2 { NO_COLUMN } else { at as u8 },
    }
}

fn expiry(random: &Random, underlyings: &[UnderlyingFacts]) -> Expiry {
    let underlying = random.bits() as usize % underlyings.len();
    let price = underlyings[underlying].price.0 as f64;
    let days = random.one_of(&[0.5, 1.0, 3.0, 7.0, 14.0, 30.0, 90.0, 365.0]);
    let vol = random.between(0.25, 1.4);
    let strike = |n: i64| {
        let moneyness = (0.08 * n as f64 + random.between(-0.03, 0.03)).exp();
        (Price((price * moneyness) as i64), Ratio((vol * random.between(0.9, 1.2) * 1e6) as i64))
    };
    let half = 1 + (random.bits() % 8) as i64;
    let facts = ExpiryFacts {
        basis: Ratio(random.between(-10_000.0, 30_000.0) as i64),
        remaining: Tenor((days * DAY.0 as f64) as i64),
        decided: Decided::NOTHING,
    };
    Expiry { underlying, facts, strikes: (-half..=half).map(strike).collect() }
}

/// Moves that fall together more or less, with vols that rise when spot falls.
fn rows(random: &Random, count: usize) -> OwnedRows {
    let common: Vec<f64> = (0..MAX_ROWS).map(|_| random.between(-1.0, 1.0)).collect();
    let column = |_| -> Vec<i16> {
        let moved = |c: &f64| ((0.7 * c + random.between(-0.5, 0.5)).clamp(-1.0, 1.0) * 4096.0) as i16;
        common.iter().map(moved).collect()
    };
    let mut rows = OwnedRows::new(&(0..count).map(column).collect::<Vec<_>>());
    for (moves, vols) in rows.moves.iter().zip(rows.vols.iter_mut()).take(count) {
        for (z, nu) in moves.iter().zip(vols) {
            *nu = ((-0.6 * f64::from(*z) / 4096.0 + random.between(-0.4, 0.4)).clamp(-1.0, 1.0) * 127.0) as i8;
        }
    }
    rows
}
