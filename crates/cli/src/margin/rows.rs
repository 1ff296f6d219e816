//! Joint rows of a file, by column (MRG-20).

use std::collections::BTreeMap;

use anyhow::{ensure, Context, Result};
use novate_margin::{extremes, Extremes, Rows, MAX_COLUMNS, MAX_ROWS, MOVE_ONE, VOL_ONE};

use super::number::share;

/// A move of spot in scan ranges and one of vol in vol shocks, by underlying.
pub type Row = BTreeMap<String, [f64; 2]>;

/// Joint rows with their storage.
pub struct JointRows {
    moves: Box<[[i16; MAX_ROWS]; MAX_COLUMNS]>,
    vols: Box<[[i8; MAX_ROWS]; MAX_COLUMNS]>,
    extremes: [Extremes; MAX_COLUMNS],
    count: usize,
    present: u16,
}

impl JointRows {
    /// The columns of the underlyings named, in their order. Fails where there are too many of them or of rows, or a move is
    /// missing, not between -1 and 1 or not on the grid.
    pub fn new(rows: &[Row], names: &[&str]) -> Result<Self> {
        ensure!(rows.len() <= MAX_ROWS, "scenarios: {} rows, at most {MAX_ROWS}", rows.len());
        ensure!(
            rows.is_empty() || names.len() <= MAX_COLUMNS,
            "scenarios: {} underlyings held, at most {MAX_COLUMNS} have a column",
            names.len()
        );
        let mut joint = Self {
            moves: Box::new([[0; MAX_ROWS]; MAX_COLUMNS]),
            vols: Box::new([[0; MAX_ROWS]; MAX_COLUMNS]),
            extremes: Default::default(),
            count: rows.len(),
            present: 0,
        };
        let columns = joint.moves.iter_mut().zip(joint.vols.iter_mut()).zip(&mut joint.extremes);
        for (column, (name, ((moves, vols), ends))) in names.iter().zip(columns).enumerate() {
            for (at, (row, (z, nu))) in rows.iter().zip(moves.iter_mut().zip(vols)).enumerate() {
                let place = || format!("scenarios[{at}]: {name}");
                let [spot, vol] = row.get(*name).context("missing").with_context(place)?;
                *z = i16::try_from(share(*spot, MOVE_ONE.into()).with_context(place)?)?;
                *nu = i8::try_from(share(*vol, VOL_ONE.into()).with_context(place)?)?;
            }
            *ends = extremes(&moves[..rows.len()]);
            joint.present |= 1 << column;
        }
        Ok(joint)
    }

    /// As the model reads them.
    pub fn borrow(&self) -> Rows<'_> {
        Rows {
            moves: &self.moves,
            vols: &self.vols,
            extremes: &self.extremes,
            count: self.count,
            present: self.present,
        }
    }
}
