//! Expiries of the fixture: listing, pricing and trading them.

use std::collections::BTreeMap;

use novate_client::instructions::{self as build, ExpirySlots, Holdings, TradeSide};
use novate_client::state::{minutes_of, Expiry, Market, Portfolio, MAX_EXPIRIES};
use novate_client::{addresses, decode, instrument, Forecast, Instruction, Leg, Pubkey, Right, StrikeRange};

use solana_signer::Signer;

use crate::sending::{Refusal, Sent};
use crate::{Actor, World, USDC};

/// Seconds of a day, and from midnight UTC to an expiry.
const DAY: i64 = 86_400;
const TIME_OF_DAY: i64 = 28_800;

/// Strikes that one refresh of the fixture prices: within the compute limit.
const REFRESHED: usize = 48;

/// A smile without a tilt: the same vol at every strike of an expiry that is `seconds` away.
pub fn flat(vol: f64, seconds: i64) -> Forecast {
    let a = (vol * vol * seconds as f64 / (365.0 * DAY as f64) * 1e6).round() as i64;
    Forecast { basis: 0, a, b: 0, rho: 0, m: 0, sigma: 100_000 }
}

/// An instruction of governance must fail with this error.
#[track_caller]
pub fn refused(world: &mut World, instruction: Instruction, error: impl Into<Refusal>) {
    let signer = world.signer_of(&instruction);
    world.refuses(&[instruction], &[&signer], error);
}

impl World {
    /// Sends an instruction of the governor.
    #[track_caller]
    fn governed(&mut self, instruction: Instruction) -> Sent {
        let governor = self.governor.insecure_clone();
        self.succeeds(&[instruction], &[&governor])
    }

    /// The first expiry at least `days` days from now.
    pub fn expiry_in(&self, days: i64) -> i64 {
        let least = self.now() + days * DAY;
        (least - TIME_OF_DAY).div_euclid(DAY) * DAY + TIME_OF_DAY + if least % DAY == TIME_OF_DAY { 0 } else { DAY }
    }

    pub fn list_expiry_instruction(&self, market: u16, time: i64, forecast: Forecast) -> Instruction {
        build::list_expiry(self.governor.pubkey(), &self.market(market), time, forecast, self.now())
    }

    /// Lists an expiry and has its forecast applied, so that it can be traded. Returns the listing.
    #[track_caller]
    pub fn list_expiry(&mut self, market: u16, time: i64, forecast: Forecast) -> Sent {
        let sent = self.list_unpublished(market, time, forecast);
        self.publish_forecast(market, time, forecast);
        sent
    }

    /// Lists an expiry and no more.
    #[track_caller]
    pub fn list_unpublished(&mut self, market: u16, time: i64, forecast: Forecast) -> Sent {
        let list = self.list_expiry_instruction(market, time, forecast);
        self.governed(list)
    }

    pub fn list_strikes_instruction(&self, market: u16, time: i64, strikes: &[i64]) -> Instruction {
        build::list_strikes(self.governor.pubkey(), &self.market(market), time, strikes.to_vec())
    }

    #[track_caller]
    pub fn list_strikes(&mut self, market: u16, time: i64, strikes: &[i64]) -> Sent {
        let list = self.list_strikes_instruction(market, time, strikes);
        self.governed(list)
    }

    /// An expiry at least `days` away with a flat smile and strikes in whole USD, priced. Returns its time.
    #[track_caller]
    pub fn chain(&mut self, market: u16, days: i64, vol: f64, strikes: &[i64]) -> i64 {
        let time = self.expiry_in(days);
        self.list_expiry(market, time, flat(vol, time - self.now()));
        let strikes: Vec<i64> = strikes.iter().map(|usd| usd * crate::PRICE).collect();
        if !strikes.is_empty() {
            self.list_strikes(market, time, &strikes);
            self.refresh_expiry(market, time);
        }
        time
    }

    /// Prices some strikes of an expiry.
    pub fn refresh_expiry_instruction(&self, market: u16, time: i64, first: u8, count: u8) -> Instruction {
        let asset = self.underlyings[usize::from(market)];
        let range = StrikeRange { first, count };
        build::refresh_expiry(&self.pool, &[ExpirySlots { market, asset, time, range }])
    }

    /// Prices all strikes of an expiry at the asset's last price.
    #[track_caller]
    pub fn refresh_expiry(&mut self, market: u16, time: i64) {
        let count = self.expiry(market, time).strike_count;
        let refresh = self.refresh_expiry_instruction(market, time, 0, count);
        self.succeeds(&[refresh], &[]);
    }

    /// Every expiry that has not passed, with all its strikes, by market and time.
    pub fn live_chains(&self) -> Vec<ExpirySlots> {
        let now = self.now();
        self.chains().into_iter().filter(|slots| slots.time > now).collect()
    }

    /// Every expiry that is not closed.
    pub fn chains(&self) -> Vec<ExpirySlots> {
        let of_market = |market: u16| {
            let asset = self.underlyings[usize::from(market)];
            self.expiries_of(market).into_iter().map(move |expiry| ExpirySlots {
                market,
                asset,
                time: expiry.time,
                range: StrikeRange { first: 0, count: expiry.strike_count },
            })
        };
        (0..self.underlyings.len() as u16).flat_map(of_market).collect()
    }

