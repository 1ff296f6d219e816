//! The smile of an expiry (MRG-10): its vols against double precision, and what is refused on entry.

mod support;

use novate_margin::pricing::{Deviation, DEVIATION_BITS};
use novate_margin::smile::*;
use novate_margin::*;
use support::random::Random;
use support::worst::Worst;

/// A smile in double precision.
#[derive(Clone, Copy, Debug)]
struct Svi {
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    sigma: f64,
}

impl Svi {
    fn of(smile: &Smile) -> Self {
        let [a, b, rho, m, sigma] = [smile.a, smile.b, smile.rho, smile.m, smile.sigma].map(|r| r.0 as f64 / 1e6);
        Self { a, b, rho, m, sigma }
    }

    fn clamp(&self) -> f64 {
        4.0 * (self.a + self.b * self.sigma).sqrt()
    }

    fn variance(&self, k: f64) -> f64 {
        let x = k.clamp(-self.clamp(), self.clamp()) - self.m;
        self.a + self.b * (self.rho * x + x.hypot(self.sigma))
    }

    /// The density that the smile implies, but for a positive factor.
    fn density(&self, k: f64) -> f64 {
        let x = k - self.m;
        let root = x.hypot(self.sigma);
        let w = self.a + self.b * (self.rho * x + root);
        let (first, second) = (self.b * (self.rho + x / root), self.b * self.sigma.powi(2) / root.powi(3));
        (1.0 - k * first / (2.0 * w)).powi(2) - first * first / 4.0 * (1.0 / w + 0.25) + second / 2.0
    }

    /// The smallest density over the points that [`Smile::validate`] tests.
    fn least_density(&self) -> f64 {
        let end = self.clamp().min(3.0);
        (-TEST_STEPS..=TEST_STEPS).map(|i| self.density(end * i as f64 / TEST_STEPS as f64)).fold(f64::MAX, f64::min)
    }
}

fn smile(a: i64, b: i64, rho: i64, m: i64, sigma: i64) -> Smile {
    Smile { a: Ratio(a), b: Ratio(b), rho: Ratio(rho), m: Ratio(m), sigma: Ratio(sigma) }
}

/// Any smile within the bounds: from a few minutes at a low vol to years at a high one.
fn any(random: &Random) -> Smile {
    let sigma = random.scale(1.0, 4e6) as i64;
    let rho = random.between(-0.999, 0.999);
    let most = (2e6 / (1.0 + f64::abs(rho))) as i64 - 1;
    let b = [0, most, (random.scale(1.0, 2e6) as i64).min(most)][random.bits() as usize % 3];
    smile(random.scale(1.0, 64e6) as i64, b, (rho * 1e6) as i64, random.between(-4e6, 4e6) as i64, sigma)
}

/// As an expiry of some vol would have it.
fn plausible(random: &Random) -> Smile {
    let variance = random.between(0.3, 1.2).powi(2) * random.scale(1e-4, 2.0);
    let sigma = random.between(0.05, 0.5);
    let part = |x: f64| (x * 1e6) as i64;
    let b = variance * random.between(0.1, 3.0) / sigma;
    let a = part(variance * random.between(0.1, 0.8)).max(1);
    smile(a, part(b).min(1_000_000), part(random.between(-0.8, 0.8)), part(random.between(-0.2, 0.2)), part(sigma))
}

fn real(sd: Deviation) -> f64 {
    sd.0 as f64 / (1u64 << DEVIATION_BITS) as f64
}

#[test]
fn deviations_against_double_precision() {
    let random = Random::new(1);
    let (mut worst, mut beyond) = (Worst::new(), 0);
    for i in 0..100_000 {
        let smile = if i % 2 == 0 { any(&random) } else { plausible(&random) };
        let svi = Svi::of(&smile);
        let forward = Price((random.scale(0.001, 1e6) * 1e9) as i64);
        let width = [4.0, svi.clamp() * 1.2][i % 2];
        let strike = Price(((forward.0 as f64 * random.between(-width, width).exp()) as i64).max(1));
        let k = (strike.0 as f64 / forward.0 as f64).ln();
        beyond += usize::from(k.abs() > svi.clamp());
        let got = real(smile.deviation(forward, strike).unwrap());
        worst.see((got - svi.variance(k).sqrt()).abs(), || format!("{smile:?} {forward:?} {strike:?}"));
    }
    assert!(beyond > 10_000, "{beyond} strikes beyond the clamp");
    worst.at_most(1e-9, "deviation");
}

#[test]
fn beyond_the_clamp_the_wings_are_flat() {
    let wide = smile(10_000, 200_000, -300_000, 50_000, 200_000);
    // 4·√(0.01 + 0.2·0.2) = 0.894: e^0.9 and e^2 are beyond it, e^0.85 is not.
    let at = |k: f64| wide.deviation(Price(1_000_000_000), Price((1e9 * k.exp()) as i64)).unwrap();
    assert_eq!((at(0.9), at(-0.9)), (at(2.0), at(-2.0)));
    assert!(at(0.85) < at(0.9) && at(-0.85) < at(-0.9));
    assert_eq!(wide.deviation(Price::ONE, Price::ZERO), Err(MarginError::InvalidPrice));
    assert_eq!(wide.deviation(Price::ZERO, Price::ONE), Err(MarginError::InvalidPrice));
}

