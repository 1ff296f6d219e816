//! What lenders and borrowers do, and what becomes of losses that cash does not pay.

use novate_client::state::Portfolio;
use novate_client::{addresses, instrument, Lending, NovateError};
use novate_tests::{Actor, BTC, LENDING, USDC};

use super::judge::{named, refused};
use super::{Seat, Walk, ASSETS, USD};

/// Sub-account of what is to break.
const BORROWER: u16 = 7;
/// Units of the settlement asset that a portfolio leaves with that is to break.
const LOAN: u64 = 900_000_000;

impl Walk {
    /// The banks open as the walk begins.
    pub(super) fn open_banks(&mut self) {
        for asset in 0..ASSETS - 1 {
            self.world.open_bank(asset);
        }
    }

    pub(super) fn set_lending(&mut self) {
        let asset = self.chance.index(usize::from(ASSETS)) as u16;
        let dear = self.chance.between(1, 3_100_000);
        let borrow_cap = *self.chance.pick(&[u64::MAX, u64::MAX, u64::MAX, u64::MAX, u64::MAX, 1_000_000_000]);
        let lending = Lending { rate_kink: dear / 4, rate_full: dear, borrow_cap, ..LENDING };
        let set = self.world.set_lending_instruction(asset, lending);
        let governor = self.governor();
        // Once a week, by steps: here as of a bank that was never open.
        self.world.closed_bank(asset);
        if self.run("set_lending", set, &[&governor]).is_err() && asset < ASSETS - 1 {
            self.world.open_bank(asset);
        }
    }

    /// An asset of a portfolio and an amount of it: sometimes more than there is.
    fn amount(&mut self, of: impl Iterator<Item = (u16, u64)>) -> (u16, u64) {
        let held: Vec<(u16, u64)> = of.filter(|(_, amount)| *amount > 0).collect();
        let asset = self.chance.index(usize::from(ASSETS)) as u16;
        let (asset, amount) = if held.is_empty() { (asset, 1_000) } else { *self.chance.pick(&held) };
        let part = *self.chance.pick(&[1, 1, 2, 5, 100]);
        let over = u64::from(self.chance.percent(5));
        (asset, amount / part + over)
    }

    pub(super) fn lend(&mut self) {
        let seat = self.seat_where(|_, p| !p.in_auction() && p.cash > 0);
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let balances = portfolio.balances().iter().map(|b| (b.asset, b.tokens));
        let (asset, amount) = self.amount(balances.chain([(USDC, portfolio.cash as u64 / 2)]));
        let lend = self.world.lend_instruction(&actor, asset, amount);
        self.run("lend", lend, &[&actor.key]).ok();
    }

    pub(super) fn unlend(&mut self) {
        let seat = self.seat_where(|_, p| p.balances().iter().any(|b| b.lent > 0));
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let worth = |walk: &Self, asset: u16, lent: u64| walk.world.asset(asset).bank.lent_floor(lent).unwrap();
        let lent: Vec<_> = portfolio.balances().iter().map(|b| (b.asset, worth(self, b.asset, b.lent))).collect();
        let (asset, amount) = self.amount(lent.into_iter());
        let unlend = self.world.unlend_instruction(&actor, asset, amount);
        self.run("unlend", unlend, &[&actor.key]).ok();
    }

    pub(super) fn borrow(&mut self) {
        if self.chance.percent(30) {
            self.break_a_borrower();
            return;
        }
        let seat = self.seat_where(|_, p| !p.in_auction() && p.cash > 0);
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let asset = self.chance.index(usize::from(ASSETS)) as u16;
        let there = self.world.asset(asset).bank.borrowable().unwrap();
        let (asset, amount) = self.amount([(asset, there / 3)].into_iter());
        let mut bank = self.world.asset(asset);
        bank.bank.accrue(novate_margin::Seconds(self.world.now()));
        let mut after = portfolio;
        let foreseen = match after.borrow(&mut bank, amount) {
            _ if amount == 0 => refused(NovateError::ZeroAmount),
            _ if portfolio.in_auction() => refused(NovateError::InAuction),
            Err(error) => Err(named(error)),
            Ok(()) => match after.require_within_limits() {
                Err(error) => Err(named(error)),
                Ok(()) => {
                    after.next_sequence();
                    let mut judge = self.judge();
                    judge.snapshot.assets.insert(asset, bank);
                    judge.settled_margin(&after)
                }
            },
        };
        let borrow = self.world.borrow_instruction(&actor, asset, amount);
        if self.expect("borrow", borrow, &[&actor.key], &foreseen).is_some() {
            self.assert_is(seat, &after);
            self.lived("a loan was taken", true);
        }
    }

