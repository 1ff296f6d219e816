use anchor_lang::prelude::*;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{MarketSet, EVENT_VERSION};
use crate::state::{Market, MarketSetting, Pool};

/// The pool's risk role or its guardian.
#[event_cpi]
#[derive(Accounts)]
pub struct TightenMarket<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    pub signer: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// 1. Refuses a durable nonce, a second one within a day, what does not tighten, and whatever is beyond the bounds or the step of its field
///    ([`crate::state::MarketField`]).
/// 2. Sets the terms, none of which is in maintenance margin, and emits [`MarketSet`].
pub(crate) fn tighten_market(ctx: Context<TightenMarket>, settings: Vec<MarketSetting>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    let signer = accounts.signer.key();
    accounts.pool.load()?.require_tightener(&signer)?;
    let mut market = accounts.market.load_mut()?;
    market.tighten(&settings, now)?;

    emit_cpi!(MarketSet {
        version: EVENT_VERSION,
        pool: market.pool,
        market: market.index,
        signer,
        settings,
        time: now,
    });
    Ok(())
}
