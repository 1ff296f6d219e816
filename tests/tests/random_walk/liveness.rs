//! What must always be possible, tried now and then in a twin of the world, which the walk does not go on with: whoever owes
//! nothing leaves, whoever is below maintenance margin is taken by anyone with enough capital, and a feed that is stale stands
//! in nobody's way who does not hold its asset.

use std::mem::offset_of;

use novate_client::instructions::{self as build, TradeSide};
use novate_client::instrument::expiry_of;
use novate_client::state::{Asset, Portfolio, Position, Tombstone, DISCRIMINATOR, LONGEST_EXIT};
use novate_client::{addresses, instrument, Forecast, Instruction, Leg, NovateError};
use novate_margin::{auction, is_liquidatable, Seconds};
use novate_tests::feed::Quote;
use novate_tests::{Actor, Chance, World, BTC, DAY, ETH, SOL, USDC};
use solana_keypair::Keypair;

use super::judge::{name_in_log, Judge, Refused};
use super::{Walk, ASSETS, MAX_AGE, UNDERLYINGS, USD};

/// Steps from one trial to the next.
pub(super) const EVERY: u64 = 500;
/// Cash of whoever takes an account, USD.
const CAPITAL: i64 = 50_000_000;
/// Bids after which an account must have been taken whole or be back.
const MOST_BIDS: usize = 10;
/// Seconds after which the guard's average is the price, where that stays.
const SETTLED: i64 = 60;
/// Trades tried beside a stale feed.
const TRADES: usize = 6;

/// A world that nobody hears of.
struct Twin<'a> {
    walk: &'a Walk,
    world: World,
    place: String,
}

