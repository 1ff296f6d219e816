//! By how much the margin of one book can rise in a day of steps that governance and the risk committee take (CLR-50, MRG-52): what the
//! paces of `programs/novate/src/state` rest on.

mod support;

use novate_margin::dated::Right;
use novate_margin::*;
use support::desk::{Desk, Kind, Leg};
use support::random::Random;
use support::{Holding, OwnedRows, Portfolio};

/// What a day of terms that are on their way moves of them, after the day in which nothing moves: a quarter over two days where they tighten,
/// over six where they loosen, as in `state/ramp.rs`.
const TIGHTENING: f64 = 0.25 / 2.0;
const LOOSENING: f64 = 0.25 / 6.0;

/// Greatest step of a deviation, down as up, and least depth that is left, as in `state/forecasts.rs`.
const SIGMA_STEP: f64 = 1.125;
const DEPTH_LEFT: f64 = 0.85;

fn usd(amount: Usd) -> f64 {
    amount.0 as f64 * 1e-6
}

/// What a scan range and a depth of an asset are multiplied by.
#[derive(Clone, Copy, Debug)]
struct Step {
    range: f64,
    depth: f64,
}

const STILL: Step = Step { range: 1.0, depth: 1.0 };

/// Two sides of perpetuals, of assets that always move together: long a share of the notional, short the rest. `reach` of the scan range is
/// what the rows go to, and what each side holds comes to `size` times the depth of its market.
#[derive(Clone, Copy, Debug)]
struct Hedge {
    share: f64,
    reach: f64,
    size: f64,
}

impl Hedge {
    fn requirement(&self, steps: [Step; 2]) -> f64 {
        let holding = |(at, (share, step)): (usize, (f64, Step))| {
            let notional = share.abs() * 1e7;
            let facts = UnderlyingFacts {
                price: Price(100_000_000_000),
                confidence: Price::ZERO,
                depth: Usd((notional / self.size * step.depth * 1e6) as i64),
                scan_range: Ratio((200_000.0 * step.range) as i64),
                column: at as u8,
            };
            let perpetual = Contracts((share * 1e7 / 100.0 * 1e9) as i64);
            Holding {
                facts,
                spot: Contracts::ZERO,
                perpetual,
                mark: facts.price,
                cost: Usd::ZERO,
                multiplier: Ratio::ONE,
            }
        };
        let sides = [self.share, self.share - 1.0].into_iter().zip(steps);
        let reach = (self.reach * f64::from(MOVE_ONE)) as i16;
        let column: Vec<i16> = [1, 1, 1, -1, -1, -1].map(|way| way * reach).to_vec();
        let portfolio = Portfolio {
            settlement_price: Price::ONE,
            cash: Usd::ZERO,
            pending: Usd::ZERO,
            holdings: sides.enumerate().map(holding).collect(),
            outside: vec![],
            rows: OwnedRows::new(&[column.clone(), column]),
        };
        usd(portfolio.health().requirement)
    }
}

/// The most that a step asks for of any hedge, one of its sides taking it or both.
fn worst(step: Step) -> (f64, Hedge) {
    let mut most = (0.0, Hedge { share: 0.5, reach: 1.0, size: 1.0 });
    for share in (20..=80).map(|percent| f64::from(percent) * 0.01) {
        for reach in (50..=100).step_by(2).map(|percent| f64::from(percent) * 0.01) {
            for size in [0.5, 0.9, 1.0, 1.05, 1.2, 2.0] {
                let hedge = Hedge { share, reach, size };
                let before = hedge.requirement([STILL; 2]);
                let other = Step { range: 1.0, ..step };
                for steps in [[step, other], [other, step], [step, STILL], [step; 2]] {
                    let grown = hedge.requirement(steps) / before;
                    if grown > most.0 {
                        most = (grown, hedge);
                    }
                }
            }
        }
    }
    most
}

/// MRG-52: shares of the two steps add up to one, down as up. A deviation and a depth that both took a whole step, as they once could, would
/// ask for far more.
#[test]
fn a_day_of_forecasts_asks_for_at_most_a_quarter_more_of_any_hedge() {
    let step = |share: f64, up: bool| {
        let range = 1.0 + (SIGMA_STEP - 1.0) * share;
        let depth = 1.0 - (1.0 - DEPTH_LEFT) * (1.0 - share);
        Step { range: if up { range } else { 1.0 - (1.0 - 1.0 / SIGMA_STEP) * share }, depth }
    };
    for (way, up) in [("up", true), ("down", false)] {
        for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let (most, of) = worst(step(share, up));
            println!("{way}, share {share}: {most:.3} of {of:?}");
            assert!(most <= 1.25, "{most} of {of:?}");
            assert!(!up || most > 1.20, "a bound that nothing comes near is too tight: {most}");
        }
    }
    let (before, _) = worst(Step { range: 1.15, depth: 0.85 });
    println!("15 % more and 15 % less at once: {before:.3}");
    assert!(before > 1.4);
}

