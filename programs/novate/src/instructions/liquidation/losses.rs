//! What can be forgiven of an insolvent account where the insurance fund has too little (CLR-32): the losses of its positions, which
//! would otherwise be the taker's, or nobody's.

use anchor_lang::prelude::*;
use novate_margin::dated::option_at;
use novate_margin::fixed::mul_div_floor;
use novate_margin::{Book, Contracts, Fraction, Price, Usd};

use crate::error::NovateError;
use crate::events::ForgivenLoss;
use crate::instrument::{self, expiry_id, market_of, minutes_of, Instrument};
use crate::listed::Listed;
use crate::state::{seconds, Portfolio, Position, LEAST_HAIRCUT, MAX_POSITIONS};

/// Amounts by position, in the order of the portfolio. Settlement asset, 1e-6. Not on the heap, which a full account fills.
pub(super) type Shares = [i64; MAX_POSITIONS];
pub(super) const NO_SHARES: Shares = [0; MAX_POSITIONS];

/// Losses of a slice, or of what is left of an account. The most that can be forgiven is their sum.
pub(super) struct Losses {
    /// Cost less value, 0 where there is a gain; what short options owe apart, for who bought them was not paid out of it.
    pub of: Shares,
    options: Shares,
    /// Of losses in markets that were listed lately, what the fund does not pay.
    uninsured: Shares,
    pub sum: i64,
}

impl Losses {
    /// Of the slice of an account whose funding is applied, at the prices of the book that judged it.
    pub fn of(portfolio: &Portfolio, part: Fraction, book: &Book, listed: &Listed, now: i64) -> Result<Self> {
        let mut losses = Self { of: NO_SHARES, options: NO_SHARES, uninsured: NO_SHARES, sum: 0 };
        let places = losses.of.iter_mut().zip(&mut losses.options);
        for (position, (of, option)) in portfolio.positions().iter().zip(places) {
            let mut whole = *position;
            let slice = whole.cut(part)?;
            let value = value(&slice, book, listed, now)?;
            let loss = Usd(slice.cost).sub(value).map_err(NovateError::from)?.or_zero().0;
            *(if is_live_option(&slice, now)? { option } else { of }) = loss;
            losses.sum = losses.sum.checked_add(loss).ok_or(NovateError::MathOverflow)?;
        }
        Ok(losses)
    }

    /// Of an account that holds nothing but closed positions with losses.
    pub fn of_bankrupt(portfolio: &Portfolio) -> Result<Self> {
        let mut losses = Self { of: NO_SHARES, options: NO_SHARES, uninsured: NO_SHARES, sum: 0 };
        for (position, of) in portfolio.positions().iter().zip(&mut losses.of) {
            *of = position.cost;
            losses.sum = losses.sum.checked_add(*of).ok_or(NovateError::MathOverflow)?;
        }
        Ok(losses)
    }

    /// Of `payable`, what losses in markets that are young have of the fund: as much as they lost counts as theirs, in the order of the
    /// portfolio, and the fund pays its part in the market. Counts that there, and returns the sum of what goes beyond it.
    #[inline(never)]
    pub fn insure(&mut self, portfolio: &Portfolio, payable: i64, fund: u64, listed: &Listed, now: i64) -> Result<i64> {
        let (mut left, mut sum) = (payable, 0i64);
        let losses = self.of.iter().zip(&mut self.uninsured);
        for (position, (loss, uninsured)) in portfolio.positions().iter().zip(losses) {
            let theirs = left.min(*loss);
            let index = market_of(position.instrument);
            if theirs <= 0 || !listed.market(index)?.is_young(now) {
                continue;
            }
            let mut market = listed.market_mut(index)?;
            let insured = market.insurable(fund, now).min(theirs.unsigned_abs());
            market.insured = market.insured.saturating_add(insured);
            *uninsured = theirs.saturating_sub(i64::try_from(insured).unwrap_or(i64::MAX));
            sum = sum.saturating_add(*uninsured);
            left = left.wrapping_sub(theirs);
        }
        Ok(sum)
    }

