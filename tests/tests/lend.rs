use novate::events::Lent;
use novate_tests::{World, BTC, BTC_PERP, CONTRACT, DOLLAR, GOLD, PRICE, USDC};

#[test]
fn cash_and_balances_become_shares_of_the_bank() {
    let mut world = World::default();
    let owner = world.trader(10);
    world.deposit(&owner, GOLD, 500);
    for asset in [USDC, GOLD] {
        world.open_bank(asset);
    }
    world.lend(&owner, USDC, 4 * DOLLAR as u64);
    let sent = world.lend(&owner, GOLD, 300);

    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_of(USDC).lent), (6 * DOLLAR, 4 * DOLLAR as u64));
    assert_eq!((portfolio.balance_of(GOLD).tokens, portfolio.balance_of(GOLD).lent), (200, 300));
    let [usdc, gold] = [USDC, GOLD].map(|a| world.asset(a));
    assert_eq!((usdc.cash, usdc.bank.lent, usdc.bank.lent_shares), (6_000_000, 4_000_000, 4_000_000));
    assert_eq!((gold.deposits, gold.bank.lent, world.vault(GOLD)), (200, 300, 500));

    let event: Lent = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time, event.asset), (portfolio.sequence, world.now(), GOLD));
    assert_eq!((event.amount, event.shares, event.balance), (300, 300, 200));
}

#[test]
fn what_is_lent_counts_as_before() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(3_500), world.trader(100_000));
    world.deposit(&owner, GOLD, 10_000_000);
    world.deposit(&owner, BTC, 10_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let before = world.health(&owner);
    for (asset, amount) in [(USDC, 3_000 * DOLLAR as u64), (GOLD, 10_000_000), (BTC, 10_000_000)] {
        world.open_bank(asset);
        world.lend(&owner, asset, amount);
    }
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_of(BTC).tokens), (500 * DOLLAR, 0));
    assert_eq!(world.health(&owner), before);
}

#[test]
fn lenders_earn_what_borrowers_pay_less_the_reserve() {
    let mut world = World::default();
    let lender = world.lender(USDC, 10_000 * DOLLAR as u64);
    let late = world.trader(10_000);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, 200_000_000);
    world.borrow(&borrower, USDC, 8_000 * DOLLAR as u64);
    world.pass(30 * 86_400);
    // A refresh charges interest too.
    world.refresh();
    let bank = world.asset(USDC).bank;
    // 8,000·10 %·30/365 = 65.753424.., of which lenders receive nine tenths.
    assert_eq!(bank.loans, 8_065_753_425);
    assert_eq!((bank.lent, bank.reserve), (10_059_178_082, 6_575_343));
    // Who comes later pays for what was earned before.
    world.lend(&late, USDC, 10_000 * DOLLAR as u64);
    let shares = world.portfolio(&late.portfolio).balance_of(USDC).lent;
    assert_eq!(shares, 9_941_170_062);
    assert!(world.asset(USDC).bank.lent_floor(shares).unwrap() <= 10_000 * DOLLAR as u64);
    let own = world.portfolio(&lender.portfolio).balance_of(USDC).lent;
    assert_eq!(world.asset(USDC).bank.lent_floor(own).unwrap(), 10_059_178_082);
}

mod adversary {
    use super::*;
    use crate::distress::Distress;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, NovateError};
    use novate_tests::Altered;
    use solana_signer::Signer;

    #[test]
    fn nothing_or_more_than_there_is() {
        let mut world = World::default();
        let owner = world.trader(10);
        world.deposit(&owner, GOLD, 500);
        for asset in [USDC, GOLD, BTC] {
            world.open_bank(asset);
        }
        for (asset, amount, error) in [
            (USDC, 0, NovateError::ZeroAmount),
            (USDC, 10 * DOLLAR as u64 + 1, NovateError::InsufficientBalance),
            (GOLD, 501, NovateError::InsufficientBalance),
            (BTC, 1, NovateError::InsufficientBalance),
            (USDC, u64::MAX, NovateError::MathOverflow),
            (GOLD, u64::MAX, NovateError::InsufficientBalance),
        ] {
            let lend = world.lend_instruction(&owner, asset, amount);
            world.refuses(&[lend], &[&owner.key], error);
        }
    }

    #[test]
    fn to_a_bank_that_is_not_open() {
        let mut world = World::default();
        let owner = world.trader(10);
        let lend = world.lend_instruction(&owner, USDC, 1);
        world.refuses(&[lend], &[&owner.key], NovateError::NotLent);
    }

    #[test]
    fn gains_that_are_pending() {
        let mut world = World::default();
        world.open_bank(USDC);
        let (owner, maker) = (world.trader(10_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        world.price(BTC, 21_000.0);
        world.settle(&maker, BTC_PERP);
        world.settle(&owner, BTC_PERP);
        let lend = world.lend_instruction(&owner, USDC, 10_500 * DOLLAR as u64);
        world.refuses(&[lend], &[&owner.key], NovateError::GainsPending);
    }

    #[test]
    fn during_an_auction() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        world.open_bank(USDC);
        let lend = world.lend_instruction(&owner, USDC, 1);
        world.refuses(&[lend], &[&owner.key], NovateError::InAuction);
    }

    #[test]
    fn by_another_than_the_owner() {
        let mut world = World::default();
        world.open_bank(USDC);
        let (owner, delegate) = (world.trader(10), world.actor());
        let set = build::set_delegate(owner.address(), owner.portfolio, delegate.key.pubkey(), i64::MAX);
        world.succeeds(&[set], &[&owner.key]);
        let lend = world.lend_instruction(&delegate, USDC, 5).with_account(0, owner.portfolio);
        world.refuses(&[lend], &[&delegate.key], NovateError::NotOwner);
        let lend = world.lend_instruction(&owner, USDC, 5).unsigned(2);
        world.refuses(&[lend], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn to_another_pool_or_none() {
        let mut world = World::default();
        world.open_bank(USDC);
        let owner = world.trader(10);
        let other = world.second_pool();
        let lend = world.lend_instruction(&owner, USDC, 5);
        let foreign = lend.clone().with_account(1, addresses::asset(&other, USDC));
        world.refuses(&[foreign], &[&owner.key], NovateError::WrongPool);
        let market = lend.with_account(1, addresses::market(&world.pool, 0));
        world.refuses(&[market], &[&owner.key], ErrorCode::AccountDiscriminatorMismatch);
    }
}
