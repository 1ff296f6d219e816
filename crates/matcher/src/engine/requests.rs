//! Requests for quotes: one portfolio asks for a strategy, others answer by signed orders for it, and who asked takes the best by a signed
//! order. Quotes stand in no public book and do not trade with each other.

use serde::{Deserialize, Serialize};

use super::{is_immediate, Applied, Bounds, Engine, Event, Place};
use crate::book::Book;
use crate::order::{Closed, Id, Key, Order};
use crate::refusal::Refusal;
use crate::strategy::Strategy;

/// Somebody asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub id: Id,
    pub portfolio: Key,
    pub strategy: Strategy,
    /// Strategies, 1e-9. Which side it is for is not told.
    pub quantity: i64,
    /// Unix time at which it ends.
    pub until: i64,
    /// SHA-256 of what shows its quotes to who asked.
    pub token: Id,
}

impl Engine {
    pub(super) fn check_request(&self, request: &Request, time: u64, bounds: &Bounds) -> Result<(), Refusal> {
        self.check_time(&request.portfolio, time)?;
        let own = self.requests.values().filter(|open| open.portfolio == request.portfolio).count();
        match self.requests.len() >= bounds.requests || own >= bounds.portfolio_requests {
            true => Err(Refusal::TooManyRequests),
            false => Ok(()),
        }
    }

    pub(super) fn check_answer(&self, order: &Order, id: &Id) -> Result<(), Refusal> {
        let request = self.requests.get(id).ok_or(Refusal::RequestOver)?;
        if request.strategy != order.strategy {
            return Err(Refusal::OtherStrategy);
        }
        let asked = request.portfolio == order.portfolio;
        match (asked, is_immediate(order)) {
            (true, false) => Err(Refusal::TakeNotImmediate),
            // Fill or kill: a quote that is taken whole or not at all.
            (false, true) if order.flags.ioc => Err(Refusal::QuoteImmediate),
            _ => Ok(()),
        }
    }

    pub(super) fn open_request(&mut self, request: Request, time: u64, applied: &mut Applied) {
        self.times.insert(request.portfolio, time);
        applied.events.push(Event::Request { request: Box::new(request.clone()), open: true });
        self.requests.insert(request.id.clone(), request);
    }

    pub(super) fn end_requests(&mut self, now: i64, applied: &mut Applied) {
        let over: Vec<_> = self.requests.values().filter(|r| r.until <= now).map(|r| r.id.clone()).collect();
        for id in over {
            self.end_request(&id, applied);
        }
    }

    /// It ends, and its quotes with it.
    pub(super) fn end_request(&mut self, id: &Id, applied: &mut Applied) {
        let Some(request) = self.requests.remove(id) else { return };
        applied.events.push(Event::Request { request: Box::new(request), open: false });
        let place = Place::Quotes(id.clone());
        let quotes: Vec<u64> = self.books.get(&place).map(|book| book.places().collect()).unwrap_or_default();
        for number in quotes {
            self.close(number, Closed::RequestOver, applied);
        }
    }

    pub fn request(&self, id: &Id) -> Option<&Request> {
        self.requests.get(id)
    }

    /// Open requests.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.values()
    }

    /// Quotes of an open request.
    pub fn quotes(&self, id: &Id) -> Option<&Book> {
        self.books.get(&Place::Quotes(id.clone()))
    }
}
