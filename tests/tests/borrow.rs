use novate::events::{Borrowed, Liquidated};
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, GOLD, PRICE, USDC};

/// A bank of 10,000 USD, and an owner of one BTC at 20,000.
fn lent() -> (World, Actor) {
    let mut world = World::default();
    world.lender(USDC, 10_000 * DOLLAR as u64);
    let owner = world.actor();
    world.deposit(&owner, BTC, 100_000_000);
    (world, owner)
}

#[test]
fn a_loan_in_the_settlement_asset_is_cash_and_a_debt() {
    let (mut world, owner) = lent();
    let sent = world.borrow(&owner, USDC, 5_000 * DOLLAR as u64);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.balance_of(USDC).loan), (5_000 * DOLLAR, 5_000 * DOLLAR as u64));
    let asset = world.asset(USDC);
    assert_eq!((asset.bank.loans, asset.cash, world.vault(USDC)), (5_000_000_000, 5_000_000_000, 10_000_000_000));
    let event: Borrowed = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time, event.asset), (portfolio.sequence, world.now(), USDC));
    assert_eq!((event.amount, event.shares, event.balance), (5_000_000_000, 5_000_000_000, 5_000 * DOLLAR));
    // Cash and debt are one amount, and only the coin is at risk; but interest goes on: 1.25·2 % of the debt is charged, as
    // where it is withdrawn (MRG-38).
    let health = world.health(&owner);
    assert_eq!((health.equity, health.outside), (20_000 * DOLLAR, 125 * DOLLAR));
    assert_eq!(health.initial, 3_125 * DOLLAR);

    world.withdraw(&owner, USDC, 5_000 * DOLLAR as u64);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.outside), (15_000 * DOLLAR, 125 * DOLLAR));
    assert_eq!((health.initial, health.maintenance), (3_125 * DOLLAR, 2_500 * DOLLAR));
}

#[test]
fn a_loan_of_an_underlying_is_a_short_of_it() {
    let mut world = World::default();
    world.lender(BTC, 200_000_000);
    let (owner, maker) = (world.trader(30_000), world.trader(100_000));
    world.borrow(&owner, BTC, 100_000_000);
    world.withdraw(&owner, BTC, 100_000_000);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.gross), (10_000 * DOLLAR, 3_000 * DOLLAR));
    assert_eq!(health.by_underlying[0].net_delta, -CONTRACT);
    // A long perpetual hedges it: what remains is the basis, 1 % of it (MRG-30).
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let health = world.health(&owner);
    assert_eq!((health.gross, health.initial), (0, 200 * DOLLAR));
}

#[test]
fn a_loan_of_an_asset_without_a_market_is_charged_by_its_haircut() {
    let mut world = World::default();
    world.lender(GOLD, 1_000_000_000);
    let owner = world.trader(20_000);
    world.borrow(&owner, GOLD, 100_000_000);
    world.withdraw(&owner, GOLD, 100_000_000);
    // 100 at 50 USD, a haircut of 10 %, 1.25 times.
    let health = world.health(&owner);
    assert_eq!((health.equity, health.outside, health.initial), (15_000 * DOLLAR, 625 * DOLLAR, 625 * DOLLAR));
}

#[test]
fn a_debt_grows_and_rounds_away_from_zero() {
    let (mut world, owner) = lent();
    world.borrow(&owner, USDC, 4_000 * DOLLAR as u64);
    world.withdraw(&owner, USDC, 4_000 * DOLLAR as u64);
    world.pass(86_400);
    world.refresh();
    // A day at 5 %: 0.547945.. rounded up.
    assert_eq!(world.health(&owner).equity, 16_000 * DOLLAR - 547_946);
}

