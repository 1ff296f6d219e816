use anchor_lang::prelude::*;
use novate_margin::fixed::mul_div_ceil;
use novate_margin::{auction, is_liquidatable, Fraction, Health, Price, Seconds, Usd};

use crate::error::NovateError;
use crate::events::{Liquidated, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::instrument::{self, market_of, minutes_of, Instrument};
use crate::listed::Listed;
use crate::state::{Balance, Pool, Portfolio, Position, Scenarios};

/// A bid in an auction. The owner or delegate of the taker signs. Behind the instruction stand the assets, markets and
/// expiries that either portfolio holds, each once; the markets of the liquidated portfolio's perpetuals and the expiries of
/// its futures and options writable.
#[event_cpi]
#[derive(Accounts)]
pub struct Liquidate<'info> {
    pub pool: AccountLoader<'info, Pool>,
    #[account(address = pool.load()?.scenarios @ NovateError::WrongScenarios)]
    pub scenarios: AccountLoader<'info, Scenarios>,
    #[account(
        mut,
        has_one = pool @ NovateError::WrongPool,
        constraint = portfolio.key() != taker.key() @ NovateError::SamePortfolio,
        constraint = portfolio.load()?.owner != taker.load()?.owner @ NovateError::OwnLiquidation
    )]
    pub portfolio: AccountLoader<'info, Portfolio>,
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub taker: AccountLoader<'info, Portfolio>,
    pub signer: Signer<'info>,
}

/// A bid's size and its cost in settlement asset, rounded up.
struct Bid {
    fraction: Fraction,
    price: i64,
}

/// Takes a slice of the whole account (CLR-30).
///
/// 1. Accrues funding in the markets of the account's perpetuals (CLR-11). Refuses where no auction runs, or the account is
///    at or above maintenance margin, or is insolvent or was when the auction began.
/// 2. The slice: at most `fraction` (1e-9), at most what restores the account. Its price: equity of the slice less the
///    discount of the time, in settlement asset, at most `limit`.
/// 3. Charges both sides of each of those perpetuals the funding they owe. Moves the slice of cash, of every balance and of
///    every position; then the taker pays.
/// 4. The taker must meet initial margin. The auction ends where the account is back at maintenance margin.
/// 5. Emits [`Liquidated`].
pub(crate) fn liquidate<'info>(ctx: Context<'info, Liquidate<'info>>, fraction: i64, limit: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let pool = accounts.pool.load()?;
    let scenarios = accounts.scenarios.load()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    let mut taker = accounts.taker.load_mut()?;
    taker.require_trader(accounts.signer.key, now)?;
    require!(!taker.in_auction(), NovateError::InAuction);
    require!(portfolio.in_auction(), NovateError::NoAuction);
    require!(portfolio.owes(), NovateError::NotLiquidatable);
    require!(fraction > 0 && fraction <= Fraction::ONE.0, NovateError::InvalidFraction);

    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    accrue_funding(&portfolio, &listed, now)?;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    let before = examiner.health(&portfolio, Prices::Favourable)?;
    require!(portfolio.auction_insolvent == 0 || !is_liquidatable(&before), NovateError::Insolvent);
    let elapsed = Seconds(now.saturating_sub(portfolio.auction_start));
    let bid = size_up(&before, elapsed, Fraction(fraction), listed.settlement()?.price)?;
    require!(bid.price <= limit, NovateError::PriceLimit);

    let (funding, taker_funding) = move_slice(&mut portfolio, &mut taker, &bid, &listed, now)?;
    portfolio.next_sequence();
    taker.next_sequence();

    let taken = examiner.health(&taker, Prices::Adverse)?;
    examiner.require_current_values()?;
    require!(taken.meets_initial(), NovateError::BelowInitialMargin);
    let after = examiner.health(&portfolio, Prices::Favourable)?;
    portfolio.leave_auction_if(!is_liquidatable(&after));

    emit_cpi!(Liquidated {
        version: EVENT_VERSION,
        pool: portfolio.pool,
        portfolio: accounts.portfolio.key(),
        sequence: portfolio.sequence,
        taker: accounts.taker.key(),
        taker_sequence: taker.sequence,
        time: now,
        fraction: bid.fraction.0,
        price: bid.price,
        equity_before: before.equity.0,
        maintenance_before: before.maintenance.0,
        equity_after: after.equity.0,
        maintenance_after: after.maintenance.0,
        restored: !portfolio.in_auction(),
        funding,
        taker_funding,
    });
    Ok(())
}

