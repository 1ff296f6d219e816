use std::cell::RefMut;

use anchor_lang::prelude::*;
use novate_margin::fixed::{mul_div_ceil, mul_div_floor};
use novate_margin::{auction, is_liquidatable, Fraction, Health, Price, Seconds, Usd};

use super::losses::{are_taken, forgive, Losses, Shares, NO_SHARES};
use crate::error::NovateError;
use crate::events::{emit, Liquidated, PositionBorne, EVENT_VERSION};
use crate::health::{Examiner, Prices};
use crate::instrument::{self, expiry_of, market_of, minutes_of, Instrument};
use crate::listed::Listed;
use crate::state::{
    held_back, signed, Action, Asset, Balance, Borne, Covered, Insurance, Market, Pool, Portfolio, Position, Scenarios,
    MAX_POSITIONS,
};

/// A bid in an auction. The owner or delegate of the taker signs. Behind the instruction stand the assets, markets and
/// expiries that either portfolio holds, each once; the markets of the liquidated portfolio's positions and the expiries of its
/// futures and options writable, and the settlement asset.
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

/// A bid's size and its price in settlement asset, rounded up: what the taker pays, or less than zero, what it is paid: out of
/// insurance, and by what is forgiven in the costs that it takes over.
struct Bid {
    fraction: Fraction,
    price: i64,
    /// Of the payout, by position of the account, and all of it.
    shares: Shares,
    forgiven: i64,
    /// Equity below zero that goes with the slice, settlement asset, rounded up.
    deficit: u64,
}

impl Bid {
    /// What the taker pays in cash, or less than zero, is paid by insurance.
    fn cash(&self) -> Result<i64> {
        Ok(self.price.checked_add(self.forgiven).ok_or(NovateError::MathOverflow)?)
    }
}

