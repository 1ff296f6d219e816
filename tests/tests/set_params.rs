use std::mem::offset_of;

use novate::events::ParamsSet;
use novate_client::state::{Loosens, Pool, DISCRIMINATOR, PARAM_RAMP, SETTING_INTERVAL, TIGHTENING};
use novate_client::{instructions as build, AssetField, AssetSetting, Instruction, NovateError, ParamSetting};
use novate_margin::Params;
use novate_tests::{refused, Actor, World, BTC, BTC_PERP, CONTRACT, DAY, DOLLAR, ETH, ETH_PERP, PRICE};
use solana_signer::Signer;

/// Places of the credit of the expected shortfall, diversified_floor, basis_rate, outside_multiple and maintenance_ratio.
const CREDIT: u8 = 4;
const FLOOR: u8 = 5;
const BASIS: u8 = 6;
const OUTSIDE: u8 = 13;
const MAINTENANCE: u8 = 17;

fn set(world: &World, settings: &[(u8, i64)]) -> Instruction {
    let settings = settings.iter().map(|(parameter, value)| ParamSetting { parameter: *parameter, value: *value });
    build::set_params(world.governor.pubkey(), world.pool, settings.collect())
}

/// Which way each loosens stands in `docs/margin.md` as the program has it.
#[test]
fn the_table_of_the_document_is_that_of_the_program() {
    let page = include_str!("../../docs/margin.md");
    for (parameter, name) in (0u8..).zip(Params::NAMES) {
        let way = match (ParamSetting { parameter, value: 0 }).loosens().unwrap() {
            Loosens::Up => "up",
            Loosens::Down => "down",
            Loosens::Either => "either way",
        };
        let row = page.lines().find(|line| line.contains(&format!("| `{name}` |"))).unwrap();
        assert!(row.contains(&format!("| {way} |")), "{row}");
    }
}

#[test]
fn parameters_are_set_once_a_week() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let change = set(&world, &[(BASIS, 12_000), (OUTSIDE, 1_300_000), (MAINTENANCE, 770_000)]);
    let event: ParamsSet = world.succeeds(&[change], &[&governor]).event();
    assert_eq!((event.version, event.pool, event.time, event.settings.len()), (1, world.pool, world.now(), 3));
    assert_eq!(event.until, world.now() + PARAM_RAMP);
    let mut expected = Params::DEFAULT;
    (expected.basis_rate.0, expected.outside_multiple.0, expected.maintenance_ratio.0) = (12_000, 1_300_000, 770_000);
    assert_eq!(world.state::<Pool>(&world.pool).params, expected);
    let again = set(&world, &[(BASIS, 13_000)]);
    world.pass(SETTING_INTERVAL - 1);
    refused(&mut world, again.clone(), NovateError::SettingTooSoon);
    world.pass(1);
    world.succeeds(&[again], &[&governor]);
}

#[test]
fn beyond_a_step_the_bounds_or_the_last_parameter() {
    let mut world = World::default();
    for (settings, error) in [
        (&[(BASIS, 15_001)][..], NovateError::SettingStep),
        (&[(BASIS, 4_999)], NovateError::SettingStep),
        (&[(MAINTENANCE, i64::MIN)], NovateError::SettingStep),
        (&[(MAINTENANCE, 599_999)], NovateError::SettingStep),
        // Eight tenths of the haircut is the least that is charged outside the scan.
        (&[(13, 999_999)], NovateError::SettingOutOfBounds),
        (&[(15, 1_000_001)], NovateError::SettingOutOfBounds),
        (&[(18, 0)], NovateError::SettingOutOfBounds),
        (&[(u8::MAX, 0)], NovateError::SettingOutOfBounds),
        // A quarter has to be left of initial margin, and the haircut of what is outside the scan be held.
        (&[(MAINTENANCE, 800_001)], NovateError::SettingOutOfBounds),
        (&[(MAINTENANCE, 799_999)], NovateError::SettingOutOfBounds),
        (&[(OUTSIDE, 1_249_999)], NovateError::SettingOutOfBounds),
        (&[(OUTSIDE, 1_299_999), (MAINTENANCE, 769_230)], NovateError::SettingOutOfBounds),
        // Steps are of hedges that need this share at least.
        (&[(FLOOR, 349_999)], NovateError::SettingOutOfBounds),
        (&[(MAINTENANCE, 790_000), (BASIS, 12_000)], NovateError::SettingsUnordered),
        (&[(BASIS, 12_000), (BASIS, 14_000)], NovateError::SettingsUnordered),
        (&[], NovateError::SettingsUnordered),
    ] {
        let set = set(&world, settings);
        refused(&mut world, set, error);
    }
    let stranger = world.new_wallet();
    let by = build::set_params(stranger.pubkey(), world.pool, vec![ParamSetting { parameter: BASIS, value: 12_000 }]);
    world.refuses(&[by], &[&stranger], NovateError::NotAuthority);
}

