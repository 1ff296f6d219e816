//! Least positions and balances (CLR-34): dust comes in by slices only, can always go, and uses up no slot otherwise.

use novate_client::instructions::{self as build, Transfer};
use novate_client::{Instruction, NovateError};
use novate_tests::{Actor, AssetSpec, Builder, World, BTC, BTC_PERP, CONTRACT, ETH, PRICE, USDC};

/// A hundredth of an ETH.
const LEAST: u64 = 1_000_000;

fn world() -> World {
    let assets = vec![
        AssetSpec::new("USDC", 6, 1.0),
        AssetSpec::new("BTC", 8, 20_000.0),
        AssetSpec::new("ETH", 8, 1_500.0).minimum_balance(LEAST),
        AssetSpec::new("SOL", 9, 30.0),
    ];
    Builder::default().assets(assets).build()
}

fn transfer(world: &World, from: &Actor, to: &Actor, amount: u64) -> Instruction {
    let transfer = Transfer { from: from.portfolio, to: to.portfolio, asset: ETH, amount };
    build::transfer(from.address(), world.keys(), &world.holdings(&[from.portfolio]), transfer)
}

#[test]
fn a_new_balance_holds_the_least_and_takes_anything_after_that() {
    let mut world = world();
    let owner = world.actor();
    world.fund(&owner, ETH, 2 * LEAST);
    let deposit = world.deposit_instruction(&owner, ETH, LEAST - 1);
    world.refuses(&[deposit], &[&owner.key], NovateError::DustBalance);
    let deposit = world.deposit_instruction(&owner, ETH, LEAST);
    world.succeeds(&[deposit], &[&owner.key]);
    let deposit = world.deposit_instruction(&owner, ETH, 1);
    world.succeeds(&[deposit], &[&owner.key]);
    // Settlement tokens are cash and take no slot.
    world.deposit(&owner, USDC, 1);
}

#[test]
fn a_withdrawal_leaves_the_least_or_nothing() {
    let mut world = world();
    let owner = world.actor();
    world.deposit(&owner, ETH, 2 * LEAST);
    let withdraw = world.withdraw_instruction(&owner, ETH, LEAST + 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::DustBalance);
    let withdraw = world.withdraw_instruction(&owner, ETH, 2 * LEAST - 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::DustBalance);
    world.withdraw(&owner, ETH, LEAST);
    world.withdraw(&owner, ETH, LEAST);
    assert_eq!(world.portfolio(&owner.portfolio).balance_count, 0);
}

#[test]
fn what_is_lent_counts_as_held() {
    let mut world = world();
    world.open_bank(ETH);
    let owner = world.actor();
    world.deposit(&owner, ETH, 2 * LEAST);
    world.lend(&owner, ETH, LEAST);
    world.withdraw(&owner, ETH, LEAST);
    world.unlend(&owner, ETH, LEAST);
    let withdraw = world.withdraw_instruction(&owner, ETH, 1);
    world.refuses(&[withdraw], &[&owner.key], NovateError::DustBalance);
    world.withdraw(&owner, ETH, LEAST);
}

#[test]
fn a_transfer_leaves_no_dust_on_either_side() {
    let mut world = world();
    let first = world.actor();
    let second = world.sub_account(&first, 1);
    world.deposit(&first, ETH, 3 * LEAST);
    for amount in [1, LEAST - 1, 2 * LEAST + 1, 3 * LEAST - 1] {
        let transfer = transfer(&world, &first, &second, amount);
        world.refuses(&[transfer], &[&first.key], NovateError::DustBalance);
    }
    for amount in [LEAST, 1, 2 * LEAST - 1] {
        let transfer = transfer(&world, &first, &second, amount);
        world.succeeds(&[transfer], &[&first.key]);
    }
    assert_eq!(world.portfolio(&second.portfolio).balance_of(ETH).tokens, 3 * LEAST);
}

