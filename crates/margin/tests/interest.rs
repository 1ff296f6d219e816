//! Indices and shares: exact against wider arithmetic, dust on the right side, growth.

use novate_margin::interest::*;
use novate_margin::*;
use proptest::prelude::*;

fn index() -> impl Strategy<Value = Index> {
    // From one to a million.
    (0u128..(1_000_000 << 64)).prop_map(|n| Index((1 << 64) + n))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_amount_never_grows_by_going_in_and_out(
        index in index(),
        amount in 0u64..1_000_000_000_000_000_000,
    ) {
        let bought = index.shares_floor(amount).unwrap();
        prop_assert!(index.amount_floor(bought).unwrap() <= amount);
        let owed = index.shares_ceil(amount).unwrap();
        prop_assert!(index.amount_ceil(owed).unwrap() >= amount);
        prop_assert!(owed - bought <= 1);
    }

    #[test]
    fn floor_and_ceil_enclose_the_exact_amount(index in index(), shares in 0u64..(1 << 40)) {
        // floor ≤ shares·index/2^64 ≤ ceil, with shares·index below 2^20·2^64·2^40.
        let exact = index.0 * u128::from(shares);
        let (floor, ceil) = (index.amount_floor(shares).unwrap(), index.amount_ceil(shares).unwrap());
        prop_assert!(u128::from(floor) << 64 <= exact && exact <= u128::from(ceil) << 64);
        prop_assert_eq!(ceil - floor, u64::from(exact % (1 << 64) != 0));
    }

    #[test]
    fn growth_against_double_precision(index in index(), rate in 0i64..3_000_000, t in 0i64..40_000_000) {
        let (floor, ceil) = (index.grow_floor(Ratio(rate), Seconds(t)).unwrap(), index.grow_ceil(Ratio(rate), Seconds(t)).unwrap());
        prop_assert!(floor >= index && ceil.0 - floor.0 <= 1);
        let exact = rate as f64 * 1e-6 * t as f64 / 31_536_000.0;
        let got = (floor.0 - index.0) as f64 / index.0 as f64;
        prop_assert!((got - exact).abs() <= 1e-15 + exact * 1e-14);
        // Exactly: growth·year ≤ index·rate·t < (growth + 1)·year, where that fits.
        let (growth, year) = (floor.0 - index.0, 31_536_000_000_000u128);
        if let Some((least, all)) = growth.checked_mul(year).zip(index.0.checked_mul(rate as u128 * t as u128)) {
            prop_assert!(least <= all && all - least < year);
            prop_assert_eq!(ceil.0 - floor.0, u128::from(least != all));
        }
    }

    #[test]
    fn words_are_the_index(index in any::<u128>()) {
        let (high, low) = Index(index).to_words();
        prop_assert_eq!(Index::from_words(high, low), Index(index));
    }

    #[test]
    fn nothing_panics_or_truncates(
        index in any::<u128>(),
        n in any::<u64>(),
        shift in 0u32..128,
        rate in any::<i64>(),
        t in any::<i64>(),
    ) {
        let index = Index(index >> shift);
        let _ = (index.amount_floor(n), index.amount_ceil(n));
        let _ = (index.grow_floor(Ratio(rate), Seconds(t)), index.grow_ceil(Ratio(rate), Seconds(t)));
        if let Ok(shares) = index.shares_floor(n) {
            prop_assert!(index.0 != 0 && index.amount_floor(shares).unwrap() <= n);
        }
        let _ = index.shares_ceil(n);
    }
}

#[test]
fn one_second_at_one_percent_moves_the_index() {
    let after = Index::ONE.grow_floor(Ratio(10_000), Seconds(1)).unwrap();
    // 2^64 · 0.01 / 31,536,000 = 5,849,424,173.55.
    assert_eq!(after.0 - Index::ONE.0, 5_849_424_173);
}

#[test]
fn each_refusal_has_its_name() {
    assert_eq!(Index(0).shares_floor(1), Err(MarginError::InvalidIndex));
    assert_eq!(Index(0).shares_ceil(1), Err(MarginError::InvalidIndex));
    assert_eq!(Index(1).shares_floor(2), Err(MarginError::Overflow));
    assert_eq!(Index(2 << 64).amount_floor(u64::MAX), Err(MarginError::Overflow));
    assert_eq!(Index::ONE.grow_ceil(Ratio(-1), Seconds(1)), Err(MarginError::NegativeAccrual));
    assert_eq!(Index::ONE.grow_ceil(Ratio(1), Seconds(-1)), Err(MarginError::NegativeAccrual));
}
