//! Cuts that are known to be of the topics of the start, and of all their partitions.
//!
//! A topic that is deleted and created again, or gets partitions, is noticed when brokers are asked about the topics
//! next. Until then records of another topic are applied like those of the old one, and those of added partitions are
//! not read. A checkpoint of that time names the old topic and is refused; a stored cut would mix both, or lack records,
//! permanently. So a cut is stored once it was whole before a question whose answer has the topics of the start: their
//! ids, and their numbers of partitions.

use std::time::Instant;

use crate::clock::Timestamp;

/// Which cuts may be stored.
#[derive(Debug)]
pub(super) struct CutConfirmation {
    /// Cuts before this instant are confirmed.
    before: Timestamp,
    /// Cuts that the next answer may confirm.
    passed: Option<PassedCuts>,
}

/// Cuts that every partition had passed at a time.
#[derive(Debug, Clone, Copy)]
struct PassedCuts {
    at: Instant,
    before: Timestamp,
}

impl Default for CutConfirmation {
    /// No cut is confirmed before an answer.
    fn default() -> Self {
        Self { before: Timestamp::MIN, passed: None }
    }
}

impl CutConfirmation {
    /// True if a cut may be stored.
    pub(super) fn confirms(&self, cut: Timestamp) -> bool {
        cut < self.before
    }

    /// Takes an answer with the topics of the start to a question of the time `asked`. By `now` every partition has
    /// passed the cuts before `passed_before`.
    pub(super) fn confirm(&mut self, asked: Instant, now: Instant, passed_before: Option<Timestamp>) {
        match self.passed {
            Some(passed) if asked <= passed.at => return,
            Some(passed) => self.before = self.before.max(passed.before),
            None => {}
        }
        self.passed = passed_before.map(|before| PassedCuts { at: now, before });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn cut(hour: i64) -> Timestamp {
        Timestamp::from_millis(hour * 3_600_000)
    }

    #[test]
    fn a_cut_is_confirmed_by_a_question_after_it_was_whole() {
        let start = Instant::now();
        let second = |number| start + Duration::from_secs(number);
        let mut confirmation = CutConfirmation::default();
        // An answer takes a second.
        confirmation.confirm(second(0), second(1), Some(cut(5)));
        assert!(!confirmation.confirms(cut(4)), "records of the first second may be of another topic");
        confirmation.confirm(second(1), second(2), Some(cut(7)));
        assert!(!confirmation.confirms(cut(4)), "asked at the very time");
        confirmation.confirm(second(3), second(4), Some(cut(9)));
        assert!(confirmation.confirms(cut(4)) && !confirmation.confirms(cut(5)));
        confirmation.confirm(second(5), second(6), None);
        assert!(confirmation.confirms(cut(8)) && !confirmation.confirms(cut(9)));
        confirmation.confirm(second(7), second(8), Some(cut(2)));
        confirmation.confirm(second(9), second(10), Some(cut(2)));
        assert!(confirmation.confirms(cut(8)), "what was confirmed stays confirmed");
    }

    proptest! {
        /// Questions are asked one after another, each once the answer to the one before has come.
        #[test]
        fn no_cut_is_confirmed_that_was_not_whole_when_asked(
            questions in prop::collection::vec((0..5_u64, 0..5_u64, 0..3_i64), 1..30),
        ) {
            let (start, mut now, mut hour) = (Instant::now(), 0, 0);
            let mut confirmation = CutConfirmation::default();
            // Hour before which every cut was whole, by second.
            let mut whole = vec![0];
            for (pause, delay, passed) in questions {
                let asked = now + pause;
                whole.resize(asked as usize + 1, hour);
                now = asked + delay;
                hour += passed;
                whole.resize(now as usize + 1, hour);
                let second = |number| start + Duration::from_secs(number);
                confirmation.confirm(second(asked), second(now), Some(cut(hour)));
                prop_assert!(!confirmation.confirms(cut(whole[asked as usize])));
            }
        }
    }
}
