//! CLR-36 with yield-bearing balances, which name two assets each: the account with the most of them can be liquidated by one as
//! full, within the limits of a transaction.

use novate_client::state::{MAX_ACCOUNTS_HELD, MAX_BALANCES, MAX_UNDERLYINGS_HELD};
use novate_client::{addresses, instructions as build, AccountMeta, NovateError, Pubkey};
use novate_margin::is_liquidatable;
use novate_tests::sending::{locks, packet_size, COMPUTE_LIMIT, PACKET};
use novate_tests::{checker, Actor, AssetSpec, Builder, MarketSpec, World, CONTRACT, PRICE};
use solana_message::AddressLookupTableAccount;

use crate::checking::raw;

/// Underlyings are assets 1 to 9, the ninth one beyond the limit.
const UNDERLYINGS: u16 = 9;
/// Two yield-bearing assets on each of the first eight, then one on the ninth.
const FIRST: u16 = UNDERLYINGS + 1;
const LAST: u16 = FIRST + MAX_BALANCES as u16;
/// Beside 16 balances, 8 underlyings and the settlement asset: 15 markets. There is one more, on underlyings 1 to 8.
const MARKETS: u16 = (MAX_ACCOUNTS_HELD - 1 - MAX_BALANCES - MAX_UNDERLYINGS_HELD) as u16;
const TOKEN: u64 = 1_000_000_000;
const USD: f64 = 100.0;
const RATE: u64 = 1_100_000_000;
/// Accounts that a transaction may lock on mainnet.
const MOST_LOCKS: usize = 64;

fn underlying_of(asset: u16) -> u16 {
    1 + (asset - FIRST) % MAX_UNDERLYINGS_HELD as u16 + u16::from(asset == LAST) * 8
}

struct Hall {
    world: World,
    maker: Actor,
    table: AddressLookupTableAccount,
}

impl Hall {
    fn new() -> Self {
        let mut assets = vec![AssetSpec::new("USDC", 6, 1.0).max_age(3_600)];
        assets.extend((0..UNDERLYINGS).map(|_| AssetSpec::new("SOL", 9, USD).max_age(3_600)));
        assets.extend((FIRST..=LAST).map(|a| {
            let stake_pool = Pubkey::new_from_array([a as u8; 32]);
            AssetSpec::new("STAKED", 9, USD * 1.1).max_age(3_600).redeemed_for(underlying_of(a), stake_pool)
        }));
        let markets = (0..=MARKETS).map(|m| MarketSpec::new("X-PERP", 1 + m % 8)).collect();
        let mut world = Builder::default().assets(assets).markets(markets).rows(128).build();
        for asset in FIRST..=LAST {
            world.redeem_at(asset, RATE);
        }
        let maker = world.trader(10_000_000);
        let mut list = build::health(world.keys(), world.pool, &world.holdings(&[]));
        let assets = (0..=LAST).map(|a| addresses::asset(&world.pool, a));
        let all = assets.chain((0..=MARKETS).map(|m| addresses::market(&world.pool, m)));
        list.accounts.extend(all.map(|address| AccountMeta::new_readonly(address, false)));
        let table = world.lookup_table(&[list]);
        Self { world, maker, table }
    }

    /// An owner with all balances and as many positions as these leave room for.
    fn full(&mut self, usd: i64, contracts: i64) -> Actor {
        let owner = self.world.trader(usd);
        for asset in FIRST..LAST {
            self.world.deposit(&owner, asset, TOKEN);
        }
        let markets: Vec<u16> = (0..MARKETS).collect();
        for some in markets.chunks(8) {
            let legs: Vec<_> = some.iter().map(|m| (*m, contracts * CONTRACT, 100 * PRICE)).collect();
            let trade = self.world.trade_instruction(owner.side(), self.maker.side(), &legs);
            let signers = [&owner.key, &self.maker.key.insecure_clone()];
            self.world.send_with_tables(&[trade], &signers, std::slice::from_ref(&self.table)).unwrap();
        }
        let portfolio = self.world.portfolio(&owner.portfolio);
        assert_eq!((portfolio.balances().len(), portfolio.positions().len()), (MAX_BALANCES, usize::from(MARKETS)));
        assert_eq!(self.world.holdings(&[owner.portfolio]).len(), MAX_ACCOUNTS_HELD);
        owner
    }

