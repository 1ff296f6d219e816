use novate::events::ExpiryFixed;
use novate_tests::feed::Quote;
use novate_tests::{Builder, MarketSpec, World, BTC, BTC_PERP, ETH, PRICE};

/// An expiry of BTC a day or more away, and the window before it sampled at 21,000.
fn sampled() -> (World, i64) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[20_000]);
    world.listings[usize::from(BTC)].usd = 21_000.0;
    world.sample_through(&[BTC], time);
    (world, time)
}

#[test]
fn the_price_of_the_window_becomes_the_settlement_price() {
    let (mut world, time) = sampled();
    let before = world.expiry(BTC_PERP, time);
    let sent = world.fix(BTC_PERP, time);
    let mut expected = before;
    expected.settlement_price.0 = 21_000 * PRICE;
    assert_eq!(bytemuck::bytes_of(&world.expiry(BTC_PERP, time)), bytemuck::bytes_of(&expected));
    let event: ExpiryFixed = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.expiry, event.market), (world.expiry_address(BTC_PERP, time), BTC_PERP));
    assert_eq!((event.expiry_time, event.price), (time, 21_000 * PRICE));
    println!("fix_expiry: {} CU", sent.units);
}

#[test]
fn one_window_serves_every_market_of_the_asset_for_a_day() {
    let markets = vec![MarketSpec::new("BTC-PERP", BTC), MarketSpec::new("BTC2-PERP", BTC)];
    let mut world = Builder::default().markets(markets).build();
    let time = world.chain(0, 1, 0.5, &[]);
    world.chain(1, 1, 0.5, &[]);
    world.sample_through(&[BTC], time);
    world.fix(0, time);
    world.pass_to(time + 86_399);
    world.fix(1, time);
    assert_eq!(world.expiry(0, time).settlement_price, world.expiry(1, time).settlement_price);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    #[test]
    fn before_the_asset_has_fixed_a_price() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.pass_to(time);
        world.refresh();
        let fix = world.fix_instruction(BTC_PERP, time);
        world.refuses(&[fix], &[], NovateError::NotFixed);
    }

    /// The oracle's clock may be ahead: what still trades gets no settlement price.
    #[test]
    fn before_expiry_by_the_clock() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        for sampled in (time - 1_800..=time).step_by(60) {
            world.pass_to(sampled - 5);
            world.publish(BTC, Quote::new(20_000.0, sampled));
            let refresh = world.refresh_asset(&[BTC]);
            world.succeeds(&[refresh], &[]);
        }
        assert_eq!((world.asset(BTC).window.fixed_time, world.now()), (time, time - 5));
        let fix = world.fix_instruction(BTC_PERP, time);
        world.pass(4);
        world.refuses(std::slice::from_ref(&fix), &[], NovateError::ExpiryLive);
        world.pass(1);
        world.succeeds(&[fix], &[]);
    }

    #[test]
    fn twice() {
        let (mut world, time) = sampled();
        world.fix(BTC_PERP, time);
        world.pass(1);
        let fix = world.fix_instruction(BTC_PERP, time);
        world.refuses(&[fix], &[], NovateError::AlreadyFixed);
    }

    #[test]
    fn with_the_price_of_another_day() {
        let (mut world, time) = sampled();
        world.sample_through(&[BTC], time + 86_400);
        let fix = world.fix_instruction(BTC_PERP, time);
        world.refuses(&[fix], &[], NovateError::NotFixed);
    }

    #[test]
    fn another_asset_or_one_of_another_pool() {
        let (mut world, time) = sampled();
        let other = world.second_pool();
        let fix = world.fix_instruction(BTC_PERP, time);
        let [eth, elsewhere] = [addresses::asset(&world.pool, ETH), addresses::asset(&other, BTC)];
        world.refuses(&[fix.clone().with_account(1, eth)], &[], NovateError::WrongUnderlying);
        world.refuses(&[fix.with_account(1, elsewhere)], &[], NovateError::WrongPool);
    }

    #[test]
    fn accounts_of_another_kind_or_read_only() {
        let (mut world, time) = sampled();
        let fix = world.fix_instruction(BTC_PERP, time);
        for at in 0..2 {
            let wrong = fix.clone().with_account(at, world.pool);
            world.refuses(&[wrong], &[], ErrorCode::AccountDiscriminatorMismatch);
        }
        world.refuses(&[fix.read_only(0)], &[], ErrorCode::ConstraintMut);
    }
}
