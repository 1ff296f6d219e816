use anchor_lang::prelude::*;
use novate_margin::{health_factor, Ratio};

use crate::error::NovateError;
use crate::health::{Examiner, Prices};
use crate::listed::Listed;
use crate::state::{Pool, Portfolio, Scenarios};

/// Anyone; a guard to put at the end of a transaction, and the initial-margin check by itself.
#[derive(Accounts)]
pub struct RequireHealth<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub portfolio: AccountLoader<'info, Portfolio>,
}

/// Fails unless counted equity covers initial margin (MRG-42) and the health factor, equity over maintenance margin, is at least
/// `minimum` (1e-6).
pub(crate) fn require_health<'info>(ctx: Context<'info, RequireHealth<'info>>, minimum: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let pool = ctx.accounts.pool.load()?;
    let scenarios = ctx.accounts.scenarios.load()?;
    let portfolio = ctx.accounts.portfolio.load()?;
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let health = Examiner::new(&listed, &pool, &scenarios, now).health(&portfolio, Prices::Fresh)?;
    require!(health.meets_initial(), NovateError::BelowInitialMargin);
    require!(health_factor(&health) >= Ratio(minimum), NovateError::HealthBelow);
    Ok(())
}