    /// Publishes every price again and prices every strike of every live expiry.
    #[track_caller]
    pub fn refresh_chains(&mut self) {
        self.refresh();
        let live: Vec<_> = self.live_chains().into_iter().filter(|slots| slots.range.count > 0).collect();
        for some in live.chunks(REFRESHED / 24) {
            let refresh = build::refresh_expiry(&self.pool, some);
            self.succeeds(&[refresh], &[]);
        }
    }

    /// Slot of the strike of an expiry that is `at`th from the lowest; the number itself where there are not so many.
    pub fn slot_of(&self, market: u16, time: i64, at: usize) -> u8 {
        let expiry = self.expiry(market, time);
        let mut slots: Vec<usize> = (0..expiry.listed().len()).collect();
        slots.sort_by_key(|slot| expiry.strikes[*slot].strike);
        slots.get(at).copied().unwrap_or(at) as u8
    }

    /// A leg in an option at its mark, rounded to the tick of 0.01 USD.
    pub fn at_mark(&self, market: u16, time: i64, (slot, right): (u8, Right), quantity: i64) -> Leg {
        let expiry = self.expiry(market, time);
        let strike = expiry.strike(slot).expect("a strike that is listed");
        let mark = match right {
            Right::Call => strike.mark.0,
            Right::Put => strike.mark.0 - expiry.forward(strike.reference).unwrap().0 + strike.strike.0,
        };
        option_leg(market, time, slot, right, quantity, mark / 10_000_000 * 10_000_000)
    }

    pub fn expiry_address(&self, market: u16, time: i64) -> Pubkey {
        addresses::expiry(&addresses::market(&self.pool, market), time)
    }

    pub fn expiry(&self, market: u16, time: i64) -> Expiry {
        self.state(&self.expiry_address(market, time))
    }

    fn expiries_of(&self, market: u16) -> Vec<Expiry> {
        let market_state = self.market(market);
        let listed = market_state.listed_expiries();
        assert!(listed.len() <= MAX_EXPIRIES);
        listed.iter().map(|minutes| self.expiry(market, i64::from(*minutes) * 60)).collect()
    }

    /// Every expiry of the first `markets` markets, by id.
    pub(crate) fn expiries(&self, markets: u16) -> BTreeMap<u64, Box<Expiry>> {
        let all = (0..markets).flat_map(|m| self.expiries_of(m));
        all.map(|e| (e.id(), Box::new(e))).collect()
    }

    /// A trade of any instruments that the fixture lists.
    pub fn trade_of(&self, first: TradeSide, second: TradeSide, legs: &[Leg]) -> Instruction {
        let holdings = self.traded([first.portfolio, second.portfolio], legs);
        build::trade(self.keys(), first, second, &holdings, legs.to_vec())
    }

    /// What two portfolios hold and trade with each other.
    pub fn traded(&self, sides: [Pubkey; 2], legs: &[Leg]) -> Holdings {
        let mut holdings = self.holdings(&sides);
        for leg in legs {
            let market = usize::from(instrument::market_of(leg.instrument));
            if let Some(underlying) = self.underlyings.get(market) {
                holdings = holdings.with_traded(leg.instrument, *underlying);
            }
        }
        // Who has a haircut to bear, or cash held back, writes the settlement asset.
        let claims = self.asset(USDC).claims;
        let data = |address: &Pubkey| self.svm.get_account(address).map(|a| a.data).unwrap_or_default();
        let side_behind =
            |side: &Pubkey| decode::<Portfolio>(&data(side)).is_ok_and(|p| p.is_behind(&claims) || p.claim.held > 0);
        let market_behind = |leg: &Leg| {
            let market = addresses::market(&self.pool, instrument::market_of(leg.instrument));
            decode::<Market>(&data(&market)).is_ok_and(|m| m.is_behind(&claims))
        };
        if sides.iter().any(side_behind) || legs.iter().any(market_behind) {
            holdings = holdings.with_cash_moved();
        }
        holdings
    }

    #[track_caller]
    pub fn trade_legs(&mut self, first: &Actor, second: &Actor, legs: &[Leg]) -> Sent {
        let trade = self.trade_of(first.side(), second.side(), legs);
        self.succeeds(&[trade], &[&first.key, &second.key])
    }
}

/// A leg in a future.
pub fn future(market: u16, time: i64, quantity: i64, price: i64) -> Leg {
    Leg { instrument: instrument::future(market, minutes_of(time)), quantity, price }
}

/// A leg in an option by the slot of its strike.
pub fn option_leg(market: u16, time: i64, slot: u8, right: Right, quantity: i64, price: i64) -> Leg {
    Leg { instrument: instrument::option(market, minutes_of(time), slot, right), quantity, price }
}

pub fn call(market: u16, time: i64, slot: u8, quantity: i64, price: i64) -> Leg {
    option_leg(market, time, slot, Right::Call, quantity, price)
}

pub fn put(market: u16, time: i64, slot: u8, quantity: i64, price: i64) -> Leg {
    option_leg(market, time, slot, Right::Put, quantity, price)
}
