//! `novate margin`: the margin model on portfolios in files, in the arithmetic of the chain.

mod evaluate;
mod explain;
mod file;
mod greeks;
mod number;
mod portfolio;
mod rows;
mod tables;
mod time;

use std::path::PathBuf;

use anyhow::{Context, Result};

pub use evaluate::evaluate;
pub use explain::explain;
pub use time::time;

/// What to do with a file of portfolios.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Print the file again, with every intermediate value of the model as `expected` of each portfolio.
    Evaluate {
        /// Portfolios as JSON: one, a list, or `{"params": .., "cases": [..]}`. See docs/margin.md.
        file: PathBuf,
    },
    /// Say what the margin of a portfolio is made of: rules, worst nodes, Greeks, and what each leg adds.
    Explain {
        /// Portfolios as JSON, as for `evaluate`.
        file: PathBuf,
        /// Which of several: its name, or its place from 0.
        #[arg(long, value_name = "NAME|PLACE")]
        case: Option<String>,
    },
    /// Say how many of the file's portfolios the model judges in a second.
    Time {
        /// Portfolios as JSON, as for `evaluate`.
        file: PathBuf,
    },
}

/// Runs a command and returns what it prints.
pub fn run(command: &Command) -> Result<String> {
    let (Command::Evaluate { file } | Command::Explain { file, .. } | Command::Time { file }) = command;
    let name = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let printed = match command {
        Command::Evaluate { .. } => evaluate(&text).map(|values| format!("{values:#}")),
        Command::Explain { case, .. } => explain(&text, case.as_deref()).map(|tables| tables.trim_end().into()),
        Command::Time { .. } => time(&text),
    };
    printed.with_context(|| name.to_string())
}
