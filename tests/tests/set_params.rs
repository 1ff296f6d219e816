use novate::events::ParamsSet;
use novate_client::state::{Pool, SETTING_INTERVAL};
use novate_client::{instructions as build, Instruction, NovateError, ParamSetting};
use novate_margin::Params;
use novate_tests::{refused, World};
use solana_signer::Signer;

/// Places of basis_rate and maintenance_ratio.
const BASIS: u8 = 6;
const MAINTENANCE: u8 = 17;

fn set(world: &World, settings: &[(u8, i64)]) -> Instruction {
    let settings = settings.iter().map(|(parameter, value)| ParamSetting { parameter: *parameter, value: *value });
    build::set_params(world.governor.pubkey(), world.pool, settings.collect())
}

#[test]
fn parameters_are_set_once_a_week() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let change = set(&world, &[(BASIS, 12_000), (MAINTENANCE, 850_000)]);
    let event: ParamsSet = world.succeeds(&[change], &[&governor]).event();
    assert_eq!((event.version, event.pool, event.time, event.settings.len()), (1, world.pool, world.now(), 2));
    let mut expected = Params::DEFAULT;
    (expected.basis_rate.0, expected.maintenance_ratio.0) = (12_000, 850_000);
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
        (&[(MAINTENANCE, 850_000), (BASIS, 12_000)], NovateError::SettingsUnordered),
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