impl Twin<'_> {
    fn outcome(&mut self, instruction: Instruction, signers: &[&Keypair]) -> Refused<()> {
        match self.world.send_with_tables(&[instruction], signers, &self.walk.tables) {
            Ok(_) => Ok(()),
            Err(failure) => Err(name_in_log(&failure.logs.join("\n")).unwrap_or_else(|| failure.logs.join("\n"))),
        }
    }

    fn must(&mut self, what: &str, instruction: Instruction, signers: &[&Keypair]) {
        let outcome = self.outcome(instruction, signers);
        assert_eq!(outcome, Ok(()), "{}: {what}", self.place);
    }

    /// Lets any amount of cash in: what governance admits is not what is tried here.
    fn lift_cap(&mut self) {
        let address = addresses::asset(&self.world.pool, USDC);
        let mut account = self.world.account(&address);
        let at = DISCRIMINATOR + offset_of!(Asset, deposit_cap);
        account.data[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        self.world.svm.set_account(address, account).unwrap();
    }

    /// Withdraws a balance, as fast as the outflow limit lets it.
    fn leave(&mut self, actor: &Actor, asset: u16, amount: u64) {
        let mut left = amount;
        for _ in 0..=LONGEST_EXIT {
            let piece = left.min(self.world.asset(asset).outflow.available(self.world.now()));
            if piece > 0 {
                let withdraw = self.world.withdraw_instruction(actor, asset, piece);
                self.must("withdraw", withdraw, &[&actor.key]);
                left -= piece;
            }
            if left == 0 {
                return;
            }
            self.world.pass(DAY);
        }
        panic!("{}: {left} of {amount} did not leave in {LONGEST_EXIT} days", self.place);
    }

    /// Waits for the rounds of all markets, charges what is registered, and closes them (CLR-32).
    fn close_rounds(&mut self) {
        for market in 0..4 {
            let round = self.world.market(market).round;
            if !round.stands() {
                continue;
            }
            if self.world.now() < round.ends {
                self.world.pass_to(round.ends);
            }
            for (portfolio, id) in self.world.gains_to_charge(market) {
                let charge = build::charge_gain(&self.world.pool, portfolio, id);
                self.must("charge_gain", charge, &[]);
            }
            let close = self.world.close_haircut_instruction(market);
            self.must("close_haircut", close, &[]);
        }
    }

    fn portfolio(&self, actor: &Actor) -> Portfolio {
        self.world.portfolio(&actor.portfolio)
    }

    /// Whether an account must be liquidated, as of now, and is insolvent. What has expired is settled before; without a settlement
    /// price it cannot be judged.
    fn has_fallen(&mut self, actor: &Actor) -> Option<bool> {
        self.settle_expired(actor);
        let judge = Judge { snapshot: self.world.snapshot(), now: self.world.now() };
        let portfolio = self.portfolio(actor);
        let health = match judge.health(&portfolio) {
            Err(error) if error == NovateError::ExpiryPassed.name() => return None,
            health => {
                health.unwrap_or_else(|error| panic!("{}: {error} keeps an account from being judged", self.place))
            }
        };
        (portfolio.owes() && is_liquidatable(&health)).then_some(health.equity.0 <= 0)
    }

    fn settle_expired(&mut self, actor: &Actor) {
        for slots in self.world.chains() {
            let expiry = self.world.expiry(slots.market, slots.time);
            let held = |p: &Position| p.quantity != 0 && expiry_of(p.instrument) == Some(expiry.id());
            if expiry.is_fixed() && self.portfolio(actor).positions().iter().any(held) {
                let settle = self.world.settle_expiry_instruction(&actor.portfolio, slots.market, slots.time);
                self.must("settle_expiry", settle, &[]);
            }
        }
    }

    /// Publishes the prices of all assets but one, of now, and has them read. Option values on the others rest on them.
    fn refresh_but(&mut self, but: Option<u16>) {
        let now = self.world.now();
        let read: Vec<u16> = (0..ASSETS).filter(|asset| Some(*asset) != but).collect();
        for asset in &read {
            self.world.publish(*asset, Quote::new(self.world.listing(*asset).usd, now));
        }
        let refresh = self.world.refresh_asset(&read);
        self.must("fresh prices", refresh, &[]);
        let live = self.world.live_chains();
        for slots in live.iter().filter(|slots| slots.range.count > 0 && Some(slots.asset) != but) {
            let last = Forecast::from(&self.world.expiry(slots.market, slots.time));
            let (publication, members) = self.world.publication(slots.market, slots.time, last);
            // Where it was published a moment ago already, or little variance is left, the last one stays.
            for (at, instruction) in publication.into_iter().enumerate() {
                let signer: Vec<_> = members.get(at).into_iter().collect();
                self.outcome(instruction, &signer).ok();
            }
            let refresh = build::refresh_expiry(&self.world.pool, &[*slots]);
            self.must("option values", refresh, &[]);
        }
    }
}

impl Walk {
    pub(super) fn check_liveness(&mut self) {
        self.tries = true;
        let mut chance = Chance::new(self.seed.wrapping_mul(1_000_003) ^ self.step);
        let left = self.whoever_owes_nothing_leaves();
        let taken = self.whoever_fell_is_taken(&mut chance);
        let beside = self.a_stale_feed_is_its_holders_own(&mut chance);
        for (what, times) in left.into_iter().chain(taken).chain(beside) {
            *self.lived.get_mut(what).unwrap() += times;
        }
        self.tries = false;
    }

