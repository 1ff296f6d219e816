//! CLR-32, CLR-35: what neither an account nor the insurance fund can pay is charged to those who gained in the same market, each
//! in proportion, whatever they do and in whatever order.
//!
//! The owner's equity is -500; the winners have gained 7,490 together, 500 of which is theirs no longer where the fund has
//! nothing: 250, 150 and 100.

use novate::events::{ExpirySettled, ForgivenLoss, Liquidated, PositionBorne, Traded, VariationSettled};
use novate_client::instructions as build;
use novate_client::instrument::{self, perpetual};
use novate_client::state::{minutes_of, Borne, Portfolio, HAIRCUT_WINDOW};
use novate_client::NovateError;
use novate_tests::haircut::{Broke, SOLD};
use novate_tests::{
    call, checker, future, Actor, Altered, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, PRICE, USDC,
};

use crate::checking::raw;

const ALL: i64 = 1_000_000_000;
const HOUR: i64 = 3_600;

#[track_caller]
fn holds(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

/// The window ends.
fn end(world: &mut World) {
    world.pass(HAIRCUT_WINDOW);
    world.refresh();
}

fn position(world: &World, actor: &Actor) -> novate_client::state::Position {
    world.portfolio(&actor.portfolio).positions()[0]
}

#[test]
fn the_winners_lose_exactly_the_deficit_pro_rata() {
    let mut broke = Broke::new(0);
    let before = broke.worth();
    let event = broke.takes(ALL, -500 * DOLLAR);
    holds(&broke.world);
    assert_eq!((event.price, event.forgiven, event.from_capital, event.from_stake), (-500 * DOLLAR, 500_000_000, 0, 0));
    assert_eq!(event.losses, [ForgivenLoss { instrument: perpetual(BTC_PERP), amount: 500 * DOLLAR, round: 1 }]);
    let round = broke.world.market(BTC_PERP).round;
    assert_eq!((round.number, round.ends), (1, broke.world.now() + HAIRCUT_WINDOW));
    assert_eq!((event.borne, event.taker_borne), Default::default());
    assert_eq!((event.deficit, event.restored), (500_000_000, true));
    // No cash came; the cost is lower.
    let taken = broke.world.portfolio(&broke.taker.portfolio);
    assert_eq!((taken.cash, taken.positions()[0].cost), (107_010 * DOLLAR, 19_510 * DOLLAR));
    assert_eq!(broke.worth(), before + 500 * DOLLAR);

    for (winner, gain) in broke.winners.clone().iter().zip([3_745, 2_247, 1_498]) {
        let event = broke.world.register_gain(winner, BTC_PERP);
        assert_eq!((event.instrument, event.round), (perpetual(BTC_PERP), 1));
        assert_eq!(event.borne, Borne { registered: gain * DOLLAR, charged: 0 });
        holds(&broke.world);
    }
    assert_eq!(broke.worth(), before + 500 * DOLLAR);
    end(&mut broke.world);
    // It counts before it is charged.
    assert_eq!(broke.worth(), before);
    for (winner, charge) in broke.winners.clone().iter().zip([250, 150, 100]) {
        let equity = broke.world.health(winner).equity;
        let event = broke.world.charge_gain(winner, BTC_PERP);
        assert_eq!((event.borne.charged, event.borne.registered), (charge * DOLLAR, 0));
        assert_eq!(broke.world.health(winner).equity, equity);
        holds(&broke.world);
    }
    let event = broke.world.close_haircut(BTC_PERP);
    assert_eq!((event.remainder, event.from_deposits.free), (0, 0));
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.haircut.0, market.round.ends, market.rounding.0), (0, 0, 0));
    assert_eq!(broke.worth(), before);

    // The taker's loss is what the account had; it pays every winner in full.
    broke.world.settle(&broke.taker, BTC_PERP);
    assert_eq!(broke.world.portfolio(&broke.taker.portfolio).cash, 100_000 * DOLLAR);
    for (winner, paid) in broke.winners.iter().zip([3_495, 2_097, 1_398]) {
        let event: VariationSettled = broke.world.settle(winner, BTC_PERP).event();
        assert_eq!(event.amount, paid * DOLLAR);
    }
    // The fees are left.
    assert_eq!(broke.world.market(BTC_PERP).variation_pool.0, 20 * DOLLAR);
    holds(&broke.world);
}

#[test]
fn the_fund_pays_first() {
    let mut broke = Broke::new(200);
    let event = broke.takes(ALL, -500 * DOLLAR);
    assert_eq!((event.from_capital, event.forgiven, event.price), (200_000_000, 300_000_000, -500 * DOLLAR));
    assert_eq!((broke.world.insurance().paid_out, broke.world.insurance().deficits), (200_000_000, 500_000_000));
    assert_eq!((broke.world.insurance().reserved, broke.world.market(BTC_PERP).haircut.0), (0, 300 * DOLLAR));
    holds(&broke.world);
}

#[test]
fn slices_add_up_in_one_round() {
    let mut broke = Broke::new(0);
    for fraction in [ALL / 4, ALL / 2, ALL] {
        broke.takes(fraction, 0);
        holds(&broke.world);
    }
    let round = broke.world.market(BTC_PERP).round;
    assert_eq!((round.number, round.forgiven.0), (1, 500 * DOLLAR));
}

