//! One book: open orders of one strategy by price and time, and what trades when another comes. It knows no clock, no disk and no
//! network.
//!
//! Of two orders that cross, the older one waits and makes the price. At one price the older trades first. An order trades up to its limit and its
//! quantity, never with one of its own portfolio (the newer is cancelled), and not in parts smaller than its minimum.

use std::collections::BTreeMap;

use novate_client::Pubkey;

use crate::order::{Closed, Side};

/// An order in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Place in time; unique.
    pub number: u64,
    pub portfolio: Pubkey,
    pub side: Side,
    /// USD 1e-9 per strategy.
    pub limit: i64,
    /// Strategies, 1e-9.
    pub remaining: i64,
    pub minimum: i64,
    pub post_only: bool,
    /// It trades whole or not at all.
    pub whole: bool,
}

/// Two orders traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The older one.
    pub maker: u64,
    pub taker: u64,
    /// Of the maker.
    pub maker_side: Side,
    /// Strategies, 1e-9.
    pub quantity: i64,
    /// The maker's limit.
    pub price: i64,
}

/// What an order did to the book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entered {
    pub matches: Vec<Match>,
    /// Orders that left the book, or did not get into it, and why. What was filled whole is not listed.
    pub closed: Vec<(u64, Closed)>,
    /// Prices whose quantities changed.
    pub touched: Vec<(Side, i64)>,
}

/// By price from the best, then by time: negated for buyers.
type Rank = (i128, u64);

/// How an order enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It trades, and what is left waits.
    Wait,
    /// It trades, and what is left is cancelled.
    Immediate,
    /// It waits without trading: a quote.
    Quote,
}

/// Open orders of one strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    buys: BTreeMap<Rank, Resting>,
    sells: BTreeMap<Rank, Resting>,
    /// Where each order stands.
    places: BTreeMap<u64, (Side, i64)>,
    /// Quantity at each price, 1e-9.
    buy_levels: BTreeMap<i64, i128>,
    sell_levels: BTreeMap<i64, i128>,
}

fn rank(side: Side, limit: i64, number: u64) -> Rank {
    (-i128::from(limit) * i128::from(side.sign()), number)
}

/// Whether a buyer and a seller agree on a price.
fn crosses(side: Side, limit: i64, other: i64) -> bool {
    match side {
        Side::Buy => limit >= other,
        Side::Sell => limit <= other,
    }
}

impl Book {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn get(&self, number: u64) -> Option<&Resting> {
        let (side, limit) = *self.places.get(&number)?;
        self.side(side).get(&rank(side, limit, number))
    }