    fn twin(&self) -> Twin<'_> {
        Twin { walk: self, world: self.world.twin(), place: format!("{}, liveness", self.place()) }
    }

    /// Prices as they are, however old: everything that borrowers do not have is withdrawn, and the portfolio closed. Where insurance is
    /// short or a round of a market stands, once somebody has given it what it lacks and closed the round (CLR-35).
    fn whoever_owes_nothing_leaves(&self) -> [(&'static str, u64); 1] {
        let mut twin = self.twin();
        let mut left = 0;
        let shortage = twin.world.asset(USDC).shortage;
        if shortage > 0 {
            let backer = twin.world.actor();
            twin.world.insure_units(&backer, shortage);
        }
        twin.close_rounds();
        for seat in &self.seats {
            let actor = &seat.actor;
            if twin.portfolio(actor).owes() {
                continue;
            }
            if twin.portfolio(actor).in_auction() {
                let end = twin.world.end_auction_instruction(actor);
                twin.must("end_auction", end, &[]);
            }
            let mut waits = false;
            for balance in twin.portfolio(actor).balances().iter().filter(|b| b.lent > 0) {
                let mut bank = twin.world.asset(balance.asset).bank;
                bank.accrue(Seconds(twin.world.now()));
                let worth = bank.lent_floor(balance.lent).unwrap();
                let amount = worth.min(bank.liquid().unwrap());
                waits |= amount < worth;
                if amount > 0 {
                    let unlend = twin.world.unlend_instruction(actor, balance.asset, amount);
                    twin.must("unlend", unlend, &[&actor.key]);
                }
            }
            let portfolio = twin.portfolio(actor);
            let balances = portfolio.balances().iter().map(|b| (b.asset, b.tokens));
            let cash = twin.world.asset(USDC).claims.worth(portfolio.cash, &portfolio.claim).unwrap();
            for (asset, amount) in balances.chain([(USDC, cash as u64)]).filter(|(_, amount)| *amount > 0) {
                twin.leave(actor, asset, amount);
            }
            if waits {
                continue;
            }
            let close = build::close_portfolio(actor.address(), self.world.pool, seat.sub_account);
            twin.must("close_portfolio", close, &[&actor.key]);
            assert_eq!(twin.world.account(&actor.portfolio).data.len(), Tombstone::SPACE, "{}", twin.place);
            left += 1;
        }
        [("a portfolio without debts left", left)]
    }

    /// At prices as they are, moved, and moved far: each account below maintenance margin is bid for by a portfolio with nothing but
    /// cash until it is back or nothing is left of it.
    fn whoever_fell_is_taken(&self, chance: &mut Chance) -> [(&'static str, u64); 2] {
        let moves = [0, *chance.pick(&[-15, -30, 20, 30]), -45, 50];
        let mut taken = [0; 2];
        for percent in moves {
            let mut twin = self.twin();
            for asset in [BTC, ETH, SOL] {
                let began = USD[usize::from(asset)];
                let listing = &mut twin.world.listings[usize::from(asset)];
                listing.usd = (listing.usd * (1.0 + f64::from(percent) / 100.0)).clamp(began / 2.0, began * 2.0);
            }
            for _ in 0..2 {
                twin.world.pass(SETTLED);
                twin.refresh_but(None);
            }
            for seat in 0..self.seats.len() {
                let actor = self.actor(seat);
                let Some(insolvent) = twin.has_fallen(&actor) else { continue };
                self.take(&mut twin, &actor);
                taken[usize::from(insolvent)] += 1;
            }
        }
        [
            ("a solvent account was taken by a stranger", taken[0]),
            ("an insolvent account was taken by a stranger", taken[1]),
        ]
    }

    fn take(&self, twin: &mut Twin, actor: &Actor) {
        twin.lift_cap();
        let stranger = twin.world.trader(CAPITAL);
        for _ in 0..MOST_BIDS {
            let Some(insolvent) = twin.has_fallen(actor) else {
                if twin.portfolio(actor).in_auction() {
                    let end = twin.world.end_auction_instruction(actor);
                    twin.must("end_auction", end, &[]);
                }
                return;
            };
            let portfolio = twin.portfolio(actor);
            let lapsed = twin.world.now() - portfolio.auction_start >= auction::FAST_END.0;
            if lapsed || (portfolio.auction_insolvent != 0) != insolvent {
                let start = twin.world.start_auction_instruction(actor);
                twin.must("start_auction", start, &[]);
            }
            let limit = if insolvent { 0 } else { i64::MAX };
            let bid = twin.world.liquidate_instruction(actor, stranger.side(), 1_000_000_000, limit);
            twin.must("liquidate", bid, &[&stranger.key]);
        }
        panic!("{}: {} bids restore nothing", twin.place, MOST_BIDS);
    }

    /// In two twins, one of which has every price and one all but one, whoever does not hold that asset fares alike.
    fn a_stale_feed_is_its_holders_own(&self, chance: &mut Chance) -> [(&'static str, u64); 2] {
        let stale = chance.between(1, i64::from(ASSETS) - 1) as u16;
        let holds = |portfolio: &Portfolio| {
            let balances = portfolio.balances().iter();
            balances.flat_map(|b| [b.asset, b.redemption_underlying]).any(|asset| asset == stale)
                || portfolio.positions().iter().any(|p| p.underlying == stale)
        };
        let others: Vec<Actor> =
            (0..self.seats.len()).filter(|seat| !holds(&self.portfolio(*seat))).map(|seat| self.actor(seat)).collect();
        let mut twins = [self.twin(), self.twin()];
        for twin in &mut twins {
            twin.world.pass(MAX_AGE + 1);
            twin.refresh_but(Some(stale));
        }
        let now = twins[0].world.now();
        let quote = Quote::new(twins[0].world.listing(stale).usd, now);
        twins[0].world.publish(stale, quote);
        let refresh = twins[0].world.refresh_asset(&[stale]);
        twins[0].must("the last price", refresh, &[]);
        assert!(now - twins[1].world.asset(stale).publish_time > MAX_AGE, "{}: it is not stale", twins[1].place);

        let (mut withdrawals, mut trades) = (0, 0);
        for actor in others.iter().filter(|actor| self.world.portfolio(&actor.portfolio).cash > 0) {
            let withdraw = |world: &World| world.withdraw_instruction(actor, USDC, 1);
            withdrawals += u64::from(alike(&mut twins, withdraw, &[&actor.key], &[actor]));
        }
        let markets: Vec<u16> = (0..).zip(UNDERLYINGS).filter(|(_, u)| *u != stale).map(|(market, _)| market).collect();
        for _ in 0..if others.len() < 2 { 0 } else { TRADES } {
            let at = chance.index(others.len());
            let (one, other) = (&others[at], &others[(at + 1) % others.len()]);
            let market = *chance.pick(&markets);
            let judge = Judge { snapshot: twins[0].world.snapshot(), now };
            let Ok(terms) = judge.terms(instrument::perpetual(market)) else { continue };
            let quantity = judge.snapshot.markets[&market].minimum.0 * *chance.pick(&[1, -1]);
            let price = terms.mark / terms.tick * terms.tick;
            let leg = Leg { instrument: instrument::perpetual(market), quantity, price };
            let sides: [TradeSide; 2] = [one.side(), other.side()];
            let trade = |world: &World| world.trade_of(sides[0], sides[1], &[leg]);
            trades += u64::from(alike(&mut twins, trade, &[&one.key, &other.key], &[one, other]));
        }
        [("a withdrawal beside a stale feed", withdrawals), ("a trade beside a stale feed", trades)]
    }
}

/// Has the same happen in both twins, and compares the outcome and what it leaves to the byte. Returns whether it succeeded.
fn alike(
    twins: &mut [Twin; 2],
    built: impl Fn(&World) -> Instruction,
    signers: &[&Keypair],
    concerned: &[&Actor],
) -> bool {
    let outcomes = twins.each_mut().map(|twin| {
        let instruction = built(&twin.world);
        twin.outcome(instruction, signers)
    });
    assert_eq!(outcomes[0], outcomes[1], "{}: CLR-40", twins[1].place);
    for actor in concerned {
        let [fresh, stale] = twins.each_ref().map(|twin| twin.world.account(&actor.portfolio).data);
        assert!(fresh == stale, "{}: CLR-40: a stale feed made a difference", twins[1].place);
    }
    outcomes[0].is_ok()
}
