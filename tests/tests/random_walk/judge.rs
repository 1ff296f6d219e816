//! What the program must decide, worked out from a snapshot of the pool: the health of anyone, and of a trade what it leaves
//! behind or the error that refuses it.

use novate::health::{self, CHAIN_AGE, CHAIN_SHIFT, FORECAST_AGE};
use novate_client::instrument::{self, expiry_of, market_of, Instrument};
use novate_client::state::{Asset, Market, Mid, Portfolio, Position, Window, SETTLEMENT_ASSET};
use novate_client::{HealthError, Leg, NovateError, Snapshot};
use novate_margin::dated::option_at;
use novate_margin::{reduces_risk, Book, Health, Usd};
use novate_tests::{haircut, perpetual};

/// Most legs of a trade.
const MAX_LEGS: usize = 8;
/// Of a quantity in 1e-9 contracts and a price in 1e-9 USD, a settlement unit.
const UNIT: i128 = 1_000_000_000_000;
const MILLION: i128 = 1_000_000;

/// Why the program must refuse, by the name of its error.
pub type Refused<T> = Result<T, String>;

/// The pool as it was at one moment.
pub struct Judge {
    pub snapshot: Snapshot,
    pub now: i64,
}

/// What an instrument trades at: prices in USD 1e-9.
pub struct Terms {
    pub mark: i64,
    pub tick: i64,
    /// Widest distance of a price from the mark.
    pub width: i64,
}

/// A trade that must succeed.
pub struct Foreseen {
    pub after: [Portfolio; 2],
    /// Fees of both sides, settlement units.
    pub fees: i128,
}

/// What a trade cost one side, settlement units.
#[derive(Clone, Copy, Default)]
struct Paid {
    fees: i128,
    /// Cash for options beside their marks.
    given: i128,
    /// Cash for options, in all.
    premiums: i64,
}

pub fn refused<T>(error: NovateError) -> Refused<T> {
    Err(error.name())
}

/// The name of an error in the log of a transaction.
pub fn name_in_log(log: &str) -> Option<String> {
    let (_, rest) = log.rsplit_once("Error Code: ")?;
    Some(rest.split('.').next().unwrap_or_default().to_string())
}

/// The name of an error that the program's own code returned here.
pub fn named(error: impl ToString) -> String {
    let text = error.to_string();
    let name = text.split_once("error_name: \"").and_then(|(_, rest)| rest.split('"').next());
    name.unwrap_or(&text).to_string()
}

fn value(quantity: i64, price: i64) -> i128 {
    i128::from(quantity.abs()) * i128::from(price)
}

fn ceil(value: i128, by: i128) -> i128 {
    -(-value).div_euclid(by)
}

impl Judge {
    /// Funding accrues for those of the instruments that are perpetuals (CLR-11).
    pub fn accrue(&mut self, instruments: impl IntoIterator<Item = u64>) {
        for id in instruments {
            if let (Ok(Instrument::Perpetual), Some(market)) =
                (instrument::parse(id), self.snapshot.markets.get_mut(&market_of(id)))
            {
                perpetual::accrue(market, self.now);
            }
        }
    }

    /// A market is refreshed, with a venue's report or without (CLR-11, CLR-15).
    pub fn refresh(&mut self, index: u16, report: Option<(u16, i64)>) -> Refused<()> {
        let now = self.now;
        let market = self.snapshot.markets.get_mut(&index).unwrap();
        let asset = &self.snapshot.assets[&market.asset];
        asset.require_fresh(now, asset.max_age).map_err(named)?;
        if let Some((venue, mid)) = report {
            let own = market.mids.iter().position(|m| m.time != 0 && m.venue == venue);
            let free = market.mids.iter().position(|m| m.time < now - 60);
            let Some(seat) = own.or(free) else { return refused(NovateError::MidsFull) };
            let premium = perpetual::premium(mid, asset.price.0);
            market.mids[seat] = Mid { time: now, premium, venue, ..Mid::default() };
        }
        perpetual::refresh(market, asset.price.0, now);
        Ok(())
    }

    /// Equity and requirement.
    pub fn health(&self, portfolio: &Portfolio) -> Refused<Health> {
        Ok(self.book(portfolio)?.1)
    }

