//! Clock for tests of the built program: `pacemeter run` and `demo` at another time and speed than the machine.

use std::env;
use std::env::VarError;

use super::{Clock, Millis, Timestamp, wall_time};

/// Environment variable with the clock's parameters: `ORIGIN@ANCHORxSPEED`, such as `1589176800000@1732252000000x120`.
///
/// The clock shows ORIGIN when the system clock shows ANCHOR (both in milliseconds since the epoch), and advances SPEED
/// seconds per second. A process that is restarted with the same text continues on the same time line. For tests only,
/// therefore no setting.
pub(crate) const TEST_CLOCK: &str = "PACEMETER_TEST_CLOCK";

/// Malformed value of the environment variable `PACEMETER_TEST_CLOCK`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "environment variable {TEST_CLOCK} is malformed; unset it, or for tests write ORIGIN@ANCHORxSPEED with SPEED above 0 and at most 86400"
)]
pub struct ClockVariableError;

impl Clock {
    /// System clock, or the clock that the environment variable `PACEMETER_TEST_CLOCK` describes. Returns true in the second case.
    ///
    /// # Errors
    ///
    /// The variable is malformed.
    pub fn from_environment() -> Result<(Self, bool), ClockVariableError> {
        match env::var(TEST_CLOCK) {
            Ok(text) => Self::moved(&text).map(|clock| (clock, true)),
            Err(VarError::NotPresent) => Ok((Self::wall(), false)),
            Err(VarError::NotUnicode(_)) => Err(ClockVariableError),
        }
    }

    /// Clock described by `text`, in the form of the environment variable `PACEMETER_TEST_CLOCK`.
    ///
    /// # Errors
    ///
    /// The text is malformed.
    pub fn moved(text: &str) -> Result<Self, ClockVariableError> {
        let parsed = parse(text).ok_or(ClockVariableError)?;
        Ok(Self::accelerated(parsed.at(wall_time()), parsed.speed))
    }
}

#[derive(Debug, PartialEq)]
struct TimeMapping {
    origin: Timestamp,
    anchor: Timestamp,
    /// Seconds per second of the system clock.
    speed: f64,
}

impl TimeMapping {
    /// Time shown when the system clock shows `wall`.
    fn at(&self, wall: Timestamp) -> Timestamp {
        let elapsed = wall.saturating_since(self.anchor) as f64 * self.speed;
        self.origin.saturating_add(elapsed as Millis)
    }
}

fn parse(text: &str) -> Option<TimeMapping> {
    let (origin, rest) = text.split_once('@')?;
    let (anchor, speed) = rest.split_once('x')?;
    let time = |millis: &str| millis.parse().ok().map(Timestamp::from_millis);
    let speed = speed.parse().ok().filter(|speed| *speed > 0.0 && *speed <= 86_400.0)?;
    Some(TimeMapping { origin: time(origin)?, anchor: time(anchor)?, speed })
}

#[cfg(test)]
mod tests {
    use super::{Clock, ClockVariableError, TimeMapping, parse};
    use crate::clock::{HOUR, MINUTE, SECOND, Timestamp};

    #[test]
    fn it_shows_the_origin_at_the_anchor() {
        let mapping = parse("1589176800000@1732252000000x120").unwrap();
        assert_eq!(
            mapping,
            TimeMapping {
                origin: Timestamp::from_millis(1_589_176_800_000),
                anchor: Timestamp::from_millis(1_732_252_000_000),
                speed: 120.0
            }
        );
        let shown = |seconds: i64| mapping.at(mapping.anchor + seconds * SECOND) - mapping.origin;
        assert_eq!([shown(0), shown(1), shown(30), shown(-30)], [0, 2 * MINUTE, HOUR, -HOUR]);
    }

    #[test]
    fn two_clocks_of_one_text_show_the_same_time() {
        let text = "1589176800000@1732252000000x0.5";
        let (first, second) = (Clock::moved(text).unwrap(), Clock::moved(text).unwrap());
        assert!(
            (second.now() - first.now()).abs() < MINUTE,
            "created one after the other, they show {first:?} and {second:?}"
        );
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in
            ["", "1@2", "1x2", "1@2x", "1@2x0", "1@2x-1", "1@2xNaN", "1@2xinf", "1@2x86401", "a@2x1", "1@bx1", " 1@2x1"]
        {
            assert_eq!(Clock::moved(text).map(|_| ()), Err(ClockVariableError), "{text:?}");
        }
    }
}
