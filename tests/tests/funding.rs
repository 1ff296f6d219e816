//! Funding (CLR-11): what holding a perpetual costs, to the unit, however positions come and go.

use novate::events::{Liquidated, MarketRefreshed, Traded, VariationSettled};
use novate_client::state::{Market, Position, DUST_ONE, MAX_FUNDING};
use novate_client::{addresses, instrument};
use novate_tests::{
    checker, perpetual, Actor, Builder, Chance, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH, PRICE, SOL,
};
use solana_keypair::Keypair;

use crate::checking::raw;
use crate::distress::Distress;

const HOUR: i64 = 3_600;
/// Of BTC at 20,000.
const INDEX: i64 = 20_000 * PRICE;

fn btc(world: &World) -> Market {
    world.market(BTC_PERP)
}

fn position(world: &World, actor: &Actor) -> Position {
    world.portfolio(&actor.portfolio).positions()[0]
}

#[track_caller]
fn check(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

/// A market with a premium that three venues have reported for half an hour, and whose funding accrues.
fn with_premium(premium: i64) -> (World, Vec<Keypair>) {
    let mut world = World::default();
    let venues = world.venues(3);
    world.dwell(&venues, BTC_PERP, premium, HOUR / 2);
    (world, venues)
}

/// A buyer and a seller of one BTC at 20,000, with 100,000 USD each. The fees are 10 each.
fn two(premium: i64) -> (World, Vec<Keypair>, Actor, Actor) {
    let (mut world, venues) = with_premium(premium);
    let (buyer, seller) = (world.trader(100_000), world.trader(100_000));
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, INDEX)]);
    (world, venues, buyer, seller)
}

#[test]
fn the_index_sums_the_average_premium_of_the_hour() {
    let mut world = World::default();
    let venues = world.venues(3);
    let (mut drawn, mut average, mut funding) = (0f64, 0f64, 0f64);
    world.report_at(&venues, BTC_PERP, 4_000);
    for step in 0..600 {
        let seconds = [1, 7, 30, 45, 60][step % 5];
        world.pass(seconds);
        world.refresh();
        world.report_at(&venues, BTC_PERP, 4_000);
        let seconds = seconds as f64;
        funding += 20_000.0 * average * seconds / 28_800.0;
        average += (drawn - average) * seconds / 3_600.0;
        drawn += (0.004 - drawn) * seconds / 1_800.0;
    }
    let market = btc(&world);
    assert!((market.premium_average as f64 / 1e12 - average).abs() < 1e-8, "{average}");
    assert!(funding > 30.0 && (market.funding.0 as f64 / 1e9 - funding).abs() < 1e-4, "{funding} {:?}", market.funding);
}

#[test]
fn a_steady_premium_costs_its_rate_in_eight_hours() {
    let (mut world, venues) = with_premium(2_000);
    world.dwell(&venues, BTC_PERP, 2_000, 8 * HOUR);
    let start = btc(&world).funding.0;
    world.dwell(&venues, BTC_PERP, 2_000, 8 * HOUR);
    let paid = (btc(&world).funding.0 - start) as f64 / INDEX as f64;
    assert!((0.001_99..=0.002).contains(&paid), "{paid}");
}

#[test]
fn longs_pay_shorts_where_the_premium_is_positive() {
    for (premium, sign) in [(4_000, 1), (-4_000, -1)] {
        let (mut world, venues, buyer, seller) = two(premium);
        world.dwell(&venues, BTC_PERP, premium, HOUR);
        world.pass(17);
        let mut market = btc(&world);
        perpetual::accrue(&mut market, world.now());
        let before = [&buyer, &seller].map(|actor| position(&world, actor));
        let owed = before.map(|p| perpetual::owed(&p, &market));
        assert!(owed[0] * sign > DOLLAR && (0..=1).contains(&(owed[0] + owed[1])), "{owed:?}");
        // The mark has moved too, and by more: whoever lost comes first, so that there is something to receive.
        let actors = if sign > 0 { [(&seller, 1), (&buyer, 0)] } else { [(&buyer, 0), (&seller, 1)] };
        for (actor, at) in actors {
            let health = world.health(actor);
            let event: VariationSettled = world.settle(actor, BTC_PERP).event();
            assert_eq!(event.funding, owed[at]);
            let after = position(&world, actor);
            assert_eq!(after.cost, before[at].cost + owed[at] + event.amount);
            assert_eq!(after.funding, market.funding.0);
            check(&world);
            // Nobody has refreshed since the hour ended: seventeen seconds were not in the account's health.
            assert!((health.equity - world.health(actor).equity).abs() < DOLLAR / 10);
        }
        assert_eq!((btc(&world).funding, btc(&world).funding_time), (market.funding, world.now()));
    }
}

