//! The insurance fund: capital, stake, and the insolvent accounts that both pay for.

use novate_client::state::COOLING_OFF;
use novate_client::{addresses, instructions as build};
use novate_tests::{World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

use crate::figure::{measure, Figure};

pub fn all() -> Vec<Figure> {
    let mut figures = capital();
    figures.extend(stake());
    figures.extend(insolvent());
    figures
}

fn capital() -> Vec<Figure> {
    let mut world = World::default();
    let giver = world.actor();
    world.fund(&giver, USDC, 7);
    let built = world.fund_instruction(&giver, 7);
    let mut figures = vec![measure(&mut world, "fund_insurance", "", built, &[&giver.key])];
    assert_eq!(world.insurance().capital, 7);

    let [buyer, seller] = [0, 1].map(|_| world.trader(10_000));
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 20_004.0);
    world.settle(&seller, BTC_PERP);
    let built = build::collect_fees(world.pool, BTC_PERP);
    figures.push(measure(&mut world, "collect_fees", "", built, &[]));
    assert_eq!(world.insurance().capital, 14 * DOLLAR as u64 + 7);
    figures
}

fn stake() -> Vec<Figure> {
    let mut world = World::default();
    let (owner, other) = (world.actor(), world.actor());
    world.stake(&other, 300);
    let mut figures = vec![];
    for state in ["created", "more"] {
        world.fund(&owner, USDC, 500);
        let built = world.stake_instruction(&owner, 500);
        figures.push(measure(&mut world, "stake", state, built, &[&owner.key]));
    }
    let built = world.request_instruction(&owner, 1_000);
    figures.push(measure(&mut world, "request_unstake", "", built, &[&owner.key]));
    assert_eq!(world.stake_of(&owner).requested.get(), 1_000);
    world.pass(COOLING_OFF);
    let built = world.unstake_instruction(&owner);
    figures.push(measure(&mut world, "unstake", "", built, &[&owner.key]));
    assert_eq!((world.tokens(&owner.tokens[0]), world.insurance().staked), (1_000, 300));
    let built = world.close_stake_instruction(&owner);
    figures.push(measure(&mut world, "close_stake", "", built, &[&owner.key]));
    assert!(world.account(&addresses::stake(&world.pool, &owner.address())).data.is_empty());
    figures
}

/// An insolvent account that is taken whole, paid out of capital and stake.
fn insolvent() -> Vec<Figure> {
    let mut world = World::default();
    let (owner, maker, taker) = (world.trader(7_010), world.trader(100_000), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let backer = world.actor();
    world.insure(&backer, 200);
    world.stake(&backer, 400 * DOLLAR as u64);
    world.price(BTC, 12_500.0);
    let one = "insolvent, cash and 1 perpetual";
    world.hold();
    let built = world.start_auction_instruction(&owner);
    let mut figures = vec![measure(&mut world, "start_auction", one, built, &[])];
    assert_eq!(world.insurance().reserved, 875 * DOLLAR as u64);
    let built = world.liquidate_instruction(&owner, taker.side(), CONTRACT, 0);
    figures.push(measure(&mut world, "liquidate", one, built, &[&taker.key]));
    let fund = world.insurance();
    assert_eq!((fund.capital, fund.staked), (0, 100 * DOLLAR as u64));
    assert!(world.portfolio(&owner.portfolio).is_empty());
    figures
}
