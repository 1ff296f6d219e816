use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{VenueRemoved, EVENT_VERSION};
use crate::listed::{require_kind, write};
use crate::state::{Market, Pool, Venue};

/// Behind the named accounts stand markets of the pool, writable, in which the venue's mid shall count no longer. Where one is
/// left out, the mid counts until it is a minute old, as any other.
#[event_cpi]
#[derive(Accounts)]
pub struct RemoveVenue<'info> {
    #[account(has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = venue.load()?.is_active() @ NovateError::VenueInactive
    )]
    pub venue: AccountLoader<'info, Venue>,
    pub authority: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. The venue is not active from now on; its account and index stay. A durable nonce is refused.
/// 2. Takes its mid out of each market, whose premium follows the median of the others.
/// 3. Emits [`VenueRemoved`].
pub(crate) fn remove_venue<'info>(ctx: Context<'info, RemoveVenue<'info>>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let mut venue = accounts.venue.load_mut()?;
    venue.active = 0;
    for info in ctx.remaining_accounts {
        require_kind::<Market>(info)?;
        let mut market = write::<Market>(info)?;
        require_keys_eq!(market.pool, venue.pool, NovateError::WrongPool);
        market.unseat(venue.index, now);
    }

    emit_cpi!(VenueRemoved {
        version: EVENT_VERSION,
        pool: venue.pool,
        venue: accounts.venue.key(),
        index: venue.index,
        signer: venue.signer,
        time: now,
    });
    Ok(())
}