#[test]
fn health_counts_what_has_accrued_and_settling_changes_nothing() {
    let (mut world, venues, buyer, seller) = two(4_000);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    let market = btc(&world);
    for (actor, pays) in [(&seller, false), (&buyer, true)] {
        let (before, held) = (world.health(actor), position(&world, actor));
        let profit = i128::from(held.quantity) * i128::from(market.mark.0);
        let profit = profit.div_euclid(1_000_000_000_000) as i64 - held.cost - perpetual::owed(&held, &market);
        assert_eq!(before.equity, 100_000 * DOLLAR + profit);
        assert_eq!(before, crate::health::local(&world, actor));
        assert_eq!(perpetual::owed(&held, &market) > 0, pays);
        world.settle(actor, BTC_PERP);
        assert_eq!(world.health(actor).equity, before.equity);
    }
}

#[test]
fn a_new_position_owes_nothing_of_the_time_before() {
    let (mut world, venues, buyer, seller) = two(4_000);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    // Nobody refreshes before the trade: it accrues by itself, up to now.
    world.pass(30);
    let (late, maker) = (world.trader(100_000), world.trader(100_000));
    let event: Traded = world.trade(&late, &maker, &[(BTC_PERP, CONTRACT, INDEX)]).event();
    assert_eq!((event.first_funding, event.second_funding), (0, 0));
    let market = btc(&world);
    assert_eq!((market.funding_time, position(&world, &late).funding), (world.now(), market.funding.0));
    assert_eq!(position(&world, &late).cost, 20_010 * DOLLAR);
    world.refresh_market(BTC_PERP);
    for actor in [&late, &maker] {
        assert_eq!(perpetual::owed(&position(&world, actor), &btc(&world)), 0);
    }
    assert!(perpetual::owed(&position(&world, &buyer), &btc(&world)) > DOLLAR);
    assert!(perpetual::owed(&position(&world, &seller), &btc(&world)) < -DOLLAR);
    check(&world);
}

#[test]
fn a_position_that_closes_before_a_refresh_pays_all_of_the_time() {
    let (mut world, venues, buyer, seller) = two(4_000);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    world.pass(30);
    let (mut market, before) = (btc(&world), position(&world, &buyer));
    perpetual::accrue(&mut market, world.now());
    let owed = perpetual::owed(&before, &market);
    let refreshed = perpetual::owed(&before, &btc(&world));
    assert!(owed > refreshed, "the last half minute has to cost something");
    let event: Traded = world.trade(&buyer, &seller, &[(BTC_PERP, -CONTRACT, INDEX)]).event();
    assert_eq!((event.first_funding, event.second_funding), (owed, 1 - owed));
    assert_eq!(position(&world, &buyer).cost, 20 * DOLLAR + owed);
    // With nobody left in the market nothing is pending, and what was applied is what was received, to the unit.
    let market = btc(&world);
    assert_eq!((market.long.0, market.funding_applied.0, market.funding_dust), (0, 0, 0));
    check(&world);
    // A closed position owes nothing of what comes after.
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    let event: VariationSettled = world.settle(&buyer, BTC_PERP).event();
    assert_eq!((event.funding, event.amount), (0, -20 * DOLLAR - owed));
    // Opened again, it begins at the index of now.
    world.trade(&seller, &buyer, &[(BTC_PERP, CONTRACT, INDEX)]);
    for actor in [&buyer, &seller] {
        assert_eq!(position(&world, actor).funding, btc(&world).funding.0);
    }
    check(&world);
}

#[test]
fn whoever_changes_sides_pays_and_receives_by_turns() {
    let (mut world, venues, buyer, seller) = two(4_000);
    let mut paid = 0;
    for quantity in [-3 * CONTRACT, 4 * CONTRACT, -CONTRACT, -CONTRACT] {
        world.dwell(&venues, BTC_PERP, 4_000, HOUR / 4);
        let (mut market, held) = (btc(&world), position(&world, &buyer));
        perpetual::accrue(&mut market, world.now());
        let event: Traded = world.trade(&buyer, &seller, &[(BTC_PERP, quantity, INDEX)]).event();
        assert_eq!(event.first_funding, perpetual::owed(&held, &market));
        assert_eq!(event.first_funding.signum(), held.quantity.signum());
        paid += event.first_funding;
        check(&world);
    }
    let held = position(&world, &buyer);
    assert_eq!((held.quantity, btc(&world).funding_applied.0), (0, 0));
    // One at 20,000 in and out, and the fees of five trades of 1, 3, 4, 1 and 1.
    assert_eq!(held.cost, 100 * DOLLAR + paid);
}

