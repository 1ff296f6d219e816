use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{PublisherSet, EVENT_VERSION};
use crate::instruction;
use crate::state::Pool;

#[event_cpi]
#[derive(Accounts)]
pub struct SetPublisher<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it ([`Enactment::enact`]).
/// 2. Replaces the key that publishes forecasts of expiries; the zero key is refused.
/// 3. Emits [`PublisherSet`].
pub(crate) fn set_publisher(ctx: Context<SetPublisher>, publisher: Pubkey) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.enactment.enact(&accounts.pool, &instruction::SetPublisher { publisher }, &[])?;
    require_keys_neq!(publisher, Pubkey::default(), NovateError::InvalidPublisher);
    accounts.pool.load_mut()?.publisher = publisher;

    emit_cpi!(PublisherSet {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        publisher,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
