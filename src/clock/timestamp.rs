//! [`Timestamp`]: a point in time that cannot be taken for a length of time.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Millis;

/// Point in time: milliseconds since the Unix epoch, stored and written as that number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every other time.
    pub const MIN: Self = Self(i64::MIN);
    /// After every other time.
    pub const MAX: Self = Self(i64::MAX);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Time that is `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Time that is `seconds` after the epoch, rounded to milliseconds.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1_000.0).round() as i64)
    }

    /// Seconds since the epoch.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// Time rounded down to a multiple of `unit` since the epoch (a minute, a quarter of an hour, an hour).
    pub fn floor(self, unit: Millis) -> Self {
        Self(self.0 - self.0.rem_euclid(unit))
    }

    /// `self + by`, at most [`Timestamp::MAX`].
    pub const fn saturating_add(self, by: Millis) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// `self - by`, at least [`Timestamp::MIN`].
    pub const fn saturating_sub(self, by: Millis) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// Length of time from `earlier` to `self`, negative if `earlier` is later; saturates.
    pub const fn saturating_since(self, earlier: Self) -> Millis {
        self.0.saturating_sub(earlier.0)
    }

    /// Time for the calendar, which knows the years -9999 to 9999; one outside becomes its first or last.
    pub fn to_jiff(self) -> jiff::Timestamp {
        let nearest = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(nearest)
    }
}

/// RFC 3339 in UTC with the decimals of the formatter's precision; outside the years -9999 to 9999, which only a broken
/// producer stamps, milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self(time.as_millisecond())
    }
}

/// Reads RFC 3339.
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(Self::from)
    }
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, by: Millis) -> Self {
        Self(self.0 + by)
    }
}

impl AddAssign<Millis> for Timestamp {
    fn add_assign(&mut self, by: Millis) {
        self.0 += by;
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Self;

    fn sub(self, by: Millis) -> Self {
        Self(self.0 - by)
    }
}

impl SubAssign<Millis> for Timestamp {
    fn sub_assign(&mut self, by: Millis) {
        self.0 -= by;
    }
}

impl Sub for Timestamp {
    type Output = Millis;

    fn sub(self, earlier: Self) -> Millis {
        self.0 - earlier.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{DAY, HOUR, MINUTE};

    #[test]
    fn a_time_is_stored_and_written_as_its_number() {
        let time = Timestamp::from_millis(1_589_558_400_123);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1589558400123");
        assert_eq!(postcard::to_allocvec(&time).unwrap(), postcard::to_allocvec(&1_589_558_400_123_i64).unwrap());
    }

    #[test]
    fn text_is_rfc_3339_and_a_number_outside_the_calendar() {
        let time: Timestamp = "2020-05-15T16:00:00.123Z".parse().unwrap();
        assert_eq!(time, Timestamp::from_millis(1_589_558_400_123));
        assert_eq!(
            format!("{time} {time:.0} {:.3}", Timestamp::EPOCH),
            "2020-05-15T16:00:00.123Z 2020-05-15T16:00:00Z 1970-01-01T00:00:00.000Z"
        );
        assert_eq!(Timestamp::MAX.to_string(), i64::MAX.to_string());
        assert_eq!((Timestamp::MIN.to_jiff(), Timestamp::MAX.to_jiff()), (jiff::Timestamp::MIN, jiff::Timestamp::MAX));
    }

    #[test]
    fn times_before_the_epoch_are_rounded_down_too() {
        let time = Timestamp::EPOCH - MINUTE;
        assert_eq!((time.floor(HOUR), time.floor(DAY)), (Timestamp::EPOCH - HOUR, Timestamp::EPOCH - DAY));
        assert_eq!(
            (Timestamp::MIN.saturating_sub(1), Timestamp::MIN.saturating_since(Timestamp::MAX)),
            (Timestamp::MIN, i64::MIN)
        );
    }
}
