use novate::events::StakeClosed;
use novate_client::addresses;
use novate_client::state::COOLING_OFF;
use novate_tests::{checker, Actor, World};

use crate::checking::raw;

/// An owner who has taken out all that was staked.
fn emptied() -> (World, Actor) {
    let mut world = World::default();
    let owner = world.actor();
    world.stake(&owner, 500);
    world.request_unstake(&owner, 500);
    world.pass(COOLING_OFF);
    world.unstake(&owner);
    (world, owner)
}

#[test]
fn an_empty_stake_returns_its_rent() {
    let (mut world, owner) = emptied();
    let address = addresses::stake(&world.pool, &owner.address());
    let (rent, before) = (world.account(&address).lamports, world.account(&owner.address()).lamports);
    let close = world.close_stake_instruction(&owner);
    let event: StakeClosed = world.succeeds(&[close], &[&owner.key]).event();
    assert_eq!(world.account(&owner.address()).lamports, before + rent);
    assert_eq!((world.account(&address).lamports, world.account(&address).data.len()), (0, 0));
    assert_eq!((event.version, event.pool, event.owner, event.time), (1, world.pool, owner.address(), world.now()));
    world.stake(&owner, 9);
    assert_eq!(world.shares_of(&owner), 9);
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    #[test]
    fn with_shares() {
        let (mut world, owner) = emptied();
        world.stake(&owner, 1);
        let close = world.close_stake_instruction(&owner);
        world.refuses(&[close], &[&owner.key], NovateError::StakeNotEmpty);
    }

    #[test]
    fn twice() {
        let (mut world, owner) = emptied();
        let close = world.close_stake_instruction(&owner);
        world.succeeds(std::slice::from_ref(&close), &[&owner.key]);
        world.refuses(&[close], &[&owner.key], ErrorCode::AccountOwnedByWrongProgram);
    }

    #[test]
    fn by_another_or_under_another_pool() {
        let (mut world, owner) = emptied();
        let (other, foreign) = (world.actor(), world.second_pool());
        let close = world.close_stake_instruction(&owner);
        let theirs = close.clone().with_account(3, other.address());
        world.refuses(&[theirs], &[&other.key], NovateError::NotStaker);
        let wrong = close.clone().with_account(1, addresses::insurance(&foreign));
        world.refuses(std::slice::from_ref(&wrong), &[&owner.key], NovateError::WrongPool);
        world.refuses(&[wrong.with_account(0, foreign)], &[&owner.key], NovateError::WrongPool);
        world.refuses(&[close.unsigned(3)], &[], ErrorCode::AccountNotSigner);
    }
}
