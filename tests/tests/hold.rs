//! For a day after it is executed no change of terms or parameters moves anybody's maintenance margin, whatever is held (CLR-50): no bound of a
//! step holds for every book.

use novate_client::state::{HOLD, LOOSENING, PARAM_RAMP, SEASONING, TIGHTENING};
use novate_client::{instructions as build, AssetField, AssetSetting, HealthReport, Instruction, ParamSetting, Right};
use novate_tests::{Actor, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DAY, ETH, ETH_PERP, GOLD, PRICE};
use solana_signer::Signer;

const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

/// Who holds a narrow spread, a narrow backspread, two sides of a hedge, and a balance outside the scan.
struct Books {
    world: World,
    owners: Vec<Actor>,
}

impl Books {
    fn new() -> Self {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 40, 0.6, &[19_600, 20_000, 20_400]);
        let owners: Vec<Actor> = (0..4).map(|_| world.trader(100_000)).collect();
        let maker = world.trader(10_000_000);
        let [spread, backspread, hedged, saver] = [0, 1, 2, 3].map(|at| owners[at].clone());
        world.deposit(&saver, GOLD, 1_000_000_000);
        for (owner, options) in [
            (&spread, [((1, Right::Put), -10), ((0, Right::Put), 10)]),
            (&backspread, [((1, Right::Call), -10), ((2, Right::Call), 20)]),
        ] {
            let legs = options.map(|(option, quantity)| world.at_mark(BTC_PERP, time, option, quantity * CONTRACT));
            world.trade_legs(owner, &maker, &legs);
        }
        let (btc, eth) = ((BTC_PERP, 2 * CONTRACT, 20_000 * PRICE), (ETH_PERP, -26 * CONTRACT, 1_500 * PRICE));
        world.trade(&hedged, &maker, &[btc, eth]);
        world.trade(&saver, &maker, &[btc]);
        Self { world, owners }
    }

    fn twin(&self) -> Self {
        Self { world: self.world.twin(), owners: self.owners.clone() }
    }

    #[track_caller]
    fn executes(&mut self, instruction: Instruction) {
        let signer = self.world.signer_of(&instruction);
        self.world.succeeds(&[instruction], &[&signer]);
    }

    fn tighten(&mut self, asset: u16, field: AssetField, value: u64) {
        let settings = vec![AssetSetting { field, value }];
        self.executes(build::tighten_asset(self.world.risk.pubkey(), self.world.pool, asset, settings, &[]));
    }

    fn set(&mut self, asset: u16, field: AssetField, value: u64) {
        let settings = vec![AssetSetting { field, value }];
        self.executes(build::set_asset(self.world.governor.pubkey(), self.world.pool, asset, settings));
    }

    fn restore(&mut self, asset: u16) {
        self.executes(build::restore_asset(self.world.governor.pubkey(), self.world.pool, asset));
    }

    /// Lets time pass, and refreshes all there is at unchanged prices.
    fn pass(&mut self, seconds: i64) {
        self.world.pass(seconds);
        self.world.refresh_chains();
        let markets = build::refresh_market(&self.world.pool, &[(BTC_PERP, BTC), (ETH_PERP, ETH)]);
        self.world.succeeds(&[markets], &[]);
    }

    fn health(&mut self) -> Vec<(i64, i64)> {
        let of = |health: HealthReport| (health.equity, health.maintenance);
        self.owners.clone().iter().map(|owner| of(self.world.health(owner))).collect()
    }
}

/// What is executed and, a day on, margin is what it is where it was not. Options age, so that a twin says what it would be.
#[track_caller]
fn holds(name: &str, books: &Books, until: i64, change: impl Fn(&mut Books)) {
    let (mut with, mut without) = (books.twin(), books.twin());
    change(&mut with);
    let began = with.world.now();
    for seconds in [0, 1, 6 * HOUR, 12 * HOUR, 18 * HOUR, DAY - MINUTE] {
        let wait = began + seconds - with.world.now();
        [&mut with, &mut without].into_iter().for_each(|books| books.pass(wait));
        assert_eq!(with.health(), without.health(), "{name}, after {seconds} s");
    }
    let wait = began + until - with.world.now();
    [&mut with, &mut without].into_iter().for_each(|books| books.pass(wait));
    assert_ne!(with.health(), without.health(), "{name}");
}

#[test]
fn nothing_moves_maintenance_margin_for_a_day() {
    let books = Books::new();
    holds("a range tightened", &books, TIGHTENING, |books| books.tighten(BTC, AssetField::BaseRange, 187_500));
    holds("a haircut tightened", &books, TIGHTENING, |books| books.tighten(GOLD, AssetField::HaircutBase, 120_000));
    holds("a range raised", &books, TIGHTENING, |books| books.set(ETH, AssetField::BaseRange, 150_001));
    holds("a range lowered", &books, LOOSENING, |books| books.set(BTC, AssetField::BaseRange, 112_500));
    holds("parameters", &books, PARAM_RAMP, |books| {
        let settings = [(4, 675_000), (5, 437_500)].map(|(parameter, value)| ParamSetting { parameter, value });
        books.executes(build::set_params(books.world.governor.pubkey(), books.world.pool, settings.to_vec()));
    });
    holds("a first market", &books, SEASONING, |books| {
        let terms = MarketSpec::new("GOLD-PERP", GOLD).terms;
        let next = books.world.underlyings.len() as u16;
        books.executes(build::add_market(books.world.governor.pubkey(), books.world.pool, GOLD, next, terms));
    });
    let mut tightened = books.twin();
    tightened.tighten(BTC, AssetField::BaseRange, 187_500);
    tightened.pass(TIGHTENING);
    holds("a range restored", &tightened, LOOSENING, |books| books.restore(BTC));
}