#[test]
fn the_winner_who_settles_first_waits_and_is_charged_first() {
    let mut broke = Broke::new(0);
    broke.takes(ALL, 0);
    broke.world.settle(&broke.taker, BTC_PERP);
    let first = broke.winners[0].clone();
    let settle = broke.world.settle_instruction(&first, BTC_PERP);
    broke.world.refuses(std::slice::from_ref(&settle), &[], NovateError::HaircutOpen);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    broke.world.refuses(&[settle], &[], NovateError::HaircutOpen);
    end(&mut broke.world);
    let event: VariationSettled = broke.world.settle(&first, BTC_PERP).event();
    assert_eq!((event.amount, event.borne.charged), (3_495 * DOLLAR, 250 * DOLLAR));
    holds(&broke.world);
}

/// A loss is settled within the window; who first gained and then lost still bears what it gained.
#[test]
fn losses_are_settled_while_the_window_is_open() {
    let mut broke = Broke::new(0);
    broke.takes(ALL, 0);
    broke.world.price(BTC, 20_400.0);
    let first = broke.winners[0].clone();
    let event: VariationSettled = broke.world.settle(&first, BTC_PERP).event();
    assert_eq!((event.amount, event.borne.registered), (-205 * DOLLAR, 3_745 * DOLLAR));
    holds(&broke.world);
    end(&mut broke.world);
    // All that was registered: it bears all of it.
    assert_eq!(broke.world.charge_gain(&first, BTC_PERP).borne.charged, 500 * DOLLAR);
    holds(&broke.world);
}

#[test]
fn the_winner_who_closes_first_bears_the_same() {
    let mut broke = Broke::new(0);
    broke.takes(ALL, 0);
    let (first, taker) = (broke.winners[0].clone(), broke.taker.clone());
    let sent = broke.world.trade(&first, &taker, &[(BTC_PERP, SOLD[0], 12_500 * PRICE)]);
    let event: Traded = sent.event();
    let borne = PositionBorne { instrument: perpetual(BTC_PERP), amount: 3_745 * DOLLAR };
    assert_eq!((event.first_borne, event.second_borne), (vec![borne], vec![]));
    holds(&broke.world);
    for winner in &broke.winners.clone()[1..] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    let register = broke.world.register_gain_instruction(&first, perpetual(BTC_PERP));
    broke.world.refuses(&[register], &[], NovateError::GainRegistered);
    end(&mut broke.world);
    for (winner, charge) in broke.winners.clone().iter().zip([250, 150, 100]) {
        assert_eq!(broke.world.charge_gain(winner, BTC_PERP).borne.charged, charge * DOLLAR);
    }
    holds(&broke.world);
}

/// A position that was closed and settled to nothing stays until its gain is charged.
#[test]
fn what_is_left_of_a_winner_stays_until_it_is_charged() {
    let mut broke = Broke::new(0);
    broke.takes(ALL, 0);
    let first = broke.winners[0].clone();
    broke.world.register_gain(&first, BTC_PERP);
    // It loses again as much as it had gained.
    broke.world.price(BTC, 20_000.0);
    broke.world.trade(&first, &broke.taker, &[(BTC_PERP, SOLD[0], 20_000 * PRICE)]);
    broke.world.settle(&first, BTC_PERP);
    let left = position(&broke.world, &first);
    assert_eq!((left.quantity, left.cost, left.gain), (0, 0, 3_745 * DOLLAR));
    holds(&broke.world);
    let close = build::close_portfolio(first.address(), broke.world.pool, 0);
    broke.world.refuses(&[close], &[&first.key], NovateError::PortfolioNotEmpty);
    end(&mut broke.world);
    let event: VariationSettled = broke.world.settle(&first, BTC_PERP).event();
    assert_eq!((event.amount, event.borne.charged), (-500 * DOLLAR, 500 * DOLLAR));
    assert_eq!(broke.world.portfolio(&first.portfolio).position_count, 0);
    holds(&broke.world);
}

/// Gains that were paid out and are pending bear their part, and are not cash before.
#[test]
fn pending_gains_bear_and_wait() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    broke.world.price(BTC, 15_000.0);
    broke.world.settle(&broke.owner, BTC_PERP);
    let first = broke.winners[0].clone();
    broke.world.settle(&first, BTC_PERP);
    assert_eq!(position(&broke.world, &first).pending_new, 2_495 * DOLLAR);
    broke.world.pass(HOUR);
    broke.world.refresh();
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    broke.takes(ALL, 0);
    // They would be cash soon.
    broke.world.pass(HOUR);
    broke.world.refresh();
    let settle = broke.world.settle_instruction(&first, BTC_PERP);
    broke.world.refuses(std::slice::from_ref(&settle), &[], NovateError::HaircutOpen);
    let withdraw = broke.world.withdraw_instruction(&first, USDC, 100_001 * DOLLAR as u64);
    broke.world.refuses(&[withdraw], &[&first.key], NovateError::GainsPending);
    // Nor may they go to another portfolio of the owner's.
    let other = broke.world.sub_account(&first, 1);
    let amount = 100_001 * DOLLAR as u64;
    let transfer = build::Transfer { from: first.portfolio, to: other.portfolio, asset: USDC, amount };
    let holdings = broke.world.holdings(&[first.portfolio]);
    let transfer = build::transfer(first.address(), broke.world.keys(), &holdings, transfer);
    broke.world.refuses(&[transfer], &[&first.key], NovateError::GainsPending);
    assert_eq!(broke.world.register_gain(&first, BTC_PERP).borne.registered, 3_745 * DOLLAR);
    broke.world.pass(HOUR);
    broke.world.refresh();
    let event: VariationSettled = broke.world.settle(&first, BTC_PERP).event();
    assert_eq!((event.borne.charged, event.released), (500 * DOLLAR, 2_495 * DOLLAR));
    holds(&broke.world);
}

