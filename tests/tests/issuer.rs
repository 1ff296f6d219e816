//! Who issues a token can freeze what holds it: the vault of an asset, or whoever it likes. What that stops, and what it does not.

use novate_client::addresses;
use novate_client::events::Liquidated;
use novate_tests::token::{self, FROZEN};
use novate_tests::{World, BTC, BTC_PERP, CONTRACT, DOLLAR, GOLD, PRICE, USDC};
use solana_instruction_error::InstructionError;

/// SPL Token's `AccountFrozen`.
const ACCOUNT_FROZEN: InstructionError = InstructionError::Custom(17);

/// The whole, as fractions count.
const ALL: i64 = 1_000_000_000;

/// Freezes the vault of an asset, as its mint's freeze authority would.
fn freeze(world: &mut World, asset: u16) {
    let vault = addresses::vault(&addresses::asset(&world.pool, asset));
    let mut account = world.account(&vault);
    token::set_state(&mut account, FROZEN);
    world.write(vault, account);
}

#[test]
fn a_frozen_vault_keeps_its_tokens_and_nothing_else() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.deposit(&owner, GOLD, 100_000_000);
    freeze(&mut world, GOLD);
    let withdraw = world.withdraw_instruction(&owner, GOLD, 1);
    world.refuses(&[withdraw], &[&owner.key], ACCOUNT_FROZEN);
    let deposit = world.deposit_instruction(&maker, GOLD, 1_000_000);
    world.fund(&maker, GOLD, 1_000_000);
    world.refuses(&[deposit], &[&maker.key], ACCOUNT_FROZEN);
    // It is still there, and still counts until its haircut is raised.
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.withdraw(&owner, USDC, DOLLAR as u64);
    world.deposit(&owner, BTC, 1_000_000);
}

/// No token moves in an auction: not even a frozen vault of the settlement asset shields an account, or stops who pays and is paid.
#[test]
fn a_frozen_settlement_vault_stops_no_auction() {
    let mut world = World::default();
    let (owner, maker, taker) = (world.trader(3_100), world.trader(100_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    freeze(&mut world, USDC);
    let withdraw = world.withdraw_instruction(&taker, USDC, 1);
    world.refuses(&[withdraw], &[&taker.key], ACCOUNT_FROZEN);
    world.price(BTC, 19_100.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert!(event.restored);
    world.settle(&owner, BTC_PERP);
    world.settle(&maker, BTC_PERP);
    let close = world.trade_instruction(taker.side(), maker.side(), &[(BTC_PERP, -CONTRACT / 10, 19_100 * PRICE)]);
    world.succeeds(&[close], &[&taker.key, &maker.key]);
}
