//! Haircuts: gains are registered and charged, rounds closed. What each leaves is foreseen to the byte.

use novate::events::HaircutClosed;
use novate_client::instructions as build;
use novate_client::instrument::{self, expiry_of, market_of};
use novate_client::state::{Market, Portfolio, Position};
use novate_client::NovateError;
use novate_tests::haircut;

use super::judge::{refused, Refused};
use super::Walk;

impl Walk {
    /// Markets whose round stands and is open, or is over.
    fn rounds(&self, open: bool) -> Vec<u16> {
        let now = self.world.now();
        let of = |market: &Market| market.round.ends != 0 && haircut::is_open(market, now) == open;
        (0..4).filter(|index| of(&self.world.market(*index))).collect()
    }

    /// Positions in the markets for which something holds: seat and instrument.
    fn held_in(&self, markets: &[u16], fits: impl Fn(&Position) -> bool) -> Vec<(usize, u64)> {
        let of = |seat: usize| {
            let held = self.portfolio(seat).positions().to_vec();
            held.into_iter().map(move |position| (seat, position))
        };
        let all = (0..self.seats.len()).flat_map(of);
        let fitting = all.filter(|(_, p)| markets.contains(&market_of(p.instrument)) && fits(p));
        fitting.map(|(seat, p)| (seat, p.instrument)).collect()
    }

    /// Positions that have something to register or to charge.
    pub(super) fn of_a_round(&self) -> Vec<(usize, u64)> {
        let numbers: Vec<u32> = (0..4).map(|m| self.world.market(m).round.number).collect();
        let new = |p: &Position| p.round != numbers[usize::from(market_of(p.instrument))];
        let mut found = self.held_in(&self.rounds(true), new);
        found.extend(self.held_in(&self.rounds(false), |p| p.gain != 0));
        found
    }

    /// Any position, or one that nobody has.
    fn any_position(&mut self) -> (usize, u64) {
        let all = self.held_in(&[0, 1, 2, 3], |_| true);
        if all.is_empty() || self.chance.percent(10) {
            return (self.seat(), instrument::perpetual(2));
        }
        *self.chance.pick(&all)
    }

    pub(super) fn register_gain(&mut self) {
        let open = self.rounds(true);
        let numbers: Vec<u32> = (0..4).map(|m| self.world.market(m).round.number).collect();
        let new = self.held_in(&open, |p| p.round != numbers[usize::from(market_of(p.instrument))]);
        let gained: Vec<(usize, u64)> =
            new.iter().copied().filter(|(seat, id)| self.registered(*seat, *id).is_ok()).collect();
        let (seat, id) = match self.chance.between(0, 19) {
            0 => self.any_position(),
            1 if !new.is_empty() => *self.chance.pick(&new),
            _ if gained.is_empty() && open.is_empty() => return self.liquidate(),
            _ if gained.is_empty() => return,
            _ => *self.chance.pick(&gained),
        };
        let foreseen = self.registered(seat, id);
        let register = self.world.register_gain_instruction(&self.actor(seat), id);
        let judge = self.judge();
        if self.expect("register_gain", register, &[], &foreseen).is_some() {
            self.assert_is(seat, &foreseen.unwrap());
            self.assert_bystanders(&judge, &[]);
            self.lived("a gain of what is dated was registered", expiry_of(id).is_some());
        }
    }

    fn registered(&self, seat: usize, id: u64) -> Refused<Portfolio> {
        let (market, mut portfolio) = (self.world.market(market_of(id)), self.portfolio(seat));
        if market.round.ends == 0 {
            return refused(NovateError::NoHaircut);
        }
        if !haircut::is_open(&market, self.world.now()) {
            return refused(NovateError::HaircutSettling);
        }
        let Ok(position) = portfolio.position_mut(id) else { return refused(NovateError::NoPosition) };
        if position.round == market.round.number {
            return refused(NovateError::GainRegistered);
        }
        let held = expiry_of(id).filter(|_| position.quantity != 0);
        let snapshot = self.world.snapshot();
        let expiry = held.map(|id| &*snapshot.expiries[&id]);
        match haircut::gain(position, &market, expiry) {
            0 => return refused(NovateError::NoGain),
            _ => haircut::bear(position, &market, expiry, self.world.now()),
        }
        portfolio.sequence += 1;
        Ok(portfolio)
    }

