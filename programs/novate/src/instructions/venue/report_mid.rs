use anchor_lang::prelude::*;
use novate_margin::Price;

use crate::error::NovateError;
use crate::events::{MidReported, EVENT_VERSION};
use crate::state::{Asset, Market, Venue};

/// A venue's key signs, or its program for an address of its own.
#[derive(Accounts)]
pub struct ReportMid<'info> {
    #[account(
        has_one = signer @ NovateError::WrongVenueSigner,
        constraint = venue.load()?.is_active() @ NovateError::VenueInactive
    )]
    pub venue: AccountLoader<'info, Venue>,
    pub signer: Signer<'info>,
    #[account(mut, constraint = market.load()?.pool == venue.load()?.pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    #[account(
        constraint = asset.load()?.pool == market.load()?.pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == market.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
}

/// Takes the mid of a venue's own book of the perpetual, USD 1e-9 per contract (CLR-15). A report takes the place of the
/// venue's last one and counts from now on, for a minute; however many there are within a second, none but the last one
/// counts, so they need no limit.
///
/// 1. Checks that the mid is positive and the price fresh.
/// 2. Keeps the mid's premium over the index of now, at most 0.5 % either way, in the venue's seat.
/// 3. Refreshes the market as `refresh_market` does: the premium of the mark follows the median that held until now, and
///    the median of now takes its place.
/// 4. Logs [`MidReported`].
pub(crate) fn report_mid(ctx: Context<ReportMid>, mid: i64) -> Result<()> {
    require!(mid > 0, NovateError::MidNotPositive);
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (venue, asset) = (accounts.venue.load()?, accounts.asset.load()?);
    asset.require_fresh(now, asset.max_age)?;
    let mut market = accounts.market.load_mut()?;
    market.seat(venue.index, Price(mid), asset.price, now)?;
    market.refresh(&asset, now)?;

    emit!(MidReported {
        version: EVENT_VERSION,
        pool: market.pool,
        market: market.index,
        venue: venue.index,
        mid,
        mark: market.mark.0,
        premium: market.premium.0,
        funding: market.funding.0,
    });
    Ok(())
}
