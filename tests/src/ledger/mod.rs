//! A plain ledger of a pool, kept from its events alone: who holds what, what every market, bank and the insurance fund count.
//!
//! Nothing here is shared with the program, its client or the margin crate. Events are read as `docs/events.md` describes them, what
//! follows from one is worked out here by the rules of `docs/clearing.md`, and every amount that an event states as of after the
//! instruction is compared with what was worked out. [`Ledger::differences`] compares the whole with the accounts.

pub mod books;
mod claims;
pub mod format;
mod rounds;

use std::collections::BTreeMap;

pub use books::Books;
use books::{Asset, Auction, Claim, Claims, Fill, Market, Orders, Portfolio, Position, Side, Stake};
use format::Fields;

use crate::checker::{kind_of, market_of, Key, Raw, CALL, PERPETUAL, PUT};

/// Index of the settlement asset.
const SETTLEMENT: u16 = 0;
/// A settlement unit in units of a quantity times a price, 1e-18 USD.
const UNIT: i128 = 1_000_000_000_000;
/// The whole, in fractions of a slice.
const WHOLE: i128 = 1_000_000_000;
/// Seconds of a bucket of pending gains.
const HOUR: i128 = 3_600;

/// Units of nonces in a second.
const MICROSECONDS: i128 = 1_000_000;
/// How much is filled of an order of which nothing more may be.
const CANCELLED: i128 = i64::MAX as i128;

/// Events that move no money.
pub const QUIET: [&str; 31] = [
    "PoolCreated",
    "RoleProposed",
    "RoleCancelled",
    "RoleAccepted",
    "ChangeScheduled",
    "ChangeCancelled",
    "DelaysSet",
    "AssetSet",
    "AssetMigrated",
    "MarketSet",
    "OracleSet",
    "ParamsSet",
    "ScenariosSwitched",
    "PauseSet",
    "CommitteeSet",
    "MemberRemoved",
    "VenueRegistered",
    "VenueRemoved",
    "StrikesListed",
    "ForecastSubmitted",
    "ForecastsApplied",
    "AssetForecastSubmitted",
    "AssetForecastsApplied",
    "ScenariosStaged",
    "RedemptionRefreshed",
    "MarketRefreshed",
    "MidReported",
    "ExpiryRefreshed",
    "ExpiryFixed",
    "SettlementPriceSubmitted",
    "SettlementPriceSet",
];

/// What a ledger finds wrong with an event, in words.
type Booked = Result<(), String>;

/// A ledger of one pool, empty at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    pool: Key,
    pub books: Books,
    /// What did not fit so far.
    pub wrong: Vec<String>,
}

fn floor(a: i128, b: i128) -> i128 {
    a.div_euclid(b)
}

fn ceil(a: i128, b: i128) -> i128 {
    -(-a).div_euclid(b)
}

/// What shares are worth, both rounded down and what is cut off, in 2^-64.
fn worth(shares: i128, index: i128) -> (i128, i128) {
    let (high, low) = (index >> 64, index & 0xffff_ffff_ffff_ffff);
    // Below 2^64 each, so that the second product is of 128 bits: no sign.
    let product = (low as u128).wrapping_mul(shares as u128);
    (high.wrapping_mul(shares) + (product >> 64) as i128, (product & 0xffff_ffff_ffff_ffff) as i128)
}

fn expect(what: &str, stated: i128, own: i128) -> Booked {
    if stated == own {
        return Ok(());
    }
    Err(format!("{what} is {stated} by the event, {own} by the ledger"))
}

fn is_option(instrument: u64) -> bool {
    [CALL, PUT].contains(&kind_of(instrument))
}

impl Position {
    fn is_empty(&self) -> bool {
        (self.quantity, self.cost, self.pending_old, self.pending_new, self.gain) == (0, 0, 0, 0, 0)
    }

    /// Gains that have been pending for an hour and more since their bucket began leave it; see `docs/clearing.md`, Variation.
    /// Of all together `hold` stay.
    fn release(&mut self, now: i128, hold: i128) -> i128 {
        let age = now - self.pending_since;
        if age < HOUR {
            return 0;
        }
        let due = if age < 2 * HOUR { self.pending_old } else { self.pending_old + self.pending_new };
        let released = due.min((self.pending_old + self.pending_new).saturating_sub(hold).max(0));
        (self.pending_old, self.pending_since) =
            if age < 2 * HOUR { (self.pending_new, self.pending_since + HOUR) } else { (0, now) };
        self.pending_new = 0;
        self.pending_old += due - released;
        released
    }

    /// The slice of a liquidation: the quantity towards zero, the cost up, gains down. A registered gain stays.
    fn cut(&mut self, fraction: i128) -> Self {
        let slice = Self {
            quantity: self.quantity * fraction / WHOLE,
            cost: ceil(self.cost * fraction, WHOLE),
            pending_old: floor(self.pending_old * fraction, WHOLE),
            pending_new: floor(self.pending_new * fraction, WHOLE),
            gain: 0,
            round: 0,
            ..*self
        };
        self.quantity -= slice.quantity;
        self.cost -= slice.cost;
        self.pending_old -= slice.pending_old;
        self.pending_new -= slice.pending_new;
        slice
    }
}

