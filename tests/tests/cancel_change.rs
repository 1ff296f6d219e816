use novate::events::ChangeCancelled;
use novate_client::order::Cluster;
use novate_client::state::Pool;
use novate_client::{addresses, instructions as build, NovateError, Role};
use novate_tests::{World, DAY, ROLE_DELAY};
use solana_signer::Signer;

/// A change of the committee that waits, and its number.
fn waiting() -> (World, u64) {
    let mut world = World::default();
    world.by_hand = true;
    let set = world.set_committee_instruction();
    let number = world.schedule(&set);
    (world, number)
}

#[test]
fn the_authority_and_the_guardian_take_a_change_back() {
    let mut world = World::default();
    world.by_hand = true;
    let (guardian, governor) = (world.guardian.insecure_clone(), world.governor.insecure_clone());
    let set = world.set_committee_instruction();
    for key in [&guardian, &governor] {
        let wealth = world.svm.get_balance(&governor.pubkey()).unwrap();
        let number = world.schedule(&set);
        let cancel = build::cancel_change(key.pubkey(), &world.change(number));
        let event: ChangeCancelled = world.succeeds(&[cancel], &[key]).event();
        let address = addresses::change(&world.pool, number);
        assert_eq!((event.version, event.pool, event.change, event.number), (1, world.pool, address, number));
        assert_eq!((event.signer, event.time), (key.pubkey(), world.now()));
        assert_eq!(world.svm.get_balance(&governor.pubkey()).unwrap(), wealth);
        assert_eq!(world.state::<Pool>(&world.pool).open_changes, 0);
        world.pass(7 * DAY);
        let execute = build::execute_change(set.clone(), number, governor.pubkey());
        let gone = anchor_lang::error::ErrorCode::AccountOwnedByWrongProgram;
        world.refuses(&[execute], &[&governor], gone);
    }
}

#[test]
fn what_can_no_longer_be_executed_anyone_clears_away() {
    let (mut world, number) = waiting();
    let stranger = world.new_wallet();
    let cancel = build::cancel_change(stranger.pubkey(), &world.change(number));
    world.pass(14 * DAY - 1);
    world.refuses(std::slice::from_ref(&cancel), &[&stranger], NovateError::NotAuthority);
    world.pass(1);
    world.succeeds(&[cancel], &[&stranger]);

    let (mut world, number) = waiting();
    let next = world.new_wallet();
    world.propose(Role::Authority, &next.pubkey());
    world.pass(ROLE_DELAY);
    let cancel = build::cancel_change(next.pubkey(), &world.change(number));
    world.succeeds(&[build::accept_role(next.pubkey(), world.pool, Role::Authority)], &[&next]);
    world.succeeds(&[cancel], &[&next]);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn nobody_else_while_it_waits() {
        let (mut world, number) = waiting();
        let stranger = world.new_wallet();
        let cancel = build::cancel_change(stranger.pubkey(), &world.change(number));
        world.refuses(std::slice::from_ref(&cancel), &[&stranger], NovateError::NotAuthority);
        world.refuses(&[cancel.unsigned(2)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn the_rent_goes_to_nobody_else() {
        let (mut world, number) = waiting();
        let (governor, thief) = (world.governor.insecure_clone(), world.new_wallet());
        let cancel = build::cancel_change(governor.pubkey(), &world.change(number)).with_account(3, thief.pubkey());
        world.refuses(&[cancel], &[&governor], NovateError::WrongPayer);
    }

    #[test]
    fn the_guardian_of_another_pool() {
        let (mut world, number) = waiting();
        let other = world.new_wallet();
        let mint = world.listings[0].token.mint;
        world.succeeds(&[build::create_pool(other.pubkey(), 0, Cluster::Localnet, mint, world.roles())], &[&other]);
        let theirs = addresses::pool(&other.pubkey(), 0);
        let cancel = build::cancel_change(other.pubkey(), &world.change(number)).with_account(0, theirs);
        world.refuses(&[cancel], &[&other], NovateError::WrongPool);
    }

    #[test]
    fn twice() {
        let (mut world, number) = waiting();
        let governor = world.governor.insecure_clone();
        let cancel = build::cancel_change(governor.pubkey(), &world.change(number));
        world.succeeds(std::slice::from_ref(&cancel), &[&governor]);
        world.refuses(&[cancel], &[&governor], ErrorCode::AccountOwnedByWrongProgram);
    }
}
