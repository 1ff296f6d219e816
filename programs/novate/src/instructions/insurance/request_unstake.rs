use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{UnstakeRequested, EVENT_VERSION};
use crate::state::{Insurance, Pool, Stake, COOLING_OFF, UNSTAKE_WINDOW};

/// The owner asks for shares of the stake back.
#[event_cpi]
#[derive(Accounts)]
pub struct RequestUnstake<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(mut, has_one = pool @ NovateError::WrongPool, has_one = owner @ NovateError::NotStaker)]
    pub stake: AccountLoader<'info, Stake>,
    pub owner: Signer<'info>,
}

/// 1. Refuses zero and more shares than there are.
/// 2. Starts the cooling-off; a request that runs or has lapsed is replaced and starts anew. Shares that are requested go on
///    bearing losses: what they are worth is known when they are taken out (CLR-35).
/// 3. Emits [`UnstakeRequested`].
pub(crate) fn request_unstake(ctx: Context<RequestUnstake>, shares: u128) -> Result<()> {
    require!(shares > 0, NovateError::ZeroAmount);
    let now = Clock::get()?.unix_timestamp;
    let mut stake = ctx.accounts.stake.load_mut()?;
    stake.enter(ctx.accounts.insurance.load()?.era);
    require!(shares <= stake.shares.get(), NovateError::InsufficientShares);
    stake.request(shares, now);

    let from = now.saturating_add(COOLING_OFF);
    emit_cpi!(UnstakeRequested {
        version: EVENT_VERSION,
        pool: stake.pool,
        owner: stake.owner,
        time: now,
        era: stake.era,
        shares,
        from,
        before: from.saturating_add(UNSTAKE_WINDOW),
    });
    Ok(())
}
