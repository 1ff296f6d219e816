//! One rule a test: what counts as equity, what is charged, what is refused.

mod support;

use novate_margin::dated::Right;
use novate_margin::*;
use support::desk::{Desk, Kind, Leg};
use support::random::Random;

fn facts(price: i64, range: i64) -> UnderlyingFacts {
    UnderlyingFacts {
        price: Price(price * 1_000_000_000),
        confidence: Price::ZERO,
        depth: Usd::ZERO,
        scan_range: Ratio(range),
        column: NO_COLUMN,
    }
}

fn book() -> Box<Book> {
    let mut book = Box::new(Book::default());
    book.set_settlement_price(Price::ONE);
    book
}

fn usd(n: i64) -> Usd {
    Usd(n * 1_000_000)
}

fn health(book: &mut Book) -> Health {
    book.health(None, &Params::DEFAULT).unwrap()
}

#[test]
fn settled_equity_leaves_out_gains_by_underlying_and_pending() {
    let mut book = book();
    book.add_cash(usd(1_000)).unwrap();
    book.add_pending(usd(50)).unwrap();
    let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
    let b = book.add_underlying(2, facts(100, 200_000)).unwrap();
    // A: +300 and -100 net to a gain; B: -70 and +20 net to a loss.
    for (slot, mark, cost) in [(a, 100, -200), (a, 100, 200), (b, 100, 170), (b, 100, 80)] {
        book.add_perpetual(slot, Contracts::ONE, Price(mark * Price::ONE.0), usd(cost), Ratio::ONE).unwrap();
    }
    let h = health(&mut book);
    assert_eq!(h.equity, usd(1_000 + 50 + 200 - 50));
    assert_eq!(h.settled_equity, usd(1_000 - 50));
}

#[test]
fn a_closed_position_still_counts_until_it_is_settled() {
    let mut book = book();
    let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
    book.add_perpetual(a, Contracts::ZERO, Price::ZERO, usd(30), Ratio(3_000_000)).unwrap();
    let h = health(&mut book);
    assert_eq!((h.equity, h.settled_equity), (usd(-30), usd(-30)));
    assert_eq!((h.requirement, h.initial), (Usd::ZERO, Usd::ZERO));
    assert!(is_liquidatable(&h));
}

#[test]
fn the_largest_multiplier_held_scales_initial_margin_only() {
    for (multiplier, factor) in [(0, 1), (1_000_000, 1), (2_000_000, 2), (9_000_000, 3)] {
        let mut book = book();
        let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
        book.add_perpetual(a, Contracts::ONE, Price(100 * Price::ONE.0), usd(100), Ratio::ONE).unwrap();
        book.add_perpetual(a, Contracts::ONE, Price(100 * Price::ONE.0), usd(100), Ratio(multiplier)).unwrap();
        let h = health(&mut book);
        assert_eq!((h.initial, h.maintenance), (usd(40 * factor), usd(32)));
    }
}

#[test]
fn a_depeg_raises_initial_margin_and_lowers_equity() {
    let mut book = book();
    book.set_settlement_price(Price(970_000_000));
    book.add_cash(usd(1_000)).unwrap();
    let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
    book.add_perpetual(a, Contracts::ONE, Price(100 * Price::ONE.0), usd(90), Ratio::ONE).unwrap();
    let h = health(&mut book);
    assert_eq!((h.equity, h.settled_equity), (Usd(979_700_000), Usd(970_000_000)));
    assert_eq!((h.initial, h.maintenance), (Usd(21_600_000), usd(16)));
}

#[test]
fn a_debt_in_the_settlement_asset_is_charged_and_an_unsettled_loss_is_not() {
    let mut owing = book();
    owing.add_cash(usd(-1_000)).unwrap();
    let h = health(&mut owing);
    assert_eq!((h.equity, h.outside, h.maintenance), (usd(-1_000), usd(25), usd(20)));

    let mut losing = book();
    losing.add_cash(usd(100)).unwrap();
    let a = losing.add_underlying(1, facts(100, 200_000)).unwrap();
    losing.add_perpetual(a, Contracts::ZERO, Price::ZERO, usd(500), Ratio::ONE).unwrap();
    let h = health(&mut losing);
    assert_eq!((h.equity, h.outside), (usd(-400), Usd::ZERO));
}

