//! What a signed order allows (CLR-52): strategies at prices below zero, several settlements and several texts of one order, and no second
//! life elsewhere or later.

use novate_client::instructions as build;
use novate_client::order::{Order, OrderFlags, OrderLeg, OrderSide};
use novate_client::state::Fill;
use novate_client::{addresses, instrument, Instruction, Leg, NovateError, OrderId, Right};
use novate_tests::dated::option_leg;
use novate_tests::orders::{by_order, by_signature, signed, signed_in, NONCES};
use novate_tests::world::leg;
use novate_tests::{Actor, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DAY, PRICE};
use solana_signer::Signer;

use crate::settle_orders::{delegated, name, Desk, AT, LEGS};

const HALF: i64 = CONTRACT / 2;
/// Of a quantity and a price, a settlement unit.
const UNIT: i128 = 1_000_000_000_000;

/// Two settlements of the same entries in one transaction, by so much each.
fn twice(desk: &Desk, [first, second]: [i64; 2]) -> Vec<Instruction> {
    let (bid, ask) = (desk.bid(), desk.ask());
    let mut all = desk.filling(&bid, &ask, first);
    all.push(desk.filling(&bid, &ask, second).remove(1));
    all
}

#[test]
fn two_settlements_of_one_transaction_fill_one_entry_within_its_size() {
    let mut desk = Desk::new();
    let both = twice(&desk, [HALF, HALF]);
    desk.world.succeeds(&both, &[]);
    desk.is_sound();
    assert_eq!(desk.held(), [CONTRACT, -CONTRACT]);
    for side in [&desk.buyer, &desk.seller] {
        let fills = desk.world.portfolio(&side.portfolio).fills;
        assert_eq!((fills[0].filled, fills[1]), (CONTRACT, Fill::default()));
    }
}

#[test]
fn the_second_settlement_of_a_transaction_beyond_the_size_takes_the_first_with_it() {
    let mut desk = Desk::new();
    for parts in [[HALF, HALF + CONTRACT / 100], [CONTRACT, CONTRACT / 100], [CONTRACT, CONTRACT]] {
        let both = twice(&desk, parts);
        desk.world.refuses(&both, &[], NovateError::OrderOverfilled);
    }
    assert_eq!(desk.held(), [0, 0]);
}

/// A pool in which every price and quantity is rounded, and nobody pays fees.
fn fine() -> World {
    let fine = |t: &mut novate_client::MarketTerms| {
        (t.tick, t.option_tick, t.lot, t.minimum, t.fee) = (1, 1, 1, 1_000_000, 0);
    };
    Builder::default().markets(vec![MarketSpec::new("BTC-PERP", BTC).with(fine)]).build()
}

/// Rounded up where it is paid, down where it is received.
fn value(quantity: i64, price: i64, paid: bool) -> i128 {
    let value = i128::from(quantity.abs()) * i128::from(price);
    if paid {
        -(-value).div_euclid(UNIT)
    } else {
        value.div_euclid(UNIT)
    }
}