#[test]
fn values_move_from_what_they_were_over_a_week_and_are_there_at_once_before_a_pool_trades() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let change = set(&world, &[(CREDIT, 675_000), (BASIS, 12_000), (OUTSIDE, 1_300_000)]);
    world.succeeds(&[change], &[&governor]);
    let (pool, began) = (world.state::<Pool>(&world.pool), world.now());
    let at = |seconds: i64| {
        let params = pool.params_at(began + seconds);
        (params.es_credit.0, params.basis_rate.0, params.outside_multiple.0)
    };
    assert_eq!(pool.params_at(began), Params::DEFAULT);
    assert_eq!(pool.params_at(began + DAY), Params::DEFAULT);
    // A seventh of the way is 32,142.86 down, 285.71 and 7,142.86 up: rounded up.
    assert_eq!(at(DAY + 6 * DAY / 7 + 1), (867_857, 10_286, 1_257_143));
    assert_eq!(at(4 * DAY), (787_500, 11_000, 1_275_000));
    assert_eq!(at(PARAM_RAMP - 1), (675_001, 12_000, 1_300_000));
    assert_eq!((pool.params_at(began + PARAM_RAMP), pool.params_moving(began + PARAM_RAMP)), (pool.params, None));

    let mut world = novate_tests::Builder::default().unstaged().build();
    let governor = world.governor.insecure_clone();
    let change = set(&world, &[(CREDIT, 675_000)]);
    world.succeeds(&[change], &[&governor]);
    assert_eq!(world.state::<Pool>(&world.pool).params_at(world.now()).es_credit.0, 675_000);
}

/// A pool may have begun with a lower floor than any that can be set: others can be changed all the same.
#[test]
fn a_floor_below_the_least_holds_up_nothing_else() {
    let mut world = World::default();
    let mut account = world.account(&world.pool);
    let at = DISCRIMINATOR + offset_of!(Pool, params) + 8 * usize::from(FLOOR);
    account.data[at..at + 8].copy_from_slice(&200_000i64.to_le_bytes());
    world.write(world.pool, account);
    for (floor, error) in [(199_999, NovateError::SettingOutOfBounds), (250_001, NovateError::SettingStep)] {
        let lower = set(&world, &[(FLOOR, floor), (BASIS, 12_000)]);
        refused(&mut world, lower, error);
    }
    let governor = world.governor.insecure_clone();
    let other = set(&world, &[(BASIS, 12_000)]);
    world.succeeds(&[other], &[&governor]);
    world.pass(PARAM_RAMP);
    let raised = set(&world, &[(FLOOR, 250_000)]);
    world.succeeds(&[raised], &[&governor]);
}

/// Long BTC against short ETH at initial margin, and the other side with more.
fn hedged() -> (World, Actor, Actor) {
    let mut world = World::default();
    let (owner, maker) = (world.trader(100_000), world.trader(1_000_000));
    world.trade(&owner, &maker, &[(BTC_PERP, 2 * CONTRACT, 20_000 * PRICE), (ETH_PERP, -26 * CONTRACT, 1_500 * PRICE)]);
    world.to_initial(&owner);
    (world, owner, maker)
}

/// The worst change that there is: half of the credit and more of the floor, in one step each.
#[test]
fn whoever_met_initial_margin_is_not_liquidatable_for_a_day() {
    let (mut world, owner, _) = hedged();
    let governor = world.governor.insecure_clone();
    let before = world.health(&owner);
    assert_eq!(before.equity, before.initial);
    let change = set(&world, &[(CREDIT, 675_000), (FLOOR, 437_500)]);
    world.succeeds(&[change], &[&governor]);
    assert_eq!(world.health(&owner).maintenance, before.maintenance);
    let mut last = before.maintenance;
    for day in 1..=8 {
        world.pass(DAY);
        world.refresh();
        let health = world.health(&owner);
        assert!(health.maintenance <= last + last / 4, "day {day}: {health:?}");
        assert!(day > 1 || health.equity >= health.maintenance, "{health:?}");
        last = health.maintenance;
    }
    // At once it would have been.
    println!("maintenance margin of a hedged book: {} to {} USD", before.maintenance / DOLLAR, last / DOLLAR);
    assert!(last > before.initial, "{last:?}");
}

/// Each of them takes the quarter that lies between maintenance and initial margin; none what another took already.
#[test]
fn one_at_a_time_of_what_raises_margin() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let raised = |world: &World, asset: u16, by: u64| {
        let value = world.asset(asset).base_range.0.unsigned_abs() + by;
        let setting = AssetSetting { field: AssetField::BaseRange, value };
        build::set_asset(world.governor.pubkey(), world.pool, asset, vec![setting])
    };
    let (params, tightened) = (set(&world, &[(BASIS, 12_000)]), raised(&world, BTC, 1_000));
    world.succeeds(std::slice::from_ref(&params), &[&governor]);
    refused(&mut world, tightened.clone(), NovateError::MarginMoving);
    world.pass(PARAM_RAMP - 1);
    refused(&mut world, tightened.clone(), NovateError::MarginMoving);
    world.pass(1);
    world.succeeds(&[tightened], &[&governor]);
    // Another asset's terms are another part of the margin.
    let other = raised(&world, ETH, 1_000);
    world.succeeds(&[other], &[&governor]);
    world.pass(TIGHTENING - 1);
    refused(&mut world, params.clone(), NovateError::MarginMoving);
    world.pass(1);
    world.succeeds(&[params], &[&governor]);
}
