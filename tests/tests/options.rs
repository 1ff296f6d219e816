//! Futures and options: trade, variation, margin and liquidation.

use novate::events::{Liquidated, Traded, TradedLeg, VariationSettled};
use novate_client::instructions as build;
use novate_client::state::{minutes_of, Position};
use novate_client::{addresses, instrument, Leg, NovateError, Right};
use novate_tests::dated::option_leg;
use novate_tests::world::leg;
use novate_tests::{
    call, checker, flat, future, put, Actor, Builder, MarketSpec, World, BTC, BTC_PERP, CONTRACT, DOLLAR, ETH_PERP,
    GOLD, PRICE, USDC,
};

use crate::checking::raw;

const HALF: i64 = CONTRACT / 2;
/// Slots of the strikes that every chain here lists.
const LOW: u8 = 0;
const MIDDLE: u8 = 1;
const HIGH: u8 = 2;
const STRIKES: [i64; 3] = [18_000, 20_000, 22_000];

/// A chain on BTC, at 20,000, thirty days away at a vol of 50 %; an owner with 100,000 USD and a maker with 1,000,000.
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
        let time = world.chain(BTC_PERP, 30, 0.5, &STRIKES);
        let (owner, maker) = (world.trader(100_000), world.trader(1_000_000));
        Self { world, time, owner, maker }
    }

    fn with_terms(change: impl FnOnce(&mut novate_client::MarketTerms)) -> Self {
        let market = MarketSpec::new("BTC-PERP", BTC).with(change);
        Self::in_world(Builder::default().markets(vec![market]).build())
    }

    /// Mark of an option, rounded to the tick of 0.01 USD.
    fn mark(&self, slot: u8, right: Right) -> i64 {
        self.world.at_mark(BTC_PERP, self.time, (slot, right), CONTRACT).price
    }

    /// A leg at its mark.
    fn at_mark(&self, slot: u8, right: Right, quantity: i64) -> Leg {
        option_leg(BTC_PERP, self.time, slot, right, quantity, self.mark(slot, right))
    }

    #[track_caller]
    fn trade(&mut self, legs: &[Leg]) -> novate_tests::Sent {
        let (owner, maker) = (self.owner.clone(), self.maker.clone());
        let sent = self.world.trade_legs(&owner, &maker, legs);
        self.check();
        sent
    }

    #[track_caller]
    fn refused(&mut self, legs: &[Leg], error: NovateError) {
        let trade = self.world.trade_of(self.owner.side(), self.maker.side(), legs);
        let (owner, maker) = (self.owner.key.insecure_clone(), self.maker.key.insecure_clone());
        self.world.refuses(&[trade], &[&owner, &maker], error);
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(checker::violations(&raw(&self.world), self.world.pool.to_bytes()), Vec::<String>::new());
    }

    fn cash(&self, of: &Actor) -> i64 {
        self.world.portfolio(&of.portfolio).cash
    }

    /// Health as a client computes it equals the chain's.
    #[track_caller]
    fn agrees(&mut self, of: &Actor) -> novate_client::HealthReport {
        let report = self.world.health(of);
        let portfolio = self.world.portfolio(&of.portfolio);
        let local = self.world.snapshot().health(&portfolio, self.world.now()).unwrap();
        assert_eq!((report.equity, report.initial), (local.equity.0, local.initial.0));
        assert_eq!((report.maintenance, report.option_value), (local.maintenance.0, local.option_value.0));
        report
    }
}

#[test]
fn a_future_is_taken_at_cost_and_marked_at_the_forward() {
    let mut desk = Desk::new();
    let sent = desk.trade(&[future(BTC_PERP, desk.time, CONTRACT, 20_010 * PRICE)]);
    let instrument = instrument::future(BTC_PERP, minutes_of(desk.time));
    let fee = 20_010 * DOLLAR / 2_000;
    let position = |quantity, cost| Position {
        instrument,
        quantity,
        cost,
        pending_since: desk.world.now(),
        underlying: BTC,
        ..Position::default()
    };
    let [a, b] = [&desk.owner, &desk.maker].map(|s| desk.world.portfolio(&s.portfolio));
    assert_eq!(a.positions(), [position(CONTRACT, 20_010 * DOLLAR + fee)]);
    assert_eq!(b.positions(), [position(-CONTRACT, fee - 20_010 * DOLLAR)]);
    assert_eq!((a.cash, b.cash), (100_000 * DOLLAR, 1_000_000 * DOLLAR));
    assert_eq!(desk.world.expiry(BTC_PERP, desk.time).open_futures.0, CONTRACT);
    let market = desk.world.market(BTC_PERP);
    assert_eq!((market.long.0, market.short.0), (0, 0));
    assert_eq!((market.accrued_fees.0, market.variation_pool.0), (2 * fee, 0));
    let event: Traded = sent.event();
    assert_eq!((event.first_cash, event.second_cash), (100_000 * DOLLAR, 1_000_000 * DOLLAR));

    // 15 % of 20,000 and no contingency.
    let owner = desk.owner.clone();
    let report = desk.agrees(&owner);
    assert_eq!(report.initial, 3_000 * DOLLAR);
    assert_eq!(report.equity, 100_000 * DOLLAR - 10 * DOLLAR - fee);
}

