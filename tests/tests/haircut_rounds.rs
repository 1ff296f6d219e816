//! CLR-32: a loss that is forgiven is charged to those who gained by about the price at which it was lost, however long a round of
//! haircuts stands; what is too little for one is carried; what expired without a price bears too.

use novate::events::{BankruptcyResolved, ForgivenLoss, Liquidated};
use novate_client::instrument::perpetual;
use novate_client::state::{HAIRCUT_WINDOW, LEAST_HAIRCUT, LONGEST_ROUND};
use novate_client::NovateError;
use novate_tests::feed::Quote;
use novate_tests::haircut::{Broke, SOLD};
use novate_tests::{call, checker, future, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, ETH_PERP, PRICE, USDC};

use crate::checking::raw;

const ALL: i64 = 1_000_000_000;

#[track_caller]
fn holds(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

/// The window of the last opening ends.
fn end(world: &mut World) {
    world.pass_to(world.market(BTC_PERP).round.ends);
    world.refresh();
}

fn gain(world: &World, actor: &Actor) -> i64 {
    world.portfolio(&actor.portfolio).positions()[0].gain
}

/// The first deficit is 500 at 12,500, where the winners have gained 7,490. Then somebody buys of another one, who wins by the fall to
/// 6,000 what nobody had gained before.
fn falls_again(broke: &mut Broke) -> (Actor, Liquidated) {
    broke.takes(ALL, 0);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    let (long, late) = (broke.world.trader(4_400), broke.world.trader(100_000));
    broke.world.trade(&long, &late, &[(BTC_PERP, CONTRACT, 12_500 * PRICE)]);
    broke.world.price(BTC, 6_000.0);
    broke.world.start_auction(&long);
    broke.owner = long;
    let event = broke.takes(ALL, 0);
    (late, event)
}

/// Whoever opens a round does not choose who is left out of the rest of it.
#[test]
fn who_wins_after_the_opening_bears_what_is_forgiven_then() {
    let mut broke = Broke::new(0);
    let (late, event) = falls_again(&mut broke);
    let forgiven = event.forgiven as i64;
    assert_eq!(event.losses, [ForgivenLoss { instrument: perpetual(BTC_PERP), amount: forgiven, round: 2 }]);
    let round = broke.world.market(BTC_PERP).round;
    assert_eq!((round.number, round.forgiven.0), (2, 500 * DOLLAR + forgiven));
    assert_eq!((round.gains.0, round.uncharged.0, round.ends), (0, 0, broke.world.now() + HAIRCUT_WINDOW));
    holds(&broke.world);
    let mut winners = broke.winners.clone();
    winners.push(late);
    // What was registered before counts no longer, and is registered again.
    let gains: Vec<i64> =
        winners.iter().map(|winner| broke.world.register_gain(winner, BTC_PERP).borne.registered).collect();
    // 14,000 a coin and the fee of 10 off, and 6,500 less a fee of 6.25.
    assert_eq!(gains, [6_995 * DOLLAR, 4_197 * DOLLAR, 2_798 * DOLLAR, 6_493_750_000]);
    holds(&broke.world);
    end(&mut broke.world);
    for (winner, gain) in winners.iter().zip(&gains) {
        let share = i128::from(*gain) * i128::from(500 * DOLLAR + forgiven);
        let charged = broke.world.charge_gain(winner, BTC_PERP).borne.charged;
        assert_eq!(i128::from(charged), (share + 20_483_749_999) / 20_483_750_000);
    }
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    holds(&broke.world);
}

/// A gain that was registered and lost again before the round is opened anew bears nothing, and holds up nobody.
#[test]
fn a_void_gain_is_cleared() {
    let mut broke = Broke::new(0);
    broke.takes(ALL / 2, 0);
    let [first, second, third] = [0, 1, 2].map(|at| broke.winners[at].clone());
    for winner in [&first, &second, &third] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    // The first loses all again, and closes.
    broke.world.price(BTC, 20_000.0);
    broke.world.trade(&first, &second, &[(BTC_PERP, SOLD[0], 20_000 * PRICE)]);
    broke.world.settle(&first, BTC_PERP);
    broke.world.price(BTC, 12_000.0);
    assert_eq!(broke.takes(ALL, 0).losses[0].round, 2);
    holds(&broke.world);
    let register = broke.world.register_gain_instruction(&first, perpetual(BTC_PERP));
    broke.world.refuses(&[register], &[], NovateError::NoGain);
    // In another one's hands it does not count either.
    for winner in [&second, &third] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    let charge = broke.world.charge_gain_instruction(&first, perpetual(BTC_PERP));
    broke.world.refuses(std::slice::from_ref(&charge), &[], NovateError::HaircutOpen);
    end(&mut broke.world);
    let equity = broke.world.health(&first).equity;
    assert_eq!(equity, broke.world.portfolio(&first.portfolio).cash);
    for winner in [&second, &third] {
        broke.world.charge_gain(winner, BTC_PERP);
    }
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    holds(&broke.world);
    // No round stands: the position goes.
    assert_eq!(gain(&broke.world, &first), 3_745 * DOLLAR);
    broke.world.succeeds(&[charge], &[]);
    assert_eq!(broke.world.portfolio(&first.portfolio).position_count, 0);
    holds(&broke.world);
}

/// Up to 1 % from the price of the opening all comes into the round as it is.
#[test]
fn a_price_near_that_of_the_opening_opens_nothing() {
    for (usd, number) in [(12_375.0, 1), (12_374.0, 2), (12_625.0, 1), (12_626.0, 2)] {
        let mut broke = Broke::new(0);
        broke.takes(ALL / 2, 0);
        broke.world.price(BTC, usd);
        assert_eq!(broke.takes(ALL, 0).losses[0].round, number, "{usd}");
        holds(&broke.world);
    }
}

/// The last window ends within a day of the first opening; what is lost at another price meanwhile waits for the next round.
#[test]
fn no_gain_waits_for_longer_than_a_day() {
    let mut broke = Broke::new(0);
    broke.takes(ALL / 100, 0);
    let first = broke.world.now();
    let mut opened = 1;
    loop {
        broke.world.pass(HAIRCUT_WINDOW - 1_000);
        broke.world.listings[usize::from(BTC)].usd = if opened % 2 == 0 { 12_500.0 } else { 12_300.0 };
        broke.world.refresh();
        let bid = broke.bid(ALL / 100, -1);
        if broke.world.now() + HAIRCUT_WINDOW > first + LONGEST_ROUND {
            broke.world.refuses(&[bid], &[&broke.taker.key], NovateError::HaircutSettling);
            break;
        }
        let event: Liquidated = broke.world.succeeds(&[bid], &[&broke.taker.key]).event();
        opened += 1;
        assert_eq!(event.losses[0].round, opened);
        holds(&broke.world);
    }
    assert_eq!(opened, 13);
    // At the price of the last opening it goes on until the window ends.
    broke.world.price(BTC, if opened % 2 == 0 { 12_300.0 } else { 12_500.0 });
    assert_eq!(broke.takes(ALL / 100, -1).losses[0].round, opened);
    let ends = broke.world.market(BTC_PERP).round.ends;
    assert!(ends <= first + LONGEST_ROUND);
    for winner in broke.winners.clone() {
        broke.world.register_gain(&winner, BTC_PERP);
    }
    end(&mut broke.world);
    for winner in broke.winners.clone() {
        broke.world.charge_gain(&winner, BTC_PERP);
    }
    broke.world.close_haircut(BTC_PERP);
    assert_eq!(broke.takes(ALL, -1).losses[0].round, opened + 1);
    holds(&broke.world);
}

/// Nothing is forgiven at a price that is stale, until it has been for an hour.
#[test]
fn a_round_is_opened_at_a_fresh_price() {
    for anew in [false, true] {
        // Insolvent at the edge of the stale range that favours the owner, too.
        let mut broke = Broke::before(World::default(), 0, SOLD);
        broke.world.price(BTC, 9_000.0);
        broke.world.start_auction(&broke.owner);
        let mut number = 0;
        if anew {
            broke.takes(ALL / 2, 0);
            broke.world.price(BTC, 8_500.0);
            number = 1;
        }
        let read = broke.world.asset(BTC).publish_time;
        broke.world.pass_to(read + 61);
        refresh_but(&mut broke.world, BTC);
        let bid = broke.bid(ALL / 10, -1);
        broke.world.refuses(std::slice::from_ref(&bid), &[&broke.taker.key], NovateError::HaircutSettling);
        broke.world.pass_to(read + 3_601);
        refresh_but(&mut broke.world, BTC);
        let event: Liquidated = broke.world.succeeds(&[bid], &[&broke.taker.key]).event();
        assert_eq!(event.losses[0].round, number + 1);
        holds(&broke.world);
    }
}

fn refresh_but(world: &mut World, stale: u16) {
    let now = world.now();
    let others: Vec<u16> = (0..world.listings.len() as u16).filter(|asset| *asset != stale).collect();
    for asset in &others {
        world.publish(*asset, Quote::new(world.listing(*asset).usd, now));
    }
    let refresh = world.refresh_asset(&others);
    world.succeeds(&[refresh], &[]);
}

/// What is lost beside it in a market whose price is stale, too little for a round, does not hold the rest up.
#[test]
fn a_little_in_a_stale_market_is_carried() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let first = broke.winners[0].clone();
    broke.world.trade(&broke.owner.clone(), &first, &[(ETH_PERP, CONTRACT / 10, 1_500 * PRICE)]);
    // At the edge of its scan range that favours the owner too.
    broke.world.price(ETH, 1_000.0);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    let read = broke.world.asset(ETH).publish_time;
    broke.world.pass_to(read + 61);
    refresh_but(&mut broke.world, ETH);
    let event = broke.takes(ALL, 0);
    let rounds: Vec<_> = event.losses.iter().map(|loss| (loss.instrument, loss.round)).collect();
    assert_eq!(rounds, [(perpetual(BTC_PERP), 1), (perpetual(ETH_PERP), 0)]);
    assert!(event.losses[1].amount > 0);
    assert_eq!(broke.world.market(ETH_PERP).carried.0, event.losses[1].amount);
    holds(&broke.world);
}

