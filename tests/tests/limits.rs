//! CLR-36: the fullest account that can be built is liquidated by one transaction at mainnet's limits.
//!
//! What is full is read back from the chain: as many balances and positions as fit under the caps of 16 balances, 8
//! underlyings and 40 accounts, every one of them and every pending gain above zero.

use novate::events::Liquidated;
use novate_client::instructions as build;
use novate_client::state::{
    Asset, Market, Round, HAIRCUT_WINDOW, MAX_ACCOUNTS_HELD, MAX_BALANCES, MAX_POSITIONS, MAX_UNDERLYINGS_HELD,
};
use novate_client::{addresses, instrument, AccountMeta, Instruction, Pubkey};
use novate_margin::{is_liquidatable, Price, Usd};
use novate_tests::sending::{locks, packet_size, COMPUTE_LIMIT, PACKET};
use novate_tests::world::leg;
use novate_tests::{checker, Actor, AssetSpec, Builder, MarketSpec, World, DOLLAR, PRICE, USDC};
use solana_message::AddressLookupTableAccount;

use crate::checking::raw;

/// Accounts that a transaction may lock on mainnet.
const MOST_LOCKS: usize = 64;
/// Legs of a trade.
const LEGS: usize = 8;
const USD: f64 = 100.0;
const TOKEN: u64 = 1_000_000;

/// How an account is full: so many balances, positions, and underlyings that both are on.
#[derive(Clone, Copy)]
struct Shape {
    balances: u16,
    positions: u16,
    underlyings: u16,
}

/// All balances, and as many positions as then fit under the cap of accounts.
const WIDE: Shape = Shape { balances: 16, positions: 23, underlyings: 8 };
/// As many positions as eight underlyings leave room for.
const LONG: Shape = Shape { balances: 8, positions: 31, underlyings: 8 };
/// As many positions as any account can have at this stage.
const NARROW: Shape = Shape { balances: 1, positions: 38, underlyings: 1 };

/// A pool in which a shape can be built, and one asset and one market more.
struct Hall {
    world: World,
    shape: Shape,
    maker: Actor,
    table: AddressLookupTableAccount,
}

impl Hall {
    fn new(shape: Shape) -> Self {
        let mut assets = vec![AssetSpec::new("USDC", 6, 1.0)];
        let count = shape.balances.max(shape.underlyings) + 2;
        assets.extend((0..count).map(|_| AssetSpec::new("ASSET", 6, USD).max_age(3_600)));
        assets[0].max_age = 3_600;
        let market = |i: u16| MarketSpec::new("X-PERP", 1 + i % shape.underlyings);
        let mut markets: Vec<MarketSpec> = (0..=shape.positions).map(market).collect();
        // One more underlying than may be held: the asset before the last.
        markets.push(MarketSpec::new("X-PERP", count - 1));
        let mut world = Builder::default().assets(assets).markets(markets).rows(128).build();
        let maker = world.trader(10_000_000);
        let list = Self::everything(&world, shape);
        let table = world.lookup_table(&[list]);
        Self { world, shape, maker, table }
    }

    /// An instruction that names every asset and market.
    fn everything(world: &World, shape: Shape) -> Instruction {
        let mut holdings = world.holdings(&[]);
        for market in 0..shape.positions + 2 {
            holdings = holdings.with_traded(instrument::perpetual(market), world.underlyings[usize::from(market)]);
        }
        let mut list = build::health(world.keys(), world.pool, &holdings);
        let rest = (0..world.listings.len() as u16).map(|a| {
            let asset = addresses::asset(&world.pool, a);
            AccountMeta::new_readonly(asset, false)
        });
        list.accounts.extend(rest);
        list
    }

    fn trade_instruction(&self, first: &Actor, legs: &[(u16, i64)]) -> Instruction {
        let mut holdings = self.world.holdings(&[first.portfolio, self.maker.portfolio]);
        for (market, _) in legs {
            holdings =
                holdings.with_traded(instrument::perpetual(*market), self.world.underlyings[usize::from(*market)]);
        }
        let legs = legs.iter().map(|(market, quantity)| leg(*market, *quantity, 100 * PRICE)).collect();
        build::trade(self.world.keys(), first.side(), self.maker.side(), &holdings, legs)
    }

