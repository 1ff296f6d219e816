use anchor_lang::prelude::*;
use novate_margin::dated::Carry;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::fund::Drawn;
use novate_margin::{auction, is_liquidatable, Fraction, Health, Price, Seconds, Usd};

use crate::error::NovateError;
use crate::events::{Liquidated, EVENT_VERSION};
use crate::health::{Examiner, PriceAge};
use crate::instrument::{self, market_of, minutes_of, Instrument};
use crate::listed::Listed;
use crate::state::{Balance, Insurance, Pool, Portfolio, Position, Scenarios};

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
/// 1. Refuses where no auction runs, or the account is at or above maintenance margin, or its equity has crossed zero since
///    the auction began.
/// 2. With equity above zero, the slice is at most `fraction` (1e-9) and what restores the account; its price is the equity
///    of the slice less the discount of the time, in settlement asset.
/// 3. With equity at zero or below, the slice is `fraction`; insurance pays what it lacks and the premium of the time, at
///    most what is left of the reserve and of the fund. The price is this payout, negative.
/// 4. Either way the price is at most `limit`. One above zero is of a bid for a solvent account: in an insolvent auction it is
///    refused, or a bidder for a slice could end up with a whole account and its debts.
/// 5. Moves the slice of cash, of every balance and of every position; then the taker pays, or is paid: capital first, then
///    stake (CLR-32).
/// 6. The taker must meet initial margin. The auction ends where the account is back at maintenance margin, or nothing is
///    left of it.
/// 7. Emits [`Liquidated`].
pub(crate) fn liquidate<'info>(ctx: Context<'info, Liquidate<'info>>, fraction: i64, limit: i64) -> Result<()> {
    let now = Clock::get()?.unix_timestamp;
    let accounts = &ctx.accounts;
    let pool = accounts.pool.load()?;
    let scenarios = accounts.scenarios.load()?;
    let mut portfolio = accounts.portfolio.load_mut()?;
    let mut taker = accounts.taker.load_mut()?;
    let mut insurance = accounts.insurance.load_mut()?;
    taker.require_trader(accounts.signer.key, now)?;
    require!(!taker.in_auction(), NovateError::InAuction);
    require!(portfolio.in_auction(), NovateError::NoAuction);
    require!(portfolio.position_count > 0, NovateError::NotLiquidatable);
    require!(fraction > 0 && fraction <= Fraction::ONE.0, NovateError::InvalidFraction);

    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    let before = examiner.health(&portfolio, PriceAge::OfAsset, Carry::Owner)?;
    require!(is_liquidatable(&before), NovateError::NotLiquidatable);
    let insolvent = before.equity <= Usd::ZERO;
    require!((portfolio.auction_insolvent != 0) == insolvent, NovateError::Insolvent);
    let settlement = listed.settlement()?.price;
    let bid = if insolvent {
        require!(limit <= 0, NovateError::LimitAboveZero);
        size_up_insolvent(&before, &portfolio, &insurance, Fraction(fraction), (now, settlement), limit)?
    } else {
        let elapsed = Seconds(now.saturating_sub(portfolio.auction_start));
        size_up(&before, elapsed, Fraction(fraction), settlement)?
    };
    require!(bid.price <= limit, NovateError::PriceLimit);

    move_slice(&mut portfolio, &mut taker, &bid, &listed, now)?;
    let drawn = if insolvent { pay(&mut portfolio, &mut insurance, &bid, &listed)? } else { Drawn::default() };
    portfolio.next_sequence();
    taker.next_sequence();

    let taken = examiner.health(&taker, PriceAge::OfAsset, Carry::Central)?;
    examiner.require_current_values()?;
    require!(taken.meets_initial(), NovateError::BelowInitialMargin);
    let after = examiner.health(&portfolio, PriceAge::OfAsset, Carry::Owner)?;
    if !is_liquidatable(&after) {
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
        equity_after: after.equity.0,
        maintenance_after: after.maintenance.0,
        restored: !portfolio.in_auction(),
        from_capital: drawn.capital,
        from_stake: drawn.staked,
        deficit: bid.deficit,
        stake_ended: drawn.ended,
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

/// Assets are rounded down and debts up for the taker. The taker pays after the slice's own cash has arrived; what insurance
/// pays it comes from outside of the portfolio.
fn move_slice(portfolio: &mut Portfolio, taker: &mut Portfolio, bid: &Bid, listed: &Listed, now: i64) -> Result<()> {
    let cash = slice_floor(portfolio.cash, bid.fraction)?;
    taker.credit_cash(cash)?;
    require!(taker.cash >= bid.price, NovateError::InsufficientCash);
    taker.credit_cash(bid.price.saturating_neg())?;
    portfolio.credit_cash(bid.price.max(0).checked_sub(cash).ok_or(NovateError::MathOverflow)?)?;

    let (balances, count) = (portfolio.balances, usize::from(portfolio.balance_count));
    for balance in balances.iter().take(count) {
        move_balance(portfolio, taker, balance, bid.fraction)?;
    }
    for at in 0..usize::from(portfolio.position_count) {
        let position = portfolio.positions.get_mut(at).ok_or(NovateError::NoPosition)?;
        move_position(position, taker, bid.fraction, listed, now)?;
    }
    portfolio.free_empty_positions();
    taker.free_empty_positions();
    taker.require_within_limits()
}

fn move_balance(from: &mut Portfolio, taker: &mut Portfolio, balance: &Balance, part: Fraction) -> Result<()> {
    let shares = slice_floor(balance.shares, part)?;
    if shares == 0 {
        return Ok(());
    }
    from.debit_shares(balance.asset, shares)?;
    let Balance { asset, underlying, redemption_underlying, .. } = *balance;
    taker.credit_shares(Balance { asset, underlying, redemption_underlying, shares, ..Balance::default() })
}

/// The quantity is cut towards zero, the cost rounded up for the taker.
fn move_position(
    position: &mut Position,
    taker: &mut Portfolio,
    part: Fraction,
    listed: &Listed,
    now: i64,
) -> Result<()> {
    let slice = position.cut(part)?;
    if slice.is_empty() {
        return Ok(());
    }
    let held = taker.position_entry(slice.instrument, slice.underlying, now)?;
    let released = held.release_pending(now);
    let from = held.quantity;
    held.absorb(&slice)?;
    let to = held.quantity;
    taker.credit_cash(released)?;
    if slice.quantity != 0 {
        let left = position.quantity;
        let had = left.checked_add(slice.quantity).ok_or(NovateError::MathOverflow)?;
        let index = market_of(slice.instrument);
        match instrument::parse(slice.instrument)? {
            Instrument::Perpetual => {
                let mut market = listed.market_mut(index)?;
                market.move_open_interest(had, left)?;
                market.move_open_interest(from, to)?;
            }
            dated => {
                let mut expiry = listed.expiry_mut(index, minutes_of(slice.instrument))?;
                expiry.move_open_interest(dated, had, left)?;
                expiry.move_open_interest(dated, from, to)?;
            }
        }
    }
    Ok(())
}

fn slice_floor(amount: i64, part: Fraction) -> Result<i64> {
    Ok(Usd(amount).slice_floor(part).map_err(NovateError::from)?.0)
}
