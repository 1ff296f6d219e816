//! Gathers the accounts of a portfolio into a book and has the margin crate judge it.
//!
//! Where the accounts come from is a [`Source`]: the list behind an instruction on chain, a snapshot in clients. Both run
//! the same code, so that they cannot disagree.

use std::ops::Deref;

use anchor_lang::prelude::*;
use novate_margin::chain::Decided;
use novate_margin::dated::{Carry, Drift, Right, NODE_ONE, RATIO_TO_CONTRACTS};
use novate_margin::{Book, Contracts, Health, Params, Price, Ratio, Seconds, UnderlyingFacts, Usd};

use crate::error::NovateError;
use crate::instrument::{self, expiry_id, market_of, Instrument};
use crate::listed::{Listed, Walk};
use crate::state::{
    entered, is_settling, seconds, Asset, Balance, Claim, Expiry, Market, Pool, Portfolio, Position, Redemption,
    Scenarios, SAMPLE_AGE, SETTLEMENT_ASSET,
};

/// Oldest forecast, in seconds, that risk may rise on.
pub const FORECAST_AGE: i64 = 3_600;
/// Oldest option values, in seconds, that risk may rise on, and that anything may rest on (MRG-15).
pub const CHAIN_AGE: (i64, i64) = (60, 600);
/// Farthest that spot may be from where option values were made, in nodes of an eighth of the scan range: where risk may
/// rise, and at all (MRG-15).
pub const CHAIN_SHIFT: (i64, i64) = (NODE_ONE + POSITION_CUT, 4 * NODE_ONE + POSITION_CUT);
/// More than what a position is cut by: 2^-24 of the reference at a scan range of 1 %.
const POSITION_CUT: i64 = NODE_ONE >> 14;

/// Which prices a portfolio is judged at, by what the judgement is for. What a defect of a price does to it is told by
/// [`Prices::counts`]: it refuses what its holder wants, but shields nobody from an auction (CLR-34).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prices {
    /// To take out, borrow and read.
    Fresh,
    /// To trade; what does not only close asks [`Examiner::require_current`] too.
    Last,
    /// To start an auction: at most [`SAMPLE_AGE`] old, for whoever posts them could choose (CLR-42).
    Sampled,
    /// To start an auction, besides: averages of the last minute, so that one reading decides nothing (CLR-42).
    Averaged,
    /// During an auction, of the account.
    Favourable,
    /// To end an auction: silence restores nobody.
    Unfavourable,
    /// Of the taker of a slice.
    Adverse,
}

/// What a price can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Older than [`SAMPLE_AGE`].
    Late,
    /// The same while the asset is restricted: readings beyond the band are no prices, so that nobody can make it younger.
    LateRestricted,
    /// Older than its asset's limit.
    Stale,
}

/// What a holding counts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// The price, which has no defect that matters here.
    Price,
    /// The last price, known to be stale.
    Last,
    /// The last price moved by the scan range in favour of the owner.
    InFavour,
    /// The same against the owner.
    Against,
    /// The judgement is refused: `PriceStale`.
    Refused,
}

impl Prices {
    /// The matrix of CLR-40: what a holding counts at whose price has a defect, by what is judged for. The settlement asset,
    /// which everybody rests on, counts at its last price where another would count at an edge.
    pub const fn counts(self, defect: Defect) -> Counts {
        use Counts::{Against, InFavour, Last, Price, Refused};
        let [late, late_restricted, stale] = match self {
            Self::Fresh => [Price, Price, Refused],
            Self::Last => [Price, Price, Last],
            Self::Sampled | Self::Averaged => [Refused, InFavour, InFavour],
            Self::Favourable => [Price, Price, InFavour],
            Self::Unfavourable | Self::Adverse => [Price, Price, Against],
        };
        match defect {
            Defect::Late => late,
            Defect::LateRestricted => late_restricted,
            Defect::Stale => stale,
        }
    }

    /// Whether what is not known counts in favour of the owner (1) or against (-1); 0 where nothing is judged that rests on it.
    const fn favour(self) -> i64 {
        match self {
            Self::Fresh | Self::Last => 0,
            Self::Sampled | Self::Averaged | Self::Favourable => 1,
            Self::Unfavourable | Self::Adverse => -1,
        }
    }

