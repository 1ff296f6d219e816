use anchor_lang::prelude::*;
use novate_margin::Usd;

use crate::error::NovateError;
use crate::events::{FeesCollected, EVENT_VERSION};
use crate::state::{Asset, Insurance, Market, Pool};

/// Anyone may collect the fees of a market for the fund.
#[event_cpi]
#[derive(Accounts)]
pub struct CollectFees<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = asset.load()?.is_settlement() @ NovateError::NotSettlementAsset
    )]
    pub asset: AccountLoader<'info, Asset>,
}

/// 1. Moves the cash that trades of options left into the market's variation pool, less the haircuts that it bears (CLR-32).
///    Takes the fees that are accrued out of the pool, as far as losers have paid into it; refuses where
///    that is nothing. The ledger of the market stays closed: pool and fees fall by the same amount.
/// 2. What was cash of the settlement asset is capital of the fund from now on; no token moves.
/// 3. Records what the fund is short of (CLR-35). Emits [`FeesCollected`].
pub(crate) fn collect_fees(ctx: Context<CollectFees>) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut insurance = accounts.insurance.load_mut()?;
    let mut market = accounts.market.load_mut()?;
    let mut asset = accounts.asset.load_mut()?;
    market.sweep(&mut asset)?;
    let amount = market.accrued_fees.min(market.variation_pool);
    require!(amount > Usd::ZERO, NovateError::NothingToCollect);
    market.accrued_fees = market.accrued_fees.sub(amount).map_err(NovateError::from)?;
    market.variation_pool = market.variation_pool.sub(amount).map_err(NovateError::from)?;
    let amount = amount.0.unsigned_abs();
    asset.cash = asset.cash.checked_sub(amount).ok_or(NovateError::MathOverflow)?;
    insurance.add_capital(amount)?;
    asset.note_shortage(&insurance);

    emit_cpi!(FeesCollected {
        version: EVENT_VERSION,
        pool: insurance.pool,
        market: market.index,
        time: Clock::get()?.unix_timestamp,
        amount,
        accrued_fees: market.accrued_fees.0,
        variation_pool: market.variation_pool.0,
        capital: insurance.capital,
    });
    Ok(())
}
