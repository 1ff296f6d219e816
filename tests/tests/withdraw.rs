use novate::events::Moved;
use novate_client::{addresses, instructions as build};
use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, GOLD, PRICE, SOL, USDC};
use solana_signer::Signer;

/// 10,000 USD and one BTC bought at 20,000: initial margin is 3,000, the fee of 10 a loss.
fn long() -> (World, Actor, Actor) {
    let mut world = World::default();
    let (owner, maker) = (world.trader(10_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    (world, owner, maker)
}

#[test]
fn cash_leaves_as_settlement_tokens() {
    let mut world = World::default();
    let owner = world.trader(10);
    let sent = world.withdraw(&owner, USDC, 3 * DOLLAR as u64);

    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!((portfolio.cash, portfolio.sequence), (7 * DOLLAR, 2));
    assert_eq!(world.asset(USDC).cash, 7 * DOLLAR as u64);
    assert_eq!((world.vault(USDC), world.tokens(&owner.tokens[0])), (7 * DOLLAR as u64, 3 * DOLLAR as u64));

    let event: Moved = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (2, world.now()));
    assert_eq!((event.asset, event.amount, event.balance), (USDC, -3 * DOLLAR, 7 * DOLLAR));
}

#[test]
fn balances_leave_as_tokens_of_either_program() {
    let mut world = World::default();
    let owner = world.actor();
    for asset in [BTC, SOL] {
        world.deposit(&owner, asset, 100);
        let sent = world.withdraw(&owner, asset, 40);
        assert_eq!((sent.event::<Moved>().amount, sent.event::<Moved>().balance), (-40, 60));
        assert_eq!(world.portfolio(&owner.portfolio).balance_of(asset).tokens, 60);
        assert_eq!(world.asset(asset).deposits, 60);
        assert_eq!((world.vault(asset), world.tokens(&owner.tokens[usize::from(asset)])), (60, 40));
    }
}

#[test]
fn a_balance_withdrawn_whole_frees_its_slot() {
    let mut world = World::default();
    let owner = world.actor();
    for asset in [BTC, ETH, GOLD] {
        world.deposit(&owner, asset, 100);
    }
    world.withdraw(&owner, ETH, 100);
    let portfolio = world.portfolio(&owner.portfolio);
    assert_eq!(portfolio.balances().iter().map(|b| b.asset).collect::<Vec<_>>(), [BTC, GOLD]);
    assert_eq!(portfolio.balances[2], Default::default());
}

#[test]
fn tokens_may_go_to_anyone() {
    let mut world = World::default();
    let owner = world.trader(10);
    let stranger = world.new_address();
    let destination = world.token_account(&stranger, USDC);
    let withdraw = world.withdraw_instruction(&owner, USDC, 5);
    let mut withdraw = withdraw;
    withdraw.accounts[5].pubkey = destination;
    world.succeeds(&[withdraw], &[&owner.key]);
    assert_eq!(world.tokens(&destination), 5);
}

#[test]
fn without_positions_no_price_and_no_list_is_needed() {
    let mut world = World::default();
    let owner = world.trader(10);
    world.deposit(&owner, GOLD, 100);
    world.pass(1_000_000);
    for (asset, amount) in [(USDC, 10 * DOLLAR as u64), (GOLD, 100)] {
        let mut withdraw = world.withdraw_instruction(&owner, asset, amount);
        withdraw.accounts.truncate(11);
        world.succeeds(&[withdraw], &[&owner.key]);
    }
    assert!(world.portfolio(&owner.portfolio).is_empty());
}

#[test]
fn with_positions_all_that_initial_margin_leaves_may_go() {
    let (mut world, owner, _) = long();
    world.withdraw(&owner, USDC, 6_990 * DOLLAR as u64);
    assert_eq!(world.portfolio(&owner.portfolio).cash, 3_010 * DOLLAR);
    let health = world.health(&owner);
    assert_eq!((health.equity, health.initial), (3_000 * DOLLAR, 3_000 * DOLLAR));
}

#[test]
fn gains_that_were_pending_for_two_hours_may_go() {
    let (mut world, owner, maker) = long();
    world.price(BTC, 21_000.0);
    world.settle(&maker, BTC_PERP);
    world.settle(&owner, BTC_PERP);
    world.pass(7_200);
    world.refresh();
    world.settle(&owner, BTC_PERP);
    assert_eq!(world.portfolio(&owner.portfolio).cash, 10_990 * DOLLAR);
    world.withdraw(&owner, USDC, 7_500 * DOLLAR as u64);
}

mod adversary {
    use super::*;
    use crate::distress::Distress;
    use anchor_lang::error::ErrorCode;
    use novate_client::NovateError;
    use novate_tests::Altered;

    /// Where the list behind the named accounts begins: settlement asset, BTC, market.
    const LIST: usize = 11;

    #[test]
    fn nothing() {
        let mut world = World::default();
        let owner = world.trader(10);
        let withdraw = world.withdraw_instruction(&owner, USDC, 0);
        world.refuses(&[withdraw], &[&owner.key], NovateError::ZeroAmount);
    }

    #[test]
    fn more_than_there_is() {
        let mut world = World::default();
        let (owner, other) = (world.trader(10), world.trader(1_000));
        world.deposit(&owner, GOLD, 5);
        world.deposit(&other, GOLD, 500);
        world.deposit(&other, BTC, 500);
        for (asset, amount) in [(USDC, 10 * DOLLAR as u64 + 1), (GOLD, 6), (BTC, 1)] {
            let withdraw = world.withdraw_instruction(&owner, asset, amount);
            world.refuses(&[withdraw], &[&owner.key], NovateError::InsufficientBalance);
        }
    }

    #[test]
    fn more_than_an_amount_can_be() {
        let mut world = World::default();
        let owner = world.trader(10);
        world.deposit(&owner, GOLD, 5);
        for (asset, error) in [(USDC, NovateError::MathOverflow), (GOLD, NovateError::InsufficientBalance)] {
            for amount in [u64::MAX, 1 << 63] {
                let withdraw = world.withdraw_instruction(&owner, asset, amount);
                world.refuses(&[withdraw], &[&owner.key], error);
            }
        }
    }

    #[test]
    fn by_another_than_the_owner() {
        let mut world = World::default();
        let (owner, delegate) = (world.trader(10), world.actor());
        let set = build::set_delegate(owner.address(), owner.portfolio, delegate.key.pubkey(), i64::MAX);
        world.succeeds(&[set], &[&owner.key]);
        let withdraw = world.withdraw_instruction(&delegate, USDC, 5).with_account(2, owner.portfolio);
        world.refuses(&[withdraw], &[&delegate.key], NovateError::NotOwner);
        let withdraw = world.withdraw_instruction(&owner, USDC, 5).unsigned(7);
        world.refuses(&[withdraw], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn below_initial_margin() {
        let (mut world, owner, _) = long();
        let withdraw = world.withdraw_instruction(&owner, USDC, 6_990 * DOLLAR as u64 + 1);
        world.refuses(&[withdraw], &[&owner.key], NovateError::BelowInitialMargin);
    }

    #[test]
    fn against_unsettled_gains() {
        let (mut world, owner, _) = long();
        world.price(BTC, 22_000.0);
        assert_eq!(world.health(&owner).equity, 11_990 * DOLLAR);
        let withdraw = world.withdraw_instruction(&owner, USDC, 6_700 * DOLLAR as u64 + 1);
        world.refuses(&[withdraw], &[&owner.key], NovateError::UnsettledGains);
        world.withdraw(&owner, USDC, 6_700 * DOLLAR as u64);
    }

    #[test]
    fn unsettled_gains_themselves() {
        let (mut world, owner, _) = long();
        world.price(BTC, 40_000.0);
        let withdraw = world.withdraw_instruction(&owner, USDC, 10_000 * DOLLAR as u64 + 1);
        world.refuses(&[withdraw], &[&owner.key], NovateError::InsufficientBalance);
    }

    #[test]
    fn pending_gains_and_against_them() {
        let (mut world, owner, maker) = long();
        world.price(BTC, 21_000.0);
        world.settle(&maker, BTC_PERP);
        world.settle(&owner, BTC_PERP);
        let position = world.portfolio(&owner.portfolio).positions()[0];
        assert_eq!((position.pending_new, position.cost), (990 * DOLLAR, 21_000 * DOLLAR));
        let mut refused = |usd: i64, error| {
            let withdraw = world.withdraw_instruction(&owner, USDC, (usd * DOLLAR) as u64);
            world.refuses(&[withdraw], &[&owner.key], error);
        };
        refused(10_001, NovateError::GainsPending);
        refused(10_990, NovateError::GainsPending);
        refused(10_991, NovateError::InsufficientBalance);
        // Initial margin is 3,150; the 990 pending count for the first check only.
        refused(6_851, NovateError::UnsettledGains);
        refused(7_840, NovateError::UnsettledGains);
        refused(7_841, NovateError::BelowInitialMargin);
        world.withdraw(&owner, USDC, 6_850 * DOLLAR as u64);
    }

    #[test]
    fn during_an_auction() {
        let Distress { mut world, owner, .. } = Distress::in_auction();
        let withdraw = world.withdraw_instruction(&owner, USDC, 1);
        world.refuses(&[withdraw], &[&owner.key], NovateError::InAuction);
    }

    #[test]
    fn with_positions_and_a_stale_price() {
        let (mut world, owner, _) = long();
        world.pass(61);
        let withdraw = world.withdraw_instruction(&owner, USDC, 1);
        world.refuses(&[withdraw], &[&owner.key], NovateError::PriceStale);
    }

    #[test]
    fn with_positions_and_an_incomplete_list() {
        let (mut world, owner, _) = long();
        let withdraw = world.withdraw_instruction(&owner, USDC, 1);
        for (at, error) in [
            (LIST, NovateError::AssetMissing),
            (LIST + 1, NovateError::AssetMissing),
            (LIST + 2, NovateError::MarketMissing),
        ] {
            world.refuses(&[withdraw.clone().without_account(at)], &[&owner.key], error);
        }
    }

    #[test]
    fn with_a_list_out_of_order_or_twice() {
        let (mut world, owner, _) = long();
        let withdraw = world.withdraw_instruction(&owner, USDC, 1);
        let swapped = withdraw.clone().swapped(LIST, LIST + 1);
        world.refuses(&[swapped], &[&owner.key], NovateError::AccountsOutOfOrder);
        let twice = withdraw.clone().and_account(withdraw.accounts[LIST + 2].pubkey);
        world.refuses(&[twice], &[&owner.key], NovateError::DuplicateAccount);
    }

    #[test]
    fn with_foreign_accounts_in_the_list() {
        let (mut world, owner, _) = long();
        let other = world.second_pool();
        let withdraw = world.withdraw_instruction(&owner, USDC, 1);
        let foreign = withdraw.clone().with_account(LIST + 1, addresses::asset(&other, BTC));
        world.refuses(&[foreign], &[&owner.key], NovateError::WrongPool);
        let foreign = withdraw.clone().with_account(LIST + 1, owner.tokens[0]);
        world.refuses(&[foreign], &[&owner.key], NovateError::WrongOwner);
        let other_kind = withdraw.with_account(LIST + 1, world.pool);
        world.refuses(&[other_kind], &[&owner.key], NovateError::UnexpectedAccount);
    }

    #[test]
    fn under_scenarios_that_are_not_live() {
        let mut world = World::default();
        let owner = world.trader(10);
        let governor = world.governor.insecure_clone();
        let rows = World::rows_of(8, 0b111, 0, 8);
        world.succeeds(&[build::stage_scenarios(governor.pubkey(), world.pool, 2, rows)], &[&governor]);
        let next = addresses::scenarios(&world.pool, 2);
        let withdraw = world.withdraw_instruction(&owner, USDC, 1).with_account(1, next);
        world.refuses(&[withdraw], &[&owner.key], NovateError::WrongScenarios);
        let other = world.second_pool();
        let foreign = addresses::scenarios(&other, 1);
        let withdraw = world.withdraw_instruction(&owner, USDC, 1).with_account(1, foreign);
        world.refuses(&[withdraw], &[&owner.key], NovateError::WrongScenarios);
    }

    #[test]
    fn out_of_another_pool() {
        let mut world = World::default();
        let owner = world.trader(10);
        let other = world.second_pool();
        let withdraw = world.withdraw_instruction(&owner, USDC, 5);
        let asset = addresses::asset(&other, USDC);
        let foreign = withdraw.clone().with_account(3, asset).with_account(4, addresses::vault(&asset));
        world.refuses(&[foreign], &[&owner.key], NovateError::WrongPool);
        let foreign = withdraw.with_account(0, other).with_account(1, addresses::scenarios(&other, 1));
        world.refuses(&[foreign], &[&owner.key], NovateError::WrongPool);
    }

    #[test]
    fn with_another_mint_vault_program_or_destination() {
        let mut world = World::default();
        let owner = world.trader(10);
        world.deposit(&owner, BTC, 5);
        let withdraw = world.withdraw_instruction(&owner, USDC, 5);
        let vault = addresses::vault(&addresses::asset(&world.pool, BTC));
        let mint = world.listing(BTC).token.mint;
        let tokens = owner.tokens[usize::from(BTC)];
        let own_vault = withdraw.accounts[4].pubkey;
        for (wrong, error) in [
            (withdraw.clone().with_account(4, vault), NovateError::WrongVault),
            (withdraw.clone().with_account(6, mint).with_account(5, tokens), NovateError::WrongMint),
            (withdraw.clone().with_account(5, tokens), NovateError::WrongTokenAccount),
            (withdraw.clone().with_account(8, anchor_spl::token_2022::ID), NovateError::WrongTokenProgram),
        ] {
            world.refuses(&[wrong], &[&owner.key], error);
        }
        let wrong = withdraw.with_account(5, own_vault);
        world.refuses(&[wrong], &[&owner.key], ErrorCode::ConstraintDuplicateMutableAccount);
    }
}
