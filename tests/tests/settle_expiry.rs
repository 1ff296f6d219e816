use novate::events::{ExpirySettled, Liquidated, SettledPosition, VariationSettled};
use novate_client::instructions as build;
use novate_client::state::{minutes_of, Portfolio};
use novate_client::{addresses, instrument, Leg, NovateError, Right};
use novate_tests::dated::option_leg;
use novate_tests::{
    call, checker, future, put, Actor, Builder, Chance, MarketSpec, Sent, World, BTC, BTC_PERP, CONTRACT, DOLLAR,
    ETH_PERP, PRICE, USDC,
};

use crate::checking::raw;

/// Slots of the strikes 18,000, 20,000 and 22,000.
const LOW: u8 = 0;
const MIDDLE: u8 = 1;
const HIGH: u8 = 2;
const STRIKES: [i64; 3] = [18_000, 20_000, 22_000];

/// A chain on BTC that expires within two days; an owner and a maker with means.
struct Desk {
    world: World,
    time: i64,
    owner: Actor,
    maker: Actor,
}

impl Desk {
    fn new() -> Self {
        Self::in_world(World::default())
    }

    fn in_world(mut world: World) -> Self {
        let time = world.chain(BTC_PERP, 1, 0.5, &STRIKES);
        let (owner, maker) = (world.trader(100_000), world.trader(1_000_000));
        Self { world, time, owner, maker }
    }

    /// Mark of an option, rounded up to its tick.
    fn mark(&self, slot: u8, right: Right) -> i64 {
        let expiry = self.world.expiry(BTC_PERP, self.time);
        let strike = expiry.strike(slot).unwrap();
        let mark = match right {
            Right::Call => strike.mark.0,
            Right::Put => strike.mark.0 - expiry.forward(strike.reference).unwrap().0 + strike.strike.0,
        };
        (mark / 10_000_000 + 1) * 10_000_000
    }

    fn at_mark(&self, slot: u8, right: Right, quantity: i64) -> Leg {
        option_leg(BTC_PERP, self.time, slot, right, quantity, self.mark(slot, right))
    }

    #[track_caller]
    fn trade(&mut self, first: &Actor, second: &Actor, legs: &[Leg]) {
        self.world.trade_legs(first, second, legs);
        self.check();
    }

    #[track_caller]
    fn check(&self) {
        check(&self.world);
    }

    #[track_caller]
    fn settle(&mut self, actor: &Actor) -> Sent {
        let sent = self.world.settle_expiry(actor, BTC_PERP, self.time);
        self.check();
        sent
    }

    #[track_caller]
    fn settle_variation(&mut self, actor: &Actor, id: u64) -> VariationSettled {
        let settle = build::settle_variation(&self.world.pool, actor.portfolio, id, BTC);
        let event = self.world.succeeds(&[settle], &[]).event();
        self.check();
        event
    }

    fn portfolio(&self, actor: &Actor) -> Portfolio {
        self.world.portfolio(&actor.portfolio)
    }

    /// Cost of a closed position.
    #[track_caller]
    fn closed_at(&self, actor: &Actor, id: u64) -> i64 {
        let portfolio = self.portfolio(actor);
        let position = portfolio.positions().iter().find(|p| p.instrument == id).expect("no such position");
        assert_eq!(position.quantity, 0);
        position.cost
    }
}

#[track_caller]
fn check(world: &World) {
    assert_eq!(checker::violations(&raw(world), world.pool.to_bytes()), Vec::<String>::new());
}

fn option(time: i64, slot: u8, right: Right) -> u64 {
    instrument::option(BTC_PERP, minutes_of(time), slot, right)
}