#[test]
fn legs_in_one_perpetual_pay_once() {
    let (mut world, venues, buyer, seller) = two(4_000);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    world.pass(10);
    let (mut market, held) = (btc(&world), position(&world, &buyer));
    perpetual::accrue(&mut market, world.now());
    let legs = [(BTC_PERP, CONTRACT, INDEX), (BTC_PERP, -CONTRACT / 2, INDEX), (BTC_PERP, -CONTRACT / 2, INDEX)];
    let event: Traded = world.trade(&buyer, &seller, &legs).event();
    assert_eq!(event.first_funding, perpetual::owed(&held, &market));
    check(&world);
}

#[test]
fn a_slice_carries_its_funding() {
    let mut distress = Distress::before();
    let Distress { world, owner, maker, taker } = &mut distress;
    world.trade(taker, maker, &[(BTC_PERP, -CONTRACT, INDEX)]);
    let venues = world.venues(3);
    world.dwell(&venues, BTC_PERP, 4_500, 2 * HOUR);
    world.price(BTC, 19_000.0);
    world.start_auction(owner);
    world.pass(5);
    let mut market = btc(world);
    perpetual::accrue(&mut market, world.now());
    let before = [&*owner, &*taker].map(|actor| position(world, actor));
    let owed = before.map(|p| perpetual::owed(&p, &market));
    assert!(owed[0] > DOLLAR && owed[1] < -DOLLAR, "{owed:?}");
    let bid = world.liquidate_instruction(owner, taker.side(), 200_000_000, i64::MAX);
    let event: Liquidated = world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!([event.funding, event.taker_funding], owed);

    let [kept, taken] = [&*owner, &*taker].map(|actor| position(world, actor));
    let (size, cost) = (CONTRACT - kept.quantity, before[0].cost + owed[0]);
    let slice = -(-i128::from(cost) * i128::from(size)).div_euclid(i128::from(CONTRACT)) as i64;
    assert_eq!((kept.cost, kept.funding), (cost - slice, market.funding.0));
    assert_eq!((taken.cost, taken.funding), (before[1].cost + owed[1] + slice, market.funding.0));
    assert_eq!(taken.quantity, size - CONTRACT);
    check(world);
}

#[test]
fn funding_alone_can_bring_an_account_below_maintenance_margin() {
    let mut distress = Distress::before();
    let Distress { world, owner, .. } = &mut distress;
    let venues = world.venues(3);
    // Equity is 2,303 without funding, maintenance margin 2,294.4: a few hours of half a percent in eight.
    world.price(BTC, 19_120.0);
    world.dwell(&venues, BTC_PERP, -5_000, HOUR);
    world.dwell(&venues, BTC_PERP, 5_000, 3 * HOUR);
    for _ in 0..200 {
        let health = world.health(owner);
        if health.equity < health.maintenance {
            break;
        }
        world.dwell(&venues, BTC_PERP, 5_000, HOUR);
    }
    let health = world.health(owner);
    let held = position(world, owner);
    assert!(health.equity + perpetual::owed(&held, &btc(world)) >= health.maintenance);
    world.start_auction(owner);
    check(world);
}

#[test]
fn a_gap_accrues_an_hour_at_the_last_average() {
    let (mut world, _, buyer, _) = two(4_000);
    let start = btc(&world);
    world.pass(5 * HOUR);
    world.refresh();
    let event = &world.refresh_market(BTC_PERP).telemetry::<MarketRefreshed>()[0];
    let end = btc(&world);
    let step = i128::from(INDEX) * i128::from(start.premium_average) * 3_600 + i128::from(start.funding_remainder);
    let step = (step / (28_800 * 1_000_000_000_000)) as i64;
    assert!(step > 0);
    assert_eq!(end.funding.0 - start.funding.0, step);
    // The hour's average is of the premium that was in force, and that has decayed since.
    assert_eq!((end.premium_average, end.premium_exact), (start.premium_exact, 0));
    assert_eq!((event.premium, event.funding, event.mark), (0, end.funding.0, INDEX));
    assert_eq!(perpetual::owed(&position(&world, &buyer), &end), step / 1_000 + i64::from(step % 1_000 > 0));
}

