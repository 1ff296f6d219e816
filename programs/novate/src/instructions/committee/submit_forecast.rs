use anchor_lang::prelude::*;
use novate_margin::Price;

use super::seat_of;
use crate::error::NovateError;
use crate::events::{ForecastSubmitted, EVENT_VERSION};
use crate::forecast::Forecast;
use crate::state::{Committee, Expiry, Pool, Submission};

#[derive(Accounts)]
pub struct SubmitForecast<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub expiry: AccountLoader<'info, Expiry>,
    pub member: Signer<'info>,
}

/// 1. Refuses who is no member, or holds a role; and what comes after expiry.
/// 2. Checks the bounds of basis and smile.
/// 3. Keeps both as what the member forecasts, in place of its last: for five minutes they count. Nothing moves yet.
/// 4. Logs [`ForecastSubmitted`].
pub(crate) fn submit_forecast(ctx: Context<SubmitForecast>, forecast: Forecast) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let committee = accounts.committee.load()?;
    let (at, seat) = seat_of(&*accounts.pool.load()?, &committee, accounts.member.key)?;
    let mut expiry = accounts.expiry.load_mut()?;
    expiry.remaining(now)?;
    forecast.checked()?;
    let submission = Submission { stamp: committee.stamp(now), price: Price::ZERO, forecast: forecast.into() };
    expiry.submitted.iter_mut().skip(at).take(1).for_each(|place| *place = submission);

    emit!(ForecastSubmitted {
        version: EVENT_VERSION,
        pool: expiry.pool,
        market: expiry.market,
        expiry_time: expiry.time,
        member: accounts.member.key(),
        seat,
        forecast,
    });
    Ok(())
}
