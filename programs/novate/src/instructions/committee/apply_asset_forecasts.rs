use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{AssetForecastsApplied, SeatTerms, EVENT_VERSION};
use crate::state::{Asset, AssetForecast, AssetForecasts, Committee};

/// Anyone may apply.
#[event_cpi]
#[derive(Accounts)]
pub struct ApplyAssetForecasts<'info> {
    #[account(constraint = committee.load()?.pool == asset.load()?.pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    #[account(mut)]
    pub asset: AccountLoader<'info, Asset>,
    #[account(
        constraint = forecasts.load()?.pool == asset.load()?.pool @ NovateError::WrongPool,
        constraint = forecasts.load()?.asset == asset.load()?.index @ NovateError::WrongForecasts
    )]
    pub forecasts: AccountLoader<'info, AssetForecasts>,
}

/// 1. Takes what members submitted in the last five minutes, at least a quorum. Who is silent counts for what stands.
/// 2. Has the medians stand for a day ([`Asset::forecast`]): a deviation above the measured one raises scan range and haircut, a depth
///    below the governed one the charge for concentration (MRG-52, MRG-35); neither lowers them. One raise a day, the deviation by at
///    most an eighth and the depth that counts by at most 15 % less; maintenance margin follows over 24 hours.
/// 3. Emits [`AssetForecastsApplied`].
pub(crate) fn apply_asset_forecasts(ctx: Context<ApplyAssetForecasts>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (committee, forecasts) = (accounts.committee.load()?, accounts.forecasts.load()?);
    let counted = (0u8..).zip(&forecasts.submitted).filter(|(seat, s)| committee.counts((*seat).into(), &s.stamp, now));
    let submitted: Vec<SeatTerms> = counted
        .map(|(seat, s)| SeatTerms { seat, forecast: AssetForecast { sigma: s.sigma.0, depth: s.depth.0 } })
        .collect();
    committee.require_quorum(submitted.len())?;
    let mut asset = accounts.asset.load_mut()?;
    let terms: Vec<AssetForecast> = submitted.iter().map(|s| s.forecast).collect();
    asset.forecast(&committee, &terms, now)?;

    emit_cpi!(AssetForecastsApplied {
        version: EVENT_VERSION,
        pool: asset.pool,
        asset: asset.index,
        sigma: asset.forecast.sigma,
        cut: asset.forecast.cut,
        raised: asset.forecast.raised,
        submitted,
        time: now,
    });
    Ok(())
}
