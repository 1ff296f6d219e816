//! How fast the model is off chain.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use novate_margin::Book;

use super::file::File;
use super::portfolio::Portfolio;

/// How long is measured.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// Judges the portfolios of a file in turn, on one core, their strikes priced beforehand as they are on chain, and says how
/// many a second that is and how many legs they have.
pub fn time(text: &str) -> Result<String> {
    let file = File::parse(text)?;
    let mut portfolios = vec![];
    for case in &file.cases {
        portfolios.push(Portfolio::read(case, &file.params).with_context(|| case.place.clone())?);
    }
    ensure!(!portfolios.is_empty(), "the file has no portfolio");
    let legs: usize = portfolios.iter().map(|p| p.legs.len()).sum();
    let mut book = Box::<Book>::default();
    let (start, mut turns) = (Instant::now(), 0u32);
    while start.elapsed() < LONG_ENOUGH {
        for portfolio in &portfolios {
            black_box(portfolio.judge(&mut book, |_| true, &file.params)?);
        }
        turns += 1;
    }
    let evaluations = f64::from(turns) * portfolios.len() as f64;
    let mut out = String::new();
    let each = legs as f64 / portfolios.len() as f64;
    write!(out, "{:.0} evaluations a second of ", evaluations / start.elapsed().as_secs_f64())?;
    write!(out, "{} portfolios with {each:.1} legs on average, on one core", portfolios.len())?;
    Ok(out)
}
