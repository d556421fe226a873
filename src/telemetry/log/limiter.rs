//! Rate limit of log lines: a token bucket per event name.
//!
//! It is written by hand because it must count suppressed lines by name, bound the number of names and take the time
//! from its caller. Tokens are whole thousandths of a line.

use std::collections::HashMap;

use crate::clock::{MINUTE, Timestamp};

/// Maximum number of names with a bucket of their own; later names share the bucket of [`OTHER`].
pub(super) const MAX_NAMES: usize = 256;

/// Name that stands for all names beyond [`MAX_NAMES`].
pub(super) const OTHER: &str = "other";

/// Maximum length of a name (bytes); longer names are truncated.
const MAX_NAME_BYTES: usize = 64;

/// Tokens per line, chosen so that a bucket gains `per_second` tokens per millisecond.
const LINE: u64 = 1_000;

/// Event name stored inline, so that a suppressed line allocates nothing.
#[derive(Clone, Copy)]
pub(super) struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    len: u8,
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        let name = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
        let mut bytes = [0; MAX_NAME_BYTES];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Self { bytes, len: name.len() as u8 }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("a name is truncated between characters")
    }
}

/// Decision on a line.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::telemetry) enum RateDecision {
    /// Write the line with the number of lines suppressed before it.
    Write { suppressed: u64 },
    /// Drop the line and count it.
    Suppress,
}

/// Number of suppressed lines of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::telemetry) struct SuppressedLines {
    pub(super) name: Box<str>,
    pub(super) lines: u64,
}

#[derive(Debug)]
struct Bucket {
    tokens: u64,
    filled_at: Timestamp,
    /// Suppressed lines that are not reported yet.
    unreported: u64,
    /// Suppressed lines since the start.
    total: u64,
}

/// Token buckets of all names.
#[derive(Debug)]
pub(super) struct Limiter {
    burst: u64,
    per_second: u64,
    buckets: HashMap<Box<str>, Bucket>,
    summarised_at: Option<Timestamp>,
}

impl Limiter {
    /// Creates a limiter that lets a name write `burst` lines at once, and `per_second` lines per second after that.
    pub(super) fn new(burst: u32, per_second: u32) -> Self {
        Self {
            burst: u64::from(burst) * LINE,
            per_second: u64::from(per_second),
            buckets: HashMap::new(),
            summarised_at: None,
        }
    }

    /// Decides on a line of `name`.
    pub(super) fn admit(&mut self, name: &str, now: Timestamp) -> RateDecision {
        let (burst, per_second) = (self.burst, self.per_second);
        let bucket = self.bucket(name, now);
        let elapsed = u64::try_from(now.saturating_since(bucket.filled_at)).unwrap_or(0);
        bucket.tokens = bucket.tokens.saturating_add(elapsed.saturating_mul(per_second)).min(burst);
        bucket.filled_at = now;
        if bucket.tokens < LINE {
            bucket.unreported += 1;
            bucket.total += 1;
            return RateDecision::Suppress;
        }
        bucket.tokens -= LINE;
        RateDecision::Write { suppressed: std::mem::take(&mut bucket.unreported) }
    }

    /// Returns the unreported lines like [`Limiter::summary`], but at most once a minute; empty in between.
    pub(super) fn summary_if_due(&mut self, now: Timestamp) -> Vec<SuppressedLines> {
        let since = now.saturating_since(*self.summarised_at.get_or_insert(now));
        if (0..MINUTE).contains(&since) {
            return Vec::new();
        }
        self.summary(now)
    }

    /// Returns the suppressed lines by name that are not reported yet, and marks them as reported.
    pub(super) fn summary(&mut self, now: Timestamp) -> Vec<SuppressedLines> {
        self.summarised_at = Some(now);
        let mut suppressed = Vec::new();
        for (name, bucket) in &mut self.buckets {
            let lines = std::mem::take(&mut bucket.unreported);
            if lines > 0 {
                suppressed.push(SuppressedLines { name: name.clone(), lines });
            }
        }
        sorted(suppressed)
    }

    /// Returns every name seen, with its suppressed lines since the start.
    pub(super) fn totals(&self) -> Vec<SuppressedLines> {
        sorted(
            self.buckets
                .iter()
                .map(|(name, bucket)| SuppressedLines { name: name.clone(), lines: bucket.total })
                .collect(),
        )
    }

