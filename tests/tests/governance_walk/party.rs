//! Whoever means harm: the key that holds a role, nine more of the same hand that it can pass roles, seats and venues to, and whatever
//! they send. What governance can be made to do is sent as who knows how would send it; the rest is refused.

use std::ops::Range;

use novate_client::instructions as build;
use novate_client::state::{Change, Pool};
use novate_client::{
    addresses, decode, Action, AssetField, AssetForecast, AssetSetting, Delays, Forecast, Instruction, Lending,
    MarketField, MarketSetting, OracleSource, ParamSetting, Pubkey, Role,
};
use novate_tests::feed::PUSH_ORACLE;
use novate_tests::{flat, MarketSpec, BTC, BTC_PERP, DAY, DOLLAR, ETH, GOLD, LENDING, PRICE, ROLE_DELAY, USDC};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{Hostile, Week};

/// Makes something to send.
type Make = fn(&mut Week) -> Vec<Instruction>;

const AUTHORITY: [Make; 36] = [
    Week::propose,
    Week::schedule,
    Week::execute,
    Week::accept,
    Week::schedule,
    Week::pause,
    Week::propose,
    Week::execute,
    Week::tighten_market,
    Week::schedule,
    Week::accept,
    Week::list_strikes,
    Week::execute,
    Week::unpause,
    Week::schedule,
    Week::tighten_as_meant,
    Week::execute,
    Week::forecast,
    Week::execute_prepared,
    Week::restore,
    Week::report,
    Week::accept,
    Week::execute,
    Week::schedule,
    Week::set_delays,
    Week::forecast,
    Week::cancel_change,
    Week::execute,
    Week::stage,
    Week::remove_member,
    Week::schedule,
    Week::at_once,
    Week::remove_venue,
    Week::execute,
    Week::cancel_role,
    Week::tighten_asset,
];
const GUARDIAN: [Make; 6] = [
    Week::pause,
    Week::cancel_change,
    Week::cancel_role,
    Week::tighten_asset,
    Week::tighten_as_meant,
    Week::tighten_market,
];
const RISK: [Make; 3] = [Week::tighten_asset, Week::tighten_as_meant, Week::tighten_market];
const MEMBER: [Make; 2] = [Week::forecast, Week::forecast_asset];
const VENUE: [Make; 1] = [Week::report];
const STRANGER: [Make; 2] = [Week::cancel_change, Week::withdraw];

/// Places among the keys of the party: behind the one that it begins with those that each role passes to, seats and venues.
const SUCCESSORS: usize = 1;
const SEATS: Range<usize> = 4..7;
const VENUES: Range<usize> = 7..10;
pub(super) const KEYS: usize = 10;

impl Week {
    /// Mostly what the part can do, one after the other, and anything else in between.
    pub(super) fn next(&mut self) -> Vec<Instruction> {
        let own: &[Make] = match self.part {
            Hostile::Role(Role::Authority) => &AUTHORITY,
            Hostile::Role(Role::Guardian) => &GUARDIAN,
            Hostile::Role(Role::Risk) => &RISK,
            Hostile::Member => &MEMBER,
            Hostile::Venue => &VENUE,
            Hostile::Stranger => &STRANGER,
        };
        let all = [&AUTHORITY[..], &GUARDIAN, &RISK, &MEMBER, &VENUE, &STRANGER, &[Week::remove_itself]].concat();
        self.turn += 1;
        let make = if self.chance.percent(85) { own[self.turn % own.len()] } else { *self.chance.pick(&all) };
        make(self)
    }

    fn pool(&self) -> Pool {
        self.world.state(&self.world.pool)
    }

    /// The key of the party that holds a role; where none does, or seldom, any.
    fn key(&mut self, role: Role) -> Pubkey {
        let pool = self.pool();
        let holder = match role {
            Role::Authority => pool.authority,
            Role::Guardian => pool.guardian,
            Role::Risk => pool.risk,
        };
        let any = self.chance.index(self.keys.len());
        let holds = !self.chance.percent(3) && self.keys.iter().any(|key| key.pubkey() == holder);
        if holds {
            holder
        } else {
            self.keys[any].pubkey()
        }
    }