    /// A portfolio that is played here only borrows cash against BTC, leaves with the cash, and owes more than it holds when the price
    /// falls. No market lost that: what insurance lacks deposits pay.
    pub(super) fn break_a_borrower(&mut self) -> Option<()> {
        self.refresh_all();
        let broken = |owner: &usize| {
            let address = addresses::portfolio(&self.world.pool, &self.actor(*owner).address(), BORROWER);
            !self.world.account(&address).data.is_empty() && self.world.portfolio(&address).in_auction()
        };
        let owner = (3..8).find(broken);
        let owner = owner.unwrap_or_else(|| 3 + self.chance.index(5));
        let debtor = self.with_cash(owner, BORROWER, 0)?;
        let runs = self.world.portfolio(&debtor.portfolio).in_auction();
        if !runs {
            self.leave_with_a_loan(&debtor)?;
            self.run_the_fund_down();
        }
        self.sink(&debtor)?;
        if !runs {
            let start = self.world.start_auction_instruction(&debtor);
            self.run("start_auction", start, &[]).ok()?;
        }
        self.seats.push(Seat { actor: debtor, sub_account: BORROWER, delegate: None, passing: false });
        self.bid(self.seats.len() - 1);
        self.seats.pop();
        Some(())
    }

    /// With all cash that there is, if a shortage lets it go.
    fn leave_with_a_loan(&mut self, debtor: &Actor) -> Option<()> {
        if self.world.asset(USDC).bank.borrowable().ok()? < LOAN {
            let lender = self.actor(0);
            let lend = self.world.lend_instruction(&lender, USDC, 20 * LOAN);
            self.run("lend", lend, &[&lender.key]).ok();
        }
        if self.world.portfolio(&debtor.portfolio).balance_of(USDC).loan == 0 {
            let usd = self.world.asset(BTC).price.0 as f64 / 1e9;
            let tokens = (LOAN as f64 / 1e6 / 0.65 / usd * 1e8) as u64;
            self.world.fund(debtor, BTC, tokens);
            let deposit = self.world.deposit_instruction(debtor, BTC, tokens);
            self.run("deposit", deposit, &[&debtor.key]).ok()?;
            let borrow = self.world.borrow_instruction(debtor, USDC, LOAN);
            self.run("borrow", borrow, &[&debtor.key]).ok()?;
        }
        let cash = self.cash(debtor);
        if cash > 0 {
            let withdraw = self.world.withdraw_instruction(debtor, USDC, cash as u64);
            self.run("withdraw", withdraw, &[&debtor.key]).ok();
        }
        Some(())
    }

    /// After the haircuts that it has not borne yet.
    fn cash(&self, actor: &Actor) -> i64 {
        let portfolio = self.world.portfolio(&actor.portfolio);
        self.world.asset(USDC).claims.worth(portfolio.cash, &portfolio.claim).unwrap()
    }

    /// The price falls until what it holds is worth a sixth less than it owes, and stays there.
    fn sink(&mut self, debtor: &Actor) -> Option<()> {
        let portfolio = self.world.portfolio(&debtor.portfolio);
        let owed = self.world.asset(USDC).bank.owed_ceil(portfolio.balance_of(USDC).loan).ok()?;
        let tokens = portfolio.balance_of(BTC).tokens;
        let usd = (owed as f64 / 1.2 - self.cash(debtor) as f64) / 1e6 / (tokens as f64 / 1e8);
        if tokens == 0 || usd < USD[usize::from(BTC)] / 2.5 {
            return None;
        }
        let listed = &mut self.world.listings[usize::from(BTC)].usd;
        *listed = listed.min(usd);
        for _ in 0..2 {
            self.publish_as_they_are();
            self.world.pass(60);
        }
        self.publish_as_they_are();
        Some(())
    }

    pub(super) fn repay(&mut self) {
        let seat = self.seat_where(|_, p| p.balances().iter().any(|b| b.loan > 0));
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let owed: Vec<_> = portfolio.balances().iter().map(|b| (b.asset, b.loan)).collect();
        let (asset, amount) = self.amount(owed.into_iter());
        let amount = if self.chance.percent(30) { u64::MAX } else { amount };
        let repay = self.world.repay_instruction(&actor, asset, amount);
        if self.run("repay", repay, &[&actor.key]).is_ok() {
            self.lived("a loan was paid back whole", self.portfolio(seat).balance_of(asset).loan == 0);
        }
    }

    pub(super) fn borrow_for_loss(&mut self) {
        // A loss in a perpetual beyond cash.
        let short = |walk: &Self, portfolio: &Portfolio| {
            let mut held = portfolio.positions().iter();
            held.find_map(|p| {
                let market = instrument::market_of(p.instrument);
                let price = i128::from(walk.world.asset(p.underlying).price.0);
                let value = (i128::from(p.quantity) * price).div_euclid(1_000_000_000_000);
                let means = i128::from(portfolio.cash) + i128::from(p.pending_new) + i128::from(p.pending_old);
                let perpetual = p.instrument == instrument::perpetual(market);
                (perpetual && value - i128::from(p.cost) + means < 0).then_some(market)
            })
        };
        let seat = self.seat_where(|walk, p| short(walk, p).is_some());
        let actor = self.actor(seat);
        let market = short(self, &self.portfolio(seat)).unwrap_or_default();
        let borrow = self.world.borrow_for_loss_instruction(&actor, market);
        if self.run("borrow_for_loss", borrow, &[]).is_ok() {
            self.lived("a loss was paid out of a loan", true);
        }
    }
}
