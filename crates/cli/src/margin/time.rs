//! How fast the model is off chain.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use novate_margin::Book;
use serde_json::json;

use super::file::File;
use super::portfolio::Portfolio;
use crate::trader::Printed;

/// How long is measured.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// Judges the portfolios of a file in turn, on one core, their strikes priced beforehand as they are on chain, and says how
/// many a second that is and how many legs they have.
pub fn time(text: &str) -> Result<Printed> {
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
    let each = legs as f64 / portfolios.len() as f64;
    let pace = evaluations / start.elapsed().as_secs_f64();
    let count = portfolios.len();
    let said =
        format!("{pace:.0} evaluations a second of {count} portfolios with {each:.1} legs on average, on one core");
    let json = json!({ "evaluations_per_second": pace.round() as u64, "portfolios": count, "legs": legs });
    Ok(Printed::new(said, json))
}