    /// Divides an amount of at most the sum, exactly and none beyond its loss: first what the fund does not pay, then among those for which
    /// others gained what they can be charged, then among options.
    #[inline(never)]
    pub fn divide(&self, amount: i64) -> Result<Shares> {
        let uninsured: i64 = self.uninsured.iter().fold(0, |sum, loss| sum.saturating_add(*loss));
        let mut shares = divide(amount.min(uninsured), &self.uninsured, uninsured)?;
        let (mut of, amount) = (self.of, amount.wrapping_sub(amount.min(uninsured)));
        for (loss, share) in of.iter_mut().zip(&shares) {
            // What is not insured is a part of the loss.
            *loss = loss.wrapping_sub(*share);
        }
        let sum: i64 = of.iter().fold(0, |sum, loss| sum.saturating_add(*loss));
        let first = amount.min(sum);
        for (share, more) in shares.iter_mut().zip(divide(first, &of, sum)?) {
            *share = share.wrapping_add(more);
        }
        let rest = amount.wrapping_sub(first);
        if rest > 0 {
            let written = self.options.iter().fold(0i64, |sum, loss| sum.saturating_add(*loss));
            let options = divide(rest, &self.options, written)?;
            for (share, option) in shares.iter_mut().zip(options) {
                // A position is one or the other.
                *share = share.wrapping_add(option);
            }
        }
        Ok(shares)
    }
}

/// In proportion: each loss takes its part of what those before it left, so that what remains is never more than the losses that
/// remain.
fn divide(amount: i64, of: &Shares, sum: i64) -> Result<Shares> {
    let (mut left, mut losses) = (amount, sum);
    let mut shares = NO_SHARES;
    for (share, loss) in shares.iter_mut().zip(of).filter(|(_, loss)| **loss > 0) {
        *share = mul_div_floor(left, *loss, losses).map_err(NovateError::from)?;
        // Neither falls below zero.
        left = left.wrapping_sub(*share);
        losses = losses.wrapping_sub(*loss);
    }
    Ok(shares)
}

/// Held, and not expired.
fn is_live_option(position: &Position, now: i64) -> Result<bool> {
    let option = matches!(instrument::parse(position.instrument)?, Instrument::Option { .. });
    Ok(option && position.quantity != 0 && seconds(minutes_of(position.instrument)) > now)
}

/// Whether the markets take these shares of what is forgiven now ([`Market::takes`]).
pub(super) fn are_taken(portfolio: &Portfolio, shares: &Shares, listed: &Listed, now: i64) -> Result<bool> {
    let mut forgiven = portfolio.positions().iter().zip(shares).filter(|(_, share)| **share > 0).peekable();
    while let Some((position, share)) = forgiven.next() {
        let (market, mut sum) = (market_of(position.instrument), Usd(*share));
        // Positions are in the order of their markets.
        while let Some((_, share)) = forgiven.next_if(|(position, _)| market_of(position.instrument) == market) {
            sum = sum.add(Usd(*share)).map_err(NovateError::from)?;
        }
        let market = listed.market(market)?;
        if !market.takes(sum, &*listed.asset(market.asset)?, now)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes the shares of what is forgiven into the rounds of their markets. Until these are closed all that they take in is at stake for
/// deposits. Where insurance is so `short` that it may come to a haircut worth a round, one is opened, or anew, in the markets of what is
/// `lost` beside it too; where that has to wait, refuses a `taker` that holds anything in the market: a gain of its own would be paid by
/// the slice, and bear nothing of what is forgiven then. One that holds nothing there takes the account.
pub(super) fn forgive(
    (portfolio, taker): (&Portfolio, Option<&Portfolio>),
    (shares, lost): (&Shares, &Shares),
    short: u64,
    listed: &Listed,
    now: i64,
) -> Result<Vec<ForgivenLoss>> {
    let urgent = short >= LEAST_HAIRCUT.0.unsigned_abs();
    // Memory that a list outgrows is not given back.
    let count = shares.iter().zip(lost).filter(|(share, lost)| **share > 0 || **lost > 0).count();
    let (mut losses, mut sum) = (Vec::with_capacity(count), Usd::ZERO);
    for (position, (share, lost)) in portfolio.positions().iter().zip(shares.iter().zip(lost)) {
        if *share <= 0 && (*lost <= 0 || !urgent) {
            continue;
        }
        let mut market = listed.market_mut(market_of(position.instrument))?;
        let (underlying, before) = (listed.asset(market.asset)?, market.round.number);
        if urgent && !market.takes(Usd::ZERO, &underlying, now)? {
            let index = market.index;
            let holds = taker.is_some_and(|taker| taker.positions().iter().any(|p| market_of(p.instrument) == index));
            require!(!holds, NovateError::HaircutSettling);
        }
        let taken = market.forgive(Usd(*share), urgent, &underlying, now)?;
        sum = sum.add(taken.unwrap_or(Usd::ZERO)).map_err(NovateError::from)?;
        if *share > 0 || market.round.number != before {
            let round = if taken.is_some() { market.round.number } else { 0 };
            losses.push(ForgivenLoss { instrument: position.instrument, amount: *share, round });
        }
    }
    if sum > Usd::ZERO {
        listed.settlement_mut()?.note_forgiven(sum.0.unsigned_abs())?;
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
