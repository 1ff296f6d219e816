use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{Transferred, EVENT_VERSION};
use crate::health::require_settled_margin;
use crate::listed::Listed;
use crate::state::{signed, Asset, Pool, Portfolio, Scenarios};

/// The owner moves collateral between two sub-accounts. With positions or loans in the first, what it holds stands
/// behind the instruction.
#[event_cpi]
#[derive(Accounts)]
pub struct TransferBetween<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        has_one = owner @ NovateError::NotOwner,
        constraint = from.key() != to.key() @ NovateError::SamePortfolio
    )]
    pub from: AccountLoader<'info, Portfolio>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = to.load()?.owner == owner.key() @ NovateError::DifferentOwners
    )]
    pub to: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub asset: AccountLoader<'info, Asset>,
    pub owner: Signer<'info>,
}

/// 1. Refuses while an auction of the first runs.
/// 2. Moves cash, or tokens that are not lent. Cash that is held back stays (CLR-35); the rest bears a haircut in the one
///    portfolio as in the other. Neither a new balance nor what is left of one may be below the asset's minimum.
/// 3. With positions or loans in the first: its initial margin must be covered without gains that are unsettled or pending
///    (MRG-45).
/// 4. Emits [`Transferred`].
pub(crate) fn transfer<'info>(ctx: Context<'info, TransferBetween<'info>>, amount: u64) -> Result<()> {
    require!(amount > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut from = accounts.from.load_mut()?;
    let mut to = accounts.to.load_mut()?;
    require!(!from.in_auction(), NovateError::InAuction);
    let listed = Listed::new(&from.pool, ctx.remaining_accounts)?;
    let mut asset = accounts.asset.load_mut()?;
    from.take_tokens(&mut asset, amount)?;
    from.require_no_dust(&asset)?;
    to.receive_tokens(&mut asset, &listed, amount, now)?;
    from.next_sequence();
    to.next_sequence();

    let (index, from_balance, to_balance) = (asset.index, from.tokens_of(&asset), to.tokens_of(&asset));
    drop(asset);
    let pool = accounts.pool.load()?;
    let scenarios = accounts.scenarios.load()?;
    require_settled_margin(&from, &listed, &pool, &scenarios, now)?;

    emit_cpi!(Transferred {
        version: EVENT_VERSION,
        pool: from.pool,
        from: accounts.from.key(),
        from_sequence: from.sequence,
        to: accounts.to.key(),
        to_sequence: to.sequence,
        time: now,
        asset: index,
        amount: signed(amount)?,
        from_balance,
        to_balance,
        from_held: from.claim.held,
    });
    Ok(())
}