    /// The same with what a haircut may take in counted equity.
    pub fn health_less_risk(&self, portfolio: &Portfolio) -> Refused<Health> {
        let mut health = self.health(portfolio)?;
        let settlement = i128::from(self.snapshot.assets[&SETTLEMENT_ASSET].price.0);
        let at_risk = |p| ceil(i128::from(self.at_risk(p)) * settlement, 1_000_000_000) as i64;
        health.counted_equity.0 += portfolio.positions().iter().map(at_risk).sum::<i64>();
        Ok(health)
    }

    /// How far a slice of it may be from its share (CLR-30), USD 1e-6.
    pub fn grain(&self, portfolio: &Portfolio) -> Refused<i128> {
        let units = novate::health::units(portfolio, &mut &self.snapshot).map_err(named)?;
        let grain = self.book(portfolio)?.0.grain(units);
        grain.map(|grain| grain.0.into()).map_err(|error| NovateError::from(error).name())
    }

    fn book(&self, portfolio: &Portfolio) -> Refused<(Box<Book>, Health)> {
        self.judged(portfolio, health::Prices::Fresh)
    }

    /// By the prices of a purpose.
    pub fn judged(&self, portfolio: &Portfolio, prices: health::Prices) -> Refused<(Box<Book>, Health)> {
        let terms = health::Terms { now: self.now, prices };
        self.snapshot.judge(portfolio, terms).map_err(|error| match error {
            HealthError::Margin(error) => NovateError::from(error).name(),
            HealthError::Refused(refused) => refused.name,
        })
    }

    /// The same for a trade: with prices that are stale as they were last, and whether there is one (CLR-40).
    fn book_to_trade(&self, portfolio: &Portfolio) -> Refused<(Book, Health, bool)> {
        let (mut book, terms) = (Book::default(), health::Terms { now: self.now, prices: health::Prices::Last });
        let rests = health::fill(&mut book, health::Held::by(portfolio), &mut &self.snapshot, terms).map_err(named)?;
        let health = book.health(Some(&self.snapshot.scenarios.rows()), &self.snapshot.pool.params);
        let health = health.map_err(|error| NovateError::from(error).name())?;
        Ok((book, health, rests.stale))
    }

    /// Whether risk may rise on the option values that a book rests on (MRG-15).
    fn current_values(&self, book: &Book) -> Refused<()> {
        let drift = book.drift();
        if drift.nodes > CHAIN_SHIFT.0 || self.now.saturating_sub(drift.oldest.0) > CHAIN_AGE.0 {
            return refused(NovateError::ChainNotCurrent);
        }
        Ok(())
    }

    /// The same, and on the forecasts.
    fn current(&self, portfolio: &Portfolio, book: &Book) -> Refused<()> {
        let held = portfolio.positions().iter().filter(|p| p.quantity != 0);
        // From ten seconds before a gap of settlement samples is too long to five after.
        let hangs = |time: i64, window: &Window| {
            window.target == time && window.samples > 1 && (111..=125).contains(&(self.now - window.sample_time))
        };
        let mut dated = held.clone().filter_map(|p| expiry_of(p.instrument)).map(|id| &self.snapshot.expiries[&id]);
        if dated.any(|e| e.time - self.now <= 1_800 && hangs(e.time, &self.snapshot.assets[&e.asset].window)) {
            return refused(NovateError::SampleDue);
        }
        self.current_values(book)?;
        let held = held.filter_map(|p| expiry_of(p.instrument));
        let mut published = held.map(|id| self.snapshot.expiries[&id].published);
        match published.any(|time| self.now - time > FORECAST_AGE) {
            true => refused(NovateError::ForecastStale),
            false => Ok(()),
        }
    }

    /// What a portfolio must meet that something has left (MRG-45).
    pub fn settled_margin(&self, portfolio: &Portfolio) -> Refused<()> {
        if !portfolio.owes() {
            return Ok(());
        }
        let (book, health) = self.book(portfolio)?;
        self.current(portfolio, &book)?;
        match (health.meets_initial(), health.meets_initial_settled()) {
            (false, _) => refused(NovateError::BelowInitialMargin),
            (_, false) => refused(NovateError::UnsettledGains),
            _ => Ok(()),
        }
    }

    /// What a withdrawal leaves, or why it is refused.
    pub fn withdraw(&self, before: &Portfolio, asset: u16, amount: u64) -> Refused<Portfolio> {
        if amount == 0 {
            return refused(NovateError::ZeroAmount);
        }
        if before.in_auction() {
            return refused(NovateError::InAuction);
        }
        let mut after = *before;
        after.sequence += 1;
        let mut held = self.snapshot.assets[&asset];
        after.take_tokens(&mut held, amount).map_err(named)?;
        after.require_no_dust(&held).map_err(named)?;
        if held.is_settlement() {
            after.leave(&mut held, amount).map_err(named)?;
        }
        if amount > outflow(&held, self.now) {
            return refused(NovateError::OutflowLimit);
        }
        self.settled_margin(&after)?;
        Ok(after)
    }