    /// The same of two roles, whichever of them the party holds.
    fn one_of(&mut self, roles: [Role; 2]) -> Pubkey {
        let keys = roles.map(|role| self.key(role));
        let pool = self.pool();
        keys.into_iter().find(|key| pool.is_held(key)).unwrap_or(keys[0])
    }

    /// Those of the party's keys that sign instructions.
    pub(super) fn signers(&self, instructions: &[Instruction]) -> Vec<Keypair> {
        let signs = |key: &&Keypair| {
            let metas = instructions.iter().flat_map(|instruction| &instruction.accounts);
            metas.into_iter().any(|meta| meta.is_signer && meta.pubkey == key.pubkey())
        };
        self.keys.iter().filter(signs).map(Keypair::insecure_clone).collect()
    }

    // What waits.

    fn schedule(&mut self) -> Vec<Instruction> {
        let key = self.key(Role::Authority);
        let governed = self.governed(key);
        let number = self.pool().change_count;
        self.changes.push((number, governed.clone()));
        vec![build::schedule_change(key, key, number, &governed)]
    }

    /// Without having scheduled it.
    fn at_once(&mut self) -> Vec<Instruction> {
        let key = self.key(Role::Authority);
        vec![self.governed(key)]
    }

    /// One that can be executed, first of those that were not prepared.
    fn execute(&mut self) -> Vec<Instruction> {
        let (now, changes) = (self.world.now(), self.changes.clone());
        let is_ready = |(number, _): &&(u64, Instruction)| {
            self.open(*number).is_some_and(|change| change.ready <= now && !change.is_dead(&self.pool(), now))
        };
        let ready: Vec<_> = changes[self.prepared..].iter().filter(is_ready).collect();
        let from = if ready.is_empty() { changes.iter().collect() } else { ready };
        let (number, governed) = from[self.chance.index(from.len())].clone();
        vec![self.execution(number, &governed)]
    }

    fn execute_prepared(&mut self) -> Vec<Instruction> {
        let (number, governed) = self.changes[self.chance.index(self.prepared)].clone();
        vec![self.execution(number, &governed)]
    }

    /// By the party's key, whoever scheduled it.
    pub(super) fn execution(&mut self, number: u64, governed: &Instruction) -> Instruction {
        let key = self.key(Role::Authority);
        let payer = self.open(number).map_or(key, |change| change.payer);
        let mut execution = build::execute_change(governed.clone(), number, payer);
        for meta in execution.accounts.iter_mut().filter(|meta| meta.is_signer) {
            meta.pubkey = key;
        }
        execution
    }

    fn open(&self, number: u64) -> Option<Change> {
        let address = addresses::change(&self.world.pool, number);
        decode(&self.world.account(&address).data).ok()
    }

    /// Anything that waits, of any terms, one kind after the other.
    fn governed(&mut self, key: Pubkey) -> Instruction {
        let pool = self.world.pool;
        let asset = self.chance.index(5) as u16;
        self.kind += 1;
        match self.kind % 10 {
            0 => {
                let settings = self.asset_settings(asset);
                build::set_asset(key, pool, asset, settings)
            }
            1 => {
                let settings = self.market_settings();
                build::set_market(key, pool, BTC_PERP, settings)
            }
            2 => self.set_oracle(key, asset),
            3 => {
                let setting =
                    ParamSetting { parameter: self.chance.index(18) as u8, value: self.chance.between(0, 1_000_000) };
                build::set_params(key, pool, vec![setting])
            }
            4 => self.set_committee(key),
            5 => {
                let rate = self.chance.between(0, 3_000_000);
                let lending = Lending { rate_zero: rate, rate_kink: rate, rate_full: rate, ..LENDING };
                build::set_lending(key, pool, asset, lending)
            }
            6 => build::add_market(key, pool, GOLD, 3, MarketSpec::new("GOLD-PERP", GOLD).terms),
            7 => build::add_asset(key, pool, GOLD + 1, self.fake.token, self.fake.spec.terms(&self.fake.feed)),
            8 => build::register_venue(key, pool, self.keys[VENUES.start + self.chance.index(VENUES.len())].pubkey()),
            _ => {
                let time = self.world.expiry_in(self.chance.between(2, 60));
                let market = self.world.market(BTC_PERP);
                build::list_expiry(key, &market, time, flat(0.6, time - self.world.now()), self.world.now())
            }
        }
    }

