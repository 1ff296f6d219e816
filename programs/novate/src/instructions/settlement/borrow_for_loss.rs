use anchor_lang::prelude::*;
use novate_margin::Seconds;

use super::settle_variation::profit;
use crate::error::NovateError;
use crate::events::{LossBorrowed, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::instrument::{self, expiry_of, market_of, Instrument};
use crate::listed::Listed;
use crate::state::{Asset, Pool, Portfolio, Scenarios, SETTLEMENT_ASSET};

/// Anyone, for anyone's loss in a perpetual or a future. Behind the instruction stands what the portfolio holds.
#[event_cpi]
#[derive(Accounts)]
pub struct BorrowForLoss<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = settlement.load()?.index == SETTLEMENT_ASSET @ NovateError::NotSettlementAsset
    )]
    pub settlement: AccountLoader<'info, Asset>,
}

/// Raises the cash that an unsettled loss asks for, so that `settle_variation` can pay it (CLR-10). A loan moves no equity, and
/// is given only where equity without unsettled gains is above maintenance margin (MRG-45): no loss becomes the lenders'.
///
/// 1. The shortfall: the loss, less gains pending in the position, less cash. Refuses where there is none.
/// 2. Takes back what the portfolio lent of the settlement asset, then borrows, each as far as the bank has it.
/// 3. Where something was borrowed, settled equity must be at or above maintenance margin, and nothing held be restricted.
///    So a solvent auction of it ends (CLR-30).
/// 4. Emits [`LossBorrowed`].
pub(crate) fn borrow_for_loss<'info>(ctx: Context<'info, BorrowForLoss<'info>>, instrument: u64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut portfolio = accounts.portfolio.load_mut()?;
    portfolio.bear(&mut *accounts.settlement.load_mut()?)?;
    let shortfall = {
        let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
        shortfall(&portfolio, instrument, &listed, now)?
    };
    require!(shortfall > 0, NovateError::NothingToSettle);

    let (unlent, borrowed, interest) = {
        let mut settlement = accounts.settlement.load_mut()?;
        settlement.bank.accrue(Seconds(now));
        let bank = &settlement.bank;
        let own = bank.lent_floor(portfolio.balance_of(SETTLEMENT_ASSET).lent).map_err(NovateError::from)?;
        let unlent = shortfall.min(own).min(bank.liquid().map_err(NovateError::from)?);
        if unlent > 0 {
            portfolio.unlend(&mut settlement, unlent)?;
        }
        let most = settlement.borrowable()?;
        let borrowed = shortfall.saturating_sub(unlent).min(most);
        if borrowed > 0 {
            portfolio.borrow(&mut settlement, borrowed)?;
        }
        (unlent, borrowed, (&settlement.bank).into())
    };
    require!(unlent > 0 || borrowed > 0, NovateError::UtilisationCap);
    portfolio.require_within_limits()?;
    portfolio.next_sequence();

    let ran = portfolio.in_auction();
    if borrowed > 0 {
        let (pool, scenarios) = (accounts.pool.load()?, accounts.scenarios.load()?);
        let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
        let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
        let health = examiner.health(&portfolio, Prices::Fresh)?;
        examiner.require_unrestricted()?;
        require!(health.settled_equity >= health.maintenance, NovateError::BelowMaintenance);
        portfolio.leave_auction_if(true);
    }

    emit_cpi!(LossBorrowed {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        instrument,
        unlent,
        borrowed,
        shares: portfolio.balance_of(SETTLEMENT_ASSET).loan,
        cash: portfolio.cash,
        lent_shares: portfolio.balance_of(SETTLEMENT_ASSET).lent,
        interest,
        auction_ended: ran && !portfolio.in_auction(),
    });
    Ok(())
}

/// What the loss in an instrument, with funding accrued, asks for beyond gains pending there and cash, 0 where there is no loss.
fn shortfall(portfolio: &Portfolio, instrument: u64, listed: &Listed, now: i64) -> Result<u64> {
    let at = portfolio.positions().binary_search_by_key(&instrument, |p| p.instrument);
    let position = at.ok().and_then(|at| portfolio.positions().get(at)).ok_or(NovateError::NoPosition)?;
    let market = listed.market(market_of(instrument))?;
    let asset = listed.asset(position.underlying)?;
    let expiry = expiry_of(instrument).and_then(|id| listed.expiry_info(id));
    let profit = profit(position, &market, &asset, expiry, now)?;
    let funding = match instrument::parse(instrument)? {
        Instrument::Perpetual => position.funding_owed(market.funding)?.0.saturating_neg(),
        _ => 0,
    };
    let means = [funding, position.pending_new, position.pending_old, portfolio.cash];
    let left = means.into_iter().try_fold(profit, i64::checked_add).ok_or(NovateError::MathOverflow)?;
    Ok(if left < 0 { left.unsigned_abs() } else { 0 })
}
