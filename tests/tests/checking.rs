//! The instruments of the other tests: a checker that never complains and a picture that never differs would prove nothing.

use novate_client::addresses;
use novate_tests::checker::{self, Raw};
use novate_tests::haircut::Broke;
use novate_tests::{call, future, World, BTC, BTC_PERP, CONTRACT, GOLD, PRICE, USDC};
use solana_account::ReadableAccount;

/// The accounts of a world as the checker takes them: the program's own and the token accounts.
pub fn raw(world: &World) -> Vec<Raw> {
    let accounts = world.svm.accounts_db().inner.iter();
    let held = accounts.filter(|(_, a)| *a.owner() == novate_client::ID || (165..300).contains(&a.data().len()));
    held.map(|(key, account)| Raw { address: key.to_bytes(), data: account.data().to_vec() }).collect()
}

/// A world with deposits, a loan, positions, unsettled and settled variation, funding, pending gains and stake.
pub fn lived() -> World {
    let mut world = World::default();
    let (buyer, seller) = (world.trader(10_000), world.trader(100_000));
    world.deposit(&buyer, GOLD, 12_345);
    world.deposit(&seller, GOLD, 500);
    world.open_bank(GOLD);
    world.lend(&seller, GOLD, 300);
    world.borrow(&buyer, GOLD, 200);
    let venues = world.venues(3);
    world.dwell(&venues, BTC_PERP, 4_000, 600);
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 21_000.0);
    world.settle(&seller, BTC_PERP);
    world.settle(&buyer, BTC_PERP);
    world.insure(&seller, 5);
    world.stake(&seller, 2_000);
    world.stake(&buyer, 1_000);
    world.request_unstake(&buyer, 1_000);
    world
}

#[test]
fn the_checker_sees_every_account_of_the_pool() {
    let mut world = lived();
    let other = world.second_pool();
    assert_eq!(checker::counts(&raw(&world), world.pool.to_bytes()), [5, 3, 2]);
    assert_eq!(checker::counts(&raw(&world), other.to_bytes()), [5, 3, 0]);
}