    /// How values of options are carried: in an auction, in favour of the owner too.
    const fn carry(self) -> Carry {
        match self {
            Self::Sampled | Self::Averaged | Self::Favourable | Self::Unfavourable => Carry::Owner,
            Self::Fresh | Self::Last | Self::Adverse => Carry::Central,
        }
    }

    /// Whether initial margin is asked for.
    const fn ask_initial(self) -> bool {
        matches!(self, Self::Fresh | Self::Last | Self::Adverse)
    }

    /// What an asset counts at.
    #[inline]
    fn of(self, asset: &Asset, now: i64) -> Result<Counts> {
        require!(asset.price.0 > 0, NovateError::PriceMissing);
        let age = now.saturating_sub(asset.publish_time);
        if age <= SAMPLE_AGE && age <= asset.max_age {
            return Ok(Counts::Price);
        }
        let counts = self.counts(match age > asset.max_age {
            true => Defect::Stale,
            false if asset.guard.is_restricted(now) => Defect::LateRestricted,
            false => Defect::Late,
        });
        require!(counts != Counts::Refused, NovateError::PriceStale);
        Ok(counts)
    }

    /// The price of an asset before it is moved to an edge.
    #[inline]
    fn price(self, asset: &Asset, now: i64) -> Result<Price> {
        if self == Self::Averaged {
            return asset.mean_at(now);
        }
        Ok(asset.price)
    }
}

impl Counts {
    fn is_stale(self) -> bool {
        self != Self::Price
    }

    /// A price of holdings that gain with it (1), against it (-1), or neither (0).
    fn edge(self, last: Price, scan_range: Ratio, gain: i64) -> Result<Price> {
        let favour = match self {
            Self::Price | Self::Last | Self::Refused => 0,
            Self::InFavour => 1,
            Self::Against => -1,
        };
        let range = Ratio(scan_range.0.saturating_mul(gain).saturating_mul(favour));
        let moved = last.scale_floor(range).and_then(|way| last.add(way)).map_err(NovateError::from)?;
        // A scan range is at most 1.
        Ok(moved.max(Price(1)))
    }
}

/// Where assets and markets are found by index, and expiries by [`expiry_id`].
pub trait Source {
    /// Read beside what is asked for next.
    type Market: Deref<Target = Market>;

    fn asset(&mut self, index: u16) -> Result<impl Deref<Target = Asset>>;
    fn market(&mut self, index: u16) -> Result<Self::Market>;
    fn expiry(&mut self, id: u64) -> Result<impl Deref<Target = Expiry>>;
}

/// What a portfolio holds, or held.
#[derive(Clone, Copy)]
pub struct Held<'a, P> {
    pub cash: i64,
    /// Up to when the cash has borne haircuts.
    pub claim: &'a Claim,
    pub balances: &'a [Balance],
    /// In any order; fastest in the order of a portfolio.
    pub positions: P,
}

impl<'a> Held<'a, &'a [Position]> {
    /// As it is now.
    pub fn by(portfolio: &'a Portfolio) -> Self {
        Self {
            cash: portfolio.cash,
            claim: &portfolio.claim,
            balances: portfolio.balances(),
            positions: portfolio.positions(),
        }
    }
}

/// When holdings are judged, and how.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub now: i64,
    pub prices: Prices,
}

/// What a judgement rests on, beside the book.
#[derive(Clone, Copy, Debug)]
pub struct Rests {
    /// Unix time of the oldest forecast.
    pub forecast: i64,
    /// A price is stale.
    pub stale: bool,
    /// An asset that is held is restricted (CLR-41).
    pub restricted: bool,
    /// A run of settlement samples hangs on the next reading (CLR-12).
    pub hangs: bool,
    /// A gain was registered for a haircut and is not charged (CLR-32).
    pub to_charge: bool,
    /// A gain may be charged when the window of a haircut ends that is open (CLR-32).
    pub at_risk: bool,
    /// How far the values of options lie from now, where the price is not stale (MRG-15).
    pub drift: Drift,
}

