//! Pools beside the one that trades, and the expiries and strikes of all.

use novate_client::instructions as build;
use novate_client::order::Cluster;
use novate_client::state::{Asset, Expiry, Market, Pool, MAX_EXPIRIES};
use novate_client::{addresses, Forecast, NovateError, Pubkey};
use novate_tests::spec::symbol;
use novate_tests::{checker, committee, perpetual, MarketSpec, World, PRICE, USDC};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::judge::Refused;
use super::keepers::{smile, VOLS};
use super::{Venue, Walk, DATED, USD};
use crate::checking::raw;

/// Most live expiries of a market that trades, and strikes of each.
const LIVE: usize = 3;
const STRIKES: u8 = 9;
/// Strikes as shares of the price where it began.
const SPREAD: [f64; 6] = [0.85, 0.92, 0.98, 1.04, 1.12, 1.3];

impl Walk {
    pub(super) fn governor(&self) -> Keypair {
        self.world.governor.insecure_clone()
    }

    pub(super) fn side_pool(&self, id: u16) -> (Pubkey, Pool) {
        let address = addresses::pool(&self.governor().pubkey(), id);
        (address, self.world.state(&address))
    }

    /// The rules in every pool but the one that trades.
    pub(super) fn check_side_pools(&self) {
        self.pools.iter().for_each(|id| self.check(&self.side_pool(*id).0));
    }

    pub(super) fn check(&self, pool: &Pubkey) {
        let wrong = checker::violations(&raw(&self.world), pool.to_bytes());
        assert!(wrong.is_empty(), "{}\n{}", self.place(), wrong.join("\n"));
    }

    pub(super) fn create_pool(&mut self) {
        let governor = self.governor();
        let free = |id: &u16| self.world.svm.get_account(&addresses::pool(&governor.pubkey(), *id)).is_none();
        let next = (1..).find(free).unwrap();
        let id = if self.chance.percent(10) { next - 1 } else { next };
        let mint = self.world.listing(USDC).token.mint;
        let create = build::create_pool(governor.pubkey(), id, Cluster::Localnet, mint, self.world.roles());
        if self.run("create_pool", create, &[&governor]).is_ok() {
            self.pools.push(id);
        }
    }

    pub(super) fn add_asset(&mut self) {
        let Some(id) = self.pools.last().copied() else { return self.create_pool() };
        let governor = self.governor();
        let (address, pool) = self.side_pool(id);
        let index = if self.chance.percent(8) { 2 } else { pool.asset_count };
        let mint = if self.chance.percent(5) { 0 } else { index.min(4) };
        let listing = self.world.listing(mint).clone();
        let mut terms = listing.spec.terms(&listing.feed);
        terms.symbol = symbol("SIDE");
        let add = build::add_asset(governor.pubkey(), address, index, listing.token, terms);
        self.run("add_asset", add, &[&governor]).ok();
        self.check(&address);
    }

    pub(super) fn add_market(&mut self) {
        let with_assets =
            self.pools.iter().copied().filter(|id| self.side_pool(*id).1.asset_count > 1).collect::<Vec<_>>();
        if with_assets.is_empty() {
            return self.add_asset();
        }
        let governor = self.governor();
        let id = *self.chance.pick(&with_assets);
        let (address, pool) = self.side_pool(id);
        let lowest = i64::from(self.chance.percent(90));
        let asset = self.chance.between(lowest, i64::from(pool.asset_count) - 1) as u16;
        let terms = MarketSpec::new("SIDE-PERP", asset).terms;
        let add = build::add_market(governor.pubkey(), address, asset, pool.market_count, terms);
        self.run("add_market", add, &[&governor]).ok();
    }

    pub(super) fn stage_scenarios(&mut self) {
        let unstaged = self.pools.iter().copied().filter(|id| {
            let pool = self.side_pool(*id).1;
            pool.generation == 0 && pool.column_count > 0
        });
        let unstaged: Vec<u16> = unstaged.collect();
        let governor = self.governor();
        let (address, generation, range) = match unstaged.first() {
            // Two halves, as the dice fall, make a side pool's first generation.
            Some(id) if self.chance.percent(60) => {
                let start = *self.chance.pick(&[0, 4]);
                (self.side_pool(*id).0, 1, World::rows_of(8, 1, start, 4))
            }
            // The next generation of the pool that trades never gets its last row.
            _ => {
                let start = self.chance.between(0, 125) as u16;
                (self.world.pool, 2, World::rows_of(128, 0b111, start, 2))
            }
        };
        let stage = build::stage_scenarios(governor.pubkey(), address, generation, range);
        self.run("stage_scenarios", stage, &[&governor]).ok();
    }