/// Two of the high strike for three of the low one: who buys the strategy is paid, who sells it pays.
fn a_spread_below_zero(side: OrderSide, offchain: bool) {
    let mut desk = Desk::of(fine());
    let time = desk.world.chain(BTC_PERP, 30, 0.6, &[20_000, 22_000]);
    let view = desk.world.expiry(BTC_PERP, time);
    let [low, high] = [0, 1].map(|slot: usize| view.strikes[slot].mark.0 | 1);
    let legs = |quantity: i64| {
        let leg = |slot, quantity, price| option_leg(BTC_PERP, time, slot, Right::Call, quantity, price);
        [leg(1, 2 * quantity, high), leg(0, -3 * quantity, low)]
    };
    let symbols = desk.world.symbols(&legs(CONTRACT));
    let named = |ratio, symbol| OrderLeg { ratio, symbol, market: BTC_PERP };
    let limit = 2 * high - 3 * low;
    assert!(limit < 0, "{limit}");
    let order =
        Order { legs: vec![named(2, &symbols[0]), named(-3, &symbols[1])], limit, ..desk.order(&desk.seller, side) };
    // From the first side, which takes the other part.
    let sign = if side == OrderSide::Sell { 1 } else { -1 };
    let key = desk.buyer.key.insecure_clone();
    let settle = |desk: &Desk, order: &Order, legs: &[Leg]| {
        let second = by_order(&desk.seller, &signed_in(&desk.seller.key, order, offchain));
        desk.settling([&by_signature(&desk.buyer), &second], legs)
    };
    // A unit better than the price is refused, and a unit worse is within the limit.
    let better = Order { limit: limit + sign, ..order.clone() };
    let refused = settle(&desk, &better, &legs(sign * CONTRACT));
    desk.world.refuses(&refused, &[&key], NovateError::OrderLimit);
    let turned = settle(&desk, &order, &legs(-sign * CONTRACT));
    desk.world.refuses(&turned, &[&key], NovateError::OrderRatio);
    let [buyer, seller] = [&desk.buyer, &desk.seller].map(|of| desk.world.portfolio(&of.portfolio).cash);
    // Three parts, none of which is a whole number of units.
    let parts = [333_333_333, 333_333_333, 333_333_334];
    let (mut paid, mut filled) = ([0; 2], 0);
    for part in parts {
        let legs = legs(sign * part);
        let fill = settle(&desk, &order, &legs);
        desk.world.succeeds(&fill, &[&key]);
        desk.is_sound();
        filled += part;
        assert_eq!(desk.world.portfolio(&desk.seller.portfolio).fills[0].filled, filled);
        for leg in legs {
            // The first side's sign; the second has the other.
            for (at, quantity) in [leg.quantity, -leg.quantity].into_iter().enumerate() {
                paid[at] += value(quantity, leg.price, quantity > 0) * i128::from(quantity.signum());
            }
        }
    }
    let fill = settle(&desk, &order, &legs(sign * 1_000_000));
    desk.world.refuses(&fill, &[&key], NovateError::OrderOverfilled);
    let now = [&desk.buyer, &desk.seller].map(|of| desk.world.portfolio(&of.portfolio).cash);
    assert_eq!([buyer - now[0], seller - now[1]].map(i128::from), paid);
    // Whoever signed has at most a unit less for each leg of each part than the limit says.
    let exact = i128::from(-sign) * i128::from(limit) * i128::from(CONTRACT);
    let lost = paid[1] * UNIT - exact;
    assert!(lost > 0 && lost <= 2 * 3 * UNIT, "{lost}");
    let held = desk.world.portfolio(&desk.seller.portfolio);
    let call = |slot| option_leg(BTC_PERP, time, slot, Right::Call, 0, 0).instrument;
    assert_eq!([1, 0].map(|slot| held.quantity_of(call(slot))), [-2 * sign * CONTRACT, 3 * sign * CONTRACT]);
}

#[test]
fn a_spread_sold_below_zero_is_filled_in_parts_and_rounded_against_either_side() {
    for offchain in [false, true] {
        a_spread_below_zero(OrderSide::Sell, offchain);
    }
}

#[test]
fn a_spread_bought_below_zero_is_filled_in_parts_and_rounded_against_either_side() {
    for offchain in [false, true] {
        a_spread_below_zero(OrderSide::Buy, offchain);
    }
}

