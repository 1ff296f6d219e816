//! Any single role of governance that means harm, with as many keys as it likes, whatever it sends and in whatever order, for a week in
//! which everybody else sleeps but the keepers: nobody's funds move, whoever met initial margin is not liquidatable for a day, and nothing
//! changes what anybody has to hold within a day of its execution, spreads and backspreads included, but what a page of the documentation
//! says and bounds: a switch of rows, which is measured here, mids, forecasts of a committee that is all of the party's, and that what a
//! change ends stays where it is.

mod party;

use std::collections::{BTreeMap, BTreeSet};

use novate_client::state::{Asset, Scenarios};
use novate_client::{
    addresses, decode, instructions as build, Action, AssetField, AssetForecast, AssetSetting, Delays, HealthReport,
    Instruction, ParamSetting, Pubkey, Right, Role, ScenarioRange,
};
use novate_tests::feed::{Feed, Layout, PUSH_ORACLE};
use novate_tests::world::{Listing, ROWS};
use novate_tests::{
    flat, Actor, AssetSpec, Chance, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DAY, ETH, ETH_PERP, GOLD, PRICE,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

const STEPS: i64 = 72;
const WEEK: i64 = 7 * DAY;

/// Who is hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hostile {
    Role(Role),
    /// One of three members of the committee.
    Member,
    /// One of three venues.
    Venue,
    Stranger,
}

/// A pool with its roles apart.
struct Week {
    world: World,
    chance: Chance,
    part: Hostile,
    /// The hostile key, and others of the same hand.
    keys: Vec<Keypair>,
    /// Venues that are not the party's.
    venues: Vec<Keypair>,
    /// Four at initial margin, one of them on collateral outside the scan and one hedged, and the other side.
    members: Vec<Actor>,
    /// Below initial margin and above maintenance margin: with narrow spreads and backspreads, and, the last one, hedged.
    lean: Vec<Actor>,
    /// Unix time at which each member last met initial margin.
    met: Vec<i64>,
    /// Expiry of the options.
    time: i64,
    /// A token of the party's, and a price account for each asset.
    fake: Listing,
    feeds: Vec<Pubkey>,
    /// Instructions that were scheduled, by the number of their change. The first of them a week before.
    changes: Vec<(u64, Instruction)>,
    prepared: usize,
    /// Where the party is in the list of what its part can do, and in that of what waits.
    turn: usize,
    kind: usize,
    found: Found,
}

/// What was seen.
#[derive(Default)]
struct Found {
    /// How often each kind of instruction succeeded.
    sent: BTreeMap<String, usize>,
    /// What was scheduled a week before and executed.
    executed: BTreeSet<u64>,
    /// How often somebody was below initial margin.
    below: usize,
    /// Kinds of instructions that changed what somebody has to hold, not within a day but within four.
    later: BTreeSet<String>,
    /// The most that a switch of rows multiplied maintenance margin by: of linear holdings, of options.
    rows: [f64; 2],
}

