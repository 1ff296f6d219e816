use anchor_lang::prelude::*;

use crate::error::NovateError;
use crate::events::{HaircutBorne, EVENT_VERSION};
use crate::instrument::market_of;
use crate::state::{Market, Portfolio};

/// Anyone may charge anyone's registered gain once the window of its haircut has ended.
#[event_cpi]
#[derive(Accounts)]
pub struct ChargeGain<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = market.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
}

/// Adds to the cost of a position what its registered gain is charged (CLR-32). Equity has counted it since the window ended.
///
/// 1. Refuses while the window is open, and a position without a registered gain.
/// 2. Adds the charge to the cost.
/// 3. A position in which nothing is left is freed. A portfolio without positions and loans owes nothing: a solvent auction of
///    it ends.
/// 4. Emits [`HaircutBorne`].
pub(crate) fn charge_gain(ctx: Context<ChargeGain>, instrument: u64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut market = accounts.market.load_mut()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(market_of(instrument) == market.index, NovateError::WrongMarket);
    require!(!market.round.is_open(now), NovateError::HaircutOpen);

    let borne = market.bear(portfolio.position_mut(instrument)?, None, now)?.ok_or(NovateError::NoGain)?;
    portfolio.free_empty_positions();
    let (owes_nothing, was_in_auction) = (!portfolio.owes(), portfolio.in_auction());
    portfolio.leave_auction_if(owes_nothing);
    portfolio.next_sequence();

    emit_cpi!(HaircutBorne {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        time: now,
        instrument,
        round: market.round.number,
        borne,
        gains: market.round.gains.0,
        uncharged: market.round.uncharged.0,
        haircut: market.haircut.0,
        auction_ended: was_in_auction && !portfolio.in_auction(),
    });
    Ok(())
}
