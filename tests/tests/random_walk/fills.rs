//! Fills of signed orders: whole and in parts, by two orders or by one and a signature, of orders that were filled before, are cancelled,
//! have expired or ask for more; each with its outcome foreseen, and never more of an order than was signed.

use std::collections::BTreeMap;

use novate::events::{FilledOrder, Traded};
use novate_client::instructions::{self as build, Behind, SettledSide};
use novate_client::instrument::expiry_of;
use novate_client::order::{Cluster, Order, OrderFlags, OrderSide};
use novate_client::signing::SignedMessage;
use novate_client::state::Portfolio;
use novate_client::{symbol, Instruction, Leg, NovateError, OrderId, Pubkey, Snapshot};
use novate_tests::orders::{by_order, signed_in, strategy, NONCES};
use novate_tests::sending::{packet_size, PACKET};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::judge::{named, refused, Foreseen, Judge, Refused};
use super::trades::CROWDED;
use super::Walk;

/// Seconds that a nonce may be ahead.
const AHEAD: i64 = 60;
/// Orders that are remembered.
const REMEMBERED: usize = 60;
/// How much is filled of what nothing more may be filled of.
const CANCELLED: i64 = i64::MAX;

/// Portfolio, its life, and the order: what shares one count.
type Count = (Pubkey, u64, u64, i64);

/// Orders that were signed, and how much of them is filled.
#[derive(Default)]
pub(super) struct Placed {
    orders: Vec<SignedOrder>,
    filled: BTreeMap<Count, i64>,
    /// One that was cancelled, and is tried next.
    cancelled: Option<Count>,
}

/// An order, and the legs of one strategy.
#[derive(Clone)]
struct SignedOrder {
    text: String,
    message: SignedMessage,
    /// Instruments and ratios.
    legs: Vec<(u64, i64)>,
}

/// What stands behind a side.
enum Side {
    Signature(Keypair),
    Order(SignedOrder),
}

impl SignedOrder {
    fn order(&self) -> Order<'_> {
        Order::parse(self.text.as_bytes()).expect("what was rendered is read")
    }

    fn count(&self) -> Count {
        let order = self.order();
        (order.portfolio, order.generation, order.nonce, order.until)
    }

    /// The symbols still stand for the same instruments.
    fn is_listed(&self, snapshot: &Snapshot) -> bool {
        let order = self.order();
        let named = order.legs.iter().map(|leg| leg.symbol);
        self.legs.iter().zip(named).all(|((id, _), named)| {
            let open = expiry_of(*id).is_none_or(|expiry| snapshot.expiries.contains_key(&expiry));
            open && symbol::of(snapshot, *id).is_some_and(|symbol| symbol == named)
        })
    }
}

impl Placed {
    /// A cancellation that succeeded.
    pub(super) fn cancel(&mut self, portfolio: &Pubkey, generation: u64, order: &OrderId) {
        let count = (*portfolio, generation, order.nonce, order.until);
        self.filled.insert(count, CANCELLED);
        self.cancelled = Some(count);
    }

    /// An order of a portfolio that has not expired, where there is one.
    pub(super) fn of(&self, portfolio: &Pubkey, now: i64) -> Option<OrderId> {
        let counts = self.orders.iter().rev().map(SignedOrder::count);
        let own = counts.into_iter().find(|(of, _, _, until)| of == portfolio && *until > now);
        own.map(|(_, _, nonce, until)| OrderId { nonce, until })
    }

    fn remember(&mut self, order: &SignedOrder) {
        self.orders.retain(|known| known.message != order.message);
        if self.orders.len() == REMEMBERED {
            self.orders.remove(0);
        }
        self.orders.push(order.clone());
    }
}