impl Rests {
    const NOTHING: Self = Self {
        forecast: i64::MAX,
        stale: false,
        restricted: false,
        hangs: false,
        to_charge: false,
        at_risk: false,
        drift: Drift { nodes: 0, oldest: Seconds(i64::MAX) },
    };

    /// What a held asset counts at, and its facts with the price before it is moved to an edge.
    #[inline]
    fn count(&mut self, asset: &Asset, terms: Terms) -> Result<(Counts, UnderlyingFacts)> {
        let counts = terms.prices.of(asset, terms.now)?;
        self.stale |= counts.is_stale();
        self.restricted |= asset.guard.is_restricted(terms.now);
        let mut facts = asset.facts();
        facts.price = terms.prices.price(asset, terms.now)?;
        Ok((counts, facts))
    }
}

/// Fills an empty book with what is held, and returns what it rests on. Fails where an account is missing, a price or an
/// option's value too old, or an expiry has passed: one with a settlement price is settled first, one without is judged in
/// auctions only (CLR-12).
pub fn fill<'p, P: IntoIterator<Item = &'p Position> + Clone>(
    book: &mut Book,
    held: Held<P>,
    source: &mut impl Source,
    terms: Terms,
) -> Result<Rests> {
    book.clear();
    let mut filling = Filling { book, held, source, terms, rests: Rests::NOTHING, stale: 0, in_round: false };
    filling.add_cash()?;
    for balance in filling.held.balances {
        filling.add_balance(balance)?;
    }
    let mut place: Option<Place> = None;
    for position in filling.held.positions.clone() {
        if position.quantity == 0 && filling.book.slot_of(position.underlying).is_none() {
            filling.add_closed(position)?;
            continue;
        }
        let here = match &mut place {
            Some(here) if here.market == market_of(position.instrument) => here,
            other => other.insert(filling.place(position)?),
        };
        filling.add_position(position, here)?;
    }
    filling.add_chains()?;
    if filling.in_round && terms.prices.ask_initial() {
        filling.add_at_risk()?;
    }
    Ok(filling.rests)
}

/// How many 1e-9 of a contract a slice may miss, each holding being cut to a whole unit of its own: of a balance a unit of the
/// mint, three times, for what is not lent, what is and what is owed.
pub fn units(portfolio: &Portfolio, source: &mut impl Source) -> Result<i64> {
    let mut units = i64::from(portfolio.position_count);
    for balance in portfolio.balances() {
        units = units.saturating_add(source.asset(balance.asset)?.unit().0.saturating_mul(3));
    }
    Ok(units)
}

/// Refuses option values too far from now for anything to rest on them (MRG-15).
pub fn require_usable(drift: Drift, now: i64) -> Result<()> {
    require!(drift.nodes <= CHAIN_SHIFT.1, NovateError::ChainShifted);
    require!(now.saturating_sub(drift.oldest.0) <= CHAIN_AGE.1, NovateError::ChainStale);
    Ok(())
}

/// A book as it is filled.
struct Filling<'b, 'h, S, P> {
    book: &'b mut Book,
    held: Held<'h, P>,
    source: &'b mut S,
    terms: Terms,
    rests: Rests,
    /// Bit by slot: underlyings whose price is stale.
    stale: u32,
    /// A round of haircuts stands in the market of a position.
    in_round: bool,
}

/// A market's part in the book, found once for all positions that follow each other in it.
struct Place {
    market: u16,
    /// Of the underlying in the book.
    slot: usize,
    /// The perpetual's.
    mark: Price,
    /// Its cumulative funding.
    funding: Price,
    multiplier: Ratio,
}

impl<'p, S: Source, P: IntoIterator<Item = &'p Position> + Clone> Filling<'_, '_, S, P> {
    fn add_cash(&mut self) -> Result<()> {
        let settlement = self.source.asset(SETTLEMENT_ASSET)?;
        // A stale one counts at its last price: every portfolio rests on it.
        self.rests.stale |= self.terms.prices.of(&settlement, self.terms.now)?.is_stale();
        self.book.set_settlement_price(self.terms.prices.price(&settlement, self.terms.now)?);
        self.held.cash = settlement.claims.worth(self.held.cash, self.held.claim)?;
        Ok(self.book.add_cash(Usd(self.held.cash)).map_err(NovateError::from)?)
    }

