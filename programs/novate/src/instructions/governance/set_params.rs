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
/// 2. Refuses a second one within a week, one while another change of the model or of an asset's terms raises margin, and whatever is
///    beyond the bounds of its parameter or a step, or does not fit together, see [`Pool::set_params`].
/// 3. The parameters go from what they are to their values over a week, for initial and maintenance margin alike.
/// 4. Emits [`ParamsSet`].
pub(crate) fn set_params(ctx: Context<SetParams>, settings: Vec<ParamSetting>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let change = instruction::SetParams { settings };
    accounts.enactment.enact(&accounts.pool, &change, &[])?;
    let until = accounts.pool.load_mut()?.set_params(&change.settings, now)?;

    let (pool, settings) = (accounts.pool.key(), change.settings);
    emit_cpi!(ParamsSet { version: EVENT_VERSION, pool, settings, time: now, until });
    Ok(())
}
