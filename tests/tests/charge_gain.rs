use novate::events::HaircutBorne;
use novate_client::instrument::perpetual;
use novate_client::state::HAIRCUT_WINDOW;
use novate_client::{addresses, NovateError};
use novate_tests::haircut::Broke;
use novate_tests::{checker, Actor, Altered, BTC_PERP, DOLLAR, ETH_PERP};

use crate::checking::raw;

/// Two winners are registered; the window is about to end.
fn registered() -> (Broke, [Actor; 2]) {
    let mut broke = Broke::new(0);
    broke.takes(1_000_000_000, 0);
    let winners = [0, 1].map(|at| broke.winners[at].clone());
    for winner in &winners {
        broke.world.register_gain(winner, BTC_PERP);
    }
    broke.world.pass(HAIRCUT_WINDOW - 1);
    (broke, winners)
}

#[test]
fn the_charge_is_a_cost_and_told() {
    let (mut broke, [first, second]) = registered();
    broke.world.pass(1);
    let event: HaircutBorne = broke.world.charge_gain(&first, BTC_PERP);
    assert_eq!((event.version, event.pool, event.portfolio), (1, broke.world.pool, first.portfolio));
    assert_eq!((event.sequence, event.time), (4, broke.world.now()));
    // 500 of 3,745 and 2,247.
    assert_eq!((event.round, event.borne.registered, event.borne.charged), (1, 0, 312_500_000));
    assert_eq!((event.gains, event.uncharged), (5_992 * DOLLAR, 2_247 * DOLLAR));
    assert_eq!(event.haircut, 187_500_000);
    let position = broke.world.portfolio(&first.portfolio).positions()[0];
    assert_eq!((position.gain, position.cost), (0, -9_995 * DOLLAR + 312_500_000));
    broke.world.charge_gain(&second, BTC_PERP);
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.round.uncharged.0, market.haircut.0), (0, 0));
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

#[test]
fn no_price_is_asked_for() {
    let (mut broke, [first, _]) = registered();
    broke.world.pass(1_000_000);
    let charge = broke.world.charge_gain_instruction(&first, perpetual(BTC_PERP));
    let sent = broke.world.succeeds(&[charge], &[]);
    println!("charge_gain {}", sent.units);
    assert!(sent.units < 10_000, "{}", sent.units);
}

mod adversary {
    use super::*;

    #[test]
    fn before_the_window_has_ended() {
        let (mut broke, [first, _]) = registered();
        let charge = broke.world.charge_gain_instruction(&first, perpetual(BTC_PERP));
        broke.world.refuses(&[charge], &[], NovateError::HaircutOpen);
    }

    #[test]
    fn twice_or_not_registered() {
        let (mut broke, [first, _]) = registered();
        broke.world.pass(1);
        broke.world.charge_gain(&first, BTC_PERP);
        let charge = broke.world.charge_gain_instruction(&first, perpetual(BTC_PERP));
        broke.world.refuses(&[charge], &[], NovateError::NoGain);
        let third = broke.winners[2].clone();
        let charge = broke.world.charge_gain_instruction(&third, perpetual(BTC_PERP));
        broke.world.refuses(&[charge], &[], NovateError::NoGain);
        let charge = broke.world.charge_gain_instruction(&broke.owner, perpetual(BTC_PERP));
        broke.world.refuses(&[charge], &[], NovateError::NoPosition);
    }

    #[test]
    fn another_market_or_pool() {
        let (mut broke, [first, _]) = registered();
        broke.world.pass(1);
        let foreign = broke.world.second_pool();
        let charge = broke.world.charge_gain_instruction(&first, perpetual(BTC_PERP));
        let eth = addresses::market(&broke.world.pool, ETH_PERP);
        broke.world.refuses(&[charge.clone().with_account(1, eth)], &[], NovateError::WrongMarket);
        let market = addresses::market(&foreign, BTC_PERP);
        broke.world.refuses(&[charge.with_account(1, market)], &[], NovateError::WrongPool);
    }
}
