//! What the built program costs: compute units, transaction bytes and accounts of each instruction, in the smallest and in
//! the fullest state. Every state is reached by instructions and read back before it is measured; every measurement is one
//! transaction at mainnet's limits.

mod desk;
mod document;
mod expiries;
mod figure;
mod full;
mod governance;
mod haircuts;
mod insurance;
mod lending;
mod orders;
mod settlement;
mod small;
mod venues;

use std::path::PathBuf;

pub use document::{parse, render};
pub use figure::Figure;

/// Growth that passes unnoticed, in percent.
pub const TOLERANCE: u64 = 2;

/// Every figure, in the order of the document.
pub fn measure() -> Vec<Figure> {
    let mut figures = full::checks();
    figures.extend(desk::all());
    figures.extend(expiries::all());
    figures.extend(settlement::all());
    figures.extend(full::clearing());
    figures.extend(lending::all());
    figures.extend(insurance::all());
    figures.extend(haircuts::all());
    figures.extend(venues::all());
    figures.extend(small::all());
    figures.extend(governance::all());
    figures.extend(orders::all());
    figures
}

/// Where the figures are kept.
pub fn document_path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md"))
}
