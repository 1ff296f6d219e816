//! Amounts as people write them: decimals, exact, in units that each place says.

use anyhow::{bail, ensure, Context, Result};

/// Decimals of contracts and of prices.
pub const CONTRACT: u8 = 9;
pub const PRICE: u8 = 9;
/// Decimals of USD and of ratios.
pub const USD: u8 = 6;
pub const RATIO: u8 = 6;

/// A decimal like `1.5` or `-0.25` in units of 10^-`digits`; exact, or refused.
pub fn parse(text: &str, digits: u8) -> Result<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let decimal = [whole, part].iter().all(|s| s.bytes().all(|b| b.is_ascii_digit()));
    ensure!(decimal && !(whole.is_empty() && part.is_empty()), "{text:?} is no decimal number; write it like 1.5");
    let part = part.trim_end_matches('0');
    if part.len() > usize::from(digits) {
        bail!("{text} has more than {digits} decimals");
    }
    let units = format!("{whole}{part:0<width$}", width = usize::from(digits));
    let units: i64 = units.parse().with_context(|| format!("{text} is too large"))?;
    Ok(if text.starts_with('-') { -units } else { units })
}

/// The same of an amount above zero, as a mint counts.
pub fn tokens(text: &str, decimals: u8) -> Result<u64> {
    let units = parse(text, decimals)?;
    ensure!(units > 0, "the amount is to be above 0");
    Ok(units.unsigned_abs())
}

/// Units of 10^-`digits` as a decimal, without zeros at its end.
pub fn decimal(units: impl Into<i128>, digits: u8) -> String {
    let units: i128 = units.into();
    let one = 10u128.pow(digits.into());
    let (whole, part) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    let sign = if units < 0 { "-" } else { "" };
    let part = format!("{part:0>width$}", width = usize::from(digits));
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        part => format!("{sign}{whole}.{part}"),
    }
}

/// The same for people: thousands apart, at least `least` decimals.
pub fn figure(units: impl Into<i128>, digits: u8, least: usize) -> String {
    let text = decimal(units, digits);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if part.is_empty() && least == 0 {
        return out;
    }
    format!("{out}.{part:0<least$}")
}

/// USD with cents, rounded down.
pub fn usd(units: i64) -> String {
    figure(i128::from(units).div_euclid(10_000), 2, 2)
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_both_ways() {
        for (text, digits, units) in [
            ("1.5", 6, 1_500_000),
            ("-0.000001", 6, -1),
            ("+2", 0, 2),
            (".5", 1, 5),
            ("1.50", 1, 15),
            ("9223372036854775807", 0, i64::MAX),
        ] {
            assert_eq!(parse(text, digits).expect(text), units);
        }
        for (text, words) in [
            ("", "no decimal"),
            (".", "no decimal"),
            ("1e3", "no decimal"),
            ("1,5", "no decimal"),
            ("--1", "no decimal"),
            ("0.0000001", "more than 6 decimals"),
            ("99999999999999", "too large"),
        ] {
            let error = parse(text, 6).expect_err(text).to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(tokens("0", 6).is_err() && tokens("-1", 6).is_err());
        assert_eq!(decimal(-1_500_000, 6), "-1.5");
        assert_eq!(decimal(3, 0), "3");
        assert_eq!(decimal(i64::MIN, 9), "-9223372036.854775808");
        assert_eq!(figure(1_234_567_800, 6, 2), "1,234.5678");
        assert_eq!(figure(-1_234_000_000, 6, 2), "-1,234.00");
        assert_eq!(usd(-1), "-0.01");
    }
}