/// The first day of terms that tighten by a quarter over two, and of terms that loosen by a quarter over six.
#[test]
fn a_day_of_terms_asks_for_at_most_a_quarter_more_of_any_hedge() {
    for (what, step) in [
        ("a range up", Step { range: 1.0 + TIGHTENING, depth: 1.0 }),
        ("a range down", Step { range: 1.0 - LOOSENING, depth: 1.0 }),
        ("a range up with a depth", Step { range: 1.0 + LOOSENING, depth: 1.0 - LOOSENING }),
        ("a range down with a depth", Step { range: 1.0 - LOOSENING, depth: 1.0 - LOOSENING }),
    ] {
        let (most, of) = worst(step);
        println!("{what}: {most:.3} of {of:?}");
        assert!(most <= 1.25, "{most} of {of:?}");
    }
}

/// Terms that are on their way and a day of forecasts are not held to a quarter together.
#[test]
fn a_day_of_forecasts_comes_on_top_of_a_day_of_terms() {
    for (what, step, most_of_all) in [
        ("a depth cut while it falls", Step { range: 1.0, depth: DEPTH_LEFT * (1.0 - LOOSENING) }, 1.32),
        ("a deviation while a depth falls", Step { range: SIGMA_STEP, depth: 1.0 - LOOSENING }, 1.40),
        ("a deviation while a range rises", Step { range: SIGMA_STEP * (1.0 + TIGHTENING), depth: 1.0 }, 1.55),
    ] {
        let (most, of) = worst(step);
        println!("{what}: {most:.3} of {of:?}");
        assert!(most > 1.25 && most <= most_of_all, "{most} of {of:?}");
    }
}

/// Options on one asset beside perpetuals on another that moves with it, at a scan range of the first.
fn covered(range: f64, legs: &[(i64, Right, f64)], days: i64, hedge: f64, reach: f64) -> f64 {
    let random = Random::new(1);
    let mut desk = Desk::random(&random);
    while desk.expiries.is_empty() {
        desk = Desk::random(&random);
    }
    let facts = |column, range: f64| UnderlyingFacts {
        price: Price(100_000_000_000),
        confidence: Price::ZERO,
        depth: Usd::ZERO,
        scan_range: Ratio((range * 1e6) as i64),
        column,
    };
    let mut expiry = desk.expiries[0].clone();
    (expiry.underlying, expiry.facts.basis) = (0, Ratio::ZERO);
    expiry.facts.remaining = Tenor(novate_margin::pricing::DAY.0 * days);
    expiry.strikes = legs.iter().map(|(strike, _, _)| (Price(strike * 1_000_000_000), Ratio(600_000))).collect();
    let leg = |(slot, (_, right, quantity)): (usize, &(i64, Right, f64))| Leg {
        kind: Kind::Option(0, slot, *right),
        quantity: Contracts((quantity * 1e9) as i64),
    };
    desk.legs = legs.iter().enumerate().map(leg).collect();
    desk.legs.push(Leg { kind: Kind::Perpetual(1), quantity: Contracts((hedge * 1e9) as i64) });
    (desk.underlyings, desk.expiries) = (vec![facts(0, range), facts(1, 0.2)], vec![expiry]);
    let column: Vec<i16> =
        [1.0, 0.9, 0.8, -0.8, -0.9, -1.0].map(|way| (way * reach * f64::from(MOVE_ONE)) as i16).to_vec();
    desk.rows = OwnedRows::new(&[column.clone(), column]);
    usd(desk.health().requirement)
}