    /// What the taker of a liquidation must meet (CLR-30).
    pub fn initial_margin(&self, portfolio: &Portfolio) -> Refused<()> {
        let (mut book, terms) = (Book::default(), health::Terms { now: self.now, prices: health::Prices::Adverse });
        let rests = health::fill(&mut book, health::Held::by(portfolio), &mut &self.snapshot, terms).map_err(named)?;
        let health = book.health(Some(&self.snapshot.scenarios.rows()), &self.snapshot.pool.params);
        let health = health.map_err(|error| NovateError::from(error).name())?;
        // Values of options on what is stale may be as old as they are.
        if rests.drift.nodes > CHAIN_SHIFT.0 || self.now.saturating_sub(rests.drift.oldest.0) > CHAIN_AGE.0 {
            return refused(NovateError::ChainNotCurrent);
        }
        match health.meets_initial() {
            false => refused(NovateError::BelowInitialMargin),
            true if portfolio.has_loan() && !health.meets_initial_settled() => refused(NovateError::UnsettledGains),
            true => Ok(()),
        }
    }

    /// Mark, tick and band of an instrument that is listed (CLR-15).
    pub fn terms(&self, id: u64) -> Refused<Terms> {
        let traded = instrument::parse(id).map_err(|e| e.name())?;
        let market = self.snapshot.markets.get(&market_of(id)).ok_or_else(|| NovateError::MarketMissing.name())?;
        let asset = &self.snapshot.assets[&market.asset];
        asset.require_fresh(self.now, asset.max_age).map_err(named)?;
        let band = |price: i64| (i128::from(price) * i128::from(market.band.0)).div_euclid(MILLION) as i64;
        let expiry = expiry_of(id).map(|id| &self.snapshot.expiries[&id]);
        let (mark, tick, width) = match (traded, expiry) {
            (Instrument::Option { slot, right, .. }, Some(expiry)) => {
                let decided = asset.decided(expiry.time, self.now).map_err(named)?;
                let facts = expiry.facts(decided, self.now).map_err(named)?;
                let strike = expiry.strike(slot).map_err(named)?;
                let option = option_at(strike, right, (asset.price, asset.scan_range), facts)
                    .map_err(|error| NovateError::from(error).name())?;
                if option.drift.nodes > CHAIN_SHIFT.1 {
                    return refused(NovateError::ChainShifted);
                }
                if self.now - option.drift.oldest.0 > CHAIN_AGE.1 {
                    return refused(NovateError::ChainStale);
                }
                let reach = value(option.delta.0, asset.price.0).div_euclid(1_000_000_000) as i64;
                let width = band(option.mark.0 + reach).max(market.option_tick.0);
                (option.mark.0, market.option_tick.0, width)
            }
            (_, Some(expiry)) => {
                expiry.remaining(self.now).map_err(named)?;
                // What samples have decided, and the rest of the forward.
                let decided = asset.decided(expiry.time, self.now).map_err(named)?;
                let share = i128::from(decided.share.0);
                let growth = ((MILLION + i128::from(expiry.basis.0)) * (MILLION - share)).div_euclid(MILLION);
                let rest = (i128::from(asset.price.0) * growth).div_euclid(MILLION);
                let mark = ((i128::from(decided.average.0) * share).div_euclid(MILLION) + rest) as i64;
                (mark, market.tick.0, band(mark))
            }
            _ => {
                let mark = perpetual::mark(market, asset.price.0);
                (mark, market.tick.0, band(mark))
            }
        };
        Ok(Terms { mark, tick, width })
    }

    /// What a trade leaves, or why it is refused. Every account that it needs exists and is passed, and funding has accrued.
    pub fn trade(&self, before: &[Portfolio; 2], legs: &[Leg]) -> Refused<Foreseen> {
        self.trade_within(before, legs, [false; 2])
    }

