//! Patience with what failed: each time in a row it waits twice as long, for each subject and error by itself.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// First and longest wait.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(120);

/// Waits by subject. An error of another name starts at the first wait again.
pub struct BackOff<K> {
    waits: HashMap<K, Wait>,
}

struct Wait {
    error: String,
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
        self.waits.get(subject).is_some_and(|wait| now < wait.until)
    }

    /// Notes that it failed, and returns how long it waits.
    pub fn failed(&mut self, subject: K, error: &str, now: Instant) -> Duration {
        let before = self.waits.get(&subject).filter(|wait| wait.error == error);
        let length = before.map_or(FIRST, |wait| (2 * wait.length).min(LONGEST));
        self.waits.insert(subject, Wait { error: error.into(), length, until: now + length });
        length
    }

    /// Notes that it went well.
    pub fn succeeded(&mut self, subject: &K) {
        self.waits.remove(subject);
    }

    /// Forgets what has waited out long ago.
    pub fn tidy(&mut self, now: Instant) {
        self.waits.retain(|_, wait| now < wait.until + LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_one_error_and_begin_anew_with_another() {
        let (mut backoff, start) = (BackOff::default(), Instant::now());
        let waits: Vec<_> = (0..10).map(|_| backoff.failed("a", "PriceStale", start)).collect();
        assert_eq!(waits.first(), Some(&FIRST));
        assert!(waits.windows(2).all(|pair| pair[1] == (2 * pair[0]).min(LONGEST)));
        assert_eq!(waits.last(), Some(&LONGEST));
        assert!(backoff.waits(&"a", start + LONGEST - FIRST) && !backoff.waits(&"a", start + LONGEST));
        assert!(!backoff.waits(&"b", start));
        assert_eq!(backoff.failed("a", "ChainStale", start), FIRST);
        backoff.succeeded(&"a");
        assert!(!backoff.waits(&"a", start));
    }
}
