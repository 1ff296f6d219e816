use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{ScenariosSwitched, EVENT_VERSION};
use crate::instruction;
use crate::state::{Pool, Scenarios, SWITCH_SPAN};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SwitchScenarios<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub live: AccountLoader<'info, Scenarios>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the rows by their account and their hash ([`Enactment::enact`]).
/// 2. Refuses rows that are not complete, were not when the change was scheduled, so that a guardian could have read them, are not of the
///    generation after the live one, or do not have that hash ([`Scenarios::hash`]).
/// 3. Refuses rows that are farther than a step from the live ones ([`Scenarios::is_near`]), and a switch while another change raises
///    margin, so that whoever met initial margin before it is at or above maintenance margin after it.
/// 4. They are the live rows from now on. For a day no other change of the model begins, and none of an asset's terms.
/// 5. Emits [`ScenariosSwitched`].
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
    let now = Clock::get()?.unix_timestamp;
    pool.require_model_still(now)?;
    pool.require_terms_still(now)?;
    require!(scenarios.is_near(&*accounts.live.load()?, pool.params.diversified_floor), NovateError::ScenariosStep);
    pool.model_until = now.saturating_add(SWITCH_SPAN);
    pool.generation = scenarios.generation;
    pool.scenarios = accounts.scenarios.key();

    emit_cpi!(ScenariosSwitched {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        generation: pool.generation,
        scenarios: pool.scenarios,
        hash,
        time: now,
    });
    Ok(())
}