    fn add_balance(&mut self, balance: &Balance) -> Result<()> {
        let asset = self.source.asset(balance.asset)?;
        if asset.is_settlement() {
            let (net, covered) = (asset.tokens(balance)?, asset.covered(balance, self.held.cash)?);
            let price = self.terms.prices.price(&asset, self.terms.now)?;
            self.book.add_covered_debt(covered, price).map_err(NovateError::from)?;
            return Ok(self.book.add_cash(Usd(net)).map_err(NovateError::from)?);
        }
        let quantity = asset.quantity(balance)?;
        let (counts, facts) = self.rests.count(&asset, self.terms)?;
        let (average, haircut, covered) = (asset.average, asset.haircut, asset.covered(balance, 0)?);
        let ahead = asset.ramp.haircut_ahead;
        let entering = asset.scanned;
        let (scanned, redemption) = (asset.is_underlying(), asset.is_yield_bearing().then_some(asset.redemption));
        drop(asset);
        let facts = if counts.is_stale() { self.at_edge(balance.asset, counts, facts)? } else { facts };
        if balance.loan != 0 {
            self.book.add_covered_debt(covered, facts.price).map_err(NovateError::from)?;
        }
        match redemption {
            Some(redemption) => self.add_yield_bearing(&redemption, quantity, facts.price),
            None if scanned && entering == 0 => {
                let slot = self.enter(balance.asset, facts, counts.is_stale())?;
                Ok(self.book.add_spot(slot, quantity).map_err(NovateError::from)?)
            }
            None => {
                let outside = match entering {
                    0 => quantity,
                    _ => self.add_entering(balance.asset, (quantity, entering), facts, counts.is_stale())?,
                };
                if ahead != Ratio::ZERO {
                    self.book.add_ahead(outside, facts.price, ahead).map_err(NovateError::from)?;
                }
                Ok(self.book.add_outside(outside, facts.price, average, haircut).map_err(NovateError::from)?)
            }
        }
    }

    /// What is in the scan already of a balance that enters it since a time; returns the rest.
    #[cold]
    #[inline(never)]
    fn add_entering(
        &mut self,
        index: u16,
        (quantity, since): (Contracts, i64),
        facts: UnderlyingFacts,
        stale: bool,
    ) -> Result<Contracts> {
        let inside = entered(quantity, since, self.terms.now)?;
        if inside == Contracts::ZERO {
            return Ok(quantity);
        }
        let slot = self.enter(index, facts, stale)?;
        self.book.add_spot(slot, inside).map_err(NovateError::from)?;
        Ok(quantity.sub(inside).map_err(NovateError::from)?)
    }

    /// A yield-bearing balance and the market price of a contract of it: in the scan as what it is worth of its underlying,
    /// which need not have a market (MRG-61).
    fn add_yield_bearing(&mut self, redemption: &Redemption, quantity: Contracts, price: Price) -> Result<()> {
        let slot = self.underlying(redemption.underlying)?;
        let underlying = self.book.underlyings().get(slot).ok_or(NovateError::AssetMissing)?.price;
        let worth = redemption.worth(quantity, price, underlying, self.terms.now)?;
        Ok(self.book.add_staked(slot, worth.quantity, worth.counts).map_err(NovateError::from)?)
    }

    /// The slot of an underlying in the book, where it is entered with its first holding.
    fn underlying(&mut self, index: u16) -> Result<usize> {
        if let Some(slot) = self.book.slot_of(index) {
            return Ok(slot);
        }
        let asset = self.source.asset(index)?;
        let (counts, facts) = self.rests.count(&asset, self.terms)?;
        drop(asset);
        let facts = if counts.is_stale() { self.at_edge(index, counts, facts)? } else { facts };
        self.enter(index, facts, counts.is_stale())
    }

    fn enter(&mut self, index: u16, facts: UnderlyingFacts, stale: bool) -> Result<usize> {
        let slot = self.book.add_underlying(index, facts).map_err(NovateError::from)?;
        self.stale |= u32::from(stale).checked_shl(u32::try_from(slot).unwrap_or(u32::MAX)).unwrap_or_default();
        Ok(slot)
    }

