use novate::events::FeesCollected;
use novate_client::instructions as build;
use novate_tests::{checker, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

use crate::checking::raw;

/// A market with fees of 20 USD, 10 owed by each side.
fn traded() -> (World, Actor, Actor) {
    let mut world = World::default();
    let (buyer, seller) = (world.trader(10_000), world.trader(10_000));
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    (world, buyer, seller)
}

fn collect(world: &mut World) -> FeesCollected {
    let collect = build::collect_fees(world.pool, BTC_PERP);
    let event = world.succeeds(&[collect], &[]).event();
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
    event
}

#[test]
fn fees_are_collected_as_far_as_losers_have_paid() {
    let (mut world, buyer, seller) = traded();
    world.price(BTC, 20_004.0);
    world.settle(&seller, BTC_PERP);
    let event = collect(&mut world);
    assert_eq!((event.version, event.pool, event.market, event.time), (1, world.pool, BTC_PERP, world.now()));
    assert_eq!((event.amount, event.accrued_fees, event.variation_pool), (14_000_000, 6 * DOLLAR, 0));
    assert_eq!((event.capital, world.insurance().capital), (14_000_000, 14_000_000));
    world.settle(&buyer, BTC_PERP);
    let event = collect(&mut world);
    assert_eq!((event.amount, event.accrued_fees, event.variation_pool, event.capital), (6_000_000, 0, 0, 20_000_000));
    assert_eq!((world.asset(USDC).cash, world.vault(USDC)), (19_980_000_000, 20_000_000_000));
}

#[test]
fn what_winners_have_not_taken_stays() {
    let (mut world, _, seller) = traded();
    world.price(BTC, 20_100.0);
    world.settle(&seller, BTC_PERP);
    let event = collect(&mut world);
    assert_eq!((event.amount, event.accrued_fees, event.variation_pool), (20_000_000, 0, 90 * DOLLAR));
}

mod adversary {
    use super::*;
    use novate_client::{addresses, NovateError};
    use novate_tests::{Altered, ETH_PERP};

    #[test]
    fn nothing() {
        let (mut world, _, seller) = traded();
        let collect_from = |world: &World, market| build::collect_fees(world.pool, market);
        // Accrued and not paid; never accrued.
        for market in [BTC_PERP, ETH_PERP] {
            let collect = collect_from(&world, market);
            world.refuses(&[collect], &[], NovateError::NothingToCollect);
        }
        // Collected already.
        world.price(BTC, 20_100.0);
        world.settle(&seller, BTC_PERP);
        collect(&mut world);
        let again = collect_from(&world, BTC_PERP);
        world.refuses(&[again], &[], NovateError::NothingToCollect);
    }

    #[test]
    fn accounts_that_do_not_belong_together() {
        let (mut world, _, seller) = traded();
        let foreign = world.second_pool();
        world.price(BTC, 20_100.0);
        world.settle(&seller, BTC_PERP);
        let collect = build::collect_fees(world.pool, BTC_PERP);
        for (at, account, error) in [
            (0, foreign, NovateError::WrongPool),
            (1, addresses::insurance(&foreign), NovateError::WrongPool),
            (2, addresses::market(&foreign, BTC_PERP), NovateError::WrongPool),
            (3, addresses::asset(&foreign, USDC), NovateError::WrongPool),
            (3, addresses::asset(&world.pool, BTC), NovateError::NotSettlementAsset),
        ] {
            world.refuses(&[collect.clone().with_account(at, account)], &[], error);
        }
    }
}