#[test]
fn the_variation_of_a_future_is_settled_at_the_forward() {
    let mut desk = Desk::new();
    desk.trade(&[future(BTC_PERP, desk.time, CONTRACT, 20_000 * PRICE)]);
    desk.world.price(BTC, 21_000.0);
    let id = instrument::future(BTC_PERP, minutes_of(desk.time));
    let settle = build::settle_variation(&desk.world.pool, desk.maker.portfolio, id, BTC);
    let event: VariationSettled = desk.world.succeeds(&[settle], &[]).event();
    assert_eq!((event.instrument, event.amount), (id, -1_010 * DOLLAR));
    let settle = build::settle_variation(&desk.world.pool, desk.owner.portfolio, id, BTC);
    let event: VariationSettled = desk.world.succeeds(std::slice::from_ref(&settle), &[]).event();
    assert_eq!(event.amount, 990 * DOLLAR);
    desk.check();

    desk.world.refuses(&[settle], &[], NovateError::NothingToSettle);
}

#[test]
fn settling_with_a_wrong_expiry_or_of_an_option_is_refused() {
    let mut desk = Desk::new();
    let later = desk.world.chain(BTC_PERP, 60, 0.5, &[]);
    let put_mark = desk.at_mark(MIDDLE, Right::Put, HALF);
    desk.trade(&[future(BTC_PERP, desk.time, CONTRACT, 20_000 * PRICE), put_mark]);
    desk.world.price(BTC, 21_000.0);
    let id = instrument::future(BTC_PERP, minutes_of(desk.time));
    let settle = |instrument| build::settle_variation(&desk.world.pool, desk.maker.portfolio, instrument, BTC);
    // The optional expiry stands behind portfolio, market and asset.
    const EXPIRY: usize = 3;
    let (right, mut missing, mut other) = (settle(id), settle(id), settle(id));
    assert_eq!(right.accounts[EXPIRY].pubkey, addresses::expiry(&addresses::market(&desk.world.pool, 0), desk.time));
    missing.accounts[EXPIRY].pubkey = novate_client::ID;
    other.accounts[EXPIRY].pubkey = addresses::expiry(&addresses::market(&desk.world.pool, 0), later);
    let option = settle(put_mark.instrument);
    let mut elsewhere = settle(instrument::future(ETH_PERP, minutes_of(desk.time)));
    elsewhere.accounts.clone_from(&right.accounts);
    let unheld = settle(instrument::future(BTC_PERP, minutes_of(later)));
    desk.world.refuses(&[missing], &[], NovateError::WrongExpiry);
    desk.world.refuses(&[other], &[], NovateError::WrongExpiry);
    desk.world.refuses(&[option], &[], NovateError::NoVariation);
    desk.world.refuses(&[elsewhere], &[], NovateError::WrongMarket);
    desk.world.refuses(&[unheld], &[], NovateError::NoPosition);

    desk.world.pass(desk.time - desk.world.now());
    desk.world.refresh();
    desk.world.refuses(&[right], &[], NovateError::ExpiryPassed);
}

