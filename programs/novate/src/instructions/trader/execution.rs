//! What every trade does, however its sides are authorised: legs, premiums, and the health of both sides.

use anchor_lang::prelude::*;
use novate_margin::dated::{option_at, Right};
use novate_margin::{reduces_risk, Contracts, Price, Usd};

use super::trade::{Leg, MAX_LEGS};
use crate::error::NovateError;
use crate::events::{PositionBorne, Traded, TradedLeg, EVENT_VERSION};
use crate::health::{require_usable, Examiner, Held, Prices};
use crate::instrument::{self, market_of, Instrument};
use crate::listed::Listed;
use crate::state::{Action, Asset, Borne, Claim, Expiry, Market, Pool, Portfolio, Position, Scenarios};

/// Where a trade is executed.
pub(crate) struct Execution<'a, 'info> {
    pub pool: &'a AccountLoader<'info, Pool>,
    pub scenarios: &'a AccountLoader<'info, Scenarios>,
    pub listed: &'a Listed<'a, 'info>,
    pub now: i64,
}

/// A side that is authorised.
pub(crate) struct Party<'a> {
    pub key: Pubkey,
    pub portfolio: &'a mut Portfolio,
    /// Every position that it trades may only shrink.
    pub reduce_only: bool,
}

/// How many legs a trade can have.
pub(crate) fn require_legs(legs: &[Leg]) -> Result<()> {
    require!(!legs.is_empty() && legs.len() <= MAX_LEGS, NovateError::LegCount);
    Ok(())
}

impl Execution<'_, '_> {
    /// 1. For each leg: limits of the market, also of what is left of either position (CLR-34), and band around the mark (CLR-15), of a
    ///    restricted asset that both positions shrink (CLR-41), then what both positions bear of a haircut (CLR-32), then the funding
    ///    that those of a perpetual owe (CLR-11), then both positions and the open interest (CLR-01). Values are rounded up for the
    ///    buyer and down for the seller; both pay the fee. Of a perpetual or a future they are part of the position's cost; an option's
    ///    premium and fee are paid in cash, which may not end below zero, nor below what is held back (CLR-35).
    /// 2. For each side: initial margin after the trade, without gains that are not settled where options cost it cash beside
    ///    their marks, and where it has a loan (MRG-45) or a gain to bear a haircut of (CLR-32), and without that
    ///    gain while the window is open. A side that misses it, or is in an auction, must have reduced its risk instead (MRG-42,
    ///    MRG-43), its fees forgiven where every traded position shrank by one leg; so must one that holds an asset whose price is
    ///    stale, with such legs only (CLR-40), or that needs a gain for its margin which a haircut may take (CLR-32), and neither may
    ///    give equity away; one in a solvent auction that is back above maintenance margin leaves it (CLR-30).
    /// 3. Returns the event, without what it says of orders and venues.
    pub fn run(&self, legs: &[Leg], first: Party, second: Party) -> Result<Traded> {
        let (listed, now) = (self.listed, self.now);
        let (pool, scenarios) = (self.pool.load()?, self.scenarios.load()?);
        let (first_key, second_key) = (first.key, second.key);
        let mut first = Side::new(first);
        let mut second = Side::new(second);
        let mut traded = Vec::with_capacity(legs.len());
        let mut funding_indices = Vec::with_capacity(legs.len());
        for leg in legs {
            let (leg, funding_index) = execute(leg, listed, &mut first, &mut second, now)?;
            traded.push(leg);
            funding_indices.push(funding_index);
        }

        if traded_options(legs)? {
            pay_premiums([&mut first, &mut second], listed)?;
        }
        for side in [&first, &second] {
            if !side.only_closed(legs.len()) {
                require!(!side.reduce_only, NovateError::ReduceOnly);
                pool.require_running(Action::Trade, now)?;
            }
        }
        let settlement = listed.settlement()?.price;
        let mut examiner = Examiner::new(listed, &pool, &scenarios, now);
        for side in [&mut first, &mut second] {
            side.portfolio.free_empty_positions();
            if side.opened() {
                side.portfolio.require_within_limits()?;
            }
            side.portfolio.next_sequence();
            side.examine(&mut examiner, legs.len(), settlement)?;
        }

        Ok(Traded {
            version: EVENT_VERSION,
            pool: first.portfolio.pool,
            first: first_key,
            first_sequence: first.portfolio.sequence,
            second: second_key,
            second_sequence: second.portfolio.sequence,
            time: now,
            legs: traded,
            first_restored: first.restored(),
            second_restored: second.restored(),
            first_cash: first.portfolio.cash,
            second_cash: second.portfolio.cash,
            first_funding: first.funding,
            second_funding: second.funding,
            funding_indices,
            first_borne: first.borne,
            second_borne: second.borne,
            first_held: first.portfolio.claim.held,
            second_held: second.portfolio.claim.held,
            first_order: None,
            second_order: None,
            venue: None,
        })
    }
}

