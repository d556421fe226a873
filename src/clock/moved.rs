//! A clock for tests of the built program: `pacemeter run` lives at another instant than the machine, and faster.

use std::env;
use std::env::VarError;

use super::{Clock, Millis, wall_millis};

/// The variable that moves it: `ORIGIN@ANCHORxSPEED`, such as `1589176800000@1732252000000x120`. When the machine's clock shows ANCHOR, the
/// program's shows ORIGIN (both in milliseconds since the epoch), and it advances SPEED seconds a second. A process that is started again with
/// the same text goes on where time has come to meanwhile. For tests only, and no setting: it is in no file.
const VARIABLE: &str = "CLOCK";

/// What is wrong with the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the environment variable {VARIABLE} moves the clock for tests and is not ORIGIN@ANCHORxSPEED, with SPEED above 0 and at most 86400"
)]
pub struct MovedError;

impl Clock {
    /// The machine's clock, unless the environment moves it, which comes second.
    ///
    /// # Errors
    /// If it is not clear whereto.
    pub fn of_environment() -> Result<(Self, bool), MovedError> {
        match env::var(VARIABLE) {
            Ok(text) => Self::moved(&text).map(|clock| (clock, true)),
            Err(VarError::NotPresent) => Ok((Self::wall(), false)),
            Err(VarError::NotUnicode(_)) => Err(MovedError),
        }
    }

    /// A clock as `CLOCK` describes it.
    ///
    /// # Errors
    /// If the text does not.
    pub fn moved(text: &str) -> Result<Self, MovedError> {
        let parsed = parse(text).ok_or(MovedError)?;
        Ok(Self::accelerated(parsed.at(wall_millis()), parsed.speed))
    }
}

#[derive(Debug, PartialEq)]
struct Moved {
    origin: Millis,
    anchor: Millis,
    /// Seconds a second.
    speed: f64,
}

impl Moved {
    /// What it shows when the machine's clock shows `wall`.
    fn at(&self, wall: Millis) -> Millis {
        let passed = wall.saturating_sub(self.anchor) as f64 * self.speed;
        self.origin.saturating_add(passed as Millis)
    }
}

fn parse(text: &str) -> Option<Moved> {
    let (origin, rest) = text.split_once('@')?;
    let (anchor, speed) = rest.split_once('x')?;
    let speed = speed.parse().ok().filter(|speed| *speed > 0.0 && *speed <= 86_400.0)?;
    Some(Moved { origin: origin.parse().ok()?, anchor: anchor.parse().ok()?, speed })
}

#[cfg(test)]
mod tests {
    use super::{Clock, Moved, MovedError, parse};
    use crate::clock::{HOUR, MINUTE, SECOND};

    #[test]
    fn it_shows_the_origin_at_the_anchor_and_runs_both_ways() {
        let moved = parse("1589176800000@1732252000000x120").unwrap();
        assert_eq!(moved, Moved { origin: 1_589_176_800_000, anchor: 1_732_252_000_000, speed: 120.0 });
        let shown = |seconds: i64| moved.at(moved.anchor + seconds * SECOND) - moved.origin;
        assert_eq!([shown(0), shown(1), shown(30), shown(-30)], [0, 2 * MINUTE, HOUR, -HOUR]);
    }

    #[test]
    fn two_clocks_of_one_text_show_the_same_time() {
        let text = "1589176800000@1732252000000x0.5";
        let (first, second) = (Clock::moved(text).unwrap(), Clock::moved(text).unwrap());
        assert!(
            (second.now() - first.now()).abs() < MINUTE,
            "started at different times, they show {first:?} and {second:?}"
        );
    }

    #[test]
    fn whatever_does_not_say_all_three_moves_nothing() {
        for text in
            ["", "1@2", "1x2", "1@2x", "1@2x0", "1@2x-1", "1@2xNaN", "1@2xinf", "1@2x86401", "a@2x1", "1@bx1", " 1@2x1"]
        {
            assert_eq!(Clock::moved(text).map(|_| ()), Err(MovedError), "{text:?}");
        }
    }
}
