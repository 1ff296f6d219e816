use anchor_lang::prelude::*;

use super::bear::bear;
use crate::error::NovateError;
use crate::events::{HaircutBorne, EVENT_VERSION};
use crate::instrument::market_of;
use crate::state::{Market, Portfolio};

/// Anyone may register anyone's gain while the window of a haircut is open.
#[event_cpi]
#[derive(Accounts)]
pub struct RegisterGain<'info> {
    #[account(mut)]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, constraint = market.load()?.pool == portfolio.load()?.pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    /// Of a future or an option that is held; else it is not read.
    /// CHECK: owner, kind, pool and instrument, where it is read.
    pub expiry: Option<UncheckedAccount<'info>>,
}

/// Registers what a position has gained as of the opening of the market's haircut (CLR-32), so that it bears its part. No price is
/// asked for: those of the opening count.
///
/// 1. Refuses where no window is open, the position was looked at since the last opening already, or has no gain.
/// 2. Registers the gain and emits [`HaircutBorne`].
pub(crate) fn register_gain(ctx: Context<RegisterGain>, instrument: u64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let mut market = accounts.market.load_mut()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    require!(market_of(instrument) == market.index, NovateError::WrongMarket);
    require!(market.round.stands(), NovateError::NoHaircut);
    require!(market.round.is_open(now), NovateError::HaircutSettling);

    let position = portfolio.position_mut(instrument)?;
    require!(position.round != market.round.number, NovateError::GainRegistered);
    let borne = bear(&mut market, position, accounts.expiry.as_ref().map(AsRef::as_ref), now)?;
    let borne = borne.filter(|borne| borne.registered > 0).ok_or(NovateError::NoGain)?;
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
        auction_ended: false,
    });
    Ok(())
}