#[test]
fn a_future_is_closed_at_the_settlement_price_on_both_sides() {
    let mut desk = Desk::new();
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    let id = instrument::future(BTC_PERP, minutes_of(time));
    desk.trade(&owner, &maker, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    desk.world.expire_at(BTC_PERP, time, 21_000.0);
    let before = desk.portfolio(&owner);
    let sent = desk.settle(&owner);

    let mut expected = before;
    (expected.positions[0].quantity, expected.positions[0].cost) = (0, -990 * DOLLAR);
    expected.sequence += 1;
    assert_eq!(bytemuck::bytes_of(&desk.portfolio(&owner)), bytemuck::bytes_of(&expected));
    let expiry = desk.world.expiry(BTC_PERP, time);
    assert_eq!((expiry.open_futures.0, expiry.settled.0), (0, 21_000 * DOLLAR));
    let event: ExpirySettled = sent.event();
    assert_eq!((event.version, event.pool, event.portfolio), (1, desk.world.pool, owner.portfolio));
    assert_eq!((event.sequence, event.time), (expected.sequence, desk.world.now()));
    assert_eq!((event.market, event.expiry_time, event.price), (BTC_PERP, time, 21_000 * PRICE));
    let settled = |quantity: i64| SettledPosition { instrument: id, quantity, value: quantity / 1_000 * 21_000 };
    assert_eq!(event.positions, [settled(CONTRACT)]);

    let event: ExpirySettled = desk.settle(&maker).event();
    assert_eq!(event.positions, [settled(-CONTRACT)]);
    assert_eq!(desk.closed_at(&maker, id), 1_010 * DOLLAR);
    assert_eq!(desk.world.expiry(BTC_PERP, time).settled.0, 0);
}

#[test]
fn what_was_settled_is_variation() {
    let mut desk = Desk::new();
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    let (id, put_id) = (instrument::future(BTC_PERP, minutes_of(time)), option(time, HIGH, Right::Put));
    let put_leg = desk.at_mark(HIGH, Right::Put, CONTRACT);
    desk.trade(&owner, &maker, &[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE), put_leg]);
    desk.world.expire_at(BTC_PERP, time, 21_000.0);
    for actor in [&owner, &maker] {
        desk.settle(actor);
    }
    // The maker owes 1,010 for the future and 1,000 for the put; no price is needed for what is closed.
    desk.world.pass(10_000);
    assert_eq!(desk.settle_variation(&maker, put_id).amount, -1_000 * DOLLAR);
    assert_eq!(desk.settle_variation(&owner, put_id).amount, 1_000 * DOLLAR);
    assert_eq!(desk.settle_variation(&maker, id).amount, -1_010 * DOLLAR);
    assert_eq!(desk.settle_variation(&owner, id).amount, 990 * DOLLAR);
    assert_eq!(desk.portfolio(&maker).position_count, 0);
    desk.world.pass(7_200);
    for id in [id, put_id] {
        assert!(desk.settle_variation(&owner, id).released > 0);
    }
    assert_eq!(desk.portfolio(&owner).position_count, 0);
}

#[test]
fn options_are_worth_what_they_are_in_the_money() {
    let rights = [Right::Call, Right::Put];
    for (usd, calls, puts) in [
        (20_000, [2_000, 0, 0], [0, 0, 2_000]),
        (19_000, [1_000, 0, 0], [0, 1_000, 3_000]),
        (25_000, [7_000, 5_000, 3_000], [0, 0, 0]),
    ] {
        let mut desk = Desk::new();
        let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
        let legs = [LOW, MIDDLE, HIGH].map(|slot| rights.map(|right| desk.at_mark(slot, right, CONTRACT / 2)));
        desk.trade(&owner, &maker, &legs.concat());
        desk.world.expire_at(BTC_PERP, time, f64::from(usd));
        for (actor, sign) in [(&owner, 1), (&maker, -1)] {
            let event: ExpirySettled = desk.settle(actor).event();
            assert_eq!(event.positions.len(), 6);
            for (right, worth) in rights.into_iter().zip([calls, puts]) {
                for (slot, worth) in [LOW, MIDDLE, HIGH].into_iter().zip(worth) {
                    let id = option(time, slot, right);
                    let settled = event.positions.iter().find(|p| p.instrument == id).unwrap();
                    let value = sign * worth * DOLLAR / 2;
                    assert_eq!((settled.quantity, settled.value), (sign * CONTRACT / 2, value), "{usd} {id:#x}");
                    // What is worth nothing is gone.
                    match value {
                        0 => assert!(desk.portfolio(actor).positions().iter().all(|p| p.instrument != id)),
                        _ => assert_eq!(desk.closed_at(actor, id), -value),
                    }
                }
            }
        }
        let expiry = desk.world.expiry(BTC_PERP, time);
        assert!(expiry.is_unheld() && expiry.settled.0 == 0);
    }
}

