//! The oracle guard (CLR-40, CLR-41): what becomes a price, and what a restricted asset still allows.

use novate::events::AssetRefreshed;
use novate_client::NovateError;
use novate_tests::feed::Quote;
use novate_tests::{Actor, AssetSpec, Builder, Sent, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE};

/// BTC at 20,000 with a band of 10 %, readings at most a day old.
fn guarded() -> World {
    let assets = vec![
        AssetSpec::new("USDC", 6, 1.0).max_age(3_600),
        AssetSpec::new("BTC", 8, 20_000.0).band(100_000).max_age(3_600),
        AssetSpec::new("ETH", 8, 1_500.0).max_age(3_600),
        AssetSpec::new("SOL", 9, 30.0).max_age(3_600),
    ];
    Builder::default().assets(assets).build()
}

/// Publishes a price of BTC `seconds` later and has it read: whether it became the price, and the average.
fn read(world: &mut World, seconds: i64, usd: f64) -> (bool, f64) {
    world.pass(seconds);
    let now = world.now();
    world.publish(BTC, Quote::new(usd, now));
    let refresh = world.refresh_asset(&[BTC]);
    let sent: Sent = world.succeeds(&[refresh], &[]);
    let event = sent.telemetry::<AssetRefreshed>().remove(0);
    assert_eq!(event.accepted, event.publish_time == now && event.price == (usd * PRICE as f64) as i64);
    (event.accepted, event.average as f64 / PRICE as f64)
}

#[test]
fn within_the_band_a_reading_is_the_price() {
    let mut world = guarded();
    assert_eq!(read(&mut world, 0, 22_000.0), (true, 20_000.0));
    // Half a minute: half of the way.
    assert_eq!(read(&mut world, 30, 22_000.0), (true, 21_000.0));
    assert_eq!(read(&mut world, 60, 18_900.0), (true, 18_900.0));
    assert_eq!(world.asset(BTC).price.0, 18_900 * PRICE);
    assert!(!world.asset(BTC).guard.is_restricted(world.now()));
}

#[test]
fn outside_it_none_and_the_average_follows_by_the_band_a_minute() {
    let mut world = guarded();
    let (accepted, average) = read(&mut world, 1, 17_999.0);
    assert!(!accepted && (average - (20_000.0 - 2_000.0 / 60.0)).abs() < 1e-6);
    let asset = world.asset(BTC);
    assert_eq!((asset.price.0, asset.publish_time), (20_000 * PRICE, world.now() - 1));
    assert_eq!(asset.guard.restricted_until, world.now() + 300);
    // A fall to 12,000 by readings every ten seconds is a price after a few minutes.
    let mut seconds = 0;
    while !read(&mut world, 10, 12_000.0).0 {
        seconds += 10;
    }
    assert!((180..300).contains(&seconds), "{seconds}");
    assert_eq!(world.asset(BTC).price.0, 12_000 * PRICE);
}

#[test]
fn a_silence_widens_it_by_as_much_a_minute() {
    for (minutes, usd, accepted) in
        [(1, 17_999.0, false), (2, 16_001.0, true), (2, 15_999.0, false), (3, 26_000.0, true), (60, 1.0, true)]
    {
        assert_eq!(read(&mut guarded(), 60 * minutes, usd).0, accepted, "{minutes} minutes, {usd}");
    }
}

#[test]
fn no_time_moves_no_average_and_readings_do_not_run_backwards() {
    let mut world = guarded();
    for _ in 0..3 {
        assert_eq!(read(&mut world, 0, 30_000.0), (false, 20_000.0));
    }
    // A reading older than one that was refused is older than the last one.
    assert!(!read(&mut world, 5, 30_000.0).0);
    let now = world.now();
    world.publish(BTC, Quote::new(20_000.0, now - 1));
    let refresh = world.refresh_asset(&[BTC]);
    world.refuses(&[refresh], &[], NovateError::PriceOlder);
}

/// A buyer of one BTC and a seller, each with 10,000 USD, in an asset that has just been restricted at its last price.
fn restricted() -> (World, Actor, Actor) {
    let mut world = guarded();
    let (owner, maker) = (world.trader(10_000), world.trader(10_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    assert!(!read(&mut world, 1, 23_000.0).0);
    (world, owner, maker)
}

#[test]
fn restricted_both_sides_must_shrink() {
    let (mut world, owner, maker) = restricted();
    let third = world.trader(10_000);
    for (first, second, quantity) in
        [(&owner, &maker, CONTRACT / 10), (&third, &owner, CONTRACT / 10), (&owner, &maker, -3 * CONTRACT)]
    {
        let trade = world.trade_instruction(first.side(), second.side(), &[(BTC_PERP, quantity, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::Restricted);
    }
    world.trade(&maker, &owner, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    world.trade(&maker, &owner, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    assert_eq!(world.market(BTC_PERP).long.0, 0);
}

#[test]
fn restricted_nothing_leaves_a_portfolio_that_holds_it() {
    let (mut world, owner, _) = restricted();
    let withdraw = world.withdraw_instruction(&owner, 0, 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::Restricted);
    // Deposits and settlements go on, and who does not hold it is free.
    world.deposit(&owner, 0, 5);
    let (other, another) = (world.trader(10_000), world.trader(10_000));
    world.trade(&other, &another, &[(1, CONTRACT / 10, 1_500 * PRICE)]);
    world.withdraw(&other, 0, 1_000 * DOLLAR as u64);
}

#[test]
fn it_ends_five_minutes_after_the_last_reading_outside() {
    let (mut world, owner, maker) = restricted();
    let open = [(BTC_PERP, CONTRACT / 10, 21_000 * PRICE)];
    assert!(read(&mut world, 299, 21_000.0).0);
    let trade = world.trade_instruction(owner.side(), maker.side(), &open);
    world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::Restricted);
    assert!(read(&mut world, 1, 21_000.0).0);
    world.trade(&owner, &maker, &open);
    world.withdraw(&owner, 0, 1);
}

#[test]
fn restricted_holders_raise_no_risk_elsewhere_and_are_auctioned_at_the_edge() {
    let (mut world, owner, maker) = restricted();
    let more = world.trade_instruction(owner.side(), maker.side(), &[(1, CONTRACT, 1_500 * PRICE)]);
    world.refuses(&[more], &[&owner.key, &maker.key], NovateError::Restricted);
    // Nobody can make the price younger: after five seconds it counts at the edge of the scan range, for the seller at 17,000.
    assert!(!read(&mut world, 6, 40_000.0).0);
    let now = world.now();
    world.publish(0, Quote::new(1.0, now));
    let refresh = world.refresh_asset(&[0]);
    world.succeeds(&[refresh], &[]);
    for actor in [&owner, &maker] {
        let start = world.start_auction_instruction(actor);
        world.refuses(&[start], &[], NovateError::NotLiquidatable);
    }
}
