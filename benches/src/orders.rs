//! Signed orders, and how many legs of them fit a transaction.

use novate_client::instructions::{self as build, Behind, SettledSide};
use novate_client::order::{Cluster, Order, OrderFlags, OrderLeg, OrderSide};
use novate_client::signing::SignedMessage;
use novate_client::{instrument, symbol, Instruction, Leg, OrderId, Right};
use novate_tests::world::leg;
use novate_tests::{Actor, World, BTC_PERP, CONTRACT, PRICE};
use solana_signer::Signer;

use crate::figure::{measure, measure_all, Figure};

/// Legs of options that fit: with an order of each side, and with an order and a signature.
const MOST: [usize; 2] = [4, 8];
const DAY: i64 = 86_400;
/// Behind the compute limit.
const PLACE: u8 = 1;

pub fn all() -> Vec<Figure> {
    let mut world = World::default();
    let sides = [0, 1].map(|_| world.trader(1_000_000));
    world.pass(1);
    let one = [leg(BTC_PERP, CONTRACT, 20_000 * PRICE)];
    let mut figures = vec![
        settle(&mut world, &sides, &one, [true, true], "1 leg, two orders, both sides cash only"),
        settle(&mut world, &sides, &one, [true, false], "1 leg, an order and a signature"),
    ];
    let options = options(&mut world);
    for (count, orders) in MOST.into_iter().zip([[true, true], [true, false]]) {
        let what = if orders[1] { "two orders" } else { "an order and a signature" };
        let state = format!("{count} options, {what}");
        figures.push(settle(&mut world, &sides, &options[..count], orders, &state));
    }
    let named = (0..32).map(|at| OrderId { nonce: world.now() as u64 * 1_000_000, until: world.now() + DAY + at });
    let actor = &sides[1];
    let built = build::cancel_orders(actor.address(), actor.portfolio, 0, named.clone().take(1).collect());
    figures.push(measure(&mut world, "cancel_orders", "1 order", built, &[&actor.key]));
    let minimum = world.now() as u64 * 1_000_000;
    let built = build::cancel_orders(actor.address(), actor.portfolio, minimum, vec![]);
    figures.push(measure(&mut world, "cancel_orders", "all", built, &[&actor.key]));

    let venue = world.venues(1).remove(0);
    for side in &sides {
        let built = build::opt_in_venue(side.address(), &world.pool, side.portfolio, &venue.pubkey());
        let figure = measure(&mut world, "opt_in_venue", "", built, &[&side.key]);
        if side.portfolio == sides[0].portfolio {
            figures.push(figure);
        }
    }
    let portfolios = sides.each_ref().map(|side| side.portfolio);
    let holdings = world.holdings(&portfolios).with_traded(one[0].instrument, world.underlyings[0]);
    let built = build::clear(world.keys(), venue.pubkey(), portfolios, &holdings, one.to_vec());
    figures.push(measure(&mut world, "clear", "1 leg, beside 8 options", built, &[&venue]));
    let built = build::opt_out_venue(sides[0].address(), sides[0].portfolio, 0);
    figures.push(measure(&mut world, "opt_out_venue", "", built, &[&sides[0].key]));
    figures
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

/// A fill by an order where one is asked for, else by a signature.
fn settle(world: &mut World, sides: &[Actor; 2], legs: &[Leg], orders: [bool; 2], state: &str) -> Figure {
    world.pass(1);
    world.refresh();
    let snapshot = world.snapshot();
    let symbols: Vec<String> = legs.iter().map(|leg| symbol::of(&snapshot, leg.instrument).expect("listed")).collect();
    let ratios = legs.iter().map(|leg| leg.quantity / CONTRACT);
    let named: Vec<_> =
        symbols.iter().zip(ratios).map(|(symbol, ratio)| OrderLeg { ratio, symbol, market: BTC_PERP }).collect();
    let limit: i64 = legs.iter().map(|leg| leg.quantity / CONTRACT * leg.price).sum();
    let side = |at: usize| {
        let actor = &sides[at];
        let behind = if orders[at] {
            let order = Order {
                cluster: Cluster::Localnet,
                portfolio: actor.portfolio,
                generation: 0,
                side: if at == 0 { OrderSide::Buy } else { OrderSide::Sell },
                quantity: CONTRACT,
                legs: named.clone(),
                limit,
                until: world.now() + DAY,
                nonce: world.now() as u64 * 1_000_000,
                flags: OrderFlags::default(),
            };
            let message = order.render().into_bytes();
            let signature = actor.key.sign_message(&message).into();
            Behind::Order(SignedMessage { signer: actor.address(), signature, message })
        } else {
            Behind::Signer(actor.address())
        };
        SettledSide { portfolio: actor.portfolio, behind }
    };
    let mut holdings = world.holdings(&sides.each_ref().map(|side| side.portfolio));
    for leg in legs {
        holdings = holdings.with_traded(leg.instrument, world.underlyings[0]);
    }
    let built: Vec<Instruction> =
        build::settle_orders(world.keys(), [&side(0), &side(1)], &holdings, legs.to_vec(), PLACE).expect("short");
    let signers: Vec<_> = sides.iter().zip(orders).filter(|(_, order)| !order).map(|(side, _)| &side.key).collect();
    measure_all(world, "settle_orders", state, built, &signers)
}