#[test]
fn a_premium_is_paid_in_cash() {
    let mut desk = Desk::new();
    let mark = desk.mark(MIDDLE, Right::Call);
    let sent = desk.trade(&[call(BTC_PERP, desk.time, MIDDLE, CONTRACT, mark)]);
    // 0.05 % of 20,000 is below 12.5 % of the premium.
    let (premium, fee) = (mark / 1_000, 10 * DOLLAR);
    assert!(premium / 8 > fee);
    let [a, b] = [&desk.owner, &desk.maker].map(|s| desk.world.portfolio(&s.portfolio));
    assert_eq!((a.cash, b.cash), (100_000 * DOLLAR - premium - fee, 1_000_000 * DOLLAR + premium - fee));
    assert_eq!((a.positions()[0].quantity, b.positions()[0].quantity), (CONTRACT, -CONTRACT));
    assert_eq!((a.positions()[0].cost, b.positions()[0].cost), (0, 0));
    let market = desk.world.market(BTC_PERP);
    assert_eq!((market.option_cash.0, market.accrued_fees.0, market.rounding.0), (2 * fee, 2 * fee, 0));
    assert_eq!(market.variation_pool.0, 0);
    let expiry = desk.world.expiry(BTC_PERP, desk.time);
    assert_eq!((expiry.open_calls[1].0, expiry.open_puts[1].0, expiry.open_futures.0), (CONTRACT, 0, 0));
    let event: Traded = sent.event();
    let leg = TradedLeg {
        instrument: instrument::option(BTC_PERP, minutes_of(desk.time), MIDDLE, Right::Call),
        quantity: CONTRACT,
        price: mark,
        first_cost: premium + fee,
        second_cost: fee - premium,
    };
    assert_eq!((event.legs, event.first_cash, event.second_cash), (vec![leg], a.cash, b.cash));

    // What was paid is what the option is worth, but for the tick.
    let owner = desk.owner.clone();
    let report = desk.agrees(&owner);
    assert!((report.option_value - premium).abs() <= DOLLAR / 100, "{report:?}");
    assert!((report.equity - (100_000 * DOLLAR - fee)).abs() <= DOLLAR / 100, "{report:?}");
    // A long option loses its value at most, and is not cash.
    assert!(report.initial < premium * 2 && report.settled_equity == a.cash, "{report:?}");
}

#[test]
fn the_fee_of_a_cheap_option_is_a_share_of_its_premium() {
    let mut desk = Desk::new();
    desk.world.list_strikes(BTC_PERP, desk.time, &[30_000 * PRICE, 80_000 * PRICE]);
    desk.world.refresh_expiry(BTC_PERP, desk.time);
    // Four dollars of premium cost an eighth of that, not ten dollars.
    desk.trade(&[call(BTC_PERP, desk.time, 3, CONTRACT, 4 * PRICE)]);
    assert_eq!(desk.cash(&desk.owner), (100_000 - 4) * DOLLAR - DOLLAR / 2);
    // What is worth nothing trades at a tick.
    assert_eq!(desk.mark(4, Right::Call), 0);
    desk.trade(&[call(BTC_PERP, desk.time, 4, CONTRACT, PRICE / 100)]);
    desk.refused(&[call(BTC_PERP, desk.time, 4, CONTRACT, PRICE / 50)], NovateError::OutsideBand);
}

#[test]
fn fractions_of_a_premium_go_to_the_market() {
    let mut desk = Desk::with_terms(|t| (t.option_tick, t.lot, t.minimum, t.fee) = (1, 1, 1, 1));
    let price = desk.mark(MIDDLE, Right::Put) + 1;
    desk.trade(&[put(BTC_PERP, desk.time, MIDDLE, -10_000_001, price)]);
    let market = desk.world.market(BTC_PERP);
    assert_eq!(market.rounding.0, 1);
    assert_eq!(market.option_cash.0, market.accrued_fees.0 + 1);
    let paid = 1_100_000 * DOLLAR - desk.cash(&desk.owner) - desk.cash(&desk.maker);
    assert_eq!(paid, market.option_cash.0);
    // Collecting the fees moves both into the variation pool, and the fees on.
    let collect = build::collect_fees(desk.world.pool, BTC_PERP);
    desk.world.succeeds(&[collect], &[]);
    let market = desk.world.market(BTC_PERP);
    assert_eq!((market.option_cash.0, market.accrued_fees.0, market.variation_pool.0), (0, 0, 1));
}

#[test]
fn a_strategy_of_eight_legs_is_margined_once() {
    let mut desk = Desk::new();
    let (owner, time) = (desk.owner.clone(), desk.time);
    let legs = [
        desk.at_mark(LOW, Right::Put, CONTRACT),
        desk.at_mark(MIDDLE, Right::Put, -CONTRACT),
        desk.at_mark(MIDDLE, Right::Call, -CONTRACT),
        desk.at_mark(HIGH, Right::Call, CONTRACT),
        future(BTC_PERP, time, HALF, 20_000 * PRICE),
        leg(BTC_PERP, -HALF, 20_000 * PRICE),
        desk.at_mark(HIGH, Right::Put, HALF / 5),
        leg(ETH_PERP, CONTRACT, 1_500 * PRICE),
    ];
    desk.trade(&legs);
    let report = desk.agrees(&owner);
    assert_eq!(report.by_underlying.len(), 2);
    // A condor between 18,000 and 22,000 loses at most 2,000 less what it was sold for.
    assert!(report.initial < 2_000 * DOLLAR, "{report:?}");
    assert_eq!(desk.world.portfolio(&owner.portfolio).positions().len(), 8);
}

