use novate::events::MidReported;
use novate_client::state::{Market, Mid, MAX_MIDS};
use novate_tests::{perpetual, World, BTC, BTC_PERP, ETH_PERP, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// Of BTC at 20,000.
const INDEX: i64 = 20_000 * PRICE;
/// A millionth, as premiums count.
const PPM: i64 = 1_000_000;

fn world(venues: usize) -> (World, Vec<Keypair>) {
    let mut world = World::default();
    let venues = world.venues(venues);
    (world, venues)
}

fn btc(world: &World) -> Market {
    world.market(BTC_PERP)
}

/// One report of each venue, at these premiums in 1e-6.
fn report_all(world: &mut World, venues: &[Keypair], premiums: &[i64]) {
    for (venue, premium) in venues.iter().zip(premiums) {
        world.report_at(&[venue.insecure_clone()], BTC_PERP, *premium);
    }
}

/// The median that the venues' reports leave behind, in 1e-6.
fn median_of(premiums: &[i64]) -> i64 {
    let (mut world, venues) = world(premiums.len());
    report_all(&mut world, &venues, premiums);
    assert_eq!(btc(&world).premium_target % (PPM / 2), 0);
    btc(&world).premium_target / PPM
}

#[test]
fn a_report_takes_a_seat_with_its_premium_and_time() {
    let (mut world, venues) = world(2);
    let sent = world.report(&venues[1], BTC_PERP, 20_030 * PRICE);
    let market = btc(&world);
    let mid = Mid { time: world.now(), premium: 1_500 * PPM, venue: 1, ..Mid::default() };
    assert_eq!((market.mids[0], market.mids[1]), (mid, Mid::default()));
    assert_eq!((market.premium.0, market.premium_target), (0, 0));
    assert_eq!((market.index_price.0, market.mark.0, market.refreshed), (INDEX, INDEX, world.now()));
    let events = sent.telemetry::<MidReported>();
    assert_eq!((events.len(), sent.event_count()), (1, 0));
    let event = &events[0];
    assert_eq!((event.version, event.pool, event.market, event.venue), (1, world.pool, BTC_PERP, 1));
    assert_eq!((event.mid, event.mark, event.premium, event.funding), (20_030 * PRICE, INDEX, 0, 0));
    assert_eq!(world.market(ETH_PERP).mids, [Mid::default(); MAX_MIDS]);
}

#[test]
fn a_report_takes_the_place_of_the_venues_last_one() {
    let (mut world, venues) = world(3);
    report_all(&mut world, &venues, &[1_000, 2_000, 3_000]);
    world.pass(7);
    world.report(&venues[1], BTC_PERP, INDEX - 20 * PRICE);
    let market = btc(&world);
    assert_eq!(market.mids.map(|m| m.premium / PPM)[..4], [1_000, -1_000, 3_000, 0]);
    assert_eq!(market.mids.map(|m| m.time)[..4], [world.now() - 7, world.now(), world.now() - 7, 0]);
    // Sent once more it is a report like any other, and counts anew.
    world.pass(1);
    world.report(&venues[1], BTC_PERP, INDEX - 20 * PRICE);
    assert_eq!(btc(&world).mids[1].time, world.now());
}

#[test]
fn the_median_of_three_four_and_five() {
    assert_eq!(median_of(&[3_000, 1_000, 2_000]), 2_000);
    assert_eq!(median_of(&[3_000, 1_000, 2_000, -500]), 1_500);
    assert_eq!(median_of(&[-3_000, 1_000, 2_000, -500, -600]), -500);
    assert_eq!(median_of(&[100, 100, 100, 4_000, -4_000, 100, 100, 100]), 100);
}

#[test]
fn an_outlier_moves_nothing() {
    assert_eq!(median_of(&[1_000, 1_100, 4_999]), median_of(&[1_000, 1_100, 1_200]));
    assert_eq!(median_of(&[1_000, 1_100, -4_999, -4_999]), -1_999);
}

#[test]
fn two_are_too_few() {
    assert_eq!((median_of(&[1_000]), median_of(&[1_000, 2_000])), (0, 0));
}

#[test]
fn a_premium_is_bounded_however_far_the_mid_is() {
    let (mut world, venues) = world(4);
    for (venue, mid) in venues.iter().zip([1, i64::MAX, INDEX + INDEX / 200, INDEX / 1_000 * 994]) {
        world.report(venue, BTC_PERP, mid);
    }
    let premiums = btc(&world).mids.map(|m| m.premium / PPM);
    assert_eq!(premiums[..4], [-5_000, 5_000, 5_000, -5_000]);
    assert_eq!(btc(&world).premium_target, 0);
}

#[test]
fn the_premium_follows_the_median_of_the_time_before() {
    let (mut world, venues) = world(3);
    report_all(&mut world, &venues, &[3_000; 3]);
    assert_eq!(btc(&world).premium.0, 0);
    // The new median does not count for the time behind it.
    world.pass(30);
    report_all(&mut world, &venues, &[-3_000; 3]);
    assert_eq!(btc(&world).premium_exact, 3_000 * PPM * 30 / 1_800);
    assert_eq!((btc(&world).premium.0, btc(&world).premium_target), (50, -3_000 * PPM));
    assert_eq!(btc(&world).mark.0, INDEX + PRICE);
    // Again within the same second: nothing moves.
    world.refresh_market(BTC_PERP);
    report_all(&mut world, &venues, &[4_000; 3]);
    assert_eq!(btc(&world).premium.0, 50);
    world.pass(18);
    world.refresh_market(BTC_PERP);
    assert_eq!(btc(&world).premium_exact, 50 * PPM + (4_000 - 50) * PPM / 100);
}

#[test]
fn the_premium_comes_close_to_the_median_and_never_beyond_it() {
    let (mut world, venues) = world(3);
    let mut exact = 0f64;
    for _ in 0..240 {
        report_all(&mut world, &venues, &[9_000; 3]);
        assert!((btc(&world).premium_exact as f64 - exact * 1e12).abs() < 1e3, "{exact}");
        world.pass(30);
        world.refresh();
        exact += (0.005 - exact) * 30.0 / 1_800.0;
    }
    assert!(exact > 0.0049, "{exact}");
    assert!((4_900..=5_000).contains(&btc(&world).premium.0));
    assert_eq!(btc(&world).mark.0, perpetual::mark(&btc(&world), INDEX));
}

#[test]
fn with_fewer_than_three_it_decays() {
    let (mut world, venues) = world(3);
    world.dwell(&venues, BTC_PERP, 4_000, 900);
    let mut exact = btc(&world).premium_exact;
    assert!(exact > 1_500 * PPM, "{exact}");
    // Mids count for sixty seconds; then two venues go on, which is not enough.
    world.pass(61);
    world.refresh();
    world.report_at(&venues[..2], BTC_PERP, 4_000);
    exact += (4_000 * PPM - exact) * 60 / 1_800;
    exact -= exact / 1_800;
    assert_eq!((btc(&world).premium_exact, btc(&world).premium_target), (exact, 0));
    for _ in 0..10 {
        world.pass(30);
        world.refresh();
        world.report_at(&venues[..2], BTC_PERP, 4_000);
        exact -= exact * 30 / 1_800;
        assert_eq!(btc(&world).premium_exact, exact);
    }
    assert!(exact > 0);
    world.pass(1_800 + 60);
    world.refresh();
    world.refresh_market(BTC_PERP);
    assert_eq!((btc(&world).premium_exact, btc(&world).mark.0), (0, INDEX));
}

#[test]
fn a_mid_counts_for_sixty_seconds() {
    let (mut world, venues) = world(4);
    report_all(&mut world, &venues, &[1_000]);
    world.pass(40);
    report_all(&mut world, &venues[1..], &[2_000, 3_000, 4_000]);
    for (seconds, median) in [(20, 2_500), (1, 3_000), (39, 3_000), (1, 0)] {
        world.pass(seconds);
        world.refresh();
        world.refresh_market(BTC_PERP);
        assert_eq!(btc(&world).premium_target, median * PPM);
    }
}

#[test]
fn where_nobody_calls_a_median_holds_for_a_minute() {
    let (mut world, venues) = world(3);
    report_all(&mut world, &venues, &[3_600; 3]);
    world.pass(60 + 180);
    world.refresh();
    world.refresh_market(BTC_PERP);
    let drawn = 3_600 * PPM * 60 / 1_800;
    assert_eq!(btc(&world).premium_exact, drawn - drawn * 180 / 1_800);
}

#[test]
fn a_clock_that_goes_backwards_moves_nothing() {
    let (mut world, venues) = world(3);
    report_all(&mut world, &venues, &[3_000; 3]);
    world.pass(30);
    world.refresh_market(BTC_PERP);
    let before = btc(&world);
    world.pass(-20);
    world.refresh_market(BTC_PERP);
    let after = btc(&world);
    assert_eq!((after.premium_exact, after.refreshed), (before.premium_exact, before.refreshed));
    // Nor does the time that comes a second time.
    world.pass(20);
    world.refresh_market(BTC_PERP);
    assert_eq!(btc(&world).premium_exact, before.premium_exact);
}

#[test]
fn a_ninth_venue_waits_for_a_seat() {
    let (mut world, venues) = world(9);
    report_all(&mut world, &venues[..8], &[1_000; 8]);
    let report = world.report_instruction(&venues[8].pubkey(), BTC_PERP, INDEX);
    world.pass(30);
    report_all(&mut world, &venues[1..8], &[1_000; 7]);
    world.pass(30);
    world.refuses(std::slice::from_ref(&report), &[&venues[8]], novate_client::NovateError::MidsFull);
    world.pass(1);
    world.refresh();
    world.succeeds(&[report], &[&venues[8]]);
    let seats = btc(&world).mids.map(|m| m.venue);
    assert_eq!(seats, [8, 1, 2, 3, 4, 5, 6, 7]);
    let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
    world.refuses(&[report], &[&venues[0]], novate_client::NovateError::MidsFull);
}

#[test]
fn a_market_is_what_the_rules_work_out() {
    let (mut world, venues) = world(8);
    let mut chance = novate_tests::Chance::new(7);
    let mut latest = world.now();
    for _ in 0..150 {
        let seconds = *chance.pick(&[0, 1, 5, 20, 45, 61, 700, 4_000, -3]);
        world.pass(seconds);
        if world.now() >= latest {
            latest = world.now();
            let usd = world.listing(BTC).usd * (1.0 + chance.between(-20, 20) as f64 / 1_000.0);
            world.price(BTC, usd);
        }
        let (price, now) = (world.asset(BTC).price.0, world.now());
        let mut expected = btc(&world);
        if chance.percent(20) {
            world.refresh_market(BTC_PERP);
        } else {
            let venue = chance.index(8);
            let mid = price + price / 1_000_000 * chance.between(-7_000, 8_000);
            world.report(&venues[venue], BTC_PERP, mid);
            let seat = btc(&world).mids.iter().position(|m| m.venue == venue as u16 && m.time == now).unwrap();
            let premium = perpetual::premium(mid, price);
            expected.mids[seat] = Mid { time: now, premium, venue: venue as u16, ..Mid::default() };
        }
        perpetual::refresh(&mut expected, price, now);
        expected.initial_multiplier = btc(&world).initial_multiplier;
        assert_eq!(bytemuck::bytes_of(&btc(&world)), bytemuck::bytes_of(&expected));
    }
    assert_ne!(btc(&world).funding.0, 0);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, NovateError};
    use novate_tests::{Altered, Builder, ETH};

    #[test]
    fn a_mid_that_is_not_positive() {
        let (mut world, venues) = world(1);
        for mid in [0, -1, i64::MIN] {
            let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, mid);
            world.refuses(&[report], &[&venues[0]], NovateError::MidNotPositive);
        }
    }

    #[test]
    fn a_venue_that_was_removed() {
        let (mut world, venues) = world(1);
        let governor = world.governor.insecure_clone();
        let remove = build::remove_venue(governor.pubkey(), world.pool, venues[0].pubkey(), &[]);
        world.succeeds(&[remove], &[&governor]);
        let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
        world.refuses(&[report], &[&venues[0]], NovateError::VenueInactive);
    }

    #[test]
    fn another_signer_than_the_venues() {
        let (mut world, venues) = world(2);
        let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
        let foreign = report.clone().with_account(1, venues[1].pubkey());
        world.refuses(&[foreign], &[&venues[1]], NovateError::WrongVenueSigner);
        let governor = world.governor.insecure_clone();
        let foreign = report.clone().with_account(1, governor.pubkey());
        world.refuses(&[foreign], &[&governor], NovateError::WrongVenueSigner);
        world.refuses(&[report.unsigned(1)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn a_key_that_is_no_venue() {
        let (mut world, _) = world(0);
        let stranger = world.new_wallet();
        let report = world.report_instruction(&stranger.pubkey(), BTC_PERP, INDEX);
        world.refuses(std::slice::from_ref(&report), &[&stranger], ErrorCode::AccountOwnedByWrongProgram);
        let asset = addresses::asset(&world.pool, BTC);
        world.refuses(&[report.with_account(0, asset)], &[&stranger], ErrorCode::AccountDiscriminatorMismatch);
    }

    #[test]
    fn a_venue_market_or_asset_of_another_pool() {
        let (mut world, venues) = world(1);
        let other = world.second_pool();
        let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
        let foreign = report.clone().with_account(2, addresses::market(&other, BTC_PERP));
        world.refuses(&[foreign], &[&venues[0]], NovateError::WrongPool);
        let foreign = report.clone().with_account(3, addresses::asset(&other, BTC));
        world.refuses(&[foreign], &[&venues[0]], NovateError::WrongPool);
        let governor = world.governor.insecure_clone();
        let register = build::register_venue(governor.pubkey(), other, venues[0].pubkey());
        world.succeeds(&[register], &[&governor]);
        let foreign = report.with_account(0, addresses::venue(&other, &venues[0].pubkey()));
        world.refuses(&[foreign], &[&venues[0]], NovateError::WrongPool);
    }

    #[test]
    fn another_underlying_than_the_markets() {
        let (mut world, venues) = world(1);
        let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
        let wrong = report.clone().with_account(3, addresses::asset(&world.pool, ETH));
        world.refuses(&[wrong], &[&venues[0]], NovateError::WrongUnderlying);
        let wrong = report.with_account(2, addresses::market(&world.pool, ETH_PERP));
        world.refuses(&[wrong], &[&venues[0]], NovateError::WrongUnderlying);
    }

    #[test]
    fn accounts_of_another_kind_or_read_only() {
        let (mut world, venues) = world(1);
        let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
        for at in [0, 2, 3] {
            let wrong = report.clone().with_account(at, world.pool);
            world.refuses(&[wrong], &[&venues[0]], ErrorCode::AccountDiscriminatorMismatch);
        }
        world.refuses(&[report.read_only(2)], &[&venues[0]], ErrorCode::ConstraintMut);
    }

    #[test]
    fn a_price_that_is_stale_or_missing() {
        let (mut world, venues) = world(1);
        let report = world.report_instruction(&venues[0].pubkey(), BTC_PERP, INDEX);
        world.pass(61);
        world.refuses(&[report], &[&venues[0]], NovateError::PriceStale);
        let mut world = Builder::default().unpriced().build();
        let venue = world.venue();
        let report = world.report_instruction(&venue.pubkey(), BTC_PERP, INDEX);
        world.refuses(&[report], &[&venue], NovateError::PriceMissing);
    }
}
