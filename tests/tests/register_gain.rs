use novate::events::HaircutBorne;
use novate_client::instrument::perpetual;
use novate_client::state::HAIRCUT_WINDOW;
use novate_client::{addresses, NovateError};
use novate_tests::haircut::Broke;
use novate_tests::{checker, Actor, Altered, BTC_PERP, DOLLAR, ETH_PERP};

use crate::checking::raw;

/// Where the market stands.
const MARKET: usize = 1;

/// The window is open; the first winner.
fn open() -> (Broke, Actor) {
    let mut broke = Broke::new(0);
    broke.takes(1_000_000_000, 0);
    let winner = broke.winners[0].clone();
    (broke, winner)
}

#[test]
fn a_gain_is_registered_and_told() {
    let (mut broke, winner) = open();
    let event: HaircutBorne = broke.world.register_gain(&winner, BTC_PERP);
    assert_eq!((event.version, event.pool, event.portfolio), (1, broke.world.pool, winner.portfolio));
    assert_eq!((event.sequence, event.time), (3, broke.world.now()));
    assert_eq!((event.round, event.borne.registered, event.borne.charged), (1, 3_745 * DOLLAR, 0));
    assert_eq!((event.gains, event.uncharged, event.haircut), (3_745 * DOLLAR, 3_745 * DOLLAR, 500 * DOLLAR));
    let position = broke.world.portfolio(&winner.portfolio).positions()[0];
    assert_eq!((position.gain, position.round), (3_745 * DOLLAR, 1));
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

/// Until the last second, and at the prices of the opening, however old those of now are.
#[test]
fn no_fresh_price_is_asked_for() {
    let (mut broke, winner) = open();
    broke.world.pass(HAIRCUT_WINDOW - 1);
    let sent = {
        let register = broke.world.register_gain_instruction(&winner, perpetual(BTC_PERP));
        broke.world.succeeds(&[register], &[])
    };
    println!("register_gain {}", sent.units);
    assert!(sent.units < 10_000, "{}", sent.units);
}

mod adversary {
    use super::*;

    #[test]
    fn no_haircut_stands() {
        let mut broke = Broke::new(1_000);
        let winner = broke.winners[0].clone();
        let register = broke.world.register_gain_instruction(&winner, perpetual(BTC_PERP));
        broke.world.refuses(std::slice::from_ref(&register), &[], NovateError::NoHaircut);
        broke.takes(1_000_000_000, 0);
        broke.world.refuses(&[register], &[], NovateError::NoHaircut);
    }

    #[test]
    fn after_the_window() {
        let (mut broke, winner) = open();
        broke.world.pass(HAIRCUT_WINDOW);
        let register = broke.world.register_gain_instruction(&winner, perpetual(BTC_PERP));
        broke.world.refuses(&[register], &[], NovateError::HaircutSettling);
    }

    #[test]
    fn twice() {
        let (mut broke, winner) = open();
        broke.world.register_gain(&winner, BTC_PERP);
        let register = broke.world.register_gain_instruction(&winner, perpetual(BTC_PERP));
        broke.world.refuses(&[register], &[], NovateError::GainRegistered);
    }

    #[test]
    fn who_lost_or_holds_nothing() {
        let (mut broke, winner) = open();
        let taker = broke.taker.clone();
        let register = broke.world.register_gain_instruction(&taker, perpetual(BTC_PERP));
        broke.world.refuses(&[register], &[], NovateError::GainRegistered);
        let register = broke.world.register_gain_instruction(&winner, perpetual(BTC_PERP) + 1);
        broke.world.refuses(&[register], &[], NovateError::NoPosition);
    }

    #[test]
    fn another_market_or_pool() {
        let (mut broke, winner) = open();
        let foreign = broke.world.second_pool();
        let register = broke.world.register_gain_instruction(&winner, perpetual(BTC_PERP));
        let eth = addresses::market(&broke.world.pool, ETH_PERP);
        broke.world.refuses(&[register.clone().with_account(MARKET, eth)], &[], NovateError::WrongMarket);
        let market = addresses::market(&foreign, BTC_PERP);
        broke.world.refuses(&[register.clone().with_account(MARKET, market)], &[], NovateError::WrongPool);
    }
}
