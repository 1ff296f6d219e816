use novate::events::AssetSet;
use novate_client::state::{LOOSENING, TIGHTENING, TIGHTENING_INTERVAL};
use novate_client::{instructions as build, AssetField, AssetSetting, Instruction, NovateError};
use novate_tests::{World, BTC, BTC_PERP, CONTRACT, DAY, GOLD, PRICE};
use solana_signer::Signer;

fn setting(field: AssetField, value: u64) -> AssetSetting {
    AssetSetting { field, value }
}

fn tighten(world: &World, asset: u16, settings: &[AssetSetting], markets: &[u16]) -> Instruction {
    build::tighten_asset(world.risk.pubkey(), world.pool, asset, settings.to_vec(), markets)
}

#[track_caller]
fn tightens(world: &mut World, asset: u16, settings: &[AssetSetting], markets: &[u16]) -> AssetSet {
    let (risk, tighten) = (world.risk.insecure_clone(), tighten(world, asset, settings, markets));
    world.succeeds(&[tighten], &[&risk]).event()
}

#[test]
fn initial_margin_rises_at_once_and_maintenance_in_three_days() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let event = tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 180_000)], &[BTC_PERP]);
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.signer, event.until), (world.risk.pubkey(), world.now() + TIGHTENING));
    let began = world.now();
    for hours in [0, 3, 24, 26, 36, 70, 72, 90] {
        world.pass(began + hours * 3_600 - world.now());
        world.refresh();
        let refresh = build::refresh_market(&world.pool, &[(BTC_PERP, BTC)]);
        world.succeeds(&[refresh], &[]);
        let range = 150_000 + 1_250 * (hours / 2 - 12).clamp(0, 24);
        let health = world.health(&owner);
        assert_eq!(health.maintenance, range * 20_000 * 8 / 10, "after {hours} hours");
        // 180,000 all the time, but for roundings up of the multiplier.
        assert!(
            (0..=20_000 * 10).contains(&(health.initial - 180_000 * 20_000)),
            "{} after {hours} hours",
            health.initial
        );
    }
    assert_eq!(world.market(BTC_PERP).initial_multiplier.0, 1_000_000);
}

#[test]
fn a_haircut_binds_new_risk_at_once_and_maintenance_in_three_days() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    // 100 ounces at 50 USD, of which a tenth is charged 1.25 times.
    world.deposit(&owner, GOLD, 100_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.health(&owner);
    tightens(&mut world, GOLD, &[setting(AssetField::HaircutBase, 124_000)], &[]);
    let after = world.health(&owner);
    assert_eq!(after.maintenance, before.maintenance);
    let charge = |haircut: i64| 5_000 * haircut * 125 / 100;
    assert_eq!(after.initial - before.initial, charge(24_000));
    let began = world.now();
    for hours in [18, 24, 36, 72] {
        world.pass(began + hours * 3_600 - world.now());
        world.refresh();
        let health = world.health(&owner);
        let haircut = 100_000 + 500 * (hours - 24).max(0);
        assert!((health.maintenance - before.maintenance - charge(haircut - 100_000) * 8 / 10).abs() <= 5_000);
        assert!((health.initial - after.initial).abs() <= 10_000, "{hours}");
    }
}

#[test]
fn a_loosening_under_way_stays_where_it_has_come_to() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let lower = build::set_asset(governor.pubkey(), world.pool, GOLD, vec![setting(AssetField::HaircutBase, 75_000)]);
    world.succeeds(&[lower], &[&governor]);
    world.pass(4 * DAY);
    world.refresh();
    assert_eq!(world.asset(GOLD).haircut.0, 87_500);
    tightens(&mut world, GOLD, &[setting(AssetField::MinimumBalance, 50)], &[]);
    world.pass(LOOSENING);
    world.refresh();
    assert_eq!(world.asset(GOLD).haircut.0, 87_500);
}

