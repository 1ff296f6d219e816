//! The liquidators of a window: they start auctions, bid when the discount pays for the risk, or insurance does, and lay the
//! risk off with the market maker. What they do is the demo's rule ([`crate::demo::liquidator`]); asleep they do nothing.

use anyhow::Result;
use novate_client::instructions as ix;
use novate_client::state::Portfolio;
use novate_client::Snapshot;
use novate_margin::{auction, is_liquidatable, Fraction, Seconds};

use super::book::BIDDERS;
use super::pool::{unless, Pool};
use crate::demo::liquidator::{worthwhile, REWARD};

/// Seconds between two looks at an auction, and how long they stay at it: until the discount is everything.
const LOOK: i64 = 60;
const WAIT: i64 = auction::FAST_END.0;
/// Where a price is stale nobody knows what an account is worth: they wait for so many seconds of discount.
const BLIND: i64 = 600;

/// What became of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    pub auctions: u32,
    pub slices: u32,
    /// Part of the account that bidders have taken in all, 1e-9.
    pub taken: i64,
}

/// Starts what must be auctioned, bids for up to an hour, and ends what is back. Says whether anything happened.
pub fn work(pool: &mut Pool, fates: &mut [Fate]) -> Result<bool> {
    let mut acted = open_and_end(pool, fates)?;
    let start = pool.chain.now();
    if anyone_short(pool)? {
        // An auction starts where the average of the last minute is too low as well (CLR-42).
        pool.advance(start + LOOK)?;
        acted |= open_and_end(pool, fates)?;
    }
    while anything_for_sale(pool)? && pool.chain.now() < start + WAIT {
        for seat in 0..pool.seats.len() {
            if pool.portfolio(seat)?.in_auction() {
                bid(pool, seat, fates)?;
            }
        }
        let next = pool.chain.now() + LOOK;
        pool.advance(next)?;
        open_and_end(pool, fates)?;
        acted = true;
    }
    Ok(acted)
}

/// The chain decides who is put up, anew where an account has crossed zero, and who is back. Says whether anyone is.
fn open_and_end(pool: &mut Pool, fates: &mut [Fate]) -> Result<bool> {
    let (mut acted, snapshot) = (false, pool.snapshot()?);
    for (seat, fate) in fates.iter_mut().enumerate() {
        let (portfolio, now) = (pool.portfolio(seat)?, pool.chain.now());
        let was = portfolio.in_auction();
        if !was && snapshot.health(&portfolio, now).is_ok_and(|health| !is_liquidatable(&health)) {
            continue;
        }
        let holdings = pool.holdings(&[seat])?;
        let (keys, portfolio) = (pool.keys(), pool.seats[seat].portfolio);
        let start = ix::start_auction(keys, portfolio, &holdings);
        // An average far behind the price lasts no longer than its minute.
        let early = ["NotLiquidatable", "AuctionRunning", "PriceStale", "SoundOnAverage", "ChainShifted"];
        let started = unless(pool.by_anyone(start), &early)?;
        fate.auctions += u32::from(started && !was);
        acted |= started;
        if was && !started {
            let end = ix::end_auction(keys, portfolio, &holdings);
            acted |= unless(pool.by_anyone(end), &["StillLiquidatable", "PriceStale"])?;
        }
    }
    Ok(acted)
}