    /// To a price account of the party's own, which says what the one before said: what it could say instead is
    /// `governance_attacks.rs::a_feed_of_the_attackers_own`.
    pub(super) fn set_oracle(&self, key: Pubkey, asset: u16) -> Instruction {
        let feed = self.feeds[usize::from(asset)];
        let source = OracleSource { oracle: 2, feed, feed_owner: PUSH_ORACLE, feed_id: [0; 32] };
        build::set_oracle(key, self.world.pool, asset, source)
    }

    /// All seats are the party's.
    pub(super) fn set_committee(&self, key: Pubkey) -> Instruction {
        let mut members: Vec<Pubkey> = self.keys[SEATS].iter().map(Keypair::pubkey).collect();
        members.sort_unstable();
        build::set_committee(key, self.world.pool, members, 2)
    }

    /// Some fields, each somewhere within a step or beyond it.
    fn asset_settings(&mut self, asset: u16) -> Vec<AssetSetting> {
        let state = self.world.asset(asset);
        let mut settings = vec![];
        for field in AssetField::ALL {
            if self.chance.percent(10) {
                let value = self.near(state.get(field), field.rule().share, field.rule().least);
                settings.push(AssetSetting { field, value });
            }
        }
        settings
    }

    fn market_settings(&mut self) -> Vec<MarketSetting> {
        let state = self.world.market(BTC_PERP);
        let mut settings = vec![];
        for field in MarketField::ALL {
            if self.chance.percent(20) {
                let value = self.near(state.get(field), field.rule().share, field.rule().least);
                settings.push(MarketSetting { field, value });
            }
        }
        settings
    }

    /// A step up or down, seldom more than it may be.
    fn near(&mut self, from: u64, share: u64, least: u64) -> u64 {
        let step = ((u128::from(from) * u128::from(share) / 1_000_000) as u64).max(least);
        let parts = if self.chance.percent(5) { 110 } else { self.chance.between(0, 100) as u128 };
        let way = (u128::from(step) * parts / 100) as u64;
        match self.chance.percent(70) {
            true => from.saturating_add(way),
            false => from.saturating_sub(way),
        }
    }

    // What the authority does at once.

    /// For a role that nobody of the party was proposed for, mostly: otherwise its time begins anew.
    fn propose(&mut self) -> Vec<Instruction> {
        let key = self.key(Role::Authority);
        let open: Vec<Role> = Role::ALL.into_iter().filter(|role| self.proposed(*role).is_none()).collect();
        let role = *self.chance.pick(if open.is_empty() { &Role::ALL } else { &open });
        vec![build::propose_role(key, self.world.pool, role, self.keys[SUCCESSORS + role as usize].pubkey())]
    }

    /// Since when a key of the party is proposed.
    fn proposed(&self, role: Role) -> Option<i64> {
        let pool = self.pool();
        let (key, since) = match role {
            Role::Authority => (pool.pending_authority, pool.authority_proposed),
            Role::Guardian => (pool.pending_guardian, pool.guardian_proposed),
            Role::Risk => (pool.pending_risk, pool.risk_proposed),
        };
        (key == self.keys[SUCCESSORS + role as usize].pubkey()).then_some(since)
    }

    fn accept(&mut self) -> Vec<Instruction> {
        let old = self.world.now() - ROLE_DELAY;
        let is_ripe = |role: &Role| self.proposed(*role).is_some_and(|since| since <= old);
        let ripe: Vec<Role> = Role::ALL.into_iter().filter(is_ripe).collect();
        let role = *self.chance.pick(if ripe.is_empty() { &Role::ALL } else { &ripe });
        vec![build::accept_role(self.keys[SUCCESSORS + role as usize].pubkey(), self.world.pool, role)]
    }

