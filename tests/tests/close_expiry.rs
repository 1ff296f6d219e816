use novate::events::{ExpiryClosed, VariationSettled};
use novate_client::instructions as build;
use novate_client::state::minutes_of;
use novate_client::{instrument, ID};
use novate_tests::{checker, flat, future, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE};
use solana_signer::Signer;

use crate::checking::raw;

/// A future of one BTC bought at 20,000 and fixed at 21,000; nobody is settled.
fn fixed() -> (World, i64, [Actor; 2]) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[20_000]);
    let sides = [world.trader(100_000), world.trader(100_000)];
    world.trade_legs(&sides[0], &sides[1], &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.expire_at(BTC_PERP, time, 21_000.0);
    (world, time, sides)
}

fn settled() -> (World, i64, [Actor; 2]) {
    let (mut world, time, sides) = fixed();
    for side in &sides {
        world.settle_expiry(side, BTC_PERP, time);
    }
    (world, time, sides)
}

#[track_caller]
fn check(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

#[test]
fn the_account_is_closed_and_its_rent_goes_back_to_who_paid_it() {
    let (mut world, time, _) = settled();
    let address = world.expiry_address(BTC_PERP, time);
    let governor = world.governor.pubkey();
    let (rent, had) = (world.account(&address).lamports, world.account(&governor).lamports);
    let mut expected = world.market(BTC_PERP);
    let sent = world.close_expiry(BTC_PERP, time);
    assert!(rent > 0);
    assert_eq!(world.account(&governor).lamports, had + rent);
    let account = world.account(&address);
    assert!(account.owner != ID && account.data.is_empty() && account.lamports == 0);
    expected.expiries[0] = 0;
    assert_eq!(bytemuck::bytes_of(&world.market(BTC_PERP)), bytemuck::bytes_of(&expected));
    check(&world);

    let event: ExpiryClosed = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.expiry, event.market, event.expiry_time), (address, BTC_PERP, time));
    assert_eq!((event.rounding, event.payer), (0, governor));
    println!("close_expiry: {} CU", sent.units);
}

#[test]
fn the_others_stay_in_order() {
    let (mut world, time, _) = settled();
    let [sooner, later] = [5, 9].map(|days| {
        let time = world.expiry_in(days);
        world.list_expiry(BTC_PERP, time, flat(0.5, time - world.now()));
        time
    });
    world.close_expiry(BTC_PERP, time);
    assert_eq!(world.market(BTC_PERP).listed_expiries(), [sooner, later].map(minutes_of));
    world.pass_to(later);
    world.close_expiry(BTC_PERP, later);
    assert_eq!(world.market(BTC_PERP).listed_expiries(), [minutes_of(sooner)]);
    world.close_expiry(BTC_PERP, sooner);
    assert!(world.market(BTC_PERP).listed_expiries().is_empty());
    check(&world);
}

#[test]
fn one_that_nobody_holds_needs_no_price() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[20_000]);
    let sides = [world.trader(100_000), world.trader(100_000)];
    for quantity in [CONTRACT, -CONTRACT] {
        world.trade_legs(&sides[0], &sides[1], &[future(BTC_PERP, time, quantity, 20_000 * PRICE)]);
    }
    world.pass_to(time);
    world.close_expiry(BTC_PERP, time);
    check(&world);
}

/// What was settled is owed whether its expiry is there or not.
#[test]
fn variation_outlives_the_expiry() {
    let (mut world, time, [buyer, seller]) = settled();
    let id = instrument::future(BTC_PERP, minutes_of(time));
    world.close_expiry(BTC_PERP, time);
    let before = world.health(&buyer);
    assert_eq!((before.equity, before.settled_equity), (100_990 * DOLLAR, 100_000 * DOLLAR));
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, 21_000 * PRICE)]);
    check(&world);
    for (side, amount) in [(&seller, -1_010), (&buyer, 990)] {
        // The builder names the expiry, which is gone: it is not read.
        let settle = build::settle_variation(&world.pool, side.portfolio, id, BTC);
        let event: VariationSettled = world.succeeds(&[settle], &[]).event();
        assert_eq!(event.amount, amount * DOLLAR);
        check(&world);
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::{Altered, ETH_PERP};

    const MARKET: usize = 0;
    const EXPIRY: usize = 1;
    const PAYER: usize = 2;

    #[test]
    fn while_anyone_holds_a_position() {
        let (mut world, time, sides) = fixed();
        let close = world.close_expiry_instruction(BTC_PERP, time);
        world.refuses(std::slice::from_ref(&close), &[], NovateError::OpenInterestLeft);
        // The short one is settled, the long one is open: and the other way round.
        let begun = world.svm.clone();
        world.settle_expiry(&sides[1], BTC_PERP, time);
        world.refuses(std::slice::from_ref(&close), &[], NovateError::OpenInterestLeft);
        world.svm = begun;
        world.settle_expiry(&sides[0], BTC_PERP, time);
        world.refuses(&[close], &[], NovateError::OpenInterestLeft);
    }

    #[test]
    fn without_a_price_while_anyone_holds_a_position() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[20_000]);
        let sides = [world.trader(100_000), world.trader(100_000)];
        world.trade_legs(&sides[0], &sides[1], &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
        world.pass_to(time);
        let close = world.close_expiry_instruction(BTC_PERP, time);
        world.refuses(&[close], &[], NovateError::OpenInterestLeft);
    }

    #[test]
    fn before_it_has_passed() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.pass_to(time - 1);
        let close = world.close_expiry_instruction(BTC_PERP, time);
        world.refuses(&[close], &[], NovateError::ExpiryLive);
    }

    #[test]
    fn twice() {
        let (mut world, time, _) = settled();
        let close = world.close_expiry_instruction(BTC_PERP, time);
        world.succeeds(std::slice::from_ref(&close), &[]);
        world.pass(1);
        world.refuses(&[close], &[], ErrorCode::AccountOwnedByWrongProgram);
        // Both in one transaction.
        let (mut world, time, _) = settled();
        let close = world.close_expiry_instruction(BTC_PERP, time);
        world.refuses(&[close.clone(), close], &[], ErrorCode::AccountOwnedByWrongProgram);
    }

    #[test]
    fn for_another_payer() {
        let (mut world, time, [buyer, _]) = settled();
        let close = world.close_expiry_instruction(BTC_PERP, time).with_account(PAYER, buyer.address());
        world.refuses(&[close], &[], NovateError::WrongPayer);
    }

    #[test]
    fn with_another_market_or_one_of_another_pool() {
        let (mut world, time, _) = settled();
        let other = world.second_pool();
        let close = world.close_expiry_instruction(BTC_PERP, time);
        let [eth, elsewhere] = [addresses::market(&world.pool, ETH_PERP), addresses::market(&other, BTC_PERP)];
        world.refuses(&[close.clone().with_account(MARKET, eth)], &[], NovateError::WrongMarket);
        world.refuses(&[close.clone().with_account(MARKET, elsewhere)], &[], NovateError::WrongPool);
        for at in [MARKET, EXPIRY] {
            let wrong = close.clone().with_account(at, world.pool);
            world.refuses(&[wrong], &[], ErrorCode::AccountDiscriminatorMismatch);
        }
        for at in [MARKET, EXPIRY, PAYER] {
            world.refuses(&[close.clone().read_only(at)], &[], ErrorCode::ConstraintMut);
        }
    }
}