    /// The same where positions of a side may only shrink.
    pub fn trade_within(&self, before: &[Portfolio; 2], legs: &[Leg], reduce_only: [bool; 2]) -> Refused<Foreseen> {
        if legs.is_empty() || legs.len() > MAX_LEGS {
            return refused(NovateError::LegCount);
        }
        let mut after = *before;
        let mut paid = [Paid::default(); 2];
        for leg in legs {
            self.execute(leg, &mut after, &mut paid)?;
        }
        if legs.iter().any(|leg| matches!(instrument::parse(leg.instrument), Ok(Instrument::Option { .. }))) {
            let mut settlement = self.snapshot.assets[&SETTLEMENT_ASSET];
            for (side, paid) in after.iter_mut().zip(&paid) {
                side.bear(&mut settlement).map_err(named)?;
                if paid.premiums > side.cash {
                    return refused(NovateError::PremiumUnpaid);
                }
                if paid.premiums > (side.cash - side.claim.held as i64).max(0) {
                    side.loosen(&mut settlement).map_err(named)?;
                }
                if paid.premiums > (side.cash - side.claim.held as i64).max(0) {
                    return refused(NovateError::ProvisionalHaircut);
                }
                side.move_cash(&mut settlement, -paid.premiums).map_err(named)?;
            }
        }
        for ((before, after), reduce_only) in before.iter().zip(&after).zip(reduce_only) {
            if reduce_only && !only_closed(before, after, legs) {
                return refused(NovateError::ReduceOnly);
            }
        }
        for ((before, after), paid) in before.iter().zip(&mut after).zip(&paid) {
            self.examine(before, after, legs, paid)?;
        }
        Ok(Foreseen { after, fees: paid.iter().map(|paid| paid.fees).sum() })
    }

    fn execute(&self, leg: &Leg, sides: &mut [Portfolio; 2], paid: &mut [Paid; 2]) -> Refused<()> {
        let terms = self.terms(leg.instrument)?;
        if leg.price <= 0 || leg.price % terms.tick != 0 {
            return refused(NovateError::InvalidPrice);
        }
        if (leg.price - terms.mark).abs() > terms.width {
            return refused(NovateError::OutsideBand);
        }
        let market = &self.snapshot.markets[&market_of(leg.instrument)];
        require_quantity(market, leg, sides)?;
        let option = matches!(instrument::parse(leg.instrument), Ok(Instrument::Option { .. }));
        let (sold, bought) = (value(leg.quantity, leg.price) / UNIT, ceil(value(leg.quantity, leg.price), UNIT));
        let index = self.snapshot.assets[&market.asset].price.0;
        let notional = if option { ceil(value(leg.quantity, index), UNIT) } else { bought };
        let mut fee = ceil(notional * i128::from(market.fee.0), MILLION);
        if option {
            fee = fee.min(ceil(bought * i128::from(market.option_fee_cap.0), MILLION));
        }
        let beside = ceil(value(leg.quantity, leg.price - terms.mark).abs(), UNIT);
        for ((side, paid), quantity) in sides.iter_mut().zip(paid).zip([leg.quantity, -leg.quantity]) {
            let pays = fee + if quantity > 0 { bought } else { -sold };
            let position = side.position_entry(leg.instrument, market.asset, self.now).map_err(named)?;
            let expiry = expiry_of(leg.instrument).map(|id| &*self.snapshot.expiries[&id]);
            haircut::bear(position, market, expiry, self.now);
            if instrument::parse(leg.instrument) == Ok(Instrument::Perpetual) {
                position.cost += perpetual::owed(position, market);
                position.funding = market.funding.0;
            }
            let from = position.quantity.abs();
            position.quantity += quantity;
            if position.quantity.abs() > from && position.quantity.abs() > market.position_cap.0 {
                return refused(NovateError::PositionCap);
            }
            if option {
                paid.premiums += pays as i64;
                paid.given += if (leg.price > terms.mark) == (quantity > 0) { beside } else { 0 };
            } else {
                position.cost += pays as i64;
            }
            paid.fees += fee;
        }
        // Dust may be closed; nothing else leaves any.
        let dust = |side: &Portfolio| (1..market.minimum.0).contains(&side.quantity_of(leg.instrument).abs());
        if leg.quantity.abs() >= market.minimum.0 && sides.iter().any(dust) {
            return refused(NovateError::LeavesDust);
        }
        Ok(())
    }

