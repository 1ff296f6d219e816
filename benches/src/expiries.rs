//! Expiries: listing, publishing and pricing strikes.

use novate_client::instructions as build;
use novate_client::{AssetForecast, Forecast};
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
    figures.append(&mut forecasts(&mut world, time, tilted));

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

/// Nine members, each of another mind; the first of asset forecasts pays for the account.
fn forecasts(world: &mut World, time: i64, tilted: Forecast) -> Vec<Figure> {
    world.seat(9);
    let governor = world.governor.insecure_clone();
    let mut figures = vec![];
    let asset = |member: usize| AssetForecast { sigma: 50_000 + member as i64, depth: 1_000_000_000_000 };
    for member in 0..9 {
        let key = world.members[member].insecure_clone();
        let own = Forecast { a: tilted.a + member as i64, basis: member as i64, ..tilted };
        let submit = world.submit_instruction(member, BTC_PERP, time, own);
        let submit_asset = world.submit_asset_instruction(member, BTC, asset(member));
        if member > 1 {
            world.succeeds(&[submit, submit_asset], &[&key]);
            continue;
        }
        if member == 1 {
            figures.push(measure(world, "submit_forecast", "", submit, &[&key]));
        } else {
            world.succeeds(&[submit], &[&key]);
        }
        let state = if member == 0 { "the first" } else { "" };
        figures.push(measure(world, "submit_asset_forecast", state, submit_asset, &[&key]));
    }
    let apply = world.apply_instruction(BTC_PERP, time);
    figures.push(measure(world, "apply_forecasts", "nine members, between two others", apply, &[]));
    let apply = build::apply_asset_forecasts(&world.pool, BTC);
    figures.push(measure(world, "apply_asset_forecasts", "nine members", apply, &[]));
    let set = world.set_committee_instruction();
    figures.push(measure(world, "set_committee", "nine members, a change executed", set, &[&governor]));
    let remove = build::remove_member(governor.pubkey(), world.pool, world.members[8].pubkey());
    figures.push(measure(world, "remove_member", "", remove, &[&governor]));
    figures
}