    #[track_caller]
    fn trade(&mut self, first: &Actor, legs: &[(u16, i64)]) {
        let trade = self.trade_instruction(first, legs);
        let (maker, table) = (self.maker.key.insecure_clone(), self.table.clone());
        if let Err(failure) = self.world.send_with_tables(&[trade], &[&first.key, &maker], &[table]) {
            panic!("{:?}\n{}", failure.error, failure.logs.join("\n"));
        }
    }

    /// An owner of the shape: a hundred dollars of each asset and `contracts` of a hundred dollars in each market.
    fn full(&mut self, usd: i64, contracts: i64) -> Actor {
        let owner = self.world.trader(usd);
        for asset in 1..=self.shape.balances {
            self.world.deposit(&owner, asset, TOKEN);
        }
        let legs: Vec<(u16, i64)> =
            (0..self.shape.positions).map(|m| (m, contracts * novate_tests::CONTRACT)).collect();
        for some in legs.chunks(LEGS) {
            self.trade(&owner, some);
        }
        owner
    }

    fn price_all(&mut self, usd: f64) {
        for asset in 1..self.world.listings.len() {
            self.world.listings[asset].usd = usd;
        }
        self.world.refresh();
    }

    /// Gains are settled, so that every position has some pending; then prices fall until the owner is below maintenance.
    fn ruin(&mut self, owner: &Actor) {
        self.price_all(USD * 1.02);
        let maker = self.maker.clone();
        for market in 0..self.shape.positions {
            self.world.settle(&maker, market);
            self.world.settle(owner, market);
        }
        let mut usd = USD;
        while !self.is_fallen(owner) {
            usd -= 0.25;
            self.price_all(usd);
        }
    }

    /// Prices fall on until nothing is left of the owner's equity.
    fn bankrupt(&mut self, owner: &Actor) {
        self.ruin(owner);
        let mut usd = self.world.listings[1].usd;
        let equity = |hall: &Self| {
            let portfolio = hall.world.portfolio(&owner.portfolio);
            hall.world.snapshot().health(&portfolio, hall.world.now()).unwrap().equity
        };
        while equity(self).0 > 0 {
            usd -= 0.25;
            self.price_all(usd);
        }
    }

    fn is_fallen(&self, owner: &Actor) -> bool {
        let portfolio = self.world.portfolio(&owner.portfolio);
        let health = self.world.snapshot().health(&portfolio, self.world.now()).unwrap();
        assert!(health.equity.0 > 0, "prices fell too far at once");
        is_liquidatable(&health)
    }

    /// Reads back that the account is as full as its shape says, and that one more of anything would be refused.
    fn assert_full(&self, owner: &Actor) {
        let portfolio = self.world.portfolio(&owner.portfolio);
        assert_eq!(portfolio.balances().len(), usize::from(self.shape.balances));
        assert_eq!(portfolio.positions().len(), usize::from(self.shape.positions));
        assert!(portfolio.cash > 0 && portfolio.balances().iter().all(|b| b.tokens > 0));
        assert!(portfolio.positions().iter().all(|p| p.quantity > 0 && p.cost > 0 && p.pending_new > 0));
        let holdings = self.world.holdings(&[owner.portfolio]);
        assert_eq!(holdings.len(), MAX_ACCOUNTS_HELD);
        let mut underlyings: Vec<u16> = portfolio.positions().iter().map(|p| p.underlying).collect();
        underlyings.sort();
        underlyings.dedup();
        assert_eq!(underlyings.len(), usize::from(self.shape.underlyings));
    }