    /// What a position may be charged at most when the window that is open ends (CLR-32).
    fn at_risk(&self, position: &Position) -> i64 {
        let market = &self.snapshot.markets[&market_of(position.instrument)];
        if !haircut::is_open(market, self.now) {
            return 0;
        }
        if position.round == market.round.number {
            return position.gain;
        }
        let expiry = expiry_of(position.instrument).and_then(|id| self.snapshot.expiries.get(&id)).map(|e| &**e);
        haircut::gain(position, market, expiry)
    }

    /// CLR-03, MRG-42, MRG-43 and MRG-45; one in an auction that is back above maintenance margin leaves it.
    fn examine(&self, before: &Portfolio, after: &mut Portfolio, legs: &[Leg], paid: &Paid) -> Refused<()> {
        after.free_empty_positions();
        if legs.iter().any(|leg| before.quantity_of(leg.instrument) == 0) {
            after.require_within_limits().map_err(named)?;
        }
        after.sequence += 1;
        let (book, health, stale) = self.book_to_trade(after)?;
        let current = if stale { refused(NovateError::PriceStale) } else { self.current(after, &book) };
        let number = |p: &Position| self.snapshot.markets[&market_of(p.instrument)].round.number;
        let bears = after.positions().iter().any(|p| p.gain != 0 && p.round == number(p));
        let at_risk = after.positions().iter().any(|p| self.at_risk(p) > 0);
        let covered = (paid.given == 0 && !after.has_loan() && !bears || health.meets_initial_settled())
            && (!at_risk || health.meets_initial());
        if health.meets_initial() && covered && current.is_ok() && !after.in_auction() {
            return Ok(());
        }
        let closed = only_closed(before, after, legs);
        if stale && !closed {
            return refused(NovateError::PriceStale);
        }
        if !covered && !closed {
            return refused(NovateError::UnsettledGains);
        }
        let settlement = i128::from(self.snapshot.assets[&SETTLEMENT_ASSET].price.0);
        let units = 4 * legs.len() as i128 + 1;
        let forgiven = if closed { ceil(paid.fees * settlement, 1_000_000_000) + units } else { 0 };
        let health_before = self.book_to_trade(before)?.1;
        let reduced = reduces_risk(&health_before, &health, Usd(forgiven as i64)).unwrap();
        if (stale || at_risk) && i128::from(health.equity.0) < i128::from(health_before.equity.0) - forgiven {
            return refused(if stale { NovateError::PriceStale } else { NovateError::UnsettledGains });
        }
        if after.in_auction() {
            if !reduced {
                return refused(NovateError::InAuction);
            }
            after.leave_auction_if(health.equity >= health.maintenance && !stale);
            return Ok(());
        }
        if reduced {
            return Ok(());
        }
        current?;
        refused(NovateError::BelowInitialMargin)
    }
}

/// Every traded position shrank, by one leg each.
fn only_closed(before: &Portfolio, after: &Portfolio, legs: &[Leg]) -> bool {
    let shrank = |leg: &Leg| {
        let [from, to] = [before, after].map(|p| p.quantity_of(leg.instrument));
        to.abs() < from.abs() && (to == 0 || to.signum() == from.signum())
    };
    let mut instruments: Vec<u64> = legs.iter().map(|leg| leg.instrument).collect();
    instruments.sort_unstable();
    instruments.dedup();
    instruments.len() == legs.len() && legs.iter().all(shrank)
}

/// What may leave of an asset: its bucket less what left, which refills in a day.
fn outflow(asset: &Asset, now: i64) -> u64 {
    const DAY: i128 = 86_400;
    let (limit, used) = (i128::from(asset.outflow.limit), asset.outflow.used.get() as i128);
    let refilled = limit * i128::from((now - asset.outflow.time).max(0)).min(DAY);
    let left = limit * DAY - (used - refilled).max(0);
    if limit == 0 {
        u64::MAX
    } else {
        (left / DAY) as u64
    }
}

/// A multiple of the lot and at least the minimum, or what takes a side to zero.
fn require_quantity(market: &Market, leg: &Leg, [first, second]: &[Portfolio; 2]) -> Refused<()> {
    if leg.quantity == 0 {
        return refused(NovateError::ZeroAmount);
    }
    let closes =
        first.quantity_of(leg.instrument) == -leg.quantity || second.quantity_of(leg.instrument) == leg.quantity;
    if closes {
        return Ok(());
    }
    if leg.quantity % market.lot.0 != 0 {
        return refused(NovateError::InvalidQuantity);
    }
    if leg.quantity.abs() < market.minimum.0 {
        return refused(NovateError::BelowMinimum);
    }
    Ok(())
}