/// Takes a slice of the whole account (CLR-30, CLR-31).
///
/// 1. Accrues funding in the markets of the account's perpetuals (CLR-11). Refuses where no auction runs, or the account is
///    at or above maintenance margin, or its equity has crossed zero since the auction began. Each of its positions bears its part in
///    a haircut of the market (CLR-32), then each of those perpetuals the funding that it owes.
/// 2. With equity above zero, within an hour of the start, the slice is at most `fraction` (1e-9) and what restores the account; its price is the equity
///    of the slice less the discount of the time, in settlement asset.
/// 3. With equity at zero or below, the slice is `fraction`; the taker is paid what it lacks and the premium of the time, at
///    most what is left of the reserve. What the fund lacks of that is forgiven in the costs of the slice's positions, as far
///    as they are losses, in proportion to these, and opens a haircut of the gains of their markets; what these losses lack is
///    taken from all settlement deposits (CLR-32). Of losses in markets listed in the last two weeks what goes beyond the fund's part in
///    them is forgiven first ([`Losses::insure`]). The price is all of it together, negative. Where the fund is short of what is
///    reserved, rounds are opened in all markets in which the account lost, forgiven or not, so that no taker's gain is paid by the slice.
///    The account itself bears nothing in rounds that are open.
/// 4. Either way the price is at most `limit`. One above zero is of a bid for a solvent account: in an insolvent auction it is
///    refused, or a bidder for a slice could end up with a whole account and its debts.
/// 5. Raises what is not forgiven: capital first, then stake, then all cash but the account's own, which stands for its losses as it
///    is, and lenders of the settlement asset, pro rata (CLR-32). Moves the slice of cash, of every balance and of every position,
///    once the taker's position bore its part in a haircut and the funding it owes; then the taker pays, or is paid. What is held
///    back in the slice's cash is held back with the taker.
/// 6. The taker must meet initial margin, with a loan without unsettled gains (MRG-45), and without those that a
///    haircut may take (CLR-32). The auction ends where what the slice leaves ([`auction::left_by`]) is back at maintenance
///    margin, no price being stale, or nothing is left of it.
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
    let (settlement, shortage) = {
        let asset = listed.settlement()?;
        (asset.price, asset.shortage)
    };
    let (borne, taker_borne) = (Vec::new(), Vec::new());
    let has_rounds = listed.has_rounds();
    let mut sides = Sides { insolvent, has_rounds, shortage, now, released: 0, borne, taker_borne };
    let funding = sides.prepare(&mut portfolio, &listed)?;
    let bid = if insolvent {
        require!(limit <= 0, NovateError::LimitAboveZero);
        // Of what cash is worth whole units may be cut off: before it is counted what deposits have.
        portfolio.bear(&mut *listed.settlement_mut()?)?;
        let losses = |part| Losses::of(&portfolio, part, examiner.book(), &listed, now);
        let raised = (&*insurance, &listed, losses);
        size_up_insolvent(&before, &portfolio, raised, Fraction(fraction), (now, settlement), limit)?
    } else {
        let elapsed = Seconds(now.saturating_sub(portfolio.auction_start));
        require!(elapsed < auction::FAST_END, NovateError::AuctionLapsed);
        size_up(&before, elapsed, Fraction(fraction), settlement)?
    };
    require!(bid.price <= limit, NovateError::PriceLimit);
    let (equity, maintenance) = left(&before, &bid, settlement, examiner.grain(&portfolio)?)?;

    let mut losses = Vec::new();
    if insolvent && (insurance.shortage() > 0 || bid.forgiven > 0) {
        // Before anything moves: else a taker's gain is paid by the slice, and what the fund lacks in the end by others' (CLR-32).
        let lost = match insurance.shortage() {
            0 => NO_SHARES,
            _ => Losses::of(&portfolio, Fraction::ONE, examiner.book(), &listed, now)?.of,
        };
        // What may be lacking of others, or of what is left of this one.
        let own = if bid.fraction == Fraction::ONE { portfolio.payable() } else { 0 };
        let short = insurance.shortage().saturating_sub(own);
        losses = forgive((&portfolio, Some(&taker)), (&bid.shares, &lost), short, &listed, now)?;
        sides.has_rounds = true;
        sides.prepare(&mut portfolio, &listed)?;
    }
    let covered = if insolvent { pay(&mut portfolio, &mut insurance, &bid, &listed)? } else { Covered::default() };
    let taker_funding = sides.move_slice(&mut portfolio, &mut taker, &bid, &listed)?;
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
    listed.note_shortage(&insurance)?;

    let event = Liquidated {
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
        from_capital: covered.drawn.capital,
        from_stake: covered.drawn.staked,
        deficit: bid.deficit,
        stake_ended: covered.drawn.ended,
        funding_indices,
        cash: portfolio.cash,
        taker_cash: taker.cash,
        taker_released: sides.released,
        released: reserve_released,
        forgiven: bid.forgiven.unsigned_abs(),
        losses,
        borne: sides.borne,
        taker_borne: sides.taker_borne,
        from_deposits: covered.deposits,
    };
    emit(&event, &accounts.event_authority)
}

