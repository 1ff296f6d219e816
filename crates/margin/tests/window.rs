//! An expiry inside its settlement window (CLR-12): samples have decided a share s of the price that it settles at, at their
//! average a, and only the rest moves. Everything of it is valued and shocked at s·a + (1 - s)·forward.

mod support;

use bytemuck::Zeroable;
use novate_margin::chain::*;
use novate_margin::dated::{Carry, Right};
use novate_margin::pricing::{deviation, YEAR};
use novate_margin::scan::{NODE_STEPS, RANGE_TAILS, TAILS};
use novate_margin::*;
use support::desk::{Chains, Desk, Expiry, Kind, Leg};
use support::random::Random;
use support::worst::Worst;

const SECOND: i64 = 1_000_000_000;
/// The normal distribution ends here.
const END: f64 = 9.0;

/// What a call on s·a + (1 - s)·X is worth, X the average of the rest: lognormal around `forward` with a deviation. The payoff is
/// summed over the density, in double precision: no formula of Black's stands here.
fn reference(share: f64, average: f64, forward: f64, strike: f64, sd: f64) -> f64 {
    let rest = |z: f64| (1.0 - share) * forward * (sd * z - sd * sd / 2.0).exp();
    let payoff = |z: f64| share * average + rest(z) - strike;
    let uncovered = strike - share * average;
    if forward <= 0.0 || sd <= 0.0 {
        return payoff(0.0).max(0.0);
    }
    // From where it pays on, so that what is summed is smooth.
    let begin = match uncovered > 0.0 {
        true => (((uncovered / (1.0 - share) / forward).ln() + sd * sd / 2.0) / sd).clamp(-END, END),
        false => -END,
    };
    const STEPS: usize = 1_000;
    let width = (END - begin) / STEPS as f64;
    let weighed = |i: usize| {
        let z = begin + width * i as f64;
        let simpson = if i == 0 || i == STEPS { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
        simpson * payoff(z) * (-z * z / 2.0).exp()
    };
    (0..=STEPS).map(weighed).sum::<f64>() * width / 3.0 / std::f64::consts::TAU.sqrt()
}

fn ratio(n: f64) -> Ratio {
    Ratio((n * 1e6).round() as i64)
}

fn real(n: Ratio) -> f64 {
    n.0 as f64 / 1e6
}

#[test]
fn a_strike_at_every_node_is_the_payoff_of_the_average() {
    let random = Random::new(21);
    let [mut values, mut mark, mut delta] = [(); 3].map(|()| Worst::new());
    for _ in 0..1_500 {
        let share = random.one_of(&[0.0, 0.01, 0.5, 0.97, 0.999_444, random.between(0.0, 0.999)]);
        let (spot, vol) = (random.scale(1.0, 1e5), random.between(0.1, 2.0));
        let average = spot * random.between(0.9, 1.1);
        let facts = Reference {
            price: Price((spot * 1e9) as i64),
            basis: ratio(random.between(-0.01, 0.01)),
            decided: Decided { share: ratio(share), average: Price((average * 1e9) as i64) },
            scan_range: ratio(random.between(0.02, 0.6)),
            remaining: Tenor(random.between(1.0, 1_800.0) as i64 * SECOND),
            time: Seconds(0),
        };
        let (share, growth) = (real(facts.decided.share), 1.0 + real(facts.basis));
        let expected = share * average + (1.0 - share) * spot * growth;
        let strike = random.one_of(&[expected, share * average, expected * random.between(0.95, 1.05), spot * 0.5]);
        let mut nodes = Nodes::zeroed();
        nodes.set(&facts, &Params::DEFAULT).unwrap();
        let mut stored = Strike::zeroed();
        let sd = deviation(ratio(vol), facts.remaining).unwrap();
        stored.reprice(&nodes, Price((strike * 1e9) as i64 + 1), sd).unwrap();

        let root = (facts.remaining.0 as f64 / YEAR.0 as f64).sqrt();
        // MRG-12 in the last day.
        let shocked = 30f64.powf(0.3);
        let sds = [vol * (1.0 - 0.3 * shocked).max(0.0), vol, (vol * (1.0 + 0.5 * shocked)).max(0.4)].map(|v| v * root);
        // (1 - s)·(1 + basis) is cut to 1e-6.
        let left = (1_000_000 + facts.basis.0) * (1_000_000 - facts.decided.share.0) / 1_000_000;
        let left = left as f64 / 1e6 / (1.0 - share);
        let at =
            |moved: f64, sd: f64| reference(share, average, (spot * left * (1.0 + moved)).max(0.0), strike, sd) / spot;
        let place = || format!("{facts:?} {strike} {vol}");
        for (row, sd) in [DOWN, FLAT, UP].into_iter().zip(sds) {
            for step in -GRID_STEPS..=GRID_STEPS {
                let moved = real(facts.scan_range) * step as f64 / NODE_STEPS as f64;
                let got = f64::from(stored.values[row + (step + GRID_STEPS) as usize]) / f64::from(VALUE_ONE);
                values.see((got - at(moved, sd)).abs(), place);
            }
        }
        let ranges = RANGE_TAILS.iter().map(|t| (real(*t) * real(facts.scan_range)).max(-0.95));
        for (i, moved) in ranges.chain(TAILS.iter().map(|t| real(*t))).enumerate() {
            let got = f64::from(stored.values[TAIL + i]) / f64::from(VALUE_ONE);
            values.see((got - at(moved, sds[2])).abs(), place);
        }
        mark.see((stored.mark.0 as f64 / 1e9 / spot - at(0.0, vol * root)).abs(), place);
        let h = 1e-5;
        let slope = (at(h, vol * root) - at(-h, vol * root)) / (2.0 * h);
        delta.see((stored.delta.0 as f64 / 1e9 - slope).abs() * (vol * root).min(1.0), place);
    }
    values.at_most(6e-9, "values, of spot");
    mark.at_most(6e-9, "mark, of spot");
    delta.at_most(1e-8, "delta times the deviation");
}

/// A window at a time, and the same a little later.
struct Later {
    then: Desk,
    now: Desk,
}

impl Later {
    /// Expiries of a random desk within half an hour. Until `now` spot moves by up to an eighth of the scan range and samples
    /// decide some more, at prices between.
    fn random(random: &Random) -> Self {
        let mut then = Desk::random(random);
        for expiry in &mut then.expiries {
            let price = then.underlyings[expiry.underlying].price.0 as f64;
            let share = random.one_of(&[0.0, 0.1, 0.5, 0.9, 0.969, random.between(0.0, 0.969)]);
            expiry.facts.remaining = Tenor(((1.0 - share) * 1_800.0 * SECOND as f64) as i64);
            expiry.facts.basis = ratio(random.between(-0.001, 0.001));
            let average = Price((price * random.between(0.97, 1.03)) as i64);
            expiry.facts.decided =
                if share > 0.0 { Decided { share: ratio(share), average } } else { Decided::NOTHING };
        }
        let mut now = then.clone();
        let moves: Vec<f64> =
            now.underlyings.iter().map(|u| real(u.scan_range) / 8.0 * random.between(-1.0, 1.0)).collect();
        for (underlying, moved) in now.underlyings.iter_mut().zip(&moves) {
            underlying.price = Price((underlying.price.0 as f64 * (1.0 + moved * 0.999)) as i64);
        }
        for (at, expiry) in now.expiries.iter_mut().enumerate() {
            let Decided { share, average } = expiry.facts.decided;
            let step = ratio(random.one_of(&[0.0, 60.0 / 1_800.0, random.between(0.0, 60.0 / 1_800.0)]) * 0.9);
            let before = then.underlyings[expiry.underlying].price.0 as f64;
            let price = before * (1.0 + moves[then.expiries[at].underlying] * random.between(0.0, 0.9));
            let sum = share.0 as f64 * average.0 as f64 + step.0 as f64 * price;
            let share = share.add(step).unwrap();
            expiry.facts.remaining = Tenor((expiry.facts.remaining.0 - step.0 * 1_800_000).max(SECOND));
            if share.0 > 0 {
                expiry.facts.decided = Decided { share, average: Price((sum / share.0 as f64) as i64) };
            }
        }
        Self { then, now }
    }

    /// Expected at expiry, USD 1e-9.
    fn expected(expiry: &Expiry, spot: Price) -> f64 {
        let Decided { share, average } = expiry.facts.decided;
        let forward = spot.0 as f64 * (1.0 + real(expiry.facts.basis));
        real(share) * average.0 as f64 + (1.0 - real(share)) * forward
    }
}

fn usd(amount: Usd) -> f64 {
    amount.0 as f64 * 1e-6
}

fn leg(kind: Kind, quantity: i64) -> Leg {
    Leg { kind, quantity: Contracts(quantity) }
}

fn judge(desk: &Desk, chains: &Chains, legs: Vec<Leg>) -> Health {
    desk.with(legs).health_with(chains, Carry::Central)
}

/// Call less put less future, at any share, however spot and samples have moved since values were made.
#[test]
fn a_conversion_has_neither_value_nor_risk() {
    let random = Random::new(22);
    let [mut value, mut risk] = [(); 2].map(|()| Worst::new());
    for _ in 0..600 {
        let Later { then, now } = Later::random(&random);
        let chains = then.priced();
        for (at, expiry) in now.expiries.iter().enumerate() {
            let slot = random.bits() as usize % expiry.strikes.len();
            let strike = expiry.strikes[slot].0;
            let quantity = random.one_of(&[1, -1]) * (random.scale(1e3, 1e6) / strike.0 as f64 * 1e18) as i64;
            let legs = vec![
                leg(Kind::Option(at, slot, Right::Call), quantity),
                leg(Kind::Option(at, slot, Right::Put), -quantity),
                leg(Kind::Future(at), -quantity),
            ];
            let health = judge(&now, &chains, legs);
            let gross = (quantity as f64 * strike.0 as f64).abs() * 1e-18;
            // The future costs nothing: what is left is the strike.
            let paid = quantity as f64 * strike.0 as f64 * 1e-18;
            value.see((usd(health.equity) + paid).abs() - 2e-5, || format!("{now:?}"));
            // But for what is charged for values, whatever is hedged (MRG-33).
            risk.see((usd(health.requirement) - usd(health.option_charge)) / gross, || format!("{now:?}"));
        }
    }
    value.at_most(1e-9, "value, USD");
    risk.at_most(1e-9, "requirement, of gross notional");
}

/// A call that will be exercised whatever happens is a future less its strike: in value, in the scan and in delta. What one is
/// read at goes through stored values, the other does not.
#[test]
fn a_call_far_in_the_money_is_a_future() {
    let random = Random::new(23);
    let [mut value, mut risk, mut delta] = [(); 3].map(|()| Worst::new());
    for _ in 0..600 {
        let Later { mut then, mut now } = Later::random(&random);
        let at = random.bits() as usize % now.expiries.len();
        let low = Price(
            (Later::expected(&now.expiries[at], now.underlyings[now.expiries[at].underlying].price) / 50.0) as i64,
        );
        for desk in [&mut then, &mut now] {
            desk.expiries[at].strikes = vec![(low, ratio(0.6))];
        }
        let chains = then.priced();
        let spot = now.underlyings[now.expiries[at].underlying].price;
        let quantity = (random.scale(1e3, 1e6) / spot.0 as f64 * 1e18) as i64;
        let legs = vec![leg(Kind::Option(at, 0, Right::Call), quantity), leg(Kind::Future(at), -quantity)];
        let gross = quantity as f64 * spot.0 as f64 * 1e-18;
        let place = || format!("{now:?}");
        let mut book = Box::new(Book::default());
        now.with(legs).fill(&mut book, &chains, Carry::Central).unwrap();
        let health = book.health(Some(&now.rows.borrow()), &Params::DEFAULT).unwrap();
        value.see((usd(health.equity) + quantity as f64 * low.0 as f64 * 1e-18).abs() / gross, place);
        // Below -98 % it is not far in the money.
        let nodes = book.grid(&book.underlyings()[now.expiries[at].underlying]).unwrap();
        let rows = nodes.flat.iter().chain(&nodes.up).chain(&nodes.down).chain(&nodes.tails);
        risk.see(rows.map(|n| n.abs() as f64 * 1e-6).fold(0.0, f64::max) / gross, place);
        delta.see(usd(health.gross_notional) / gross, place);
    }
    value.at_most(1e-7, "value, of gross notional");
    risk.at_most(1e-6, "profit or loss at a node, of gross notional");
    delta.at_most(1e-6, "net delta, of gross notional");
}

/// A future moves by its undecided share of what spot moves by, a hedge of it by a perpetual is one of that share alone, and what
/// is decided is worth its average.
#[test]
fn only_the_undecided_share_moves() {
    let random = Random::new(24);
    for _ in 0..400 {
        let Later { now, .. } = Later::random(&random);
        for (at, expiry) in now.expiries.iter().enumerate() {
            let facts = now.underlyings[expiry.underlying];
            let quantity = (random.scale(1e3, 1e6) / facts.price.0 as f64 * 1e18) as i64;
            let notional = quantity as f64 * facts.price.0 as f64 * 1e-18;
            let left = (1.0 - real(expiry.facts.decided.share)) * (1.0 + real(expiry.facts.basis));
            let chains = now.priced();
            let alone = judge(&now, &chains, vec![leg(Kind::Future(at), quantity)]);
            let slack = 2e-6 * notional + 1e-3;
            assert!((usd(alone.gross) - notional * left * real(facts.scan_range)).abs() <= slack);
            let expected = Later::expected(expiry, facts.price) * quantity as f64 * 1e-18;
            assert!((usd(alone.equity) - expected).abs() <= slack, "{} {expected}", usd(alone.equity));
            let perpetual = leg(Kind::Perpetual(expiry.underlying), -quantity);
            let hedged = judge(&now, &chains, vec![leg(Kind::Future(at), quantity), perpetual]);
            assert!((usd(hedged.gross) - notional * (1.0 - left).abs() * real(facts.scan_range)).abs() <= slack);
        }
    }
}

/// Values of up to a minute ago, carried, against values made now.
#[test]
fn a_minute_of_the_window_is_carried() {
    let random = Random::new(25);
    let [mut equity, mut above, mut below] = [(); 3].map(|()| Worst::new());
    for _ in 0..3_000 {
        let Later { then, now } = Later::random(&random);
        let (exact, got) = (now.health(), now.health_with(&then.priced(), Carry::Central));
        let error = |got: Usd, want: Usd| (usd(got) - usd(want)) / now.gross();
        equity.see(error(got.equity, exact.equity).abs(), || format!("{now:?}"));
        above.see(error(got.requirement, exact.requirement), || format!("{now:?}"));
        below.see(error(exact.requirement, got.requirement), || format!("{now:?}"));
    }
    equity.at_most(3e-3, "equity");
    above.at_most(3e-2, "requirement above");
    below.at_most(1.5e-2, "requirement below");
}

/// After a gap nothing is decided any more: values of before are refused, and ones made anew are as outside the window.
#[test]
fn a_share_that_falls_needs_new_values() {
    let random = Random::new(26);
    let mut desk = Desk::random(&random);
    for expiry in &mut desk.expiries {
        expiry.facts.remaining = Tenor(100 * SECOND);
        let average = Price((desk.underlyings[expiry.underlying].price.0 as f64 * 0.98) as i64);
        expiry.facts.decided = Decided { share: ratio(0.97), average };
    }
    desk.legs = vec![leg(Kind::Option(0, 0, Right::Call), 1_000_000_000)];
    let chains = desk.priced();
    let mut later = desk.clone();
    later.expiries.iter_mut().for_each(|e| e.facts.decided = Decided::NOTHING);
    let mut book = Box::new(Book::default());
    assert_eq!(desk.fill(&mut book, &chains, Carry::Central), Ok(()));
    assert_eq!(later.fill(&mut book, &chains, Carry::Central), Err(MarginError::StrikeTooFar));
    assert_eq!(later.fill(&mut book, &later.priced(), Carry::Central), Ok(()));
}

#[test]
fn when_all_is_decided_nothing_is_priced() {
    let decided = Decided { share: Ratio::ONE, average: Price(98_000 * SECOND) };
    let expected = Expected::of(Ratio(5_000), decided).unwrap();
    assert_eq!(expected, Expected { decided: decided.average, growth: Ratio::ZERO });
    assert_eq!(expected.at(Price(100_000 * SECOND)), Ok(decided.average));
    assert_eq!(Expected::of(Ratio(-500_001), decided), Err(MarginError::InvalidBasis));
    let facts = Reference {
        price: Price(SECOND),
        basis: Ratio::ZERO,
        decided,
        scan_range: ratio(0.1),
        remaining: Tenor(SECOND),
        time: Seconds(0),
    };
    assert_eq!(Nodes::zeroed().set(&facts, &Params::DEFAULT), Err(MarginError::Expired));
}
