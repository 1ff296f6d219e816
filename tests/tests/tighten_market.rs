use novate::events::MarketSet;
use novate_client::{addresses, instructions as build, Instruction, MarketField, MarketSetting, NovateError};
use novate_tests::{refused, Altered, World, BTC_PERP, CONTRACT, DAY, PRICE};
use solana_signer::Signer;

fn tighten(world: &World, settings: &[(MarketField, u64)]) -> Instruction {
    let settings = settings.iter().map(|(field, value)| MarketSetting { field: *field, value: *value }).collect();
    build::tighten_market(world.risk.pubkey(), world.pool, BTC_PERP, settings)
}

#[test]
fn tighter_terms_are_at_once_and_change_no_maintenance_margin() {
    let mut world = World::default();
    let risk = world.risk.insecure_clone();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.health(&owner);
    let settings = [(MarketField::OpenInterestCap, 500_000 * CONTRACT as u64), (MarketField::SigmaLimit, 150_000)];
    let change = tighten(&world, &settings);
    let event: MarketSet = world.succeeds(std::slice::from_ref(&change), &[&risk]).event();
    assert_eq!((event.version, event.pool, event.market, event.signer), (1, world.pool, BTC_PERP, risk.pubkey()));
    assert_eq!(world.health(&owner).maintenance, before.maintenance);
    assert_eq!(world.market(BTC_PERP).open_interest_cap.0, 500_000 * CONTRACT);
    world.pass(DAY - 1);
    let again = tighten(&world, &[(MarketField::SigmaLimit, 140_000)]);
    refused(&mut world, again.clone(), NovateError::SettingTooSoon);
    world.pass(1);
    world.succeeds(&[again], &[&risk]);
}

#[test]
fn what_loosens_is_refused_by_name() {
    let mut world = World::default();
    let risk = world.risk.insecure_clone();
    for (field, value) in [
        (MarketField::Band, 49_999),
        (MarketField::Fee, 501),
        (MarketField::Fee, 499),
        (MarketField::OpenInterestCap, 1_000_001 * CONTRACT as u64),
        (MarketField::PositionCap, 1_000_001 * CONTRACT as u64),
        (MarketField::SigmaLimit, 200_001),
        (MarketField::OptionFeeCap, 125_001),
        (MarketField::Minimum, 9_000_000),
    ] {
        let one = tighten(&world, &[(field, value)]);
        let failure = world.attempt(one, &[&risk]).unwrap_err();
        assert!(failure.is(NovateError::SettingLoosens), "{field:?}: {:?}", failure.error);
        assert!(failure.logs.iter().any(|line| line.contains(field.rule().name)), "{:?}", failure.logs);
    }
    let mixed =
        tighten(&world, &[(MarketField::PositionCap, 900_000 * CONTRACT as u64), (MarketField::SigmaLimit, 200_001)]);
    refused(&mut world, mixed, NovateError::SettingLoosens);
}

#[test]
fn by_a_stranger_or_of_another_pool() {
    let mut world = World::default();
    let (other, stranger) = (world.second_pool(), world.new_wallet());
    let settings = vec![MarketSetting { field: MarketField::SigmaLimit, value: 190_000 }];
    let by = build::tighten_market(stranger.pubkey(), world.pool, BTC_PERP, settings);
    world.refuses(&[by], &[&stranger], NovateError::NotRisk);
    let foreign =
        tighten(&world, &[(MarketField::SigmaLimit, 190_000)]).with_account(1, addresses::market(&other, BTC_PERP));
    refused(&mut world, foreign, NovateError::WrongPool);
}
