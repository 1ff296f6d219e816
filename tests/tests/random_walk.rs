//! A random walk over all instructions: whatever is tried, in whatever order, the rules of [`checker`] hold after it, and
//! what fails changes nothing.
//!
//! `NOVATE_SEED` chooses another walk, `NOVATE_STEPS` a longer one.

use std::collections::BTreeMap;
use std::io::Write;

use novate::events::{Liquidated, VariationSettled};
use novate_client::instructions::{self as build, Transfer};
use novate_client::state::{Pool, Portfolio};
use novate_client::{addresses, instrument, Instruction, Pubkey};
use novate_margin::{is_liquidatable, Health, Price, Ratio};
use novate_tests::feed::Quote;
use novate_tests::spec::symbol;
use novate_tests::{checker, Actor, AssetSpec, Builder, Chance, MarketSpec, Sent, World, BTC, ETH, SOL, USDC};
use solana_instruction_error::InstructionError;
use solana_keypair::Keypair;
use solana_signer::Signer;
use solana_transaction_error::TransactionError;

use crate::checking::raw;

const SEED: u64 = 20_221_111;
const STEPS: u64 = 5_000;
/// Fewest successes of each instruction, and of a hundred operations.
const LEAST: u64 = 50;
const LEAST_SHARE: u64 = 60;

const USD: [f64; 5] = [1.0, 20_000.0, 1_500.0, 30.0, 50.0];
/// Underlying of each market; two are on BTC.
const UNDERLYINGS: [u16; 4] = [BTC, ETH, SOL, BTC];
const MAX_AGE: i64 = 600;

const INSTRUCTIONS: [(&str, i64); 21] = [
    ("create_pool", 2),
    ("add_asset", 3),
    ("add_market", 2),
    ("stage_scenarios", 3),
    ("refresh_asset", 7),
    ("refresh_market", 4),
    ("open_portfolio", 3),
    ("close_portfolio", 3),
    ("set_delegate", 3),
    ("revoke_delegate", 2),
    ("deposit", 7),
    ("withdraw", 8),
    ("transfer", 6),
    ("trade", 22),
    ("settle_variation", 12),
    ("start_auction", 4),
    ("liquidate", 6),
    ("end_auction", 4),
    ("health", 3),
    ("require_health", 3),
    ("require_sequence", 3),
];

/// A portfolio and who may sign for it.
struct Seat {
    actor: Actor,
    sub_account: u16,
    delegate: Option<Keypair>,
    /// Opened and closed again; the others stay.
    passing: bool,
}