impl Market {
    /// Charges a perpetual the funding up to a cumulative index, rounded up; what that adds is dust, and rounding once it is a
    /// unit.
    fn charge(&mut self, position: &mut Position, funding: i128) -> i128 {
        let exact = position.quantity * (funding - position.funding);
        let owed = ceil(exact, UNIT);
        let dust = owed * UNIT - exact + self.funding_dust;
        self.funding_dust = dust % UNIT;
        self.rounding += dust / UNIT;
        self.funding_applied += owed - dust / UNIT;
        position.cost += owed;
        position.funding = funding;
        owed
    }
}

impl Orders {
    /// An order keeps its slot; a new one takes the first of which the order can be filled no more.
    fn note(&mut self, order: &Fields, filled: i128, now: i128) -> Booked {
        let [nonce, until] = ["nonce", "until"].map(|name| order.number(name));
        let least = self.minimum_nonce;
        let own = self.fills.iter().position(|fill| (fill.nonce, fill.until) == (nonce, until));
        let free = || self.fills.iter().position(|fill| fill.until <= now || fill.nonce < least);
        self.fills[own.or_else(free).ok_or("no slot is free")?] = Fill { nonce, filled, until };
        Ok(())
    }
}

impl Portfolio {
    fn owes(&self) -> bool {
        !self.positions.is_empty() || self.balances.values().any(|b| b[2] != 0)
    }

    /// Cash, or tokens that are not lent.
    fn tokens(&self, asset: u16) -> i128 {
        match asset {
            SETTLEMENT => self.cash,
            _ => self.balances.get(&asset).map_or(0, |b| b[0]),
        }
    }

    fn add_tokens(&mut self, claims: &mut Claims, asset: u16, amount: i128) {
        match asset {
            SETTLEMENT => self.move_cash(claims, amount),
            _ => self.add(asset, [amount, 0, 0]),
        }
    }

    fn add(&mut self, asset: u16, amounts: [i128; 3]) {
        let balance = self.balances.entry(asset).or_default();
        balance.iter_mut().zip(amounts).for_each(|(held, more)| *held += more);
        if *balance == [0; 3] {
            self.balances.remove(&asset);
        }
    }

    fn position(&mut self, instrument: u64, now: i128) -> &mut Position {
        self.positions.entry(instrument).or_insert(Position { pending_since: now, ..Position::default() })
    }

    fn free_empty(&mut self) {
        self.positions.retain(|_, position| !position.is_empty());
    }

    /// What is left of the reserve of its auction.
    fn payable(&self) -> i128 {
        self.auction.reserved - self.auction.paid
    }

    fn next(&mut self, stated: i128) -> Booked {
        self.sequence += 1;
        expect("the sequence", stated, self.sequence)
    }

    /// A solvent auction ended or not, as the event says.
    fn leave(&mut self, ended: bool) -> Booked {
        if !ended {
            return Ok(());
        }
        if self.auction.start == 0 || self.auction.insolvent {
            return Err(format!("no solvent auction could end: {:?}", self.auction));
        }
        self.auction.start = 0;
        Ok(())
    }
}

impl Books {
    fn asset(&mut self, event: &Fields) -> Result<(u16, &mut Asset), String> {
        let index = event.number("asset") as u16;
        Ok((index, self.assets.get_mut(&index).ok_or(format!("there is no asset {index}"))?))
    }

    fn settlement(&mut self) -> Result<&mut Asset, String> {
        self.assets.get_mut(&SETTLEMENT).ok_or("there is no settlement asset".into())
    }

    fn market(&mut self, index: u16) -> Result<&mut Market, String> {
        self.markets.get_mut(&index).ok_or(format!("there is no market {index}"))
    }

    fn claims(&mut self) -> Result<&mut Claims, String> {
        Ok(&mut self.settlement()?.claims)
    }

    /// Deposits pay for what somebody lacks, as the event says.
    fn charge_deposits(&mut self, event: &Fields) -> Result<i128, String> {
        let charged = event.inner("from_deposits");
        let [free, held, lent, index] = ["free", "held", "lent", "lent_index"].map(|name| charged.number(name));
        let settlement = self.settlement()?;
        settlement.claims.charge(charged)?;
        settlement.cash += lent;
        if lent > 0 {
            let liquid = settlement.lent.tokens + settlement.reserve - settlement.loans.tokens - lent;
            settlement.lent.revalue(index, false);
            settlement.reserve = liquid - settlement.lent.tokens + settlement.loans.tokens;
        } else {
            expect("what a share is worth", index, 0)?;
        }
        Ok(free + held + lent)
    }

    fn portfolio(&mut self, event: &Fields, name: &str) -> Result<&mut Portfolio, String> {
        self.portfolios.get_mut(&event.key(name)).ok_or(format!("{name} is not open"))
    }

    /// Takes tokens of an asset into what balances hold and is not lent, or out of it.
    fn count(&mut self, index: u16, amount: i128) -> Booked {
        let asset = self.assets.get_mut(&index).ok_or(format!("there is no asset {index}"))?;
        *if index == SETTLEMENT { &mut asset.cash } else { &mut asset.deposits } += amount;
        Ok(())
    }
}

impl Side {
    /// Tokens that all shares are worth: of what is lent rounded down, of loans up.
    fn revalue(&mut self, index: i128, up: bool) {
        self.index = index;
        let (whole, cut) = worth(self.shares, index);
        self.tokens = whole + i128::from(up && cut > 0);
    }
}