impl Walk {
    /// A new fill, by a delegate of this moment now and then, or one more of an order that was signed before.
    pub(super) fn settle_orders(&mut self) {
        let cancelled = self.placed.cancelled.take();
        let delegated = if cancelled.is_none() && self.chance.percent(15) { self.name_delegate() } else { None };
        let mut judge = self.judge();
        let again = cancelled.is_some() || delegated.is_none() && self.chance.percent(60);
        let again = if again { self.filled_again(&judge, cancelled) } else { None };
        let Some((seats, mut sides, legs)) = again.or_else(|| self.new_fill(&judge, delegated)) else {
            return self.trade();
        };
        judge.accrue(legs.iter().map(|leg| leg.instrument));
        let mut settle = self.settling(seats, &sides, &legs);
        // Two long orders do not fit a packet: one side signs then.
        for side in [1, 0] {
            if packet_size(&self.world.with_tables(&settle, &signers(&sides), &self.tables)) > PACKET {
                sides[side] = Side::Signature(self.trader(seats[side]));
                settle = self.settling(seats, &sides, &legs);
            }
        }
        let before = seats.map(|seat| self.portfolio(seat));
        let foreseen = self.foresee_fill(&judge, &before, &sides, &legs);
        for side in &sides {
            if let Side::Order(order) = side {
                if foreseen.is_ok() || self.chance.percent(20) {
                    self.placed.remember(order);
                }
            }
        }
        self.note_refusal(&foreseen);
        let Some(sent) = self.expect_all("settle_orders", &settle, &signers(&sides), &foreseen) else { return };
        let foreseen = foreseen.unwrap();
        for (seat, expected) in seats.into_iter().zip(&foreseen.after) {
            self.assert_is(seat, expected);
        }
        self.assert_zero_sum(&judge, &before, &foreseen, legs.len());
        self.assert_accrued(&judge, legs.iter().map(|leg| leg.instrument));
        self.assert_bystanders(&judge, &seats);
        self.note_trade(&sent.event());
        self.count_fill(&before, &sides, legs[0].quantity, &sent.event());
    }

    /// A seat whose delegate can sign orders from now on.
    fn name_delegate(&mut self) -> Option<usize> {
        let seat = self.chance.index(12);
        let (actor, delegate) = (self.actor(seat), self.world.new_key());
        let expiry = self.world.now() + 5_000;
        let set = build::set_delegate(actor.address(), actor.portfolio, delegate.pubkey(), expiry);
        self.run("set_delegate", set, &[&actor.key]).ok()?;
        self.seats[seat].delegate = Some(delegate);
        self.world.pass(1);
        Some(seat)
    }

    /// Between two seats, in what they trade otherwise: each side by an order, hardly ever flawed, or one by a signature.
    fn new_fill(&mut self, judge: &Judge, delegated: Option<usize>) -> Option<([usize; 2], [Side; 2], Vec<Leg>)> {
        let mut seats = self.sides();
        seats[0] = delegated.unwrap_or(seats[0]);
        if seats[0] == seats[1] {
            return None;
        }
        let before = seats.map(|seat| self.portfolio(seat));
        let crowded = before[0].position_count > CROWDED;
        let closes = before[0].in_auction() || self.chance.percent(if crowded { 80 } else { 25 });
        let mut legs = match self.chance.between(0, 9) {
            _ if closes => self.closing(judge, &before),
            0..=6 => self.perpetuals(judge, &before),
            _ => self.strategy(judge, &before),
        };
        if legs[0].quantity == 0 {
            return None;
        }
        let one = legs[0].quantity;
        if legs.iter().any(|leg| leg.quantity % one != 0 || (leg.quantity / one).abs() > 1_000 || leg.quantity == 0) {
            legs.truncate(1);
        }
        let sides = match self.chance.between(0, 3) {
            0 => [self.sign(seats[0], &legs, 0, closes)?, Side::Signature(self.trader(seats[1]))],
            1 if delegated.is_none() => [Side::Signature(self.trader(seats[0])), self.sign(seats[1], &legs, 1, false)?],
            _ => [self.sign(seats[0], &legs, 0, closes)?, self.sign(seats[1], &legs, 1, false)?],
        };
        Some((seats, sides, legs))
    }

    /// An order that a fill belongs to, of a side by its place; `None` where something in it has no symbol.
    fn sign(&mut self, seat: usize, legs: &[Leg], place: usize, closes: bool) -> Option<Side> {
        let (snapshot, now) = (self.world.snapshot(), self.world.now());
        let symbols: Vec<String> =
            legs.iter().map(|leg| symbol::of(&snapshot, leg.instrument)).collect::<Option<_>>()?;
        let (cost, named) = strategy(legs, &symbols);
        let buys = (legs[0].quantity > 0) == (place == 0);
        let reach: i64 = legs.iter().zip(&named).map(|(leg, named)| named.ratio.abs() * leg.price / 4).sum();
        let slack = if self.chance.percent(3) {
            -1
        } else {
            *self.chance.pick(&[0, reach, reach, reach, reach, reach, reach, reach])
        };
        let (key, portfolio) = (self.trader(seat), self.portfolio(seat));
        let flags = OrderFlags {
            fok: self.chance.percent(8),
            reduce_only: self.chance.percent(if closes { 60 } else { 5 }),
            post_only: self.chance.percent(5),
            ioc: false,
        };
        let mut order = Order {
            cluster: Cluster::Localnet,
            portfolio: self.seats[seat].actor.portfolio,
            generation: portfolio.generation,
            side: if buys { OrderSide::Buy } else { OrderSide::Sell },
            quantity: legs[0].quantity.abs() * *self.chance.pick(&[1, 1, 2, 2, 3, 5]),
            legs: named,
            limit: if buys { cost + slack } else { cost - slack },
            until: now + if self.chance.percent(2) { 0 } else { self.chance.between(1_000, 2_500_000) },
            nonce: ((now + self.chance.between(-5, AHEAD)) * NONCES + self.chance.between(0, 999_999)) as u64,
            flags,
        };
        if order.flags.fok && self.chance.percent(70) {
            order.quantity = legs[0].quantity.abs();
        }
        // A delegate's first nonce is a minute ahead.
        if key.pubkey() == portfolio.delegate && self.chance.percent(80) {
            order.nonce = order.nonce.max(portfolio.delegate_nonce);
        }
        // The count of another order, now and then.
        let other = self.placed.of(&order.portfolio, now);
        if let Some(other) = other.filter(|_| self.chance.percent(4)) {
            (order.nonce, order.until) = (other.nonce, other.until);
        }
        let text = order.render();
        let message = signed_in(&key, &order, self.chance.percent(40));
        let ratios = legs.iter().zip(&order.legs).map(|(leg, named)| (leg.instrument, named.ratio)).collect();
        Some(Side::Order(SignedOrder { text, message, legs: ratios }))
    }

