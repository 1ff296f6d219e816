use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{ExpiryClosed, EVENT_VERSION};
use crate::state::{Expiry, Market};

/// Anyone may close an expiry in which nobody holds a position any more.
#[event_cpi]
#[derive(Accounts)]
pub struct CloseExpiry<'info> {
    #[account(
        mut,
        constraint = market.load()?.pool == expiry.load()?.pool @ NovateError::WrongPool,
        constraint = market.load()?.index == expiry.load()?.market @ NovateError::WrongMarket
    )]
    pub market: AccountLoader<'info, Market>,
    #[account(mut, close = payer)]
    pub expiry: AccountLoader<'info, Expiry>,
    /// CHECK: paid the rent, and receives it.
    #[account(mut, address = expiry.load()?.payer @ NovateError::WrongPayer)]
    pub payer: UncheckedAccount<'info>,
}

/// 1. Refuses before expiry, and while any open interest is left. Without a settlement price too it may be closed then: after
///    expiry nothing trades, so that no position can arise whose value would depend on the price.
/// 2. Takes the expiry out of the market's list, and the sum of what its positions were settled to into the market's rounding
///    (CLR-01).
/// 3. Closes the account; the rent goes back to whoever paid it.
/// 4. Emits [`ExpiryClosed`].
pub(crate) fn close_expiry(ctx: Context<CloseExpiry>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let expiry = accounts.expiry.load()?;
    expiry.require_passed(now)?;
    require!(expiry.is_unheld(), NovateError::OpenInterestLeft);
    accounts.market.load_mut()?.remove_expiry(&expiry)?;

    emit_cpi!(ExpiryClosed {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        rounding: expiry.settled.neg().map_err(NovateError::from)?.0,
        payer: expiry.payer,
        time: now,
    });
    Ok(())
}
