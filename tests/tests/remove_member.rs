use novate::events::MemberRemoved;
use novate_client::state::Committee;
use novate_client::{addresses, instructions as build, NovateError, Pubkey};
use novate_tests::{flat, World, BTC_PERP};
use solana_signer::Signer;

fn committee(world: &World) -> Committee {
    world.state(&addresses::committee(&world.pool))
}

#[test]
fn by_the_authority_or_by_itself() {
    for itself in [false, true] {
        let mut world = World::default();
        let member = world.members[1].insecure_clone();
        let signer = if itself { member.insecure_clone() } else { world.governor.insecure_clone() };
        let remove = build::remove_member(signer.pubkey(), world.pool, member.pubkey());
        let before = committee(&world);
        let event: MemberRemoved = world.succeeds(&[remove], &[&signer]).event();
        assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
        assert_eq!((event.member, event.seat, event.signer), (member.pubkey(), 1, signer.pubkey()));
        // Its seat stays, and the quorum.
        let mut expected = before;
        expected.members[1] = Pubkey::default();
        assert_eq!(bytemuck::bytes_of(&committee(&world)), bytemuck::bytes_of(&expected));
    }
}

/// All but a minority removed: what is left decides nothing, and closing goes on.
#[test]
fn removals_leave_no_minority_in_charge() {
    let mut world = World::default();
    world.seat(9);
    let time = world.chain(BTC_PERP, 30, 0.5, &[]);
    world.pass(301);
    let governor = world.governor.insecure_clone();
    for at in 0..5 {
        let remove = build::remove_member(governor.pubkey(), world.pool, world.members[at].pubkey());
        world.succeeds(&[remove], &[&governor]);
    }
    let forecast = flat(0.5, time - world.now());
    (5..9).for_each(|member| drop(world.submit_forecast(member, BTC_PERP, time, forecast)));
    let apply = world.apply_instruction(BTC_PERP, time);
    world.refuses(&[apply], &[], NovateError::QuorumMissing);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn by_anyone_else() {
        let mut world = World::default();
        let (member, other) = (world.members[0].insecure_clone(), world.members[1].insecure_clone());
        let guardian = world.guardian.insecure_clone();
        for signer in [&other, &guardian] {
            let remove = build::remove_member(signer.pubkey(), world.pool, member.pubkey());
            world.refuses(&[remove], &[signer], NovateError::NotAuthority);
        }
        let remove = build::remove_member(member.pubkey(), world.pool, member.pubkey());
        world.refuses(&[remove.unsigned(2)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn who_is_no_member_or_was_removed() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        for key in [Pubkey::default(), governor.pubkey()] {
            let remove = build::remove_member(governor.pubkey(), world.pool, key);
            world.refuses(&[remove], &[&governor], NovateError::NotMember);
        }
        let remove = build::remove_member(governor.pubkey(), world.pool, world.members[0].pubkey());
        world.succeeds(std::slice::from_ref(&remove), &[&governor]);
        world.refuses(&[remove], &[&governor], NovateError::NotMember);
    }

    #[test]
    fn of_another_pool() {
        let mut world = World::default();
        let other = world.second_pool();
        let governor = world.governor.insecure_clone();
        let remove = build::remove_member(governor.pubkey(), world.pool, world.members[0].pubkey());
        let elsewhere = remove.with_account(1, addresses::committee(&other));
        world.refuses(&[elsewhere], &[&governor], NovateError::WrongPool);
    }
}
