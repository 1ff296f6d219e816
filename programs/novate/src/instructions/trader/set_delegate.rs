use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{DelegateSet, EVENT_VERSION};
use crate::state::Portfolio;

/// The owner names who else may trade, and until when.
#[event_cpi]
#[derive(Accounts)]
pub struct SetDelegate<'info> {
    #[account(mut, has_one = owner @ NovateError::NotOwner)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    pub owner: Signer<'info>,
}

/// 1. Refuses the zero key, the owner and a time that is not in the future.
/// 2. Replaces the delegate; what the one before signed is void, also where it is the same key (CLR-52). Emits [`DelegateSet`].
pub(crate) fn set_delegate(ctx: Context<SetDelegate>, delegate: Pubkey, expiry: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let sound = delegate != Pubkey::default() && delegate != ctx.accounts.owner.key() && expiry > now;
    require!(sound, NovateError::InvalidDelegate);
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    portfolio.name_delegate(delegate, expiry, now);
    portfolio.next_sequence();

    emit_cpi!(DelegateSet {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        delegate,
        expiry,
    });
    Ok(())
}