fn size_up(health: &Health, elapsed: Seconds, asked: Fraction, settlement: Price) -> Result<Bid> {
    let discount = auction::discount(elapsed);
    let most = auction::max_fraction(health.equity, health.maintenance, discount).map_err(NovateError::from)?;
    let fraction = asked.min(most);
    let usd = auction::price_ceil(health.equity, fraction, discount).map_err(NovateError::from)?;
    let price = mul_div_ceil(usd.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    Ok(Bid { fraction, price, shares: NO_SHARES, forgiven: 0, deficit: 0 })
}

/// Equity that the bid leaves at least, and maintenance margin that it leaves at most. What insurance pays is the taker's.
fn left(before: &Health, bid: &Bid, settlement: Price, grain: Usd) -> Result<(Usd, Usd)> {
    let paid = Usd(bid.price).or_zero().at_price_floor(settlement).map_err(NovateError::from)?;
    let health = (before.equity, before.maintenance);
    Ok(auction::left_by(health, bid.fraction, paid, grain).map_err(NovateError::from)?)
}

/// What deposits but for the account's own, which has borne all haircuts, can pay.
fn deposits_of_others(portfolio: &Portfolio, settlement: &Asset) -> Result<i64> {
    let deposits = settlement.chargeable()?.saturating_sub(portfolio.cash.unsigned_abs());
    Ok(i64::try_from(deposits).unwrap_or(i64::MAX))
}

/// Any fraction. Amounts are converted from USD to settlement asset at its price. A bid that accepts less than it is owed is
/// paid less where the reserve has less (CLR-31), or fund, losses and deposits together (CLR-32).
fn size_up_insolvent(
    health: &Health,
    portfolio: &Portfolio,
    (insurance, listed, losses): (&Insurance, &Listed, impl FnOnce(Fraction) -> Result<Losses>),
    fraction: Fraction,
    (now, settlement): (i64, Price),
    limit: i64,
) -> Result<Bid> {
    let premium = auction::premium(Seconds(now.saturating_sub(portfolio.auction_start)));
    let usd = auction::payout_floor(health.equity, health.maintenance, fraction, premium).map_err(NovateError::from)?;
    let owed = mul_div_floor(usd.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    let payable = i64::try_from(portfolio.payable()).unwrap_or(i64::MAX).min(owed);
    let held = u64::try_from(insurance.fund().total()).unwrap_or(u64::MAX);
    let mut lacks = payable.saturating_sub(i64::try_from(held).unwrap_or(i64::MAX)).max(0);
    let (mut forgiven, mut deposits, mut shares, mut settling) = (0, 0, NO_SHARES, false);
    let young = listed.has_young()?;
    if lacks > 0 || young {
        let mut losses = losses(fraction)?;
        if young {
            lacks = lacks.max(losses.insure(portfolio, payable, held, listed, now)?);
        }
        forgiven = lacks.min(losses.sum);
        shares = losses.divide(forgiven)?;
        settling = !are_taken(portfolio, &shares, listed, now)?;
        if settling {
            (forgiven, shares) = (0, NO_SHARES);
        } else {
            deposits = lacks.saturating_sub(forgiven).min(deposits_of_others(portfolio, &*listed.settlement()?)?);
        }
    }
    let raised = payable.saturating_sub(lacks).checked_add(forgiven).and_then(|sum| sum.checked_add(deposits));
    let payout = raised.ok_or(NovateError::MathOverflow)?;
    let price = payout.checked_neg().ok_or(NovateError::MathOverflow)?;
    require!(price <= limit || !settling, NovateError::HaircutSettling);
    require!(price <= limit || payout == payable, NovateError::InsuranceExhausted);
    let lacking = health.equity.neg().and_then(|d| d.slice_ceil(fraction)).map_err(NovateError::from)?;
    let deficit = mul_div_ceil(lacking.0, Price::ONE.0, settlement.0).map_err(NovateError::from)?;
    Ok(Bid { fraction, price, shares, forgiven, deficit: deficit.unsigned_abs() })
}

/// The payout leaves the reserve, and what is not forgiven of it is raised. Where deposits pay, the account's own cash does not: it
/// is part of the equity that the payout is made of.
fn pay(portfolio: &mut Portfolio, insurance: &mut Insurance, bid: &Bid, listed: &Listed) -> Result<Covered> {
    let payout = bid.price.unsigned_abs();
    let cash = bid.cash()?.unsigned_abs();
    let mut settlement = listed.settlement_mut()?;
    portfolio.auction_paid = portfolio.auction_paid.checked_add(payout).ok_or(NovateError::MathOverflow)?;
    insurance.release(payout)?;
    if u128::from(cash) <= insurance.fund().total() {
        return insurance.cover(&mut settlement, cash, bid.deficit);
    }
    portfolio.renounce(&mut settlement)?;
    let own = portfolio.cash;
    portfolio.move_cash(&mut settlement, own.saturating_neg())?;
    let covered = insurance.cover(&mut settlement, cash, bid.deficit)?;
    portfolio.move_cash(&mut settlement, own)?;
    Ok(covered)
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

/// The two portfolios on their way from one to the other.
struct Sides {
    /// The account has no equity.
    insolvent: bool,
    /// In one of the markets a round of haircuts may stand: every position is looked at, not those alone that funding accrues for.
    has_rounds: bool,
    /// What reserves exceed the insurance fund by.
    shortage: u64,
    now: i64,
    /// Gains of the taker's that became cash.
    released: i64,
    /// What positions of either bore of haircuts.
    borne: Vec<PositionBorne>,
    taker_borne: Vec<PositionBorne>,
}

impl Sides {
    /// Has every position of the account bear its part in a haircut, without equity only in one that is over, and charges it the
    /// funding that it owes, which is returned.
    fn prepare(&mut self, portfolio: &mut Portfolio, listed: &Listed) -> Result<i64> {
        let mut funding = Usd::ZERO;
        let mut markets = Written::new(listed);
        let count = usize::from(portfolio.position_count);
        for position in portfolio.positions.iter_mut().take(count) {
            if !self.has_rounds && !is_funded(position) {
                continue;
            }
            let market = markets.market(market_of(position.instrument))?;
            if self.insolvent && market.round.is_open(self.now) {
                market.exempt(position)?;
            } else if market.round.stands() {
                let bore = bear(position, market, listed, self.now)?;
                Borne::note(bore, position.instrument, count, &mut self.borne);
            }
            if is_funded(position) {
                funding = funding.add(market.apply_funding(position)?).map_err(NovateError::from)?;
            }
        }
        Ok(funding.0)
    }

    /// Assets are rounded down and debts up for the taker. The taker pays after the slice's own cash has arrived; what insurance
    /// pays it comes from outside of the portfolio. Returns the funding that the taker's positions were charged.
    fn move_slice(
        &mut self,
        portfolio: &mut Portfolio,
        taker: &mut Portfolio,
        bid: &Bid,
        listed: &Listed,
    ) -> Result<i64> {
        let settlement = &mut *listed.settlement_mut()?;
        portfolio.bear(settlement)?;
        taker.bear(settlement)?;
        let (cash, price) = (slice_floor(portfolio.cash, bid.fraction)?, bid.cash()?);
        let left = portfolio.cash.checked_sub(cash).ok_or(NovateError::MathOverflow)?;
        portfolio.pass_hold(taker, |amount| Ok(slice_floor(signed(amount)?, bid.fraction)?.unsigned_abs()))?;
        let rest = portfolio.cash.checked_sub(left).ok_or(NovateError::MathOverflow)?;
        taker.move_cash(settlement, rest)?;
        require!(taker.free_cash() >= price, NovateError::InsufficientCash);
        taker.move_cash(settlement, price.saturating_neg())?;
        portfolio.move_cash(settlement, price.max(0).checked_sub(rest).ok_or(NovateError::MathOverflow)?)?;

        let (balances, count) = (portfolio.balances, usize::from(portfolio.balance_count));
        for balance in balances.iter().take(count) {
            move_balance(portfolio, taker, balance, bid.fraction)?;
        }
        let mut funding = Usd::ZERO;
        let mut markets = Written::new(listed);
        for at in 0..usize::from(portfolio.position_count) {
            let position = portfolio.positions.get_mut(at).ok_or(NovateError::NoPosition)?;
            let funded = is_funded(position);
            let mut slice = position.cut(bid.fraction)?;
            match bid.shares.get(at) {
                Some(forgiven) if *forgiven != 0 => slice.add_cost(forgiven.saturating_neg())?,
                _ => {}
            }
            if slice.is_empty() {
                continue;
            }
            let market =
                if self.has_rounds || funded { Some(markets.market(market_of(slice.instrument))?) } else { None };
            let owed = self.move_position((position.quantity, &slice, funded), taker, market, listed)?;
            funding = funding.add(owed).map_err(NovateError::from)?;
        }
        taker.move_cash(settlement, self.released)?;
        portfolio.free_empty_positions();
        taker.free_empty_positions();
        taker.require_within_limits()?;
        Ok(funding.0)
    }

    /// The taker's position bears its part in a haircut and its funding first: where there may be either, with the market. Returns the
    /// funding.
    fn move_position(
        &mut self,
        (left, slice, funded): (i64, &Position, bool),
        taker: &mut Portfolio,
        mut market: Option<&mut Market>,
        listed: &Listed,
    ) -> Result<Usd> {
        let held = taker.position_entry(slice.instrument, slice.underlying, self.now)?;
        let mut held_back = held_back(self.shortage);
        if let Some(market) = market.as_deref_mut().filter(|market| market.round.stands()) {
            let bore = bear(held, market, listed, self.now)?;
            Borne::note(bore, slice.instrument, MAX_POSITIONS, &mut self.taker_borne);
            held_back = market.holds_back(self.shortage, self.now);
        }
        let released = held.release_pending(self.now, held_back);
        self.released = self.released.checked_add(released).ok_or(NovateError::MathOverflow)?;
        let funding = match market.as_deref_mut() {
            Some(market) if funded => market.apply_funding(held)?,
            _ => Usd::ZERO,
        };
        let from = held.quantity;
        held.absorb(slice)?;
        let to = held.quantity;
        if slice.quantity != 0 {
            let had = left.checked_add(slice.quantity).ok_or(NovateError::MathOverflow)?;
            match (instrument::parse(slice.instrument)?, market) {
                (Instrument::Perpetual, Some(market)) => {
                    market.move_open_interest(had, left)?;
                    market.move_open_interest(from, to)?;
                }
                (dated, _) => {
                    let mut expiry = listed.expiry_mut(market_of(slice.instrument), minutes_of(slice.instrument))?;
                    expiry.move_open_interest(dated, had, left)?;
                    expiry.move_open_interest(dated, from, to)?;
                }
            }
        }
        Ok(funding)
    }
}

/// [`Market::bear`] with the expiry of what is held.
fn bear(position: &mut Position, market: &mut Market, listed: &Listed, now: i64) -> Result<Option<Borne>> {
    let expiry = match expiry_of(position.instrument).filter(|_| position.quantity != 0) {
        Some(id) => Some(listed.expiry(id)?),
        None => None,
    };
    market.bear(position, expiry.as_deref(), now)
}

/// The market that is written, found once for all positions that follow each other in it.
struct Written<'a, 'b, 'info> {
    listed: &'b Listed<'a, 'info>,
    market: Option<RefMut<'a, Market>>,
}

impl<'a, 'b, 'info> Written<'a, 'b, 'info> {
    fn new(listed: &'b Listed<'a, 'info>) -> Self {
        Self { listed, market: None }
    }

    fn market(&mut self, index: u16) -> Result<&mut Market> {
        if self.market.as_ref().is_none_or(|market| market.index != index) {
            self.market = None;
            self.market = Some(self.listed.market_mut(index)?);
        }
        Ok(self.market.as_deref_mut().ok_or(NovateError::MarketMissing)?)
    }
}

fn move_balance(from: &mut Portfolio, taker: &mut Portfolio, balance: &Balance, part: Fraction) -> Result<()> {
    let slice = balance.slice(part)?;
    if slice.is_empty() {
        return Ok(());
    }
    from.take_balance(&slice)?;
    taker.add_balance(&slice)
}

fn slice_floor(amount: i64, part: Fraction) -> Result<i64> {
    Ok(Usd(amount).slice_floor(part).map_err(NovateError::from)?.0)
}
