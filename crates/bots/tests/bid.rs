//! Bids as they are reckoned against bids as the program carries them out.

#![allow(clippy::unwrap_used)]

use novate_bots::bid::{carried, choose, Bid, Policy, Sale};
use novate_bots::plan::{decide, Plan, Taker};
use novate_client::{Prices, Terms};
use novate_margin::{Fraction, Ratio, Usd};
use novate_tests::world::leg;
use novate_tests::{call, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH_PERP, GOLD, PRICE};

const KEEPS: Policy = Policy::Inventory { hurdle: Ratio(10_000), buffer: Ratio(250_000) };
const CLOSES: Policy = Policy::NoInventory { reward: Ratio(6_000) };

/// Perpetuals, a call and gold, below maintenance margin since a minute ago, and a taker with a position of its own.
fn fallen(usd: f64) -> (World, Actor, Actor) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 20, 0.6, &[20_000]);
    let maker = world.trader(10_000_000);
    let [long, taker] = [20_000, 50_000].map(|usd| world.trader(usd));
    world.deposit(&long, GOLD, 20_000_000);
    let mark = world.expiry(BTC_PERP, time).strikes[0].mark.0 / 10_000_000 * 10_000_000;
    let legs = [
        leg(BTC_PERP, 2 * CONTRACT, 20_000 * PRICE),
        leg(ETH_PERP, -3 * CONTRACT, 1_500 * PRICE),
        call(BTC_PERP, time, 0, -CONTRACT / 4, mark),
    ];
    world.trade_legs(&long, &maker, &legs);
    world.trade(&taker, &maker, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
    world.to_initial(&long);
    world.price(BTC, usd);
    world.hold();
    world.refresh_chains();
    (world, long, taker)
}

fn planned(world: &World, long: &Actor, taker: &Actor, policy: Policy) -> Plan {
    let taker_state = world.portfolio(&taker.portfolio);
    let by = Taker { side: taker.side(), portfolio: &taker_state, policy };
    decide(&world.snapshot(), &mut None, &world.portfolio(&long.portfolio), Some(by), world.now()).unwrap()
}

/// Sends a plan as the bot does, in one transaction.
fn carry_out(world: &mut World, plan: Plan, long: &Actor, taker: &Actor) {
    let (account, taker_state) = (world.portfolio(&long.portfolio), world.portfolio(&taker.portfolio));
    let by = Taker { side: taker.side(), portfolio: &taker_state, policy: KEEPS };
    let snapshot = world.snapshot();
    let all = plan.instructions(&snapshot, world.keys(), (long.portfolio, &account), Some(by), world.now());
    let signers = [&taker.key];
    world.succeeds(&all, if plan.bid.is_some() { &signers } else { &[] });
}

#[test]
fn the_taker_stands_as_reckoned() {
    let (mut world, long, taker) = fallen(19_300.0);
    let plan = planned(&world, &long, &taker, KEEPS);
    assert_eq!((plan.start, plan.name()), (Some(false), "start_and_bid"));
    let bid = plan.bid.unwrap();
    let (snapshot, now) = (world.snapshot(), world.now());
    let (account, before) = (world.portfolio(&long.portfolio), world.portfolio(&taker.portfolio));
    let health = snapshot.judge(&account, Terms { now, prices: Prices::Sampled }).unwrap().1;
    let sale = Sale { account: &account, health, started: None, taker: &before, now };
    let reckoned = carried(&snapshot, sale, bid).unwrap().unwrap();
    carry_out(&mut world, plan, &long, &taker);

    let terms = Terms { now, prices: Prices::Adverse };
    let after = world.snapshot().judge(&world.portfolio(&taker.portfolio), terms).unwrap().1;
    assert_eq!((after.initial, after.maintenance), (reckoned.initial, reckoned.maintenance));
    // The limit leaves half a percent of the price.
    let slip = after.equity.0 - reckoned.equity.0;
    assert!(slip >= 0 && slip <= bid.limit / 190, "{slip} of {}", bid.limit);
    let had = snapshot.judge(&before, terms).unwrap().1;
    let gained = after.equity.0 - had.equity.0;
    assert!((gained - bid.gain.0).abs() <= bid.gain.0 / 100 + 10, "{gained}, reckoned {}", bid.gain.0);
    assert!(!world.portfolio(&long.portfolio).in_auction());
}

