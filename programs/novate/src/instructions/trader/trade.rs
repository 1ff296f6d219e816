use anchor_lang::prelude::*;

use super::execution::{require_legs, Execution, Party};
use crate::error::NovateError;
use crate::listed::Listed;
use crate::state::{Pool, Portfolio, Scenarios};

/// Most legs of one trade.
pub const MAX_LEGS: usize = 8;

/// One leg, from the first portfolio's side.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    pub instrument: u64,
    /// 1e-9 contracts; positive where the first portfolio buys.
    pub quantity: i64,
    /// USD 1e-9 per contract.
    pub price: i64,
}

/// Two portfolios trade; the owner or delegate of each signs. Behind the instruction stand the assets, markets and expiries
/// that either holds before or after, each once, the traded markets and expiries writable; the settlement asset too where an option
/// is traded and a side or the market has a haircut to bear (CLR-32), or cash is held back of a side (CLR-35).
#[event_cpi]
#[derive(Accounts)]
pub struct Trade<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = first.key() != second.key() @ NovateError::SamePortfolio
    )]
    pub first: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub second: AccountLoader<'info, Portfolio>,
    pub first_signer: Signer<'info>,
    pub second_signer: Signer<'info>,
}

/// 1. Checks the number of legs and that each signer may trade for its side.
/// 2. Executes the legs and judges both sides ([`Execution::run`]).
/// 3. Emits [`Traded`](crate::events::Traded).
pub(crate) fn trade<'info>(ctx: Context<'info, Trade<'info>>, legs: Vec<Leg>) -> Result<()> {
    require_legs(&legs)?;
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut first = accounts.first.load_mut()?;
    let mut second = accounts.second.load_mut()?;
    first.require_trader(accounts.first_signer.key, now)?;
    second.require_trader(accounts.second_signer.key, now)?;

    let listed = Listed::new(&first.pool, ctx.remaining_accounts)?;
    let execution = Execution { pool: &accounts.pool, scenarios: &accounts.scenarios, listed: &listed, now };
    let party = |key, portfolio| Party { key, portfolio, reduce_only: false };
    let first = party(accounts.first.key(), &mut *first);
    let second = party(accounts.second.key(), &mut *second);
    let traded = execution.run(&legs, first, second)?;
    emit_cpi!(traded);
    Ok(())
}
