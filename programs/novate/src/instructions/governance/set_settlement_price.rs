use anchor_lang::prelude::*;
use novate_margin::Price;

use crate::error::NovateError;
use crate::events::{SettlementPriceSet, EVENT_VERSION};
use crate::state::{Asset, Expiry, Pool, DAY};

/// Stands in for the risk committee until there is one (CLR-12).
#[event_cpi]
#[derive(Accounts)]
pub struct SetSettlementPrice<'info> {
    #[account(has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == expiry.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
    pub authority: Signer<'info>,
}

/// Only what the asset did not fix by itself within a day; near the last price, whatever its age, for its feed may be what
/// failed.
fn validate(expiry: &Expiry, asset: &Asset, price: Price, now: i64) -> Result<()> {
    require!(now > expiry.time.saturating_add(DAY), NovateError::WindowOpen);
    require!(asset.window.fixed_time != expiry.time, NovateError::FixAvailable);
    require!(asset.price.0 > 0, NovateError::PriceMissing);
    let reach = asset.price.scale_floor(asset.scan_range).map_err(NovateError::from)?;
    let near = price.0.abs_diff(asset.price.0) <= reach.0.unsigned_abs();
    require!(price.0 > 0 && near, NovateError::InvalidSettlementPrice);
    Ok(())
}

/// 1. Refuses until a day after expiry, and where the asset has fixed the price.
/// 2. Checks the price: positive, and within the scan range of the asset's last price.
/// 3. Records it as the settlement price, once (CLR-12).
/// 4. Emits [`SettlementPriceSet`].
pub(crate) fn set_settlement_price(ctx: Context<SetSettlementPrice>, price: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut expiry = accounts.expiry.load_mut()?;
    validate(&expiry, &*accounts.asset.load()?, Price(price), now)?;
    expiry.fix(Price(price))?;

    emit_cpi!(SettlementPriceSet {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        price,
        time: now,
    });
    Ok(())
}