#[test]
fn each_parameter_has_its_bounds() {
    let good = smile(50_000, 100_000, -300_000, 20_000, 200_000);
    assert_eq!(good.validate(), Ok(()));
    let ratio = Ratio;
    let bad = [
        Smile { a: ratio(0), ..good },
        Smile { a: ratio(-1), ..good },
        Smile { a: ratio(MAX_LEVEL.0 + 1), ..good },
        Smile { b: ratio(-1), ..good },
        // 1.6·1.25 is Lee's bound.
        Smile { b: ratio(1_600_000), rho: ratio(250_000), ..good },
        Smile { b: ratio(i64::MAX), ..good },
        Smile { rho: ratio(1_000_000), ..good },
        Smile { rho: ratio(-1_000_000), ..good },
        Smile { rho: ratio(i64::MIN), ..good },
        Smile { m: ratio(MAX_WIDTH.0 + 1), ..good },
        Smile { m: ratio(-MAX_WIDTH.0 - 1), ..good },
        Smile { sigma: ratio(0), ..good },
        Smile { sigma: ratio(MAX_WIDTH.0 + 1), ..good },
    ];
    for bad in bad {
        assert_eq!(bad.validate(), Err(MarginError::SmileOutOfBounds), "{bad:?}");
        assert_eq!(bad.deviation(Price::ONE, Price::ONE), Err(MarginError::SmileOutOfBounds));
        assert_eq!(bad.require_not_above(&good), Err(MarginError::SmileOutOfBounds));
        assert_eq!(good.require_not_above(&bad), Err(MarginError::SmileOutOfBounds));
    }
    // The ends of the bounds, and a smile that is none: one vol for all strikes.
    let inside = Smile { b: ratio(1_599_999), rho: ratio(250_000), ..good };
    assert_ne!(inside.validate(), Err(MarginError::SmileOutOfBounds));
    assert_eq!(smile(MAX_LEVEL.0, 0, 0, MAX_WIDTH.0, MAX_WIDTH.0).validate(), Ok(()));
    assert_eq!(smile(1, 0, 0, 0, 1).validate(), Ok(()));
}

/// The test of the density agrees with double precision wherever that is not within rounding of zero.
#[test]
fn butterfly_arbitrage_is_found() {
    let random = Random::new(2);
    let (mut refused, mut accepted, mut close) = (0, 0, 0);
    for i in 0..30_000 {
        let smile = if i % 4 == 0 { any(&random) } else { plausible(&random) };
        let least = Svi::of(&smile).least_density();
        match smile.validate() {
            _ if least.abs() < 1e-6 => close += 1,
            Ok(()) => {
                assert!(least >= 0.0, "accepted with a density of {least}: {smile:?}");
                accepted += 1;
            }
            Err(error) => {
                assert_eq!(error, MarginError::ButterflyArbitrage);
                assert!(least < 0.0, "refused with a density of {least}: {smile:?}");
                refused += 1;
            }
        }
    }
    println!("{refused} refused, {accepted} accepted, {close} too close to tell");
    assert!(refused > 3_000 && accepted > 3_000 && close < 100);
    // At k = 0.05, by hand: w = 0.056, w' = 0.88, and (1 - kw'/2w)² = 0.37 plus w''/2 = 0.34 is less than w'²/4·(1/w + 1/4) = 3.5.
    assert_eq!(smile(10_000, 900_000, 0, 0, 10_000).validate(), Err(MarginError::ButterflyArbitrage));
}

#[test]
fn calendar_arbitrage_is_found() {
    let early = smile(20_000, 80_000, -400_000, 0, 200_000);
    let later = Smile { a: Ratio(30_000), ..early };
    assert_eq!(early.require_not_above(&later), Ok(()));
    assert_eq!(early.require_not_above(&early), Ok(()));
    assert_eq!(later.require_not_above(&early), Err(MarginError::CalendarArbitrage));
    // Above at the money, below in the left wing: crossed.
    let tilted = Smile { rho: Ratio(600_000), ..later };
    assert_eq!(early.require_not_above(&tilted), Err(MarginError::CalendarArbitrage));

    // The clamp of the later one is wider: points are over it.
    let random = Random::new(3);
    let (mut crossed, mut ordered) = (0, 0);
    for _ in 0..20_000 {
        let (one, other) = (plausible(&random), plausible(&random));
        let (x, y) = (Svi::of(&one), Svi::of(&other));
        let end = x.clamp().max(y.clamp()).min(3.0);
        let points = (-TEST_STEPS..=TEST_STEPS).map(|i| end * i as f64 / TEST_STEPS as f64);
        let gap = points.map(|k| y.variance(k) - x.variance(k)).fold(f64::MAX, f64::min);
        if gap.abs() < 1e-9 {
            continue;
        }
        let expected = if gap < 0.0 { Err(MarginError::CalendarArbitrage) } else { Ok(()) };
        assert_eq!(one.require_not_above(&other), expected, "{one:?} {other:?}: {gap}");
        if gap < 0.0 {
            crossed += 1;
        } else {
            ordered += 1;
        }
    }
    assert!(crossed > 3_000 && ordered > 3_000, "{crossed} {ordered}");
}

