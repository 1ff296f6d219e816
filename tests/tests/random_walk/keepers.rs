//! Prices, redemption rates, forecasts and option values, kept fresh or left to grow old.

use novate_client::instructions::{self as build, ExpirySlots};
use novate_client::state::Expiry;
use novate_client::{AssetForecast, Forecast, NovateError, StrikeRange};
use novate_margin::volatility;
use novate_tests::feed::Quote;
use novate_tests::{Chance, StakePool, BTC, ETH, JITOSOL, SOL, USDC};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::judge::{Judge, Refused};
use super::{Walk, ASSETS, MAX_AGE, UNDERLYINGS, USD};

/// Strikes of one refresh.
const REFRESHED: usize = 64;
const YEAR: f64 = 365.0 * 86_400.0;
/// Vols that forecasts move around, of BTC and of ETH.
pub(super) const VOLS: [f64; 2] = [0.5, 0.7];
/// Seconds after which the committee forecasts whatever else happens.
const PUBLISHED: i64 = 3_000;

/// A smile of this vol at the money: every one has the same tilt, so that none cross where total variance rises with time.
pub(super) fn smile(vol: f64, seconds: i64) -> Forecast {
    let a = (vol * vol * seconds as f64 / YEAR * 1e6).round().max(10.0) as i64;
    Forecast { basis: 0, a, b: a / 2, rho: -300_000, m: 0, sigma: 150_000 }
}

/// Where the basis goes from what stood, towards what two members want, by the rule.
fn moved(last: &Expiry, wanted: i64, now: i64) -> i64 {
    if last.published == 0 {
        return wanted;
    }
    let day = if now - last.day.opened < 86_400 { i64::from(last.day.forecast.basis) } else { last.basis.0 };
    wanted.clamp(day - 30_000, day + 30_000).clamp(last.basis.0 - 5_000, last.basis.0 + 5_000)
}

impl Walk {
    // Prices return to where they began, by a tenth of the way each time, with noise.

    pub(super) fn publish(&mut self, asset: u16) {
        let (base, last) = (USD[usize::from(asset)], self.world.listing(asset).usd);
        let noise = self.chance.between(-25, 25) as f64 / 1_000.0;
        let usd = match asset {
            USDC => 1.0 - self.chance.between(0, 8) as f64 / 1_000.0,
            JITOSOL => self.redemption_value() * if self.chance.percent(4) { 0.93 } else { 1.0 + noise / 5.0 },
            _ => (last + (base - last) * 0.1) * (1.0 + noise),
        };
        self.world.listings[usize::from(asset)].usd = usd;
        let quote = Quote::new(usd, self.world.now()).with_confidence(self.chance.between(0, 20) as f64 / 10_000.0);
        self.world.publish(asset, quote);
    }

    fn redemption_value(&self) -> f64 {
        let rate = self.world.asset(JITOSOL).redemption.rate.0 as f64 / 1e9;
        rate * self.world.listing(SOL).usd
    }

    pub(super) fn refresh_all(&mut self) {
        (0..ASSETS).for_each(|asset| self.publish(asset));
        self.read_prices();
    }

    fn read_prices(&mut self) {
        let refresh = self.world.refresh_asset(&(0..ASSETS).collect::<Vec<_>>());
        self.run("refresh_asset", refresh, &[]).ok();
    }

    pub(super) fn publish_as_they_are(&mut self) {
        let now = self.world.now();
        for asset in 0..ASSETS {
            self.world.publish(asset, Quote::new(self.world.listing(asset).usd, now));
        }
        self.read_prices();
    }

    pub(super) fn refresh_asset(&mut self) {
        if self.chance.percent(60) {
            return self.refresh_all();
        }
        let asset = self.chance.index(usize::from(ASSETS)) as u16;
        self.publish(asset);
        if self.chance.percent(20) {
            let old = Quote::new(1.0, self.world.now() - MAX_AGE - 1);
            self.world.publish(asset, old);
        }
        let refresh = self.world.refresh_asset(&[asset]);
        self.run("refresh_asset", refresh, &[]).ok();
    }