    // The committee.

    /// Three new members, or what must be refused.
    pub(super) fn set_committee(&mut self) {
        let (governor, pool) = (self.governor(), self.world.pool);
        let next = committee::sorted((0..3).map(|_| self.world.new_wallet()).collect());
        let mut keys: Vec<Pubkey> = next.iter().map(Keypair::pubkey).collect();
        let (mut quorum, mut foreseen) = (2, Ok(()));
        match self.chance.between(0, 19) {
            0 => (quorum, foreseen) = (1, Err(NovateError::InvalidCommittee)),
            1 => (keys[0], foreseen) = (Pubkey::default(), Err(NovateError::InvalidCommittee)),
            2 => (keys[1], foreseen) = (governor.pubkey(), Err(NovateError::MemberHoldsRole)),
            _ => (),
        }
        let foreseen = foreseen.map_err(|error: NovateError| error.name());
        let set = build::set_committee(governor.pubkey(), pool, keys, quorum);
        if self.expect("set_committee", set, &[&governor], &foreseen).is_some() {
            self.world.members = next;
        }
    }

    /// One of three, by the authority or by itself. With two left there is a quorum still.
    pub(super) fn remove_member(&mut self) {
        while self.world.members.len() < 3 {
            self.set_committee();
        }
        let at = self.chance.index(3);
        let member = self.world.members[at].insecure_clone();
        let stranger = self.actor(0).key;
        let (signer, foreseen) = match self.chance.between(0, 9) {
            0 => (stranger, Err(NovateError::NotAuthority.name())),
            1..=3 => (member.insecure_clone(), Ok(())),
            _ => (self.governor(), Ok(())),
        };
        let remove = build::remove_member(signer.pubkey(), self.world.pool, member.pubkey());
        if self.expect("remove_member", remove, &[&signer], &foreseen).is_none() {
            return;
        }
        self.world.members.remove(at);
        let slots = *self.chance.pick(&self.world.live_chains());
        let last = Forecast::from(&self.world.expiry(slots.market, slots.time));
        let submit = build::submit_forecast(member.pubkey(), self.world.pool, slots.market, slots.time, last);
        self.expect::<()>("submit_forecast", submit, &[&member], &Err(NovateError::NotMember.name()));
    }

    // Venues.

    pub(super) fn register_venue(&mut self) {
        let governor = self.governor();
        let removed: Vec<usize> = (0..self.venues.len()).filter(|at| !self.venues[*at].active).collect();
        let again = !removed.is_empty() && (self.venues.len() > 9 || self.chance.percent(60));
        let at = if again { *self.chance.pick(&removed) } else { self.venues.len() };
        let key = match self.venues.get(at) {
            Some(venue) => venue.key.insecure_clone(),
            None => self.world.new_wallet(),
        };
        if self.venues.iter().filter(|venue| venue.active).count() > 8 {
            return self.remove_venue();
        }
        let (signer, foreseen) = match self.chance.between(0, 19) {
            0 => (Pubkey::default(), Err(NovateError::InvalidVenue.name())),
            1 => match self.venues.iter().find(|venue| venue.active) {
                Some(venue) => (venue.key.pubkey(), Err(NovateError::VenueActive.name())),
                None => (key.pubkey(), Ok(())),
            },
            _ => (key.pubkey(), Ok(())),
        };
        let register = self.world.register_instruction(&signer);
        if self.expect("register_venue", register, &[&governor], &foreseen).is_none() {
            return;
        }
        match self.venues.get_mut(at) {
            Some(venue) => venue.active = true,
            None => {
                let index = self.venues.len() as u16;
                self.venues.push(Venue { key, index, active: true });
            }
        }
    }