#[test]
fn nearness_is_a_share_of_variance() {
    let last = smile(40_000, 0, 0, 0, 200_000);
    for (a, share, near) in [
        (44_000, 100_000, true),
        (44_001, 100_000, false),
        (36_000, 100_000, true),
        (35_999, 100_000, false),
        (40_000, 0, true),
        (40_001, 0, false),
        (40_001, -1, false),
    ] {
        assert_eq!(last.is_near(&Smile { a: Ratio(a), ..last }, Ratio(share)), near, "{a} {share}");
    }
    // One wing is enough.
    let bent = smile(40_000, 100_000, 0, 0, 10_000);
    assert!(!bent.is_near(&Smile { rho: Ratio(500_000), ..bent }, Ratio(200_000)));
}

#[test]
fn a_smile_stays_between_two_shares() {
    let last = smile(40_000, 0, 0, 0, 200_000);
    let (low, high) = (Ratio(250_000), Ratio(4_000_000));
    for (a, within) in [(10_000, true), (9_999, false), (40_000, true), (160_000, true), (160_001, false)] {
        assert_eq!(last.is_within(&Smile { a: Ratio(a), ..last }, low, high), within, "{a}");
    }
    let bent = smile(40_000, 1_000_000, 0, 0, 10_000);
    assert!(!last.is_within(&bent, low, high));
}

#[test]
fn variances_against_double_precision() {
    let random = Random::new(11);
    let mut worst = Worst::new();
    for _ in 0..2_000 {
        let (one, other) = (plausible(&random), plausible(&random));
        let (stated, left) = (random.scale(1e9, 1e17) as i64, random.between(0.0, 1.0));
        let left = (stated as f64 * left) as i64;
        let got = one.variances(other.reach(), Tenor(stated), Tenor(left));
        let reach = other.reach() as f64 / (1u64 << DEVIATION_BITS) as f64;
        for (step, got) in got.into_iter().enumerate() {
            let k = reach * (step as f64 / 4.0 - 1.0);
            let exact = Svi::of(&one).variance(k) * left as f64 / stated as f64;
            worst.see((got as f64 / 4096e12 - exact).abs(), || format!("{one:?} at {k}"));
        }
    }
    worst.at_most(1e-9, "variances");
}

#[test]
fn the_median_is_in_the_middle() {
    for (values, middle) in [
        (vec![], 0),
        (vec![5], 5),
        (vec![7, 4], 5),
        (vec![-7, -4], -6),
        (vec![3, 1, 2], 2),
        (vec![9, 9, 1, 1], 5),
        (vec![i64::MIN, i64::MAX], -1),
        (vec![i64::MAX, i64::MAX], i64::MAX),
    ] {
        assert_eq!(median(&mut values.clone()), middle, "{values:?}");
    }
}

/// Fewer than half of the values, whatever they are, leave the median where the others are.
#[test]
fn a_minority_does_not_move_the_median_beyond_the_others() {
    let random = Random::new(12);
    for count in 1..=9usize {
        for liars in 0..count.div_ceil(2) {
            for _ in 0..200 {
                let others: Vec<i64> = (liars..count).map(|_| random.between(-1e6, 1e6) as i64).collect();
                let mut all = others.clone();
                all.extend((0..liars).map(|_| random.one_of(&[i64::MIN, i64::MAX, 0, random.bits().cast_signed()])));
                let middle = median(&mut all);
                let (low, high) = (*others.iter().min().unwrap(), *others.iter().max().unwrap());
                assert!((low..=high).contains(&middle), "{liars} of {count}: {middle} beyond {low} to {high}");
            }
        }
    }
}

#[test]
fn variances_are_apart_by_the_largest_share() {
    let middle = [1_000_000; POINTS];
    assert_eq!(apart(&middle, &middle), 0);
    let mut other = middle;
    (other[0], other[8]) = (1_100_000, 700_000);
    assert_eq!(apart(&middle, &other), 300_000);
    assert_eq!(apart(&[0; POINTS], &other), 1_100_000_000_000);
}

/// The smiles of the vectors, which were made free of arbitrage.
#[test]
fn the_smiles_of_the_vectors_are_accepted() {
    let file: serde_json::Value = serde_json::from_str(include_str!("data/smile.json")).unwrap();
    let chains = file["cases"].as_array().unwrap().iter().flat_map(|case| case["chains"].as_array().unwrap());
    let mut count = 0;
    for chain in chains {
        let of = |name: &str| (chain["svi"][name].as_f64().unwrap() * 1e6).round() as i64;
        let smile = smile(of("a"), of("b"), of("rho"), of("m"), of("sigma"));
        assert_eq!(smile.validate(), Ok(()), "{smile:?}");
        count += 1;
    }
    assert!(count > 30, "{count}");
}
