//! Rounds of haircuts of a market: losses that are forgiven, and gains that are registered and charged for them. See
//! `docs/clearing.md`, Haircut of gains.

use super::books::{Market, Portfolio, Position, Round};
use super::format::Fields;
use super::{ceil, expect, Booked, Books};
use crate::checker::market_of;

/// Seconds for which gains are registered, and for which a round that is opened anew lasts at most.
const WINDOW: i128 = 7_200;
const LONGEST: i128 = 86_400;
/// Settlement units that no round is opened for.
const LEAST: i128 = 100_000_000;

impl Round {
    /// Gains are registered and wait.
    pub fn is_open(&self, now: i128) -> bool {
        self.ends != 0 && now < self.ends && self.uncharged == self.gains
    }

    fn remainder(&self) -> i128 {
        (self.forgiven - self.charged).max(0)
    }
}

impl Market {
    /// A loss that is forgiven: carried where the event names no round, taken into the one that stands, or into the next, which is
    /// opened, or opened anew with what was forgiven so far. Returns what the round takes in.
    pub fn forgive(&mut self, amount: i128, number: i128, now: i128) -> Result<i128, String> {
        let stands = self.round.ends != 0;
        if number != 0 && stands && !self.round.is_open(now) {
            return Err(format!("{amount} is forgiven in a round that is over"));
        }
        self.haircut += amount;
        self.carried += amount;
        if number == 0 {
            return if self.carried < LEAST { Ok(0) } else { Err(format!("{} are carried", self.carried)) };
        }
        if number == self.round.number + 1 {
            let [forgiven, first] = if stands { [self.round.forgiven, self.round.first] } else { [0, now] };
            self.round = Round { number, ends: now + WINDOW, forgiven, first, ..Round::default() };
        }
        if number != self.round.number || self.round.ends > self.round.first + LONGEST || self.round.ends == 0 {
            return Err(format!("{amount} is forgiven in round {number}, after {:?}", self.round));
        }
        let taken = std::mem::take(&mut self.carried);
        self.round.forgiven += taken;
        Ok(taken)
    }

    /// What a registered gain is charged.
    fn charge_gain(&mut self, position: &mut Position, charged: i128) -> Booked {
        if self.is_void(position) {
            position.lose_gain();
            return expect("the charge of a void gain", charged, 0);
        }
        let round = &mut self.round;
        let share = ceil(position.gain * round.forgiven, round.gains.max(1)).min(position.gain);
        expect("a charge", charged, share)?;
        let paid = charged.min(round.remainder());
        position.cost += charged;
        round.charged += charged;
        round.uncharged -= position.gain;
        position.lose_gain();
        self.haircut -= paid;
        self.rounding += charged - paid;
        Ok(())
    }

    fn register_gain(&mut self, position: &mut Position, registered: i128, now: i128) -> Booked {
        if registered == 0 {
            return Ok(());
        }
        if position.gain != 0 && !self.is_void(position) || !self.round.is_open(now) {
            return Err(format!("{registered} is registered beside {}, in {:?}", position.gain, self.round));
        }
        (position.gain, position.round) = (registered, self.round.number);
        self.round.gains += registered;
        self.round.uncharged += registered;
        Ok(())
    }

    /// A position of an account without equity bears nothing in a round that is open.
    pub fn exempt(&mut self, position: &mut Position, now: i128) {
        if self.round.is_open(now) {
            if !self.is_void(position) {
                self.round.gains -= position.gain;
                self.round.uncharged -= position.gain;
            }
            position.lose_gain();
        }
    }

    /// Registered before the last opening.
    fn is_void(&self, position: &Position) -> bool {
        position.round != self.round.number
    }

    /// What a position bore, by the event.
    pub fn bear(&mut self, position: &mut Position, borne: &Fields, now: i128) -> Booked {
        // Of nothing that was forgiven the charge is 0.
        if position.gain != 0 && (self.is_void(position) || self.round.ends != 0 && !self.round.is_open(now)) {
            self.charge_gain(position, borne.number("charged"))?;
        } else {
            expect("a charge", borne.number("charged"), 0)?;
        }
        self.register_gain(position, borne.number("registered"), now)
    }

    /// Ends the round, and returns what its gains did not cover.
    pub fn end_round(&mut self, now: i128) -> Result<i128, String> {
        if self.round.ends == 0 || self.round.is_open(now) || self.round.uncharged != 0 {
            return Err(format!("no end for {:?}", self.round));
        }
        self.round.ends = 0;
        Ok(self.round.remainder())
    }

    /// How much of what is pending stays so.
    pub fn holds_back(&self, shortage: i128, now: i128) -> i128 {
        if self.round.is_open(now) {
            i128::MAX
        } else {
            shortage
        }
    }
}

impl Position {
    fn lose_gain(&mut self) {
        (self.gain, self.round) = (0, 0);
    }
}

impl Books {
    /// What the positions of a portfolio bore, by a list of the event: charges end rounds, and gains are registered in the next.
    pub fn bear(&mut self, portfolio: &mut Portfolio, entries: &[&Fields], now: i128) -> Booked {
        self.charge_gains(portfolio, entries)?;
        self.register_gains(portfolio, entries, now)
    }

    pub fn charge_gains(&mut self, portfolio: &mut Portfolio, entries: &[&Fields]) -> Booked {
        for entry in entries.iter().filter(|entry| entry.number("amount") <= 0) {
            let (position, market) = self.bearing(portfolio, entry)?;
            market.charge_gain(position, -entry.number("amount"))?;
        }
        Ok(())
    }

    pub fn register_gains(&mut self, portfolio: &mut Portfolio, entries: &[&Fields], now: i128) -> Booked {
        for entry in entries {
            let (position, market) = self.bearing(portfolio, entry)?;
            market.register_gain(position, entry.number("amount").max(0), now)?;
        }
        Ok(())
    }

    fn bearing<'a>(
        &mut self,
        portfolio: &'a mut Portfolio,
        entry: &Fields,
    ) -> Result<(&'a mut Position, &mut Market), String> {
        let instrument = entry.number("instrument") as u64;
        let position = portfolio.positions.get_mut(&instrument).ok_or("there is no position that bears")?;
        Ok((position, self.market(market_of(instrument))?))
    }
}
