use novate::events::DelaysSet;
use novate_client::state::{Pool, LONGEST_DELAY};
use novate_client::{instructions as build, Delays, Instruction, NovateError};
use novate_tests::{World, DAY};
use solana_signer::Signer;

const FLOORS: Delays =
    Delays { listing: 3 * DAY, expiry: DAY, parameters: 2 * DAY, oracle: 7 * DAY, model: 7 * DAY, committee: 7 * DAY };

fn world() -> World {
    let mut world = World::default();
    world.by_hand = true;
    world
}

fn set(world: &World, delays: Delays) -> Instruction {
    build::set_delays(world.governor.pubkey(), world.pool, delays)
}

fn delays(world: &World) -> Delays {
    world.state::<Pool>(&world.pool).delays()
}

#[test]
fn longer_delays_are_at_once() {
    let mut world = world();
    let governor = world.governor.insecure_clone();
    assert_eq!(delays(&world), FLOORS);
    let longer = Delays { listing: 5 * DAY, oracle: 14 * DAY, ..FLOORS };
    let event: DelaysSet = world.succeeds(&[set(&world, longer)], &[&governor]).event();
    assert_eq!((event.version, event.pool, event.delays, event.time), (1, world.pool, longer, world.now()));
    assert_eq!(delays(&world), longer);
}

#[test]
fn shorter_ones_wait_as_long_as_the_longest() {
    let mut world = world();
    let governor = world.governor.insecure_clone();
    let longer = Delays { expiry: 2 * DAY, oracle: 14 * DAY, ..FLOORS };
    world.succeeds(&[set(&world, longer)], &[&governor]);
    // The shorter one need not be the longest.
    let shorter = Delays { expiry: DAY, ..longer };
    world.refuses(&[set(&world, shorter)], &[&governor], NovateError::ChangeMissing);
    let number = world.schedule(&set(&world, shorter));
    assert_eq!(world.change(number).ready, world.now() + 14 * DAY);
    world.pass(14 * DAY);
    let execute = build::execute_change(set(&world, shorter), number, governor.pubkey());
    world.succeeds(&[execute], &[&governor]);
    assert_eq!(delays(&world), shorter);
}

/// A month for all of them takes weeks, in which everyone sees it.
#[test]
fn by_a_week_once_a_week() {
    let mut world = world();
    let governor = world.governor.insecure_clone();
    let week = |weeks: i64| Delays { oracle: (7 + 7 * weeks) * DAY, ..FLOORS };
    let beyond = set(&world, Delays { oracle: 14 * DAY + 1, ..FLOORS });
    world.refuses(&[beyond], &[&governor], NovateError::InvalidDelays);
    for weeks in 1..=3 {
        let longer = set(&world, week(weeks));
        world.succeeds(std::slice::from_ref(&longer), &[&governor]);
        world.pass(7 * DAY - 1);
        let next = set(&world, week(weeks + 1));
        world.refuses(&[next], &[&governor], NovateError::SettingTooSoon);
        world.pass(1);
    }
    let month = set(&world, Delays { oracle: LONGEST_DELAY, ..FLOORS });
    world.succeeds(&[month], &[&governor]);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    #[test]
    fn below_the_floors_or_beyond_thirty_days() {
        let mut world = world();
        let governor = world.governor.insecure_clone();
        let below: [fn(&mut Delays); 6] = [
            |d| d.listing -= 1,
            |d| d.expiry -= 1,
            |d| d.parameters = 0,
            |d| d.oracle = i64::MIN,
            |d| d.model = -1,
            |d| d.committee -= 1,
        ];
        for change in below {
            let mut delays = FLOORS;
            change(&mut delays);
            let execute = world.matured(&set(&world, delays));
            world.refuses(&[execute], &[&governor], NovateError::InvalidDelays);
        }
        for far in [LONGEST_DELAY + 1, i64::MAX] {
            let set = set(&world, Delays { model: far, ..FLOORS });
            world.refuses(&[set], &[&governor], NovateError::InvalidDelays);
        }
    }

    #[test]
    fn only_the_authority() {
        let mut world = world();
        let guardian = world.guardian.insecure_clone();
        let set = build::set_delays(guardian.pubkey(), world.pool, FLOORS);
        world.refuses(&[set], &[&guardian], NovateError::NotAuthority);
        let set = self::set(&world, FLOORS);
        world.refuses(&[set.clone().unsigned(1)], &[], ErrorCode::AccountNotSigner);
        let governor = world.governor.insecure_clone();
        world.refuses(&[set.read_only(0)], &[&governor], ErrorCode::ConstraintMut);
    }

    #[test]
    fn longer_ones_use_no_change_up() {
        let mut world = world();
        let governor = world.governor.insecure_clone();
        let longer = set(&world, Delays { listing: 9 * DAY, ..FLOORS });
        let execute = world.matured(&longer);
        world.refuses(&[execute], &[&governor], NovateError::ChangeNeedless);
    }
}