    /// Out of some of the markets too.
    pub(super) fn remove_venue(&mut self) {
        let active: Vec<usize> = (0..self.venues.len()).filter(|at| self.venues[*at].active).collect();
        if active.len() < 4 {
            return self.register_venue();
        }
        let at =
            if self.chance.percent(95) { *self.chance.pick(&active) } else { self.chance.index(self.venues.len()) };
        let venue = self.venues[at].key.pubkey();
        let markets = *self.chance.pick(&[&[][..], &[0], &[1, 3], &[0, 1, 2, 3]]);
        let stranger = self.actor(0).key;
        let (authority, foreseen) = match (self.chance.percent(5), self.venues[at].active) {
            (true, _) => (stranger, Err(NovateError::NotAuthority.name())),
            (false, true) => (self.governor(), Ok(())),
            (false, false) => (self.governor(), Err(NovateError::VenueInactive.name())),
        };
        let remove = build::remove_venue(authority.pubkey(), self.world.pool, venue, markets);
        if self.expect("remove_venue", remove, &[&authority], &foreseen).is_some() {
            self.venues[at].active = false;
            for market in markets {
                let market = self.world.market(*market);
                assert!(market.mids.iter().all(|m| m.time == 0 || usize::from(m.venue) != at), "{}", self.place());
                assert_eq!(market.premium_target, perpetual::median(&market, self.world.now()), "{}", self.place());
            }
        }
    }

    // Expiries.

    /// Three expiries of BTC and two of ETH, with strikes that have values.
    pub(super) fn list_chains(&mut self) {
        for (market, days) in [(0, 2), (0, 9), (0, 40), (1, 9), (1, 40)] {
            let time = self.world.expiry_in(days);
            self.list_at(self.world.pool, market, (time, self.smile_of(market, time)), &Ok(()));
        }
        self.make_tables();
    }

    fn smile_of(&self, market: u16, time: i64) -> Forecast {
        let vol = VOLS.get(usize::from(market)).copied().unwrap_or(1.0);
        smile(vol, time - self.world.now())
    }

    /// A market of a side pool, if there is one.
    fn side_market(&mut self) -> Option<Market> {
        let pools = self.pools.iter().map(|id| self.side_pool(*id));
        let with: Vec<(Pubkey, u16)> =
            pools.filter(|(_, p)| p.market_count > 0).map(|(address, p)| (address, p.market_count)).collect();
        if with.is_empty() {
            return None;
        }
        let (pool, count) = *self.chance.pick(&with);
        let index = self.chance.index(usize::from(count)) as u16;
        Some(self.world.state(&addresses::market(&pool, index)))
    }

    pub(super) fn list_expiry(&mut self) {
        for market in DATED {
            if self.world.live_chains().iter().filter(|s| s.market == market).count() < LIVE {
                let days = *self.chance.pick(&[1, 2, 3, 5, 12, 20, 40]);
                let time = self.world.expiry_in(days);
                let listed = self.world.live_chains().iter().any(|s| s.market == market && s.time == time);
                let foreseen = if listed { Err(NovateError::ExpiryListed.name()) } else { Ok(()) };
                self.list_at(self.world.pool, market, (time, self.smile_of(market, time)), &foreseen);
                self.make_tables();
                return;
            }
        }
        let Some(market) = self.side_market() else { return self.add_market() };
        let days = if self.chance.percent(40) { 1 } else { self.chance.between(1, 1_000) };
        let time = self.world.expiry_in(days);
        let listed = market.listed_expiries().iter().any(|minutes| i64::from(*minutes) * 60 == time);
        let now = self.world.now();
        let young = market.is_young(now);
        let later = market.listed_expiries().iter().any(|minutes| i64::from(*minutes) * 60 > time.max(now));
        let mut forecast = self.smile_of(market.index, time);
        let (time, foreseen) = match self.chance.between(0, 19) {
            0 => (time + 60, Err(NovateError::InvalidExpiryTime)),
            1 => (time + 2_000 * 86_400, Err(NovateError::InvalidExpiryTime)),
            2 => (self.world.expiry_in(-100), Err(NovateError::ExpiryPassed)),
            3 if later && !listed && !young => {
                (forecast.a, forecast.b) = (64_000_000, 0);
                (time, Err(NovateError::CrossedSmiles))
            }
            _ if listed => (time, Err(NovateError::ExpiryListed)),
            _ if young => (time, Err(NovateError::MarketSeasoning)),
            _ if market.listed_expiries().len() == MAX_EXPIRIES => (time, Err(NovateError::MarketExpiriesFull)),
            _ => (time, Ok(())),
        };
        self.list_at(market.pool, market.index, (time, forecast), &foreseen.map_err(|error: NovateError| error.name()));
    }

