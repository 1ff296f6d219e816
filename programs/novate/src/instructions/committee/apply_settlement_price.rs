use anchor_lang::prelude::*;
use novate_margin::Price;

use super::submit_settlement_price::require_unfixed;
use crate::error::NovateError;
use crate::events::{SettlementPriceSet, EVENT_VERSION};
use crate::state::{Asset, Committee, Expiry};

/// Anyone may apply.
#[event_cpi]
#[derive(Accounts)]
pub struct ApplySettlementPrice<'info> {
    #[account(constraint = committee.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    #[account(mut)]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(
        constraint = asset.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == expiry.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
}

/// 1. Refuses until a day after expiry, and where the asset has fixed the price.
/// 2. Takes the prices that members submitted in the last five minutes, at least a quorum. Who is silent counts for the asset's last
///    price.
/// 3. Records their median as the settlement price, once (CLR-12): within the scan range of the last price, as it may have moved
///    since.
/// 4. Emits [`SettlementPriceSet`].
pub(crate) fn apply_settlement_price(ctx: Context<ApplySettlementPrice>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let (committee, asset) = (accounts.committee.load()?, accounts.asset.load()?);
    let mut expiry = accounts.expiry.load_mut()?;
    require_unfixed(&expiry, &asset, now)?;
    let submitted = expiry.prices(&committee, now);
    committee.require_quorum(submitted.len())?;
    let prices: Vec<i64> = submitted.iter().map(|s| s.price).collect();
    let price = Price(committee.median(&prices, asset.price.0));
    asset.require_near(price)?;
    expiry.fix(price)?;

    emit_cpi!(SettlementPriceSet {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        price: price.0,
        time: now,
        submitted,
    });
    Ok(())
}
