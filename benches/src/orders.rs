//! Signed orders, how many legs of them fit a transaction, and what venues clear.

use novate_client::instructions as build;
use novate_client::{instrument, Instruction, Leg, OrderId, Pubkey, Right};
use novate_tests::orders::{by_order, by_signature, signed};
use novate_tests::sending::{packet_size, PACKET};
use novate_tests::world::leg;
use novate_tests::{Actor, World, BTC_PERP, CONTRACT, DAY, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::figure::{measure, measure_all, Figure};

/// Sides with an order: both, or the first, beside a signature of the second.
const ORDERS: [[bool; 2]; 2] = [[true, true], [true, false]];
/// Legs of options that fit with them: by the packet, and as many as there may be.
const MOST: [usize; 2] = [4, 8];

/// Every fill is between two portfolios with cash only, as that of `trade` is.
pub fn all() -> Vec<Figure> {
    let mut world = World::default();
    let perpetual = [leg(BTC_PERP, CONTRACT, 20_000 * PRICE)];
    let what = |orders: [bool; 2]| if orders[1] { "two orders" } else { "an order and a signature" };
    let mut figures = vec![];
    for orders in ORDERS {
        let state = format!("1 leg, {}, both sides cash only", what(orders));
        figures.push(settle(&mut world, &perpetual, orders, &state));
    }
    let options = options(&mut world);
    for (orders, most) in ORDERS.into_iter().zip(MOST) {
        let state = format!("{most} options, {}, both sides cash only", what(orders));
        figures.push(settle(&mut world, &options[..most], orders, &state));
    }
    assert!(!fits(&mut world, &options[..MOST[0] + 1], ORDERS[0]), "{} legs of two orders fit by now", MOST[0] + 1);
    figures.extend(cancelling(&mut world));
    figures.extend(venues(&mut world, &perpetual));
    figures
}

fn cancelling(world: &mut World) -> [Figure; 2] {
    let actor = world.trader(1);
    let nonce = world.now() as u64 * 1_000_000;
    let one = vec![OrderId { nonce, until: world.now() + DAY }];
    let built = build::cancel_orders(actor.address(), actor.portfolio, 0, one);
    let by_nonce = measure(world, "cancel_orders", "1 order", built, &[&actor.key]);
    let built = build::cancel_orders(actor.address(), actor.portfolio, nonce + 1, vec![]);
    [by_nonce, measure(world, "cancel_orders", "all", built, &[&actor.key])]
}

/// By a venue whose key signs, and by one that is a program.
fn venues(world: &mut World, legs: &[Leg]) -> Vec<Figure> {
    let (venue, book) = (world.venue(), world.registered_book());
    let actor = world.trader(1);
    let built = build::opt_in_venue(actor.address(), &world.pool, actor.portfolio, &venue.pubkey());
    let mut figures = vec![measure(world, "opt_in_venue", "", built, &[&actor.key])];
    let built = build::opt_out_venue(actor.address(), actor.portfolio, 0);
    figures.push(measure(world, "opt_out_venue", "", built, &[&actor.key]));

    let built = clear(world, &venue.pubkey(), legs);
    figures.push(measure(world, "clear", "1 leg, both sides cash only", built, &[&venue]));
    let built = book.calls(&clear(world, &book.address, legs));
    let state = "1 leg, both sides cash only, called by a venue's program";
    figures.push(measure(world, "clear", state, built, &[&book.operator]));
    figures
}

/// A fill between two new portfolios that opted in.
fn clear(world: &mut World, signer: &Pubkey, legs: &[Leg]) -> Instruction {
    let sides = traders(world);
    for side in &sides {
        world.opt_in(side, signer);
    }
    world.clearing(signer, sides.each_ref().map(|side| side.portfolio), legs)
}

fn traders(world: &mut World) -> [Actor; 2] {
    [0, 1].map(|_| world.trader(1_000_000))
}

/// Eight options of one expiry at their marks, rounded to whole USD: bought and sold in turn.
fn options(world: &mut World) -> Vec<Leg> {
    let time = world.chain(BTC_PERP, 30, 0.6, &[19_000, 20_000, 21_000, 22_000]);
    let expiry = world.expiry(BTC_PERP, time);
    let minutes = (time / 60) as u32;
    let legs = (0..8u8).map(|at| {
        let (slot, right) = (at % 4, if at < 4 { Right::Call } else { Right::Put });
        let strike = expiry.strikes[usize::from(slot)];
        let call = strike.mark.0;
        let value = if right == Right::Call { call } else { call - 20_000 * PRICE + strike.strike.0 };
        let quantity = if at % 2 == 0 { CONTRACT } else { -CONTRACT };
        Leg { instrument: instrument::option(BTC_PERP, minutes, slot, right), quantity, price: value / PRICE * PRICE }
    });
    legs.collect()
}

/// A fill between two new portfolios, measured.
fn settle(world: &mut World, legs: &[Leg], orders: [bool; 2], state: &str) -> Figure {
    let (built, signers) = fill(world, legs, orders);
    measure_all(world, "settle_orders", state, built, &signers.iter().collect::<Vec<_>>())
}

/// Whether a fill could be sent.
fn fits(world: &mut World, legs: &[Leg], orders: [bool; 2]) -> bool {
    let (built, signers) = fill(world, legs, orders);
    let table = world.lookup_table(&built);
    packet_size(&world.with_tables(&built, &signers.iter().collect::<Vec<_>>(), &[table])) <= PACKET
}

/// A fill by an order where one is asked for, else by a signature: the instructions, and the keys that sign them.
fn fill(world: &mut World, legs: &[Leg], orders: [bool; 2]) -> (Vec<Instruction>, Vec<Keypair>) {
    let sides = traders(world);
    world.pass(1);
    world.refresh();
    let symbols = world.symbols(legs);
    let signed_orders = world.orders_of(sides.each_ref(), legs, &symbols);
    let side = |at: usize| {
        let actor = &sides[at];
        if orders[at] {
            by_order(actor, &signed(&actor.key, &signed_orders[at]))
        } else {
            by_signature(actor)
        }
    };
    let built = world.settling([&side(0), &side(1)], legs);
    let signers = sides.iter().zip(orders).filter(|(_, order)| !order).map(|(side, _)| side.key.insecure_clone());
    (built, signers.collect())
}