/// One side, and what the check after the trade needs of the time before.
struct Side<'a> {
    portfolio: &'a mut Portfolio,
    reduce_only: bool,
    cash_before: i64,
    claim_before: Claim,
    /// Premiums and fees of options, less premiums received.
    premiums: i64,
    in_auction_before: bool,
    /// Positions in the traded instruments as they were, empty ones too.
    before: Vec<Position>,
    fees: i64,
    /// Funding that the traded perpetuals owed.
    funding: i64,
    /// Cash that options were bought above and sold below their marks for.
    given: i64,
    /// What the traded positions bore of haircuts.
    borne: Vec<PositionBorne>,
}

/// Whether cash moves.
fn traded_options(legs: &[Leg]) -> Result<bool> {
    for leg in legs {
        if matches!(instrument::parse(leg.instrument)?, Instrument::Option { .. }) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Premiums and fees of all legs together, in cash that is not held back (CLR-35). What one side pays, the other and the market
/// receive, so that the cash of all stays what it was.
fn pay_premiums(sides: [&mut Side; 2], listed: &Listed) -> Result<()> {
    for side in sides {
        if side.portfolio.is_behind(&listed.settlement()?.claims) {
            side.portfolio.bear(&mut *listed.settlement_mut()?)?;
        }
        require!(side.premiums <= side.portfolio.cash, NovateError::PremiumUnpaid);
        if side.premiums > side.portfolio.free_cash().max(0) && side.portfolio.claim.held > 0 {
            side.portfolio.loosen(&mut *listed.settlement_mut()?)?;
        }
        let unheld = side.premiums <= side.portfolio.free_cash().max(0);
        require!(unheld, NovateError::ProvisionalHaircut);
        let paid = side.portfolio.cash.checked_sub(side.premiums).ok_or(NovateError::MathOverflow)?;
        side.portfolio.cash = paid;
    }
    Ok(())
}

/// What a leg trades at: mark, tick and the widest distance of its price from the mark.
struct Terms {
    mark: Price,
    tick: Price,
    width: Price,
}

impl Terms {
    fn of(traded: Instrument, market: &Market, expiry: Option<&Expiry>, asset: &Asset, now: i64) -> Result<Self> {
        match (traded, expiry) {
            (Instrument::Option { slot, right, .. }, Some(expiry)) => {
                Self::option(market, expiry, (slot, right), asset, now)
            }
            (_, Some(expiry)) => Self::linear(market, expiry.mark(asset, now)?),
            (_, None) => Self::linear(market, market.mark_at(asset.price)?),
        }
    }

    /// The band around the mark of a perpetual or a future (CLR-15): inside its settlement window of a future what it is expected to
    /// settle at (CLR-12).
    fn linear(market: &Market, mark: Price) -> Result<Self> {
        let width = mark.scale_floor(market.band).map_err(NovateError::from)?;
        Ok(Self { mark, tick: market.tick, width })
    }

    /// The band around an option's mark, wider by what the option moves with the band of its underlying. Fails where its
    /// values are too far from now for anything to rest on them (MRG-15).
    fn option(market: &Market, expiry: &Expiry, (slot, right): (u8, Right), asset: &Asset, now: i64) -> Result<Self> {
        let (spot, decided) = ((asset.price, asset.scan_range), asset.decided(expiry.time, now)?);
        let facts = expiry.facts(decided, now)?;
        let option = option_at(expiry.strike(slot)?, right, spot, facts).map_err(NovateError::from)?;
        require_usable(option.drift, now)?;
        let reach = option.mark.add(option.delta.of_price_floor(asset.price).map_err(NovateError::from)?);
        let reach = reach.map_err(NovateError::from)?;
        let width = reach.scale_floor(market.band).map_err(NovateError::from)?;
        // A worthless option can be closed at a tick.
        Ok(Self { mark: option.mark, tick: market.option_tick, width: width.max(market.option_tick) })
    }

    /// A positive multiple of the tick, within the band.
    fn check(&self, price: i64) -> Result<()> {
        require!(price > 0 && price.checked_rem(self.tick.0) == Some(0), NovateError::InvalidPrice);
        require!(price.abs_diff(self.mark.0) <= self.width.0.unsigned_abs(), NovateError::OutsideBand);
        Ok(())
    }
}

/// What a leg moves, settlement units.
struct Amounts {
    /// The value, rounded up for the buyer and down for the seller.
    bought: Usd,
    sold: Usd,
    /// Fee of each side.
    fee: Usd,
}

impl Amounts {
    /// A rate on the notional; of an option on that of its underlying, and at most a share of the premium.
    fn of(size: Contracts, price: Price, market: &Market, asset: &Asset, option: bool) -> Result<Self> {
        let (sold, bought) = size.value_bounds(price).map_err(NovateError::from)?;
        let notional = if option { size.value_ceil(asset.price).map_err(NovateError::from)? } else { bought };
        let mut fee = notional.scale_ceil(market.fee).map_err(NovateError::from)?;
        if option {
            fee = fee.min(bought.scale_ceil(market.option_fee_cap).map_err(NovateError::from)?);
        }
        Ok(Self { bought, sold, fee })
    }

    /// What buyer and seller pay; a negative amount is received.
    fn paid(&self) -> Result<(Usd, Usd)> {
        let buyer = self.bought.add(self.fee).map_err(NovateError::from)?;
        let seller = self.fee.sub(self.sold).map_err(NovateError::from)?;
        Ok((buyer, seller))
    }
}

/// Executes one leg: checks, then positions, open interest, and the ledger of the market. Returns with it the cumulative funding
/// that the costs of both positions have, 0 where it is no perpetual.
fn execute<'a>(
    leg: &Leg,
    listed: &Listed,
    first: &mut Side<'a>,
    second: &mut Side<'a>,
    now: i64,
) -> Result<(TradedLeg, i64)> {
    let traded = instrument::parse(leg.instrument)?;
    let mut market = listed.market_mut(market_of(leg.instrument))?;
    let asset = listed.asset(market.asset)?;
    asset.require_fresh(now, asset.max_age)?;
    let restricted = asset.guard.is_restricted(now);
    let mut expiry = match traded {
        Instrument::Perpetual => None,
        Instrument::Future { minutes } | Instrument::Option { minutes, .. } => {
            let expiry = listed.expiry_mut(market.index, minutes)?;
            // Nor to reduce risk: as large as a basis can be, it would be a gift from one owner to another.
            expiry.require_published()?;
            Some(expiry)
        }
    };
    let option = matches!(traded, Instrument::Option { .. });
    let terms = Terms::of(traded, &market, expiry.as_deref(), &asset, now)?;
    terms.check(leg.price)?;
    require_quantity(&market, leg, first.portfolio, second.portfolio)?;
    let size = leg.quantity.checked_abs().ok_or(NovateError::MathOverflow)?;
    let amounts = Amounts::of(Contracts(size), Price(leg.price), &market, &asset, option)?;
    let (buyer_pays, seller_pays) = amounts.paid()?;

    if traded == Instrument::Perpetual {
        market.accrue(now);
    }
    let (buyer, seller) = if leg.quantity > 0 { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
    let place = (&mut *market, expiry.as_deref());
    let bought = buyer.take(place, leg.instrument, size, amounts.fee, now)?;
    let place = (&mut *market, expiry.as_deref());
    let sold = seller.take(place, leg.instrument, size.saturating_neg(), amounts.fee, now)?;
    require!(!restricted || shrinks(bought) && shrinks(sold), NovateError::Restricted);
    // Dust arises from slices, and may be closed against anyone: it moves, and does not grow.
    let least = market.minimum.0.unsigned_abs();
    let left = |(_, to): (i64, i64)| to == 0 || to.unsigned_abs() >= least;
    require!(size.unsigned_abs() < least || left(bought) && left(sold), NovateError::LeavesDust);
    // What the buyer pays above the mark; the seller gives what is below it.
    let above = leg.price.checked_sub(terms.mark.0).ok_or(NovateError::MathOverflow)?;
    for (side, pays, beside) in [(buyer, buyer_pays, above), (seller, seller_pays, above.saturating_neg())] {
        if option {
            let given = Contracts(size).value_ceil(Price(beside).or_zero()).map_err(NovateError::from)?;
            side.given = side.given.checked_add(given.0).ok_or(NovateError::MathOverflow)?;
            side.premiums = side.premiums.checked_add(pays.0).ok_or(NovateError::MathOverflow)?;
        } else {
            side.portfolio.position_mut(leg.instrument)?.add_cost(pays.0)?;
        }
    }

    let mut open_interest = |(from, to): (i64, i64)| match &mut expiry {
        None => market.move_open_interest(from, to),
        Some(expiry) => expiry.move_open_interest(traded, from, to),
    };
    let before = open_interest((0, 0))?;
    open_interest(bought)?;
    let after = open_interest(sold)?;
    require!(after <= before || after <= market.open_interest_limit(now), NovateError::OpenInterestCap);

    let rounding = amounts.bought.sub(amounts.sold).map_err(NovateError::from)?;
    let fees = amounts.fee.add(amounts.fee).map_err(NovateError::from)?;
    let left = market.charge(rounding, fees)?;
    if option {
        if market.is_behind(&listed.settlement()?.claims) {
            market.sweep(&mut *listed.settlement_mut()?)?;
        }
        market.keep_cash(left, &listed.settlement()?.claims)?;
    }
    let (first_cost, second_cost) =
        if leg.quantity > 0 { (buyer_pays.0, seller_pays.0) } else { (seller_pays.0, buyer_pays.0) };
    let funding_index = if traded == Instrument::Perpetual { market.funding.0 } else { 0 };
    let (instrument, quantity, price) = (leg.instrument, leg.quantity, leg.price);
    Ok((TradedLeg { instrument, quantity, price, first_cost, second_cost }, funding_index))
}

/// A position came nearer to zero, or to it, and not beyond.
fn shrinks((from, to): (i64, i64)) -> bool {
    to.unsigned_abs() < from.unsigned_abs() && (to == 0 || to.signum() == from.signum())
}

/// A multiple of the lot and at least the minimum, unless it takes a side's position to exactly zero: odd lots arise from
/// slices of liquidations and can only be closed.
fn require_quantity(market: &Market, leg: &Leg, first: &Portfolio, second: &Portfolio) -> Result<()> {
    require!(leg.quantity != 0, NovateError::ZeroAmount);
    let closes = first.quantity_of(leg.instrument).checked_add(leg.quantity) == Some(0)
        || second.quantity_of(leg.instrument) == leg.quantity;
    if closes {
        return Ok(());
    }
    require!(leg.quantity.checked_rem(market.lot.0) == Some(0), NovateError::InvalidQuantity);
    require!(leg.quantity.unsigned_abs() >= market.minimum.0.unsigned_abs(), NovateError::BelowMinimum);
    Ok(())
}

impl<'a> Side<'a> {
    fn new(Party { portfolio, reduce_only, .. }: Party<'a>) -> Self {
        let (cash_before, claim_before, in_auction_before) = (portfolio.cash, portfolio.claim, portfolio.in_auction());
        Self {
            portfolio,
            reduce_only,
            cash_before,
            claim_before,
            premiums: 0,
            in_auction_before,
            before: Vec::with_capacity(MAX_LEGS),
            fees: 0,
            funding: 0,
            given: 0,
            borne: Vec::new(),
        }
    }

    /// Has the position bear its part in a haircut, charges a perpetual the funding it owes, and moves the position by a signed
    /// quantity; returns what it was and is.
    fn take(
        &mut self,
        (market, expiry): (&mut Market, Option<&Expiry>),
        instrument: u64,
        quantity: i64,
        fee: Usd,
        now: i64,
    ) -> Result<(i64, i64)> {
        let position = self.portfolio.position_entry(instrument, market.asset, now)?;
        if self.before.iter().all(|b| b.instrument != instrument) {
            self.before.push(*position);
        }
        Borne::note(market.bear(position, expiry, now)?, instrument, MAX_LEGS, &mut self.borne);
        if instrument == instrument::perpetual(market.index) {
            let owed = market.apply_funding(position)?;
            self.funding = self.funding.checked_add(owed.0).ok_or(NovateError::MathOverflow)?;
        }
        let from = position.quantity;
        let to = from.checked_add(quantity).ok_or(NovateError::MathOverflow)?;
        position.quantity = to;
        let within = to.unsigned_abs() <= market.position_cap.0.unsigned_abs();
        require!(to.unsigned_abs() <= from.unsigned_abs() || within, NovateError::PositionCap);
        self.fees = self.fees.checked_add(fee.0).ok_or(NovateError::MathOverflow)?;
        Ok((from, to))
    }

    /// The trade opened a position, or one that was closed and not settled.
    fn opened(&self) -> bool {
        self.before.iter().any(|before| before.quantity == 0)
    }

    /// The trade ended this side's auction.
    fn restored(&self) -> bool {
        self.in_auction_before && !self.portfolio.in_auction()
    }

    /// Every traded position shrank, by one leg each: legs that cancel each other do not count as one that closes.
    fn only_closed(&self, legs: usize) -> bool {
        let shrank = |before: &Position| shrinks((before.quantity, self.portfolio.quantity_of(before.instrument)));
        self.before.len() == legs && self.before.iter().all(shrank)
    }

    /// What equity may fall by although risk must not rise (MRG-43): the fees, where the trade only closed, and the
    /// units that rounding may cost. Otherwise nothing, or trades that cancel each other could take an account below zero
    /// in fees.
    fn forgiven(&self, legs: usize, settlement: Price) -> Result<Usd> {
        if !self.only_closed(legs) {
            return Ok(Usd::ZERO);
        }
        // Of a leg the value, a put's strike and forward, and the premium are rounded.
        let units = i64::try_from(legs).map_err(|_| NovateError::LegCount)?.saturating_mul(4).saturating_add(1);
        let fees = Usd(self.fees).at_price_ceil(settlement).map_err(NovateError::from)?;
        Ok(fees.add(Usd(units)).map_err(NovateError::from)?)
    }

    fn examine(&mut self, examiner: &mut Examiner, legs: usize, settlement: Price) -> Result<()> {
        let after = examiner.health(self.portfolio, Prices::Last)?;
        let (current, stale, bears) = (examiner.require_current(), examiner.is_stale(), examiner.has_to_bear());
        // Cash that leaves beside the marks is as good as withdrawn.
        // So is borrowed cash that pays for losses and premiums (MRG-45), and a gain that a haircut may take (CLR-32).
        let leaves = self.given != 0 || self.portfolio.has_loan() || bears;
        // While the window is open no gain may be given away that is needed to bear it.
        let at_risk = examiner.is_at_risk();
        let covered = (!leaves || after.meets_initial_settled()) && (!at_risk || after.meets_initial());
        if after.meets_initial() && covered && current.is_ok() && !self.portfolio.in_auction() {
            return Ok(());
        }
        // At prices that are stale nothing but closing is known to reduce.
        require!(!stale || self.only_closed(legs), NovateError::PriceStale);
        require!(covered || self.only_closed(legs), NovateError::UnsettledGains);
        let forgiven = self.forgiven(legs, settlement)?;
        let untouched = |p: &&Position| self.before.iter().all(|b| b.instrument != p.instrument);
        let before = Held {
            cash: self.cash_before,
            claim: &self.claim_before,
            balances: self.portfolio.balances(),
            positions: self
                .portfolio
                .positions()
                .iter()
                .filter(untouched)
                .chain(self.before.iter().filter(|b| !b.is_empty())),
        };
        let before = examiner.health_of(before, Prices::Last)?;
        let reduced = reduces_risk(&before, &after, forgiven).map_err(NovateError::from)?;
        // Equity at a stale price may not be there, and a haircut may take a gain: closing gives none of it away.
        let kept = after.equity >= before.equity.sub(forgiven).map_err(NovateError::from)?;
        require!(!stale || kept, NovateError::PriceStale);
        require!(!at_risk || kept, NovateError::UnsettledGains);
        if self.portfolio.in_auction() {
            require!(reduced, NovateError::InAuction);
            self.portfolio.leave_auction_if(after.equity >= after.maintenance && !stale);
            return Ok(());
        }
        if !reduced {
            current?;
        }
        require!(reduced, NovateError::BelowInitialMargin);
        Ok(())
    }
}