    /// A jump of one price that leaves option values behind.
    pub(super) fn jump(&mut self) {
        let asset = *self.chance.pick(&[BTC, ETH]);
        let percent = self.chance.between(-11, 11) as f64;
        let most = self.world.asset(asset).guard.average.0 as f64 / 1e9 * 1.7;
        let listing = &mut self.world.listings[usize::from(asset)];
        listing.usd = (listing.usd * (1.0 + percent / 100.0)).min(most);
        self.publish_as_they_are();
    }

    pub(super) fn refresh_market(&mut self) {
        let markets: Vec<(u16, u16)> = (0..4).map(|m| (m, UNDERLYINGS[usize::from(m)])).collect();
        let some = self.chance.index(4);
        let mut judge = self.judge();
        let foreseen = markets[some..].iter().try_for_each(|(market, _)| judge.refresh(*market, None));
        let refresh = build::refresh_market(&self.world.pool, &markets[some..]);
        if self.expect("refresh_market", refresh, &[], &foreseen).is_some() {
            markets[some..].iter().for_each(|(market, _)| self.assert_market(&judge, *market));
        }
    }

    /// A market is what was foreseen, to the byte; but for the initial multiplier, which the variance decides.
    fn assert_market(&mut self, judge: &Judge, index: u16) {
        let (market, mut foreseen) = (self.world.market(index), judge.snapshot.markets[&index]);
        foreseen.initial_multiplier = market.initial_multiplier;
        let same = bytemuck::bytes_of(&market) == bytemuck::bytes_of(&foreseen);
        assert!(same, "{}: {market:?}\n{foreseen:?} was foreseen", self.place());
        self.lived("a premium was in force", market.premium.0 != 0);
    }

    // Mids.

    /// Venues report around a premium that a market keeps for an hour; some of them what must be refused.
    pub(super) fn report_mid(&mut self) {
        let market = self.chance.between(0, 3) as u16;
        let drift = Chance::new((self.world.now() / 3_600) as u64 * 4 + u64::from(market)).between(-6_000, 6_000);
        if self.venues.is_empty() {
            return self.register_venue();
        }
        for _ in 0..self.chance.between(1, 4) {
            for at in 0..self.venues.len() {
                let percent = if self.venues[at].active { 80 } else { 4 };
                if self.chance.percent(percent) {
                    self.report(at, market, drift);
                }
            }
            let seconds = self.chance.between(0, 60);
            self.world.pass(seconds);
        }
    }

    fn report(&mut self, at: usize, market: u16, drift: i64) {
        let venue = &self.venues[at];
        let (key, index, active) = (venue.key.insecure_clone(), venue.index, venue.active);
        let price = self.world.asset(UNDERLYINGS[usize::from(market)]).price.0;
        let mut mid = price + price / 1_000_000 * (drift + self.chance.between(-400, 400));
        let mut signer = key.insecure_clone();
        let mut judge = self.judge();
        let mut foreseen = judge.refresh(market, Some((index, mid)));
        match self.chance.between(0, 39) {
            0 => (mid, foreseen) = (self.chance.between(-1, 0), Err(NovateError::MidNotPositive.name())),
            1 => (signer, foreseen) = (self.actor(0).key, Err(NovateError::WrongVenueSigner.name())),
            _ => (),
        }
        if !active && signer.pubkey() == key.pubkey() {
            foreseen = Err(NovateError::VenueInactive.name());
        }
        let mut report = self.world.report_instruction(&key.pubkey(), market, mid);
        report.accounts[1].pubkey = signer.pubkey();
        if self.expect("report_mid", report, &[&signer], &foreseen).is_some() {
            self.assert_market(&judge, market);
            self.lived("three mids made a premium", self.world.market(market).premium_target != 0);
        }
    }

    // Redemption.