// What is too little for a round.

/// One that deposited 701 USD and bought a tenth of a coin at 20,000 for a fee of 1: at 12,500 it lacks 50, and 87.50 are reserved.
fn little(broke: &mut Broke) -> Actor {
    let owner = broke.world.trader(701);
    let winner = broke.winners[0].clone();
    broke.world.trade(&owner, &winner, &[(BTC_PERP, CONTRACT / 10, 20_000 * PRICE)]);
    owner
}

/// A unit lacking does not hold a market up. Nothing of it is lost either.
#[test]
fn what_is_too_little_is_carried_until_it_adds_up() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let owners = [0; 3].map(|_| little(&mut broke));
    let rich = broke.owner.clone();
    broke.world.deposit(&rich, USDC, 10_000 * DOLLAR as u64);
    broke.world.price(BTC, 12_500.0);
    broke.world.settle(&rich, BTC_PERP);
    let start = |broke: &mut Broke, at: usize| {
        broke.owner = owners[at].clone();
        let owner = broke.owner.clone();
        broke.world.start_auction(&owner);
    };
    start(&mut broke, 0);
    let event = broke.takes(ALL / 2, 0);
    assert_eq!(event.losses, [ForgivenLoss { instrument: perpetual(BTC_PERP), amount: 25 * DOLLAR, round: 0 }]);
    broke.takes(ALL, 0);
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.round.stands(), market.carried.0, market.haircut.0), (false, 50 * DOLLAR, 50 * DOLLAR));
    assert_eq!(broke.world.asset(USDC).at_stake(), 0);
    holds(&broke.world);
    // Winners are paid, and leave.
    let third = broke.winners[2].clone();
    broke.world.settle(&third, BTC_PERP);
    start(&mut broke, 1);
    let event = broke.takes(999_000_000, 0);
    assert_eq!((event.forgiven, event.losses[0].round), (49_950_000, 0));
    let event = broke.takes(ALL, 0);
    assert_eq!((event.forgiven, event.losses[0].round), (50_000, 1));
    let market = broke.world.market(BTC_PERP);
    assert_eq!((market.round.forgiven, market.carried.0, market.haircut), (LEAST_HAIRCUT, 0, LEAST_HAIRCUT));
    assert_eq!(broke.world.asset(USDC).at_stake(), LEAST_HAIRCUT.0 as u64);
    holds(&broke.world);
    // At another price it is carried too, and comes into the round with the next near its price.
    broke.world.price(BTC, 12_650.0);
    start(&mut broke, 2);
    let event = broke.takes(ALL / 2, 0);
    assert_eq!(event.losses[0].round, 0);
    holds(&broke.world);
    broke.world.price(BTC, 12_500.0);
    let before = broke.world.market(BTC_PERP);
    let event = broke.takes(ALL, 0);
    assert_eq!(event.losses[0].round, 1);
    let round = broke.world.market(BTC_PERP).round;
    assert_eq!(round.forgiven.0, LEAST_HAIRCUT.0 + before.carried.0 + event.forgiven as i64);
    for winner in broke.winners.clone().iter().take(2) {
        broke.world.register_gain(winner, BTC_PERP);
    }
    end(&mut broke.world);
    for winner in broke.winners.clone().iter().take(2) {
        broke.world.charge_gain(winner, BTC_PERP);
    }
    assert_eq!(broke.world.close_haircut(BTC_PERP).remainder, 0);
    assert_eq!(broke.world.market(BTC_PERP).haircut.0, 0);
    assert_eq!(broke.world.asset(USDC).at_stake(), 0);
    holds(&broke.world);
}