#[test]
fn a_box_costs_next_to_nothing() {
    let mut desk = Desk::new();
    let owner = desk.owner.clone();
    desk.trade(&[
        desk.at_mark(LOW, Right::Call, CONTRACT),
        desk.at_mark(HIGH, Right::Call, -CONTRACT),
        desk.at_mark(LOW, Right::Put, -CONTRACT),
        desk.at_mark(HIGH, Right::Put, CONTRACT),
    ]);
    let report = desk.agrees(&owner);
    // Worth 4,000 whatever happens: 3 % of that, and no scan loss.
    assert!((report.option_value - 4_000 * DOLLAR).abs() < DOLLAR / 10, "{report:?}");
    assert!((report.initial - 120 * DOLLAR).abs() < DOLLAR / 10, "{report:?}");
}

#[test]
fn what_is_no_instrument_is_refused() {
    let mut desk = Desk::new();
    let minutes = minutes_of(desk.time);
    let id = |kind: u64, slot: u64, minutes: u64| kind << 40 | slot << 32 | minutes;
    let minutes_wide = u64::from(minutes);
    for instrument in [
        id(0, 0, 0),
        id(5, 0, minutes_wide),
        id(1, 1, 0),
        id(1, 0, minutes_wide),
        id(2, 1, minutes_wide),
        id(2, 0, 0),
        id(3, 24, minutes_wide),
        id(4, 255, minutes_wide),
        id(3, 0, 0),
    ] {
        let leg = Leg { instrument, quantity: CONTRACT, price: 100 * PRICE };
        let trade = desk.world.trade_of(desk.owner.side(), desk.maker.side(), &[call(0, desk.time, 0, 1, 1)]);
        let mut trade = trade;
        let legs = novate::instruction::Trade { legs: vec![leg] };
        trade.data = anchor_lang::InstructionData::data(&legs);
        let (owner, maker) = (desk.owner.key.insecure_clone(), desk.maker.key.insecure_clone());
        desk.world.refuses(&[trade], &[&owner, &maker], NovateError::UnknownInstrument);
    }
    // A slot without a strike, and a minute at which nothing expires.
    desk.refused(&[call(BTC_PERP, desk.time, 3, CONTRACT, PRICE)], NovateError::UnknownStrike);
    let (owner, maker) = (desk.owner.clone(), desk.maker.clone());
    let mut trade = desk.world.trade_of(owner.side(), maker.side(), &[future(BTC_PERP, desk.time, CONTRACT, PRICE)]);
    trade.data = anchor_lang::InstructionData::data(&novate::instruction::Trade {
        legs: vec![future(BTC_PERP, desk.time + 86_400, CONTRACT, 20_000 * PRICE)],
    });
    desk.world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::ExpiryMissing);
}

#[test]
fn prices_keep_to_tick_and_band() {
    let mut desk = Desk::new();
    let time = desk.time;
    let mark = desk.mark(MIDDLE, Right::Call);
    // Of a future 5 % of its mark.
    desk.refused(&[future(BTC_PERP, time, CONTRACT, 21_000 * PRICE + 10_000_000)], NovateError::OutsideBand);
    desk.refused(&[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE + 1)], NovateError::InvalidPrice);
    // Of an option 5 % of its mark and of 20,000 times its delta of some 0.53: about 590 USD.
    for price in [0, -PRICE, mark + 1] {
        desk.refused(&[call(BTC_PERP, time, MIDDLE, CONTRACT, price)], NovateError::InvalidPrice);
    }
    for away in [-700, 700] {
        desk.refused(&[call(BTC_PERP, time, MIDDLE, CONTRACT, mark + away * PRICE)], NovateError::OutsideBand);
    }
    desk.trade(&[call(BTC_PERP, time, MIDDLE, CONTRACT, mark + 500 * PRICE)]);
    desk.trade(&[put(BTC_PERP, time, MIDDLE, CONTRACT, mark - 500 * PRICE)]);
}

