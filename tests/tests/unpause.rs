use novate::events::PauseSet;
use novate_client::state::Pool;
use novate_client::{instructions as build, Action, NovateError};
use novate_tests::{Chance, World, DAY, USDC};
use solana_signer::Signer;

#[test]
fn the_authority_lifts_a_pause_and_the_next_may_begin_after_as_long_again() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let owner = world.trader(100);
    let began = world.now();
    world.pause(Action::Withdraw, DAY);
    world.pass(60);
    let event: PauseSet = world.unpause(Action::Withdraw).event();
    assert_eq!((event.version, event.pool, event.action), (1, world.pool, Action::Withdraw));
    assert_eq!((event.until, event.pausable_from), (began + 60, began + 120));
    assert_eq!((event.signer, event.time), (governor.pubkey(), began + 60));
    world.withdraw(&owner, USDC, 1);
    let guardian = world.guardian.insecure_clone();
    let again = build::pause(guardian.pubkey(), world.pool, Action::Withdraw, 60);
    for passed in [0, 59] {
        world.pass(passed);
        world.refuses(std::slice::from_ref(&again), &[&guardian], NovateError::PausedLately);
    }
    world.pass(1);
    let event: PauseSet = world.succeeds(&[again], &[&guardian]).event();
    assert_eq!((event.until, event.pausable_from), (began + 180, began + 120 + 2 * DAY));
}

/// The longest from the beginning, lifted in its last second: no sooner than if it had ended by itself, less two seconds.
#[test]
fn a_pause_that_was_prolonged_rests_for_all_of_it() {
    let mut world = World::default();
    let began = world.now();
    world.pause(Action::Withdraw, 3_600);
    world.pass(1_800);
    world.pause(Action::Withdraw, DAY - 1_800);
    world.pass(DAY - 1_801);
    let event: PauseSet = world.unpause(Action::Withdraw).event();
    assert_eq!((event.until, event.pausable_from), (began + DAY - 1, began + 2 * DAY - 2));
}

/// Whatever guardian and authority do between them, no kind is paused for more than half of the time.
#[test]
fn pauses_that_are_lifted_and_begun_anew_stop_nothing_for_more_than_half_of_the_time() {
    let mut world = World::default();
    let (governor, guardian) = (world.governor.insecure_clone(), world.guardian.insecure_clone());
    let mut chance = Chance::new(7);
    let (began, longest) = (world.now(), Action::Withdraw.longest());
    let (mut paused, mut begun, mut lifted) = (0, 0, 0);
    for _ in 0..1_000 {
        if chance.percent(50) {
            let unpause = build::unpause(governor.pubkey(), world.pool, Action::Withdraw);
            lifted += i64::from(world.attempt(unpause, &[&governor]).is_ok());
        }
        let pool: Pool = world.state(&world.pool);
        // One under way ends at the latest when the longest has passed since it began.
        let most = match world.now() < pool.paused_until(Action::Withdraw) {
            true => (pool.pausable_from(Action::Withdraw) - longest - world.now()).max(1),
            false => longest,
        };
        let seconds = if chance.percent(70) { most } else { chance.between(1, longest) };
        let pause = build::pause(guardian.pubkey(), world.pool, Action::Withdraw, seconds);
        begun += i64::from(world.attempt(pause, &[&guardian]).is_ok());
        let pool: Pool = world.state(&world.pool);
        let passed = chance.between(1, longest / 2);
        paused += (pool.paused_until(Action::Withdraw) - world.now()).clamp(0, passed);
        world.pass(passed);
        let whole = world.now() - began;
        // The last one may be under way, its rest still to come.
        assert!(2 * paused <= whole + longest, "{paused} of {whole}");
    }
    assert!(begun >= 100 && lifted >= 20, "{begun}, {lifted}");
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn a_guardian_only_tightens() {
        let mut world = World::default();
        let guardian = world.guardian.insecure_clone();
        let pause = build::pause(guardian.pubkey(), world.pool, Action::Trade, 60);
        world.succeeds(&[pause], &[&guardian]);
        let lift = build::unpause(guardian.pubkey(), world.pool, Action::Trade);
        world.refuses(&[lift], &[&guardian], NovateError::NotAuthority);
        let governor = world.governor.insecure_clone();
        let lift = build::unpause(governor.pubkey(), world.pool, Action::Trade);
        world.refuses(&[lift.clone().unsigned(1)], &[], ErrorCode::AccountNotSigner);
        world.refuses(&[lift.clone().read_only(0)], &[&governor], ErrorCode::ConstraintMut);
        world.succeeds(&[lift], &[&governor]);
    }

    #[test]
    fn what_is_not_paused() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        world.pause(Action::Trade, 60);
        let other = build::unpause(governor.pubkey(), world.pool, Action::Deposit);
        world.refuses(&[other], &[&governor], NovateError::NotPaused);
        world.pass(60);
        let over = build::unpause(governor.pubkey(), world.pool, Action::Trade);
        world.refuses(&[over], &[&governor], NovateError::NotPaused);
    }
}
