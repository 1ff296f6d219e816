//! Greeks of a portfolio in money, from the priced strikes.

use novate_margin::chain::Strike;
use novate_margin::dated::Right;
use novate_margin::units::{PRICE_DIGITS, USD_DIGITS};

use super::number::real;
use super::portfolio::{Expiry, Kind, Leg, Portfolio};

/// Greeks in USD.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Greeks {
    /// Of the options: what they are worth.
    pub value: f64,
    /// Gained when spot rises by 1 %, times 100.
    pub delta: f64,
    /// Change of delta when spot rises by 1 %.
    pub gamma: f64,
    /// Gained when every vol rises by a point.
    pub vega: f64,
    /// Gained when a day passes and nothing else happens.
    pub theta: f64,
}

impl Greeks {
    /// Of one leg at the index price.
    pub fn of(portfolio: &Portfolio, leg: &Leg) -> Self {
        let quantity = real(leg.quantity.0, PRICE_DIGITS);
        let spot = real(portfolio.underlyings[leg.underlying].facts.price.0, PRICE_DIGITS);
        let growth = |expiry: &Expiry| 1.0 + real(expiry.facts.basis.0, USD_DIGITS);
        match leg.kind {
            Kind::Spot | Kind::Perpetual => Self { delta: quantity * spot, ..Self::default() },
            Kind::Future { expiry } => {
                Self { delta: quantity * spot * growth(&portfolio.expiries[expiry]), ..Self::default() }
            }
            Kind::Option { expiry, slot, right } => {
                let expiry = &portfolio.expiries[expiry];
                Self::of_option(&expiry.strikes[slot], right, spot, growth(expiry)).times(quantity)
            }
        }
    }

    /// Of one contract.
    fn of_option(strike: &Strike, right: Right, spot: f64, growth: f64) -> Self {
        let of = |units: i64| real(units, PRICE_DIGITS);
        let call = Self {
            value: of(strike.mark.0),
            delta: of(strike.delta.0) * spot,
            gamma: of(strike.gamma.0) * spot / 100.0,
            vega: of(strike.vega.0) / 100.0,
            theta: of(strike.theta.0),
        };
        match right {
            Right::Call => call,
            // A call less a forward plus the strike.
            Right::Put => Self {
                value: call.value - spot * growth + of(strike.strike.0),
                delta: call.delta - spot * growth,
                ..call
            },
        }
    }

    /// Of so many.
    fn times(self, quantity: f64) -> Self {
        Self {
            value: self.value * quantity,
            delta: self.delta * quantity,
            gamma: self.gamma * quantity,
            vega: self.vega * quantity,
            theta: self.theta * quantity,
        }
    }
}

impl std::iter::Sum for Greeks {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            value: sum.value + one.value,
            delta: sum.delta + one.delta,
            gamma: sum.gamma + one.gamma,
            vega: sum.vega + one.vega,
            theta: sum.theta + one.theta,
        })
    }
}
