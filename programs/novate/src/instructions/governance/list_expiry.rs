use anchor_lang::prelude::*;

use super::enactment::*;
use crate::error::NovateError;
use crate::events::{ExpiryListed, EVENT_VERSION};
use crate::forecast::{require_between, Forecast};
use crate::instruction;
use crate::seeds;
use crate::state::{minutes_of, Expiry, Market, Pool, DAY, TIME_OF_DAY, VERSION};

/// Furthest that an expiry may lie ahead: three years of 365 days.
const FURTHEST: i64 = 3 * 365 * DAY;

/// Behind the named accounts stand the expiries of the market next to the new one, as [`require_between`] asks for them.
#[event_cpi]
#[derive(Accounts)]
#[instruction(time: i64)]
pub struct ListExpiry<'info> {
    #[account(mut, has_one = authority @ NovateError::NotAuthority)]
    pub pool: AccountLoader<'info, Pool>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub market: AccountLoader<'info, Market>,
    #[account(
        init,
        payer = authority,
        space = Expiry::SPACE,
        seeds = [seeds::EXPIRY, market.key().as_ref(), &market.load()?.unlisted(time)?.to_le_bytes()],
        bump
    )]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(mut)]
    pub authority: Signer<'info>,
    pub system_program: Program<'info, System>,
    pub enactment: Enactment<'info>,
}

fn validate(time: i64, now: i64) -> Result<()> {
    require!(time.checked_rem_euclid(DAY) == Some(TIME_OF_DAY), NovateError::InvalidExpiryTime);
    require!(time > now, NovateError::ExpiryPassed);
    require!(time <= now.saturating_add(FURTHEST), NovateError::InvalidExpiryTime);
    Ok(())
}

/// 1. Executes the change that was scheduled for it, which names the market ([`Enactment::enact`]).
/// 2. Checks the time: 08:00:00 UTC, in the future, at most three years ahead; and that the market is not one of the last two weeks.
/// 3. Checks basis and smile, and the smile against those of the expiries next to it (MRG-10).
/// 4. Creates the expiry, without strikes, and enters it into the market's list. Its forecast is no more than what keeps neighbours' smiles apart: until
///    the first of them nothing in it is priced or traded.
/// 5. Emits [`ExpiryListed`].
pub(crate) fn list_expiry<'info>(ctx: Context<'info, ListExpiry<'info>>, time: i64, forecast: Forecast) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let listing = instruction::ListExpiry { time, forecast };
    accounts.enactment.enact(&accounts.pool, &listing, &[accounts.market.key()])?;
    validate(time, now)?;
    accounts.market.load()?.require_seasoned(now)?;
    let (basis, smile) = forecast.checked()?;
    let minutes = minutes_of(time);
    require_between(&*accounts.market.load()?, minutes, &smile, ctx.remaining_accounts, now)?;

    let mut market = accounts.market.load_mut()?;
    market.insert_expiry(minutes)?;
    let mut expiry = accounts.expiry.load_init()?;
    expiry.version = VERSION;
    expiry.bump = ctx.bumps.expiry;
    expiry.market = market.index;
    expiry.asset = market.asset;
    expiry.pool = market.pool;
    expiry.time = time;
    expiry.payer = accounts.authority.key();
    // Nothing is priced, and nothing opened, on what the committee has not stood for.
    expiry.publish(basis, smile, 0);

    emit_cpi!(ExpiryListed {
        version: EVENT_VERSION,
        pool: expiry.pool,
        expiry: accounts.expiry.key(),
        market: expiry.market,
        expiry_time: time,
        forecast,
        time: now,
    });
    Ok(())
}
