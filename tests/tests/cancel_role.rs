use novate::events::RoleCancelled;
use novate_client::order::Cluster;
use novate_client::state::Pool;
use novate_client::{instructions as build, NovateError, Pubkey, Role};
use novate_tests::{World, ROLE_DELAY};
use solana_signer::Signer;

#[test]
fn the_authority_takes_its_proposals_back() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let key = world.new_address();
    for role in [Role::Authority, Role::Guardian, Role::Risk] {
        let before = world.account(&world.pool).data;
        world.propose(role, &key);
        let cancel = build::cancel_role(governor.pubkey(), world.pool, role);
        let event: RoleCancelled = world.succeeds(std::slice::from_ref(&cancel), &[&governor]).event();
        assert_eq!((event.version, event.pool, event.role, event.key), (1, world.pool, role, key));
        assert_eq!((event.signer, event.time), (governor.pubkey(), world.now()));
        assert_eq!(world.account(&world.pool).data, before);
        world.refuses(&[cancel], &[&governor], NovateError::NotProposed);
    }
}

/// Whoever has the authority's key cannot hand it on against the guardian.
#[test]
fn the_guardian_stops_a_successor_of_the_authority() {
    let mut world = World::default();
    let guardian = world.guardian.insecure_clone();
    let thief = world.new_wallet();
    world.propose(Role::Authority, &thief.pubkey());
    world.pass(ROLE_DELAY);
    let cancel = build::cancel_role(guardian.pubkey(), world.pool, Role::Authority);
    let event: RoleCancelled = world.succeeds(&[cancel], &[&guardian]).event();
    assert_eq!((event.key, event.signer), (thief.pubkey(), guardian.pubkey()));
    let accept = build::accept_role(thief.pubkey(), world.pool, Role::Authority);
    world.refuses(&[accept], &[&thief], NovateError::NotProposed);
    assert_eq!(world.state::<Pool>(&world.pool).pending_authority, Pubkey::default());
}

#[test]
fn the_guardian_stops_a_successor_of_the_risk_role() {
    let mut world = World::default();
    let (guardian, thief) = (world.guardian.insecure_clone(), world.new_wallet());
    world.propose(Role::Risk, &thief.pubkey());
    let cancel = build::cancel_role(guardian.pubkey(), world.pool, Role::Risk);
    world.succeeds(&[cancel], &[&guardian]);
    world.pass(ROLE_DELAY);
    let accept = build::accept_role(thief.pubkey(), world.pool, Role::Risk);
    world.refuses(&[accept], &[&thief], NovateError::NotProposed);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn a_guardian_does_not_stop_its_own_successor() {
        let mut world = World::default();
        let guardian = world.guardian.insecure_clone();
        let next = world.new_wallet();
        world.propose(Role::Guardian, &next.pubkey());
        let cancel = build::cancel_role(guardian.pubkey(), world.pool, Role::Guardian);
        world.refuses(&[cancel], &[&guardian], NovateError::NotAuthority);
        world.pass(ROLE_DELAY);
        let accept = build::accept_role(next.pubkey(), world.pool, Role::Guardian);
        world.succeeds(&[accept], &[&next]);
    }

    #[test]
    fn a_stranger_or_who_is_proposed() {
        let mut world = World::default();
        let (stranger, next) = (world.new_wallet(), world.new_wallet());
        world.propose(Role::Authority, &next.pubkey());
        for key in [&stranger, &next] {
            let cancel = build::cancel_role(key.pubkey(), world.pool, Role::Authority);
            world.refuses(&[cancel], &[key], NovateError::NotAuthority);
        }
        let cancel = build::cancel_role(world.governor.pubkey(), world.pool, Role::Authority);
        world.refuses(&[cancel.unsigned(1)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn the_authority_of_another_pool() {
        let mut world = World::default();
        let (other, next) = (world.new_wallet(), world.new_address());
        let create =
            build::create_pool(other.pubkey(), 0, Cluster::Localnet, world.listings[0].token.mint, world.roles());
        world.succeeds(&[create], &[&other]);
        world.propose(Role::Authority, &next);
        let cancel = build::cancel_role(other.pubkey(), world.pool, Role::Authority);
        world.refuses(&[cancel], &[&other], NovateError::NotAuthority);
        let governor = world.governor.insecure_clone();
        let cancel = build::cancel_role(governor.pubkey(), world.pool, Role::Authority);
        world.refuses(&[cancel.read_only(0)], &[&governor], ErrorCode::ConstraintMut);
    }
}
