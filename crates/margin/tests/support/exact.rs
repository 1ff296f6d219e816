//! Exact numbers of any size, to judge rounding by: the model of the specification with no rounding at all.
//!
//! An [`Exact`] is a difference of two natural numbers; fractions are avoided by scaling everything to one
//! denominator.

use std::cmp::Ordering;

use super::Portfolio;
use novate_margin::*;

/// A natural number in 32-bit digits, least first, without leading zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Natural(Vec<u32>);

impl Natural {
    fn trimmed(mut digits: Vec<u32>) -> Self {
        while digits.last() == Some(&0) {
            digits.pop();
        }
        Self(digits)
    }

    fn from(mut n: u128) -> Self {
        let mut digits = vec![];
        while n > 0 {
            digits.push(n as u32);
            n >>= 32;
        }
        Self(digits)
    }

    fn add(&self, other: &Self) -> Self {
        let mut carry = 0u64;
        let mut out = vec![];
        for i in 0..self.0.len().max(other.0.len()) + 1 {
            carry += u64::from(*self.0.get(i).unwrap_or(&0)) + u64::from(*other.0.get(i).unwrap_or(&0));
            out.push(carry as u32);
            carry >>= 32;
        }
        Self::trimmed(out)
    }

    fn mul(&self, other: &Self) -> Self {
        let mut out = vec![0u32; self.0.len() + other.0.len() + 1];
        for (i, a) in self.0.iter().enumerate() {
            let mut carry = 0u64;
            for (j, b) in other.0.iter().enumerate() {
                carry += u64::from(*a) * u64::from(*b) + u64::from(out[i + j]);
                out[i + j] = carry as u32;
                carry >>= 32;
            }
            out[i + other.0.len()] = carry as u32;
        }
        Self::trimmed(out)
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), self.0.iter().rev().collect::<Vec<_>>()).cmp(&(other.0.len(), other.0.iter().rev().collect()))
    }
}
impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A whole number of any size.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    plus: Natural,
    minus: Natural,
}

impl Exact {
    pub fn add(&self, other: &Self) -> Self {
        Self { plus: self.plus.add(&other.plus), minus: self.minus.add(&other.minus) }
    }

    pub fn sub(&self, other: &Self) -> Self {
        Self { plus: self.plus.add(&other.minus), minus: self.minus.add(&other.plus) }
    }

    pub fn mul(&self, other: &Self) -> Self {
        Self {
            plus: self.plus.mul(&other.plus).add(&self.minus.mul(&other.minus)),
            minus: self.plus.mul(&other.minus).add(&self.minus.mul(&other.plus)),
        }
    }

    pub fn times(&self, n: i64) -> Self {
        self.mul(&n.into())
    }

    pub fn abs(&self) -> Self {
        if *self < Self::default() {
            Self::default().sub(self)
        } else {
            self.clone()
        }
    }
}

impl From<i64> for Exact {
    fn from(n: i64) -> Self {
        let size = Natural::from(u128::from(n.unsigned_abs()));
        if n < 0 {
            Self { plus: Natural::default(), minus: size }
        } else {
            Self { plus: size, minus: Natural::default() }
        }
    }
}
impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Exact {}
impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        self.plus.add(&other.minus).cmp(&other.plus.add(&self.minus))
    }
}
impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

pub fn ten(power: u32) -> Exact {
    (0..power).fold(Exact::from(1), |n, _| n.times(10))
}

/// The exact figures of a portfolio, each times [`Figures::scale`] USD, concentration left out: its root is no
/// fraction.
pub struct Figures {
    pub equity: Exact,
    pub settled_equity: Exact,
    pub alone: Exact,
    pub joint: Exact,
    pub core: Exact,
    pub requirement: Exact,
    pub net_delta_floor: Exact,
    pub basis: Exact,
    pub confidence: Exact,
    pub outside: Exact,
}

impl Figures {
    /// 1e30 for quantity, price and two ratios, 12,288 for the mean of three moves.
    pub fn scale() -> Exact {
        ten(30).times(12_288)
    }