#[test]
fn a_balance_outside_the_scan_costs_its_haircut_in_maintenance_either_way_round() {
    for sign in [1, -1] {
        let mut book = book();
        let price = Price(7 * Price::ONE.0);
        book.add_outside(Contracts(sign * 10 * Contracts::ONE.0), price, price, Ratio(100_000)).unwrap();
        let h = health(&mut book);
        assert_eq!((h.equity, h.settled_equity), (usd(70 * sign), usd(70 * sign)));
        assert_eq!((h.outside, h.maintenance), (Usd(8_750_000), usd(7)));
    }
}

/// MRG-44: for initial margin a balance is worth no more, and a loan no less, than at the average price.
#[test]
fn outside_the_scan_the_worse_of_two_prices_counts() {
    for (quantity, average, counted) in [(10, 6, 60), (10, 8, 70), (-10, 6, -70), (-10, 8, -80)] {
        let mut book = book();
        let (price, average) = (Price(7 * Price::ONE.0), Price(average * Price::ONE.0));
        book.add_outside(Contracts(quantity * Contracts::ONE.0), price, average, Ratio(100_000)).unwrap();
        let h = health(&mut book);
        assert_eq!((h.equity, h.counted_equity), (usd(7 * quantity), usd(counted)), "{quantity} {average:?}");
        assert_eq!(h.settled_equity, h.counted_equity);
        assert_eq!(h.outside, Usd(8_750_000));
    }
}

/// MRG-61: a yield-bearing balance hedges as spot does, in a bucket of its own, at 5 % of its value.
#[test]
fn a_yield_bearing_balance_is_charged_and_counts_only_while_it_is_worth_its_underlying() {
    for counts in [true, false] {
        let mut book = book();
        let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
        book.add_staked(a, Contracts(2 * Contracts::ONE.0), counts).unwrap();
        book.add_spot(a, Contracts(-Contracts::ONE.0)).unwrap();
        let h = health(&mut book);
        // Net one contract; one hedged at 1 %, two at 5 %.
        assert_eq!((h.gross, h.basis, h.equity), (usd(20), usd(11), usd(100)));
        assert_eq!(h.counted_equity, if counts { usd(100) } else { usd(-100) });
    }
    let mut book = book();
    let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
    assert_eq!(book.add_staked(a, Contracts(-1), true), Err(MarginError::NegativeStake));
    assert_eq!(book.add_staked(a + 1, Contracts::ONE, true), Err(MarginError::UnknownSlot));
}

/// MRG-45: what options are worth on balance is no settled equity, what they owe is missing from it.
#[test]
fn net_positive_option_value_is_not_settled() {
    let random = Random::new(1);
    for right in [Right::Call, Right::Put] {
        for short in [false, true] {
            let desk = Desk::random(&random);
            let quantity = Contracts(if short { -5 } else { 5 } * Contracts::ONE.0);
            let h = desk.with(vec![Leg { kind: Kind::Option(0, 0, right), quantity }]).health();
            assert_eq!(h.option_value < Usd::ZERO, short);
            assert_eq!((h.equity, h.settled_equity), (h.option_value, h.option_value.min(Usd::ZERO)));
        }
    }
}

#[test]
fn collateral_offsets_a_short_and_a_loan_is_risk() {
    let mut hedged = book();
    let a = hedged.add_underlying(1, facts(100, 200_000)).unwrap();
    hedged.add_spot(a, Contracts::ONE).unwrap();
    hedged.add_perpetual(a, Contracts(-Contracts::ONE.0), Price(100 * Price::ONE.0), usd(-100), Ratio::ONE).unwrap();
    let h = health(&mut hedged);
    assert_eq!((h.equity, h.gross, h.requirement), (usd(100), Usd::ZERO, usd(1)));
    assert_eq!(h.worst_underlying, None);

    let mut loan = book();
    let a = loan.add_underlying(7, facts(100, 200_000)).unwrap();
    loan.add_spot(a, Contracts(-Contracts::ONE.0)).unwrap();
    let h = health(&mut loan);
    assert_eq!((h.equity, h.gross), (usd(-100), usd(20)));
    assert_eq!((h.worst_underlying, h.worst_node.spot), (Some(7), Ratio(200_000)));
    assert_eq!((h.net_notional, h.gross_notional), (usd(-100), usd(100)));
}

