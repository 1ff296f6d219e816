use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{MarketSet, EVENT_VERSION};
use crate::instruction;
use crate::state::{Market, MarketSetting, Pool};

/// The pool's authority.
#[event_cpi]
#[derive(Accounts)]
pub struct SetMarket<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    pub authority: Signer<'info>,
    pub enactment: Enactment<'info>,
}

/// 1. Executes the change that was scheduled for it, which names the market ([`Enactment::enact`]).
/// 2. Refuses a second one within a week, and whatever is beyond the bounds or the step of its field ([`crate::state::MarketField`]).
/// 3. Sets the terms and emits [`MarketSet`].
pub(crate) fn set_market(ctx: Context<SetMarket>, settings: Vec<MarketSetting>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let change = instruction::SetMarket { settings };
    accounts.enactment.enact(&accounts.pool, &change, &[accounts.market.key()])?;
    let mut market = accounts.market.load_mut()?;
    market.set(&change.settings, now)?;

    emit_cpi!(MarketSet {
        version: EVENT_VERSION,
        pool: market.pool,
        market: market.index,
        signer: accounts.authority.key(),
        settings: change.settings,
        time: now,
    });
    Ok(())
}
