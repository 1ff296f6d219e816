use anchor_lang::prelude::*;
use novate_margin::fixed::mul_div_ceil;
use novate_margin::{auction, is_liquidatable, Health, Price, Usd};

use crate::error::NovateError;
use crate::events::{AuctionStarted, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::listed::Listed;
use crate::state::{Action, Insurance, Pool, Portfolio, Scenarios};

/// Anyone may start the auction of a portfolio below maintenance margin. Behind the instruction stands what it holds; the
/// settlement asset writable.
#[event_cpi]
#[derive(Accounts)]
pub struct StartAuction<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
}

/// 1. Judges the portfolio at prices published within the last 5 seconds, and at the averages of the last minute (CLR-42): equity
///    must be below maintenance at both. One without positions and loans owes nothing, and is not judged.
/// 2. Refuses where an auction of that kind runs already. The kinds are solvent and, with equity at zero or below at both,
///    insolvent; an account that passes from one to the other can be started anew, so that the discount of the solvent
///    auction need not grow while nobody could bid. An auction that began an hour ago can be started anew too: a clock that
///    ran while the account was sound must not sell it for nothing.
/// 3. An insolvent auction sets its greatest payout aside, -E + 0.25·M in settlement asset, rounded up, also where the fund
///    holds less (CLR-35); a solvent one that takes the place of an insolvent one gives the rest back.
/// 4. Where that changes what the fund is short of, the settlement asset, which is writable then, keeps it.
/// 5. Starts the clock and emits [`AuctionStarted`].
pub(crate) fn start_auction<'info>(ctx: Context<'info, StartAuction<'info>>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let pool = accounts.pool.load()?;
    pool.require_running(Action::Liquidate, now)?;
    let scenarios = accounts.scenarios.load()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(portfolio.owes(), NovateError::NotLiquidatable);
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    let health = examiner.health(&portfolio, Prices::Sampled)?;
    require!(is_liquidatable(&health), NovateError::NotLiquidatable);
    let averaged = examiner.health(&portfolio, Prices::Averaged)?;
    require!(is_liquidatable(&averaged), NovateError::SoundOnAverage);
    // One reading makes no account insolvent, nor takes its reserve back.
    let stands = averaged.equity <= Usd::ZERO || portfolio.auction_insolvent != 0;
    let insolvent = health.equity <= Usd::ZERO && stands;
    let running = portfolio.in_auction() && (portfolio.auction_insolvent != 0) == insolvent;
    // A solvent one takes no more bids, and what an insolvent one lacks by now may be beyond its reserve.
    let lapsed = now.saturating_sub(portfolio.auction_start) >= auction::FAST_END.0 || pool.paused_since(&portfolio);
    require!(!running || lapsed, NovateError::AuctionRunning);
    let reserved = if insolvent { greatest_payout(&health, listed.settlement()?.price)? } else { 0 };
    let released = portfolio.payable();
    let mut insurance = accounts.insurance.load_mut()?;
    portfolio.begin_auction(&mut insurance, now, insolvent, reserved)?;
    listed.note_shortage(&insurance)?;
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
        reserved,
        average_equity: averaged.equity.0,
        average_maintenance: averaged.maintenance.0,
        released,
    });
    Ok(())
}

/// In settlement asset.
fn greatest_payout(health: &Health, settlement: Price) -> Result<u64> {
    let usd = auction::reserve_ceil(health.equity, health.maintenance).map_err(NovateError::from)?;
    let amount = mul_div_ceil(usd.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    Ok(amount.unsigned_abs())
}
