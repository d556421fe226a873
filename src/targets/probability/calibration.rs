//! Calibration of the probability: among weeks with a probability of 70 to 80 %, about that share attains the goal.
//!
//! Simulated programmes pay in clumps. Clumps form a Poisson process along the plan, and their sizes are geometric with
//! mean `m`, so the overdispersion of counts is `2m - 1`. The rate of a week is between 0.4 and 1.6 of the rate that
//! the goal needs. Each week is assessed once, at 15 to 90 % of its plan.
//!
//! No distribution of rates is neutral. Jeffreys' prior corresponds to rates that are uniform in their square root;
//! rates that are uniform themselves show how much depends on that choice.

use std::collections::VecDeque;

use fastrand::Rng;

use super::attainment;
use crate::targets::overdispersion::{PastDay, PastPeriod, overdispersion};

/// Share of the plan of each day, from Monday; the weekend is closed.
const DAYS: [f64; 7] = [0.24, 0.22, 0.20, 0.18, 0.16, 0.0, 0.0];
const WEEKS: u32 = 80_000;

struct Programme {
    rng: Rng,
    goal: f64,
    mean_size: f64,
    /// Maps a uniform number in 0 to 1 to a week's rate, relative to the rate that the goal needs.
    rate: fn(f64) -> f64,
}

fn uniform(random: f64) -> f64 {
    0.4 + 1.2 * random
}

fn uniform_in_the_root(random: f64) -> f64 {
    let (least, most) = (0.4_f64.sqrt(), 1.6_f64.sqrt());
    (least + (most - least) * random).powi(2)
}

/// Clumps of a week: share of the plan at their time, and size.
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

/// Source of the overdispersion that the assessment uses.
#[derive(Clone, Copy)]
enum Overdispersion {
    Known(f64),
    /// Estimated from this many of the programme's last weeks.
    Estimated(usize),
}

/// For probabilities of 20 to 30 %, 45 to 55 % and 70 to 80 %: number of weeks, mean probability, and share that
/// attained.
fn calibration(mut programme: Programme, source: Overdispersion) -> [(f64, f64, f64); 3] {
    let mut bins = [(0.0, 0.0, 0.0); 3];
    let mut past = VecDeque::new();
    for _ in 0..WEEKS {
        let week = programme.week();
        let share = 0.15 + 0.75 * programme.rng.f64();
        let overdispersion = match source {
            Overdispersion::Known(known) => known,
            Overdispersion::Estimated(weeks) => {
                past.drain(..past.len().saturating_sub(weeks));
                overdispersion(past.make_contiguous())
            }
        };
        let probability = attainment(programme.goal, week.until(share), share, overdispersion).unwrap();
        let bin = [0.20..0.30, 0.45..0.55, 0.70..0.80].iter().position(|bin| bin.contains(&probability));
        if let Some((count, predicted, attained)) = bin.map(|bin| &mut bins[bin]) {
            *count += 1.0;
            *predicted += probability;
            *attained += f64::from(week.until(1.0) >= programme.goal);
        }
        past.push_back(week.days());
    }
    bins.map(|(count, predicted, attained)| (count, predicted / count, attained / count))
}

/// Requires at least a thousand weeks in each bin, so that the standard error is at most 1.6 %.
#[track_caller]
fn assert_calibrated(programme: Programme, source: Overdispersion, bound: f64) {
    for (count, predicted, attained) in calibration(programme, source) {
        assert!(count >= 1_000.0, "only {count} weeks were predicted {predicted:.3}");
        assert!(
            (attained - predicted).abs() < bound,
            "of {count} weeks predicted {predicted:.3} attained {attained:.3}"
        );
    }
}

fn programme(goal: f64, mean_size: f64, rate: fn(f64) -> f64) -> Programme {
    Programme { rng: Rng::with_seed(2020), goal, mean_size, rate }
}

#[test]
fn it_is_calibrated_with_a_known_overdispersion() {
    for (goal, mean_size) in [(200.0, 1.0), (400.0, 2.5), (1_000.0, 5.0)] {
        let known = Overdispersion::Known(2.0 * mean_size - 1.0);
        assert_calibrated(programme(goal, mean_size, uniform_in_the_root), known, 0.035);
        assert_calibrated(programme(goal, mean_size, uniform), known, 0.05);
    }
}

/// The standard error of the overdispersion is a third of it after four weeks, and a quarter after eight.
#[test]
fn it_is_calibrated_with_an_estimated_overdispersion() {
    for weeks in [4, 8] {
        assert_calibrated(programme(400.0, 2.5, uniform_in_the_root), Overdispersion::Estimated(weeks), 0.035);
        assert_calibrated(programme(400.0, 2.5, uniform), Overdispersion::Estimated(weeks), 0.05);
    }
}

#[test]
fn without_overdispersion_it_is_too_confident() {
    let [_, _, (_, predicted, attained)] =
        calibration(programme(1_000.0, 5.0, uniform_in_the_root), Overdispersion::Known(1.0));
    assert!(attained < predicted - 0.1, "of weeks predicted {predicted:.3} attained {attained:.3}");
}
