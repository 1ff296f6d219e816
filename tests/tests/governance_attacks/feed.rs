//! An asset whose price account was changed for one of the attacker's own: seven days in public, and then whatever its owner says, a band
//! a minute.

use novate_tests::feed::Feed;

use super::*;

/// Seven days to see it; then the first readings count only within the band of what the old feed said.
#[test]
fn an_oracle_swapped_for_the_attackers() {
    let (mut world, governor) = by_hand();
    let (feed, swap) = swap(&mut world, BTC);
    world.refuses(std::slice::from_ref(&swap), &[&governor], NovateError::ChangeMissing);
    let number = world.schedule(&swap);
    assert_eq!(world.change(number).ready - world.now(), 7 * DAY);
    world.pass(7 * DAY);
    world.refresh();
    let swap = execute(&world, &swap, number);
    world.succeeds(&[swap], &[&governor]);
    world.pass(60);
    world.publish_at(&feed, Quote::new(2_000_000.0, world.now()));
    world.succeeds(&[build::refresh_asset(&world.pool, &[(BTC, feed.address)])], &[]);
    assert_eq!(world.asset(BTC).price.0, 20_000 * PRICE);
    assert!(world.asset(BTC).guard.is_restricted(world.now()));
}

/// A price account that a program of the attacker's own writes.
fn swap(world: &mut World, asset: u16) -> (Feed, Instruction) {
    let mut feed = world.issue(AssetSpec::new("FAKE", 8, 1.0).pushed()).feed;
    feed.owner = world.new_address();
    let source = OracleSource { oracle: 2, feed: feed.address, feed_owner: feed.owner, feed_id: [0; 32] };
    (feed, build::set_oracle(world.governor.pubkey(), world.pool, asset, source))
}

/// The same in force, seven days later, in which nobody has cancelled it.
fn taken_over(world: &mut World, asset: u16) -> Feed {
    let (feed, swap) = swap(world, asset);
    let (governor, swap) = (world.governor.insecure_clone(), world.matured(&swap));
    world.succeeds(&[swap], &[&governor]);
    feed
}

/// One reading as far from the guard's average as it may be and be a price.
fn push(world: &mut World, asset: u16, feed: &Feed, up: bool) {
    let guard = world.asset(asset).guard;
    let reach = (i128::from(guard.average.0) * i128::from(guard.band.0) / 1_000_000) as i64;
    // Feeds have eight decimals, prices nine.
    let price = if up { (guard.average.0 + reach) / 10 } else { (guard.average.0 - reach + 9) / 10 };
    world.publish_at(feed, Quote { price, average: price, ..Quote::new(1.0, world.now()) });
    world.succeeds(&[build::refresh_asset(&world.pool, &[(asset, feed.address)])], &[]);
    assert_eq!(world.asset(asset).price.0, price * 10);
}

/// What the price is multiplied by in so many seconds, with a reading every so often.
fn drifts(world: &World, feed: &Feed, up: bool, seconds: i64, every: i64) -> f64 {
    let mut world = world.twin();
    let before = world.asset(GOLD).price.0 as f64;
    for _ in 0..seconds / every {
        world.pass(every);
        push(&mut world, GOLD, feed, up);
    }
    world.asset(GOLD).price.0 as f64 / before
}

/// Nothing but the band a minute holds it: at the least band, 1 %, the price doubles in 70 minutes and is anything within a day.
#[test]
fn a_feed_of_the_attackers_own() {
    const HOUR: i64 = 3_600;
    let world = |band: i64| {
        let mut world = Builder::default().with_asset(GOLD, |gold| gold.band = band).build();
        world.by_hand = true;
        let feed = taken_over(&mut world, GOLD);
        (world, feed)
    };
    let (least, feed) = world(10_000);
    let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-2, "{found} {expected}");
    near(drifts(&least, &feed, true, 70 * 60, 60), 2.0);
    near(drifts(&least, &feed, true, HOUR, 60), 1.817);
    near(drifts(&least, &feed, false, HOUR, 60), 0.547);
    near(drifts(&least, &feed, true, HOUR, 1), 1.838);
    near(drifts(&least, &feed, true, DAY, 60), 1.667e6);
    near(drifts(&least, &feed, false, DAY, 60), 5.28e-7);
    let (wider, feed) = world(50_000);
    near(drifts(&wider, &feed, true, HOUR, 60), 18.68);
    let (widest, feed) = world(1_000_000);
    near(drifts(&widest, &feed, true, 10 * 60, 60), 1_024.0);
}

