//! Banks: lending, borrowing and paying back, each with interest of the time since it was charged last.

use novate_tests::{Actor, World, BTC, DOLLAR, GOLD, USDC};

use crate::figure::{measure, Figure};
use crate::full::{assert_full, pool, trader, COLLATERAL, USD};

/// Units of a collateral's mint.
const TOKEN: u64 = 100_000_000;
/// Seconds for which interest is due.
const DUE: i64 = 60;
/// Asset that is lent and borrowed: the last.
const ASSET: u16 = COLLATERAL as u16;
const MARKETS: usize = 23;
const FULL: &str = "16 balances, 23 perpetuals on 8 underlyings";

pub fn all() -> Vec<Figure> {
    let mut figures = banks();
    figures.extend(owners());
    figures.push(loss());
    figures
}

/// A bank without loans, and one that owes its lenders interest.
fn banks() -> Vec<Figure> {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let open = world.set_lending_instruction(GOLD, novate_tests::LENDING);
    let mut figures = vec![measure(&mut world, "set_lending", "opened", open, &[&governor])];
    assert!(world.asset(GOLD).is_lent());

    world.lender(USDC, 10_000 * DOLLAR as u64);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, TOKEN);
    world.borrow(&borrower, USDC, 4_000 * DOLLAR as u64);
    world.pass(novate_client::state::SETTING_INTERVAL);
    let change = world.set_lending_instruction(USDC, novate_tests::LENDING);
    figures.push(measure(&mut world, "set_lending", "changed, interest charged", change, &[&governor]));
    assert_charged(&world, USDC);
    figures
}

/// Interest has just been charged on loans.
fn assert_charged(world: &World, asset: u16) {
    let bank = world.asset(asset).bank;
    assert!(bank.loans > bank.loan_shares && bank.accrued.0 == world.now());
}

/// What the owner of a full portfolio may do.
fn owners() -> Vec<Figure> {
    let mut world = pool(8, MARKETS);
    let maker = world.trader(10_000_000);
    let owner = trader(&mut world, &maker, COLLATERAL, MARKETS);
    world.lender(ASSET, 1_000 * TOKEN);
    let other = world.trader(100_000);
    world.borrow(&other, ASSET, 500 * TOKEN);
    let mut figures = vec![];
    for name in ["lend", "unlend", "borrow", "repay"] {
        world.pass(DUE);
        let part = TOKEN / 10;
        let built = match name {
            "lend" => world.lend_instruction(&owner, ASSET, 2 * part),
            "unlend" => world.unlend_instruction(&owner, ASSET, part),
            "borrow" => world.borrow_instruction(&owner, ASSET, 2 * part),
            _ => world.repay_instruction(&owner, ASSET, part),
        };
        let state = format!("{FULL}, interest charged");
        figures.push(measure(&mut world, name, &state, built, &[&owner.key]));
        assert_charged(&world, ASSET);
        assert_full(&world, &owner.portfolio, COLLATERAL, MARKETS);
    }
    let balance = world.portfolio(&owner.portfolio).balance_of(ASSET);
    assert!(balance.lent > 0 && balance.loan > 0, "{balance:?}");
    figures
}

/// A loss that cash does not pay: what was lent comes back, and the rest is borrowed.
fn loss() -> Figure {
    let mut world = pool(8, MARKETS);
    let maker = world.trader(10_000_000);
    let owner = trader(&mut world, &maker, COLLATERAL - 1, MARKETS);
    world.lender(USDC, 1_000 * DOLLAR as u64);
    let other = world.actor();
    world.deposit(&other, 1, 100 * TOKEN);
    world.borrow(&other, USDC, 500 * DOLLAR as u64);
    world.lend(&owner, USDC, 4 * DOLLAR as u64);
    withdraw_cash(&mut world, &owner);
    world.pass(DUE);
    world.price(1, 0.85 * USD);
    let before = world.portfolio(&owner.portfolio);
    assert_eq!((before.balances().len(), before.positions().len(), before.cash), (COLLATERAL, MARKETS, 0));
    let built = world.borrow_for_loss_instruction(&owner, 0);
    let state = format!("{FULL}, a part taken back and a part borrowed, interest charged");
    let figure = measure(&mut world, "borrow_for_loss", &state, built, &[]);
    let balance = world.portfolio(&owner.portfolio).balance_of(USDC);
    assert!(before.balance_of(USDC).lent > 0 && balance.lent == 0 && balance.loan > 0, "{balance:?}");
    assert_charged(&world, USDC);
    figure
}

fn withdraw_cash(world: &mut World, owner: &Actor) {
    let cash = world.portfolio(&owner.portfolio).cash as u64;
    let built = world.withdraw_instruction(owner, USDC, cash);
    measure(world, "withdraw", "setting up", built, &[&owner.key]);
}