#[test]
fn a_winner_whom_nobody_registered_escapes() {
    let mut broke = Broke::new(0);
    broke.takes(ALL, 0);
    let [first, second, third] = [0, 1, 2].map(|at| broke.winners[at].clone());
    for winner in [&second, &third] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    end(&mut broke.world);
    let charge = broke.world.charge_gain_instruction(&first, perpetual(BTC_PERP));
    broke.world.refuses(&[charge], &[], NovateError::NoGain);
    // 2,247 and 1,498 of 3,745.
    assert_eq!(broke.world.charge_gain(&second, BTC_PERP).borne.charged, 300 * DOLLAR);
    assert_eq!(broke.world.charge_gain(&third, BTC_PERP).borne.charged, 200 * DOLLAR);
    holds(&broke.world);
}

/// Three equal gains and a deficit that three does not divide: each pays the same, and the unit too much is rounding.
#[test]
fn rounding_takes_less_than_a_unit_of_each() {
    let mut broke = Broke::before(World::default(), 0, [CONTRACT / 4; 3]);
    broke.world.price(BTC, 10_500.0);
    broke.world.start_auction(&broke.owner);
    let before = broke.worth();
    let event = broke.takes(ALL, 0);
    let deficit = event.forgiven as i64;
    assert_eq!(deficit, 122_500_000);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    end(&mut broke.world);
    for winner in broke.winners.clone() {
        assert_eq!(broke.world.charge_gain(&winner, BTC_PERP).borne.charged, 40_833_334);
        holds(&broke.world);
    }
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.haircut.0, market.rounding.0), (0, 2));
    assert_eq!(broke.worth(), before - 2);
}

/// Most gains were taken in time: all of what is left goes, and deposits pay the rest.
#[test]
fn gains_below_the_deficit_leave_a_remainder() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    broke.world.price(BTC, 12_500.0);
    broke.world.settle(&broke.owner, BTC_PERP);
    for winner in broke.winners.clone() {
        broke.world.settle(&winner, BTC_PERP);
    }
    end(&mut broke.world);
    for winner in broke.winners.clone() {
        broke.world.settle(&winner, BTC_PERP);
    }
    broke.world.start_auction(&broke.owner);
    broke.takes(ALL, -500 * DOLLAR);
    let [first, _, third] = [0, 1, 2].map(|at| broke.winners[at].clone());
    let register = broke.world.register_gain_instruction(&first, perpetual(BTC_PERP));
    broke.world.refuses(&[register], &[], NovateError::NoGain);
    // 1,498, of which the variation pool had 1,018.
    assert_eq!(broke.world.register_gain(&third, BTC_PERP).borne.registered, 480 * DOLLAR);
    end(&mut broke.world);
    assert_eq!(broke.world.charge_gain(&third, BTC_PERP).borne.charged, 480 * DOLLAR);
    holds(&broke.world);
    let event = broke.world.close_haircut(BTC_PERP);
    assert_eq!((event.round, event.remainder), (1, 20 * DOLLAR));
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.haircut.0, market.round.ends, event.from_deposits.free), (0, 0, 20_000_000));
    holds(&broke.world);
}

fn second_owner(broke: &mut Broke) -> Actor {
    let second = broke.world.trader(7_010);
    broke.world.trade(&second, &broke.winners[0].clone(), &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    second
}

#[test]
fn two_deficits_at_once_in_one_market() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let second = second_owner(&mut broke);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    let start = broke.world.start_auction_instruction(&second);
    broke.world.succeeds(&[start], &[]);
    broke.takes(ALL, -500 * DOLLAR);
    for winner in &broke.winners.clone()[..2] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    broke.owner = second;
    let event = broke.takes(ALL, -500 * DOLLAR);
    let market = broke.world.market(BTC_PERP);
    assert_eq!((event.forgiven, market.round.number, market.haircut.0), (500_000_000, 1, 1_000 * DOLLAR));
    broke.world.register_gain(&broke.winners[2].clone(), BTC_PERP);
    holds(&broke.world);
    end(&mut broke.world);
    // 11,235, 2,247 and 1,498 of 14,980 bear 1,000.
    for (winner, charge) in broke.winners.clone().iter().zip([750, 150, 100]) {
        assert_eq!(broke.world.charge_gain(winner, BTC_PERP).borne.charged, charge * DOLLAR);
    }
    holds(&broke.world);
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    holds(&broke.world);
}

