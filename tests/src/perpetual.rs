//! Venues that report mids, and premium and funding of a perpetual worked out a second time from the rules (CLR-11, CLR-15):
//! nothing of the arithmetic here is the program's.

use novate_client::instructions as build;
use novate_client::state::{Market, Position};
use novate_client::{addresses, Instruction, Pubkey};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Sent, World};

/// Premiums are 1e-12.
const ONE: i128 = 1_000_000_000_000;
const MOST: i128 = ONE / 200;
/// A quantity in 1e-9 contracts times an index in 1e-9 USD, over a settlement unit.
const UNIT: i128 = 1_000_000_000_000;
/// Of a rate in 1e-12 for eight hours, a second.
const SECOND: i128 = 28_800 * ONE;

/// The share elapsed / period of the way, cut off, and all of it at the most.
fn step(from: i64, to: i64, elapsed: i64, period: i64) -> i64 {
    let way = (i128::from(to) - i128::from(from)) * i128::from(elapsed.min(period)) / i128::from(period);
    from + way as i64
}

/// Funding of the time since the last accrual, an hour at most, at the average of then; and the average of now.
pub fn accrue(market: &mut Market, now: i64) {
    let elapsed = now - market.funding_time;
    if elapsed <= 0 {
        return;
    }
    let hour = i128::from(elapsed.min(3_600));
    let due = i128::from(market.index_price.0) * i128::from(market.premium_average) * hour;
    let total = i128::from(market.funding.0) * SECOND + i128::from(market.funding_remainder) + due;
    market.funding.0 = total.div_euclid(SECOND) as i64;
    market.funding_remainder = total.rem_euclid(SECOND) as i64;
    market.premium_average = step(market.premium_average, market.premium_exact, elapsed, 3_600);
    market.funding_time = now;
}

/// The median of reports at most a minute old, of three or more.
pub fn median(market: &Market, now: i64) -> i64 {
    let fresh = market.mids.iter().filter(|m| m.time > 0 && m.time >= now - 60);
    let mut premiums: Vec<i64> = fresh.map(|m| m.premium).collect();
    premiums.sort_unstable();
    match premiums.len() {
        0..3 => 0,
        n if n % 2 == 1 => premiums[n / 2],
        n => (premiums[n / 2 - 1] + premiums[n / 2]) / 2,
    }
}

/// A refresh at an index price; everything but the initial multiplier.
pub fn refresh(market: &mut Market, price: i64, now: i64) {
    accrue(market, now);
    let elapsed = (now - market.refreshed).max(0);
    let drawn = step(market.premium_exact, market.premium_target, elapsed.min(60), 1_800);
    market.premium_exact = step(drawn, 0, (elapsed - 60).max(0), 1_800);
    market.premium_target = median(market, now);
    market.premium.0 = market.premium_exact / 1_000_000;
    market.index_price.0 = price;
    market.mark.0 = mark(market, price);
    market.refreshed = market.refreshed.max(now);
}

/// The perpetual's mark.
pub fn mark(market: &Market, price: i64) -> i64 {
    (i128::from(price) * (1_000_000 + i128::from(market.premium.0))).div_euclid(1_000_000) as i64
}

/// Premium of a mid over an index price.
pub fn premium(mid: i64, price: i64) -> i64 {
    let premium = ((i128::from(mid) - i128::from(price)) * ONE).div_euclid(i128::from(price));
    premium.clamp(-MOST, MOST) as i64
}

/// What a position owes up to the market's index, rounded up.
pub fn owed(position: &Position, market: &Market) -> i64 {
    let exact = i128::from(position.quantity) * (i128::from(market.funding.0) - i128::from(position.funding));
    -(-exact).div_euclid(UNIT) as i64
}

impl World {
    pub fn register_instruction(&self, signer: &Pubkey) -> Instruction {
        build::register_venue(self.governor.pubkey(), self.pool, *signer)
    }

    /// A registered venue with lamports.
    pub fn venue(&mut self) -> Keypair {
        let (key, governor) = (self.new_wallet(), self.governor.insecure_clone());
        let register = self.register_instruction(&key.pubkey());
        self.succeeds(&[register], &[&governor]);
        key
    }

    pub fn venues(&mut self, count: usize) -> Vec<Keypair> {
        (0..count).map(|_| self.venue()).collect()
    }

    pub fn venue_address(&self, venue: &Keypair) -> Pubkey {
        addresses::venue(&self.pool, &venue.pubkey())
    }

    pub fn report_instruction(&self, venue: &Pubkey, market: u16, mid: i64) -> Instruction {
        build::report_mid(&self.pool, *venue, market, self.underlyings[usize::from(market)], mid)
    }

    #[track_caller]
    pub fn report(&mut self, venue: &Keypair, market: u16, mid: i64) -> Sent {
        let report = self.report_instruction(&venue.pubkey(), market, mid);
        self.succeeds(&[report], &[venue])
    }

    /// Every venue reports a mid at a premium over the asset's price, in 1e-6.
    #[track_caller]
    pub fn report_at(&mut self, venues: &[Keypair], market: u16, premium: i64) {
        let price = self.asset(self.underlyings[usize::from(market)]).price.0;
        for venue in venues {
            self.report(venue, market, price + price / 1_000_000 * premium);
        }
    }

    #[track_caller]
    pub fn refresh_market(&mut self, market: u16) -> Sent {
        let refresh = build::refresh_market(&self.pool, &[(market, self.underlyings[usize::from(market)])]);
        self.succeeds(&[refresh], &[])
    }

    /// Seconds of a venue's premium, in steps of at most half a minute, prices published again with each.
    #[track_caller]
    pub fn dwell(&mut self, venues: &[Keypair], market: u16, premium: i64, seconds: i64) {
        let end = self.now() + seconds;
        self.report_at(venues, market, premium);
        while self.now() < end {
            self.pass((end - self.now()).min(30));
            self.refresh();
            self.report_at(venues, market, premium);
        }
    }
}
