use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{DelaysSet, EVENT_VERSION};
use crate::instruction;
use crate::state::{Delays, Pool};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SetDelays<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Where some delay gets shorter, executes the change that was scheduled for it, which has waited as long as the longest of them
///    ([`Enactment::enact`]). Longer ones are at once and take no change.
/// 2. Sets the delays, once in a week, each between its floor and 30 days and none longer by more than a week than it was. What was scheduled before keeps its times.
/// 3. Emits [`DelaysSet`].
pub(crate) fn set_delays(ctx: Context<SetDelays>, delays: Delays) -> Result<()> {
    let accounts = &ctx.accounts;
    if accounts.pool.load()?.shortens(&delays) {
        accounts.enactment.enact(&accounts.pool, &instruction::SetDelays { delays }, &[])?;
    } else {
        refuse_durable_nonce(&accounts.enactment.instructions)?;
        accounts.enactment.require_none()?;
    }
    let now = Clock::get()?.unix_timestamp;
    accounts.pool.load_mut()?.set_delays(&delays, now)?;

    emit_cpi!(DelaysSet { version: EVENT_VERSION, pool: accounts.pool.key(), delays, time: now });
    Ok(())
}
