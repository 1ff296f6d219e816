//! Auctions: portfolios are brought below maintenance margin, bid for, and helped out.

use std::collections::BTreeMap;

use novate::events::{BankruptcyResolved, Liquidated};
use novate::health::Prices;
use novate_client::instructions as build;
use novate_client::instrument::{self, market_of, Instrument};
use novate_client::state::{Portfolio, Position};
use novate_client::{addresses, Leg};
use novate_margin::{is_liquidatable, Health, Price};
use novate_tests::{Actor, BTC, ETH, SOL, USDC};

use super::judge::Judge;
use super::{Walk, USD};

/// Units that what a slice is worth may be rounded by: some for each of 16 balances and 48 positions, and a token of BTC, which
/// the walk takes to 1,000 at most, for what is not lent, for what is and for a loan, each rounded on either side.
const UNITS: i128 = 4_000;

fn has_options(portfolio: &Portfolio) -> bool {
    let option = |id| matches!(instrument::parse(id), Ok(Instrument::Option { .. }));
    portfolio.positions().iter().any(|p| option(p.instrument))
}

/// The auction that runs is the one that the account is in need of: insolvent at an equity of zero or below.
fn is_of_its_kind(portfolio: &Portfolio, health: &Health) -> bool {
    (portfolio.auction_insolvent != 0) == (health.equity.0 <= 0)
}

/// Holds what has expired and is not settled.
fn waits(portfolio: &Portfolio, now: i64) -> bool {
    let passed = |p: &&Position| i64::from(instrument::minutes_of(p.instrument)) * 60 <= now;
    let dated =
        portfolio.positions().iter().filter(|p| p.quantity != 0 && instrument::expiry_of(p.instrument).is_some());
    dated.filter(passed).count() > 0
}

impl Walk {
    /// Those among seats that hold what waits for its price, or all where none does.
    fn prefer_waiting(&self, seats: Vec<usize>) -> Vec<usize> {
        let now = self.world.now();
        let waiting: Vec<usize> = seats.iter().copied().filter(|s| waits(&self.portfolio(*s), now)).collect();
        if waiting.is_empty() {
            seats
        } else {
            waiting
        }
    }

    fn seats_where(&self, judge: &Judge, fits: impl Fn(&Portfolio, &Health) -> bool) -> Vec<usize> {
        let fits = |seat: &usize| {
            let portfolio = self.portfolio(*seat);
            judge.health(&portfolio).is_ok_and(|health| fits(&portfolio, &health))
        };
        (0..self.seats.len()).filter(fits).collect()
    }

    /// Moves one price so far that one portfolio falls below maintenance margin, or below zero, if that can be. Option values
    /// are carried.
    fn endanger(&mut self, insolvent: bool) -> Option<usize> {
        let mut judge = self.judge();
        let held: Vec<usize> = (3..self.seats.len())
            .filter(|s| {
                let portfolio = self.portfolio(*s);
                !portfolio.in_auction() && portfolio.positions().iter().any(|p| p.quantity != 0)
            })
            .collect();
        let held = self.prefer_waiting(held);
        for _ in 0..held.len() {
            let seat = *self.chance.pick(&held);
            let portfolio = self.portfolio(seat);
            let percents = if insolvent { [20, 25, 30, 16, 35, 40, 50, 60] } else { [4, 7, 12, 16, 20, 25, 30, 40] };
            for percent in percents {
                for (asset, sign) in [BTC, ETH, SOL].into_iter().flat_map(|a| [(a, 1), (a, -1)]) {
                    let Price(price) = judge.snapshot.assets[&asset].price;
                    let after = price / 100 * (100 + sign * percent);
                    // Strikes are made for prices not too far from where they began, and no guard is to refuse one.
                    let (began, last) = (USD[usize::from(asset)] * 1e9, judge.snapshot.assets[&asset].guard.average.0);
                    if !(began / 3.0..began * 3.0).contains(&(after as f64)) || after > last / 10 * 17 {
                        continue;
                    }
                    judge.snapshot.assets.get_mut(&asset).unwrap().price = Price(after);
                    let health = judge.judged(&portfolio, Prices::Favourable).map(|(_, health)| health);
                    judge.snapshot.assets.get_mut(&asset).unwrap().price = Price(price);
                    let ripe = |h: &Health| {
                        let (equity, maintenance) = (h.equity.0, h.maintenance.0);
                        is_liquidatable(h) && if insolvent { equity <= 0 } else { equity > maintenance / 5 }
                    };
                    if health.as_ref().is_ok_and(ripe) {
                        self.world.listings[usize::from(asset)].usd = after as f64 / 1e9;
                        return Some(seat);
                    }
                }
            }
        }
        None
    }

