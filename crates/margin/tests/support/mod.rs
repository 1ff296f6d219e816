//! What the test files share: portfolios as plain data, a way to fill a [`Book`] with one, and exact arithmetic.
#![allow(dead_code)]

pub mod desk;
pub mod exact;
pub mod random;
pub mod reference;
pub mod worst;

use novate_margin::*;
use proptest::prelude::*;

/// Joint rows with their own storage.
#[derive(Clone)]
pub struct OwnedRows {
    pub moves: Box<[[i16; MAX_ROWS]; MAX_COLUMNS]>,
    pub vols: Box<[[i8; MAX_ROWS]; MAX_COLUMNS]>,
    pub extremes: [Extremes; MAX_COLUMNS],
    pub count: usize,
    pub present: u16,
}

impl std::fmt::Debug for OwnedRows {
    /// How many there are: all of them would hide the rest of a portfolio.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of columns {:b}", self.count, self.present)
    }
}

impl OwnedRows {
    pub fn new(columns: &[Vec<i16>]) -> Self {
        let mut rows = Self {
            moves: Box::new([[0; MAX_ROWS]; MAX_COLUMNS]),
            vols: Box::new([[0; MAX_ROWS]; MAX_COLUMNS]),
            extremes: Default::default(),
            count: columns.first().map_or(0, Vec::len),
            present: 0,
        };
        for (c, column) in columns.iter().enumerate() {
            assert_eq!(column.len(), rows.count);
            rows.moves[c][..rows.count].copy_from_slice(column);
            rows.extremes[c] = extremes(column);
            rows.present |= 1 << c;
        }
        rows
    }

    pub fn borrow(&self) -> Rows<'_> {
        Rows {
            moves: &self.moves,
            vols: &self.vols,
            extremes: &self.extremes,
            count: self.count,
            present: self.present,
        }
    }
}

/// What a portfolio holds of one underlying.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    pub facts: UnderlyingFacts,
    pub spot: Contracts,
    pub perpetual: Contracts,
    pub mark: Price,
    pub cost: Usd,
    pub multiplier: Ratio,
}

#[derive(Clone, Debug)]
pub struct Portfolio {
    pub settlement_price: Price,
    pub cash: Usd,
    pub pending: Usd,
    pub holdings: Vec<Holding>,
    pub outside: Vec<(Contracts, Price, Ratio)>,
    pub rows: OwnedRows,
}

impl Portfolio {
    pub fn fill(&self, book: &mut Book) -> Result<()> {
        book.clear();
        book.set_settlement_price(self.settlement_price);
        book.add_cash(self.cash)?;
        book.add_pending(self.pending)?;
        for (asset, h) in self.holdings.iter().enumerate() {
            let slot = book.add_underlying(asset as u16, h.facts)?;
            book.add_spot(slot, h.spot)?;
            book.add_perpetual(slot, h.perpetual, h.mark, h.cost, h.multiplier)?;
        }
        for (quantity, price, haircut) in &self.outside {
            book.add_outside(*quantity, *price, *price, *haircut)?;
        }
        Ok(())
    }

    /// One holding and nothing else.
    pub fn single(holding: Holding) -> Self {
        Self {
            settlement_price: Price::ONE,
            cash: Usd::ZERO,
            pending: Usd::ZERO,
            holdings: vec![holding],
            outside: vec![],
            rows: OwnedRows::new(&[]),
        }
    }

    pub fn health(&self) -> Health {
        let mut book = Box::new(Book::default());
        self.fill(&mut book).unwrap();
        book.health(Some(&self.rows.borrow()), &Params::DEFAULT).unwrap()
    }

    /// Net delta at the index price, in USD.
    pub fn notionals(&self) -> f64 {
        let legs = |h: &Holding| (h.spot.0.abs() as f64 + h.perpetual.0.abs() as f64) * h.facts.price.0 as f64 * 1e-18;
        self.holdings.iter().map(legs).sum()
    }
}