    fn bucket(&mut self, name: &str, now: Timestamp) -> &mut Bucket {
        let known = self.buckets.contains_key(name);
        let name = if known || self.buckets.len() < MAX_NAMES { name } else { OTHER };
        let full = Bucket { tokens: self.burst, filled_at: now, unreported: 0, total: 0 };
        if !self.buckets.contains_key(name) {
            self.buckets.insert(name.into(), full);
        }
        self.buckets.get_mut(name).expect("the bucket was there or was just inserted")
    }
}

fn sorted(mut names: Vec<SuppressedLines>) -> Vec<SuppressedLines> {
    names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Millis, SECOND};

    fn at(millis: Millis) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn written(limiter: &mut Limiter, name: &str, now: Millis, lines: usize) -> usize {
        (0..lines).filter(|_| limiter.admit(name, at(now)) != RateDecision::Suppress).count()
    }

    #[test]
    fn a_burst_is_written_and_the_excess_is_reported_next() {
        let mut limiter = Limiter::new(20, 1);
        assert_eq!(written(&mut limiter, "a", 0, 50), 20);
        assert_eq!(limiter.admit("a", at(SECOND - 1)), RateDecision::Suppress);
        assert_eq!(limiter.admit("a", at(SECOND)), RateDecision::Write { suppressed: 31 });
        assert_eq!(limiter.admit("a", at(2 * SECOND)), RateDecision::Write { suppressed: 0 });
        assert_eq!(limiter.totals(), [SuppressedLines { name: "a".into(), lines: 31 }]);
    }

    #[test]
    fn a_silent_name_may_burst_again_but_no_more() {
        let mut limiter = Limiter::new(5, 2);
        assert_eq!(written(&mut limiter, "a", 0, 10), 5);
        assert_eq!(written(&mut limiter, "a", SECOND, 10), 2);
        assert_eq!(written(&mut limiter, "a", 1_000 * SECOND, 10), 5);
    }

    #[test]
    fn names_do_not_take_from_each_other() {
        let mut limiter = Limiter::new(1, 1);
        assert_eq!(written(&mut limiter, "a", 0, 100), 1);
        assert_eq!(written(&mut limiter, "b", 0, 100), 1);
    }

    #[test]
    fn a_clock_set_back_neither_fills_a_bucket_nor_stops_it() {
        let mut limiter = Limiter::new(1, 1);
        assert_eq!(written(&mut limiter, "a", 1_000 * SECOND, 2), 1);
        assert_eq!(written(&mut limiter, "a", 0, 2), 0);
        assert_eq!(written(&mut limiter, "a", SECOND, 2), 1);
        assert_eq!(written(&mut limiter, "a", Millis::MAX, 2), 1);
        assert_eq!(written(&mut limiter, "a", Millis::MIN, 2), 0);
    }

    #[test]
    fn a_summary_once_a_minute_reports_each_line_once() {
        let mut limiter = Limiter::new(1, 1);
        assert_eq!(limiter.summary_if_due(at(0)), []);
        written(&mut limiter, "b", 0, 3);
        written(&mut limiter, "a", 0, 2);
        assert_eq!(limiter.summary_if_due(at(MINUTE - 1)), []);
        let both = [SuppressedLines { name: "a".into(), lines: 1 }, SuppressedLines { name: "b".into(), lines: 2 }];
        assert_eq!(limiter.summary_if_due(at(MINUTE)), both);
        assert_eq!(limiter.summary_if_due(at(3 * MINUTE)), []);
        assert_eq!(limiter.admit("a", at(4 * MINUTE)), RateDecision::Write { suppressed: 0 });
        assert_eq!(limiter.totals(), both);
    }

    #[test]
    fn names_beyond_the_maximum_share_one_bucket() {
        let mut limiter = Limiter::new(1, 1);
        for number in 0..10 * MAX_NAMES {
            limiter.admit(&format!("name-{number}"), at(0));
        }
        assert_eq!(limiter.totals().len(), MAX_NAMES + 1);
        assert_eq!(written(&mut limiter, "name-0", SECOND, 2), 1);
    }

    #[test]
    fn a_long_name_is_truncated_between_characters() {
        let long = format!("{}ñ{}", "a".repeat(63), "b".repeat(100));
        assert_eq!(Name::new(&long).as_str(), "a".repeat(63));
        assert_eq!(Name::new("pacemeter.start").as_str(), "pacemeter.start");
    }
}
