use anchor_lang::prelude::*;
use novate_margin::{is_liquidatable, Health};

use crate::error::NovateError;
use crate::events::{AuctionEnded, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::listed::Listed;
use crate::state::{Insurance, Pool, Portfolio, Scenarios};

/// Anyone may end the auction of a portfolio that is back at or above maintenance margin. Behind the instruction stands what it
/// holds, where it owes nothing the settlement asset alone; that writable.
#[event_cpi]
#[derive(Accounts)]
pub struct EndAuction<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
}

/// 1. Refuses where no auction runs, or equity is below maintenance margin while positions are held.
/// 2. Clears the clock and gives the reserve of an insolvent auction back to the fund. Where that changes what the fund is short
///    of, the settlement asset, which is writable then, keeps it.
/// 3. Emits [`AuctionEnded`].
pub(crate) fn end_auction<'info>(ctx: Context<'info, EndAuction<'info>>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let pool = accounts.pool.load()?;
    let scenarios = accounts.scenarios.load()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(portfolio.in_auction(), NovateError::NoAuction);
    // What owes nothing is not judged: no holding without a price can keep the reserve.
    let mut health = Health::default();
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    if portfolio.owes() {
        health = Examiner::new(&listed, &pool, &scenarios, now).health(&portfolio, Prices::Unfavourable)?;
        require!(!is_liquidatable(&health), NovateError::StillLiquidatable);
    }
    let released = portfolio.payable();
    let mut insurance = accounts.insurance.load_mut()?;
    portfolio.end_auction(&mut insurance)?;
    listed.note_shortage(&insurance)?;
    portfolio.next_sequence();

    emit_cpi!(AuctionEnded {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        equity: health.equity.0,
        maintenance: health.maintenance.0,
        released,
    });
    Ok(())
}