    /// Refreshes beforehand, then starts the auction and liquidates in one transaction each.
    fn liquidate(&mut self, owner: &Actor, taker: &Actor) {
        self.world.hold();
        let start = self.world.start_auction_instruction(owner);
        let table = [self.table.clone()];
        self.world.send_with_tables(&[start], &[], &table).unwrap();

        let before = self.world.portfolio(&owner.portfolio);
        let bid = self.world.liquidate_instruction(owner, taker.side(), 1_000_000_000, i64::MAX);
        let (sent, transaction) = match self.world.send_with_tables(&[bid], &[&taker.key], &table) {
            Ok(done) => done,
            Err(failure) => panic!("{:?}\n{}", failure.error, failure.logs.join("\n")),
        };
        let (size, locks) = (packet_size(&transaction), locks(&transaction));
        println!(
            "{} balances, {} positions, {} underlyings: {} CU, {size} bytes, {locks} locks",
            self.shape.balances, self.shape.positions, self.shape.underlyings, sent.units
        );
        assert!(sent.units <= u64::from(COMPUTE_LIMIT) && size <= PACKET && locks <= MOST_LOCKS);

        let after = self.world.portfolio(&owner.portfolio);
        assert_eq!(after.auction_start, 0);
        for (was, is) in before.positions().iter().zip(after.positions()) {
            assert!(is.quantity < was.quantity && is.pending_new < was.pending_new);
        }
        for (was, is) in before.balances().iter().zip(after.balances()) {
            assert!(is.tokens < was.tokens);
        }
        let taken = self.world.portfolio(&taker.portfolio);
        assert_eq!(taken.balances().len(), usize::from(self.shape.balances));
        assert_eq!(taken.positions().len(), usize::from(self.shape.positions));
        let wrong = checker::violations(&raw(&self.world), self.world.pool.to_bytes());
        assert_eq!(wrong, Vec::<String>::new());
    }
}

/// CLR-31: the fullest insolvent account is taken whole by one as full, paid out of capital and stake.
fn insolvent(shape: Shape) {
    let mut hall = Hall::new(shape);
    let owner = hall.full(3_000, contracts(shape));
    let (taker, backer) = (hall.full(1_000_000, 1), hall.world.actor());
    hall.bankrupt(&owner);
    hall.assert_full(&owner);
    hall.world.insure(&backer, 1);
    hall.world.stake(&backer, 1_000 * DOLLAR as u64);
    let table = [hall.table.clone()];
    hall.world.hold();
    let start = hall.world.start_auction_instruction(&owner);
    hall.world.send_with_tables(&[start], &[], &table).unwrap();
    hall.world.pass(600);
    let bid = hall.world.liquidate_instruction(&owner, taker.side(), 1_000_000_000, 0);
    let (sent, transaction) = match hall.world.send_with_tables(&[bid], &[&taker.key], &table) {
        Ok(done) => done,
        Err(failure) => panic!("{:?}\n{}", failure.error, failure.logs.join("\n")),
    };
    let (size, locks) = (packet_size(&transaction), locks(&transaction));
    println!(
        "insolvent, {} balances, {} positions, {} underlyings: {} CU, {size} bytes, {locks} locks",
        shape.balances, shape.positions, shape.underlyings, sent.units
    );
    assert!(sent.units <= u64::from(COMPUTE_LIMIT) && size <= PACKET && locks <= MOST_LOCKS);
    let event: Liquidated = sent.event();
    assert!(event.restored && event.from_capital == DOLLAR as u64 && event.from_stake > 0);
    assert!(hall.world.portfolio(&owner.portfolio).is_empty());
    let wrong = checker::violations(&raw(&hall.world), hall.world.pool.to_bytes());
    assert_eq!(wrong, Vec::<String>::new());
}

/// CLR-32: the fund has nothing, and losses are forgiven in every market of the fullest account; then again, in rounds that are open.
fn forgiven(shape: Shape) {
    let mut hall = Hall::new(shape);
    let owner = hall.full(3_000, contracts(shape));
    let taker = hall.full(1_000_000, 1);
    hall.bankrupt(&owner);
    hall.assert_full(&owner);
    hall.world.hold();
    let table = [hall.table.clone()];
    let start = hall.world.start_auction_instruction(&owner);
    hall.world.send_with_tables(&[start], &[], &table).unwrap();
    hall.world.pass(600);
    for fraction in [500_000_000, 1_000_000_000] {
        let bid = hall.world.liquidate_instruction(&owner, taker.side(), fraction, -1);
        let (sent, transaction) = match hall.world.send_with_tables(&[bid], &[&taker.key], &table) {
            Ok(done) => done,
            Err(failure) => panic!("{:?}\n{}", failure.error, failure.logs.join("\n")),
        };
        let (size, locks) = (packet_size(&transaction), locks(&transaction));
        println!("forgiven, {} positions: {} CU, {size} bytes, {locks} locks", shape.positions, sent.units);
        assert!(sent.units <= u64::from(COMPUTE_LIMIT) && size <= PACKET && locks <= MOST_LOCKS);
        let event: Liquidated = sent.event();
        assert_eq!(event.losses.len(), usize::from(shape.positions));
        assert_eq!(event.losses.iter().map(|l| l.amount as u64).sum::<u64>(), event.forgiven);
        let wrong = checker::violations(&raw(&hall.world), hall.world.pool.to_bytes());
        assert_eq!(wrong, Vec::<String>::new());
    }
    assert!(hall.world.portfolio(&owner.portfolio).is_empty());
}