    pub(super) fn start_auction(&mut self) {
        let fallen =
            self.seats_where(&self.judge(), |p, h| is_liquidatable(h) && (!p.in_auction() || !is_of_its_kind(p, h)));
        let seat = match fallen.is_empty() {
            true => {
                let insolvent = self.chance.percent(65);
                if insolvent && (self.is_lean() || self.chance.percent(30)) {
                    self.run_the_fund_down();
                }
                self.endanger(insolvent)
            }
            false => Some(*self.chance.pick(&fallen)),
        };
        let seat = match seat {
            Some(seat) if self.chance.percent(95) => seat,
            None if self.chance.percent(95) => return self.trade(),
            _ => self.seat(),
        };
        if self.chance.percent(95) {
            self.publish_as_they_are();
        }
        // Prices have to stand for a minute (CLR-42).
        if self.chance.percent(90) {
            self.world.pass(60);
            self.publish_as_they_are();
        }
        if self.chance.percent(70) {
            self.refresh_chains();
        }
        let (judge, portfolio) = (self.judge(), self.portfolio(seat));
        let needed = judge.snapshot.auction(&portfolio, judge.now);
        let start = self.world.start_auction_instruction(&self.actor(seat));
        let dated = has_options(&self.portfolio(seat));
        if self.run("start_auction", start, &[]).is_ok() {
            self.lived("an auction of options began", dated);
            let insolvent = self.portfolio(seat).auction_insolvent != 0;
            assert_eq!(needed, Ok(Some(insolvent)), "CLR-42: {}", self.place());
            self.lived("an insolvent auction began", insolvent);
            self.take_fright();
            // Prices return to where they began, and equity with them.
            if insolvent && self.chance.percent(90) {
                self.liquidate();
            }
        } else if needed == Ok(None) {
            let short = judge.health(&portfolio).is_ok_and(|h| is_liquidatable(&h));
            self.lived("an average kept a portfolio from its auction", short);
        }
    }

    pub(super) fn liquidate(&mut self) {
        let judge = self.judge();
        let fits = |seat: &usize| {
            let portfolio = self.portfolio(*seat);
            let judged = judge.judged(&portfolio, Prices::Favourable);
            portfolio.in_auction() && judged.is_ok_and(|(_, h)| is_liquidatable(&h) && is_of_its_kind(&portfolio, &h))
        };
        let fits = self.prefer_waiting((0..self.seats.len()).filter(fits).collect());
        if fits.is_empty() {
            return self.start_auction();
        }
        let seat = if self.chance.percent(95) { *self.chance.pick(&fits) } else { self.seat() };
        self.bid(seat);
    }

