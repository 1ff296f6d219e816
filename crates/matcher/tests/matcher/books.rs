//! Books against a naive model, and what holds after every command.

use std::collections::BTreeMap;

use novate_client::Pubkey;
use novate_matcher::engine::{Blame, Bounds, Command, Engine, Event, Which};
use novate_matcher::order::{Closed, Flags, Id, Key, Order, Side, Signed, Standing};
use novate_matcher::refusal::Refusal;
use novate_matcher::strategy::Strategy as Legs;
use proptest::prelude::*;

pub fn key(n: u8) -> Key {
    Key(Pubkey::new_from_array([n; 32]))
}

/// An order of one contract at a price, which tests change.
pub fn order(nonce: u64, portfolio: u8, side: Side, quantity: i64, limit: i64) -> Order {
    Order {
        id: Id::of(&[&[portfolio; 24][..], &nonce.to_le_bytes()].concat()),
        portfolio: key(portfolio),
        generation: 1,
        strategy: Legs::of(1),
        side,
        quantity,
        limit,
        until: 1_000,
        nonce,
        flags: Flags::default(),
        minimum: 1,
        request: None,
        signed: Some(Signed { text: "t".into(), signer: key(portfolio), signature: "s".into(), offchain: false }),
    }
}

pub fn place(engine: &mut Engine, order: Order) -> Result<u64, Refusal> {
    let command = Command::Place { order: Box::new(order) };
    engine.check(&command, &Bounds::default())?;
    Ok(engine.apply(command).orders[0])
}

fn standing(engine: &Engine, number: u64) -> Standing {
    engine.order_by_number(number).unwrap().clone()
}

fn levels(engine: &Engine, side: Side) -> Vec<(i64, i128)> {
    engine.book(&Legs::of(1)).and_then(|(book, _)| book).map(|book| book.levels(side)).unwrap_or_default()
}

fn with(mut order: Order, change: impl FnOnce(&mut Order)) -> Order {
    change(&mut order);
    order
}

#[test]
fn better_prices_trade_first_and_older_orders_before_younger() {
    let mut engine = Engine::default();
    let dear = place(&mut engine, order(1, 1, Side::Sell, 5, 102)).unwrap();
    let old = place(&mut engine, order(2, 2, Side::Sell, 5, 101)).unwrap();
    let young = place(&mut engine, order(3, 3, Side::Sell, 5, 101)).unwrap();
    let taker = place(&mut engine, order(4, 4, Side::Buy, 12, 102)).unwrap();
    let fills: Vec<_> = engine.fills().map(|fill| (fill.maker, fill.quantity, fill.price)).collect();
    assert_eq!(fills, [(old, 5, 101), (young, 5, 101), (dear, 2, 102)]);
    assert_eq!(standing(&engine, taker).closed, Some(Closed::Filled));
    assert_eq!(levels(&engine, Side::Sell), [(102, 3)]);
}

#[test]
fn post_only_never_takes() {
    let mut engine = Engine::default();
    place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    let post = |order| with(order, |order: &mut Order| order.flags.post_only = true);
    let crossing = place(&mut engine, post(order(2, 2, Side::Buy, 5, 101))).unwrap();
    let resting = place(&mut engine, post(order(3, 2, Side::Buy, 5, 100))).unwrap();
    assert_eq!(standing(&engine, crossing).closed, Some(Closed::WouldCross));
    assert_eq!((standing(&engine, resting).closed, engine.fills().count()), (None, 0));
}