#[test]
fn losses_are_forgiven_in_as_many_markets_as_an_account_can_name() {
    forgiven(WIDE);
    forgiven(LONG);
    forgiven(NARROW);
}

#[test]
fn an_insolvent_account_with_all_balances_is_taken_whole() {
    insolvent(WIDE);
}

#[test]
fn an_insolvent_account_with_positions_on_all_underlyings_is_taken_whole() {
    insolvent(LONG);
}

#[test]
fn an_insolvent_account_with_the_most_positions_is_taken_whole() {
    insolvent(NARROW);
}

impl Hall {
    /// Futures that expired an hour after each other and won a dollar each fill the positions up; what they won the market has as
    /// rounding, so that its ledger stays closed.
    fn won(&mut self, actor: &Actor) {
        let mut portfolio = self.world.portfolio(&actor.portfolio);
        let minutes = (self.world.now() / 60) as u32;
        for at in portfolio.positions().len()..MAX_POSITIONS {
            let market = at as u16 % self.shape.positions;
            let id = instrument::future(market, minutes - 60 * at as u32);
            let underlying = self.world.underlyings[usize::from(market)];
            portfolio.position_entry(id, underlying, self.world.now()).unwrap().cost = -DOLLAR;
            self.alter(addresses::market(&self.world.pool, market), |market: &mut Market| market.rounding.0 -= DOLLAR);
        }
        self.alter(actor.portfolio, |altered| *altered = portfolio);
    }

    /// In every market a dollar was forgiven while prices were a tenth higher.
    fn open_rounds(&mut self) {
        let (ends, price) = (self.world.now() + HAIRCUT_WINDOW, Price((USD * 1.1) as i64 * PRICE));
        for index in 0..self.shape.positions {
            let index_price = self.world.asset(self.world.market(index).asset).price;
            self.alter(addresses::market(&self.world.pool, index), |market: &mut Market| {
                let (forgiven, funding) = (Usd(DOLLAR), market.funding);
                market.round =
                    Round { number: 1, ends, forgiven, index_price, mark: price, funding, ..Round::default() };
                market.round_first = ends - HAIRCUT_WINDOW;
                market.haircut.0 += DOLLAR;
                market.rounding.0 += DOLLAR;
            });
        }
        let forgiven = DOLLAR as u64 * u64::from(self.shape.positions);
        let usdc = addresses::asset(&self.world.pool, USDC);
        self.alter(usdc, |asset: &mut Asset| asset.claims.forgiven += forgiven);
    }

    fn alter<T: bytemuck::Pod>(&mut self, address: Pubkey, change: impl FnOnce(&mut T)) {
        let mut account = self.world.account(&address);
        change(bytemuck::from_bytes_mut(&mut account.data[8..]));
        self.world.write(address, account);
    }
}

