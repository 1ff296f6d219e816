//! Fills between two portfolios at every limit, both full of options: they pass within the compute units of a transaction and on the heap
//! that it has unless it asks for more (CLR-36, CLR-52).

use novate_client::order::{Order, OrderFlags};
use novate_client::{Instruction, Leg, NovateError};
use novate_tests::feed::Quote;
use novate_tests::fullest::{Desk, Shape};
use novate_tests::orders::{by_order, by_signature, signed};
use novate_tests::sending::COMPUTE_LIMIT;
use novate_tests::Actor;
use solana_keypair::Keypair;
use solana_signer::Signer;

/// What a fill may take whose sides are judged as they were and as they are. It was 666,985 of four options by two orders, and of eight
/// 692,532 by an order and a signature and 671,148 by a venue.
const MOST_UNITS: u64 = 710_000;
/// Legs that a packet has room for beside two orders, and beside one.
const TWO_ORDERS: usize = 4;
const ONE_ORDER: usize = 8;
/// Collateral that no market is on.
const LAST: u16 = 16;

/// Two full portfolios of opposite sign, option values that are carried to another price, and a price that is stale: whatever is filled
/// only closes, at marks to the unit so that neither gives anything away, and both are judged as they were and as they are.
struct Books {
    desk: Desk,
    sides: [Actor; 2],
    venue: Keypair,
}

impl Books {
    fn new() -> Self {
        let mut desk = Desk::new(Shape { option_tick: 1, ..Shape::FULL });
        let sides = [desk.trader(10_000), desk.opposite(10_000)];
        let venue = desk.world.venue();
        for side in &sides {
            desk.world.opt_in(side, &venue.pubkey());
        }
        desk.world.pass(3_601);
        let now = desk.world.now();
        for asset in (0..desk.world.listings.len() as u16).filter(|asset| *asset != LAST) {
            desk.world.publish(asset, Quote::new(desk.world.listing(asset).usd, now));
            let refresh = desk.world.refresh_asset(&[asset]);
            desk.world.succeeds(&[refresh], &[]);
        }
        for (market, time) in desk.chains.clone() {
            desk.world.refresh_expiry(market, time);
        }
        desk.shift();
        Self { desk, sides, venue }
    }

    /// Half of the last options of the first side, closed at their marks.
    fn closing(&self, count: usize) -> Vec<Leg> {
        let legs = self.desk.legs().into_iter().rev().take(count);
        legs.map(|leg| self.desk.carried(Leg { quantity: -leg.quantity / 2, ..leg })).collect()
    }

    /// By two orders, or by one that is reduce-only and a signature.
    fn by_orders(&self, legs: &[Leg], both: bool) -> (Vec<Instruction>, Vec<Keypair>) {
        let [first, second] = self.sides.each_ref();
        let symbols = self.desk.world.symbols(legs);
        let flags = OrderFlags { reduce_only: !both, ..OrderFlags::default() };
        let orders = self.desk.world.orders_of([first, second], legs, &symbols);
        let [bid, ask] = orders.map(|order| Order { flags, ..order });
        let first_side = by_order(first, &signed(&first.key, &bid));
        if both {
            let second_side = by_order(second, &signed(&second.key, &ask));
            return (self.desk.world.settling([&first_side, &second_side], legs), vec![]);
        }
        let settle = self.desk.world.settling([&first_side, &by_signature(second)], legs);
        (settle, vec![second.key.insecure_clone()])
    }

    /// Passes, and both are as full as they were.
    #[track_caller]
    fn passes(&mut self, (fill, signers): (Vec<Instruction>, Vec<Keypair>)) {
        let sent = self.desk.world.succeeds_packed(&fill, &signers.iter().collect::<Vec<_>>());
        assert!(sent.units <= MOST_UNITS, "{} units", sent.units);
        self.sides.iter().for_each(|side| self.desk.assert_full(side));
    }
}

const _: () = assert!(MOST_UNITS <= COMPUTE_LIMIT as u64);

#[test]
fn two_orders_between_full_books_of_options() {
    let mut books = Books::new();
    let legs = books.closing(TWO_ORDERS);
    let fill = books.by_orders(&legs, true);
    books.passes(fill);
    // What opens is refused, and nothing else stands in its way but the stale price.
    let opens: Vec<Leg> = legs.iter().map(|leg| Leg { quantity: -leg.quantity, ..*leg }).collect();
    let [first, second] = books.sides.each_ref();
    let symbols = books.desk.world.symbols(&opens);
    let [bid, _] = books.desk.world.orders_of([first, second], &opens, &symbols);
    let fresh = Order { nonce: bid.nonce + 1, ..bid };
    let side = by_order(first, &signed(&first.key, &fresh));
    let fill = books.desk.world.settling([&side, &by_signature(second)], &opens);
    let key = second.key.insecure_clone();
    books.desk.world.refuses_packed(&fill, &[&key], NovateError::PriceStale);
}

#[test]
fn an_order_of_eight_options_and_a_signature_between_full_books() {
    let mut books = Books::new();
    let fill = books.by_orders(&books.closing(ONE_ORDER), false);
    books.passes(fill);
}

#[test]
fn a_venue_clears_eight_options_between_full_books() {
    let mut books = Books::new();
    let sides = books.sides.each_ref().map(|side| side.portfolio);
    let clear = books.desk.world.clearing(&books.venue.pubkey(), sides, &books.closing(ONE_ORDER));
    let venue = books.venue.insecure_clone();
    books.passes((vec![clear], vec![venue]));
}
