use anchor_lang::prelude::*;
use novate_margin::dated::Carry;
use novate_margin::fixed::mul_div_ceil;
use novate_margin::{auction, is_liquidatable, Fraction, Health, Price, Seconds, Usd};

use crate::error::NovateError;
use crate::events::{Liquidated, EVENT_VERSION};
use crate::health::{Examiner, PriceAge};
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
/// 1. Refuses where no auction runs, or the account is at or above maintenance margin, or is insolvent or was when the
///    auction began.
/// 2. The slice: at most `fraction` (1e-9), at most what restores the account. Its price: equity of the slice less the
///    discount of the time, in settlement asset, at most `limit`.
/// 3. Moves the slice of cash, of every balance and of every position; then the taker pays.
/// 4. The taker must meet initial margin. The auction ends where what the slice leaves ([`auction::left_by`]) is back at
///    maintenance margin.
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
    require!(portfolio.position_count > 0, NovateError::NotLiquidatable);
    require!(fraction > 0 && fraction <= Fraction::ONE.0, NovateError::InvalidFraction);

    let listed = Listed::new(&portfolio.pool, ctx.remaining_accounts)?;
    let mut examiner = Examiner::new(&listed, &pool, &scenarios, now);
    let before = examiner.health(&portfolio, PriceAge::OfAsset, Carry::Owner)?;
    require!(portfolio.auction_insolvent == 0 || !is_liquidatable(&before), NovateError::Insolvent);
    let elapsed = Seconds(now.saturating_sub(portfolio.auction_start));
    let settlement = listed.settlement()?.price;
    let bid = size_up(&before, elapsed, Fraction(fraction), settlement)?;
    require!(bid.price <= limit, NovateError::PriceLimit);
    let grain = examiner.book().grain(portfolio.balances().len().saturating_add(portfolio.positions().len()));
    let (equity, maintenance) = left(&before, &bid, settlement, grain.map_err(NovateError::from)?)?;

    move_slice(&mut portfolio, &mut taker, &bid, &listed, now)?;
    portfolio.next_sequence();
    taker.next_sequence();

    let taken = examiner.health(&taker, PriceAge::OfAsset, Carry::Central)?;
    examiner.require_current_values()?;
    require!(taken.meets_initial(), NovateError::BelowInitialMargin);
    portfolio.leave_auction_if(equity >= maintenance);

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

/// Equity that the bid leaves at least, and maintenance margin that it leaves at most.
fn left(before: &Health, bid: &Bid, settlement: Price, grain: Usd) -> Result<(Usd, Usd)> {
    let paid = Usd(bid.price).at_price_floor(settlement).map_err(NovateError::from)?;
    let health = (before.equity, before.maintenance);
    Ok(auction::left_by(health, bid.fraction, paid, grain).map_err(NovateError::from)?)
}

/// Assets are rounded down and debts up for the taker. The taker pays after the slice's own cash has arrived.
fn move_slice(portfolio: &mut Portfolio, taker: &mut Portfolio, bid: &Bid, listed: &Listed, now: i64) -> Result<()> {
    let cash = slice_floor(portfolio.cash, bid.fraction)?;
    taker.credit_cash(cash)?;
    require!(taker.cash >= bid.price, NovateError::InsufficientCash);
    taker.credit_cash(bid.price.saturating_neg())?;
    portfolio.credit_cash(bid.price.checked_sub(cash).ok_or(NovateError::MathOverflow)?)?;

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

/// The quantity is cut towards zero; the cost follows the quantity that moves, rounded up for the taker.
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
