//! Orders made void before they are filled; venues taken in and left; and the fills that venues settle.

use novate_client::instructions as build;
use novate_client::state::{Fill, Portfolio};
use novate_client::{NovateError, OrderId, Pubkey};
use solana_signer::Signer;

use super::judge::{named, Refused};
use super::Walk;

/// Nonces in a second: microseconds.
const SECOND: i64 = 1_000_000;
/// Seconds that a nonce may be ahead.
const AHEAD: i64 = 60;

impl Walk {
    /// By the owner, or a delegate, whose power may have ended: an order by name, or all that were signed until now.
    pub(super) fn cancel_orders(&mut self) {
        let seat = match self.chance.percent(70) {
            true => self.placed_seat(),
            false => self.seat(),
        };
        let (key, now) = (self.trader(seat), self.world.now());
        let (actor, mut after) = (self.actor(seat), self.portfolio(seat));
        let nonce = ((now + self.chance.between(-600, AHEAD)) * SECOND) as u64;
        let order = OrderId { nonce, until: now + self.chance.between(-5, 5_000) };
        let placed = self.placed.of(&actor.portfolio, now).filter(|_| self.chance.percent(60));
        let order = placed.unwrap_or(order);
        let (minimum, orders) = if self.chance.percent(70) { (0, vec![order]) } else { (nonce, vec![]) };
        let foreseen = foresee_cancelled(&mut after, &key.pubkey(), minimum, &orders, now);
        let cancel = build::cancel_orders(key.pubkey(), actor.portfolio, minimum, orders.clone());
        if self.expect("cancel_orders", cancel, &[&key], &foreseen).is_some() {
            self.assert_is(seat, &after);
            let alive = |order: &&OrderId| order.nonce >= after.minimum_nonce && order.until > now;
            for order in orders.iter().filter(alive) {
                self.placed.cancel(&actor.portfolio, after.generation, order);
            }
        }
    }

    pub(super) fn opt_in_venue(&mut self) {
        if self.venues.is_empty() {
            return self.register_venue();
        }
        let (seat, at) = (self.seat(), self.chance.index(self.venues.len()));
        let (actor, mut after) = (self.actor(seat), self.portfolio(seat));
        let foreseen = match self.venues[at].active {
            true => after.opt_in(self.venues[at].index).map_err(named),
            false => Err(NovateError::VenueInactive.name()),
        };
        after.next_sequence();
        let signer = self.venues[at].key.pubkey();
        let opt_in = build::opt_in_venue(actor.address(), &self.world.pool, actor.portfolio, &signer);
        if self.expect("opt_in_venue", opt_in, &[&actor.key], &foreseen).is_some() {
            self.assert_is(seat, &after);
        }
    }

    pub(super) fn opt_out_venue(&mut self) {
        let seat = self.seat_where(|_, p| !p.venues().is_empty());
        let (actor, mut after) = (self.actor(seat), self.portfolio(seat));
        let stranger = after.venues().is_empty() || self.chance.percent(5);
        let venue = if stranger { self.chance.index(12) as u16 } else { *self.chance.pick(after.venues()) };
        let foreseen = after.opt_out(venue).map_err(named);
        after.next_sequence();
        let out = build::opt_out_venue(actor.address(), actor.portfolio, venue);
        if self.expect("opt_out_venue", out, &[&actor.key], &foreseen).is_some() {
            self.assert_is(seat, &after);
        }
    }

    /// A fill of perpetuals, between two portfolios of which hardly ever one did not opt in.
    pub(super) fn clear(&mut self) {
        let active: Vec<usize> = (0..self.venues.len()).filter(|at| self.venues[*at].active).collect();
        if active.is_empty() {
            return self.register_venue();
        }
        let venue = &self.venues[*self.chance.pick(&active)];
        let (key, index) = (venue.key.insecure_clone(), venue.index);
        let opted = |p: &Portfolio| p.venues().contains(&index);
        let seats = [0; 2].map(|_| self.seat_where(|_, p| opted(p) && !p.in_auction()));
        let before = seats.map(|seat| self.portfolio(seat));
        if seats[0] == seats[1] || !before.iter().all(opted) && self.chance.percent(90) {
            return self.opt_in_venue();
        }
        let mut judge = self.judge();
        let legs = self.perpetuals(&judge, &before);
        judge.accrue(legs.iter().map(|leg| leg.instrument));
        let foreseen = match before.iter().all(opted) {
            true => judge.trade(&before, &legs),
            false => Err(NovateError::VenueNotOptedIn.name()),
        };
        let sides = seats.map(|seat| self.actor(seat).portfolio);
        let holdings = self.world.traded(sides, &legs);
        let clear = build::clear(self.world.keys(), key.pubkey(), sides, &holdings, legs.clone());
        let Some(sent) = self.expect("clear", clear, &[&key], &foreseen) else { return };
        let foreseen = foreseen.unwrap();
        for (seat, expected) in seats.into_iter().zip(&foreseen.after) {
            self.assert_is(seat, expected);
        }
        self.assert_zero_sum(&judge, &before, &foreseen, legs.len());
        self.assert_bystanders(&judge, &seats);
        self.note_trade(&sent.event());
    }
}

/// The order in which the program finds what is wrong; leaves behind what it does.
fn foresee_cancelled(
    portfolio: &mut Portfolio,
    signer: &Pubkey,
    minimum: u64,
    orders: &[OrderId],
    now: i64,
) -> Refused<()> {
    portfolio.require_trader(signer, now).map_err(named)?;
    if orders.is_empty() && minimum <= portfolio.minimum_nonce {
        return Err(NovateError::NothingCancelled.name());
    }
    portfolio.minimum_nonce = portfolio.minimum_nonce.max(minimum);
    let minimum = portfolio.minimum_nonce;
    for order in orders.iter().filter(|order| order.nonce >= minimum && order.until > now) {
        portfolio.note_filled(order.nonce, order.until, Fill::CANCELLED, now).map_err(named)?;
    }
    portfolio.next_sequence();
    Ok(())
}