/// Who holds a narrow spread, narrow and wide backspreads, spreads that hedge each other and two sides of a hedge, and has lost so much that
/// what is left lies half-way between maintenance and initial margin.
fn lean(world: &mut World, time: i64) -> Vec<Actor> {
    for market in [BTC_PERP, ETH_PERP] {
        world.publish_forecast(market, time, flat(0.6, time - world.now()));
    }
    world.refresh_chains();
    let maker = world.trader(10_000_000);
    let books: [&[(u16, u8, Right, i64)]; 6] = [
        &[(BTC_PERP, 1, Right::Put, -10), (BTC_PERP, 0, Right::Put, 10)],
        &[(BTC_PERP, 1, Right::Call, -10), (BTC_PERP, 2, Right::Call, 20)],
        &[(BTC_PERP, 1, Right::Call, -10), (BTC_PERP, 2, Right::Call, 15)],
        &[(BTC_PERP, 1, Right::Call, -10), (BTC_PERP, 3, Right::Call, 30)],
        &[
            (BTC_PERP, 1, Right::Call, -10),
            (BTC_PERP, 2, Right::Call, 10),
            (ETH_PERP, 1, Right::Call, 133),
            (ETH_PERP, 2, Right::Call, -133),
        ],
        &[],
    ];
    let owners = books.map(|options| {
        let owner = world.trader(200_000);
        if options.is_empty() {
            let legs = [(BTC_PERP, CONTRACT, 20_000 * PRICE), (ETH_PERP, -13 * CONTRACT, 1_500 * PRICE)];
            world.trade(&owner, &maker, &legs);
        } else {
            let leg =
                |&(market, slot, right, quantity)| world.at_mark(market, time, (slot, right), quantity * CONTRACT);
            let legs: Vec<_> = options.iter().map(leg).collect();
            world.trade_legs(&owner, &maker, &legs);
        }
        owner
    });
    keep(world, &[]);
    for owner in &owners {
        let health = world.health(owner);
        world.lose(owner, health.equity - (health.initial + health.maintenance) / 2);
        let health = world.health(owner);
        assert!(health.equity < health.initial && health.equity > health.maintenance, "{health:?}");
    }
    owners.into()
}

/// As the keepers do it, and as venues do that mean no harm.
fn keep(world: &mut World, venues: &[Keypair]) {
    world.refresh_chains();
    let price = world.asset(BTC).price.0;
    for venue in venues {
        let report = world.report_instruction(&venue.pubkey(), BTC_PERP, price);
        // It may have been removed.
        let _ = world.attempt(report, &[venue]);
    }
    let markets = build::refresh_market(&world.pool, &[(BTC_PERP, BTC), (ETH_PERP, ETH)]);
    world.succeeds(&[markets], &[]);
}

/// Rows a step from the fixture's: against who is long in the first column and short in the second where that is worst already, and for
/// each of the two sides alone in the others; and the step back in turn.
fn rows_a_step_on(generation: u16) -> ScenarioRange {
    let mut rows = World::rows_of(ROWS, 0b111, 0, ROWS);
    let mut worst: Vec<usize> = (0..usize::from(ROWS)).collect();
    worst.sort_by_key(|row| i32::from(rows.moves[row * 3]) - i32::from(rows.moves[row * 3 + 1]));
    for (place, row) in worst.into_iter().enumerate().filter(|_| generation.is_multiple_of(2)) {
        let way = if place < 6 { -179 } else { 179 };
        for (column, way) in [(0, way), (1, -way)] {
            let cell = &mut rows.moves[row * 3 + column];
            *cell = (*cell + way).clamp(-4_096, 4_096);
        }
    }
    rows
}

/// Names of the instructions that succeeded, as the log has them.
fn kinds(logs: &[String]) -> Vec<String> {
    let named = logs.iter().filter_map(|line| line.strip_prefix("Program log: Instruction: "));
    named.map(str::to_string).collect()
}

impl Week {
    fn of(part: Hostile, seed: u64) -> Self {
        let mut world = World::default();
        let (guardian, risk) = (world.guardian.insecure_clone(), world.risk.insecure_clone());
        let keeper = world.actor();
        world.deposit(&keeper, GOLD, 1);
        let time = world.chain(BTC_PERP, 50, 0.6, &[19_600, 20_000, 20_400, 22_000]);
        assert_eq!(world.chain(ETH_PERP, 50, 0.6, &[1_470, 1_500, 1_530, 1_650]), time);
        let mut venues = world.venues(3);
        let mut keys: Vec<Keypair> = (0..party::KEYS).map(|_| world.new_wallet()).collect();
        keys[0] = match part {
            Hostile::Role(Role::Authority) => world.governor.insecure_clone(),
            Hostile::Role(Role::Guardian) => guardian.insecure_clone(),
            Hostile::Role(Role::Risk) => risk.insecure_clone(),
            Hostile::Member => world.members[0].insecure_clone(),
            Hostile::Venue => venues.remove(0),
            Hostile::Stranger => keys[0].insecure_clone(),
        };
        let fake = world.issue(AssetSpec::new("FAKE", 6, 1.0).pushed().deposit_cap(1_000_000_000_000));
        let feeds = (0..5).map(|_| world.new_address()).collect();
        world.by_hand = true;
        let mut week = Self {
            chance: Chance::new(seed),
            part,
            keys,
            venues,
            members: vec![],
            lean: vec![],
            met: vec![],
            time,
            fake,
            feeds,
            changes: vec![],
            prepared: 0,
            turn: seed as usize,
            kind: seed as usize,
            found: Found::default(),
            world,
        };
        week.prepare(&risk);
        week.world.pass(WEEK);
        keep(&mut week.world, &[]);
        week.people();
        week.begin(&guardian);
        week
    }

