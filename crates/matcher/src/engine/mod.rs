//! All books, requests for quotes and fills, as a state machine: commands in, events out, nothing else. The same commands lead to
//! the same state, whenever and wherever they are applied; that is what a restart rests on.
//!
//! [`Engine::check`] says whether a command may be applied and changes nothing; [`Engine::apply`] applies one that may.

mod fills;
mod image;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::book::{Book, Entered, Entry, Resting};
use crate::order::{Closed, Id, Key, Order, Side, Standing};
use crate::refusal::Refusal;
use crate::strategy::Strategy;

pub use fills::{Blame, Fill, Stage};
pub use image::Image;
pub use requests::Request;

/// How deep things may grow.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Open orders of a book.
    pub book: usize,
    /// Open orders of a portfolio, over all books.
    pub portfolio: usize,
    /// Open requests for quotes.
    pub requests: usize,
    /// Open requests for quotes of a portfolio.
    pub portfolio_requests: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { book: 10_000, portfolio: 200, requests: 1_000, portfolio_requests: 10 }
    }
}

/// Which orders of a portfolio a cancel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    Nonce(u64),
    All,
}

/// What changes the state. This is what the journal holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    Place {
        order: Box<Order>,
    },
    /// `time`: microseconds of unix time at which it was signed; rises with each of a portfolio.
    Cancel {
        portfolio: Key,
        which: Which,
        time: u64,
    },
    /// The same of orders that the chain has cancelled or that nobody may trade any more.
    Withdraw {
        orders: Vec<u64>,
        error: String,
    },
    Request {
        request: Request,
        time: u64,
    },
    /// Unix time has come: what ends by then ends.
    Tick {
        now: i64,
    },
    /// A transaction with these fills is about to be sent; `transaction` in base64.
    Sent {
        fills: Vec<u64>,
        signature: String,
        transaction: String,
    },
    /// It is confirmed.
    Settled {
        fills: Vec<u64>,
    },
    /// It can no longer land: the fills are to be sent anew.
    Lapsed {
        fills: Vec<u64>,
    },
    /// The chain refused a fill.
    Undo {
        fill: u64,
        blame: Blame,
        error: String,
    },
}

/// Where an order stands: in the public book of its strategy, or among the quotes of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Public(Strategy),
    Quotes(Id),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Quantity at a price of a public book is another, 1e-9; 0 where nothing is left. `sequence` rises by one with each of a book.
    Level { strategy: Strategy, sequence: u64, side: Side, price: i64, quantity: i128 },
    /// Two orders traded; of a request for quotes where `public` is false.
    Traded { fill: Box<Fill>, public: bool },
    /// An order is as it is now.
    Order(Box<Standing>),
    /// Settlement of a fill went on.
    Fill(Box<Fill>),
    /// A request began, or ended.
    Request { request: Box<Request>, open: bool },
}

/// What a command came to, for who sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub events: Vec<Event>,
    /// The order that was placed, or those that were cancelled.
    pub orders: Vec<u64>,
}

/// The state.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    /// Of the next order, and of the next fill.
    next_order: u64,
    next_fill: u64,
    /// Commands that were applied.
    commands: u64,
    orders: BTreeMap<u64, Standing>,
    fills: BTreeMap<u64, Fill>,
    requests: BTreeMap<Id, Request>,
    /// Latest time that each portfolio signed a cancel or a request with.
    times: BTreeMap<Key, u64>,
    /// Levels of each public book that changed.
    sequences: BTreeMap<Strategy, u64>,
    /// Made from the orders: books, and where orders are found.
    books: BTreeMap<Place, Book>,
    ids: BTreeMap<Id, u64>,
    nonces: BTreeMap<(Key, u64, i64), u64>,
    open: BTreeMap<Key, BTreeSet<u64>>,
    ends: BTreeSet<(i64, u64)>,
}

impl Engine {
    /// Whether a command may be applied now.
    pub fn check(&self, command: &Command, bounds: &Bounds) -> Result<(), Refusal> {
        match command {
            Command::Place { order } => self.check_place(order, bounds),
            Command::Cancel { portfolio, time, .. } => self.check_time(portfolio, *time),
            Command::Request { request, time } => self.check_request(request, *time, bounds),
            _ => Ok(()),
        }
    }

    fn check_place(&self, order: &Order, bounds: &Bounds) -> Result<(), Refusal> {
        if self.nonces.contains_key(&(order.portfolio, order.nonce, order.until)) {
            return Err(Refusal::NonceTaken);
        }
        if self.open.get(&order.portfolio).is_some_and(|open| open.len() >= bounds.portfolio) {
            return Err(Refusal::TooManyOrders);
        }
        let place = self.place_of(order);
        if self.books.get(&place).is_some_and(|book| book.len() >= bounds.book) && !is_immediate(order) {
            return Err(Refusal::BookFull);
        }
        match &order.request {
            Some(request) => self.check_answer(order, request),
            None => Ok(()),
        }
    }