#[test]
fn equity_does_not_change_by_settling() {
    let mut desk = Desk::new();
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    let legs = [
        future(BTC_PERP, time, CONTRACT, 20_000 * PRICE),
        desk.at_mark(LOW, Right::Call, -CONTRACT),
        desk.at_mark(HIGH, Right::Put, CONTRACT / 2),
    ];
    desk.trade(&owner, &maker, &legs);
    let cash = [&owner, &maker].map(|a| desk.portfolio(a).cash);
    desk.world.expire_at(BTC_PERP, time, 21_000.0);
    // +1,000 of the future less its fee, -3,000 of the call, half of 1,000 of the put.
    for ((actor, cash), worth) in [&owner, &maker].into_iter().zip(cash).zip([-1_510, 1_490]) {
        desk.settle(actor);
        let health = desk.world.health(actor);
        assert_eq!((health.equity, health.initial), (cash + worth * DOLLAR, 0));
    }
}

#[test]
fn fractions_of_a_unit_are_lost_by_the_holder() {
    let fine = MarketSpec::new("BTC-PERP", BTC).with(|t| (t.tick, t.lot, t.minimum) = (1, 1, 1));
    let mut desk = Desk::in_world(Builder::default().markets(vec![fine]).build());
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    desk.trade(&owner, &maker, &[future(BTC_PERP, time, 333_333_333, 20_000 * PRICE)]);
    desk.world.expire_at(BTC_PERP, time, 21_000.01);
    let [bought, sold] = [&owner, &maker].map(|a| desk.settle(a).event::<ExpirySettled>().positions[0].value);
    // 333,333,333e-9 x 21,000.01 = 7,000.003326...
    assert_eq!((bought, sold), (7_000_003_326, -7_000_003_327));
    assert_eq!(desk.world.expiry(BTC_PERP, time).settled.0, -1);
    let rounding = desk.world.market(BTC_PERP).rounding.0;
    desk.world.close_expiry(BTC_PERP, time);
    desk.check();
    assert_eq!(desk.world.market(BTC_PERP).rounding.0, rounding + 1);
}

/// All orders of `items`.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![vec![]];
    }
    let of = |at: usize| {
        let mut rest = items.to_vec();
        let first = rest.remove(at);
        orders(&rest).into_iter().map(move |order| [vec![first.clone()], order].concat())
    };
    (0..items.len()).flat_map(of).collect()
}

#[test]
fn any_order_leads_to_the_same_result_and_the_ledger_holds_at_every_step() {
    for seed in 0..4 {
        let fine = MarketSpec::new("BTC-PERP", BTC).with(|t| (t.lot, t.minimum) = (1, 1));
        let mut desk = Desk::in_world(Builder::default().markets(vec![fine]).build());
        let (time, mut chance) = (desk.time, Chance::new(seed));
        let actors = [desk.owner.clone(), desk.maker.clone(), desk.world.trader(200_000), desk.world.trader(300_000)];
        for trade in 0..8 {
            let (first, second) = (&actors[trade % 4], &actors[(trade + 1 + trade / 4) % 4]);
            let mut legs = vec![future(BTC_PERP, time, chance.between(1, CONTRACT), 20_000 * PRICE)];
            for right in [Right::Call, Right::Put] {
                let slot = chance.between(0, 2) as u8;
                let quantity = chance.between(1, CONTRACT) * *chance.pick(&[1, -1]);
                legs.push(desk.at_mark(slot, right, quantity));
            }
            desk.trade(first, second, &legs);
        }
        desk.world.expire_at(BTC_PERP, time, 17_000.0 + chance.between(0, 600_000) as f64 / 100.0);
        let begun = desk.world.svm.clone();
        let mut results = vec![];
        for order in orders(&actors.each_ref()) {
            desk.world.svm = begun.clone();
            for actor in order {
                desk.settle(actor);
            }
            let expiry = desk.world.expiry(BTC_PERP, time);
            assert!(expiry.is_unheld() && (-32..=0).contains(&expiry.settled.0), "{}", expiry.settled.0);
            desk.world.close_expiry(BTC_PERP, time);
            desk.check();
            let portfolios = actors.each_ref().map(|a| bytemuck::bytes_of(&desk.portfolio(a)).to_vec());
            results.push((portfolios, bytemuck::bytes_of(&desk.world.market(BTC_PERP)).to_vec()));
        }
        assert_eq!(results.len(), 24);
        assert!(results.iter().all(|result| *result == results[0]));
    }
}

