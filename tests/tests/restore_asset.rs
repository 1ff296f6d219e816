use novate::events::AssetSet;
use novate_client::state::{LOOSENING, TIGHTENING};
use novate_client::{instructions as build, AssetField, AssetSetting, Instruction, NovateError};
use novate_tests::{refused, AssetSpec, Builder, World, BTC, BTC_PERP, CONTRACT, DAY, GOLD, PRICE};
use solana_signer::Signer;

fn setting(field: AssetField, value: u64) -> AssetSetting {
    AssetSetting { field, value }
}

fn restore(world: &World, asset: u16) -> Instruction {
    build::restore_asset(world.governor.pubkey(), world.pool, asset)
}

#[track_caller]
fn sent(world: &mut World, instruction: Instruction) -> AssetSet {
    let signer = world.signer_of(&instruction);
    world.succeeds(&[instruction], &[&signer]).event()
}

#[track_caller]
fn tightens(world: &mut World, asset: u16, settings: &[AssetSetting]) -> AssetSet {
    let tighten = build::tighten_asset(world.risk.pubkey(), world.pool, asset, settings.to_vec(), &[]);
    sent(world, tighten)
}

fn refresh(world: &mut World) {
    world.refresh();
    let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
    world.succeeds(&[refresh], &[]);
}

#[test]
fn what_was_tightened_goes_back_over_a_week_without_a_change_that_waits() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.health(&owner);
    let agreed = world.asset(BTC).agreed;
    tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 180_000), setting(AssetField::MaxAge, 59)][..1]);
    world.pass(2 * DAY);
    refresh(&mut world);
    assert_eq!((world.asset(BTC).scan_range.0, world.asset(BTC).agreed), (165_000, agreed));
    let back = restore(&world, BTC);
    let event = sent(&mut world, back);
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.signer, event.until), (world.governor.pubkey(), world.now() + LOOSENING));
    assert_eq!((event.settings.as_slice(), event.time), (&[setting(AssetField::BaseRange, 150_000)][..], world.now()));
    // Nothing is ahead any more: initial margin is of what is in force.
    refresh(&mut world);
    let there = world.health(&owner);
    assert_eq!(there.maintenance, 165_000 * 20_000 * 8 / 10);
    assert!(there.initial < 165_100 * 20_000);
    // What was being tightened ends at once, and goes back after a day.
    for (hours, range) in [(0, 165_000), (24, 165_000), (96, 157_500), (168, 150_000)] {
        world.pass(event.time + hours * 3_600 - world.now());
        refresh(&mut world);
        assert_eq!(world.asset(BTC).scan_range.0, range, "after {hours} hours");
    }
    assert_eq!(world.health(&owner).maintenance, before.maintenance);
}

/// Of a loosening that a tightening ended only what was reached by then had been in force.
#[test]
fn it_goes_back_no_further_than_what_was_in_force() {
    let mut world = World::default();
    let loosen = vec![setting(AssetField::BaseRange, 120_000)];
    let set = build::set_asset(world.governor.pubkey(), world.pool, BTC, loosen);
    sent(&mut world, set);
    world.pass(LOOSENING / 2);
    refresh(&mut world);
    tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 160_000)]);
    assert_eq!(world.asset(BTC).agreed[0], 137_500);
    world.pass(TIGHTENING);
    refresh(&mut world);
    assert_eq!(world.asset(BTC).scan_range.0, 160_000);
    let back = restore(&world, BTC);
    assert_eq!(sent(&mut world, back).settings, [setting(AssetField::BaseRange, 137_500)]);
}

/// What governance sets is what it agreed to: of other fields what stood before they were tightened.
#[test]
fn a_change_that_waited_says_what_is_agreed() {
    let mut world = World::default();
    tightens(
        &mut world,
        GOLD,
        &[setting(AssetField::HaircutBase, 120_000), setting(AssetField::DepositCap, u64::MAX / 2 + 1)],
    );
    world.pass(TIGHTENING);
    world.refresh();
    let set = vec![setting(AssetField::HaircutBase, 110_000)];
    let set = build::set_asset(world.governor.pubkey(), world.pool, GOLD, set);
    sent(&mut world, set);
    // Half as much again, and then all of it.
    for cap in [u64::MAX / 4 * 3 + 3, u64::MAX] {
        let back = restore(&world, GOLD);
        assert_eq!(sent(&mut world, back).settings, [setting(AssetField::DepositCap, cap)]);
        world.pass(LOOSENING);
        world.refresh();
    }
    let asset = world.asset(GOLD);
    assert_eq!((asset.deposit_cap, asset.haircut_base.0), (u64::MAX, 110_000));
}