#[test]
fn without_inventory_a_bid_waits_for_its_reward() {
    let (mut world, long, taker) = fallen(19_300.0);
    let plan = planned(&world, &long, &taker, CLOSES);
    assert_eq!((plan.start, plan.bid), (Some(false), None));
    carry_out(&mut world, plan, &long, &taker);
    assert!(planned(&world, &long, &taker, CLOSES).is_empty());
    world.pass(600);
    world.refresh_chains();
    let bid = planned(&world, &long, &taker, CLOSES).bid.unwrap();
    let notional = world.snapshot().health(&world.portfolio(&long.portfolio), world.now()).unwrap().gross_notional;
    let wanted = notional.slice_floor(bid.fraction).unwrap().0 * 6 / 1_000;
    assert!(bid.gain.0 >= wanted, "{} of {wanted}", bid.gain.0);
}

#[test]
fn a_small_taker_takes_a_small_slice() {
    let (mut world, long, rich) = fallen(19_300.0);
    let poor = world.trader(400);
    let (large, small) =
        (planned(&world, &long, &rich, KEEPS).bid.unwrap(), planned(&world, &long, &poor, KEEPS).bid.unwrap());
    assert!(small.fraction < large.fraction && small.fraction.0 > 0, "{small:?} {large:?}");
    let plan = Plan { start: Some(false), bid: Some(small), ..Plan::default() };
    carry_out(&mut world, plan, &long, &poor);
    assert!(world.health(&poor).equity >= world.health(&poor).initial * 5 / 4);
}

#[test]
fn an_insolvent_account_is_taken_once_insurance_pays() {
    let (mut world, long, taker) = fallen(14_500.0);
    let backer = world.actor();
    world.insure(&backer, 1_000_000);
    let health = world.snapshot().health(&world.portfolio(&long.portfolio), world.now()).unwrap();
    assert!(health.equity < Usd::ZERO, "{health:?}");
    let plan = planned(&world, &long, &taker, CLOSES);
    assert_eq!((plan.start, plan.bid), (Some(true), None));
    carry_out(&mut world, plan, &long, &taker);
    world.pass(1_800);
    world.refresh_chains();
    let plan = planned(&world, &long, &taker, CLOSES);
    let bid = plan.bid.unwrap();
    assert!(bid.insolvent && bid.limit < 0 && bid.fraction == Fraction::ONE);
    let equity = world.health(&taker).equity;
    carry_out(&mut world, plan, &long, &taker);
    assert!(world.health(&taker).equity - equity >= bid.gain.0 * 99 / 100);
    assert!(world.portfolio(&long.portfolio).is_empty());
}

/// After ten minutes without a keeper nothing can be judged that holds options: the transaction makes their values anew first.
#[test]
fn values_that_are_too_old_are_made_anew_first() {
    let (mut world, long, taker) = fallen(19_300.0);
    world.pass(700);
    world.refresh();
    assert!(world.snapshot().auction(&world.portfolio(&long.portfolio), world.now()).is_err());
    let plan = planned(&world, &long, &taker, KEEPS);
    assert_eq!(plan.name(), "start_and_bid");
    carry_out(&mut world, plan, &long, &taker);
    assert!(!world.portfolio(&long.portfolio).in_auction());
}

#[test]
fn an_account_that_is_back_ends_its_auction() {
    let (mut world, long, taker) = fallen(19_300.0);
    world.start_auction(&long);
    world.deposit(&long, novate_tests::USDC, 5_000 * DOLLAR as u64);
    let plan = planned(&world, &long, &taker, KEEPS);
    assert_eq!(plan, Plan { end: true, ..Plan::default() });
    carry_out(&mut world, plan, &long, &taker);
    assert!(!world.portfolio(&long.portfolio).in_auction());
    assert!(planned(&world, &long, &taker, KEEPS).is_empty());
}

#[test]
fn nobody_bids_for_what_is_his() {
    let (mut world, long, _) = fallen(19_300.0);
    let own = world.sub_account(&long, 1);
    let plan = planned(&world, &long, &own, KEEPS);
    assert_eq!((plan.start, plan.bid), (Some(false), None));
}

/// A chosen bid that the auction does not give any more is none.
#[test]
fn nothing_is_bid_for_a_sound_account() {
    let (world, long, taker) = fallen(19_990.0);
    assert!(planned(&world, &long, &taker, KEEPS).is_empty());
    let (account, held) = (world.portfolio(&long.portfolio), world.portfolio(&taker.portfolio));
    let health = world.snapshot().health(&account, world.now()).unwrap();
    let sale = Sale { account: &account, health, started: Some(world.now()), taker: &held, now: world.now() };
    let bid: Result<Option<Bid>, _> = choose(&world.snapshot(), sale, KEEPS);
    assert!(bid.is_err(), "it is not liquidatable");
}
