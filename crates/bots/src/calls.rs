//! Margin calls: who has fallen below a level of equity over maintenance margin, once for each fall.

use std::collections::HashMap;

use novate_client::Pubkey;
use novate_margin::Ratio;

/// How far above a level a portfolio has to rise before another fall below it is one, 1e-6 of the level.
const AGAIN: i128 = 10_000;

/// A fall below a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub portfolio: Pubkey,
    /// The lowest level that it fell below, 1e-6.
    pub level: Ratio,
    /// Where it is, 1e-6.
    pub factor: Ratio,
}

/// Who has been called, and for what.
pub struct Calls {
    /// Highest first.
    levels: Vec<Ratio>,
    /// Levels that a portfolio is below of; nobody with none.
    below: HashMap<Pubkey, usize>,
}

impl Calls {
    pub fn new(levels: &[Ratio]) -> Self {
        let mut levels = levels.to_vec();
        levels.sort_unstable_by(|a, b| b.cmp(a));
        levels.dedup();
        Self { levels, below: HashMap::new() }
    }

    pub fn levels(&self) -> &[Ratio] {
        &self.levels
    }

    /// Takes in where a portfolio is now.
    pub fn look(&mut self, portfolio: Pubkey, factor: Ratio) -> Option<Call> {
        let known = self.below.get(&portfolio).copied().unwrap_or(0);
        let fallen = self.levels.iter().take_while(|level| factor < **level).count();
        let still = |level: &&Ratio| i128::from(factor.0) * 1_000_000 < i128::from(level.0) * (1_000_000 + AGAIN);
        let still = self.levels.iter().take_while(still).count();
        match known.min(still).max(fallen) {
            0 => self.below.remove(&portfolio),
            below => self.below.insert(portfolio, below),
        };
        let level = fallen.checked_sub(1).and_then(|last| self.levels.get(last))?;
        (fallen > known).then_some(Call { portfolio, level: *level, factor })
    }

    /// It owes nothing any more.
    pub fn forget(&mut self, portfolio: &Pubkey) {
        self.below.remove(portfolio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_calls_once_for_each_fall_below_it() {
        let mut calls = Calls::new(&[1_050_000, 1_500_000, 1_200_000].map(Ratio));
        let who = Pubkey::new_unique();
        let mut look = |factor: i64| calls.look(who, Ratio(factor)).map(|call| call.level.0);
        assert_eq!(look(1_600_000), None);
        assert_eq!(look(1_499_999), Some(1_500_000));
        assert_eq!(look(1_300_000), None);
        // Two levels at once are one call, for the lower.
        assert_eq!(look(1_000_000), Some(1_050_000));
        assert_eq!(look(1_060_000), None, "it is hardly above");
        assert_eq!(look(1_040_000), None, "and was called for that");
        assert_eq!(look(1_100_000), None);
        assert_eq!(look(1_040_000), Some(1_050_000), "it had come back");
        assert_eq!(look(2_000_000), None);
        assert_eq!(look(1_450_000), Some(1_500_000));
    }
}
