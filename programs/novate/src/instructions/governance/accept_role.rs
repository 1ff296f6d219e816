use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{RoleAccepted, EVENT_VERSION};
use crate::state::{Pool, Role};

/// Who was proposed.
#[event_cpi]
#[derive(Accounts)]
pub struct AcceptRole<'info> {
    #[account(mut)]
    pub pool: AccountLoader<'info, Pool>,
    pub signer: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. The signer takes the role that it was proposed for: a key that cannot sign never holds one. Not before
///    [`crate::state::ROLE_DELAY`], and not after [`crate::state::ROLE_EXPIRY`]. With the authority all that was
///    scheduled or proposed dies. A durable nonce is refused.
/// 2. Emits [`RoleAccepted`].
pub(crate) fn accept_role(ctx: Context<AcceptRole>, role: Role) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let key = accounts.signer.key();
    let before = accounts.pool.load_mut()?.accept(role, &key, now)?;

    emit_cpi!(RoleAccepted { version: EVENT_VERSION, pool: accounts.pool.key(), role, before, key, time: now });
    Ok(())
}
