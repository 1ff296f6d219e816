//! What must hold for every portfolio, whatever it contains.

mod support;

use novate_margin::*;
use proptest::prelude::*;
use support::*;

/// A portfolio small enough to be multiplied by ten.
fn small() -> impl Strategy<Value = Portfolio> {
    portfolio().prop_map(|mut p| {
        for h in &mut p.holdings {
            h.facts.depth = Usd::ZERO;
            for q in [&mut h.spot, &mut h.perpetual] {
                q.0 /= 32;
            }
            h.cost.0 /= 32;
        }
        p.outside.iter_mut().for_each(|(q, _, _)| q.0 /= 32);
        p
    })
}

fn scaled(p: &Portfolio, k: i64) -> Portfolio {
    let mut p = p.clone();
    p.cash.0 *= k;
    p.pending.0 *= k;
    for h in &mut p.holdings {
        h.spot.0 *= k;
        h.perpetual.0 *= k;
        h.cost.0 *= k;
    }
    p.outside.iter_mut().for_each(|(q, _, _)| q.0 *= k);
    p
}

/// Two portfolios over the same underlyings, settlement and rows, and both together.
fn two_and_both() -> impl Strategy<Value = (Portfolio, Portfolio, Portfolio)> {
    (small(), prop::collection::vec((any::<i64>(), any::<i64>()), 16)).prop_map(|(a, seeds)| {
        let (mut b, mut both) = (a.clone(), a.clone());
        for ((b, both), (s, t)) in b.holdings.iter_mut().zip(&mut both.holdings).zip(seeds) {
            let other = |q: i64, seed: i64| (i128::from(q) * i128::from(seed) / i128::from(i64::MAX)) as i64;
            (b.spot.0, b.perpetual.0) = (other(b.perpetual.0, s), other(b.spot.0, t));
            both.spot.0 += b.spot.0;
            both.perpetual.0 += b.perpetual.0;
        }
        (a, b, both)
    })
}

/// Rounding of a sum over 16 underlyings, and of weights cut by the shift: 2^-45 of the sum for each.
fn slack(health: &Health) -> i64 {
    256 + health.gross.0 / (1 << 40)
}

/// Rounding up within k times one book: each of some tens of roundings counts k times.
fn near(one: Usd, many: Usd, k: i64, slack: i64) -> bool {
    (one.0 * k - many.0).abs() <= slack * k
}