#[test]
fn what_owes_is_auctioned_without_any_position() {
    let (mut world, owner) = lent();
    let taker = world.trader(100_000);
    world.borrow(&owner, USDC, 9_000 * DOLLAR as u64);
    world.withdraw(&owner, USDC, 9_000 * DOLLAR as u64);
    // Equity 1,500; maintenance 0.80·(15 % of 10,500 + 225) = 1,440.
    world.price(BTC, 10_500.0);
    let start = world.start_auction_instruction(&owner);
    world.refuses(&[start], &[], novate_client::NovateError::NotLiquidatable);
    // Equity 1,400; maintenance 1,428.
    world.price(BTC, 10_400.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), CONTRACT, i64::MAX);
    let f = u128::from(world.succeeds(&[bid], &[&taker.key]).event::<Liquidated>().fraction.unsigned_abs());
    let (left, taken) = (world.portfolio(&owner.portfolio), world.portfolio(&taker.portfolio));
    assert!(!left.in_auction() && left.balance_of(USDC).loan > 0);
    assert_eq!(left.balance_of(USDC).loan + taken.balance_of(USDC).loan, 9_000 * DOLLAR as u64);
    assert_eq!(left.balance_of(BTC).tokens + taken.balance_of(BTC).tokens, 100_000_000);
    // The debt is cut rounded up, the coin rounded down.
    assert_eq!(u128::from(taken.balance_of(USDC).loan), (9_000_000_000 * f).div_ceil(1_000_000_000));
    assert_eq!(u128::from(taken.balance_of(BTC).tokens), 100_000_000 * f / 1_000_000_000);
}