/// 2,179 USD of equity against 2,495 of maintenance margin at 18,900, and 2,268 without the future: long one BTC and a tenth
/// of its future, bought at 20,000.
fn fallen() -> (Desk, Actor) {
    let mut desk = Desk::new();
    let (fallen, maker, time) = (desk.world.trader(3_400), desk.maker.clone(), desk.time);
    desk.world.trade(&fallen, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    desk.trade(&fallen, &maker, &[future(BTC_PERP, time, CONTRACT / 10, 20_000 * PRICE)]);
    desk.world.pass_to(time - 1_860);
    desk.world.price(BTC, 18_900.0);
    desk.world.refresh();
    desk.world.start_auction(&fallen);
    (desk, fallen)
}

#[test]
fn an_auction_goes_on_without_what_has_expired() {
    let (mut desk, fallen) = fallen();
    let (time, taker) = (desk.time, desk.owner.clone());
    let began = desk.portfolio(&fallen).auction_start;
    desk.world.sample_through(&[BTC], time);
    desk.world.refresh();
    let bid = |desk: &Desk| desk.world.liquidate_instruction(&fallen, taker.side(), CONTRACT, i64::MAX);
    desk.world.fix(BTC_PERP, time);
    let unsettled = bid(&desk);
    desk.world.refuses(&[unsettled], &[&taker.key], NovateError::ExpiryNotSettled);

    desk.settle(&fallen);
    assert_eq!(desk.portfolio(&fallen).auction_start, began);
    let before = desk.portfolio(&fallen);
    let bid = bid(&desk);
    let event: Liquidated = desk.world.succeeds(&[bid], &[&taker.key]).event();
    desk.check();
    assert!(event.restored && event.fraction < CONTRACT, "{}", event.fraction);
    // 0.1 x 20,000 and a fee of 1, less 0.1 x 18,900.
    let id = instrument::future(BTC_PERP, minutes_of(time));
    let (had, slice) = (111 * DOLLAR, desk.closed_at(&taker, id));
    assert_eq!(before.positions().iter().find(|p| p.instrument == id).unwrap().cost, had);
    assert_eq!(slice, -((-had * event.fraction).div_euclid(CONTRACT)));
    assert_eq!(desk.closed_at(&fallen, id), had - slice);
}

#[test]
fn settlement_and_a_bid_may_share_a_transaction() {
    let (mut desk, fallen) = fallen();
    let (time, taker) = (desk.time, desk.owner.clone());
    desk.world.expire_at(BTC_PERP, time, 18_900.0);
    let settle = desk.world.settle_expiry_instruction(&fallen.portfolio, BTC_PERP, time);
    let holdings = desk.world.holdings(&[fallen.portfolio, taker.portfolio]);
    let bid = build::liquidate(desk.world.keys(), fallen.portfolio, taker.side(), &holdings, CONTRACT, i64::MAX);
    desk.world.succeeds(&[settle, bid], &[&taker.key]);
    assert!(!desk.portfolio(&fallen).in_auction());
    desk.check();
}

#[test]
fn a_portfolio_that_is_left_without_positions_leaves_its_auction() {
    let mut desk = Desk::new();
    let (seller, maker, time) = (desk.world.trader(3_500), desk.maker.clone(), desk.time);
    let leg = desk.at_mark(HIGH, Right::Call, -CONTRACT);
    desk.trade(&seller, &maker, &[leg]);
    desk.world.price(BTC, 23_500.0);
    desk.world.refresh_chains();
    desk.world.start_auction(&seller);
    desk.world.expire_at(BTC_PERP, time, 20_000.0);
    assert!(desk.portfolio(&seller).in_auction());
    desk.settle(&seller);
    let portfolio = desk.portfolio(&seller);
    assert_eq!((portfolio.position_count, portfolio.auction_start, portfolio.auction_insolvent), (0, 0, 0));
    desk.world.withdraw(&seller, USDC, portfolio.cash as u64);
}

#[test]
fn until_it_is_settled_a_portfolio_is_not_judged_and_then_it_is() {
    let mut desk = Desk::new();
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    let leg = desk.at_mark(LOW, Right::Call, CONTRACT);
    desk.trade(&owner, &maker, &[leg]);
    let health = build::health(desk.world.keys(), owner.portfolio, &desk.world.holdings(&[owner.portfolio]));
    desk.world.pass_to(time);
    desk.world.refresh();
    desk.world.refuses(std::slice::from_ref(&health), &[], NovateError::ExpiryPassed);
    desk.world.pass_to(time + 86_401);
    desk.world.settle_at(BTC_PERP, time, 20_000 * PRICE);
    desk.world.refresh();
    desk.world.refuses(std::slice::from_ref(&health), &[], NovateError::ExpiryNotSettled);
    let local = desk.world.snapshot().health(&desk.portfolio(&owner), desk.world.now());
    assert!(local.unwrap_err().to_string().contains("ExpiryNotSettled"));

    let cash = desk.portfolio(&owner).cash;
    desk.settle(&owner);
    let report: novate_client::HealthReport = desk.world.succeeds(&[health], &[]).returned();
    // A gain that nobody has paid for is equity and nothing more.
    assert_eq!((report.equity, report.settled_equity), (cash + 2_000 * DOLLAR, cash));
    assert_eq!((report.option_value, report.initial), (0, 0));
    let local = desk.world.snapshot().health(&desk.portfolio(&owner), desk.world.now()).unwrap();
    assert_eq!((local.equity.0, local.settled_equity.0), (report.equity, report.settled_equity));
}

#[test]
fn what_is_settled_does_not_stand_in_the_way_of_trades() {
    let mut desk = Desk::new();
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    let leg = desk.at_mark(LOW, Right::Call, CONTRACT);
    desk.trade(&owner, &maker, &[leg, future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)]);
    desk.world.expire_at(BTC_PERP, time, 20_500.0);
    for actor in [&owner, &maker] {
        desk.settle(actor);
    }
    let later = desk.world.chain(BTC_PERP, 10, 0.5, &STRIKES);
    desk.trade(&owner, &maker, &[future(BTC_PERP, later, CONTRACT, 20_500 * PRICE)]);
    desk.world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_500 * PRICE)]);
    desk.check();
    assert_eq!(desk.portfolio(&owner).position_count, 4);
    // What has expired does not trade.
    let dead = desk.world.trade_of(owner.side(), maker.side(), &[call(BTC_PERP, time, LOW, CONTRACT, 2_500 * PRICE)]);
    desk.world.refuses(&[dead], &[&owner.key, &maker.key], NovateError::ExpiryPassed);
}