    /// A week before: whatever raises margin most, and whatever else waits for a week, so that each can be executed at any time of this one, and
    /// a listing that lapses in it.
    fn prepare(&mut self, risk: &Keypair) {
        let (key, pool, governor) =
            (self.world.governor.pubkey(), self.world.pool, self.world.governor.insecure_clone());
        let raised = |world: &World, asset: u16, field: AssetField| {
            let value = world.asset(asset).get(field);
            build::set_asset(key, pool, asset, vec![AssetSetting { field, value: value + value / 4 }])
        };
        let stage = build::stage_scenarios(key, pool, 2, rows_a_step_on(2));
        let shorter: Delays = self.world.state::<novate_client::state::Pool>(&pool).delays();
        let longer = build::set_delays(key, pool, Delays { expiry: 2 * DAY, ..shorter });
        self.world.succeeds(&[stage, longer], &[&governor]);
        let hash = self.world.state::<Scenarios>(&addresses::scenarios(&pool, 2)).hash();
        let settings = [(4, 675_000), (5, 437_500), (8, 25_000)];
        let settings = settings.map(|(parameter, value)| ParamSetting { parameter, value }).to_vec();
        let (market, near) = (self.world.market(BTC_PERP), self.world.expiry_in(20));
        let all = [
            build::set_params(key, pool, settings),
            build::switch_scenarios(key, pool, 2, hash),
            raised(&self.world, BTC, AssetField::BaseRange),
            raised(&self.world, ETH, AssetField::BaseRange),
            raised(&self.world, GOLD, AssetField::HaircutBase),
            build::add_market(key, pool, GOLD, 3, MarketSpec::new("GOLD-PERP", GOLD).terms),
            self.set_oracle(key, BTC),
            self.set_committee(key),
            build::set_delays(key, pool, shorter),
            build::list_expiry(key, &market, near, flat(0.6, near - self.world.now()), self.world.now()),
        ];
        self.changes = all.into_iter().map(|governed| (self.world.schedule(&governed), governed)).collect();
        self.prepared = self.changes.len();
        // What the authority can take back.
        let tightened = vec![AssetSetting { field: AssetField::BaseRange, value: 200_000 }];
        let tighten = build::tighten_asset(risk.pubkey(), pool, ETH, tightened, &[ETH_PERP]);
        self.world.succeeds(&[tighten], &[risk]);
    }

    fn people(&mut self) {
        let (world, time) = (&mut self.world, self.time);
        let (long, short, saver, maker) =
            (world.trader(3_012), world.trader(3_012), world.trader(6_000), world.trader(1_000_000));
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
        self.lean = lean(world, time);
        self.members = vec![long, short, saver, hedged, maker];
        self.met = vec![self.world.now(); self.members.len()];
    }

    /// What those who mean well have proposed and paused as the week begins.
    fn begin(&mut self, guardian: &Keypair) {
        if self.part != Hostile::Role(Role::Authority) {
            for role in [Role::Authority, Role::Risk] {
                let next = self.world.new_address();
                self.world.propose(role, &next);
            }
        }
        if self.part != Hostile::Role(Role::Guardian) {
            let pause = build::pause(guardian.pubkey(), self.world.pool, Action::Stake, 7 * DAY);
            self.world.succeeds(&[pause], &[guardian]);
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
            self.found.below += usize::from(health.equity < health.initial);
            let since = self.world.now() - self.met[at];
            assert!(
                health.equity >= health.maintenance || since >= DAY,
                "{place}: member {at} after {since} s, {health:?}"
            );
        }
    }

