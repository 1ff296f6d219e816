use novate::events::SettlementPriceSubmitted;
use novate_tests::{World, BTC, BTC_PERP, PRICE};
use solana_signer::Signer;

const DAY: i64 = 86_400;

/// An expiry of BTC that passed a day and a second ago without a sample, BTC last at 20,000.
fn unfixed() -> (World, i64) {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    world.pass_to(time + DAY + 1);
    (world, time)
}

#[test]
fn a_price_is_kept_as_far_as_the_scan_range_from_the_last_one() {
    for price in [23_000 * PRICE, 17_000 * PRICE] {
        let (mut world, time) = unfixed();
        let sent = world.submit_price(1, BTC_PERP, time, price);
        let expiry = world.expiry(BTC_PERP, time);
        assert_eq!((expiry.submitted[1].price.0, expiry.submitted[1].stamp.time()), (price, world.now()));
        assert_eq!(expiry.settlement_price.0, 0);
        let event: SettlementPriceSubmitted = sent.telemetry().remove(0);
        assert_eq!((event.version, event.pool, event.market, event.expiry_time), (1, world.pool, BTC_PERP, time));
        assert_eq!((event.member, event.seat, event.price), (world.members[1].pubkey(), 1, price));
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, NovateError};
    use novate_tests::{Altered, Builder, Refusal, ETH};

    #[track_caller]
    fn refused(world: &mut World, time: i64, price: i64, error: impl Into<Refusal>) {
        let submit = world.submit_price_instruction(0, BTC_PERP, time, price);
        let member = world.members[0].insecure_clone();
        world.refuses(&[submit], &[&member], error);
    }

    #[test]
    fn within_a_day_of_expiry() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        for now in [time - 1, time, time + DAY] {
            world.pass_to(now);
            refused(&mut world, time, 20_000 * PRICE, NovateError::WindowOpen);
        }
    }

    #[test]
    fn where_the_asset_has_fixed_it_or_it_is_set() {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.sample_through(&[BTC], time);
        world.pass_to(time + DAY + 1);
        refused(&mut world, time, 20_000 * PRICE, NovateError::FixAvailable);

        let (mut world, time) = unfixed();
        world.settle_at(BTC_PERP, time, 20_000 * PRICE);
        refused(&mut world, time, 20_001 * PRICE, NovateError::AlreadyFixed);
    }

    #[test]
    fn beyond_the_scan_range_or_not_positive() {
        let (mut world, time) = unfixed();
        for price in [23_000 * PRICE + 1, 17_000 * PRICE - 1, 0, -20_000 * PRICE, i64::MIN, i64::MAX] {
            refused(&mut world, time, price, NovateError::InvalidSettlementPrice);
        }
    }

    #[test]
    fn without_any_price() {
        let mut world = Builder::default().unpriced().build();
        let time = world.chain(BTC_PERP, 1, 0.5, &[]);
        world.pass_to(time + DAY + 1);
        refused(&mut world, time, 20_000 * PRICE, NovateError::PriceMissing);
    }

    #[test]
    fn by_anyone_else() {
        let (mut world, time) = unfixed();
        let (stranger, governor) = (world.new_wallet(), world.governor.insecure_clone());
        for key in [&stranger, &governor] {
            let expiry = world.expiry(BTC_PERP, time);
            let submit = build::submit_settlement_price(key.pubkey(), &expiry, 20_000 * PRICE);
            world.refuses(&[submit], &[key], NovateError::NotMember);
        }
        let submit = world.submit_price_instruction(0, BTC_PERP, time, 20_000 * PRICE);
        world.refuses(&[submit.unsigned(4)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn with_accounts_of_another_pool_asset_or_kind() {
        let (mut world, time) = unfixed();
        let other = world.second_pool();
        let member = world.members[0].insecure_clone();
        let submit = world.submit_price_instruction(0, BTC_PERP, time, 20_000 * PRICE);
        let [eth, elsewhere] = [addresses::asset(&world.pool, ETH), addresses::asset(&other, BTC)];
        for (at, key, error) in [
            (0, other, NovateError::WrongPool),
            (1, addresses::committee(&other), NovateError::WrongPool),
            (3, elsewhere, NovateError::WrongPool),
            (3, eth, NovateError::WrongUnderlying),
        ] {
            world.refuses(&[submit.clone().with_account(at, key)], &[&member], error);
        }
        for at in 1..4 {
            let wrong = submit.clone().with_account(at, world.pool);
            world.refuses(&[wrong], &[&member], ErrorCode::AccountDiscriminatorMismatch);
        }
        world.refuses(&[submit.read_only(2)], &[&member], ErrorCode::ConstraintMut);
    }
}
