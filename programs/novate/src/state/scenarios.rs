use anchor_lang::prelude::*;
use novate_margin::{Extremes, Ratio, Rows, MAX_COLUMNS, MAX_ROWS, MOVE_ONE, VOL_ONE};

use super::{Wide, DISCRIMINATOR};

/// Seconds after a switch in which no other change raises maintenance margin: who met initial margin before it has them to act.
pub const SWITCH_SPAN: i64 = 86_400;

/// Part of the diversified floor that a cell may move by at a switch: see [`Scenarios::is_near`].
const STEP_PART: i64 = 8;

/// Joint scenario rows of one generation (MRG-20, MRG-23): per underlying a move in 1/4096 of its scan range and a vol
/// move in 1/127 of its shock. Column by column, so that a portfolio reads only the columns that it holds.
///
/// Address: `[SCENARIOS, pool, generation]`. Staged by range; once complete it is replaced as a whole until it is live, and never after.
#[account(zero_copy)]
#[derive(Debug)]
#[repr(C)]
pub struct Scenarios {
    pub version: u8,
    pub bump: u8,
    pub generation: u16,
    /// Rows of this generation, at most 128.
    pub count: u16,
    /// Bit per column that has rows.
    pub present: u16,
    /// 1 when every row is staged.
    pub complete: u8,
    pub padding: [u8; 7],
    pub pool: Pubkey,
    /// Hash of what the rows were derived from.
    pub source: [u8; 32],
    /// Bit per staged row.
    pub staged: Wide,
    pub extremes: [Extremes; MAX_COLUMNS],
    pub moves: [[i16; MAX_ROWS]; MAX_COLUMNS],
    pub vols: [[i8; MAX_ROWS]; MAX_COLUMNS],
    /// Unix time at which the last row was staged; 0 before.
    pub sealed_at: i64,
    pub reserve: [u8; 16],
}

impl Scenarios {
    pub const SPACE: usize = DISCRIMINATOR + core::mem::size_of::<Self>();

    /// Hash of everything in the account behind the discriminator, the time of completion too: complete rows have it until they are replaced
    /// as a whole.
    pub fn hash(&self) -> [u8; 32] {
        solana_sha256_hasher::hash(bytemuck::bytes_of(self)).to_bytes()
    }

    /// Whether a switch from the live rows to these is at most a step: as many rows, no column less, and no cell of a live column moved by
    /// more than an eighth of the diversified floor (1e-6), of a scan range and of a vol shock.
    ///
    /// The mean of the worst losses moves by at most what a row does, so of linear holdings each of the two shortfalls moves by at most an
    /// eighth of the floor of all scan losses together, what is saved by at most a quarter of it, and the core, which is no less than
    /// that floor, grows by at most a quarter: maintenance margin at 0.80 is at most what initial margin was (MRG-21, MRG-22). A column more
    /// only adds to what is saved.
    pub fn is_near(&self, live: &Self, floor: Ratio) -> bool {
        let [moves, vols] = [i64::from(MOVE_ONE), i64::from(VOL_ONE)].map(|one| step(one, floor));
        let count = usize::from(live.count);
        let columns = self.moves.iter().zip(&live.moves).zip(self.vols.iter().zip(&live.vols)).enumerate();
        let mut held = columns.filter(|(column, _)| live.present & (1 << column) != 0);
        self.count == live.count
            && live.present & !self.present == 0
            && held.all(|(_, ((ours, theirs), (our_vols, their_vols)))| {
                let moved = ours.iter().zip(theirs).take(count).map(|(a, b)| a.abs_diff(*b)).max();
                let vol_moved = our_vols.iter().zip(their_vols).take(count).map(|(a, b)| a.abs_diff(*b)).max();
                moved.unwrap_or_default() <= moves && u16::from(vol_moved.unwrap_or_default()) <= vols
            })
    }

    /// The rows as the margin model reads them.
    pub fn rows(&self) -> Rows<'_> {
        Rows {
            moves: &self.moves,
            vols: &self.vols,
            extremes: &self.extremes,
            count: usize::from(self.count),
            present: self.present,
        }
    }
}

/// What a cell may move by of a whole one, cut off: at most one.
fn step(one: i64, floor: Ratio) -> u16 {
    let step = one.saturating_mul(floor.0).checked_div(const { STEP_PART * Ratio::ONE.0 });
    step.and_then(|step| u16::try_from(step).ok()).unwrap_or_default()
}

const _: () = assert!(Scenarios::SPACE == 6400);
const _: () = assert!(core::mem::offset_of!(Scenarios, extremes) == 96);
const _: () = assert!(core::mem::offset_of!(Scenarios, sealed_at) == 6368);