/// CLR-32: rounds stand in every market of the fullest account, which has 48 positions, and of a taker as full. One bid registers all
/// their gains and forgives losses in every market, another one, once the windows have ended, charges all that was registered.
fn bears(shape: Shape) {
    let mut hall = Hall::new(shape);
    let owner = hall.full(3_000, contracts(shape));
    let taker = hall.full(1_000_000, 1);
    hall.won(&owner);
    hall.won(&taker);
    hall.bankrupt(&owner);
    for actor in [&owner, &taker] {
        let portfolio = hall.world.portfolio(&actor.portfolio);
        let full = (usize::from(shape.balances), MAX_POSITIONS);
        assert_eq!((portfolio.balances().len(), portfolio.positions().len()), full);
        assert_eq!(hall.world.holdings(&[actor.portfolio]).len(), MAX_ACCOUNTS_HELD);
    }
    hall.world.hold();
    let table = [hall.table.clone()];
    let start = hall.world.start_auction_instruction(&owner);
    hall.world.send_with_tables(&[start], &[], &table).unwrap();
    hall.open_rounds();
    for (fraction, pause) in [(500_000_000, 600), (1_000_000_000, HAIRCUT_WINDOW)] {
        hall.world.pass(pause);
        hall.world.refresh();
        let bid = hall.world.liquidate_instruction(&owner, taker.side(), fraction, 0);
        let (sent, transaction) = match hall.world.send_with_tables(&[bid], &[&taker.key], &table) {
            Ok(done) => done,
            Err(failure) => panic!("{:?}\n{}", failure.error, failure.logs.join("\n")),
        };
        let (size, locks) = (packet_size(&transaction), locks(&transaction));
        println!("rounds stand, {} balances, {} perpetuals: {} CU", shape.balances, shape.positions, sent.units);
        assert!(sent.units <= u64::from(COMPUTE_LIMIT) && size <= PACKET && locks <= MOST_LOCKS);
        let event: Liquidated = sent.event();
        // The account has no equity, and bears nothing while rounds are open.
        assert_eq!((event.borne.len(), event.taker_borne.len()), (0, MAX_POSITIONS));
        let registers = pause != HAIRCUT_WINDOW;
        assert!(event.borne.iter().chain(&event.taker_borne).all(|borne| (borne.amount > 0) == registers));
        // In rounds that take no more, what is little is carried.
        let taken = event.losses.iter().filter(|loss| loss.round != 0).count();
        assert_eq!(taken, if registers { usize::from(shape.positions) } else { 0 });
        let wrong = checker::violations(&raw(&hall.world), hall.world.pool.to_bytes());
        assert_eq!(wrong, Vec::<String>::new());
    }
}

#[test]
fn a_bid_registers_and_charges_as_many_gains_as_two_accounts_can_hold() {
    bears(WIDE);
    bears(LONG);
    bears(NARROW);
}

/// Contracts in each market such that the account is at its initial margin.
fn contracts(shape: Shape) -> i64 {
    115 / i64::from(shape.positions)
}

fn liquidates(shape: Shape, taker_is_full: bool) {
    let mut hall = Hall::new(shape);
    let owner = hall.full(3_000, contracts(shape));
    let taker = match taker_is_full {
        true => hall.full(1_000_000, 1),
        false => hall.world.trader(1_000_000),
    };
    hall.ruin(&owner);
    hall.assert_full(&owner);
    hall.liquidate(&owner, &taker);
}

#[test]
fn an_account_with_all_balances_is_liquidated() {
    liquidates(WIDE, false);
}

#[test]
fn an_account_with_all_balances_is_liquidated_by_one_as_full() {
    liquidates(WIDE, true);
}

#[test]
fn an_account_with_positions_on_all_underlyings_is_liquidated() {
    liquidates(LONG, true);
}

#[test]
fn an_account_with_the_most_positions_is_liquidated() {
    liquidates(NARROW, true);
}

mod adversary {
    use super::*;
    use novate_client::NovateError;
    use novate_tests::CONTRACT;

    fn refuse_trade(hall: &mut Hall, owner: &Actor, market: u16, error: NovateError) {
        let trade = hall.trade_instruction(owner, &[(market, CONTRACT)]);
        let before = hall.world.picture();
        let (maker, table) = (hall.maker.key.insecure_clone(), hall.table.clone());
        let failure = hall.world.send_with_tables(&[trade], &[&owner.key, &maker], &[table]).unwrap_err();
        assert!(failure.is(error), "{:?}\n{}", failure.error, failure.logs.join("\n"));
        assert_eq!(before.differences(&hall.world.picture()), []);
    }

    #[test]
    fn a_seventeenth_balance() {
        let mut hall = Hall::new(WIDE);
        let owner = hall.world.actor();
        for asset in 1..=MAX_BALANCES as u16 {
            hall.world.deposit(&owner, asset, 1);
        }
        hall.world.fund(&owner, MAX_BALANCES as u16 + 2, 1);
        let deposit = hall.world.deposit_instruction(&owner, MAX_BALANCES as u16 + 2, 1);
        hall.world.refuses(&[deposit], &[&owner.key], NovateError::TooManyBalances);
        hall.world.deposit(&owner, MAX_BALANCES as u16, 1);
    }

