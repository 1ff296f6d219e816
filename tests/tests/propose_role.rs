use novate::events::RoleProposed;
use novate_client::order::Cluster;
use novate_client::state::Pool;
use novate_client::{instructions as build, NovateError, Pubkey, Role};
use novate_tests::World;
use solana_signer::Signer;

/// Where the proposals stand in a pool account: key and time of the authority's successor, of the guardian's, of the risk role's.
const PROPOSALS: [(usize, usize); 3] = [(88, 592), (560, 600), (704, 736)];

#[test]
fn somebody_is_named_and_nothing_else_changes() {
    let mut world = World::default();
    for (role, (key_at, time_at)) in [Role::Authority, Role::Guardian, Role::Risk].into_iter().zip(PROPOSALS) {
        let key = world.new_address();
        let mut expected = world.account(&world.pool).data;
        let event: RoleProposed = world.propose(role, &key).event();
        expected[key_at..key_at + 32].copy_from_slice(key.as_ref());
        expected[time_at..time_at + 8].copy_from_slice(&world.now().to_le_bytes());
        assert_eq!(world.account(&world.pool).data, expected);
        assert_eq!((event.version, event.pool, event.role, event.key), (1, world.pool, role, key));
        assert_eq!(event.time, world.now());
    }
}

#[test]
fn another_proposal_begins_anew() {
    let mut world = World::default();
    let (first, second) = (world.new_wallet(), world.new_wallet());
    world.propose(Role::Authority, &first.pubkey());
    world.pass(novate_tests::ROLE_DELAY - 1);
    world.propose(Role::Authority, &second.pubkey());
    world.pass(1);
    let accept = |key: Pubkey| build::accept_role(key, world.pool, Role::Authority);
    let (by_first, by_second) = (accept(first.pubkey()), accept(second.pubkey()));
    world.refuses(&[by_first], &[&first], NovateError::NotProposed);
    world.refuses(&[by_second], &[&second], NovateError::ProposalTooYoung);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::addresses;
    use novate_tests::{Altered, BTC};

    #[test]
    fn only_the_authority_proposes() {
        let mut world = World::default();
        let guardian = world.guardian.insecure_clone();
        let stranger = world.new_wallet();
        for key in [&guardian, &stranger] {
            let propose = build::propose_role(key.pubkey(), world.pool, Role::Authority, stranger.pubkey());
            world.refuses(&[propose], &[key], NovateError::NotAuthority);
        }
        let propose = build::propose_role(world.governor.pubkey(), world.pool, Role::Guardian, stranger.pubkey());
        world.refuses(&[propose.unsigned(1)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn nobody_holds_two_roles() {
        let mut world = World::default();
        let guardian = world.guardian.pubkey();
        let governor = world.governor.insecure_clone();
        for (role, key) in [
            (Role::Authority, guardian),
            (Role::Authority, governor.pubkey()),
            (Role::Guardian, guardian),
            (Role::Guardian, governor.pubkey()),
            (Role::Guardian, Pubkey::default()),
        ] {
            let propose = build::propose_role(governor.pubkey(), world.pool, role, key);
            world.refuses(&[propose], &[&governor], NovateError::InvalidRole);
        }
    }

    #[test]
    fn a_role_that_is_none() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let mut propose = build::propose_role(governor.pubkey(), world.pool, Role::Guardian, governor.pubkey());
        propose.data[8] = 3;
        world.refuses(&[propose], &[&governor], ErrorCode::InstructionDidNotDeserialize);
    }

    #[test]
    fn a_pool_of_another_that_is_none_or_read_only() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let (other, key) = (world.new_wallet(), world.new_address());
        let create =
            build::create_pool(other.pubkey(), 0, Cluster::Localnet, world.listings[0].token.mint, world.roles());
        world.succeeds(&[create], &[&other]);
        let foreign = build::propose_role(governor.pubkey(), addresses::pool(&other.pubkey(), 0), Role::Authority, key);
        world.refuses(&[foreign], &[&governor], NovateError::NotAuthority);
        let propose = build::propose_role(governor.pubkey(), world.pool, Role::Authority, key);
        let asset = addresses::asset(&world.pool, BTC);
        world.refuses(&[propose.clone().with_account(0, asset)], &[&governor], ErrorCode::AccountDiscriminatorMismatch);
        world.refuses(&[propose.read_only(0)], &[&governor], ErrorCode::ConstraintMut);
        assert_eq!(world.state::<Pool>(&world.pool).authority_proposed, 0);
    }
}
