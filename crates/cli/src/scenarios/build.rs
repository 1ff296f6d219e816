//! `novate scenarios build`: a table of daily closes to the rows that a pool's authority stages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use novate_margin::{MAX_ROWS, TAIL_COUNT};
use serde::Serialize;
use serde_json::json;

use super::history::{parse_base, History, LEAST_DAYS};
use super::rows::{rows, Choice, Row};
use super::table::{Content, Date, Table};

/// Fewest rows of a set: two tails of an expected shortfall (MRG-20).
pub const LEAST_ROWS: usize = 2 * TAIL_COUNT;

/// What both commands read.
#[derive(Clone, Debug, clap::Args)]
pub struct Input {
    /// A CSV file: a column `date`, then a column of daily closes per underlying.
    pub file: PathBuf,
    /// The file holds simple daily returns instead of closes.
    #[arg(long)]
    pub returns: bool,
    /// Base scan range of an underlying, such as SOL=0.25. Known without: BTC 0.15, ETH 0.18, SOL 0.25.
    #[arg(long, value_name = "NAME=RATIO", value_parser = parse_base)]
    pub base: Vec<(String, f64)>,
}

impl Input {
    /// The table, and what was known on each of its days up to `until`.
    pub fn read(&self, until: Option<Date>) -> Result<(Table, History)> {
        let content = if self.returns { Content::Returns } else { Content::Closes };
        let table = Table::read(&self.file, content)?;
        let history = History::new(&table, &self.base, until).with_context(|| self.file.display().to_string())?;
        Ok((table, history))
    }
}

/// How to make rows.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The table.
    #[command(flatten)]
    pub input: Input,
    /// Where the rows go, as JSON.
    #[arg(long, value_name = "FILE.json")]
    pub out: PathBuf,
    /// Rows to keep, 6 to 128.
    #[arg(long, value_name = "N", default_value_t = MAX_ROWS)]
    pub count: usize,
    /// Which days to keep.
    #[arg(long, value_enum, default_value_t = Choice::Norm)]
    pub choice: Choice,
    /// Use days up to this one only.
    #[arg(long, value_name = "DATE")]
    pub until: Option<Date>,
    /// Say what the rows are as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Writes the rows, and says in a few lines what they are.
pub fn run(options: &Options) -> Result<String> {
    let count = options.count;
    ensure!(
        (LEAST_ROWS..=MAX_ROWS).contains(&count),
        "--count {count}: a set has {LEAST_ROWS} to {MAX_ROWS} rows (MRG-20)"
    );
    let (table, history) = options.input.read(options.until)?;
    let rows = rows(&history.joint, count, options.choice);
    let text = document(options, &table, &history, &rows);
    replace(&options.out, &text).with_context(|| options.out.display().to_string())?;

    let (first, last) = span(&history);
    if options.json {
        let said = json!({
            "out": options.out,
            "rows": rows.len(),
            "columns": history.columns,
            "left_out": history.left_out,
            "days": history.joint.len(),
            "first_day": first,
            "last_day": last,
            "source_sha256": table.sha256,
        });
        return Ok(format!("{said:#}"));
    }
    let mut said = format!("{} rows of {} in {}\n", rows.len(), history.columns.join(", "), options.out.display());
    let _ = writeln!(said, "from {} common days, {first} to {last}", history.joint.len());
    for name in &history.left_out {
        let _ = writeln!(said, "{name} has no column: fewer than {LEAST_DAYS} days in common with the others (MRG-23)");
    }
    let _ = write!(said, "sha256 of the table, the source of stage_scenarios: {}", table.sha256);
    Ok(said)
}

/// Writes a file whole or not at all: what stood there before stays until the new one is complete.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    let partial = path.with_file_name(name);
    let done = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
    if done.is_err() {
        // The first error says more than a failure to clear up after it.
        let _ = std::fs::remove_file(&partial);
    }
    done
}

/// First and last common day. There are at least [`LEAST_DAYS`].
fn span(history: &History) -> (String, String) {
    let date = |day: Option<&super::history::JointDay>| day.map(|d| d.date.to_string()).unwrap_or_default();
    (date(history.joint.first()), date(history.joint.last()))
}

/// One row a line, so that two versions can be compared.
fn document(options: &Options, table: &Table, history: &History, rows: &[Row]) -> String {
    let lines = |rows: Vec<String>| format!("[\n    {}\n  ]", rows.join(",\n    "));
    let (first, last) = span(history);
    let fields = [
        ("columns", list(&history.columns)),
        ("base_ranges", list(&history.bases)),
        ("left_out", list(&history.left_out)),
        ("choice", json!(options.choice.name()).to_string()),
        ("first_day", json!(first).to_string()),
        ("last_day", json!(last).to_string()),
        ("days", json!(history.joint.len()).to_string()),
        ("source", json!(if options.input.returns { "returns" } else { "closes" }).to_string()),
        ("source_sha256", json!(table.sha256).to_string()),
        ("moves", lines(rows.iter().map(|r| list(&r.moves)).collect())),
        ("vols", lines(rows.iter().map(|r| list(&r.vols)).collect())),
        ("dates", lines(rows.iter().map(|r| json!(r.date.to_string()).to_string()).collect())),
    ];
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("  \"{name}\": {value}")).collect();
    format!("{{\n{}\n}}\n", fields.join(",\n"))
}

fn list<T: Serialize>(items: &[T]) -> String {
    format!("[{}]", items.iter().map(|i| json!(i).to_string()).collect::<Vec<_>>().join(", "))
}
