//! Numbers of a file, on the grid of the fixed-point types. A number that is not on it is refused: rounded, it would be
//! another portfolio.

use anyhow::{ensure, Result};

/// Tells what comes from doubles from what is off the grid, in steps.
const SLACK: f64 = 1e-3;

/// A number in steps of 10^-`digits`.
pub fn steps(x: f64, digits: u32) -> Result<i64> {
    let one = 10f64.powi(digits as i32);
    let scaled = x * one;
    ensure!(scaled.abs() < i64::MAX as f64, "{x} does not fit: at most {:.2e}", i64::MAX as f64 / one);
    let rounded = scaled.round();
    // A double that has no room for the digits is what its text was rounded to.
    ensure!((scaled - rounded).abs() <= SLACK + scaled.abs() * f64::EPSILON, "{x} has more than {digits} decimals");
    Ok(rounded as i64)
}

/// A number from -1 to 1 in steps of 1/`one`.
pub fn share(x: f64, one: i64) -> Result<i64> {
    ensure!(x.abs() <= 1.0, "{x} is not between -1 and 1");
    let scaled = x * one as f64;
    let rounded = scaled.round();
    ensure!((scaled - rounded).abs() <= SLACK, "{x} is no multiple of 1/{one}");
    Ok(rounded as i64)
}

/// Fixed point back to a double.
pub fn real(steps: i64, digits: u32) -> f64 {
    steps as f64 / 10f64.powi(digits as i32)
}
