use novate::events::AuctionStarted;
use novate_client::{addresses, instructions as build, NovateError};
use novate_tests::{Actor, Failure, Sent, World, BTC, BTC_PERP, DOLLAR, PRICE, USDC};

use crate::distress::Distress;

#[test]
fn the_clock_of_the_auction_starts() {
    let Distress { mut world, owner, .. } = Distress::fallen();
    let before = world.portfolio(&owner.portfolio);
    let sent = world.start_auction(&owner);
    let after = world.portfolio(&owner.portfolio);
    assert_eq!((after.auction_start, after.sequence), (world.now(), before.sequence + 1));
    assert_eq!((after.cash, after.positions()), (before.cash, before.positions()));

    let event: AuctionStarted = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (after.sequence, world.now()));
    assert_eq!((event.equity, event.maintenance), (2_190 * DOLLAR, 2_292 * DOLLAR));
    assert_eq!((event.average_equity, event.average_maintenance), (2_190 * DOLLAR, 2_292 * DOLLAR));
    assert_eq!((event.insolvent, after.auction_insolvent), (false, 0));
}

#[test]
fn a_price_of_five_seconds_ago_is_young_enough() {
    let Distress { mut world, owner, .. } = Distress::fallen();
    world.pass(5);
    let start = world.start_auction_instruction(&owner);
    world.succeeds(&[start], &[]);
    assert_eq!(world.portfolio(&owner.portfolio).auction_start, world.now());
}

#[test]
fn an_insolvent_account_may_be_put_up_too() {
    let Distress { mut world, owner, .. } = Distress::before();
    world.price(BTC, 10_000.0);
    let event: AuctionStarted = world.start_auction(&owner).event();
    assert_eq!((event.equity, event.insolvent), (-6_910 * DOLLAR, true));
    assert_eq!(world.portfolio(&owner.portfolio).auction_insolvent, 1);
}

#[test]
fn at_an_equity_of_zero_the_auction_is_insolvent() {
    let Distress { mut world, owner, .. } = Distress::before();
    world.price(BTC, 16_910.0);
    let event: AuctionStarted = world.start_auction(&owner).event();
    assert_eq!((event.equity, event.insolvent), (0, true));
}

#[test]
fn between_solvent_and_insolvent_the_clock_starts_anew() {
    let Distress { mut world, owner, .. } = Distress::in_auction();
    // An insolvent one reserves 910 + 0.25 x 1,920; a solvent one that takes its place gives it back.
    for (usd, insolvent, reserved) in
        [(16_000.0, true, 1_390_000_000), (18_000.0, false, 0), (16_000.0, true, 1_390_000_000)]
    {
        world.pass(1_000);
        world.refresh();
        world.price(BTC, usd);
        let event: AuctionStarted = world.start_auction(&owner).event();
        assert_eq!((event.insolvent, event.reserved, world.insurance().reserved), (insolvent, reserved, reserved));
        let portfolio = world.portfolio(&owner.portfolio);
        assert_eq!((portfolio.auction_start, portfolio.auction_insolvent), (world.now(), u8::from(insolvent)));
    }
}

/// Publishes a price of BTC and, as it is, that of USDC, has both read and tries to start the auction.
fn quote_and_start(world: &mut World, owner: &Actor, usd: f64) -> Result<Sent, Failure> {
    world.price(USDC, 1.0);
    world.price(BTC, usd);
    let start = world.start_auction_instruction(owner);
    world.attempt(start, &[])
}

/// CLR-42: prices fall by 20 USD a second and are read every five; the account is below maintenance margin from 19,215.91 on.
#[test]
fn a_real_fall_starts_within_a_minute_of_the_shortfall() {
    let Distress { mut world, owner, .. } = Distress::before();
    world.pass(600);
    world.refresh();
    let (mut short, mut usd) = (None, 20_000.0);
    let waited = loop {
        world.pass(5);
        usd -= 100.0;
        let now = world.now();
        let started = quote_and_start(&mut world, &owner, usd);
        if usd < 16_910.0 / 0.88 {
            short = short.or(Some(now));
        }
        match (started, short) {
            (Ok(_), since) => break now - since.unwrap(),
            (Err(failure), None) => assert!(failure.is(NovateError::NotLiquidatable)),
            (Err(failure), Some(_)) => assert!(failure.is(NovateError::SoundOnAverage)),
        }
    };
    assert_eq!(waited, 50);
}

