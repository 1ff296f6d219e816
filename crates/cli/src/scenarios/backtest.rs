//! `novate scenarios backtest`: what margin with rows of the past would have covered.

use std::ops::Range;

use anyhow::{ensure, Result};
use novate_margin::{Params, MAX_ROWS, TAIL_COUNT};

use super::books::{self, Book};
use super::build::Input;
use super::exact;
use super::history::{Day, LEAST_DAYS};
use super::profile::ratio;
use super::quotes::Quote;
use super::replay::{months, outcomes, replay, Month, Samples, Source};
use super::report::{Report, Section, Terms, Tuned};
use super::requirement::Setting;
use super::rows::Choice;
use super::table::Date;
use super::tune::{sources, Found};

/// How to test.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The table.
    #[command(flatten)]
    pub input: Input,
    /// Of the random books.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Implied over realised vol, less one; from -0.5 to 2.
    #[arg(long, value_name = "RATIO", default_value_t = 0.10)]
    pub premium: f64,
    /// All of it as JSON, book by book.
    #[arg(long)]
    pub json: bool,
}

/// The rows of MRG-23.
pub const SOURCE: Source = Source { choice: Choice::Norm, count: MAX_ROWS };
/// The setting in force by default.
pub const IN_FORCE: Setting = Setting {
    credit: ratio(Params::DEFAULT.es_credit),
    floor: ratio(Params::DEFAULT.diversified_floor),
    tail_count: TAIL_COUNT,
};

/// Runs the back-test and returns what is printed.
pub fn run(options: &Options) -> Result<String> {
    let report = report(options)?;
    Ok(if options.json { serde_json::to_string_pretty(&report)? } else { report.text() })
}

/// 1. The months to test, and the middle day, which splits them in two parts.
/// 2. Settings: chosen by the first part and judged by the second, and the other way round.
/// 3. Books at the setting in force, on all days and on the second part.
/// 4. Books on several underlyings at the setting that the first part chose, on the second part: the joint credit does
///    not touch the others.
pub fn report(options: &Options) -> Result<Report> {
    ensure!((-0.5..=2.0).contains(&options.premium), "--premium {}: it lies between -0.5 and 2", options.premium);
    let (table, history) = options.input.read(None)?;
    ensure!(history.columns.len() >= 2, "{LEAST_DAYS} common days of two underlyings are needed (MRG-23)");
    let months = months(&history)?;
    let dates: Vec<Date> = months.iter().flat_map(|m| m.days.iter().map(|d| d.date)).collect();
    let middle = dates.len() / 2;
    ensure!(middle > 0, "one day to test; two are needed");
    let (all, first, second) = (0..dates.len(), 0..middle, middle..dates.len());

    let linear = books::linear(&history.columns, options.seed);
    let dated = books::options(&history.columns);
    let quote = |day: &Day| Quote::new(day, options.premium);
    let [tuned, reversed] = tune(&months, &linear, [[first.clone(), second.clone()], [second.clone(), first.clone()]]);

    let standing = Terms::new(&IN_FORCE, SOURCE);
    let mut sections = Vec::new();
    let days = exact::replay(&months, &linear, SOURCE, &IN_FORCE)?;
    sections.push(Section::new("Linear books, in force, all days", &standing, &linear, &days, &all));
    sections.push(Section::new("Linear books, in force, second part", &standing, &linear, &days, &second));
    let days = outcomes(&replay(&months, &dated, SOURCE, quote), &IN_FORCE);
    sections.push(Section::new("Option books, in force, all days", &standing, &dated, &days, &all));
    sections.push(Section::new("Option books, in force, second part", &standing, &dated, &days, &second));
    if let Some(Found { setting, source, .. }) = chosen(&tuned) {
        let terms = Terms::new(setting, *source);
        for (title, books) in [("Linear", joint(&linear)), ("Option", joint(&dated))] {
            let days = outcomes(&replay(&months, &books, *source, quote), setting);
            let title = format!("{title} books on several underlyings, chosen, second part");
            sections.push(Section::new(&title, &terms, &books, &days, &second));
        }
    }
    let span = |days: &Range<usize>| format!("{} days, {} to {}", days.len(), dates[days.start], dates[days.end - 1]);
    let facts = vec![
        ("sha256 of the table", table.sha256),
        ("columns", history.columns.join(", ")),
        ("without a column", history.left_out.join(", ")),
        ("tested", span(&all)),
        ("first part", span(&first)),
        ("second part", span(&second)),
        ("seed of the random books", options.seed.to_string()),
        ("implied over realised vol", format!("{:.2}", 1.0 + options.premium)),
    ];
    let [tuned, reversed] = [tuned, reversed].map(|found| Tuned::lines(&found, chosen(&found)));
    Ok(Report { facts, tuned, reversed, sections })
}

fn joint(books: &[Book]) -> Vec<Book> {
    books.iter().filter(|b| b.is_joint()).cloned().collect()
}

/// The setting in force, then for every way to make rows the best that was found: once for each direction of `parts`,
/// the days to choose by and the days to judge by. Pairs and random books count.
fn tune(months: &[Month], linear: &[Book], parts: [[Range<usize>; 2]; 2]) -> [Vec<Found>; 2] {
    let books = joint(linear);
    let tried: Vec<(Source, Samples)> =
        sources().map(|source| (source, replay(months, &books, source, Quote::linear))).collect();
    parts.map(|parts| {
        let standing = tried.iter().find(|(source, _)| *source == SOURCE);
        let standing = standing.map(|(source, samples)| Found::of(samples, *source, &parts, IN_FORCE));
        let best = tried.iter().filter_map(|(source, samples)| Found::best(samples, *source, &parts));
        standing.into_iter().chain(best).collect()
    })
}

/// Of lowest margin where it was chosen. The first is the setting in force.
fn chosen(found: &[Found]) -> Option<&Found> {
    found.iter().skip(1).min_by(|a, b| a.inside.share.total_cmp(&b.inside.share))
}
