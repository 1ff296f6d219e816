//! The same margin by the crate that the program runs, for linear books.

use anyhow::Result;
use novate_margin::{
    extremes, Book, Contracts, Extremes, Params, Price, Ratio, Rows, UnderlyingFacts, Usd, MAX_COLUMNS, MAX_ROWS,
};

use super::books::{self, Leg};
use super::coverage::Outcome;
use super::history::Day;
use super::replay::{Month, Source};
use super::requirement::Setting;
use super::rows::Row;

/// USD that an amount of 1 stands for: large enough for rounding not to show, below any limit.
const AMOUNT: f64 = 1e6;

/// Rows by column, as the margin crate reads them.
struct Staged {
    moves: Box<[[i16; MAX_ROWS]; MAX_COLUMNS]>,
    vols: Box<[[i8; MAX_ROWS]; MAX_COLUMNS]>,
    extremes: [Extremes; MAX_COLUMNS],
    count: usize,
    present: u16,
}

impl Staged {
    /// At most [`MAX_ROWS`] rows of at most [`MAX_COLUMNS`] columns.
    fn new(rows: &[Row]) -> Self {
        let mut out = Self {
            moves: Box::new([[0; MAX_ROWS]; MAX_COLUMNS]),
            vols: Box::new([[0; MAX_ROWS]; MAX_COLUMNS]),
            extremes: [Extremes::default(); MAX_COLUMNS],
            count: rows.len(),
            present: 0,
        };
        for column in 0..rows.first().map_or(0, |row| row.moves.len()) {
            for (at, row) in rows.iter().enumerate() {
                out.moves[column][at] = row.moves[column];
                out.vols[column][at] = row.vols[column];
            }
            out.extremes[column] = extremes(&out.moves[column][..rows.len()]);
            out.present |= 1 << column;
        }
        out
    }

    fn rows(&self) -> Rows<'_> {
        let Self { moves, vols, extremes, count, present } = self;
        Rows { moves, vols, extremes, count: *count, present: *present }
    }
}

/// What every linear book would have held, and lost, day by day. The tail count is that of the crate.
pub fn replay(months: &[Month], books: &[books::Book], source: Source, setting: &Setting) -> Result<Vec<Vec<Outcome>>> {
    let ratio = |value: f64| Ratio((value * Ratio::ONE.0 as f64).round() as i64);
    let params =
        Params { es_credit: ratio(setting.credit), diversified_floor: ratio(setting.floor), ..Params::DEFAULT };
    let mut out = vec![Vec::new(); books.len()];
    let mut workspace = Box::<Book>::default();
    for month in months {
        let staged = Staged::new(&month.rows(source));
        for day in month.days {
            for (book, outcomes) in books.iter().zip(&mut out) {
                let gain: f64 = book.legs.iter().map(|l| l.quantity * day.days[l.column].change).sum();
                let summed = book.legs.iter().map(|l| l.quantity.abs() * day.days[l.column].range).sum();
                let margin = requirement(&mut workspace, &book.legs, &day.days, &staged, &params)?;
                outcomes.push(Outcome { margin, summed, loss: -gain });
            }
        }
    }
    Ok(out)
}

/// The initial margin of perpetuals, in the unit of their amounts.
fn requirement(book: &mut Book, legs: &[Leg], days: &[Day], staged: &Staged, params: &Params) -> Result<f64> {
    book.clear();
    book.set_settlement_price(Price::ONE);
    for leg in legs {
        let facts = UnderlyingFacts {
            price: Price::ONE,
            confidence: Price::ZERO,
            depth: Usd::ZERO,
            scan_range: Ratio((days[leg.column].range * Ratio::ONE.0 as f64).ceil() as i64),
            column: leg.column as u8,
        };
        let slot = book.add_underlying(leg.column as u16, facts)?;
        let quantity = Contracts((leg.quantity * AMOUNT * Contracts::ONE.0 as f64).round() as i64);
        let cost = quantity.value_ceil(Price::ONE)?;
        book.add_perpetual(slot, quantity, Price::ONE, cost, Ratio::ONE)?;
    }
    let health = book.health(Some(&staged.rows()), params)?;
    Ok(health.initial.0 as f64 / Usd::ONE.0 as f64 / AMOUNT)
}
