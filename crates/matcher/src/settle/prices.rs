//! Prices of the legs of a fill: each on its market's tick and near its mark, together exactly what the fill is at.

use std::collections::BTreeMap;

use crate::strategy::{Leg, Strategy};

/// What a leg may trade at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// USD 1e-9 per contract.
    pub mark: i64,
    /// USD 1e-9, above zero.
    pub tick: i64,
}

/// Prices, USD 1e-9, in the order of the legs. `None` where ticks do not add up to the price, or a price would not be above zero.
///
/// Each leg begins at its mark, rounded to its tick. What is missing is laid on the legs from the coarsest to the finest, on each in
/// proportion to its value, so that none is moved far from its mark; what is left is laid on ticks that add up to it.
pub fn leg_prices(strategy: &Strategy, price: i64, quotes: &[Quote]) -> Option<Vec<i64>> {
    let legs = strategy.legs();
    if legs.len() != quotes.len() || quotes.iter().any(|quote| quote.tick <= 0 || quote.mark < 0) {
        return None;
    }
    let mut prices: Vec<i128> = quotes.iter().map(|quote| nearest(quote.mark, quote.tick)).collect();
    let missing = i128::from(price) - total(legs, &prices);
    let weight: i128 = legs.iter().zip(&prices).map(|(leg, price)| price * i128::from(leg.ratio).abs()).sum();
    for ((leg, quote), at) in legs.iter().zip(quotes).zip(&mut prices) {
        let (ratio, tick) = (i128::from(leg.ratio), i128::from(quote.tick));
        let share = missing * (*at * ratio.abs()) / weight.max(1);
        *at += share / (ratio * tick) * tick;
    }
    settle_rest(legs, quotes, price, &mut prices)?;
    let whole = prices.iter().map(|price| i64::try_from(*price).ok().filter(|price| *price > 0));
    whole.collect()
}

fn nearest(mark: i64, tick: i64) -> i128 {
    let (mark, tick) = (i128::from(mark), i128::from(tick));
    ((mark + tick / 2) / tick * tick).max(tick)
}

fn total(legs: &[Leg], prices: &[i128]) -> i128 {
    legs.iter().zip(prices).map(|(leg, price)| i128::from(leg.ratio) * price).sum()
}

/// Lays what is still missing on the legs: from the coarsest step on as many whole steps as fit, and where the finest does not divide
/// what is left, a search over few steps of the others.
fn settle_rest(legs: &[Leg], quotes: &[Quote], price: i64, prices: &mut [i128]) -> Option<()> {
    let step = |at: usize| -> Option<i128> { Some(i128::from(legs.get(at)?.ratio) * i128::from(quotes.get(at)?.tick)) };
    let mut order: Vec<usize> = (0..legs.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(step(*at).map_or(0, i128::abs)));
    let finest = *order.last()?;
    let fine = step(finest)?;
    for at in order {
        let missing = i128::from(price) - total(legs, prices);
        let count = missing / step(at)?;
        *prices.get_mut(at)? += count * i128::from(quotes.get(at)?.tick);
    }
    let missing = i128::from(price) - total(legs, prices);
    if missing == 0 {
        return Some(());
    }
    let moves = remainders(legs, quotes, finest, fine, missing)?;
    for (at, count) in moves {
        *prices.get_mut(at)? += count * i128::from(quotes.get(at)?.tick);
    }
    let left = i128::from(price) - total(legs, prices);
    *prices.get_mut(finest)? += left / fine * i128::from(quotes.get(finest)?.tick);
    (i128::from(price) == total(legs, prices)).then_some(())
}