/// Somebody must be put up and is not.
fn anyone_short(pool: &Pool) -> Result<bool> {
    let (snapshot, now) = (pool.snapshot()?, pool.chain.now());
    for seat in 0..pool.seats.len() {
        let portfolio = pool.portfolio(seat)?;
        if !portfolio.in_auction() && snapshot.health(&portfolio, now).is_ok_and(|health| is_liquidatable(&health)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An auction in which something is worth something, or whose taker is paid.
fn anything_for_sale(pool: &Pool) -> Result<bool> {
    let snapshot = pool.snapshot()?;
    for seat in 0..pool.seats.len() {
        let portfolio = pool.portfolio(seat)?;
        let worth = snapshot.health(&portfolio, pool.chain.now()).map_or(1, |health| health.equity.0);
        if portfolio.in_auction() && (portfolio.payable() > 0 || worth > 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How much of an account a bidder tries to take, and the least it wants for it, as the instruction's limit.
fn offers(pool: &Pool, snapshot: &Snapshot, portfolio: &Portfolio) -> Result<Vec<(i64, Option<i64>)>> {
    let elapsed = Seconds(pool.chain.now() - portfolio.auction_start);
    let health = snapshot.health(portfolio, pool.chain.now());
    if portfolio.auction_insolvent == 0 {
        let goes = health.map_or(elapsed.0 >= BLIND, |health| worthwhile(&health, auction::discount(elapsed)));
        let shares = if goes { &[1, 4, 16][..] } else { &[] };
        return Ok(shares.iter().map(|share| (Fraction::ONE.0 / share, None)).collect());
    }
    let Ok(health) = health else { return Ok(Vec::new()) };
    let all = Fraction::ONE;
    let owed = auction::payout_floor(health.equity, health.maintenance, all, auction::premium(elapsed))?.0;
    // In units of the settlement asset, which may be worth less than a dollar: more of them are paid.
    let price = i128::from(pool.asset(0)?.price.0);
    let units = |usd: i64| i64::try_from(i128::from(usd) * 1_000_000_000 / price);
    let payout = units(owed)?.min(portfolio.payable().try_into()?);
    let gain = i128::from(payout) * price / 1_000_000_000 + i128::from(health.equity.0);
    let goes = gain * 1_000_000 >= i128::from(health.gross_notional.0) * REWARD;
    Ok(if goes { vec![(all.0, Some(-payout))] } else { Vec::new() })
}

/// The first bidder that has the means takes what is offered; next time the other comes first.
fn bid(pool: &mut Pool, seat: usize, fates: &mut [Fate]) -> Result<()> {
    let offers = offers(pool, &pool.snapshot()?, &pool.portfolio(seat)?)?;
    let turn = fates.iter().map(|f| f.slices as usize).sum::<usize>() % BIDDERS.len();
    for at in 0..BIDDERS.len() {
        let taker = pool.seat(BIDDERS[(turn + at) % BIDDERS.len()])?;
        if taker == seat {
            continue;
        }
        for (fraction, limit) in &offers {
            let (cash, size) = (pool.portfolio(taker)?.cash, size(&pool.portfolio(seat)?));
            let limit = limit.unwrap_or(cash);
            let holdings = pool.holdings(&[seat, taker])?;
            let portfolio = pool.seats[seat].portfolio;
            let bid = ix::liquidate(pool.keys(), portfolio, pool.side(taker), &holdings, *fraction, limit);
            if pool.charging(Some(seat), |pool| unless(pool.by_owner(taker, bid), LOST))? {
                let fate = &mut fates[seat];
                fate.slices += 1;
                fate.taken = taken(fate.taken, size, self::size(&pool.portfolio(seat)?));
                pool.check()?;
                return pool.lay_off(taker);
            }
        }
    }
    Ok(())
}

/// What shrinks in proportion with a slice: the largest of quantities, tokens and cash.
fn size(portfolio: &Portfolio) -> u64 {
    let quantities = portfolio.positions().iter().map(|p| p.quantity.unsigned_abs());
    let tokens = portfolio.balances().iter().map(|b| b.tokens.max(b.loan));
    quantities.chain(tokens).max().unwrap_or(portfolio.cash.unsigned_abs())
}

/// Parts of what was left, one after the other.
fn taken(taken: i64, before: u64, after: u64) -> i64 {
    let left = i128::from(Fraction::ONE.0 - taken) * i128::from(after) / i128::from(before.max(1));
    Fraction::ONE.0 - i64::try_from(left).unwrap_or_default()
}

/// What may stand in the way of a bid.
const LOST: &[&str] = &[
    "BelowInitialMargin",
    "InsufficientCash",
    "PriceLimit",
    "NotLiquidatable",
    "Insolvent",
    "AuctionLapsed",
    "PriceStale",
    "InAuction",
    "InsuranceExhausted",
    "HaircutSettling",
    "ChainStale",
    "ChainShifted",
    "UnsettledGains",
    "ChainNotCurrent",
];