/// A fall at once to 18,000, where equity is 1,090 and maintenance 2,160, read every second: the average is below 19,215.91 when it
/// has gone 38 % of the way.
#[test]
fn a_fall_at_once_starts_within_half_a_minute() {
    let Distress { mut world, owner, .. } = Distress::before();
    world.pass(600);
    let began = world.now();
    while quote_and_start(&mut world, &owner, 18_000.0).is_err() {
        world.pass(1);
    }
    assert_eq!(world.now() - began, 30);
}

/// Whoever chooses one reading does not choose the auction, also after a silence of the feed; nor whether insurance pays.
#[test]
fn one_reading_decides_nothing() {
    for silence in [0, 5, 60, 600] {
        let Distress { mut world, owner, .. } = Distress::before();
        world.pass(silence);
        for usd in [18_000.0, 10_000.0] {
            let failure = quote_and_start(&mut world, &owner, usd).unwrap_err();
            assert!(failure.is(NovateError::SoundOnAverage), "{silence}");
        }
        // It stands for five seconds, and is gone.
        world.pass(5);
        let failure = quote_and_start(&mut world, &owner, 20_000.0).unwrap_err();
        assert!(failure.is(NovateError::NotLiquidatable));
        world.pass(5);
        let failure = quote_and_start(&mut world, &owner, 18_000.0).unwrap_err();
        assert!(failure.is(NovateError::SoundOnAverage));
    }
}

#[test]
fn an_account_insolvent_at_one_reading_is_put_up_as_a_solvent_one() {
    let Distress { mut world, owner, .. } = Distress::fallen();
    let event: AuctionStarted = quote_and_start(&mut world, &owner, 16_000.0).unwrap().event();
    assert_eq!((event.equity, event.average_equity), (-910 * DOLLAR, 2_190 * DOLLAR));
    assert_eq!((event.insolvent, event.reserved, world.insurance().reserved), (false, 0, 0));
}

/// Who has posted a high price for a minute and then a low one does not take the reserve of an insolvent account back.
#[test]
fn an_average_takes_no_reserve_back() {
    let Distress { mut world, owner, .. } = Distress::before();
    world.price(BTC, 16_000.0);
    world.hold();
    let event: AuctionStarted = world.start_auction(&owner).event();
    assert!(event.insolvent && event.reserved > 0);
    world.price(BTC, 18_000.0);
    world.hold();
    let refused = quote_and_start(&mut world, &owner, 16_000.0).unwrap_err();
    assert!(refused.is(novate_client::NovateError::AuctionRunning), "{:?}", refused.error);
    assert_eq!(world.insurance().reserved, event.reserved);
}

