use anchor_lang::prelude::*;
use novate_margin::{is_liquidatable, Usd};

use crate::error::NovateError;
use crate::events::{AuctionStarted, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::listed::Listed;
use crate::state::{Pool, Portfolio, Scenarios};

/// Anyone may start the auction of a portfolio below maintenance margin.
#[event_cpi]
#[derive(Accounts)]
pub struct StartAuction<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
}

/// 1. Judges the portfolio at prices published within the last 5 seconds (CLR-42): equity must be below maintenance. One
///    without positions and loans owes nothing, and is not judged.
/// 2. Refuses where an auction of that kind runs already. The kinds are solvent and, with equity at zero or below,
///    insolvent; an account that passes from one to the other can be started anew, so that the discount of the solvent
///    auction need not grow while nobody could bid.
/// 3. Starts the clock and emits [`AuctionStarted`].
pub(crate) fn start_auction<'info>(ctx: Context<'info, StartAuction<'info>>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let pool = accounts.pool.load()?;
    let scenarios = accounts.scenarios.load()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(portfolio.owes(), NovateError::NotLiquidatable);
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let health = Examiner::new(&listed, &pool, &scenarios, now).health(&portfolio, Prices::Sampled)?;
    require!(is_liquidatable(&health), NovateError::NotLiquidatable);
    let insolvent = health.equity <= Usd::ZERO;
    let running = portfolio.in_auction() && (portfolio.auction_insolvent != 0) == insolvent;
    require!(!running, NovateError::AuctionRunning);
    portfolio.auction_start = now;
    portfolio.auction_insolvent = insolvent.into();
    portfolio.next_sequence();

    emit_cpi!(AuctionStarted {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        equity: health.equity.0,
        maintenance: health.maintenance.0,
        insolvent,
    });
    Ok(())
}
