//! Orders and cancels.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use serde_json::{json, Value};

use super::{show_order, Answer, Part, Shared, Shop};
use crate::admission::{admit, admit_control};
use crate::control::Wish;
use crate::engine::Command;
use crate::order::{Id, Key};
use crate::refusal::Refusal;

/// A body, or that it is too large.
pub(super) fn body(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Refusal> {
    body.map_err(|_| Refusal::BodyTooLarge)
}

pub(super) async fn place(State(shop): State<Shared>, sent: Result<Bytes, BytesRejection>) -> Answer {
    placed(&shop, sent).await.into()
}

/// The same order sent again is answered as the first time: who did not get the answer may ask so.
async fn placed(shop: &Shop, sent: Result<Bytes, BytesRejection>) -> Result<Value, Refusal> {
    let submission = Shop::submission(&body(sent)?)?;
    let order = admit(&shop.view, &submission).await?;
    shop.take(order.portfolio)?;
    let id = order.id.clone();
    let instruments = shop.view.instruments();
    match shop.desk.submit(Command::Place { order: Box::new(order) }).await {
        Ok(done) => {
            shop.metrics.orders.inc();
            let standing = done.orders.first().ok_or(Refusal::NoOrder)?;
            Ok(show_order(&instruments, standing))
        }
        Err(Refusal::NonceTaken) => {
            let known = shop.desk.look(move |engine| engine.order(&id).cloned()).await?;
            known.map(|standing| show_order(&instruments, &standing)).ok_or(Refusal::NonceTaken)
        }
        Err(refusal) => Err(refusal),
    }
}

pub(super) async fn find(State(shop): State<Shared>, Path(id): Part) -> Answer {
    found(&shop, &id).await.into()
}

async fn found(shop: &Shop, id: &str) -> Result<Value, Refusal> {
    let id: Id = id.parse().map_err(|()| Refusal::NoOrder)?;
    let found = shop.desk.look(move |engine| engine.order(&id).cloned()).await?;
    found.map(|standing| show_order(&shop.view.instruments(), &standing)).ok_or(Refusal::NoOrder)
}

pub(super) async fn cancel(State(shop): State<Shared>, sent: Result<Bytes, BytesRejection>) -> Answer {
    cancelled(&shop, sent).await.into()
}

async fn cancelled(shop: &Shop, sent: Result<Bytes, BytesRejection>) -> Result<Value, Refusal> {
    let submission = Shop::submission(&body(sent)?)?;
    let control = admit_control(&shop.view, &submission).await?;
    let portfolio = Key(control.portfolio);
    shop.take(portfolio)?;
    let Wish::Cancel(which) = control.wish else { return Err(Refusal::BadText) };
    let done = shop.desk.submit(Command::Cancel { portfolio, which, time: control.time }).await?;
    let orders: Vec<_> = done.orders.iter().map(|standing| standing.order.id.to_string()).collect();
    Ok(json!({ "cancelled": orders }))
}
