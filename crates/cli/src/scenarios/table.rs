//! The input: a CSV table with a column `date` and a column per underlying, daily closes or daily simple returns.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{bail, ensure, Context, Error, Result};
use novate_margin::MAX_COLUMNS;
use sha2::{Digest, Sha256};

/// A day of the calendar, `2022-11-09`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The first day of its month.
    pub fn month_start(self) -> Self {
        Self { day: 1, ..self }
    }

    fn days_in_month(self) -> u8 {
        let leap = self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match self.month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn next(self) -> Self {
        if self.day < self.days_in_month() {
            return Self { day: self.day + 1, ..self };
        }
        let (year, month) = if self.month < 12 { (self.year, self.month + 1) } else { (self.year + 1, 1) };
        Self { year, month, day: 1 }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let date = match parts[..] {
            [y, m, d] if (y.len(), m.len(), d.len()) == (4, 2, 2) => y
                .parse()
                .ok()
                .zip(m.parse().ok())
                .zip(d.parse().ok())
                .map(|((year, month), day)| Self { year, month, day }),
            _ => None,
        };
        date.filter(|d| {
            (1..=9998).contains(&d.year) && (1..=12).contains(&d.month) && (1..=d.days_in_month()).contains(&d.day)
        })
        .with_context(|| format!("`{text}` is not a date such as 2022-11-09"))
    }
}

/// Above any return of a day; a close read as a return is refused by it.
const MOST_RETURN: f64 = 10.0;

/// What the numbers of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Daily closes.
    Closes,
    /// Simple daily returns: close over the close before, less one.
    Returns,
}

/// Daily returns by underlying.
pub struct Table {
    /// Underlyings in the order of the file.
    pub names: Vec<String>,
    /// Days in ascending order.
    pub dates: Vec<Date>,
    /// By underlying, then by day: its simple return, none where it did not trade on this day and the day before.
    pub returns: Vec<Vec<Option<f64>>>,
    /// Of the bytes that were read, in hexadecimal.
    pub sha256: String,
}

impl Table {
    /// Reads a file; see [`Table::parse`].
    pub fn read(path: &Path, content: Content) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        Self::parse(&bytes, content).with_context(|| path.display().to_string())
    }

    /// The first column is `date`, each other one an underlying. Lines that begin with `#` are comments; an empty
    /// field is a day without trading.
    ///
    /// Refuses, saying where: another first column, no underlying or more than [`MAX_COLUMNS`], one without a name or
    /// named twice, no days, a line of another length, dates that do not ascend, what is not a number, closes that are
    /// not positive, and returns not between -1 and 10.
    pub fn parse(bytes: &[u8], content: Content) -> Result<Self> {
        let text = std::str::from_utf8(bytes).context("the file is not text")?;
        let mut lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')).map(fields);
        let header = lines.next().context("the file is empty")?;
        ensure!(header[0] == "date", "the first column is `{}`; it must be `date`", header[0]);
        let names = &header[1..];
        ensure!(!names.is_empty(), "there is no column besides `date`");
        ensure!(names.len() <= MAX_COLUMNS, "{} underlyings; a set of rows holds {MAX_COLUMNS}", names.len());
        for (index, name) in names.iter().enumerate() {
            ensure!(!name.is_empty(), "a column has no name");
            ensure!(!names[..index].contains(name), "two columns are named {name}");
        }
        let mut dates: Vec<Date> = Vec::new();
        let mut values: Vec<Vec<Option<f64>>> = vec![Vec::new(); names.len()];
        for line in lines {
            let date: Date = line[0].parse()?;
            ensure!(line.len() == header.len(), "{date}: {} fields; there are {} columns", line.len(), header.len());
            if let Some(last) = dates.last().filter(|last| **last >= date) {
                bail!("{date} stands after {last}; dates must ascend");
            }
            for ((name, values), text) in names.iter().zip(&mut values).zip(&line[1..]) {
                values.push(number(text, content).with_context(|| format!("{date}, {name}"))?);
            }
            dates.push(date);
        }
        ensure!(!dates.is_empty(), "there are no days");
        let returns = match content {
            Content::Returns => values,
            Content::Closes => values.iter().map(|closes| from_closes(&dates, closes)).collect(),
        };
        let sha256 = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { names: names.iter().map(ToString::to_string).collect(), dates, returns, sha256 })
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(',').map(str::trim).collect()
}

fn number(text: &str, content: Content) -> Result<Option<f64>> {
    if text.is_empty() {
        return Ok(None);
    }
    let value: Option<f64> = text.parse().ok().filter(|v: &f64| v.is_finite());
    let value = value.with_context(|| format!("`{text}` is not a number"))?;
    match content {
        Content::Closes => {
            ensure!(value > 0.0, "a close of {text}; it must be above 0 (are these returns? see --returns)")
        }
        Content::Returns => ensure!(
            value > -1.0 && value < MOST_RETURN,
            "a return of {text}; it must lie between -1 and {MOST_RETURN} (is it a close?)"
        ),
    }
    Ok(Some(value))
}

/// A return spans one day: there is none after a day without a close.
fn from_closes(dates: &[Date], closes: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = dates.windows(2).zip(closes.windows(2));
    let returns = pairs.map(|(dates, closes)| match (dates, closes) {
        ([before, today], [Some(from), Some(to)]) if before.next() == *today => Some(to / from - 1.0),
        _ => None,
    });
    std::iter::once(None).chain(returns).collect()
}
