use anchor_lang::prelude::*;
use novate_margin::Seconds;

use crate::error::NovateError;
use crate::events::{Repaid, EVENT_VERSION};
use crate::state::{Asset, Balance, Portfolio};

/// The owner, or the delegate until its expiry, pays a loan back out of what the portfolio holds.
#[event_cpi]
#[derive(Accounts)]
pub struct Repay<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = asset.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub signer: Signer<'info>,
}

/// Never refused for lack of margin (MRG-43), nor during an auction, nor for a price. Cash that is held back pays no loan
/// (CLR-35).
///
/// 1. Charges interest up to now.
/// 2. Pays `amount`, at most what is owed, out of cash or tokens of the balance that are not lent; cancels shares of the loan,
///    rounded down, all of them where all is paid.
/// 3. Emits [`Repaid`].
pub(crate) fn repay(ctx: Context<Repay>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let mut asset = ctx.accounts.asset.load_mut()?;
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    portfolio.require_trader(ctx.accounts.signer.key, now)?;
    asset.bank.accrue(Seconds(now));
    let owed = asset.bank.owed_ceil(portfolio.balance_of(asset.index).loan).map_err(NovateError::from)?;
    require!(owed > 0, NovateError::NothingOwed);
    let amount = amount.min(owed);
    let loan = asset.bank.repay(amount).map_err(NovateError::from)?;
    portfolio.take_balance(&Balance { loan, ..Balance::of(&asset) })?;
    portfolio.take_tokens(&mut asset, amount)?;
    asset.count_out(amount)?;
    portfolio.next_sequence();

    emit_cpi!(Repaid {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        asset: asset.index,
        amount,
        shares: portfolio.balance_of(asset.index).loan,
        balance: portfolio.tokens_of(&asset),
        interest: (&asset.bank).into(),
        held: portfolio.claim.held,
    });
    Ok(())
}