#[test]
fn a_premium_needs_cash() {
    let mut desk = Desk::new();
    // Worth 1,000,000 USD as collateral, but no cash.
    let poor = desk.world.trader(1_000);
    desk.world.deposit(&poor, GOLD, 20_000 * 1_000_000);
    let mark = desk.mark(MIDDLE, Right::Call);
    assert!(mark > 1_000 * PRICE);
    let trade =
        desk.world.trade_of(poor.side(), desk.maker.side(), &[call(BTC_PERP, desk.time, MIDDLE, CONTRACT, mark)]);
    let maker = desk.maker.clone();
    desk.world.refuses(&[trade], &[&poor.key, &maker.key], NovateError::PremiumUnpaid);
    // What one leg brings may pay for another.
    let legs = [desk.at_mark(MIDDLE, Right::Call, CONTRACT), desk.at_mark(HIGH, Right::Call, -CONTRACT)];
    desk.world.trade_legs(&poor, &maker, &legs);
    desk.check();
}

#[test]
fn the_caps_hold_for_each_instrument() {
    let caps = |t: &mut novate_client::MarketTerms| {
        (t.position_cap, t.open_interest_cap) = (2 * CONTRACT, 3 * CONTRACT);
    };
    let mut desk = Desk::with_terms(caps);
    let (time, second) = (desk.time, desk.world.trader(1_000_000));
    let mark = desk.mark(MIDDLE, Right::Put);
    desk.refused(&[put(BTC_PERP, time, MIDDLE, 2 * CONTRACT + 1_000_000, mark)], NovateError::PositionCap);
    desk.trade(&[put(BTC_PERP, time, MIDDLE, 2 * CONTRACT, mark)]);
    let more = |size| [put(BTC_PERP, time, MIDDLE, size, mark)];
    let other = desk.world.trader(1_000_000);
    let trade = desk.world.trade_of(second.side(), other.side(), &more(CONTRACT + 1_000_000));
    desk.world.refuses(&[trade], &[&second.key, &other.key], NovateError::OpenInterestCap);
    desk.world.trade_legs(&second, &other, &more(CONTRACT));
    // The call of the same strike has its own.
    desk.trade(&[desk.at_mark(MIDDLE, Right::Call, 2 * CONTRACT)]);
}

#[test]
fn the_list_behind_a_trade_names_every_expiry_once_and_in_order() {
    let mut desk = Desk::new();
    let later = desk.world.chain(BTC_PERP, 60, 0.5, &STRIKES);
    let (owner, maker) = (desk.owner.clone(), desk.maker.clone());
    desk.trade(&[desk.at_mark(MIDDLE, Right::Put, HALF)]);
    let legs = [future(BTC_PERP, later, HALF, 20_000 * PRICE)];
    let good = desk.world.trade_of(owner.side(), maker.side(), &legs);
    let signers = [&owner.key, &maker.key];
    let last = good.accounts.len() - 1;

    let mut held_missing = good.clone();
    held_missing.accounts.remove(last - 1);
    desk.world.refuses(&[held_missing], &signers, NovateError::ExpiryMissing);
    let mut traded_missing = good.clone();
    traded_missing.accounts.remove(last);
    desk.world.refuses(&[traded_missing], &signers, NovateError::ExpiryMissing);
    let mut swapped = good.clone();
    swapped.accounts.swap(last - 1, last);
    desk.world.refuses(&[swapped], &signers, NovateError::AccountsOutOfOrder);
    let mut twice = good.clone();
    twice.accounts.push(good.accounts[last].clone());
    desk.world.refuses(&[twice], &signers, NovateError::DuplicateAccount);
    let mut before_market = good.clone();
    before_market.accounts.swap(last - 2, last - 1);
    desk.world.refuses(&[before_market], &signers, NovateError::AccountsOutOfOrder);
    let mut read_only = good.clone();
    read_only.accounts[last].is_writable = false;
    desk.world.refuses(&[read_only], &signers, NovateError::NotWritable);

    // An expiry of another pool, at the same time.
    let other = desk.world.second_pool();
    let home = std::mem::replace(&mut desk.world.pool, other);
    let forecast = flat(0.5, later - desk.world.now());
    desk.world.list_expiry(BTC_PERP, later, forecast);
    desk.world.pool = home;
    let mut foreign = good.clone();
    foreign.accounts[last].pubkey = addresses::expiry(&addresses::market(&other, BTC_PERP), later);
    desk.world.refuses(&[foreign], &signers, NovateError::WrongPool);
    desk.world.succeeds(&[good], &signers);
}

#[test]
fn a_strike_without_a_price_does_not_trade() {
    let mut desk = Desk::new();
    desk.world.list_strikes(BTC_PERP, desk.time, &[24_000 * PRICE]);
    desk.refused(&[call(BTC_PERP, desk.time, 3, CONTRACT, 100 * PRICE)], NovateError::StrikeNotPriced);
}