    /// The first one of those that are open.
    fn let_windows_end(&mut self) {
        let ends = self.rounds(true).iter().map(|m| self.world.market(*m).round.ends).min();
        ends.into_iter().for_each(|time| self.world.pass_to(time));
    }

    pub(super) fn charge_gain(&mut self) {
        if self.rounds(false).is_empty() && self.chance.percent(30) {
            self.let_windows_end();
        }
        let due = self.held_in(&self.rounds(false), |p| p.gain != 0);
        let (seat, id) = match self.chance.between(0, 19) {
            0 => self.any_position(),
            _ if due.is_empty() => return self.register_gain(),
            _ => *self.chance.pick(&due),
        };
        self.charge(seat, id);
    }

    fn charge(&mut self, seat: usize, id: u64) {
        let market = self.world.market(market_of(id));
        let foreseen = self.charged(&market, seat, id);
        let charge = self.world.charge_gain_instruction(&self.actor(seat), id);
        let judge = self.judge();
        if self.expect("charge_gain", charge, &[], &foreseen).is_none() {
            return;
        }
        self.assert_is(seat, &foreseen.unwrap());
        // It counted before.
        self.assert_bystanders(&judge, &[seat]);
        let after = self.world.market(market_of(id));
        self.lived("a charge was the last of a round", after.round.uncharged.0 == 0);
        self.lived("a charge was rounded up beyond the haircut", after.rounding > market.rounding);
    }

    fn charged(&self, market: &Market, seat: usize, id: u64) -> Refused<Portfolio> {
        let mut portfolio = self.portfolio(seat);
        if haircut::is_open(market, self.world.now()) {
            return refused(NovateError::HaircutOpen);
        }
        let Ok(position) = portfolio.position_mut(id) else { return refused(NovateError::NoPosition) };
        if position.gain == 0 {
            return refused(NovateError::NoGain);
        }
        haircut::bear(position, market, None, self.world.now());
        portfolio.free_empty_positions();
        let owes_nothing = !portfolio.owes();
        portfolio.leave_auction_if(owes_nothing);
        portfolio.sequence += 1;
        Ok(portfolio)
    }

    pub(super) fn close_haircut(&mut self) {
        if self.rounds(false).is_empty() {
            self.let_windows_end();
        }
        let market = match self.rounds(false).first() {
            Some(market) => *market,
            None if self.chance.percent(10) => self.chance.between(0, 3) as u16,
            None => return self.charge_gain(),
        };
        if self.chance.percent(80) {
            for (seat, id) in self.held_in(&[market], |p| p.gain != 0) {
                self.charge(seat, id);
            }
            // Of those that are played elsewhere.
            for (portfolio, id) in self.world.gains_to_charge(market) {
                let charge = build::charge_gain(&self.world.pool, portfolio, id);
                self.run("charge_gain", charge, &[]).ok();
            }
        }
        let before = self.world.market(market);
        let foreseen = match () {
            () if before.round.ends == 0 => Err(NovateError::NoHaircut.name()),
            () if haircut::is_open(&before, self.world.now()) => Err(NovateError::HaircutOpen.name()),
            () if before.round.uncharged.0 != 0 => Err(NovateError::GainsUncharged.name()),
            () => Ok(()),
        };
        let close = self.world.close_haircut_instruction(market);
        if let Some(sent) = self.expect("close_haircut", close, &[], &foreseen) {
            let event: HaircutClosed = sent.event();
            let paid = (event.from_deposits.free + event.from_deposits.held + event.from_deposits.lent) as i64;
            let after = self.world.market(market);
            assert_eq!((after.haircut.0, after.round.ends), (before.haircut.0 - paid, 0), "{}", self.place());
            assert_eq!(after.variation_pool.0, before.variation_pool.0 + paid, "{}", self.place());
            self.lived("gains did not cover a haircut", event.remainder > 0);
            self.lived("gains covered a haircut", event.remainder == 0 && event.from_deposits == Default::default());
            self.lived("deposits paid what gains did not cover", paid > 0);
            self.lived("lenders paid", event.from_deposits.lent > 0);
            self.lived("what was held back paid", event.from_deposits.held > 0);
        }
    }
}