    pub fn of(p: &Portfolio) -> Self {
        let model = Params::DEFAULT;
        let unit = |n: Exact, digits: u32| n.mul(&ten(30 - digits)).times(12_288);
        let zero = Exact::default;
        let (mut gross, mut alone) = (zero(), zero());
        let (mut floor, mut basis, mut confidence) = (zero(), zero(), zero());
        let mut losses = vec![zero(); p.rows.count];
        let (mut cash, mut losing, mut balances) = (zero(), zero(), zero());
        for h in &p.holdings {
            let price = Exact::from(h.facts.price.0);
            let net = h.spot.0 + h.perpetual.0;
            let notional = price.times(net); // 1e-18
            let scan = notional.times(h.facts.scan_range.0); // 1e-24
            gross = gross.add(&scan.abs());
            floor = floor.add(&notional.abs().times(model.net_delta_floor.0)); // 1e-24
            if h.spot.0.signum() * h.perpetual.0.signum() < 0 {
                let hedged = h.spot.0.abs().min(h.perpetual.0.abs());
                basis = basis.add(&price.times(hedged).times(model.basis_rate.0));
            }
            let spread = Exact::from(h.facts.confidence.0).times(net.abs());
            confidence = confidence.add(&spread.times(model.confidence_multiple.0));
            if h.facts.column != NO_COLUMN {
                let moves = &p.rows.moves[usize::from(h.facts.column)][..p.rows.count];
                let mut own: Vec<Exact> = moves.iter().map(|z| scan.times(-i64::from(*z))).collect();
                for (total, loss) in losses.iter_mut().zip(&own) {
                    *total = total.add(loss);
                }
                alone = alone.add(&worst_three(&mut own));
            }
            let profit = Exact::from(h.perpetual.0).times(h.mark.0).sub(&ten(12).times(h.cost.0)); // 1e-18
            cash = cash.add(&profit);
            losing = losing.add(&profit.clone().min(zero()));
            balances = balances.add(&price.times(h.spot.0)); // 1e-18
        }
        let joint = worst_three(&mut losses);
        let mut outside = zero();
        for (quantity, price, haircut) in &p.outside {
            let value = Exact::from(quantity.0).times(price.0);
            balances = balances.add(&value);
            outside = outside.add(&value.abs().times(haircut.0)); // 1e-24
        }
        let settlement = p.settlement_price.0;
        let debt = Exact::from(p.cash.0.min(0).abs()).times(settlement).times(20_000).mul(&ten(3)); // 1e-24
        outside = outside.add(&debt);
        let settle = |units: Exact| unit(units.times(settlement), 27).add(&unit(balances.clone(), 18));
        let held = ten(12).times(p.cash.0);
        let saved = alone.sub(&joint).max(zero()); // 1e-24 / 12288
        let credited = gross.mul(&ten(6)).times(12_288).sub(&saved.times(model.es_credit.0));
        let core = credited.max(gross.times(model.diversified_floor.0).times(12_288));
        let (floor, basis, confidence) = (unit(floor, 24), unit(basis, 24), unit(confidence, 24));
        let outside = unit(outside.times(model.outside_multiple.0), 30);
        let requirement = core.clone().max(floor.clone()).add(&basis).add(&confidence).add(&outside);
        Self {
            equity: settle(held.add(&ten(12).times(p.pending.0)).add(&cash)),
            settled_equity: settle(held.add(&losing)),
            // 1e-24 / 12288
            alone: alone.mul(&ten(6)),
            joint: joint.mul(&ten(6)),
            core,
            requirement,
            net_delta_floor: floor,
            basis,
            confidence,
            outside,
        }
    }
}

/// Sum of the three largest, not below zero.
fn worst_three(losses: &mut [Exact]) -> Exact {
    losses.sort_by(|a, b| b.cmp(a));
    losses.iter().take(3).fold(Exact::default(), |sum, l| sum.add(l)).max(Exact::default())
}
