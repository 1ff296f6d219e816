use novate::events::VariationSettled;
use novate_client::{addresses, instrument};
use novate_tests::{perpetual, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

const HOUR: i64 = 3_600;

/// A buyer of one BTC at 20,000 with 10,000 USD, a seller with 100,000. The fees are 10 each.
fn two() -> (World, Actor, Actor) {
    let mut world = World::default();
    let (buyer, seller) = (world.trader(10_000), world.trader(100_000));
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    (world, buyer, seller)
}

#[test]
fn a_loss_is_paid_out_of_cash_into_the_variation_pool() {
    let (mut world, _, seller) = two();
    world.price(BTC, 21_000.0);
    let sent = world.settle(&seller, BTC_PERP);
    let portfolio = world.portfolio(&seller.portfolio);
    let position = portfolio.positions()[0];
    assert_eq!((portfolio.cash, portfolio.sequence), (98_990 * DOLLAR, 3));
    assert_eq!((position.cost, position.quantity), (-21_000 * DOLLAR, -CONTRACT));
    assert_eq!(world.market(BTC_PERP).variation_pool.0, 1_010 * DOLLAR);

    let event: VariationSettled = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, seller.portfolio));
    assert_eq!((event.sequence, event.time), (3, world.now()));
    assert_eq!(event.instrument, instrument::perpetual(BTC_PERP));
    assert_eq!((event.amount, event.released), (-1_010 * DOLLAR, 0));
    assert_eq!((event.cash, event.variation_pool), (98_990 * DOLLAR, 1_010 * DOLLAR));
}

#[test]
fn a_loss_beyond_cash_stays_unsettled() {
    let (mut world, buyer, _) = two();
    world.price(BTC, 5_000.0);
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    let portfolio = world.portfolio(&buyer.portfolio);
    assert_eq!((event.amount, portfolio.cash), (-10_000 * DOLLAR, 0));
    assert_eq!(portfolio.positions()[0].cost, 10_010 * DOLLAR);
    assert_eq!(world.market(BTC_PERP).variation_pool.0, 10_000 * DOLLAR);
}

#[test]
fn a_gain_is_paid_as_far_as_losers_have_paid_in_and_is_pending() {
    let (mut world, buyer, seller) = two();
    world.price(BTC, 20_500.0);
    world.settle(&seller, BTC_PERP);
    world.price(BTC, 21_000.0);
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    assert_eq!((event.amount, event.released, event.variation_pool), (510 * DOLLAR, 0, 0));
    let portfolio = world.portfolio(&buyer.portfolio);
    let position = portfolio.positions()[0];
    assert_eq!((portfolio.cash, event.cash), (10_000 * DOLLAR, 10_000 * DOLLAR));
    assert_eq!((position.pending_old, position.pending_new), (0, 510 * DOLLAR));
    assert_eq!(position.cost, 20_520 * DOLLAR);
    assert_eq!(world.health(&buyer).equity, 10_990 * DOLLAR);
}

#[test]
fn pending_gains_are_cash_after_two_hours() {
    let (mut world, buyer, seller) = two();
    world.price(BTC, 21_000.0);
    world.settle(&seller, BTC_PERP);
    world.settle(&buyer, BTC_PERP);
    world.pass(2 * HOUR);
    world.refresh();
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    assert_eq!((event.amount, event.released, event.cash), (0, 990 * DOLLAR, 10_990 * DOLLAR));
    let position = world.portfolio(&buyer.portfolio).positions()[0];
    assert_eq!((position.pending_old, position.pending_new, position.pending_since), (0, 0, world.now()));
}