/// A slice with losses in two markets: each bears in proportion to what was lost there.
#[test]
fn a_deficit_in_two_markets() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let maker = broke.winners[1].clone();
    broke.world.deposit(&broke.owner, USDC, 1_000 * DOLLAR as u64);
    broke.world.trade(&broke.owner, &maker, &[(ETH_PERP, CONTRACT, 1_500 * PRICE)]);
    broke.world.price(BTC, 12_500.0);
    broke.world.price(ETH, 200.0);
    broke.world.start_auction(&broke.owner);
    let before = broke.worth();
    let event = broke.takes(ALL, 0);
    // -800.75: losses of 7,510 and 1,300.75.
    assert_eq!(event.forgiven, 800_750_000);
    let amounts: Vec<(u16, i64)> =
        event.losses.iter().map(|l| (instrument::market_of(l.instrument), l.amount)).collect();
    assert_eq!(amounts[0].1 + amounts[1].1, 800_750_000);
    assert_eq!(amounts[0], (BTC_PERP, (800_750_000i128 * 7_510_000_000 / 8_810_750_000) as i64));
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    broke.world.register_gain(&maker, ETH_PERP);
    end(&mut broke.world);
    let rounding = |world: &World| world.market(BTC_PERP).rounding.0 + world.market(ETH_PERP).rounding.0;
    let kept = rounding(&broke.world);
    for winner in broke.winners.clone() {
        broke.world.charge_gain(&winner, BTC_PERP);
    }
    broke.world.charge_gain(&maker, ETH_PERP);
    holds(&broke.world);
    assert_eq!(broke.worth(), before - (rounding(&broke.world) - kept));
}

/// While gains of a round that is over are not all charged, the next deficit is paid by the fund only.
#[test]
fn a_deficit_after_the_window_waits_until_the_round_is_closed() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let second = second_owner(&mut broke);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    broke.takes(ALL, 0);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    end(&mut broke.world);
    broke.world.start_auction(&second);
    broke.owner = second;
    let bid = broke.bid(ALL, -1);
    broke.world.refuses(std::slice::from_ref(&bid), &[&broke.taker.key], NovateError::HaircutSettling);
    for winner in broke.winners.clone() {
        broke.world.charge_gain(&winner, BTC_PERP);
    }
    broke.world.refuses(std::slice::from_ref(&bid), &[&broke.taker.key], NovateError::HaircutSettling);
    broke.world.close_haircut(BTC_PERP);
    let event: Liquidated = broke.world.succeeds(&[bid], &[&broke.taker.key]).event();
    assert_eq!((broke.world.market(BTC_PERP).round.number, event.forgiven), (2, 500_000_000));
    holds(&broke.world);
    // What was charged in the first round is a cost, and no gain of the second.
    let registered = broke.world.register_gain(&broke.winners[1].clone(), BTC_PERP).borne.registered;
    assert_eq!(registered, 2_172 * DOLLAR);
}

#[test]
fn whoever_asks_for_less_may_take_what_the_fund_pays_for_meanwhile() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let second = second_owner(&mut broke);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    broke.takes(ALL, 0);
    broke.world.register_gain(&broke.winners[0].clone(), BTC_PERP);
    end(&mut broke.world);
    let backer = broke.world.actor();
    broke.world.insure(&backer, 100);
    broke.world.start_auction(&second);
    broke.owner = second;
    // Not one with a gain there, which the slice would pay: it would bear nothing of what is forgiven later.
    let winner = broke.winners[1].clone();
    let bid = broke.world.liquidate_instruction(&broke.owner, winner.side(), ALL / 2, -100 * DOLLAR);
    broke.world.refuses(&[bid], &[&winner.key], NovateError::HaircutSettling);
    broke.taker = broke.world.trader(100_000);
    let event = broke.takes(ALL, -100 * DOLLAR);
    assert_eq!((event.price, event.from_capital, event.forgiven), (-100 * DOLLAR, 100_000_000, 0));
    holds(&broke.world);
}

/// Whoever takes a part of a winner's account pays for its gain in full, so that the winner bears for it.
#[test]
fn a_slice_of_a_winner_leaves_the_gain_that_bears() {
    let mut broke = Broke::new(0);
    broke.takes(ALL, 0);
    let first = broke.winners[0].clone();
    broke.world.register_gain(&first, BTC_PERP);
    // It loses all that it has, and more, on ETH.
    broke.world.price(ETH, 1_500.0);
    let second = broke.winners[1].clone();
    broke.world.trade(&first, &second, &[(ETH_PERP, 300 * CONTRACT, 1_500 * PRICE)]);
    broke.world.price(ETH, 1_180.0);
    broke.world.start_auction(&first);
    let bid = broke.world.liquidate_instruction(&first, broke.taker.side(), 333_333_333, i64::MAX);
    let event: Liquidated = broke.world.succeeds(&[bid], &[&broke.taker.key]).event();
    holds(&broke.world);
    assert!(event.fraction > 0);
    let gains = |world: &World| [&first, &broke.taker].map(|actor| position(world, actor).gain);
    assert_eq!(gains(&broke.world), [3_745 * DOLLAR, 0]);
    let equity = broke.world.health(&broke.taker).equity;
    end(&mut broke.world);
    assert_eq!(broke.world.health(&broke.taker).equity, equity);
    assert_eq!(broke.world.charge_gain(&first, BTC_PERP).borne.charged, 500 * DOLLAR);
    holds(&broke.world);
}

