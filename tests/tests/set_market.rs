use novate::events::MarketSet;
use novate_client::state::SETTING_INTERVAL;
use novate_client::{addresses, instructions as build, Instruction, MarketField, MarketSetting, NovateError};
use novate_tests::{refused, Altered, World, BTC_PERP};
use solana_signer::Signer;

fn set(world: &World, settings: &[(MarketField, u64)]) -> Instruction {
    let settings = settings.iter().map(|(field, value)| MarketSetting { field: *field, value: *value }).collect();
    build::set_market(world.governor.pubkey(), world.pool, BTC_PERP, settings)
}

#[test]
fn terms_are_set_within_their_steps_once_a_week() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let change = set(&world, &[(MarketField::Fee, 1_000), (MarketField::SigmaLimit, 250_000)]);
    let event: MarketSet = world.succeeds(std::slice::from_ref(&change), &[&governor]).event();
    assert_eq!((event.version, event.pool, event.market, event.time), (1, world.pool, BTC_PERP, world.now()));
    assert_eq!((event.signer, event.settings.len()), (governor.pubkey(), 2));
    assert_eq!((world.market(BTC_PERP).fee.0, world.market(BTC_PERP).sigma_limit.0), (1_000, 250_000));
    world.pass(SETTING_INTERVAL - 1);
    refused(&mut world, change.clone(), NovateError::SettingTooSoon);
    world.pass(1);
    world.succeeds(&[change], &[&governor]);
}

#[test]
fn beyond_a_step_or_the_bounds_of_any_field() {
    let mut world = World::default();
    for field in MarketField::ALL {
        let (rule, from) = (field.rule(), world.market(BTC_PERP).get(field));
        for value in [rule.low.checked_sub(1), rule.high.checked_add(1)].into_iter().flatten() {
            let set = set(&world, &[(field, value)]);
            refused(&mut world, set, NovateError::SettingOutOfBounds);
        }
        let step = ((u128::from(from) * u128::from(rule.share) / 1_000_000) as u64).max(rule.least);
        for value in [from.checked_sub(step + 1), Some(from + step + 1)].into_iter().flatten() {
            if (rule.low..=rule.high).contains(&value) {
                let set = set(&world, &[(field, value)]);
                refused(&mut world, set, NovateError::SettingStep);
            }
        }
    }
    // No multiple of the lot; out of order; none.
    let odd = set(&world, &[(MarketField::Minimum, 10_000_001)]);
    refused(&mut world, odd, NovateError::InvalidMarketTerms);
    let twice = set(&world, &[(MarketField::Fee, 600), (MarketField::Fee, 700)]);
    refused(&mut world, twice, NovateError::SettingsUnordered);
    let none = set(&world, &[]);
    refused(&mut world, none, NovateError::SettingsUnordered);
}

#[test]
fn of_another_pool_or_by_another_key() {
    let mut world = World::default();
    let (other, stranger) = (world.second_pool(), world.new_wallet());
    let foreign = set(&world, &[(MarketField::Fee, 600)]).with_account(1, addresses::market(&other, BTC_PERP));
    refused(&mut world, foreign, NovateError::WrongPool);
    let settings = vec![MarketSetting { field: MarketField::Fee, value: 600 }];
    let by = build::set_market(stranger.pubkey(), world.pool, BTC_PERP, settings);
    world.refuses(&[by], &[&stranger], NovateError::NotAuthority);
}
