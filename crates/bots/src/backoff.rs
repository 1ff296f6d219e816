//! Patience with what failed: each time it waits twice as long, for each subject and error by itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// First and longest wait.
pub const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(120);

/// Waits by subject, and by the name of the error: one does not begin anew because another came in between.
pub struct BackOff<K> {
    waits: HashMap<K, HashMap<String, Wait>>,
}

struct Wait {
    length: Duration,
    until: Instant,
}

impl<K> Default for BackOff<K> {
    fn default() -> Self {
        Self { waits: HashMap::new() }
    }
}

impl<K: Eq + Hash> BackOff<K> {
    pub fn waits(&self, subject: &K, now: Instant) -> bool {
        self.waits.get(subject).is_some_and(|waits| waits.values().any(|wait| now < wait.until))
    }

    /// Notes that it failed, and returns how long it waits.
    pub fn failed(&mut self, subject: K, error: &str, now: Instant) -> Duration {
        let waits = self.waits.entry(subject).or_default();
        let length = waits.get(error).map_or(FIRST, |wait| (2 * wait.length).min(LONGEST));
        waits.insert(error.into(), Wait { length, until: now + length });
        length
    }

    /// It went well, or what it failed by is otherwise now: nothing is waited for.
    pub fn forget(&mut self, subject: &K) {
        self.waits.remove(subject);
    }

    /// Forgets what has waited out long ago.
    pub fn tidy(&mut self, now: Instant) {
        self.waits.retain(|_, waits| {
            waits.retain(|_, wait| now < wait.until + LONGEST);
            !waits.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_each_failure() {
        let (mut backoff, start) = (BackOff::default(), Instant::now());
        let waits: Vec<_> = (0..10).map(|_| backoff.failed("a", "PriceStale", start)).collect();
        assert_eq!(waits.first(), Some(&FIRST));
        assert!(waits.windows(2).all(|pair| pair[1] == (2 * pair[0]).min(LONGEST)));
        assert_eq!(waits.last(), Some(&LONGEST));
        assert!(backoff.waits(&"a", start + LONGEST - FIRST) && !backoff.waits(&"a", start + LONGEST));
        assert!(!backoff.waits(&"b", start));
        backoff.forget(&"a");
        assert!(!backoff.waits(&"a", start));
    }

    #[test]
    fn each_error_of_a_subject_waits_by_itself() {
        let (mut backoff, mut now) = (BackOff::default(), Instant::now());
        let mut waits = vec![];
        for error in ["PriceStale", "ChainStale", "PriceStale", "ChainStale", "PriceStale"] {
            waits.push(backoff.failed("a", error, now));
            assert!(backoff.waits(&"a", now) && backoff.waits(&"a", now + waits[waits.len() - 1] - FIRST / 2));
            now += waits[waits.len() - 1];
        }
        assert_eq!(waits, [1, 1, 2, 2, 4].map(|times| FIRST * times));
        backoff.tidy(now + LONGEST + FIRST);
        assert_eq!(backoff.failed("a", "PriceStale", now), FIRST);
    }
}
