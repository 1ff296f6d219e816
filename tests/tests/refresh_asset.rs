use novate::events::AssetRefreshed;
use novate_client::{addresses, instructions as build, AccountMeta};
use novate_margin::volatility::{ewma, scan_range, Decay};
use novate_margin::{Price, Ratio, Seconds, Variance};
use novate_tests::feed::{Feed, Quote};
use novate_tests::{World, BTC, ETH, GOLD, PRICE, SOL};

#[test]
fn an_update_is_taken_in() {
    let mut world = World::default();
    world.pass(30);
    let now = world.now();
    world.publish(BTC, Quote::new(21_000.5, now - 7).with_confidence(0.001));
    let refresh = world.refresh_asset(&[BTC]);
    let sent = world.succeeds(&[refresh], &[]);

    let asset = world.asset(BTC);
    assert_eq!((asset.price.0, asset.confidence.0), (21_000_500_000_000, 21_000_500_000));
    assert_eq!(asset.publish_time, now - 7);
    assert_eq!((asset.scan_range.0, asset.haircut.0), (150_000, 100_000));

    let [event] = sent.telemetry::<AssetRefreshed>().try_into().ok().unwrap();
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.price, event.confidence, event.publish_time), (asset.price.0, asset.confidence.0, now - 7));
    assert_eq!((event.scan_range, event.haircut), (asset.scan_range.0, asset.haircut.0));
}

#[test]
fn a_push_account_is_taken_in() {
    let mut world = World::default();
    world.pass(5);
    let now = world.now();
    world.publish(ETH, Quote::new(1_600.25, now).with_confidence(0.002));
    let refresh = world.refresh_asset(&[ETH]);
    world.succeeds(&[refresh], &[]);
    let asset = world.asset(ETH);
    assert_eq!((asset.price.0, asset.confidence.0), (1_600_250_000_000, 3_200_500_000));
    assert_eq!(asset.publish_time, now);
}

#[test]
fn several_assets_are_refreshed_in_one_instruction() {
    let mut world = World::default();
    world.pass(10);
    let now = world.now();
    for asset in [BTC, ETH, GOLD] {
        world.publish(asset, Quote::new(90.0 + f64::from(asset), now));
    }
    let refresh = world.refresh_asset(&[BTC, ETH, GOLD]);
    let sent = world.succeeds(&[refresh], &[]);
    assert_eq!(sent.telemetry::<AssetRefreshed>().iter().map(|e| e.asset).collect::<Vec<_>>(), [BTC, ETH, GOLD]);
    for asset in [BTC, ETH, GOLD] {
        assert_eq!(world.asset(asset).price.0, (90 + i64::from(asset)) * PRICE);
    }
}

#[test]
fn a_posted_update_may_lie_in_any_account_of_the_receiver() {
    let mut world = World::default();
    world.pass(1);
    let (now, address) = (world.now(), world.new_address());
    let feed = Feed { address, ..world.listing(SOL).feed };
    world.publish_at(&feed, Quote::new(31.0, now));
    world.succeeds(&[build::refresh_asset(&world.pool, &[(SOL, address)])], &[]);
    assert_eq!(world.asset(SOL).price.0, 31 * PRICE);
}

#[test]
fn a_price_is_rounded_down_and_its_confidence_up_to_the_last_digit() {
    let mut world = World::default();
    world.pass(1);
    let quote = Quote { price: 23_456_789_012_345, confidence: 1, exponent: -12, ..Quote::new(1.0, world.now()) };
    world.publish(GOLD, quote);
    let refresh = world.refresh_asset(&[GOLD]);
    world.succeeds(&[refresh], &[]);
    assert_eq!((world.asset(GOLD).price.0, world.asset(GOLD).confidence.0), (23_456_789_012, 1));
}

#[test]
fn the_same_publish_time_is_not_older() {
    let mut world = World::default();
    let now = world.now();
    world.publish(BTC, Quote::new(20_001.0, now));
    let refresh = world.refresh_asset(&[BTC]);
    world.succeeds(&[refresh], &[]);
    assert_eq!(world.asset(BTC).price.0, 20_001 * PRICE);
}

#[test]
fn up_to_ten_seconds_ahead_of_the_clock_is_no_future() {
    let mut world = World::default();
    let ahead = world.now() + 10;
    world.publish(BTC, Quote::new(20_001.0, ahead));
    let refresh = world.refresh_asset(&[BTC]);
    world.succeeds(&[refresh], &[]);
    assert_eq!(world.asset(BTC).publish_time, ahead);
}

