use novate::events::MarketRefreshed;
use novate_client::{addresses, instructions as build};
use novate_margin::volatility::sigma_ceil;
use novate_margin::Ratio;
use novate_tests::{World, BTC, BTC_PERP, ETH, ETH_PERP, PRICE};

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
