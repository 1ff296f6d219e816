//! Expiries that pass: samples, settlement prices, settlement and closing.

use novate::events::ExpirySettled;
use novate_client::instructions::{self as build, ExpirySlots};
use novate_client::instrument::{self, expiry_id, expiry_of, Instrument};
use novate_client::state::{minutes_of, Asset, Expiry, Market, Portfolio};
use novate_client::{addresses, NovateError, Right};
use novate_tests::{haircut, BTC, ETH};
use solana_signer::Signer;

use super::{Walk, DATED};

const DAY: i64 = 86_400;
const WINDOW: i64 = 1_800;
/// Live expiries of each market beyond one that is let pass.
const SPARE: usize = 1;
/// Most samples that one price is waited for.
const SAMPLES: usize = 80;
/// Of a quantity in 1e-9 contracts and a price in 1e-9 USD, a settlement unit.
const UNIT: i128 = 1_000_000_000_000;

impl Walk {
    /// Expiries of the pool that trades which have passed, with their accounts.
    fn passed(&self) -> Vec<Expiry> {
        let now = self.world.now();
        let passed = self.world.chains().into_iter().filter(|slots| slots.time <= now);
        passed.map(|slots| self.world.expiry(slots.market, slots.time)).collect()
    }

    pub(super) fn has_passed(&self) -> bool {
        let now = self.world.now();
        self.world.chains().iter().any(|slots| slots.time <= now)
    }

    /// What is left to do for an expiry that has passed.
    pub(super) fn wind_up(&mut self) {
        let passed = self.passed();
        let expiry = *self.chance.pick(&passed);
        match (expiry.is_fixed(), expiry.is_unheld()) {
            (true, false) => self.settle_expiry(),
            (true, true) => self.close_expiry(),
            (false, true) if self.chance.percent(30) => self.close_expiry(),
            (false, _) => self.fix_expiry(),
        }
    }

    /// A live expiry, if one can be spared: the next of all.
    fn next_of_all(&self) -> Option<i64> {
        let live = self.world.live_chains();
        let next = live.iter().map(|slots| slots.time).min()?;
        let later = |market: &u16| live.iter().filter(|s| s.market == *market && s.time > next + 2 * DAY).count();
        DATED.iter().all(|market| later(market) >= SPARE).then_some(next)
    }

    /// Lets time run to the next expiry: mostly with samples all along, or from a while later on, or without any.
    fn let_pass(&mut self) {
        let Some(time) = self.next_of_all() else { return self.list_expiry() };
        // Somebody's auction, now and then, runs into it.
        if self.chance.percent(40) {
            self.start_auction();
        }
        let begins = match self.chance.between(0, 9) {
            0..=2 => {
                self.world.pass_to(time + DAY + self.chance.between(1, 4_000));
                return self.auction_while_waiting();
            }
            3 => time + self.chance.between(-WINDOW, DAY / 2),
            _ => time - WINDOW - self.chance.between(0, 100),
        };
        self.world.pass_to(begins.max(self.world.now()));
        self.sample_until_fixed(time);
        if self.chance.percent(60) {
            self.auction_while_waiting();
        }
    }

    /// What has expired is not fixed yet, and somebody who holds it is short.
    fn auction_while_waiting(&mut self) {
        for _ in 0..3 {
            self.publish_as_they_are();
            self.refresh_chains();
            self.start_auction();
            self.liquidate();
        }
    }

    /// Samples with gaps below two minutes, hardly ever above, until both underlyings have a price for a time.
    fn sample_until_fixed(&mut self, time: i64) {
        let waiting = |walk: &Self| [BTC, ETH].into_iter().any(|a| walk.world.asset(a).window.fixed_time < time);
        for _ in 0..SAMPLES {
            if !waiting(self) {
                break;
            }
            let gap = if self.chance.percent(1) { 130 } else { self.chance.between(40, 119) };
            self.world.pass(gap);
            for asset in [BTC, ETH] {
                self.publish(asset);
            }
            let refresh = self.world.refresh_asset(&[BTC, ETH]);
            self.run("refresh_asset", refresh, &[]).unwrap();
        }
        self.lived("a window was extended", self.world.now() > time + 130);
    }

