//! Inside its settlement window an expiry is valued, shocked, marked and traded at the price that it is expected to settle at
//! (CLR-12): what samples have decided, and the rest of the forward.

use novate::health::{Prices, Terms};
use novate_client::instructions as build;
use novate_client::state::Expiry;
use novate_client::{Leg, NovateError, Right};
use novate_margin::chain::Decided;
use novate_margin::dated::option_at;
use novate_margin::{Price, Ratio};
use novate_tests::dated::option_leg;
use novate_tests::feed::Quote;
use novate_tests::world::leg;
use novate_tests::{checker, flat, future, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

use crate::checking::raw;

/// Of the strikes that every chain here lists.
const STRIKES: [i64; 3] = [15_000, 19_600, 20_000];
const DEEP: u8 = 0;
const HIGH: u8 = 2;
const CALL: Right = Right::Call;
const PUT: Right = Right::Put;

/// BTC at 19,600, and an expiry whose window begins now.
fn world() -> (World, i64) {
    let mut world = World::default();
    let time = world.expiry_in(1);
    world.listings[usize::from(BTC)].usd = 19_600.0;
    world.pass_to(time - 1_800);
    world.refresh();
    world.list_expiry(BTC_PERP, time, flat(0.5, 1_800));
    world.list_strikes(BTC_PERP, time, &STRIKES.map(|usd| usd * PRICE));
    world.refresh_expiry(BTC_PERP, time);
    (world, time)
}

/// Samples BTC at its price every 90 s, and when the time has come.
fn sample_to(world: &mut World, until: i64) {
    while world.now() < until {
        world.pass((until - world.now()).min(90));
        let usd = world.listing(BTC).usd;
        world.price(BTC, usd);
    }
    world.refresh();
}

/// The window is decided up to so many seconds before the end at 19,600, then BTC is at 20,000, values are fresh.
fn decided_but(seconds: i64) -> (World, i64) {
    let (mut world, time) = world();
    sample_to(&mut world, time - seconds);
    now_at(&mut world, 20_000.0);
    (world, time)
}

fn now_at(world: &mut World, usd: f64) {
    world.listings[usize::from(BTC)].usd = usd;
    world.pass(1);
    world.refresh_chains();
}

fn decided(world: &World, time: i64) -> Decided {
    world.asset(BTC).decided(time, world.now()).unwrap()
}

/// Worked out a second time: USD 1e-9.
fn expected(world: &World, time: i64, spot: i64) -> i64 {
    let Decided { share: Ratio(share), average: Price(average) } = decided(world, time);
    let [share, average, spot] = [share, average, spot].map(i128::from);
    ((average * share).div_euclid(1_000_000) + (spot * (1_000_000 - share)).div_euclid(1_000_000)) as i64
}

fn expected_now(world: &World, time: i64) -> i64 {
    expected(world, time, world.asset(BTC).price.0)
}

/// Rounded down to the tick.
fn tick(price: i64) -> i64 {
    price / 10_000_000 * 10_000_000
}

fn option_mark(world: &World, expiry: &Expiry, slot: u8, right: Right) -> i64 {
    let asset = world.asset(BTC);
    let facts = expiry.facts(decided(world, expiry.time), world.now()).unwrap();
    option_at(expiry.strike(slot).unwrap(), right, (asset.price, asset.scan_range), facts).unwrap().mark.0
}

/// A leg at its mark.
fn at_mark(world: &World, time: i64, slot: u8, right: Right, quantity: i64) -> Leg {
    let expiry = world.expiry(BTC_PERP, time);
    let mark = option_mark(world, &expiry, slot, right);
    option_leg(BTC_PERP, time, slot, right, quantity, tick(mark).max(10_000_000))
}

fn equity(world: &World, who: &Actor, prices: Prices) -> i64 {
    let portfolio = world.portfolio(&who.portfolio);
    world.snapshot().judge(&portfolio, Terms { now: world.now(), prices }).unwrap().1.equity.0
}

#[track_caller]
fn refused(world: &mut World, [first, second]: [&Actor; 2], legs: &[Leg], error: NovateError) {
    let trade = world.trade_of(first.side(), second.side(), legs);
    world.refuses(&[trade], &[&first.key, &second.key], error);
}

#[track_caller]
fn check(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

/// With 97 % decided at 19,600 and spot back at 20,000, two accounts of one owner would pass 388 USD a contract from one to the
/// other and leave what the first lacks to the insurance fund.
#[test]
fn what_is_decided_takes_nothing_out_of_the_insurance_fund() {
    let (mut world, time) = decided_but(54);
    let settled = expected_now(&world, time);
    assert!((19_610 * PRICE..19_614 * PRICE).contains(&settled), "{settled}");
    let fund = world.insurance();
    let (first, second, rich, maker) =
        (world.trader(600), world.trader(600), world.trader(20_000), world.trader(100_000));
    let short = leg(BTC_PERP, -CONTRACT, 20_000 * PRICE);
    // At the forward it is 388 dollars above its mark: within the band, and a loss at once.
    let at_forward = [future(BTC_PERP, time, CONTRACT, 20_000 * PRICE), short];
    refused(&mut world, [&first, &second], &at_forward, NovateError::BelowInitialMargin);
    // At its mark it is no hedge of what goes on.
    let at_mark_of_it = [future(BTC_PERP, time, CONTRACT, tick(settled)), short];
    refused(&mut world, [&first, &second], &at_mark_of_it, NovateError::BelowInitialMargin);
    // Nor are options: by parity they are the same, and at the forward out of their bands.
    let prices = [
        option_leg(BTC_PERP, time, HIGH, CALL, CONTRACT, 40 * PRICE),
        option_leg(BTC_PERP, time, HIGH, PUT, -CONTRACT, 40 * PRICE),
    ];
    refused(&mut world, [&first, &second], &[prices[0], prices[1], short], NovateError::OutsideBand);
    let (call, put) = (at_mark(&world, time, HIGH, CALL, CONTRACT), at_mark(&world, time, HIGH, PUT, -CONTRACT));
    // A tick beside the marks asks for margin in cash.
    refused(&mut world, [&first, &second], &[call, put, short], NovateError::UnsettledGains);
    // Who has the margin may, and gains or loses nothing by the price that is fixed.
    world.trade_legs(&rich, &maker, &at_mark_of_it);
    world.trade_legs(&rich, &maker, &[call, put]);
    check(&world);
    let before = equity(&world, &rich, Prices::Fresh);
    world.pass_to(time);
    world.refresh();
    assert_eq!(world.asset(BTC).window.fixed_time, time);
    world.fix(BTC_PERP, time);
    for who in [&rich, &maker] {
        world.settle_expiry(who, BTC_PERP, time);
    }
    // A second at 19,600 that the last sample had not counted yet, and time value.
    let after = world.health(&rich).equity;
    assert!((after - before).abs() < 2 * DOLLAR, "{before} {after}");
    for who in [&first, &second] {
        assert_eq!(world.health(who).equity, 600 * DOLLAR);
    }
    assert_eq!(bytemuck::bytes_of(&world.insurance()), bytemuck::bytes_of(&fund));
    check(&world);
}

/// A long future against the call less the put needs nothing and is worth the strike, at every share, and whatever happens
/// between a refresh and its use.
#[test]
fn parity_holds_through_the_window() {
    let (mut world, time) = world();
    world.listings[usize::from(BTC)].usd = 19_600.0;
    world.refresh_chains();
    let (owner, maker) = (world.trader(50_000), world.trader(500_000));
    let legs = [
        future(BTC_PERP, time, CONTRACT, 19_600 * PRICE),
        at_mark(&world, time, HIGH, CALL, -CONTRACT),
        at_mark(&world, time, HIGH, PUT, CONTRACT),
    ];
    world.trade_legs(&owner, &maker, &legs);
    let first = world.health(&owner);
    let mut shares = 0;
    for (at, usd) in [19_700.0, 19_650.0, 19_400.0, 20_000.0, 19_600.0, 19_300.0, 19_900.0].into_iter().enumerate() {
        let until = world.now() + 20 + 55 * at as i64;
        sample_to(&mut world, until);
        world.refresh_chains();
        // Fifty seconds, a sample and another price after the refresh.
        world.pass(50);
        world.listings[usize::from(BTC)].usd = usd;
        world.refresh();
        let health = world.health(&owner);
        assert!((health.equity - first.equity).abs() <= 3, "{usd}: {} {}", health.equity, first.equity);
        assert_eq!((health.gross, health.net_delta_floor), (0, 0), "{usd}");
        assert_eq!(health.equity, equity(&world, &owner, Prices::Favourable));
        // At the averages of the last minute too, where the rest is at another price (CLR-42).
        assert!((equity(&world, &owner, Prices::Averaged) - first.equity).abs() <= 3, "{usd}");
        shares = decided(&world, time).share.0;
        // Marks are on the same price: a call less its put is the future less the strike.
        let expiry = world.expiry(BTC_PERP, time);
        for slot in 0..3 {
            let [call, put] = [CALL, PUT].map(|right| option_mark(&world, &expiry, slot, right));
            let parity = expected_now(&world, time) - STRIKES[usize::from(slot)] * PRICE;
            // A put is not below zero.
            assert!((call - put - parity).abs() <= 2 || put == 0, "{usd} {slot}: {call} {put} {parity}");
        }
        assert_eq!(expiry.mark(&world.asset(BTC), world.now()).unwrap().0, expected_now(&world, time));
    }
    assert!(shares > 900_000, "{shares}");
}

/// Mark and band of a future and of options are around what is expected.
#[test]
fn bands_are_around_what_is_expected() {
    let (mut world, time) = decided_but(900);
    let (owner, maker) = (world.trader(100_000), world.trader(1_000_000));
    let mark = expected_now(&world, time);
    assert!((19_790 * PRICE..19_810 * PRICE).contains(&mark), "{mark}");
    let (low, high) = (mark - mark / 20, mark + mark / 20);
    for price in [tick(low) - 10_000_000, tick(high) + 20_000_000] {
        let beyond = [future(BTC_PERP, time, CONTRACT / 10, price)];
        refused(&mut world, [&owner, &maker], &beyond, NovateError::OutsideBand);
    }
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, CONTRACT / 10, tick(high))]);
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, -CONTRACT / 10, tick(low) + 20_000_000)]);
    // A call far in the money: mark, and the undecided part of spot by its delta, times 5 %.
    let expiry = world.expiry(BTC_PERP, time);
    let call = option_mark(&world, &expiry, DEEP, CALL);
    assert!((call - (mark - 15_000 * PRICE)).abs() < PRICE / 100, "{call}");
    let width = (call + 20_000 * (PRICE - 1_000 * decided(&world, time).share.0)) / 20;
    assert!((730 * PRICE..760 * PRICE).contains(&width), "{width}");
    for (price, within) in
        [(width - PRICE, true), (width + PRICE, false), (PRICE - width, true), (-width - PRICE, false)]
    {
        let leg = option_leg(BTC_PERP, time, DEEP, CALL, CONTRACT / 10, tick(call + price));
        match within {
            true => drop(world.trade_legs(&owner, &maker, &[leg])),
            false => refused(&mut world, [&owner, &maker], &[leg], NovateError::OutsideBand),
        }
    }
    check(&world);
}