#[test]
fn other_positions_are_left_alone() {
    let mut desk = Desk::new();
    let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
    let later = desk.world.chain(BTC_PERP, 10, 0.5, &STRIKES);
    let on_eth = desk.world.chain(ETH_PERP, 1, 0.5, &[1_500]);
    assert_eq!(on_eth, time);
    let legs = [
        future(BTC_PERP, time, CONTRACT, 20_000 * PRICE),
        future(BTC_PERP, later, CONTRACT, 20_000 * PRICE),
        future(ETH_PERP, time, CONTRACT, 1_500 * PRICE),
        desk.at_mark(LOW, Right::Put, CONTRACT),
        novate_tests::world::leg(BTC_PERP, CONTRACT, 20_000 * PRICE),
    ];
    desk.trade(&owner, &maker, &legs);
    desk.world.expire_at(BTC_PERP, time, 17_500.0);
    let before = desk.portfolio(&owner);
    let event: ExpirySettled = desk.settle(&owner).event();
    let put = option(time, LOW, Right::Put);
    let settled = [instrument::future(BTC_PERP, minutes_of(time)), put];
    assert_eq!(event.positions.iter().map(|p| p.instrument).collect::<Vec<_>>(), settled);
    let mut expected = before;
    for position in expected.positions.iter_mut().filter(|p| settled.contains(&p.instrument)) {
        position.cost -= if position.instrument == put { 500 * DOLLAR } else { 17_500 * DOLLAR };
        position.quantity = 0;
    }
    expected.sequence += 1;
    assert_eq!(bytemuck::bytes_of(&desk.portfolio(&owner)), bytemuck::bytes_of(&expected));
}

