//! The shape of a week: the share of its volume in each hour, and the office hours.
//!
//! Hours are those of central Mexico, six hours behind UTC all year since 2022. A simulation uses them for earlier
//! years, too.

use fastrand::Rng;

use crate::clock::{DAY, HOUR, Millis, Timestamp};

const HOURS: usize = 7 * 24;
const WEEK: Millis = 7 * DAY;
/// From the epoch, a Thursday in UTC, to the first Monday that begins in central Mexico.
const FIRST_MONDAY: Timestamp = Timestamp::from_millis(4 * DAY + 6 * HOUR);

/// Beginning of the week of `time`: Monday 00:00 in central Mexico.
pub fn week_start(time: Timestamp) -> Timestamp {
    time - (time - FIRST_MONDAY).rem_euclid(WEEK)
}

/// Hour of the week of `time`, from 0 (Monday 00:00) to 167.
pub(super) fn hour_of_week(time: Timestamp) -> usize {
    ((time - week_start(time)) / HOUR) as usize
}

/// A weekly volume spread over the hours of the week.
#[derive(Debug)]
pub(super) struct Profile {
    /// Share of the week's volume before each hour, and 1 at the end.
    before: [f64; HOURS + 1],
}

impl Profile {
    /// Profile from the weights of the days, Monday to Sunday, and of the hours of a day.
    pub(super) fn new(days: [u32; 7], hours: [u32; 24]) -> Self {
        let total = f64::from(days.iter().sum::<u32>()) * f64::from(hours.iter().sum::<u32>());
        let mut before = [0.0; HOURS + 1];
        let mut sum = 0.0;
        for hour in 0..HOURS {
            sum += f64::from(days[hour / 24]) * f64::from(hours[hour % 24]);
            before[hour + 1] = sum / total;
        }
        before[HOURS] = 1.0;
        Self { before }
    }

    /// Profile of offices: weekdays, and a little on Saturday.
    pub(super) fn offices() -> Self {
        Self::new(
            [22, 20, 20, 19, 16, 3, 0],
            [0, 0, 0, 0, 0, 0, 0, 1, 4, 8, 10, 10, 9, 8, 6, 6, 8, 8, 5, 2, 0, 0, 0, 0],
        )
    }

    /// Profile of applications, online and at the counter: by day, every day.
    pub(super) fn applications() -> Self {
        Self::new(
            [20, 18, 17, 16, 15, 8, 6],
            [1, 0, 0, 0, 0, 1, 2, 4, 7, 10, 11, 11, 10, 9, 8, 8, 9, 9, 8, 7, 6, 5, 3, 2],
        )
    }

    /// Profile of the call centre: Monday is the busiest day.
    pub(super) fn calls() -> Self {
        Self::new(
            [25, 20, 18, 16, 14, 5, 2],
            [0, 0, 0, 0, 0, 0, 0, 2, 8, 12, 13, 12, 11, 9, 8, 9, 9, 8, 6, 4, 2, 0, 0, 0],
        )
    }

    /// Number of events in an hour of the week; all hours add up to exactly `weekly`.
    pub(super) fn planned(&self, weekly: u64, hour: usize) -> u64 {
        let until = |hour: usize| (self.before[hour] * weekly as f64).round() as u64;
        until(hour + 1) - until(hour)
    }
}

/// Returns `time` if it is in office hours (weekdays, 9 to 17), else a random instant in the next ones.
pub(super) fn office_hours(time: Timestamp, rng: &mut Rng) -> Timestamp {
    let hour = hour_of_week(time);
    let (day, of_day) = (hour / 24, hour % 24);
    if day < 5 && (9..17).contains(&of_day) {
        return time;
    }
    let midnight = week_start(time) + day as Millis * DAY;
    let next = match (day, of_day) {
        (0..5, 0..9) => midnight,
        (0..4, _) => midnight + DAY,
        _ => week_start(time) + WEEK,
    };
    next + 9 * HOUR + rng.i64(0..8 * HOUR)
}