#[test]
fn what_is_out_of_range_is_refused_by_name() {
    use MarginError::*;
    let mut book = book();
    let good = facts(100, 200_000);
    let bad = [
        (UnderlyingFacts { price: Price::ZERO, ..good }, InvalidPrice),
        (UnderlyingFacts { confidence: Price(-1), ..good }, InvalidConfidence),
        (UnderlyingFacts { depth: Usd(-1), ..good }, InvalidDepth),
        (UnderlyingFacts { scan_range: Ratio::ZERO, ..good }, InvalidScanRange),
        (UnderlyingFacts { scan_range: Ratio(1_000_001), ..good }, InvalidScanRange),
        (UnderlyingFacts { column: MAX_COLUMNS as u8, ..good }, InvalidColumn),
    ];
    for (facts, error) in bad {
        assert_eq!(book.add_underlying(1, facts), Err(error));
    }
    assert_eq!(book.add_spot(0, Contracts::ONE), Err(UnknownSlot));
    for asset in 0..MAX_UNDERLYINGS as u16 {
        assert_eq!(book.add_underlying(asset, good), Ok(usize::from(asset)));
    }
    assert_eq!(book.add_underlying(3, good), Err(DuplicateUnderlying));
    assert_eq!(book.add_underlying(99, good), Err(TooManyUnderlyings));
    assert_eq!(book.slot_of(5), Some(5));
    assert_eq!(book.slot_of(99), None);
    assert_eq!(book.add_pending(Usd(-1)), Err(NegativePending));
    assert_eq!(book.add_outside(Contracts::ONE, Price::ZERO, Price::ONE, Ratio::ONE), Err(InvalidPrice));
    assert_eq!(book.add_outside(Contracts::ONE, Price::ONE, Price::ZERO, Ratio::ONE), Err(InvalidPrice));
    assert_eq!(book.add_outside(Contracts::ONE, Price::ONE, Price::ONE, Ratio(1_000_001)), Err(InvalidHaircut));
    assert_eq!(book.add_outside(Contracts::ONE, Price::ONE, Price::ONE, Ratio(-1)), Err(InvalidHaircut));
    assert_eq!(book.add_perpetual(0, Contracts::ONE, Price::ZERO, Usd::ZERO, Ratio::ONE), Err(InvalidPrice));
    book.set_settlement_price(Price::ZERO);
    assert_eq!(book.health(None, &Params::DEFAULT), Err(NoSettlementPrice));
    book.clear();
    assert_eq!(book.slot_of(5), None);
    assert_eq!(book.health(None, &Params::DEFAULT), Err(NoSettlementPrice));
}

#[test]
fn parameters_are_bounded_by_name() {
    assert_eq!(Params::DEFAULT.validate(), Ok(()));
    let bad = Params { tail_factor: Ratio(1_000_001), ..Params::DEFAULT };
    assert_eq!(bad.validate(), Err(MarginError::InvalidParameter(Parameter::TailFactor)));
    let bad = Params { maintenance_ratio: Ratio(0), ..Params::DEFAULT };
    assert_eq!(bad.validate(), Err(MarginError::InvalidParameter(Parameter::MaintenanceRatio)));
}

#[test]
fn health_factor_saturates() {
    let factor = |e, m| health_factor(&Health { equity: Usd(e), maintenance: Usd(m), ..Health::default() });
    assert_eq!(factor(150, 100), Ratio(1_500_000));
    assert_eq!(factor(-1, 3), Ratio(-333_334));
    assert_eq!(factor(5, 0), Ratio(i64::MAX));
    assert_eq!(factor(0, 0), Ratio(i64::MAX));
    assert_eq!(factor(-5, 0), Ratio(i64::MIN));
    assert_eq!(factor(i64::MAX, 1), Ratio(i64::MAX));
    assert_eq!(factor(i64::MIN, 1), Ratio(i64::MIN));
}