    /// Lives a day with what was sent and one without, and asks both what everyone has and has to hold.
    fn judge_a_day(&mut self, mut without: World, asset: &Pubkey, kinds: &[String], place: &str) {
        let is = |names: &[&str]| kinds.iter().any(|kind| names.contains(&kind.as_str()));
        // Of a committee of the party's own, whose pace is stated for linear holdings: see `judge`.
        if self.part != Hostile::Member && is(&["ApplyForecasts", "ApplyAssetForecasts"]) {
            return;
        }
        let mut with = self.world.twin();
        if self.part == Hostile::Member {
            [&mut with, &mut without].into_iter().for_each(|world| self.others_forecast(world));
        }
        if is(&["SwitchScenarios"]) {
            return self.judge_rows(with, without);
        }
        let owners: Vec<Actor> = self.members.iter().chain(&self.lean).cloned().collect();
        // What waits or is on its way, and is ended by it, stays where it is.
        let ends = is(&["SetAsset", "TightenAsset", "RestoreAsset"])
            && decode::<Asset>(&without.account(asset).data).is_ok_and(|asset| asset.until() > without.now());
        let (began, stood) = (with.now(), owners.iter().map(|owner| with.health(owner)).collect::<Vec<_>>());
        let [with, without] = [with, without].map(|mut world| {
            [DAY / 2, DAY - 60, 4 * DAY].map(|seconds| {
                world.pass(began + seconds - world.now());
                keep(&mut world, &self.venues);
                owners.iter().map(|owner| world.health(owner)).collect::<Vec<_>>()
            })
        });
        let held = |all: &[HealthReport]| all.iter().map(|h| (h.equity, h.maintenance)).collect::<Vec<_>>();
        if is(&["ReportMid", "RemoveVenue"]) {
            for (owner, (with, without)) in owners.iter().zip(with[1].iter().zip(&without[1])) {
                let positions = self.world.portfolio(&owner.portfolio);
                let notional: i64 =
                    positions.positions().iter().map(|p| p.quantity.abs() / 1_000).sum::<i64>() * 20_000;
                assert_eq!(with.maintenance, without.maintenance, "{place}");
                // The premium, and the funding of a day at it.
                assert!((with.equity - without.equity).abs() <= notional / 1_000 * 20, "{place}");
            }
            return;
        }
        for (with, without) in [0, 1].map(|at| (&with[at], &without[at])) {
            if !ends {
                assert_eq!(held(with), held(without), "{place}");
                continue;
            }
            // Options age meanwhile.
            let linear = (0..owners.len()).filter(|at| !self.has_options(*at));
            for (stood, with, without) in linear.map(|at| (&stood[at], &with[at], &without[at])) {
                assert_eq!(with.equity, without.equity, "{place}");
                let within = stood.maintenance.min(without.maintenance)..=stood.maintenance.max(without.maintenance);
                assert!(within.contains(&with.maintenance), "{place}: {within:?} {with:?}");
            }
        }
        if held(&with[2]) != held(&without[2]) {
            self.found.later.extend(kinds.iter().cloned());
        }
    }

    /// Of the members and the lean ones, by their place.
    fn has_options(&self, at: usize) -> bool {
        (self.members.len()..self.members.len() + self.lean.len() - 1).contains(&at)
    }

    /// In the second of the switch and until a day later.
    fn judge_rows(&mut self, mut with: World, mut without: World) {
        for seconds in [0, DAY - 60] {
            for world in [&mut with, &mut without] {
                world.pass(seconds);
                keep(world, &self.venues);
            }
            for (at, owner) in self.members.iter().chain(&self.lean).enumerate() {
                let [with, without] = [&mut with, &mut without].map(|world| world.health(owner).maintenance as f64);
                let options = usize::from(self.has_options(at));
                self.found.rows[options] = self.found.rows[options].max(with / without);
            }
        }
    }