    /// What is left of an order, a part of it or too much, against a signature or a new order; `None` where there is none any more.
    fn filled_again(&mut self, judge: &Judge, cancelled: Option<Count>) -> Option<([usize; 2], [Side; 2], Vec<Leg>)> {
        let open = |at: &SignedOrder| self.seats.iter().position(|seat| seat.actor.portfolio == at.order().portfolio);
        let listed = self.placed.orders.iter().filter(|order| order.is_listed(&judge.snapshot));
        let listed: Vec<(usize, SignedOrder)> =
            listed.filter_map(|order| Some((open(order)?, order.clone()))).collect();
        let filled = |signed: &SignedOrder| self.placed.filled.get(&signed.count()).copied().unwrap_or_default();
        let alive = |signed: &SignedOrder| signed.order().until > judge.now;
        let lives: Vec<_> = listed.iter().filter(|(_, signed)| alive(signed)).cloned().collect();
        let left = |signed: &SignedOrder| filled(signed) < signed.order().quantity;
        let open: Vec<_> = lives.iter().filter(|(_, signed)| left(signed)).cloned().collect();
        let some = match self.chance.between(1, 100) {
            _ if cancelled.is_some() => {
                lives.into_iter().filter(|(_, signed)| Some(signed.count()) == cancelled).collect()
            }
            1..=2 => listed,
            3..=15 => lives,
            _ => open,
        };
        if some.is_empty() {
            return None;
        }
        let (seat, signed) = self.chance.pick(&some).clone();
        let order = signed.order();
        let lot = 1_000_000;
        let left = order.quantity.saturating_sub(filled(&signed));
        let quantity = match self.chance.between(0, 9) {
            0 => left.max(0) + lot,
            _ if left <= 0 => order.quantity,
            1..=4 => left,
            _ => (left / 2 / lot * lot).max(lot),
        };
        let place = self.chance.index(2);
        let turned = if (order.side == OrderSide::Buy) == (place == 0) { quantity } else { -quantity };
        let legs = signed.legs.iter().map(|(instrument, ratio)| self.leg(judge, *instrument, ratio * turned)).collect();
        let legs: Vec<Leg> = legs;
        let other = self.chance.index(12);
        if other == seat {
            return None;
        }
        let against = match self.chance.percent(50) {
            true => self.sign(other, &legs, 1 - place, false)?,
            false => Side::Signature(self.trader(other)),
        };
        Some(match place {
            0 => ([seat, other], [Side::Order(signed), against], legs),
            _ => ([other, seat], [against, Side::Order(signed)], legs),
        })
    }

    /// A seat that signed an order, where there is one.
    pub(super) fn placed_seat(&mut self) -> usize {
        let now = self.world.now();
        let signed = |seat: &usize| self.placed.of(&self.seats[*seat].actor.portfolio, now).is_some();
        let signed: Vec<usize> = (0..self.seats.len()).filter(signed).collect();
        match signed.is_empty() {
            true => self.seat(),
            false => *self.chance.pick(&signed),
        }
    }

    fn settling(&self, seats: [usize; 2], sides: &[Side; 2], legs: &[Leg]) -> Vec<Instruction> {
        let settled = |at: usize| {
            let actor = &self.seats[seats[at]].actor;
            match &sides[at] {
                Side::Order(order) => by_order(actor, &order.message),
                Side::Signature(key) => {
                    SettledSide { portfolio: actor.portfolio, behind: Behind::Signer(key.pubkey()) }
                }
            }
        };
        self.world.settling([&settled(0), &settled(1)], legs)
    }

