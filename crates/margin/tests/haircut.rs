//! CLR-32, CLR-35: haircuts of cash are pro rata, exact but for the stated rounding, and as precise after many as after one.

use novate_margin::haircut::*;
use novate_margin::*;
use proptest::prelude::*;

#[test]
fn a_tenth_by_hand() {
    let factor = Factor::WHOLE.cut(90, 100).unwrap();
    assert_eq!(factor.worth(Factor::WHOLE, 1_000), Ok((899, u32::MAX)), "0.9 is no binary fraction, and rounded down");
    let half = Factor::WHOLE.cut(1, 2).unwrap();
    assert_eq!(half.worth(Factor::WHOLE, 1_001), Ok((500, 1 << 31)));
    assert_eq!(half.cut(1, 2).unwrap().worth(half, 1_000), Ok((500, 0)));
    assert_eq!(half.worth(half, 77), Ok((77, 0)));
}

#[test]
fn nothing_and_everything() {
    assert_eq!(Factor::WHOLE.cut(7, 7), Ok(Factor::WHOLE));
    assert_eq!(Factor::WHOLE.cut(8, 7), Err(MarginError::Overflow));
    let gone = Factor::WHOLE.cut(0, u64::MAX).unwrap();
    assert_eq!(gone.worth(Factor::WHOLE, u64::MAX), Ok((0, 0)));
    // What comes afterwards is whole.
    assert_eq!(gone.cut(1, 2).unwrap().worth(gone, 10), Ok((5, 0)));
    assert_eq!(Factor::WHOLE.worth(gone, 10), Err(MarginError::Overflow), "a factor never rises");
}

#[test]
fn the_largest_amounts_at_the_deepest_cut() {
    let factor = Factor::WHOLE.cut(1, u64::MAX).unwrap();
    let (left, _) = factor.worth(Factor::WHOLE, u64::MAX).unwrap();
    assert!(left <= 1);
    let kept = Factor::WHOLE.cut(u64::MAX - 1, u64::MAX).unwrap();
    assert_eq!(kept.worth(Factor::WHOLE, u64::MAX).unwrap().0, u64::MAX - 2, "rounded down by less than a unit");
}

