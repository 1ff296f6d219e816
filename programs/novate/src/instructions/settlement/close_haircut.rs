use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{HaircutClosed, EVENT_VERSION};
use crate::state::{Asset, Market};

/// Anyone may close the haircut of a market whose gains did not cover it.
#[event_cpi]
#[derive(Accounts)]
pub struct CloseHaircut<'info> {
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    #[account(
        mut,
        constraint = settlement.load()?.pool == market.load()?.pool @ NovateError::WrongPool,
        constraint = settlement.load()?.is_settlement() @ NovateError::NotSettlementAsset
    )]
    pub settlement: AccountLoader<'info, Asset>,
}

/// 1. Refuses where no haircut stands, while its window is open, and while registered gains are not charged.
/// 2. Ends the round. What the gains did not cover stays in the market's `haircut`: nobody pays it yet, and the variation pool
///    falls short of what winners are owed by as much.
/// 3. Emits [`HaircutClosed`].
pub(crate) fn close_haircut(ctx: Context<CloseHaircut>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let mut market = ctx.accounts.market.load_mut()?;
    let remainder = market.end_round(now)?;

    emit_cpi!(HaircutClosed {
        version: EVENT_VERSION,
        pool: market.pool,
        market: market.index,
        round: market.round.number,
        time: now,
        remainder: remainder.0,
    });
    Ok(())
}