/// The shares of whoever acts do not depend on the order, nor on what is done through which instruction.
#[test]
fn the_order_does_not_matter() {
    let run = |order: [usize; 3], trades: bool| -> Vec<Portfolio> {
        let mut broke = Broke::in_world(World::default(), 0, [333_000_000, 450_000_000, 217_000_000]);
        broke.takes(ALL, 0);
        for at in order {
            broke.world.register_gain(&broke.winners[at].clone(), BTC_PERP);
        }
        end(&mut broke.world);
        broke.world.settle(&broke.taker.clone(), BTC_PERP);
        for at in order.into_iter().rev() {
            let winner = broke.winners[at].clone();
            if !trades {
                broke.world.charge_gain(&winner, BTC_PERP);
            }
            broke.world.settle(&winner, BTC_PERP);
        }
        holds(&broke.world);
        broke.winners.iter().map(|winner| broke.world.portfolio(&winner.portfolio)).collect()
    };
    let of = |portfolios: Vec<Portfolio>| -> Vec<_> {
        portfolios.iter().map(|p| (p.cash, p.positions()[0].cost, p.positions()[0].pending_new)).collect()
    };
    let first = of(run([0, 1, 2], false));
    assert_eq!(first, of(run([2, 0, 1], false)));
    assert_eq!(first, of(run([1, 2, 0], true)));
}

// Futures and options.

/// The owner's BTC future instead of a perpetual, and a winner whose gain is registered by its forward.
#[test]
fn a_future_is_valued_by_the_index_of_the_opening() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    let (owner, taker, winner) = (world.trader(7_010), world.trader(100_000), world.trader(100_000));
    let id = instrument::future(BTC_PERP, minutes_of(time));
    world.trade_legs(&owner, &winner, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.price(BTC, 12_500.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, 0);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!(event.forgiven, 500_000_000);
    holds(&world);
    // The price is another by the time that it is registered.
    world.price(BTC, 15_000.0);
    let register = world.register_gain_instruction(&winner, id);
    world.succeeds(&[register], &[]);
    assert_eq!(position(&world, &winner).gain, 7_490 * DOLLAR);
    holds(&world);
    world.expire_at(BTC_PERP, time, 15_000.0);
    world.settle_expiry(&winner, BTC_PERP, time);
    // Before it is settled the haircut is charged.
    let left = position(&world, &winner);
    assert_eq!((left.gain, left.cost, left.quantity), (0, -4_490 * DOLLAR, 0));
    holds(&world);
}

/// What expired before a haircut opened bears by its settlement price, settled or not.
#[test]
fn what_expired_before_bears_by_its_settlement_price() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[18_000]);
    let (owner, taker) = (world.trader(7_010), world.trader(100_000));
    let [early, late] = [(); 2].map(|()| world.trader(100_000));
    let holder = world.trader(100_000);
    world.trade(&owner, &taker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    world.trade_legs(&early, &holder, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    world.trade_legs(&late, &holder, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    let mark = world.expiry(BTC_PERP, time).strike(0).unwrap().mark.0 / 10_000_000 * 10_000_000;
    for side in [&early, &late] {
        world.trade_legs(side, &holder, &[call(BTC_PERP, time, 0, CONTRACT, mark)]);
    }
    world.expire_at(BTC_PERP, time, 20_500.0);
    world.settle_expiry(&early, BTC_PERP, time);
    world.price(BTC, 13_500.0);
    world.price(BTC, 12_500.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, 0);
    world.succeeds(&[bid], &[&taker.key]);
    holds(&world);
    let gains: Vec<Vec<i64>> = [&early, &late]
        .iter()
        .map(|side| {
            let ids: Vec<u64> = world.portfolio(&side.portfolio).positions().iter().map(|p| p.instrument).collect();
            for id in ids {
                let register = world.register_gain_instruction(side, id);
                world.succeeds(&[register], &[]);
            }
            world.portfolio(&side.portfolio).positions().iter().map(|p| p.gain).collect()
        })
        .collect();
    assert_eq!(gains[0], gains[1]);
    assert_eq!(gains[0], [490 * DOLLAR, 2_500 * DOLLAR]);
    let event: ExpirySettled = world.settle_expiry(&late, BTC_PERP, time).event();
    assert_eq!(event.borne, []);
    holds(&world);
}

/// What is forgiven of a short option is a cost below zero, which counts while it is held and is paid when it is closed.
#[test]
fn a_short_option_is_forgiven_too() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 30, 0.5, &[20_000]);
    let (owner, taker, buyer) = (world.trader(5_000), world.trader(100_000), world.trader(100_000));
    let mark = world.expiry(BTC_PERP, time).strike(0).unwrap().mark.0 / 10_000_000 * 10_000_000;
    world.trade_legs(&buyer, &owner, &[call(BTC_PERP, time, 0, CONTRACT, mark)]);
    world.price(BTC, 28_000.0);
    world.refresh_chains();
    world.start_auction(&owner);
    let equity = world.health(&owner).equity;
    assert!(equity < 0);
    let taker_before = world.health(&taker).equity;
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, 0);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!(event.forgiven as i64, -event.price);
    holds(&world);
    let taken = position(&world, &taker);
    assert_eq!((taken.quantity, taken.cost), (-CONTRACT, event.price));
    let gained = world.health(&taker).equity - taker_before;
    assert!(gained.abs() <= 2 && event.price == equity, "{gained}, {equity}, {}", event.price);
    // A held option registers nothing.
    let register = world.register_gain_instruction(&buyer, position(&world, &buyer).instrument);
    world.refuses(&[register], &[], NovateError::NoGain);
}

// What is held back while reserves exceed the fund (CLR-35).

