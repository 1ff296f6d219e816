use anchor_lang::error::ErrorCode;
use novate::events::AssetMigrated;
use novate_client::state::{Asset, ASSET_LAYOUT};
use novate_client::{addresses, instructions as build, AssetField, AssetSetting, NovateError, Pubkey};
use novate_tests::{refused, World, BTC, BTC_PERP, CONTRACT, DAY, ETH, GOLD, PRICE};
use solana_signer::Signer;

fn bytes(asset: &Asset) -> Vec<u8> {
    bytemuck::bytes_of(asset).to_vec()
}

#[test]
fn an_asset_of_the_layout_before_becomes_one_of_today() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let (before, health) = (world.asset(BTC), world.health(&owner));
    let address = world.plain(BTC);
    let stranger = world.new_wallet();
    let migrate = build::migrate_asset(stranger.pubkey(), world.pool, BTC);
    let event: AssetMigrated = world.succeeds(&[migrate], &[&stranger]).event();
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, BTC));
    assert_eq!((event.layout, event.time), (ASSET_LAYOUT, world.now()));
    assert_eq!(bytes(&world.asset(BTC)), bytes(&before), "as if it had always been so");
    let lamports = world.svm.minimum_balance_for_rent_exemption(Asset::SPACE);
    assert_eq!(world.account(&address).lamports, lamports);
    assert_eq!(world.health(&owner).maintenance, health.maintenance);
}

/// Terms that were on their way when it was migrated: governance agreed to where they go.
#[test]
fn what_was_on_its_way_is_what_is_agreed() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let loosen = vec![AssetSetting { field: AssetField::BaseRange, value: 120_000 }];
    let set = build::set_asset(governor.pubkey(), world.pool, BTC, loosen);
    world.succeeds(&[set], &[&governor]);
    world.pass(DAY);
    world.refresh();
    world.plain(BTC);
    let migrate = build::migrate_asset(governor.pubkey(), world.pool, BTC);
    world.succeeds(&[migrate], &[&governor]);
    assert_eq!((world.asset(BTC).agreed[0], world.asset(BTC).ramp.to[0]), (120_000, 120_000));
}

/// Whatever needs an asset refuses it by name until it is migrated; what does not name it goes on.
#[test]
fn until_then_it_is_refused_by_name() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.fund(&owner, BTC, 100);
    world.foresee(BTC, novate_client::AssetForecast { sigma: 1, depth: i64::MAX });
    world.plain(BTC);
    let settings = vec![AssetSetting { field: AssetField::BaseRange, value: 160_000 }];
    for instruction in [
        build::set_asset(governor.pubkey(), world.pool, BTC, settings.clone()),
        build::restore_asset(governor.pubkey(), world.pool, BTC),
        build::tighten_asset(world.risk.pubkey(), world.pool, BTC, settings, &[]),
    ] {
        refused(&mut world, instruction, ErrorCode::AccountDiscriminatorMismatch);
    }
    let apply = build::apply_asset_forecasts(&world.pool, BTC);
    world.refuses(&[apply], &[], ErrorCode::AccountDiscriminatorMismatch);
    let deposit = world.deposit_instruction(&owner, BTC, 100);
    world.refuses(&[deposit], &[&owner.key], ErrorCode::AccountDiscriminatorMismatch);
    let refresh = world.refresh_asset(&[BTC]);
    world.refuses(&[refresh], &[], NovateError::AssetOutdated);
    let health = build::health(world.keys(), owner.portfolio, &world.holdings(&[owner.portfolio]).with_asset(BTC));
    world.refuses(&[health], &[], NovateError::AssetOutdated);
    world.trade(&owner, &maker, &[(novate_tests::ETH_PERP, CONTRACT, 1_500 * PRICE)]);
}

mod adversary {
    use super::*;
    use novate_tests::Altered;

    #[test]
    fn twice() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let migrate = build::migrate_asset(governor.pubkey(), world.pool, BTC);
        refused(&mut world, migrate.clone(), NovateError::AssetCurrent);
        world.plain(BTC);
        world.succeeds(std::slice::from_ref(&migrate), &[&governor]);
        world.pass(1);
        refused(&mut world, migrate, NovateError::AssetCurrent);
    }

    #[test]
    fn what_is_no_asset_of_the_layout_before() {
        let mut world = World::default();
        let address = world.plain(ETH);
        let migrate = build::migrate_asset(world.governor.pubkey(), world.pool, GOLD);
        for other in [world.pool, addresses::market(&world.pool, BTC_PERP), addresses::insurance(&world.pool)] {
            refused(&mut world, migrate.clone().with_account(0, other), NovateError::UnexpectedAccount);
        }
        // Of another size, and of another program.
        let account = world.account(&address);
        let short = solana_account::Account { data: account.data[..1_151].to_vec(), ..account.clone() };
        world.write(address, short);
        let migrate = build::migrate_asset(world.governor.pubkey(), world.pool, ETH);
        refused(&mut world, migrate.clone(), NovateError::UnexpectedAccount);
        let stolen = solana_account::Account { owner: Pubkey::new_from_array([9; 32]), ..account };
        world.write(address, stolen);
        refused(&mut world, migrate, NovateError::WrongOwner);
    }
}
