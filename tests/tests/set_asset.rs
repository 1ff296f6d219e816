use novate::events::AssetSet;
use novate_client::state::{Class, Governed, Loosens, Rule, LENDING, LOOSENING, SETTING_INTERVAL, TIGHTENING};
use novate_client::{instructions as build, AssetField, AssetSetting, Instruction, MarketField, NovateError};
use novate_tests::{refused, AssetSpec, Builder, World, BTC, BTC_PERP, CONTRACT, DAY, GOLD, PRICE, USDC};
use solana_signer::Signer;

fn setting(field: AssetField, value: u64) -> AssetSetting {
    AssetSetting { field, value }
}

fn set(world: &World, asset: u16, settings: &[AssetSetting]) -> Instruction {
    build::set_asset(world.governor.pubkey(), world.pool, asset, settings.to_vec())
}

#[track_caller]
fn sets(world: &mut World, asset: u16, settings: &[AssetSetting]) -> AssetSet {
    let (governor, set) = (world.governor.insecure_clone(), set(world, asset, settings));
    world.succeeds(&[set], &[&governor]).event()
}

#[test]
fn what_margin_does_not_follow_from_is_set_at_once() {
    let mut world = World::default();
    let settings = [setting(AssetField::MaxAge, 45), setting(AssetField::MaxConfidence, 12_000)];
    assert_eq!(Governed::find(&set(&world, BTC, &settings).data).unwrap().class, Class::Parameters);
    let event = sets(&mut world, BTC, &settings);
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.signer, event.settings.as_slice()), (world.governor.pubkey(), &settings[..]));
    assert_eq!((event.until, event.time), (0, world.now()));
    assert_eq!((world.asset(BTC).max_age, world.asset(BTC).max_confidence.0), (45, 12_000));
}

#[test]
fn a_lower_haircut_is_there_after_a_week() {
    let mut world = World::default();
    let began = world.now();
    let event = sets(&mut world, GOLD, &[setting(AssetField::HaircutBase, 75_000)]);
    assert_eq!(event.until, began + LOOSENING);
    for (seconds, haircut) in [
        (0, 100_000),
        (DAY, 100_000),
        (2 * DAY, 95_834),
        (4 * DAY, 87_500),
        (LOOSENING, 75_000),
        (2 * LOOSENING, 75_000),
    ] {
        world.pass(began + seconds - world.now());
        world.refresh();
        assert_eq!(world.asset(GOLD).haircut.0, haircut, "after {seconds} s");
    }
    assert_eq!(world.asset(GOLD).ramp.end, 0);
}

#[test]
fn a_raised_cap_lets_more_in_over_a_week_and_a_lower_one_holds_at_once() {
    let assets = vec![AssetSpec::new("USDC", 6, 1.0), AssetSpec::new("BTC", 8, 20_000.0).deposit_cap(1_400)];
    let mut world = Builder::default().assets(assets).markets(vec![]).rows(6).unstaged().build();
    let governor = world.governor.insecure_clone();
    let add =
        build::add_market(governor.pubkey(), world.pool, BTC, 0, novate_tests::MarketSpec::new("BTC-PERP", BTC).terms);
    world.succeeds(&[add], &[&governor]);
    world.stage(6);
    let actor = world.actor();
    world.deposit(&actor, BTC, 1_400);
    let far = set(&world, BTC, &[setting(AssetField::DepositCap, 2_101)]);
    refused(&mut world, far, NovateError::SettingStep);
    sets(&mut world, BTC, &[setting(AssetField::DepositCap, 2_100)]);
    world.fund(&actor, BTC, 10_000);
    world.pass(4 * DAY);
    world.refresh();
    let more = world.deposit_instruction(&actor, BTC, 351);
    world.refuses(&[more], &[&actor.key], NovateError::DepositCap);
    let more = world.deposit_instruction(&actor, BTC, 350);
    world.succeeds(&[more], &[&actor.key]);
    world.pass(3 * DAY);
    sets(&mut world, BTC, &[setting(AssetField::DepositCap, 1_050)]);
    assert_eq!(world.asset(BTC).deposit_cap, 1_050);
}

#[test]
fn a_higher_base_range_reaches_margin_in_three_days() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let event = sets(&mut world, BTC, &[setting(AssetField::BaseRange, 180_000)]);
    assert_eq!(event.until, world.now() + TIGHTENING);
    for (hours, range) in [(0, 150_000), (24, 150_000), (36, 157_500), (48, 165_000), (72, 180_000)] {
        world.pass(event.time + hours * 3_600 - world.now());
        world.refresh();
        assert_eq!(world.asset(BTC).scan_range.0, range, "after {hours} hours");
        assert_eq!(world.health(&owner).maintenance, range * 20_000 * 8 / 10);
    }
}

#[test]
fn once_a_week() {
    let mut world = World::default();
    sets(&mut world, BTC, &[setting(AssetField::MaxAge, 45)]);
    world.pass(SETTING_INTERVAL - 1);
    let again = set(&world, BTC, &[setting(AssetField::MaxAge, 60)]);
    refused(&mut world, again, NovateError::SettingTooSoon);
    world.pass(1);
    sets(&mut world, BTC, &[setting(AssetField::MaxAge, 60)]);
}

