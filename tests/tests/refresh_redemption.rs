use novate::events::RedemptionRefreshed;
use novate_client::instructions as build;
use novate_tests::{StakePool, World, JITOSOL, SOL};

const DAY: i64 = 86_400;
/// 1.2 SOL.
const RATE: u64 = 1_200_000_000;

/// A pool in which JitoSOL is redeemed at [`RATE`] as of now.
fn refreshed() -> World {
    let mut world = World::staking();
    world.redeem_at(JITOSOL, RATE);
    world
}

fn rate(world: &World) -> i64 {
    world.asset(JITOSOL).redemption.rate.0
}

#[test]
fn a_rate_is_taken_in_rounded_down() {
    let mut world = World::staking();
    world.pass(5);
    let stake_pool = StakePool { total_lamports: 4, token_supply: 3, ..world.sound_stake_pool(JITOSOL, RATE) };
    world.write_stake_pool(JITOSOL, &stake_pool);
    let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
    let sent = world.succeeds(&[refresh], &[]);

    let redemption = world.asset(JITOSOL).redemption;
    assert_eq!((redemption.rate.0, redemption.time), (1_333_333_333, world.now()));
    assert_eq!((redemption.underlying, redemption.depeg_limit.0), (SOL, 50_000));
    let [event] = sent.telemetry::<RedemptionRefreshed>().try_into().ok().unwrap();
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, JITOSOL));
    assert_eq!((event.rate, event.stake_pool_rate), (1_333_333_333, 1_333_333_333));
}

#[test]
fn price_and_redemption_are_refreshed_apart() {
    let mut world = refreshed();
    let before = world.asset(JITOSOL);
    world.pass(10);
    world.price(JITOSOL, 35.0);
    let after = world.asset(JITOSOL);
    assert_eq!((after.redemption.rate, after.redemption.time), (before.redemption.rate, before.redemption.time));
    world.pass(10);
    world.redeem_at(JITOSOL, RATE);
    assert_eq!((world.asset(JITOSOL).price, world.asset(JITOSOL).publish_time), (after.price, after.publish_time));
}

#[test]
fn the_lowest_and_the_highest_rate() {
    for edge in [500_000_000, 10_000_000_000] {
        let mut world = World::staking();
        world.redeem_at(JITOSOL, edge);
        assert_eq!(rate(&world), edge as i64);
    }
}

#[test]
fn a_fall_is_taken_in_at_once() {
    let mut world = refreshed();
    world.redeem_at(JITOSOL, 600_000_000);
    assert_eq!(rate(&world), 600_000_000);
}

#[test]
fn a_rise_is_taken_in_by_a_thousandth_a_day() {
    let bounds = [(0, 1_200_000_000), (1, 1_200_000_013), (DAY, 1_201_200_000), (100 * DAY, 1_320_000_000)];
    for (seconds, most) in bounds {
        for (stake_pool, expected) in [(most - 1, most - 1), (most, most), (most + 1, most), (9_000_000_000, most)] {
            let mut world = refreshed();
            world.pass(seconds);
            let stake_pool = world.sound_stake_pool(JITOSOL, stake_pool as u64);
            world.write_stake_pool(JITOSOL, &stake_pool);
            let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
            let sent = world.succeeds(&[refresh], &[]);
            assert_eq!((rate(&world), world.asset(JITOSOL).redemption.time), (expected, world.now()));
            let event = sent.telemetry::<RedemptionRefreshed>().remove(0);
            assert_eq!(event.rate, expected);
            assert_eq!(event.stake_pool_rate as u64, stake_pool.total_lamports / 13_000_000);
        }
    }
}

#[test]
fn a_rise_taken_in_every_second_is_no_faster() {
    let mut world = refreshed();
    for _ in 0..100 {
        world.pass(1);
        world.redeem_at(JITOSOL, 9_000_000_000);
    }
    assert_eq!(rate(&world), 1_200_001_300);
}

#[test]
fn the_same_asset_twice_rises_once() {
    let mut world = refreshed();
    world.pass(DAY);
    let stake_pool = world.sound_stake_pool(JITOSOL, 9_000_000_000);
    world.write_stake_pool(JITOSOL, &stake_pool);
    let refresh = world.refresh_redemption_instruction(&[JITOSOL, JITOSOL]);
    let sent = world.succeeds(&[refresh], &[]);
    assert_eq!(sent.telemetry::<RedemptionRefreshed>().len(), 2);
    assert_eq!(rate(&world), 1_201_200_000);
}

