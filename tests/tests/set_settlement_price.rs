use novate::events::SettlementPriceSet;
use novate_tests::{flat, future, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE};

const DAY: i64 = 86_400;

/// An expiry of BTC that passed a day and a second ago without a sample, BTC last at 20,000.
fn unfixed() -> (World, i64) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    world.pass_to(time + DAY + 1);
    (world, time)
}

#[test]
fn the_authority_sets_what_the_asset_could_not_fix() {
    let mut world = World::default();
    let time = world.expiry_in(1);
    world.list_expiry(BTC_PERP, time, flat(0.5, time - world.now()));
    let (buyer, seller) = (world.trader(10_000), world.trader(10_000));
    world.trade_legs(&buyer, &seller, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.pass_to(time + DAY + 1);
    let governor = world.governor.insecure_clone();
    let set = world.set_settlement_price_instruction(BTC_PERP, time, 21_000 * PRICE);
    let sent = world.succeeds(&[set], &[&governor]);
    assert_eq!(world.expiry(BTC_PERP, time).settlement_price.0, 21_000 * PRICE);

    let event: SettlementPriceSet = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.expiry, event.market), (world.expiry_address(BTC_PERP, time), BTC_PERP));
    assert_eq!((event.expiry_time, event.price), (time, 21_000 * PRICE));

    world.settle_expiry(&buyer, BTC_PERP, time);
    assert_eq!(world.portfolio(&buyer.portfolio).positions()[0].cost, -990 * DOLLAR);
}

#[test]
fn as_far_as_the_scan_range_from_the_last_price() {
    for price in [23_000 * PRICE, 17_000 * PRICE] {
        let (mut world, time) = unfixed();
        let governor = world.governor.insecure_clone();
        let set = world.set_settlement_price_instruction(BTC_PERP, time, price);
        world.succeeds(&[set], &[&governor]);
        assert_eq!(world.expiry(BTC_PERP, time).settlement_price.0, price);
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, NovateError};
    use novate_tests::dated::refused;
    use novate_tests::{Altered, Builder, ETH};
    use solana_signer::Signer;

    #[test]
    fn within_a_day_of_expiry() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        for now in [time - 1, time, time + DAY] {
            world.pass_to(now);
            let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_000 * PRICE);
            refused(&mut world, set, NovateError::WindowOpen);
        }
    }

    #[test]
    fn where_the_asset_has_fixed_it_or_it_is_set() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.sample_through(&[BTC], time);
        world.pass_to(time + DAY + 1);
        let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_000 * PRICE);
        refused(&mut world, set, NovateError::FixAvailable);

        let (mut world, time) = unfixed();
        let governor = world.governor.insecure_clone();
        let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_000 * PRICE);
        world.succeeds(&[set], &[&governor]);
        let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_001 * PRICE);
        refused(&mut world, set, NovateError::AlreadyFixed);
    }

    #[test]
    fn beyond_the_scan_range_or_not_positive() {
        let (mut world, time) = unfixed();
        for price in [23_000 * PRICE + 1, 17_000 * PRICE - 1, 0, -20_000 * PRICE, i64::MIN, i64::MAX] {
            let set = world.set_settlement_price_instruction(BTC_PERP, time, price);
            refused(&mut world, set, NovateError::InvalidSettlementPrice);
        }
    }

    #[test]
    fn without_any_price() {
        let mut world = Builder::default().unpriced().build();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.pass_to(time + DAY + 1);
        let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_000 * PRICE);
        refused(&mut world, set, NovateError::PriceMissing);
    }

    #[test]
    fn by_anyone_else() {
        let (mut world, time) = unfixed();
        let stranger = world.new_wallet();
        let set = build::set_settlement_price(stranger.pubkey(), &world.expiry(BTC_PERP, time), 20_000 * PRICE);
        world.refuses(&[set], &[&stranger], NovateError::NotAuthority);
        let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_000 * PRICE);
        world.refuses(&[set.unsigned(3)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn with_accounts_of_another_pool_asset_or_kind() {
        let (mut world, time) = unfixed();
        let other = world.second_pool();
        let set = world.set_settlement_price_instruction(BTC_PERP, time, 20_000 * PRICE);
        let [eth, elsewhere] = [addresses::asset(&world.pool, ETH), addresses::asset(&other, BTC)];
        refused(&mut world, set.clone().with_account(0, other), NovateError::WrongPool);
        refused(&mut world, set.clone().with_account(2, elsewhere), NovateError::WrongPool);
        refused(&mut world, set.clone().with_account(2, eth), NovateError::WrongUnderlying);
        for at in [1, 2] {
            let wrong = set.clone().with_account(at, world.pool);
            refused(&mut world, wrong, ErrorCode::AccountDiscriminatorMismatch);
        }
        refused(&mut world, set.read_only(1), ErrorCode::ConstraintMut);
    }
}
