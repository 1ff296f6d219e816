use novate::events::OrdersCancelled;
use novate_client::instructions as build;
use novate_client::order::OrderSide;
use novate_client::state::Fill;
use novate_client::{Instruction, NovateError, OrderId};
use novate_tests::orders::{by_order, signed};
use novate_tests::world::leg;
use novate_tests::{Actor, BTC, BTC_PERP, CONTRACT, DAY, PRICE, USDC};
use solana_signer::Signer;

use crate::settle_orders::Desk;

const NONCES: u64 = 1_000_000;

fn cancel(actor: &Actor, minimum_nonce: u64, orders: &[OrderId]) -> Instruction {
    build::cancel_orders(actor.address(), actor.portfolio, minimum_nonce, orders.to_vec())
}

/// A fill of half a contract between an order of the buyer that was signed now, and the seller's.
fn fill(desk: &Desk) -> (OrderId, Vec<Instruction>) {
    let (bid, ask) = (desk.order(&desk.buyer, OrderSide::Buy), desk.order(&desk.seller, OrderSide::Sell));
    let first = by_order(&desk.buyer, &signed(&desk.buyer.key, &bid));
    let second = by_order(&desk.seller, &signed(&desk.seller.key, &ask));
    let legs = [leg(BTC_PERP, CONTRACT / 2, 20_000 * PRICE)];
    (OrderId { nonce: bid.nonce, until: bid.until }, desk.settling([&first, &second], &legs))
}

#[test]
fn a_named_order_is_void_for_good() {
    let mut desk = Desk::new();
    let (order, settle) = fill(&desk);
    desk.world.succeeds(&settle, &[]);
    let sent = desk.world.succeeds(&[cancel(&desk.buyer, 0, &[order])], &[&desk.buyer.key]);
    let event: OrdersCancelled = sent.event();
    let portfolio = desk.world.portfolio(&desk.buyer.portfolio);
    assert_eq!((event.version, event.pool, event.portfolio), (1, desk.world.pool, desk.buyer.portfolio));
    assert_eq!((event.sequence, event.time), (portfolio.sequence, desk.world.now()));
    assert_eq!((event.minimum_nonce, event.orders), (portfolio.minimum_nonce, vec![order]));
    assert_eq!(portfolio.fills[0], Fill { nonce: order.nonce, filled: i64::MAX, expiry: order.until });
    assert_eq!(portfolio.fills[1], Fill::default());
    desk.world.refuses(&settle, &[], NovateError::OrderCancelled);
    desk.is_sound();
}

#[test]
fn an_order_is_cancelled_before_anybody_has_seen_it() {
    let mut desk = Desk::new();
    let (order, settle) = fill(&desk);
    desk.world.succeeds(&[cancel(&desk.buyer, 0, &[order])], &[&desk.buyer.key]);
    desk.world.refuses(&settle, &[], NovateError::OrderCancelled);
}

#[test]
fn raising_the_minimum_voids_all_before_it() {
    let mut desk = Desk::new();
    let (order, settle) = fill(&desk);
    let event: OrdersCancelled =
        desk.world.succeeds(&[cancel(&desk.buyer, order.nonce + 1, &[])], &[&desk.buyer.key]).event();
    assert_eq!((event.minimum_nonce, event.orders), (order.nonce + 1, vec![]));
    desk.world.refuses(&settle, &[], NovateError::NonceTooLow);
    desk.world.pass(1);
    let (_, settle) = fill(&desk);
    desk.world.succeeds(&settle, &[]);
    desk.is_sound();
}

#[test]
fn what_is_void_already_takes_no_slot() {
    let mut desk = Desk::new();
    let now = desk.world.now();
    let minimum = desk.world.portfolio(&desk.buyer.portfolio).minimum_nonce;
    let expired = OrderId { nonce: now as u64 * NONCES, until: now };
    let low = OrderId { nonce: minimum - 1, until: now + 10 };
    desk.world.succeeds(&[cancel(&desk.buyer, 0, &[expired, low])], &[&desk.buyer.key]);
    assert_eq!(desk.world.portfolio(&desk.buyer.portfolio).fills[0], Fill::default());
}