/// Variation is settled at what is expected, and after it equity is what it was.
#[test]
fn variation_is_settled_at_what_is_expected() {
    let (mut world, time) = world();
    let (owner, maker) = (world.trader(50_000), world.trader(500_000));
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, -CONTRACT, 19_600 * PRICE)]);
    sample_to(&mut world, time - 900);
    world.listings[usize::from(BTC)].usd = 20_000.0;
    world.pass(1);
    world.refresh();
    let (before, cash) = (world.health(&owner).equity, world.portfolio(&owner.portfolio).cash);
    let held = future(BTC_PERP, time, 0, 0).instrument;
    let settle = build::settle_variation(&world.pool, owner.portfolio, held, BTC);
    world.succeeds(&[settle], &[]);
    let paid = cash - world.portfolio(&owner.portfolio).cash;
    let lost = (expected_now(&world, time) - 19_600 * PRICE) / 1_000 + 9_800_000;
    assert!((paid - lost).abs() <= 1, "{paid} {lost}");
    assert_eq!(world.health(&owner).equity, before);
    check(&world);
}

/// From before T to after it, with a window that extends, and to the price: no value jumps.
#[test]
fn equity_goes_on_through_expiry() {
    let (mut world, time) = world();
    world.refresh_chains();
    let (owner, maker) = (world.trader(50_000), world.trader(500_000));
    let legs = [
        future(BTC_PERP, time, CONTRACT, 19_600 * PRICE),
        at_mark(&world, time, DEEP, CALL, CONTRACT),
        at_mark(&world, time, HIGH, PUT, 2 * CONTRACT),
    ];
    world.trade_legs(&owner, &maker, &legs);
    // A gap of 130 s: at T the run is 1,500 s old, and has 150 s to go.
    sample_to(&mut world, time - 1_660);
    world.pass(130);
    world.price(BTC, 19_600.0);
    sample_to(&mut world, time - 30);
    now_at(&mut world, 19_700.0);
    world.pass_to(time - 1);
    world.refresh();
    let before = equity(&world, &owner, Prices::Favourable);
    assert!((900_000..930_000).contains(&decided(&world, time).share.0));
    world.pass(1);
    let after = equity(&world, &owner, Prices::Favourable);
    assert!((after - before).abs() < 2 * DOLLAR, "{before} {after}");
    world.refresh();
    let refreshed = equity(&world, &owner, Prices::Favourable);
    assert!((refreshed - after).abs() < DOLLAR, "{after} {refreshed}");
    // Spot at rest, all comes to what is expected then.
    let expected = expected_now(&world, time);
    sample_to(&mut world, time + 150);
    assert_eq!(world.asset(BTC).window.fixed_time, time);
    assert!((world.asset(BTC).window.fixed_price.0 - expected).abs() < PRICE);
    let decided = equity(&world, &owner, Prices::Favourable);
    assert!((decided - refreshed).abs() < 4 * DOLLAR, "{refreshed} {decided}");
    world.fix(BTC_PERP, time);
    world.settle_expiry(&owner, BTC_PERP, time);
    assert_eq!(world.health(&owner).equity, decided);
    check(&world);
}