    pub(super) fn fix_expiry(&mut self) {
        let now = self.world.now();
        let unfixed: Vec<Expiry> = self.passed().into_iter().filter(|e| !e.is_fixed()).collect();
        if unfixed.is_empty() && self.chance.percent(96) {
            return self.let_pass();
        }
        let all: Vec<ExpirySlots> = self.world.chains();
        let expiry = match unfixed.is_empty() || self.chance.percent(5) {
            true => {
                let slots = *self.chance.pick(&all);
                self.world.expiry(slots.market, slots.time)
            }
            false => *self.chance.pick(&unfixed),
        };
        let time = expiry.time;
        let window = self.world.asset(expiry.asset).window;
        if !expiry.is_fixed() && now >= time && window.fixed_time != time {
            // Given up for a later one, or about to be.
            if window.target > time || now >= time + DAY - WINDOW {
                self.world.pass_to((time + DAY + 1).max(now));
                return self.settlement_price();
            }
            if self.chance.percent(90) {
                self.sample_until_fixed(time);
            }
        }
        let window = self.world.asset(expiry.asset).window;
        let foreseen = match window.fixed_time == time {
            _ if self.world.now() < time => Err(NovateError::ExpiryLive.name()),
            false => Err(NovateError::NotFixed.name()),
            true if expiry.is_fixed() => Err(NovateError::AlreadyFixed.name()),
            true => Ok(()),
        };
        let fix = build::fix_expiry(&expiry);
        if self.expect("fix_expiry", fix, &[], &foreseen).is_some() {
            assert_eq!(self.world.expiry(expiry.market, time).settlement_price, window.fixed_price);
        }
    }

    /// Of the pool that trades, or of a side pool, where nothing is ever sampled.
    pub(super) fn settlement_price(&mut self) {
        let now = self.world.now();
        let late = |e: &Expiry| !e.is_fixed() && now > e.time + DAY;
        let mut late: Vec<Expiry> = self.passed().into_iter().chain(self.side_expiries()).filter(late).collect();
        if late.is_empty() || self.chance.percent(3) {
            late = self.passed();
        }
        if late.is_empty() {
            return self.let_pass();
        }
        let expiry = *self.chance.pick(&late);
        if self.chance.percent(80) {
            let market = addresses::market(&expiry.pool, expiry.market);
            self.price_side(&self.world.state(&market));
        }
        let asset: Asset = self.world.state(&addresses::asset(&expiry.pool, expiry.asset));
        let reach = (i128::from(asset.price.0) * i128::from(asset.scan_range.0) / 1_000_000) as i64;
        let (price, fits) = match self.chance.between(0, 9) {
            0 => (asset.price.0 + reach + 1, false),
            _ => (asset.price.0 + self.chance.between(-reach, reach) / 2, true),
        };
        let foreseen = match () {
            _ if now <= expiry.time + DAY => Err(NovateError::WindowOpen),
            _ if asset.window.fixed_time == expiry.time => Err(NovateError::FixAvailable),
            _ if expiry.is_fixed() => Err(NovateError::AlreadyFixed),
            _ if asset.price.0 == 0 => Err(NovateError::PriceMissing),
            _ if !fits => Err(NovateError::InvalidSettlementPrice),
            _ => Ok(()),
        };
        let foreseen = foreseen.map_err(|error: NovateError| error.name());
        if expiry.pool != self.world.pool {
            let (governor, keys) = (self.governor(), self.world.member_keys());
            let set = build::set_committee(governor.pubkey(), expiry.pool, keys, 2);
            self.expect("set_committee", set, &[&governor], &Ok(()));
        }
        for at in 0..2 {
            let member = self.world.members[at].insecure_clone();
            let submit = build::submit_settlement_price(member.pubkey(), &expiry, price);
            if self.expect("submit_settlement_price", submit, &[&member], &foreseen).is_none() {
                return;
            }
        }
        let apply = build::apply_settlement_price(&expiry);
        self.expect("apply_settlement_price", apply, &[], &Ok(()));
        let address = addresses::expiry(&addresses::market(&expiry.pool, expiry.market), expiry.time);
        assert_eq!(self.world.state::<Expiry>(&address).settlement_price.0, price, "{}", self.place());
        self.check(&expiry.pool);
        self.lived("a price was set for those who hold", !expiry.is_unheld());
    }

    /// Expiries of side pools.
    fn side_expiries(&self) -> Vec<Expiry> {
        let of_pool = |id: &u16| {
            let (address, pool) = self.side_pool(*id);
            (0..pool.market_count).map(move |market| addresses::market(&address, market))
        };
        let of_market = |address| {
            let market: Market = self.world.state(&address);
            let listed = market.listed_expiries().to_vec();
            listed.into_iter().map(move |minutes| addresses::expiry(&address, i64::from(minutes) * 60))
        };
        self.pools.iter().flat_map(of_pool).flat_map(of_market).map(|address| self.world.state(&address)).collect()
    }

