use novate::events::ScenariosSwitched;
use novate_client::state::{Pool, Scenarios, TIGHTENING};
use novate_client::{
    addresses, instructions as build, AssetField, AssetSetting, Instruction, NovateError, ParamSetting, ScenarioRange,
};
use novate_tests::{refused, Altered, World, BTC_PERP, CONTRACT, DAY, ETH_PERP, PRICE, SOL_PERP};
use solana_signer::Signer;

/// As many as are live.
const ROWS: u16 = novate_tests::world::ROWS;
/// What a cell may move by: an eighth of 0.35 of 4096 and of 127, cut off.
const STEP: (i16, i8) = (179, 5);

/// Stages a range of a generation.
fn stages(world: &mut World, generation: u16, range: ScenarioRange) -> Scenarios {
    let governor = world.governor.insecure_clone();
    let stage = build::stage_scenarios(governor.pubkey(), world.pool, generation, range);
    world.succeeds(&[stage], &[&governor]);
    world.state(&addresses::scenarios(&world.pool, generation))
}

fn switch(world: &World, generation: u16, hash: [u8; 32]) -> Instruction {
    build::switch_scenarios(world.governor.pubkey(), world.pool, generation, hash)
}

#[test]
fn complete_rows_of_the_next_generation_become_the_live_ones() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    for generation in [2, 3] {
        let hash = stages(&mut world, generation, World::rows_of(ROWS, 0b111, 0, ROWS)).hash();
        let change = switch(&world, generation, hash);
        let event: ScenariosSwitched = world.succeeds(&[change], &[&governor]).event();
        let address = addresses::scenarios(&world.pool, generation);
        assert_eq!((event.version, event.pool, event.generation), (1, world.pool, generation));
        assert_eq!((event.scenarios, event.hash, event.time), (address, hash, world.now()));
        let pool: Pool = world.state(&world.pool);
        assert_eq!((pool.generation, pool.scenarios), (generation, address));
        world.pass(DAY);
    }
}

/// As anyone computes it from the account.
#[test]
fn the_hash_is_that_of_the_account_behind_its_discriminator() {
    let mut world = World::default();
    let rows = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 0, ROWS));
    let account = world.account(&addresses::scenarios(&world.pool, 2));
    assert_eq!(rows.hash(), solana_sha256_hasher::hash(&account.data[8..]).to_bytes());
}

/// Rows a step from the live ones, row by row: which way columns go, by the row.
fn a_step_on(present: u16, way: impl Fn(usize, usize) -> (i16, i8)) -> ScenarioRange {
    let mut rows = World::rows_of(ROWS, present, 0, ROWS);
    let columns = present.count_ones() as usize;
    for at in 0..rows.moves.len() {
        let (moved, vol) = way(at / columns, at % columns);
        rows.moves[at] = (rows.moves[at] + moved).clamp(-4_096, 4_096);
        rows.vols[at] += vol;
    }
    rows
}

/// Long one against others short, at initial margin, and rows that move as far as they may: the worst rows of the book against it, all
/// others for each of its sides alone. It is at or above maintenance margin in the second of the switch.
#[test]
fn who_met_initial_margin_before_is_not_liquidatable_after() {
    let mut grown = vec![];
    for sizes in [(2, -26, 0), (2, -13, -250), (-1, 13, 0), (-3, 20, 300)] {
        let (long_btc, long_eth, long_sol) = sizes;
        let mut world = World::default();
        let (owner, maker) = (world.trader(200_000), world.trader(2_000_000));
        let legs = [(BTC_PERP, long_btc, 20_000), (ETH_PERP, long_eth, 1_500), (SOL_PERP, long_sol, 30)];
        for (market, size, price) in legs.into_iter().filter(|leg| leg.1 != 0) {
            world.trade(&owner, &maker, &[(market, size * CONTRACT, price * PRICE)]);
        }
        world.to_initial(&owner);
        let before = world.health(&owner);
        let signs = [long_btc, long_eth, long_sol].map(|size: i64| size.signum() as i16);
        let weights = legs.map(|(_, size, price)| size * price);
        let live = World::rows_of(ROWS, 0b111, 0, ROWS);
        let mut losses: Vec<(i64, usize)> = (0..usize::from(ROWS))
            .map(|row| ((0..3).map(|c| weights[c] * i64::from(live.moves[row * 3 + c])).sum(), row))
            .collect();
        losses.sort_unstable();
        let worst: Vec<usize> = losses[..6].iter().map(|loss| loss.1).collect();
        let next = a_step_on(0b111, |row, column| match worst.contains(&row) {
            true => (-signs[column] * STEP.0, 0),
            false => (signs[column] * STEP.0, 0),
        });
        let hash = stages(&mut world, 2, next).hash();
        let (governor, change) = (world.governor.insecure_clone(), switch(&world, 2, hash));
        world.succeeds(&[change], &[&governor]);
        let after = world.health(&owner);
        assert!(after.maintenance <= before.initial && after.equity >= after.maintenance, "{before:?} {after:?}");
        grown.push(after.initial as f64 / before.initial as f64);
    }
    println!("requirements of hedged books grew to, as a part of what they were: {grown:?}");
    assert!(grown.iter().any(|grown| *grown > 1.01), "{grown:?}");
}

