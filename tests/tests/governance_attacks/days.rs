//! A key of the authority alone, day by day: each of its instructions in a world of its own, beside one in which it was not sent.

use std::collections::BTreeMap;

use novate_client::state::{Scenarios, GOVERNED};
use novate_client::{ParamSetting, Right};
use novate_tests::feed::{Feed, Layout};
use novate_tests::{flat, MarketSpec};

use super::*;

/// Who is long, has collateral outside the scan, is hedged, and holds a narrow spread, a narrow backspread and spreads that hedge each other.
struct Books {
    world: World,
    owners: Vec<Actor>,
    /// Expiry of the options.
    time: i64,
}

/// Market, slot of the strike, contracts.
type Held = (u16, u8, i64);

impl Books {
    fn new() -> Self {
        let mut world = World::default();
        let time = world.chain(BTC_PERP, 40, 0.6, &[19_600, 20_000, 20_400]);
        assert_eq!(world.chain(ETH_PERP, 40, 0.6, &[1_470, 1_500, 1_530]), time);
        let owners: Vec<Actor> = (0..6).map(|_| world.trader(100_000)).collect();
        let maker = world.trader(10_000_000);
        world.deposit(&owners[1], GOLD, 1_000_000_000);
        let (btc, eth) = ((BTC_PERP, 2 * CONTRACT, 20_000 * PRICE), (ETH_PERP, -26 * CONTRACT, 1_500 * PRICE));
        for (owner, legs) in [(0, &[btc][..]), (1, &[btc]), (2, &[btc, eth])] {
            world.trade(&owners[owner], &maker, legs);
        }
        let books: [(usize, &[Held]); 3] = [
            (3, &[(BTC_PERP, 1, -10), (BTC_PERP, 0, 10)]),
            (4, &[(BTC_PERP, 1, -10), (BTC_PERP, 2, 20)]),
            (5, &[(BTC_PERP, 1, -10), (BTC_PERP, 2, 10), (ETH_PERP, 1, 133), (ETH_PERP, 2, -133)]),
        ];
        for (owner, options) in books {
            let leg = |&(market, slot, quantity)| world.at_mark(market, time, (slot, Right::Call), quantity * CONTRACT);
            let legs: Vec<_> = options.iter().map(leg).collect();
            world.trade_legs(&owners[owner], &maker, &legs);
        }
        world.by_hand = true;
        Self { world, owners, time }
    }

    fn twin(&self) -> Self {
        Self { world: self.world.twin(), owners: self.owners.clone(), time: self.time }
    }

    /// Lets time pass until then, and refreshes all there is at unchanged prices.
    fn reach(&mut self, time: i64) {
        self.world.pass(time - self.world.now());
        self.world.refresh_chains();
        let markets = build::refresh_market(&self.world.pool, &[(BTC_PERP, BTC), (ETH_PERP, ETH)]);
        self.world.succeeds(&[markets], &[]);
    }

    fn held(&mut self) -> Vec<(i64, i64)> {
        let world = &mut self.world;
        self.owners.iter().map(|owner| world.health(owner)).map(|h| (h.equity, h.maintenance)).collect()
    }
}

/// Compares with a world in which nothing was sent, from a second before the end of each of so many days to the day after. Returns the first
/// time from `began` on at which somebody has or has to hold something else.
fn first_difference(with: &mut Books, without: &mut Books, began: i64, until: i64) -> Option<i64> {
    let (now, days) = (with.world.now() - began, 0..=until / DAY);
    let times = days.flat_map(|day| [day * DAY - 1, day * DAY, day * DAY + DAY / 2]);
    times.filter(|time| (now..=until).contains(time)).find(|time| {
        [&mut *with, &mut *without].into_iter().for_each(|books| books.reach(began + time));
        with.held() != without.held()
    })
}

