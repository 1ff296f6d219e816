//! Option prices against double precision: single ones (MRG-10) and whole chains (MRG-11 to MRG-13). The reference is
//! written from the rules alone.

mod support;

use bytemuck::Zeroable;
use novate_margin::chain::*;
use novate_margin::pricing::*;
use novate_margin::scan::{NODE_STEPS, RANGE_TAILS, TAILS, TAIL_NODES};
use novate_margin::transcendental::{exp, ln, sqrt};
use novate_margin::*;
use support::random::Random;
use support::reference::*;
use support::worst::Worst;

const SECOND: i64 = 1_000_000_000;
const USD: f64 = 1e9;

fn price(usd: f64) -> Price {
    Price((usd * USD).round() as i64)
}

const TENORS: [i64; 11] =
    [300, 900, 3_600, 6 * 3_600, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400, 90 * 86_400, 180 * 86_400, 365 * 86_400];
const VOLS: [f64; 10] = [0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 1.2, 2.0, 3.0, 4.0];

#[test]
fn logarithm_exponential_and_root() {
    const ONE: f64 = (1u64 << 40) as f64;
    let random = Random::new(1);
    let (mut log, mut power, mut small_power, mut root) = (Worst::new(), Worst::new(), Worst::new(), Worst::new());
    let mut last = ln(1.try_into().unwrap());
    assert_eq!(last, 0);
    for i in 1..100_000u64 {
        // Every small number, then any; all near the edges of the table too.
        for n in [i, random.bits() >> (i % 64), (128 + i % 128) << (i % 56), ((128 + i % 128) << (i % 56)) - 1] {
            let n = std::num::NonZeroU64::new(n.max(1)).unwrap();
            log.see((ln(n) as f64 / ONE - (n.get() as f64).ln()).abs() * ONE, || n.to_string());
        }
        let here = ln(i.try_into().unwrap());
        assert!(here >= last, "the logarithm falls at {i}");
        last = here;

        let x = random.between(-28.0, 15.0);
        let fixed = (x * ONE) as i64;
        let (got, want) = (exp(fixed) as f64 / ONE, (fixed as f64 / ONE).exp());
        power.see((got - want).abs() / (want + 1.0 / ONE), || x.to_string());
        if x < 1.0 {
            small_power.see((got - want).abs(), || x.to_string());
        }
        let n = (u128::from(random.bits()) << 64 | u128::from(random.bits())) >> (i % 128);
        let want = n.isqrt() as u64;
        root.see(sqrt(n).abs_diff(want) as f64, || n.to_string());
    }
    log.at_most(novate_margin::transcendental::LN_ERROR as f64, "ln, in 2^-40");
    power.at_most(1.0 + 0.5f64.powi(36), "exp beside one unit");
    small_power.at_most(1e-10, "exp up to e");
    root.at_most(novate_margin::transcendental::SQRT_ERROR as f64, "sqrt, in units");
    assert_eq!(sqrt(0), 0);
    assert_eq!((exp(0), exp(i64::MIN), exp(i64::MAX)), (1 << 40, 0, exp(15 << 40)));
}

#[test]
fn normal_distribution() {
    const ONE: f64 = (1u64 << 40) as f64;
    let (mut worst, mut worst_density, mut fall) = (Worst::new(), Worst::new(), 0);
    let mut last = 0;
    // Some 2^20 points over -8 to 8, no multiple of the table's step.
    for x in (-8i64 << 37..8i64 << 37).step_by((1 << 21) + 7) {
        let real = x as f64 / (1u64 << 37) as f64;
        let got = normal::cdf(x);
        worst.see((got as f64 - cdf(real) * ONE).abs(), || real.to_string());
        worst_density.see((normal::density(x) as f64 - density(real) * ONE).abs(), || real.to_string());
        fall = fall.max(last - got);
        last = got;
        // Both halves are one table.
        if x != 0 {
            assert_eq!(got + normal::cdf(-x), normal::ONE);
        }
    }
    println!("N falls by at most {fall} units");
    worst.at_most(normal::CDF_ERROR as f64, "N in 2^-40");
    worst_density.at_most(normal::DENSITY_ERROR as f64, "density in 2^-40");
    for far in [i64::MIN, i64::MAX] {
        assert_eq!(normal::cdf(far), if far < 0 { 0 } else { normal::ONE });
        assert_eq!(normal::density(far), 0);
    }
}