/// Fewest ticks of the other legs, up or down, after which the finest leg's steps divide what is missing: by breadth over
/// the remainders of that step.
fn remainders(legs: &[Leg], quotes: &[Quote], finest: usize, fine: i128, missing: i128) -> Option<Vec<(usize, i128)>> {
    const SEARCHED: usize = 20_000;
    let wanted = missing.rem_euclid(fine.abs());
    let mut reached: BTreeMap<i128, Option<(i128, usize, i128)>> = BTreeMap::from([(0, None)]);
    let mut queue = std::collections::VecDeque::from([0i128]);
    while let Some(from) = queue.pop_front() {
        if from == wanted {
            let (mut moves, mut at) = (vec![], from);
            while let Some(Some((before, leg, count))) = reached.get(&at) {
                moves.push((*leg, *count));
                at = *before;
            }
            return Some(moves);
        }
        for (at, (leg, quote)) in legs.iter().zip(quotes).enumerate().filter(|(at, _)| *at != finest) {
            for count in [1i128, -1] {
                let to = (from + count * i128::from(leg.ratio) * i128::from(quote.tick)).rem_euclid(fine.abs());
                if reached.len() < SEARCHED && !reached.contains_key(&to) {
                    reached.insert(to, Some((from, at, count)));
                    queue.push_back(to);
                }
            }
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::{leg_prices, Quote};
    use crate::strategy::{Leg, Strategy as Traded};

    fn strategy(ratios: &[i16]) -> Traded {
        let legs = (0u64..).zip(ratios).map(|(instrument, ratio)| Leg { instrument, ratio: *ratio });
        Traded::new(legs.collect()).unwrap()
    }

    #[test]
    fn one_leg_trades_at_the_price() {
        let quotes = [Quote { mark: 1_000, tick: 10 }];
        assert_eq!(leg_prices(&strategy(&[1]), 980, &quotes), Some(vec![980]));
        assert_eq!(leg_prices(&strategy(&[1]), 985, &quotes), None, "not on a tick");
        assert_eq!(leg_prices(&strategy(&[1]), -10, &quotes), None, "not above zero");
    }

    #[test]
    fn a_spread_stays_near_the_marks() {
        let quotes = [Quote { mark: 1_000, tick: 10 }, Quote { mark: 500, tick: 5 }];
        let prices = leg_prices(&strategy(&[1, -1]), 520, &quotes).unwrap();
        assert_eq!(prices[0] - prices[1], 520);
        assert!((prices[0] - 1_000).abs() <= 20 && (prices[1] - 500).abs() <= 20, "{prices:?}");
    }

    #[test]
    fn ticks_that_only_together_add_up() {
        // What is missing is 3, and the steps are of 6 and of 15.
        let quotes = [Quote { mark: 100, tick: 3 }, Quote { mark: 100, tick: 5 }];
        let prices = leg_prices(&strategy(&[2, 3]), 501, &quotes).unwrap();
        assert_eq!(2 * prices[0] + 3 * prices[1], 501);
    }

    proptest! {
        #[test]
        fn prices_add_up_or_there_are_none(
            legs in prop::collection::vec((1i16..5, any::<bool>(), 100i64..100_000, 1i64..20), 1..5),
            away in -50i64..50,
        ) {
            let ratios: Vec<i16> = legs.iter().map(|(ratio, short, ..)| if *short { -ratio } else { *ratio }).collect();
            let list = (0u64..).zip(&ratios).map(|(instrument, ratio)| Leg { instrument, ratio: *ratio });
            let Ok(strategy) = Traded::new(list.collect()) else { return Ok(()) };
            let quotes: Vec<_> = legs.iter().map(|(_, _, mark, tick)| Quote { mark: mark * tick, tick: *tick }).collect();
            let fair: i64 = ratios.iter().zip(&quotes).map(|(ratio, quote)| i64::from(*ratio) * quote.mark).sum();
            let step = ratios.iter().zip(&quotes).fold(0, |step, (ratio, quote)| {
                let (mut a, mut b) = (step, i64::from(*ratio).abs() * quote.tick);
                while b != 0 { (a, b) = (b, a % b) }
                a
            });
            let price = fair + away * step;
            if let Some(prices) = leg_prices(&strategy, price, &quotes) {
                let total: i64 = ratios.iter().zip(&prices).map(|(ratio, price)| i64::from(*ratio) * price).sum();
                prop_assert_eq!(total, price);
                prop_assert!(prices.iter().zip(&quotes).all(|(price, quote)| *price > 0 && price % quote.tick == 0));
            } else {
                prop_assert!(quotes.iter().any(|quote| quote.mark < 10_000), "{} of {:?}", price, quotes);
            }
        }
    }
}