mod adversary {
    use super::*;
    use crate::distress::Distress;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build, NovateError};
    use novate_tests::{Altered, ETH};
    use solana_signer::Signer;

    #[test]
    fn nothing_or_beyond_the_utilisation_cap() {
        let (mut world, owner) = lent();
        for (asset, amount, error) in [
            (USDC, 0, NovateError::ZeroAmount),
            (USDC, 9_000 * DOLLAR as u64 + 1, NovateError::UtilisationCap),
            (USDC, u64::MAX, NovateError::UtilisationCap),
            (ETH, 1, NovateError::UtilisationCap),
        ] {
            let borrow = world.borrow_instruction(&owner, asset, amount);
            world.refuses(&[borrow], &[&owner.key], error);
        }
        world.borrow(&owner, USDC, 9_000 * DOLLAR as u64);
        let borrow = world.borrow_instruction(&owner, USDC, 1);
        world.refuses(&[borrow], &[&owner.key], NovateError::UtilisationCap);
    }

    #[test]
    fn below_initial_margin() {
        let (mut world, owner) = lent();
        world.price(BTC, 10_000.0);
        world.borrow(&owner, USDC, 9_000 * DOLLAR as u64);
        // Equity may fall to 1,500 + 2.5 % of the debt: 10,000 - 8,275.
        let withdraw = world.withdraw_instruction(&owner, USDC, 8_275_000_001);
        world.refuses(&[withdraw], &[&owner.key], NovateError::BelowInitialMargin);
        world.withdraw(&owner, USDC, 8_237_500_000);
        let lender = world.actor();
        world.open_bank(ETH);
        world.deposit(&lender, ETH, 100_000_000_000);
        world.lend(&lender, ETH, 100_000_000_000);
        // Borrowing what is kept needs 2.5 % of its 1,500, all that is left, and taking it away needs more.
        let borrow = world.borrow_instruction(&owner, ETH, 100_000_001);
        world.refuses(&[borrow], &[&owner.key], NovateError::BelowInitialMargin);
        world.borrow(&owner, ETH, 100_000_000);
        let withdraw = world.withdraw_instruction(&owner, ETH, 100_000_000);
        world.refuses(&[withdraw], &[&owner.key], NovateError::BelowInitialMargin);
        world.price(BTC, 9_000.0);
        let borrow = world.borrow_instruction(&owner, ETH, 1);
        world.refuses(&[borrow], &[&owner.key], NovateError::BelowInitialMargin);
    }

    /// MRG-45: how Mango was emptied.
    #[test]
    fn against_a_manipulated_gain() {
        let mut world = World::default();
        world.lender(USDC, 1_000_000 * DOLLAR as u64);
        let (owner, maker) = (world.trader(10_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, 2 * CONTRACT, 20_000 * PRICE)]);
        world.price(BTC, 40_000.0);
        // 10,000 in cash and 39,980 unsettled, fees off; initial margin 12,000.
        let health = world.health(&owner);
        assert_eq!((health.equity, health.settled_equity), (49_980 * DOLLAR, 10_000 * DOLLAR));
        let borrow = world.borrow_instruction(&owner, USDC, 1);
        world.refuses(&[borrow], &[&owner.key], NovateError::UnsettledGains);
    }

    /// A loan that was taken while settled equity sufficed does not leave on the strength of a gain that came later.
    #[test]
    fn cash_of_a_loan_leaves_by_no_trade_on_unsettled_gains() {
        let mut world = World::default();
        world.lender(USDC, 100_000 * DOLLAR as u64);
        let (owner, maker, friend) = (world.trader(1_000), world.trader(1_000_000), world.trader(1_000_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
        world.price(BTC, 40_000.0);
        // Settled equity of 1,000 against 600 and 2.5 % of the debt; 1,999 are unsettled.
        world.borrow(&owner, USDC, 10_000 * DOLLAR as u64);
        let settled = world.health(&owner);
        assert!(settled.settled_equity >= settled.initial && settled.equity > 2_900 * DOLLAR);
        // 150 given away beside the mark: equity would cover initial margin, settled equity does not.
        let away = [(novate_tests::ETH_PERP, 2 * CONTRACT, 1_575 * PRICE)];
        let trade = world.trade_instruction(owner.side(), friend.side(), &away);
        world.refuses(&[trade], &[&owner.key, &friend.key], NovateError::UnsettledGains);
        world.repay(&owner, USDC, 10_000 * DOLLAR as u64);
        world.trade(&owner, &friend, &away);
    }

    #[test]
    fn during_an_auction() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        world.lender(USDC, 1_000);
        let borrow = world.borrow_instruction(&owner, USDC, 1);
        world.refuses(&[borrow], &[&owner.key], NovateError::InAuction);
    }

    #[test]
    fn with_a_stale_price_or_an_incomplete_list() {
        let (mut world, owner) = lent();
        let borrow = world.borrow_instruction(&owner, USDC, 1);
        for at in [7, 8] {
            world.refuses(&[borrow.clone().without_account(at)], &[&owner.key], NovateError::AssetMissing);
        }
        let borrow = world.borrow_instruction(&owner, GOLD, 1);
        world.pass(61);
        world.refuses(&[borrow], &[&owner.key], NovateError::UtilisationCap);
        let borrow = world.borrow_instruction(&owner, USDC, 1);
        world.refuses(&[borrow], &[&owner.key], NovateError::PriceStale);
    }

    #[test]
    fn by_another_than_the_owner() {
        let (mut world, owner) = lent();
        let delegate = world.actor();
        let set = build::set_delegate(owner.address(), owner.portfolio, delegate.key.pubkey(), i64::MAX);
        world.succeeds(&[set], &[&owner.key]);
        let borrow = world.borrow_instruction(&owner, USDC, 5);
        let stolen = borrow.clone().with_account(4, delegate.address());
        world.refuses(&[stolen], &[&delegate.key], NovateError::NotOwner);
        world.refuses(&[borrow.unsigned(4)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn across_pools() {
        let (mut world, owner) = lent();
        let other = world.second_pool();
        world.succeeds(&[build::open_portfolio(owner.address(), other, 0)], &[&owner.key]);
        let borrow = world.borrow_instruction(&owner, USDC, 5);
        let foreign = addresses::portfolio(&other, &owner.address(), 0);
        for (at, key) in [(2, foreign), (3, addresses::asset(&other, USDC)), (7, addresses::asset(&other, USDC))] {
            world.refuses(&[borrow.clone().with_account(at, key)], &[&owner.key], NovateError::WrongPool);
        }
        let scenarios = addresses::scenarios(&other, 1);
        world.refuses(&[borrow.with_account(1, scenarios)], &[&owner.key], NovateError::WrongScenarios);
    }

    #[test]
    fn more_kinds_of_loans_than_a_portfolio_holds() {
        // A yield-bearing balance, a loan and a position each name an underlying; the caps of CLR-36 hold for loans too.
        let assets: Vec<_> = (0..10).map(|i| novate_tests::AssetSpec::new("COIN", 6, 1.0 + f64::from(i))).collect();
        let markets: Vec<_> = (1..10).map(|i| novate_tests::MarketSpec::new("COIN-PERP", i)).collect();
        let mut world = novate_tests::Builder::default().assets(assets).markets(markets).build();
        let owner = world.trader(1_000);
        for asset in 1..10 {
            world.lender(asset, 1_000);
        }
        for asset in 1..9 {
            world.borrow(&owner, asset, 1);
        }
        let borrow = world.borrow_instruction(&owner, 9, 1);
        world.refuses(&[borrow], &[&owner.key], NovateError::TooManyUnderlyingsHeld);
    }
}
