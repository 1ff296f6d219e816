//! Losses beyond the insurance fund: what is forgiven, registered, charged and closed, and bankrupt accounts.

use novate_client::instrument::perpetual;
use novate_client::state::HAIRCUT_WINDOW;
use novate_tests::haircut::Broke;
use novate_tests::{World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE, USDC};

use crate::figure::{measure, Figure};

pub fn all() -> Vec<Figure> {
    let mut figures = round();
    figures.push(bankrupt());
    figures
}

/// An insolvent account that is taken whole with an empty fund; one winner of three is registered, and deposits pay the rest.
fn round() -> Vec<Figure> {
    let mut broke = Broke::new(0);
    let bid = broke.bid(CONTRACT, 0);
    let taker = broke.taker.key.insecure_clone();
    let mut figures =
        vec![measure(&mut broke.world, "liquidate", "insolvent, cash and 1 perpetual, all forgiven", bid, &[&taker])];
    let round = broke.world.market(BTC_PERP).round;
    assert_eq!((round.forgiven.0, broke.world.insurance().paid_out), (500 * DOLLAR, 0));

    let least = broke.winners[2].clone();
    let register = broke.world.register_gain_instruction(&least, perpetual(BTC_PERP));
    figures.push(measure(&mut broke.world, "register_gain", "", register, &[]));
    assert_eq!(broke.world.market(BTC_PERP).round.gains.0, 1_498 * DOLLAR);
    broke.world.pass(HAIRCUT_WINDOW);
    let charge = broke.world.charge_gain_instruction(&least, perpetual(BTC_PERP));
    figures.push(measure(&mut broke.world, "charge_gain", "", charge, &[]));
    assert_eq!(broke.world.market(BTC_PERP).haircut.0, 0);
    let close = broke.world.close_haircut_instruction(BTC_PERP);
    figures.push(measure(&mut broke.world, "close_haircut", "covered by gains", close, &[]));

    let mut broke = Broke::new(0);
    broke.takes(CONTRACT, 0);
    broke.world.pass(HAIRCUT_WINDOW);
    let close = broke.world.close_haircut_instruction(BTC_PERP);
    figures.push(measure(&mut broke.world, "close_haircut", "paid by deposits", close, &[]));
    assert_eq!(broke.world.asset(USDC).claims.haircuts, 1);
    broke.world.refresh();
    let owner = broke.winners[0].clone();
    let withdraw = broke.world.withdraw_instruction(&owner, USDC, 1_000_000);
    figures.push(measure(
        &mut broke.world,
        "withdraw",
        "1 perpetual, cash with a haircut to bear",
        withdraw,
        &[&owner.key],
    ));
    assert_eq!(broke.world.portfolio(&owner.portfolio).claim.haircuts, 1);
    figures
}

/// A closed position with a loss, which an empty fund leaves to its market.
fn bankrupt() -> Figure {
    let mut world = World::default();
    let (owner, maker) = (world.trader(7_010), world.trader(100_000));
    world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 12_500.0);
    world.trade(&owner, &maker, &[(BTC_PERP, -CONTRACT, 12_500 * PRICE)]);
    world.settle(&owner, BTC_PERP);
    world.start_auction(&owner);
    let resolve = world.resolve_instruction(&owner);
    let figure = measure(&mut world, "resolve_bankruptcy", "a closed perpetual, all forgiven", resolve, &[]);
    assert!(world.portfolio(&owner.portfolio).is_empty() && world.market(BTC_PERP).haircut.0 == 506_250_000);
    figure
}