    pub(super) fn settle_expiry(&mut self) {
        let passed = self.passed();
        let holds = |walk: &Self, seat: usize, expiry: &Expiry| {
            let portfolio = walk.portfolio(seat);
            let held = portfolio.positions().iter().filter(|p| p.quantity != 0);
            held.filter_map(|p| expiry_of(p.instrument)).any(|id| id == expiry.id())
        };
        let pairs = |fixed: bool| -> Vec<(usize, Expiry)> {
            let of = passed.iter().filter(|e| e.is_fixed() == fixed);
            of.flat_map(|e| (0..self.seats.len()).filter(|s| holds(self, *s, e)).map(|s| (s, *e))).collect()
        };
        let (ready, unfixed) = (pairs(true), pairs(false));
        let (seat, expiry) = match self.chance.between(0, 39) {
            0 if !unfixed.is_empty() => *self.chance.pick(&unfixed),
            1 if !passed.is_empty() => (self.seat(), *self.chance.pick(&passed)),
            _ if ready.is_empty() => return self.fix_expiry(),
            _ => *self.chance.pick(&ready),
        };
        let foreseen = match expiry.is_fixed() {
            false => Err(NovateError::SettlementPriceMissing.name()),
            true if !holds(self, seat, &expiry) => Err(NovateError::NothingExpired.name()),
            true => Ok(self.settled(seat, &expiry)),
        };
        let judge = self.judge();
        let auction = self.portfolio(seat).in_auction();
        let settle =
            self.world.settle_expiry_instruction(&self.seats[seat].actor.portfolio, expiry.market, expiry.time);
        let Some(sent) = self.expect("settle_expiry", settle, &[], &foreseen) else { return };
        self.assert_is(seat, &foreseen.unwrap());
        self.assert_bystanders(&judge, &[seat]);
        let event: ExpirySettled = sent.event();
        let option = |id: u64| matches!(instrument::parse(id), Ok(Instrument::Option { .. }));
        let mut options = event.positions.iter().filter(|p| option(p.instrument));
        self.lived("a future was settled at expiry", event.positions.iter().any(|p| !option(p.instrument)));
        self.lived("an option expired in the money", options.clone().any(|p| p.value != 0));
        self.lived("an option expired worthless", options.any(|p| p.value == 0));
        self.lived("an account in an auction was settled at expiry", auction);
    }

    /// What settlement leaves of a portfolio.
    fn settled(&self, seat: usize, expiry: &Expiry) -> Portfolio {
        let mut portfolio = self.portfolio(seat);
        let price = expiry.settlement_price.0;
        let market = self.world.market(expiry.market);
        let count = usize::from(portfolio.position_count);
        for position in &mut portfolio.positions[..count] {
            let of_expiry = expiry_of(position.instrument) == Some(expiry_id(expiry.market, minutes_of(expiry.time)));
            if !of_expiry || position.quantity == 0 {
                continue;
            }
            haircut::bear(position, &market, Some(expiry), self.world.now());
            let worth = match instrument::parse(position.instrument).unwrap() {
                Instrument::Option { slot, right, .. } => {
                    let above = price - expiry.strikes[usize::from(slot)].strike.0;
                    (if right == Right::Call { above } else { -above }).max(0)
                }
                _ => price,
            };
            let value = (i128::from(position.quantity) * i128::from(worth)).div_euclid(UNIT);
            position.cost -= value as i64;
            position.quantity = 0;
        }
        portfolio.free_empty_positions();
        let owes = portfolio.position_count > 0 || portfolio.balances().iter().any(|balance| balance.loan > 0);
        portfolio.leave_auction_if(!owes);
        portfolio.sequence += 1;
        portfolio
    }

    pub(super) fn close_expiry(&mut self) {
        let now = self.world.now();
        let mut passed = self.passed();
        if self.chance.percent(20) {
            passed.extend(self.side_expiries().into_iter().filter(|e| e.time <= now));
        }
        let unheld: Vec<Expiry> = passed.iter().copied().filter(Expiry::is_unheld).collect();
        let expiry = match self.chance.between(0, 29) {
            0 if !passed.is_empty() => *self.chance.pick(&passed),
            1 => {
                let live = self.world.chains();
                let slots = *self.chance.pick(&live);
                self.world.expiry(slots.market, slots.time)
            }
            _ if unheld.is_empty() => return self.settle_expiry(),
            _ => *self.chance.pick(&unheld),
        };
        let foreseen = match expiry.is_unheld() {
            _ if expiry.time > now => Err(NovateError::ExpiryLive.name()),
            false => Err(NovateError::OpenInterestLeft.name()),
            true => Ok(()),
        };
        if self.expect("close_expiry", build::close_expiry(&expiry), &[], &foreseen).is_some() {
            self.check(&expiry.pool);
            self.lived("roundings of a settlement were kept", expiry.settled.0 != 0);
        }
    }
}