#[test]
fn a_step_and_no_more() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let last = usize::from(ROWS) - 1;
    let moved = |at: (usize, usize), by: (i16, i8)| {
        let mut rows = World::rows_of(ROWS, 0b111, 0, ROWS);
        // Away from the edge, where there is room both ways.
        let cell = at.0 * 3 + at.1;
        rows.moves[cell] -= rows.moves[cell].signum() * by.0;
        rows.vols[cell] -= (rows.vols[cell].signum() | 1) * by.1;
        rows
    };
    for (at, by) in [((0, 0), (STEP.0 + 1, 0)), ((last, 2), (STEP.0 + 1, 0)), ((3, 1), (0, STEP.1 + 1))] {
        let mut world = world.twin();
        let hash = stages(&mut world, 2, moved(at, by)).hash();
        let change = switch(&world, 2, hash);
        refused(&mut world, change, NovateError::ScenariosStep);
    }
    // Fewer rows, more, and a column less.
    for rows in [
        World::rows_of(ROWS - 1, 0b111, 0, ROWS - 1),
        World::rows_of(ROWS + 1, 0b111, 0, ROWS + 1),
        World::rows_of(ROWS, 0b011, 0, ROWS),
    ] {
        let mut world = world.twin();
        let hash = stages(&mut world, 2, rows).hash();
        let change = switch(&world, 2, hash);
        refused(&mut world, change, NovateError::ScenariosStep);
    }
    // A whole step of all, and a column more.
    let next = a_step_on(0b1111, |row, column| match (column, row % 2) {
        (3, _) => (0, 0),
        (_, 0) => (-STEP.0, -STEP.1),
        _ => (STEP.0, STEP.1),
    });
    let hash = stages(&mut world, 2, next).hash();
    let change = switch(&world, 2, hash);
    world.succeeds(&[change], &[&governor]);
}

/// Nor while parameters or an asset's terms take what lies between maintenance and initial margin, or a day after another switch.
#[test]
fn one_at_a_time_of_what_raises_margin() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let hash = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 0, ROWS)).hash();
    let change = switch(&world, 2, hash);
    let params = build::set_params(governor.pubkey(), world.pool, vec![ParamSetting { parameter: 6, value: 12_000 }]);
    let mut other = world.twin();
    other.succeeds(std::slice::from_ref(&params), &[&governor]);
    refused(&mut other, change.clone(), NovateError::MarginMoving);
    let setting = AssetSetting { field: AssetField::HaircutBase, value: 102_000 };
    let tightened = build::set_asset(governor.pubkey(), world.pool, novate_tests::GOLD, vec![setting]);
    let mut other = world.twin();
    other.succeeds(&[tightened], &[&governor]);
    refused(&mut other, change.clone(), NovateError::MarginMoving);
    other.pass(TIGHTENING - 1);
    refused(&mut other, change.clone(), NovateError::MarginMoving);
    other.pass(1);
    other.succeeds(std::slice::from_ref(&change), &[&governor]);

    world.succeeds(&[change], &[&governor]);
    world.pass(DAY - 1);
    refused(&mut world, params.clone(), NovateError::MarginMoving);
    world.pass(1);
    world.succeeds(&[params], &[&governor]);
}

mod adversary {
    use super::*;

    #[test]
    fn rows_that_are_not_complete_not_those_or_not_later() {
        let mut world = World::default();
        let half = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 0, ROWS / 2)).hash();
        let change = switch(&world, 2, half);
        refused(&mut world, change, NovateError::ScenariosDiffer);
        let whole = stages(&mut world, 2, World::rows_of(ROWS, 0b111, ROWS / 2, ROWS / 2)).hash();
        for hash in [half, [0; 32]] {
            let change = switch(&world, 2, hash);
            refused(&mut world, change, NovateError::ScenariosDiffer);
        }
        let live = world.state::<Scenarios>(&addresses::scenarios(&world.pool, 1)).hash();
        let change = switch(&world, 1, live).with_account(2, addresses::scenarios(&world.pool, 1));
        refused(&mut world, change, NovateError::ScenariosDiffer);
        let change = switch(&world, 2, whole);
        let governor = world.governor.insecure_clone();
        world.succeeds(std::slice::from_ref(&change), &[&governor]);
        let again = change.with_account(2, addresses::scenarios(&world.pool, 2));
        refused(&mut world, again, NovateError::ScenariosDiffer);
    }

    #[test]
    fn rows_of_another_pool_or_by_another_key() {
        let mut world = World::default();
        let (other, stranger) = (world.second_pool(), world.new_wallet());
        let hash = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 0, ROWS)).hash();
        let foreign = switch(&world, 2, hash).with_account(1, addresses::scenarios(&other, 1));
        refused(&mut world, foreign, NovateError::WrongPool);
        let next = addresses::scenarios(&world.pool, 2);
        let itself = switch(&world, 2, hash).with_account(2, next);
        refused(&mut world, itself, NovateError::WrongScenarios);
        let by = build::switch_scenarios(stranger.pubkey(), world.pool, 2, hash);
        world.refuses(&[by], &[&stranger], NovateError::NotAuthority);
    }
}
