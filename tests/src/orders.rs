//! Signed orders, and how fills of them are sent.

use novate_client::instructions::{self as build, Behind, SettledSide};
use novate_client::order::{Cluster, Order, OrderFlags, OrderLeg, OrderSide};
use novate_client::signing::{self, SignedMessage};
use novate_client::{symbol, Instruction, Leg, Pubkey};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Actor, World, DAY};

/// Where an ed25519 instruction stands that is sent with a settlement: behind the compute limit.
pub const PLACE: u8 = 1;
/// Nonces in a second: microseconds.
pub const NONCES: i64 = 1_000_000;

/// The text, signed as it is.
pub fn signed(key: &Keypair, order: &Order) -> SignedMessage {
    signed_in(key, order, false)
}

/// The text, or the off-chain message around it as wallets sign it.
pub fn signed_in(key: &Keypair, order: &Order, offchain: bool) -> SignedMessage {
    signed_bytes(key, signing::message(&order.render(), &key.pubkey(), offchain).expect("short"))
}

/// Any bytes, signed.
pub fn signed_bytes(key: &Keypair, message: Vec<u8>) -> SignedMessage {
    SignedMessage { signer: key.pubkey(), signature: key.sign_message(&message).into(), message }
}

pub fn by_order(actor: &Actor, order: &SignedMessage) -> SettledSide {
    SettledSide { portfolio: actor.portfolio, behind: Behind::Order(order.clone()) }
}

pub fn by_signature(actor: &Actor) -> SettledSide {
    SettledSide { portfolio: actor.portfolio, behind: Behind::Signer(actor.address()) }
}

/// What one strategy costs whose first leg is 1, and its legs beside the symbols. Panics where a leg is no multiple of the first.
pub fn strategy<'a>(legs: &[Leg], symbols: &'a [String]) -> (i64, Vec<OrderLeg<'a>>) {
    let one = legs[0].quantity;
    let named = legs.iter().zip(symbols).map(|(leg, symbol)| {
        assert_eq!(leg.quantity % one, 0, "a multiple of the first leg");
        let market = novate_client::instrument::market_of(leg.instrument);
        OrderLeg { ratio: leg.quantity / one, symbol, market }
    });
    let cost = legs.iter().map(|leg| leg.quantity / one * leg.price).sum();
    (cost, named.collect())
}

impl World {
    /// The symbols of what is traded.
    pub fn symbols(&self, legs: &[Leg]) -> Vec<String> {
        let snapshot = self.snapshot();
        legs.iter().map(|leg| symbol::of(&snapshot, leg.instrument).expect("listed")).collect()
    }

    /// The orders that the legs fill whole at their limits, of the first side and of the second: for a day, signed now.
    pub fn orders_of<'a>(&self, sides: [&Actor; 2], legs: &[Leg], symbols: &'a [String]) -> [Order<'a>; 2] {
        let (limit, named) = strategy(legs, symbols);
        let buys = legs[0].quantity > 0;
        [(sides[0], buys), (sides[1], !buys)].map(|(actor, buys)| Order {
            cluster: Cluster::Localnet,
            portfolio: actor.portfolio,
            generation: self.portfolio(&actor.portfolio).generation,
            side: if buys { OrderSide::Buy } else { OrderSide::Sell },
            quantity: legs[0].quantity.abs(),
            legs: named.clone(),
            limit,
            until: self.now() + DAY,
            nonce: (self.now() * NONCES) as u64,
            flags: OrderFlags::default(),
        })
    }

    /// A fill, sent with the ed25519 instruction that it needs.
    pub fn settling(&self, sides: [&SettledSide; 2], legs: &[Leg]) -> Vec<Instruction> {
        let holdings = self.traded([sides[0].portfolio, sides[1].portfolio], legs);
        build::settle_orders(self.keys(), sides, &holdings, legs.to_vec(), PLACE).expect("short")
    }

    /// A fill by a venue.
    pub fn clearing(&self, signer: &Pubkey, sides: [Pubkey; 2], legs: &[Leg]) -> Instruction {
        build::clear(self.keys(), *signer, sides, &self.traded(sides, legs), legs.to_vec())
    }

    /// The owner opts in to a venue.
    #[track_caller]
    pub fn opt_in(&mut self, actor: &Actor, signer: &Pubkey) -> crate::Sent {
        let opt_in = build::opt_in_venue(actor.address(), &self.pool, actor.portfolio, signer);
        self.succeeds(&[opt_in], &[&actor.key])
    }
}
