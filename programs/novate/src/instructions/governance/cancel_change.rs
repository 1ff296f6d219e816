use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{ChangeCancelled, EVENT_VERSION};
use crate::state::{Change, Pool};

/// The pool's authority or its guardian; of a change that can no longer be executed, anyone.
#[event_cpi]
#[derive(Accounts)]
pub struct CancelChange<'info> {
    #[account(mut)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool, has_one = payer @ NovateError::WrongPayer, close = payer)]
    pub change: AccountLoader<'info, Change>,
    pub signer: Signer<'info>,
    /// CHECK: paid the rent, and receives it.
    #[account(mut)]
    pub payer: UncheckedAccount<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Closes the change, which can no longer be executed; the rent goes back to who paid it. A durable nonce is refused.
/// 2. Emits [`ChangeCancelled`].
pub(crate) fn cancel_change(ctx: Context<CancelChange>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let signer = accounts.signer.key();
    let mut pool = accounts.pool.load_mut()?;
    let change = accounts.change.load()?;
    let allowed = signer == pool.authority || signer == pool.guardian || change.is_dead(&pool, now);
    require!(allowed, NovateError::NotAuthority);
    pool.close_change();

    emit_cpi!(ChangeCancelled {
        version: EVENT_VERSION,
        pool: change.pool,
        change: accounts.change.key(),
        number: change.number,
        signer,
        time: now,
    });
    Ok(())
}