    /// The facts of what counts at an edge (CLR-34).
    fn at_edge(&mut self, index: u16, counts: Counts, facts: UnderlyingFacts) -> Result<UnderlyingFacts> {
        let price = counts.edge(facts.price, facts.scan_range, self.gain(index)?)?;
        Ok(UnderlyingFacts { price, ..facts })
    }

    /// Whether what is held of an asset gains with its price (1), against it (-1) or neither (0): the sign of its delta. 0 where
    /// an option on it is held short, which a move either way may cost.
    fn gain(&mut self, index: u16) -> Result<i64> {
        let mut delta = 0i128;
        let mut add = |quantity: i64, of: i64| {
            // Of 17 balances and 48 positions, each product below 2^126 / 2^63·2^30.
            delta = delta.saturating_add(i128::from(quantity).saturating_mul(i128::from(of)));
        };
        for balance in self.held.balances {
            if balance.asset == index || balance.redemption_underlying == index {
                let quantity = self.source.asset(balance.asset)?.quantity(balance)?;
                add(quantity.0, Contracts::ONE.0);
            }
        }
        for position in self.held.positions.clone().into_iter().filter(|p| p.underlying == index && p.quantity != 0) {
            let of = match instrument::parse(position.instrument)? {
                Instrument::Perpetual => Contracts::ONE.0,
                // What is decided of it does not move.
                Instrument::Future { minutes } => {
                    let share = self.source.asset(index)?.decided(seconds(minutes), self.terms.now)?.share;
                    Ratio::ONE.0.saturating_sub(share.0).saturating_mul(RATIO_TO_CONTRACTS)
                }
                Instrument::Option { .. } if position.quantity < 0 => return Ok(0),
                Instrument::Option { minutes, slot, right } => {
                    let id = expiry_id(market_of(position.instrument), minutes);
                    let expiry = self.source.expiry(id)?;
                    let strike = expiry.strike(slot)?;
                    match right {
                        Right::Call => strike.delta.0,
                        Right::Put => {
                            strike.delta.0.saturating_sub(i64::from(strike.growth).saturating_mul(RATIO_TO_CONTRACTS))
                        }
                    }
                }
            };
            add(position.quantity, of);
        }
        Ok(i64::try_from(delta.signum()).unwrap_or_default())
    }

    /// A closed position on what is not held otherwise: its cost counts, as a loss or as a gain that is not settled, and no price
    /// is asked for. A gain, unsettled or registered, needs its market, which may have a round: leaving it out hides nothing.
    fn add_closed(&mut self, position: &Position) -> Result<()> {
        if position.gain != 0 || position.has_unsettled_gain() {
            self.in_round |= self.source.market(market_of(position.instrument))?.round.stands();
        }
        let cost = if position.gain == 0 { Usd(position.cost) } else { self.charged(position)? };
        self.book.add_owed(cost).map_err(NovateError::from)?;
        self.book.add_pending(Usd(cost.0.min(0).saturating_neg())).map_err(NovateError::from)?;
        self.add_pending(position)
    }

    /// The cost of a position with a gain that has to bear a haircut: with what it is charged for it, applied or not (CLR-32).
    #[cold]
    fn charged(&mut self, position: &Position) -> Result<Usd> {
        let market = self.source.market(market_of(position.instrument))?;
        self.rests.to_charge |= position.round == market.round.number;
        let charge = market.charge_of(position, self.terms.now)?;
        Ok(Usd(position.cost).add(charge).map_err(NovateError::from)?)
    }

    /// Until the window of a haircut ends equity does not count its charge, so initial margin does not count the gain (CLR-32).
    #[cold]
    #[inline(never)]
    fn add_at_risk(&mut self) -> Result<()> {
        for position in self.held.positions.clone() {
            let held = position.quantity != 0;
            if !held && position.gain == 0 && !position.has_unsettled_gain() {
                continue;
            }
            let market = self.source.market(market_of(position.instrument))?;
            let expiry = match instrument::expiry_of(position.instrument).filter(|_| held) {
                Some(id) => Some(self.source.expiry(id)?),
                None => None,
            };
            let at_risk = market.at_risk(position, expiry.as_deref(), self.terms.now)?;
            self.book.add_at_risk(at_risk).map_err(NovateError::from)?;
            self.rests.at_risk |= at_risk > Usd::ZERO;
        }
        Ok(())
    }