    /// Prices fall together until the owner is below maintenance margin.
    fn ruin(&mut self, owner: &Actor) {
        let mut usd = USD * 0.8;
        loop {
            for asset in 1..=LAST {
                let rate = if asset < FIRST { 1.0 } else { 1.1 };
                self.world.listings[usize::from(asset)].usd = usd * rate;
            }
            self.world.refresh();
            let portfolio = self.world.portfolio(&owner.portfolio);
            let health = self.world.snapshot().health(&portfolio, self.world.now()).unwrap();
            assert!(health.equity.0 > 0, "prices fell too far at once");
            if is_liquidatable(&health) {
                return;
            }
            usd -= 0.5;
        }
    }
}

#[test]
fn an_account_with_the_most_yield_bearing_balances_is_liquidated_by_one_as_full() {
    let mut hall = Hall::new();
    let owner = hall.full(3_000, 7);
    let taker = hall.full(1_000_000, 1);
    hall.ruin(&owner);
    let (world, table) = (&mut hall.world, [hall.table.clone()]);
    world.hold();
    let start = world.start_auction_instruction(&owner);
    world.send_with_tables(&[start], &[], &table).unwrap();

    let before = world.portfolio(&owner.portfolio);
    let bid = world.liquidate_instruction(&owner, taker.side(), 1_000_000_000, i64::MAX);
    let (sent, transaction) = world.send_with_tables(&[bid], &[&taker.key], &table).unwrap();
    let (size, locks) = (packet_size(&transaction), locks(&transaction));
    println!("{} CU, {size} bytes, {locks} locks", sent.units);
    assert!(sent.units <= u64::from(COMPUTE_LIMIT) && size <= PACKET && locks <= MOST_LOCKS);

    let [after, taken] = [&owner, &taker].map(|a| world.portfolio(&a.portfolio));
    assert_eq!(after.auction_start, 0);
    for ((was, is), now) in before.balances().iter().zip(after.balances()).zip(taken.balances()) {
        assert_eq!(now.redemption_underlying, underlying_of(now.asset));
        assert_eq!(was.tokens - is.tokens, now.tokens - TOKEN);
        assert!(is.tokens < was.tokens);
    }
    let wrong = checker::violations(&raw(world), world.pool.to_bytes());
    assert_eq!(wrong, Vec::<String>::new());
}

mod adversary {
    use super::*;

    #[test]
    fn a_forty_first_account() {
        let mut hall = Hall::new();
        let owner = hall.full(3_000, 1);
        let more = [(MARKETS, CONTRACT, 100 * PRICE)];
        let trade = hall.world.trade_instruction(owner.side(), hall.maker.side(), &more);
        let maker = hall.maker.key.insecure_clone();
        let failure = hall.world.send_with_tables(&[trade], &[&owner.key, &maker], &[hall.table]).unwrap_err();
        assert!(failure.is(NovateError::TooManyAccountsHeld), "{:?}", failure.error);
    }

    #[test]
    fn a_ninth_underlying() {
        let mut hall = Hall::new();
        let owner = hall.world.actor();
        for asset in FIRST..FIRST + MAX_UNDERLYINGS_HELD as u16 {
            hall.world.deposit(&owner, asset, 1);
        }
        hall.world.fund(&owner, LAST, 1);
        let deposit = hall.world.deposit_instruction(&owner, LAST, 1);
        hall.world.refuses(&[deposit], &[&owner.key], NovateError::TooManyUnderlyingsHeld);
        // Another one on an underlying that is there already.
        hall.world.deposit(&owner, FIRST + MAX_UNDERLYINGS_HELD as u16, 1);
    }
}
