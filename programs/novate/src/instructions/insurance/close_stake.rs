use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{StakeClosed, EVENT_VERSION};
use crate::state::{Insurance, Pool, Stake};

/// The owner closes a stake without shares.
#[event_cpi]
#[derive(Accounts)]
pub struct CloseStake<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        has_one = owner @ NovateError::NotStaker,
        close = owner
    )]
    pub stake: AccountLoader<'info, Stake>,
    #[account(mut)]
    pub owner: Signer<'info>,
}

/// 1. Refuses a stake with shares; those of an era that has ended do not count.
/// 2. Closes the account, returns its rent to the owner and emits [`StakeClosed`].
pub(crate) fn close_stake(ctx: Context<CloseStake>) -> Result<()> {
    let accounts = &ctx.accounts;
    {
        let mut stake = accounts.stake.load_mut()?;
        stake.enter(accounts.insurance.load()?.era);
        require!(stake.shares.get() == 0, NovateError::StakeNotEmpty);
    }

    emit_cpi!(StakeClosed {
        version: EVENT_VERSION,
        pool: accounts.pool.key(),
        owner: accounts.owner.key(),
        time: Clock::get()?.unix_timestamp,
    });
    Ok(())
}
