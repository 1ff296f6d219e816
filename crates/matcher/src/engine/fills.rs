//! Fills on their way to the chain: matched, sent, settled; or undone, where the chain refuses.

use serde::{Deserialize, Serialize};

use super::{is_immediate, resting, Applied, Engine, Event, Place};
use crate::book::{Entered, Entry, Match};
use crate::order::{Closed, Id, Key, Side};
use crate::strategy::Strategy;

/// How far a fill has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// It is to be sent.
    Matched,
    /// A transaction with it is under way: base64, signed.
    Sent {
        signature: String,
        transaction: String,
    },
    Settled {
        signature: String,
    },
    Undone {
        error: String,
    },
}

/// Two orders traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    pub number: u64,
    /// Orders by their number: the older one, and the one that came.
    pub maker: u64,
    pub taker: u64,
    pub maker_id: Id,
    pub taker_id: Id,
    /// Portfolios of both.
    pub parties: (Key, Key),
    pub strategy: Strategy,
    pub maker_side: Side,
    /// Strategies, 1e-9.
    pub quantity: i64,
    /// USD 1e-9 per strategy: the maker's limit.
    pub price: i64,
    pub stage: Stage,
}

/// Whose order was at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    Maker,
    Taker,
    Both,
}

impl Engine {
    /// Fills that are not settled, the oldest first.
    pub fn fills(&self) -> impl Iterator<Item = &Fill> {
        self.fills.values()
    }

    pub fn fill(&self, number: u64) -> Option<&Fill> {
        self.fills.get(&number)
    }

    pub(super) fn add_fill(&mut self, matched: &Match, place: &Place, applied: &mut Applied) {
        for number in [matched.maker, matched.taker] {
            if let Some(standing) = self.orders.get_mut(&number) {
                standing.filled = standing.filled.saturating_add(matched.quantity);
            }
        }
        let (Some(maker), Some(taker)) = (self.orders.get(&matched.maker), self.orders.get(&matched.taker)) else {
            return;
        };
        let fill = Fill {
            number: self.next_fill,
            maker: matched.maker,
            taker: matched.taker,
            maker_id: maker.order.id.clone(),
            taker_id: taker.order.id.clone(),
            parties: (maker.order.portfolio, taker.order.portfolio),
            strategy: maker.order.strategy.clone(),
            maker_side: matched.maker_side,
            quantity: matched.quantity,
            price: matched.price,
            stage: Stage::Matched,
        };
        self.next_fill += 1;
        let public = matches!(place, Place::Public(_));
        applied.events.push(Event::Traded { fill: Box::new(fill.clone()), public });
        self.fills.insert(fill.number, fill);
    }

    pub(super) fn sent(&mut self, fills: Vec<u64>, signature: &str, transaction: &str, applied: &mut Applied) {
        for number in fills {
            let stage = Stage::Sent { signature: signature.into(), transaction: transaction.into() };
            self.move_on(number, stage, applied);
        }
    }

    pub(super) fn lapsed(&mut self, fills: Vec<u64>, applied: &mut Applied) {
        for number in fills {
            self.move_on(number, Stage::Matched, applied);
        }
    }

    fn move_on(&mut self, number: u64, stage: Stage, applied: &mut Applied) {
        let Some(fill) = self.fills.get_mut(&number) else { return };
        fill.stage = stage;
        applied.events.push(Event::Fill(Box::new(fill.clone())));
    }

    /// The orders count it, and it is forgotten.
    pub(super) fn settled(&mut self, fills: Vec<u64>, applied: &mut Applied) {
        for number in fills {
            let Some(mut fill) = self.fills.remove(&number) else { continue };
            let signature = match fill.stage {
                Stage::Sent { signature, .. } => signature,
                _ => String::new(),
            };
            fill.stage = Stage::Settled { signature };
            applied.events.push(Event::Fill(Box::new(fill.clone())));
            for order in [fill.maker, fill.taker] {
                if let Some(standing) = self.orders.get_mut(&order) {
                    standing.settled = standing.settled.saturating_add(fill.quantity);
                    if standing.closed.is_some() && standing.pending() == 0 {
                        standing.order.signed = None;
                    }
                }
                self.tell_order(order, applied);
            }
        }
    }

    /// The fill did not happen. Orders at fault are closed; the other waits again at its old place in time, unless it was to trade
    /// at once or has been closed since.
    pub(super) fn undo(&mut self, number: u64, blame: Blame, error: &str, applied: &mut Applied) {
        let Some(mut fill) = self.fills.remove(&number) else { return };
        fill.stage = Stage::Undone { error: error.into() };
        applied.events.push(Event::Fill(Box::new(fill.clone())));
        let at_fault = |maker: bool| match blame {
            Blame::Both => true,
            Blame::Maker => maker,
            Blame::Taker => !maker,
        };
        // Who is at fault goes first, or the other would meet it again.
        let mut orders = [(fill.maker, at_fault(true)), (fill.taker, at_fault(false))];
        orders.sort_by_key(|(_, fault)| !fault);
        for (order, fault) in orders {
            self.take_back(order, fill.quantity, fault.then_some(error), applied);
        }
    }

    fn take_back(&mut self, number: u64, quantity: i64, error: Option<&str>, applied: &mut Applied) {
        let Some(standing) = self.orders.get_mut(&number) else { return };
        standing.filled = standing.filled.saturating_sub(quantity);
        if let Some(error) = error {
            let why = Closed::Refused(error.into());
            match standing.closed {
                None => self.close(number, why, applied),
                Some(_) => {
                    self.mark_closed(number, why);
                    self.tell_order(number, applied);
                }
            }
            return;
        }
        match standing.closed {
            None => self.grow(number, quantity, applied),
            Some(Closed::Filled | Closed::Remainder) if !is_immediate(&standing.order) => self.reopen(number, applied),
            Some(Closed::Filled | Closed::Remainder) => {
                self.mark_closed(number, Closed::NothingLeft);
                self.tell_order(number, applied);
            }
            Some(_) => {
                if standing.pending() == 0 {
                    standing.order.signed = None;
                }
                self.tell_order(number, applied);
            }
        }
    }

    /// More of an open order waits.
    fn grow(&mut self, number: u64, quantity: i64, applied: &mut Applied) {
        let Some(standing) = self.orders.get(&number) else { return };
        let place = self.place_of(&standing.order);
        let mut entered = Entered::default();
        if let Some(book) = self.books.get_mut(&place) {
            book.grow(number, quantity, &mut entered);
        }
        self.take_in(place, number, entered, applied);
    }

    /// An order that was closed because it was filled waits again, and trades with what has come since. Of a request that is over
    /// it does not.
    fn reopen(&mut self, number: u64, applied: &mut Applied) {
        let Some(standing) = self.orders.get_mut(&number) else { return };
        let over = standing.order.request.as_ref().is_some_and(|id| !self.requests.contains_key(id));
        if over {
            self.mark_closed(number, Closed::RequestOver);
            self.tell_order(number, applied);
            return;
        }
        standing.closed = None;
        let (portfolio, order) = (standing.order.portfolio, resting(standing));
        self.open.entry(portfolio).or_default().insert(number);
        let Some(standing) = self.orders.get(&number) else { return };
        let place = self.place_of(&standing.order);
        let entry = match self.entry_of(&standing.order) {
            Entry::Immediate => Entry::Wait,
            entry => entry,
        };
        self.enter(place, order, entry, applied);
    }
}
