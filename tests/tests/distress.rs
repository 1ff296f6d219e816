//! An account below maintenance margin, and who may take it over.
//!
//! The owner deposits 3,100 USD and buys one BTC at 20,000 for a fee of 10; at 19,100 equity is 2,190 and maintenance
//! margin 0.80 x 15 % x 19,100 = 2,292.

use novate_tests::{Actor, World, BTC, BTC_PERP, CONTRACT, PRICE};

pub struct Distress {
    pub world: World,
    pub owner: Actor,
    /// Holds the other side.
    pub maker: Actor,
    /// Has 100,000 USD and no position.
    pub taker: Actor,
}

impl Distress {
    /// Still healthy.
    pub fn before() -> Self {
        let mut world = World::default();
        let (owner, maker, taker) = (world.trader(3_100), world.trader(100_000), world.trader(100_000));
        world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        Self { world, owner, maker, taker }
    }

    /// Below maintenance margin for a minute, without an auction.
    pub fn fallen() -> Self {
        let mut distress = Self::before();
        distress.world.price(BTC, 19_100.0);
        distress.world.hold();
        distress
    }

    /// With an auction that has just begun.
    pub fn in_auction() -> Self {
        let mut distress = Self::fallen();
        distress.world.start_auction(&distress.owner);
        distress
    }
}
