use novate::events::HaircutClosed;
use novate_client::state::HAIRCUT_WINDOW;
use novate_client::{addresses, NovateError};
use novate_tests::haircut::{Broke, SOLD};
use novate_tests::{checker, Altered, World, BTC, BTC_PERP, DOLLAR, USDC};

use crate::checking::raw;

fn open() -> Broke {
    let mut broke = Broke::new(0);
    broke.takes(1_000_000_000, 0);
    broke
}

/// Nobody was registered: all of it is left over, and all who have cash pay it.
#[test]
fn what_the_gains_did_not_cover_is_paid_by_deposits() {
    let mut broke = open();
    broke.world.pass(HAIRCUT_WINDOW);
    let before = (broke.world.market(BTC_PERP), broke.world.asset(USDC));
    let event: HaircutClosed = broke.world.close_haircut(BTC_PERP);
    assert_eq!((event.version, event.pool, event.market), (1, broke.world.pool, BTC_PERP));
    assert_eq!((event.round, event.time, event.remainder), (1, broke.world.now(), 500 * DOLLAR));
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.haircut.0, market.round.ends, event.haircut), (0, 0, 0));
    assert_eq!(market.variation_pool.0, before.0.variation_pool.0 + 500 * DOLLAR);
    let asset = broke.world.asset(USDC);
    assert_eq!((asset.cash, asset.claims.free.sum), (before.1.cash, before.1.claims.free.sum - 500_000_000));
    assert_eq!((event.from_deposits.free, event.from_deposits.held, event.from_deposits.lent), (500_000_000, 0, 0));
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

/// Where all deposits hold less, they go, and the rest is for everyone to see.
#[test]
fn what_is_beyond_deposits_stays() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    // Before anything falls they leave with what no margin is needed for.
    let leave = [98_000, 98_800, 99_200, 99_500];
    for (actor, usd) in broke.winners.clone().iter().chain([&broke.taker.clone()]).zip(leave) {
        broke.world.withdraw(actor, USDC, usd * DOLLAR as u64);
    }
    broke.world.price(BTC, 500.0);
    broke.world.start_auction(&broke.owner);
    let forgiven = broke.takes(1_000_000_000, 0).forgiven as i64;
    assert!(forgiven > 10_000 * DOLLAR);
    let paid = broke.world.asset(USDC).claims.free.sum as i64;
    assert!(paid < forgiven, "{paid} of {forgiven} are left");
    broke.world.pass(HAIRCUT_WINDOW);
    let event: HaircutClosed = broke.world.close_haircut(BTC_PERP);
    assert_eq!((event.remainder, event.from_deposits.free as i64), (forgiven, paid));
    assert_eq!((event.haircut, broke.world.market(BTC_PERP).haircut.0), (forgiven - paid, forgiven - paid));
    let asset = broke.world.asset(USDC);
    assert_eq!((asset.claims.free.sum, asset.claims.haircuts, asset.claims.forgiven), (0, 1, 0));
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

/// CLR-35: between the bid and the end of the round nobody knows what gains will not cover, and a depositor who runs leaves his part of
/// it behind.
#[test]
fn a_depositor_who_leaves_before_the_round_is_closed_bears_as_who_stays() {
    let mut broke = open();
    let [runs, stays] = [0, 1].map(|_| broke.world.trader(10_000));
    let asset = broke.world.asset(USDC);
    assert_eq!((asset.shortage, asset.claims.forgiven), (0, 500_000_000));
    let cash = 10_000 * DOLLAR;
    // 500 of all cash.
    let part = (500 * DOLLAR * cash + asset.cash as i64) / asset.claims.free.sum as i64;
    let all = broke.world.withdraw_instruction(&runs, USDC, cash as u64);
    broke.world.refuses(&[all], &[&runs.key], NovateError::ProvisionalHaircut);
    broke.world.withdraw(&runs, USDC, (cash - part - 1) as u64);
    broke.world.pass(HAIRCUT_WINDOW);
    let event: HaircutClosed = broke.world.close_haircut(BTC_PERP);
    assert_eq!(event.remainder, 500 * DOLLAR);
    let asset = broke.world.asset(USDC);
    assert_eq!((asset.claims.forgiven, asset.claims.left), (0, 0));
    let left = |actor| {
        let portfolio = broke.world.portfolio(actor);
        asset.claims.worth(portfolio.cash, &portfolio.claim).unwrap()
    };
    let (runner, stayer) = (cash - part - 1 + left(&runs.portfolio), left(&stays.portfolio));
    assert!((runner - stayer).abs() <= 2, "{runner} against {stayer}");
    assert!(stayer < cash - part + 2 && stayer > cash - part - 2, "{stayer}");
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

/// What gains cover is taken from nobody else, and what was held back is free.
#[test]
fn what_gains_cover_frees_what_was_held_back() {
    let mut broke = open();
    let runs = broke.world.trader(10_000);
    broke.world.withdraw(&runs, USDC, 9_000 * DOLLAR as u64);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    broke.world.pass(HAIRCUT_WINDOW);
    for winner in broke.winners.clone() {
        broke.world.charge_gain(&winner, BTC_PERP);
    }
    let rest = broke.world.withdraw_instruction(&runs, USDC, 1_000 * DOLLAR as u64);
    broke.world.refuses(std::slice::from_ref(&rest), &[&runs.key], NovateError::ProvisionalHaircut);
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    broke.world.succeeds(&[rest], &[&runs.key]);
    assert_eq!(checker::violations(&raw(&broke.world), broke.world.pool.to_bytes()), Vec::<String>::new());
}

mod adversary {
    use super::*;

    #[test]
    fn while_the_window_is_open_or_gains_are_not_charged() {
        let mut broke = open();
        let winner = broke.winners[0].clone();
        broke.world.register_gain(&winner, BTC_PERP);
        broke.world.pass(HAIRCUT_WINDOW - 1);
        let close = broke.world.close_haircut_instruction(BTC_PERP);
        broke.world.refuses(std::slice::from_ref(&close), &[], NovateError::HaircutOpen);
        broke.world.pass(1);
        broke.world.refuses(std::slice::from_ref(&close), &[], NovateError::GainsUncharged);
        broke.world.charge_gain(&winner, BTC_PERP);
        broke.world.succeeds(&[close], &[]);
    }

    #[test]
    fn twice() {
        let mut broke = open();
        broke.world.pass(HAIRCUT_WINDOW);
        broke.world.close_haircut(BTC_PERP);
        let close = broke.world.close_haircut_instruction(BTC_PERP);
        broke.world.refuses(&[close], &[], NovateError::NoHaircut);
    }

    #[test]
    fn another_asset_or_pool() {
        let mut broke = open();
        broke.world.pass(HAIRCUT_WINDOW);
        let foreign = broke.world.second_pool();
        let close = broke.world.close_haircut_instruction(BTC_PERP);
        let btc = addresses::asset(&broke.world.pool, BTC);
        broke.world.refuses(&[close.clone().with_account(1, btc)], &[], NovateError::NotSettlementAsset);
        let usdc = addresses::asset(&foreign, USDC);
        broke.world.refuses(&[close.with_account(1, usdc)], &[], NovateError::WrongPool);
    }
}
