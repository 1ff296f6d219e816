use anchor_lang::prelude::*;
use novate_margin::Seconds;

use crate::error::NovateError;
use crate::events::{Unlent, EVENT_VERSION};
use crate::state::{Asset, Balance, Portfolio};

/// The owner takes back what was lent.
#[event_cpi]
#[derive(Accounts)]
pub struct Unlend<'info> {
    #[account(mut, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = asset.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub owner: Signer<'info>,
}

/// During an auction too: it only makes the account easier to take.
///
/// 1. Charges interest up to now.
/// 2. Turns shares of the bank, rounded up, into cash or tokens of the balance. Refuses what is lent out.
/// 3. Emits [`Unlent`].
pub(crate) fn unlend(ctx: Context<Unlend>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let mut asset = ctx.accounts.asset.load_mut()?;
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    asset.bank.accrue(Seconds(now));
    portfolio.unlend(&mut asset, amount)?;
    portfolio.next_sequence();

    emit_cpi!(Unlent {
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

impl Portfolio {
    /// Turns what was lent into tokens that are not.
    pub fn unlend(&mut self, asset: &mut Asset, amount: u64) -> Result<()> {
        let worth = asset.bank.lent_floor(self.balance_of(asset.index).lent).map_err(NovateError::from)?;
        require!(amount <= worth, NovateError::InsufficientBalance);
        let lent = asset.bank.unlend(amount).map_err(NovateError::from)?;
        self.take_balance(&Balance { lent, ..Balance::of(asset) })?;
        self.add_tokens(asset, amount)?;
        asset.count_in(amount)
    }
}