#[test]
fn risk_rises_on_fresh_values_only_and_falls_on_older_ones() {
    let mut desk = Desk::new();
    let open = [desk.at_mark(MIDDLE, Right::Call, CONTRACT)];
    let close = [Leg { quantity: -HALF, ..open[0] }];
    desk.trade(&open);

    // Sixty seconds and no more.
    desk.world.pass(60);
    desk.world.refresh();
    desk.trade(&open);
    desk.world.pass(1);
    desk.world.refresh();
    desk.refused(&open, NovateError::ChainNotCurrent);
    desk.trade(&close);
    // Ten minutes and no more.
    desk.world.pass(600 - 61);
    desk.world.refresh();
    desk.trade(&close);
    desk.world.pass(1);
    desk.world.refresh();
    desk.refused(&close, NovateError::ChainStale);
    desk.world.refresh_chains();
    desk.trade(&open);

    // An eighth of 15 % of 20,000 is 375; the half 1,500.
    desk.world.price(BTC, 20_375.0);
    desk.trade(&close);
    desk.trade(&[Leg { quantity: HALF, ..open[0] }]);
    desk.world.price(BTC, 20_376.0);
    desk.refused(&open, NovateError::ChainNotCurrent);
    desk.trade(&close);
    desk.world.price(BTC, 18_500.0);
    let low = [Leg { price: open[0].price - 400 * PRICE, ..close[0] }];
    desk.trade(&low);
    desk.world.price(BTC, 18_499.0);
    desk.refused(&low, NovateError::ChainShifted);
}

#[test]
fn risk_rises_on_a_forecast_of_the_hour_only() {
    let mut desk = Desk::new();
    let open = [desk.at_mark(MIDDLE, Right::Call, CONTRACT)];
    desk.trade(&open);
    desk.world.pass(3_600);
    desk.world.refresh_chains();
    desk.trade(&open);
    desk.world.pass(1);
    desk.world.refresh();
    desk.refused(&open, NovateError::ForecastStale);
    desk.trade(&[Leg { quantity: -HALF, ..open[0] }]);
    // A future rests on a forecast too.
    desk.refused(&[future(BTC_PERP, desk.time, CONTRACT, 20_000 * PRICE)], NovateError::ForecastStale);
}

#[test]
fn nothing_trades_after_expiry() {
    let mut desk = Desk::new();
    let time = desk.time;
    let legs = [desk.at_mark(MIDDLE, Right::Call, CONTRACT)];
    desk.world.pass(time - desk.world.now());
    desk.world.refresh();
    desk.refused(&legs, NovateError::ExpiryPassed);
    desk.refused(&[future(BTC_PERP, time, CONTRACT, 20_000 * PRICE)], NovateError::ExpiryPassed);
}

#[test]
fn option_value_is_no_cash() {
    let mut desk = Desk::new();
    let owner = desk.owner.clone();
    let size = 44 * CONTRACT;
    let leg = desk.at_mark(MIDDLE, Right::Call, size);
    desk.trade(&[leg]);
    let report = desk.agrees(&owner);
    let cash = desk.cash(&owner);
    assert!(cash > 0 && report.settled_equity == cash && report.equity > 40_000 * DOLLAR + cash, "{report:?}");
    // Equity covers initial margin many times, cash does not.
    assert!(report.initial > cash && report.equity > report.initial, "{report:?} {cash}");
    let withdraw = desk.world.withdraw_instruction(&owner, USDC, DOLLAR as u64);
    desk.world.refuses(&[withdraw], &[&owner.key], NovateError::UnsettledGains);
}

#[test]
fn a_withdrawal_rests_on_fresh_values() {
    let mut desk = Desk::new();
    let owner = desk.owner.clone();
    desk.trade(&[desk.at_mark(MIDDLE, Right::Call, -CONTRACT)]);
    desk.world.pass(61);
    desk.world.refresh();
    let withdraw = desk.world.withdraw_instruction(&owner, USDC, DOLLAR as u64);
    desk.world.refuses(std::slice::from_ref(&withdraw), &[&owner.key], NovateError::ChainNotCurrent);
    desk.world.refresh_chains();
    desk.world.succeeds(&[withdraw], &[&owner.key]);
    desk.check();
}

