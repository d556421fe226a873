//! Share of a period's plan that has passed at an instant, by the target's working calendar.

use super::Target;
use crate::calendar::Interval;
use crate::clock::{Millis, Timestamp};

/// Plan of a period at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// `F`: share of the plan before the instant, 0 to 1. It never decreases, is constant while the calendar is closed,
    /// and is 1 once no open time is left. A period without any open time has its whole plan at its end.
    pub share: f64,
    /// Open time of the period before the instant.
    pub open_elapsed: Millis,
    /// Open time of the period from the instant on.
    pub open_left: Millis,
    /// Weight of the period divided by its weight without holidays and exceptions, at most 1.
    pub proration: f64,
}

impl Plan {
    /// Plan of a target's period at `now`, which is clamped to the period.
    ///
    /// The share is the calendar's weight (weekdays, half days, profile of the day) from the start to `now`, divided by
    /// that of the whole period.
    pub fn of(target: &Target, period: Interval, now: Timestamp) -> Self {
        let now = now.clamp(period.start, period.end);
        let (before, after) = (Interval { start: period.start, end: now }, Interval { start: now, end: period.end });
        let calendar = &target.calendar;
        let weight = |interval| calendar.weight(interval, target.profile.as_ref());
        let (open_elapsed, open_left) = (calendar.open_time(before), calendar.open_time(after));
        let (passed, whole) = (weight(before), weight(period));
        let share = match () {
            () if now == period.end || (open_left == 0 && whole > 0.0) => 1.0,
            () if whole > 0.0 => (passed / whole).clamp(0.0, 1.0),
            () => 0.0,
        };
        let regular = calendar.regular_weight(period);
        let proration = if regular > 0.0 { (calendar.weight(period, None) / regular).min(1.0) } else { 1.0 };
        Self { share, open_elapsed, open_left, proration }
    }
}

#[cfg(test)]
mod tests;