/// After two minutes without a sample nothing is decided, whatever is stale; values of before are refused until they are made
/// anew, at the last price where there is no other.
#[test]
fn a_gap_of_samples_decides_nothing() {
    let (mut world, time) = world();
    world.refresh_chains();
    let (owner, maker) = (world.trader(50_000), world.trader(500_000));
    let legs = [future(BTC_PERP, time, CONTRACT, 19_600 * PRICE), at_mark(&world, time, DEEP, CALL, CONTRACT)];
    world.trade_legs(&owner, &maker, &legs);
    sample_to(&mut world, time - 300);
    now_at(&mut world, 20_000.0);
    let sampled = equity(&world, &owner, Prices::Favourable);
    // From ten seconds before the gap is too long nothing rests on whether it will be, for who posts a reading now would choose.
    world.pass(111);
    let withdraw = world.withdraw_instruction(&owner, USDC, 1);
    let late = world.asset(BTC);
    assert!(late.window.hangs(time, world.now()));
    world.refuses(&[withdraw], &[&owner.key], NovateError::PriceStale);
    world.pass(10);
    assert_eq!(decided(&world, time), Decided::NOTHING);
    let portfolio = world.portfolio(&owner.portfolio);
    let terms = Terms { now: world.now(), prices: Prices::Favourable };
    assert!(world.snapshot().judge(&portfolio, terms).is_err());
    // Nobody has a younger price: values at the last one are made all the same.
    world.refresh_expiry(BTC_PERP, time);
    let range = world.asset(BTC).scan_range.0;
    let best = equity(&world, &owner, Prices::Favourable);
    assert!(best - sampled > 2 * (300 * DOLLAR + 19_000 * range), "{sampled} {best}");
    // The run begins anew, and with it what is decided.
    world.refresh_chains();
    assert_eq!(decided(&world, time), Decided::NOTHING);
    assert_eq!(expected_now(&world, time), 20_000 * PRICE);
    let anew = world.health(&owner).equity;
    assert!(anew > sampled + 500 * DOLLAR, "{sampled} {anew}");
    check(&world);
}