#[test]
fn the_checker_finds_nothing_wrong_with_what_instructions_left() {
    let world = lived();
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

/// Every single counter, raised by one, is found.
#[test]
fn the_checker_finds_a_unit_too_much_anywhere() {
    let world = lived();
    let pool = world.pool.to_bytes();
    let [usdc, gold] = [USDC, GOLD].map(|a| addresses::asset(&world.pool, a));
    let market = addresses::market(&world.pool, BTC_PERP);
    let insurance = addresses::insurance(&world.pool);
    let mut stakes =
        world.svm.get_program_accounts(&novate_client::ID).into_iter().filter(|(_, a)| a.data.len() == 256);
    let (stake, _) = stakes.next().expect("two of them");
    let portfolios =
        world.svm.get_program_accounts(&novate_client::ID).into_iter().filter(|(_, a)| a.data.len() == 5_376);
    let mut places = vec![
        (usdc, 416, "cash counter"),
        (usdc, 816, "shortage"),
        (usdc, 824, "free cash"),
        (usdc, 848, "fraction of free cash"),
        (usdc, 856, "held cash"),
        (usdc, 888, "what left"),
        (usdc, 912, "dust"),
        (usdc, 920, "what was forgiven"),
        (gold, 824, "cash of no settlement asset"),
        (gold, 408, "deposits"),
        (gold, 528, "lent"),
        (gold, 536, "shares of what is lent"),
        (gold, 552, "index of what is lent"),
        (gold, 560, "loans"),
        (gold, 568, "shares of loans"),
        (gold, 584, "index of loans"),
        (gold, 592, "reserve"),
        (market, 168, "long"),
        (market, 176, "short"),
        (market, 184, "variation pool"),
        (market, 192, "fees"),
        (market, 120, "premium"),
        (market, 200, "rounding"),
        (market, 376, "funding applied"),
        (market, 384, "funding dust"),
        (insurance, 48, "capital"),
        (insurance, 56, "staked"),
        (insurance, 64, "shares of all stakes"),
        (insurance, 80, "reserved"),
        (insurance, 104, "era"),
        (stake, 80, "era of a stake"),
        (stake, 88, "shares of a stake"),
        (stake, 104, "requested shares"),
        (addresses::vault(&usdc), 64, "settlement vault"),
        (addresses::vault(&gold), 64, "vault"),
    ];
    for (portfolio, _) in portfolios {
        places.extend([
            (portfolio, 152, "cash"),
            (portfolio, 168, "an insolvent auction without a clock"),
            (portfolio, 176, "reserve of an auction"),
            (portfolio, 184, "payouts of an auction"),
            (portfolio, 212, "redeemed for"),
            (portfolio, 216, "balance"),
            (portfolio, 224, "shares of what is lent"),
            (portfolio, 232, "shares of a loan"),
            (portfolio, 728, "quantity"),
            (portfolio, 736, "cost"),
            (portfolio, 744, "funding"),
            (portfolio, 752, "gain to charge"),
            (portfolio, 760, "old pending"),
            (portfolio, 768, "new pending"),
            (portfolio, 784, "underlying"),
            (portfolio, 208 + 32, "an unused balance"),
            (portfolio, 720 + 72, "an unused position"),
            (portfolio, 4_944, "held cash"),
            (portfolio, 4_952, "what left"),
            (portfolio, 4_960, "era of a shortage"),
            (portfolio, 4_968, "haircuts borne"),
        ]);
    }
    assert_eq!(places.len(), 77);
    for (address, offset, what) in places {
        let mut accounts = raw(&world);
        let account = accounts.iter_mut().find(|a| a.address == address.to_bytes()).expect(what);
        account.data[offset] = account.data[offset].wrapping_add(1);
        assert_ne!(checker::violations(&accounts, pool), Vec::<String>::new(), "{what}");
    }
}

/// The same of an expiry: between a buyer who is not settled, and a seller who is.
#[test]
fn the_checker_finds_a_unit_too_much_in_an_expiry() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[18_000]);
    let (buyer, seller) = (world.trader(100_000), world.trader(100_000));
    let legs = [future(BTC_PERP, time, CONTRACT, 20_000 * PRICE), call(BTC_PERP, time, 0, CONTRACT, 2_000 * PRICE)];
    world.trade_legs(&buyer, &seller, &legs);
    world.expire_at(BTC_PERP, time, 20_000.0);
    world.settle_expiry(&seller, BTC_PERP, time);
    let pool = world.pool.to_bytes();
    assert_eq!(checker::violations(&raw(&world), pool), Vec::<String>::new());
    let (expiry, market) = (world.expiry_address(BTC_PERP, time), addresses::market(&world.pool, BTC_PERP));
    let places = [
        (expiry, 48, "time"),
        (expiry, 112, "futures"),
        (expiry, 120, "calls"),
        (expiry, 312, "puts"),
        (expiry, 9_720, "settlement price"),
        (expiry, 9_728, "settled"),
        (expiry, 9_736, "short"),
        (expiry, 9_744, "short, high"),
        (market, 232, "expiries"),
        (market, 236, "a free slot"),
    ];
    assert_eq!(places.len(), 10);
    for (address, offset, what) in places {
        let mut accounts = raw(&world);
        let account = accounts.iter_mut().find(|a| a.address == address.to_bytes()).expect(what);
        account.data[offset] = account.data[offset].wrapping_add(1);
        assert_ne!(checker::violations(&accounts, pool), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_picture_shows_a_single_lamport_and_a_single_byte() {
    let mut world = lived();
    let before = world.picture();
    let address = addresses::market(&world.pool, BTC_PERP);
    let sound = world.account(&address);
    let mut richer = sound.clone();
    richer.lamports += 1;
    let mut other = sound.clone();
    other.data[2_000] ^= 1;
    for account in [richer, other] {
        world.svm.set_account(address, account).unwrap();
        assert_eq!(before.differences(&world.picture()), [address]);
    }
    world.svm.set_account(address, sound).unwrap();
    assert_eq!(before.differences(&world.picture()), []);
}

#[test]
fn the_checker_finds_a_unit_too_much_in_a_haircut() {
    let mut broke = Broke::new(0);
    broke.takes(1_000_000_000, 0);
    let winner = broke.winners[0].clone();
    broke.world.register_gain(&winner, BTC_PERP);
    let (world, pool) = (&broke.world, broke.world.pool.to_bytes());
    assert_eq!(checker::violations(&raw(world), pool), Vec::<String>::new());
    let market = addresses::market(&world.pool, BTC_PERP);
    let places = [
        (market, 608, "haircut"),
        (market, 616, "round"),
        (market, 648, "gains not charged"),
        (winner.portfolio, 720 + 32, "gain"),
        (winner.portfolio, 720 + 68, "round of a position"),
    ];
    for (address, offset, what) in places {
        let mut accounts = raw(world);
        let account = accounts.iter_mut().find(|a| a.address == address.to_bytes()).expect(what);
        account.data[offset] = account.data[offset].wrapping_add(1);
        assert_ne!(checker::violations(&accounts, pool), Vec::<String>::new(), "{what}");
    }
}