#[test]
fn updated_in_this_epoch_or_the_one_before() {
    for last_update_epoch in [700, 699] {
        let mut world = World::staking();
        assert_eq!(world.epoch(), 700);
        let stake_pool = StakePool { last_update_epoch, ..world.sound_stake_pool(JITOSOL, RATE) };
        world.write_stake_pool(JITOSOL, &stake_pool);
        let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
        world.succeeds(&[refresh], &[]);
        assert_eq!(rate(&world), RATE as i64);
    }
}

#[test]
fn another_pool_has_a_rate_of_its_own() {
    let mut world = refreshed();
    let other = world.second_pool();
    let stake_pool = world.sound_stake_pool(JITOSOL, 1_100_000_000);
    world.write_stake_pool(JITOSOL, &stake_pool);
    let refresh = build::refresh_redemption(&other, &[(JITOSOL, world.stake_pool(JITOSOL))]);
    world.succeeds(&[refresh], &[]);
    assert_eq!(rate(&world), RATE as i64);
    world.pool = other;
    assert_eq!(rate(&world), 1_100_000_000);
}

mod adversary {
    use super::*;
    use novate_client::{addresses, NovateError};
    use novate_tests::stake_pool::STAKE_PROGRAM;
    use novate_tests::{Altered, AssetSpec, BTC, BTC_PERP};
    use solana_account::Account;

    /// A stake pool that the program must not take in.
    #[track_caller]
    fn refused(change: impl Fn(&mut StakePool), error: NovateError) {
        let mut world = refreshed();
        let mut stake_pool = world.sound_stake_pool(JITOSOL, RATE);
        change(&mut stake_pool);
        world.write_stake_pool(JITOSOL, &stake_pool);
        let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
        world.refuses(&[refresh], &[], error);
    }

    #[test]
    fn another_kind_of_account() {
        for account_type in [0, 2, 255] {
            refused(|s| s.account_type = account_type, NovateError::MalformedStakePool);
        }
    }

    #[test]
    fn the_stake_pool_of_another_mint() {
        refused(|s| s.mint = STAKE_PROGRAM, NovateError::WrongStakePoolMint);
    }

    #[test]
    fn updated_too_long_ago_or_in_an_epoch_to_come() {
        for epoch in [0, 698, 701, u64::MAX] {
            refused(|s| s.last_update_epoch = epoch, NovateError::StakePoolEpoch);
        }
    }

    #[test]
    fn without_tokens() {
        refused(|s| s.token_supply = 0, NovateError::StakePoolEmpty);
        refused(|s| (s.total_lamports, s.token_supply) = (0, 0), NovateError::StakePoolEmpty);
    }

    #[test]
    fn a_rate_out_of_range() {
        let scales = [
            (0, 1),
            (1, u64::MAX),
            (499_999_999, 1_000_000_000),
            (10_000_000_001, 1_000_000_000),
            (u64::MAX, 1),
            (u64::MAX, 1_000_000_000),
        ];
        for (lamports, supply) in scales {
            refused(|s| (s.total_lamports, s.token_supply) = (lamports, supply), NovateError::RedemptionRate);
        }
    }

    #[test]
    fn too_short_by_a_byte() {
        let mut world = refreshed();
        let (address, sound) = (world.stake_pool(JITOSOL), world.sound_stake_pool(JITOSOL, 1_100_000_000).encode());
        for (length, refused) in [(0, true), (1, true), (170, true), (281, true), (282, false)] {
            let data = sound[..length].to_vec();
            let account = Account { lamports: 10_000_000, data, owner: STAKE_PROGRAM, ..Account::default() };
            world.svm.set_account(address, account).unwrap();
            let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
            match refused {
                true => world.refuses(&[refresh], &[], NovateError::MalformedStakePool),
                false => drop(world.succeeds(&[refresh], &[])),
            }
        }
        assert_eq!(rate(&world), 1_100_000_000);
    }

