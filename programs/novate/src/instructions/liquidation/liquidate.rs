use anchor_lang::prelude::*;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::fund::Drawn;
use novate_margin::{auction, is_liquidatable, Fraction, Health, Price, Seconds, Usd};

use crate::error::NovateError;
use crate::events::{Liquidated, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::instrument::{self, market_of, minutes_of, Instrument};
use crate::listed::Listed;
use crate::state::{Action, Balance, Insurance, Pool, Portfolio, Position, Scenarios};

/// A bid in an auction. The owner or delegate of the taker signs. Behind the instruction stand the assets, markets and
/// expiries that either portfolio holds, each once; the markets of the liquidated portfolio's perpetuals and the expiries of
/// its futures and options writable, and where the account is insolvent the settlement asset.
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
    #[account(mut, has_one = pool @ NovateError::WrongPool)]
    pub insurance: AccountLoader<'info, Insurance>,
}

/// A bid's size and its price in settlement asset, rounded up: what the taker pays, or less than zero, what insurance pays it.
struct Bid {
    fraction: Fraction,
    price: i64,
    /// Equity below zero that goes with the slice, settlement asset, rounded up.
    deficit: u64,
}

/// Takes a slice of the whole account (CLR-30, CLR-31).
///
/// 1. Accrues funding in the markets of the account's perpetuals (CLR-11). Refuses where no auction runs, or the account is
///    at or above maintenance margin, or its equity has crossed zero since the auction began.
/// 2. With equity above zero, within an hour of the start, the slice is at most `fraction` (1e-9) and what restores the account; its price is the equity
///    of the slice less the discount of the time, in settlement asset.
/// 3. With equity at zero or below, the slice is `fraction`; insurance pays what it lacks and the premium of the time, at
///    most what is left of the reserve and of the fund. The price is this payout, negative.
/// 4. Either way the price is at most `limit`. One above zero is of a bid for a solvent account: in an insolvent auction it is
///    refused, or a bidder for a slice could end up with a whole account and its debts.
/// 5. Charges both sides of each of those perpetuals the funding they owe. Moves the slice of cash, of every balance and of
///    every position; then the taker pays, or is paid: capital first, then stake (CLR-32).
/// 6. The taker must meet initial margin, with a loan without unsettled gains (MRG-45). The auction ends where what the slice
///    leaves ([`auction::left_by`]) is back at maintenance margin, no price being stale, or nothing is left of it.
/// 7. Emits [`Liquidated`].
pub(crate) fn liquidate<'info>(ctx: Context<'info, Liquidate<'info>>, fraction: i64, limit: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let pool = accounts.pool.load()?;
    pool.require_running(Action::Liquidate, now)?;
    let scenarios = accounts.scenarios.load()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    let mut taker = accounts.taker.load_mut()?;
    let mut insurance = accounts.insurance.load_mut()?;
    taker.require_trader(accounts.signer.key, now)?;
    require!(!taker.in_auction(), NovateError::InAuction);
    require!(portfolio.in_auction(), NovateError::NoAuction);
    require!(!pool.paused_since(&portfolio), NovateError::AuctionLapsed);
    require!(portfolio.owes(), NovateError::NotLiquidatable);
    require!(fraction > 0 && fraction <= Fraction::ONE.0, NovateError::InvalidFraction);

    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let funding_indices = accrue_funding(&portfolio, &listed, now)?;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    let before = examiner.health(&portfolio, Prices::Favourable)?;
    require!(is_liquidatable(&before), NovateError::NotLiquidatable);
    let (insolvent, stale) = (before.equity <= Usd::ZERO, examiner.is_stale());
    require!((portfolio.auction_insolvent != 0) == insolvent, NovateError::Insolvent);
    let settlement = listed.settlement()?.price;
    let bid = if insolvent {
        require!(limit <= 0, NovateError::LimitAboveZero);
        size_up_insolvent(&before, &portfolio, &insurance, Fraction(fraction), (now, settlement), limit)?
    } else {
        let elapsed = Seconds(now.saturating_sub(portfolio.auction_start));
        require!(elapsed < auction::FAST_END, NovateError::AuctionLapsed);
        size_up(&before, elapsed, Fraction(fraction), settlement)?
    };
    require!(bid.price <= limit, NovateError::PriceLimit);
    let (equity, maintenance) = left(&before, &bid, settlement, examiner.grain(&portfolio)?)?;

    let (funding, taker_funding, taker_released) = move_slice(&mut portfolio, &mut taker, &bid, &listed, now)?;
    let drawn = if insolvent { pay(&mut portfolio, &mut insurance, &bid, &listed)? } else { Drawn::default() };
    portfolio.next_sequence();
    taker.next_sequence();

    let taken = examiner.health(&taker, Prices::Adverse)?;
    examiner.require_current_values()?;
    require!(taken.meets_initial(), NovateError::BelowInitialMargin);
    require!(!taker.has_loan() || taken.meets_initial_settled(), NovateError::UnsettledGains);
    let mut reserve_released = 0;
    if equity >= maintenance && !stale {
        reserve_released = portfolio.payable();
        portfolio.end_auction(&mut insurance)?;
    }

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
        equity_after: equity.0,
        maintenance_after: maintenance.0,
        restored: !portfolio.in_auction(),
        funding,
        taker_funding,
        from_capital: drawn.capital,
        from_stake: drawn.staked,
        deficit: bid.deficit,
        stake_ended: drawn.ended,
        funding_indices,
        cash: portfolio.cash,
        taker_cash: taker.cash,
        taker_released,
        released: reserve_released,
    });
    Ok(())
}

