//! CLR-32: what expired without a price bears too.

use novate::events::Liquidated;
use novate_tests::{call, checker, future, Actor, World, BTC, BTC_PERP, CONTRACT, DOLLAR, PRICE};

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
