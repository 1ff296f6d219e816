use anchor_lang::prelude::*;
use novate_margin::{Ratio, Usd};

use super::seat_of;
use crate::error::NovateError;
use crate::events::{AssetForecastSubmitted, EVENT_VERSION};
use crate::seeds;
use crate::state::{Asset, AssetForecast, AssetForecasts, Committee, Pool, SubmittedTerms, VERSION};

#[derive(Accounts)]
pub struct SubmitAssetForecast<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    #[account(
        init_if_needed,
        payer = member,
        space = AssetForecasts::SPACE,
        seeds = [seeds::FORECASTS, asset.key().as_ref()],
        bump
    )]
    pub forecasts: AccountLoader<'info, AssetForecasts>,
    #[account(mut)]
    pub member: Signer<'info>,
    pub system_program: Program<'info, System>,
}

/// 1. Refuses who is no member, or holds a role.
/// 2. Checks the bounds of deviation and depth.
/// 3. Keeps both as what the member forecasts of the asset, in place of its last: for five minutes they count. The first member pays
///    for the account. Nothing moves yet.
/// 4. Logs [`AssetForecastSubmitted`].
pub(crate) fn submit_asset_forecast(ctx: Context<SubmitAssetForecast>, forecast: AssetForecast) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (committee, asset) = (accounts.committee.load()?, accounts.asset.load()?);
    let (at, seat) = seat_of(&*accounts.pool.load()?, &committee, accounts.member.key)?;
    forecast.require_valid()?;
    let mut forecasts = match accounts.forecasts.load_mut() {
        Ok(forecasts) => forecasts,
        Err(_) => {
            let mut forecasts = accounts.forecasts.load_init()?;
            forecasts.version = VERSION;
            forecasts.bump = ctx.bumps.forecasts;
            forecasts.asset = asset.index;
            forecasts.pool = asset.pool;
            forecasts
        }
    };
    let AssetForecast { sigma, depth } = forecast;
    let submitted = SubmittedTerms { stamp: committee.stamp(now), sigma: Ratio(sigma), depth: Usd(depth) };
    forecasts.submitted.iter_mut().skip(at).take(1).for_each(|place| *place = submitted);

    emit!(AssetForecastSubmitted {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: asset.index,
        member: accounts.member.key(),
        seat,
        forecast,
    });
    Ok(())
}
