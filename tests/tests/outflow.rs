//! The outflow limit of an asset (CLR-41): what leaves in a day, that it refills, and that it delays an exit by days and prevents none.

use novate_client::instructions::{self as build, Transfer};
use novate_client::NovateError;
use novate_tests::{Actor, AssetSpec, Builder, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

const DAY: i64 = 86_400;
const LIMIT: u64 = 8_640 * DOLLAR as u64;

/// USDC of which 8,640 leave in a day, a tenth in a second, and at most 60,480 are deposited.
fn limited() -> World {
    let assets = vec![
        AssetSpec::new("USDC", 6, 1.0).outflow_limit(LIMIT),
        AssetSpec::new("BTC", 8, 20_000.0),
        AssetSpec::new("ETH", 8, 1_500.0),
        AssetSpec::new("SOL", 9, 30.0),
    ];
    Builder::default().assets(assets).build()
}

fn available(world: &World) -> u64 {
    world.asset(USDC).outflow.available(world.now())
}

#[track_caller]
fn refused(world: &mut World, who: &Actor, amount: u64) {
    let withdraw = world.withdraw_instruction(who, USDC, amount);
    world.refuses(&[withdraw], &[&who.key], NovateError::OutflowLimit);
}

#[test]
fn a_days_worth_leaves_at_once_and_refills_by_the_second() {
    let mut world = limited();
    let owner = world.trader(20_000);
    refused(&mut world, &owner, LIMIT + 1);
    world.withdraw(&owner, USDC, LIMIT - 1);
    assert_eq!(available(&world), 1);
    refused(&mut world, &owner, 2);
    world.withdraw(&owner, USDC, 1);
    for (seconds, there) in [(0, 0), (1, 100_000), (9, 1_000_000), (DAY / 2 - 10, LIMIT / 2), (DAY, LIMIT)] {
        world.pass(seconds);
        assert_eq!(available(&world), there);
    }
    refused(&mut world, &owner, LIMIT + 1);
    world.withdraw(&owner, USDC, LIMIT);
}

/// Rounding keeps nothing back: a unit every second for a day leaves as much as there is in a day.
#[test]
fn it_is_kept_exactly() {
    let assets = vec![AssetSpec::new("USDC", 6, 1.0).outflow_limit(1_000)];
    let mut world = Builder::default().assets(assets).markets(vec![]).unstaged().build();
    let mut outflow = world.asset(USDC).outflow;
    outflow.draw(1_000, world.now()).unwrap();
    for second in 1..=DAY {
        let now = world.now() + second;
        outflow.draw(0, now).unwrap();
        assert_eq!(outflow.available(now), (1_000 * second / DAY) as u64);
    }
    world.pass(1);
    // A clock that goes backwards refills nothing twice.
    let mut again = world.asset(USDC).outflow;
    again.draw(1_000, 100 * DAY).unwrap();
    again.draw(0, 99 * DAY).unwrap();
    assert_eq!(again.available(100 * DAY + DAY / 2), 500);
}

#[test]
fn it_binds_with_positions_and_without_and_not_within_the_pool() {
    let mut world = limited();
    let (owner, maker) = (world.trader(20_000), world.trader(20_000));
    let second = world.sub_account(&owner, 1);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
    let transfer = Transfer { from: owner.portfolio, to: second.portfolio, asset: USDC, amount: 2 * LIMIT };
    let transfer = build::transfer(owner.address(), world.keys(), &world.holdings(&[owner.portfolio]), transfer);
    world.succeeds(&[transfer], &[&owner.key]);
    assert_eq!(available(&world), LIMIT);
    for who in [&maker, &second] {
        refused(&mut world, who, LIMIT + 1);
    }
    world.withdraw(&maker, USDC, LIMIT);
    refused(&mut world, &second, 1);
    // Of another asset, without a limit, everything leaves.
    world.deposit(&maker, BTC, 5_000_000_000);
    world.withdraw(&maker, BTC, 5_000_000_000);
}

/// CLR-51: everybody is out within seven days of a run, whoever goes first, with the vault at its cap.
#[test]
fn a_run_is_over_in_seven_days() {
    let mut world = limited();
    let everybody: Vec<Actor> = (0..7).map(|_| world.trader(LIMIT as i64 / DOLLAR)).collect();
    let more = world.actor();
    world.fund(&more, USDC, 1);
    let deposit = world.deposit_instruction(&more, USDC, 1);
    world.refuses(&[deposit], &[&more.key], NovateError::DepositCap);
    let mut day = 0;
    while world.vault(USDC) > 0 {
        for who in &everybody {
            let amount = available(&world).min(world.portfolio(&who.portfolio).cash as u64);
            if amount > 0 {
                world.withdraw(who, USDC, amount);
            }
        }
        world.pass(DAY);
        day += 1;
    }
    assert_eq!(day, 7);
}

#[test]
fn who_moves_tokens_out_and_in_uses_up_no_more_than_they_are() {
    let mut world = limited();
    let (owner, other) = (world.trader(20_000), world.trader(5_000));
    for _ in 0..5 {
        world.withdraw(&other, USDC, 5_000 * DOLLAR as u64);
        assert_eq!(available(&world), LIMIT - 5_000 * DOLLAR as u64);
        let back = world.deposit_instruction(&other, USDC, 5_000 * DOLLAR as u64);
        world.succeeds(&[back], &[&other.key]);
        // A full bucket takes nothing more: what comes in first is not what may leave beyond the limit.
        assert_eq!(available(&world), LIMIT);
    }
    world.deposit(&other, USDC, LIMIT);
    assert_eq!(available(&world), LIMIT);
    world.withdraw(&owner, USDC, LIMIT);
}
