//! The websocket: levels of books, trades, requests for quotes, and to owners their orders and fills.
//!
//! A client says what it wants to hear, one message each: `{"subscribe": "book", "strategy": "1 BTC-PERP#0"}`, `trades`, `requests`, or
//! `orders` with a signed login. What it hears of a book begins with the whole book at a sequence; each level after it has the next
//! one. Who reads too slowly is told so and cut off: what it has would have gaps.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde::Deserialize;
use serde_json::{json, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{interval, timeout, Instant};

use super::server::Place;
use super::show::{read_book, show_book, show_request, show_trade};
use super::{refused, show_fill, show_order, Shared};
use crate::admission::{admit_control, Submission};
use crate::control::Wish;
use crate::engine::Event;
use crate::order::Key;
use crate::refusal::Refusal;
use crate::strategy::Strategy;
use crate::view::Instruments;

/// Between two questions whether the client is there, and how long it may be silent.
const PING: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(45);
/// How long the client may take to take a message.
const PATIENCE: Duration = Duration::from_secs(10);
/// Books and portfolios of one websocket.
const MOST: usize = 64;

/// What a client wants to hear.
#[derive(Deserialize)]
#[serde(tag = "subscribe", rename_all = "lowercase")]
enum Wanted {
    Book { strategy: String },
    Trades,
    Requests,
    Orders(Submission),
}

/// What a websocket hears.
#[derive(Default)]
struct Heard {
    /// With the sequence that the client has.
    books: Vec<(Strategy, u64)>,
    portfolios: BTreeSet<Key>,
    trades: bool,
    requests: bool,
}

pub(super) async fn run(shop: Shared, mut socket: WebSocket, from: IpAddr, mut place: Place) {
    shop.metrics.streams.inc();
    let said = tokio::select! {
        _ = place.stopped.changed() => Some(Refusal::Stopping),
        said = converse(&shop, &mut socket, from) => said,
    };
    if let Some(refusal) = said {
        let _ = timeout(PATIENCE, socket.send(Message::Text(refused(refusal).to_string().into()))).await;
    }
    let _ = timeout(PATIENCE, socket.send(Message::Close(None))).await;
    shop.metrics.streams.dec();
}

/// Until the client goes, or is sent away.
async fn converse(shop: &Shared, socket: &mut WebSocket, from: IpAddr) -> Option<Refusal> {
    let (mut heard, mut told) = (Heard::default(), shop.desk.listen());
    let (mut ping, mut last) = (interval(PING), Instant::now());
    loop {
        let messages = tokio::select! {
            _ = ping.tick() => {
                if last.elapsed() > SILENCE {
                    return None;
                }
                vec![Message::Ping(Default::default())]
            }
            came = socket.recv() => {
                last = Instant::now();
                match came {
                    Some(Ok(Message::Text(text))) => {
                        if !shop.addresses.take(from) {
                            return Some(Refusal::AddressRate);
                        }
                        let answer = heard.subscribe(shop, &text).await;
                        vec![text_of(&answer.unwrap_or_else(refused))]
                    }
                    Some(Ok(Message::Binary(_))) => vec![text_of(&refused(Refusal::BadJson))],
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => vec![],
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                }
            }
            events = told.recv() => match events {
                Ok(events) => {
                    let instruments = shop.view.instruments();
                    events.iter().filter_map(|event| heard.tell(&instruments, event)).map(|v| text_of(&v)).collect()
                }
                Err(RecvError::Lagged(_)) => return Some(Refusal::TooSlow),
                Err(RecvError::Closed) => return Some(Refusal::Stopping),
            },
        };
        for message in messages {
            match timeout(PATIENCE, socket.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    }
}

fn text_of(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

impl Heard {
    async fn subscribe(&mut self, shop: &Shared, text: &str) -> Result<Value, Refusal> {
        let wanted: Wanted = serde_json::from_str(text).map_err(|_| Refusal::BadJson)?;
        if self.books.len() + self.portfolios.len() >= MOST {
            return Err(Refusal::TooManySubscriptions);
        }
        match wanted {
            Wanted::Trades => {
                self.trades = true;
                Ok(json!({ "subscribed": "trades" }))
            }
            Wanted::Requests => {
                self.requests = true;
                Ok(json!({ "subscribed": "requests" }))
            }
            Wanted::Book { strategy } => self.follow_book(shop, strategy).await,
            Wanted::Orders(submission) => self.follow_orders(shop, &submission).await,
        }
    }

    /// The listener was there before the book is looked at, so that no level is missed; those that the book has are left out.
    async fn follow_book(&mut self, shop: &Shared, name: String) -> Result<Value, Refusal> {
        let strategy = read_book(&shop.view.instruments(), &name)?;
        let of = strategy.clone();
        let shown = move |engine: &crate::engine::Engine| {
            let sequence = engine.book(&of).map_or(0, |(_, sequence)| sequence);
            let empty = json!({ "strategy": name, "sequence": 0, "buys": [], "sells": [] });
            (show_book(&name, engine, &of).unwrap_or(empty), sequence)
        };
        let (shown, sequence) = shop.desk.look(shown).await?;
        self.books.retain(|(followed, _)| *followed != strategy);
        self.books.push((strategy, sequence));
        Ok(json!({ "book": shown }))
    }

    async fn follow_orders(&mut self, shop: &Shared, submission: &Submission) -> Result<Value, Refusal> {
        let control = admit_control(&shop.view, submission).await?;
        let portfolio = Key(control.portfolio);
        if !shop.keys.take(portfolio) {
            return Err(Refusal::KeyRate);
        }
        if control.wish != Wish::Login {
            return Err(Refusal::BadText);
        }
        let open = move |engine: &crate::engine::Engine| engine.open_orders(&portfolio).cloned().collect::<Vec<_>>();
        let open = shop.desk.look(open).await?;
        self.portfolios.insert(portfolio);
        let instruments = shop.view.instruments();
        let open: Vec<_> = open.iter().map(|standing| show_order(&instruments, standing)).collect();
        Ok(json!({ "subscribed": "orders", "portfolio": portfolio.0.to_string(), "orders": open }))
    }

    /// What this websocket is told of an event.
    fn tell(&mut self, instruments: &Arc<Instruments>, event: &Event) -> Option<Value> {
        match event {
            Event::Level { strategy, sequence, side, price, quantity } => {
                let (_, known) = self.books.iter_mut().find(|(followed, _)| followed == strategy)?;
                if *sequence <= *known {
                    return None;
                }
                *known = *sequence;
                Some(json!({ "level": {
                    "strategy": instruments.write(strategy),
                    "sequence": sequence,
                    "side": side,
                    "price": crate::decimal::decimal((*price).into()),
                    "quantity": crate::decimal::decimal(*quantity),
                }}))
            }
            Event::Traded { fill, public } => {
                let own = self.portfolios.contains(&fill.parties.0) || self.portfolios.contains(&fill.parties.1);
                match (own, *public && self.trades) {
                    (true, _) => Some(json!({ "fill": show_fill(instruments, fill) })),
                    (false, true) => Some(json!({ "trade": show_trade(instruments, fill) })),
                    (false, false) => None,
                }
            }
            Event::Order(standing) => {
                let own = self.portfolios.contains(&standing.order.portfolio);
                own.then(|| json!({ "order": show_order(instruments, standing) }))
            }
            Event::Fill(fill) => {
                let own = self.portfolios.contains(&fill.parties.0) || self.portfolios.contains(&fill.parties.1);
                own.then(|| json!({ "fill": show_fill(instruments, fill) }))
            }
            Event::Request { request, open } => {
                self.requests.then(|| json!({ "request": show_request(instruments, request), "open": open }))
            }
        }
    }
}