    fn add_pending(&mut self, position: &Position) -> Result<()> {
        if position.pending_old != 0 || position.pending_new != 0 {
            self.book.add_pending(Usd(position.pending_old)).map_err(NovateError::from)?;
            self.book.add_pending(Usd(position.pending_new)).map_err(NovateError::from)?;
        }
        Ok(())
    }

    fn place(&mut self, position: &Position) -> Result<Place> {
        let slot = self.underlying(position.underlying)?;
        let price = self.book.underlyings().get(slot).ok_or(NovateError::AssetMissing)?.price;
        let market = self.source.market(market_of(position.instrument))?;
        let (mark, funding) = (market.mark_at(price)?, market.funding);
        self.in_round |= market.round.stands();
        Ok(Place { market: market.index, slot, mark, funding, multiplier: market.initial_multiplier })
    }

    fn add_position(&mut self, position: &Position, place: &Place) -> Result<()> {
        let Place { market, slot, mark, funding, multiplier } = *place;
        let cost = if position.gain == 0 { Usd(position.cost) } else { self.charged(position)? };
        let quantity = Contracts(position.quantity);
        let held = match instrument::parse(position.instrument)? {
            Instrument::Perpetual => {
                // Funding that accrued is owed, applied or not (CLR-11).
                let cost = match position.funding == funding.0 {
                    true => cost,
                    false => cost.add(position.funding_owed(funding)?).map_err(NovateError::from)?,
                };
                self.book.add_perpetual(slot, quantity, mark, cost, multiplier)
            }
            // A closed position whose variation is not settled: only its cost counts, whatever became of the expiry.
            Instrument::Future { .. } | Instrument::Option { .. } if position.quantity == 0 => {
                self.book.add_perpetual(slot, quantity, mark, cost, multiplier)
            }
            Instrument::Future { minutes } => {
                let Some(held) = self.hold(slot, market, minutes)? else {
                    return self.add_passed(position, cost, slot);
                };
                self.book.add_future(held, quantity, cost, multiplier)
            }
            Instrument::Option { minutes, slot: at, right } => {
                let Some(held) = self.hold(slot, market, minutes)? else {
                    return self.add_passed(position, cost, slot);
                };
                if cost != Usd::ZERO {
                    // Of a haircut: it is owed however the option ends.
                    let owed = self.book.add_perpetual(slot, Contracts::ZERO, mark, cost, multiplier);
                    owed.map_err(NovateError::from)?;
                }
                self.book.add_option(held, usize::from(at), right, quantity, multiplier)
            }
        };
        held.map_err(NovateError::from)?;
        self.add_pending(position)
    }

    /// What has passed and has no settlement price yet is a debt or a gain that is not settled: its value at what the price will be, as far
    /// as samples have decided it, else at the forward; against the owner with spot moved by the scan range (CLR-12). Nothing moves it in favour
    /// of the owner: many far options would shield all else. No other judgement than of an auction rests on it, and while it is not
    /// decided no bid ends one.
    fn add_passed(&mut self, position: &Position, cost: Usd, slot: usize) -> Result<()> {
        let favour = self.terms.prices.favour();
        let held = instrument::parse(position.instrument)?;
        let id = instrument::expiry_of(position.instrument).ok_or(NovateError::UnknownInstrument)?;
        let spot = self.book.underlyings().get(slot).ok_or(NovateError::AssetMissing)?.price;
        let (range, decided) = {
            let asset = self.source.asset(position.underlying)?;
            let time = seconds(instrument::minutes_of(position.instrument));
            (asset.scan_range, asset.decided(time, self.terms.now)?)
        };
        let expiry = self.source.expiry(id)?;
        require!(!expiry.is_fixed(), NovateError::ExpiryNotSettled);
        require!(favour != 0, NovateError::ExpiryPassed);
        let gains = match held {
            Instrument::Option { right: Right::Put, .. } => position.quantity.signum().saturating_neg(),
            _ => position.quantity.signum(),
        };
        // A stale price is at an edge already.
        let at_edge = self.stale.checked_shr(u32::try_from(slot).unwrap_or(u32::MAX)).unwrap_or_default() & 1 != 0;
        let moved = if at_edge { 0 } else { range.0.saturating_mul(gains).saturating_mul(favour.min(0)) };
        self.rests.stale |= decided.share < Ratio::ONE;
        let expected = expiry.expected(decided)?;
        let price = spot.scale_floor(Ratio(Ratio::ONE.0.saturating_add(moved))).and_then(|spot| expected.at(spot));
        let price = price.map_err(NovateError::from)?;
        let worth = Contracts(position.quantity).value_floor(expiry.worth(held, price)?).map_err(NovateError::from)?;
        drop(expiry);
        let owed = cost.sub(worth).map_err(NovateError::from)?;
        self.book.add_owed(owed).map_err(NovateError::from)?;
        self.book.add_pending(Usd(owed.0.min(0).saturating_neg())).map_err(NovateError::from)?;
        self.add_pending(position)
    }