/// A step from what is in force at most, however much was tightened, and again from there.
#[test]
fn a_tightening_of_many_days_goes_back_by_steps() {
    let mut world = World::default();
    for base in [180_000, 220_000, 270_000, 330_000] {
        tightens(&mut world, BTC, &[setting(AssetField::BaseRange, base)]);
        world.pass(TIGHTENING);
        refresh(&mut world);
    }
    let back = restore(&world, BTC);
    for base in [247_500, 185_625, 150_000] {
        assert_eq!(sent(&mut world, back.clone()).settings, [setting(AssetField::BaseRange, base)]);
        refused(&mut world, back.clone(), NovateError::NothingTightened);
        world.pass(LOOSENING);
        refresh(&mut world);
        assert_eq!(world.asset(BTC).scan_range.0.unsigned_abs(), base);
    }
    refused(&mut world, back, NovateError::NothingTightened);
}

/// Where the risk role has halved a cap and what leaves in a day together, the cap waits for `set_asset`; the rest goes back.
#[test]
fn a_cap_that_no_longer_fits_holds_up_nothing_else() {
    const SILVER: u16 = GOLD + 1;
    let silver = AssetSpec::new("SILVER", 6, 50.0).deposit_cap(7_000_000_000);
    let mut world = Builder::default().and_asset(silver).build();
    let limit = |value| setting(AssetField::OutflowLimit, value);
    tightens(&mut world, SILVER, &[limit(1_000_000_000)]);
    world.pass(DAY);
    let haircut = setting(AssetField::HaircutBase, 120_000);
    let cap = setting(AssetField::DepositCap, 3_500_000_000);
    tightens(&mut world, SILVER, &[haircut, cap, limit(500_000_000)]);
    world.pass(TIGHTENING);
    world.refresh();
    let back = restore(&world, SILVER);
    assert_eq!(sent(&mut world, back.clone()).settings, [setting(AssetField::HaircutBase, 100_000)]);
    world.pass(LOOSENING);
    world.refresh();
    let asset = world.asset(SILVER);
    assert_eq!((asset.haircut_base.0, asset.deposit_cap), (100_000, 3_500_000_000));
    refused(&mut world, back, NovateError::NothingTightened);
}

/// Less on one side of a hedge asks for more: no change of the model begins until it is over.
#[test]
fn the_model_stays_until_terms_are_back() {
    let mut world = World::default();
    tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 180_000)]);
    world.pass(TIGHTENING);
    world.refresh();
    let back = restore(&world, BTC);
    sent(&mut world, back);
    let params = vec![novate_client::ParamSetting { parameter: 6, value: 12_000 }];
    let params = build::set_params(world.governor.pubkey(), world.pool, params);
    world.pass(LOOSENING - 1);
    refused(&mut world, params.clone(), NovateError::MarginMoving);
    world.pass(1);
    let governor = world.governor.insecure_clone();
    world.succeeds(&[params], &[&governor]);
}

mod adversary {
    use super::*;
    use novate_client::addresses;
    use novate_tests::Altered;

    #[test]
    fn nothing_was_tightened_or_it_is_on_its_way_back() {
        let mut world = World::default();
        let back = restore(&world, BTC);
        refused(&mut world, back.clone(), NovateError::NothingTightened);
        tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 180_000)]);
        sent(&mut world, back.clone());
        world.pass(1);
        refused(&mut world, back, NovateError::NothingTightened);
    }

    #[test]
    fn by_the_guardian_of_another_pool_or_with_a_durable_nonce() {
        let mut world = World::default();
        let (guardian, other) = (world.guardian.insecure_clone(), world.second_pool());
        tightens_by(&mut world, &guardian);
        let by = build::restore_asset(guardian.pubkey(), world.pool, BTC);
        world.refuses(&[by], &[&guardian], NovateError::NotAuthority);
        let foreign = restore(&world, BTC).with_account(1, addresses::asset(&other, BTC));
        refused(&mut world, foreign, NovateError::WrongPool);
        let governor = world.governor.insecure_clone();
        let nonce = world.durable_nonce(&governor.pubkey());
        let back = restore(&world, BTC);
        let failure =
            world.twin().send_bare(&[nonce, back.clone()], &[&governor]).expect_err("a durable nonce was taken");
        assert!(failure.is(NovateError::DurableNonce), "{:?}", failure.error);
        sent(&mut world, back);
    }

    fn tightens_by(world: &mut World, guardian: &solana_keypair::Keypair) {
        let settings = vec![setting(AssetField::BaseRange, 180_000)];
        let tighten = build::tighten_asset(guardian.pubkey(), world.pool, BTC, settings, &[]);
        world.succeeds(&[tighten], &[guardian]);
    }

    /// A guardian who means it tightens again the next day.
    #[test]
    fn it_ends_with_the_next_tightening() {
        let mut world = World::default();
        tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 180_000)]);
        world.pass(2 * DAY);
        refresh(&mut world);
        let back = restore(&world, BTC);
        sent(&mut world, back);
        tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 190_000)]);
        world.pass(TIGHTENING);
        refresh(&mut world);
        assert_eq!(world.asset(BTC).scan_range.0, 190_000);
    }
}
