use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{ScenariosSwitched, EVENT_VERSION};
use crate::instruction;
use crate::state::{Pool, Scenarios};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SwitchScenarios<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the rows by their account and their hash ([`Enactment::enact`]).
/// 2. Refuses rows that are not complete, not of a later generation than the live ones, or do not have that hash
///    ([`Scenarios::hash`]).
/// 3. They are the live rows from now on.
/// 4. Emits [`ScenariosSwitched`].
pub(crate) fn switch_scenarios(ctx: Context<SwitchScenarios>, hash: [u8; 32]) -> Result<()> {
    let accounts = &ctx.accounts;
    let named = [accounts.scenarios.key()];
    accounts.enactment.enact(&accounts.pool, &instruction::SwitchScenarios { hash }, &named)?;
    let scenarios = accounts.scenarios.load()?;
    let mut pool = accounts.pool.load_mut()?;
    let next = scenarios.complete != 0 && scenarios.generation > pool.generation && scenarios.hash() == hash;
    require!(next && pool.is_live(), NovateError::ScenariosDiffer);
    pool.generation = scenarios.generation;
    pool.scenarios = accounts.scenarios.key();

    emit_cpi!(ScenariosSwitched {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        generation: pool.generation,
        scenarios: pool.scenarios,
        hash,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