    /// The stake pool earns, is slashed now and then, or is no stake pool to trust.
    pub(super) fn refresh_redemption(&mut self) {
        let rate = self.chance.between(1_190_000_000, 1_230_000_000) as u64;
        let slashed = if self.chance.percent(5) { rate * 97 / 100 } else { rate };
        let sound = self.world.sound_stake_pool(JITOSOL, slashed);
        let (stake_pool, foreseen) = match self.chance.between(0, 30) {
            0 => (StakePool { last_update_epoch: sound.last_update_epoch - 2, ..sound }, NovateError::StakePoolEpoch),
            1 => (StakePool { token_supply: 0, ..sound }, NovateError::StakePoolEmpty),
            2 => (StakePool { total_lamports: sound.total_lamports * 9, ..sound }, NovateError::RedemptionRate),
            3 => (StakePool { mint: self.world.pool, ..sound }, NovateError::WrongStakePoolMint),
            _ => (sound, NovateError::MathOverflow),
        };
        self.world.write_stake_pool(JITOSOL, &stake_pool);
        let foreseen = if stake_pool == sound { Ok(()) } else { Err(foreseen.name()) };
        let refresh = self.world.refresh_redemption_instruction(&[JITOSOL]);
        self.expect("refresh_redemption", refresh, &[], &foreseen);
    }

    // Forecasts.

    /// One member's forecast, which moves nothing; or what must be refused.
    pub(super) fn submit_forecast(&mut self) {
        let slots = *self.chance.pick(&self.world.live_chains());
        let (market, time) = (slots.market, slots.time);
        let before = self.world.expiry(market, time);
        let mut next = self.next_forecast(market, time - self.world.now(), Forecast::from(&before));
        let at = self.chance.index(self.world.members.len());
        let (mut member, mut foreseen) = (self.world.members[at].insecure_clone(), Ok(()));
        match self.chance.between(0, 19) {
            0 => (member, foreseen) = (self.actor(0).key, Err(NovateError::NotMember)),
            1 => (member, foreseen) = (self.world.governor.insecure_clone(), Err(NovateError::NotMember)),
            2 => (next.basis, foreseen) = (200_001, Err(NovateError::InvalidBasis)),
            3 => (next.a, foreseen) = (0, Err(NovateError::SmileOutOfBounds)),
            _ => (),
        }
        let foreseen = foreseen.map_err(|error: NovateError| error.name());
        let submit = build::submit_forecast(member.pubkey(), self.world.pool, market, time, next);
        self.expect("submit_forecast", submit, &[&member], &foreseen);
        let after = self.world.expiry(market, time);
        assert_eq!((after.basis, after.smile, after.published), (before.basis, before.smile, before.published));
    }

    pub(super) fn apply_forecasts(&mut self) {
        let all = self.world.live_chains();
        if self.chance.percent(40) {
            all.iter().rev().for_each(|slots| self.forecast(slots));
        } else {
            let slots = *self.chance.pick(&all);
            self.forecast(&slots);
        }
    }

    /// Two members of one mind, a small step towards where the smile should be, or what must be refused.
    fn forecast(&mut self, slots: &ExpirySlots) {
        let (market, time, now) = (slots.market, slots.time, self.world.now());
        let expiry = self.world.expiry(market, time);
        let last = Forecast::from(&expiry);
        let mut next = self.next_forecast(market, time - now, last);
        let mut foreseen = Ok(());
        if now - expiry.applied < 10 {
            foreseen = Err(NovateError::ForecastTooSoon);
        }
        match self.chance.between(0, 99) {
            0..=4 => next.basis = last.basis + *self.chance.pick(&[6_000, -6_000]),
            5..=6 => {
                next.a = last.a * 13 / 10 + 1;
                next.b = last.b * 13 / 10 + 1;
                foreseen = foreseen.and(Err(NovateError::ForecastStep));
            }
            _ => (),
        }
        let foreseen = foreseen.map_err(|error: NovateError| error.name());
        self.publish_as(market, time, next, foreseen);
    }