    /// Of any that was scheduled, by whoever may; mostly of one that is there.
    fn cancel_change(&mut self) -> Vec<Instruction> {
        let there: Vec<u64> =
            self.changes.iter().map(|(number, _)| *number).filter(|n| self.open(*n).is_some()).collect();
        let number = match there.is_empty() || self.chance.percent(10) {
            true => self.changes[self.chance.index(self.changes.len())].0,
            false => *self.chance.pick(&there),
        };
        let change = self.open(number).unwrap_or_else(bytemuck::Zeroable::zeroed);
        let change = Change { pool: self.world.pool, number, ..change };
        vec![build::cancel_change(self.one_of([Role::Authority, Role::Guardian]), &change)]
    }

    /// Mostly of one that is open.
    fn cancel_role(&mut self) -> Vec<Instruction> {
        let pool = self.pool();
        let pending = |role: &Role| match role {
            Role::Authority => pool.authority_proposed != 0,
            Role::Guardian => pool.guardian_proposed != 0,
            Role::Risk => pool.risk_proposed != 0,
        };
        let open: Vec<Role> = Role::ALL.into_iter().filter(pending).collect();
        let any = open.is_empty() || self.chance.percent(10);
        let role = *self.chance.pick(if any { &Role::ALL } else { &open });
        vec![build::cancel_role(self.one_of([Role::Authority, Role::Guardian]), self.world.pool, role)]
    }

    fn unpause(&mut self) -> Vec<Instruction> {
        let now = self.world.now();
        let pool = self.pool();
        let paused: Vec<Action> = Action::ALL.into_iter().filter(|action| now < pool.paused_until(*action)).collect();
        let action = *self.chance.pick(if paused.is_empty() { &Action::ALL } else { &paused });
        vec![build::unpause(self.key(Role::Authority), self.world.pool, action)]
    }

    fn restore(&mut self) -> Vec<Instruction> {
        let asset = *self.chance.pick(&[BTC, ETH, GOLD]);
        vec![build::restore_asset(self.key(Role::Authority), self.world.pool, asset)]
    }

    fn set_delays(&mut self) -> Vec<Instruction> {
        let delays: Delays = self.pool().delays();
        let delays = Delays { oracle: delays.oracle + self.chance.between(-2, 2) * DAY, ..delays };
        vec![build::set_delays(self.key(Role::Authority), self.world.pool, delays)]
    }

    fn stage(&mut self) -> Vec<Instruction> {
        let (key, next) = (self.key(Role::Authority), self.pool().generation + 1);
        vec![build::stage_scenarios(key, self.world.pool, next, super::rows_a_step_on(next))]
    }

    fn list_strikes(&mut self) -> Vec<Instruction> {
        let (key, market) = (self.key(Role::Authority), self.world.market(BTC_PERP));
        let strike = self.chance.between(10_000, 40_000) * PRICE;
        vec![build::list_strikes(key, &market, self.time, vec![strike, strike + 10 * PRICE])]
    }

    fn remove_member(&mut self) -> Vec<Instruction> {
        let member = self.world.member_keys()[self.chance.index(self.world.members.len())];
        vec![build::remove_member(self.key(Role::Authority), self.world.pool, member)]
    }

    fn remove_venue(&mut self) -> Vec<Instruction> {
        let venue = self.venues[self.chance.index(self.venues.len())].pubkey();
        vec![build::remove_venue(self.key(Role::Authority), self.world.pool, venue, &[BTC_PERP])]
    }

    // What the guardian and the risk role do.

    fn pause(&mut self) -> Vec<Instruction> {
        let action = *self.chance.pick(&Action::ALL);
        let seconds = self.chance.between(1, action.longest());
        vec![build::pause(self.key(Role::Guardian), self.world.pool, action, seconds)]
    }

    fn tighten_asset(&mut self) -> Vec<Instruction> {
        let asset = self.chance.index(5) as u16;
        let settings = self.asset_settings(asset);
        let markets: &[u16] = if asset == BTC { &[BTC_PERP] } else { &[] };
        vec![build::tighten_asset(self.one_of([Role::Guardian, Role::Risk]), self.world.pool, asset, settings, markets)]
    }

