//! Margin of what is about to expire, and of what has expired without a settlement price (CLR-12).

use novate::health::{Prices, Terms};
use novate_client::instructions as build;
use novate_client::state::minutes_of;
use novate_client::{instrument, NovateError, Right};
use novate_tests::dated::option_leg;
use novate_tests::{checker, future, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH_PERP, PRICE, USDC};

use crate::checking::raw;

/// Samples BTC at a price every 90 s up to a time, that time included.
fn sample(world: &mut World, until: i64, usd: f64) {
    while world.now() < until {
        let step = (until - world.now()).min(90);
        world.pass(step);
        world.price(BTC, usd);
    }
    world.refresh();
}

fn equity(world: &World, who: &Actor, prices: Prices) -> i64 {
    let portfolio = world.portfolio(&who.portfolio);
    let judged = world.snapshot().judge(&portfolio, Terms { now: world.now(), prices });
    judged.unwrap().1.equity.0
}

/// What counts for and against the owner.
fn bounds(world: &World, who: &Actor) -> (i64, i64) {
    (equity(world, who, Prices::Favourable), equity(world, who, Prices::Unfavourable))
}

#[track_caller]
fn check(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

/// Long a future and a put, short a call, all of strike 20,000, and one of a perpetual on ETH.
fn expired() -> (World, i64, Actor, Actor) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[20_000]);
    let (owner, maker) = (world.trader(20_000), world.trader(1_000_000));
    let (call, put) = (Right::Call, Right::Put);
    let strike = world.expiry(BTC_PERP, time);
    let strike = strike.strike(0).unwrap();
    let call_price = (strike.mark.0 / 10_000_000 + 1) * 10_000_000;
    let legs = [
        future(BTC_PERP, time, CONTRACT / 2, 20_000 * PRICE),
        option_leg(BTC_PERP, time, 0, call, -CONTRACT / 2, call_price),
        option_leg(BTC_PERP, time, 0, put, CONTRACT, call_price),
        novate_tests::world::leg(ETH_PERP, CONTRACT, 1_500 * PRICE),
    ];
    world.trade_legs(&owner, &maker, &legs);
    world.pass_to(time);
    (world, time, owner, maker)
}

#[test]
fn what_has_expired_is_judged_at_the_edges_until_samples_decide() {
    let (mut world, time, owner, maker) = expired();
    world.listings[usize::from(BTC)].usd = 19_000.0;
    world.refresh();
    let range = world.asset(BTC).scan_range.0;
    // Against the owner at 19,000·(1 ± R) the future is worth half of R·19,000 less, the put is not in the money, the call is.
    let at = 19_000 * DOLLAR;
    let [low, high] = [-1, 1].map(|way| at + 19_000 * way * range);
    let call = |at: i64| (at - 20_000 * DOLLAR).max(0) / 2;
    let put = |at: i64| (20_000 * DOLLAR - at).max(0);
    let (best, worst) = bounds(&world, &owner);
    let full = best - worst;
    assert_eq!(full, (at - low) / 2 + call(high) - call(at) + put(at) - put(high));
    // For the maker everything is the other way round.
    let (best, worst) = bounds(&world, &maker);
    assert_eq!(best - worst, (high - at) / 2 + call(at) - call(low) + put(low) - put(at));
    // The window extends: half of it is decided, then all.
    sample(&mut world, time + 840, 19_000.0);
    let (best, worst) = bounds(&world, &owner);
    assert!(0 < best - worst && best - worst < full);
    sample(&mut world, time + 1_680, 19_000.0);
    world.pass(30);
    world.refresh();
    sample(&mut world, time + 1_800, 19_000.0);
    assert_eq!(world.asset(BTC).window.fixed_time, time);
    let (best, worst) = bounds(&world, &owner);
    assert_eq!(best, worst);
    // It is what settlement makes of it.
    world.fix(BTC_PERP, time);
    world.settle_expiry(&owner, BTC_PERP, time);
    assert_eq!(world.health(&owner).equity, best);
    check(&world);
}

#[test]
fn nothing_but_auctions_rests_on_it() {
    let (mut world, time, owner, maker) = expired();
    world.refresh();
    let holdings = world.holdings(&[owner.portfolio]);
    let health = build::health(world.keys(), owner.portfolio, &holdings);
    world.refuses(&[health], &[], NovateError::ExpiryPassed);
    let withdraw = world.withdraw_instruction(&owner, USDC, 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::ExpiryPassed);
    let trade = world.trade_instruction(owner.side(), maker.side(), &[(ETH_PERP, -CONTRACT, 1_500 * PRICE)]);
    world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::ExpiryPassed);
    // A sound account starts no auction, and is refused by its name, not by the expiry's.
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::NotLiquidatable);
    world.pass_to(time + 86_401);
    world.settle_at(BTC_PERP, time, 20_000 * PRICE);
    world.refresh();
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], NovateError::ExpiryNotSettled);
}

/// CLR-12: an account that falls between expiry and price is put up, sold in slices and restored before there is a price.
#[test]
fn between_expiry_and_price_a_liquidation_goes_on() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    let (owner, maker, taker) = (world.trader(3_400), world.trader(100_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, CONTRACT / 10, 20_000 * PRICE)]);
    world.pass_to(time + 10);
    world.listings[usize::from(BTC)].usd = 18_400.0;
    world.refresh();
    world.start_auction(&owner);
    let before = world.portfolio(&owner.portfolio);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT, i64::MAX);
    let event: novate::events::Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    check(&world);
    // While the price is not decided no bid ends the auction.
    assert!(!event.restored && event.fraction < CONTRACT, "{}", event.fraction);
    assert!(event.equity_after >= event.maintenance_after);
    // The taker has a part of the future, and cannot take anything out before it has its price.
    let id = instrument::future(BTC_PERP, minutes_of(time));
    let slice = world.portfolio(&taker.portfolio).quantity_of(id);
    assert_eq!(slice, before.quantity_of(id) * event.fraction / CONTRACT);
    let withdraw = world.withdraw_instruction(&taker, USDC, 1);
    world.refuses(&[withdraw], &[&taker.key], NovateError::ExpiryPassed);
    // A window that extends fixes it, and everybody is settled.
    sample(&mut world, time + 1_900, 18_400.0);
    world.fix(BTC_PERP, time);
    for who in [&owner, &maker, &taker] {
        world.settle_expiry(who, BTC_PERP, time);
    }
    world.close_expiry(BTC_PERP, time);
    let end = world.end_auction_instruction(&owner);
    world.succeeds(&[end], &[]);
    world.withdraw(&taker, USDC, 1);
    check(&world);
}

/// A taker without the margin for what the price may still become.
#[test]
fn a_taker_counts_it_at_the_other_edge() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    let (owner, maker) = (world.trader(4_000), world.trader(100_000));
    world.trade_legs(&owner, &maker, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.trade(&owner, &maker, &[(ETH_PERP, CONTRACT / 10, 1_500 * PRICE)]);
    world.pass_to(time + 10);
    // Equity is below zero at 13,800 plus its scan range.
    world.listings[usize::from(BTC)].usd = 12_000.0;
    world.refresh();
    world.start_auction(&owner);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!(portfolio.auction_insolvent, 1);
    let rich = world.trader(100_000);
    let poor = world.trader(100);
    let bid = world.liquidate_instruction(&owner, poor.side(), CONTRACT, 0);
    world.refuses(&[bid], &[&poor.key], NovateError::BelowInitialMargin);
    let bid = world.liquidate_instruction(&owner, rich.side(), CONTRACT, 0);
    world.succeeds(&[bid], &[&rich.key]);
    check(&world);
}