impl Asset {
    /// Shares of lenders and borrowers change while tokens come into the bank or leave it; what interest and rounding leave is
    /// the bank's.
    fn bank(&mut self, event: &Fields, shares: [i128; 2], came: i128) -> Booked {
        let liquid = self.lent.tokens + self.reserve - self.loans.tokens + came;
        self.lent.shares += shares[0];
        self.loans.shares += shares[1];
        let interest = event.inner("interest");
        if interest.number("lent_index") < self.lent.index || interest.number("loan_index") < self.loans.index {
            return Err("an index fell".into());
        }
        self.lent.revalue(interest.number("lent_index"), false);
        self.loans.revalue(interest.number("loan_index"), true);
        self.reserve = liquid - self.lent.tokens + self.loans.tokens;
        expect("the bank's reserve", interest.number("reserve"), self.reserve)
    }
}

impl Ledger {
    pub fn new(pool: Key) -> Self {
        Self { pool, books: Books::default(), wrong: vec![] }
    }

    /// Books an event of the pool; those of other pools are none of its business. Returns the event's name.
    pub fn take(&mut self, event: &[u8]) -> Option<&'static str> {
        let (name, fields) = match format::decode(event) {
            Ok(decoded) => decoded,
            Err(error) => {
                self.wrong.push(format!("ledger: {error}"));
                return None;
            }
        };
        if fields.key("pool") != self.pool {
            return None;
        }
        if let Err(error) = expect("the version", fields.number("version"), 1).and_then(|()| self.book(name, &fields)) {
            self.wrong.push(format!("ledger: {name}: {error}"));
        }
        if let Some(settlement) = self.books.assets.get_mut(&SETTLEMENT) {
            settlement.claims.note_shortage(&self.books.insurance);
        }
        Some(name)
    }

    /// What did not fit, and where the accounts have something else.
    pub fn differences(&self, accounts: &[Raw]) -> Vec<String> {
        let mut found = self.wrong.clone();
        found.extend(self.books.differences(&Books::of(accounts, self.pool)));
        found
    }

    fn book(&mut self, name: &str, event: &Fields) -> Booked {
        match name {
            "AssetAdded" => {
                let one = Side { index: 1 << 64, ..Side::default() };
                let claims = Claims::default();
                let asset = Asset { vault: 0, deposits: 0, cash: 0, lent: one, loans: one, reserve: 0, claims };
                self.books.assets.insert(event.number("index") as u16, asset);
                Ok(())
            }
            "MarketAdded" => {
                self.books.markets.insert(event.number("index") as u16, Market::default());
                Ok(())
            }
            "ExpiryListed" => {
                self.books.expiries.insert(expiry(event), 0);
                Ok(())
            }
            "ExpiryClosed" => self.close_expiry(event),
            "PortfolioOpened" => self.open(event),
            "PortfolioClosed" => self.close(event),
            "OrdersCancelled" => self.cancel_orders(event),
            "DelegateSet" | "VenueOptedIn" | "VenueOptedOut" => {
                self.books.portfolio(event, "portfolio")?.next(event.number("sequence"))
            }
            "Moved" => self.move_tokens(event),
            "Transferred" => self.transfer(event),
            "Traded" => self.trade(event),
            "VariationSettled" => self.settle_variation(event),
            "ExpirySettled" => self.settle_expiry(event),
            "AuctionStarted" => self.start_auction(event),
            "AuctionEnded" => {
                let portfolio = self.books.portfolio(event, "portfolio")?;
                portfolio.next(event.number("sequence"))?;
                self.end_auction(event, "portfolio")
            }
            "Liquidated" => self.liquidate(event),
            "BankruptcyResolved" => self.resolve(event),
            "HaircutBorne" => self.bear(event),
            "HaircutClosed" => self.close_haircut(event),
            "Lent" => self.lend(event, [1, 0], -1, None),
            "Unlent" => self.lend(event, [1, 0], 1, None),
            "Borrowed" => self.lend(event, [0, 1], 1, None),
            "Repaid" => self.lend(event, [0, 1], -1, Some(event.number("held"))),
            "LossBorrowed" => self.borrow_for_loss(event),
            "LendingSet" => self.books.asset(event)?.1.bank(event, [0, 0], 0),
            "AssetRefreshed" => {
                let (_, asset) = self.books.asset(event)?;
                asset.bank(event, [0, 0], 0)?;
                expect("what is lent", event.number("lent"), asset.lent.tokens)?;
                expect("loans", event.number("loans"), asset.loans.tokens)
            }
            "InsuranceFunded" => {
                let amount = event.number("amount");
                self.books.settlement()?.vault += amount;
                self.books.insurance.capital += amount;
                expect("capital", event.number("capital"), self.books.insurance.capital)
            }
            "FeesCollected" => self.collect_fees(event),
            "Staked" => self.stake(event),
            "Unstaked" => self.unstake(event),
            "UnstakeRequested" => {
                let stake = self.books.stakes.get_mut(&event.key("owner")).ok_or("there is no stake")?;
                stake.enter(event);
                stake.requested = event.number("shares");
                Ok(())
            }
            "StakeClosed" => {
                let stake = self.books.stakes.remove(&event.key("owner")).ok_or("there is no stake")?;
                let shares = if stake.era == self.books.insurance.era { stake.shares } else { 0 };
                expect("shares of a closed stake", 0, shares)
            }
            quiet if QUIET.contains(&quiet) => Ok(()),
            _ => Err("the ledger does not know it".into()),
        }
    }

    fn open(&mut self, event: &Fields) -> Booked {
        let [sequence, generation] = ["sequence", "generation"].map(|name| event.number(name));
        let minimum_nonce = event.number("time") * MICROSECONDS;
        let orders = Orders { minimum_nonce, ..Orders::default() };
        let opened = Portfolio { sequence, generation, orders, ..Portfolio::default() };
        match self.books.portfolios.insert(event.key("portfolio"), opened) {
            None => Ok(()),
            Some(_) => Err("it was open".into()),
        }
    }

    fn close(&mut self, event: &Fields) -> Booked {
        let mut closed = self.books.portfolios.remove(&event.key("portfolio")).ok_or("it was not open")?;
        closed.next(event.number("sequence"))?;
        expect("the generation", event.number("generation"), closed.generation)?;
        closed.bear(self.books.claims()?);
        if closed.claim.left == 0 {
            closed.claim = Claim::default();
        }
        let Portfolio { sequence, generation, orders, .. } = closed;
        match closed == (Portfolio { sequence, generation, orders, ..Portfolio::default() }) {
            true => Ok(()),
            false => Err(format!("it held {closed:?}")),
        }
    }

    /// The minimum rises or stays; orders that were void already take no slot.
    fn cancel_orders(&mut self, event: &Fields) -> Booked {
        let (minimum, now) = (event.number("minimum_nonce"), event.number("time"));
        let portfolio = self.books.portfolio(event, "portfolio")?;
        let orders = &mut portfolio.orders;
        if minimum < orders.minimum_nonce {
            return Err(format!("the minimum nonce fell to {minimum}"));
        }
        orders.minimum_nonce = minimum;
        for order in event.entries("orders") {
            if order.number("nonce") >= minimum && order.number("until") > now {
                orders.note(order, CANCELLED, now)?;
            }
        }
        portfolio.next(event.number("sequence"))
    }

    fn close_expiry(&mut self, event: &Fields) -> Booked {
        let settled = self.books.expiries.remove(&expiry(event)).ok_or("there is no such expiry")?;
        self.books.market(event.number("market") as u16)?.rounding -= settled;
        expect("rounding", event.number("rounding"), -settled)
    }

    fn move_tokens(&mut self, event: &Fields) -> Booked {
        let amount = event.number("amount");
        let (index, asset) = self.books.asset(event)?;
        asset.vault += amount;
        self.books.count(index, amount)?;
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        let claims = self.books.claims()?;
        if index == SETTLEMENT {
            portfolio.dispose(claims, amount, event.number("held"))?;
            // What leaves while something is at stake counts as having left until it comes back.
            let left = if claims.at_stake() > 0 || amount > 0 { (-amount).max(-portfolio.claim.left) } else { 0 };
            portfolio.claim.left += left;
            claims.left += left;
        } else {
            portfolio.add(index, [amount, 0, 0]);
        }
        portfolio.next(event.number("sequence"))?;
        expect("the balance", event.number("balance"), portfolio.tokens(index))?;
        expect("what is held back", event.number("held"), portfolio.claim.held)?;
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        Ok(())
    }

    fn transfer(&mut self, event: &Fields) -> Booked {
        let (amount, index) = (event.number("amount"), event.number("asset") as u16);
        for (name, amount) in [("from", -amount), ("to", amount)] {
            let mut portfolio = self.books.portfolio(event, name)?.clone();
            let claims = self.books.claims()?;
            if index == SETTLEMENT && name == "from" {
                portfolio.dispose(claims, amount, event.number("from_held"))?;
            } else {
                portfolio.add_tokens(claims, index, amount);
            }
            portfolio.next(event.number(&format!("{name}_sequence")))?;
            expect("a balance", event.number(&format!("{name}_balance")), portfolio.tokens(index))?;
            if name == "from" {
                expect("what is held back", event.number("from_held"), portfolio.claim.held)?;
            }
            self.books.portfolios.insert(event.key(name), portfolio);
        }
        Ok(())
    }

    fn trade(&mut self, event: &Fields) -> Booked {
        let (legs, indices) = (event.entries("legs"), event.numbers("funding_indices"));
        expect("the number of funding indices", indices.len() as i128, legs.len() as i128)?;
        let now = event.number("time");
        let names = ["first", "second"];
        let mut sides = names.map(|name| self.books.portfolio(event, name).cloned());
        let [Ok(first), Ok(second)] = &mut sides else { return Err("a side is not open".into()) };
        let mut sides = [first, second];
        for (name, side) in names.into_iter().zip(&mut sides) {
            self.books.bear(side, &event.entries(&format!("{name}_borne")), now)?;
        }
        let (mut funding, mut premiums, mut options) = ([0; 2], [0; 2], false);
        for (leg, index) in legs.into_iter().zip(indices) {
            let (instrument, quantity) = (leg.number("instrument") as u64, leg.number("quantity"));
            let costs = ["first_cost", "second_cost"].map(|name| leg.number(name));
            let value = quantity.abs() * leg.number("price");
            // What each side paid beside the value, rounded up for the buyer and down for the seller: its fee.
            let (bought, sold) = (ceil(value, UNIT), floor(value, UNIT));
            let [buyer, seller] = if quantity > 0 { costs } else { [costs[1], costs[0]] };
            let fees = [buyer - bought, seller + sold];
            if fees[0] != fees[1] || fees[0] < 0 {
                return Err(format!("fees of {fees:?} in a leg"));
            }
            let (option, claims) = (is_option(instrument), *self.books.claims()?);
            options |= option;
            let market = self.books.market(market_of(instrument))?;
            for (at, side) in sides.iter_mut().enumerate() {
                let position = side.position(instrument, now);
                if kind_of(instrument) == PERPETUAL {
                    funding[at] += market.charge(position, index);
                } else {
                    expect("the funding of what is no perpetual", index, 0)?;
                }
                position.quantity += if at == 0 { quantity } else { -quantity };
                if option {
                    premiums[at] += costs[at];
                } else {
                    position.cost += costs[at];
                }
            }
            market.rounding += bought - sold;
            market.accrued_fees += 2 * fees[0];
            if option {
                let mut claims = claims;
                market.keep(costs[0] + costs[1], &mut claims);
                *self.books.claims()? = claims;
            }
        }
        for (at, (name, portfolio)) in names.into_iter().zip(sides).enumerate() {
            let stated = |what: &str| event.number(&format!("{name}_{what}"));
            let claims = self.books.claims()?;
            if options {
                // What one side pays the other and the market receive: the cash of all stays what it was.
                portfolio.dispose(claims, 0, stated("held"))?;
                portfolio.cash -= premiums[at];
            }
            if let Some(filled) = event.perhaps(&format!("{name}_order")) {
                portfolio.orders.note(filled.inner("order"), filled.number("filled"), now)?;
            }
            portfolio.free_empty();
            portfolio.next(stated("sequence"))?;
            portfolio.leave(event.is(&format!("{name}_restored")))?;
            expect("cash", stated("cash"), portfolio.cash)?;
            expect("what is held back", stated("held"), portfolio.claim.held)?;
            expect("funding", stated("funding"), funding[at])?;
            self.books.portfolios.insert(event.key(name), portfolio.clone());
        }
        Ok(())
    }

    fn settle_variation(&mut self, event: &Fields) -> Booked {
        let instrument = event.number("instrument") as u64;
        let (amount, index) = (event.number("amount"), event.number("funding_index"));
        let now = event.number("time");
        let mut market = *self.books.market(market_of(instrument))?;
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        let mut claims = *self.books.claims()?;
        portfolio.bear(&mut claims);
        let position = portfolio.positions.get_mut(&instrument).ok_or("there is no position")?;
        market.bear(position, event.inner("borne"), now)?;
        let released = position.release(now, market.holds_back(claims.shortage, now));
        let funds = kind_of(instrument) == PERPETUAL && position.quantity != 0;
        let funding = if funds { market.charge(position, index) } else { 0 };
        expect("the funding index", index, position.funding)?;
        expect("funding", event.number("funding"), funding)?;
        expect("what was released", event.number("released"), released)?;
        position.cost += amount;
        let mut due = (-amount).max(0);
        if amount > 0 {
            position.pending_new += amount;
        } else {
            for means in [&mut position.pending_new, &mut position.pending_old] {
                let paid = due.min(*means);
                *means -= paid;
                due -= paid;
            }
        }
        portfolio.move_cash(&mut claims, released - due);
        if portfolio.cash < 0 {
            return Err(format!("{} is what nothing paid for", -portfolio.cash));
        }
        market.variation_pool -= amount;
        expect("cash", event.number("cash"), portfolio.cash)?;
        expect("the variation pool", event.number("variation_pool"), market.variation_pool)?;
        portfolio.next(event.number("sequence"))?;
        leave_without_debts(&mut portfolio, event)?;
        *self.books.market(market_of(instrument))? = market;
        *self.books.claims()? = claims;
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        Ok(())
    }

    fn settle_expiry(&mut self, event: &Fields) -> Booked {
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        self.books.bear(&mut portfolio, &event.entries("borne"), event.number("time"))?;
        let mut settled = 0;
        for entry in event.entries("positions") {
            let instrument = entry.number("instrument") as u64;
            let position = portfolio.positions.get_mut(&instrument).ok_or("there is no such position")?;
            expect("a quantity", entry.number("quantity"), position.quantity)?;
            position.quantity = 0;
            position.cost -= entry.number("value");
            settled += entry.number("value");
        }
        portfolio.next(event.number("sequence"))?;
        leave_without_debts(&mut portfolio, event)?;
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        *self.books.expiries.get_mut(&expiry(event)).ok_or("there is no such expiry")? += settled;
        Ok(())
    }

    /// A gain is registered or charged by itself.
    fn bear(&mut self, event: &Fields) -> Booked {
        let instrument = event.number("instrument") as u64;
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        let position = portfolio.positions.get_mut(&instrument).ok_or("there is no position")?;
        let market = self.books.market(market_of(instrument))?;
        market.bear(position, event.inner("borne"), event.number("time"))?;
        let round = market.round;
        let stated = [("round", round.number), ("gains", round.gains), ("uncharged", round.uncharged)];
        for (what, own) in stated.into_iter().chain([("haircut", market.haircut)]) {
            expect(what, event.number(what), own)?;
        }
        portfolio.next(event.number("sequence"))?;
        leave_without_debts(&mut portfolio, event)?;
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        Ok(())
    }

    fn close_haircut(&mut self, event: &Fields) -> Booked {
        let paid = self.books.charge_deposits(event)?;
        let market = self.books.market(event.number("market") as u16)?;
        expect("the round", event.number("round"), market.round.number)?;
        expect("what is left", event.number("remainder"), market.end_round(event.number("time"))?)?;
        market.haircut -= paid;
        market.variation_pool += paid;
        let forgiven = market.round.forgiven;
        expect("the haircut", event.number("haircut"), market.haircut)?;
        self.books.claims()?.note_closed(forgiven);
        Ok(())
    }

    fn start_auction(&mut self, event: &Fields) -> Booked {
        self.end_auction(event, "portfolio")?;
        let auction = Auction {
            start: event.number("time"),
            insolvent: event.is("insolvent"),
            reserved: event.number("reserved"),
            paid: 0,
        };
        self.books.insurance.reserved += auction.reserved;
        let portfolio = self.books.portfolio(event, "portfolio")?;
        portfolio.auction = auction;
        portfolio.next(event.number("sequence"))
    }

    /// What is left of the reserve is set aside no more.
    fn end_auction(&mut self, event: &Fields, name: &str) -> Booked {
        let portfolio = self.books.portfolio(event, name)?;
        let released = portfolio.payable();
        portfolio.auction = Auction::default();
        self.books.insurance.reserved -= released;
        expect("what was released", event.number("released"), released)
    }

    fn liquidate(&mut self, event: &Fields) -> Booked {
        let now = event.number("time");
        let [fraction, price, forgiven] = ["fraction", "price", "forgiven"].map(|name| event.number(name));
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        let mut taker = self.books.portfolio(event, "taker")?.clone();
        let shortage = self.books.claims()?.shortage;

        // What the positions owe before they are cut.
        let indices = event.numbers("funding_indices");
        let mut indices = indices.into_iter();
        let (mut funded, mut funding) = (BTreeMap::new(), 0);
        for (instrument, position) in &mut portfolio.positions {
            if kind_of(*instrument) == PERPETUAL && position.quantity != 0 {
                let index = indices.next().ok_or("a funding index is missing")?;
                funding += self.books.market(market_of(*instrument))?.charge(position, index);
                funded.insert(*instrument, index);
            }
        }
        expect("funding indices too many", indices.len() as i128, 0)?;
        let losses = self.forgive(event, &mut portfolio)?;
        self.books.bear(&mut taker, &event.entries("taker_borne"), now)?;

        let payout = (-price).max(0);
        portfolio.auction.paid += payout;
        self.books.insurance.reserved -= payout;
        self.raise(event, payout - forgiven, Some(&mut portfolio))?;
        let mut claims = *self.books.claims()?;
        self.cut_cash(&mut portfolio, &mut taker, &mut claims, [fraction, price + forgiven]);
        for (asset, amounts) in portfolio.balances.clone() {
            let [tokens, lent] = [0, 1].map(|at| floor(amounts[at] * fraction, WHOLE));
            let slice = [tokens, lent, ceil(amounts[2] * fraction, WHOLE)];
            if slice != [0; 3] {
                portfolio.add(asset, slice.map(|amount| -amount));
                taker.add(asset, slice);
            }
        }
        let (mut taker_funding, mut released) = (0, 0);
        for (instrument, position) in &mut portfolio.positions {
            let market = self.books.market(market_of(*instrument))?;
            let mut slice = position.cut(fraction);
            slice.cost -= losses.get(instrument).copied().unwrap_or_default();
            if slice.is_empty() {
                continue;
            }
            let held = taker.position(*instrument, now);
            released += held.release(now, market.holds_back(shortage, now));
            if let Some(index) = funded.get(instrument) {
                taker_funding += market.charge(held, *index);
            }
            held.quantity += slice.quantity;
            held.cost += slice.cost;
            held.pending_new += slice.pending_old + slice.pending_new;
        }
        taker.move_cash(&mut claims, released);
        *self.books.claims()? = claims;
        portfolio.free_empty();
        taker.free_empty();
        portfolio.next(event.number("sequence"))?;
        taker.next(event.number("taker_sequence"))?;
        for (what, own) in [
            ("funding", funding),
            ("taker_funding", taker_funding),
            ("taker_released", released),
            ("cash", portfolio.cash),
            ("taker_cash", taker.cash),
        ] {
            expect(what, event.number(what), own)?;
        }
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        self.books.portfolios.insert(event.key("taker"), taker);
        match event.is("restored") {
            true => self.end_auction(event, "portfolio"),
            false => expect("what was released", event.number("released"), 0),
        }
    }

    /// Positions of the liquidated portfolio are charged; without equity it bears nothing in rounds that are open. Then losses are
    /// forgiven, then gains registered. Returns what was forgiven by instrument.
    fn forgive(&mut self, event: &Fields, portfolio: &mut Portfolio) -> Result<BTreeMap<u64, i128>, String> {
        let (now, entries) = (event.number("time"), event.entries("borne"));
        self.books.charge_gains(portfolio, &entries)?;
        self.exempt(event, portfolio)?;
        let (mut losses, mut taken) = (BTreeMap::new(), 0);
        for loss in event.entries("losses") {
            let (instrument, amount) = (loss.number("instrument") as u64, loss.number("amount"));
            if !portfolio.positions.contains_key(&instrument) || losses.insert(instrument, amount).is_some() {
                return Err(format!("{amount} is forgiven in {instrument:#x}"));
            }
            taken += self.books.market(market_of(instrument))?.forgive(amount, loss.number("round"), now)?;
        }
        expect("what was forgiven", event.number("forgiven"), losses.values().sum())?;
        self.books.claims()?.forgiven += taken;
        self.exempt(event, portfolio)?;
        self.books.register_gains(portfolio, &entries, now)?;
        Ok(losses)
    }

    fn exempt(&mut self, event: &Fields, portfolio: &mut Portfolio) -> Booked {
        if event.number("equity_before") <= 0 {
            for (instrument, position) in &mut portfolio.positions {
                self.books.market(market_of(*instrument))?.exempt(position, event.number("time"));
            }
        }
        Ok(())
    }

    /// The slice of cash, with its part of what is held back, and what the taker pays or receives.
    fn cut_cash(&self, portfolio: &mut Portfolio, taker: &mut Portfolio, claims: &mut Claims, bid: [i128; 2]) {
        let [fraction, price] = bid;
        portfolio.bear(claims);
        taker.bear(claims);
        let left = portfolio.cash - floor(portfolio.cash * fraction, WHOLE);
        let [held, gone] = [portfolio.claim.held, portfolio.claim.left].map(|amount| floor(amount * fraction, WHOLE));
        for (portfolio, sign) in [(&mut *portfolio, -1), (&mut *taker, 1)] {
            portfolio.claim.held += sign * held;
            portfolio.claim.left += sign * gone;
            portfolio.cash += sign * held;
        }
        let rest = portfolio.cash - left;
        taker.move_cash(claims, rest);
        taker.move_cash(claims, -price);
        portfolio.move_cash(claims, price.max(0) - rest);
    }

    /// Cash for a deficit: out of insurance, capital and stake as the event says, then out of all deposits. That of a portfolio in
    /// the auction does not pay.
    fn raise(&mut self, event: &Fields, amount: i128, but: Option<&mut Portfolio>) -> Booked {
        let [capital, stake] = ["from_capital", "from_stake"].map(|name| event.number(name));
        let fund = &mut self.books.insurance;
        let insured = capital + stake;
        fund.paid_out += insured;
        fund.deficits += event.number("deficit");
        fund.capital -= capital;
        fund.staked -= stake;
        if stake > 0 && fund.capital > 0 {
            return Err("stake paid before capital".into());
        }
        if event.is("stake_ended") {
            fund.capital += fund.staked;
            (fund.staked, fund.shares) = (0, 0);
            fund.era += 1;
        }
        self.books.settlement()?.cash += insured;
        let deposits = match but.filter(|_| amount > insured) {
            None => self.books.charge_deposits(event)?,
            Some(portfolio) => {
                let claims = self.books.claims()?;
                portfolio.renounce(claims);
                let own = portfolio.cash;
                portfolio.move_cash(claims, -own);
                let deposits = self.books.charge_deposits(event)?;
                portfolio.move_cash(self.books.claims()?, own);
                deposits
            }
        };
        let fund = &self.books.insurance;
        if deposits > 0 && (fund.capital, fund.staked) != (0, 0) {
            return Err("deposits paid before insurance".into());
        }
        expect("what was raised", insured + deposits, amount)
    }

    fn resolve(&mut self, event: &Fields) -> Booked {
        let now = event.number("time");
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        portfolio.bear(self.books.claims()?);
        self.books.bear(&mut portfolio, &event.entries("borne"), now)?;
        let [deficit, forgiven, repaid] = ["deficit", "forgiven", "repaid"].map(|name| event.number(name));
        self.books.insurance.reserved -= portfolio.payable();
        self.raise(event, deficit - forgiven, None)?;
        let (mut sums, mut taken) = ([0; 2], 0);
        for loss in event.entries("losses") {
            let instrument = loss.number("instrument") as u64;
            let [amount, forgiven] = ["amount", "forgiven"].map(|name| loss.number(name));
            sums = [sums[0] + amount, sums[1] + forgiven];
            let position = portfolio.positions.get_mut(&instrument).ok_or("there is no such position")?;
            expect("a loss", amount, position.cost)?;
            position.cost = 0;
            let market = self.books.market(market_of(instrument))?;
            match forgiven {
                0 => expect("the round of nothing", loss.number("round"), 0)?,
                forgiven => taken += market.forgive(forgiven, loss.number("round"), now)?,
            }
            market.variation_pool += amount - forgiven;
        }
        expect("the deficit", deficit, sums[0] + repaid)?;
        expect("what was forgiven", forgiven, sums[1])?;
        self.books.claims()?.forgiven += taken;
        let loan = portfolio.balances.get(&SETTLEMENT).map_or(0, |held| held[2]);
        portfolio.add(SETTLEMENT, [0, 0, -loan]);
        self.books.count(SETTLEMENT, -repaid)?;
        self.books.settlement()?.bank(event, [0, -loan], repaid)?;
        portfolio.free_empty();
        portfolio.auction = Auction::default();
        portfolio.next(event.number("sequence"))?;
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        Ok(())
    }

    /// `sides` says whether shares of what is lent or of a loan change, `way` whether tokens come to the portfolio or leave it.
    /// `held` is what the event says is held back of cash then.
    fn lend(&mut self, event: &Fields, sides: [i128; 2], way: i128, held: Option<i128>) -> Booked {
        let (amount, index) = (way * event.number("amount"), event.number("asset") as u16);
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        portfolio.next(event.number("sequence"))?;
        let claims = self.books.claims()?;
        match held {
            Some(held) if index == SETTLEMENT => portfolio.dispose(claims, amount, held)?,
            _ => portfolio.add_tokens(claims, index, amount),
        }
        expect("the balance", event.number("balance"), portfolio.tokens(index))?;
        expect("what is held back", held.unwrap_or(portfolio.claim.held), portfolio.claim.held)?;
        let held = portfolio.balances.get(&index).copied().unwrap_or_default();
        let more = [0, 1].map(|side| sides[side] * (event.number("shares") - held[side + 1]));
        portfolio.add(index, [0, more[0], more[1]]);
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        self.books.count(index, amount)?;
        self.books.asset(event)?.1.bank(event, more, -amount)
    }

    fn borrow_for_loss(&mut self, event: &Fields) -> Booked {
        let amount = event.number("unlent") + event.number("borrowed");
        let mut portfolio = self.books.portfolio(event, "portfolio")?.clone();
        portfolio.next(event.number("sequence"))?;
        portfolio.move_cash(self.books.claims()?, amount);
        expect("cash", event.number("cash"), portfolio.cash)?;
        let held = portfolio.balances.get(&SETTLEMENT).copied().unwrap_or_default();
        let more = [event.number("lent_shares") - held[1], event.number("shares") - held[2]];
        portfolio.add(SETTLEMENT, [0, more[0], more[1]]);
        let ends = portfolio.auction.start != 0 && !portfolio.auction.insolvent && event.number("borrowed") > 0;
        expect("the end of an auction", event.number("auction_ended"), i128::from(ends))?;
        portfolio.leave(ends)?;
        self.books.portfolios.insert(event.key("portfolio"), portfolio);
        self.books.count(SETTLEMENT, amount)?;
        self.books.settlement()?.bank(event, more, -amount)
    }

    fn collect_fees(&mut self, event: &Fields) -> Booked {
        let amount = event.number("amount");
        let mut claims = *self.books.claims()?;
        let market = self.books.market(event.number("market") as u16)?;
        market.sweep(&mut claims);
        market.accrued_fees -= amount;
        market.variation_pool -= amount;
        expect("fees", event.number("accrued_fees"), market.accrued_fees)?;
        expect("the variation pool", event.number("variation_pool"), market.variation_pool)?;
        *self.books.claims()? = claims;
        self.books.settlement()?.cash -= amount;
        self.books.insurance.capital += amount;
        expect("capital", event.number("capital"), self.books.insurance.capital)
    }

    fn stake(&mut self, event: &Fields) -> Booked {
        let [amount, shares] = ["amount", "shares"].map(|name| event.number(name));
        self.books.settlement()?.vault += amount;
        let stake = self.books.stakes.entry(event.key("owner")).or_default();
        stake.enter(event);
        stake.shares += shares;
        self.books.insurance.staked += amount;
        self.books.insurance.shares += shares;
        self.expect_stake(event)
    }

    fn unstake(&mut self, event: &Fields) -> Booked {
        let [amount, shares] = ["amount", "shares"].map(|name| event.number(name));
        self.books.settlement()?.vault -= amount;
        let stake = self.books.stakes.get_mut(&event.key("owner")).ok_or("there is no stake")?;
        stake.enter(event);
        expect("what was requested", shares, stake.requested)?;
        (stake.shares, stake.requested) = (stake.shares - shares, 0);
        self.books.insurance.staked -= amount;
        self.books.insurance.shares -= shares;
        self.expect_stake(event)
    }

    fn expect_stake(&self, event: &Fields) -> Booked {
        let fund = &self.books.insurance;
        expect("the era", event.number("era"), fund.era)?;
        expect("shares of the owner", event.number("owner_shares"), self.books.stakes[&event.key("owner")].shares)?;
        expect("what is staked", event.number("staked"), fund.staked)?;
        expect("all shares", event.number("total_shares"), fund.shares)
    }
}