#[test]
fn two_texts_of_one_nonce_and_time_share_one_count() {
    let mut desk = Desk::new();
    let (bid, ask) = (desk.bid(), Order { quantity: 9 * CONTRACT, ..desk.ask() });
    // The same nonce and time, with more of everything and in another envelope.
    let wider = Order { quantity: 2 * CONTRACT, limit: AT + 100 * PRICE, ..bid.clone() };
    desk.fills(&bid, &ask, CONTRACT);
    desk.refuses(&bid, &ask, NovateError::OrderOverfilled);
    let sealed = by_order(&desk.buyer, &signed_in(&desk.buyer.key, &wider, true));
    let second = by_order(&desk.seller, &signed(&desk.seller.key, &ask));
    let settle = desk.settling([&sealed, &second], &[leg(BTC_PERP, CONTRACT, AT)]);
    desk.world.succeeds_packed(&settle, &[]);
    desk.world.refuses_packed(&settle, &[], NovateError::OrderOverfilled);
    let fills = desk.world.portfolio(&desk.buyer.portfolio).fills;
    assert_eq!((fills[0].filled, fills[1]), (2 * CONTRACT, Fill::default()));
    // What is filled of one is too much of the other, whatever it is for.
    let flags = OrderFlags { fok: true, ..OrderFlags::default() };
    desk.refuses(&Order { flags, ..bid.clone() }, &ask, NovateError::OrderOverfilled);
    // Cancelled together; another time is another order.
    let wider = Order { quantity: 8 * CONTRACT, ..wider };
    let id = OrderId { nonce: bid.nonce, until: bid.until };
    let cancel = build::cancel_orders(desk.buyer.address(), desk.buyer.portfolio, 0, vec![id]);
    desk.world.succeeds(&[cancel], &[&desk.buyer.key]);
    desk.refuses(&wider, &ask, NovateError::OrderCancelled);
    desk.fills(&Order { until: bid.until + 1, ..bid }, &ask, CONTRACT);
}

#[test]
fn of_two_markets_of_one_name_an_order_is_for_the_one_whose_number_it_has() {
    let markets = vec![MarketSpec::new("BTC-PERP", BTC), MarketSpec::new("BTC-PERP", BTC)];
    let mut desk = Desk::of(Builder::default().markets(markets).build());
    for market in [0, 1] {
        let legs = vec![OrderLeg { market, ..LEGS[0] }];
        let bid = Order { legs: legs.clone(), nonce: desk.bid().nonce + u64::from(market), ..desk.bid() };
        let ask = Order { legs, nonce: bid.nonce, ..desk.ask() };
        let [first, second] = desk.both(&bid, &ask);
        let elsewhere = desk.settling([&first, &second], &[leg(1 - market, CONTRACT, AT)]);
        desk.world.refuses(&elsewhere, &[], NovateError::OrderLegs);
        let there = desk.settling([&first, &second], &[leg(market, CONTRACT, AT)]);
        desk.world.succeeds(&there, &[]);
        let held = desk.world.portfolio(&desk.buyer.portfolio);
        assert_eq!(held.quantity_of(instrument::perpetual(market)), CONTRACT);
    }
    desk.is_sound();
}

#[test]
fn what_is_left_of_an_order_ends_with_the_life_of_its_portfolio() {
    let mut desk = Desk::new();
    let (bid, ask, buyer) = (desk.bid(), desk.ask(), desk.buyer.clone());
    desk.fills(&bid, &ask, HALF);
    let seller = desk.seller.clone();
    desk.world.trade(&seller, &buyer, &[(BTC_PERP, HALF, AT)]);
    desk.world.settle(&buyer, BTC_PERP);
    let cash = desk.world.portfolio(&buyer.portfolio).cash as u64;
    desk.world.withdraw(&buyer, 0, cash);
    let (owner, pool) = (buyer.address(), desk.world.pool);
    desk.world.succeeds(&[build::close_portfolio(owner, pool, 0)], &[&buyer.key]);
    desk.world.succeeds(&[build::open_portfolio(owner, pool, 0)], &[&buyer.key]);
    desk.world.deposit(&buyer, 0, cash);
    assert_eq!(desk.world.portfolio(&buyer.portfolio).fills, [Fill::default(); 32]);
    let rest = desk.filling(&bid, &ask, HALF);
    desk.world.refuses(&rest, &[], NovateError::OrderGeneration);
    // The other side's is as it was.
    let fresh = Order { generation: 1, ..desk.bid() };
    desk.fills(&fresh, &ask, HALF);
    desk.refuses(&Order { nonce: fresh.nonce + 1, ..fresh }, &ask, NovateError::OrderOverfilled);
}

