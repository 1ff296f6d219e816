use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{RoleCancelled, EVENT_VERSION};
use crate::state::{Pool, Role};

/// The pool's authority; where its own successor was proposed, the guardian too.
#[event_cpi]
#[derive(Accounts)]
pub struct CancelRole<'info> {
    #[account(mut)]
    pub pool: AccountLoader<'info, Pool>,
    pub signer: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Takes back who was proposed for a role. A durable nonce is refused.
/// 2. Emits [`RoleCancelled`].
pub(crate) fn cancel_role(ctx: Context<CancelRole>, role: Role) -> Result<()> {
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let signer = accounts.signer.key();
    let key = accounts.pool.load_mut()?.cancel_proposal(role, &signer)?;

    emit_cpi!(RoleCancelled {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        role,
        key,
        signer,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