proptest! {
    #[test]
    fn every_part_scales_with_the_book(p in small(), k in 1i64..=10) {
        let (one, many) = (p.health(), scaled(&p, k).health());
        let s = slack(&many);
        for (name, a, b) in [
            ("equity", one.equity, many.equity), ("settled", one.settled_equity, many.settled_equity),
            ("gross", one.gross, many.gross), ("alone", one.es_alone, many.es_alone), ("joint", one.es_joint, many.es_joint),
            ("core", one.core, many.core), ("floor", one.net_delta_floor, many.net_delta_floor),
            ("contingencies", one.contingencies, many.contingencies), ("outside", one.outside, many.outside),
            ("requirement", one.requirement, many.requirement), ("maintenance", one.maintenance, many.maintenance),
        ] {
            prop_assert!(near(a, b, k, s), "{}: {} times {:?} is not {:?}", name, k, a, b);
        }
        prop_assert!(near(one.initial, many.initial, k, 10 * s));
    }

    #[test]
    fn a_slice_needs_no_more_than_its_share_of_concentration(p in portfolio(), k in 2i64..=10) {
        let mut part = p.clone();
        for h in &mut part.holdings {
            h.spot.0 /= k;
            h.perpetual.0 /= k;
        }
        let (part, whole) = (part.health(), p.health());
        let slack = 64 + whole.gross.0 / 100_000_000;
        prop_assert!(part.concentration.0 <= whole.concentration.0 / k + slack);
    }

    #[test]
    fn more_of_one_underlying_the_same_way_never_needs_less(h in holding(NO_COLUMN), more in 0f64..1.0) {
        let mut p = Portfolio::single(h);
        let before = p.health();
        let net = h.spot.0 + h.perpetual.0;
        // Into the bucket that already points that way, so that what is hedged stays as it is.
        let own = &mut p.holdings[0];
        let bucket = if h.spot.0.signum() == net.signum() { &mut own.spot } else { &mut own.perpetual };
        bucket.0 += (net as f64 * more) as i64;
        let after = p.health();
        prop_assert!(after.requirement >= before.requirement);
        prop_assert!(after.core >= before.core && after.net_delta_floor >= before.net_delta_floor);
        prop_assert!(after.maintenance >= before.maintenance && after.initial >= before.initial);
    }

    #[test]
    fn a_wider_scan_range_never_lowers_one_underlying(
        h in holding(NO_COLUMN),
        wider in 1_000_000i64..2_000_000,
    ) {
        let mut p = Portfolio::single(h);
        let before = p.health();
        let range = &mut p.holdings[0].facts.scan_range;
        *range = Ratio((range.0 * wider / 1_000_000).min(1_000_000));
        let after = p.health();
        prop_assert!(after.requirement >= before.requirement && after.gross >= before.gross);
    }

    #[test]
    fn core_lies_between_the_floor_and_the_gross(p in portfolio()) {
        let h = p.health();
        prop_assert!(h.core <= h.gross);
        let floor = i128::from(h.gross.0) * i128::from(Params::DEFAULT.diversified_floor.0);
        prop_assert!(i128::from(h.core.0) * 1_000_000 >= floor);
        prop_assert!(h.requirement >= h.core && h.requirement >= h.net_delta_floor);
        prop_assert!(h.maintenance <= h.requirement && h.initial >= h.requirement);
        prop_assert!(h.settled_equity <= h.equity);
    }

    #[test]
    fn the_joint_shortfall_never_exceeds_the_sum(p in portfolio()) {
        let h = p.health();
        prop_assert!(h.es_joint.0 <= h.es_alone.0 + slack(&h));
        prop_assert!(h.es_alone <= h.gross);
    }

    /// Sub-additivity. The core too, for linear books: the joint shortfall is at most the sum of those alone, so
    /// core is the larger of 0.35·G and the sum of (1 - 0.90·a)·G and 0.90·ES, with a ≤ 1; each is convex and
    /// homogeneous.
    #[test]
    fn joining_two_books_never_raises_what_they_need((a, b, both) in two_and_both()) {
        let (a, b, both) = (a.health(), b.health(), both.health());
        let s = slack(&a) + slack(&b);
        prop_assert!(both.gross.0 <= a.gross.0 + b.gross.0 + s);
        prop_assert!(both.es_joint.0 <= a.es_joint.0 + b.es_joint.0 + s);
        prop_assert!(both.es_alone.0 <= a.es_alone.0 + b.es_alone.0 + s);
        prop_assert!(both.net_delta_floor.0 <= a.net_delta_floor.0 + b.net_delta_floor.0 + s);
        prop_assert!(both.core.0 <= a.core.0 + b.core.0 + s);
    }

    #[test]
    fn disjoint_books_need_no_more_together(p in small(), cut in 0usize..16) {
        let (mut a, mut b) = (p.clone(), p.clone());
        for (i, (a, b)) in a.holdings.iter_mut().zip(&mut b.holdings).enumerate() {
            let empty = if i < cut { b } else { a };
            (empty.spot, empty.perpetual) = (Contracts::ZERO, Contracts::ZERO);
        }
        let (a, b, both) = (a.health(), b.health(), p.health());
        let s = slack(&both);
        prop_assert!(both.core.0 <= a.core.0 + b.core.0 + s, "{} > {} + {}", both.core.0, a.core.0, b.core.0);
    }

    #[test]
    fn a_book_that_is_cleared_forgets(p in portfolio(), q in portfolio()) {
        let mut book = Box::new(Book::default());
        p.fill(&mut book).unwrap();
        book.health(Some(&p.rows.borrow()), &Params::DEFAULT).unwrap();
        q.fill(&mut book).unwrap();
        prop_assert_eq!(book.health(Some(&q.rows.borrow()), &Params::DEFAULT), Ok(q.health()));
    }

    #[test]
    fn without_rows_or_column_there_is_no_credit(mut p in portfolio()) {
        p.holdings.iter_mut().for_each(|h| h.facts.column = NO_COLUMN);
        let with = p.health();
        prop_assert_eq!(with.core, with.gross);
        let mut book = Box::new(Book::default());
        p.fill(&mut book).unwrap();
        prop_assert_eq!(book.health(None, &Params::DEFAULT), Ok(with));
    }

    /// Rows that were never validated, and amounts up to the ends of i64: an error perhaps, never a panic.
    #[test]
    fn nothing_panics(
        amounts in prop::collection::vec(any::<i64>(), 64),
        noise in prop::collection::vec(any::<i16>(), 256),
        small in any::<[i64; 8]>(),
        present in any::<u16>(), count in 0usize..200,
    ) {
        let mut rows = OwnedRows::new(&[]);
        for (i, z) in noise.iter().enumerate() {
            rows.moves[i % 16][i / 16] = *z;
            rows.extremes[i % 16] = Extremes { low: i32::from(*z) << 15, high: i32::from(*z) << 14 };
        }
        (rows.present, rows.count) = (present, count);
        let mut book = Box::new(Book::default());
        book.set_settlement_price(Price(amounts[0]));
        let _ = book.add_cash(Usd(amounts[1]));
        let _ = book.add_pending(Usd(amounts[2]));
        for (i, a) in amounts[3..].chunks_exact(6).enumerate() {
            let shift = small[i % 8].unsigned_abs() % 64;
            let facts = UnderlyingFacts {
                price: Price((a[0] >> shift).saturating_abs()),
                confidence: Price(a[1].saturating_abs()),
                depth: Usd((a[2] >> shift).saturating_abs()),
                scan_range: Ratio(1 + (a[3].unsigned_abs() % 1_000_000) as i64),
                column: (i % 20) as u8,
            };
            let slot = book.add_underlying(i as u16, facts).unwrap_or(i);
            let _ = book.add_spot(slot, Contracts(a[4] >> (shift / 2)));
            let _ = book.add_perpetual(slot, Contracts(a[5]), Price(a[0].saturating_abs()), Usd(a[1]), Ratio(a[2]));
            let _ = book.add_outside(Contracts(a[3]), Price(a[4]), Price(a[4]), Ratio((a[5].unsigned_abs() % 1_000_001) as i64));
        }
        if let Ok(h) = book.health(Some(&rows.borrow()), &Params::DEFAULT) {
            prop_assert!(h.requirement >= h.core);
        }
        let huge = Params { ..bytemuck::cast([i64::MAX; 18]) };
        let _ = book.health(Some(&rows.borrow()), &huge);
    }

    #[test]
    fn reducing_risk_is_judged_as_the_rule_says(
        e in any::<i64>(),
        m in any::<i64>(),
        e2 in any::<i64>(),
        m2 in any::<i64>(),
        fee in any::<i64>(),
        shift in 0u32..63,
    ) {
        let health = |e: i64, m: i64| Health {
            equity: Usd(e >> shift),
            maintenance: Usd((m >> shift).saturating_abs()),
            ..Health::default()
        };
        let (before, after) = (health(e, m), health(e2, m2));
        let fee = (fee >> shift).saturating_abs();
        let got = reduces_risk(&before, &after, Usd(fee)).unwrap();
        use support::exact::Exact;
        let of = |u: Usd| Exact::from(u.0);
        let expected = after.maintenance <= before.maintenance && if before.maintenance == Usd::ZERO {
            of(after.equity) >= of(before.equity).sub(&fee.into())
        } else {
            let keep = of(before.equity.min(Usd::ZERO)).sub(&fee.into()).mul(&of(before.maintenance));
            let least = of(before.equity.or_zero()).mul(&of(after.maintenance)).add(&keep);
            of(after.equity).mul(&of(before.maintenance)) >= least
        };
        prop_assert_eq!(got, expected);
    }
}
