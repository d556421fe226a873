//! Arithmetic of the story: how many supports, contacts and businesses fall on each day. All sums are exact.
//!
//! Days are numbered from the first payment: day 0 is Monday, 4 May 2020, and day 88 the Friday on which the figures
//! were read out.

use std::ops::Range;

use super::{BUSINESSES, CONTACTS, DOMESTIC_WORKERS, SUPPORTS};
use crate::simulate::occurrence::mix;

/// Friday, 31 July: nothing is paid before its figures are read out.
pub(super) const LAST_DAY: i64 = 88;

/// Working days before the first payment, on which people apply and are approved. Friday, 1 May, is a holiday.
const EARLIER_WORKING_DAYS: [i64; 2] = [-5, -4];

/// Working day after the last one, for which people apply already.
const LATER_WORKING_DAY: i64 = 91;

/// Supports paid in each week (made up but for their sum); the last one ends on Thursday.
const WEEKS: [u64; 13] =
    [6_200, 11_400, 15_800, 18_900, 21_300, 23_600, 25_800, 27_900, 29_600, 31_800, 35_200, 41_500, 80_280];

/// Supports to be paid on Friday, 31 July, and on the Monday after it. The story ends before.
const TO_BE_PAID: [u64; 2] = [20_500, 18_000];

/// Contacts of a weekday relative to the others, Monday to Sunday: those of the calendar of the call centre.
const CONTACT_WEIGHTS: [u64; 7] = [10, 10, 10, 10, 10, 5, 3];

/// Distinct people paid in the last week, until the figures are read out.
pub const PEOPLE_OF_LAST_WEEK: u64 = WEEKS[12];

/// Numbers of what happens on each day.
#[derive(Debug)]
pub(super) struct StoryPlan {
    working_days: Vec<i64>,
    /// Number of the first support paid on each working day, and the number of all at the end.
    first_support: Vec<u64>,
    /// Contacts handled on each day from day 0 on.
    contacts: Vec<u64>,
    /// Businesses that join on each day from day 0 on.
    businesses: Vec<u64>,
}

impl StoryPlan {
    pub(super) fn new() -> Self {
        let weekdays = (0..=LAST_DAY).filter(|&day| is_weekday(day));
        let working_days: Vec<i64> =
            EARLIER_WORKING_DAYS.into_iter().chain(weekdays).chain([LATER_WORKING_DAY]).collect();
        let mut paid = vec![0; EARLIER_WORKING_DAYS.len()];
        for (week, total) in WEEKS.into_iter().enumerate() {
            let days = (0..5).map(|day| week as i64 * 7 + day).filter(|&day| day < LAST_DAY);
            let weights: Vec<u64> = days.map(|day| 95 + mix(day as u64) % 11).collect();
            paid.extend(split(total, &weights));
        }
        paid.extend(TO_BE_PAID);
        let first_support = std::iter::once(0).chain(paid.iter().scan(0, |sum, &count| {
            *sum += count;
            Some(*sum)
        }));
        let weights: Vec<u64> =
            (0..LAST_DAY as u64).map(|day| (20 + day / 7) * CONTACT_WEIGHTS[(day % 7) as usize]).collect();
        let open: Vec<u64> = (0..LAST_DAY).map(|day| u64::from(is_weekday(day))).collect();
        Self {
            working_days,
            first_support: first_support.collect(),
            contacts: split(CONTACTS, &weights),
            businesses: split(BUSINESSES, &open),
        }
    }

    /// Supports that are paid `later` working days after a day; none if the day is no working day.
    pub(super) fn paid_after(&self, day: i64, later: usize) -> Range<u64> {
        let Some(index) = self.working_days.iter().position(|&working| working == day) else { return 0..0 };
        match self.first_support.get(index + later..index + later + 2) {
            Some(&[first, end]) => first..end,
            _ => 0..0,
        }
    }

    /// Number of contacts handled on a day.
    pub(super) fn contacts(&self, day: i64) -> u64 {
        of_day(&self.contacts, day)
    }

    /// Number of businesses that join on a day.
    pub(super) fn businesses(&self, day: i64) -> u64 {
        of_day(&self.businesses, day)
    }
}

/// True if the support of this number is one for a domestic worker: every 64th, spread evenly.
pub(super) fn is_domestic_worker(support: u64) -> bool {
    (support + 1) * DOMESTIC_WORKERS / SUPPORTS > support * DOMESTIC_WORKERS / SUPPORTS
}

fn is_weekday(day: i64) -> bool {
    day.rem_euclid(7) < 5
}

fn of_day(counts: &[u64], day: i64) -> u64 {
    usize::try_from(day).ok().and_then(|day| counts.get(day)).copied().unwrap_or(0)
}

/// Splits a total by weights into whole numbers that add up to it.
fn split(total: u64, weights: &[u64]) -> Vec<u64> {
    let all: u64 = weights.iter().sum();
    let mut before = 0;
    let share = |weight: &u64| {
        let first = total * before / all;
        before += weight;
        total * before / all - first
    };
    weights.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> Range<i64> {
        EARLIER_WORKING_DAYS[0]..LAST_DAY
    }

    #[test]
    fn every_day_together_makes_the_public_figures() {
        let plan = StoryPlan::new();
        let sum = |count: &dyn Fn(i64) -> u64| days().map(count).sum::<u64>();
        let paid = |day| plan.paid_after(day, 0);
        assert_eq!(sum(&|day| paid(day).count() as u64), 369_280);
        assert_eq!(369_280 * 25_000, 9_232_000_000_u64);
        assert_eq!(sum(&|day| paid(day).filter(|&support| is_domestic_worker(support)).count() as u64), 5_759);
        assert_eq!(sum(&|day| plan.contacts(day)), 1_263_000);
        assert_eq!(sum(&|day| plan.businesses(day)), 3_660);
        assert_eq!((84..88).map(|day| paid(day).count() as u64).sum::<u64>(), PEOPLE_OF_LAST_WEEK);
    }

    #[test]
    fn supports_are_numbered_in_the_order_of_payment() {
        let plan = StoryPlan::new();
        let supports: Vec<u64> = days().flat_map(|day| plan.paid_after(day, 0)).collect();
        assert!(supports.iter().copied().eq(0..SUPPORTS));
        assert_eq!(plan.paid_after(0, 0), plan.paid_after(-4, 1));
        assert_eq!(plan.paid_after(0, 0), plan.paid_after(-5, 2));
        assert_eq!(plan.paid_after(-3, 1), 0..0, "a holiday");
        assert_eq!(plan.paid_after(5, 0), 0..0, "a Saturday");
    }

    #[test]
    fn what_is_approved_on_thursday_would_reach_the_goal_on_friday() {
        let plan = StoryPlan::new();
        let to_be_paid = plan.paid_after(87, 1);
        assert_eq!((to_be_paid.start, to_be_paid.end), (SUPPORTS, SUPPORTS + TO_BE_PAID[0]));
        assert!(PEOPLE_OF_LAST_WEEK + TO_BE_PAID[0] > 100_000);
        assert_eq!(plan.paid_after(87, 2).count() as u64, TO_BE_PAID[1]);
        assert_eq!(plan.paid_after(LAST_DAY, 0).start, SUPPORTS);
    }
}
