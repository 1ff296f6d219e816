use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{VenueOptedIn, EVENT_VERSION};
use crate::state::{Portfolio, Venue};

/// The owner lets a venue settle fills of the portfolio: its signer can trade as a delegate can, with other portfolios that opted in.
#[event_cpi]
#[derive(Accounts)]
pub struct OptInVenue<'info> {
    #[account(mut, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(
        constraint = venue.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool,
        constraint = venue.load()?.is_active() @ NovateError::VenueInactive
    )]
    pub venue: AccountLoader<'info, Venue>,
    pub owner: Signer<'info>,
}

/// 1. Takes the venue in; refuses one that is in, and a ninth.
/// 2. Emits [`VenueOptedIn`].
pub(crate) fn opt_in_venue(ctx: Context<OptInVenue>) -> Result<()> {
    let venue = ctx.accounts.venue.load()?.index;
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    portfolio.opt_in(venue)?;
    portfolio.next_sequence();

    emit_cpi!(VenueOptedIn {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: Clock::get()?.unix_timestamp,
        venue,
    });
    Ok(())
}