    pub(crate) fn check_time(&self, portfolio: &Key, time: u64) -> Result<(), Refusal> {
        match self.times.get(portfolio).is_some_and(|last| time <= *last) {
            true => Err(Refusal::TimeNotRising),
            false => Ok(()),
        }
    }

    /// Applies a command that [`Engine::check`] lets through.
    pub fn apply(&mut self, command: Command) -> Applied {
        self.commands += 1;
        let mut applied = Applied::default();
        match command {
            Command::Place { order } => self.place(*order, &mut applied),
            Command::Cancel { portfolio, which, time } => {
                self.times.insert(portfolio, time);
                self.cancel(portfolio, which, time, &mut applied);
            }
            Command::Withdraw { orders, error } => {
                for number in orders {
                    self.close(number, Closed::Refused(error.clone()), &mut applied);
                    applied.orders.push(number);
                }
            }
            Command::Request { request, time } => self.open_request(request, time, &mut applied),
            Command::Tick { now } => self.tick(now, &mut applied),
            Command::Sent { fills, signature, transaction } => self.sent(fills, &signature, &transaction, &mut applied),
            Command::Settled { fills } => self.settled(fills, &mut applied),
            Command::Lapsed { fills } => self.lapsed(fills, &mut applied),
            Command::Undo { fill, blame, error } => self.undo(fill, blame, &error, &mut applied),
        }
        applied
    }

    fn place(&mut self, order: Order, applied: &mut Applied) {
        let number = self.next_order;
        self.next_order += 1;
        let standing = Standing { number, order, filled: 0, settled: 0, closed: None };
        self.index(&standing);
        let (place, entry) = (self.place_of(&standing.order), self.entry_of(&standing.order));
        let resting = resting(&standing);
        self.orders.insert(number, standing);
        applied.orders.push(number);
        self.enter(place, resting, entry, applied);
    }

    /// An order comes, or comes back, to its book.
    fn enter(&mut self, place: Place, order: Resting, entry: Entry, applied: &mut Applied) {
        let entered = self.books.entry(place.clone()).or_default().enter(order, entry);
        self.take_in(place, order.number, entered, applied);
    }

    /// What a book did becomes state and events: fills first, then orders, then levels.
    fn take_in(&mut self, place: Place, came: u64, entered: Entered, applied: &mut Applied) {
        let mut changed = BTreeSet::from([came]);
        for matched in &entered.matches {
            self.add_fill(matched, &place, applied);
            changed.extend([matched.maker, matched.taker]);
        }
        for (number, why) in entered.closed {
            changed.insert(number);
            self.mark_closed(number, why);
        }
        for number in changed {
            let Some(standing) = self.orders.get(&number) else { continue };
            if standing.closed.is_none() && standing.remaining() == 0 {
                self.mark_closed(number, Closed::Filled);
            }
            self.tell_order(number, applied);
        }
        self.tell_levels(&place, &entered.touched, applied);
        if let Place::Quotes(id) = &place {
            if !entered.matches.is_empty() {
                self.end_request(&id.clone(), applied);
            }
        }
        if self.books.get(&place).is_some_and(Book::is_empty) {
            self.books.remove(&place);
        }
    }

    fn tell_levels(&mut self, place: &Place, touched: &[(Side, i64)], applied: &mut Applied) {
        let Place::Public(strategy) = place else { return };
        for (side, price) in touched {
            let quantity = self.books.get(place).map_or(0, |book| book.level(*side, *price));
            let sequence = self.sequences.entry(strategy.clone()).or_default();
            *sequence += 1;
            applied.events.push(Event::Level {
                strategy: strategy.clone(),
                sequence: *sequence,
                side: *side,
                price: *price,
                quantity,
            });
        }
    }

    fn tell_order(&self, number: u64, applied: &mut Applied) {
        if let Some(standing) = self.orders.get(&number) {
            applied.events.push(Event::Order(Box::new(standing.clone())));
        }
    }

    fn cancel(&mut self, portfolio: Key, which: Which, time: u64, applied: &mut Applied) {
        let open = self.open.get(&portfolio).cloned().unwrap_or_default();
        for number in open {
            let Some(standing) = self.orders.get(&number) else { continue };
            let asked = match which {
                Which::Nonce(nonce) => standing.order.nonce == nonce,
                // Not what was signed after the cancel, and came before it.
                Which::All => standing.order.nonce <= time,
            };
            if asked {
                self.close(number, Closed::Cancelled, applied);
                applied.orders.push(number);
            }
        }
    }

    /// An order leaves its book, if it is open.
    pub(crate) fn close(&mut self, number: u64, why: Closed, applied: &mut Applied) {
        let Some(standing) = self.orders.get(&number).filter(|standing| standing.closed.is_none()) else { return };
        let place = self.place_of(&standing.order);
        let entered = self.books.get_mut(&place).and_then(|book| book.remove(number)).unwrap_or_default();
        self.mark_closed(number, why);
        self.take_in(place, number, entered, applied);
    }