/// An account of another market is insolvent, and somebody gives the fund what it lacks but for this.
fn falls_short(world: &mut World, shortage: u64) -> Actor {
    let (debtor, other, backer) = (world.trader(3_000), world.trader(100_000), world.actor());
    world.trade(&debtor, &other, &[(ETH_PERP, 4 * CONTRACT, 1_500 * PRICE)]);
    world.price(ETH, 400.0);
    world.hold();
    let start = world.start_auction_instruction(&debtor);
    world.succeeds(&[start], &[]);
    let lacks = world.insurance().shortage();
    world.insure_units(&backer, lacks - shortage);
    assert_eq!(world.asset(USDC).shortage, shortage);
    backer
}

#[test]
fn pending_gains_stay_as_far_as_the_fund_is_short() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    broke.world.price(BTC, 19_000.0);
    broke.world.settle(&broke.owner, BTC_PERP);
    let first = broke.winners[0].clone();
    broke.world.settle(&first, BTC_PERP);
    assert_eq!(position(&broke.world, &first).pending_new, 495 * DOLLAR);
    broke.world.pass(2 * HOUR);
    broke.world.refresh();
    let backer = falls_short(&mut broke.world, 400_000_000);
    let event: VariationSettled = broke.world.settle(&first, BTC_PERP).event();
    assert_eq!((event.released, position(&broke.world, &first).pending_old), (95 * DOLLAR, 400 * DOLLAR));
    holds(&broke.world);
    let settle = broke.world.settle_instruction(&first, BTC_PERP);
    broke.world.refuses(std::slice::from_ref(&settle), &[], NovateError::GainsHeldBack);
    broke.world.pass(HOUR);
    broke.world.refresh();
    broke.world.refuses(&[settle], &[], NovateError::GainsHeldBack);
    broke.world.insure(&backer, 400);
    let event: VariationSettled = broke.world.settle(&first, BTC_PERP).event();
    assert_eq!(event.released, 400 * DOLLAR);
    holds(&broke.world);
}

/// A taker's own pending gains are held back like anyone's.
#[test]
fn a_bid_releases_nothing_that_is_held_back() {
    for (shortage, released) in [(0, 99), (40_000_000, 59), (1_000_000_000, 0)] {
        let mut broke = Broke::before(World::default(), 1_300, SOLD);
        broke.world.trade(
            &broke.winners[0].clone(),
            &broke.taker.clone(),
            &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)],
        );
        broke.world.price(BTC, 19_000.0);
        broke.world.settle(&broke.owner, BTC_PERP);
        broke.world.settle(&broke.taker, BTC_PERP);
        broke.world.pass(2 * HOUR);
        broke.world.price(BTC, 12_500.0);
        broke.world.refresh();
        broke.world.start_auction(&broke.owner);
        if shortage > 0 {
            falls_short(&mut broke.world, shortage);
        }
        let cash = broke.world.portfolio(&broke.taker.portfolio).cash;
        let slice = broke.world.portfolio(&broke.owner.portfolio).cash / 1_000;
        broke.takes(ALL / 1_000, 0);
        let paid = broke.world.insurance().paid_out as i64;
        let taker = broke.world.portfolio(&broke.taker.portfolio);
        assert_eq!(taker.cash - cash - slice - paid, released * DOLLAR, "{shortage}");
    }
}

/// Who has to bear a haircut cannot give the gain away at a bad price and leave the charge behind: while the window is open it needs
/// initial margin without the gain, registered or not, or closes and gives nothing away.
#[test]
fn a_gain_that_bears_is_no_margin_for_more() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let (first, second, taker) = (broke.winners[0].clone(), broke.winners[1].clone(), broke.taker.clone());
    broke.world.withdraw(&first, USDC, 97_000 * DOLLAR as u64);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    broke.world.trade(&first, &taker, &[(ETH_PERP, 20 * CONTRACT, 1_500 * PRICE)]);
    broke.takes(ALL, 0);
    for registered in [false, true] {
        if registered {
            broke.world.register_gain(&first, BTC_PERP);
        }
        for leg in [
            (ETH_PERP, CONTRACT, 1_500 * PRICE),
            // Closes at a bad price: more margin is released than equity is lost.
            (ETH_PERP, -2 * CONTRACT, 1_490 * PRICE),
        ] {
            let trade = broke.world.trade_instruction(first.side(), taker.side(), &[leg]);
            broke.world.refuses(&[trade], &[&first.key, &taker.key], NovateError::UnsettledGains);
        }
        broke.world.trade(&first, &taker, &[(ETH_PERP, -CONTRACT, 1_500 * PRICE)]);
        // With margin to spare.
        broke.world.trade(&second, &taker, &[(ETH_PERP, CONTRACT, 1_510 * PRICE)]);
    }
    holds(&broke.world);
}

/// The three gained 10,990, and bear 4,000. The first has 5,000 beside its gain of 5,495 and bears 2,000.
fn lacking(world: World) -> (Broke, Actor) {
    let mut broke = Broke::before(world, 0, SOLD);
    let friend = broke.world.trader(100_000);
    broke.world.withdraw(&broke.winners[0].clone(), USDC, 95_000 * DOLLAR as u64);
    broke.world.price(BTC, 9_000.0);
    broke.world.start_auction(&broke.owner);
    let event = broke.takes(ALL, 0);
    assert_eq!(event.forgiven, 4_000_000_000);
    (broke, friend)
}

