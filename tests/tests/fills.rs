//! What stops a trade stops every fill, however its sides are authorised, and what only closes is possible where it is for a trade
//! (CLR-12, CLR-30, CLR-40, CLR-41, CLR-51, MRG-15): by two orders, by an order and a signature, by a venue.

use novate_client::order::Order;
use novate_client::{Action, Instruction, Leg, NovateError, Right};
use novate_tests::dated::option_leg;
use novate_tests::feed::Quote;
use novate_tests::orders::{by_order, by_signature, signed};
use novate_tests::world::leg;
use novate_tests::{future, Actor, Builder, World, BTC, BTC_PERP, CONTRACT, ETH_PERP, GOLD, PRICE};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::stale::refresh_but;

const AT: i64 = 20_000 * PRICE;
const HALF: i64 = CONTRACT / 2;

/// What authorises both sides of a fill.
#[derive(Clone, Copy, Debug)]
enum Way {
    Orders,
    Signature,
    Venue,
}

/// Two traders who signed orders and opted in to a venue.
struct Desk {
    world: World,
    sides: [Actor; 2],
    venue: Keypair,
    way: Way,
    /// Fills that orders were signed for.
    signed: u64,
}

/// The same with each of them.
fn each(build: impl Fn() -> World, cash: [i64; 2], test: impl Fn(&mut Desk)) {
    for way in [Way::Orders, Way::Signature, Way::Venue] {
        let mut world = build();
        let sides = cash.map(|usd| world.trader(usd));
        let venue = world.venue();
        for side in &sides {
            world.opt_in(side, &venue.pubkey());
        }
        world.pass(1);
        test(&mut Desk { world, sides, venue, way, signed: 0 });
    }
}

impl Desk {
    /// Each time by new orders; and the keys that sign the transaction.
    fn filling(&mut self, legs: &[Leg]) -> (Vec<Instruction>, Vec<Keypair>) {
        let [first, second] = self.sides.each_ref();
        let symbols = self.world.symbols(legs);
        self.signed += 1;
        let orders = self.world.orders_of([first, second], legs, &symbols);
        let [bid, ask] = orders.map(|order| Order { nonce: order.nonce + self.signed, ..order });
        let first_side = by_order(first, &signed(&first.key, &bid));
        match self.way {
            Way::Orders => {
                let second_side = by_order(second, &signed(&second.key, &ask));
                (self.world.settling([&first_side, &second_side], legs), vec![])
            }
            Way::Signature => {
                let settle = self.world.settling([&first_side, &by_signature(second)], legs);
                (settle, vec![second.key.insecure_clone()])
            }
            Way::Venue => {
                let clear = self.world.clearing(&self.venue.pubkey(), [first.portfolio, second.portfolio], legs);
                (vec![clear], vec![self.venue.insecure_clone()])
            }
        }
    }

    #[track_caller]
    fn fills(&mut self, legs: &[Leg]) {
        let (fill, signers) = self.filling(legs);
        self.world.succeeds_packed(&fill, &signers.iter().collect::<Vec<_>>());
    }

    #[track_caller]
    fn refuses(&mut self, legs: &[Leg], error: NovateError) {
        let (fill, signers) = self.filling(legs);
        self.world.refuses_packed(&fill, &signers.iter().collect::<Vec<_>>(), error);
    }

    /// A call on BTC at 20,000 in a month, at its mark.
    fn chain(&mut self) -> (i64, Leg) {
        let time = self.world.chain(BTC_PERP, 30, 0.5, &[20_000]);
        let mark = self.world.expiry(BTC_PERP, time).strikes[0].mark.0 / PRICE * PRICE;
        (time, option_leg(BTC_PERP, time, 0, Right::Call, CONTRACT, mark))
    }
}

fn btc(quantity: i64) -> [Leg; 1] {
    [leg(BTC_PERP, quantity, AT)]
}

#[test]
fn beside_a_stale_price_a_fill_only_closes() {
    each(World::default, [10_000, 100_000], |desk| {
        let owner = desk.sides[0].clone();
        desk.world.deposit(&owner, GOLD, 20_000_000);
        desk.fills(&btc(CONTRACT));
        desk.world.pass(61);
        refresh_but(&mut desk.world, GOLD);
        desk.refuses(&btc(CONTRACT / 10), NovateError::PriceStale);
        // A hedge elsewhere might reduce risk, and is not known to.
        desk.refuses(&[leg(ETH_PERP, -CONTRACT, 1_500 * PRICE)], NovateError::PriceStale);
        desk.fills(&btc(-HALF));
        // In the stale market itself nothing trades.
        desk.world.pass(61);
        refresh_but(&mut desk.world, BTC);
        desk.refuses(&btc(-HALF), NovateError::PriceStale);
    });
}