impl Stake {
    /// Shares and request of an era that has ended are nothing.
    fn enter(&mut self, event: &Fields) {
        let era = event.number("era");
        if self.era != era {
            *self = Self { era, ..Self::default() };
        }
    }
}

/// Frees what is empty; a solvent auction ends where nothing is owed then, and the event says so.
fn leave_without_debts(portfolio: &mut Portfolio, event: &Fields) -> Booked {
    portfolio.free_empty();
    let ends = portfolio.auction.start != 0 && !portfolio.auction.insolvent && !portfolio.owes();
    expect("the end of an auction", event.number("auction_ended"), i128::from(ends))?;
    portfolio.leave(ends)
}

/// Market and time of an expiry.
fn expiry(event: &Fields) -> (u16, i128) {
    (event.number("market") as u16, event.number("expiry_time"))
}

/// How far a ledger notices when a field of an event is one off: by event and field, how often it was tried and noticed.
#[derive(Clone, Debug, Default)]
pub struct Sensitivity(pub BTreeMap<(&'static str, String), [u64; 2]>);

impl Sensitivity {
    /// Times that each field is tried.
    const TIMES: u64 = 3;

    /// Has a ledger take an event, and copies of it the event with each of its fields one off.
    pub fn take(&mut self, ledger: &mut Ledger, event: &[u8]) {
        let decoded = format::decode(event).ok().filter(|(_, fields)| fields.key("pool") == ledger.pool);
        let places = decoded.iter().flat_map(|(name, fields)| fields.places().into_iter().map(|place| (*name, place)));
        let places = places.filter(|(name, (path, _))| {
            self.0.get(&(*name, path.clone())).is_none_or(|[tried, _]| *tried < Self::TIMES)
        });
        let places: Vec<_> = places.collect();
        let before = if places.is_empty() { None } else { Some(ledger.clone()) };
        ledger.take(event);
        // An event that changes nothing at all tells nothing of what is noticed.
        let Some(before) = before.filter(|before| before != ledger) else { return };
        for (name, (path, at)) in places {
            let [tried, noticed] = self.0.entry((name, path)).or_default();
            *tried += 1;
            let mut altered = event.to_vec();
            altered[at] ^= 1;
            let mut other = before.clone();
            other.take(&altered);
            *noticed += u64::from(other != *ledger);
        }
    }
}