#[test]
fn the_price_is_that_of_the_last_refresh() {
    let (mut world, _, buyer, _) = two(4_000);
    let start = btc(&world);
    world.pass(60);
    world.price(BTC, 10_000.0);
    let mut expected = start;
    perpetual::accrue(&mut expected, world.now());
    world.settle(&buyer, BTC_PERP);
    let step = i128::from(INDEX) * i128::from(start.premium_average) * 60 / (28_800 * i128::from(DUST_ONE));
    assert_eq!(btc(&world).funding, expected.funding);
    assert!((0..=1).contains(&(btc(&world).funding.0 - start.funding.0 - step as i64)), "{step}");
}

#[test]
fn no_time_and_a_clock_that_goes_backwards_accrue_nothing() {
    let (mut world, _, _, _) = two(4_000);
    world.pass(30);
    world.refresh_market(BTC_PERP);
    let before = btc(&world);
    for seconds in [0, -50, 25, 25] {
        world.pass(seconds);
        world.refresh_market(BTC_PERP);
        let after = btc(&world);
        assert_eq!((after.funding, after.funding_remainder), (before.funding, before.funding_remainder));
        assert_eq!((after.funding_time, after.premium_average), (before.funding_time, before.premium_average));
    }
    world.pass(1);
    world.refresh_market(BTC_PERP);
    assert!(btc(&world).funding > before.funding);
}

#[test]
fn nothing_is_lost_however_often_it_accrues() {
    // A price so low that a second's funding is below a unit of the index.
    let asset = |symbol, usd| novate_tests::AssetSpec::new(symbol, 6, usd);
    let markets = vec![MarketSpec::new("LOW-PERP", 1).with(|t| t.tick = 1)];
    let mut world =
        Builder::default().assets(vec![asset("USDC", 1.0), asset("LOW", 0.000_01)]).markets(markets).build();
    let venues = world.venues(3);
    let mut exact = 0i128;
    for _ in 0..1_500 {
        world.report_at(&venues, 0, 0);
        for venue in &venues {
            world.report(venue, 0, 10_050);
        }
        let market = world.market(0);
        exact += i128::from(market.index_price.0) * i128::from(market.premium_average) * 3;
        world.pass(3);
        world.refresh();
    }
    world.refresh_market(0);
    let market = world.market(0);
    let kept = i128::from(market.funding.0) * 28_800 * i128::from(DUST_ONE) + i128::from(market.funding_remainder);
    assert!(market.funding.0 > 0, "a unit must have come together");
    assert_eq!(kept, exact);
}

#[test]
fn an_index_at_its_end_stops_and_the_market_goes_on() {
    let (mut world, venues, buyer, seller) = two(4_000);
    let address = addresses::market(&world.pool, BTC_PERP);
    let mut account = world.account(&address);
    let end = MAX_FUNDING - 5;
    account.data[208..216].copy_from_slice(&end.to_le_bytes());
    world.svm.set_account(address, account).unwrap();
    for actor in [&buyer, &seller] {
        let mut account = world.account(&actor.portfolio);
        account.data[744..752].copy_from_slice(&end.to_le_bytes());
        world.svm.set_account(actor.portfolio, account).unwrap();
    }
    check(&world);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    assert_eq!(btc(&world).funding.0, MAX_FUNDING);
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, INDEX)]);
    world.settle(&seller, BTC_PERP);
    check(&world);
    // The other way it moves on.
    world.dwell(&venues, BTC_PERP, -4_000, 2 * HOUR);
    assert!(btc(&world).funding.0 < MAX_FUNDING);
    world.trade(&seller, &buyer, &[(BTC_PERP, 2 * CONTRACT, INDEX)]);
    check(&world);
}

#[test]
fn fills_and_other_markets_leave_premium_and_rate_alone() {
    let (mut world, venues, buyer, seller) = two(4_000);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    let of = |m: Market| (m.premium_exact, m.premium_target, m.premium, m.mark, m.mids, m.refreshed);
    let before = of(btc(&world));
    world.pass(20);
    world.trade(&buyer, &seller, &[(BTC_PERP, CONTRACT, INDEX / 100 * 104)]);
    world.trade(&buyer, &seller, &[(BTC_PERP, -2 * CONTRACT, INDEX / 100 * 97)]);
    world.settle(&buyer, BTC_PERP);
    assert_eq!(of(btc(&world)), before);
    assert_eq!(world.market(1).funding_time, 0);
}