    /// The two members who mean well say what stands, and that is applied.
    fn others_forecast(&self, world: &mut World) {
        // Between two applications.
        world.pass(10);
        let forecast = flat(0.6, self.time - world.now());
        for member in [1, 2] {
            world.submit_forecast(member, BTC_PERP, self.time, forecast);
            world.submit_asset(member, BTC, AssetForecast { sigma: 10_000, depth: 1 << 60 });
        }
        world.apply(BTC_PERP, self.time);
        world.succeeds(&[build::apply_asset_forecasts(&world.pool, BTC)], &[]);
    }

    /// Cash, balances and positions of each.
    fn funds(&self) -> Vec<(i64, Vec<u64>, Vec<i64>)> {
        let of = |actor: &Actor| {
            let portfolio = self.world.portfolio(&actor.portfolio);
            let balances = portfolio.balances().iter().map(|b| b.tokens).collect();
            (portfolio.cash, balances, portfolio.positions().iter().map(|p| p.quantity).collect())
        };
        self.members.iter().chain(&self.lean).map(of).collect()
    }

    /// From here on the keepers read the price account that was put in place, and refresh what was listed.
    fn follow(&mut self, instructions: &[Instruction], kinds: &[String]) {
        if kinds.iter().any(|kind| kind == "SetOracle") {
            let places =
                (0..5).filter(|at| instructions[0].accounts[1].pubkey == addresses::asset(&self.world.pool, *at));
            for at in places.map(usize::from).collect::<Vec<_>>() {
                let address = self.feeds[at];
                self.world.listings[at].feed = Feed { layout: Layout::Push, address, owner: PUSH_ORACLE, id: [0; 32] };
            }
        }
        if kinds.iter().any(|kind| kind == "AddAsset") {
            self.world.listings.push(self.fake.clone());
        }
    }

    /// Lives a week, which begins with the one of what was prepared whose turn it is.
    fn live(&mut self, turn: usize, name: &str) {
        let (before, began) = (self.funds(), self.world.now());
        let vaults: Vec<u64> = (0..5).map(|asset| self.world.vault(asset)).collect();
        let begins = turn < self.prepared && self.part == Hostile::Role(Role::Authority);
        for step in 0..STEPS {
            let instructions = match begins && step == 0 {
                true => {
                    let (number, governed) = self.changes[turn].clone();
                    vec![self.execution(number, &governed)]
                }
                false => self.next(),
            };
            let place = format!("{name}, step {step}");
            let signers = self.signers(&instructions);
            let prepared = self.changes[..self.prepared].iter();
            let of = prepared.filter(|(_, governed)| governed.data == instructions[0].data).map(|(number, _)| *number);
            let (of, before_it) = (of.collect::<Vec<_>>(), self.world.twin());
            if let Ok(sent) = self.world.send(&instructions, &signers.iter().collect::<Vec<_>>()) {
                let kinds = kinds(&sent.logs);
                kinds.iter().for_each(|kind| *self.found.sent.entry(kind.clone()).or_default() += 1);
                self.found.executed.extend(of);
                self.follow(&instructions, &kinds);
                self.judge_a_day(
                    before_it,
                    &instructions[0].accounts[1].pubkey,
                    &kinds,
                    &format!("{place}, {kinds:?}"),
                );
            }
            self.world.pass(self.chance.between(60, 2 * WEEK / STEPS - 60).min(began + WEEK - self.world.now()).max(0));
            keep(&mut self.world, &self.venues);
            self.judge(&before, &place);
        }
        assert_eq!(vaults, (0..5).map(|asset| self.world.vault(asset)).collect::<Vec<u64>>());
    }
}

impl Found {
    /// Together with another week of the same part.
    fn add(&mut self, other: Self) {
        other.sent.into_iter().for_each(|(kind, count)| *self.sent.entry(kind).or_default() += count);
        self.executed.extend(other.executed);
        self.below += other.below;
        self.later.extend(other.later);
        self.rows = [0, 1].map(|at| self.rows[at].max(other.rows[at]));
    }
}

