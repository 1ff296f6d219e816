use anchor_lang::prelude::*;
use novate_margin::Seconds;

use crate::error::NovateError;
use crate::events::{Lent, EVENT_VERSION};
use crate::state::{Asset, Balance, Portfolio};

/// The owner lends what the portfolio holds of an asset to the pool's borrowers, and takes it back with [`super::unlend`].
#[event_cpi]
#[derive(Accounts)]
pub struct Lend<'info> {
    #[account(mut, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = asset.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub owner: Signer<'info>,
}

/// Equity and margin stay as they are, so that nothing is judged (CLR-20).
///
/// 1. Refuses while an auction runs, where the asset is not lent, and of the settlement asset while insurance is short of what is
///    reserved: what is lent out bears no haircut (CLR-35).
/// 2. Charges interest up to now.
/// 3. Turns cash, or tokens of the balance, into shares of the bank, rounded down.
/// 4. Emits [`Lent`].
pub(crate) fn lend(ctx: Context<Lend>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let mut asset = ctx.accounts.asset.load_mut()?;
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    require!(!portfolio.in_auction(), NovateError::InAuction);
    require!(asset.is_lent(), NovateError::NotLent);
    require!(asset.at_stake() == 0, NovateError::LendingDuringShortage);
    asset.bank.accrue(Seconds(now));
    let lent = asset.bank.lend(amount).map_err(NovateError::from)?;
    require!(lent > 0, NovateError::ZeroAmount);
    portfolio.take_tokens(&mut asset, amount)?;
    portfolio.add_balance(&Balance { lent, ..Balance::of(&asset) })?;
    portfolio.require_within_limits()?;
    asset.count_out(amount)?;
    portfolio.next_sequence();

    emit_cpi!(Lent {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        asset: asset.index,
        amount,
        shares: portfolio.balance_of(asset.index).lent,
        balance: portfolio.tokens_of(&asset),
        interest: (&asset.bank).into(),
    });
    Ok(())
}