/// Every tenor, vol and moneyness from 0.1 to 10, at spot moves from -95 % to +200 %, for a dear and a cheap contract.
#[test]
fn prices_over_the_whole_range() {
    let mut worst = Worst::new();
    let mut points = 0;
    for spot in [0.02, 1.0, 100_000.0] {
        for tenor in TENORS.map(|s| Tenor(s * SECOND)) {
            for vol in VOLS {
                let sd = deviation(Ratio((vol * 1e6) as i64), tenor).unwrap();
                let exact = vol * years(tenor).sqrt();
                for k in -30..=30 {
                    let strike = price(spot * 10f64.powf(f64::from(k) / 30.0));
                    // At the money of short tenors too: a strike within a few deviations.
                    let near = price(spot * (exact * f64::from(k) / 8.0).clamp(-2.3, 2.3).exp());
                    for (moved, strike) in [0.05, 0.34, 0.9, 1.0, 1.1, 2.0, 3.0]
                        .into_iter()
                        .map(|moved| (moved, strike))
                        .chain([(1.0, near)])
                    {
                        let forward = price(spot * moved);
                        let got = call(forward, strike, sd, tenor).unwrap().value;
                        let want = black76(forward.0 as f64, strike.0 as f64, exact).0;
                        let error = (got.0 as f64 - want).abs() - 1.0;
                        worst.see(error / (spot * USD), || format!("{spot} {tenor:?} {vol} {k} {moved}"));
                        assert!(got.0 >= (forward.0 - strike.0).max(0) && got <= forward);
                        points += 1;
                    }
                }
            }
        }
    }
    assert!(points > 100_000, "{points}");
    worst.at_most(1e-9, &format!("price of {points} calls, of spot"));
}

#[test]
fn a_put_is_the_call_less_the_forward_plus_the_strike() {
    let random = Random::new(2);
    let mut worst = Worst::new();
    for _ in 0..20_000 {
        let spot = random.scale(0.001, 1e6);
        let (forward, strike) = (price(spot), price(spot * random.scale(0.1, 10.0)));
        let tenor = Tenor(random.scale(300e9, 3e16) as i64);
        let (vol, years) = (random.scale(0.05, 3.0), years(tenor));
        let sd = deviation(Ratio((vol * 1e6) as i64), tenor).unwrap();
        let call = call(forward, strike, sd, tenor).unwrap().value;
        let put = Price(call.0 - forward.0 + strike.0);
        assert!(put.0 >= (strike.0 - forward.0).max(0) && put <= strike);
        let vol = (vol * 1e6).floor() / 1e6;
        let exact = black76(strike.0 as f64, forward.0 as f64, vol * years.sqrt()).0;
        worst.see(((put.0 as f64 - exact).abs() - 1.0) / (spot * USD), || format!("{forward:?} {strike:?} {tenor:?}"));
    }
    worst.at_most(1e-9, "put, of spot");
}

/// The bound of [`call`]: an error of (F + K)·2^-35 on each side, and a unit of rounding.
fn tolerance(forward: Price, strike: Price) -> i64 {
    2 * ((forward.0 + strike.0) >> VALUE_ERROR_BITS) + 2
}