    /// For a slice of what a seat holds.
    pub(super) fn bid(&mut self, seat: usize) {
        let room = (0..3).min_by_key(|s| self.portfolio(*s).position_count).unwrap_or_default();
        let taker = if self.chance.percent(80) { room } else { self.seat() };
        if self.chance.percent(80) {
            self.refresh_chains();
        }
        let fraction = *self.chance.pick(&[1_000_000_000, 1_000_000_000, 200_000_000, 30_000_000, 777]);
        let bidder = self.actor(taker);
        let mut judge = self.judge();
        let seats = [seat, taker];
        let before = seats.map(|s| self.portfolio(s));
        let held: Vec<u64> = before[0].positions().iter().filter(|p| p.quantity != 0).map(|p| p.instrument).collect();
        judge.accrue(held.iter().copied());
        let insolvent = before[0].auction_insolvent != 0;
        let limit =
            if insolvent { *self.chance.pick(&[0, 0, 0, 0, 0, -500_000_000, -2_000_000_000, 1]) } else { i64::MAX };
        let bid = self.world.liquidate_instruction(&self.actor(seat), bidder.side(), fraction, limit);
        let Ok(sent) = self.run("liquidate", bid, &[&bidder.key]) else { return };
        let after = seats.map(|s| self.portfolio(s));
        // Deposits may have paid: all but the account's own, which stands for its losses.
        let mut before = before;
        before[0].bear(judge.snapshot.assets.get_mut(&USDC).unwrap()).unwrap();
        judge.snapshot.assets.insert(USDC, self.world.asset(USDC));
        before[0].claim.haircuts = judge.snapshot.assets[&USDC].claims.haircuts;
        let left_behind = self.judge();
        assert_eq!(left_behind.initial_margin(&after[1]), Ok(()), "CLR-30: {}", self.place());
        let sum = |judge: &Judge, sides: &[Portfolio; 2]| -> Option<i128> {
            sides.iter().map(|p| judge.health(p).ok().map(|h| i128::from(h.equity.0))).sum()
        };
        let event: Liquidated = sent.event();
        let (deposits, forgiven) = (event.from_deposits, i128::from(event.forgiven));
        let from_deposits = deposits.free + deposits.held + deposits.lent;
        let paid = i128::from(event.from_capital + event.from_stake + from_deposits);
        self.lived("deposits paid for a slice", from_deposits > 0);
        self.lived("lenders paid", deposits.lent > 0);
        self.lived("what was held back paid", deposits.held > 0);
        assert_eq!(paid + forgiven, if insolvent { -i128::from(event.price) } else { 0 }, "{}", self.place());
        assert_eq!(event.losses.iter().map(|l| i128::from(l.amount)).sum::<i128>(), forgiven, "{}", self.place());
        let fund = self.world.insurance().fund().total();
        assert!(forgiven == 0 && from_deposits == 0 || fund == 0, "CLR-32: {}: the fund has {fund}", self.place());
        if let (Some(before), Some(after)) = (sum(&judge, &before), sum(&left_behind, &after)) {
            let paid = paid + forgiven;
            let paid = paid * i128::from(judge.snapshot.assets[&USDC].price.0) / 1_000_000_000;
            assert!((after - before - paid).abs() <= UNITS, "{}: {before} became {after}", self.place());
        }
        self.assert_accrued(&judge, held);
        self.assert_bystanders(&judge, &seats);
        let event: Liquidated = sent.event();
        self.lived("a slice was cut from what owed funding", event.funding != 0 || event.taker_funding != 0);
        let missing = |equity: i64, maintenance: i64| i128::from(maintenance) - i128::from(equity);
        let [short, less] = [
            missing(event.equity_before, event.maintenance_before),
            missing(event.equity_after, event.maintenance_after),
        ];
        if let Ok(grain) = judge.grain(&before[0]) {
            assert!(less <= short + 2 * grain + UNITS, "CLR-30: {}: {short} became {less}", self.place());
        }
        // What the event says of the account is never better than what a health check finds. Values of options are carried
        // otherwise here.
        if let (Ok(left), false) = (left_behind.health(&after[0]), has_options(&before[0])) {
            let said = (event.equity_after, event.maintenance_after);
            assert!(said.0 <= left.equity.0 && said.1 >= left.maintenance.0, "{}: {said:?} {left:?}", self.place());
            assert!(!event.restored || !is_liquidatable(&left), "CLR-30: {}: {left:?}", self.place());
        }
        self.lived("a bid restored the account", event.restored && !insolvent);
        self.lived("a bid left the auction", !event.restored);
        self.lived("insurance paid for a slice", paid > 0);
        self.lived("stake was slashed", event.from_stake > 0);
        self.lived("a loss was forgiven", forgiven > 0);
        let registers = if forgiven > 0 { *self.chance.pick(&[0, 0, 1, 6]) } else { 0 };
        let again = forgiven > 0 && self.chance.percent(50);
        let mut markets: BTreeMap<u16, i64> = BTreeMap::new();
        event.losses.iter().for_each(|l| *markets.entry(market_of(l.instrument)).or_default() += l.amount);
        self.lived("losses were forgiven in two markets", markets.len() > 1);
        let second = markets.iter().any(|(m, sum)| *sum < left_behind.snapshot.markets[m].round.forgiven.0);
        self.lived("a second deficit came into an open window", second);
        let gains = |p: &Portfolio| p.positions().iter().map(|p| p.gain).sum::<i64>();
        let bore = [&event.borne, &event.taker_borne].iter().any(|borne| !borne.is_empty());
        self.lived("a bid had either side bear its part", bore);
        self.lived("who gained kept the charge in a slice", gains(&after[0]) > 0 && event.fraction > 1_000_000);
        self.lived("a loss was carried", event.losses.iter().any(|l| l.round == 0));
        let stood = |m: &u16| judge.snapshot.markets[m].round;
        let anew = |m: &u16| stood(m).stands() && left_behind.snapshot.markets[m].round.number != stood(m).number;
        self.lived("a round was opened anew", markets.keys().any(anew));
        let moved = before[1].positions() != after[1].positions();
        self.lived("a slice of options changed hands", moved && has_options(&before[0]));
        let loans = |p: &Portfolio| p.balances().iter().map(|b| b.loan).sum::<u64>();
        self.lived("a loan changed hands in a liquidation", loans(&after[1]) > loans(&before[1]));
        let expired =
            |p: &Position| p.quantity == 0 && i64::from(instrument::minutes_of(p.instrument)) * 60 <= judge.now;
        let expired = before[0].positions().iter().any(|p| instrument::expiry_of(p.instrument).is_some() && expired(p));
        self.lived("a slice of what had expired changed hands", moved && expired);
        let waiting = waits(&before[0], judge.now);
        self.lived("a slice of what waits for its price changed hands", moved && waiting);
        if after[0].is_empty() {
            self.lived("an insolvent account was taken whole", insolvent);
            self.begin_again(seat);
        }
        (0..registers).for_each(|_| self.register_gain());
        if again {
            self.start_auction();
        } else if forgiven > 0 && registers == 0 {
            self.close_haircut();
        }
    }

