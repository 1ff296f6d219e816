use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{DelegateSet, EVENT_VERSION};
use crate::state::Portfolio;

/// The owner, or the delegate itself, ends the delegate's power.
#[event_cpi]
#[derive(Accounts)]
pub struct RevokeDelegate<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(
        constraint = signer.key() == portfolio.load()?.owner || signer.key() == portfolio.load()?.delegate
            @ NovateError::WrongAuthority
    )]
    pub signer: Signer<'info>,
}

/// 1. Clears the delegate; what it signed is void, also once it is named again (CLR-52). Where there is none, nothing is left to do and
///    it succeeds.
/// 2. Emits [`DelegateSet`] with the zero key.
pub(crate) fn revoke_delegate(ctx: Context<RevokeDelegate>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let mut portfolio = ctx.accounts.portfolio.load_mut()?;
    portfolio.name_delegate(Pubkey::default(), 0, now);
    portfolio.next_sequence();

    emit_cpi!(DelegateSet {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: ctx.accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        delegate: Pubkey::default(),
        expiry: 0,
    });
    Ok(())
}
