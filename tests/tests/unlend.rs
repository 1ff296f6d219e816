use novate::events::Unlent;
use novate_tests::{World, BTC, DOLLAR, GOLD, USDC};

#[test]
fn shares_become_what_they_are_worth() {
    let mut world = World::default();
    let lender = world.lender(GOLD, 500);
    let sent = world.unlend(&lender, GOLD, 200);
    let portfolio = world.portfolio(&lender.portfolio);
    assert_eq!((portfolio.balance_of(GOLD).tokens, portfolio.balance_of(GOLD).lent), (200, 300));
    assert_eq!((world.asset(GOLD).deposits, world.asset(GOLD).bank.lent), (200, 300));
    let event: Unlent = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, lender.portfolio));
    assert_eq!((event.sequence, event.time, event.asset), (portfolio.sequence, world.now(), GOLD));
    assert_eq!((event.amount, event.shares, event.balance), (200, 300, 200));
}

#[test]
fn with_interest_and_without_a_price() {
    let mut world = World::default();
    let lender = world.lender(USDC, 10_000 * DOLLAR as u64);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, 200_000_000);
    world.borrow(&borrower, USDC, 8_000 * DOLLAR as u64);
    world.pass(30 * 86_400);
    world.deposit(&borrower, USDC, 100 * DOLLAR as u64);
    world.repay(&borrower, USDC, u64::MAX);
    world.unlend(&lender, USDC, 10_059_178_082);
    let portfolio = world.portfolio(&lender.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_count), (10_059_178_082, 0));
    let bank = world.asset(USDC).bank;
    assert_eq!((bank.lent, bank.lent_shares, bank.loans, bank.loan_shares), (0, 0, 0, 0));
    assert_eq!(bank.reserve, 65_753_425 - 59_178_082);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    #[test]
    fn what_is_lent_out() {
        let mut world = World::default();
        let lender = world.lender(USDC, 1_000 * DOLLAR as u64);
        let borrower = world.actor();
        world.deposit(&borrower, BTC, 100_000_000);
        world.borrow(&borrower, USDC, 900 * DOLLAR as u64);
        let unlend = world.unlend_instruction(&lender, USDC, 100 * DOLLAR as u64 + 1);
        world.refuses(&[unlend], &[&lender.key], NovateError::BankIlliquid);
        world.unlend(&lender, USDC, 100 * DOLLAR as u64);
        // Who borrows cannot take more than the cap by lending's back door.
        let borrow = world.borrow_instruction(&borrower, USDC, 1);
        world.refuses(&[borrow], &[&borrower.key], NovateError::UtilisationCap);
    }

    #[test]
    fn nothing_or_more_than_was_lent() {
        let mut world = World::default();
        let lender = world.lender(GOLD, 500);
        let other = world.actor();
        world.deposit(&other, GOLD, 500);
        world.lend(&other, GOLD, 500);
        for (amount, error) in [
            (0, NovateError::ZeroAmount),
            (501, NovateError::InsufficientBalance),
            (u64::MAX, NovateError::InsufficientBalance),
        ] {
            let unlend = world.unlend_instruction(&lender, GOLD, amount);
            world.refuses(&[unlend], &[&lender.key], error);
        }
        let unlend = world.unlend_instruction(&lender, USDC, 1);
        world.refuses(&[unlend], &[&lender.key], NovateError::InsufficientBalance);
    }

    #[test]
    fn by_another_than_the_owner_or_in_another_pool() {
        let mut world = World::default();
        let lender = world.lender(GOLD, 500);
        let stranger = world.actor();
        let other = world.second_pool();
        let unlend = world.unlend_instruction(&stranger, GOLD, 5).with_account(0, lender.portfolio);
        world.refuses(&[unlend], &[&stranger.key], NovateError::NotOwner);
        let unlend = world.unlend_instruction(&lender, GOLD, 5);
        world.refuses(&[unlend.clone().unsigned(2)], &[], ErrorCode::AccountNotSigner);
        let foreign = unlend.with_account(1, addresses::asset(&other, GOLD));
        world.refuses(&[foreign], &[&lender.key], NovateError::WrongPool);
    }
}