/// A closed position waits for its variation and names no expiry (CLR-36).
#[test]
fn what_is_settled_leaves_room_for_another_expiry() {
    let mut world = World::default();
    let (owner, maker) = (world.trader(1_000_000), world.trader(1_000_000));
    let times: Vec<i64> = (1..=14).map(|days| world.chain(BTC_PERP, days, 0.5, &[])).collect();
    let leg = |at: usize| future(BTC_PERP, times[at], CONTRACT / 10, 20_000 * PRICE);
    for at in 0..12 {
        world.trade_legs(&owner, &maker, &[leg(at)]);
    }
    let trade = |world: &World, at: usize| world.trade_of(owner.side(), maker.side(), &[leg(at)]);
    let thirteenth = trade(&world, 12);
    world.refuses(&[thirteenth], &[&owner.key, &maker.key], NovateError::TooManyExpiriesHeld);
    world.expire_at(BTC_PERP, times[0], 20_100.0);
    for actor in [&owner, &maker] {
        world.settle_expiry(actor, BTC_PERP, times[0]);
    }
    for time in &times[1..] {
        let forecast = novate_client::Forecast::from(&world.expiry(BTC_PERP, *time));
        world.publish_forecast(BTC_PERP, *time, forecast);
    }
    let trade_13 = trade(&world, 12);
    world.succeeds(&[trade_13], &[&owner.key, &maker.key]);
    let trade_14 = trade(&world, 13);
    world.refuses(&[trade_14], &[&owner.key, &maker.key], NovateError::TooManyExpiriesHeld);
    assert_eq!(world.portfolio(&owner.portfolio).position_count, 13);
    check(&world);
}

/// 24 strikes: all calls and all puts but one, and the future, in 48 positions.
#[test]
fn the_fullest_portfolio_settles_at_once() {
    let mut world = World::default();
    let strikes: Vec<i64> = (0..24).map(|at| 17_000 + 250 * at).collect();
    let time = world.chain(BTC_PERP, 1, 0.5, &strikes);
    let (owner, maker) = (world.trader(1_000_000), world.trader(1_000_000));
    let mut desk = Desk { world, time, owner: owner.clone(), maker: maker.clone() };
    let mut legs = vec![future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)];
    legs.extend((0..24).map(|slot| desk.at_mark(slot, Right::Call, CONTRACT)));
    legs.extend((1..24).map(|slot| desk.at_mark(slot, Right::Put, CONTRACT)));
    let table = desk.world.lookup_table(&[desk.world.trade_of(owner.side(), maker.side(), &legs)]);
    for some in legs.chunks(8) {
        let trade = desk.world.trade_of(owner.side(), maker.side(), some);
        let table = std::slice::from_ref(&table);
        desk.world.send_with_tables(&[trade], &[&owner.key, &maker.key], table).unwrap();
    }
    assert_eq!(desk.portfolio(&owner).position_count, 48);
    desk.world.expire_at(BTC_PERP, time, 20_123.45);
    let mut most = 0;
    for actor in [&owner, &maker] {
        let sent = desk.settle(actor);
        assert_eq!(sent.event::<ExpirySettled>().positions.len(), 48);
        most = most.max(sent.units);
    }
    println!("settle_expiry of 48 positions: {most} CU");
    assert!(most < 40_000, "{most} CU");
    assert_eq!(desk.world.expiry(BTC_PERP, time).settled.0, 0);
}

mod adversary {
    use super::*;
    use anchor_lang::error::ErrorCode;
    use novate_tests::Altered;

    /// A long call of the owner's, in the money, of an expiry that has been fixed.
    fn fixed() -> Desk {
        let mut desk = Desk::new();
        let (owner, maker) = (desk.owner.clone(), desk.maker.clone());
        let leg = desk.at_mark(LOW, Right::Call, CONTRACT);
        desk.trade(&owner, &maker, &[leg]);
        desk.world.expire_at(BTC_PERP, desk.time, 20_000.0);
        desk
    }

    fn instruction(desk: &Desk) -> novate_client::Instruction {
        desk.world.settle_expiry_instruction(&desk.owner.portfolio, BTC_PERP, desk.time)
    }

    #[test]
    fn without_a_settlement_price() {
        let mut desk = Desk::new();
        let (owner, maker) = (desk.owner.clone(), desk.maker.clone());
        let leg = desk.at_mark(LOW, Right::Call, CONTRACT);
        desk.trade(&owner, &maker, &[leg]);
        let settle = instruction(&desk);
        desk.world.refuses(std::slice::from_ref(&settle), &[], NovateError::SettlementPriceMissing);
        desk.world.sample_through(&[BTC], desk.time);
        desk.world.refuses(&[settle], &[], NovateError::SettlementPriceMissing);
    }

    #[test]
    fn twice() {
        let mut desk = fixed();
        let owner = desk.owner.clone();
        desk.settle(&owner);
        let settle = instruction(&desk);
        desk.world.refuses(&[settle], &[], NovateError::NothingExpired);
    }