/// Where other auctions may leave as much lacking a round is opened for however little.
#[test]
fn where_insurance_is_short_a_round_is_opened_for_little() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let small = little(&mut broke);
    broke.world.price(BTC, 12_500.0);
    broke.world.start_auction(&broke.owner);
    let start = broke.world.start_auction_instruction(&small);
    broke.world.succeeds(&[start], &[]);
    broke.owner = small;
    assert_eq!(broke.takes(ALL, 0).losses[0].round, 1);
    assert_eq!(broke.world.market(BTC_PERP).round.forgiven.0, 50 * DOLLAR);
    holds(&broke.world);
}

#[test]
fn what_a_bankrupt_account_lacks_is_carried_too() {
    let mut broke = Broke::before(World::default(), 0, SOLD);
    let small = little(&mut broke);
    broke.world.price(BTC, 12_500.0);
    broke.world.trade(&small, &broke.taker.clone(), &[(BTC_PERP, -CONTRACT / 10, 12_500 * PRICE)]);
    broke.world.settle(&small, BTC_PERP);
    broke.world.start_auction(&small);
    let resolve = broke.world.resolve_instruction(&small);
    let event: BankruptcyResolved = broke.world.succeeds(&[resolve], &[]).event();
    assert_eq!(event.losses.iter().map(|l| (l.forgiven, l.round)).collect::<Vec<_>>(), [(50_625_000, 0)]);
    assert_eq!(broke.world.market(BTC_PERP).carried.0, 50_625_000);
    holds(&broke.world);
}