/// Of each instruction that waits: refused at once, and until the last second of its delay; nobody's portfolio is another until it is executed,
/// nor for a day after that, but for a switch of rows, and for most not at all.
#[test]
fn a_hostile_authority_within_a_week() {
    let mut books = Books::new();
    let (governor, pool) = (books.world.governor.insecure_clone(), books.world.pool);
    let key = governor.pubkey();
    // What can be shortened.
    let floors = books.world.state::<Pool>(&pool).delays();
    let longer = build::set_delays(key, pool, Delays { expiry: 2 * DAY, ..floors });
    let mut moved = World::rows_of(16, 0b111, 0, 16);
    moved
        .moves
        .iter_mut()
        .enumerate()
        .for_each(|(at, cell)| *cell = (*cell + [179, -179, 0][at % 3]).clamp(-4_096, 4_096));
    books.world.succeeds(&[longer, build::stage_scenarios(key, pool, 2, moved)], &[&governor]);
    books.reach(books.world.now() + 7 * DAY);
    let hash = books.world.state::<Scenarios>(&addresses::scenarios(&pool, 2)).hash();
    let listing = books.world.issue(AssetSpec { deposit_cap: 1_000_000, ..AssetSpec::new("FAKE", 6, 1.0).pushed() });
    let feed = Feed { layout: Layout::Push, address: books.world.new_address(), owner: PUSH_ORACLE, id: [0; 32] };
    let source = OracleSource { oracle: 2, feed: feed.address, feed_owner: feed.owner, feed_id: [0; 32] };
    let params = [(4, 675_000), (5, 437_500)].map(|(parameter, value)| ParamSetting { parameter, value });
    let (market, near) = (books.world.market(BTC_PERP), books.world.expiry_in(20));
    let venue = books.world.new_address();
    let band = novate_client::MarketSetting { field: novate_client::MarketField::Band, value: 25_000 };
    let all: Vec<(Instruction, i64, Option<i64>)> = vec![
        (build::add_asset(key, pool, GOLD + 1, listing.token, listing.spec.terms(&listing.feed)), 3, None),
        (build::add_market(key, pool, GOLD, 3, MarketSpec::new("GOLD-PERP", GOLD).terms), 3, Some(DAY)),
        (build::register_venue(key, pool, venue), 3, None),
        (build::list_expiry(key, &market, near, flat(0.6, near - books.world.now()), books.world.now()), 2, None),
        (books.world.set_lending_instruction(USDC, LENDING), 2, None),
        (set_asset(&books.world, BTC, AssetField::BaseRange, 187_500), 2, Some(DAY)),
        (build::set_market(key, pool, BTC_PERP, vec![band]), 2, None),
        (build::set_oracle(key, pool, BTC, source), 7, None),
        (build::set_params(key, pool, params.to_vec()), 7, Some(DAY)),
        (build::switch_scenarios(key, pool, 2, hash), 7, Some(0)),
        (set_committee(&books.world, venue), 7, None),
        (build::set_delays(key, pool, floors), 7, None),
    ];
    let mut found = BTreeMap::new();
    for (governed, days, moves) in all {
        let name = novate_client::state::Governed::find(&governed.data).unwrap().name;
        let (mut with, mut without) = (books.twin(), books.twin());
        let began = with.world.now();
        with.world.refuses(std::slice::from_ref(&governed), &[&governor], NovateError::ChangeMissing);
        let number = with.world.schedule(&governed);
        let executed = execute(&with.world, &governed, number);
        with.world.refuses(std::slice::from_ref(&executed), &[&governor], NovateError::ChangeNotReady);
        assert_eq!(first_difference(&mut with, &mut without, began, days * DAY - 1), None, "{name}");
        with.world.refuses(std::slice::from_ref(&executed), &[&governor], NovateError::ChangeNotReady);
        [&mut with, &mut without].into_iter().for_each(|books| books.reach(began + days * DAY));
        with.world.succeeds(&[executed], &[&governor]);
        match name {
            "set_oracle" => with.world.listings[usize::from(BTC)].feed = feed,
            "add_asset" => with.world.listings.push(listing.clone()),
            _ => (),
        }
        let began = with.world.now();
        let first = first_difference(&mut with, &mut without, began, 8 * DAY);
        // Nothing at the end of the first day, something half a day on.
        let expected = moves.map(|after| if after == 0 { 0 } else { after + DAY / 2 });
        assert_eq!(first, expected, "{name}, seconds after its execution");
        found.insert(name, (days, first));
    }
    println!("days until it is executed, and seconds from then until something moves: {found:?}");
    assert_eq!(found.len(), GOVERNED.len());
}

/// Of each instruction that does not wait: nobody's portfolio is another within a week, but that what was tightened begins to go back a day on.
#[test]
fn what_a_hostile_authority_does_at_once() {
    let mut books = Books::new();
    let (governor, pool) = (books.world.governor.insecure_clone(), books.world.pool);
    let key = governor.pubkey();
    let guardian = books.world.guardian.insecure_clone();
    let tighten = vec![setting(AssetField::BaseRange, 187_500)];
    let tighten = build::tighten_asset(guardian.pubkey(), pool, BTC, tighten, &[BTC_PERP]);
    books.world.succeeds(&[tighten], &[&guardian]);
    let venues = {
        books.world.by_hand = false;
        let venues = books.world.venues(3);
        books.world.by_hand = true;
        venues
    };
    books.reach(books.world.now() + 7 * DAY);
    let pause = build::pause(guardian.pubkey(), pool, Action::Trade, 7 * DAY);
    books.world.succeeds(&[pause], &[&guardian]);
    let number = books.world.schedule(&same_committee(&books.world));
    let next = books.world.new_address();
    books.world.propose(Role::Risk, &next);
    let delays = books.world.state::<Pool>(&pool).delays();
    let market = books.world.market(BTC_PERP);
    let all: Vec<(&str, Instruction)> = vec![
        ("cancel_change", build::cancel_change(key, &books.world.change(number))),
        ("cancel_role", build::cancel_role(key, pool, Role::Risk)),
        ("list_strikes", build::list_strikes(key, &market, books.time, vec![21_000 * PRICE])),
        ("propose_role", build::propose_role(key, pool, Role::Guardian, next)),
        ("remove_member", build::remove_member(key, pool, books.world.member_keys()[0])),
        ("remove_venue", build::remove_venue(key, pool, venues[0].pubkey(), &[BTC_PERP])),
        ("schedule_change", build::schedule_change(key, key, count(&books.world), &same_committee(&books.world))),
        ("set_delays", build::set_delays(key, pool, Delays { oracle: 9 * DAY, ..delays })),
        ("stage_scenarios", build::stage_scenarios(key, pool, 2, World::rows_of(16, 0b111, 0, 16))),
        ("unpause", build::unpause(key, pool, Action::Trade)),
        ("restore_asset", build::restore_asset(key, pool, BTC)),
    ];
    for (name, instruction) in all {
        let (mut with, mut without) = (books.twin(), books.twin());
        let began = with.world.now();
        with.world.succeeds(&[instruction], &[&governor]);
        let expected = (name == "restore_asset").then_some(DAY + DAY / 2);
        assert_eq!(first_difference(&mut with, &mut without, began, 7 * DAY), expected, "{name}");
    }
}
