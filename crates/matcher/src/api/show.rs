//! The state as JSON: quantities and prices as decimals in strings, times in seconds of unix time.

use axum::extract::{Path, State};
use serde_json::{json, Value};

use super::{Answer, Part, Shared};
use crate::control::read_strategy;
use crate::decimal::decimal;
use crate::engine::{Engine, Fill, Request, Stage};
use crate::order::{Closed, Id, Side, Standing};
use crate::refusal::Refusal;
use crate::strategy::Strategy;
use crate::view::Instruments;

fn amount(units: i64) -> String {
    decimal(units.into())
}

/// An order and what became of it.
pub fn show_order(instruments: &Instruments, standing: &Standing) -> Value {
    let order = &standing.order;
    let flags = [
        (order.flags.post_only, "post-only"),
        (order.flags.ioc, "ioc"),
        (order.flags.fok, "fok"),
        (order.flags.reduce_only, "reduce-only"),
    ];
    let flags: Vec<_> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
    let (why, error) = match &standing.closed {
        Some(Closed::Refused(error)) => (Some("Refused".to_string()), Some(error.clone())),
        Some(why) => (Some(format!("{why:?}")), None),
        None => (None, None),
    };
    json!({
        "id": order.id.to_string(),
        "number": standing.number,
        "portfolio": order.portfolio.0.to_string(),
        "strategy": instruments.write(&order.strategy),
        "side": order.side,
        "quantity": amount(order.quantity),
        "limit": amount(order.limit),
        "until": order.until,
        "nonce": order.nonce.to_string(),
        "flags": flags,
        "request": order.request.as_ref().map(ToString::to_string),
        "status": if standing.closed.is_some() { "closed" } else { "open" },
        "why": why,
        "error": error,
        "filled": amount(standing.filled),
        "settled": amount(standing.settled),
        "remaining": amount(if standing.closed.is_some() { 0 } else { standing.remaining() }),
    })
}

/// A fill as both sides see it.
pub fn show_fill(instruments: &Instruments, fill: &Fill) -> Value {
    let (stage, signature, error) = match &fill.stage {
        Stage::Matched => ("matched", None, None),
        Stage::Sent { signature, .. } => ("sent", Some(signature), None),
        Stage::Settled { signature } => ("settled", Some(signature), None),
        Stage::Undone { error } => ("undone", None, Some(error)),
    };
    let mut shown = show_trade(instruments, fill);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("maker".into(), fill.maker_id.to_string().into());
        shown.insert("taker".into(), fill.taker_id.to_string().into());
        shown.insert("stage".into(), stage.into());
        shown.insert("signature".into(), signature.cloned().into());
        shown.insert("error".into(), error.cloned().into());
    }
    shown
}

/// A fill as anyone sees it.
pub(super) fn show_trade(instruments: &Instruments, fill: &Fill) -> Value {
    json!({
        "number": fill.number,
        "strategy": instruments.write(&fill.strategy),
        "taker_side": fill.maker_side.opposite(),
        "quantity": amount(fill.quantity),
        "price": amount(fill.price),
    })
}

pub(super) fn show_request(instruments: &Instruments, request: &Request) -> Value {
    json!({
        "id": request.id.to_string(),
        "strategy": instruments.write(&request.strategy),
        "quantity": amount(request.quantity),
        "until": request.until,
    })
}

/// Quotes of a request on a side, the best first.
pub(super) fn show_quotes(engine: &Engine, request: &Id, side: Side) -> Vec<Value> {
    let Some(book) = engine.quotes(request) else { return vec![] };
    let quote = |resting: &crate::book::Resting| {
        let order = &engine.order_by_number(resting.number)?.order;
        Some(json!({
            "id": order.id.to_string(),
            "number": resting.number,
            "portfolio": order.portfolio.0.to_string(),
            "price": amount(resting.limit),
            "quantity": amount(resting.remaining),
            "until": order.until,
            "whole": resting.whole,
        }))
    };
    book.orders(side).filter_map(quote).collect()
}

/// Levels of a book, the best first, and its sequence.
pub(super) fn show_book(name: &str, engine: &Engine, strategy: &Strategy) -> Option<Value> {
    let (book, sequence) = engine.book(strategy)?;
    let levels = |side| {
        let levels = book.map(|book| book.levels(side)).unwrap_or_default();
        levels.into_iter().map(|(price, quantity)| json!([amount(price), decimal(quantity)])).collect::<Vec<_>>()
    };
    Some(json!({
        "strategy": name, "sequence": sequence, "buys": levels(Side::Buy), "sells": levels(Side::Sell),
    }))
}

/// The strategy of `1 BTC-PERP#0, -2 ETH-PERP#1`.
pub(super) fn read_book(instruments: &Instruments, name: &str) -> Result<Strategy, Refusal> {
    let (_, legs) = read_strategy(&format!("1 x {name}"))?;
    instruments.strategy(legs.iter().map(|(ratio, symbol, market)| (*ratio, symbol.as_str(), *market)))
}

pub(super) async fn book(State(shop): State<Shared>, Path(name): Part) -> Answer {
    let strategy = match read_book(&shop.view.instruments(), &name) {
        Ok(strategy) => strategy,
        Err(refusal) => return Answer::Refused(refusal),
    };
    let shown = shop.desk.look(move |engine| show_book(&name, engine, &strategy)).await;
    shown.and_then(|shown| shown.ok_or(Refusal::NoBook)).into()
}

pub(super) async fn books(State(shop): State<Shared>) -> Answer {
    let best = |engine: &Engine| {
        let books = engine.books().map(|(strategy, book)| (strategy.clone(), book.best(), book.len()));
        books.collect::<Vec<_>>()
    };
    let instruments = shop.view.instruments();
    let shown = shop.desk.look(best).await.map(|books| {
        let show = |(strategy, (buy, sell), orders): &(Strategy, (Option<i64>, Option<i64>), usize)| {
            json!({
                "strategy": instruments.write(strategy),
                "buy": buy.map(amount), "sell": sell.map(amount), "orders": orders,
            })
        };
        json!({ "books": books.iter().map(show).collect::<Vec<_>>() })
    });
    shown.into()
}

pub(super) async fn instruments(State(shop): State<Shared>) -> Answer {
    let instruments = shop.view.instruments();
    let show = |instrument: &crate::view::Instrument| {
        json!({
            "name": instrument.name(),
            "symbol": instrument.symbol,
            "market": instrument.market,
            "instrument": format!("{:#018x}", instrument.id),
            "tick": amount(instrument.tick),
            "lot": amount(instrument.lot),
            "minimum": amount(instrument.minimum),
        })
    };
    let shown: Vec<_> = instruments.iter().map(show).collect();
    Answer::Json(json!({ "cluster": shop.view.cluster().name(), "instruments": shown }))
}