// Solvent auctions.

/// The owner is paid for its gain in full, and bears for it: whoever bids takes nothing over that it was not told of.
#[test]
fn a_bidder_for_a_solvent_account_does_not_bear_for_its_gain() {
    let mut broke = Broke::new(0);
    let [first, second, third] = [0, 1, 2].map(|at| broke.winners[at].clone());
    broke.world.withdraw(&first, USDC, 97_000 * DOLLAR as u64);
    broke.world.trade(&first, &second, &[(ETH_PERP, 20 * CONTRACT, 1_500 * PRICE)]);
    broke.takes(ALL, 0);
    broke.world.price(ETH, 1_250.0);
    broke.world.start_auction(&first);
    let bidder = broke.world.trader(100_000);
    let bid = broke.world.liquidate_instruction(&first, bidder.side(), ALL, i64::MAX);
    let event: Liquidated = broke.world.succeeds(&[bid], &[&bidder.key]).event();
    assert_eq!((event.borne[0].amount, event.taker_borne.len()), (3_745 * DOLLAR, 0));
    for winner in [&second, &third] {
        broke.world.register_gain(winner, BTC_PERP);
    }
    let equity = broke.world.health(&bidder).equity;
    assert!(equity >= 100_000 * DOLLAR);
    end(&mut broke.world);
    assert_eq!(broke.world.health(&bidder).equity, equity);
    assert_eq!(broke.world.charge_gain(&first, BTC_PERP).borne.charged, 250 * DOLLAR);
    holds(&broke.world);
}

// What has expired.

