use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use novate_margin::{extremes, MAX_COLUMNS, MAX_ROWS, MOVE_ONE, TAIL_COUNT, VOL_ONE};

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{ScenariosStaged, EVENT_VERSION};
use crate::seeds;
use crate::state::{Pool, Scenarios, Wide, VERSION};

/// Fewest rows of a generation: below it the two tails of a column share rows.
pub const MIN_ROWS: usize = 2 * TAIL_COUNT;

/// A range of rows of a generation. The header is the same in every call of one generation.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug, PartialEq, Eq)]
pub struct ScenarioRange {
    /// Rows of the generation, 6 to 128: fewer would have the worst falls among the best rises.
    pub count: u16,
    /// Bit per column that has rows.
    pub present: u16,
    /// Hash of what the rows were derived from.
    pub source: [u8; 32],
    /// First row of this range.
    pub start: u16,
    /// Row by row, the present columns ascending: moves in 1/4096 of the scan range.
    pub moves: Vec<i16>,
    /// In the same order: vol moves in 1/127 of the vol shock.
    pub vols: Vec<i8>,
}

impl ScenarioRange {
    /// Present columns, and rows of this range.
    fn shape(&self) -> Result<(usize, usize)> {
        let (count, columns) = (usize::from(self.count), self.present.count_ones() as usize);
        require!((MIN_ROWS..=MAX_ROWS).contains(&count) && columns > 0, NovateError::ScenarioHeader);
        let rows = self.moves.len().checked_div(columns).ok_or(NovateError::ScenarioRows)?;
        let last = usize::from(self.start).saturating_add(rows);
        let whole = rows.checked_mul(columns) == Some(self.moves.len()) && self.vols.len() == self.moves.len();
        require!(whole && rows > 0 && last <= count, NovateError::ScenarioRows);
        let in_range = self.moves.iter().all(|m| m.unsigned_abs() <= MOVE_ONE.unsigned_abs())
            && self.vols.iter().all(|v| v.unsigned_abs() <= VOL_ONE.unsigned_abs());
        require!(in_range, NovateError::ScenarioRows);
        Ok((columns, rows))
    }
}

#[event_cpi]
#[derive(Accounts)]
#[instruction(generation: u16)]
pub struct StageScenarios<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        init_if_needed,
        payer = authority,
        space = Scenarios::SPACE,
        seeds = [seeds::SCENARIOS, pool.key().as_ref(), &generation.to_le_bytes()],
        bump
    )]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(mut)]
    pub authority: Signer<'info>,
    pub system_program: Program<'info, System>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Refuses a durable nonce, and any generation but the one after the live one, the first being 1.
/// 2. The first call fixes the header; later calls repeat it, until every row is there. A call from row 0 with another header begins anew,
///    also where the generation was complete: no change of before can switch to it then.
/// 3. Writes the range; staging a row again overwrites it.
/// 4. When every row is there, computes each column's extremes and seals the generation, with the time. A pool's first generation is
///    live from then on; a live one is replaced by `switch_scenarios`, which waits (CLR-50).
/// 5. Emits [`ScenariosStaged`].
pub(crate) fn stage_scenarios(ctx: Context<StageScenarios>, generation: u16, range: ScenarioRange) -> Result<()> {
    let (columns, rows) = range.shape()?;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let mut pool = accounts.pool.load_mut()?;
    require!(pool.generation.checked_add(1) == Some(generation), NovateError::WrongGeneration);

    let mut scenarios = match accounts.scenarios.load_mut() {
        Ok(scenarios) => scenarios,
        Err(_) => accounts.scenarios.load_init()?,
    };
    let same = scenarios.count == range.count && scenarios.present == range.present && scenarios.source == range.source;
    require!(scenarios.complete == 0 || !same, NovateError::WrongGeneration);
    if !same {
        require!(scenarios.version == 0 || range.start == 0, NovateError::ScenarioHeader);
        *scenarios = Scenarios::zeroed();
        scenarios.version = VERSION;
        scenarios.bump = ctx.bumps.scenarios;
        scenarios.generation = generation;
        scenarios.pool = accounts.pool.key();
        scenarios.count = range.count;
        scenarios.present = range.present;
        scenarios.source = range.source;
    }

    write_range(&mut scenarios, &range, columns)?;
    let complete = scenarios.staged.get().count_ones() == u32::from(scenarios.count);
    let live = complete && pool.generation == 0;
    if complete {
        seal(&mut scenarios, Clock::get()?.unix_timestamp)?;
    }
    if live {
        pool.generation = generation;
        pool.scenarios = accounts.scenarios.key();
    }

    emit_cpi!(ScenariosStaged {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        generation,
        start: range.start,
        rows: u16::try_from(rows).map_err(|_| NovateError::ScenarioRows)?,
        complete,
        live,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}

fn write_range(scenarios: &mut Scenarios, range: &ScenarioRange, columns: usize) -> Result<()> {
    let present: Vec<usize> = (0..MAX_COLUMNS).filter(|c| range.present & (1 << c) != 0).collect();
    let mut staged = scenarios.staged.get();
    let rows = range.moves.chunks_exact(columns).zip(range.vols.chunks_exact(columns));
    for (row, (moves, vols)) in (usize::from(range.start)..).zip(rows) {
        for (column, (z, nu)) in present.iter().zip(moves.iter().zip(vols)) {
            let cell = scenarios.moves.get_mut(*column).and_then(|c| c.get_mut(row));
            *cell.ok_or(NovateError::ScenarioRows)? = *z;
            let cell = scenarios.vols.get_mut(*column).and_then(|c| c.get_mut(row));
            *cell.ok_or(NovateError::ScenarioRows)? = *nu;
        }
        staged |= 1u128.checked_shl(u32::try_from(row).unwrap_or(u32::MAX)).unwrap_or(0);
    }
    scenarios.staged = Wide::new(staged);
    Ok(())
}

/// A column that moves one way only would make a position of that direction free of joint loss.
fn seal(scenarios: &mut Scenarios, now: i64) -> Result<()> {
    let count = usize::from(scenarios.count);
    for (column, (moves, cell)) in scenarios.moves.iter().zip(scenarios.extremes.iter_mut()).enumerate() {
        if scenarios.present & (1 << column) == 0 {
            continue;
        }
        *cell = extremes(moves.get(..count).ok_or(NovateError::ScenarioRows)?);
        require!(cell.low < 0 && cell.high > 0, NovateError::ScenarioColumnFlat);
    }
    (scenarios.complete, scenarios.sealed_at) = (1, now);
    Ok(())
}