/// A quantity of up to a billion USD at a price, either sign, often zero.
fn quantity(price: i64) -> impl Strategy<Value = i64> {
    let most = ((1e27 / price as f64) as i64).min(1 << 60);
    prop_oneof![
        1 => Just(0i64),
        3 => -most..=most,
        3 => (0f64..1.0, any::<bool>()).prop_map(move |(e, short)| {
            let size = ((most as f64).powf(e) as i64).min(most);
            if short { -size } else { size }
        }),
    ]
}

prop_compose! {
    /// Prices from 0.001 to 10 million USD.
    pub fn price()(e in 6f64..16.0) -> i64 { 10f64.powf(e) as i64 }
}

prop_compose! {
    pub fn holding(column: u8)(p in price())(
        p in Just(p),
        spot in quantity(p),
        perpetual in quantity(p),
        confidence in prop_oneof![Just(0), 0..=p / 100],
        depth in prop_oneof![Just(0i64), 1_000_000_000_000i64..1_000_000_000_000_000],
        range in 50_000i64..=1_000_000,
        mark in (p - p / 200)..=(p + p / 200),
        drift in -200_000i64..200_000,
        multiplier in 0i64..4_000_000,
    ) -> Holding {
        let value = i128::from(perpetual) * i128::from(mark) / 1_000_000_000_000;
        Holding {
            facts: UnderlyingFacts {
                price: Price(p), confidence: Price(confidence), depth: Usd(depth), scan_range: Ratio(range), column,
            },
            spot: Contracts(spot),
            perpetual: Contracts(perpetual),
            mark: Price(mark),
            cost: Usd((value * i128::from(1_000_000 + drift) / 1_000_000) as i64),
            multiplier: Ratio(multiplier),
        }
    }
}

/// Columns that move together more or less, with clamped ends.
pub fn columns(width: usize, count: usize) -> impl Strategy<Value = Vec<Vec<i16>>> {
    (
        prop::collection::vec(-4096i32..=4096, count),
        prop::collection::vec((0i32..=100, prop::collection::vec(-4096i32..=4096, count)), width),
    )
        .prop_map(|(common, own)| {
            own.into_iter()
                .map(|(share, own)| {
                    let mix = |(c, o): (&i32, i32)| ((c * share + o * (100 - share)) / 70).clamp(-4096, 4096) as i16;
                    common.iter().zip(own).map(mix).collect()
                })
                .collect()
        })
}

/// A quantity, its price and a haircut.
fn outside() -> impl Strategy<Value = (i64, i64, i64)> {
    (price(), 0i64..=1_000_000).prop_flat_map(|(p, h)| (quantity(p), Just(p), Just(h)))
}

prop_compose! {
    fn sized(width: usize, count: usize)(
        holdings in (0..width as u8).map(|c| prop_oneof![8 => holding(c), 1 => holding(NO_COLUMN)]).collect::<Vec<_>>(),
        columns in columns(width, count),
        settlement in prop_oneof![Just(1_000_000_000i64), 500_000_000i64..1_010_000_000],
        cash in prop_oneof![0i64..1_000_000_000_000_000, -1_000_000_000_000i64..0],
        pending in 0i64..1_000_000_000_000,
        outside in prop::collection::vec(outside(), 0..6),
    ) -> Portfolio {
        Portfolio {
            settlement_price: Price(settlement),
            cash: Usd(cash),
            pending: Usd(pending),
            holdings,
            outside: outside.into_iter().map(|(q, p, h)| (Contracts(q), Price(p), Ratio(h))).collect(),
            rows: OwnedRows::new(&columns),
        }
    }
}

/// Portfolios over the whole documented range: up to 1e9 USD a leg, 16 underlyings, 128 rows.
pub fn portfolio() -> impl Strategy<Value = Portfolio> {
    (1usize..=16, prop_oneof![Just(1usize), Just(2), Just(3), Just(13), Just(101), Just(128)])
        .prop_flat_map(|(w, n)| sized(w, n))
}