    /// The slot of an expiry in the book, where it is entered with its first position; none of one that has passed.
    fn hold(&mut self, slot: usize, market: u16, minutes: u32) -> Result<Option<usize>> {
        let id = expiry_id(market, minutes);
        if let Some(held) = self.book.expiry_of(id) {
            return Ok(Some(held));
        }
        if seconds(minutes) <= self.terms.now {
            return Ok(None);
        }
        let decided = match is_settling(seconds(minutes), self.terms.now) {
            true => self.decided(slot, seconds(minutes))?,
            false => Decided::NOTHING,
        };
        let expiry = self.source.expiry(id)?;
        require!(!expiry.is_fixed(), NovateError::ExpiryNotSettled);
        self.rests.forecast = self.rests.forecast.min(expiry.published);
        Ok(Some(self.book.add_expiry(slot, id, expiry.facts(decided, self.terms.now)?).map_err(NovateError::from)?))
    }

    /// What samples of an underlying have decided of the settlement price of an expiry (CLR-12).
    #[cold]
    fn decided(&mut self, slot: usize, time: i64) -> Result<Decided> {
        let index = self.book.underlyings().get(slot).ok_or(NovateError::AssetMissing)?.asset;
        let asset = self.source.asset(index)?;
        self.rests.hangs |= asset.window.hangs(time, self.terms.now);
        asset.decided(time, self.terms.now)
    }

    /// Values the options. Those on an underlying whose price is stale are carried as far as they reach: nobody can make new ones.
    fn add_chains(&mut self) -> Result<()> {
        self.value_chains(false)?;
        self.rests.drift = self.book.drift();
        // At averages they are carried as far as they reach: they were made at prices.
        if self.terms.prices != Prices::Averaged {
            require_usable(self.rests.drift, self.terms.now)?;
        }
        if self.stale != 0 {
            self.value_chains(true)
        } else {
            Ok(())
        }
    }

    fn value_chains(&mut self, stale: bool) -> Result<()> {
        for held in 0..self.book.expiries().len() {
            let expiry = self.book.expiries().get(held).filter(|e| e.needs_chain());
            let Some((id, slot)) = expiry.map(|e| (e.id, e.underlying)) else { continue };
            let of_stale = self.stale.checked_shr(u32::from(slot)).unwrap_or_default() & 1 != 0;
            if of_stale == stale {
                let expiry = self.source.expiry(id)?;
                self.book.add_chain(held, &expiry.strikes, self.terms.prices.carry()).map_err(NovateError::from)?;
            }
        }
        Ok(())
    }
}

/// One workspace an instruction, on the heap and used for both sides.
pub struct Examiner<'a, 'info> {
    book: Box<Book>,
    listed: &'a Listed<'a, 'info>,
    pool: &'a Pool,
    /// Parameters on their way to those of the pool.
    moving: Option<Box<Params>>,
    scenarios: &'a Scenarios,
    now: i64,
    /// What the last check rests on.
    rests: Rests,
}

