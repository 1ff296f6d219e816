use novate::events::ScenariosStaged;
use novate_client::state::{Pool, Scenarios};
use novate_client::{addresses, instructions as build, Instruction, ScenarioRange};
use novate_margin::extremes;
use novate_tests::{Builder, World};
use solana_signer::Signer;

const ROWS: u16 = 10;
const PRESENT: u16 = 0b111;

fn unstaged() -> World {
    Builder::default().unstaged().build()
}

fn range(start: u16, length: u16) -> ScenarioRange {
    World::rows_of(ROWS, PRESENT, start, length)
}

fn stage(world: &World, generation: u16, range: ScenarioRange) -> Instruction {
    build::stage_scenarios(world.governor.pubkey(), world.pool, generation, range)
}

#[test]
fn a_whole_first_generation_is_live_at_once() {
    let mut world = unstaged();
    let governor = world.governor.insecure_clone();
    let instruction = stage(&world, 1, range(0, ROWS));
    let sent = world.succeeds(&[instruction], &[&governor]);

    let address = addresses::scenarios(&world.pool, 1);
    let scenarios: Scenarios = world.state(&address);
    assert_eq!((scenarios.version, scenarios.generation, scenarios.count), (1, 1, ROWS));
    assert_eq!((scenarios.present, scenarios.complete, scenarios.source), (PRESENT, 1, [7; 32]));
    assert_eq!((scenarios.pool, scenarios.staged.get()), (world.pool, (1 << ROWS) - 1));
    let sent_rows = range(0, ROWS);
    for column in 0..3 {
        let moves: Vec<i16> = sent_rows.moves.iter().skip(column).step_by(3).copied().collect();
        let vols: Vec<i8> = sent_rows.vols.iter().skip(column).step_by(3).copied().collect();
        assert_eq!(scenarios.moves[column][..usize::from(ROWS)], moves);
        assert_eq!(scenarios.vols[column][..usize::from(ROWS)], vols);
        assert_eq!(scenarios.extremes[column], extremes(&moves));
    }
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.generation, pool.scenarios), (1, address));

    let event: ScenariosStaged = sent.event();
    assert_eq!((event.version, event.pool, event.generation, event.time), (1, world.pool, 1, world.now()));
    assert_eq!((event.start, event.rows, event.complete, event.live), (0, ROWS, true, true));
}

#[test]
fn ranges_in_any_order_complete_a_generation() {
    let mut world = unstaged();
    let governor = world.governor.insecure_clone();
    let instruction = stage(&world, 1, range(4, 6));
    let first: ScenariosStaged = world.succeeds(&[instruction], &[&governor]).event();
    assert_eq!((first.start, first.rows, first.complete, first.live), (4, 6, false, false));
    assert_eq!(world.state::<Pool>(&world.pool).generation, 0);
    assert_eq!(world.state::<Scenarios>(&addresses::scenarios(&world.pool, 1)).complete, 0);

    let instruction = stage(&world, 1, range(0, 4));
    let second: ScenariosStaged = world.succeeds(&[instruction], &[&governor]).event();
    assert_eq!((second.start, second.rows, second.complete, second.live), (0, 4, true, true));
    assert_eq!(world.state::<Pool>(&world.pool).generation, 1);
}

#[test]
fn a_row_staged_again_is_overwritten_until_the_generation_is_complete() {
    let mut world = unstaged();
    let governor = world.governor.insecure_clone();
    let instruction = stage(&world, 1, range(0, 2));
    world.succeeds(&[instruction], &[&governor]);
    let changed = ScenarioRange { moves: vec![1, 2, 3], vols: vec![4, 5, 6], ..range(1, 1) };
    let instruction = stage(&world, 1, changed);
    world.succeeds(&[instruction], &[&governor]);
    let scenarios: Scenarios = world.state(&addresses::scenarios(&world.pool, 1));
    assert_eq!([0, 1, 2].map(|c| scenarios.moves[c][1]), [1, 2, 3]);
    assert_eq!([0, 1, 2].map(|c| scenarios.vols[c][1]), [4, 5, 6]);
    assert_eq!((scenarios.staged.get(), scenarios.complete), (0b11, 0));
}

#[test]
fn staging_begins_anew_with_another_header_from_the_first_row() {
    let mut world = unstaged();
    let governor = world.governor.insecure_clone();
    let instruction = stage(&world, 1, range(0, 4));
    world.succeeds(&[instruction], &[&governor]);
    let other = ScenarioRange { source: [8; 32], ..World::rows_of(6, 0b11, 0, 2) };
    let instruction = stage(&world, 1, other);
    world.succeeds(&[instruction], &[&governor]);
    let scenarios: Scenarios = world.state(&addresses::scenarios(&world.pool, 1));
    assert_eq!((scenarios.count, scenarios.present, scenarios.source), (6, 0b11, [8; 32]));
    assert_eq!((scenarios.staged.get(), scenarios.complete), (0b11, 0));
    assert_eq!((scenarios.moves[0][3], scenarios.moves[2][0]), (0, 0));
}

#[test]
fn a_second_generation_is_staged_but_not_live() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let instruction = stage(&world, 2, range(0, ROWS));
    let event: ScenariosStaged = world.succeeds(&[instruction], &[&governor]).event();
    assert_eq!((event.generation, event.complete, event.live), (2, true, false));
    let pool: Pool = world.state(&world.pool);
    assert_eq!((pool.generation, pool.scenarios), (1, addresses::scenarios(&world.pool, 1)));
    assert_eq!(world.state::<Scenarios>(&addresses::scenarios(&world.pool, 2)).sealed_at, world.now());
}

