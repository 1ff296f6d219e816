use novate::events::UnstakeRequested;
use novate_client::state::{COOLING_OFF, UNSTAKE_WINDOW};
use novate_tests::{Actor, World};

/// An owner with a stake of 500.
fn staked() -> (World, Actor) {
    let mut world = World::default();
    let owner = world.actor();
    world.stake(&owner, 500);
    (world, owner)
}

#[test]
fn a_request_starts_the_cooling_off() {
    let (mut world, owner) = staked();
    let event: UnstakeRequested = world.request_unstake(&owner, 200).event();
    let stake = world.stake_of(&owner);
    assert_eq!((stake.shares.get(), stake.requested.get(), stake.requested_at), (500, 200, world.now()));
    assert_eq!((event.version, event.pool, event.owner), (1, world.pool, owner.address()));
    assert_eq!((event.time, event.era, event.shares), (world.now(), 0, 200));
    assert_eq!((event.from, event.before), (world.now() + COOLING_OFF, world.now() + COOLING_OFF + UNSTAKE_WINDOW));
    assert_eq!((COOLING_OFF, UNSTAKE_WINDOW), (604_800, 172_800));
}

#[test]
fn a_new_request_takes_the_place_of_the_old_one_and_starts_anew() {
    let (mut world, owner) = staked();
    world.request_unstake(&owner, 200);
    world.pass(1_000);
    world.request_unstake(&owner, 500);
    let stake = world.stake_of(&owner);
    assert_eq!((stake.requested.get(), stake.requested_at), (500, world.now()));
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    #[test]
    fn nothing_or_more_than_there_is() {
        let (mut world, owner) = staked();
        let cases = [(0, NovateError::ZeroAmount), (501, NovateError::InsufficientShares)];
        for (shares, error) in cases.into_iter().chain([(u128::MAX, NovateError::InsufficientShares)]) {
            let request = world.request_instruction(&owner, shares);
            world.refuses(&[request], &[&owner.key], error);
        }
    }

    #[test]
    fn of_the_stake_of_another() {
        let (mut world, owner) = staked();
        let other = world.actor();
        let stake = addresses::stake(&world.pool, &owner.address());
        let request = world.request_instruction(&other, 1).with_account(2, stake);
        world.refuses(&[request], &[&other.key], NovateError::NotStaker);
        let request = world.request_instruction(&owner, 1).unsigned(3);
        world.refuses(&[request], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn under_another_pool() {
        let (mut world, owner) = staked();
        let foreign = world.second_pool();
        let request = world.request_instruction(&owner, 1);
        let wrong = request.clone().with_account(1, addresses::insurance(&foreign));
        world.refuses(std::slice::from_ref(&wrong), &[&owner.key], NovateError::WrongPool);
        world.refuses(&[wrong.with_account(0, foreign)], &[&owner.key], NovateError::WrongPool);
    }

    #[test]
    fn without_a_stake() {
        let mut world = World::default();
        let owner = world.actor();
        let request = world.request_instruction(&owner, 1);
        world.refuses(&[request], &[&owner.key], ErrorCode::AccountOwnedByWrongProgram);
    }
}