#[test]
fn prices_are_monotone_and_convex() {
    let random = Random::new(3);
    let (mut fell, mut bent) = (Worst::new(), Worst::new());
    for _ in 0..60_000 {
        let spot = random.scale(0.01, 1e6);
        let (forward, strike) = (price(spot), price(spot * random.scale(0.1, 10.0)));
        let tenor = Tenor(random.scale(300e9, 3e16) as i64);
        let sd = deviation(Ratio((random.scale(0.05, 4.0) * 1e6) as i64), tenor).unwrap();
        // Steps from a billionth to a tenth, where the errors of two neighbours could turn their order.
        let step = random.scale(1e-9, 0.1);
        let up = |p: Price| Price(p.0 + (p.0 as f64 * step) as i64);
        let value = |f: Price, k: Price, sd: Deviation| call(f, k, sd, tenor).unwrap().value.0;
        let here = value(forward, strike, sd);
        let allowed = tolerance(up(forward), up(strike));
        for fall in [
            here - value(up(forward), strike, sd),
            value(forward, up(strike), sd) - here,
            here - value(forward, strike, Deviation(sd.0 + (sd.0 as f64 * step) as i64)),
        ] {
            fell.see(fall as f64 / allowed as f64, || format!("{forward:?} {strike:?} {sd:?} {step}"));
        }
        // A call is convex in its strike: the middle of three is at most the mean of the outer two.
        let gap = (strike.0 as f64 * step.min(0.05)) as i64;
        let outer = value(forward, Price(strike.0 - gap), sd) + value(forward, Price(strike.0 + gap), sd);
        bent.see((2 * here - outer) as f64 / (2 * allowed) as f64, || format!("{forward:?} {strike:?} {sd:?} {gap}"));
    }
    fell.at_most(1.0, "fall, of what is allowed");
    bent.at_most(1.0, "concavity, of what is allowed");
}

#[test]
fn without_deviation_a_call_is_worth_what_it_would_pay() {
    let (low, high) = (price(90.0), price(110.0));
    for sd in [Deviation(0), Deviation(-5), deviation(Ratio(500_000), Tenor(0)).unwrap()] {
        let inside = call(high, low, sd, Tenor(0)).unwrap();
        let delta = Contracts::ONE;
        assert_eq!(inside, Quote { value: price(20.0), delta, ..Quote::default() });
        assert_eq!(call(low, high, sd, Tenor(0)).unwrap(), Quote::default());
    }
    // The least deviation there is, and far more than the largest.
    assert_eq!(call(high, low, Deviation(1), Tenor(SECOND)).unwrap().value, price(20.0));
    assert_eq!(call(low, high, Deviation(i64::MAX), Tenor(SECOND)).unwrap().value, low);
    assert_eq!(deviation(Ratio(-1), Tenor(SECOND)), Err(MarginError::NegativeVolatility));
    assert_eq!(deviation(Ratio(500_000), Tenor(-SECOND)), Ok(Deviation(0)));
    assert_eq!(deviation(Ratio::ONE, YEAR), Ok(Deviation(1 << 40)));
    for bad in [Price::ZERO, Price(-1), Price(i64::MIN)] {
        assert_eq!(call(bad, low, Deviation::MAX, YEAR), Err(MarginError::InvalidPrice));
        assert_eq!(call(low, bad, Deviation::MAX, YEAR), Err(MarginError::InvalidPrice));
    }
}

#[test]
fn the_ends_of_the_types_fit() {
    let ends = [1, 2, 1_000, 1 << 40, i64::MAX - 1, i64::MAX];
    for forward in ends.map(Price) {
        for strike in ends.map(Price) {
            for sd in [0, 1, 1 << 20, 1 << 40, 4 << 40, i64::MAX].map(Deviation) {
                for tenor in [i64::MIN, 0, 1, SECOND, i64::MAX].map(Tenor) {
                    let quote = call(forward, strike, sd, tenor).unwrap();
                    assert!(quote.value >= Price::ZERO && quote.value <= forward && quote.theta <= Price::ZERO);
                    assert!(quote.delta >= Contracts::ZERO && quote.delta <= Contracts::ONE);
                }
            }
        }
    }
}

