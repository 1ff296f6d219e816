//! What was known of each underlying on each day: its scan range and volatility, and its move in scan ranges
//! (MRG-23, MRG-50, MRG-51).

use std::collections::BTreeMap;

use anyhow::{bail, ensure, Context, Result};

use super::table::{Date, Table};

/// Fewest days on which all underlyings with a column traded (MRG-23).
pub const LEAST_DAYS: usize = 250;
/// MRG-50: what a day keeps of the fast and of the slow average.
const DECAYS: [f64; 2] = [0.94, 0.99];
/// MRG-51: the scan range in deviations of a day.
const RANGE_DEVIATIONS: f64 = 3.0;
/// MRG-51: base scan ranges that need not be given.
const BASE_RANGES: [(&str, f64); 3] = [("BTC", 0.15), ("ETH", 0.18), ("SOL", 0.25)];
/// Bounds of a base scan range, those of a listed asset.
const BASE_BOUNDS: (f64, f64) = (0.01, 0.50);

/// An underlying's base scan range, `SOL=0.25`.
pub fn parse_base(text: &str) -> Result<(String, f64)> {
    let (name, base) = text.split_once('=').context("expected NAME=RATIO, such as SOL=0.25")?;
    let base: f64 = base.parse().with_context(|| format!("`{base}` is not a number"))?;
    ensure!((BASE_BOUNDS.0..=BASE_BOUNDS.1).contains(&base), "a base scan range lies between 0.01 and 0.50");
    Ok((name.into(), base))
}

/// One underlying on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// Simple return.
    pub change: f64,
    /// Scan range, from the days before.
    pub range: f64,
    /// Deviation of a day by the fast average, from the days before.
    pub sigma_before: f64,
    /// The same with this day.
    pub sigma_after: f64,
}

impl Day {
    /// The day's move in its scan range, cut to it: from -1 to 1.
    pub fn z(&self) -> f64 {
        (self.change / self.range).clamp(-1.0, 1.0)
    }
}

/// The averages start at zero, as they do on chain, and take every return as one of a day.
fn days(returns: &[Option<f64>], base: f64) -> Vec<Option<Day>> {
    let mut variances = [0.0_f64; DECAYS.len()];
    let day = |change: &Option<f64>| {
        let change = (*change)?;
        let sigma_before = variances[0].sqrt();
        let range = (RANGE_DEVIATIONS * variances[0].max(variances[1]).sqrt()).clamp(base, 2.0 * base);
        for (variance, decay) in variances.iter_mut().zip(DECAYS) {
            *variance = decay * *variance + (1.0 - decay) * change * change;
        }
        Some(Day { change, range, sigma_before, sigma_after: variances[0].sqrt() })
    };
    returns.iter().map(day).collect()
}

/// A day on which all underlyings with a column traded.
#[derive(Clone, Debug, PartialEq)]
pub struct JointDay {
    /// Its date.
    pub date: Date,
    /// By column.
    pub days: Vec<Day>,
}

/// The underlyings that get a column, and their common days.
pub struct History {
    /// Underlyings by column.
    pub columns: Vec<String>,
    /// Base scan ranges by column.
    pub bases: Vec<f64>,
    /// Underlyings without a column: too few common days.
    pub left_out: Vec<String>,
    /// In ascending order.
    pub joint: Vec<JointDay>,
}

impl History {
    /// All days of the table up to `until`. While the underlyings have fewer than [`LEAST_DAYS`] days in common, the
    /// one that traded on the fewest is left out.
    ///
    /// Fails where a base scan range is not known or none of the underlyings has enough days.
    pub fn new(table: &Table, bases: &[(String, f64)], until: Option<Date>) -> Result<Self> {
        let mut known: BTreeMap<&str, f64> = BASE_RANGES.into_iter().collect();
        for (name, base) in bases {
            ensure!(table.names.contains(name), "--base {name}={base}: there is no column {name}");
            known.insert(name, *base);
        }
        let length = until.map_or(table.dates.len(), |until| table.dates.partition_point(|d| *d <= until));
        let mut kept = Vec::new();
        for (name, returns) in table.names.iter().zip(&table.returns) {
            let Some(base) = known.get(name.as_str()) else {
                bail!("the base scan range of {name} is not known: state it with --base {name}=RATIO (MRG-51)");
            };
            kept.push((name.clone(), *base, days(&returns[..length], *base)));
        }
        let (mut left_out, mut joint) = (Vec::new(), Vec::new());
        while !kept.is_empty() {
            joint =
                (0..length).filter_map(|at| join(table.dates[at], kept.iter().map(|(_, _, days)| days[at]))).collect();
            if joint.len() >= LEAST_DAYS {
                break;
            }
            let traded = |(_, _, days): &(String, f64, Vec<Option<Day>>)| days.iter().flatten().count();
            let fewest = kept.iter().map(traded).min().unwrap_or_default();
            let last = kept.iter().rposition(|k| traded(k) == fewest).unwrap_or_default();
            left_out.push(kept.remove(last).0);
        }
        ensure!(!kept.is_empty(), "no underlying has {LEAST_DAYS} daily returns (MRG-23)");
        let (columns, bases) = kept.into_iter().map(|(name, base, _)| (name, base)).unzip();
        Ok(Self { columns, bases, left_out, joint })
    }
}

fn join(date: Date, days: impl Iterator<Item = Option<Day>>) -> Option<JointDay> {
    days.collect::<Option<Vec<Day>>>().map(|days| JointDay { date, days })
}