#[test]
fn after_an_hour_the_buckets_move_on() {
    let (mut world, buyer, seller) = two();
    world.price(BTC, 21_000.0);
    world.settle(&seller, BTC_PERP);
    world.settle(&buyer, BTC_PERP);
    world.pass(HOUR);
    world.refresh();
    world.price(BTC, 21_500.0);
    world.settle(&seller, BTC_PERP);
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    assert_eq!((event.amount, event.released), (500 * DOLLAR, 0));
    let position = world.portfolio(&buyer.portfolio).positions()[0];
    assert_eq!((position.pending_old, position.pending_new), (990 * DOLLAR, 500 * DOLLAR));
    world.pass(HOUR);
    world.refresh();
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    assert_eq!((event.amount, event.released, event.cash), (0, 990 * DOLLAR, 10_990 * DOLLAR));
    let position = world.portfolio(&buyer.portfolio).positions()[0];
    assert_eq!((position.pending_old, position.pending_new), (500 * DOLLAR, 0));
}

#[test]
fn a_loss_takes_pending_gains_before_cash_the_newest_first() {
    let (mut world, buyer, seller) = two();
    world.price(BTC, 21_000.0);
    world.settle(&seller, BTC_PERP);
    world.settle(&buyer, BTC_PERP);
    world.pass(HOUR);
    world.price(BTC, 21_500.0);
    world.settle(&seller, BTC_PERP);
    world.settle(&buyer, BTC_PERP);
    world.price(BTC, 20_900.0);
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    assert_eq!((event.amount, event.cash), (-600 * DOLLAR, 10_000 * DOLLAR));
    let position = world.portfolio(&buyer.portfolio).positions()[0];
    assert_eq!((position.pending_old, position.pending_new), (890 * DOLLAR, 0));
}

#[test]
fn a_closed_position_settles_and_its_owner_leaves_without_a_price() {
    let (mut world, buyer, seller) = two();
    world.price(BTC, 21_000.0);
    world.settle(&seller, BTC_PERP);
    world.settle(&buyer, BTC_PERP);
    world.trade(&buyer, &seller, &[(BTC_PERP, -CONTRACT, 21_000 * PRICE)]);
    world.pass(100 * HOUR);
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    // The fee of the second trade was still owed.
    assert_eq!((event.released, event.amount), (990 * DOLLAR, -10_500_000));
    let portfolio = world.portfolio(&buyer.portfolio);
    assert_eq!(portfolio.positions(), []);
    world.withdraw(&buyer, USDC, portfolio.cash as u64);
    assert!(world.portfolio(&buyer.portfolio).is_empty());
}

#[test]
fn a_closed_position_is_freed_when_nothing_is_owed() {
    let (mut world, buyer, seller) = two();
    world.trade(&buyer, &seller, &[(BTC_PERP, -CONTRACT, 20_000 * PRICE)]);
    world.settle(&seller, BTC_PERP);
    assert_eq!(world.portfolio(&seller.portfolio).position_count, 0);
    assert_eq!(world.portfolio(&seller.portfolio).positions[0], Default::default());
    assert_eq!(world.portfolio(&seller.portfolio).cash, 99_980 * DOLLAR);
}

#[test]
fn equity_does_not_change_by_settling() {
    let (mut world, buyer, seller) = two();
    world.price(BTC, 20_777.77);
    for actor in [&seller, &buyer] {
        let before = world.health(actor);
        world.settle(actor, BTC_PERP);
        let after = world.health(actor);
        assert_eq!((after.equity, after.initial), (before.equity, before.initial));
    }
}

/// The two of [`two`] after an hour at a premium of 0.4 %, nothing settled since.
fn two_after_an_hour() -> (World, Actor, Actor) {
    let (mut world, buyer, seller) = two();
    let venues = world.venues(3);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    (world, buyer, seller)
}

