use anchor_lang::prelude::*;
use novate_margin::{Extremes, Rows, MAX_COLUMNS, MAX_ROWS};

use super::{Wide, DISCRIMINATOR};

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

const _: () = assert!(Scenarios::SPACE == 6400);
const _: () = assert!(core::mem::offset_of!(Scenarios, extremes) == 96);
const _: () = assert!(core::mem::offset_of!(Scenarios, sealed_at) == 6368);
