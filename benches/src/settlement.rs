//! Expiries at their end: the window, the settlement price, and what is settled at it.

use novate_client::{Leg, Right};
use novate_tests::dated::option_leg;
use novate_tests::expiring::WINDOW;
use novate_tests::feed::Quote;
use novate_tests::{future, Actor, World, BTC, BTC_PERP, CONTRACT, PRICE};

use crate::figure::{measure, Figure};

const DAY: i64 = 86_400;
const STRIKES: u8 = 24;
const POSITIONS: usize = 48;
/// Seconds from sample to sample: 21 in a window.
const STEP: i64 = 90;
/// Price at which the expiry is settled.
const USD: f64 = 20_123.45;
/// Tick of options.
const TICK: i64 = 10_000_000;

pub fn all() -> Vec<Figure> {
    let mut figures = sampled();
    figures.extend(set());
    figures
}

/// An expiry that its asset fixes, and two portfolios with nothing but it: all calls, all puts but one, and the future.
fn sampled() -> Vec<Figure> {
    let mut world = World::default();
    let strikes: Vec<i64> = (0..i64::from(STRIKES)).map(|at| 17_000 + 250 * at).collect();
    let time = world.chain(BTC_PERP, 1, 0.5, &strikes);
    let sides = [0, 1].map(|_| world.trader(1_000_000));
    for some in legs(&world, time).chunks(8) {
        let trade = world.trade_of(sides[0].side(), sides[1].side(), some);
        measure(&mut world, "trade", "setting up", trade, &[&sides[0].key, &sides[1].key]);
    }
    assert_held(&world, &sides, POSITIONS);
    world.lender(BTC, 200_000_000);
    let borrower = world.trader(100_000);
    world.borrow(&borrower, BTC, 100_000_000);

    let mut figures = window(&mut world, time);
    let fix = world.fix_instruction(BTC_PERP, time);
    figures.push(measure(&mut world, "fix_expiry", "", fix, &[]));
    assert_eq!(world.expiry(BTC_PERP, time).settlement_price, world.asset(BTC).window.fixed_price);
    assert_held(&world, &sides, POSITIONS);
    for (side, state) in sides.iter().zip(["long", "short"]) {
        let settle = world.settle_expiry_instruction(&side.portfolio, BTC_PERP, time);
        let state = format!("48 positions of one expiry, {state}");
        figures.push(measure(&mut world, "settle_expiry", &state, settle, &[]));
    }
    assert_settled(&world, &sides, time);
    let address = world.expiry_address(BTC_PERP, time);
    let close = world.close_expiry_instruction(BTC_PERP, time);
    figures.push(measure(&mut world, "close_expiry", "", close, &[]));
    assert!(world.account(&address).data.is_empty());
    figures
}

/// Every option but one put, at its mark, and the future.
fn legs(world: &World, time: i64) -> Vec<Leg> {
    let expiry = world.expiry(BTC_PERP, time);
    let option = |slot: u8, right: Right| {
        let strike = expiry.strikes[usize::from(slot)];
        let call = strike.mark.0;
        let mark = if right == Right::Call { call } else { call - strike.reference.0 + strike.strike.0 };
        option_leg(BTC_PERP, time, slot, right, CONTRACT, (mark / TICK + 1) * TICK)
    };
    let calls = (0..STRIKES).map(|slot| option(slot, Right::Call));
    let puts = (1..STRIKES).map(|slot| option(slot, Right::Put));
    [future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)].into_iter().chain(calls).chain(puts).collect()
}

/// Samples of a window: the dearest within, and the last, when a sample of variances is due too. Each charges interest.
pub fn window(world: &mut World, time: i64) -> Vec<Figure> {
    let mut figures = vec![];
    world.pass_to(time - 3_600);
    world.price(BTC, USD);
    let before = world.asset(BTC);
    assert_eq!(before.sample_time, time - 3_600);
    for sampled in (time - WINDOW..=time).step_by(STEP as usize) {
        world.pass_to(sampled);
        world.publish(BTC, Quote::new(USD, sampled));
        let refresh = world.refresh_asset(&[BTC]);
        let state = match sampled == time {
            true => "PriceUpdateV2, settlement price fixed, variance sampled, interest charged",
            false => "PriceUpdateV2, within the settlement window, interest charged",
        };
        figures.push(measure(world, "refresh_asset", state, refresh, &[]));
    }
    let asset = world.asset(BTC);
    assert_eq!((asset.window.fixed_time, asset.sample_time), (time, time));
    assert!(asset.bank.accrued.0 == time && asset.bank.loans > before.bank.loans);
    let last = figures.pop();
    let within = figures.into_iter().max_by_key(|f| f.units);
    within.into_iter().chain(last).map(|f| f.within(10_000)).collect()
}

fn assert_held(world: &World, sides: &[Actor], count: usize) {
    for side in sides {
        let state = world.portfolio(&side.portfolio);
        assert_eq!(state.positions().len(), count);
        assert!(state.positions().iter().all(|p| p.quantity != 0));
    }
}

/// Nothing of the expiry is held, and the books of it are even.
fn assert_settled(world: &World, sides: &[Actor], time: i64) {
    for side in sides {
        assert!(world.portfolio(&side.portfolio).positions().iter().all(|p| p.quantity == 0));
    }
    let expiry = world.expiry(BTC_PERP, time);
    assert!(expiry.is_unheld() && expiry.settled.0 == 0);
}

/// An expiry that its asset could not fix.
fn set() -> Vec<Figure> {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    let sides = [0, 1].map(|_| world.trader(10_000));
    world.trade_legs(&sides[0], &sides[1], &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    assert_held(&world, &sides, 1);
    world.pass_to(time + DAY + 1);
    let member = world.members[0].insecure_clone();
    let submit = world.submit_price_instruction(0, BTC_PERP, time, 21_000 * PRICE);
    let mut figures = vec![measure(&mut world, "submit_settlement_price", "", submit, &[&member])];
    world.submit_price(1, BTC_PERP, time, 21_000 * PRICE);
    let apply = world.apply_price_instruction(BTC_PERP, time);
    figures.push(measure(&mut world, "apply_settlement_price", "", apply, &[]));
    assert_eq!(world.expiry(BTC_PERP, time).settlement_price.0, 21_000 * PRICE);
    let settle = world.settle_expiry_instruction(&sides[0].portfolio, BTC_PERP, time);
    figures.push(measure(&mut world, "settle_expiry", "a future", settle, &[]));
    assert_eq!(world.portfolio(&sides[0].portfolio).positions()[0].quantity, 0);
    figures
}
