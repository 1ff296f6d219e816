use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{ExpiryFixed, EVENT_VERSION};
use crate::state::{Asset, Expiry};

/// Anyone may copy the price that an asset has fixed into an expiry.
#[event_cpi]
#[derive(Accounts)]
pub struct FixExpiry<'info> {
    #[account(mut)]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(
        constraint = asset.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == expiry.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
}

/// 1. Refuses before expiry by the clock, which a publisher's may be ahead of.
/// 2. Copies the last price that the asset fixed, which must be of the expiry's time, into the expiry, once (CLR-12).
/// 3. Emits [`ExpiryFixed`].
///
/// The asset keeps the price until it fixes the next one, a day later at the earliest.
pub(crate) fn fix_expiry(ctx: Context<FixExpiry>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let window = accounts.asset.load()?.window;
    let mut expiry = accounts.expiry.load_mut()?;
    expiry.require_passed(now)?;
    require!(window.fixed_time == expiry.time, NovateError::NotFixed);
    expiry.fix(window.fixed_price)?;

    emit_cpi!(ExpiryFixed {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        price: expiry.settlement_price.0,
        time: now,
    });
    Ok(())
}