    #[test]
    fn a_ninth_underlying_by_deposit() {
        let mut hall = Hall::new(LONG);
        let owner = hall.world.actor();
        for asset in 1..=MAX_UNDERLYINGS_HELD as u16 {
            hall.world.deposit(&owner, asset, 1);
        }
        let ninth = MAX_UNDERLYINGS_HELD as u16 + 1;
        assert!(hall.world.asset(ninth).is_underlying());
        hall.world.fund(&owner, ninth, 1);
        let deposit = hall.world.deposit_instruction(&owner, ninth, 1);
        hall.world.refuses(&[deposit], &[&owner.key], NovateError::TooManyUnderlyingsHeld);
    }

    #[test]
    fn a_ninth_underlying_by_trade() {
        let mut hall = Hall::new(LONG);
        let owner = hall.world.trader(10_000);
        for asset in 1..=MAX_UNDERLYINGS_HELD as u16 {
            hall.world.deposit(&owner, asset, 1);
        }
        let ninth = LONG.positions + 1;
        refuse_trade(&mut hall, &owner, ninth, NovateError::TooManyUnderlyingsHeld);
    }

    #[test]
    fn a_forty_first_account() {
        for shape in [WIDE, LONG, NARROW] {
            let mut hall = Hall::new(shape);
            let owner = hall.full(1_000_000, 1);
            assert_eq!(hall.world.holdings(&[owner.portfolio]).len(), MAX_ACCOUNTS_HELD);
            refuse_trade(&mut hall, &owner, shape.positions, NovateError::TooManyAccountsHeld);
        }
    }

    /// A taker whose own holdings and the slice are too much together.
    #[track_caller]
    fn refuse_taker(taker_holds: impl Fn(&mut Hall, &Actor), error: NovateError) {
        let mut hall = Hall::new(WIDE);
        let owner = hall.full(3_000, contracts(WIDE));
        let taker = hall.world.trader(1_000_000);
        taker_holds(&mut hall, &taker);
        hall.ruin(&owner);
        hall.world.hold();
        let start = hall.world.start_auction_instruction(&owner);
        let table = [hall.table.clone()];
        hall.world.send_with_tables(&[start], &[], &table).unwrap();
        let bid = hall.world.liquidate_instruction(&owner, taker.side(), 1_000_000_000, i64::MAX);
        let before = hall.world.picture();
        let failure = hall.world.send_with_tables(&[bid], &[&taker.key], &table).unwrap_err();
        assert!(failure.is(error), "{:?}\n{}", failure.error, failure.logs.join("\n"));
        assert_eq!(before.differences(&hall.world.picture()), []);
    }

    #[test]
    fn a_slice_beyond_the_takers_balances() {
        let hold = |hall: &mut Hall, taker: &Actor| {
            hall.world.deposit(taker, WIDE.balances + 2, TOKEN);
        };
        refuse_taker(hold, NovateError::TooManyBalances);
    }

    #[test]
    fn a_slice_beyond_the_takers_underlyings() {
        // The maker holds eight underlyings already: another one takes the other side.
        let hold = |hall: &mut Hall, taker: &Actor| {
            let other = hall.world.trader(1_000_000);
            let maker = std::mem::replace(&mut hall.maker, other);
            hall.trade(taker, &[(WIDE.positions + 1, CONTRACT)]);
            hall.maker = maker;
        };
        refuse_taker(hold, NovateError::TooManyUnderlyingsHeld);
    }

    #[test]
    fn a_slice_beyond_the_takers_accounts() {
        let hold = |hall: &mut Hall, taker: &Actor| hall.trade(taker, &[(WIDE.positions, CONTRACT)]);
        refuse_taker(hold, NovateError::TooManyAccountsHeld);
    }

    #[test]
    fn the_settlement_asset_takes_no_balance() {
        let mut hall = Hall::new(WIDE);
        let owner = hall.full(1_000, 1);
        hall.world.deposit(&owner, USDC, DOLLAR as u64);
        assert_eq!(hall.world.portfolio(&owner.portfolio).cash, 1_001 * DOLLAR);
    }
}
