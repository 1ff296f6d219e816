//! What can be forgiven of an insolvent account where the insurance fund has too little (CLR-32): the losses of its positions, which
//! would otherwise be the taker's, or nobody's.

use anchor_lang::prelude::*;
use novate_margin::dated::option_at;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{Book, Contracts, Fraction, Price, Usd};

use crate::error::NovateError;
use crate::events::ForgivenLoss;
use crate::instrument::{self, expiry_id, market_of, Instrument};
use crate::listed::Listed;
use crate::state::{seconds, Portfolio, Position, MAX_POSITIONS};

/// Amounts by position, in the order of the portfolio. Settlement asset, 1e-6. Not on the heap, which a full account fills.
pub(super) type Shares = [i64; MAX_POSITIONS];
pub(super) const NO_SHARES: Shares = [0; MAX_POSITIONS];

/// Losses of a slice, or of what is left of an account. The most that can be forgiven is their sum, nothing while one is `settling`.
pub(super) struct Losses {
    /// Cost less value, 0 where there is a gain.
    of: Shares,
    pub sum: i64,
    /// One is in a market whose last haircut is not all charged.
    pub settling: bool,
}

impl Losses {
    /// Of the slice of an account whose funding is applied, at the prices of the book that judged it.
    pub fn of(portfolio: &Portfolio, part: Fraction, book: &Book, listed: &Listed, now: i64) -> Result<Self> {
        let mut losses = Self { of: NO_SHARES, sum: 0, settling: false };
        for (position, of) in portfolio.positions().iter().zip(&mut losses.of) {
            let mut whole = *position;
            let slice = whole.cut(part)?;
            let value = value(&slice, book, listed, now)?;
            let loss = Usd(slice.cost).sub(value).map_err(NovateError::from)?.or_zero().0;
            if loss > 0 {
                let round = listed.market(market_of(slice.instrument))?.round;
                losses.settling |= round.stands() && !round.is_open(now);
            }
            *of = loss;
            losses.sum = losses.sum.checked_add(loss).ok_or(NovateError::MathOverflow)?;
        }
        Ok(losses)
    }

    /// Of an account that holds nothing but closed positions with losses.
    pub fn of_bankrupt(portfolio: &Portfolio) -> Result<Self> {
        let mut losses = Self { of: NO_SHARES, sum: 0, settling: false };
        for (position, of) in portfolio.positions().iter().zip(&mut losses.of) {
            *of = position.cost;
            losses.sum = losses.sum.checked_add(*of).ok_or(NovateError::MathOverflow)?;
        }
        Ok(losses)
    }

    /// Divides an amount of at most the sum in proportion to the losses, exactly and none beyond its loss: each takes its part of
    /// what those before it left, so that what remains is never more than the losses that remain.
    pub fn divide(&self, amount: i64) -> Result<Shares> {
        let (mut left, mut losses) = (amount, self.sum);
        let mut shares = NO_SHARES;
        for (share, loss) in shares.iter_mut().zip(&self.of).filter(|(_, loss)| **loss > 0) {
            *share = mul_div_floor(left, *loss, losses).map_err(NovateError::from)?;
            // Neither falls below zero.
            left = left.wrapping_sub(*share);
            losses = losses.wrapping_sub(*loss);
        }
        Ok(shares)
    }
}

/// Takes the shares of what is forgiven into the rounds of their markets. Until these are closed all of it is at stake for deposits.
pub(super) fn forgive(portfolio: &Portfolio, shares: &[i64], listed: &Listed, now: i64) -> Result<Vec<ForgivenLoss>> {
    // Memory that a list outgrows is not given back.
    let mut losses = Vec::with_capacity(shares.iter().filter(|share| **share > 0).count());
    for (position, share) in portfolio.positions().iter().zip(shares).filter(|(_, share)| **share > 0) {
        let mut market = listed.market_mut(market_of(position.instrument))?;
        let underlying = listed.asset(market.asset)?;
        market.forgive(Usd(*share), &underlying, now)?;
        losses.push(ForgivenLoss { instrument: position.instrument, amount: *share });
    }
    let sum =
        losses.iter().try_fold(0i64, |sum, loss| sum.checked_add(loss.amount)).ok_or(NovateError::MathOverflow)?;
    if sum > 0 {
        listed.settlement_mut()?.note_forgiven(sum.unsigned_abs())?;
    }
    Ok(losses)
}

/// What a position is worth at the prices that the account was judged at, rounded down.
fn value(position: &Position, book: &Book, listed: &Listed, now: i64) -> Result<Usd> {
    if position.quantity == 0 {
        return Ok(Usd::ZERO);
    }
    let slot = book.slot_of(position.underlying).and_then(|slot| book.underlyings().get(slot));
    let index = slot.ok_or(NovateError::AssetMissing)?.price;
    let market = market_of(position.instrument);
    let expected = |held, minutes| -> Result<Price> {
        let expiry = listed.expiry(expiry_id(market, minutes))?;
        let decided = listed.asset(position.underlying)?.decided(expiry.time, now)?;
        expiry.worth(held, expiry.expected(decided)?.at(index).map_err(NovateError::from)?)
    };
    let price = match instrument::parse(position.instrument)? {
        Instrument::Perpetual => listed.market(market)?.mark_at(index)?,
        held @ Instrument::Future { minutes } => expected(held, minutes)?,
        // What has expired and waits for its price counts at what that is expected to be.
        held @ Instrument::Option { minutes, .. } if seconds(minutes) <= now => expected(held, minutes)?,
        // A long one lost nothing: it was paid for.
        Instrument::Option { .. } if position.quantity > 0 => Price::ZERO,
        Instrument::Option { minutes, slot, right } => {
            let expiry = listed.expiry(expiry_id(market, minutes))?;
            let asset = listed.asset(position.underlying)?;
            let (spot, facts) = ((index, asset.scan_range), expiry.facts(asset.decided(expiry.time, now)?, now)?);
            option_at(expiry.strike(slot)?, right, spot, facts).map_err(NovateError::from)?.mark
        }
    };
    Ok(Contracts(position.quantity).value_floor(price).map_err(NovateError::from)?)
}
