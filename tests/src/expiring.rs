//! Expiries of the fixture at their end: samples, fix, settlement and closing.

use novate_client::instructions as build;
use novate_client::{Instruction, Pubkey};

use crate::feed::Quote;
use crate::sending::Sent;
use crate::{Actor, World};

/// Seconds before an expiry at which its window begins, and from sample to sample of the fixture: 21 to the end.
pub const WINDOW: i64 = 1_800;
const STEP: i64 = 90;

impl World {
    /// Sets the clock forward to a unix time.
    pub fn pass_to(&mut self, time: i64) {
        let seconds = time - self.now();
        assert!(seconds >= 0, "the clock is past {time} already");
        self.pass(seconds);
    }

    /// Takes a sample of some assets, each at its last price, every 90 s from the beginning of a window to its end.
    #[track_caller]
    pub fn sample_through(&mut self, assets: &[u16], time: i64) {
        for sampled in (time - WINDOW..=time).step_by(STEP as usize) {
            self.pass_to(sampled);
            for asset in assets {
                self.publish(*asset, Quote::new(self.listing(*asset).usd, sampled));
            }
            let refresh = self.refresh_asset(assets);
            self.succeeds(&[refresh], &[]);
        }
    }

    /// Lets an expiry pass with its underlying at a price throughout the window, and fixes it.
    #[track_caller]
    pub fn expire_at(&mut self, market: u16, time: i64, usd: f64) {
        let asset = self.underlyings[usize::from(market)];
        self.listings[usize::from(asset)].usd = usd;
        self.sample_through(&[asset], time);
        self.fix(market, time);
        self.refresh();
    }

    #[track_caller]
    pub fn fix(&mut self, market: u16, time: i64) -> Sent {
        let fix = self.fix_instruction(market, time);
        self.succeeds(&[fix], &[])
    }

    pub fn fix_instruction(&self, market: u16, time: i64) -> Instruction {
        build::fix_expiry(&self.expiry(market, time))
    }

    pub fn settle_expiry_instruction(&self, portfolio: &Pubkey, market: u16, time: i64) -> Instruction {
        build::settle_expiry(&self.pool, *portfolio, market, time)
    }

    #[track_caller]
    pub fn settle_expiry(&mut self, actor: &Actor, market: u16, time: i64) -> Sent {
        let settle = self.settle_expiry_instruction(&actor.portfolio, market, time);
        self.succeeds(&[settle], &[])
    }

    pub fn close_expiry_instruction(&self, market: u16, time: i64) -> Instruction {
        build::close_expiry(&self.expiry(market, time))
    }

    #[track_caller]
    pub fn close_expiry(&mut self, market: u16, time: i64) -> Sent {
        let close = self.close_expiry_instruction(market, time);
        self.succeeds(&[close], &[])
    }
}
