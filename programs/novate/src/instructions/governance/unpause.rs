use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{PauseSet, EVENT_VERSION};
use crate::state::{Action, Pool};

/// The pool's authority: the guardian only tightens.
#[event_cpi]
#[derive(Accounts)]
pub struct Unpause<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    pub authority: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Ends the pause of a kind of action. The next may begin after as long again as this one lasted. A durable nonce is refused.
/// 2. Emits [`PauseSet`].
pub(crate) fn unpause(ctx: Context<Unpause>, action: Action) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let mut pool = accounts.pool.load_mut()?;
    pool.unpause(action, now)?;

    emit_cpi!(PauseSet {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        action,
        until: now,
        pausable_from: pool.pausable_from(action),
        signer: accounts.authority.key(),
        time: now,
    });
    Ok(())
}