fn size_up(health: &Health, elapsed: Seconds, asked: Fraction, settlement: Price) -> Result<Bid> {
    let discount = auction::discount(elapsed);
    let most = auction::max_fraction(health.equity, health.maintenance, discount).map_err(NovateError::from)?;
    let fraction = asked.min(most);
    let usd = auction::price_ceil(health.equity, fraction, discount).map_err(NovateError::from)?;
    let price = mul_div_ceil(usd.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    Ok(Bid { fraction, price, deficit: 0 })
}

/// Equity that the bid leaves at least, and maintenance margin that it leaves at most. What insurance pays is the taker's.
fn left(before: &Health, bid: &Bid, settlement: Price, grain: Usd) -> Result<(Usd, Usd)> {
    let paid = Usd(bid.price).or_zero().at_price_floor(settlement).map_err(NovateError::from)?;
    let health = (before.equity, before.maintenance);
    Ok(auction::left_by(health, bid.fraction, paid, grain).map_err(NovateError::from)?)
}

/// Any fraction. Amounts are converted from USD to settlement asset at its price. A bid that accepts less than it is owed is
/// paid less where the reserve or the fund has less (CLR-31).
fn size_up_insolvent(
    health: &Health,
    portfolio: &Portfolio,
    insurance: &Insurance,
    fraction: Fraction,
    (now, settlement): (i64, Price),
    limit: i64,
) -> Result<Bid> {
    let premium = auction::premium(Seconds(now.saturating_sub(portfolio.auction_start)));
    let usd = auction::payout_floor(health.equity, health.maintenance, fraction, premium).map_err(NovateError::from)?;
    let owed = mul_div_floor(usd.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    let payable = i64::try_from(portfolio.payable()).unwrap_or(i64::MAX).min(owed);
    let held = i64::try_from(insurance.fund().total()).unwrap_or(i64::MAX);
    let payout = payable.min(held);
    let price = payout.checked_neg().ok_or(NovateError::MathOverflow)?;
    require!(price <= limit || payout == payable, NovateError::InsuranceExhausted);
    let lacking = health.equity.neg().and_then(|d| d.slice_ceil(fraction)).map_err(NovateError::from)?;
    let deficit = mul_div_ceil(lacking.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    Ok(Bid { fraction, price, deficit: deficit.unsigned_abs() })
}

/// The payout leaves the fund and the reserve, and is cash of the taker's from now on.
fn pay(portfolio: &mut Portfolio, insurance: &mut Insurance, bid: &Bid, listed: &Listed) -> Result<Drawn> {
    let payout = bid.price.unsigned_abs();
    let mut settlement = listed.settlement_mut()?;
    settlement.cash = settlement.cash.checked_add(payout).ok_or(NovateError::MathOverflow)?;
    portfolio.auction_paid = portfolio.auction_paid.checked_add(payout).ok_or(NovateError::MathOverflow)?;
    insurance.release(payout)?;
    insurance.pay(payout, bid.deficit)
}

/// A perpetual that is held, which funding accrues for.
fn is_funded(position: &Position) -> bool {
    position.quantity != 0 && position.instrument == instrument::perpetual(market_of(position.instrument))
}

/// So that the account is judged by what its positions owe now. Returns the cumulative funding of each.
fn accrue_funding(portfolio: &Portfolio, listed: &Listed, now: i64) -> Result<Vec<i64>> {
    let mut indices = Vec::with_capacity(portfolio.positions().len());
    for position in portfolio.positions().iter().filter(|p| is_funded(p)) {
        let mut market = listed.market_mut(market_of(position.instrument))?;
        market.accrue(now);
        indices.push(market.funding.0);
    }
    Ok(indices)
}

/// Assets are rounded down and debts up for the taker. The taker pays after the slice's own cash has arrived; what insurance pays
/// it comes from outside of the portfolio. Returns the funding that both sides were charged, and the taker's gains
/// that became cash.
fn move_slice(
    portfolio: &mut Portfolio,
    taker: &mut Portfolio,
    bid: &Bid,
    listed: &Listed,
    now: i64,
) -> Result<(i64, i64, i64)> {
    let cash = slice_floor(portfolio.cash, bid.fraction)?;
    taker.credit_cash(cash)?;
    require!(taker.cash >= bid.price, NovateError::InsufficientCash);
    taker.credit_cash(bid.price.saturating_neg())?;
    portfolio.credit_cash(bid.price.max(0).checked_sub(cash).ok_or(NovateError::MathOverflow)?)?;

    let (balances, count) = (portfolio.balances, usize::from(portfolio.balance_count));
    for balance in balances.iter().take(count) {
        move_balance(portfolio, taker, balance, bid.fraction)?;
    }
    let paid = taker.cash;
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
    // Nothing else becomes cash while positions move.
    let released = taker.cash.checked_sub(paid).ok_or(NovateError::MathOverflow)?;
    Ok((funding.0, taker_funding.0, released))
}

fn move_balance(from: &mut Portfolio, taker: &mut Portfolio, balance: &Balance, part: Fraction) -> Result<()> {
    let slice = balance.slice(part)?;
    if slice.is_empty() {
        return Ok(());
    }
    from.take_balance(&slice)?;
    taker.add_balance(&slice)
}

/// The quantity is cut towards zero, the cost, which has the funding owed by then, rounded up for the taker. Returns the funding
/// that both positions were charged.
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
