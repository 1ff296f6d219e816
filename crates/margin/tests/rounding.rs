//! Requirements are never below, equity never above, what the rules give without any rounding; and neither is off
//! by more than a handful of units (1e-6 USD) and the documented relative slack.

mod support;

use novate_margin::*;
use proptest::prelude::*;
use support::exact::{ten, Exact, Figures};
use support::*;

/// `value` units against an exact figure, both times 1e6·scale.
fn sides(value: Usd, exact: &Exact) -> (Exact, Exact) {
    (Figures::scale().times(value.0), exact.mul(&ten(6)))
}

fn at_least(value: Usd, exact: &Exact, slack: i64) -> bool {
    let (value, exact) = sides(value, exact);
    value >= exact && value <= exact.add(&Figures::scale().times(slack))
}

fn at_most(value: Usd, exact: &Exact, slack: i64) -> bool {
    let (value, exact) = sides(value, exact);
    value <= exact && value.add(&Figures::scale().times(slack)) >= exact
}

/// Portfolios so small that rounding is all there is: some units of money each.
fn dust() -> impl Strategy<Value = Portfolio> {
    let sizes = prop::collection::vec((-200_000i64..200_000, -200_000i64..200_000), 16);
    (portfolio(), sizes).prop_map(|(mut p, sizes)| {
        p.holdings.truncate(4);
        for (h, (spot, perpetual)) in p.holdings.iter_mut().zip(&sizes) {
            // Around 100 USD: 1e-9 contract is a tenth of a unit.
            h.facts.price = Price(h.facts.price.0 % 100_000_000_000 + 1);
            h.facts.confidence = Price(h.facts.confidence.0.min(h.facts.price.0 / 10));
            h.mark = h.facts.price;
            h.cost.0 %= 1_000;
            (h.spot, h.perpetual) = (Contracts(spot % 500), Contracts(perpetual % 500));
        }
        for ((quantity, price, _), (size, _)) in p.outside.iter_mut().zip(&sizes) {
            (*quantity, *price) = (Contracts(size % 500), Price(price.0 % 100_000_000_000 + 1));
        }
        (p.cash, p.pending) = (Usd(p.cash.0 % 1_000), Usd(p.pending.0 % 1_000));
        p
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn requirement_is_never_below_and_equity_never_above_the_exact_model(mut p in prop_oneof![portfolio(), dust()]) {
        for h in &mut p.holdings {
            h.facts.depth = Usd::ZERO;
        }
        let health = p.health();
        let exact = Figures::of(&p);
        // Scan losses: up to 2 units for each underlying; shortfalls alone 3 each, joint 4 each; and 16·2^s of the shift.
        let shift = 32 * (health.gross.0.unsigned_abs() >> 45) as i64;
        let (held, outside) = (p.holdings.len() as i64, p.outside.len() as i64);
        let core_slack = 12 * held + 4 + shift;
        prop_assert!(at_least(health.core, &exact.core, core_slack));
        prop_assert!(at_most(health.es_alone, &exact.alone, 3 * held));
        // A single underlying has no joint rows of its own; its shortfall is the one alone.
        if health.es_joint != health.es_alone {
            prop_assert!(at_least(health.es_joint, &exact.joint, 4 * held + 1 + shift));
        }
        prop_assert!(at_least(health.net_delta_floor, &exact.net_delta_floor, held + 1));
        prop_assert!(at_least(health.basis, &exact.basis, 2 * held));
        prop_assert!(at_least(health.confidence, &exact.confidence, 4 * held));
        prop_assert!(at_least(health.outside, &exact.outside, 3 * outside + 5));
        prop_assert!(at_least(health.requirement, &exact.requirement, core_slack + 6 * held + 3 * outside + 6));
        let settled = 3 * held + outside + 2;
        prop_assert!(at_most(health.equity, &exact.equity, settled));
        prop_assert!(at_most(health.settled_equity, &exact.settled_equity, settled));

        // Maintenance and initial margin from the requirement in use, exactly.
        let requirement = i128::from(health.requirement.0);
        let maintenance = i128::from(health.maintenance.0);
        prop_assert!(maintenance * 10 >= requirement * 8 && (maintenance - 1) * 10 < requirement * 8);
        let gap = (990_000_000 - i128::from(p.settlement_price.0)).max(0);
        let held = p.holdings.iter().filter(|h| h.perpetual.0 != 0);
        let multiplier = held.map(|h| h.multiplier.0.clamp(1_000_000, 3_000_000)).max();
        let factor = (1_000_000_000 + 4 * gap) * i128::from(multiplier.unwrap_or(1_000_000));
        let initial = i128::from(health.initial.0) * 1_000_000_000_000_000;
        prop_assert!(initial >= requirement * factor);
        prop_assert!(initial <= requirement * factor + 4_000_000_000_000_000);
    }

    /// (C + R·N)²·D ≥ (R·N)²·N, the charge solved for the root; and the excess within the documented bound.
    #[test]
    fn concentration_is_never_below_the_exact_root(
        n in 1i64..1_000_000_000_000_000,
        part in 1i64..1_000_000,
        range in 1i64..=1_000_000,
    ) {
        let depth = ((i128::from(n) * i128::from(part) / 1_000_000) as i64).max(n / 1_000).max(1);
        let charge = contingency::concentration_ceil(Usd(n), Usd(depth), Ratio(range)).unwrap();
        let rn = Exact::from(range).times(n);
        let square = |c: &Exact| c.add(&rn).mul(&c.add(&rn)).times(depth);
        let right = rn.mul(&rn).times(n);
        let c = ten(6).times(charge.0);
        prop_assert!(square(&c) >= right);
        let slack = ten(6).times(3 + n / 1_000_000_000);
        if c > slack {
            prop_assert!(square(&c.sub(&slack)) <= right);
        }
    }
}

#[test]
fn concentration_starts_at_the_depth() {
    let charge = |n, d| contingency::concentration_ceil(Usd(n), Usd(d), Ratio::ONE).unwrap();
    assert_eq!(charge(1_000_000, 1_000_000), Usd::ZERO);
    assert_eq!(charge(1_000_000, 0), Usd::ZERO);
    // Four times the depth: the root is 2 and the charge R·N.
    assert_eq!(charge(4_000_000_000_000, 1_000_000_000_000), Usd(4_000_000_000_000));
}
