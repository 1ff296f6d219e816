use novate::events::ScenariosSwitched;
use novate_client::state::{Pool, Scenarios};
use novate_client::{addresses, instructions as build, Instruction, NovateError, ScenarioRange};
use novate_tests::{refused, Altered, World};
use solana_signer::Signer;

const ROWS: u16 = 10;

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

mod adversary {
    use super::*;

    #[test]
    fn rows_that_are_not_complete_not_those_or_not_later() {
        let mut world = World::default();
        let half = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 0, ROWS / 2)).hash();
        let change = switch(&world, 2, half);
        refused(&mut world, change, NovateError::ScenariosDiffer);
        let whole = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 5, ROWS / 2)).hash();
        for hash in [half, [0; 32]] {
            let change = switch(&world, 2, hash);
            refused(&mut world, change, NovateError::ScenariosDiffer);
        }
        let live = world.state::<Scenarios>(&addresses::scenarios(&world.pool, 1)).hash();
        let change = switch(&world, 1, live);
        refused(&mut world, change, NovateError::ScenariosDiffer);
        let change = switch(&world, 2, whole);
        let governor = world.governor.insecure_clone();
        world.succeeds(std::slice::from_ref(&change), &[&governor]);
        refused(&mut world, change, NovateError::ScenariosDiffer);
    }

    #[test]
    fn rows_of_another_pool_or_by_another_key() {
        let mut world = World::default();
        let (other, stranger) = (world.second_pool(), world.new_wallet());
        let hash = stages(&mut world, 2, World::rows_of(ROWS, 0b111, 0, ROWS)).hash();
        let foreign = switch(&world, 2, hash).with_account(1, addresses::scenarios(&other, 1));
        refused(&mut world, foreign, NovateError::WrongPool);
        let by = build::switch_scenarios(stranger.pubkey(), world.pool, 2, hash);
        world.refuses(&[by], &[&stranger], NovateError::NotAuthority);
    }
}
