use novate::events::AuctionEnded;
use novate_client::addresses;
use novate_tests::{BTC, DOLLAR, USDC};

use crate::distress::Distress;

#[test]
fn anyone_ends_the_auction_of_an_account_whose_owner_deposited() {
    let Distress { mut world, owner, .. } = Distress::in_auction();
    world.deposit(&owner, USDC, 102 * DOLLAR as u64);
    let before = world.portfolio(&owner.portfolio);
    assert_ne!(before.auction_start, 0);
    let end = world.end_auction_instruction(&owner);
    let sent = world.succeeds(&[end], &[]);
    let after = world.portfolio(&owner.portfolio);
    assert_eq!((after.auction_start, after.sequence), (0, before.sequence + 1));
    assert_eq!((after.cash, after.positions()), (before.cash, before.positions()));

    let event: AuctionEnded = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (after.sequence, world.now()));
    assert_eq!((event.equity, event.maintenance), (2_292 * DOLLAR, 2_292 * DOLLAR));
}

#[test]
fn a_price_that_recovers_ends_an_auction() {
    let Distress { mut world, owner, .. } = Distress::in_auction();
    world.price(BTC, 19_500.0);
    let end = world.end_auction_instruction(&owner);
    world.succeeds(&[end], &[]);
    assert_eq!(world.portfolio(&owner.portfolio).auction_start, 0);
}

#[test]
fn after_the_auction_the_owner_trades_and_withdraws_again() {
    let Distress { mut world, owner, .. } = Distress::in_auction();
    world.price(BTC, 25_000.0);
    let end = world.end_auction_instruction(&owner);
    world.succeeds(&[end], &[]);
    world.deposit(&owner, USDC, 1_000 * DOLLAR as u64);
    world.withdraw(&owner, USDC, 1);
}

#[test]
fn an_insolvent_auction_gives_its_reserve_back() {
    let Distress { mut world, owner, .. } = Distress::before();
    world.price(BTC, 16_000.0);
    world.start_auction(&owner);
    assert_eq!(world.insurance().reserved, 1_390_000_000);
    world.price(BTC, 19_500.0);
    let end = world.end_auction_instruction(&owner);
    world.succeeds(&[end], &[]);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.in_auction(), portfolio.auction_insolvent, portfolio.auction_reserved), (false, 0, 0));
    assert_eq!(world.insurance().reserved, 0);
}

mod adversary {
    use super::*;
    use novate_client::NovateError;
    use novate_tests::Altered;

    #[test]
    fn while_equity_is_below_maintenance_margin() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        world.deposit(&owner, USDC, 102 * DOLLAR as u64 - 1);
        let end = world.end_auction_instruction(&owner);
        world.refuses(&[end], &[], NovateError::StillLiquidatable);
    }

    #[test]
    fn where_none_runs() {
        let Distress { mut world, owner, taker, .. } = Distress::fallen();
        for actor in [&owner, &taker] {
            let end = world.end_auction_instruction(actor);
            world.refuses(&[end], &[], NovateError::NoAuction);
        }
    }

    #[test]
    fn at_a_stale_price() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        world.price(BTC, 20_500.0);
        world.pass(61);
        // At the edge against the owner the account is lost: silence restores nobody.
        let end = world.end_auction_instruction(&owner);
        world.refuses(&[end], &[], NovateError::StillLiquidatable);
        world.refresh();
        let end = world.end_auction_instruction(&owner);
        world.succeeds(&[end], &[]);
    }

    #[test]
    fn without_the_losing_position_in_the_list() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let end = world.end_auction_instruction(&owner);
        world.refuses(&[end.clone().without_account(8)], &[], NovateError::MarketMissing);
        world.refuses(&[end.without_account(7)], &[], NovateError::AssetMissing);
    }

    #[test]
    fn under_another_pool() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let other = world.second_pool();
        let end = world.end_auction_instruction(&owner);
        let scenarios = addresses::scenarios(&other, 1);
        world.refuses(&[end.clone().with_account(1, scenarios)], &[], NovateError::WrongScenarios);
        let foreign = end.clone().with_account(0, other).with_account(1, scenarios);
        world.refuses(&[foreign], &[], NovateError::WrongPool);
        let foreign = end.with_account(7, addresses::asset(&other, BTC));
        world.refuses(&[foreign], &[], NovateError::WrongPool);
    }
}