#[test]
fn ioc_leaves_nothing_and_fok_takes_one_whole_order_or_none() {
    let mut engine = Engine::default();
    place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    let big = place(&mut engine, order(2, 2, Side::Sell, 9, 102)).unwrap();
    let fok = |order| with(order, |order: &mut Order| order.flags.fok = true);
    // The first is too small to fill it in one settlement, as the program asks.
    let whole = place(&mut engine, fok(order(3, 3, Side::Buy, 9, 103))).unwrap();
    assert_eq!(engine.fills().map(|fill| fill.maker).collect::<Vec<_>>(), [big]);
    assert_eq!(standing(&engine, whole).closed, Some(Closed::Filled));
    let none = place(&mut engine, fok(order(4, 3, Side::Buy, 6, 103))).unwrap();
    assert_eq!(standing(&engine, none).closed, Some(Closed::NotFillable));
    let ioc = place(&mut engine, with(order(5, 3, Side::Buy, 7, 103), |order| order.flags.ioc = true)).unwrap();
    assert_eq!(standing(&engine, ioc).closed, Some(Closed::NothingLeft));
    assert_eq!(standing(&engine, ioc).filled, 5);
    assert_eq!((levels(&engine, Side::Buy), levels(&engine, Side::Sell)), (vec![], vec![]));
}

#[test]
fn of_one_portfolio_the_newest_is_cancelled() {
    let mut engine = Engine::default();
    let own = place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    let newest = place(&mut engine, order(2, 1, Side::Buy, 5, 101)).unwrap();
    assert_eq!(standing(&engine, newest).closed, Some(Closed::SelfTrade));
    assert_eq!((standing(&engine, own).closed, engine.fills().count()), (None, 0));
}

#[test]
fn what_is_left_below_the_minimum_is_cancelled() {
    let mut engine = Engine::default();
    let least = |order| with(order, |order: &mut Order| order.minimum = 3);
    let maker = place(&mut engine, least(order(1, 1, Side::Sell, 10, 101))).unwrap();
    let taker = place(&mut engine, least(order(2, 2, Side::Buy, 8, 101))).unwrap();
    assert_eq!(standing(&engine, maker).closed, Some(Closed::Remainder));
    assert_eq!(standing(&engine, taker).closed, Some(Closed::Filled));
}

#[test]
fn an_order_is_told_apart_by_nonce_and_time() {
    let mut engine = Engine::default();
    place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    assert_eq!(place(&mut engine, order(1, 1, Side::Buy, 6, 90)), Err(Refusal::NonceTaken));
    assert!(place(&mut engine, with(order(1, 1, Side::Buy, 6, 90), |order| order.until = 999)).is_ok());
}

#[test]
fn books_and_portfolios_have_bounds() {
    let mut engine = Engine::default();
    let bounds = Bounds { book: 2, portfolio: 1, ..Bounds::default() };
    let mut place = |order: Order| {
        let command = Command::Place { order: Box::new(order) };
        engine.check(&command, &bounds).map(|()| engine.apply(command))
    };
    place(order(1, 1, Side::Sell, 5, 101)).unwrap();
    assert_eq!(place(order(2, 1, Side::Sell, 5, 102)), Err(Refusal::TooManyOrders));
    place(order(3, 2, Side::Sell, 5, 101)).unwrap();
    assert_eq!(place(order(4, 3, Side::Sell, 5, 101)), Err(Refusal::BookFull));
    // What leaves no order behind is let in.
    assert!(place(with(order(5, 3, Side::Buy, 5, 101), |order| order.flags.ioc = true)).is_ok());
}

#[test]
fn a_cancel_is_for_what_was_signed_before_it_and_is_used_once() {
    let mut engine = Engine::default();
    let early = place(&mut engine, order(10, 1, Side::Sell, 5, 101)).unwrap();
    let late = place(&mut engine, order(30, 1, Side::Sell, 5, 101)).unwrap();
    let cancel = Command::Cancel { portfolio: key(1), which: Which::All, time: 20 };
    engine.check(&cancel, &Bounds::default()).unwrap();
    assert_eq!(engine.apply(cancel.clone()).orders, [early]);
    assert_eq!(standing(&engine, late).closed, None);
    assert_eq!(engine.check(&cancel, &Bounds::default()), Err(Refusal::TimeNotRising));
    let other = Command::Cancel { portfolio: key(1), which: Which::Nonce(30), time: 21 };
    assert_eq!(engine.apply(other).orders, [late]);
}