#[test]
fn a_loan_owes_the_least() {
    let mut world = world();
    world.lender(ETH, 100 * LEAST);
    let owner = world.trader(10_000);
    let borrow = world.borrow_instruction(&owner, ETH, LEAST - 1);
    world.refuses(&[borrow], &[&owner.key], NovateError::DustBalance);
    world.borrow(&owner, ETH, LEAST);
    world.borrow(&owner, ETH, 1);
    // What a loan stands beside may be anything, and no repayment is refused.
    world.withdraw(&owner, ETH, LEAST);
    world.repay(&owner, ETH, 1);
    assert!(world.portfolio(&owner.portfolio).balance_of(ETH).loan > 0);
}

/// A slice leaves what it leaves: the rest goes whole.
#[test]
fn what_a_slice_left_can_leave_whole() {
    let mut world = world();
    let (owner, maker, taker) = (world.trader(3_100), world.trader(100_000), world.trader(100_000));
    world.deposit(&owner, ETH, LEAST);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 19_000.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT / 10, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    assert_eq!(world.portfolio(&taker.portfolio).balance_of(ETH).tokens, LEAST / 10);
    let withdraw = world.withdraw_instruction(&taker, ETH, 1);
    world.refuses(&[withdraw], &[&taker.key], NovateError::DustBalance);
    world.withdraw(&taker, ETH, LEAST / 10);
}

#[test]
fn a_trade_leaves_the_markets_minimum_or_nothing() {
    // A minimum of 0.01 and a lot of 0.001.
    let mut world = world();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    let lot = CONTRACT / 1_000;
    world.trade(&owner, &maker, &[(BTC_PERP, 25 * lot, 20_000 * PRICE)]);
    for quantity in [-16 * lot, -24 * lot, -26 * lot, -34 * lot] {
        let trade = world.trade_instruction(owner.side(), maker.side(), &[(BTC_PERP, quantity, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::LeavesDust);
        // Nor on the side that sells.
        let trade = world.trade_instruction(maker.side(), owner.side(), &[(BTC_PERP, -quantity, 20_000 * PRICE)]);
        world.refuses(&[trade], &[&maker.key, &owner.key], NovateError::LeavesDust);
    }
    world.trade(&owner, &maker, &[(BTC_PERP, -35 * lot, 20_000 * PRICE)]);
    world.trade(&owner, &maker, &[(BTC_PERP, 10 * lot, 20_000 * PRICE)]);
    assert_eq!(world.portfolio(&owner.portfolio).position_count, 1);
    assert_eq!(world.market(BTC_PERP).long.0, 0);
}

/// What closes one side may not leave dust on the other, but for dust: it moves to whoever takes it.
#[test]
fn dust_of_a_slice_is_closed_against_anyone() {
    let mut world = world();
    let (owner, maker, taker) = (world.trader(3_100), world.trader(100_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 19_000.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT / 333, i64::MAX);
    world.succeeds(&[bid], &[&taker.key]);
    let dust = world.portfolio(&taker.portfolio).positions()[0].quantity;
    assert!(dust < CONTRACT / 100);
    let flat = world.trader(10_000);
    world.trade(&taker, &flat, &[(BTC_PERP, -dust, 19_000 * PRICE)]);
    assert_eq!(world.portfolio(&taker.portfolio).positions()[0].quantity, 0);
    // The maker closes 0.02 of what the flat one holds with dust: refused, for the rest would be dust.
    let large = world.trader(10_000);
    world.trade(&large, &flat, &[(BTC_PERP, -CONTRACT / 50, 19_000 * PRICE)]);
    let close = world.trade_instruction(large.side(), flat.side(), &[(BTC_PERP, CONTRACT / 50, 19_000 * PRICE)]);
    world.refuses(&[close], &[&large.key, &flat.key], NovateError::LeavesDust);
    world.trade(&large, &maker, &[(BTC_PERP, CONTRACT / 50, 19_000 * PRICE)]);
}