/// Sold options that are covered further out need more at some smaller ranges: what hedges them asks for less, and what they lose most
/// at lies between two nodes of one range and on a node of another. So a range that falls takes a step a day as one that rises does, and
/// asks for no more by it. It once could halve at once. Narrow spreads turn within a part of a step and are not held to a quarter by any.
#[test]
fn of_sold_options_covered_further_out_a_step_down_asks_for_no_more_than_one_up() {
    const PACES: [(&str, f64); 5] = [
        ("a step up", SIGMA_STEP),
        ("a step down", 1.0 / SIGMA_STEP),
        ("a day of terms up", 1.0 + TIGHTENING),
        ("a day of terms down", 1.0 - LOOSENING),
        ("down by half at once", 0.5),
    ];
    let most = |wings: &[i64]| {
        let mut most = PACES.map(|_| (0.0, String::new()));
        let bodies = [85, 90, 95, 98, 100, 102, 105, 110, 115];
        for (body, wing) in bodies.into_iter().flat_map(|body| wings.iter().map(move |wing| (body, *wing))) {
            for (right, far) in [(Right::Call, body + wing), (Right::Put, body - wing)] {
                for (cover, days) in [1.0, 1.5, 2.0, 3.0].into_iter().flat_map(|c| [1, 7, 30].map(|days| (c, days))) {
                    for (hedge, range) in
                        [-1.0, -0.25, 0.0, 0.25, 1.0].into_iter().flat_map(|h| [0.1, 0.2, 0.3, 0.4].map(|r| (h, r)))
                    {
                        let legs = [(body, right, -1.0), (far, right, cover)];
                        let need = |range| covered(range, &legs, days, hedge, 0.8);
                        let before = need(range);
                        for (found, (_, pace)) in most.iter_mut().zip(PACES) {
                            let grown = need(range * pace) / before;
                            if grown > found.0 {
                                *found = (
                                    grown,
                                    format!("{body}/{far} {right:?} x{cover}, {days} d, hedge {hedge}, {range}"),
                                );
                            }
                        }
                    }
                }
            }
        }
        most
    };
    for (what, wings) in [("wide", &[10, 20, 30][..]), ("narrow", &[2, 5])] {
        let most = most(wings);
        for ((pace, _), (grown, of)) in PACES.iter().zip(&most) {
            println!("{what}, {pace}: {grown:.2} of {of}");
        }
        let [up, down, terms_up, terms_down, half] = most.map(|(grown, _)| grown);
        assert!(down <= up && terms_down <= terms_up && half > 1.1 * down, "{what}");
        assert!(what == "narrow" || (down < 1.5 && terms_down < 1.3));
    }
}

/// A sold spread on one asset beside a bought one on another that moves with it, in rows that go so far up and down in scan ranges, whose
/// cells of the second asset are moved.
fn spreads(range: f64, [near, far]: [i64; 2], right: Right, days: i64, reach: f64, moved: i16) -> f64 {
    let random = Random::new(1);
    let mut desk = Desk::random(&random);
    let (price, confidence, depth) = (Price(100_000_000_000), Price::ZERO, Usd::ZERO);
    let facts = |column| UnderlyingFacts { price, confidence, depth, scan_range: Ratio((range * 1e6) as i64), column };
    let expiry = |underlying| {
        let mut expiry = desk.expiries[0].clone();
        (expiry.underlying, expiry.facts.basis) = (underlying, Ratio::ZERO);
        expiry.facts.remaining = Tenor(novate_margin::pricing::DAY.0 * days);
        expiry.strikes = [near, far].map(|strike| (Price(strike * 1_000_000_000), Ratio(600_000))).to_vec();
        expiry
    };
    let expiries = vec![expiry(0), expiry(1)];
    let leg = |(expiry, slot, quantity): (usize, usize, i64)| Leg {
        kind: Kind::Option(expiry, slot, right),
        quantity: Contracts(quantity * 1_000_000_000),
    };
    desk.legs = [(0, 0, -100), (0, 1, 100), (1, 0, 100), (1, 1, -100)].map(leg).to_vec();
    (desk.underlyings, desk.expiries) = (vec![facts(0), facts(1)], expiries);
    let cell = (reach * f64::from(MOVE_ONE)) as i16;
    let column = |moved: i16| [1, 1, 1, -1, -1, -1].map(|way| way * cell + moved).to_vec();
    desk.rows = OwnedRows::new(&[column(0), column(moved)]);
    usd(desk.health().requirement)
}

/// A switch of rows moves no cell by more than an eighth of the diversified floor, 179 of 4,096. With options that can take more than a
/// quarter at once: a spread turns within less than that.
#[test]
fn a_step_of_rows_can_ask_for_more_than_a_quarter_of_spreads_that_hedge_each_other() {
    let mut most = (0.0, String::new());
    for (near, wing) in [95, 98, 100, 102, 105, 110].into_iter().flat_map(|near| [1, 2, 5, 10].map(|wing| (near, wing)))
    {
        for (right, far) in [(Right::Call, near + wing), (Right::Put, near - wing)] {
            for (days, range) in [1, 7, 30].into_iter().flat_map(|d| [0.15, 0.3, 0.5].map(|r| (d, r))) {
                for reach in (2..=40).map(|step| f64::from(step) * 0.025 - 0.05) {
                    let need = |moved| spreads(range, [near, far], right, days, reach, moved);
                    let grown = need(-179).max(need(179)) / need(0);
                    if grown > most.0 {
                        most = (grown, format!("{near}/{far} {right:?}, {days} d, {range}, rows of {reach:.3}"));
                    }
                }
            }
        }
    }
    println!("a step of rows: {:.2} of {}", most.0, most.1);
    assert!(most.0 > 1.25 && most.0 < 1.75);
}
