use novate::events::PauseSet;
use novate_client::state::Pool;
use novate_client::{instructions as build, Action, NovateError};
use novate_tests::{World, BTC, BTC_PERP, CONTRACT, DAY, DOLLAR, ETH_PERP, LONGEST_PAUSES, PRICE, USDC};
use solana_signer::Signer;

use crate::distress::Distress;

#[test]
fn each_kind_is_paused_on_its_own_and_goes_on_by_itself() {
    for (place, (action, longest)) in LONGEST_PAUSES.into_iter().enumerate() {
        let mut world = World::default();
        let began = world.now();
        let event: PauseSet = world.pause(action, longest).event();
        assert_eq!((event.version, event.pool, event.action), (1, world.pool, action));
        assert_eq!((event.until, event.pausable_from), (began + longest, began + 2 * longest));
        assert_eq!((event.signer, event.time), (world.guardian.pubkey(), began));
        let pool: Pool = world.state(&world.pool);
        let mut expected = [0; 8];
        expected[place] = began + longest;
        assert_eq!(pool.paused_until, expected);
    }
}

#[test]
fn trades_that_do_not_close_on_both_sides() {
    let mut world = World::default();
    let (one, other, third) = (world.trader(50_000), world.trader(50_000), world.trader(50_000));
    world.trade(&one, &other, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.pause(Action::Trade, DAY);
    for (first, second, legs) in [
        (&one, &other, vec![(BTC_PERP, CONTRACT, 20_000 * PRICE)]),
        // One side closes, the other opens.
        (&third, &one, vec![(BTC_PERP, CONTRACT, 20_000 * PRICE)]),
        // Beyond zero.
        (&other, &one, vec![(BTC_PERP, 2 * CONTRACT, 20_000 * PRICE)]),
        (&other, &one, vec![(BTC_PERP, CONTRACT, 20_000 * PRICE), (ETH_PERP, CONTRACT, 1_500 * PRICE)]),
    ] {
        let trade = world.trade_instruction(first.side(), second.side(), &legs);
        world.refuses(&[trade], &[&first.key, &second.key], NovateError::Paused);
    }
    // Both close, half of it now and half of it then.
    world.trade(&other, &one, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);
    world.trade(&other, &one, &[(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)]);

    world.pass(DAY - 1);
    world.refresh();
    let trade = world.trade_instruction(one.side(), other.side(), &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.refuses(std::slice::from_ref(&trade), &[&one.key, &other.key], NovateError::Paused);
    world.pass(1);
    world.refresh();
    world.succeeds(&[trade], &[&one.key, &other.key]);
}

/// Whoever can be liquidated can add collateral all the same.
#[test]
fn deposits_but_not_of_who_owes_margin() {
    let mut world = World::default();
    let (one, other, third) = (world.trader(50_000), world.trader(50_000), world.actor());
    world.trade(&one, &other, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    for actor in [&one, &third] {
        world.fund(actor, USDC, 10);
    }
    world.pause(Action::Deposit, DAY);
    let deposit = world.deposit_instruction(&third, USDC, 5);
    world.refuses(std::slice::from_ref(&deposit), &[&third.key], NovateError::Paused);
    let owing = world.deposit_instruction(&one, USDC, 5);
    world.succeeds(&[owing], &[&one.key]);
    world.pass(DAY);
    world.succeeds(&[deposit], &[&third.key]);
}

#[test]
fn withdrawals_for_a_day_and_not_again_the_next() {
    let mut world = World::default();
    let owner = world.trader(100);
    world.pause(Action::Withdraw, DAY);
    let withdraw = world.withdraw_instruction(&owner, USDC, 1);
    world.refuses(std::slice::from_ref(&withdraw), &[&owner.key], NovateError::Paused);
    world.pass(DAY);
    world.succeeds(std::slice::from_ref(&withdraw), &[&owner.key]);

    // The guardian tries for a week to keep the money in, every hour anew.
    let guardian = world.guardian.insecure_clone();
    let mut open = 0;
    for _ in 0..7 * 24 {
        let pause = build::pause(guardian.pubkey(), world.pool, Action::Withdraw, DAY);
        world.attempt(pause, &[&guardian]).ok();
        open += i64::from(world.attempt(withdraw.clone(), &[&owner.key]).is_ok());
        world.pass(3_600);
    }
    assert_eq!(open, 4 * 24);
}

#[test]
fn loans_auctions_and_stakes() {
    let mut world = World::default();
    world.lender(USDC, 10_000 * DOLLAR as u64);
    let owner = world.actor();
    world.deposit(&owner, BTC, 100_000_000);
    world.pause(Action::Borrow, DAY);
    let borrow = world.borrow_instruction(&owner, USDC, 10);
    world.refuses(std::slice::from_ref(&borrow), &[&owner.key], NovateError::Paused);
    world.unpause(Action::Borrow);
    world.succeeds(&[borrow], &[&owner.key]);
    // Paid back under whatever is paused.
    for (action, longest) in LONGEST_PAUSES {
        if action != Action::Borrow {
            world.pause(action, longest);
        }
    }
    world.repay(&owner, USDC, 10);
    let stake = world.stake_instruction(&owner, 5);
    world.fund(&owner, USDC, 5);
    world.refuses(&[stake], &[&owner.key], NovateError::Paused);

    let Distress { mut world, owner, taker, .. } = Distress::fallen();
    let start = world.start_auction_instruction(&owner);
    world.pause(Action::Liquidate, 60);
    world.refuses(std::slice::from_ref(&start), &[], NovateError::Paused);
    world.unpause(Action::Liquidate);
    world.succeeds(&[start], &[]);
    world.pass(8 * 3_600);
    world.refresh();
    world.pause(Action::Liquidate, 60);
    let bid = world.liquidate_instruction(&owner, taker.side(), 1_000, i64::MAX);
    world.refuses(&[bid], &[&taker.key], NovateError::Paused);
}

/// The clock of an auction that ran while nobody could bid sells nothing: it starts anew.
#[test]
fn an_auction_of_before_a_pause_starts_anew() {
    let Distress { mut world, owner, taker, .. } = Distress::in_auction();
    world.pass(60);
    world.refresh();
    world.pause(Action::Liquidate, 1_800);
    world.pass(1_800);
    world.refresh();
    let bid = world.liquidate_instruction(&owner, taker.side(), 1_000_000_000, i64::MAX);
    world.refuses(std::slice::from_ref(&bid), &[&taker.key], NovateError::AuctionLapsed);
    world.start_auction(&owner);
    assert_eq!(world.portfolio(&owner.portfolio).auction_start, world.now());
    world.succeeds(&[bid], &[&taker.key]);
}

#[test]
fn a_pause_is_prolonged_to_the_longest_from_its_beginning() {
    let mut world = World::default();
    let guardian = world.guardian.insecure_clone();
    let began = world.now();
    world.pause(Action::Withdraw, 3_600);
    let pause = |world: &World, seconds| build::pause(guardian.pubkey(), world.pool, Action::Withdraw, seconds);
    world.pass(1_800);
    for seconds in [1, 1_800] {
        let shorter = pause(&world, seconds);
        world.refuses(&[shorter], &[&guardian], NovateError::PauseNotLonger);
    }
    let beyond = pause(&world, DAY - 1_799);
    world.refuses(&[beyond], &[&guardian], NovateError::PauseTooLong);
    let event: PauseSet = world.pause(Action::Withdraw, DAY - 1_800).event();
    assert_eq!((event.until, event.pausable_from), (began + DAY, began + 2 * DAY));
    // Over, and not again for as long as it may last.
    world.pass(DAY - 1_800);
    for passed in [0, DAY - 1] {
        world.pass(passed);
        let again = pause(&world, 1);
        world.refuses(&[again], &[&guardian], NovateError::PausedLately);
    }
    world.pass(1);
    world.pause(Action::Withdraw, 1);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::addresses;
    use novate_client::order::Cluster;
    use novate_tests::Altered;

    #[test]
    fn only_the_guardian_pauses() {
        let mut world = World::default();
        let guardian = world.guardian.insecure_clone();
        let (governor, stranger) = (world.governor.insecure_clone(), world.new_wallet());
        for key in [&governor, &stranger] {
            let pause = build::pause(key.pubkey(), world.pool, Action::Trade, 60);
            world.refuses(&[pause], &[key], NovateError::NotGuardian);
        }
        let pause = build::pause(guardian.pubkey(), world.pool, Action::Trade, 60);
        world.refuses(&[pause.clone().unsigned(1)], &[], ErrorCode::AccountNotSigner);
        world.refuses(&[pause.clone().read_only(0)], &[&guardian], ErrorCode::ConstraintMut);
        let ([_, risk], mint) = (world.roles(), world.listing(0).token.mint);
        let create = build::create_pool(governor.pubkey(), 1, Cluster::Localnet, mint, [risk, guardian.pubkey()]);
        world.succeeds(&[create], &[&governor]);
        let other = addresses::pool(&governor.pubkey(), 1);
        world.refuses(&[pause.clone().with_account(0, other)], &[&guardian], NovateError::NotGuardian);
        world.succeeds(&[pause], &[&guardian]);
    }

    #[test]
    fn beyond_the_longest_or_of_no_length() {
        let mut world = World::default();
        let guardian = world.guardian.insecure_clone();
        for (action, longest) in LONGEST_PAUSES {
            for seconds in [longest + 1, i64::MAX, 0, -1, i64::MIN] {
                let pause = build::pause(guardian.pubkey(), world.pool, action, seconds);
                world.refuses(&[pause], &[&guardian], NovateError::PauseTooLong);
            }
        }
    }

    #[test]
    fn a_kind_that_is_none() {
        let mut world = World::default();
        let guardian = world.guardian.insecure_clone();
        let mut pause = build::pause(guardian.pubkey(), world.pool, Action::Trade, 60);
        pause.data[8] = 6;
        world.refuses(&[pause], &[&guardian], ErrorCode::InstructionDidNotDeserialize);
    }
}