    /// As who means to tighten would do it.
    fn tighten_as_meant(&mut self) -> Vec<Instruction> {
        let base = self.world.asset(BTC).base_range.0 as u64;
        let raised = AssetSetting { field: AssetField::BaseRange, value: base + base / 4 };
        vec![build::tighten_asset(
            self.one_of([Role::Guardian, Role::Risk]),
            self.world.pool,
            BTC,
            vec![raised],
            &[BTC_PERP],
        )]
    }

    fn tighten_market(&mut self) -> Vec<Instruction> {
        let cap = self.world.market(BTC_PERP).get(MarketField::OpenInterestCap);
        let halved = vec![MarketSetting { field: MarketField::OpenInterestCap, value: cap - cap / 2 }];
        let settings = if self.chance.percent(60) { halved } else { self.market_settings() };
        vec![build::tighten_market(self.one_of([Role::Guardian, Role::Risk]), self.world.pool, BTC_PERP, settings)]
    }

    // What members and venues do, and strangers.

    /// Any basis; a smile within a step of the one that stands, mostly.
    fn wild(&mut self) -> Forecast {
        let stands = self.world.expiry(BTC_PERP, self.time).smile.a.0;
        let a = match self.chance.percent(80) {
            true => stands / 100 * self.chance.between(85, 115),
            false => self.chance.between(1, 1_000_000),
        };
        Forecast { basis: self.chance.between(-199_999, 199_999), a, b: 0, rho: 0, m: 0, sigma: 100_000 }
    }

    /// One member alone, or whoever the party seated and all of them.
    fn forecast(&mut self) -> Vec<Instruction> {
        let (pool, time, forecast) = (self.world.pool, self.time, self.wild());
        if self.part == Hostile::Member {
            return vec![build::submit_forecast(self.keys[0].pubkey(), pool, BTC_PERP, time, forecast)];
        }
        let asset = AssetForecast { sigma: 1_000_000, depth: 1 };
        let (of_asset, market, now) = (self.chance.percent(50), self.world.market(BTC_PERP), self.world.now());
        let seats = self.keys[SEATS].iter().map(|key| match of_asset {
            true => build::submit_asset_forecast(key.pubkey(), pool, BTC, asset),
            false => build::submit_forecast(key.pubkey(), pool, BTC_PERP, time, forecast),
        });
        let apply = match of_asset {
            true => build::apply_asset_forecasts(&pool, BTC),
            false => build::apply_forecasts(&market, time, now),
        };
        seats.chain([apply]).collect()
    }

    fn forecast_asset(&mut self) -> Vec<Instruction> {
        let forecast =
            AssetForecast { sigma: self.chance.between(1, 1_000_000), depth: self.chance.between(1, 1 << 60) };
        let asset = *self.chance.pick(&[BTC, ETH]);
        vec![build::submit_asset_forecast(self.keys[0].pubkey(), self.world.pool, asset, forecast)]
    }

    fn remove_itself(&mut self) -> Vec<Instruction> {
        let key = self.keys[0].pubkey();
        vec![build::remove_member(key, self.world.pool, key)]
    }

    fn report(&mut self) -> Vec<Instruction> {
        let own = if self.part == Hostile::Venue { 0..1 } else { VENUES };
        let mut keys: Vec<Pubkey> = self.keys[own].iter().map(Keypair::pubkey).collect();
        let at = self.chance.index(keys.len());
        keys.rotate_left(at);
        let is_there = |key: &Pubkey| self.world.account(&addresses::venue(&self.world.pool, key)).lamports > 0;
        let key = keys.iter().copied().find(is_there).unwrap_or(keys[0]);
        let price = self.world.asset(BTC).price.0;
        let mid = price + price / 1_000 * self.chance.between(-100, 100);
        vec![self.world.report_instruction(&key, BTC_PERP, mid)]
    }

    fn withdraw(&mut self) -> Vec<Instruction> {
        let victim = self.members[self.chance.index(self.members.len())].clone();
        let tokens = self.world.token_move(&victim, USDC, DOLLAR as u64);
        let holdings = self.world.holdings(&[victim.portfolio]);
        vec![build::withdraw(self.keys[0].pubkey(), self.world.keys(), victim.portfolio, &holdings, tokens)]
    }
}
