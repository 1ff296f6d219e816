use novate::events::Repaid;
use novate_client::instructions as build;
use novate_tests::{Actor, World, BTC, DOLLAR, USDC};

/// Owes 4,000 USD against one BTC.
fn indebted() -> (World, Actor) {
    let mut world = World::default();
    world.lender(USDC, 10_000 * DOLLAR as u64);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, 100_000_000);
    world.borrow(&borrower, USDC, 4_000 * DOLLAR as u64);
    (world, borrower)
}

#[test]
fn a_part_is_paid_out_of_cash() {
    let (mut world, borrower) = indebted();
    let sent = world.repay(&borrower, USDC, 1_000 * DOLLAR as u64);
    let portfolio = world.portfolio(&borrower.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_of(USDC).loan), (3_000 * DOLLAR, 3_000 * DOLLAR as u64));
    let asset = world.asset(USDC);
    assert_eq!((asset.cash, asset.bank.loans), (3_000 * DOLLAR as u64, 3_000 * DOLLAR as u64));
    let event: Repaid = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, borrower.portfolio));
    assert_eq!((event.sequence, event.time, event.asset), (portfolio.sequence, world.now(), USDC));
    assert_eq!((event.amount, event.shares, event.balance), (1_000_000_000, 3_000_000_000, 3_000 * DOLLAR));
}

#[test]
fn at_most_what_is_owed_is_taken() {
    let (mut world, borrower) = indebted();
    world.pass(86_400);
    world.deposit(&borrower, USDC, 10 * DOLLAR as u64);
    let sent = world.repay(&borrower, USDC, u64::MAX);
    // A day at 5 %.
    assert_eq!(sent.event::<Repaid>().amount, 4_000_547_946);
    let portfolio = world.portfolio(&borrower.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_of(USDC).loan), (10 * DOLLAR - 547_946, 0));
    assert_eq!((world.asset(USDC).bank.loans, world.asset(USDC).bank.loan_shares), (0, 0));
}

#[test]
fn without_a_loan_one_leaves_without_any_price() {
    let (mut world, borrower) = indebted();
    world.pass(1_000_000);
    world.deposit(&borrower, USDC, 100 * DOLLAR as u64);
    let withdraw = world.withdraw_instruction(&borrower, BTC, 100_000_000);
    world.refuses(&[withdraw], &[&borrower.key], novate_client::NovateError::PriceStale);
    world.repay(&borrower, USDC, u64::MAX);
    let mut withdraw = world.withdraw_instruction(&borrower, BTC, 100_000_000);
    withdraw.accounts.truncate(11);
    world.succeeds(&[withdraw], &[&borrower.key]);
}

#[test]
fn during_an_auction_and_by_a_delegate() {
    let (mut world, borrower) = indebted();
    let delegate = world.actor();
    world.withdraw(&borrower, USDC, 3_900 * DOLLAR as u64);
    world.price(BTC, 4_500.0);
    world.start_auction(&borrower);
    world.deposit(&borrower, USDC, 3_901 * DOLLAR as u64);
    let set = build::set_delegate(borrower.address(), borrower.portfolio, delegate.address(), i64::MAX);
    world.succeeds(&[set], &[&borrower.key]);
    let repay = build::repay(delegate.address(), &world.pool, borrower.portfolio, USDC, 4_001 * DOLLAR as u64);
    world.succeeds(&[repay], &[&delegate.key]);
    let end = world.end_auction_instruction(&borrower);
    world.succeeds(&[end], &[]);
    assert!(!world.portfolio(&borrower.portfolio).owes());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::{Altered, GOLD};

    #[test]
    fn nothing_is_owed_or_paid() {
        let (mut world, borrower) = indebted();
        world.deposit(&borrower, GOLD, 5);
        let repay = world.repay_instruction(&borrower, GOLD, 5);
        world.refuses(&[repay], &[&borrower.key], NovateError::NothingOwed);
        let repay = world.repay_instruction(&borrower, USDC, 0);
        world.refuses(&[repay], &[&borrower.key], NovateError::ZeroAmount);
    }

    #[test]
    fn twice() {
        let (mut world, borrower) = indebted();
        world.repay(&borrower, USDC, 4_000 * DOLLAR as u64);
        world.pass(1);
        let repay = world.repay_instruction(&borrower, USDC, 4_000 * DOLLAR as u64);
        world.refuses(&[repay], &[&borrower.key], NovateError::NothingOwed);
    }

    #[test]
    fn with_more_than_there_is() {
        let (mut world, borrower) = indebted();
        world.withdraw(&borrower, USDC, 3_000 * DOLLAR as u64);
        let repay = world.repay_instruction(&borrower, USDC, 1_000 * DOLLAR as u64 + 1);
        world.refuses(&[repay], &[&borrower.key], NovateError::InsufficientBalance);
    }

    #[test]
    fn by_a_stranger_or_in_another_pool() {
        let (mut world, borrower) = indebted();
        let (stranger, other) = (world.actor(), world.second_pool());
        let repay = world.repay_instruction(&stranger, USDC, 5).with_account(0, borrower.portfolio);
        world.refuses(&[repay], &[&stranger.key], NovateError::WrongAuthority);
        let repay = world.repay_instruction(&borrower, USDC, 5);
        world.refuses(&[repay.clone().unsigned(2)], &[], ErrorCode::AccountNotSigner);
        let foreign = repay.with_account(1, addresses::asset(&other, USDC));
        world.refuses(&[foreign], &[&borrower.key], NovateError::WrongPool);
    }
}
