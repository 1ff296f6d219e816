//! Any single role of governance that means harm, whatever it sends and in whatever order, for a week in which everybody else sleeps
//! but the keepers: nobody's funds move, whoever met initial margin is not liquidatable for a day, and nothing but a switch of rows
//! changes what anybody has to hold within a day, spreads and backspreads included.

use std::collections::BTreeSet;
use std::mem::offset_of;

use novate_client::state::{Change, Governed, Pool, Portfolio, Scenarios, DISCRIMINATOR};
use novate_client::{
    addresses, instructions as build, Action, AssetField, AssetSetting, Delays, Instruction, Lending, MarketField,
    MarketSetting, OracleSource, ParamSetting, Right, Role,
};
use novate_tests::feed::PUSH_ORACLE;
use novate_tests::world::ROWS;
use novate_tests::{
    flat, Actor, Chance, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DAY, DOLLAR, ETH, ETH_PERP, GOLD, LENDING, PRICE,
    USDC,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

const WEEKS: u64 = 6;
const STEPS: i64 = 40;
const WEEK: i64 = 7 * DAY;

/// A pool with its roles apart.
struct Week {
    world: World,
    chance: Chance,
    hostile: Keypair,
    /// Four at initial margin, one of them on collateral outside the scan and one hedged, and the other side.
    members: Vec<Actor>,
    /// Below initial margin and above maintenance margin: with narrow spreads and backspreads, and hedged.
    lean: Vec<Actor>,
    /// Unix time at which each member last met initial margin.
    met: Vec<i64>,
    /// Instructions that were scheduled, by the number of their change.
    scheduled: Vec<(u64, Instruction)>,
    /// Of them, how many raise margin most and were scheduled a week before, and those that were executed.
    prepared: usize,
    executed: Vec<u64>,
    succeeded: usize,
    /// How often somebody was below initial margin.
    below: usize,
    /// How many instructions were seen to change what somebody has to hold, but not within a day.
    later: usize,
}

/// Who holds a narrow spread, narrow and wide backspreads and two sides of a hedge, and has lost so much that what is left lies half-way
/// between maintenance and initial margin.
fn lean(world: &mut World, time: i64) -> Vec<Actor> {
    world.publish_forecast(BTC_PERP, time, flat(0.6, time - world.now()));
    world.refresh_chains();
    let maker = world.trader(10_000_000);
    let books: [&[(u8, Right, i64)]; 5] = [
        &[(1, Right::Put, -10), (0, Right::Put, 10)],
        &[(1, Right::Call, -10), (2, Right::Call, 20)],
        &[(1, Right::Call, -10), (2, Right::Call, 15)],
        &[(1, Right::Call, -10), (3, Right::Call, 30)],
        &[],
    ];
    let trade = |world: &mut World, options: &[(u8, Right, i64)]| {
        let owner = world.trader(200_000);
        if options.is_empty() {
            let legs = [(BTC_PERP, CONTRACT, 20_000 * PRICE), (ETH_PERP, -13 * CONTRACT, 1_500 * PRICE)];
            world.trade(&owner, &maker, &legs);
        } else {
            let leg = |&(slot, right, quantity)| world.at_mark(BTC_PERP, time, (slot, right), quantity * CONTRACT);
            let legs: Vec<_> = options.iter().map(leg).collect();
            world.trade_legs(&owner, &maker, &legs);
        }
        owner
    };
    let owners = books.map(|options| trade(world, options));
    keep(world);
    for owner in &owners {
        let health = world.health(owner);
        let lost = health.equity - (health.initial + health.maintenance) / 2;
        let mut account = world.account(&owner.portfolio);
        let cash = world.portfolio(&owner.portfolio).cash - lost;
        let at = DISCRIMINATOR + offset_of!(Portfolio, cash);
        account.data[at..at + 8].copy_from_slice(&cash.to_le_bytes());
        world.write(owner.portfolio, account);
        let health = world.health(owner);
        assert!(health.equity < health.initial && health.equity > health.maintenance, "{health:?}");
    }
    owners.into()
}

/// As the keepers do it.
fn keep(world: &mut World) {
    world.refresh_chains();
    let markets = build::refresh_market(&world.pool, &[(BTC_PERP, BTC), (ETH_PERP, ETH)]);
    world.succeeds(&[markets], &[]);
}

impl Week {
    fn of(role: Option<Role>, seed: u64) -> Self {
        let mut world = World::default();
        let (guardian, risk) = (world.guardian.insecure_clone(), world.risk.insecure_clone());
        let keeper = world.actor();
        world.deposit(&keeper, GOLD, 1);
        let time = world.chain(BTC_PERP, 50, 0.6, &[19_600, 20_000, 20_400, 22_000]);
        world.by_hand = true;
        let scheduled = if role == Some(Role::Authority) { Self::prepared(&mut world) } else { vec![] };
        world.pass(7 * DAY);
        world.refresh();
        let (long, short, saver, maker) =
            (world.trader(3_012), world.trader(2_712), world.trader(6_000), world.trader(1_000_000));
        let hedged = world.trader(100_000);
        world.deposit(&saver, GOLD, 1_000_000_000);
        world.trade(&long, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
        world.trade(&maker, &short, &[(ETH_PERP, 10 * CONTRACT, 1_500 * PRICE)]);
        world.trade(&saver, &maker, &[(BTC_PERP, 15 * CONTRACT, 20_000 * PRICE)]);
        world.trade(
            &hedged,
            &maker,
            &[(BTC_PERP, CONTRACT, 20_000 * PRICE), (ETH_PERP, -13 * CONTRACT, 1_500 * PRICE)],
        );
        for owner in [&saver, &hedged] {
            world.to_initial(owner);
        }
        let lean = lean(&mut world, time);
        let hostile = match role {
            Some(Role::Guardian) => guardian,
            Some(Role::Risk) => risk,
            Some(Role::Authority) => world.governor.insecure_clone(),
            None => world.new_wallet(),
        };
        let members = vec![long, short, saver, hedged, maker];
        let met = vec![world.now(); members.len()];
        let prepared = scheduled.len();
        let chance = Chance::new(seed);
        Self {
            world,
            chance,
            hostile,
            members,
            lean,
            met,
            scheduled,
            prepared,
            executed: vec![],
            succeeded: 0,
            below: 0,
            later: 0,
        }
    }

    /// Whatever raises margin most, scheduled a week ago, so that each can be executed at any time of this one.
    fn prepared(world: &mut World) -> Vec<(u64, Instruction)> {
        let (key, pool, governor) = (world.governor.pubkey(), world.pool, world.governor.insecure_clone());
        let raised = |world: &World, asset: u16, field: AssetField| {
            let value = world.asset(asset).get(field);
            build::set_asset(key, pool, asset, vec![AssetSetting { field, value: value + value / 4 }])
        };
        let mut rows = World::rows_of(ROWS, 0b111, 0, ROWS);
        for (at, moved) in rows.moves.iter_mut().enumerate() {
            // Against who is long in the first column and short in the second.
            let way = if at % 3 == 0 { -179 } else { 179 };
            *moved = (*moved + way).clamp(-4_096, 4_096);
        }
        world.succeeds(&[build::stage_scenarios(key, pool, 2, rows)], &[&governor]);
        let hash = world.state::<Scenarios>(&addresses::scenarios(&pool, 2)).hash();
        let settings = [(4, 675_000), (5, 437_500), (8, 25_000)];
        let settings = settings.map(|(parameter, value)| ParamSetting { parameter, value }).to_vec();
        let all = [
            build::set_params(key, pool, settings),
            build::switch_scenarios(key, pool, 2, hash),
            raised(world, BTC, AssetField::BaseRange),
            raised(world, ETH, AssetField::BaseRange),
            raised(world, GOLD, AssetField::HaircutBase),
            build::add_market(key, pool, GOLD, 3, MarketSpec::new("GOLD-PERP", GOLD).terms),
        ];
        all.into_iter().map(|governed| (world.schedule(&governed), governed)).collect()
    }

    /// Anything that waits, of any terms.
    fn governed(&mut self) -> Instruction {
        let (key, pool) = (self.hostile.pubkey(), self.world.pool);
        let asset = self.chance.index(5) as u16;
        match self.chance.index(8) {
            0 => {
                let settings = self.asset_settings(asset);
                build::set_asset(key, pool, asset, settings)
            }
            1 => {
                let settings = self.market_settings();
                build::set_market(key, pool, BTC_PERP, settings)
            }
            2 => {
                let feed = self.world.new_address();
                let source = OracleSource { oracle: 2, feed, feed_owner: PUSH_ORACLE, feed_id: [0; 32] };
                build::set_oracle(key, pool, asset, source)
            }
            3 => {
                let setting =
                    ParamSetting { parameter: self.chance.index(18) as u8, value: self.chance.between(0, 1_000_000) };
                build::set_params(key, pool, vec![setting])
            }
            4 => build::set_committee(key, pool, vec![self.world.new_address()], 1),
            5 => {
                let rate = self.chance.between(0, 3_000_000);
                let lending = Lending { rate_zero: rate, rate_kink: rate, rate_full: rate, ..LENDING };
                build::set_lending(key, pool, asset, lending)
            }
            6 => build::add_market(key, pool, GOLD, 3, MarketSpec::new("GOLD-PERP", GOLD).terms),
            _ => {
                let time = self.world.expiry_in(self.chance.between(2, 60));
                let market = self.world.market(BTC_PERP);
                build::list_expiry(key, &market, time, flat(2.0, time - self.world.now()), self.world.now())
            }
        }
    }

    /// Some fields, each somewhere within a step or beyond it.
    fn asset_settings(&mut self, asset: u16) -> Vec<AssetSetting> {
        let state = self.world.asset(asset);
        let mut settings = vec![];
        for field in AssetField::ALL {
            if self.chance.percent(25) {
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
            if self.chance.percent(25) {
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

    fn next(&mut self) -> Instruction {
        let (key, pool, now) = (self.hostile.pubkey(), self.world.pool, self.world.now());
        let victim = self.members[self.chance.index(self.members.len())].clone();
        match self.chance.index(13) {
            0 | 1 => {
                let governed = self.governed();
                let number = self.world.state::<Pool>(&pool).change_count;
                self.scheduled.push((number, governed.clone()));
                build::schedule_change(key, key, number, &governed)
            }
            2 | 3 if !self.scheduled.is_empty() => {
                let (number, governed) = self.scheduled[self.chance.index(self.scheduled.len())].clone();
                build::execute_change(governed, number, key)
            }
            4 if self.prepared > 0 => {
                let (number, governed) = self.scheduled[self.chance.index(self.prepared)].clone();
                build::execute_change(governed, number, key)
            }
            4 => self.governed(),
            5 => {
                let action = *self.chance.pick(&Action::ALL);
                build::pause(key, pool, action, self.chance.between(1, action.longest()))
            }
            6 => build::unpause(key, pool, *self.chance.pick(&Action::ALL)),
            7 => build::propose_role(key, pool, *self.chance.pick(&[Role::Authority, Role::Guardian, Role::Risk]), key),
            8 => {
                let asset = self.chance.index(5) as u16;
                let settings = self.asset_settings(asset);
                build::tighten_asset(key, pool, asset, settings, if asset == BTC { &[BTC_PERP] } else { &[] })
            }
            9 => {
                // As who means to tighten would do it.
                let base = self.world.asset(BTC).base_range.0 as u64;
                let raised = AssetSetting { field: AssetField::BaseRange, value: base + base / 4 };
                build::tighten_asset(key, pool, BTC, vec![raised], &[BTC_PERP])
            }
            10 => build::restore_asset(key, pool, *self.chance.pick(&[BTC, GOLD])),
            11 => {
                let delays: Delays = self.world.state::<Pool>(&pool).delays();
                build::set_delays(
                    key,
                    pool,
                    Delays { oracle: delays.oracle - self.chance.between(-2, 2) * DAY, ..delays },
                )
            }
            _ => {
                let settings = self.market_settings();
                match self.chance.index(3) {
                    0 => build::tighten_market(key, pool, BTC_PERP, settings),
                    1 => {
                        build::cancel_change(key, &Change { pool, number: now as u64, ..bytemuck::Zeroable::zeroed() })
                    }
                    _ => {
                        let tokens = self.world.token_move(&victim, USDC, DOLLAR as u64);
                        let holdings = self.world.holdings(&[victim.portfolio]);
                        build::withdraw(key, self.world.keys(), victim.portfolio, &holdings, tokens)
                    }
                }
            }
        }
    }

    /// Nobody's funds have moved, and whoever is liquidatable has not met initial margin for a day.
    fn judge(&mut self, before: &[(i64, Vec<u64>, Vec<i64>)], place: &str) {
        assert_eq!(self.funds(), before, "{place}");
        for at in 0..self.members.len() {
            let health = self.world.health(&self.members[at].clone());
            if health.equity >= health.initial {
                self.met[at] = self.world.now();
            }
            self.below += usize::from(health.equity < health.initial);
            let since = self.world.now() - self.met[at];
            assert!(
                health.equity >= health.maintenance || since >= DAY,
                "{place}: member {at} after {since} s, {health:?}"
            );
        }
    }

    /// Lives a day with what was sent and one without, and asks both what everyone has and has to hold.
    fn judge_a_day(&mut self, with: World, without: World, place: &str) {
        let owners = || self.members.iter().chain(&self.lean).cloned();
        let began = with.now();
        let [with, without] = [with, without].map(|mut world| {
            [DAY / 2, DAY - 60, 4 * DAY].map(|seconds| {
                world.pass(began + seconds - world.now());
                keep(&mut world);
                owners().map(|owner| world.health(&owner)).map(|h| (h.equity, h.maintenance)).collect::<Vec<_>>()
            })
        });
        assert_eq!(with[..2], without[..2], "{place}");
        self.later += usize::from(with[2] != without[2]);
    }

    /// Cash, balances and positions of each.
    fn funds(&self) -> Vec<(i64, Vec<u64>, Vec<i64>)> {
        let of = |actor: &Actor| {
            let portfolio = self.world.portfolio(&actor.portfolio);
            let balances = portfolio.balances().iter().map(|b| b.tokens).collect();
            (portfolio.cash, balances, portfolio.positions().iter().map(|p| p.quantity).collect())
        };
        self.members.iter().map(of).collect()
    }

    /// Lives a week, which begins with the one of what was prepared whose turn it is.
    fn live(&mut self, turn: u64, name: &str) {
        let (before, began) = (self.funds(), self.world.now());
        let vaults: Vec<u64> = (0..5).map(|asset| self.world.vault(asset)).collect();
        for step in 0..STEPS {
            let instruction = match self.scheduled.get(turn as usize).filter(|_| step == 0 && self.prepared > 0) {
                Some((number, governed)) => build::execute_change(governed.clone(), *number, self.hostile.pubkey()),
                None => self.next(),
            };
            let key = self.hostile.insecure_clone();
            let prepared = self.scheduled[..self.prepared].iter();
            let of = prepared.filter(|(_, governed)| governed.data == instruction.data).map(|(number, _)| *number);
            let (of, before_it) = (of.collect::<Vec<_>>(), self.world.twin());
            let rows = Governed::find(&instruction.data).is_ok_and(|governed| governed.name == "switch_scenarios");
            if self.world.attempt(instruction, &[&key]).is_ok() {
                self.succeeded += 1;
                self.executed.extend(of);
                // The delay of rows is their notice.
                if !rows {
                    self.judge_a_day(self.world.twin(), before_it, &format!("{name}, step {step}"));
                }
            }
            self.world.pass(self.chance.between(60, 2 * WEEK / STEPS - 60).min(began + WEEK - self.world.now()).max(0));
            keep(&mut self.world);
            self.judge(&before, &format!("{name}, step {step}"));
        }
        assert_eq!(vaults, (0..5).map(|asset| self.world.vault(asset)).collect::<Vec<u64>>());
    }
}

#[test]
fn no_single_role_moves_funds_or_makes_the_healthy_liquidatable() {
    let (mut succeeded, mut below, mut later, mut executed) = ([0; 4], [0; 4], [0; 4], BTreeSet::new());
    for (place, role) in [Some(Role::Authority), Some(Role::Guardian), Some(Role::Risk), None].into_iter().enumerate() {
        for seed in 0..WEEKS {
            let mut week = Week::of(role, seed * 4 + place as u64 + 1);
            week.live(seed, &format!("{role:?}, seed {seed}"));
            succeeded[place] += week.succeeded;
            below[place] += week.below;
            later[place] += week.later;
            executed.extend(week.executed);
        }
    }
    println!("instructions that succeeded, by authority, guardian, risk role and a stranger: {succeeded:?}");
    println!("somebody was below initial margin: {below:?}");
    println!("instructions that changed what somebody has to hold, after more than a day: {later:?}");
    println!("of what raises margin most these were executed, by their number: {executed:?}");
    assert_eq!(executed.len(), 6, "{executed:?}");
    assert!(succeeded[..3].iter().all(|count| *count >= 8), "{succeeded:?}");
    assert_eq!((succeeded[3], below[3]), (0, 0));
    assert!(later[..3].iter().all(|count| *count > 0) && later[3] == 0, "{later:?}");
    // Who tightens binds those who want more risk, at once.
    assert!(below[1] > 0 && below[2] > 0, "{below:?}");
}