#[test]
fn time_ends_orders_and_they_are_forgotten_once_nothing_is_pending() {
    let mut engine = Engine::default();
    let maker = place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    let taker = place(&mut engine, order(2, 2, Side::Buy, 2, 101)).unwrap();
    assert!(!engine.is_due(999) && engine.is_due(1_000));
    engine.apply(Command::Tick { now: 1_000 });
    assert_eq!(standing(&engine, maker).closed, Some(Closed::Expired));
    engine.apply(Command::Settled { fills: vec![0] });
    engine.apply(Command::Tick { now: 1_001 });
    assert!(engine.order_by_number(maker).is_none() && engine.order_by_number(taker).is_none());
    assert!(!engine.is_due(2_000));
}

#[test]
fn a_fill_undone_gives_the_other_side_its_place_back() {
    let mut engine = Engine::default();
    let maker = place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    let taker = place(&mut engine, order(2, 2, Side::Buy, 5, 101)).unwrap();
    let younger = place(&mut engine, order(3, 3, Side::Sell, 5, 101)).unwrap();
    engine.apply(Command::Undo { fill: 0, blame: Blame::Taker, error: "BelowInitialMargin".into() });
    assert_eq!(standing(&engine, taker).closed, Some(Closed::Refused("BelowInitialMargin".into())));
    assert_eq!(standing(&engine, taker).filled, 0);
    assert_eq!((standing(&engine, maker).closed, standing(&engine, maker).filled), (None, 0));
    place(&mut engine, order(4, 4, Side::Buy, 5, 101)).unwrap();
    assert_eq!(engine.fills().map(|fill| fill.maker).collect::<Vec<_>>(), [maker], "before {younger}");
}

#[test]
fn an_order_that_comes_back_trades_with_what_has_come_since() {
    let mut engine = Engine::default();
    let maker = place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    place(&mut engine, order(2, 2, Side::Buy, 5, 101)).unwrap();
    let since = place(&mut engine, order(3, 3, Side::Buy, 5, 103)).unwrap();
    engine.apply(Command::Undo { fill: 0, blame: Blame::Taker, error: "x".into() });
    let fills: Vec<_> = engine.fills().map(|fill| (fill.maker, fill.taker, fill.price)).collect();
    assert_eq!(fills, [(maker, since, 101)], "the older one makes the price");
}

#[test]
fn an_immediate_order_does_not_come_back() {
    let mut engine = Engine::default();
    let maker = place(&mut engine, order(1, 1, Side::Sell, 5, 101)).unwrap();
    let taker = place(&mut engine, with(order(2, 2, Side::Buy, 5, 101), |order| order.flags.ioc = true)).unwrap();
    engine.apply(Command::Undo { fill: 0, blame: Blame::Maker, error: "x".into() });
    assert_eq!(standing(&engine, taker).closed, Some(Closed::NothingLeft));
    assert_eq!(standing(&engine, maker).closed, Some(Closed::Refused("x".into())));
    assert_eq!((levels(&engine, Side::Buy), levels(&engine, Side::Sell)), (vec![], vec![]));
}

#[test]
fn an_order_that_was_cancelled_meanwhile_does_not_come_back() {
    let mut engine = Engine::default();
    let maker = place(&mut engine, order(1, 1, Side::Sell, 8, 101)).unwrap();
    place(&mut engine, order(2, 2, Side::Buy, 5, 101)).unwrap();
    engine.apply(Command::Cancel { portfolio: key(1), which: Which::All, time: 5 });
    engine.apply(Command::Undo { fill: 0, blame: Blame::Taker, error: "x".into() });
    assert_eq!((standing(&engine, maker).closed, standing(&engine, maker).filled), (Some(Closed::Cancelled), 0));
    assert!(standing(&engine, maker).order.signed.is_none(), "nothing of it can be settled");
}

