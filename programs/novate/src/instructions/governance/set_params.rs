use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{ParamsSet, EVENT_VERSION};
use crate::instruction;
use crate::state::{ParamSetting, Pool};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SetParams<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it ([`Enactment::enact`]).
/// 2. Refuses a second one within a week, and whatever is beyond the bounds of its parameter or a step, see [`Pool::set_params`].
/// 3. Sets the parameters and emits [`ParamsSet`].
pub(crate) fn set_params(ctx: Context<SetParams>, settings: Vec<ParamSetting>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let change = instruction::SetParams { settings };
    accounts.enactment.enact(&accounts.pool, &change, &[])?;
    accounts.pool.load_mut()?.set_params(&change.settings, now)?;

    emit_cpi!(ParamsSet { version: EVENT_VERSION, pool: accounts.pool.key(), settings: change.settings, time: now });
    Ok(())
}
