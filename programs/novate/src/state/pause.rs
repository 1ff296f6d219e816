//! Pauses per kind of action (CLR-51): they only tighten, end by themselves, and leave exits open.

use anchor_lang::prelude::*;

use super::{Pool, Portfolio};
use crate::error::NovateError;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A kind of action that can be paused; its place among these is that in [`Pool::paused_until`]. What is not here cannot be
/// paused: transfers between own portfolios, settling, repaying, taking back what was lent, ending an auction, closing accounts, unstaking.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `trade`, unless every leg shrinks both sides.
    Trade,
    /// `deposit` into a portfolio without positions and loans: who may be liquidated can always add collateral.
    Deposit,
    /// `withdraw`.
    Withdraw,
    /// `borrow`.
    Borrow,
    /// `start_auction` and `liquidate`.
    Liquidate,
    /// `stake`.
    Stake,
}

impl Action {
    pub const ALL: [Self; 6] = [Self::Trade, Self::Deposit, Self::Withdraw, Self::Borrow, Self::Liquidate, Self::Stake];

    /// Longest pause, in seconds from its beginning. Exits are stopped for a day at most; auctions for four hours, since what
    /// an account lacks by then is another's loss.
    pub fn longest(self) -> i64 {
        match self {
            Self::Trade | Self::Deposit | Self::Borrow | Self::Stake => 7 * DAY,
            Self::Withdraw => DAY,
            Self::Liquidate => 4 * HOUR,
        }
    }
}

impl Pool {
    /// Unix time until which a kind of action is paused; in the past where it is not.
    pub fn paused_until(&self, action: Action) -> i64 {
        time(&self.paused_until, action)
    }

    /// Unix time from which a new pause of it may begin.
    pub fn pausable_from(&self, action: Action) -> i64 {
        time(&self.pausable_from, action)
    }

    /// Fails where the kind of action is paused.
    pub fn require_running(&self, action: Action, now: i64) -> Result<()> {
        require!(now >= self.paused_until(action), NovateError::Paused);
        Ok(())
    }

    /// Auctions were paused since the one of a portfolio began: its clock ran while nobody could bid.
    pub fn paused_since(&self, portfolio: &Portfolio) -> bool {
        portfolio.auction_start < self.paused_until(Action::Liquidate)
    }

    /// Pauses a kind of action for `seconds` from now. A pause under way can be prolonged, not shortened, up to the longest
    /// counted from its beginning; the next may begin as long after that as the longest takes, or where it is lifted after as long again. So no kind is paused for more than
    /// half of the time, whatever the guardian does.
    pub fn pause(&mut self, action: Action, seconds: i64, now: i64) -> Result<()> {
        let longest = action.longest();
        require!(seconds > 0 && seconds <= longest, NovateError::PauseTooLong);
        let end = now.saturating_add(seconds);
        let rest = longest.saturating_mul(2);
        let paused = self.paused_until(action);
        if now < paused {
            let began = self.pausable_from(action).saturating_sub(rest);
            require!(end <= began.saturating_add(longest), NovateError::PauseTooLong);
            require!(end > paused, NovateError::PauseNotLonger);
        } else {
            require!(now >= self.pausable_from(action), NovateError::PausedLately);
            set(&mut self.pausable_from, action, now.saturating_add(rest));
        }
        set(&mut self.paused_until, action, end);
        Ok(())
    }

    /// Ends a pause now; the next may begin after as long again as this one lasted. So the guardian is not disarmed by a pause that was
    /// lifted, and still no kind is paused for more than half of the time.
    pub fn unpause(&mut self, action: Action, now: i64) -> Result<()> {
        require!(now < self.paused_until(action), NovateError::NotPaused);
        let rest = action.longest().saturating_mul(2);
        let began = self.pausable_from(action).saturating_sub(rest);
        set(&mut self.pausable_from, action, now.saturating_add(now.saturating_sub(began)));
        set(&mut self.paused_until, action, now);
        Ok(())
    }
}

fn time(times: &[i64], action: Action) -> i64 {
    times.get(usize::from(action as u8)).copied().unwrap_or_default()
}

fn set(times: &mut [i64], action: Action, time: i64) {
    if let Some(place) = times.get_mut(usize::from(action as u8)) {
        *place = time;
    }
}
