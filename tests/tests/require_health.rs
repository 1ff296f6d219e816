use novate_client::instructions as build;
use novate_client::Instruction;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE};

use crate::distress::Distress;

fn require(world: &World, actor: &Actor, minimum: i64) -> Instruction {
    build::require_health(world.keys(), actor.portfolio, &world.holdings(&[actor.portfolio]), minimum)
}

/// Equity 9,990 over a maintenance margin of 2,400: a health factor of 4.1625.
fn long() -> (World, Actor) {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    (world, owner)
}

#[test]
fn the_health_factor_itself_passes() {
    let (mut world, owner) = long();
    for minimum in [4_162_500, 1_000_000, 0, i64::MIN] {
        let guard = require(&world, &owner, minimum);
        let before = world.picture();
        world.succeeds(&[guard], &[]);
        assert_eq!(before.differences(&world.picture()), []);
    }
}

#[test]
fn without_a_requirement_every_minimum_is_met() {
    let mut world = World::default();
    let owner = world.actor();
    let guard = require(&world, &owner, i64::MAX);
    world.succeeds(&[guard], &[]);
}

mod adversary {
    use super::*;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    #[test]
    fn a_health_factor_below_the_minimum() {
        let (mut world, owner) = long();
        for minimum in [4_162_501, i64::MAX] {
            let guard = require(&world, &owner, minimum);
            world.refuses(&[guard], &[], NovateError::HealthBelow);
        }
    }

    #[test]
    fn equity_below_initial_margin_whatever_the_minimum() {
        let Distress { mut world, owner, .. } = Distress::before();
        world.price(BTC, 19_500.0);
        for minimum in [0, i64::MIN] {
            let guard = require(&world, &owner, minimum);
            world.refuses(&[guard], &[], NovateError::BelowInitialMargin);
        }
    }

    #[test]
    fn a_stale_price() {
        let (mut world, owner) = long();
        world.pass(61);
        let guard = require(&world, &owner, 0);
        world.refuses(&[guard], &[], NovateError::PriceStale);
    }

    #[test]
    fn a_list_without_what_is_held() {
        let (mut world, owner) = long();
        let guard = require(&world, &owner, 0);
        let missing = [NovateError::AssetMissing, NovateError::AssetMissing, NovateError::MarketMissing];
        for (at, error) in missing.into_iter().enumerate() {
            world.refuses(&[guard.clone().without_account(3 + at)], &[], error);
        }
    }

    #[test]
    fn another_pool_or_other_rows() {
        let (mut world, owner) = long();
        let other = world.second_pool();
        let guard = require(&world, &owner, 0);
        let scenarios = addresses::scenarios(&other, 1);
        world.refuses(&[guard.clone().with_account(1, scenarios)], &[], NovateError::WrongScenarios);
        let foreign = guard.with_account(0, other).with_account(1, scenarios);
        world.refuses(&[foreign], &[], NovateError::WrongPool);
    }
}
