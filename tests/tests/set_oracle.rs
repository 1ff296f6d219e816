use novate::events::{AssetRefreshed, OracleSet};
use novate_client::{addresses, instructions as build, Instruction, NovateError, OracleSource, Pubkey};
use novate_tests::feed::{Feed, Quote, PUSH_ORACLE};
use novate_tests::{refused, Altered, AssetSpec, World, BTC};
use solana_signer::Signer;

/// A feed of its own, and its source.
fn another(world: &mut World, usd: f64) -> (Feed, OracleSource) {
    let feed = world.issue(AssetSpec::new("XBTC", 8, usd).pushed()).feed;
    (feed, OracleSource { oracle: 2, feed: feed.address, feed_owner: PUSH_ORACLE, feed_id: [0; 32] })
}

fn set(world: &World, source: OracleSource) -> Instruction {
    build::set_oracle(world.governor.pubkey(), world.pool, BTC, source)
}

#[test]
fn the_asset_reads_the_other_feed_from_then_on() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let (feed, source) = another(&mut world, 20_100.0);
    let change = set(&world, source);
    let event: OracleSet = world.succeeds(&[change], &[&governor]).event();
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.source, event.time), (source, world.now()));
    let old = world.refresh_asset(&[BTC]);
    world.refuses(&[old], &[], NovateError::WrongFeed);
    world.pass(60);
    world.publish_at(&feed, Quote::new(20_100.0, world.now()));
    let refresh = build::refresh_asset(&world.pool, &[(BTC, feed.address)]);
    world.succeeds(&[refresh], &[]);
    assert_eq!(world.asset(BTC).price.0, 20_100 * novate_tests::PRICE);
}

#[test]
fn its_first_reading_is_held_against_what_the_old_one_said() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let (feed, source) = another(&mut world, 1_000_000.0);
    let change = set(&world, source);
    world.succeeds(&[change], &[&governor]);
    world.pass(60);
    world.publish_at(&feed, Quote::new(1_000_000.0, world.now()));
    let refresh = build::refresh_asset(&world.pool, &[(BTC, feed.address)]);
    let sent = world.succeeds(&[refresh], &[]);
    let [event] = sent.telemetry::<AssetRefreshed>().try_into().ok().unwrap();
    assert!(!event.accepted);
    assert_eq!(world.asset(BTC).price.0, 20_000 * novate_tests::PRICE);
    assert!(world.asset(BTC).guard.is_restricted(world.now()));
}

/// The default band is the whole price: 45,000 is within it once 20,000 stood for two minutes, and for a day not at all.
#[test]
fn for_a_day_no_silence_of_the_new_feed_widens_the_band() {
    for (silence, accepted) in [(3_600, false), (86_399, false), (86_400, true)] {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let (feed, source) = another(&mut world, 45_000.0);
        let change = set(&world, source);
        world.succeeds(&[change], &[&governor]);
        world.pass(silence);
        world.publish_at(&feed, Quote::new(45_000.0, world.now()));
        let refresh = build::refresh_asset(&world.pool, &[(BTC, feed.address)]);
        let sent = world.succeeds(&[refresh], &[]);
        let [event] = sent.telemetry::<AssetRefreshed>().try_into().ok().unwrap();
        assert_eq!(event.accepted, accepted, "after {silence} s");
    }
}

#[test]
fn what_is_no_source_another_pool_or_another_key() {
    let mut world = World::default();
    let (_, sound) = another(&mut world, 20_000.0);
    for source in [
        OracleSource { oracle: 0, ..sound },
        OracleSource { oracle: 3, ..sound },
        OracleSource { oracle: 1, ..sound },
        OracleSource { feed: Pubkey::default(), ..sound },
        OracleSource { feed_owner: Pubkey::default(), ..sound },
    ] {
        let set = set(&world, source);
        refused(&mut world, set, NovateError::InvalidAssetTerms);
    }
    let (other, stranger) = (world.second_pool(), world.new_wallet());
    let foreign = set(&world, sound).with_account(1, addresses::asset(&other, BTC));
    refused(&mut world, foreign, NovateError::WrongPool);
    let by = build::set_oracle(stranger.pubkey(), world.pool, BTC, sound);
    world.refuses(&[by], &[&stranger], NovateError::NotAuthority);
}