/// A reading that is posted while the run hangs on it changes what everything of the expiry is worth: nothing that raises risk or
/// takes something out rests on it until somebody has posted one.
#[test]
fn while_the_run_hangs_on_a_reading_risk_does_not_rise() {
    let (mut world, time) = world();
    let (owner, maker) = (world.trader(50_000), world.trader(500_000));
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, CONTRACT, 19_600 * PRICE)]);
    sample_to(&mut world, time - 600);
    // Readings that are too old to be samples keep the price fresh.
    let keep = |world: &mut World, seconds: i64| {
        world.pass(seconds);
        let published = world.now() - 6;
        for (asset, usd) in world.listings.iter().map(|l| l.usd).enumerate().collect::<Vec<_>>() {
            world.publish(asset as u16, Quote::new(usd, published));
            let refresh = world.refresh_asset(&[asset as u16]);
            world.succeeds(&[refresh], &[]);
        }
    };
    keep(&mut world, 60);
    keep(&mut world, 50);
    world.withdraw(&owner, USDC, 1);
    for _ in 0..2 {
        keep(&mut world, 7);
        let withdraw = world.withdraw_instruction(&owner, USDC, 1);
        world.refuses(&[withdraw], &[&owner.key], NovateError::SampleDue);
        // What closes is not kept from it.
        let mark = tick(expected_now(&world, time));
        let more = [future(BTC_PERP, time, CONTRACT / 10, mark)];
        refused(&mut world, [&owner, &maker], &more, NovateError::SampleDue);
        world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, -CONTRACT / 10, mark)]);
    }
    keep(&mut world, 2);
    world.withdraw(&owner, USDC, 1);
    check(&world);
}