#[test]
fn reducing_risk_by_example() {
    let h = |e, m| Health { equity: Usd(e), maintenance: Usd(m), ..Health::default() };
    let reduces = |a, b, fee| reduces_risk(&a, &b, Usd(fee)).unwrap();
    // Half of the margin for half of the equity, to the unit.
    assert!(reduces(h(100, 200), h(50, 100), 0));
    assert!(!reduces(h(100, 200), h(49, 100), 0));
    assert!(reduces(h(100, 200), h(49, 100), 1));
    // More margin is never a reduction.
    assert!(!reduces(h(100, 200), h(1_000, 201), 0));
    // Under water equity may not fall, but for the fee.
    assert!(reduces(h(-100, 200), h(-100, 0), 0));
    assert!(!reduces(h(-100, 200), h(-101, 0), 0));
    assert!(reduces(h(-100, 200), h(-103, 0), 3));
    // Without margin: equity may not fall.
    assert!(reduces(h(5, 0), h(5, 0), 0) && !reduces(h(5, 0), h(4, 0), 0) && reduces(h(5, 0), h(4, 0), 1));
    assert!(reduces(h(-5, 0), h(-5, 0), 0));
    // The ends of the range.
    let (min, max) = (i64::MIN, i64::MAX);
    assert!(!reduces(h(max, max), h(min, max), max));
    assert!(reduces(h(min, max), h(max, min), max));
    assert!(!reduces(h(0, max), h(min, max), max));
}

#[test]
fn rows_are_checked_when_staged() {
    let mut moves = Box::new([[0i16; MAX_ROWS]; MAX_COLUMNS]);
    let mut vols = Box::new([[0i8; MAX_ROWS]; MAX_COLUMNS]);
    moves[1][..4].copy_from_slice(&[5, -7, 4096, -4096]);
    let mut found = [Extremes::default(); MAX_COLUMNS];
    found[1] = extremes(&moves[1][..4]);
    assert_eq!(found[1], Extremes { low: -4098, high: 4094 });
    let valid = |moves: &_, vols: &_, extremes: &_, count| Rows { moves, vols, extremes, count, present: 2 }.is_valid();
    assert!(valid(&moves, &vols, &found, 4));
    assert!(!valid(&moves, &vols, &found, 3));
    assert!(!valid(&moves, &vols, &found, MAX_ROWS + 1));
    vols[1][2] = -128;
    assert!(!valid(&moves, &vols, &found, 4));
    vols[1][2] = -127;
    moves[1][0] = 4097;
    assert!(!valid(&moves, &vols, &found, 4));
}

#[test]
fn extremes_of_few_rows_are_the_sum_of_all() {
    assert_eq!(extremes(&[]), Extremes::default());
    assert_eq!(extremes(&[9, -2]), Extremes { low: 7, high: 7 });
    assert_eq!(extremes(&[1, 1, 1, 2]), Extremes { low: 3, high: 4 });
}

#[test]
fn the_joint_shortfall_of_one_position_is_its_own() {
    let mut moves = Box::new([[0i16; MAX_ROWS]; MAX_COLUMNS]);
    for (r, z) in moves[3].iter_mut().enumerate() {
        *z = ((r * 1_237) % 8_193) as i16 - 4_096;
    }
    let mut found = [Extremes::default(); MAX_COLUMNS];
    for count in [0, 1, 2, 3, 7, 8, 9, 127, 128] {
        found[3] = extremes(&moves[3][..count]);
        let rows = Rows { moves: &moves, vols: &[[0; MAX_ROWS]; MAX_COLUMNS], extremes: &found, count, present: 8 };
        assert!(rows.is_valid());
        for short in [false, true] {
            let one = joint::Linear { column: 3, scan_loss: usd(1_000_000), short };
            let mut sums = [i64::MIN; MAX_ROWS];
            let joint = joint::shortfall_ceil(&mut sums, &rows, &[one]).unwrap();
            let alone = one.shortfall_floor(&rows);
            assert!(joint >= alone && joint.0 <= alone.0 + 6, "{count} {short}: {joint:?} {alone:?}");
            assert_eq!(joint::shortfall_ceil(&mut sums, &rows, &[]), Ok(Usd::ZERO));
        }
    }
}

