use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{VenueRegistered, EVENT_VERSION};
use crate::instruction;
use crate::seeds;
use crate::state::{Pool, Venue, VERSION};

#[event_cpi]
#[derive(Accounts)]
#[instruction(signer: Pubkey)]
pub struct RegisterVenue<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        init_if_needed,
        payer = authority,
        space = Venue::SPACE,
        seeds = [seeds::VENUE, pool.key().as_ref(), signer.as_ref()],
        bump
    )]
    pub venue: AccountLoader<'info, Venue>,
    #[account(mut)]
    pub authority: Signer<'info>,
    pub system_program: Program<'info, System>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it ([`Enactment::enact`]).
/// 2. Refuses the zero key, who holds a role, and a venue that is registered.
/// 3. Creates the venue with the pool's next index. One that was removed is active again, with the index it had.
/// 4. Emits [`VenueRegistered`].
pub(crate) fn register_venue(ctx: Context<RegisterVenue>, signer: Pubkey) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.enactment.enact(&accounts.pool, &instruction::RegisterVenue { signer }, &[])?;
    let mut pool = accounts.pool.load_mut()?;
    require!(signer != Pubkey::default() && !pool.is_held(&signer), NovateError::InvalidVenue);
    let mut venue = match accounts.venue.load_mut() {
        Ok(venue) => venue,
        Err(_) => {
            let mut venue = accounts.venue.load_init()?;
            venue.version = VERSION;
            venue.bump = ctx.bumps.venue;
            venue.index = pool.venue_count;
            venue.pool = accounts.pool.key();
            venue.signer = signer;
            pool.venue_count = pool.venue_count.checked_add(1).ok_or(NovateError::PoolFull)?;
            venue
        }
    };
    require!(!venue.is_active(), NovateError::VenueActive);
    venue.active = 1;

    emit_cpi!(VenueRegistered {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        venue: accounts.venue.key(),
        index: venue.index,
        signer,
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