/// Books that trade, settle and hold at random: after every step the sum is zero to the dust, and at the end, with nobody in
/// the market, exactly.
#[test]
fn random_books_pay_each_other_to_the_unit() {
    for seed in 0..4 {
        let mut chance = Chance::new(seed);
        let mut world = Builder::default()
            .markets(vec![MarketSpec::new("BTC-PERP", BTC).with(|t| (t.lot, t.minimum, t.tick) = (1, 1, 1))])
            .build();
        let (venues, actors) = (world.venues(3), [(); 5].map(|_| world.trader(200_000)));
        let mut applied = 0;
        let pair = |chance: &mut Chance| {
            let first = chance.index(5);
            (first, (first + chance.between(1, 4) as usize) % 5)
        };
        for _ in 0..80 {
            world.pass(chance.between(0, 40));
            world.refresh();
            let premium = chance.between(-6_000, 6_000);
            world.report_at(&venues, BTC_PERP, premium);
            let (first, second) = pair(&mut chance);
            let quantity = chance.between(-2_000_000_000, 2_000_000_000) | 1;
            let price = btc(&world).mark.0 + chance.between(-1_000, 1_000);
            world.trade(&actors[first], &actors[second], &[(BTC_PERP, quantity, price)]);
            let settle = world.settle_instruction(&actors[second], BTC_PERP);
            world.attempt(settle, &[]).ok();
            applied = btc(&world).funding_applied.0.abs().max(applied);
            check(&world);
        }
        assert!(applied > 1_000, "{applied}");
        for at in 1..5 {
            let held = world.portfolio(&actors[at].portfolio).quantity_of(instrument::perpetual(BTC_PERP));
            if held != 0 {
                world.trade(&actors[at], &actors[0], &[(BTC_PERP, -held, btc(&world).mark.0)]);
            }
        }
        let market = btc(&world);
        assert_eq!((market.long.0, market.funding_applied.0, market.funding_dust), (0, 0, 0));
        check(&world);
    }
}

/// What accrued funding costs, in compute units.
#[test]
fn compute() {
    let (mut world, venues, _, seller) = two(4_000);
    world.dwell(&venues, BTC_PERP, 4_000, HOUR);
    world.pass(30);
    let settle = world.settle(&seller, BTC_PERP).units;
    world.pass(10);
    world.refresh();
    let report = world.report(&venues[0], BTC_PERP, INDEX).units;
    let refresh = world.refresh_market(BTC_PERP).units;
    println!("settle_variation {settle}, report_mid {report}, refresh_market {refresh}");
    assert!(settle <= 18_000 && report <= 10_000 && refresh <= 10_000, "{settle} {report} {refresh}");
}

#[test]
fn compute_of_a_health_check() {
    let assets = [BTC, ETH, SOL];
    let specs = (0..15).map(|at| MarketSpec::new("ANY-PERP", assets[at % 3]));
    let mut world = Builder::default().markets(specs.collect()).build();
    let venues = world.venues(3);
    let (buyer, seller) = (world.trader(1_000_000), world.trader(1_000_000));
    for market in 0..15u16 {
        let price = world.asset(assets[usize::from(market) % 3]).price.0;
        world.trade(&buyer, &seller, &[(market, CONTRACT, price)]);
    }
    let check = |world: &mut World| {
        let holdings = world.holdings(&[buyer.portfolio]);
        let guard = novate_client::instructions::require_health(world.keys(), buyer.portfolio, &holdings, 0);
        world.succeeds(&[guard], &[]).units
    };
    let before = check(&mut world);
    for market in 0..15 {
        world.report_at(&venues, market, 3_000);
    }
    for _ in 0..3 {
        world.pass(30);
        world.refresh();
        (0..15).for_each(|market| world.report_at(&venues, market, 3_000));
    }
    assert!((0..15).all(|market| world.market(market).funding.0 != 0));
    let after = check(&mut world);
    println!("require_health, 15 perpetuals: {before} without premium and funding, {after} with both pending");
    assert!(after - before <= 15 * 400, "{before} {after}");
}