/// A gain is registered at what the expiry was expected to settle at when the haircut's round opened, whatever samples and spot have
/// done since (CLR-32).
#[test]
fn a_gain_is_registered_at_what_was_expected_at_the_opening() {
    let (mut world, time) = world();
    let (winner, maker, taker) = (world.trader(50_000), world.trader(500_000), world.trader(100_000));
    let owner = world.trader(7_010);
    world.trade_legs(&winner, &maker, &[future(BTC_PERP, time, -CONTRACT, 19_600 * PRICE)]);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 19_600 * PRICE)]);
    sample_to(&mut world, time - 600);
    world.price(BTC, 12_000.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT, 0);
    world.succeeds(&[bid], &[&taker.key]);
    let opened = world.market(BTC_PERP);
    assert_eq!((opened.round.number, opened.round_expiry, opened.round.index_price.0), (1, time, 12_000 * PRICE));
    let share = decided(&world, time);
    assert_eq!((opened.round_decided, opened.round_average), (share.share, share.average));
    assert!((600_000..720_000).contains(&share.share.0), "{share:?}");
    let then = expected_now(&world, time);
    // Short one at 19,600, a fee of 9.80 paid.
    let gain = (19_600 * PRICE - then) / 1_000 - 9_800_000;

    sample_to(&mut world, time - 300);
    world.price(BTC, 15_000.0);
    let held = future(BTC_PERP, time, 0, 0).instrument;
    let register = world.register_gain_instruction(&winner, held);
    let event: novate::events::HaircutBorne = world.succeeds(&[register], &[]).event();
    assert!((event.borne.registered - gain).abs() <= 1, "{} {gain}", event.borne.registered);
    check(&world);
}
