use novate::events::LossBorrowed;
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, PRICE, USDC};

/// An owner of 20 ETH at 1,500, worth 30,000, who is long one BTC at 20,000 and has no cash but what paid for the trade.
fn long() -> (World, Actor, Actor) {
    let mut world = World::default();
    world.lender(USDC, 10_000 * DOLLAR as u64);
    let (owner, maker) = (world.actor(), world.trader(100_000));
    world.deposit(&owner, ETH, 20 * 100_000_000);
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    (world, owner, maker)
}

#[test]
fn a_loss_is_paid_out_of_a_loan() {
    let (mut world, owner, maker) = long();
    world.price(BTC, 18_000.0);
    let before = world.health(&owner);
    let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
    let sent = world.succeeds(&[borrow], &[]);
    world.settle(&owner, BTC_PERP);

    // 2,000 and the fee of 10.
    let event: LossBorrowed = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.time, event.unlent, event.borrowed), (world.now(), 0, 2_010 * DOLLAR as u64));
    assert_eq!((event.shares, event.cash), (2_010 * DOLLAR as u64, 2_010 * DOLLAR));
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_of(USDC).loan), (0, 2_010 * DOLLAR as u64));
    assert_eq!(world.market(BTC_PERP).variation_pool.0, 2_010 * DOLLAR);
    // Equity is what it was; the debt is charged 1.25·2 % (MRG-38).
    let after = world.health(&owner);
    assert_eq!(after.equity, before.equity);
    assert_eq!(after.initial, before.initial + 50_250_000);
    world.settle(&maker, BTC_PERP);
}

#[test]
fn what_the_owner_lent_comes_first() {
    let (mut world, owner, _) = long();
    world.deposit(&owner, USDC, 500 * DOLLAR as u64);
    world.lend(&owner, USDC, 500 * DOLLAR as u64);
    world.price(BTC, 18_000.0);
    let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
    let event: LossBorrowed = world.succeeds(&[borrow], &[]).event();
    assert_eq!((event.unlent, event.borrowed), (500 * DOLLAR as u64, 1_510 * DOLLAR as u64));
}

#[test]
fn as_much_as_the_bank_has() {
    let (mut world, owner, _) = long();
    let other = world.actor();
    world.deposit(&other, ETH, 20 * 100_000_000);
    world.borrow(&other, USDC, 8_000 * DOLLAR as u64);
    world.price(BTC, 18_000.0);
    let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
    let event: LossBorrowed = world.succeeds(&[borrow], &[]).event();
    assert_eq!(event.borrowed, 1_000 * DOLLAR as u64);
    let again = world.borrow_for_loss_instruction(&owner, BTC_PERP);
    world.refuses(&[again], &[], novate_client::NovateError::UtilisationCap);
}

/// CLR-30: it is judged by more than ends an auction.
#[test]
fn a_solvent_auction_ends() {
    let (mut world, owner, _) = long();
    world.price(BTC, 5_000.0);
    world.price(ETH, 850.0);
    world.start_auction(&owner);
    world.price(BTC, 18_000.0);
    world.price(ETH, 1_500.0);
    // The moves restricted both for a while (CLR-41).
    for _ in 0..40 {
        world.pass(60);
        world.refresh();
    }
    assert!(world.portfolio(&owner.portfolio).in_auction());
    let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
    let event: LossBorrowed = world.succeeds(&[borrow], &[]).event();
    assert!(event.auction_ended && !world.portfolio(&owner.portfolio).in_auction());
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, NovateError};
    use novate_tests::Altered;

    #[test]
    fn without_a_loss_or_with_the_cash_for_it() {
        let (mut world, owner, maker) = long();
        let gain = world.borrow_for_loss_instruction(&maker, BTC_PERP);
        world.price(BTC, 20_100.0);
        world.refuses(&[gain], &[], NovateError::NothingToSettle);
        let none = world.borrow_for_loss_instruction(&owner, ETH_PERP);
        world.refuses(&[none], &[], NovateError::NoPosition);
        world.price(BTC, 18_000.0);
        world.deposit(&owner, USDC, 2_010 * DOLLAR as u64);
        let paid = world.borrow_for_loss_instruction(&owner, BTC_PERP);
        world.refuses(&[paid], &[], NovateError::NothingToSettle);
    }

    #[test]
    fn twice() {
        let (mut world, owner, _) = long();
        world.price(BTC, 18_000.0);
        let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
        world.succeeds(std::slice::from_ref(&borrow), &[]);
        world.refuses(&[world.borrow_for_loss_instruction(&owner, BTC_PERP)], &[], NovateError::NothingToSettle);
    }

    /// The lenders do not take over what winners have at stake.
    #[test]
    fn below_maintenance_margin() {
        let (mut world, owner, _) = long();
        world.price(ETH, 200.0);
        // 4,000 of collateral less 2,010 against 80 % of 3,720 or less.
        world.price(BTC, 18_000.0);
        let health = world.health(&owner);
        assert!(health.equity > 0 && health.equity < health.maintenance);
        let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
        world.refuses(&[borrow], &[], NovateError::BelowMaintenance);
    }

    #[test]
    fn with_stale_prices_or_an_incomplete_list() {
        let (mut world, owner, _) = long();
        world.price(BTC, 18_000.0);
        let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
        let list = [NovateError::AssetMissing, NovateError::AssetMissing, NovateError::AssetMissing];
        for (at, error) in list.into_iter().enumerate() {
            world.refuses(&[borrow.clone().without_account(6 + at)], &[], error);
        }
        world.refuses(&[borrow.clone().without_account(9)], &[], NovateError::MarketMissing);
        world.pass(61);
        world.refuses(&[borrow], &[], NovateError::PriceStale);
    }

    #[test]
    fn from_another_bank_or_pool() {
        let (mut world, owner, _) = long();
        let other = world.second_pool();
        world.price(BTC, 18_000.0);
        let borrow = world.borrow_for_loss_instruction(&owner, BTC_PERP);
        let wrong = borrow.clone().with_account(3, addresses::asset(&world.pool, ETH));
        world.refuses(&[wrong], &[], NovateError::NotSettlementAsset);
        for (at, key) in [(3, addresses::asset(&other, USDC)), (0, other)] {
            let failed = world.attempt(borrow.clone().with_account(at, key), &[]).unwrap_err();
            assert!(failed.is(NovateError::WrongPool) || failed.is(NovateError::WrongScenarios));
        }
        let read_only = borrow.read_only(3);
        world.refuses(&[read_only], &[], ErrorCode::ConstraintMut);
    }
}
