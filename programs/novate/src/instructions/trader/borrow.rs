use anchor_lang::prelude::*;
use novate_margin::Seconds;

use crate::error::NovateError;
use crate::events::{Borrowed, EVENT_VERSION};
use crate::health::require_settled_margin;
use crate::listed::Listed;
use crate::state::{Action, Asset, Balance, Pool, Portfolio, Scenarios};

/// The owner borrows against the portfolio. Behind the instruction stands what it holds, the borrowed asset included.
#[event_cpi]
#[derive(Accounts)]
pub struct Borrow<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(mut, has_one = pool @ NovateError::WrongPool, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub owner: Signer<'info>,
}

/// What is borrowed lies in the portfolio, as cash or as a balance beside the loan, until it is withdrawn (CLR-20).
///
/// 1. Refuses while an auction runs.
/// 2. Charges interest up to now.
/// 3. Refuses what goes beyond the utilisation cap or the asset's borrow cap, and a loan below its minimum; else adds the tokens, and the loan's shares, rounded up.
/// 4. Initial margin must be covered without gains that are unsettled or pending and without option value (MRG-45).
/// 5. Emits [`Borrowed`].
pub(crate) fn borrow<'info>(ctx: Context<'info, Borrow<'info>>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(!portfolio.in_auction(), NovateError::InAuction);
    let (index, balance, interest) = {
        let mut asset = accounts.asset.load_mut()?;
        asset.bank.accrue(Seconds(now));
        portfolio.borrow(&mut asset, amount)?;
        asset.require_countable(&portfolio.balance_of(asset.index))?;
        (asset.index, portfolio.tokens_of(&asset), (&asset.bank).into())
    };
    portfolio.require_within_limits()?;
    portfolio.next_sequence();

    let (pool, scenarios) = (accounts.pool.load()?, accounts.scenarios.load()?);
    pool.require_running(Action::Borrow, now)?;
    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    require_settled_margin(&portfolio, &listed, &pool, &scenarios, now)?;

    emit_cpi!(Borrowed {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        asset: index,
        amount,
        shares: portfolio.balance_of(index).loan,
        balance,
        interest,
    });
    Ok(())
}

impl Portfolio {
    /// Adds a loan and its tokens.
    pub fn borrow(&mut self, asset: &mut Asset, amount: u64) -> Result<()> {
        let room = asset.borrow_cap.saturating_sub(asset.bank.loans);
        let loan = asset.bank.borrow(amount).map_err(NovateError::from)?;
        require!(amount <= room, NovateError::BorrowCap);
        self.add_balance(&Balance { loan, ..Balance::of(asset) })?;
        let owed = asset.bank.owed_ceil(self.balance_of(asset.index).loan).map_err(NovateError::from)?;
        require!(owed >= asset.minimum_balance, NovateError::DustBalance);
        self.add_tokens(asset, amount)?;
        asset.count_in(amount)
    }
}