#[test]
fn an_order_of_one_pool_is_none_in_another_of_the_same_creator() {
    let mut desk = Desk::new();
    let (bid, ask) = (desk.bid(), desk.ask());
    let home = [desk.buyer.portfolio, desk.seller.portfolio];
    desk.world.pool = desk.world.second_pool();
    let pool = desk.world.pool;
    let moved = |world: &mut World, actor: &Actor| {
        let open = build::open_portfolio(actor.address(), pool, 0);
        world.succeeds(&[open], &[&actor.key]);
        let moved = Actor { portfolio: addresses::portfolio(&pool, &actor.address(), 0), ..actor.clone() };
        world.deposit(&moved, 0, 100_000_000_000);
        moved
    };
    (desk.buyer, desk.seller) = (moved(&mut desk.world, &desk.buyer), moved(&mut desk.world, &desk.seller));
    assert!(home.iter().all(|of| [desk.buyer.portfolio, desk.seller.portfolio].iter().all(|other| other != of)));
    // Neither order is for a portfolio of this pool, and no portfolio of the other pool is one of this.
    let legs = vec![OrderLeg { symbol: "ANY-PERP", ..LEGS[0] }];
    let own = [desk.bid(), desk.ask()].map(|order| Order { legs: legs.clone(), ..order });
    desk.refuses(&bid, &own[1], NovateError::OrderPortfolio);
    desk.refuses(&own[0], &ask, NovateError::OrderPortfolio);
    let mut crossed = desk.filling(&bid, &ask, CONTRACT);
    (crossed[1].accounts[2].pubkey, crossed[1].accounts[3].pubkey) = (home[0], home[1]);
    desk.world.refuses(&crossed, &[], NovateError::WrongPool);
    desk.fills(&own[0], &own[1], CONTRACT);
    assert!(home.iter().all(|of| desk.world.portfolio(of).fills[0] == Fill::default()));
}

#[test]
fn nothing_that_could_be_filled_outlives_its_delegate_and_what_was_dated_ahead_needs_another_key() {
    let mut desk = Desk::new();
    let (delegate, other) = (desk.world.new_wallet(), desk.world.new_wallet());
    let until = desk.world.now() + DAY;
    name(&mut desk, &delegate, until);
    // The latest that could be filled now, and one of a minute later.
    let now = desk.world.now();
    let last = Order { nonce: ((now + 60) * NONCES) as u64, ..desk.bid() };
    let ahead = Order { nonce: last.nonce + 60 * NONCES as u64, ..last.clone() };
    let settle = |desk: &Desk, bid: &Order| delegated(desk, &delegate, bid, HALF);
    desk.world.refuses(&settle(&desk, &ahead), &[], NovateError::NonceAhead);
    name(&mut desk, &other, until);
    desk.world.refuses(&settle(&desk, &last), &[], NovateError::WrongAuthority);
    name(&mut desk, &delegate, until);
    desk.world.refuses(&settle(&desk, &last), &[], NovateError::OrderBeforeDelegate);
    desk.world.refuses(&settle(&desk, &ahead), &[], NovateError::NonceAhead);
    desk.world.pass(60);
    desk.world.refresh();
    desk.world.refuses(&settle(&desk, &last), &[], NovateError::OrderBeforeDelegate);
    // It had never been reached, and the key is the delegate's again.
    desk.world.succeeds(&settle(&desk, &ahead), &[]);
    name(&mut desk, &other, until);
    desk.world.refuses(&settle(&desk, &ahead), &[], NovateError::WrongAuthority);
    name(&mut desk, &delegate, until);
    desk.world.refuses(&settle(&desk, &ahead), &[], NovateError::OrderBeforeDelegate);
    assert_eq!(desk.held(), [HALF, -HALF]);
    assert_eq!(delegate.pubkey(), desk.world.portfolio(&desk.buyer.portfolio).delegate);
}
