//! What the back-test prints: tables in Markdown, or all of it as JSON, book by book.

use std::fmt::Write as _;
use std::ops::Range;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::books::Book;
use super::coverage::{Coverage, Outcome, SIZES};
use super::replay::Source;
use super::requirement::Setting;
use super::tune::{Found, Judged};

/// A setting and how its rows are made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Terms {
    /// See [`Setting`].
    pub credit: f64,
    /// See [`Setting`].
    pub floor: f64,
    /// See [`Setting`].
    pub tail_count: usize,
    /// Which days are rows.
    pub choice: &'static str,
    /// How many.
    pub count: usize,
}

impl Terms {
    /// Of a setting with its rows.
    pub fn new(setting: &Setting, source: Source) -> Self {
        let Setting { credit, floor, tail_count } = *setting;
        Self { credit, floor, tail_count, choice: source.choice.name(), count: source.count }
    }
}

/// One book over the days of a section.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What it is reported with.
    pub group: String,
    /// Its name.
    pub book: String,
    /// What happened to it.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// Books under one setting over some days.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// Which books, setting and days.
    pub title: String,
    /// The setting.
    pub terms: Terms,
    /// By book.
    pub lines: Vec<Line>,
}

impl Section {
    /// Of outcomes by book, then by day; `days` of them.
    pub fn new(title: &str, terms: &Terms, books: &[Book], outcomes: &[Vec<Outcome>], days: &Range<usize>) -> Self {
        let line = |(book, outcomes): (&Book, &Vec<Outcome>)| Line {
            group: book.group.clone(),
            book: book.name.clone(),
            coverage: Coverage::of(&outcomes[days.clone()]),
        };
        Self { title: title.into(), terms: terms.clone(), lines: books.iter().zip(outcomes).map(line).collect() }
    }
}

/// A setting and what it did.
#[derive(Clone, Debug, Serialize)]
pub struct Tuned {
    /// In force, the best for its way to make rows, or the one chosen among those.
    pub what: &'static str,
    /// The setting.
    pub terms: Terms,
    /// On the days that it was chosen by.
    pub inside: Judged,
    /// On the others.
    pub outside: Judged,
}

impl Tuned {
    /// Of what was found, the setting in force first; the one chosen comes last, once more.
    pub fn lines(found: &[Found], chosen: Option<&Found>) -> Vec<Self> {
        let whats = std::iter::once("in force").chain(std::iter::repeat("best"));
        let lines = whats.zip(found).chain(chosen.map(|found| ("chosen", found)));
        lines
            .map(|(what, Found { setting, source, inside, outside })| Self {
                what,
                terms: Terms::new(setting, *source),
                inside: *inside,
                outside: *outside,
            })
            .collect()
    }
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of the run.
    pub facts: Vec<(&'static str, String)>,
    /// Chosen by the first part, judged by the second.
    pub tuned: Vec<Tuned>,
    /// The other way round.
    pub reversed: Vec<Tuned>,
    /// Coverage.
    pub sections: Vec<Section>,
}

impl Report {
    /// As Markdown.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.facts {
            let value = if value.is_empty() { "none" } else { value };
            let _ = writeln!(out, "{name}: {value}");
        }
        let tables = [
            ("Chosen by the first part, judged by the second", &self.tuned),
            ("Chosen by the second part, judged by the first", &self.reversed),
        ];
        for (title, tuned) in tables {
            let _ = write!(out, "\n{title}. Pairs and random books.\n\n{}\n", tuning(tuned));
            if tuned.len() < 2 {
                let _ = writeln!(out, "No setting that was tried keeps every book within 1 % of those days.");
            }
        }
        for section in &self.sections {
            let _ = write!(out, "\n{}. {}\n\n{}\n", section.title, said(&section.terms), groups(&section.lines));
        }
        out
    }
}

fn said(terms: &Terms) -> String {
    let Terms { credit, floor, tail_count, choice, count } = terms;
    format!("Credit {credit:.2}, floor {floor:.2}, k {tail_count}, {count} rows by {choice}.")
}

fn percent(ratio: f64, places: usize) -> String {
    format!("{:.places$} %", 100.0 * ratio)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn tuning(tuned: &[Tuned]) -> Table {
    let header =
        ["setting", "credit", "floor", "k", "rows", "margin, inside", "worst", "margin, outside", "worst", "above 1 %"];
    let mut table = table(&header);
    for found in tuned {
        let Terms { credit, floor, tail_count, choice, count } = &found.terms;
        table.add_row([
            found.what.to_string(),
            format!("{credit:.2}"),
            format!("{floor:.2}"),
            tail_count.to_string(),
            format!("{count} by {choice}"),
            percent(found.inside.share, 1),
            percent(found.inside.worst, 2),
            percent(found.outside.share, 1),
            percent(found.outside.worst, 2),
            found.outside.above.to_string(),
        ]);
    }
    table
}

/// A line per group: its rates, its worst book, its breaches by size.
fn groups(lines: &[Line]) -> Table {
    let sizes = SIZES.map(|s| format!("to {s:.2}"));
    let mut header = vec!["books", "n", "mean", "worst", "worst book", "Kupiec p"];
    header.extend(sizes.iter().map(String::as_str));
    header.extend(["more", "largest", "maint.", "margin"]);
    let mut table = table(&header);
    let mut names: Vec<&str> = Vec::new();
    for line in lines {
        if !names.contains(&line.group.as_str()) {
            names.push(&line.group);
        }
    }
    for name in names {
        let group: Vec<&Line> = lines.iter().filter(|line| line.group == name).collect();
        let Some(worst) = group.iter().rev().max_by_key(|line| line.coverage.breaches) else { continue };
        let count = group.len() as f64;
        let mean = |of: fn(&Coverage) -> f64| group.iter().map(|l| of(&l.coverage)).sum::<f64>() / count;
        let most = |of: fn(&Coverage) -> f64| group.iter().map(|l| of(&l.coverage)).fold(f64::MIN, f64::max);
        let least = group.iter().map(|l| l.coverage.share).fold(f64::MAX, f64::min);
        let mut row = vec![
            name.to_string(),
            group.len().to_string(),
            percent(mean(Coverage::rate), 2),
            percent(worst.coverage.rate(), 2),
            match worst.coverage.breaches {
                0 => "-".into(),
                _ => worst.book.trim_start_matches(name).trim_start_matches(", ").into(),
            },
            if worst.coverage.p < 1e-4 { "< 0.0001".into() } else { format!("{:.4}", worst.coverage.p) },
        ];
        row.extend((0..=SIZES.len()).map(|at| group.iter().map(|l| l.coverage.sizes[at]).sum::<usize>().to_string()));
        row.push(format!("{:.2}", most(|c| c.worst)));
        row.push(percent(most(Coverage::maintenance_rate), 2));
        row.push(format!("{:.0} to {}", 100.0 * least, percent(most(|c| c.share), 0)));
        table.add_row(row);
    }
    table
}
