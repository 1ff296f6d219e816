use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{PublisherSet, EVENT_VERSION};
use crate::state::Pool;

#[event_cpi]
#[derive(Accounts)]
pub struct SetPublisher<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    pub authority: Signer<'info>,
}

/// 1. Replaces the key that publishes forecasts of expiries; the zero key is refused.
/// 2. Emits [`PublisherSet`].
pub(crate) fn set_publisher(ctx: Context<SetPublisher>, publisher: Pubkey) -> Result<()> {
    require_keys_neq!(publisher, Pubkey::default(), NovateError::InvalidPublisher);
    let accounts = &ctx.accounts;
    accounts.pool.load_mut()?.publisher = publisher;

    emit_cpi!(PublisherSet {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        publisher,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