#[test]
fn a_core_below_two_percent_of_net_delta_is_raised_to_it() {
    let mut book = book();
    let a = book.add_underlying(1, facts(100, 10_000)).unwrap();
    book.add_spot(a, Contracts::ONE).unwrap();
    let h = health(&mut book);
    assert_eq!((h.core, h.net_delta_floor, h.requirement), (usd(1), usd(2), usd(2)));
}

#[test]
fn two_buckets_the_same_way_are_no_hedge() {
    for (spot, perpetual, basis) in [(1, 1, 0), (-2, -2, 0), (2, -1, 1), (-1, 3, 1), (1, 0, 0), (0, -1, 0)] {
        let of = |n: i64| Contracts(n * Contracts::ONE.0);
        let longs = of(spot.max(0) + perpetual.max(0));
        let shorts = of((-spot).max(0) + (-perpetual).max(0));
        let charge = contingency::basis_ceil(longs, shorts, Price(100 * Price::ONE.0), Tenor::ZERO, &Params::DEFAULT);
        assert_eq!(charge, Ok(usd(basis)), "{spot} {perpetual}");
    }
}

#[test]
fn what_is_long_is_never_charged_more_than_its_value() {
    // 100 coins at 20,000 USD: two thousand times the depth.
    let facts = UnderlyingFacts { depth: usd(1_000), ..facts(20_000, 150_000) };
    let coins = Contracts(100 * Contracts::ONE.0);
    let mut long = book();
    let a = long.add_underlying(1, facts).unwrap();
    long.add_spot(a, coins).unwrap();
    let h = health(&mut long);
    assert_eq!((h.equity, h.requirement), (usd(2_000_000), usd(2_000_000)));
    assert!(!is_liquidatable(&h));

    let mut short = book();
    let a = short.add_underlying(1, facts).unwrap();
    let (sold, mark) = (coins.neg().unwrap(), Price(20_000 * Price::ONE.0));
    short.add_perpetual(a, sold, mark, usd(-2_000_000), Ratio::ONE).unwrap();
    assert!(health(&mut short).requirement > usd(2_000_000));
}

#[test]
fn a_hedge_between_two_markets_of_one_underlying_is_charged_its_basis() {
    let mut book = book();
    let a = book.add_underlying(1, facts(100, 200_000)).unwrap();
    for quantity in [Contracts::ONE, Contracts::ONE.neg().unwrap()] {
        let cost = quantity.value_ceil(Price(100 * Price::ONE.0)).unwrap();
        book.add_perpetual(a, quantity, Price(100 * Price::ONE.0), cost, Ratio::ONE).unwrap();
    }
    let h = health(&mut book);
    assert_eq!((h.gross, h.basis, h.requirement), (Usd::ZERO, usd(1), usd(1)));
}

/// A haircut that is about to rise binds who takes on risk, and liquidates nobody (CLR-50).
#[test]
fn a_haircut_ahead_is_in_initial_margin_only() {
    let mut book = book();
    let (quantity, price) = (Contracts(100_000_000_000), Price(50_000_000_000));
    book.add_outside(quantity, price, price, Ratio(100_000)).unwrap();
    let before = health(&mut book);
    book.add_ahead(quantity, price, Ratio(24_000)).unwrap();
    book.add_ahead(Contracts(-quantity.0), price, Ratio(1_000)).unwrap();
    let after = health(&mut book);
    assert_eq!((after.requirement, after.maintenance), (before.requirement, before.maintenance));
    assert_eq!((after.equity, after.counted_equity), (before.equity, before.counted_equity));
    // 5,000 x (2.4 % + 0.1 %) x 1.25.
    assert_eq!(after.initial, before.initial.add(Usd(156_250_000)).unwrap());
    book.clear();
    book.set_settlement_price(Price::ONE);
    assert_eq!(health(&mut book).initial, Usd::ZERO);
}