#[test]
fn an_hour_later_the_variances_take_a_sample() {
    let mut world = World::default();
    let before = world.asset(BTC);
    assert_eq!((before.variance_fast, before.sample_price), (Variance(0), Price(20_000 * PRICE)));
    world.pass(7_200);
    world.price(BTC, 26_000.0);

    let asset = world.asset(BTC);
    let expected = |decay| ewma(Variance(0), before.price, asset.price, Seconds(7_200), decay).unwrap();
    assert_eq!(asset.variance_fast, expected(Decay::Fast));
    assert_eq!(asset.variance_slow, expected(Decay::Slow));
    assert!(asset.variance_fast.0 > 0);
    assert_eq!((asset.sample_price, asset.sample_time), (asset.price, world.now()));
    assert_eq!(asset.scan_range, scan_range(asset.variance_fast, asset.variance_slow, Ratio(150_000)));
    assert!(asset.scan_range > before.scan_range);
}

#[test]
fn before_the_hour_is_over_no_sample_is_taken() {
    let mut world = World::default();
    let before = world.asset(BTC);
    world.pass(3_599);
    world.price(BTC, 26_000.0);
    let asset = world.asset(BTC);
    assert_eq!((asset.variance_fast, asset.sample_time), (before.variance_fast, before.sample_time));
}

#[test]
fn a_price_older_than_five_seconds_is_no_sample() {
    let mut world = World::default();
    let before = world.asset(BTC);
    world.pass(7_200);
    let now = world.now();
    world.publish(BTC, Quote::new(26_000.0, now - 6));
    let refresh = world.refresh_asset(&[BTC]);
    world.succeeds(&[refresh], &[]);
    let asset = world.asset(BTC);
    assert_eq!((asset.variance_fast, asset.sample_time), (before.variance_fast, before.sample_time));
    assert_eq!(asset.price.0, 26_000 * PRICE);
}

mod adversary {
    use super::*;
    use novate_client::{NovateError, Pubkey};
    use novate_tests::Altered;

    /// A quote that the program must not take in, in place of BTC's (an update) and of ETH's (a push account).
    #[track_caller]
    fn refused(quote: impl Fn(Quote) -> Quote, error: [NovateError; 2]) {
        for (asset, error) in [BTC, ETH].into_iter().zip(error) {
            let mut world = World::default();
            world.pass(30);
            let sound = Quote::new(world.listing(asset).usd, world.now());
            world.publish(asset, quote(sound));
            let refresh = world.refresh_asset(&[asset]);
            world.refuses(&[refresh], &[], error);
        }
    }

    #[test]
    fn unverified_or_halted() {
        refused(|q| Quote { valid: false, ..q }, [NovateError::NotFullyVerified, NovateError::FeedNotTrading]);
    }

    #[test]
    fn zero_negative_or_beyond_the_range_of_a_price() {
        for price in [0, -1, i64::MIN] {
            refused(|q| Quote { price, ..q }, [NovateError::PriceNotPositive; 2]);
        }
        for exponent in [1, 10, 40, i32::MAX] {
            refused(|q| Quote { price: i64::MAX, exponent, ..q }, [NovateError::PriceNotPositive; 2]);
        }
        for exponent in [-30, -60, i32::MIN] {
            refused(|q| Quote { exponent, ..q }, [NovateError::PriceNotPositive; 2]);
        }
    }

    #[test]
    fn confidence_wider_than_its_limit() {
        refused(|q| q.with_confidence(0.010_001), [NovateError::ConfidenceTooWide; 2]);
    }

    #[test]
    fn confidence_beyond_the_range_of_a_price() {
        refused(|q| Quote { confidence: u64::MAX, ..q }, [NovateError::PriceNotPositive; 2]);
    }

    #[test]
    fn older_than_its_limit() {
        let mut world = World::default();
        world.pass(100);
        for asset in [BTC, ETH] {
            let now = world.now();
            world.publish(asset, Quote::new(10.0, now - 61));
            let refresh = world.refresh_asset(&[asset]);
            world.refuses(&[refresh], &[], NovateError::PriceStale);
            world.publish(asset, Quote::new(10.0, now - 60));
            let refresh = world.refresh_asset(&[asset]);
            world.succeeds(&[refresh], &[]);
        }
    }

    #[test]
    fn older_than_the_last_accepted() {
        refused(|q| Quote { publish_time: q.publish_time - 31, ..q }, [NovateError::PriceOlder; 2]);
    }

    #[test]
    fn from_the_future() {
        for ahead in [11, i64::MAX / 2] {
            refused(|q| Quote { publish_time: q.publish_time + ahead, ..q }, [NovateError::PriceFromFuture; 2]);
        }
    }

    #[test]
    fn a_publish_time_at_the_beginning_of_all_time() {
        refused(|q| Quote { publish_time: i64::MIN + 1, ..q }, [NovateError::PriceStale; 2]);
    }