#[test]
fn greeks_against_differences_of_the_reference() {
    let random = Random::new(4);
    let [mut delta, mut gamma, mut vega, mut theta] = [(); 4].map(|()| Worst::new());
    for _ in 0..20_000 {
        let forward = price(random.scale(1.0, 1e6));
        let tenor = Tenor(random.scale(300e9, 3e16) as i64);
        let years = years(tenor);
        let vol = (random.scale(0.05, 3.0) * 1e6).floor() / 1e6;
        let sd = vol * years.sqrt();
        let strike = Price((forward.0 as f64 * (sd * random.between(-4.0, 4.0)).clamp(-2.3, 2.3).exp()) as i64);
        let fixed = deviation(Ratio((vol * 1e6).round() as i64), tenor).unwrap();
        let got = call(forward, strike, fixed, tenor).unwrap();

        let (f, k) = (forward.0 as f64, strike.0 as f64);
        let h = 1e-3 * sd.min(1.0);
        let [low, high] = [f * (1.0 - h), f * (1.0 + h)].map(|f| black76(f, k, sd).0);
        let place = || format!("{forward:?} {strike:?} {tenor:?} {vol}");
        delta.see((got.delta.0 as f64 / 1e9 - (high - low) / (2.0 * h * f)).abs(), place);
        // Gamma in its own unit is as large as 0.4/D, vega 0.4·F·√T, theta 0.2·F·D per T.
        let second = (black76(f * (1.0 + h), k, sd).1 - black76(f * (1.0 - h), k, sd).1) / (2.0 * h);
        gamma.see((got.gamma.0 as f64 / 1e9 - second).abs() * sd, place);
        let (up, down) = (black76(f, k, sd * (1.0 + 1e-4)).0, black76(f, k, sd * (1.0 - 1e-4)).0);
        // Beside rounding to a unit.
        let unit = |got: Price, want: f64| (got.0 as f64 - want).abs() - 1.0;
        vega.see(unit(got.vega, (up - down) / (2e-4 * vol)) / (f * years.sqrt()), place);
        // A part of T less, on both sides.
        let (later, sooner) = (black76(f, k, sd * 0.9999f64.sqrt()).0, black76(f, k, sd * 1.0001f64.sqrt()).0);
        let per_day = (later - sooner) / (2e-4 * years * 365.0);
        theta.see(unit(got.theta, per_day) / (f * sd / (years * 365.0)), place);
    }
    // The differences themselves are off by some 1e-6.
    delta.at_most(1e-6, "delta");
    gamma.at_most(2e-6, "gamma");
    vega.at_most(2e-6, "vega");
    theta.at_most(2e-6, "theta");
}

/// A chain's facts and one strike of it.
#[derive(Debug)]
struct Case {
    facts: Reference,
    strike: Price,
    vol: f64,
}

impl Case {
    fn random(random: &Random) -> Self {
        let seconds = match random.bits() % 4 {
            0 => random.one_of(&TENORS),
            _ => random.scale(300.0, 3.0 * 365.0 * 86_400.0) as i64,
        };
        let facts = Reference {
            price: price(random.scale(0.001, 1e6)),
            basis: Ratio(random.one_of(&[-500_000, -20_000, 0, random.between(-2e4, 4e4) as i64, 1_000_000])),
            decided: Decided::NOTHING,
            scan_range: Ratio(random.one_of(&[1_000_000, 150_000, 10_000, random.scale(1e4, 1e6) as i64])),
            remaining: Tenor(seconds * SECOND),
            time: Seconds(1_800_000_000),
        };
        let forward = facts.price.0 as f64 * (1.0 + facts.basis.0 as f64 / 1e6);
        let vol = (random.scale(0.05, 4.0) * 1e6).floor() / 1e6;
        let width = (vol * years(facts.remaining).sqrt() * random.between(-4.0, 4.0)).clamp(-2.3, 2.3).exp();
        let moneyness = random.one_of(&[1.0, width, width, random.scale(0.1, 10.0)]);
        Self { facts, strike: Price((forward * moneyness) as i64), vol }
    }

    fn priced(&self, params: &Params) -> Strike {
        let mut nodes = Nodes::zeroed();
        let mut strike = Strike::zeroed();
        nodes.set(&self.facts, params).unwrap();
        let sd = deviation(Ratio((self.vol * 1e6).round() as i64), self.facts.remaining).unwrap();
        strike.reprice(&nodes, self.strike, sd).unwrap();
        strike
    }

    /// Deviations down, flat and up (MRG-12).
    fn deviations(&self, params: &Params) -> [f64; 3] {
        let years = years(self.facts.remaining);
        let days = years * 365.0;
        let scale = (30.0 / days.max(1.0)).powf(if days < 30.0 { 0.30 } else { 0.13 });
        let of = |r: Ratio| r.0 as f64 / 1e6;
        let up = (self.vol * (1.0 + of(params.vol_up) * scale)).max(of(params.vol_up_floor));
        let down = (self.vol * (1.0 - of(params.vol_down) * scale)).max(0.0);
        [down, self.vol, up].map(|vol| vol * years.sqrt())
    }

