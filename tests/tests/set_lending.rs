use novate::events::LendingSet;
use novate_client::state::SETTING_INTERVAL;
use novate_client::{Lending, NovateError};
use novate_margin::{Ratio, Seconds};
use novate_tests::{World, BTC, DOLLAR, GOLD, LENDING, USDC};

#[test]
fn opens_a_bank() {
    let mut world = World::default();
    assert!(!world.asset(GOLD).is_lent());
    let sent = world.open_bank(GOLD);

    let terms = world.asset(GOLD).bank.terms;
    assert_eq!((terms.rate_zero, terms.rate_kink, terms.rate_full), (Ratio(0), Ratio(100_000), Ratio(1_000_000)));
    assert_eq!((terms.kink, terms.reserve_share), (Ratio(800_000), Ratio(100_000)));
    assert_eq!(terms.utilisation_cap, Ratio(900_000));
    let event: LendingSet = sent.event();
    assert_eq!((event.version, event.pool, event.asset), (1, world.pool, GOLD));
    assert_eq!((event.lending, event.time), (LENDING, world.now()));
}

#[test]
fn interest_up_to_now_is_charged_at_the_old_terms() {
    let mut world = World::default();
    world.lender(USDC, 10_000 * DOLLAR as u64);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, 100_000_000);
    world.borrow(&borrower, USDC, 4_000 * DOLLAR as u64);
    world.pass(86_400);
    let governor = world.governor.insecure_clone();
    let dear = Lending { rate_zero: 3_000_000, rate_kink: 3_000_000, rate_full: 3_000_000, ..LENDING };
    world.closed_bank(USDC);
    let set = world.set_lending_instruction(USDC, dear);
    world.succeeds(&[set], &[&governor]);
    // A day at 5 %: 4,000·0.05/365, rounded up.
    let bank = world.asset(USDC).bank;
    assert_eq!((bank.loans, bank.accrued), (4_000_547_946, Seconds(world.now())));
}

#[test]
fn a_lowered_cap_leaves_loans_and_refuses_more() {
    let mut world = World::default();
    let lender = world.lender(USDC, 10_000 * DOLLAR as u64);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, 100_000_000);
    world.borrow(&borrower, USDC, 4_000 * DOLLAR as u64);
    let governor = world.governor.insecure_clone();
    world.closed_bank(USDC);
    let closed = world.set_lending_instruction(USDC, Lending { utilisation_cap: 0, ..LENDING });
    world.succeeds(&[closed], &[&governor]);
    let borrow = world.borrow_instruction(&borrower, USDC, 1);
    world.refuses(&[borrow], &[&borrower.key], NovateError::UtilisationCap);
    world.repay(&borrower, USDC, 4_000 * DOLLAR as u64);
    world.unlend(&lender, USDC, 10_000 * DOLLAR as u64);
    assert_eq!(world.asset(USDC).bank.lent_shares, 0);
}

#[test]
fn loans_reach_the_borrow_cap_and_no_further() {
    let mut world = World::default();
    world.lender(USDC, 10_000 * DOLLAR as u64);
    let borrower = world.actor();
    world.deposit(&borrower, BTC, 100_000_000);
    let governor = world.governor.insecure_clone();
    let refused = |world: &mut World, amount| {
        let borrow = world.borrow_instruction(&borrower, USDC, amount);
        world.refuses(&[borrow], &[&borrower.key], NovateError::BorrowCap);
    };
    world.closed_bank(USDC);
    let capped = world.set_lending_instruction(USDC, Lending { borrow_cap: 4_000_000_000, ..LENDING });
    world.succeeds(&[capped], &[&governor]);
    assert_eq!(world.asset(USDC).borrow_cap, 4_000_000_000);
    refused(&mut world, 4_000_000_001);
    world.borrow(&borrower, USDC, 3_000_000_000);
    refused(&mut world, 1_000_000_001);
    world.borrow(&borrower, USDC, 1_000_000_000);
    // Interest goes on beyond it; nothing more is lent until loans are below it again.
    world.pass(86_400);
    world.repay(&borrower, USDC, 100_000);
    world.refresh();
    assert!(world.asset(USDC).bank.loans > 4_000_000_000);
    refused(&mut world, 1);
    world.repay(&borrower, USDC, 1_000_000_000);
    world.borrow(&borrower, USDC, 999_000_000);
}