#[test]
fn each_bears_its_share_and_what_left_bears_out_of_what_it_left_behind() {
    // 100 stay; of another 100, 90 have left for 10 that are held back: a tenth of the base.
    let base = Base { free: 100, held: 10, left: 90, lent: 0 };
    assert_eq!(base.kept_back(20, 90), Some(10));
    assert_eq!(base.charge(20), Ok(Charge { free: 10, held: 10, lent: 0 }));
    assert_eq!(base.charge(10), Ok(Charge { free: 5, held: 5, lent: 0 }));
    // Beyond the rate at which it left, the rest is on those who stay.
    assert_eq!(base.charge(60), Ok(Charge { free: 50, held: 10, lent: 0 }));
    assert_eq!(base.charge(110), Ok(Charge { free: 100, held: 10, lent: 0 }));
    assert_eq!(base.charge(111), Err(MarginError::Overflow));
    assert_eq!(base.kept_back(200, 1), None, "with a shortage of all there is, nothing leaves");
    assert_eq!(base.kept_back(199, 1), Some(199));
    let lent = Base { free: 100, held: 0, left: 0, lent: 300 };
    assert_eq!(lent.charge(40), Ok(Charge { free: 10, held: 0, lent: 30 }));
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![1u64..30, 1u64..1_000_000_000_000, (0u32..63).prop_map(|bits| 1 << bits), 1u64..i64::MAX as u64]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Holders who bear each haircut at once and holders who bear all of them at the end: never more than is counted, and
    /// less by under a unit a holder, or exactly what is counted once whole units of dust were taken off.
    #[test]
    fn claims_never_exceed_the_counter(
        amounts in prop::collection::vec(0u64..1_000_000_000_000, 1..6),
        parts in prop::collection::vec(1u64..1_000_000, 1..40),
    ) {
        let mut sum: u64 = amounts.iter().sum();
        let mut factor = Factor::WHOLE;
        let mut prompt = amounts.clone();
        // As the caller counts it: whole units of dust leave the sum, and the fraction of one bears like the rest.
        let (mut counted, mut fraction) = (sum, 0u64);
        for part in &parts {
            let left = sum - (u128::from(sum) * u128::from(*part) / 1_000_000) as u64;
            let next = factor.cut(left, sum).unwrap();
            (factor, sum) = (next, left);
        }
        let mut prompt_factor = Factor::WHOLE;
        for part in &parts {
            let left = counted - (u128::from(counted) * u128::from(*part) / 1_000_000) as u64;
            let next = prompt_factor.cut(left, counted).unwrap();
            fraction = (u128::from(fraction) * u128::from(left)).checked_div(counted.into()).unwrap_or(0) as u64;
            counted = left;
            for amount in &mut prompt {
                let (worth, dust) = next.worth(prompt_factor, *amount).unwrap();
                prop_assert!(worth <= *amount);
                fraction += u64::from(dust);
                counted -= fraction >> DUST_BITS;
                fraction &= (1 << DUST_BITS) - 1;
                *amount = worth;
            }
            // A factor that is rounded down can cut a unit off what would have been whole.
            let missing = counted - prompt.iter().sum::<u64>();
            prop_assert!(missing <= 1, "{} missing, {} counted", missing, fraction);
            prompt_factor = next;
        }
        let late: u64 = amounts.iter().map(|a| factor.worth(Factor::WHOLE, *a).unwrap().0).sum();
        let holders = amounts.len() as u64;
        prop_assert!(late <= sum && sum - late <= holders + 1, "{} {}", late, sum);
    }

    #[test]
    fn a_charge_is_exact_and_pro_rata(free in amount(), held in amount(), left in amount(), lent in amount(), part in 0u64..=1_000) {
        let scale = |amount: u64| amount / 8;
        let base = Base { free: scale(free), held: scale(held), left: scale(left), lent: scale(lent) };
        let amount = (base.most() * u128::from(part) / 1_000) as u64;
        match base.charge(amount) {
            Err(error) => prop_assert_eq!(error, MarginError::Overflow),
            Ok(Charge { free, held, lent }) => {
                prop_assert_eq!(free + held + lent, amount);
                prop_assert!(free <= base.free && held <= base.held && lent <= base.lent);
                let rate = amount as f64 / base.total().max(1) as f64;
                if held < base.held && free < base.free {
                    let fair = rate * (base.held as f64 + base.left as f64);
                    prop_assert!((held as f64 - fair).abs() <= 2.0 + fair * 1e-9, "{} {}", held, fair);
                    prop_assert!((lent as f64 - rate * base.lent as f64).abs() <= 2.0 + lent as f64 * 1e-9);
                }
            }
        }
    }

    /// In how many pieces it leaves makes no difference: what stays depends on what left in all.
    #[test]
    fn pieces_leak_nothing(cash in 1u64..1_000_000_000, others in 0u64..1_000_000_000, short in 0u64..2_000_000_000, cuts in prop::collection::vec(1u64..1_000, 1..20)) {
        let base = |gone: u64| Base { free: cash - gone + others, held: 0, left: gone, lent: 0 };
        let mut gone = 0;
        for cut in cuts {
            let piece = (cash - gone) * cut / 1_000;
            let fits = |kept: u128| kept <= u128::from(cash - gone - piece);
            if base(gone + piece).kept_back(short, gone + piece).is_some_and(fits) {
                gone += piece;
            }
        }
        let rate = (f64::from(u32::try_from(short.min(u64::from(u32::MAX))).unwrap()) / (cash + others) as f64).min(1.0);
        prop_assert!((cash - gone) as f64 + 1.0 >= cash as f64 * rate, "{} of {} left at {}", gone, cash, rate);
    }

    #[test]
    fn nothing_panics(words in any::<[u128; 2]>(), amounts in any::<[u64; 6]>()) {
        let [a, b, c, d, e, f] = amounts;
        let factors = words.map(Factor);
        let _ = (factors[0].cut(a, b), factors[0].worth(factors[1], c));
        let base = Base { free: a, held: b, left: c, lent: d };
        let _ = (base.charge(e), base.kept_back(e, f));
    }
}