/// As it is the only one that can be switched to, rows that turned out wrong do not stand in the way of others.
#[test]
fn a_complete_generation_begins_anew_with_another_header_until_it_is_live() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let instruction = stage(&world, 2, range(0, ROWS));
    world.succeeds(&[instruction], &[&governor]);
    let address = addresses::scenarios(&world.pool, 2);
    let first: Scenarios = world.state(&address);
    world.pass(60);
    let instruction = stage(&world, 2, ScenarioRange { source: [8; 32], ..range(0, 4) });
    world.succeeds(&[instruction], &[&governor]);
    let second: Scenarios = world.state(&address);
    assert_eq!((second.complete, second.sealed_at, second.staged.get()), (0, 0, 0b1111));
    let instruction = stage(&world, 2, ScenarioRange { source: [8; 32], ..range(4, ROWS - 4) });
    world.succeeds(&[instruction], &[&governor]);
    let second: Scenarios = world.state(&address);
    assert_eq!((second.complete, second.sealed_at), (1, first.sealed_at + 60));
    assert!(second.hash() != first.hash());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    #[track_caller]
    fn refused(range: ScenarioRange, error: NovateError) {
        let mut world = unstaged();
        let governor = world.governor.insecure_clone();
        let instruction = stage(&world, 1, range);
        world.refuses(&[instruction], &[&governor], error);
    }

    #[test]
    fn only_the_authority_stages_rows() {
        let mut world = unstaged();
        let stranger = world.new_wallet();
        let instruction = build::stage_scenarios(stranger.pubkey(), world.pool, 1, range(0, ROWS));
        world.refuses(&[instruction], &[&stranger], NovateError::NotAuthority);
    }

    #[test]
    fn only_the_next_generation_is_staged_and_first_the_first() {
        for (mut world, generations) in
            [(World::default(), [0, 1]), (World::default(), [3, 9]), (unstaged(), [0, 2]), (unstaged(), [3, u16::MAX])]
        {
            let governor = world.governor.insecure_clone();
            for generation in generations {
                let instruction = stage(&world, generation, range(0, ROWS));
                world.refuses(&[instruction], &[&governor], NovateError::WrongGeneration);
            }
        }
    }

    #[test]
    fn a_complete_generation_is_sealed() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let instruction = stage(&world, 2, range(0, ROWS));
        world.succeeds(&[instruction], &[&governor]);
        let instruction = stage(&world, 2, range(0, 1));
        world.refuses(&[instruction], &[&governor], NovateError::WrongGeneration);
    }

    #[test]
    fn every_call_repeats_the_header() {
        let mut world = unstaged();
        let governor = world.governor.insecure_clone();
        let instruction = stage(&world, 1, range(0, 2));
        world.succeeds(&[instruction], &[&governor]);
        let others = [
            World::rows_of(ROWS + 1, PRESENT, 2, 2),
            World::rows_of(ROWS, 0b11, 2, 2),
            ScenarioRange { source: [8; 32], ..range(2, 2) },
        ];
        for other in others {
            let instruction = stage(&world, 1, other);
            world.refuses(&[instruction], &[&governor], NovateError::ScenarioHeader);
        }
    }

    #[test]
    fn a_generation_has_6_to_128_rows_and_a_column() {
        for count in [0, 2, 129, u16::MAX] {
            refused(World::rows_of(count, PRESENT, 0, 2), NovateError::ScenarioHeader);
        }
        refused(ScenarioRange { present: 0, ..range(0, 2) }, NovateError::ScenarioHeader);
    }

    #[test]
    fn rows_stay_within_the_generation() {
        refused(range(ROWS - 1, 2), NovateError::ScenarioRows);
        refused(range(ROWS, 1), NovateError::ScenarioRows);
        refused(ScenarioRange { start: u16::MAX, ..range(0, 1) }, NovateError::ScenarioRows);
    }

    #[test]
    fn rows_are_whole() {
        refused(ScenarioRange { moves: vec![], vols: vec![], ..range(0, 1) }, NovateError::ScenarioRows);
        refused(ScenarioRange { moves: vec![1, 2], vols: vec![1, 2], ..range(0, 1) }, NovateError::ScenarioRows);
        refused(ScenarioRange { vols: vec![1, 2], ..range(0, 1) }, NovateError::ScenarioRows);
        refused(ScenarioRange { moves: vec![1; 4], vols: vec![1; 4], ..range(0, 1) }, NovateError::ScenarioRows);
    }

    #[test]
    fn moves_stay_within_their_scale() {
        for out in [4_097, -4_097, i16::MIN, i16::MAX] {
            refused(ScenarioRange { moves: vec![0, out, 0], ..range(0, 1) }, NovateError::ScenarioRows);
        }
        refused(ScenarioRange { vols: vec![0, i8::MIN, 0], ..range(0, 1) }, NovateError::ScenarioRows);
    }

    #[test]
    fn a_column_reaches_both_ways() {
        for flat in [0, 1, -1] {
            let mut range = range(0, ROWS);
            range.moves.iter_mut().skip(1).step_by(3).for_each(|m| *m = flat * m.abs().max(1));
            refused(range, NovateError::ScenarioColumnFlat);
        }
    }

    #[test]
    fn the_address_is_of_the_generation() {
        let mut world = unstaged();
        let governor = world.governor.insecure_clone();
        let other = addresses::scenarios(&world.pool, 2);
        let instruction = stage(&world, 1, range(0, ROWS)).with_account(1, other);
        world.refuses(&[instruction], &[&governor], ErrorCode::ConstraintSeeds);
    }
}