#[test]
fn funding_is_part_of_what_is_settled() {
    let (mut world, buyer, seller) = two_after_an_hour();
    let mark = world.market(BTC_PERP).mark.0 / 1_000;
    let owed = [&buyer, &seller]
        .map(|actor| perpetual::owed(&world.portfolio(&actor.portfolio).positions()[0], &world.market(BTC_PERP)));
    assert!(owed[0] > DOLLAR && owed[1] == 1 - owed[0], "{owed:?}");
    let event: VariationSettled = world.settle(&seller, BTC_PERP).event();
    assert_eq!((event.funding, event.amount), (owed[1], 19_990 * DOLLAR - mark - owed[1]));
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    let gain = mark - 20_010 * DOLLAR - owed[0];
    assert_eq!((event.funding, event.amount), (owed[0], gain.min(mark + owed[1] - 19_990 * DOLLAR)));
    let market = world.market(BTC_PERP);
    // Both have paid up to now: the unit by which they round apart is rounding.
    assert_eq!((market.funding_applied.0, market.funding_dust, market.rounding.0), (0, 0, 1));
}

#[test]
fn a_future_leaves_funding_alone() {
    let mut world = World::default();
    let (buyer, seller) = (world.trader(10_000), world.trader(100_000));
    let venues = world.venues(3);
    let time = world.expiry_in(30);
    world.list_expiry(BTC_PERP, time, novate_tests::flat(0.5, time - world.now()));
    world.dwell(&venues, BTC_PERP, 4_000, 600);
    world.trade_legs(&buyer, &seller, &[novate_tests::future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.pass(30);
    let before = world.market(BTC_PERP);
    let instrument = instrument::future(BTC_PERP, (time / 60) as u32);
    let settle = novate_client::instructions::settle_variation(&world.pool, seller.portfolio, instrument, BTC);
    let event: VariationSettled = world.succeeds(&[settle], &[]).event();
    let after = world.market(BTC_PERP);
    assert_eq!((event.funding, event.amount), (0, -10 * DOLLAR));
    assert_eq!((after.funding, after.funding_time), (before.funding, before.funding_time));
    assert_eq!(world.portfolio(&seller.portfolio).positions()[0].funding, 0);
}

mod adversary {
    use super::*;
    use crate::distress::Distress;
    use anchor_lang::error::ErrorCode;
    use novate_client::state::minutes_of;
    use novate_client::{instructions as build, NovateError};
    use novate_tests::{future, Altered, ETH, ETH_PERP};

    #[test]
    fn a_gain_that_nobody_has_paid_for() {
        let (mut world, buyer, _) = two();
        world.price(BTC, 21_000.0);
        let settle = world.settle_instruction(&buyer, BTC_PERP);
        world.refuses(&[settle], &[], NovateError::NothingToSettle);
    }

    #[test]
    fn funding_that_nobody_has_paid_yet() {
        let (mut world, buyer, _) = two_after_an_hour();
        let before = world.health(&buyer);
        let settle = world.settle_instruction(&buyer, BTC_PERP);
        world.refuses(&[settle], &[], NovateError::NothingToSettle);
        assert_eq!(world.health(&buyer), before);
    }

    #[test]
    fn the_same_variation_twice() {
        let (mut world, _, seller) = two();
        world.price(BTC, 21_000.0);
        world.settle(&seller, BTC_PERP);
        let settle = world.settle_instruction(&seller, BTC_PERP);
        world.refuses(&[settle], &[], NovateError::NothingToSettle);
    }

    #[test]
    fn a_loss_without_any_means() {
        let (mut world, buyer, _) = two();
        world.price(BTC, 5_000.0);
        world.settle(&buyer, BTC_PERP);
        let settle = world.settle_instruction(&buyer, BTC_PERP);
        world.refuses(&[settle], &[], NovateError::NothingToSettle);
    }

    #[test]
    fn a_gain_paid_out_a_moment_ago() {
        let (mut world, buyer, seller) = two();
        world.price(BTC, 21_000.0);
        world.settle(&seller, BTC_PERP);
        world.settle(&buyer, BTC_PERP);
        world.pass(HOUR - 1);
        world.refresh();
        let settle = world.settle_instruction(&buyer, BTC_PERP);
        world.refuses(&[settle], &[], NovateError::NothingToSettle);
    }

    #[test]
    fn a_position_that_is_not_held() {
        let (mut world, buyer, _) = two();
        let settle = world.settle_instruction(&buyer, ETH_PERP);
        world.refuses(&[settle], &[], NovateError::NoPosition);
    }

    #[test]
    fn another_underlying_than_the_markets() {
        let (mut world, _, seller) = two();
        world.price(BTC, 21_000.0);
        let settle = world.settle_instruction(&seller, BTC_PERP);
        let settle = settle.with_account(2, addresses::asset(&world.pool, ETH));
        world.refuses(&[settle], &[], NovateError::WrongUnderlying);
    }

    #[test]
    fn a_market_or_asset_of_another_pool() {
        let (mut world, _, seller) = two();
        let other = world.second_pool();
        world.price(BTC, 21_000.0);
        let settle = world.settle_instruction(&seller, BTC_PERP);
        let market = addresses::market(&other, BTC_PERP);
        let asset = addresses::asset(&other, BTC);
        world.refuses(&[settle.clone().with_account(1, market)], &[], NovateError::WrongPool);
        world.refuses(&[settle.clone().with_account(2, asset)], &[], NovateError::WrongPool);
        let usdc = addresses::asset(&other, USDC);
        world.refuses(&[settle.clone().with_account(4, usdc)], &[], NovateError::WrongPool);
        let btc = addresses::asset(&world.pool, BTC);
        world.refuses(&[settle.with_account(4, btc)], &[], NovateError::NotSettlementAsset);
    }

    #[test]
    fn a_stale_price() {
        let (mut world, _, seller) = two();
        world.pass(61);
        let settle = world.settle_instruction(&seller, BTC_PERP);
        world.refuses(&[settle], &[], NovateError::PriceStale);
    }

    /// Of a future that is held; of what is closed the expiry is not read.
    #[test]
    fn an_expiry_of_another_pool_or_none_at_all() {
        let mut world = World::default();
        let other = world.second_pool();
        let home = std::mem::replace(&mut world.pool, other);
        let time = world.chain(BTC_PERP, 30, 0.5, &[]);
        let elsewhere = world.expiry_address(BTC_PERP, time);
        world.pool = home;
        world.chain(BTC_PERP, 30, 0.5, &[]);
        let (buyer, seller) = (world.trader(10_000), world.trader(100_000));
        world.trade_legs(&buyer, &seller, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
        world.price(BTC, 21_000.0);
        let id = instrument::future(BTC_PERP, minutes_of(time));
        let settle = build::settle_variation(&world.pool, seller.portfolio, id, BTC);
        let wrong = [
            (elsewhere, NovateError::WrongPool),
            (addresses::market(&world.pool, BTC_PERP), NovateError::UnexpectedAccount),
            (world.listing(BTC).feed.address, NovateError::WrongOwner),
        ];
        for (account, error) in wrong {
            world.refuses(&[settle.clone().with_account(3, account)], &[], error);
        }
        world.succeeds(&[settle], &[]);
    }

    #[test]
    fn accounts_of_another_kind_or_read_only() {
        let (mut world, _, seller) = two();
        let settle = world.settle_instruction(&seller, BTC_PERP);
        for at in 0..3 {
            let wrong = settle.clone().with_account(at, world.pool);
            world.refuses(&[wrong], &[], ErrorCode::AccountDiscriminatorMismatch);
        }
        for at in 0..2 {
            world.refuses(&[settle.clone().read_only(at)], &[], ErrorCode::ConstraintMut);
        }
    }

    #[test]
    fn an_auction_does_not_keep_a_loss_from_being_settled() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let event: VariationSettled = world.settle(&owner, BTC_PERP).event();
        assert_eq!(event.amount, -910 * DOLLAR);
        assert_ne!(world.portfolio(&owner.portfolio).auction_start, 0);
    }
}