    /// The order in which the program finds what is wrong.
    fn foresee_fill(
        &self,
        judge: &Judge,
        before: &[Portfolio; 2],
        sides: &[Side; 2],
        legs: &[Leg],
    ) -> Refused<Foreseen> {
        let (mut noted, mut reduce_only) = (*before, [false; 2]);
        for at in [0, 1] {
            match &sides[at] {
                Side::Signature(key) => noted[at].require_trader(&key.pubkey(), judge.now).map_err(named)?,
                Side::Order(signed) => {
                    self.foresee_order(signed, &mut noted[at], legs, judge.now)?;
                    reduce_only[at] = signed.order().flags.reduce_only;
                }
            }
        }
        judge.trade_within(&noted, legs, reduce_only)
    }

    /// What refuses an order; notes in the portfolio how much is filled.
    fn foresee_order(&self, signed: &SignedOrder, portfolio: &mut Portfolio, legs: &[Leg], now: i64) -> Refused<()> {
        let order = signed.order();
        if order.generation != portfolio.generation {
            return refused(NovateError::OrderGeneration);
        }
        if order.until <= now {
            return refused(NovateError::OrderExpired);
        }
        if order.nonce < portfolio.minimum_nonce {
            return refused(NovateError::NonceTooLow);
        }
        if order.nonce > ((now + AHEAD) * NONCES) as u64 {
            return refused(NovateError::NonceAhead);
        }
        portfolio.require_order_signer(&signed.message.signer, order.nonce, now).map_err(named)?;
        let cost: i64 = order.legs.iter().zip(legs).map(|(named, leg)| named.ratio * leg.price).sum();
        if if order.side == OrderSide::Buy { cost > order.limit } else { cost < order.limit } {
            return refused(NovateError::OrderLimit);
        }
        let quantity = legs[0].quantity.abs();
        let filled = match self.placed.filled.get(&signed.count()).copied().unwrap_or_default() {
            CANCELLED => return refused(NovateError::OrderCancelled),
            before if before + quantity > order.quantity => return refused(NovateError::OrderOverfilled),
            before => before + quantity,
        };
        if order.flags.fok && quantity != order.quantity {
            return refused(NovateError::FillOrKill);
        }
        portfolio.note_filled(order.nonce, order.until, filled, now).map_err(named)
    }

    fn note_refusal(&mut self, foreseen: &Refused<Foreseen>) {
        let is = |error: NovateError| foreseen.as_ref().is_err_and(|found| *found == error.name());
        let wanted = [
            ("more than an order was refused", NovateError::OrderOverfilled),
            ("a cancelled order was refused", NovateError::OrderCancelled),
            ("a price beyond an order's limit was refused", NovateError::OrderLimit),
            ("what a reduce-only order would open was refused", NovateError::ReduceOnly),
        ];
        let happened = wanted.map(|(what, error)| (what, is(error)));
        happened.into_iter().for_each(|(what, happened)| self.lived(what, happened));
    }

    /// CLR-52, by a count of its own: what the event tells, and no more of any order than was signed.
    fn count_fill(&mut self, before: &[Portfolio; 2], sides: &[Side; 2], traded: i64, event: &Traded) {
        let told: [Option<FilledOrder>; 2] = [event.first_order, event.second_order];
        for ((side, told), before) in sides.iter().zip(told).zip(before) {
            let Side::Order(signed) = side else {
                assert_eq!(told, None, "{}", self.place());
                continue;
            };
            let order = signed.order();
            let earlier = self.placed.filled.get(&signed.count()).copied().unwrap_or_default();
            let filled = earlier + traded.abs();
            self.placed.filled.insert(signed.count(), filled);
            assert!(filled <= order.quantity, "CLR-52: {} of {}: {}", filled, signed.text, self.place());
            let id = OrderId { nonce: order.nonce, until: order.until };
            assert_eq!(told, Some(FilledOrder { order: id, filled }), "{}", self.place());
            self.lived("an order was filled again", earlier > 0);
            self.lived("a delegate's order was filled", signed.message.signer != before.owner);
            self.lived("an order with a limit below zero was filled", order.limit < 0);
            self.lived("a reduce-only order was filled", order.flags.reduce_only);
        }
        let orders = sides.iter().filter(|side| matches!(side, Side::Order(_))).count();
        self.lived("two orders filled each other", orders == 2);
        self.lived("an order was filled against a signature", orders == 1);
    }
}

fn signers(sides: &[Side; 2]) -> Vec<&Keypair> {
    let keys = sides.iter().filter_map(|side| match side {
        Side::Signature(key) => Some(key),
        Side::Order(_) => None,
    });
    keys.collect()
}
