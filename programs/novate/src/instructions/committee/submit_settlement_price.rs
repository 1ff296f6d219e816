use anchor_lang::prelude::*;
use novate_margin::Price;

use super::seat_of;
use crate::error::NovateError;
use crate::events::{SettlementPriceSubmitted, EVENT_VERSION};
use crate::state::{Asset, Committee, Expiry, Pool, Submission, DAY};

#[derive(Accounts)]
pub struct SubmitSettlementPrice<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(has_one = pool @ NovateError::WrongPool)]
    pub committee: AccountLoader<'info, Committee>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub expiry: AccountLoader<'info, Expiry>,
    #[account(
        has_one = pool @ NovateError::WrongPool,
        constraint = asset.load()?.index == expiry.load()?.asset @ NovateError::WrongUnderlying
    )]
    pub asset: AccountLoader<'info, Asset>,
    pub member: Signer<'info>,
}

/// Only of what the asset did not fix by itself within a day.
pub(super) fn require_unfixed(expiry: &Expiry, asset: &Asset, now: i64) -> Result<()> {
    require!(now > expiry.time.saturating_add(DAY), NovateError::WindowOpen);
    require!(asset.window.fixed_time != expiry.time, NovateError::FixAvailable);
    require!(!expiry.is_fixed(), NovateError::AlreadyFixed);
    Ok(())
}

/// 1. Refuses who is no member, or holds a role.
/// 2. Refuses until a day after expiry, and where the asset has fixed the price.
/// 3. Checks the price: positive, and within the scan range of the asset's last price, whatever its age, for its feed may be what
///    failed.
/// 4. Keeps it as what the member would settle the expiry at, in place of its last: for five minutes it counts.
/// 5. Logs [`SettlementPriceSubmitted`].
pub(crate) fn submit_settlement_price(ctx: Context<SubmitSettlementPrice>, price: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let committee = accounts.committee.load()?;
    let (at, seat) = seat_of(&*accounts.pool.load()?, &committee, accounts.member.key)?;
    let mut expiry = accounts.expiry.load_mut()?;
    let asset = accounts.asset.load()?;
    require_unfixed(&expiry, &asset, now)?;
    asset.require_near(Price(price))?;
    let submission = Submission { stamp: committee.stamp(now), price: Price(price), ..Submission::default() };
    expiry.submitted.iter_mut().skip(at).take(1).for_each(|place| *place = submission);

    emit!(SettlementPriceSubmitted {
        version: EVENT_VERSION,
        pool: expiry.pool,
        market: expiry.market,
        expiry_time: expiry.time,
        member: accounts.member.key(),
        seat,
        price,
    });
    Ok(())
}
