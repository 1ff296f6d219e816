//! How often somebody may ask: a bucket of tokens for each address and each key, which fills at a rate up to its size.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Buckets that are kept; beyond it those that are full are forgotten.
const MOST: usize = 100_000;

/// Tokens a second, and how many a bucket holds.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub second: f64,
    pub burst: f64,
}

/// Buckets of one kind.
pub struct Buckets<K> {
    rate: Rate,
    held: Mutex<HashMap<K, (f64, Instant)>>,
}

impl<K: Hash + Eq> Buckets<K> {
    pub fn new(rate: Rate) -> Self {
        Self { rate, held: Mutex::default() }
    }

    /// Takes a token; `false` where there is none.
    pub fn take(&self, key: K) -> bool {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: K, now: Instant) -> bool {
        let Rate { second, burst } = self.rate;
        let filled = |(tokens, then): (f64, Instant)| {
            let passed = now.saturating_duration_since(then).as_secs_f64();
            (tokens + passed * second).min(burst)
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST && !held.contains_key(&key) {
            held.retain(|_, bucket| filled(*bucket) < burst);
            // Of so many at once nobody new gets in.
            if held.len() >= MOST {
                return false;
            }
        }
        let bucket = held.entry(key).or_insert((burst, now));
        let tokens = filled(*bucket);
        let taken = tokens >= 1.0;
        *bucket = (if taken { tokens - 1.0 } else { tokens }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let buckets = Buckets::new(Rate { second: 2.0, burst: 3.0 });
        let now = Instant::now();
        let taken = |after: u64| buckets.take_at(1, now + Duration::from_millis(after));
        assert_eq!([taken(0), taken(0), taken(0), taken(0)], [true, true, true, false]);
        assert_eq!([taken(400), taken(500), taken(500)], [false, true, false]);
        assert_eq!([taken(60_000), taken(60_000), taken(60_000), taken(60_000)], [true, true, true, false]);
        assert!(buckets.take_at(2, now), "another key has its own");
    }
}