    fn mark_closed(&mut self, number: u64, why: Closed) {
        let Some(standing) = self.orders.get_mut(&number) else { return };
        standing.closed = Some(why);
        if standing.pending() == 0 {
            standing.order.signed = None;
        }
        let portfolio = standing.order.portfolio;
        if let Some(open) = self.open.get_mut(&portfolio) {
            open.remove(&number);
            if open.is_empty() {
                self.open.remove(&portfolio);
            }
        }
    }

    /// Closes what ends, and forgets what ended and has nothing to settle any more: nobody can send it again.
    fn tick(&mut self, now: i64, applied: &mut Applied) {
        let over: Vec<_> = self.ends.range(..(now.saturating_add(1), 0)).map(|(_, number)| *number).collect();
        for number in over {
            self.close(number, Closed::Expired, applied);
            applied.orders.push(number);
            if self.orders.get(&number).is_some_and(|standing| standing.pending() == 0) {
                self.forget(number);
            }
        }
        self.end_requests(now, applied);
        let oldest = now.saturating_sub(2 * crate::control::WINDOW).max(0).unsigned_abs() * 1_000_000;
        self.times.retain(|_, time| *time > oldest);
    }

    /// Whether a tick would do anything.
    pub fn is_due(&self, now: i64) -> bool {
        let order = self.ends.first().is_some_and(|(end, _)| *end <= now);
        order || self.requests.values().any(|request| request.until <= now)
    }

    fn forget(&mut self, number: u64) {
        let Some(Standing { order, .. }) = self.orders.remove(&number) else { return };
        self.ids.remove(&order.id);
        self.nonces.remove(&(order.portfolio, order.nonce, order.until));
        self.ends.remove(&(order.until, number));
    }

    /// Enters an order where it is looked for.
    fn index(&mut self, standing: &Standing) {
        let (number, order) = (standing.number, &standing.order);
        self.ids.insert(order.id.clone(), number);
        self.nonces.insert((order.portfolio, order.nonce, order.until), number);
        self.ends.insert((order.until, number));
        if standing.closed.is_none() {
            self.open.entry(order.portfolio).or_default().insert(number);
        }
    }

    fn place_of(&self, order: &Order) -> Place {
        match &order.request {
            Some(request) => Place::Quotes(request.clone()),
            None => Place::Public(order.strategy.clone()),
        }
    }

    fn entry_of(&self, order: &Order) -> Entry {
        let asked = order.request.as_ref().and_then(|id| self.requests.get(id));
        match asked {
            Some(request) if request.portfolio != order.portfolio => Entry::Quote,
            _ if is_immediate(order) => Entry::Immediate,
            _ => Entry::Wait,
        }
    }

    /// An order by its id.
    pub fn order(&self, id: &Id) -> Option<&Standing> {
        self.orders.get(self.ids.get(id)?)
    }

    pub fn order_by_number(&self, number: u64) -> Option<&Standing> {
        self.orders.get(&number)
    }

    /// Open orders of a portfolio, the oldest first.
    pub fn open_orders(&self, portfolio: &Key) -> impl Iterator<Item = &Standing> {
        self.open.get(portfolio).into_iter().flatten().filter_map(|number| self.orders.get(number))
    }

    /// All orders, closed ones that are remembered too.
    pub fn orders(&self) -> impl Iterator<Item = &Standing> {
        self.orders.values()
    }

    /// The public book of a strategy, none where it is empty, and how many of its levels ever changed. None where nothing was ever
    /// ordered.
    pub fn book(&self, strategy: &Strategy) -> Option<(Option<&Book>, u64)> {
        let sequence = *self.sequences.get(strategy)?;
        Some((self.books.get(&Place::Public(strategy.clone())), sequence))
    }

    /// Strategies that have a public book, with their best prices.
    pub fn books(&self) -> impl Iterator<Item = (&Strategy, &Book)> {
        self.books.iter().filter_map(|(place, book)| match place {
            Place::Public(strategy) => Some((strategy, book)),
            Place::Quotes(_) => None,
        })
    }

    /// How many orders are open.
    pub fn open_count(&self) -> usize {
        self.open.values().map(BTreeSet::len).sum()
    }

    /// Commands that led here.
    pub fn commands(&self) -> u64 {
        self.commands
    }
}

fn is_immediate(order: &Order) -> bool {
    order.flags.ioc || order.flags.fok
}

/// What of an order waits in a book.
pub(crate) fn resting(standing: &Standing) -> Resting {
    let order = &standing.order;
    Resting {
        number: standing.number,
        portfolio: order.portfolio.0,
        side: order.side,
        limit: order.limit,
        remaining: standing.remaining(),
        minimum: order.minimum,
        post_only: order.flags.post_only,
        whole: order.flags.fok,
    }
}