#[test]
fn every_price_counts_until_the_next() {
    let Distress { mut world, .. } = Distress::before();
    for (seconds, usd, mean) in [
        (0, 18_000.0, 20_000),
        (30, 22_000.0, 19_000),
        (20, 20_500.0, 20_000),
        (600, 30_000.0, 20_500),
        (60, 1.0, 30_000),
    ] {
        world.pass(seconds);
        world.price(BTC, usd);
        let asset = world.asset(BTC);
        assert_eq!((asset.mean.0, asset.mean_at(world.now()).unwrap().0), (mean * PRICE, mean * PRICE));
    }
    let asset = world.asset(BTC);
    let at = |seconds| asset.mean_at(world.now() + seconds).unwrap().0;
    assert_eq!([at(-10), at(30), at(60), at(6_000)], [30_000 * PRICE, 30_001 * PRICE / 2, PRICE, PRICE]);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::{Altered, AssetSpec, Builder, MarketSpec, CONTRACT};

    #[test]
    fn a_healthy_account() {
        let Distress { mut world, owner, taker, .. } = Distress::before();
        for actor in [&owner, &taker] {
            let start = world.start_auction_instruction(actor);
            world.refuses(&[start], &[], NovateError::NotLiquidatable);
        }
    }

    #[test]
    fn a_depositor_without_positions_however_concentrated() {
        let shallow = AssetSpec { depth: 1_000_000 * DOLLAR, ..AssetSpec::new("BTC", 8, 20_000.0) };
        let assets = vec![AssetSpec::new("USDC", 6, 1.0), shallow];
        let markets = vec![MarketSpec::new("BTC-PERP", BTC)];
        let mut world = Builder::default().assets(assets).markets(markets).build();
        let owner = world.actor();
        world.deposit(&owner, BTC, 10_000 * 100_000_000);
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::NotLiquidatable);
    }

    #[test]
    fn an_account_at_maintenance_margin_exactly() {
        let Distress { mut world, owner, .. } = Distress::fallen();
        world.deposit(&owner, USDC, 102 * DOLLAR as u64);
        let health = world.health(&owner);
        assert_eq!((health.equity, health.maintenance), (2_292 * DOLLAR, 2_292 * DOLLAR));
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::NotLiquidatable);
    }

    #[test]
    fn an_account_between_initial_and_maintenance_margin() {
        let Distress { mut world, owner, .. } = Distress::before();
        world.price(BTC, 19_500.0);
        let health = world.health(&owner);
        assert!(health.equity < health.initial && health.equity >= health.maintenance);
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::NotLiquidatable);
    }

    #[test]
    fn twice() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::AuctionRunning);
        let Distress { mut world, owner, .. } = Distress::before();
        world.price(BTC, 16_000.0);
        world.start_auction(&owner);
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::AuctionRunning);
    }

    #[test]
    fn at_a_price_beyond_a_smaller_limit_of_its_asset() {
        let assets = vec![AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("BTC", 8, 20_000.0).max_age(2)];
        let markets = vec![MarketSpec::new("BTC-PERP", BTC)];
        let mut world = Builder::default().assets(assets).markets(markets).build();
        let (owner, maker) = (world.trader(3_100), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        world.price(BTC, 19_100.0);
        world.pass(3);
        // It is stale, and at the edge that favours the owner the account is sound.
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::NotLiquidatable);
    }

    #[test]
    fn at_a_price_of_six_seconds_ago() {
        let Distress { mut world, owner, .. } = Distress::fallen();
        world.pass(6);
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::PriceStale);
    }

    #[test]
    fn at_a_fresh_price_beside_a_stale_one() {
        let Distress { mut world, owner, .. } = Distress::fallen();
        world.pass(6);
        world.price(BTC, 19_100.0);
        let start = world.start_auction_instruction(&owner);
        world.refuses(&[start], &[], NovateError::PriceStale);
    }

    #[test]
    fn with_an_incomplete_list() {
        let Distress { mut world, owner, .. } = Distress::fallen();
        let start = world.start_auction_instruction(&owner);
        let missing = [NovateError::AssetMissing, NovateError::AssetMissing, NovateError::MarketMissing];
        for (at, error) in missing.into_iter().enumerate() {
            world.refuses(&[start.clone().without_account(6 + at)], &[], error);
        }
    }

    #[test]
    fn under_another_pool() {
        let Distress { mut world, owner, .. } = Distress::fallen();
        let other = world.second_pool();
        let scenarios = addresses::scenarios(&other, 1);
        world.price(BTC, 19_100.0);
        let start = world.start_auction_instruction(&owner);
        for (wrong, error) in [
            (start.clone().with_account(1, scenarios), NovateError::WrongScenarios),
            (start.clone().with_account(0, other).with_account(1, scenarios), NovateError::WrongPool),
            (start.clone().with_account(7, addresses::asset(&other, BTC)), NovateError::WrongPool),
            (start.clone().with_account(8, addresses::market(&other, BTC_PERP)), NovateError::WrongPool),
        ] {
            world.refuses(&[wrong], &[], error);
        }
    }

    #[test]
    fn what_is_no_portfolio() {
        let Distress { mut world, owner, .. } = Distress::fallen();
        let start = world.start_auction_instruction(&owner);
        let asset = addresses::asset(&world.pool, BTC);
        world.refuses(&[start.with_account(2, asset)], &[], ErrorCode::AccountDiscriminatorMismatch);
        let closed = world.actor();
        let start = world.start_auction_instruction(&closed);
        world.succeeds(&[build::close_portfolio(closed.address(), world.pool, 0)], &[&closed.key]);
        world.refuses(&[start], &[], ErrorCode::AccountDiscriminatorMismatch);
    }
}
