//! Venues, their mids, and the premium that follows them.

use novate_client::instructions as build;
use novate_client::state::{Mid, Pool, Venue, MAX_MIDS};
use novate_tests::{World, BTC_PERP, PRICE};
use solana_signer::Signer;

use crate::figure::{measure, Figure};

/// Seconds since the premium and funding were carried on: every report carries both.
const DUE: i64 = 20;

pub fn all() -> Vec<Figure> {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let mut venues = world.venues(2);
    let last = world.new_wallet();
    let built = world.register_instruction(&last.pubkey());
    let mut figures = vec![measure(&mut world, "register_venue", "", built, &[&governor])];
    assert_eq!(world.state::<Pool>(&world.pool).venue_count, 3);
    venues.push(last);

    world.report_at(&venues[..2], BTC_PERP, 2_000);
    for count in [3, MAX_MIDS] {
        let more = world.venues(count - venues.len());
        world.report_at(&more, BTC_PERP, 2_000);
        venues.extend(more);
        assert_eq!(seats(&world), count - usize::from(count == 3));
        world.pass(DUE);
        world.refresh();
        let built = world.report_instruction(&venues[2].pubkey(), BTC_PERP, 20_030 * PRICE);
        let state = format!("with {count} mids");
        figures.push(measure(&mut world, "report_mid", &state, built, &[&venues[2]]));
        assert_eq!(seats(&world), count);
        assert!(world.market(BTC_PERP).premium_target > 0);
    }

    let built = build::remove_venue(governor.pubkey(), world.pool, venues[0].pubkey(), &[BTC_PERP]);
    figures.push(measure(&mut world, "remove_venue", "its mid in 1 market", built, &[&governor]));
    assert_eq!(seats(&world), MAX_MIDS - 1);
    assert_eq!(world.state::<Venue>(&world.venue_address(&venues[0])).active, 0);
    figures
}

/// Mids that a market has.
fn seats(world: &World) -> usize {
    world.market(BTC_PERP).mids.iter().filter(|mid| **mid != Mid::default()).count()
}