    pub(super) fn end_auction(&mut self) {
        let fits = self.seats_where(&self.judge(), |p, h| p.in_auction() && !is_liquidatable(h));
        let seat = match fits.is_empty() {
            true => {
                if !(0..self.seats.len()).any(|s| self.portfolio(s).in_auction()) {
                    self.start_auction();
                }
                let Some(seat) = (0..self.seats.len()).find(|s| self.portfolio(*s).in_auction()) else { return };
                self.rescue(seat);
                seat
            }
            false => *self.chance.pick(&fits),
        };
        let reserved = self.portfolio(seat).auction_reserved;
        let end = self.world.end_auction_instruction(&self.actor(seat));
        if self.run("end_auction", end, &[]).is_ok() {
            self.lived("an insolvent auction gave its reserve back", reserved > 0);
        }
    }

    pub(super) fn resolve_bankruptcy(&mut self) {
        let (debtor, seat) = (3 + self.chance.index(5), self.seat());
        let debtor = if self.chance.percent(5) { Some(self.actor(seat)) } else { self.ruin(debtor) };
        let Some(debtor) = debtor else { return };
        let (before, insurance) = (self.world.portfolio(&debtor.portfolio), self.world.insurance());
        let market = self.world.market(0);
        let resolve = self.world.resolve_instruction(&debtor);
        let Ok(sent) = self.run("resolve_bankruptcy", resolve, &[]) else { return };
        assert!(self.world.portfolio(&debtor.portfolio).is_empty(), "{}: {before:?}", self.place());
        let event: BankruptcyResolved = sent.event();
        let lost: i64 = before.positions().iter().map(|p| p.cost).sum::<i64>();
        let lost = lost - event.borne.iter().map(|borne| borne.amount).sum::<i64>();
        let deposits = event.from_deposits.free + event.from_deposits.held + event.from_deposits.lent;
        let paid = event.from_capital + event.from_stake + deposits;
        assert_eq!(event.deficit, paid + event.forgiven, "{}", self.place());
        assert_eq!(event.deficit, lost as u64 + event.repaid, "{}", self.place());
        let fund = self.world.insurance().fund().total();
        assert!(event.deficit <= before.payable() && (deposits == 0 && event.forgiven == 0 || fund == 0));
        assert_eq!(self.world.insurance().reserved, insurance.reserved - before.payable(), "{}", self.place());
        let of_market = event.losses.iter().filter(|loss| instrument::market_of(loss.instrument) == 0);
        let [paid, forgiven] = of_market.fold([0; 2], |[paid, forgiven], loss| {
            [paid + loss.amount as i64 - loss.forgiven as i64, forgiven + loss.forgiven as i64]
        });
        let after = self.world.market(0);
        assert_eq!(after.variation_pool.0, market.variation_pool.0 + paid, "{}", self.place());
        assert!(forgiven == 0 || after.round.forgiven.0.max(after.carried.0) >= forgiven, "{}", self.place());
        self.lived("a bankrupt account's losses were forgiven", event.forgiven > 0);
        self.lived("what was held back paid", event.from_deposits.held > 0);
    }