/// Registers the others' gains; the first closes, withdraws what it has beside the gain, and bears 2,000.
fn bears_its_part(broke: &mut Broke) {
    let (first, taker) = (broke.winners[0].clone(), broke.taker.clone());
    for winner in &broke.winners[1..] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    let withdraw = broke.world.withdraw_instruction(&first, USDC, 4_940 * DOLLAR as u64);
    broke.world.refuses(std::slice::from_ref(&withdraw), &[&first.key], NovateError::BelowInitialMargin);
    broke.world.trade(&first, &taker, &[(BTC_PERP, SOLD[0], 9_000 * PRICE)]);
    broke.world.succeeds(&[withdraw], &[&first.key]);
    holds(&broke.world);
    end(&mut broke.world);
    assert_eq!(broke.world.charge_gain(&first, BTC_PERP).borne.charged, 2_000 * DOLLAR);
    assert!(broke.world.health(&first).equity > 3_000 * DOLLAR);
    holds(&broke.world);
}

#[test]
fn a_registered_gain_is_not_given_away() {
    let (mut broke, friend) = lacking(World::default());
    let first = broke.winners[0].clone();
    broke.world.register_gain(&first, BTC_PERP);
    let mut legs = vec![(BTC_PERP, SOLD[0], 9_000 * PRICE)];
    for _ in 0..3 {
        legs.extend([(BTC_PERP, -2 * CONTRACT, 8_550 * PRICE), (BTC_PERP, 2 * CONTRACT, 9_450 * PRICE)]);
    }
    let dump = broke.world.trade_instruction(first.side(), friend.side(), &legs);
    broke.world.refuses(&[dump], &[&first.key, &friend.key], NovateError::UnsettledGains);
    bears_its_part(&mut broke);
}

/// The price takes it back, and its owner closes at no cost: it bears all the same, and does not leave before.
#[test]
fn a_registered_gain_is_not_left_behind() {
    let mut broke = Broke::new(0);
    let (first, taker) = (broke.winners[0].clone(), broke.taker.clone());
    broke.takes(ALL, 0);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    broke.world.price(BTC, 20_000.0);
    broke.world.trade(&first, &taker, &[(BTC_PERP, SOLD[0], 20_000 * PRICE)]);
    broke.world.settle(&first, BTC_PERP);
    let left = position(&broke.world, &first);
    assert_eq!((left.quantity, left.cost, left.gain), (0, 0, 3_745 * DOLLAR));
    let withdraw = broke.world.withdraw_instruction(&first, USDC, 97_000 * DOLLAR as u64);
    broke.world.refuses(&[withdraw], &[&first.key], NovateError::BelowInitialMargin);
    holds(&broke.world);
    end(&mut broke.world);
    assert_eq!(broke.world.charge_gain(&first, BTC_PERP).borne.charged, 250 * DOLLAR);
    holds(&broke.world);
}

#[test]
fn a_gain_is_not_given_away_elsewhere_before_it_is_registered() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    let (mut broke, friend) = lacking(world);
    let first = broke.winners[0].clone();
    let mut legs = vec![];
    for _ in 0..3 {
        legs.push(future(BTC_PERP, time, -2 * CONTRACT, 8_560 * PRICE));
        legs.push(future(BTC_PERP, time, 2 * CONTRACT, 9_440 * PRICE));
    }
    let dump = broke.world.trade_of(first.side(), friend.side(), &legs);
    broke.world.refuses(&[dump], &[&first.key, &friend.key], NovateError::UnsettledGains);
    bears_its_part(&mut broke);
}

/// Closed before the round, and nothing else held on the underlying: leaving the market out of the list does not hide the gain.
#[test]
fn a_gain_of_a_closed_position_is_not_given_away() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let (first, taker) = (broke.winners[0].clone(), broke.taker.clone());
    broke.world.withdraw(&first, USDC, 95_000 * DOLLAR as u64);
    broke.world.price(BTC, 9_000.0);
    broke.world.trade(&first, &taker, &[(BTC_PERP, SOLD[0], 9_000 * PRICE)]);
    broke.world.start_auction(&broke.owner);
    broke.takes(ALL, 0);
    let mut legs = vec![];
    for _ in 0..4 {
        legs.extend([(ETH_PERP, -10 * CONTRACT, 1_430 * PRICE), (ETH_PERP, 10 * CONTRACT, 1_570 * PRICE)]);
    }
    let mut dump = broke.world.trade_instruction(first.side(), taker.side(), &legs);
    broke.world.refuses(std::slice::from_ref(&dump), &[&first.key, &taker.key], NovateError::UnsettledGains);
    let loner = broke.world.trader(100_000);
    dump = broke.world.trade_instruction(first.side(), loner.side(), &legs);
    let market = novate_client::addresses::market(&broke.world.pool, BTC_PERP);
    let at = dump.accounts.iter().position(|account| account.pubkey == market).unwrap();
    broke.world.refuses(&[dump.without_account(at)], &[&first.key, &loner.key], NovateError::MarketMissing);
    broke.world.trade(&first, &loner, &legs[..2]);
    holds(&broke.world);
}