#[test]
fn a_delegate_cancels_in_an_auction_and_in_a_pause() {
    let mut desk = Desk::new();
    let (delegate, buyer) = (desk.world.new_wallet(), desk.buyer.clone());
    let expiry = desk.world.now() + 1_000;
    let set = build::set_delegate(buyer.address(), buyer.portfolio, delegate.pubkey(), expiry);
    desk.world.succeeds(&[set], &[&buyer.key]);
    // Half a contract at the initial margin of 15 %; at 19,000 it is 500 below, and 1,000 against 1,140.
    let (order, settle) = fill(&desk);
    desk.world.succeeds(&settle, &[]);
    desk.world.to_initial(&buyer);
    desk.world.price(BTC, 19_000.0);
    desk.world.start_auction(&buyer);
    desk.world.pause(novate_client::Action::Trade, 100);
    assert!(desk.world.portfolio(&buyer.portfolio).in_auction());
    let cancel = build::cancel_orders(delegate.pubkey(), buyer.portfolio, 0, vec![order]);
    desk.world.succeeds(std::slice::from_ref(&cancel), &[&delegate]);
    assert!(desk.world.portfolio(&buyer.portfolio).in_auction());
    // Back in margin, and trading goes on: the half that is left stays void.
    desk.world.price(BTC, 20_000.0);
    desk.world.deposit(&buyer, USDC, 100_000_000_000);
    let end = desk.world.end_auction_instruction(&buyer);
    desk.world.succeeds(&[end], &[]);
    desk.world.unpause(novate_client::Action::Trade);
    desk.world.refuses(&settle, &[], NovateError::OrderCancelled);
    desk.world.pass(expiry - desk.world.now());
    desk.world.refuses(&[cancel], &[&delegate], NovateError::DelegateExpired);
}

#[test]
fn whoever_took_the_slots_the_owner_frees_them() {
    let mut desk = Desk::new();
    let now = desk.world.now();
    let ahead = (now as u64 + 60) * NONCES;
    let far: Vec<_> = (0..32).map(|at| OrderId { nonce: ahead, until: now + 60 + 30 * DAY - at }).collect();
    desk.world.succeeds(&[cancel(&desk.buyer, 0, &far)], &[&desk.buyer.key]);
    let (_, settle) = fill(&desk);
    desk.world.refuses(&settle, &[], NovateError::FillsFull);
    let one = OrderId { nonce: ahead, until: now + 1 };
    desk.world.refuses(&[cancel(&desk.buyer, 0, &[one])], &[&desk.buyer.key], NovateError::FillsFull);
    // A minute later all of them are below what the minimum can be.
    desk.world.pass(60);
    desk.world.refresh();
    let raise = cancel(&desk.buyer, ahead + 1, &[]);
    desk.world.succeeds(&[raise], &[&desk.buyer.key]);
    desk.world.pass(1);
    let (_, settle) = fill(&desk);
    desk.world.succeeds(&settle, &[]);
}

mod adversary {
    use super::*;

    #[test]
    fn nobody_else_cancels() {
        let mut desk = Desk::new();
        let (order, _) = fill(&desk);
        let foreign = build::cancel_orders(desk.seller.address(), desk.buyer.portfolio, 0, vec![order]);
        desk.world.refuses(&[foreign], &[&desk.seller.key], NovateError::WrongAuthority);
    }

    #[test]
    fn nonces_a_minute_ahead_are_the_last() {
        let mut desk = Desk::new();
        let now = desk.world.now();
        let last = (now as u64 + 60) * NONCES;
        let order = OrderId { nonce: last + 1, until: now + 10 };
        let key = desk.buyer.key.insecure_clone();
        desk.world.refuses(&[cancel(&desk.buyer, last + 1, &[])], &[&key], NovateError::NonceAhead);
        desk.world.refuses(&[cancel(&desk.buyer, 0, &[order])], &[&key], NovateError::NonceAhead);
        let long = OrderId { nonce: last, until: now + 61 + 30 * DAY };
        desk.world.refuses(&[cancel(&desk.buyer, 0, &[long])], &[&key], NovateError::OrderTooLong);
        desk.world.succeeds(&[cancel(&desk.buyer, last, &[])], &[&key]);
    }

    #[test]
    fn something_is_to_be_cancelled_and_not_too_much() {
        let mut desk = Desk::new();
        let minimum = desk.world.portfolio(&desk.buyer.portfolio).minimum_nonce;
        let (order, _) = fill(&desk);
        let key = desk.buyer.key.insecure_clone();
        for nothing in
            [cancel(&desk.buyer, 0, &[]), cancel(&desk.buyer, minimum, &[]), cancel(&desk.buyer, 0, &[order; 33])]
        {
            desk.world.refuses(&[nothing], &[&key], NovateError::NothingCancelled);
        }
        // The minimum does not fall.
        desk.world.succeeds(&[cancel(&desk.buyer, 1, &[order])], &[&key]);
        assert_eq!(desk.world.portfolio(&desk.buyer.portfolio).minimum_nonce, minimum);
    }
}