    #[test]
    fn where_nothing_of_it_is_held() {
        let mut desk = fixed();
        let later = desk.world.chain(BTC_PERP, 10, 0.5, &STRIKES);
        let (stranger, maker) = (desk.world.trader(100_000), desk.maker.clone());
        let settle = desk.world.settle_expiry_instruction(&stranger.portfolio, BTC_PERP, desk.time);
        desk.world.refuses(std::slice::from_ref(&settle), &[], NovateError::NothingExpired);
        desk.settle(&maker);
        desk.world.trade_legs(&stranger, &maker, &[future(BTC_PERP, later, CONTRACT, 20_000 * PRICE)]);
        desk.world.refuses(&[settle], &[], NovateError::NothingExpired);
    }

    #[test]
    fn an_expiry_of_another_market_or_pool_or_no_expiry() {
        let mut desk = fixed();
        let (world, time) = (&mut desk.world, desk.time);
        let elsewhere = {
            let other = world.second_pool();
            let home = std::mem::replace(&mut world.pool, other);
            let later = world.chain(BTC_PERP, 10, 0.5, &[]);
            let address = world.expiry_address(BTC_PERP, later);
            world.pool = home;
            address
        };
        let later = world.chain(ETH_PERP, 10, 0.5, &[]);
        let other_market = world.expiry_address(ETH_PERP, later);
        let settle = build::settle_expiry(&world.pool, desk.owner.portfolio, BTC_PERP, time);
        world.refuses(&[settle.clone().with_account(1, elsewhere)], &[], NovateError::WrongPool);
        let other = settle.clone().with_account(1, other_market);
        world.refuses(std::slice::from_ref(&other), &[], NovateError::WrongMarket);
        let eth = addresses::market(&world.pool, ETH_PERP);
        world.refuses(&[other.with_account(2, eth)], &[], NovateError::SettlementPriceMissing);
        world.refuses(&[settle.clone().with_account(2, eth)], &[], NovateError::WrongMarket);
        let market = addresses::market(&world.pool, BTC_PERP);
        let wrong = [settle.clone().with_account(0, market), settle.clone().with_account(1, market)];
        for wrong in wrong {
            world.refuses(&[wrong], &[], ErrorCode::AccountDiscriminatorMismatch);
        }
        for at in 0..3 {
            world.refuses(&[settle.clone().read_only(at)], &[], ErrorCode::ConstraintMut);
        }
    }

    #[test]
    fn the_variation_of_an_option_that_is_held() {
        let mut desk = fixed();
        let id = option(desk.time, LOW, Right::Call);
        let settle = build::settle_variation(&desk.world.pool, desk.owner.portfolio, id, BTC);
        desk.world.refuses(&[settle], &[], NovateError::NoVariation);
    }

    #[test]
    fn a_withdrawal_against_an_expiry_that_is_not_settled() {
        let mut desk = fixed();
        let owner = desk.owner.clone();
        let withdraw = desk.world.withdraw_instruction(&owner, USDC, 1);
        desk.world.refuses(&[withdraw], &[&owner.key], NovateError::ExpiryNotSettled);
        let settle = instruction(&desk);
        let withdraw = desk.world.withdraw_instruction(&owner, USDC, 1);
        desk.world.succeeds(&[settle, withdraw], &[&owner.key]);
    }

    #[test]
    fn a_put_and_its_seller_cannot_both_gain() {
        let mut desk = Desk::new();
        let (owner, maker, time) = (desk.owner.clone(), desk.maker.clone(), desk.time);
        desk.trade(&owner, &maker, &[put(BTC_PERP, time, MIDDLE, CONTRACT, desk.mark(MIDDLE, Right::Put))]);
        desk.world.expire_at(BTC_PERP, time, 19_000.0);
        desk.settle(&owner);
        let id = option(time, MIDDLE, Right::Put);
        // Nobody has paid yet.
        let gain = build::settle_variation(&desk.world.pool, owner.portfolio, id, BTC);
        desk.world.refuses(&[gain], &[], NovateError::NothingToSettle);
        desk.settle(&maker);
        assert_eq!(desk.settle_variation(&maker, id).amount, -1_000 * DOLLAR);
        assert_eq!(desk.settle_variation(&owner, id).amount, 1_000 * DOLLAR);
    }
}
