use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{RoleProposed, EVENT_VERSION};
use crate::state::{Pool, Role};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct ProposeRole<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    pub authority: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Names who may accept a role from [`crate::state::ROLE_DELAY`] on (CLR-50). The zero key and who holds a role are refused,
///    and so is a durable nonce.
/// 2. Emits [`RoleProposed`].
pub(crate) fn propose_role(ctx: Context<ProposeRole>, role: Role, key: Pubkey) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    accounts.pool.load_mut()?.propose(role, key, now)?;

    emit_cpi!(RoleProposed { version: EVENT_VERSION, pool: accounts.pool.key(), role, key, time: now });
    Ok(())
}
