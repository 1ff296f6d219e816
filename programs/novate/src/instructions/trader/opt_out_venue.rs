use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{VenueOptedOut, EVENT_VERSION};
use crate::state::Portfolio;

/// The owner no longer lets a venue settle fills of the portfolio. Needs nothing of the venue, which may be removed.
#[event_cpi]
#[derive(Accounts)]
pub struct OptOutVenue<'info> {
    #[account(mut, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    pub owner: Signer<'info>,
}

/// 1. Takes the venue out, by its index; refuses one that is not in.
/// 2. Emits [`VenueOptedOut`].
pub(crate) fn opt_out_venue(ctx: Context<OptOutVenue>, venue: u16) -> Result<()> {
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    portfolio.opt_out(venue)?;
    portfolio.next_sequence();

    emit_cpi!(VenueOptedOut {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: Clock::get()?.unix_timestamp,
        venue,
    });
    Ok(())
}
