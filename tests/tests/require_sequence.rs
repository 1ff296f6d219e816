use novate_client::instructions as build;
use novate_tests::{World, USDC};

#[test]
fn the_sequence_as_last_seen_passes() {
    let mut world = World::default();
    let owner = world.actor();
    for sequence in 0..3 {
        let before = world.picture();
        world.succeeds(&[build::require_sequence(owner.portfolio, sequence)], &[]);
        assert_eq!(before.differences(&world.picture()), []);
        world.deposit(&owner, USDC, 1);
    }
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;

    #[test]
    fn another_sequence_fails_the_whole_transaction() {
        let mut world = World::default();
        let owner = world.actor();
        world.deposit(&owner, USDC, 1);
        world.fund(&owner, USDC, 5);
        let deposit = world.deposit_instruction(&owner, USDC, 5);
        for sequence in [0, 1, 3, u64::MAX] {
            let guard = build::require_sequence(owner.portfolio, sequence);
            world.refuses(&[deposit.clone(), guard], &[&owner.key], NovateError::SequenceMoved);
        }
        let guard = build::require_sequence(owner.portfolio, 2);
        world.succeeds(&[deposit, guard], &[&owner.key]);
    }

    #[test]
    fn what_is_no_portfolio_has_no_sequence() {
        let mut world = World::default();
        let guard = build::require_sequence(world.pool, 0);
        world.refuses(&[guard], &[], ErrorCode::AccountDiscriminatorMismatch);
        let guard = build::require_sequence(world.listing(USDC).token.mint, 0);
        world.refuses(&[guard], &[], ErrorCode::AccountOwnedByWrongProgram);
    }
}
