//! The joint scenario rows that the demo's pool is given (MRG-23), as `novate scenarios build` wrote them; see
//! `docs/scenarios.md`.

use anyhow::{ensure, Context, Result};
use novate_client::ScenarioRange;
use serde::Deserialize;

use super::products::{COINS, PERPETUALS};
use crate::govern::text::hash_of;

const JSON: &str = include_str!("../../data/scenarios.json");
/// Rows per call: what fits a transaction with three columns.
const ROWS_PER_CALL: usize = 64;

#[derive(Deserialize)]
pub struct ScenarioRows {
    /// Underlyings in the order of their columns.
    columns: Vec<String>,
    first_day: String,
    last_day: String,
    /// Days on which all of them traded.
    days: usize,
    source_sha256: String,
    moves: Vec<Vec<i16>>,
    vols: Vec<Vec<i8>>,
}

impl ScenarioRows {
    /// Reads what `novate scenarios build` wrote.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }

    pub fn load() -> Result<Self> {
        let rows = Self::parse(JSON).context("data/scenarios.json")?;
        let underlyings: Vec<&str> = PERPETUALS.iter().map(|p| COINS[usize::from(p.asset)].symbol).collect();
        ensure!(
            rows.columns == underlyings,
            "data/scenarios.json has columns {:?}, the markets {underlyings:?}",
            rows.columns
        );
        Ok(rows)
    }

    /// Where the rows come from, in words.
    pub fn describe(&self) -> String {
        format!(
            "the {} days of largest moves among the {} days from {} to {} on which {} all traded",
            self.moves.len(),
            self.days,
            self.first_day,
            self.last_day,
            self.columns.join(", ")
        )
    }

    /// The rows in ranges, each an argument of `stage_scenarios`.
    pub fn ranges(&self) -> Result<Vec<ScenarioRange>> {
        self.ranges_of(self.columns.len())
    }

    /// The same of the first so many columns, for a pool without the others.
    pub fn ranges_of(&self, columns: usize) -> Result<Vec<ScenarioRange>> {
        let count = u16::try_from(self.moves.len())?;
        let source = hash_of(&self.source_sha256)?;
        let present = (1u16 << columns) - 1;
        let calls = self.moves.chunks(ROWS_PER_CALL).zip(self.vols.chunks(ROWS_PER_CALL)).enumerate();
        calls
            .map(|(call, (moves, vols))| {
                let start = u16::try_from(call * ROWS_PER_CALL)?;
                let moves = moves.iter().flat_map(|row| row.iter().take(columns).copied()).collect();
                let vols = vols.iter().flat_map(|row| row.iter().take(columns).copied()).collect();
                Ok(ScenarioRange { count, present, source, start, moves, vols })
            })
            .collect()
    }
}