/// What a random test does next.
#[derive(Clone, Debug)]
enum Step {
    Place { portfolio: u8, side: Side, quantity: i64, limit: i64, kind: u8, minimum: i64 },
    Cancel { portfolio: u8, back: u64 },
    Settle { which: usize },
    Undo { which: usize, blame: u8 },
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    prop_oneof![
        10 => (1u8..6, side, 1i64..20, 95i64..106, 0u8..8, 1i64..4).prop_map(
            |(portfolio, side, quantity, limit, kind, minimum)| Step::Place {
                portfolio, side, quantity: quantity.max(minimum), limit, kind, minimum,
            }
        ),
        1 => (1u8..6, 0u64..20).prop_map(|(portfolio, back)| Step::Cancel { portfolio, back }),
        3 => (0usize..8).prop_map(|which| Step::Settle { which }),
        2 => (0usize..8, 0u8..3).prop_map(|(which, blame)| Step::Undo { which, blame }),
        1 => Just(Step::Tick),
    ]
}

/// What is counted from events alone.
#[derive(Default)]
struct Ledger {
    orders: BTreeMap<u64, Order>,
    filled: BTreeMap<u64, i64>,
}

impl Ledger {
    fn take(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Traded { fill, .. } => {
                    let (maker, taker) = (&self.orders[&fill.maker], &self.orders[&fill.taker]);
                    assert!(fill.maker < fill.taker, "the older one makes the price");
                    assert_eq!((fill.price, fill.maker_side), (maker.limit, maker.side));
                    assert_ne!(maker.portfolio, taker.portfolio);
                    assert_eq!(maker.side, taker.side.opposite());
                    let (buyer, seller) = match maker.side {
                        Side::Buy => (maker, taker),
                        Side::Sell => (taker, maker),
                    };
                    assert!(fill.price <= buyer.limit && fill.price >= seller.limit, "beyond a limit");
                    assert!(!taker.flags.post_only, "post-only took");
                    let whole = |order: &Order| !order.flags.fok || fill.quantity == order.quantity;
                    assert!(whole(maker) && whole(taker), "in parts");
                    assert!(fill.quantity >= maker.minimum.min(taker.minimum));
                    *self.filled.entry(fill.maker).or_default() += fill.quantity;
                    *self.filled.entry(fill.taker).or_default() += fill.quantity;
                }
                Event::Fill(fill) if matches!(fill.stage, novate_matcher::engine::Stage::Undone { .. }) => {
                    *self.filled.entry(fill.maker).or_default() -= fill.quantity;
                    *self.filled.entry(fill.taker).or_default() -= fill.quantity;
                }
                _ => {}
            }
        }
    }

    fn check(&self, engine: &Engine) {
        let (mut bought, mut sold) = (0, 0);
        for (number, order) in &self.orders {
            let filled = self.filled.get(number).copied().unwrap_or_default();
            assert!(filled >= 0 && filled <= order.quantity, "more than was ordered");
            match order.side {
                Side::Buy => bought += filled,
                Side::Sell => sold += filled,
            }
            if let Some(standing) = engine.order_by_number(*number) {
                assert_eq!(standing.filled, filled);
                let pending: i64 = engine
                    .fills()
                    .filter(|fill| fill.maker == *number || fill.taker == *number)
                    .map(|fill| fill.quantity)
                    .sum();
                assert_eq!(standing.pending(), pending);
                assert!(pending == 0 || standing.order.signed.is_some(), "settlement needs the signature");
                let open = standing.closed.is_none();
                assert!(!open || standing.order.signed.is_some());
                let waits = engine.books().any(|(_, book)| book.get(*number).is_some());
                assert_eq!(open, waits, "{standing:?}");
                if open {
                    let (_, book) = engine.books().next().unwrap();
                    assert_eq!(book.get(*number).unwrap().remaining, order.quantity - filled);
                }
            }
        }
        assert_eq!(bought, sold);
        for (_, book) in engine.books() {
            if let (Some(buy), Some(sell)) = book.best() {
                assert!(buy < sell, "crossed: {buy} and {sell}");
            }
            for side in [Side::Buy, Side::Sell] {
                let mut summed: BTreeMap<i64, i128> = BTreeMap::new();
                for order in book.orders(side) {
                    *summed.entry(order.limit).or_default() += i128::from(order.remaining);
                }
                let mut levels = book.levels(side);
                levels.sort();
                assert_eq!(levels, summed.into_iter().collect::<Vec<_>>());
            }
        }
    }
}