#[test]
fn a_portfolio_holds_twelve_expiries() {
    let mut desk = Desk::new();
    let mut times = vec![desk.time];
    for day in 1..=12 {
        times.push(desk.world.chain(BTC_PERP, 30 + 10 * day, 0.5, &[]));
    }
    for time in &times[..12] {
        desk.trade(&[future(BTC_PERP, *time, CONTRACT / 100, 20_000 * PRICE)]);
    }
    desk.refused(&[future(BTC_PERP, times[12], CONTRACT / 100, 20_000 * PRICE)], NovateError::TooManyExpiriesHeld);
    let owner = desk.owner.clone();
    desk.agrees(&owner);
}

/// An owner who sold three straddles with little behind them; the price has fallen.
fn fallen() -> (Desk, Actor) {
    let mut desk = Desk::new();
    let seller = desk.world.trader(2_600);
    let legs = [desk.at_mark(MIDDLE, Right::Call, -CONTRACT), desk.at_mark(MIDDLE, Right::Put, -CONTRACT)];
    let maker = desk.maker.clone();
    desk.world.trade_legs(&seller, &maker, &legs);
    desk.world.price(BTC, 17_500.0);
    desk.world.refresh_chains();
    (desk, seller)
}

#[test]
fn a_slice_of_an_option_book_changes_hands() {
    let (mut desk, seller) = fallen();
    let report = desk.agrees(&seller);
    assert!(report.equity > 0 && report.equity < report.maintenance, "{report:?}");
    desk.world.start_auction(&seller);
    let taker = desk.owner.clone();
    let before = desk.cash(&seller);
    let part = CONTRACT / 10;
    let bid = desk.world.liquidate_instruction(&seller, taker.side(), part, i64::MAX);
    let event: Liquidated = desk.world.succeeds(&[bid], &[&taker.key]).event();
    assert_eq!((event.fraction, event.restored), (part, false));
    let [a, b] = [&seller, &taker].map(|s| desk.world.portfolio(&s.portfolio));
    let quantities = |p: &novate_client::state::Portfolio| p.positions().iter().map(|p| p.quantity).collect::<Vec<_>>();
    assert_eq!(quantities(&a), [-CONTRACT * 9 / 10; 2]);
    assert_eq!(quantities(&b), [-CONTRACT / 10; 2]);
    assert_eq!(a.cash, before - before / 10 + event.price);
    desk.check();
    // The taker's own book is judged at central values that are current.
    desk.world.pass(61);
    desk.world.refresh();
    let bid = desk.world.liquidate_instruction(&seller, taker.side(), part, i64::MAX);
    desk.world.refuses(&[bid], &[&taker.key], NovateError::ChainNotCurrent);
}

#[test]
fn older_values_judge_in_favour_of_the_owner() {
    let mut desk = Desk::new();
    let seller = desk.world.trader(2_827);
    let maker = desk.maker.clone();
    let straddle = [Right::Call, Right::Put].map(|right| desk.at_mark(MIDDLE, right, -CONTRACT));
    let perpetual = leg(BTC_PERP, CONTRACT / 5, 20_000 * PRICE);
    desk.world.trade_legs(&seller, &maker, &[straddle[0], straddle[1], perpetual]);
    // Values of 20,000 carried to 18,600: what convexity leaves open, here some two dollars, is the owner's.
    desk.world.price(BTC, 18_600.0);
    let central = desk.world.health(&seller);
    assert!(central.equity < central.maintenance, "{central:?}");
    let start = desk.world.start_auction_instruction(&seller);
    desk.world.refuses(&[start], &[], NovateError::NotLiquidatable);
    desk.world.refresh_chains();
    desk.world.start_auction(&seller);
    desk.check();
}

#[test]
fn a_published_basis_moves_every_leg_of_a_conversion() {
    let mut desk = Desk::new();
    let (owner, time) = (desk.owner.clone(), desk.time);
    let puts = desk.world.trader(100_000);
    let maker = desk.maker.clone();
    desk.trade(&[
        future(BTC_PERP, time, CONTRACT, 20_000 * PRICE),
        desk.at_mark(MIDDLE, Right::Call, -CONTRACT),
        desk.at_mark(MIDDLE, Right::Put, CONTRACT),
    ]);
    let alone = [desk.at_mark(LOW, Right::Put, CONTRACT), desk.at_mark(MIDDLE, Right::Put, CONTRACT)];
    desk.world.trade_legs(&puts, &maker, &alone);
    let before = desk.agrees(&owner);

    let mut forecast = flat(0.5, time - desk.world.now());
    for basis in [5_000, 10_000, 15_000] {
        desk.world.pass(10);
        forecast.basis = basis;
        desk.world.publish_forecast(BTC_PERP, time, forecast);
    }
    // Values are of the old forward still, and are read at the new one. The net short options cost 1 % of their 300 USD.
    let moved = desk.agrees(&owner);
    assert!((moved.equity - before.equity).abs() <= 20, "{moved:?} {before:?}");
    assert!((moved.initial - before.initial).abs() <= 5 * DOLLAR, "{moved:?} {before:?}");
    let carried = desk.agrees(&puts).equity;
    desk.world.refresh_chains();
    let repriced = desk.agrees(&puts).equity;
    assert!((carried - repriced).abs() <= 20 * DOLLAR, "{carried} {repriced}");
    assert!(repriced < 100_000 * DOLLAR - 100 * DOLLAR, "{repriced}");
}