    /// Numbers of all orders.
    pub fn places(&self) -> impl Iterator<Item = u64> + '_ {
        self.places.keys().copied()
    }

    /// Orders of a side, the best first.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = &Resting> {
        self.side(side).values()
    }

    /// Prices of a side with their quantities, the best first.
    pub fn levels(&self, side: Side) -> Vec<(i64, i128)> {
        let levels = self.levels_of(side).iter().map(|(price, quantity)| (*price, *quantity));
        match side {
            Side::Buy => levels.rev().collect(),
            Side::Sell => levels.collect(),
        }
    }

    /// Quantity at a price, 1e-9.
    pub fn level(&self, side: Side, price: i64) -> i128 {
        self.levels_of(side).get(&price).copied().unwrap_or_default()
    }

    /// Best prices of buyers and sellers.
    pub fn best(&self) -> (Option<i64>, Option<i64>) {
        let first = |side| self.orders(side).next().map(|order: &Resting| order.limit);
        (first(Side::Buy), first(Side::Sell))
    }

    /// An order comes, or comes back. One that is older than what it meets is the maker all the same.
    pub fn enter(&mut self, mut order: Resting, entry: Entry) -> Entered {
        let mut entered = Entered::default();
        if entry == Entry::Quote {
            self.rest(order, &mut entered);
            return entered;
        }
        let mut stopped = None;
        let mut after = None;
        while order.remaining >= order.minimum.max(1) {
            let Some(other) = self.next(&order, after) else { break };
            after = Some(rank(other.side, other.limit, other.number));
            match judge(&order, &other) {
                Verdict::Close(number, why) if number == order.number => {
                    stopped = Some(why);
                    break;
                }
                Verdict::Close(number, why) => {
                    self.remove_into(number, &mut entered);
                    entered.closed.push((number, why));
                }
                Verdict::Skip => {}
                Verdict::Trade(quantity) => {
                    entered.matches.push(matched(&order, &other, quantity));
                    order.remaining -= quantity;
                    self.shrink(&other, quantity, &mut entered);
                }
            }
        }
        let left = order.remaining;
        let why = match (stopped, entry) {
            (Some(why), _) => Some(why),
            (None, _) if left == 0 => None,
            (None, _) if left < order.minimum => Some(Closed::Remainder),
            (None, _) if order.whole => Some(Closed::NotFillable),
            (None, Entry::Immediate) => Some(Closed::NothingLeft),
            (None, _) => {
                self.rest(order, &mut entered);
                None
            }
        };
        entered.closed.extend(why.map(|why| (order.number, why)));
        entered.tidy();
        entered
    }

    /// An order leaves. None where it was not there.
    pub fn remove(&mut self, number: u64) -> Option<Entered> {
        let mut entered = Entered::default();
        self.remove_into(number, &mut entered)?;
        Some(entered)
    }

    /// More of an order waits at its place again; `false` where it is not in the book.
    pub fn grow(&mut self, number: u64, quantity: i64, entered: &mut Entered) -> bool {
        let Some((side, limit)) = self.places.get(&number).copied() else { return false };
        if let Some(order) = self.side_mut(side).get_mut(&rank(side, limit, number)) {
            order.remaining = order.remaining.saturating_add(quantity);
            self.move_level(side, limit, i128::from(quantity), entered);
        }
        true
    }

    /// The best order on the other side after a rank that an order could trade with.
    fn next(&self, order: &Resting, after: Option<Rank>) -> Option<Resting> {
        use std::ops::Bound::{Excluded, Unbounded};
        let others = self.side(order.side.opposite());
        let (_, other) = others.range((after.map_or(Unbounded, Excluded), Unbounded)).next()?;
        crosses(order.side, order.limit, other.limit).then_some(*other)
    }

    fn rest(&mut self, order: Resting, entered: &mut Entered) {
        self.places.insert(order.number, (order.side, order.limit));
        self.side_mut(order.side).insert(rank(order.side, order.limit, order.number), order);
        self.move_level(order.side, order.limit, i128::from(order.remaining), entered);
    }

    fn shrink(&mut self, other: &Resting, quantity: i64, entered: &mut Entered) {
        let left = other.remaining - quantity;
        if left > 0 && left >= other.minimum {
            let at = rank(other.side, other.limit, other.number);
            if let Some(order) = self.side_mut(other.side).get_mut(&at) {
                order.remaining = left;
            }
            self.move_level(other.side, other.limit, -i128::from(quantity), entered);
            return;
        }
        self.remove_into(other.number, entered);
        if left > 0 {
            entered.closed.push((other.number, Closed::Remainder));
        }
    }

    fn remove_into(&mut self, number: u64, entered: &mut Entered) -> Option<()> {
        let (side, limit) = self.places.remove(&number)?;
        let order = self.side_mut(side).remove(&rank(side, limit, number))?;
        self.move_level(side, limit, -i128::from(order.remaining), entered);
        Some(())
    }

    fn move_level(&mut self, side: Side, price: i64, quantity: i128, entered: &mut Entered) {
        let levels = match side {
            Side::Buy => &mut self.buy_levels,
            Side::Sell => &mut self.sell_levels,
        };
        let level = levels.entry(price).or_default();
        *level += quantity;
        if *level == 0 {
            levels.remove(&price);
        }
        entered.touched.push((side, price));
    }

    fn levels_of(&self, side: Side) -> &BTreeMap<i64, i128> {
        match side {
            Side::Buy => &self.buy_levels,
            Side::Sell => &self.sell_levels,
        }
    }

    fn side(&self, side: Side) -> &BTreeMap<Rank, Resting> {
        match side {
            Side::Buy => &self.buys,
            Side::Sell => &self.sells,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Rank, Resting> {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }
}

impl Entered {
    /// Each price once.
    fn tidy(&mut self) {
        self.touched.sort();
        self.touched.dedup();
    }
}

/// What two orders that cross are to do.
enum Verdict {
    Trade(i64),
    /// One of them is cancelled.
    Close(u64, Closed),
    /// Nothing: one would have to trade whole and cannot.
    Skip,
}

fn judge(order: &Resting, other: &Resting) -> Verdict {
    let newer = if order.number > other.number { order } else { other };
    if order.portfolio == other.portfolio {
        return Verdict::Close(newer.number, Closed::SelfTrade);
    }
    if newer.post_only {
        return Verdict::Close(newer.number, Closed::WouldCross);
    }
    let quantity = order.remaining.min(other.remaining);
    let parts = |of: &Resting| of.whole && quantity < of.remaining;
    if parts(order) || parts(other) {
        return Verdict::Skip;
    }
    Verdict::Trade(quantity)
}

fn matched(order: &Resting, other: &Resting, quantity: i64) -> Match {
    let (maker, taker) = if order.number < other.number { (order, other) } else { (other, order) };
    Match { maker: maker.number, taker: taker.number, maker_side: maker.side, quantity, price: maker.limit }
}
