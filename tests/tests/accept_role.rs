use novate::events::RoleAccepted;
use novate_client::state::Pool;
use novate_client::{instructions as build, NovateError, Role};
use novate_tests::{Builder, World, DAY, ROLE_DELAY};
use solana_keypair::Keypair;
use solana_signer::Signer;

fn accept(world: &World, key: &Keypair, role: Role) -> novate_client::Instruction {
    build::accept_role(key.pubkey(), world.pool, role)
}

#[test]
fn after_three_days_the_authority_passes_on() {
    let mut world = World::default();
    let former = world.governor.insecure_clone();
    let next = world.new_wallet();
    world.propose(Role::Authority, &next.pubkey());
    world.pass(ROLE_DELAY - 1);
    let take = accept(&world, &next, Role::Authority);
    world.refuses(std::slice::from_ref(&take), &[&next], NovateError::ProposalTooYoung);
    world.pass(1);
    let event: RoleAccepted = world.succeeds(std::slice::from_ref(&take), &[&next]).event();
    assert_eq!((event.version, event.pool, event.role), (1, world.pool, Role::Authority));
    assert_eq!((event.before, event.key, event.time), (former.pubkey(), next.pubkey(), world.now()));
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.authority, pool.authority_proposed), (next.pubkey(), 0));
    assert_eq!([pool.guardian, pool.risk], world.roles());
    let set = build::set_committee(former.pubkey(), world.pool, world.member_keys(), 2);
    world.refuses(&[set], &[&former], NovateError::NotAuthority);
    let set = build::set_committee(next.pubkey(), world.pool, world.member_keys(), 2);
    world.succeeds(&[set], &[&next]);
    world.refuses(&[take], &[&next], NovateError::NotProposed);
}

#[test]
fn the_guardian_passes_on_alike() {
    let mut world = World::default();
    let [next, risk] = [0; 2].map(|_| world.new_wallet().pubkey());
    world.propose(Role::Authority, &next);
    world.propose(Role::Risk, &risk);
    let guardian = world.new_wallet();
    world.propose(Role::Guardian, &guardian.pubkey());
    world.pass(ROLE_DELAY);
    let take = accept(&world, &guardian, Role::Guardian);
    world.succeeds(&[take], &[&guardian]);
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.guardian, pool.guardian_proposed), (guardian.pubkey(), 0));
    assert_eq!(pool.authority, world.governor.pubkey());
    // It ends no proposal but its own.
    assert_eq!((pool.pending_authority, pool.pending_risk), (next, risk));
}

/// What the former authority proposed for other roles is not the next one's.
#[test]
fn with_the_authority_all_proposals_die() {
    let mut world = World::default();
    let [next, guardian, risk] = [0; 3].map(|_| world.new_wallet());
    world.propose(Role::Authority, &next.pubkey());
    world.propose(Role::Guardian, &guardian.pubkey());
    world.propose(Role::Risk, &risk.pubkey());
    world.pass(ROLE_DELAY);
    let take = accept(&world, &next, Role::Authority);
    world.succeeds(&[take], &[&next]);
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.pending_authority, pool.authority_proposed), Default::default());
    assert_eq!((pool.pending_guardian, pool.guardian_proposed), Default::default());
    assert_eq!((pool.pending_risk, pool.risk_proposed), Default::default());
    for (key, role) in [(&guardian, Role::Guardian), (&risk, Role::Risk)] {
        let take = accept(&world, key, role);
        world.refuses(&[take], &[key], NovateError::NotProposed);
    }
}

#[test]
fn a_proposal_lapses_after_two_weeks() {
    for (days, lapsed) in [(14 * DAY - 1, false), (14 * DAY, true)] {
        let mut world = World::default();
        let next = world.new_wallet();
        world.propose(Role::Authority, &next.pubkey());
        world.pass(days);
        let take = accept(&world, &next, Role::Authority);
        if lapsed {
            world.refuses(&[take], &[&next], NovateError::ProposalLapsed);
        } else {
            world.succeeds(&[take], &[&next]);
        }
    }
}

#[test]
fn before_the_pool_trades_no_time_has_to_pass() {
    let mut world = Builder::default().unstaged().build();
    let next = world.new_wallet();
    world.propose(Role::Guardian, &next.pubkey());
    let take = accept(&world, &next, Role::Guardian);
    world.succeeds(&[take], &[&next]);
    assert_eq!(world.state::<Pool>(&world.pool).guardian, next.pubkey());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn who_was_not_proposed_or_for_the_other_role() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let (next, stranger) = (world.new_wallet(), world.new_wallet());
        world.propose(Role::Guardian, &next.pubkey());
        world.pass(ROLE_DELAY);
        for (key, role) in [(&stranger, Role::Guardian), (&governor, Role::Guardian), (&next, Role::Authority)] {
            let take = accept(&world, key, role);
            world.refuses(&[take], &[key], NovateError::NotProposed);
        }
        let take = accept(&world, &next, Role::Guardian);
        world.refuses(&[take.clone().unsigned(1)], &[], ErrorCode::AccountNotSigner);
        world.refuses(&[take.read_only(0)], &[&next], ErrorCode::ConstraintMut);
    }

    /// Proposed for both roles while it held none, a key takes one.
    #[test]
    fn who_took_the_other_role_since() {
        let mut world = World::default();
        let next = world.new_wallet();
        world.propose(Role::Guardian, &next.pubkey());
        world.propose(Role::Authority, &next.pubkey());
        world.pass(ROLE_DELAY);
        let take = accept(&world, &next, Role::Guardian);
        world.succeeds(&[take], &[&next]);
        let take = accept(&world, &next, Role::Authority);
        world.refuses(&[take], &[&next], NovateError::InvalidRole);
    }

    #[test]
    fn in_another_pool() {
        let mut world = World::default();
        let next = world.new_wallet();
        let other = world.second_pool();
        world.propose(Role::Authority, &next.pubkey());
        world.pass(ROLE_DELAY);
        let take = accept(&world, &next, Role::Authority).with_account(0, other);
        world.refuses(&[take], &[&next], NovateError::NotProposed);
    }
}
