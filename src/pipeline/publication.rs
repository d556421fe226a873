//! Facts of a publication: revision, instant, and since when things are as they are.
//!
//! Pure: the clock's readings come from outside. Nothing here outlives the process.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::{Millis, Timestamp};
use crate::view::held_statuses::HeldStatuses;
use crate::view::snapshot::{Phase, Publication};

/// Time over which the rate of records is taken.
const RATE_SPAN: Duration = Duration::from_secs(10);
/// Minimum time over which a rate is taken.
const MIN_RATE_SPAN: Duration = Duration::from_secs(1);

/// Facts at a publication.
#[derive(Debug)]
pub(super) struct PublicationFacts<'a> {
    pub(super) now: Timestamp,
    pub(super) instant: Instant,
    pub(super) phase: &'a Phase,
    /// True if a partition is stalled or missing.
    pub(super) is_stalled: bool,
    /// Number of records read since the start.
    pub(super) records: u64,
    /// Age of the oldest record that no checkpoint covers.
    pub(super) unsaved: Millis,
    /// Number of dead letters that failed permanently.
    pub(super) dead_letters_failed: u64,
}

/// Publications so far.
#[derive(Debug)]
pub(super) struct PublicationLog {
    revision: u64,
    started: Timestamp,
    /// Kind of the phase, and since when.
    phase: Option<(std::mem::Discriminant<Phase>, Timestamp)>,
    stalled_since: Option<Timestamp>,
    /// Number of records read at publications of the last [`RATE_SPAN`].
    samples: VecDeque<(Instant, u64)>,
}

impl PublicationLog {
    pub(super) fn new(started: Timestamp) -> Self {
        Self { revision: 0, started, phase: None, stalled_since: None, samples: VecDeque::new() }
    }

    /// Returns the next publication.
    pub(super) fn next(&mut self, facts: PublicationFacts<'_>) -> Publication {
        self.revision += 1;
        let kind = std::mem::discriminant(facts.phase);
        let phase_since = match self.phase {
            Some((before, since)) if before == kind => since,
            // The first phase began with the process.
            before => before.map_or(self.started, |_| facts.now),
        };
        self.phase = Some((kind, phase_since));
        self.stalled_since = facts.is_stalled.then(|| self.stalled_since.unwrap_or(facts.now));
        Publication {
            revision: self.revision,
            at: facts.now,
            process_started: self.started,
            phase_since,
            stalled_since: self.stalled_since,
            records_per_second: self.rate(facts.instant, facts.records),
            unsaved_ms: facts.unsaved,
            dead_letters_failed: facts.dead_letters_failed,
            statuses: HeldStatuses::default(),
        }
    }

    /// Records a second of the machine's time; `None` while too little has passed.
    fn rate(&mut self, instant: Instant, records: u64) -> Option<f64> {
        let age = |at: Instant| instant.saturating_duration_since(at);
        // One sample a second is enough, and bounds their number.
        if self.samples.back().is_none_or(|&(at, _)| age(at) >= MIN_RATE_SPAN) {
            self.samples.push_back((instant, records));
        }
        while self.samples.len() > 2 && age(self.samples[1].0) >= RATE_SPAN {
            self.samples.pop_front();
        }
        let &(at, before) = self.samples.front()?;
        (age(at) >= MIN_RATE_SPAN).then(|| records.saturating_sub(before) as f64 / age(at).as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    struct Case {
        log: PublicationLog,
        start: Instant,
    }

    impl Case {
        fn at(&mut self, seconds: i64, phase: &Phase, is_stalled: bool, records: u64) -> Publication {
            self.log.next(PublicationFacts {
                now: Timestamp::from_millis(seconds * SECOND),
                instant: self.start + Duration::from_secs(seconds.unsigned_abs()),
                phase,
                is_stalled,
                records,
                unsaved: 0,
                dead_letters_failed: 0,
            })
        }
    }

    fn case() -> Case {
        Case { log: PublicationLog::new(Timestamp::EPOCH), start: Instant::now() }
    }

    #[test]
    fn a_phase_and_a_stall_have_a_beginning() {
        let mut case = case();
        let seconds = |time: Timestamp| time.as_millis() / SECOND;
        let starting = Phase::Starting("a".to_owned());
        assert_eq!(seconds(case.at(3, &starting, false, 0).phase_since), 0, "with the process");
        let replaying = |read| Phase::Replaying { read, total: 9 };
        assert_eq!(seconds(case.at(5, &replaying(1), false, 0).phase_since), 5);
        assert_eq!(seconds(case.at(6, &replaying(2), false, 0).phase_since), 5);
        let stalls = [(7, false), (8, true), (9, true), (10, false), (11, true)]
            .map(|(at, is_stalled)| case.at(at, &Phase::Live, is_stalled, 0).stalled_since.map(seconds));
        assert_eq!(stalls, [None, Some(8), Some(8), None, Some(11)]);
        assert_eq!(case.at(12, &Phase::Live, true, 0).revision, 9);
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut case = case();
        assert_eq!(case.at(0, &Phase::Live, false, 0).records_per_second, None);
        assert_eq!(case.at(1, &Phase::Live, false, 500).records_per_second, Some(500.0));
        let rates: Vec<_> =
            (2..30).map(|at| case.at(at, &Phase::Live, false, 500).records_per_second.unwrap()).collect();
        assert_eq!(rates.last(), Some(&0.0));
        assert!(case.log.samples.len() <= 12, "{}", case.log.samples.len());
    }
}
