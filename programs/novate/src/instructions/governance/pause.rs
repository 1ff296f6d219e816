use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{PauseSet, EVENT_VERSION};
use crate::state::{Action, Pool};

/// The pool's guardian.
#[event_cpi]
#[derive(Accounts)]
pub struct Pause<'info> {
    #[account(mut, has_one = guardian @ NovateError::NotGuardian)]
    pub pool: AccountLoader<'info, Pool>,
    pub guardian: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Pauses a kind of action for `seconds` from now, or prolongs its pause (CLR-51), see [`Pool::pause`]. A durable nonce is refused.
/// 2. Emits [`PauseSet`].
pub(crate) fn pause(ctx: Context<Pause>, action: Action, seconds: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let mut pool = accounts.pool.load_mut()?;
    pool.pause(action, seconds, now)?;

    emit_cpi!(PauseSet {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        action,
        until: pool.paused_until(action),
        pausable_from: pool.pausable_from(action),
        signer: accounts.guardian.key(),
        time: now,
    });
    Ok(())
}