    /// The exact vector, in units of [`VALUE_ONE`].
    fn values(&self, params: &Params) -> Vec<f64> {
        let growth = 1.0 + self.facts.basis.0 as f64 / 1e6;
        let strike = self.strike.0 as f64 / self.facts.price.0 as f64;
        let range = self.facts.scan_range.0 as f64 / 1e6;
        let sds = self.deviations(params);
        // Below -100 % there is nothing left.
        let at = |m: f64, sd: f64| black76(((1.0 + m) * growth).max(0.0), strike, sd);
        let mut values = vec![];
        for sd in sds {
            values.extend((-GRID_STEPS..=GRID_STEPS).map(|j| at(range * j as f64 / NODE_STEPS as f64, sd).0));
        }
        let ranges = RANGE_TAILS.iter().map(|t| (t.0 as f64 / 1e6 * range).max(-0.95));
        let tails: Vec<f64> = ranges.chain(TAILS.iter().map(|t| t.0 as f64 / 1e6)).collect();
        assert_eq!(tails.len(), TAIL_NODES);
        values.extend(tails.iter().map(|m| at(*m, sds[2]).0));
        values.extend(tails.iter().map(|m| growth * at(*m, sds[2]).1));
        values.iter().map(|v| v * f64::from(VALUE_ONE)).collect()
    }
}

#[test]
fn a_strike_at_every_node() {
    let random = Random::new(5);
    let (mut values, mut slopes, mut mark) = (Worst::new(), Worst::new(), Worst::new());
    for _ in 0..12_000 {
        let case = Case::random(&random);
        let params = Params {
            vol_up: Ratio(random.one_of(&[500_000, 500_000, 0, 3_000_000])),
            vol_down: Ratio(random.one_of(&[300_000, 300_000, 0, 1_000_000])),
            ..Params::DEFAULT
        };
        let strike = case.priced(&params);
        let exact = case.values(&params);
        assert_eq!(exact.len(), VALUES);
        for (i, (got, want)) in strike.values.iter().zip(&exact).enumerate() {
            let worst = if i < SLOPE { &mut values } else { &mut slopes };
            worst.see((f64::from(*got) - want).abs(), || format!("{i} {case:?}"));
        }
        let centre = exact[FLAT + CENTRE] / f64::from(VALUE_ONE);
        let units = case.facts.price.0 as f64;
        mark.see((strike.mark.0 as f64 - centre * units).abs() / units, || format!("{case:?}"));
        // Beside the rounding of the forward to 1e-9 USD.
        assert_eq!(strike.strike, case.strike);
        assert_eq!(strike.reference, case.facts.price);
        assert_eq!(i64::from(strike.scan_range), case.facts.scan_range.0);
        assert_eq!(strike.refreshed, case.facts.time);
        assert!((f64::from(strike.vol) / 1e6 - case.vol).abs() < 2e-6, "{} {case:?}", strike.vol);
    }
    values.at_most(VALUE_ERROR as f64, "values, in their units");
    slopes.at_most(VALUE_ERROR as f64, "slopes, in their units");
    mark.at_most(2e-6, "mark, of spot");
}

#[test]
fn greeks_of_a_strike_are_per_unit_of_spot() {
    let random = Random::new(6);
    let [mut delta, mut gamma] = [(); 2].map(|()| Worst::new());
    for _ in 0..4_000 {
        let case = Case::random(&random);
        let strike = case.priced(&Params::DEFAULT);
        let growth = 1.0 + case.facts.basis.0 as f64 / 1e6;
        let sd = case.deviations(&Params::DEFAULT)[1];
        let (s, k) = (case.facts.price.0 as f64, case.strike.0 as f64);
        // The delta to spot, and its change with a relative move of spot.
        let at = |m: f64| growth * black76(s * (1.0 + m) * growth, k, sd).1;
        let h = 1e-3 * sd.min(1.0);
        let slope = (at(h) - at(-h)) / (2.0 * h);
        // The forward is rounded to 1e-9 USD: a move of d1 of 1/(F·D), at densities up to 0.4 and their slopes up to 0.25.
        let rounding = growth / (s * growth * sd);
        delta.see((strike.delta.0 as f64 / 1e9 - at(0.0)).abs() - 0.4 * rounding, || format!("{case:?}"));
        gamma.see((strike.gamma.0 as f64 / 1e9 - slope).abs() * sd - 0.25 * rounding, || format!("{case:?}"));
        assert!(strike.delta >= Contracts::ZERO && strike.delta.0 as f64 / 1e9 <= growth);
        assert!(strike.theta <= Price::ZERO && strike.vega >= Price::ZERO);
    }
    delta.at_most(1e-6, "delta to spot");
    gamma.at_most(2e-6, "gamma to spot");
}