/// What an order without conditions fills against open orders, found by looking at all of them each time.
fn naive(engine: &Engine, order: &Order) -> Vec<(u64, i64, i64)> {
    let mut open: Vec<Standing> = engine.orders().filter(|standing| standing.closed.is_none()).cloned().collect();
    let (mut left, mut fills) = (order.quantity, vec![]);
    while left >= order.minimum {
        let crosses = |standing: &&Standing| {
            standing.order.side != order.side
                && match order.side {
                    Side::Buy => standing.order.limit <= order.limit,
                    Side::Sell => standing.order.limit >= order.limit,
                }
        };
        let best = open.iter().filter(crosses).min_by_key(|standing| {
            let price = standing.order.limit * order.side.sign();
            (price, standing.number)
        });
        let Some(best) = best.cloned() else { break };
        if best.order.portfolio == order.portfolio {
            break;
        }
        let quantity = left.min(best.remaining());
        fills.push((best.number, quantity, best.order.limit));
        left -= quantity;
        open.retain(|standing| standing.number != best.number);
    }
    fills
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_books_stay_sound(steps in prop::collection::vec(step(), 1..120)) {
        let mut engine = Engine::default();
        let mut ledger = Ledger::default();
        for (at, step) in steps.into_iter().enumerate() {
            let time = at as u64 + 1;
            let command = match step {
                Step::Place { portfolio, side, quantity, limit, kind, minimum } => {
                    let mut order = order(time, portfolio, side, quantity, limit);
                    order.until = 40 + (at as i64 % 7) * 20;
                    // Of one market all have the same minimum; another must not break anything either.
                    order.minimum = minimum;
                    match kind {
                        5 => order.flags.post_only = true,
                        6 => order.flags.ioc = true,
                        7 => order.flags.fok = true,
                        _ => {}
                    }
                    Command::Place { order: Box::new(order) }
                }
                Step::Cancel { portfolio, back } => {
                    Command::Cancel { portfolio: key(portfolio), which: Which::Nonce(time.saturating_sub(back)), time }
                }
                Step::Settle { which } => match engine.fills().nth(which) {
                    Some(fill) => Command::Settled { fills: vec![fill.number] },
                    None => continue,
                },
                Step::Undo { which, blame } => match engine.fills().nth(which) {
                    Some(fill) => {
                        let blame = [Blame::Maker, Blame::Taker, Blame::Both][usize::from(blame)];
                        Command::Undo { fill: fill.number, blame, error: "x".into() }
                    }
                    None => continue,
                },
                Step::Tick => Command::Tick { now: at as i64 },
            };
            if engine.check(&command, &Bounds::default()).is_err() {
                continue;
            }
            let expected = match &command {
                Command::Place { order } if !order.flags.fok && !order.flags.post_only => Some(naive(&engine, order)),
                _ => None,
            };
            if let Command::Place { order } = &command {
                let next = engine.image().next_order;
                ledger.orders.insert(next, (**order).clone());
            }
            let applied = engine.apply(command);
            ledger.take(&applied.events);
            ledger.check(&engine);
            if let Some(expected) = expected {
                let fills = applied.events.iter().filter_map(|event| match event {
                    Event::Traded { fill, .. } => Some((fill.maker, fill.quantity, fill.price)),
                    _ => None,
                });
                prop_assert_eq!(fills.collect::<Vec<_>>(), expected);
            }
            let again = Engine::of_image(engine.image());
            prop_assert_eq!(again.image(), engine.image());
            prop_assert_eq!(again.hash(), engine.hash());
            let books = |engine: &Engine| {
                engine.books().map(|(strategy, book)| (strategy.clone(), book.clone())).collect::<Vec<_>>()
            };
            prop_assert_eq!(books(&again), books(&engine));
        }
    }
}
