//! `novate margin`: the margin model on portfolios in files and on the cluster, in the arithmetic of the chain.

mod evaluate;
pub(crate) mod explain;
mod file;
mod greeks;
mod number;
mod portfolio;
mod rows;
pub(crate) mod tables;
mod time;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use novate_client::Pubkey;

pub use evaluate::evaluate;
pub use explain::explain;
pub use time::time;

use crate::trader::{self, Look, Margin, WhatIf};

/// What to do with a file of portfolios.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Print the file again, with every intermediate value of the model as `expected` of each portfolio.
    Evaluate {
        /// Portfolios as JSON: one, a list, or `{"params": .., "cases": [..]}`. See docs/margin.md.
        file: PathBuf,
        /// What is printed is JSON without it too.
        #[arg(long)]
        json: bool,
    },
    /// Say what the margin of a portfolio is made of: rules, worst nodes, Greeks, and what each leg adds.
    Explain {
        /// Portfolios as JSON, as for `evaluate`; or the address of a portfolio on the cluster.
        #[arg(value_name = "FILE|ADDRESS")]
        what: String,
        /// Which of several in a file: its name, or its place from 0.
        #[arg(long, value_name = "NAME|PLACE")]
        case: Option<String>,
        #[command(flatten)]
        look: Look,
    },
    /// Say what the margins of a portfolio would be after a trade. Nothing is sent.
    WhatIf(WhatIf),
    /// Say how many of the file's portfolios the model judges in a second.
    Time {
        /// Portfolios as JSON, as for `evaluate`.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command and returns what it prints.
pub fn run(command: &Command) -> Result<String> {
    let read = |file: &Path| std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
    match command {
        Command::Evaluate { file, .. } => {
            let values = evaluate(&read(file)?).with_context(|| file.display().to_string())?;
            Ok(format!("{values:#}"))
        }
        Command::Explain { what, case, look } => match what.parse::<Pubkey>() {
            Ok(address) => trader::run(&Margin { address, look: look.clone() }),
            Err(_) => {
                let explained = explain(&read(Path::new(what))?, case.as_deref()).with_context(|| what.clone())?;
                Ok(explained.print(look.json))
            }
        },
        Command::WhatIf(what_if) => trader::run(what_if),
        Command::Time { file, json } => {
            let timed = time(&read(file)?).with_context(|| file.display().to_string())?;
            Ok(timed.print(*json))
        }
    }
}