    /// Lists an expiry, in the pool that trades with strikes. What was listed before may stand in its smile's way.
    fn list_at(&mut self, pool: Pubkey, market: u16, (time, forecast): (i64, Forecast), foreseen: &Refused<()>) {
        let (governor, now) = (self.governor(), self.world.now());
        let state: Market = self.world.state(&addresses::market(&pool, market));
        let list = build::list_expiry(governor.pubkey(), &state, time, forecast, now);
        match (self.run("list_expiry", list, &[&governor]), foreseen) {
            (Ok(_), Ok(())) if pool == self.world.pool => {
                self.publish_as(market, time, forecast, Ok(()));
                let strikes = SPREAD.map(|share| strike_at(USD[usize::from(state.asset)] * share));
                let list = self.world.list_strikes_instruction(market, time, &strikes);
                self.expect("list_strikes", list, &[&governor], &Ok(()));
                let strikes = novate_client::StrikeRange { first: 0, count: strikes.len() as u8 };
                let slots = build::ExpirySlots { market, asset: state.asset, time, range: strikes };
                self.refresh_slots(&[slots], &Ok(()));
            }
            (Ok(_), Ok(())) => self.check(&pool),
            (Err(error), Err(expected)) if error == *expected => (),
            (Err(error), Ok(())) if error == NovateError::CrossedSmiles.name() => (),
            (outcome, _) => panic!("{}: {outcome:?}, {foreseen:?} was foreseen", self.place()),
        }
    }

    /// Strikes near the last price, appended to an expiry of any pool.
    pub(super) fn list_strikes(&mut self) {
        let chains = self.world.live_chains();
        let few: Vec<_> = chains.into_iter().filter(|s| s.range.count < STRIKES).collect();
        if !few.is_empty() && self.chance.percent(30) {
            let slots = *self.chance.pick(&few);
            let market = self.world.market(slots.market);
            return self.append_strike(&market, slots.time);
        }
        let Some(market) = self.side_market() else { return self.add_market() };
        let now = self.world.now();
        let times: Vec<i64> =
            market.listed_expiries().iter().map(|m| i64::from(*m) * 60).filter(|t| *t > now).collect();
        if times.is_empty() {
            return self.list_expiry();
        }
        self.price_side(&market);
        let time = *self.chance.pick(&times);
        self.append_strike(&market, time);
    }

    /// Has the underlying of a side pool's market read.
    pub(super) fn price_side(&mut self, market: &Market) {
        let asset: Asset = self.world.state(&addresses::asset(&market.pool, market.asset));
        if asset.price.0 > 0 {
            return;
        }
        let listing = (0..5).find(|i| self.world.listing(*i).token.mint == asset.mint).unwrap();
        self.publish(listing);
        let feed = self.world.listing(listing).feed.address;
        let refresh = build::refresh_asset(&market.pool, &[(market.asset, feed)]);
        self.run("refresh_asset", refresh, &[]).ok();
    }

    fn append_strike(&mut self, market: &Market, time: i64) {
        let asset: Asset = self.world.state(&addresses::asset(&market.pool, market.asset));
        let expiry: Expiry = self.world.state(&addresses::expiry(&addresses::market(&market.pool, market.index), time));
        let near = asset.price.0 as f64 / PRICE as f64 * self.chance.between(70, 140) as f64 / 100.0;
        let strike = strike_at(near);
        let listed = expiry.listed().iter().any(|s| s.strike.0 == strike);
        let (strikes, foreseen) = match self.chance.between(0, 19) {
            0 => (vec![], Err(NovateError::NoStrikes)),
            1 => (vec![strike + 1], Err(NovateError::InvalidStrike)),
            2 => (vec![strike * 100], Err(NovateError::InvalidStrike)),
            3 => (vec![strike, strike], Err(NovateError::StrikesOutOfOrder)),
            _ if asset.price.0 == 0 => (vec![strike], Err(NovateError::PriceMissing)),
            _ if listed => (vec![strike], Err(NovateError::StrikeListed)),
            _ if expiry.strike_count == 24 => (vec![strike], Err(NovateError::TooManyStrikes)),
            _ => (vec![strike], Ok(())),
        };
        let governor = self.governor();
        let list = build::list_strikes(governor.pubkey(), market, time, strikes);
        let foreseen = foreseen.map_err(|error: NovateError| error.name());
        self.expect("list_strikes", list, &[&governor], &foreseen);
    }
}

/// A strike near a price, on every tick here: three digits of it.
fn strike_at(usd: f64) -> i64 {
    let unit = 10f64.powi((usd.log10().floor() as i32 - 2).max(-2));
    let cents = ((usd / unit).round() * unit * 100.0).round() as i64;
    cents * (PRICE / 100)
}