/// A taker's margin does not rest on it either.
#[test]
fn a_gain_that_bears_is_no_margin_to_take_with() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let (first, taker) = (broke.winners[0].clone(), broke.taker.clone());
    broke.world.withdraw(&first, USDC, 97_000 * DOLLAR as u64);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    broke.world.trade(&first, &taker, &[(ETH_PERP, 20 * CONTRACT, 1_500 * PRICE)]);
    broke.takes(ALL / 1_000, 0);
    let bid = broke.world.liquidate_instruction(&broke.owner, first.side(), ALL / 2, 0);
    broke.world.refuses(std::slice::from_ref(&bid), &[&first.key], NovateError::BelowInitialMargin);
    broke.world.deposit(&first, USDC, 4_000 * DOLLAR as u64);
    broke.world.succeeds(&[bid], &[&first.key]);
    holds(&broke.world);
}

/// A slice that the fund can pay would make a winner's gain cash, and leave what it lacks in the end to the others.
#[test]
fn a_winner_who_bids_first_bears_as_the_others() {
    let mut broke = Broke::new(250);
    let first = broke.winners[0].clone();
    let bid = broke.world.liquidate_instruction(&broke.owner, first.side(), ALL / 2, 0);
    let event: Liquidated = broke.world.succeeds(&[bid], &[&first.key]).event();
    assert_eq!((event.from_capital, event.forgiven), (250_000_000, 0));
    assert_eq!(event.losses, [ForgivenLoss { instrument: perpetual(BTC_PERP), amount: 0, round: 1 }]);
    assert_eq!(event.taker_borne[0].amount, 3_745 * DOLLAR);
    holds(&broke.world);
    assert_eq!(broke.takes(ALL, 0).forgiven, 250_000_000);
    for winner in &broke.winners.clone()[1..] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    end(&mut broke.world);
    for (winner, charge) in broke.winners.clone().iter().zip([125, 75, 50]) {
        assert_eq!(broke.world.charge_gain(winner, BTC_PERP).borne.charged, charge * DOLLAR);
    }
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    holds(&broke.world);
}

/// Nothing is forgiven in the end: the round that was opened for it charges nobody.
#[test]
fn a_round_without_a_haircut_is_closed() {
    let mut broke = Broke::new(550);
    broke.takes(ALL / 2, 0);
    broke.takes(ALL, 0);
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.round.number, market.round.forgiven.0), (1, 0));
    let winner = broke.winners[0].clone();
    broke.world.register_gain(&winner, BTC_PERP);
    end(&mut broke.world);
    let charge = broke.world.charge_gain_instruction(&winner, perpetual(BTC_PERP));
    broke.world.succeeds(&[charge], &[]);
    assert_eq!(broke.world.portfolio(&winner.portfolio).positions()[0].gain, 0);
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    holds(&broke.world);
}

/// The account gains in one leg what it loses in another: none of that was its own, and the taker is not charged for it.
#[test]
fn a_taker_does_not_bear_for_the_legs_of_the_account() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[]);
    let [owner, friend, crook, taker] = [9_000, 100_000, 100_000, 100_000].map(|usd| world.trader(usd));
    let hedge = [
        novate_client::Leg { instrument: perpetual(BTC_PERP), quantity: 5 * CONTRACT, price: 19_010 * PRICE },
        future(BTC_PERP, time, -5 * CONTRACT, 19_010 * PRICE),
    ];
    world.trade_legs(&owner, &friend, &hedge);
    world.trade(&owner, &crook, &[(ETH_PERP, 10 * CONTRACT, 1_500 * PRICE)]);
    world.price(ETH, 450.0);
    world.start_auction(&owner);
    let before = world.health(&taker).equity;
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, 0);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert!(event.forgiven > 0 && event.borne.is_empty() && event.taker_borne.is_empty());
    let taken = world.health(&taker).equity;
    assert!(taken >= before, "{taken} of {before}");
    world.register_gain(&crook, ETH_PERP);
    holds(&world);
    end(&mut world);
    assert_eq!(world.health(&taker).equity, taken);
    holds(&world);
}

/// What a short option owes was not gained by whoever could be charged: linear losses come first.
#[test]
fn a_short_option_does_not_move_the_haircut_to_its_market() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 30, 0.5, &[10_000]);
    let [owner, friend, crook, taker] = [12_000, 100_000, 100_000, 100_000].map(|usd| world.trader(usd));
    let mark = world.expiry(BTC_PERP, time).strikes[0].mark.0 / 10_000_000 * 10_000_000;
    let legs = [
        novate_tests::dated::option_leg(BTC_PERP, time, 0, novate_client::Right::Call, -CONTRACT, mark),
        future(BTC_PERP, time, CONTRACT, 20_000 * PRICE),
    ];
    world.trade_legs(&owner, &friend, &legs);
    world.trade(&owner, &crook, &[(ETH_PERP, 10 * CONTRACT, 1_500 * PRICE)]);
    world.price(ETH, 200.0);
    world.start_auction(&owner);
    let bid = world.liquidate_instruction(&owner, taker.side(), ALL, 0);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    let eth: i64 = event.losses.iter().filter(|l| l.instrument == perpetual(ETH_PERP)).map(|l| l.amount).sum();
    assert!(event.forgiven > 0, "the account has {} left", event.equity_before);
    let options: i64 = event.losses.iter().filter(|l| l.instrument != perpetual(ETH_PERP)).map(|l| l.amount).sum();
    // The fee of the future is a loss in its market too.
    assert_eq!(eth + options, event.forgiven as i64);
    assert!(options * 1_000 < eth, "{options} beside {eth}");
    holds(&world);
}