/// What is on its way goes on, what waits begins its day anew with what comes.
#[test]
fn a_second_change_waits_a_day_of_its_own() {
    for (second, expected) in [
        (12, [(36, 150_000, 100_000), (60, 168_750, 105_000), (84, 187_500, 110_000)]),
        (36, [(60, 178_125, 100_000), (84, 182_812, 105_000), (108, 187_500, 110_000)]),
    ] {
        let mut books = Books::new();
        let began = books.world.now();
        books.tighten(BTC, AssetField::BaseRange, 187_500);
        books.pass(second * HOUR);
        books.set(BTC, AssetField::HaircutBase, 110_000);
        for (hours, range, haircut) in expected {
            books.pass(began + hours * HOUR - books.world.now());
            let asset = books.world.asset(BTC);
            assert_eq!((asset.base_range.0, asset.haircut_base.0), (range, haircut), "after {hours} hours");
        }
        assert_eq!(books.world.asset(BTC).until(), 0);
    }
}

/// What is reversed does not go on meanwhile, and nobody's later change makes it.
#[test]
fn what_is_reversed_stays_where_it_has_come_to() {
    let mut books = Books::new();
    books.tighten(BTC, AssetField::BaseRange, 187_500);
    books.pass(36 * HOUR);
    books.set(BTC, AssetField::BaseRange, 130_000);
    let stays = |books: &Books| assert_eq!(books.world.asset(BTC).base_range.0, 159_375);
    books.pass(12 * HOUR);
    stays(&books);
    let mut tightened = books.twin();
    tightened.tighten(BTC, AssetField::HaircutBase, 110_000);
    for _ in 0..10 {
        tightened.pass(12 * HOUR);
        stays(&tightened);
    }
    assert_eq!(tightened.world.asset(BTC).haircut_base.0, 110_000);
    books.pass(12 * HOUR - MINUTE);
    stays(&books);
    books.pass(LOOSENING);
    assert_eq!(books.world.asset(BTC).base_range.0, 130_000);
}

#[test]
fn what_is_taken_back_before_it_began_puts_off_nothing_else() {
    let mut books = Books::new();
    let began = books.world.now();
    books.set(BTC, AssetField::HaircutBase, 110_000);
    books.pass(12 * HOUR);
    books.tighten(BTC, AssetField::DaysToLiquidate, 1_250_000);
    assert_eq!(books.world.asset(BTC).waiting_from, began + 36 * HOUR);
    books.pass(18 * HOUR);
    books.restore(BTC);
    assert_eq!(books.world.asset(BTC).waiting_from, began + 36 * HOUR);
    books.pass(54 * HOUR);
    let asset = books.world.asset(BTC);
    assert_eq!((asset.haircut_base.0, asset.days_to_liquidate.0, asset.until()), (110_000, 1_000_000, 0));
}

/// Nobody's refresh chooses when what waits begins, nor how it goes on.
#[test]
fn a_late_refresh_comes_to_where_frequent_ones_do() {
    let mut frequent = Books::new();
    frequent.tighten(BTC, AssetField::BaseRange, 187_500);
    frequent.tighten(GOLD, AssetField::HaircutBase, 120_000);
    frequent.pass(30 * HOUR);
    frequent.set(BTC, AssetField::DaysToLiquidate, 1_250_000);
    let (began, start) = (frequent.world.now(), frequent.twin());
    for hours in 1..=80 {
        frequent.pass(began + hours * HOUR - frequent.world.now());
        if hours % 9 == 0 || hours == 80 {
            let mut late = start.twin();
            late.pass(hours * HOUR);
            assert_eq!(late.health(), frequent.health(), "after {hours} hours");
            for asset in [BTC, GOLD] {
                let [late, frequent] = [&late, &frequent].map(|books| books.world.asset(asset));
                assert_eq!(late.ramp, frequent.ramp);
                assert!(AssetField::ALL.iter().all(|field| late.get(*field) == frequent.get(*field)));
            }
        }
    }
    assert_eq!(frequent.world.asset(BTC).days_to_liquidate.0, 1_250_000);
}

/// Whoever tightens every day moves maintenance margin from the second day on: what waits is not put off by what comes a day later.
#[test]
fn tightening_every_day_puts_off_nothing() {
    let mut books = Books::new();
    let mut ranges = vec![];
    for day in 1..=6 {
        books.tighten(BTC, AssetField::BaseRange, 150_000 + day * 5_000);
        books.pass(DAY);
        ranges.push(books.world.asset(BTC).scan_range.0);
    }
    // From the second day on half of the way that is left and is over its first day.
    assert_eq!(ranges, [150_000, 152_500, 156_250, 160_625, 165_312, 170_156]);
}

#[test]
fn a_lower_cap_is_there_at_once_and_a_higher_one_after_a_day() {
    let mut books = Books::new();
    let cap = books.world.asset(GOLD).deposit_cap;
    books.tighten(GOLD, AssetField::DepositCap, cap / 2 + 1);
    assert_eq!((books.world.asset(GOLD).deposit_cap, books.world.asset(GOLD).until()), (cap / 2 + 1, 0));
    books.restore(GOLD);
    books.pass(HOLD);
    assert_eq!(books.world.asset(GOLD).deposit_cap, cap / 2 + 1);
    books.pass(3 * DAY);
    assert_eq!(books.world.asset(GOLD).deposit_cap, 5 << 61, "half of the way from 2^63 to three quarters of 2^64");
    // Lower again: it ends where it has come to, or below.
    books.tighten(GOLD, AssetField::DepositCap, cap / 2 + 2);
    books.pass(LOOSENING);
    assert_eq!(books.world.asset(GOLD).deposit_cap, cap / 2 + 2);
}
