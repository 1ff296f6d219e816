//! Requests for quotes.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{header, HeaderMap};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use solana_keypair::Keypair;

use super::orders::body;
use super::show::{show_quotes, show_request};
use super::{Answer, Part, Shared, Shop};
use crate::admission::admit_control;
use crate::control::{read_strategy, Wish, REQUEST_SECONDS};
use crate::engine::{Command, Request};
use crate::order::{Id, Key, Side};
use crate::refusal::Refusal;

pub(super) async fn ask(State(shop): State<Shared>, sent: Result<Bytes, BytesRejection>) -> Answer {
    asked(&shop, sent).await.into()
}

async fn asked(shop: &Shop, sent: Result<Bytes, BytesRejection>) -> Result<Value, Refusal> {
    let submission = Shop::submission(&body(sent)?)?;
    let control = admit_control(&shop.view, &submission).await?;
    let portfolio = Key(control.portfolio);
    shop.take(portfolio)?;
    let Wish::Request { strategy, seconds } = control.wish else { return Err(Refusal::BadText) };
    if !REQUEST_SECONDS.contains(&seconds) {
        return Err(Refusal::BadText);
    }
    let (quantity, legs) = read_strategy(&strategy)?;
    let instruments = shop.view.instruments();
    let legs = legs.iter().map(|(ratio, symbol, market)| (*ratio, symbol.as_str(), *market));
    let strategy = instruments.strategy(legs)?;
    let (id, token) = (random(), random());
    let until = shop.view.now().saturating_add(seconds);
    let request = Request { id, portfolio, strategy, quantity, until, token: hashed(&token) };
    let mut shown = show_request(&instruments, &request);
    shop.desk.submit(Command::Request { request, time: control.time }).await?;
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("token".into(), token.to_string().into());
    }
    Ok(shown)
}

pub(super) async fn list(State(shop): State<Shared>) -> Answer {
    let found = shop.desk.look(|engine| engine.requests().cloned().collect::<Vec<_>>()).await;
    let instruments = shop.view.instruments();
    found
        .map(|found| json!({ "requests": found.iter().map(|r| show_request(&instruments, r)).collect::<Vec<_>>() }))
        .into()
}

pub(super) async fn quotes(State(shop): State<Shared>, headers: HeaderMap, Path(id): Part) -> Answer {
    quoted(&shop, &headers, &id).await.into()
}

async fn quoted(shop: &Shop, headers: &HeaderMap, id: &str) -> Result<Value, Refusal> {
    let id: Id = id.parse().map_err(|()| Refusal::NoRequest)?;
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).and_then(|token| token.parse::<Id>().ok());
    let token = token.map(|token| hashed(&token)).ok_or(Refusal::WrongToken)?;
    let instruments = shop.view.instruments();
    let shown = move |engine: &crate::engine::Engine| {
        let request = engine.request(&id).ok_or(Refusal::NoRequest)?;
        if request.token != token {
            return Err(Refusal::WrongToken);
        }
        let mut shown = show_request(&instruments, request);
        for (name, side) in [("buys", Side::Buy), ("sells", Side::Sell)] {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert(name.into(), show_quotes(engine, &id, side).into());
            }
        }
        Ok(shown)
    };
    shop.desk.look(shown).await?
}

/// Nobody can guess it: the public half of a fresh key.
fn random() -> Id {
    let secret = Keypair::new().to_bytes();
    Id::of(Sha256::digest(secret).get(..16).unwrap_or_default())
}

fn hashed(token: &Id) -> Id {
    Id::of(&Sha256::digest(token.to_string()))
}
