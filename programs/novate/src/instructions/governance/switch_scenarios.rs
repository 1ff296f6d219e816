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
/// 2. Refuses rows that are not complete, were not when the change was scheduled, so that a guardian could have read them, are not of the
///    generation after the live one, or do not have that hash ([`Scenarios::hash`]).
/// 3. They are the live rows from now on.
/// 4. Emits [`ScenariosSwitched`].
pub(crate) fn switch_scenarios(ctx: Context<SwitchScenarios>, hash: [u8; 32]) -> Result<()> {
    let accounts = &ctx.accounts;
    let (named, scheduled) = ([accounts.scenarios.key()], accounts.enactment.scheduled()?);
    accounts.enactment.enact(&accounts.pool, &instruction::SwitchScenarios { hash }, &named)?;
    let scenarios = accounts.scenarios.load()?;
    let mut pool = accounts.pool.load_mut()?;
    let next = scenarios.complete != 0
        && pool.generation.checked_add(1) == Some(scenarios.generation)
        && scheduled.is_some_and(|at| at >= scenarios.sealed_at)
        && scenarios.hash() == hash;
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