#[test]
fn the_risk_role_and_the_guardian_tighten() {
    let mut world = World::default();
    let (guardian, risk) = (world.guardian.insecure_clone(), world.risk.insecure_clone());
    for (key, least) in [(&guardian, 40), (&risk, 50)] {
        let settings = vec![setting(AssetField::MinimumBalance, least)];
        let tighten = build::tighten_asset(key.pubkey(), world.pool, BTC, settings, &[]);
        world.succeeds(&[tighten], &[key]);
        assert_eq!(world.asset(BTC).minimum_balance, least);
        world.pass(TIGHTENING_INTERVAL);
    }
    // The authority has neither role.
    let governor = world.governor.insecure_clone();
    let settings = vec![setting(AssetField::MinimumBalance, 60)];
    let tighten = build::tighten_asset(governor.pubkey(), world.pool, BTC, settings, &[]);
    world.refuses(&[tighten], &[&governor], NovateError::NotRisk);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::addresses;
    use novate_tests::{refused, Altered, AssetSpec, Builder, ETH_PERP, USDC};

    #[test]
    fn what_loosens_is_refused_by_name() {
        let loosening = [
            (AssetField::MaxAge, 61),
            (AssetField::MaxAge, 59),
            (AssetField::MaxConfidence, 10_001),
            (AssetField::MaxConfidence, 9_999),
            (AssetField::Band, 250_000),
            (AssetField::BaseRange, 149_999),
            (AssetField::HaircutBase, 99_999),
            (AssetField::OutflowLimit, 0),
        ];
        let mut world = World::default();
        let risk = world.risk.insecure_clone();
        for (field, value) in loosening {
            let from = world.asset(BTC).get(field);
            let settings = [setting(field, if field == AssetField::Band { from - 1 } else { value })];
            let one = tighten(&world, BTC, &settings, &[]);
            let failure = world.attempt(one, &[&risk]).unwrap_err();
            let expected = if value == 0 { NovateError::SettingOutOfBounds } else { NovateError::SettingLoosens };
            assert!(failure.is(expected), "{field:?}: {:?}", failure.error);
            assert!(failure.logs.iter().any(|line| line.contains(field.rule().name)), "{:?}", failure.logs);
        }
        // Whoever may be liquidated adds settlement tokens.
        let cap = tighten(&world, USDC, &[setting(AssetField::DepositCap, u64::MAX / 2 + 1)], &[]);
        refused(&mut world, cap, NovateError::SettingLoosens);
        // Mixed, and nothing at all.
        let mixed = [setting(AssetField::BaseRange, 160_000), setting(AssetField::HaircutBase, 99_999)];
        let mixed = tighten(&world, BTC, &mixed, &[]);
        refused(&mut world, mixed, NovateError::SettingLoosens);
        let same = tighten(&world, BTC, &[setting(AssetField::BaseRange, 150_000)], &[]);
        refused(&mut world, same, NovateError::SettingLoosens);
    }

    /// A step is a quarter of a small term too, or a quarter of a percent point of a haircut.
    #[test]
    fn small_terms_take_small_steps() {
        let assets = vec![
            AssetSpec::new("USDC", 6, 1.0),
            AssetSpec { haircut_base: 0, ..AssetSpec::new("BTC", 8, 20_000.0).base_range(10_000) },
        ];
        let markets = vec![novate_tests::MarketSpec::new("BTC-PERP", BTC)];
        let mut world = Builder::default().assets(assets).markets(markets).build();
        for (field, step) in [(AssetField::BaseRange, 12_500), (AssetField::HaircutBase, 2_500)] {
            let far = tighten(&world, BTC, &[setting(field, step + 1)], &[]);
            refused(&mut world, far, NovateError::SettingStep);
        }
        let both = [setting(AssetField::HaircutBase, 2_500), setting(AssetField::HaircutSizeAddOn, 2_500)];
        let both = tighten(&world, BTC, &both, &[]);
        refused(&mut world, both, NovateError::SettingStep);
        let settings = [setting(AssetField::BaseRange, 12_500), setting(AssetField::HaircutBase, 2_500)];
        tightens(&mut world, BTC, &settings, &[BTC_PERP]);
    }

    /// Terms that are each within their step make one haircut.
    #[test]
    fn a_haircut_of_several_terms() {
        let mut world = World::default();
        let both = [setting(AssetField::HaircutBase, 125_000), setting(AssetField::HaircutSizeAddOn, 1)];
        let both = tighten(&world, GOLD, &both, &[]);
        refused(&mut world, both, NovateError::SettingStep);
        tightens(&mut world, GOLD, &[setting(AssetField::HaircutBase, 125_000)], &[]);
    }

    #[test]
    fn twice_in_a_day_or_more_than_a_step() {
        let mut world = World::default();
        let far = tighten(&world, BTC, &[setting(AssetField::BaseRange, 187_501)], &[]);
        refused(&mut world, far, NovateError::SettingStep);
        tightens(&mut world, BTC, &[setting(AssetField::BaseRange, 187_500)], &[]);
        world.pass(DAY - 1);
        world.refresh();
        let again = tighten(&world, BTC, &[setting(AssetField::MinimumBalance, 50)], &[]);
        refused(&mut world, again.clone(), NovateError::SettingTooSoon);
        world.pass(1);
        let risk = world.risk.insecure_clone();
        world.succeeds(&[again], &[&risk]);
    }

    /// Whoever is in leaves within a week, also where the cap was lowered below what is held.
    #[test]
    fn a_limit_that_would_lock_in_what_the_vault_holds() {
        const SILVER: u16 = GOLD + 1;
        let silver = AssetSpec::new("SILVER", 6, 50.0).deposit_cap(10_000_000);
        let mut world = Builder::default().and_asset(silver).build();
        let (owner, governor) = (world.actor(), world.governor.insecure_clone());
        world.deposit(&owner, SILVER, 7_000_000);
        let cap = vec![setting(AssetField::DepositCap, 5_000_000)];
        world.succeeds(&[build::set_asset(governor.pubkey(), world.pool, SILVER, cap)], &[&governor]);
        assert_eq!(world.asset(SILVER).deposit_cap, 5_000_000);
        let shut = tighten(&world, SILVER, &[setting(AssetField::OutflowLimit, 999_999)], &[]);
        refused(&mut world, shut, NovateError::InvalidAssetTerms);
        tightens(&mut world, SILVER, &[setting(AssetField::OutflowLimit, 1_000_000)], &[]);
    }

    #[test]
    fn markets_of_another_asset_pool_or_kind() {
        let mut world = World::default();
        let other = world.second_pool();
        let settings = [setting(AssetField::BaseRange, 160_000)];
        let eth = tighten(&world, BTC, &settings, &[ETH_PERP]);
        refused(&mut world, eth, NovateError::WrongUnderlying);
        let at = tighten(&world, BTC, &settings, &[]).accounts.len();
        let one = tighten(&world, BTC, &settings, &[BTC_PERP]);
        let theirs = one.clone().with_account(at, addresses::market(&other, BTC_PERP));
        refused(&mut world, theirs, NovateError::WrongPool);
        let kind = one.clone().with_account(at, addresses::asset(&world.pool, GOLD));
        refused(&mut world, kind, NovateError::UnexpectedAccount);
        refused(&mut world, one.read_only(at), NovateError::NotWritable);
    }

    #[test]
    fn by_a_stranger_or_of_another_pool() {
        let mut world = World::default();
        let (other, stranger) = (world.second_pool(), world.new_wallet());
        let settings = vec![setting(AssetField::MinimumBalance, 40)];
        let by = build::tighten_asset(stranger.pubkey(), world.pool, BTC, settings.clone(), &[]);
        world.refuses(&[by], &[&stranger], NovateError::NotRisk);
        let foreign = tighten(&world, BTC, &settings, &[]).with_account(1, addresses::asset(&other, BTC));
        refused(&mut world, foreign, NovateError::WrongPool);
        let unsigned = tighten(&world, BTC, &settings, &[]).unsigned(2);
        world.refuses(&[unsigned], &[], ErrorCode::AccountNotSigner);
    }
}
