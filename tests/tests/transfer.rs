use novate::events::Transferred;
use novate_client::instructions::{self as build, Transfer};
use novate_client::{addresses, Instruction};
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, GOLD, PRICE, USDC};
use solana_signer::Signer;

fn transfer(world: &World, from: &Actor, to: &Actor, asset: u16, amount: u64) -> Instruction {
    let transfer = Transfer { from: from.portfolio, to: to.portfolio, asset, amount };
    build::transfer(from.address(), world.keys(), &world.holdings(&[from.portfolio]), transfer)
}

/// An owner with two sub-accounts, the first with 10,000 USD, 100 of gold and one BTC bought at 20,000.
fn two() -> (World, Actor, Actor, Actor) {
    let mut world = World::default();
    let (first, maker) = (world.trader(10_000), world.trader(100_000));
    let second = world.sub_account(&first, 1);
    world.trade(&first, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    (world, first, second, maker)
}

#[test]
fn cash_moves_between_sub_accounts() {
    let mut world = World::default();
    let first = world.trader(10);
    let second = world.sub_account(&first, 1);
    let instruction = transfer(&world, &first, &second, USDC, 4);
    let before = (world.vault(USDC), world.asset(USDC).cash);
    let sent = world.succeeds(&[instruction], &[&first.key]);
    let [from, to] = [&first, &second].map(|a| world.portfolio(&a.portfolio));
    assert_eq!((from.cash, from.sequence), (10 * DOLLAR - 4, 2));
    assert_eq!((to.cash, to.sequence), (4, 1));
    assert_eq!((world.vault(USDC), world.asset(USDC).cash), before);

    let event: Transferred = sent.event();
    assert_eq!((event.version, event.pool, event.time), (1, world.pool, world.now()));
    assert_eq!((event.from, event.from_sequence), (first.portfolio, 2));
    assert_eq!((event.to, event.to_sequence), (second.portfolio, 1));
    assert_eq!((event.asset, event.amount), (USDC, 4));
    assert_eq!((event.from_balance, event.to_balance), (10 * DOLLAR - 4, 4));
}

#[test]
fn shares_move_between_sub_accounts() {
    let mut world = World::default();
    let first = world.actor();
    let second = world.sub_account(&first, 1);
    world.deposit(&first, BTC, 10);
    let instruction = transfer(&world, &first, &second, BTC, 10);
    let sent = world.succeeds(&[instruction], &[&first.key]);
    let [from, to] = [&first, &second].map(|a| world.portfolio(&a.portfolio));
    assert_eq!((from.balance_count, from.balance_of(BTC).tokens), (0, 0));
    assert_eq!((to.balance_count, to.balance_of(BTC).tokens, to.balances()[0].underlying), (1, 10, 1));
    assert_eq!(world.asset(BTC).deposits, 10);
    let event: Transferred = sent.event();
    assert_eq!((event.amount, event.from_balance, event.to_balance), (10, 0, 10));
}

#[test]
fn with_positions_all_that_initial_margin_leaves_may_move() {
    let (mut world, first, second, _) = two();
    let instruction = transfer(&world, &first, &second, USDC, 6_990 * DOLLAR as u64);
    world.succeeds(&[instruction], &[&first.key]);
    assert_eq!(world.portfolio(&second.portfolio).cash, 6_990 * DOLLAR);
}

#[test]
fn a_sub_account_in_an_auction_may_receive() {
    let (mut world, first, second, _) = two();
    world.deposit(&second, USDC, 10);
    world.price(BTC, 11_300.0);
    world.start_auction(&first);
    let instruction = transfer(&world, &second, &first, USDC, 10);
    world.succeeds(&[instruction], &[&first.key]);
    assert_eq!(world.portfolio(&second.portfolio).cash, 0);
}

mod adversary {
    use super::*;
    use crate::distress::Distress;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    #[test]
    fn nothing() {
        let (mut world, first, second, _) = two();
        let instruction = transfer(&world, &first, &second, USDC, 0);
        world.refuses(&[instruction], &[&first.key], NovateError::ZeroAmount);
    }

    #[test]
    fn to_itself() {
        let (mut world, first, _, _) = two();
        let instruction = transfer(&world, &first, &first, USDC, 1);
        world.refuses(&[instruction], &[&first.key], NovateError::SamePortfolio);
    }

    #[test]
    fn to_another_owner_or_from_one() {
        let (mut world, first, _, maker) = two();
        let instruction = transfer(&world, &first, &maker, USDC, 1);
        world.refuses(&[instruction], &[&first.key], NovateError::DifferentOwners);
        let from = Transfer { from: maker.portfolio, to: first.portfolio, asset: USDC, amount: 1 };
        let holdings = world.holdings(&[maker.portfolio]);
        let instruction = build::transfer(first.address(), world.keys(), &holdings, from);
        world.refuses(&[instruction], &[&first.key], NovateError::NotOwner);
    }

    #[test]
    fn by_a_delegate_or_unsigned() {
        let (mut world, first, second, _) = two();
        let delegate = world.new_wallet();
        for sub in [&first, &second] {
            let set = build::set_delegate(first.address(), sub.portfolio, delegate.pubkey(), i64::MAX);
            world.succeeds(&[set], &[&first.key]);
        }
        let instruction = transfer(&world, &first, &second, USDC, 1);
        let by_delegate = instruction.clone().with_account(5, delegate.pubkey());
        world.refuses(&[by_delegate], &[&delegate], NovateError::NotOwner);
        world.refuses(&[instruction.unsigned(5)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn more_than_there_is() {
        let (mut world, first, second, _) = two();
        world.deposit(&first, GOLD, 5);
        for (asset, amount) in [(USDC, 10_001 * DOLLAR as u64), (GOLD, 6), (BTC, 1)] {
            let instruction = transfer(&world, &first, &second, asset, amount);
            world.refuses(&[instruction], &[&first.key], NovateError::InsufficientBalance);
        }
        for amount in [1 << 63, u64::MAX] {
            let instruction = transfer(&world, &first, &second, USDC, amount);
            world.refuses(&[instruction], &[&first.key], NovateError::MathOverflow);
        }
    }

    #[test]
    fn below_initial_margin() {
        let (mut world, first, second, _) = two();
        let instruction = transfer(&world, &first, &second, USDC, 6_990 * DOLLAR as u64 + 1);
        world.refuses(&[instruction], &[&first.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn against_unsettled_gains() {
        let (mut world, first, second, _) = two();
        world.price(BTC, 22_000.0);
        let instruction = transfer(&world, &first, &second, USDC, 6_700 * DOLLAR as u64 + 1);
        world.refuses(&[instruction], &[&first.key], NovateError::UnsettledGains);
    }

    #[test]
    fn pending_gains() {
        let (mut world, first, second, maker) = two();
        world.price(BTC, 21_000.0);
        world.settle(&maker, BTC_PERP);
        world.settle(&first, BTC_PERP);
        let instruction = transfer(&world, &first, &second, USDC, 10_990 * DOLLAR as u64);
        world.refuses(&[instruction], &[&first.key], NovateError::GainsPending);
    }

    #[test]
    fn out_of_an_auction() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let second = world.sub_account(&owner, 1);
        let instruction = transfer(&world, &owner, &second, USDC, 1);
        world.refuses(&[instruction], &[&owner.key], NovateError::InAuction);
    }

    #[test]
    fn with_a_stale_price() {
        let (mut world, first, second, _) = two();
        world.pass(61);
        let instruction = transfer(&world, &first, &second, USDC, 1);
        world.refuses(&[instruction], &[&first.key], NovateError::PriceStale);
    }

    #[test]
    fn new_collateral_without_a_fresh_price_to_where_positions_are() {
        let (mut world, first, second, _) = two();
        world.deposit(&second, GOLD, 5);
        world.pass(61);
        let instruction = transfer(&world, &second, &first, GOLD, 5);
        world.refuses(&[instruction], &[&first.key], NovateError::PriceStale);
    }

    #[test]
    fn with_an_incomplete_list() {
        let (mut world, first, second, _) = two();
        let instruction = transfer(&world, &first, &second, USDC, 1);
        let missing = [NovateError::AssetMissing, NovateError::AssetMissing, NovateError::MarketMissing];
        for (at, error) in missing.into_iter().enumerate() {
            world.refuses(&[instruction.clone().without_account(8 + at)], &[&first.key], error);
        }
    }

    #[test]
    fn across_pools() {
        let mut world = World::default();
        let first = world.trader(10);
        let second = world.sub_account(&first, 1);
        let other = world.second_pool();
        world.succeeds(&[build::open_portfolio(first.address(), other, 0)], &[&first.key]);
        let foreign = addresses::portfolio(&other, &first.address(), 0);
        let instruction = transfer(&world, &first, &second, USDC, 1);
        for (at, key) in [(2, foreign), (3, foreign), (4, addresses::asset(&other, USDC))] {
            let wrong = instruction.clone().with_account(at, key);
            world.refuses(&[wrong], &[&first.key], NovateError::WrongPool);
        }
        let scenarios = addresses::scenarios(&other, 1);
        let wrong = instruction.with_account(1, scenarios);
        world.refuses(&[wrong], &[&first.key], NovateError::WrongScenarios);
    }
}
