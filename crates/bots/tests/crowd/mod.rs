//! Portfolios of all kinds.

use novate_tests::world::leg;
use novate_tests::{call, future, put, Actor, Builder, Chance, World};
use novate_tests::{BTC, BTC_PERP, CONTRACT, ETH_PERP, GOLD, PRICE, USDC};

/// Portfolios of one to three legs, perpetuals, futures and options on two coins, some with gold or coins besides, each at its
/// initial margin or somewhat above.
pub fn crowd(world: Builder) -> (World, Vec<Actor>) {
    let mut world = world.build();
    let strikes = [16_000, 18_000, 20_000, 22_000, 24_000];
    let time = world.chain(BTC_PERP, 20, 0.6, &strikes);
    let maker = world.trader(1_000_000_000);
    let mut chance = Chance::new(7);
    let mut actors = vec![];
    for at in 0..24 {
        let actor = world.trader(400_000);
        if at % 4 == 0 {
            world.deposit(&actor, GOLD, 50_000_000);
        }
        if at % 5 == 0 {
            world.deposit(&actor, BTC, 100_000_000);
        }
        let mut size = || chance.between(1, 5) * if chance.between(0, 1) == 0 { CONTRACT } else { -CONTRACT };
        let legs = match at % 6 {
            0 => vec![leg(BTC_PERP, size(), 20_000 * PRICE)],
            1 => vec![leg(BTC_PERP, size(), 20_000 * PRICE), leg(ETH_PERP, 10 * size(), 1_500 * PRICE)],
            2 => vec![future(BTC_PERP, time, size(), 20_000 * PRICE), leg(BTC_PERP, size(), 20_000 * PRICE)],
            _ => {
                let expiry = world.expiry(BTC_PERP, time);
                let slot = (at % strikes.len()) as u8;
                let mark = expiry.strikes[usize::from(slot)].mark.0;
                let tick = |price: i64| (price / 10_000_000 * 10_000_000).max(10_000_000);
                let strike = strikes[usize::from(slot)] * PRICE;
                let other = mark - 20_000 * PRICE + strike;
                let option = if at % 2 == 0 {
                    call(BTC_PERP, time, slot, size(), tick(mark))
                } else {
                    put(BTC_PERP, time, slot, size(), tick(other))
                };
                vec![option, leg(ETH_PERP, size(), 1_500 * PRICE)]
            }
        };
        world.trade_legs(&actor, &maker, &legs);
        let health = world.health(&actor);
        let spare = (health.equity - health.initial) * (1_000 - chance.between(0, 20)) / 1_000;
        let cash = world.portfolio(&actor.portfolio).cash;
        let spare = spare.min(cash).max(0) as u64;
        if spare > 0 {
            let withdraw = world.withdraw_instruction(&actor, USDC, spare);
            let _ = world.attempt(withdraw, &[&actor.key]);
        }
        actors.push(actor);
    }
    (world, actors)
}