struct Walk {
    world: World,
    chance: Chance,
    seats: Vec<Seat>,
    /// Pools beside the one that trades, by id, and how many assets and markets each has.
    pools: Vec<u16>,
    tally: BTreeMap<&'static str, [u64; 2]>,
    /// How often what the rules are about really happened.
    lived: BTreeMap<&'static str, u64>,
    seed: u64,
    step: u64,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let asset = |symbol, decimals, at: usize| AssetSpec::new(symbol, decimals, USD[at]).max_age(MAX_AGE);
        let assets = vec![
            asset("USDC", 6, 0),
            asset("BTC", 8, 1),
            asset("ETH", 8, 2).base_range(180_000).pushed(),
            asset("SOL", 9, 3).base_range(250_000).posted().token_2022(vec![]),
            asset("GOLD", 6, 4).pushed(),
        ];
        let fine = |t: &mut novate_client::MarketTerms| (t.tick, t.lot, t.minimum) = (1, 1, 1_000_000);
        let markets = vec![
            MarketSpec::new("BTC-PERP", BTC),
            MarketSpec::new("ETH-PERP", ETH),
            MarketSpec::new("SOL-PERP", SOL),
            MarketSpec::new("BTC2-PERP", BTC).with(fine),
        ];
        let mut world = Builder::default().assets(assets).markets(markets).rows(64).build();
        let mut seats = vec![];
        for usd in [2_000_000, 1_500_000, 1_000_000, 9_000, 8_000, 7_000, 6_000, 5_000] {
            let actor = world.trader(usd);
            seats.push(Seat { actor, sub_account: 0, delegate: None, passing: false });
        }
        for at in 0..4 {
            let actor = world.sub_account(&seats[at + 2].actor.clone(), 1);
            world.deposit(&actor, USDC, 4_000_000_000);
            seats.push(Seat { actor, sub_account: 1, delegate: None, passing: false });
        }
        let tally = INSTRUCTIONS.iter().map(|(name, _)| (*name, [0, 0])).collect();
        Self { world, chance: Chance::new(seed), seats, pools: vec![], tally, lived: BTreeMap::new(), seed, step: 0 }
    }

    /// Sends one instruction, counts it, and checks: no failure changes a byte or comes from anything but a named error,
    /// and the rules hold.
    fn run(&mut self, name: &'static str, instruction: Instruction, signers: &[&Keypair]) -> Option<Sent> {
        let before = self.world.picture();
        let result = self.world.attempt(instruction, signers);
        let count = self.tally.get_mut(name).unwrap();
        count[0] += 1;
        let place = format!("seed {}, step {}, {name}", self.seed, self.step);
        let sent = match result {
            Ok(sent) => {
                count[1] += 1;
                self.live(name, &sent);
                Some(sent)
            }
            Err(failure) => {
                let named =
                    TransactionError::InstructionError(1, InstructionError::Custom(failure.code().unwrap_or(0)));
                assert_eq!(failure.error, named, "{place}\n{}", failure.logs.join("\n"));
                assert_eq!(before.differences(&self.world.picture()), [], "{place} failed and changed something");
                None
            }
        };
        let wrong = checker::violations(&raw(&self.world), self.world.pool.to_bytes());
        assert!(wrong.is_empty(), "{place}\n{}", wrong.join("\n"));
        sent
    }

    fn live(&mut self, name: &str, sent: &Sent) {
        let happened = match name {
            "settle_variation" => {
                let event: VariationSettled = sent.event();
                vec![
                    ("a loss was paid", event.amount < 0),
                    ("a gain was received", event.amount > 0),
                    ("pending gains became cash", event.released > 0),
                ]
            }
            "liquidate" => {
                let event: Liquidated = sent.event();
                vec![("a bid restored the account", event.restored), ("a bid left the auction", !event.restored)]
            }
            _ => return,
        };
        for (what, _) in happened.into_iter().filter(|(_, happened)| *happened) {
            *self.lived.entry(what).or_default() += 1;
        }
    }

    fn step(&mut self) {
        self.step += 1;
        let seconds = if self.chance.percent(4) { self.chance.between(600, 4_000) } else { self.chance.between(0, 30) };
        self.world.pass(seconds);
        if self.is_stale() && self.chance.percent(85) {
            return self.refresh_all();
        }
        let total: i64 = INSTRUCTIONS.iter().map(|(_, weight)| weight).sum();
        let mut draw = self.chance.between(1, total);
        for (name, weight) in INSTRUCTIONS {
            draw -= weight;
            if draw <= 0 {
                return self.operate(name);
            }
        }
    }

    fn operate(&mut self, name: &'static str) {
        match name {
            "create_pool" => self.create_pool(),
            "add_asset" => self.add_asset(),
            "add_market" => self.add_market(),
            "stage_scenarios" => self.stage_scenarios(),
            "refresh_asset" => self.refresh_asset(),
            "refresh_market" => self.refresh_market(),
            "open_portfolio" => self.open_portfolio(),
            "close_portfolio" => self.close_portfolio(),
            "set_delegate" => self.set_delegate(),
            "revoke_delegate" => self.revoke_delegate(),
            "deposit" => self.deposit(),
            "withdraw" => self.withdraw(),
            "transfer" => self.transfer(),
            "trade" => self.trade(),
            "settle_variation" => self.settle_variation(),
            "start_auction" => self.start_auction(),
            "liquidate" => self.liquidate(),
            "end_auction" => self.end_auction(),
            "health" => self.health(),
            "require_health" => self.require_health(),
            "require_sequence" => self.require_sequence(),
            other => panic!("{other} is not played"),
        }
    }

    // What is drawn.

    fn seat(&mut self) -> usize {
        self.chance.index(self.seats.len())
    }

    /// A seat for which something holds, or any where none does.
    fn seat_where(&mut self, holds: impl Fn(&Self, &Portfolio) -> bool) -> usize {
        let fits: Vec<usize> = (0..self.seats.len()).filter(|s| holds(self, &self.portfolio(*s))).collect();
        match fits.is_empty() {
            true => self.seat(),
            false => *self.chance.pick(&fits),
        }
    }

    fn actor(&self, seat: usize) -> Actor {
        self.seats[seat].actor.clone()
    }

    fn portfolio(&self, seat: usize) -> Portfolio {
        self.world.portfolio(&self.seats[seat].actor.portfolio)
    }

    fn local_health(&self, portfolio: &Portfolio) -> Option<Health> {
        self.world.snapshot().health(portfolio, self.world.now()).ok()
    }

    fn is_stale(&self) -> bool {
        (0..5).any(|a| self.world.now() - self.world.asset(a).publish_time > MAX_AGE)
    }

    // Governance: pools beside the one that trades.

    fn governor(&self) -> Keypair {
        self.world.governor.insecure_clone()
    }

    fn side_pool(&self, id: u16) -> (Pubkey, Pool) {
        let address = addresses::pool(&self.governor().pubkey(), id);
        (address, self.world.state(&address))
    }

    fn create_pool(&mut self) {
        let governor = self.governor();
        let next = self.pools.len() as u16 + 1;
        let id = if self.chance.percent(10) { next - 1 } else { next };
        let create = build::create_pool(governor.pubkey(), id, self.world.listing(USDC).token.mint);
        if self.run("create_pool", create, &[&governor]).is_some() {
            self.pools.push(id);
        }
    }

    fn add_asset(&mut self) {
        let Some(id) = self.pools.last().copied() else { return self.create_pool() };
        let governor = self.governor();
        let (address, pool) = self.side_pool(id);
        let index = if self.chance.percent(8) { 2 } else { pool.asset_count };
        let mint = if self.chance.percent(5) { 0 } else { index.min(4) };
        let listing = self.world.listing(mint).clone();
        let mut terms = listing.spec.terms(&listing.feed);
        terms.symbol = symbol("SIDE");
        let add = build::add_asset(governor.pubkey(), address, index, listing.token, terms);
        self.run("add_asset", add, &[&governor]);
        let wrong = checker::violations(&raw(&self.world), address.to_bytes());
        assert!(wrong.is_empty(), "side pool {id}: {wrong:?}");
    }

    fn add_market(&mut self) {
        let with_assets =
            self.pools.iter().copied().filter(|id| self.side_pool(*id).1.asset_count > 1).collect::<Vec<_>>();
        if with_assets.is_empty() {
            return self.add_asset();
        }
        let governor = self.governor();
        let id = *self.chance.pick(&with_assets);
        let (address, pool) = self.side_pool(id);
        let lowest = i64::from(self.chance.percent(90));
        let asset = self.chance.between(lowest, i64::from(pool.asset_count) - 1) as u16;
        let terms = MarketSpec::new("SIDE-PERP", asset).terms;
        let add = build::add_market(governor.pubkey(), address, asset, pool.market_count, terms);
        self.run("add_market", add, &[&governor]);
    }

    fn stage_scenarios(&mut self) {
        let unstaged = self.pools.iter().copied().filter(|id| {
            let pool = self.side_pool(*id).1;
            pool.generation == 0 && pool.column_count > 0
        });
        let unstaged: Vec<u16> = unstaged.collect();
        let governor = self.governor();
        let (address, generation, range) = match unstaged.first() {
            // Two halves, as the dice fall, make a side pool's first generation.
            Some(id) if self.chance.percent(60) => {
                let start = *self.chance.pick(&[0, 4]);
                (self.side_pool(*id).0, 1, World::rows_of(8, 1, start, 4))
            }
            // The next generation of the pool that trades never gets its last row.
            _ => {
                let start = self.chance.between(0, 125) as u16;
                (self.world.pool, 2, World::rows_of(128, 0b111, start, 2))
            }
        };
        let stage = build::stage_scenarios(governor.pubkey(), address, generation, range);
        self.run("stage_scenarios", stage, &[&governor]);
    }

    // Keepers: prices return to where they began, by a tenth of the way each time, with noise.

    fn publish(&mut self, asset: u16) {
        let (base, last) = (USD[usize::from(asset)], self.world.listing(asset).usd);
        let noise = self.chance.between(-25, 25) as f64 / 1_000.0;
        let usd = if asset == USDC {
            1.0 - self.chance.between(0, 8) as f64 / 1_000.0
        } else {
            (last + (base - last) * 0.1) * (1.0 + noise)
        };
        self.world.listings[usize::from(asset)].usd = usd;
        let quote = Quote::new(usd, self.world.now()).with_confidence(self.chance.between(0, 20) as f64 / 10_000.0);
        self.world.publish(asset, quote);
    }

    fn refresh_all(&mut self) {
        (0..5).for_each(|asset| self.publish(asset));
        let refresh = self.world.refresh_asset(&[0, 1, 2, 3, 4]);
        self.run("refresh_asset", refresh, &[]);
    }

    fn refresh_asset(&mut self) {
        if self.chance.percent(60) {
            return self.refresh_all();
        }
        let asset = self.chance.between(0, 4) as u16;
        self.publish(asset);
        if self.chance.percent(20) {
            let old = Quote::new(1.0, self.world.now() - MAX_AGE - 1);
            self.world.publish(asset, old);
        }
        let refresh = self.world.refresh_asset(&[asset]);
        self.run("refresh_asset", refresh, &[]);
    }

    fn refresh_market(&mut self) {
        let markets: Vec<(u16, u16)> = (0..4).map(|m| (m, UNDERLYINGS[usize::from(m)])).collect();
        let some = self.chance.index(4);
        let refresh = build::refresh_market(&self.world.pool, &markets[some..]);
        self.run("refresh_market", refresh, &[]);
    }

    // Traders.

    fn open_portfolio(&mut self) {
        let owner = self.chance.index(8);
        let actor = self.actor(owner);
        let sub_account = self.chance.between(2, 4) as u16;
        let open = build::open_portfolio(actor.address(), self.world.pool, sub_account);
        self.run("open_portfolio", open, &[&actor.key]);
        let portfolio = addresses::portfolio(&self.world.pool, &actor.address(), sub_account);
        if self.seats.iter().all(|s| s.actor.portfolio != portfolio) {
            let actor = Actor { portfolio, ..actor };
            self.seats.push(Seat { actor, sub_account, delegate: None, passing: true });
        }
    }

    fn close_portfolio(&mut self) {
        let passing: Vec<usize> = (0..self.seats.len()).filter(|s| self.seats[*s].passing).collect();
        if passing.is_empty() {
            return self.open_portfolio();
        }
        let empty: Vec<usize> = passing.iter().copied().filter(|s| self.portfolio(*s).is_empty()).collect();
        let seat = match empty.is_empty() || self.chance.percent(8) {
            true => self.seat(),
            false => *self.chance.pick(&empty),
        };
        let Seat { actor, sub_account, .. } = &self.seats[seat];
        let (key, sub_account) = (actor.key.insecure_clone(), *sub_account);
        let close = build::close_portfolio(key.pubkey(), self.world.pool, sub_account);
        if self.run("close_portfolio", close, &[&key]).is_some() {
            self.seats.remove(seat);
        }
    }

    fn set_delegate(&mut self) {
        let seat = self.seat();
        let (actor, delegate) = (self.actor(seat), self.world.new_key());
        let expiry = self.world.now() + self.chance.between(-20, 5_000);
        let set = build::set_delegate(actor.address(), actor.portfolio, delegate.pubkey(), expiry);
        if self.run("set_delegate", set, &[&actor.key]).is_some() {
            self.seats[seat].delegate = Some(delegate);
        }
    }

    fn revoke_delegate(&mut self) {
        let seat = self.seat();
        let actor = self.actor(seat);
        let signer = match &self.seats[seat].delegate {
            Some(delegate) if self.chance.percent(50) => delegate.insecure_clone(),
            _ if self.chance.percent(10) => self.governor(),
            _ => actor.key.insecure_clone(),
        };
        let revoke = build::revoke_delegate(signer.pubkey(), actor.portfolio);
        self.run("revoke_delegate", revoke, &[&signer]);
    }

    fn deposit(&mut self) {
        let asset = self.chance.between(0, 4) as u16;
        let (seat, usd) = match self.chance.percent(50) {
            // Whoever is in an auction is helped out of it.
            true => {
                let seat = self.seat_where(|_, p| p.in_auction());
                let health = self.local_health(&self.portfolio(seat));
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
        self.run("deposit", deposit, &[&actor.key]);
    }

    /// Something that a portfolio has, and how much of it: sometimes more than there is.
    fn holding(&mut self, portfolio: &Portfolio) -> (u16, u64) {
        let mut held = vec![(USDC, portfolio.cash)];
        held.extend(portfolio.balances().iter().map(|b| (b.asset, b.shares)));
        let (asset, amount) = *self.chance.pick(&held);
        let most = if self.chance.percent(10) { amount.saturating_mul(2) } else { amount };
        let part = *self.chance.pick(&[1, 2, 5, 20, 20, 100]);
        (asset, self.chance.between(most / part / 2, most / part) as u64)
    }

    fn withdraw(&mut self) {
        let passing = self.chance.percent(25);
        let seat = self.seat_where(|walk, p| {
            let seat = walk.seats.iter().find(|s| s.actor.address() == p.owner && s.sub_account == p.sub_account);
            !p.is_empty() && !p.in_auction() && (!passing || seat.is_some_and(|s| s.passing))
        });
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let (asset, amount) = match (self.seats[seat].passing, portfolio.balances().first()) {
            (true, Some(balance)) => (balance.asset, balance.shares as u64),
            (true, None) => (USDC, portfolio.cash as u64),
            _ => self.holding(&portfolio),
        };
        let withdraw = self.world.withdraw_instruction(&actor, asset, amount);
        if self.run("withdraw", withdraw, &[&actor.key]).is_some() {
            self.assert_settled_margin(seat);
        }
    }

    fn transfer(&mut self) {
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
        if self.run("transfer", transfer, &[&actor.key]).is_some() {
            self.assert_settled_margin(from);
        }
    }

    /// MRG-45: nothing leaves a portfolio with positions against gains that are not settled.
    fn assert_settled_margin(&self, seat: usize) {
        let portfolio = self.portfolio(seat);
        if portfolio.position_count > 0 {
            let health = self.local_health(&portfolio).unwrap();
            assert!(health.meets_initial() && health.meets_initial_settled(), "MRG-45: step {}: {health:?}", self.step);
        }
    }

    fn leg(&mut self, first: &Portfolio, second: &Portfolio) -> (u16, i64, i64) {
        let mut market = self.chance.between(0, 3) as u16;
        let held: Vec<(u16, i64)> =
            first.positions().iter().map(|p| (instrument::market_of(p.instrument), p.quantity)).collect();
        let closing = self.chance.percent(35) && held.iter().any(|(_, q)| *q != 0);
        let mut quantity = 0;
        if closing {
            (market, quantity) = *self.chance.pick(&held);
            quantity = -quantity;
        }
        let mark = self.world.asset(UNDERLYINGS[usize::from(market)]).price.0;
        if quantity == 0 {
            let rich = first.cash.min(second.cash) / 1_000_000;
            let least = if market == 3 { 30 } else { 400 };
            let usd = self.chance.between(least, (rich * 5).clamp(least + 1, 60_000));
            let lots = (usd as i128 * 1_000_000_000_000_000_000 / i128::from(mark) / 1_000_000) as i64;
            let odd = if market == 3 { self.chance.between(0, 999_999) } else { 0 };
            quantity = *self.chance.pick(&[1, -1]) * (lots.max(1) * 1_000_000 + odd);
        }
        let off = if self.chance.percent(5) { 80_000 } else { self.chance.between(-4_000, 4_000) };
        let tick = if market == 3 { 1 } else { 10_000_000 };
        let price = (i128::from(mark) * i128::from(1_000_000 + off) / 1_000_000) as i64 / tick * tick;
        (market, quantity, price)
    }

    fn trade(&mut self) {
        let (mut first, second) = (self.seat(), self.chance.index(12));
        if first == second && self.chance.percent(90) {
            first = (first + 1) % 12;
        }
        let portfolios = [first, second].map(|s| self.portfolio(s));
        let legs: Vec<_> =
            (0..*self.chance.pick(&[1, 1, 1, 2, 3])).map(|_| self.leg(&portfolios[0], &portfolios[1])).collect();
        let keys = [first, second].map(|s| self.trader(s));
        let [one, other] = [(first, &keys[0]), (second, &keys[1])]
            .map(|(s, key)| build::TradeSide { portfolio: self.seats[s].actor.portfolio, signer: key.pubkey() });
        let trade = self.world.trade_instruction(one, other, &legs);
        let before = [first, second].map(|s| self.local_health(&self.portfolio(s)));
        if self.run("trade", trade, &[&keys[0], &keys[1]]).is_some() {
            for (seat, before) in [first, second].into_iter().zip(before) {
                let after = self.local_health(&self.portfolio(seat)).unwrap();
                let reduced = before.is_some_and(|b| after.maintenance <= b.maintenance);
                assert!(after.meets_initial() || reduced, "CLR-03: step {}: {after:?}", self.step);
            }
        }
    }

    /// Who signs for a side: the owner, or a delegate, whose power may have ended.
    fn trader(&mut self, seat: usize) -> Keypair {
        let portfolio = self.portfolio(seat);
        let percent = if portfolio.delegate_expiry > self.world.now() { 50 } else { 5 };
        match &self.seats[seat].delegate {
            Some(delegate) if self.chance.percent(percent) => delegate.insecure_clone(),
            _ => self.seats[seat].actor.key.insecure_clone(),
        }
    }

    fn settle_variation(&mut self) {
        let seat = self.seat_where(|_, p| p.position_count > 0);
        let portfolio = self.portfolio(seat);
        let positions = portfolio.positions();
        let market = match positions.is_empty() {
            true => 0,
            false => instrument::market_of(self.chance.pick(positions).instrument),
        };
        let settle = self.world.settle_instruction(&self.actor(seat), market);
        self.run("settle_variation", settle, &[]);
    }

    // Liquidation.

    /// Moves one price so far that one portfolio falls below maintenance margin, if that can be, and has it read.
    fn endanger(&mut self) -> Option<usize> {
        let snapshot = self.world.snapshot();
        let held: Vec<usize> = (3..self.seats.len())
            .filter(|s| {
                let portfolio = self.portfolio(*s);
                !portfolio.in_auction() && portfolio.positions().iter().any(|p| p.quantity != 0)
            })
            .collect();
        for _ in 0..held.len() {
            let seat = *self.chance.pick(&held);
            let portfolio = self.portfolio(seat);
            for percent in [4, 8, 12, 16, 20, 25, 30] {
                for (asset, sign) in [BTC, ETH, SOL].into_iter().flat_map(|a| [(a, 1), (a, -1)]) {
                    let mut moved = snapshot.clone();
                    let Price(price) = snapshot.assets[&asset].price;
                    let after = price / 100 * (100 + sign * percent);
                    moved.assets.get_mut(&asset).unwrap().price = Price(after);
                    let health = moved.health(&portfolio, self.world.now()).ok();
                    let ripe = |h: &Health| is_liquidatable(h) && h.equity.0 > h.maintenance.0 / 5;
                    if health.as_ref().is_some_and(ripe) {
                        self.world.listings[usize::from(asset)].usd = after as f64 / 1e9;
                        return Some(seat);
                    }
                }
            }
        }
        None
    }

    fn publish_as_they_are(&mut self) {
        let now = self.world.now();
        for asset in 0..5 {
            self.world.publish(asset, Quote::new(self.world.listing(asset).usd, now));
        }
        let refresh = self.world.refresh_asset(&[0, 1, 2, 3, 4]);
        self.run("refresh_asset", refresh, &[]);
    }

    fn start_auction(&mut self) {
        let below =
            |walk: &Self, p: &Portfolio| !p.in_auction() && walk.local_health(p).is_some_and(|h| is_liquidatable(&h));
        let fallen: Vec<usize> = (0..self.seats.len()).filter(|s| below(self, &self.portfolio(*s))).collect();
        let seat = match fallen.is_empty() {
            true => self.endanger(),
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
        let start = self.world.start_auction_instruction(&self.actor(seat));
        self.run("start_auction", start, &[]);
    }

    fn liquidate(&mut self) {
        let ripe = |walk: &Self, p: &Portfolio| {
            p.in_auction() && walk.local_health(p).is_some_and(|h| is_liquidatable(&h) && h.equity.0 > 0)
        };
        let fits: Vec<usize> = (0..self.seats.len()).filter(|s| ripe(self, &self.portfolio(*s))).collect();
        if fits.is_empty() {
            return self.start_auction();
        }
        let seat = if self.chance.percent(95) { *self.chance.pick(&fits) } else { self.seat() };
        let taker = if self.chance.percent(80) { self.chance.index(3) } else { self.seat() };
        let fraction = *self.chance.pick(&[1_000_000_000, 1_000_000_000, 200_000_000, 30_000_000, 777]);
        let bidder = self.actor(taker);
        let bid = self.world.liquidate_instruction(&self.actor(seat), bidder.side(), fraction, i64::MAX);
        if self.run("liquidate", bid, &[&bidder.key]).is_some() {
            let health = self.local_health(&self.portfolio(taker)).unwrap();
            assert!(health.meets_initial(), "CLR-30: step {}: {health:?}", self.step);
        }
    }

    fn end_auction(&mut self) {
        let restored =
            |walk: &Self, p: &Portfolio| p.in_auction() && walk.local_health(p).is_some_and(|h| !is_liquidatable(&h));
        let fits: Vec<usize> = (0..self.seats.len()).filter(|s| restored(self, &self.portfolio(*s))).collect();
        let seat = match fits.is_empty() {
            true => {
                let Some(seat) = (0..self.seats.len()).find(|s| self.portfolio(*s).in_auction()) else {
                    return self.start_auction();
                };
                self.rescue(seat);
                seat
            }
            false => *self.chance.pick(&fits),
        };
        let end = self.world.end_auction_instruction(&self.actor(seat));
        self.run("end_auction", end, &[]);
    }

    /// The owner deposits what is missing.
    fn rescue(&mut self, seat: usize) {
        let Some(health) = self.local_health(&self.portfolio(seat)) else { return };
        let missing = (health.maintenance.0 - health.equity.0).max(0) as u64 * 102 / 100 + 1_000_000;
        let actor = self.actor(seat);
        self.world.fund(&actor, USDC, missing);
        let deposit = self.world.deposit_instruction(&actor, USDC, missing);
        self.run("deposit", deposit, &[&actor.key]);
    }

    // Readers and guards.

    fn health(&mut self) {
        let seat = self.seat();
        let (actor, portfolio) = (self.actor(seat), self.portfolio(seat));
        let holdings = self.world.holdings(&[actor.portfolio]);
        let health = build::health(self.world.keys(), actor.portfolio, &holdings);
        if let Some(sent) = self.run("health", health, &[]) {
            let (chain, local): (novate_client::HealthReport, _) =
                (sent.returned(), self.local_health(&portfolio).unwrap());
            let chain = (chain.equity, chain.settled_equity, chain.initial, chain.maintenance);
            assert_eq!(chain, (local.equity.0, local.settled_equity.0, local.initial.0, local.maintenance.0));
        }
    }

    fn require_health(&mut self) {
        let seat = self.seat();
        let actor = self.actor(seat);
        let minimum = *self.chance.pick(&[0, Ratio::ONE.0, 5 * Ratio::ONE.0]);
        let holdings = self.world.holdings(&[actor.portfolio]);
        let guard = build::require_health(self.world.keys(), actor.portfolio, &holdings, minimum);
        self.run("require_health", guard, &[]);
    }

    fn require_sequence(&mut self) {
        let seat = self.seat();
        let wrong = u64::from(self.chance.percent(15));
        let guard = build::require_sequence(self.actor(seat).portfolio, self.portfolio(seat).sequence + wrong);
        self.run("require_sequence", guard, &[]);
    }

    /// Past the test harness, which hides what a passing test prints.
    fn print(&self) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "\nrandom walk, seed {}: {} steps", self.seed, self.step);
        let _ = writeln!(out, "| instruction | tried | succeeded |\n|---|---:|---:|");
        for (name, [tried, succeeded]) in &self.tally {
            let _ = writeln!(out, "| {name} | {tried} | {succeeded} |");
        }
        let [tried, succeeded] = self.total();
        let _ = writeln!(out, "| all | {tried} | {succeeded} |");
        for (what, times) in &self.lived {
            let _ = writeln!(out, "{what} {times} times");
        }
    }

    fn total(&self) -> [u64; 2] {
        self.tally.values().fold([0, 0], |[t, s], [tried, succeeded]| [t + tried, s + succeeded])
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

#[test]
fn the_rules_hold_after_every_operation() {
    let (seed, steps) = (setting("NOVATE_SEED", SEED), setting("NOVATE_STEPS", STEPS));
    let mut walk = Walk::new(seed);
    for _ in 0..steps {
        walk.step();
    }
    walk.print();
    for id in walk.pools.clone() {
        let pool = walk.side_pool(id).0;
        assert_eq!(checker::violations(&raw(&walk.world), pool.to_bytes()), Vec::<String>::new(), "side pool {id}");
    }
    if steps >= STEPS {
        let [tried, succeeded] = walk.total();
        assert!(tried >= 2_000 && succeeded * 100 >= tried * LEAST_SHARE, "{succeeded} of {tried} succeeded");
        for (name, [_, succeeded]) in &walk.tally {
            assert!(*succeeded >= LEAST, "{name} succeeded only {succeeded} times");
        }
        assert_eq!(walk.lived.len(), 5, "{:?}", walk.lived);
        assert!(walk.lived.values().all(|times| *times >= 10), "{:?}", walk.lived);
    }
}
