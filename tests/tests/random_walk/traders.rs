//! What owners do beside trading: portfolios, delegates, collateral; and what readers and guards ask.

use novate_client::instructions::{self as build, Transfer};
use novate_client::state::Portfolio;
use novate_client::{addresses, HealthReport, NovateError};
use novate_margin::Ratio;
use novate_tests::{Actor, JITOSOL, USDC};
use solana_signer::Signer;

use super::{Seat, Walk, ASSETS, USD};

impl Walk {
    pub(super) fn open_portfolio(&mut self) {
        let owner = self.chance.index(8);
        let actor = self.actor(owner);
        let sub_account = self.chance.between(2, 4) as u16;
        let open = build::open_portfolio(actor.address(), self.world.pool, sub_account);
        self.run("open_portfolio", open, &[&actor.key]).ok();
        let portfolio = addresses::portfolio(&self.world.pool, &actor.address(), sub_account);
        if self.seats.iter().all(|s| s.actor.portfolio != portfolio) {
            let actor = Actor { portfolio, ..actor };
            self.seats.push(Seat { actor, sub_account, delegate: None, passing: true });
        }
    }

    pub(super) fn close_portfolio(&mut self) {
        let passing: Vec<usize> = (0..self.seats.len()).filter(|s| self.seats[*s].passing).collect();
        if passing.is_empty() {
            return self.open_portfolio();
        }
        let empty: Vec<usize> = passing.iter().copied().filter(|s| self.portfolio(*s).is_empty()).collect();
        if empty.is_empty() && self.chance.percent(70) {
            return self.open_portfolio();
        }
        let seat = match empty.is_empty() || self.chance.percent(8) {
            true => self.seat(),
            false => *self.chance.pick(&empty),
        };
        if !self.seats[seat].passing && self.portfolio(seat).is_empty() {
            return self.open_portfolio();
        }
        let Seat { actor, sub_account, .. } = &self.seats[seat];
        let (key, sub_account) = (actor.key.insecure_clone(), *sub_account);
        let close = build::close_portfolio(key.pubkey(), self.world.pool, sub_account);
        if self.run("close_portfolio", close, &[&key]).is_ok() {
            self.seats.remove(seat);
        }
    }

    pub(super) fn set_delegate(&mut self) {
        let seat = self.seat();
        let (actor, delegate) = (self.actor(seat), self.world.new_key());
        let expiry = self.world.now() + self.chance.between(-20, 5_000);
        let set = build::set_delegate(actor.address(), actor.portfolio, delegate.pubkey(), expiry);
        if self.run("set_delegate", set, &[&actor.key]).is_ok() {
            self.seats[seat].delegate = Some(delegate);
        }
    }

    pub(super) fn revoke_delegate(&mut self) {
        let seat = self.seat();
        let actor = self.actor(seat);
        let signer = match &self.seats[seat].delegate {
            Some(delegate) if self.chance.percent(50) => delegate.insecure_clone(),
            _ if self.chance.percent(10) => self.governor(),
            _ => actor.key.insecure_clone(),
        };
        let revoke = build::revoke_delegate(signer.pubkey(), actor.portfolio);
        self.run("revoke_delegate", revoke, &[&signer]).ok();
    }

    pub(super) fn deposit(&mut self) {
        let asset = self.chance.index(usize::from(ASSETS)) as u16;
        let (seat, usd) = match self.chance.percent(50) {
            // Whoever is in an auction is helped out of it.
            true => {
                let seat = self.seat_where(|_, p| p.in_auction());
                let health = self.judge().health(&self.portfolio(seat));
                (seat, health.map_or(100, |h| (h.maintenance.0 - h.equity.0).max(0) / 1_000_000 + 50))
            }
            false => (self.seat(), self.chance.between(1, 1_500)),
        };
        let actor = self.actor(seat);
        let decimals = i32::from(self.world.listing(asset).spec.decimals);
        let amount = (usd as f64 / USD[usize::from(asset)] * 10f64.powi(decimals)) as u64 + 1;
        if self.chance.percent(92) {
            self.world.fund(&actor, asset, amount);
        }
        let deposit = self.world.deposit_instruction(&actor, asset, amount);
        if self.run("deposit", deposit, &[&actor.key]).is_ok() {
            self.lived("yield-bearing collateral was deposited", asset == JITOSOL);
        }
    }

    /// Something that a portfolio has, and how much of it: sometimes more than there is.
    fn holding(&mut self, portfolio: &Portfolio) -> (u16, u64) {
        let mut held = vec![(USDC, portfolio.cash)];
        held.extend(portfolio.balances().iter().map(|b| (b.asset, b.tokens as i64)));
        held.retain(|(asset, amount)| *asset == USDC || *amount > 0);
        let (asset, amount) = *self.chance.pick(&held);
        let most = if self.chance.percent(10) { amount.saturating_mul(2) } else { amount };
        let part = *self.chance.pick(&[1, 2, 5, 20, 20, 100]);
        (asset, self.chance.between(most / part / 2, most / part) as u64)
    }

    pub(super) fn withdraw(&mut self) {
        // More than leaves in a day, now and then.
        if self.chance.percent(16) {
            let seat = self.chance.index(3);
            let amount = self.portfolio(seat).cash as u64 / 2 + 1;
            return self.withdraw_from(seat, USDC, amount);
        }
        let passing = self.chance.percent(25);
        let seat = self.seat_where(|walk, p| {
            let seat = walk.seats.iter().find(|s| s.actor.address() == p.owner && s.sub_account == p.sub_account);
            !p.is_empty() && !p.in_auction() && (!passing || seat.is_some_and(|s| s.passing))
        });
        let portfolio = self.portfolio(seat);
        let (asset, amount) = match (self.seats[seat].passing, portfolio.balances().first()) {
            (true, Some(balance)) => (balance.asset, balance.tokens),
            (true, None) => (USDC, portfolio.cash as u64),
            _ => self.holding(&portfolio),
        };
        self.withdraw_from(seat, asset, amount);
    }

