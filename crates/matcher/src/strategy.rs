//! What a book is of: a strategy, one or several instruments in fixed proportions.
//!
//! A strategy has one spelling, so that whoever trades the same thing meets in the same book: its legs ascend by instrument, each stands
//! once, the first ratio is positive, and no whole number above 1 divides all ratios. Who wants the opposite sells it.

use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;

/// Most legs, as of one trade.
pub const MAX_LEGS: usize = 8;

/// One instrument, and how much of it is in one strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leg {
    /// Instrument id, as the program has it.
    pub instrument: u64,
    /// Contracts in one strategy, not zero; negative where a buyer of the strategy sells them.
    pub ratio: i16,
}

/// Legs in their one spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strategy(Vec<Leg>);

impl Strategy {
    /// Takes legs that are spelled as they have to be; refuses others by [`Refusal::NotCanonical`].
    pub fn new(legs: Vec<Leg>) -> Result<Self, Refusal> {
        let ascending = legs.windows(2).all(|pair| matches!(pair, [a, b] if a.instrument < b.instrument));
        let first = legs.first().map_or(0, |leg| leg.ratio);
        let divisor = legs.iter().fold(0, |divisor, leg| gcd(divisor, leg.ratio.unsigned_abs()));
        let nonzero = legs.iter().all(|leg| leg.ratio != 0);
        match ascending && first > 0 && divisor == 1 && nonzero && legs.len() <= MAX_LEGS {
            true => Ok(Self(legs)),
            false => Err(Refusal::NotCanonical),
        }
    }

    /// One contract of one instrument.
    pub fn of(instrument: u64) -> Self {
        Self(vec![Leg { instrument, ratio: 1 }])
    }

    pub fn legs(&self) -> &[Leg] {
        &self.0
    }
}

fn gcd(a: u16, b: u16) -> u16 {
    match b {
        0 => a,
        b => gcd(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strategy(legs: &[(u64, i16)]) -> Result<Strategy, Refusal> {
        Strategy::new(legs.iter().map(|(instrument, ratio)| Leg { instrument: *instrument, ratio: *ratio }).collect())
    }

    #[test]
    fn a_strategy_has_one_spelling() {
        assert!(strategy(&[(1, 1)]).is_ok());
        assert!(strategy(&[(1, 1), (2, -2), (9, 3)]).is_ok());
        assert!(strategy(&[(1, 2), (2, -3)]).is_ok());
        let others: [&[(u64, i16)]; 7] =
            [&[], &[(1, -1)], &[(1, 2)], &[(2, 1), (1, 1)], &[(1, 1), (1, 1)], &[(1, 2), (2, -4)], &[(1, 1), (2, 0)]];
        for other in others {
            assert_eq!(strategy(other), Err(Refusal::NotCanonical), "{other:?}");
        }
        let nine: Vec<_> = (0..9).map(|instrument| (instrument, 1)).collect();
        assert_eq!(strategy(&nine), Err(Refusal::NotCanonical));
    }
}
