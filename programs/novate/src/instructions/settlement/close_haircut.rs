use anchor_lang::prelude::*;
use novate_margin::Usd;

use crate::error::NovateError;
use crate::events::{HaircutClosed, EVENT_VERSION};
use crate::state::{signed, Asset, Market};

/// Anyone may close the haircut of a market once its gains are charged.
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
/// 2. Ends the round. What the gains did not cover is taken from all settlement deposits (CLR-32) and paid into the variation pool,
///    which falls short of what winners are owed by as much. Beyond what deposits hold it stays in the market's `haircut`. What was
///    held back in exits for the round is free where nothing else is at stake (CLR-35).
/// 3. Emits [`HaircutClosed`].
pub(crate) fn close_haircut(ctx: Context<CloseHaircut>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let mut market = ctx.accounts.market.load_mut()?;
    let mut settlement = ctx.accounts.settlement.load_mut()?;
    let remainder = market.end_round(now)?;
    let paid = remainder.0.unsigned_abs().min(settlement.chargeable()?);
    let from_deposits = settlement.charge_deposits(paid)?;
    // Only now: what is held back has borne its part.
    settlement.note_closed(market.round.forgiven.0.unsigned_abs())?;
    let paid = Usd(signed(paid)?);
    market.haircut = market.haircut.sub(paid).map_err(NovateError::from)?;
    market.variation_pool = market.variation_pool.add(paid).map_err(NovateError::from)?;

    emit_cpi!(HaircutClosed {
        version: EVENT_VERSION,
        pool: market.pool,
        market: market.index,
        round: market.round.number,
        time: now,
        remainder: remainder.0,
        from_deposits,
        haircut: market.haircut.0,
    });
    Ok(())
}
