use novate::events::{SeatPrice, SettlementPriceSet};
use novate_tests::{flat, future, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE};

const DAY: i64 = 86_400;

/// An expiry of BTC that passed a day and a second ago without a sample, BTC last at 20,000.
fn unfixed() -> (World, i64) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    world.pass_to(time + DAY + 1);
    (world, time)
}

fn fixed(world: &World, time: i64) -> i64 {
    world.expiry(BTC_PERP, time).settlement_price.0 / PRICE
}

#[test]
fn the_committee_settles_what_the_asset_could_not_fix() {
    let mut world = World::default();
    let time = world.expiry_in(1);
    world.list_expiry(BTC_PERP, time, flat(0.5, time - world.now()));
    let (buyer, seller) = (world.trader(10_000), world.trader(10_000));
    world.trade_legs(&buyer, &seller, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.pass_to(time + DAY + 1);
    for (member, usd) in [21_500, 21_000, 20_900].into_iter().enumerate() {
        world.submit_price(member, BTC_PERP, time, usd * PRICE);
    }
    let apply = world.apply_price_instruction(BTC_PERP, time);
    let sent = world.succeeds(&[apply], &[]);
    assert_eq!(fixed(&world, time), 21_000);

    let event: SettlementPriceSet = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.expiry, event.market), (world.expiry_address(BTC_PERP, time), BTC_PERP));
    assert_eq!((event.expiry_time, event.price), (time, 21_000 * PRICE));
    let prices = [(0, 21_500), (1, 21_000), (2, 20_900)];
    assert_eq!(event.submitted, prices.map(|(seat, usd)| SeatPrice { seat, price: usd * PRICE }));

    world.settle_expiry(&buyer, BTC_PERP, time);
    assert_eq!(world.portfolio(&buyer.portfolio).positions()[0].cost, -990 * DOLLAR);
}

#[test]
fn who_is_silent_counts_for_the_last_price() {
    let (mut world, time) = unfixed();
    world.submit_price(0, BTC_PERP, time, 22_000 * PRICE);
    world.submit_price(1, BTC_PERP, time, 21_000 * PRICE);
    let apply = world.apply_price_instruction(BTC_PERP, time);
    world.succeeds(&[apply], &[]);
    assert_eq!(fixed(&world, time), 21_000);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, NovateError};
    use novate_tests::{Altered, ETH};
    use solana_signer::Signer;

    #[test]
    fn one_liar_and_a_colluding_minority() {
        let (mut world, time) = unfixed();
        world.seat(9);
        for member in 0..4 {
            world.submit_price(member, BTC_PERP, time, 17_000 * PRICE);
        }
        let apply = world.apply_price_instruction(BTC_PERP, time);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        world.submit_price(4, BTC_PERP, time, 20_500 * PRICE);
        world.succeeds(&[apply], &[]);
        assert_eq!(fixed(&world, time), 20_000);
    }

    #[test]
    fn a_quorum_is_missing_stale_or_of_forecasts() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.pass_to(time - 1);
        let forecast = flat(0.5, 10_000);
        (0..3).for_each(|member| drop(world.submit_forecast(member, BTC_PERP, time, forecast)));
        world.pass_to(time + DAY + 1);
        let apply = world.apply_price_instruction(BTC_PERP, time);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        world.submit_price(0, BTC_PERP, time, 20_000 * PRICE);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        world.pass(301);
        world.submit_price(1, BTC_PERP, time, 20_000 * PRICE);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        // Of a removed member.
        world.submit_price(2, BTC_PERP, time, 20_000 * PRICE);
        let removed = world.members[1].insecure_clone();
        let remove = build::remove_member(removed.pubkey(), world.pool, removed.pubkey());
        world.succeeds(&[remove], &[&removed]);
        world.refuses(std::slice::from_ref(&apply), &[], NovateError::QuorumMissing);
        world.submit_price(0, BTC_PERP, time, 20_000 * PRICE);
        world.succeeds(&[apply], &[]);
    }

    #[test]
    fn once_only_and_never_where_the_asset_fixed_it() {
        let (mut world, time) = unfixed();
        world.settle_at(BTC_PERP, time, 20_000 * PRICE);
        let apply = world.apply_price_instruction(BTC_PERP, time);
        world.refuses(&[apply], &[], NovateError::AlreadyFixed);

        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.pass_to(time + DAY);
        let apply = world.apply_price_instruction(BTC_PERP, time);
        world.refuses(&[apply], &[], NovateError::WindowOpen);

        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.sample_through(&[BTC], time);
        world.pass_to(time + DAY + 1);
        let apply = world.apply_price_instruction(BTC_PERP, time);
        world.refuses(&[apply], &[], NovateError::FixAvailable);
    }

    /// The price has moved since members submitted: what is beyond its scan range now is refused.
    #[test]
    fn beyond_the_scan_range_of_now() {
        let (mut world, time) = unfixed();
        (0..2).for_each(|member| drop(world.submit_price(member, BTC_PERP, time, 23_000 * PRICE)));
        world.price(BTC, 19_000.0);
        let apply = world.apply_price_instruction(BTC_PERP, time);
        world.refuses(&[apply], &[], NovateError::InvalidSettlementPrice);
    }

    #[test]
    fn with_accounts_of_another_pool_asset_or_kind() {
        let (mut world, time) = unfixed();
        let other = world.second_pool();
        (0..2).for_each(|member| drop(world.submit_price(member, BTC_PERP, time, 20_000 * PRICE)));
        let apply = world.apply_price_instruction(BTC_PERP, time);
        let [eth, elsewhere] = [addresses::asset(&world.pool, ETH), addresses::asset(&other, BTC)];
        for (at, key, error) in [
            (0, addresses::committee(&other), NovateError::WrongPool),
            (2, elsewhere, NovateError::WrongPool),
            (2, eth, NovateError::WrongUnderlying),
        ] {
            world.refuses(&[apply.clone().with_account(at, key)], &[], error);
        }
        for at in 0..3 {
            let wrong = apply.clone().with_account(at, world.pool);
            world.refuses(&[wrong], &[], ErrorCode::AccountDiscriminatorMismatch);
        }
        world.refuses(&[apply.read_only(1)], &[], ErrorCode::ConstraintMut);
    }
}