#[test]
fn an_expired_strike_is_worth_what_it_would_pay() {
    let facts = Reference {
        price: price(100.0),
        basis: Ratio::ZERO,
        decided: Decided::NOTHING,
        scan_range: Ratio(160_000),
        remaining: Tenor(0),
        time: Seconds(5),
    };
    let mut nodes = Nodes::zeroed();
    let mut strike = Strike::zeroed();
    nodes.set(&facts, &Params::DEFAULT).unwrap();
    strike.reprice(&nodes, price(101.0), Deviation(1 << 38)).unwrap();
    for row in [DOWN, FLAT, UP] {
        for (i, value) in strike.values[row..row + GRID_NODES].iter().enumerate() {
            let intrinsic = (2 * (i as i64 - CENTRE as i64) - 1).max(0) as f64 / 100.0;
            assert!((f64::from(*value) - intrinsic * f64::from(VALUE_ONE)).abs() <= VALUE_ERROR as f64);
        }
    }
    assert_eq!(strike.values[SLOPE..], [0, 0, VALUE_ONE, VALUE_ONE, 0, 0, VALUE_ONE, VALUE_ONE, VALUE_ONE]);
    assert_eq!((strike.mark, strike.vol, strike.theta), (Price::ZERO, 0, Price::ZERO));
}

#[test]
fn a_strike_far_above_spot_is_priced_at_the_limit() {
    let case = Case {
        facts: Reference {
            price: price(1.0),
            basis: Ratio::ZERO,
            decided: Decided::NOTHING,
            scan_range: Ratio(500_000),
            remaining: YEAR,
            time: Seconds(0),
        },
        strike: price(256.0),
        vol: 3.0,
    };
    let limit = case.priced(&Params::DEFAULT);
    let beyond = Case { strike: Price(i64::MAX), ..case }.priced(&Params::DEFAULT);
    assert!(limit.values[UP + CENTRE] > 0);
    assert_eq!((limit.values, limit.mark), (beyond.values, beyond.mark));
    assert_eq!(beyond.strike, Price(i64::MAX));
}

#[test]
fn facts_out_of_bounds_are_refused_by_name() {
    let facts = Reference {
        price: price(100.0),
        basis: Ratio::ZERO,
        decided: Decided::NOTHING,
        scan_range: Ratio(150_000),
        remaining: YEAR,
        time: Seconds(0),
    };
    let set = |facts: Reference| Nodes::zeroed().set(&facts, &Params::DEFAULT);
    assert_eq!(set(facts), Ok(()));
    for basis in [-500_001, 1_000_001, i64::MIN, i64::MAX].map(Ratio) {
        assert_eq!(set(Reference { basis, ..facts }), Err(MarginError::InvalidBasis));
    }
    for scan_range in [0, -1, 1_000_001, i64::MAX].map(Ratio) {
        assert_eq!(set(Reference { scan_range, ..facts }), Err(MarginError::InvalidScanRange));
    }
    for price in [0, -1, i64::MIN].map(Price) {
        assert_eq!(set(Reference { price, ..facts }), Err(MarginError::InvalidPrice));
    }
    // Times of any kind are accepted, as are the largest prices with room for the basis.
    for remaining in [i64::MIN, -1, 0, 1, i64::MAX].map(Tenor) {
        let mut nodes = Nodes::zeroed();
        let facts = Reference { remaining, price: Price(i64::MAX / 2), basis: Ratio::ONE, ..facts };
        nodes.set(&facts, &Params::DEFAULT).unwrap();
        for strike in [1, 1 << 50, i64::MAX].map(Price) {
            Strike::zeroed().reprice(&nodes, strike, Deviation(1 << 35)).unwrap();
        }
        assert_eq!(Strike::zeroed().reprice(&nodes, Price(0), Deviation(1)), Err(MarginError::InvalidPrice));
    }
}
