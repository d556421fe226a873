//! Whether the probability means what it says: of the weeks given 70 to 80 %, about that share attains.
//!
//! Simulated programmes pay in clumps: clumps come as a Poisson process along the plan, their sizes are geometric of a mean `m`, so counts have a
//! dispersion of `2m - 1`. The rate of a week lies anywhere from 0.4 to 1.6 of what the goal needs, and a week is looked at once, anywhere from 15 to
//! 90 % of its plan.
//!
//! No way to draw a rate is neutral. Evenly in the root of the rate is what Jeffreys' prior takes for it; evenly in the rate itself shows how much
//! hangs on that.

use std::collections::VecDeque;

use fastrand::Rng;

use super::attainment;
use crate::targets::overdispersion::{PastDay, PastPeriod, overdispersion};

/// Of the plan, Monday to Friday; the weekend is closed.
const DAYS: [f64; 7] = [0.24, 0.22, 0.20, 0.18, 0.16, 0.0, 0.0];
const WEEKS: u32 = 80_000;

struct Programme {
    rng: Rng,
    goal: f64,
    mean_size: f64,
    /// How a week's rate is drawn, from what is even over 0 to 1: of what the goal needs.
    rate: fn(f64) -> f64,
}

fn evenly(random: f64) -> f64 {
    0.4 + 1.2 * random
}

fn evenly_in_the_root(random: f64) -> f64 {
    let (least, most) = (0.4_f64.sqrt(), 1.6_f64.sqrt());
    (least + (most - least) * random).powi(2)
}

/// What came when, in shares of the plan.
struct Week(Vec<(f64, f64)>);

impl Programme {
    fn week(&mut self) -> Week {
        let rate = self.goal * (self.rate)(self.rng.f64()) / self.mean_size;
        let (mut at, mut clumps) = (0.0, Vec::new());
        loop {
            at -= (1.0 - self.rng.f64()).ln() / rate;
            if at >= 1.0 {
                return Week(clumps);
            }
            let more = if self.mean_size > 1.0 {
                (1.0 - self.rng.f64()).ln() / (1.0 - 1.0 / self.mean_size).ln()
            } else {
                0.0
            };
            clumps.push((at, 1.0 + more.floor()));
        }
    }
}

impl Week {
    fn until(&self, share: f64) -> f64 {
        self.0.iter().filter(|(at, _)| *at < share).map(|(_, size)| size).sum()
    }

    fn days(&self) -> PastPeriod {
        let mut before = 0.0;
        let day = |share: f64| {
            let count = self.until(before + share) - self.until(before);
            before += share;
            PastDay { share, count }
        };
        PastPeriod(DAYS.map(day).to_vec())
    }
}

/// What the assessment takes for the overdispersion.
#[derive(Clone, Copy)]
enum Overdispersion {
    Of(f64),
    /// Learnt from so many of the programme's own last weeks.
    Learnt(usize),
}

/// For probabilities from 20 to 30 %, 45 to 55 % and 70 to 80 %: how many weeks were given them, their mean, and the share that attained.
fn calibration(mut programme: Programme, known: Overdispersion) -> [(f64, f64, f64); 3] {
    let mut bins = [(0.0, 0.0, 0.0); 3];
    let mut past = VecDeque::new();
    for _ in 0..WEEKS {
        let week = programme.week();
        let share = 0.15 + 0.75 * programme.rng.f64();
        let overdispersion = match known {
            Overdispersion::Of(known) => known,
            Overdispersion::Learnt(weeks) => {
                past.drain(..past.len().saturating_sub(weeks));
                overdispersion(past.make_contiguous())
            }
        };
        let probability = attainment(programme.goal, week.until(share), share, overdispersion).unwrap();
        let bin = [0.20..0.30, 0.45..0.55, 0.70..0.80].iter().position(|bin| bin.contains(&probability));
        if let Some((count, given, attained)) = bin.map(|bin| &mut bins[bin]) {
            *count += 1.0;
            *given += probability;
            *attained += f64::from(week.until(1.0) >= programme.goal);
        }
        past.push_back(week.days());
    }
    bins.map(|(count, given, attained)| (count, given / count, attained / count))
}

/// Each bin holds at least a thousand weeks, so that the standard error is at most 1.6 %.
#[track_caller]
fn assert_calibrated(programme: Programme, known: Overdispersion, bound: f64) {
    for (count, given, attained) in calibration(programme, known) {
        assert!(count >= 1_000.0, "only {count} weeks were given {given:.3}");
        assert!((attained - given).abs() < bound, "of {count} weeks given {given:.3} attained {attained:.3}");
    }
}

fn programme(goal: f64, mean_size: f64, rate: fn(f64) -> f64) -> Programme {
    Programme { rng: Rng::with_seed(2020), goal, mean_size, rate }
}

#[test]
fn it_is_calibrated_with_a_known_overdispersion() {
    for (goal, mean_size) in [(200.0, 1.0), (400.0, 2.5), (1_000.0, 5.0)] {
        let known = Overdispersion::Of(2.0 * mean_size - 1.0);
        assert_calibrated(programme(goal, mean_size, evenly_in_the_root), known, 0.035);
        assert_calibrated(programme(goal, mean_size, evenly), known, 0.05);
    }
}

/// Four and eight weeks tell the overdispersion to a third and a quarter of it.
#[test]
fn it_is_calibrated_with_an_estimated_overdispersion() {
    for weeks in [4, 8] {
        assert_calibrated(programme(400.0, 2.5, evenly_in_the_root), Overdispersion::Learnt(weeks), 0.035);
        assert_calibrated(programme(400.0, 2.5, evenly), Overdispersion::Learnt(weeks), 0.05);
    }
}

/// What the overdispersion is for.
#[test]
fn as_if_events_came_one_by_one_it_would_claim_too_much() {
    let [_, _, (_, given, attained)] =
        calibration(programme(1_000.0, 5.0, evenly_in_the_root), Overdispersion::Of(1.0));
    assert!(attained < given - 0.1, "of weeks given {given:.3} attained {attained:.3}");
}
