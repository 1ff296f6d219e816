//! Expiries: listing, publishing and pricing strikes.

use novate_client::instructions as build;
use novate_client::{Forecast, Pubkey};
use novate_tests::dated::flat;
use novate_tests::{future, World, BTC, BTC_PERP, CONTRACT, PRICE};
use solana_signer::Signer;

use crate::figure::{measure, Figure};

/// Between two expiries, with all strikes.
pub fn all() -> Vec<Figure> {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    world.chain(BTC_PERP, 10, 0.5, &[]);
    world.chain(BTC_PERP, 90, 0.5, &[]);
    let time = world.expiry_in(30);
    let tilted = Forecast { b: 10_000, rho: -300_000, ..flat(0.45, time - world.now()) };
    let list = world.list_expiry_instruction(BTC_PERP, time, tilted);
    let mut figures = vec![measure(&mut world, "list_expiry", "between two others", list, &[&governor])];
    let strikes: Vec<i64> = (0..24).map(|i| (10_000 + 1_000 * i) * PRICE).collect();
    let list = world.list_strikes_instruction(BTC_PERP, time, &strikes);
    figures.push(measure(&mut world, "list_strikes", "24 strikes", list, &[&governor]));
    world.pass(10);
    let publish = world.publish_forecast_instruction(BTC_PERP, time, tilted);
    figures.push(measure(&mut world, "publish_forecast", "between two others", publish, &[&governor]));
    let set = build::set_publisher(governor.pubkey(), world.pool, Pubkey::new_from_array([7; 32]));
    // The governor publishes on.
    figures.push(measure(&mut world.twin(), "set_publisher", "", set, &[&governor]));

    world.pass(3_600);
    world.refresh();
    for (count, state) in [(1, "1 strike"), (24, "24 strikes")] {
        let refresh = world.refresh_expiry_instruction(BTC_PERP, time, 0, count);
        let figure = measure(&mut world, "refresh_expiry", state, refresh, &[]);
        // A strike with its array: 20,000, and what the instruction costs without any.
        figures.push(if count == 1 { figure } else { figure.within(20_000 * u64::from(count)) });
    }
    assert!(world.expiry(BTC_PERP, time).listed().iter().all(|s| s.refreshed.0 == world.now() && s.reference.0 > 0));

    let (buyer, seller) = (world.trader(10_000), world.trader(10_000));
    world.chain(BTC_PERP, 120, 0.5, &[]);
    let last = world.expiry_in(120);
    world.trade_legs(&buyer, &seller, &[future(BTC_PERP, last, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 20_100.0);
    let id = novate_client::instrument::future(BTC_PERP, novate_client::state::minutes_of(last));
    let settle = build::settle_variation(&world.pool, seller.portfolio, id, BTC);
    figures.push(measure(&mut world, "settle_variation", "a loss of a future", settle, &[]).within(18_000));
    figures
}