    #[test]
    fn an_account_of_another_program() {
        let mut world = refreshed();
        let (address, owner) = (world.stake_pool(JITOSOL), world.new_address());
        let account = Account { owner, ..world.account(&address) };
        world.svm.set_account(address, account).unwrap();
        let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
        world.refuses(&[refresh], &[], NovateError::WrongStakePoolOwner);
    }

    #[test]
    fn another_account_than_the_configured() {
        let mut world = refreshed();
        let (copy, original) = (world.new_address(), world.account(&world.stake_pool(JITOSOL)));
        world.svm.set_account(copy, original).unwrap();
        let refresh = build::refresh_redemption(&world.pool, &[(JITOSOL, copy)]);
        world.refuses(&[refresh], &[], NovateError::WrongStakePool);
    }

    #[test]
    fn the_stake_pool_of_another_asset() {
        let mut world = refreshed();
        let (governor, stake_pool) = (world.governor.insecure_clone(), world.new_address());
        let listing = world.issue(AssetSpec::new("MSOL", 9, 39.0).redeemed_for(SOL, stake_pool));
        world.listings.push(listing);
        let add = world.add_asset_instruction(JITOSOL + 1);
        world.succeeds(&[add], &[&governor]);
        world.redeem_at(JITOSOL + 1, 1_300_000_000);
        assert_eq!(world.asset(JITOSOL + 1).redemption.rate.0, 1_300_000_000);

        let both = world.refresh_redemption_instruction(&[JITOSOL, JITOSOL + 1]);
        world.succeeds(std::slice::from_ref(&both), &[]);
        world.refuses(&[both.swapped(1, 3)], &[], NovateError::WrongStakePool);
    }

    #[test]
    fn one_refused_stake_pool_refuses_all() {
        let mut world = refreshed();
        let stake_pool = world.stake_pool(JITOSOL);
        let sound = world.sound_stake_pool(JITOSOL, 1_000_000_000);
        world.write_stake_pool(JITOSOL, &sound);
        let refresh = build::refresh_redemption(&world.pool, &[(JITOSOL, stake_pool), (BTC, stake_pool)]);
        world.refuses(&[refresh], &[], NovateError::NotYieldBearing);
        assert_eq!(rate(&world), RATE as i64);
    }

    #[test]
    fn an_asset_that_is_not_yield_bearing() {
        let mut world = refreshed();
        let stake_pool = world.stake_pool(JITOSOL);
        for asset in [0, SOL] {
            let refresh = build::refresh_redemption(&world.pool, &[(asset, stake_pool)]);
            world.refuses(&[refresh], &[], NovateError::NotYieldBearing);
        }
    }

    #[test]
    fn accounts_that_are_no_pairs() {
        let mut world = refreshed();
        let refresh = world.refresh_redemption_instruction(&[JITOSOL, JITOSOL]);
        world.refuses(&[refresh.clone().without_account(3)], &[], NovateError::UnpairedStakePools);
        world.refuses(&[refresh.without_account(0)], &[], NovateError::UnpairedStakePools);
        world.refuses(&[world.refresh_redemption_instruction(&[])], &[], NovateError::UnpairedStakePools);
    }

    #[test]
    fn an_asset_that_is_not_writable_or_none() {
        let mut world = refreshed();
        let refresh = world.refresh_redemption_instruction(&[JITOSOL]);
        world.refuses(&[refresh.clone().read_only(0)], &[], NovateError::NotWritable);
        let market = addresses::market(&world.pool, BTC_PERP);
        world.refuses(&[refresh.clone().with_account(0, market)], &[], NovateError::UnexpectedAccount);
        let stake_pool = world.stake_pool(JITOSOL);
        world.refuses(&[refresh.clone().with_account(0, stake_pool)], &[], NovateError::WrongOwner);
        world.refuses(&[refresh.swapped(0, 1)], &[], NovateError::WrongOwner);
    }

    /// An asset that looks right in every byte, of a program of the adversary's.
    #[test]
    fn an_asset_of_another_program() {
        let mut world = refreshed();
        let (fake, owner) = (world.new_address(), world.new_address());
        let original = world.account(&addresses::asset(&world.pool, JITOSOL));
        world.svm.set_account(fake, Account { owner, ..original }).unwrap();
        let refresh = world.refresh_redemption_instruction(&[JITOSOL]).with_account(0, fake);
        world.refuses(&[refresh], &[], NovateError::WrongOwner);
    }
}