    /// Submitted by two members, and by a third what is far from it, or nothing; then applied. A step that keeps to the bounds may still
    /// cross a neighbour's smile, and rounds where variance is almost gone.
    pub(super) fn publish_as(&mut self, market: u16, time: i64, next: Forecast, foreseen: Refused<()>) {
        let (now, pool) = (self.world.now(), self.world.pool);
        let far = Forecast { basis: -190_000, a: next.a * 3, b: next.b * 2, ..next };
        let members: Vec<Keypair> = self.world.members.iter().map(Keypair::insecure_clone).collect();
        for (at, member) in members.iter().enumerate() {
            if at < 2 || far.checked().is_ok() {
                let own = if at < 2 { next } else { far };
                let submit = build::submit_forecast(member.pubkey(), pool, market, time, own);
                let late = if now < time { Ok(()) } else { Err(NovateError::ExpiryPassed.name()) };
                self.expect("submit_forecast", submit, &[member], &late);
            }
        }
        let last = self.world.expiry(market, time);
        let apply = build::apply_forecasts(&self.world.market(market), time, now);
        match (self.run("apply_forecasts", apply, &[]), &foreseen) {
            (Ok(_), Ok(())) => {
                let expected = Forecast { basis: moved(&last, next.basis, now), ..next };
                assert_eq!(Forecast::from(&self.world.expiry(market, time)), expected);
            }
            (Err(error), Err(expected)) if error == *expected => (),
            (Err(error), Ok(())) if error == NovateError::CrossedSmiles.name() => (),
            (Err(error), Ok(())) if error == NovateError::ForecastStep.name() && next.a < 300 => (),
            (Err(error), Ok(())) if error == NovateError::ForecastDay.name() && next.a < 300 => (),
            (outcome, _) => panic!("{}: {outcome:?}, {foreseen:?} was foreseen", self.place()),
        }
    }

    /// Two members forecast an asset, most of the time more than was measured, and that is applied.
    pub(super) fn forecast_asset(&mut self) {
        let asset = self.chance.index(usize::from(ASSETS)) as u16;
        let state = self.world.asset(asset);
        let measured = volatility::sigma_ceil(state.variance_fast.max(state.variance_slow)).0;
        let sigma = (measured * self.chance.between(50, 160) / 100).clamp(1, 1_000_000);
        let depth = (state.governed_depth().0 / 100 * self.chance.between(50, 120)).max(1);
        let (mut forecast, mut foreseen) = (AssetForecast { sigma, depth }, Ok(()));
        let mut signers: Vec<Keypair> = self.world.members[..2].iter().map(Keypair::insecure_clone).collect();
        match self.chance.between(0, 29) {
            0 => (signers[0], foreseen) = (self.actor(0).key, Err(NovateError::NotMember.name())),
            1 => (forecast.sigma, foreseen) = (0, Err(NovateError::InvalidAssetForecast.name())),
            _ => (),
        }
        for member in &signers {
            let submit = build::submit_asset_forecast(member.pubkey(), self.world.pool, asset, forecast);
            if self.expect("submit_asset_forecast", submit, &[member], &foreseen).is_none() {
                return;
            }
        }
        let apply = build::apply_asset_forecasts(&self.world.pool, asset);
        self.expect("apply_asset_forecasts", apply, &[], &Ok(()));
        let after = self.world.asset(asset);
        let now = self.world.now();
        let held = i64::from(after.forecast.sigma);
        // What stood before, or a fall has not come to yet, stays where nothing more is due, and counts for nothing while more is measured.
        let stood = i64::from(state.forecast.sigma.max(state.forecast.sigma_from));
        assert!(held == 0 || held > measured || held <= stood, "{}: a raise below what was measured", self.place());
        let range = volatility::scan_range(after.variance_fast, after.variance_slow, after.base_range);
        assert!(after.scan_range >= range, "{}: a range below what was measured", self.place());
        assert!(after.depth <= after.governed_depth(), "{}: a forecast deeper than the governed depth", self.place());
        if now - state.forecast.raised < 86_400 {
            // What a fall has not come to yet can be taken back.
            let stood = state.forecast.sigma.max(state.forecast.sigma_from);
            let rises = after.forecast.sigma > stood || after.forecast.cut > state.forecast.cut;
            assert!(!rises, "{}: two raises in a day", self.place());
        }
    }