/// A perpetual's gain of 10,000 that nobody has settled, and 1,000 in cash: 1 BTC bought at 20,000 stands at 30,000.
fn unsettled() -> (Desk, Actor) {
    let mut desk = Desk::new();
    let owner = desk.world.trader(4_000);
    let maker = desk.maker.clone();
    desk.world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    desk.world.price(BTC, 30_000.0);
    desk.world.refresh_chains();
    (desk, owner)
}

#[test]
fn premiums_beside_the_mark_are_no_way_to_withdraw_unsettled_gains() {
    let (mut desk, owner) = unsettled();
    let report = desk.agrees(&owner);
    assert!(report.equity > report.initial && report.settled_equity < report.initial, "{report:?}");
    let mark = desk.mark(HIGH, Right::Call);
    let leg = |quantity, price| call(BTC_PERP, desk.time, HIGH, quantity, price);
    let maker = desk.maker.clone();
    let (dear, cheap) = (mark + 200 * PRICE, mark - 200 * PRICE);
    let refused = [vec![leg(CONTRACT / 10, dear), leg(-CONTRACT / 10, cheap)], vec![leg(CONTRACT / 10, dear)]];
    for legs in refused {
        let trade = desk.world.trade_of(owner.side(), maker.side(), &legs);
        desk.world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::UnsettledGains);
    }
    // At the mark, or for less than it, the option is worth what it costs.
    desk.world.trade_legs(&owner, &maker, &[leg(CONTRACT / 10, mark)]);
    // And closing may cost what it costs.
    desk.world.trade_legs(&owner, &maker, &[leg(-CONTRACT / 20, cheap)]);
    desk.check();
}

#[test]
fn legs_that_cancel_each_other_have_no_fees_forgiven() {
    let mut desk = Desk::new();
    let owner = desk.world.trader(3_100);
    let maker = desk.maker.clone();
    desk.world.trade(&owner, &maker, &[(BTC_PERP, CONTRACT, 20_000 * PRICE)]);
    desk.world.price(BTC, 17_000.0);
    desk.world.refresh_chains();
    let turn = |quantity| (BTC_PERP, quantity, 17_000 * PRICE);
    // Ends lower by 0.01, and pays the fees of four legs.
    let legs = [turn(-CONTRACT / 2), turn(CONTRACT / 2), turn(-CONTRACT / 2), turn(CONTRACT / 2 - CONTRACT / 100)];
    let trade = desk.world.trade_instruction(owner.side(), maker.side(), &legs);
    desk.world.refuses(&[trade], &[&owner.key, &maker.key], NovateError::BelowInitialMargin);
    desk.world.trade(&owner, &maker, &[turn(-CONTRACT / 100)]);
    desk.check();
}

#[test]
fn an_old_forecast_shields_nobody_from_liquidation() {
    let (mut desk, seller) = fallen();
    desk.world.pass(3_601);
    desk.world.refresh_chains();
    desk.world.start_auction(&seller);
    let taker = desk.owner.clone();
    let bid = desk.world.liquidate_instruction(&seller, taker.side(), CONTRACT / 10, i64::MAX);
    desk.world.succeeds(&[bid], &[&taker.key]);
    desk.check();
}

#[test]
fn the_variance_of_a_smile_runs_off_with_time() {
    let mut desk = Desk::new();
    let (time, left) = (desk.time, desk.time - desk.world.now());
    let before = desk.world.expiry(BTC_PERP, time).strikes[1];
    desk.world.pass(left * 3 / 4);
    desk.world.refresh_chains();
    let after = desk.world.expiry(BTC_PERP, time).strikes[1];
    // A quarter of the time at the same vol: half the deviation, and at the money half the value.
    assert!(before.vol.abs_diff(after.vol) <= 2, "{} {}", before.vol, after.vol);
    let ratio = after.mark.0 as f64 / before.mark.0 as f64;
    assert!((ratio - 0.5).abs() < 1e-3, "{ratio}");
}
