use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::instructions::trader::execution::{require_legs, Execution, Party};
use crate::instructions::trader::trade::Leg;
use crate::listed::Listed;
use crate::state::{Pool, Portfolio, Scenarios, Venue};

/// A venue settles a fill between two portfolios that opted in: its key signs, or its program for an address of its own. Behind the
/// instruction stands the same list as behind [`Trade`](crate::Trade).
#[event_cpi]
#[derive(Accounts)]
pub struct Clear<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        has_one = signer @ NovateError::WrongVenueSigner,
        constraint = venue.load()?.is_active() @ NovateError::VenueInactive
    )]
    pub venue: AccountLoader<'info, Venue>,
    pub signer: Signer<'info>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = first.key() != second.key() @ NovateError::SamePortfolio
    )]
    pub first: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub second: AccountLoader<'info, Portfolio>,
}

/// 1. Checks the number of legs, and that both portfolios opted in to the venue.
/// 2. Executes the legs and judges both sides as every trade ([`Execution::run`]).
/// 3. Emits [`Traded`](crate::events::Traded) with the venue.
pub(crate) fn clear<'info>(ctx: Context<'info, Clear<'info>>, legs: Vec<Leg>) -> Result<()> {
    require_legs(&legs)?;
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut first = accounts.first.load_mut()?;
    let mut second = accounts.second.load_mut()?;
    let venue = accounts.venue.load()?.index;
    let opted = first.venues().contains(&venue) && second.venues().contains(&venue);
    require!(opted, NovateError::VenueNotOptedIn);

    let listed = Listed::new(&first.pool, ctx.remaining_accounts)?;
    let execution = Execution { pool: &accounts.pool, scenarios: &accounts.scenarios, listed: &listed, now };
    let party = |key, portfolio| Party { key, portfolio, reduce_only: false };
    let first = party(accounts.first.key(), &mut *first);
    let second = party(accounts.second.key(), &mut *second);
    let mut traded = execution.run(&legs, first, second)?;
    traded.venue = Some(venue);
    emit_cpi!(traded);
    Ok(())
}