    fn next_forecast(&mut self, market: u16, seconds: i64, last: Forecast) -> Forecast {
        let vol = VOLS[usize::from(market)] * (1.0 + self.chance.between(-40, 40) as f64 / 1_000.0);
        let target = smile(vol, seconds);
        let a = target.a.clamp(last.a * 88 / 100 + 1, (last.a * 112 / 100).max(last.a));
        let basis = (last.basis + self.chance.between(-3_000, 3_000)).clamp(-30_000, 30_000);
        Forecast { basis, a, b: a / 2, ..target }
    }

    // Option values.

    /// Prices every strike, and publishes what would be too old to rest on.
    pub(super) fn refresh_chains(&mut self) {
        let all = self.world.live_chains();
        let now = self.world.now();
        for slots in all.iter().rev() {
            if now - self.world.expiry(slots.market, slots.time).published > PUBLISHED {
                self.forecast(slots);
            }
        }
        let mut batch: Vec<ExpirySlots> = vec![];
        for slots in all.into_iter().filter(|slots| slots.range.count > 0) {
            let strikes: usize = batch.iter().map(|s| usize::from(s.range.count)).sum();
            if strikes + usize::from(slots.range.count) > REFRESHED {
                self.refresh_slots(&std::mem::take(&mut batch), &Ok(()));
            }
            batch.push(slots);
        }
        self.refresh_slots(&batch, &Ok(()));
    }

    pub(super) fn refresh_slots(&mut self, slots: &[ExpirySlots], foreseen: &Refused<()>) {
        let fresh = slots.iter().all(|s| self.world.now() - self.world.asset(s.asset).publish_time <= MAX_AGE);
        let stale = Err(NovateError::PriceStale.name());
        let foreseen = if fresh || foreseen.is_err() { foreseen } else { &stale };
        let refresh = build::refresh_expiry(&self.world.pool, slots);
        self.expect("refresh_expiry", refresh, &[], foreseen);
    }

    /// All expiries, or a range of one, so that strikes rest on different prices.
    pub(super) fn refresh_expiry(&mut self) {
        if self.chance.percent(30) {
            return self.refresh_chains();
        }
        let mut slots = *self.chance.pick(&self.world.live_chains());
        let count = slots.range.count;
        slots.range.first = self.chance.between(0, i64::from(count) - 1) as u8;
        slots.range.count = self.chance.between(1, i64::from(count - slots.range.first)) as u8;
        match self.chance.between(0, 15) {
            0 => {
                slots.range = StrikeRange { first: count, count: 1 };
                let fresh = self.world.now() - self.world.asset(slots.asset).publish_time <= MAX_AGE;
                let error = if fresh { NovateError::StrikeRange } else { NovateError::PriceStale };
                self.refresh_slots(&[slots], &Err(error.name()));
            }
            1 => {
                slots.range = StrikeRange { first: 0, count: 65 };
                self.refresh_slots(&[slots], &Err(NovateError::TooManyRefreshed.name()));
            }
            2 => self.refresh_passed(),
            _ => self.refresh_slots(&[slots], &Ok(())),
        }
    }

    fn refresh_passed(&mut self) {
        let (market, now) = (self.dated_market(), self.world.now());
        let Some(minutes) = self.world.market(market).listed_expiries().first().copied() else { return };
        let time = i64::from(minutes) * 60;
        let fresh = now - self.world.asset(UNDERLYINGS[usize::from(market)]).publish_time <= MAX_AGE;
        if time > now || !fresh {
            return;
        }
        let passed = Err(NovateError::ExpiryPassed.name());
        let refresh = self.world.refresh_expiry_instruction(market, time, 0, 1);
        self.expect::<()>("refresh_expiry", refresh, &[], &passed);
        let last = Forecast::from(&self.world.expiry(market, time));
        self.publish_as(market, time, last, passed);
    }

    /// Whether every strike has values that risk may rise on: the spot of now is left out.
    pub(super) fn is_current(&self) -> bool {
        let now = self.world.now();
        self.world.live_chains().iter().all(|slots| {
            let expiry = self.world.expiry(slots.market, slots.time);
            expiry.listed().iter().all(|strike| now - strike.refreshed.0 <= 60)
        })
    }
}