    /// Somebody runs for it before the bid, where insurance is short.
    fn take_fright(&mut self) {
        if self.world.asset(USDC).at_stake() > 0 && self.chance.percent(40) {
            self.run_for_it();
        }
    }

    /// An owner's portfolio of cash alone loses more than it has to another, and closes its position: nothing but the loss is left.
    /// Both are played here only; what was refused last time is tried again.
    fn ruin(&mut self, owner: usize) -> Option<Actor> {
        self.refresh_all();
        let (debtor, other) = (self.with_cash(owner, 5, 1_000)?, self.with_cash(0, 6, 20_000)?);
        let held = |walk: &Self| walk.world.portfolio(&debtor.portfolio);
        let usd = self.world.asset(BTC).price.0 as f64 / 1e9;
        if held(self).position_count == 0 {
            // Back towards where the price began, by half.
            let lots = (held(self).cash as f64 * 2.6 / usd / 1e3) as i64 * 1_000_000;
            let falls = usd > USD[usize::from(BTC)] * 0.9;
            self.change_hands(&debtor, &other, if falls { lots } else { -lots })?;
        }
        let quantity = held(self).quantity_of(instrument::perpetual(0));
        if quantity != 0 && !held(self).in_auction() {
            self.world.listings[usize::from(BTC)].usd = usd * if quantity > 0 { 0.55 } else { 1.45 };
            for _ in 0..2 {
                self.publish_as_they_are();
                self.world.pass(60);
            }
            self.publish_as_they_are();
            let start = self.world.start_auction_instruction(&debtor);
            self.run("start_auction", start, &[]).ok()?;
            self.take_fright();
        }
        if quantity != 0 {
            self.change_hands(&debtor, &other, -quantity)?;
        }
        for actor in [&debtor, &other] {
            let settle = self.world.settle_instruction(actor, 0);
            self.run("settle_variation", settle, &[]).ok();
        }
        Some(debtor)
    }

    /// A portfolio that no seat has; with at least so much cash where it holds nothing else.
    pub(super) fn with_cash(&mut self, owner: usize, sub_account: u16, usd: i64) -> Option<Actor> {
        let owner = self.actor(owner);
        let open = build::open_portfolio(owner.address(), self.world.pool, sub_account);
        self.run("open_portfolio", open, &[&owner.key]).ok()?;
        let portfolio = addresses::portfolio(&self.world.pool, &owner.address(), sub_account);
        let actor = Actor { portfolio, ..owner };
        let held = self.world.portfolio(&portfolio);
        let missing = usd * 1_000_000 - held.cash;
        if missing > 0 && !held.in_auction() {
            self.world.fund(&actor, USDC, missing as u64);
            let deposit = self.world.deposit_instruction(&actor, USDC, missing as u64);
            self.run("deposit", deposit, &[&actor.key]).ok()?;
        }
        Some(actor)
    }

    /// The first buys BTC at the mark, or a tick better.
    fn change_hands(&mut self, first: &Actor, second: &Actor, quantity: i64) -> Option<()> {
        let instrument = instrument::perpetual(0);
        let terms = self.judge().terms(instrument).ok()?;
        let better = if quantity < 0 { terms.tick - 1 } else { 0 };
        let legs = [Leg { instrument, quantity, price: (terms.mark + better) / terms.tick * terms.tick }];
        let trade = self.world.trade_of(first.side(), second.side(), &legs);
        self.run("trade", trade, &[&first.key, &second.key]).ok().map(|_| ())
    }

    /// An owner who has lost everything deposits anew.
    fn begin_again(&mut self, seat: usize) {
        let actor = self.actor(seat);
        let amount = self.chance.between(4_000, 9_000) as u64 * 1_000_000;
        self.world.fund(&actor, USDC, amount);
        let deposit = self.world.deposit_instruction(&actor, USDC, amount);
        self.run("deposit", deposit, &[&actor.key]).ok();
    }

    /// The owner deposits what is missing.
    fn rescue(&mut self, seat: usize) {
        let Ok(health) = self.judge().health(&self.portfolio(seat)) else { return };
        let missing = (health.maintenance.0 - health.equity.0).max(0) as u64 * 102 / 100 + 1_000_000;
        let actor = self.actor(seat);
        self.world.fund(&actor, USDC, missing);
        let deposit = self.world.deposit_instruction(&actor, USDC, missing);
        self.run("deposit", deposit, &[&actor.key]).ok();
    }
}