/// Bounds, steps and directions stand in `docs/governance.md` as the program has them.
#[test]
fn the_tables_of_the_document_are_those_of_the_program() {
    let page = include_str!("../../docs/governance.md");
    let figure = |value: u64| {
        let digits = value.to_string();
        let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
        groups.join(",")
    };
    let row = |place: usize, rule: Rule| {
        let loosens = match rule.loosens {
            Loosens::Up => "up",
            Loosens::Down => "down",
            Loosens::Either => "either way",
        };
        let [low, high, share, least] = [rule.low, rule.high, rule.share, rule.least].map(figure);
        format!("| {place} | `{}` | {loosens} | {low} | {high} | {share} | {least} |\n", rule.name)
    };
    let assets: String = AssetField::ALL.iter().enumerate().map(|(at, field)| row(at, field.rule())).collect();
    let markets: String = MarketField::ALL.iter().enumerate().map(|(at, field)| row(at, field.rule())).collect();
    let banks: String = LENDING.iter().enumerate().map(|(at, rule)| row(at, *rule)).collect();
    assert!(page.contains(&banks), "{banks}");
    assert!(page.contains(&assets), "{assets}");
    assert!(page.contains(&markets), "{markets}");
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::addresses;
    use novate_tests::Altered;

    /// Twice the deviations and no days at the end ask for no haircut, and on their way for more than both ends: what counts is
    /// the larger of each, which may come to a quarter more.
    #[test]
    fn a_haircut_that_is_higher_on_its_way_than_at_its_end() {
        let terms = |multiple: u64, days: u64| {
            vec![setting(AssetField::HaircutVolatilityMultiple, multiple), setting(AssetField::DaysToLiquidate, days)]
        };
        let mut world = Builder::default().with_asset(GOLD, |gold| gold.haircut_base = 10_000).build();
        world.pass(DAY);
        let usd = world.listing(GOLD).usd * 1.2;
        world.price(GOLD, usd);
        world.refresh();
        sets(&mut world, GOLD, &[setting(AssetField::HaircutVolatilityMultiple, 50_000)]);
        for week in 0..2 {
            world.pass(SETTING_INTERVAL);
            world.refresh();
            let before = world.asset(GOLD).haircut.0;
            let [down, against] = [terms(50_000, 0), terms(550_000, 0)].map(|terms| set(&world, GOLD, &terms));
            assert!(before > 10_000, "{before}");
            refused(&mut world, against, NovateError::SettingStep);
            if week == 1 {
                let governor = world.governor.insecure_clone();
                world.succeeds(&[down], &[&governor]);
                assert_eq!(world.asset(GOLD).ramp.haircut_ahead.0, 0);
            }
        }
    }

    /// Every field at a step and one beyond, at its bounds and one beyond.
    #[test]
    fn beyond_a_step_or_the_bounds_of_any_field() {
        let world = World::staking();
        for field in AssetField::ALL {
            let (rule, mut world) = (field.rule(), world.twin());
            let asset = if field == AssetField::DepegLimit { novate_tests::JITOSOL } else { BTC };
            let from = world.asset(asset).get(field);
            for value in [rule.low.checked_sub(1), rule.high.checked_add(1)].into_iter().flatten() {
                let set = set(&world, asset, &[setting(field, value)]);
                refused(&mut world, set, NovateError::SettingOutOfBounds);
            }
            let step = ((u128::from(from) * u128::from(rule.share) / 1_000_000) as u64).max(rule.least);
            for value in [from.checked_sub(step.saturating_add(1)), from.checked_add(step.saturating_add(1))]
                .into_iter()
                .flatten()
            {
                if (rule.low..=rule.high).contains(&value) && from != 0 {
                    let set = set(&world, asset, &[setting(field, value)]);
                    refused(&mut world, set, NovateError::SettingStep);
                }
            }
        }
    }

    #[test]
    fn fields_out_of_order_twice_or_none() {
        let mut world = World::default();
        let [age, range] = [setting(AssetField::MaxAge, 45), setting(AssetField::BaseRange, 160_000)];
        for settings in [&[][..], &[range, age], &[age, age]] {
            let set = set(&world, BTC, settings);
            refused(&mut world, set, NovateError::SettingsUnordered);
        }
    }

    #[test]
    fn what_the_asset_does_not_have_or_cannot_stand() {
        let mut world = World::default();
        let depeg = set(&world, BTC, &[setting(AssetField::DepegLimit, 1)]);
        refused(&mut world, depeg, NovateError::NotYieldBearing);
        let least = set(&world, USDC, &[setting(AssetField::MinimumBalance, 1)]);
        refused(&mut world, least, NovateError::InvalidAssetTerms);
        // Less than a seventh of the cap in a day.
        let shut = set(&world, BTC, &[setting(AssetField::OutflowLimit, 1)]);
        refused(&mut world, shut, NovateError::InvalidAssetTerms);
        let none = set(&world, BTC, &[setting(AssetField::OutflowLimit, 0)]);
        refused(&mut world, none, NovateError::SettingOutOfBounds);
    }

    #[test]
    fn of_another_pool_by_another_key_or_read_only() {
        let mut world = World::default();
        let (other, stranger) = (world.second_pool(), world.new_wallet());
        let settings = vec![setting(AssetField::MaxAge, 45)];
        let theirs = addresses::asset(&other, BTC);
        let foreign = set(&world, BTC, &settings).with_account(1, theirs);
        refused(&mut world, foreign, NovateError::WrongPool);
        let read_only = set(&world, BTC, &settings).read_only(1);
        refused(&mut world, read_only, ErrorCode::ConstraintMut);
        let set = build::set_asset(stranger.pubkey(), world.pool, BTC, settings);
        world.refuses(&[set], &[&stranger], NovateError::NotAuthority);
        assert_eq!(world.asset(BTC).max_age, AssetSpec::new("BTC", 8, 1.0).max_age);
    }
}