    /// While insurance is short, cash that no margin is needed for goes as far as it may.
    pub(super) fn run_for_it(&mut self) {
        let seat = self.seat_where(|_, p| p.free_cash() > 100 && !p.owes() && !p.in_auction());
        let portfolio = self.portfolio(seat);
        if portfolio.owes() && self.chance.percent(80) {
            // Nobody is free to leave: somebody comes who will be.
            let passing = (0..self.seats.len()).find(|s| self.seats[*s].passing && !self.portfolio(*s).owes());
            let Some(passing) = passing else { return self.open_portfolio() };
            let actor = self.actor(passing);
            self.world.fund(&actor, USDC, 50_000_000_000);
            let deposit = self.world.deposit_instruction(&actor, USDC, 50_000_000_000);
            self.run("deposit", deposit, &[&actor.key]).ok();
            return;
        }
        let part = *self.chance.pick(&[1, 2, 3]);
        self.withdraw_from(seat, USDC, portfolio.free_cash().max(0) as u64 / part);
    }

    fn withdraw_from(&mut self, seat: usize, asset: u16, amount: u64) {
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let foreseen = self.judge().withdraw(&portfolio, asset, amount);
        let short = asset == USDC && self.world.asset(USDC).at_stake() > 0;
        self.lived("cash left during a shortage", short && foreseen.is_ok());
        let held = foreseen.as_ref().is_err_and(|error| *error == NovateError::ProvisionalHaircut.name());
        self.lived("a shortage held cash back", held);
        let withdraw = self.world.withdraw_instruction(&actor, asset, amount);
        if self.expect("withdraw", withdraw, &[&actor.key], &foreseen).is_some() {
            self.assert_is(seat, &foreseen.unwrap());
        }
    }

    pub(super) fn transfer(&mut self) {
        let from = self.seat_where(|_, p| p.cash > 0 && p.balance_count > 0);
        let actor = self.actor(from);
        let others = (0..self.seats.len()).filter(|s| *s != from && self.seats[*s].actor.address() == actor.address());
        let others: Vec<usize> = others.collect();
        let to = if others.is_empty() { self.seat() } else { *self.chance.pick(&others) };
        let portfolio = self.portfolio(from);
        let (asset, amount) = self.holding(&portfolio);
        let to = self.seats[to].actor.portfolio;
        let transfer = Transfer { from: actor.portfolio, to, asset, amount };
        let holdings = self.world.holdings(&[actor.portfolio]);
        let transfer = build::transfer(actor.address(), self.world.keys(), &holdings, transfer);
        if self.run("transfer", transfer, &[&actor.key]).is_ok() {
            self.assert_settled_margin(from);
        }
    }

    /// MRG-45: nothing leaves a portfolio with positions against gains that are not settled.
    fn assert_settled_margin(&self, seat: usize) {
        assert_eq!(self.judge().settled_margin(&self.portfolio(seat)), Ok(()), "MRG-45: {}", self.place());
    }

    // Readers and guards.

    pub(super) fn health(&mut self) {
        let seat = self.seat();
        self.health_of(seat);
    }

    /// What the chain reports is what a client computes, the refusal too.
    pub(super) fn health_of(&mut self, seat: usize) {
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let holdings = self.world.holdings(&[actor.portfolio]);
        let local = self.judge().health(&portfolio);
        let health = build::health(self.world.keys(), actor.portfolio, &holdings);
        let Some(sent) = self.expect("health", health, &[], &local) else { return };
        let (chain, local): (HealthReport, _) = (sent.returned(), local.unwrap());
        let local = [
            (chain.equity, local.equity),
            (chain.counted_equity, local.counted_equity),
            (chain.settled_equity, local.settled_equity),
            (chain.option_value, local.option_value),
            (chain.initial, local.initial),
            (chain.maintenance, local.maintenance),
            (chain.gross, local.gross),
            (chain.es_alone, local.es_alone),
            (chain.es_joint, local.es_joint),
            (chain.core, local.core),
            (chain.net_delta_floor, local.net_delta_floor),
            (chain.contingencies, local.contingencies),
            (chain.outside, local.outside),
        ];
        assert!(local.iter().all(|(chain, local)| *chain == local.0), "{}: {local:?}", self.place());
        self.lived("health of options was compared", chain.option_value != 0);
    }

    pub(super) fn require_health(&mut self) {
        let seat = self.seat();
        let actor = self.actor(seat);
        let minimum = *self.chance.pick(&[0, Ratio::ONE.0, 5 * Ratio::ONE.0]);
        let holdings = self.world.holdings(&[actor.portfolio]);
        let guard = build::require_health(self.world.keys(), actor.portfolio, &holdings, minimum);
        self.run("require_health", guard, &[]).ok();
    }

    pub(super) fn require_sequence(&mut self) {
        let seat = self.seat();
        let wrong = u64::from(self.chance.percent(15));
        let guard = build::require_sequence(self.actor(seat).portfolio, self.portfolio(seat).sequence + wrong);
        self.run("require_sequence", guard, &[]).ok();
    }
}
