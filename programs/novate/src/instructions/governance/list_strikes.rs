use anchor_lang::prelude::*;
use novate_margin::chain::MAX_STRIKES;
use novate_margin::Price;

use super::enactment::{refuse_durable_nonce, INSTRUCTIONS};
use crate::error::NovateError;
use crate::events::{StrikesListed, EVENT_VERSION};
use crate::state::{Asset, Expiry, Market, Pool};

/// A strike lies within this multiple of the last price, upwards and downwards.
pub const WIDEST_STRIKE: i64 = 20;

#[event_cpi]
#[derive(Accounts)]
pub struct ListStrikes<'info> {
    #[account(has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        constraint = market.load()?.index == expiry.load()?.market @ NovateError::WrongMarket
    )]
    pub market: AccountLoader<'info, Market>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == expiry.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
    pub authority: Signer<'info>,
    /// CHECK: by its address.
    #[account(address = INSTRUCTIONS @ NovateError::NotInstructions)]
    pub instructions: UncheckedAccount<'info>,
}

/// Ascending multiples of the tick, near the last price, which there must be: a slot never gets another strike.
fn validate(strikes: &[i64], tick: Price, last: Price) -> Result<()> {
    require!(!strikes.is_empty(), NovateError::NoStrikes);
    require!(strikes.len() <= MAX_STRIKES, NovateError::TooManyStrikes);
    require!(last.0 > 0, NovateError::PriceMissing);
    let mut before = 0;
    for strike in strikes {
        let on_tick = *strike > 0 && strike.checked_rem(tick.0) == Some(0);
        let near = strike.saturating_mul(WIDEST_STRIKE) >= last.0 && *strike <= last.0.saturating_mul(WIDEST_STRIKE);
        require!(on_tick && near, NovateError::InvalidStrike);
        require!(*strike > before, NovateError::StrikesOutOfOrder);
        before = *strike;
    }
    Ok(())
}

/// 1. Refuses a durable nonce. Checks the strikes: ascending, on the market's tick, within a twentieth and twenty times the last price,
///    whatever its age.
/// 2. Appends each that is not listed yet to the expiry, 24 in all. A slot keeps its strike while the account lives.
/// 3. Emits [`StrikesListed`].
///
/// A new strike has no value until its first refresh.
pub(crate) fn list_strikes(ctx: Context<ListStrikes>, strikes: Vec<i64>) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    refuse_durable_nonce(&accounts.instructions)?;
    validate(&strikes, accounts.market.load()?.tick, accounts.asset.load()?.price)?;
    let mut expiry = accounts.expiry.load_mut()?;
    expiry.remaining(now)?;
    let first = expiry.strike_count;
    for strike in &strikes {
        expiry.append_strike(Price(*strike))?;
    }

    emit_cpi!(StrikesListed {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: expiry.time,
        first,
        strikes,
        time: now,
    });
    Ok(())
}
