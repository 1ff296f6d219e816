//! A day by day replay: every month rows are made from the days before it, every day each book's margin is set against
//! what it lost on the next.

use anyhow::{ensure, Result};

use super::books::Book;
use super::coverage::Outcome;
use super::history::{Day, History, JointDay, LEAST_DAYS};
use super::profile::Places;
use super::quotes::{holdings, legs, Quote};
use super::requirement::{Measure, Setting};
use super::rows::{rows, Choice, Row};

/// How rows are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which days are kept.
    pub choice: Choice,
    /// How many.
    pub count: usize,
}

/// Days that are margined with the same rows.
pub struct Month<'a> {
    /// Tested days.
    pub days: &'a [JointDay],
    /// Common days before the month.
    pub past: &'a [JointDay],
}

impl Month<'_> {
    /// The rows of the month.
    pub fn rows(&self, source: Source) -> Vec<Row> {
        rows(self.past, source.count, source.choice)
    }
}

/// The months before which there are [`LEAST_DAYS`] common days. Fails where there is none.
pub fn months(history: &History) -> Result<Vec<Month<'_>>> {
    let mut out = Vec::new();
    let mut known = 0;
    for days in history.joint.chunk_by(|a, b| a.date.month_start() == b.date.month_start()) {
        if known >= LEAST_DAYS {
            out.push(Month { days, past: &history.joint[..known] });
        }
        known += days.len();
    }
    ensure!(!out.is_empty(), "{known} common days; the first month to test needs {LEAST_DAYS} before it (MRG-23)");
    Ok(out)
}

/// One book on one day, before a setting is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// What the setting turns into a requirement.
    pub measure: Measure,
    /// See [`Outcome::summed`].
    pub summed: f64,
    /// See [`Outcome::loss`].
    pub loss: f64,
}

impl Sample {
    /// The outcome under a setting.
    pub fn under(&self, setting: &Setting) -> Outcome {
        Outcome { margin: self.measure.requirement(setting), summed: self.summed, loss: self.loss }
    }
}

/// By book, then by day.
pub type Samples = Vec<Vec<Sample>>;

/// Measures every book on every day; `quote` says what is known of an underlying.
pub fn replay(months: &[Month], books: &[Book], source: Source, quote: impl Fn(&Day) -> Quote) -> Samples {
    let mut out: Samples = vec![Vec::new(); books.len()];
    for month in months {
        let places = Places::new(&month.rows(source));
        for day in month.days {
            let quotes: Vec<Quote> = day.days.iter().map(&quote).collect();
            for (book, samples) in books.iter().zip(&mut out) {
                samples.push(sample(book, &quotes, &places));
            }
        }
    }
    out
}

fn sample(book: &Book, quotes: &[Quote], places: &Places) -> Sample {
    /// A leg alone saves nothing, so no setting matters.
    const ANY: Setting = Setting { credit: 0.0, floor: 1.0, tail_count: 1 };
    let legs = legs(book, quotes);
    let held = holdings(&legs, quotes);
    let summed = legs.chunks(1).map(|leg| Measure::of(&holdings(leg, quotes), places).requirement(&ANY)).sum();
    let loss = -held.iter().map(|h| h.profile.gain).sum::<f64>();
    Sample { measure: Measure::of(&held, places), summed, loss }
}

/// The outcomes of all samples under a setting.
pub fn outcomes(samples: &Samples, setting: &Setting) -> Vec<Vec<Outcome>> {
    samples.iter().map(|samples| samples.iter().map(|s| s.under(setting)).collect()).collect()
}
