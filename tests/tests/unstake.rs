use novate::events::Unstaked;
use novate_client::state::{COOLING_OFF, UNSTAKE_WINDOW};
use novate_tests::{checker, Actor, World, USDC};

use crate::checking::raw;

/// Two stakes of 500 and 300, and a request of the first for 200, made now.
fn requested() -> (World, Actor, Actor) {
    let mut world = World::default();
    let (owner, other) = (world.actor(), world.actor());
    world.stake(&owner, 500);
    world.stake(&other, 300);
    world.request_unstake(&owner, 200);
    (world, owner, other)
}

#[test]
fn after_the_cooling_off_the_claim_is_paid() {
    let (mut world, owner, _) = requested();
    world.pass(COOLING_OFF);
    let event: Unstaked = world.unstake(&owner).event();
    assert_eq!((world.tokens(&owner.tokens[0]), world.vault(USDC)), (200, 600));
    let stake = world.stake_of(&owner);
    assert_eq!((stake.shares.get(), stake.requested.get(), stake.requested_at), (300, 0, 0));
    assert_eq!((world.insurance().staked, world.insurance().stake_shares.get()), (600, 600));
    assert_eq!((event.version, event.pool, event.owner, event.time), (1, world.pool, owner.address(), world.now()));
    assert_eq!((event.era, event.amount, event.shares, event.owner_shares), (0, 200, 200, 300));
    assert_eq!((event.staked, event.total_shares), (600, 600));
    assert_eq!(checker::violations(&raw(&world), world.pool.to_bytes()), Vec::<String>::new());
}

#[test]
fn until_the_last_second_and_to_any_account_of_the_mint() {
    let (mut world, owner, other) = requested();
    world.pass(COOLING_OFF + UNSTAKE_WINDOW - 1);
    let mut unstake = world.unstake_instruction(&owner);
    unstake.accounts[5].pubkey = other.tokens[0];
    world.succeeds(&[unstake], &[&owner.key]);
    assert_eq!(world.tokens(&other.tokens[0]), 200);
}

#[test]
fn everyone_may_leave() {
    let (mut world, owner, other) = requested();
    for (actor, shares) in [(&owner, 500), (&other, 300)] {
        world.request_unstake(actor, shares);
    }
    world.pass(COOLING_OFF);
    world.unstake(&owner);
    world.unstake(&other);
    let insurance = world.insurance();
    assert_eq!((insurance.staked, insurance.stake_shares.get(), world.vault(USDC)), (0, 0, 0));
    world.stake(&other, 7);
    assert_eq!(world.shares_of(&other), 7);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::{Altered, BTC};

    #[test]
    fn before_the_cooling_off_is_over() {
        let (mut world, owner, _) = requested();
        let unstake = world.unstake_instruction(&owner);
        world.refuses(std::slice::from_ref(&unstake), &[&owner.key], NovateError::CoolingOff);
        world.pass(COOLING_OFF - 1);
        world.refuses(std::slice::from_ref(&unstake), &[&owner.key], NovateError::CoolingOff);
        // A new request starts anew.
        world.request_unstake(&owner, 200);
        world.pass(1);
        world.refuses(&[unstake], &[&owner.key], NovateError::CoolingOff);
    }

    #[test]
    fn after_the_request_has_lapsed() {
        let (mut world, owner, _) = requested();
        let unstake = world.unstake_instruction(&owner);
        for seconds in [COOLING_OFF + UNSTAKE_WINDOW, 100 * UNSTAKE_WINDOW] {
            world.pass(seconds);
            world.refuses(std::slice::from_ref(&unstake), &[&owner.key], NovateError::UnstakeLapsed);
        }
    }

    #[test]
    fn twice_or_without_a_request() {
        let (mut world, owner, other) = requested();
        world.pass(COOLING_OFF);
        world.unstake(&owner);
        for actor in [&owner, &other] {
            let unstake = world.unstake_instruction(actor);
            world.refuses(&[unstake], &[&actor.key], NovateError::NoUnstakeRequest);
        }
    }

    #[test]
    fn the_stake_of_another() {
        let (mut world, owner, other) = requested();
        world.pass(COOLING_OFF);
        let stake = addresses::stake(&world.pool, &owner.address());
        let unstake = world.unstake_instruction(&other).with_account(2, stake);
        world.refuses(&[unstake], &[&other.key], NovateError::NotStaker);
        let unstake = world.unstake_instruction(&owner).unsigned(7);
        world.refuses(&[unstake], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn accounts_that_do_not_belong_together() {
        let (mut world, owner, _) = requested();
        let foreign = world.second_pool();
        world.pass(COOLING_OFF);
        let unstake = world.unstake_instruction(&owner);
        let own = world.token_account(&owner.address(), USDC);
        let mint = world.listing(BTC).token.mint;
        for (at, account, error) in [
            (0, foreign, NovateError::WrongPool),
            (1, addresses::insurance(&foreign), NovateError::WrongPool),
            (3, addresses::asset(&foreign, USDC), NovateError::WrongPool),
            (4, own, NovateError::WrongVault),
            (5, owner.tokens[usize::from(BTC)], NovateError::WrongTokenAccount),
            (6, mint, NovateError::WrongMint),
            (8, anchor_spl::token_2022::ID, NovateError::WrongTokenProgram),
        ] {
            world.refuses(&[unstake.clone().with_account(at, account)], &[&owner.key], error);
        }
        let btc = addresses::asset(&world.pool, BTC);
        let wrong = unstake.with_account(3, btc).with_account(4, addresses::vault(&btc));
        let wrong = wrong.with_account(5, owner.tokens[usize::from(BTC)]).with_account(6, mint);
        world.refuses(&[wrong], &[&owner.key], NovateError::NotSettlementAsset);
    }
}