fn size_up(health: &Health, elapsed: Seconds, asked: Fraction, settlement: Price) -> Result<Bid> {
    let discount = auction::discount(elapsed);
    let most = auction::max_fraction(health.equity, health.maintenance, discount).map_err(NovateError::from)?;
    let fraction = asked.min(most);
    let usd = auction::price_ceil(health.equity, fraction, discount).map_err(NovateError::from)?;
    let price = mul_div_ceil(usd.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    Ok(Bid { fraction, price })
}

/// A perpetual that is held, which funding accrues for.
fn is_funded(position: &Position) -> bool {
    position.quantity != 0 && position.instrument == instrument::perpetual(market_of(position.instrument))
}

/// So that the account is judged by what its positions owe now.
fn accrue_funding(portfolio: &Portfolio, listed: &Listed, now: i64) -> Result<()> {
    for position in portfolio.positions().iter().filter(|p| is_funded(p)) {
        listed.market_mut(market_of(position.instrument))?.accrue(now);
    }
    Ok(())
}

/// Assets are rounded down and debts up for the taker. The taker pays after the slice's own cash has arrived. Returns the
/// funding that both sides were charged.
fn move_slice(
    portfolio: &mut Portfolio,
    taker: &mut Portfolio,
    bid: &Bid,
    listed: &Listed,
    now: i64,
) -> Result<(i64, i64)> {
    let cash = slice_floor(portfolio.cash, bid.fraction)?;
    taker.credit_cash(cash)?;
    require!(taker.cash >= bid.price, NovateError::InsufficientCash);
    taker.credit_cash(bid.price.saturating_neg())?;
    portfolio.credit_cash(bid.price.checked_sub(cash).ok_or(NovateError::MathOverflow)?)?;

    let (balances, count) = (portfolio.balances, usize::from(portfolio.balance_count));
    for balance in balances.iter().take(count) {
        move_balance(portfolio, taker, balance, bid.fraction)?;
    }
    let (mut funding, mut taker_funding) = (Usd::ZERO, Usd::ZERO);
    for at in 0..usize::from(portfolio.position_count) {
        let position = portfolio.positions.get_mut(at).ok_or(NovateError::NoPosition)?;
        let (owed, taker_owed) = move_position(position, taker, bid.fraction, listed, now)?;
        funding = funding.add(owed).map_err(NovateError::from)?;
        taker_funding = taker_funding.add(taker_owed).map_err(NovateError::from)?;
    }
    portfolio.free_empty_positions();
    taker.free_empty_positions();
    taker.require_within_limits()?;
    Ok((funding.0, taker_funding.0))
}

fn move_balance(from: &mut Portfolio, taker: &mut Portfolio, balance: &Balance, part: Fraction) -> Result<()> {
    let slice = balance.slice(part)?;
    if slice.is_empty() {
        return Ok(());
    }
    from.take_balance(&slice)?;
    taker.add_balance(&slice)
}

/// The quantity is cut towards zero; the cost, which has the funding owed by then, follows the quantity that moves, rounded
/// up for the taker. Returns the funding that both positions were charged.
fn move_position(
    position: &mut Position,
    taker: &mut Portfolio,
    part: Fraction,
    listed: &Listed,
    now: i64,
) -> Result<(Usd, Usd)> {
    let index = market_of(position.instrument);
    let mut market = if is_funded(position) { Some(listed.market_mut(index)?) } else { None };
    let mut charge = |position: &mut Position| match &mut market {
        Some(market) => market.apply_funding(position),
        None => Ok(Usd::ZERO),
    };
    let funding = charge(position)?;
    let slice = position.cut(part)?;
    if slice.is_empty() {
        return Ok((funding, Usd::ZERO));
    }
    let held = taker.position_entry(slice.instrument, slice.underlying, now)?;
    let released = held.release_pending(now);
    let taker_funding = charge(held)?;
    let from = held.quantity;
    held.absorb(&slice)?;
    let to = held.quantity;
    taker.credit_cash(released)?;
    if slice.quantity != 0 {
        let left = position.quantity;
        let had = left.checked_add(slice.quantity).ok_or(NovateError::MathOverflow)?;
        match (instrument::parse(slice.instrument)?, &mut market) {
            (Instrument::Perpetual, Some(market)) => {
                market.move_open_interest(had, left)?;
                market.move_open_interest(from, to)?;
            }
            (dated, _) => {
                let mut expiry = listed.expiry_mut(index, minutes_of(slice.instrument))?;
                expiry.move_open_interest(dated, had, left)?;
                expiry.move_open_interest(dated, from, to)?;
            }
        }
    }
    Ok((funding, taker_funding))
}

fn slice_floor(amount: i64, part: Fraction) -> Result<i64> {
    Ok(Usd(amount).slice_floor(part).map_err(NovateError::from)?.0)
}
