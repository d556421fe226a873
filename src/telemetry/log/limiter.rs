//! Rate limits by event name: one token bucket each, in whole thousandths of a line, at a `now` from outside.

use std::collections::HashMap;

use crate::clock::{MINUTE, Millis};

/// Names with a bucket of their own; later ones share that of [`OTHER`].
pub const MAX_NAMES: usize = 256;

/// The name under which what is beyond [`MAX_NAMES`] is limited and counted.
pub const OTHER: &str = "other";

/// The longest name of an event that is kept; a longer one is cut (bytes).
const MAX_NAME_BYTES: usize = 64;

/// A line costs this many tokens, so that a bucket gains `per_second` tokens a millisecond.
const LINE: u64 = 1_000;

/// An event's name without memory of its own: a line that is held back allocates nothing.
#[derive(Clone, Copy)]
pub struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    len: u8,
}

impl Name {
    pub fn new(name: &str) -> Self {
        let name = &name[..name.floor_char_boundary(MAX_NAME_BYTES)];
        let mut bytes = [0; MAX_NAME_BYTES];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Self { bytes, len: name.len() as u8 }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("a name is cut between characters")
    }
}

/// Decision on a line.
#[derive(Debug, PartialEq, Eq)]
pub enum RateDecision {
    /// It is written, and with it the count of those held back before it.
    Write {
        suppressed: u64,
    },
    HoldBack,
}

/// One name and the lines held back under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressedLines {
    pub name: Box<str>,
    pub lines: u64,
}

#[derive(Debug)]
struct Bucket {
    tokens: u64,
    filled_at: Millis,
    /// Not yet reported.
    held_back: u64,
    /// Held back since the start.
    total: u64,
}

/// The buckets of all names.
#[derive(Debug)]
pub struct Limiter {
    burst: u64,
    per_second: u64,
    buckets: HashMap<Box<str>, Bucket>,
    summarised_at: Option<Millis>,
}

impl Limiter {
    /// A name may write `burst` lines at once and `per_second` lines a second after that.
    pub fn new(burst: u32, per_second: u32) -> Self {
        Self {
            burst: u64::from(burst) * LINE,
            per_second: u64::from(per_second),
            buckets: HashMap::new(),
            summarised_at: None,
        }
    }

    /// Decides on a line of `name`.
    pub fn admit(&mut self, name: &str, now: Millis) -> RateDecision {
        let (burst, per_second) = (self.burst, self.per_second);
        let bucket = self.bucket(name, now);
        let elapsed = u64::try_from(now.saturating_sub(bucket.filled_at)).unwrap_or(0);
        bucket.tokens = bucket.tokens.saturating_add(elapsed.saturating_mul(per_second)).min(burst);
        bucket.filled_at = now;
        if bucket.tokens < LINE {
            bucket.held_back += 1;
            bucket.total += 1;
            return RateDecision::HoldBack;
        }
        bucket.tokens -= LINE;
        RateDecision::Write { suppressed: std::mem::take(&mut bucket.held_back) }
    }

    /// Suppressed lines that are not reported yet, once a minute; empty in between.
    pub fn summary_if_due(&mut self, now: Millis) -> Vec<SuppressedLines> {
        let since = now.saturating_sub(*self.summarised_at.get_or_insert(now));
        if (0..MINUTE).contains(&since) {
            return Vec::new();
        }
        self.summary(now)
    }

    /// Suppressed lines that are not reported yet, by name; they count as reported from now on.
    pub fn summary(&mut self, now: Millis) -> Vec<SuppressedLines> {
        self.summarised_at = Some(now);
        let mut held_back = Vec::new();
        for (name, bucket) in &mut self.buckets {
            let lines = std::mem::take(&mut bucket.held_back);
            if lines > 0 {
                held_back.push(SuppressedLines { name: name.clone(), lines });
            }
        }
        sorted(held_back)
    }

    /// Every name seen, with the lines held back under it since the start.
    pub fn totals(&self) -> Vec<SuppressedLines> {
        sorted(
            self.buckets
                .iter()
                .map(|(name, bucket)| SuppressedLines { name: name.clone(), lines: bucket.total })
                .collect(),
        )
    }

    fn bucket(&mut self, name: &str, now: Millis) -> &mut Bucket {
        let known = self.buckets.contains_key(name);
        let name = if known || self.buckets.len() < MAX_NAMES { name } else { OTHER };
        let full = Bucket { tokens: self.burst, filled_at: now, held_back: 0, total: 0 };
        if !self.buckets.contains_key(name) {
            self.buckets.insert(name.into(), full);
        }
        self.buckets.get_mut(name).expect("it was there or has just been put there")
    }
}

fn sorted(mut names: Vec<SuppressedLines>) -> Vec<SuppressedLines> {
    names.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    fn written(limiter: &mut Limiter, name: &str, now: Millis, lines: usize) -> usize {
        (0..lines).filter(|_| limiter.admit(name, now) != RateDecision::HoldBack).count()
    }

    #[test]
    fn lines_beyond_a_burst_are_reported_by_the_next_line() {
        let mut limiter = Limiter::new(20, 1);
        assert_eq!(written(&mut limiter, "a", 0, 50), 20);
        assert_eq!(limiter.admit("a", SECOND - 1), RateDecision::HoldBack);
        assert_eq!(limiter.admit("a", SECOND), RateDecision::Write { suppressed: 31 });
        assert_eq!(limiter.admit("a", 2 * SECOND), RateDecision::Write { suppressed: 0 });
        assert_eq!(limiter.totals(), [SuppressedLines { name: "a".into(), lines: 31 }]);
    }

    #[test]
    fn a_silent_name_may_burst_again_and_never_more_than_that() {
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
    fn the_summary_comes_once_a_minute_and_reports_each_line_once() {
        let mut limiter = Limiter::new(1, 1);
        assert_eq!(limiter.summary_if_due(0), []);
        written(&mut limiter, "b", 0, 3);
        written(&mut limiter, "a", 0, 2);
        assert_eq!(limiter.summary_if_due(MINUTE - 1), []);
        let both = [SuppressedLines { name: "a".into(), lines: 1 }, SuppressedLines { name: "b".into(), lines: 2 }];
        assert_eq!(limiter.summary_if_due(MINUTE), both);
        assert_eq!(limiter.summary_if_due(3 * MINUTE), []);
        assert_eq!(limiter.admit("a", 4 * MINUTE), RateDecision::Write { suppressed: 0 });
        assert_eq!(limiter.totals(), both);
    }

    #[test]
    fn invented_names_share_one_bucket_once_there_are_too_many() {
        let mut limiter = Limiter::new(1, 1);
        for number in 0..10 * MAX_NAMES {
            limiter.admit(&format!("name-{number}"), 0);
        }
        assert_eq!(limiter.totals().len(), MAX_NAMES + 1);
        assert_eq!(written(&mut limiter, "name-0", SECOND, 2), 1);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let long = format!("{}ñ{}", "a".repeat(63), "b".repeat(100));
        assert_eq!(Name::new(&long).as_str(), "a".repeat(63));
        assert_eq!(Name::new("pacemeter.start").as_str(), "pacemeter.start");
    }
}
