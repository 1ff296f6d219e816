use novate::events::CommitteeSet;
use novate_client::state::{Committee, MAX_MEMBERS};
use novate_client::{addresses, instructions as build, Instruction, NovateError, Pubkey};
use novate_tests::World;
use solana_signer::Signer;

fn committee(world: &World) -> Committee {
    world.state(&addresses::committee(&world.pool))
}

/// Some keys, ascending.
fn keys(count: u8) -> Vec<Pubkey> {
    (1..=count).map(|byte| Pubkey::new_from_array([byte; 32])).collect()
}

fn set(world: &World, members: &[Pubkey], quorum: u8) -> Instruction {
    build::set_committee(world.governor.pubkey(), world.pool, members.to_vec(), quorum)
}

#[test]
fn members_are_seated_with_their_quorum() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let first = committee(&world);
    assert_eq!((first.seats, first.quorum, first.term), (3, 2, 1));
    for (count, quorums) in [(1u8, 1..=1), (2, 2..=2), (3, 2..=3), (8, 5..=8), (9, 5..=9)] {
        for quorum in quorums {
            let term = committee(&world).term;
            let sent = world.succeeds(&[set(&world, &keys(count), quorum)], &[&governor]);
            let event: CommitteeSet = sent.event();
            assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
            assert_eq!((event.members, event.quorum, event.term), (keys(count), quorum, term + 1));
            let after = committee(&world);
            assert_eq!((after.seats, after.quorum, after.term), (count, quorum, term + 1));
            assert_eq!(after.members[..count.into()], keys(count));
            assert_eq!(after.members[count.into()..], vec![Pubkey::default(); MAX_MEMBERS - usize::from(count)]);
        }
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::Role;
    use novate_tests::dated::refused;
    use novate_tests::{Altered, ROLE_DELAY};

    // Positions of the accounts.
    const COMMITTEE: usize = 1;
    const AUTHORITY: usize = 2;

    #[test]
    fn only_the_authority_names_members() {
        let mut world = World::default();
        let stranger = world.new_wallet();
        let change = set(&world, &keys(3), 2).with_account(AUTHORITY, stranger.pubkey());
        world.refuses(&[change], &[&stranger], NovateError::NotAuthority);
        // Nor do members name others.
        let member = world.members[0].insecure_clone();
        let change = set(&world, &keys(3), 2).with_account(AUTHORITY, member.pubkey());
        world.refuses(&[change], &[&member], NovateError::NotAuthority);
        let change = set(&world, &keys(3), 2).unsigned(AUTHORITY);
        world.refuses(&[change], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn a_quorum_that_is_no_majority() {
        let mut world = World::default();
        for (count, quorum) in [(1, 0), (1, 2), (2, 1), (3, 1), (3, 4), (8, 4), (9, 4), (9, 10), (9, 255)] {
            let change = set(&world, &keys(count), quorum);
            refused(&mut world, change, NovateError::InvalidCommittee);
        }
    }

    #[test]
    fn none_too_many_twice_or_zero() {
        let mut world = World::default();
        let [one, two] = [1, 2].map(|byte| Pubkey::new_from_array([byte; 32]));
        let cases = [vec![], keys(10), vec![one, one], vec![two, one], vec![Pubkey::default(), one]];
        for members in cases {
            let quorum = members.len() as u8 / 2 + 1;
            let change = set(&world, &members, quorum);
            refused(&mut world, change, NovateError::InvalidCommittee);
        }
    }

    /// Who holds a role forecasts nothing: neither is it seated, nor does it submit once it has taken one.
    #[test]
    fn holders_of_roles() {
        let mut world = World::default();
        let holder = world.governor.pubkey();
        let change = set(&world, &[holder], 1);
        refused(&mut world, change, NovateError::MemberHoldsRole);
        for role in Role::ALL {
            let mut world = World::default();
            let member = world.members[0].insecure_clone();
            let time = world.chain(novate_tests::BTC_PERP, 30, 0.5, &[]);
            world.pass(10);
            world.propose(role, &member.pubkey());
            world.pass(ROLE_DELAY);
            let forecast = novate_client::Forecast::from(&world.expiry(novate_tests::BTC_PERP, time));
            world.submit_forecast(0, novate_tests::BTC_PERP, time, forecast);
            let accept = build::accept_role(member.pubkey(), world.pool, role);
            world.succeeds(&[accept], &[&member]);
            let submit = world.submit_instruction(0, novate_tests::BTC_PERP, time, forecast);
            world.refuses(&[submit], &[&member], NovateError::MemberHoldsRole);
        }
    }

    #[test]
    fn the_committee_of_another_pool() {
        let mut world = World::default();
        let other = world.second_pool();
        let change = set(&world, &keys(3), 2).with_account(COMMITTEE, addresses::committee(&other));
        refused(&mut world, change, ErrorCode::ConstraintSeeds);
    }

    /// The size of the longest change: all of nine members fit.
    #[test]
    fn nine_members_can_be_scheduled() {
        let mut world = World::default();
        world.by_hand = true;
        let governor = world.governor.insecure_clone();
        let change = set(&world, &keys(9), 5);
        world.refuses(std::slice::from_ref(&change), &[&governor], NovateError::ChangeMissing);
        let execute = world.matured(&change);
        world.succeeds(&[execute], &[&governor]);
        assert_eq!(committee(&world).seats, 9);
    }
}