/// Weeks of a part: so many, and further ones until each of these kinds has succeeded, up to twice as many.
fn weeks(part: Hostile, least: u64, kinds: &BTreeSet<String>) -> Found {
    let mut found = Found::default();
    for seed in 0..2 * least {
        if seed >= least && kinds.iter().all(|kind| found.sent.contains_key(kind)) {
            break;
        }
        let mut week = Week::of(part, seed * 7 + 1);
        week.live(seed as usize, &format!("{part:?}, seed {seed}"));
        found.add(week.found);
    }
    println!("{part:?}: {:?}", found.sent);
    println!("  below initial margin {} times; margin moved after more than a day by {:?}", found.below, found.later);
    found
}

/// Files of the program's folder of governance, as the log names them.
fn governance() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../programs/novate/src/instructions/governance");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let names = files.filter(|name| !["mod.rs", "enactment.rs"].contains(&name.as_str()));
    names.map(|name| camel(name.trim_end_matches(".rs"))).collect()
}

fn camel(snake: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    snake.split('_').map(word).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// Of the instructions of governance exactly these succeeded, and that rent went back of changes that can no longer be executed, which is
/// anyone's.
#[track_caller]
fn assert_sent(found: &Found, expected: &BTreeSet<String>) {
    let sent: BTreeSet<String> = found.sent.keys().filter(|kind| governance().contains(*kind)).cloned().collect();
    let anyones = set(&["CancelChange"]);
    assert_eq!(&sent | &anyones, &(expected & &governance()) | &anyones);
    assert!(expected.iter().all(|kind| found.sent.contains_key(kind)), "{expected:?}: {:?}", found.sent);
}

#[test]
fn no_single_role_moves_funds_or_makes_the_healthy_liquidatable() {
    // Another pool is none of this one's, and there is no account of the layout before. A committee and venues of the party's own.
    let own = set(&["ApplyAssetForecasts", "ApplyForecasts", "ReportMid", "SubmitAssetForecast", "SubmitForecast"]);
    let all = &(&governance() - &set(&["CreatePool", "MigrateAsset"])) | &own;
    let found = weeks(Hostile::Role(Role::Authority), 10, &all);
    println!("  of what was prepared these were executed, by their number: {:?}", found.executed);
    println!(
        "  a switch of rows took maintenance margin, of linear holdings and of options, to {:.3?} times",
        found.rows
    );
    assert_sent(&found, &all);
    assert_eq!(found.executed.len(), 10, "{:?}", found.executed);
    let moving = set(&["AddMarket", "RestoreAsset", "SetAsset", "SetParams", "TightenAsset"]);
    assert!(found.later.is_subset(&moving), "{:?}", found.later);
    let [linear, options] = found.rows;
    assert!(linear > 1.0 && linear <= 1.25 && options > 1.0 && options <= 1.69, "{:?}", found.rows);

    for (role, own) in [(Role::Guardian, &["CancelChange", "CancelRole", "Pause"][..]), (Role::Risk, &[])] {
        let all = &set(own) | &set(&["TightenAsset", "TightenMarket"]);
        let found = weeks(Hostile::Role(role), 4, &all);
        assert_sent(&found, &all);
        assert!(found.below > 0, "who tightens binds at once those who want more risk");
        assert_eq!(found.later, set(&["TightenAsset"]));
    }
}

/// Nor does one of three members of the committee, one of three venues, or a stranger.
#[test]
fn nor_does_a_member_a_venue_or_a_stranger() {
    for (part, kinds) in [
        (Hostile::Member, &["RemoveMember", "SubmitAssetForecast", "SubmitForecast"][..]),
        (Hostile::Venue, &["ReportMid"]),
        (Hostile::Stranger, &["CancelChange"]),
    ] {
        let found = weeks(part, 4, &set(kinds));
        assert_sent(&found, &set(kinds));
        assert_eq!((found.below, found.later), (0, set(&[])), "{part:?}");
    }
}
