use novate::events::MarketRefreshed;
use novate_client::{addresses, instructions as build};
use novate_margin::volatility::sigma_ceil;
use novate_margin::Ratio;
use novate_tests::{perpetual, World, BTC, BTC_PERP, ETH, ETH_PERP, PRICE};

#[test]
fn index_and_mark_are_recorded() {
    let mut world = World::default();
    let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC), (ETH_PERP, ETH)]);
    let sent = world.succeeds(&[refresh], &[]);
    for (market, usd) in [(BTC_PERP, 20_000), (ETH_PERP, 1_500)] {
        let market = world.market(market);
        assert_eq!((market.mark.0, market.index_price.0), (usd * PRICE, usd * PRICE));
        assert_eq!((market.refreshed, market.initial_multiplier), (world.now(), Ratio::ONE));
    }
    let events = sent.telemetry::<MarketRefreshed>();
    assert_eq!(events.iter().map(|e| (e.version, e.market)).collect::<Vec<_>>(), [(1, BTC_PERP), (1, ETH_PERP)]);
    assert_eq!((events[0].pool, events[0].mark), (world.pool, 20_000 * PRICE));
    assert_eq!(events[1].initial_multiplier, 1_000_000);
}

#[test]
fn volatility_above_the_limit_raises_the_initial_multiplier() {
    let mut world = World::default();
    world.pass(3_600);
    world.price(BTC, 50_000.0);
    world.succeeds(&[build::refresh_market(&world.pool, &[(BTC_PERP, BTC)])], &[]);
    let asset = world.asset(BTC);
    let sigma = sigma_ceil(asset.variance_fast.max(asset.variance_slow)).0;
    let limit = world.market(BTC_PERP).sigma_limit.0;
    let expected = (sigma * 1_000_000 + limit - 1) / limit;
    assert!(expected > 1_000_000 && expected < 3_000_000, "{expected}");
    assert_eq!(world.market(BTC_PERP).initial_multiplier.0, expected);
}

#[test]
fn the_initial_multiplier_is_three_at_most() {
    let mut world = World::default();
    world.pass(3_600);
    world.price(BTC, 100_000.0);
    world.succeeds(&[build::refresh_market(&world.pool, &[(BTC_PERP, BTC)])], &[]);
    assert_eq!(world.market(BTC_PERP).initial_multiplier.0, 3_000_000);
}

#[test]
fn funding_accrues_and_the_premium_follows_its_median() {
    let mut world = World::default();
    let venues = world.venues(3);
    world.dwell(&venues, BTC_PERP, 4_000, 600);
    for seconds in [1, 30, 60, 200, 4_000, 10_000] {
        world.pass(seconds);
        world.price(BTC, 20_000.0 + seconds as f64);
        let mut expected = world.market(BTC_PERP);
        perpetual::refresh(&mut expected, world.asset(BTC).price.0, world.now());
        let event = &world.refresh_market(BTC_PERP).telemetry::<MarketRefreshed>()[0];
        let market = world.market(BTC_PERP);
        expected.initial_multiplier = market.initial_multiplier;
        assert_eq!(bytemuck::bytes_of(&market), bytemuck::bytes_of(&expected));
        assert_eq!((event.mark, event.premium, event.funding), (market.mark.0, market.premium.0, market.funding.0));
    }
    let market = world.market(BTC_PERP);
    assert_eq!((market.premium_exact, market.premium_average), (0, 0));
    assert!(market.funding.0 > 0);
}

#[test]
fn a_market_twice_is_refreshed_once() {
    let mut world = World::default();
    let venues = world.venues(3);
    world.dwell(&venues, BTC_PERP, 4_000, 600);
    world.pass(30);
    let mut expected = world.market(BTC_PERP);
    perpetual::refresh(&mut expected, 20_000 * PRICE, world.now());
    world.succeeds(&[build::refresh_market(&world.pool, &[(BTC_PERP, BTC); 3])], &[]);
    assert_eq!(bytemuck::bytes_of(&world.market(BTC_PERP)), bytemuck::bytes_of(&expected));
}

mod adversary {
    use super::*;
    use novate_client::NovateError;
    use novate_tests::{Altered, Builder};

    #[test]
    fn the_asset_must_be_the_markets() {
        let mut world = World::default();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, ETH)]);
        world.refuses(&[refresh], &[], NovateError::WrongUnderlying);
    }

    #[test]
    fn the_asset_must_be_of_the_markets_pool() {
        let mut world = World::default();
        let other = world.second_pool();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        let refresh = refresh.with_account(1, addresses::asset(&other, BTC));
        world.refuses(&[refresh], &[], NovateError::WrongPool);
    }

    #[test]
    fn the_price_must_be_fresh() {
        let mut world = World::default();
        world.pass(61);
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        world.refuses(&[refresh], &[], NovateError::PriceStale);
    }

    #[test]
    fn there_must_be_a_price() {
        let mut world = Builder::default().unpriced().build();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        world.refuses(&[refresh], &[], NovateError::PriceMissing);
    }

    #[test]
    fn accounts_that_are_no_pairs() {
        let mut world = World::default();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        world.refuses(&[refresh.without_account(1)], &[], NovateError::UnpairedMarkets);
        let none = build::refresh_market(&world.pool, &[]);
        world.refuses(&[none], &[], NovateError::UnpairedMarkets);
    }

    #[test]
    fn a_market_that_is_not_writable() {
        let mut world = World::default();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        world.refuses(&[refresh.read_only(0)], &[], NovateError::NotWritable);
    }

    #[test]
    fn accounts_of_another_kind_or_program() {
        let mut world = World::default();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        world.refuses(&[refresh.clone().swapped(0, 1)], &[], NovateError::UnexpectedAccount);
        let foreign = world.listing(BTC).token.mint;
        world.refuses(&[refresh.clone().with_account(0, foreign)], &[], NovateError::WrongOwner);
        world.refuses(&[refresh.with_account(1, foreign)], &[], NovateError::WrongOwner);
    }
}