    #[test]
    fn the_update_of_another_feed() {
        let mut world = World::default();
        let now = world.now();
        let feed = Feed { id: [9; 32], ..world.listing(BTC).feed };
        world.publish_at(&feed, Quote::new(20_000.0, now));
        let refresh = world.refresh_asset(&[BTC]);
        world.refuses(&[refresh], &[], NovateError::WrongFeedId);
    }

    #[test]
    fn another_account_than_the_configured() {
        let mut world = World::default();
        let (now, address) = (world.now(), world.new_address());
        for asset in [BTC, ETH] {
            let feed = Feed { address, ..world.listing(asset).feed };
            world.publish_at(&feed, Quote::new(1.0, now));
            let refresh = build::refresh_asset(&world.pool, &[(asset, address)]);
            world.refuses(&[refresh], &[], NovateError::WrongFeed);
        }
    }

    #[test]
    fn an_account_of_another_program() {
        let mut world = World::default();
        let (now, owner) = (world.now(), world.new_address());
        for asset in [BTC, ETH, SOL] {
            let feed = Feed { owner, ..world.listing(asset).feed };
            world.publish_at(&feed, Quote::new(1.0, now));
            let refresh = world.refresh_asset(&[asset]);
            world.refuses(&[refresh], &[], NovateError::WrongFeedOwner);
        }
    }

    #[test]
    fn an_account_of_another_layout() {
        let mut world = World::default();
        for asset in [BTC, ETH] {
            let feed = world.listing(asset).feed;
            let sound = world.account(&feed.address);
            let mut changed = sound.clone();
            changed.data[0] ^= 1;
            let mut short = sound.clone();
            short.data.truncate(100);
            let mut empty = sound.clone();
            empty.data.clear();
            for account in [changed, short, empty] {
                world.svm.set_account(feed.address, account).unwrap();
                let refresh = world.refresh_asset(&[asset]);
                world.refuses(&[refresh], &[], NovateError::MalformedFeed);
            }
        }
    }

    #[test]
    fn a_feed_of_the_other_layout_is_no_feed() {
        let mut world = World::default();
        let now = world.now();
        let (update, push) = (world.listing(BTC).feed, world.listing(ETH).feed);
        let sound = Quote::new(1.0, now);
        for (feed, layout) in [(update, push.layout), (push, update.layout)] {
            let data = sound.encode(&Feed { layout, ..feed });
            let account = solana_account::Account { data, ..world.account(&feed.address) };
            world.svm.set_account(feed.address, account).unwrap();
        }
        for asset in [BTC, ETH] {
            let refresh = world.refresh_asset(&[asset]);
            world.refuses(&[refresh], &[], NovateError::MalformedFeed);
        }
    }

    #[test]
    fn accounts_that_are_no_pairs() {
        let mut world = World::default();
        let refresh = world.refresh_asset(&[BTC, ETH]);
        world.refuses(&[refresh.clone().without_account(3)], &[], NovateError::UnpairedFeeds);
        world.refuses(&[world.refresh_asset(&[])], &[], NovateError::UnpairedFeeds);
    }

    #[test]
    fn an_asset_that_is_not_writable() {
        let mut world = World::default();
        let refresh = world.refresh_asset(&[BTC]).read_only(0);
        world.refuses(&[refresh], &[], NovateError::NotWritable);
    }

    #[test]
    fn an_account_that_is_no_asset() {
        let mut world = World::default();
        let refresh = world.refresh_asset(&[BTC]);
        let market = addresses::market(&world.pool, 0);
        world.refuses(&[refresh.clone().with_account(0, market)], &[], NovateError::UnexpectedAccount);
        let foreign: Pubkey = world.listing(BTC).token.mint;
        world.refuses(&[refresh.with_account(0, foreign)], &[], NovateError::WrongOwner);
    }

    #[test]
    fn one_refused_reading_fails_them_all() {
        let mut world = World::default();
        world.pass(61);
        let now = world.now();
        world.publish(BTC, Quote::new(21_000.0, now));
        let refresh = world.refresh_asset(&[BTC, ETH]);
        world.refuses(&[refresh], &[], NovateError::PriceStale);
    }

    #[test]
    fn a_stale_price_is_refused_however_often_the_asset_is_listed() {
        let mut world = World::default();
        world.pass(5);
        let now = world.now();
        world.publish(BTC, Quote::new(21_000.0, now));
        let mut refresh = world.refresh_asset(&[BTC, BTC]);
        refresh.accounts.push(AccountMeta::new(addresses::asset(&world.pool, ETH), false));
        world.refuses(&[refresh], &[], NovateError::UnpairedFeeds);
    }
}