/// It had expired when the round opened, and its price is fixed only after the window: what is expected then counts.
#[test]
fn what_expired_bears_though_it_has_no_price_yet() {
    for sampled in [false, true] {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 1, 0.5, &[10_000]);
        let [owner, taker] = [7_010, 100_000].map(|usd| world.trader(usd));
        let [future_winner, option_winner, other] = [(); 3].map(|()| world.trader(100_000));
        world.trade(&owner, &other, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        world.trade_legs(&other, &future_winner, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
        let mark = world.expiry(BTC_PERP, time).strike(0).unwrap().mark.0 / 10_000_000 * 10_000_000;
        world.trade_legs(&option_winner, &other, &[call(BTC_PERP, time, 0, CONTRACT, mark)]);
        // Of the run a third is decided at 15,000, or nothing.
        world.listings[usize::from(BTC)].usd = 15_000.0;
        world.refresh();
        if sampled {
            for at in 0..8 {
                world.pass_to(time - 700 + at * 100);
                world.price(BTC, 15_000.0);
            }
        } else {
            world.pass_to(time - 60);
        }
        world.listings[usize::from(BTC)].usd = 12_500.0;
        world.pass_to(time + 10);
        world.refresh();
        world.start_auction(&owner);
        assert!(!world.expiry(BTC_PERP, time).is_fixed());
        let bid = world.liquidate_instruction(&owner, taker.side(), ALL, 0);
        let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
        assert_eq!(event.forgiven, 500_000_000);
        holds(&world);
        let market = world.market(BTC_PERP);
        assert_eq!((market.round_expiry, market.round_decided.0 > 200_000), (time, sampled));
        for winner in [&future_winner, &option_winner] {
            let held = world.portfolio(&winner.portfolio).positions()[0];
            let expected = novate_tests::haircut::gain(&held, &market, Some(&world.expiry(BTC_PERP, time)));
            let register = world.register_gain_instruction(winner, held.instrument);
            world.succeeds(&[register], &[]);
            assert_eq!(gain(&world, winner), expected);
            let price = if sampled { 12_600 * DOLLAR..14_000 * DOLLAR } else { 12_500 * DOLLAR..12_500 * DOLLAR + 1 };
            let (short, fee) = (held.quantity < 0, 10 * DOLLAR);
            let at = if short { 20_000 * DOLLAR - fee - expected } else { 10_000 * DOLLAR + expected };
            assert!(price.contains(&at), "{at} of {expected}");
        }
        end(&mut world);
        let bears =
            world.market(BTC_PERP).charge_of(&world.portfolio(&future_winner.portfolio).positions()[0], world.now());
        assert!(bears.unwrap().0 > 0);
        holds(&world);
    }
}

/// What expires while a round is open wins then: a loss that is forgiven afterwards is charged to it too, at the same price.
#[test]
fn what_expires_in_the_window_bears_what_is_forgiven_afterwards() {
    let mut world = World::default();
    let time = world.chain(BTC_PERP, 1, 0.5, &[10_000]);
    let [owner, taker] = [7_010, 100_000].map(|usd| world.trader(usd));
    let [winner, other] = [(); 2].map(|()| world.trader(100_000));
    world.trade(&owner, &other, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    let mark = world.expiry(BTC_PERP, time).strike(0).unwrap().mark.0 / 10_000_000 * 10_000_000;
    world.trade_legs(&winner, &other, &[call(BTC_PERP, time, 0, CONTRACT, mark)]);
    world.listings[usize::from(BTC)].usd = 12_500.0;
    world.pass_to(time - 120);
    world.refresh();
    world.start_auction(&owner);
    let bid = |world: &mut World, fraction| -> Liquidated {
        let bid = world.liquidate_instruction(&owner, taker.side(), fraction, 0);
        world.succeeds(&[bid], &[&taker.key]).event()
    };
    assert_eq!(bid(&mut world, ALL / 2).losses[0].round, 1);
    let held = world.portfolio(&winner.portfolio).positions()[0];
    let register = world.register_gain_instruction(&winner, held.instrument);
    world.refuses(std::slice::from_ref(&register), &[], NovateError::NoGain);
    world.pass_to(time + 10);
    world.refresh();
    assert_eq!(bid(&mut world, ALL).losses[0].round, 2);
    world.succeeds(&[register], &[]);
    assert!(gain(&world, &winner) > 2_000 * DOLLAR);
    holds(&world);
}