impl<'a, 'info> Examiner<'a, 'info> {
    pub fn new(listed: &'a Listed<'a, 'info>, pool: &'a Pool, scenarios: &'a Scenarios, now: i64) -> Self {
        let moving = pool.params_moving(now).map(Box::new);
        Self { book: bytemuck::zeroed_box(), listed, pool, moving, scenarios, now, rests: Rests::NOTHING }
    }

    /// Equity and requirement of a portfolio at the prices of the list.
    pub fn health(&mut self, portfolio: &Portfolio, prices: Prices) -> Result<Health> {
        self.health_of(Held::by(portfolio), prices)
    }

    /// Equity and requirement of what is held, at the prices of the list.
    pub fn health_of<'p>(
        &mut self,
        held: Held<impl IntoIterator<Item = &'p Position> + Clone>,
        prices: Prices,
    ) -> Result<Health> {
        let mut walk = Walk::new(self.listed);
        self.rests = fill(&mut self.book, held, &mut walk, Terms { now: self.now, prices })?;
        let params = self.moving.as_deref().unwrap_or(&self.pool.params);
        Ok(self.book.health(Some(&self.scenarios.rows()), params).map_err(NovateError::from)?)
    }

    /// Whether the last check rests on prices, forecasts and option values that risk may rise on (MRG-15).
    pub fn require_current(&self) -> Result<()> {
        require!(!self.rests.stale, NovateError::PriceStale);
        self.require_unrestricted()?;
        require!(!self.rests.hangs, NovateError::SampleDue);
        self.require_current_values()?;
        require!(self.now.saturating_sub(self.rests.forecast) <= FORECAST_AGE, NovateError::ForecastStale);
        Ok(())
    }

    /// The same without the forecasts, which only the committee can renew: what a liquidation asks of the taker, so that no
    /// holding shields the rest (CLR-34).
    pub fn require_current_values(&self) -> Result<()> {
        let drift = self.rests.drift;
        let current = drift.nodes <= CHAIN_SHIFT.0 && self.now.saturating_sub(drift.oldest.0) <= CHAIN_AGE.0;
        require!(current, NovateError::ChainNotCurrent);
        Ok(())
    }

    /// A price that the last check rests on is stale.
    pub fn is_stale(&self) -> bool {
        self.rests.stale
    }

    /// A gain that the last check counts was registered for a haircut and is not charged.
    pub fn has_to_bear(&self) -> bool {
        self.rests.to_charge
    }

    /// A gain that the last check counts may be charged when the window of a haircut ends.
    pub fn is_at_risk(&self) -> bool {
        self.rests.at_risk
    }

    /// Whether nothing that is held is restricted: what raises risk or takes something out asks for it (CLR-41).
    pub fn require_unrestricted(&self) -> Result<()> {
        require!(!self.rests.restricted, NovateError::Restricted);
        Ok(())
    }

    /// How far what a slice leaves of the portfolio may be from its share: of the last health check, which was of it (CLR-30).
    pub fn grain(&self, portfolio: &Portfolio) -> Result<Usd> {
        let units = units(portfolio, &mut Walk::new(self.listed))?;
        Ok(self.book.grain(units).map_err(NovateError::from)?)
    }

    /// The book of the last health check, underlying by underlying.
    pub fn book(&self) -> &Book {
        &self.book
    }
}

/// What every withdrawal, transfer and loan needs of a portfolio with positions or loans: initial margin covered without gains
/// that are unsettled or pending (MRG-45), and by counted equity, which is without those that a haircut may take (CLR-32). Without
/// any there is no requirement and no price is read.
pub fn require_settled_margin<'a, 'info>(
    portfolio: &Portfolio,
    listed: &'a Listed<'a, 'info>,
    pool: &'a Pool,
    scenarios: &'a Scenarios,
    now: i64,
) -> Result<()> {
    if !portfolio.owes() {
        return Ok(());
    }
    let mut examiner = Examiner::new(listed, pool, scenarios, now);
    let health = examiner.health(portfolio, Prices::Fresh)?;
    examiner.require_current()?;
    require!(health.meets_initial(), NovateError::BelowInitialMargin);
    require!(health.meets_initial_settled(), NovateError::UnsettledGains);
    Ok(())
}