#[test]
fn in_a_restricted_asset_a_fill_closes_both_sides() {
    let banded = || Builder::default().with_asset(BTC, |asset| *asset = asset.clone().band(100_000)).build();
    each(banded, [20_000, 100_000], |desk| {
        desk.fills(&btc(CONTRACT));
        desk.world.pass(1);
        let beyond = Quote::new(23_000.0, desk.world.now());
        desk.world.publish(BTC, beyond);
        let refresh = desk.world.refresh_asset(&[BTC]);
        desk.world.succeeds(&[refresh], &[]);
        desk.refuses(&btc(CONTRACT / 10), NovateError::Restricted);
        desk.refuses(&btc(-2 * CONTRACT), NovateError::Restricted);
        // Nor do its holders open anything elsewhere.
        desk.refuses(&[leg(ETH_PERP, CONTRACT, 1_500 * PRICE)], NovateError::Restricted);
        desk.fills(&btc(-HALF));
    });
}

#[test]
fn while_trading_is_paused_a_fill_closes_both_sides() {
    each(World::default, [50_000, 50_000], |desk| {
        desk.fills(&btc(CONTRACT));
        desk.world.pause(Action::Trade, 100);
        desk.refuses(&btc(CONTRACT), NovateError::Paused);
        desk.refuses(&btc(-2 * CONTRACT), NovateError::Paused);
        desk.fills(&btc(-HALF));
        desk.world.pass(100);
        desk.world.refresh();
        desk.fills(&btc(CONTRACT));
    });
}

#[test]
fn in_an_auction_a_fill_reduces_risk_and_may_end_it() {
    // At 19,100 one BTC leaves 2,190 against a maintenance margin of 2,292.
    each(World::default, [3_100, 100_000], |desk| {
        let owner = desk.sides[0].clone();
        desk.fills(&btc(CONTRACT));
        desk.world.price(BTC, 19_100.0);
        desk.world.start_auction(&owner);
        let at = |quantity| [leg(BTC_PERP, quantity, 19_100 * PRICE)];
        desk.refuses(&at(CONTRACT / 10), NovateError::InAuction);
        desk.refuses(&[leg(ETH_PERP, CONTRACT, 1_500 * PRICE)], NovateError::InAuction);
        assert!(desk.world.portfolio(&owner.portfolio).in_auction());
        desk.fills(&at(-HALF));
        assert!(!desk.world.portfolio(&owner.portfolio).in_auction());
    });
}

#[test]
fn what_has_expired_is_not_filled_not_even_to_close_it() {
    each(World::default, [100_000, 100_000], |desk| {
        let (time, call) = desk.chain();
        desk.fills(&[call, future(BTC_PERP, time, CONTRACT, AT)]);
        desk.world.pass(time - desk.world.now());
        desk.world.refresh();
        desk.refuses(&[Leg { quantity: -CONTRACT, ..call }], NovateError::ExpiryPassed);
        desk.refuses(&[future(BTC_PERP, time, -CONTRACT, AT)], NovateError::ExpiryPassed);
        desk.refuses(&[Leg { quantity: CONTRACT, ..call }], NovateError::ExpiryPassed);
    });
}

#[test]
fn on_values_of_options_that_are_not_current_a_fill_only_closes() {
    each(World::default, [100_000, 1_000_000], |desk| {
        let (_, open) = desk.chain();
        let close = Leg { quantity: -CONTRACT / 10, ..open };
        desk.fills(&[open]);
        // A minute old; ten minutes old.
        desk.world.pass(61);
        desk.world.refresh();
        desk.refuses(&[open], NovateError::ChainNotCurrent);
        desk.fills(&[close]);
        desk.world.pass(540);
        desk.world.refresh();
        desk.refuses(&[close], NovateError::ChainStale);
        // An eighth of the scan range away; four of them.
        desk.world.refresh_chains();
        desk.world.price(BTC, 20_376.0);
        desk.refuses(&[open], NovateError::ChainNotCurrent);
        desk.fills(&[close]);
        desk.world.price(BTC, 18_499.0);
        desk.refuses(&[Leg { price: open.price - 400 * PRICE, ..close }], NovateError::ChainShifted);
    });
}

#[test]
fn a_fill_needs_the_initial_margin_of_both_sides() {
    for cash in [[2_000, 100_000], [100_000, 2_000]] {
        each(World::default, cash, |desk| {
            desk.refuses(&btc(CONTRACT), NovateError::BelowInitialMargin);
            desk.fills(&btc(HALF));
        });
    }
}
