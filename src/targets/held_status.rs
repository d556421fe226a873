//! Status of a target that does not flicker: a judgement is replaced by another one only once that has held for a while.
//!
//! Counts scatter, so figures near a bound of the rules would change their status with every payment. What is a fact
//! (unknown, reached, closed) and the beginning of a period are shown at once. Pure: the instants come from outside.

use super::status::PaceStatus;
use crate::calendar::Interval;
use crate::clock::{Millis, Timestamp};

/// Status as shown, since when, and the judgement that may replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldStatus {
    /// Status as shown.
    pub status: PaceStatus,
    /// Instant at which the status began; `None` if it began before the start of the process.
    pub since: Option<Timestamp>,
    subject: StatusSubject,
    /// Another judgement, and since when the figures say so without a break.
    candidate: Option<(PaceStatus, Timestamp)>,
}

/// Figures that a status is of: what is counted, and in which period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusSubject {
    /// Fingerprint of what the target counts; see [`Target::selection`](super::Target::selection).
    pub selection: u64,
    /// Bounds of the period.
    pub period: Interval,
}

impl HeldStatus {
    /// Status of the first figures, which began at an unknown time.
    pub fn first(status: PaceStatus, subject: StatusSubject) -> Self {
        Self { status, since: None, subject, candidate: None }
    }

    /// Status that began at this time.
    #[cfg(test)]
    pub(crate) fn since(status: PaceStatus, subject: StatusSubject, since: Timestamp) -> Self {
        Self { since: Some(since), ..Self::first(status, subject) }
    }

    /// Status after figures at `now` have the status `found`. A judgement must hold for `hold`.
    #[must_use]
    pub fn observed(self, found: PaceStatus, subject: StatusSubject, now: Timestamp, hold: Millis) -> Self {
        let is_same_subject = self.subject == subject;
        if found == self.status && (is_same_subject || found == PaceStatus::Unknown) {
            return Self { subject, candidate: None, ..self };
        }
        let at_once = Self { status: found, since: Some(now), subject, candidate: None };
        if !is_same_subject || !found.is_judgement() || !(self.status.is_judgement() || self.status.is_early()) {
            return at_once;
        }
        // A clock that went back begins anew.
        let known = self.candidate.filter(|&(status, since)| status == found && since <= now);
        let since = known.map_or(now, |(_, since)| since);
        if now - since >= hold {
            return Self { since: Some(since), ..at_once };
        }
        Self { candidate: Some((found, since)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, MINUTE, SECOND};

    const HOLD: Millis = 2 * MINUTE;

    fn at(millis: Millis) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn subject(day: i64) -> StatusSubject {
        StatusSubject { selection: 7, period: Interval { start: at(day * DAY), end: at((day + 1) * DAY) } }
    }

    /// Shown statuses, each with its beginning, after a first status and figures at these instants.
    fn shown(first: PaceStatus, figures: &[(Millis, PaceStatus)]) -> Vec<(PaceStatus, Option<Millis>)> {
        let mut held = HeldStatus::first(first, subject(0));
        let each = |&(now, found): &(Millis, PaceStatus)| {
            held = held.observed(found, subject(0), at(now), HOLD);
            (held.status, held.since.map(Timestamp::as_millis))
        };
        figures.iter().map(each).collect()
    }

    #[test]
    fn a_judgement_changes_once_another_has_held() {
        use PaceStatus::{Behind, OnPace};
        let figures = [(0, OnPace), (SECOND, Behind), (HOLD, Behind), (SECOND + HOLD, Behind), (HOLD * 2, Behind)];
        let expected = [(OnPace, None), (OnPace, None), (OnPace, None), (Behind, Some(SECOND)), (Behind, Some(SECOND))];
        assert_eq!(shown(OnPace, &figures), expected);
    }

    #[test]
    fn a_judgement_that_is_interrupted_begins_anew() {
        use PaceStatus::{Ahead, Behind, OnPace};
        let figures = [(0, Behind), (MINUTE, OnPace), (2 * MINUTE, Behind), (3 * MINUTE, Behind), (4 * MINUTE, Ahead)];
        assert_eq!(shown(OnPace, &figures), [(OnPace, None); 5]);
    }

    #[test]
    fn facts_are_shown_at_once() {
        use PaceStatus::{Behind, Closed, OnPace, Reached, Starting, Unknown};
        let figures = [(1, Unknown), (2, OnPace), (3, Reached), (4, Behind)];
        let expected = [(Unknown, Some(1)), (OnPace, Some(2)), (Reached, Some(3)), (Behind, Some(4))];
        assert_eq!(shown(OnPace, &figures), expected);
        assert_eq!(shown(Closed, &[(1, Starting), (2, Behind)]), [(Starting, Some(1)), (Starting, Some(1))]);
    }

    #[test]
    fn a_new_period_or_selection_begins_anew() {
        let held = HeldStatus::first(PaceStatus::OnPace, subject(0));
        let next = held.observed(PaceStatus::Behind, subject(1), at(DAY), HOLD);
        assert_eq!((next.status, next.since), (PaceStatus::Behind, Some(at(DAY))));
        let other = StatusSubject { selection: 8, ..subject(0) };
        assert_eq!(held.observed(PaceStatus::OnPace, other, at(5), HOLD).since, Some(at(5)));
        let unknown = HeldStatus::first(PaceStatus::Unknown, subject(0));
        assert_eq!(unknown.observed(PaceStatus::Unknown, subject(1), at(DAY), HOLD).since, None);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_end_the_hold() {
        let held = HeldStatus::first(PaceStatus::OnPace, subject(0));
        let waits = held.observed(PaceStatus::Behind, subject(0), at(HOLD), HOLD);
        let back = waits.observed(PaceStatus::Behind, subject(0), at(0), HOLD);
        assert_eq!(back.observed(PaceStatus::Behind, subject(0), at(HOLD - 1), HOLD).status, PaceStatus::OnPace);
        assert_eq!(back.observed(PaceStatus::Behind, subject(0), at(HOLD), HOLD).status, PaceStatus::Behind);
    }
}