/// How long it takes: whoever is short of the asset with initial margin is liquidatable within minutes, whoever holds collateral of it borrows
/// all that is lent within hours, here at a band of 1 % for a deposit of 100,000 USD.
#[test]
fn what_a_feed_of_the_attackers_own_takes_and_how_fast() {
    let least = |asset: &mut AssetSpec| asset.band = 10_000;
    let mut world = Builder::default().with_asset(GOLD, least).with_asset(BTC, least).build();
    let (lender, short, maker) = (world.trader(2_000_000), world.trader(3_100), world.trader(100_000));
    world.open_bank(USDC);
    world.lend(&lender, USDC, 2_000_000 * DOLLAR as u64);
    world.trade(&maker, &short, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.by_hand = true;
    let guardian = world.guardian.insecure_clone();

    let mut swapped = world.twin();
    let feed = taken_over(&mut swapped, BTC);
    swapped.to_initial(&short);
    let mut minutes = 0;
    loop {
        let health = swapped.health(&short);
        if health.equity < health.maintenance {
            break;
        }
        minutes += 1;
        swapped.pass(60);
        (0..5).filter(|asset| *asset != BTC).for_each(|asset| swapped.price(asset, swapped.listing(asset).usd));
        push(&mut swapped, BTC, &feed, true);
        swapped.refresh_market(BTC_PERP);
    }
    println!("a short at initial margin is liquidatable after {minutes} min");
    assert_eq!(minutes, 3);

    let thief = world.actor();
    world.deposit(&thief, GOLD, 2_000_000_000);
    let feed = taken_over(&mut world, GOLD);
    let honest = world.twin();
    let borrow = |world: &mut World, thief: &Actor| {
        let all = 1_800_000 * DOLLAR as u64;
        let (borrow, withdraw) =
            (world.borrow_instruction(thief, USDC, all), world.withdraw_instruction(thief, USDC, all));
        world.send(&[borrow, withdraw], &[&thief.key])
    };
    let mut minutes = 0;
    while borrow(&mut world, &thief).is_err() {
        minutes += 1;
        world.pass(60);
        (0..4).for_each(|asset| world.price(asset, world.listing(asset).usd));
        push(&mut world, GOLD, &feed, true);
        assert!(minutes < 1_440);
    }
    println!("all that is lent is borrowed after {minutes} min");
    assert_eq!(minutes, 307);
    let more = world.borrow_instruction(&thief, USDC, 1);
    world.refuses(&[more], &[&thief.key], NovateError::UtilisationCap);

    // While the authority means no harm: a pause ends it for seven days, as long as another price account takes.
    let mut paused = honest;
    paused.succeeds(&[build::pause(guardian.pubkey(), paused.pool, Action::Borrow, 7 * DAY)], &[&guardian]);
    let (governor, (_, back)) = (paused.governor.insecure_clone(), swap(&mut paused, GOLD));
    let number = paused.schedule(&back);
    for _ in 0..360 {
        paused.pass(60);
        push(&mut paused, GOLD, &feed, true);
    }
    paused.pass(7 * DAY - 360 * 60 - 1);
    (0..4).for_each(|asset| paused.price(asset, paused.listing(asset).usd));
    push(&mut paused, GOLD, &feed, true);
    let refused = borrow(&mut paused, &thief).expect_err("borrowing is paused");
    assert!(refused.is(NovateError::Paused), "{:?}", refused.error);
    paused.pass(1);
    let back = execute(&paused, &back, number);
    paused.succeeds(&[back], &[&governor]);
}
