use anchor_lang::prelude::*;
use novate_margin::smile::Smile;
use novate_margin::Ratio;

use crate::error::NovateError;
use crate::events::{ForecastPublished, EVENT_VERSION};
use crate::forecast::{require_between, require_step, Forecast, FORECAST_INTERVAL};
use crate::state::{Expiry, Market, Pool};

/// Behind the named accounts stand the expiries of the market next to this one, as [`require_between`] asks for them.
#[event_cpi]
#[derive(Accounts)]
pub struct PublishForecast<'info> {
    #[account(has_one = publisher @ NovateError::NotPublisher)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        constraint = market.load()?.index == expiry.load()?.market @ NovateError::WrongMarket
    )]
    pub market: AccountLoader<'info, Market>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub expiry: AccountLoader<'info, Expiry>,
    pub publisher: Signer<'info>,
}

/// Not after expiry, nor within ten seconds of the last publication; a bounded step from that, where there is one, and no smile
/// crossed.
fn validate(
    market: &Market,
    expiry: &Expiry,
    (basis, smile): (Ratio, &Smile),
    neighbours: &[AccountInfo],
    now: i64,
) -> Result<()> {
    expiry.remaining(now)?;
    require!(now.saturating_sub(expiry.published) >= FORECAST_INTERVAL, NovateError::ForecastTooSoon);
    if expiry.is_published() {
        require_step((expiry.basis, &expiry.smile), (basis, smile))?;
    }
    require_between(market, expiry.minutes(), smile, neighbours, now)
}

/// 1. Checks the bounds of basis and smile.
/// 2. Refuses what comes after expiry, less than ten seconds after the last publication, or in too wide a step. The first publication of
///    an expiry may be anywhere: nobody holds anything of it.
/// 3. Checks the smile against those of the expiries next to it (MRG-10).
/// 4. Records both; strikes keep their values until they are refreshed.
/// 5. Emits [`ForecastPublished`].
pub(crate) fn publish_forecast<'info>(ctx: Context<'info, PublishForecast<'info>>, forecast: Forecast) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (basis, smile) = forecast.checked()?;
    let (market, last) = (accounts.market.load()?, accounts.expiry.load()?);
    validate(&market, &last, (basis, &smile), ctx.remaining_accounts, now)?;
    let old_basis = last.basis;
    drop(last);
    let mut expiry = accounts.expiry.load_mut()?;
    expiry.publish(basis, smile, now);

    emit_cpi!(ForecastPublished {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        old_basis: old_basis.0,
        forecast,
        time: now,
    });
    Ok(())
}