/// Rates and the bank's share by a quarter, caps by what the table says, once a week; the utilisation cap falls to any value.
#[test]
fn terms_of_an_open_bank_move_by_steps_once_a_week() {
    let mut world = World::default();
    let governor = world.governor.insecure_clone();
    let first = Lending { borrow_cap: 1_000_000, utilisation_cap: 400_000, rate_zero: 10_000, ..LENDING };
    let set = |world: &World, lending| world.set_lending_instruction(GOLD, lending);
    let open = set(&world, first);
    world.succeeds(&[open], &[&governor]);
    let early = set(&world, first);
    world.pass(SETTING_INTERVAL - 1);
    world.refuses(&[early], &[&governor], NovateError::SettingTooSoon);
    world.pass(1);
    for (lending, sound) in [
        (Lending { rate_zero: 30_000, rate_kink: 125_000, rate_full: 1_250_000, ..first }, true),
        (Lending { rate_zero: 0, rate_kink: 75_000, rate_full: 750_000, ..first }, true),
        (Lending { rate_zero: 30_001, ..first }, false),
        (Lending { rate_kink: 125_001, ..first }, false),
        (Lending { rate_full: 1_250_001, ..first }, false),
        (Lending { rate_full: 749_999, ..first }, false),
        (Lending { kink: 600_000, reserve_share: 150_000, utilisation_cap: 500_000, ..first }, true),
        (Lending { kink: 599_999, ..first }, false),
        (Lending { reserve_share: 150_001, ..first }, false),
        (Lending { utilisation_cap: 500_001, ..first }, false),
        (Lending { utilisation_cap: 0, borrow_cap: 500_000, ..first }, true),
        (Lending { borrow_cap: 1_500_000, ..first }, true),
        (Lending { borrow_cap: 1_500_001, ..first }, false),
        (Lending { borrow_cap: 499_999, ..first }, false),
    ] {
        let (mut world, next) = (world.twin(), set(&world, lending));
        let next = world.enacted(&[next]);
        match sound {
            true => drop(world.succeeds(&next, &[&governor])),
            false => world.refuses(&next, &[&governor], NovateError::SettingStep),
        }
    }
    // Nor by closing it first.
    let closed = set(&world, Lending { utilisation_cap: 0, ..first });
    world.succeeds(&[closed], &[&governor]);
    world.pass(SETTING_INTERVAL);
    let reopened = set(&world, Lending { utilisation_cap: 100_001, ..first });
    world.refuses(&[reopened], &[&governor], NovateError::SettingStep);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_client::{addresses, instructions as build};
    use novate_tests::{Altered, JITOSOL};
    use solana_signer::Signer;

    #[test]
    fn by_another_than_the_authority() {
        let mut world = World::default();
        let stranger = world.new_wallet();
        let set = build::set_lending(stranger.pubkey(), world.pool, GOLD, LENDING);
        world.refuses(&[set], &[&stranger], NovateError::NotAuthority);
        let set = world.set_lending_instruction(GOLD, LENDING);
        world.refuses(&[set.unsigned(2)], &[], ErrorCode::AccountNotSigner);
    }

    #[test]
    fn of_another_pool() {
        let mut world = World::default();
        let other = world.second_pool();
        let governor = world.governor.insecure_clone();
        let set = world.set_lending_instruction(GOLD, LENDING);
        let set = set.with_account(1, addresses::asset(&other, GOLD));
        world.refuses(&[set], &[&governor], NovateError::WrongPool);
    }

    #[test]
    fn a_yield_bearing_asset() {
        let mut world = World::staking();
        let governor = world.governor.insecure_clone();
        let set = world.set_lending_instruction(JITOSOL, LENDING);
        world.refuses(&[set], &[&governor], NovateError::YieldBearingLending);
    }

    #[test]
    fn terms_beyond_their_bounds() {
        let mut world = World::default();
        let governor = world.governor.insecure_clone();
        let absurd = [
            Lending { rate_zero: -1, ..LENDING },
            Lending { rate_zero: 100_001, ..LENDING },
            Lending { rate_kink: 1_000_001, ..LENDING },
            Lending { rate_full: 3_000_001, ..LENDING },
            Lending { kink: 0, ..LENDING },
            Lending { kink: 1_000_000, ..LENDING },
            Lending { reserve_share: -1, ..LENDING },
            Lending { reserve_share: 1_000_000, ..LENDING },
            Lending { utilisation_cap: -1, ..LENDING },
            Lending { utilisation_cap: 1_000_001, ..LENDING },
            Lending { kink: i64::MIN, reserve_share: i64::MAX, ..LENDING },
        ];
        for lending in absurd {
            let set = world.set_lending_instruction(GOLD, lending);
            world.refuses(&[set], &[&governor], NovateError::InvalidLendingTerms);
        }
    }
}
