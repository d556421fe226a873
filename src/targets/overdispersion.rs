//! Overdispersion: the factor by which counts vary more than those of a Poisson process, estimated from complete
//! periods.
//!
//! The estimate is Pearson's chi-square over its degrees of freedom (McCullagh and Nelder, Generalized Linear Models,
//! section 4.5). Days are compared with their share of their own period's total, so good and bad weeks count alike and
//! only the scatter around the plan's shape counts. It contains everything that makes days differ from the plan:
//! payments in files, a bank outage on a Tuesday, inexact weights.

/// Overdispersion assumed with fewer than [`LEAST_PERIODS`] usable periods.
pub const DEFAULT_OVERDISPERSION: f64 = 4.0;

/// Minimum number of past periods for an estimate.
pub const LEAST_PERIODS: usize = 4;

/// Number of consecutive days that serve as one period for targets by the day.
const DAYS_TOGETHER: usize = 7;

/// A local day of a period that is complete.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastDay {
    /// Share of the period's plan, in any unit common to its days; 0 for a closed day.
    pub share: f64,
    /// Number of events; for money, of payments.
    pub count: f64,
}

/// The days of a period that is complete.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PastPeriod(pub Vec<PastDay>);

/// Minimum count of a period: the chi-square of a single event is the same on whichever day it falls.
const LEAST_COUNT: f64 = 2.0;

/// Estimates the overdispersion φ, at least 1. Returns [`DEFAULT_OVERDISPERSION`] with fewer than [`LEAST_PERIODS`]
/// usable periods: those with two events or more, on two open days or more of which some may have none.
///
/// Days without a share of the plan are ignored with their counts: the plan expects nothing of them, so their deviation
/// is undefined.
pub fn overdispersion(past: &[PastPeriod]) -> f64 {
    let usable: Vec<(f64, usize)> = past.iter().filter_map(PastPeriod::chi_square).collect();
    if usable.len() < LEAST_PERIODS {
        return DEFAULT_OVERDISPERSION;
    }
    let chi_square: f64 = usable.iter().map(|(chi_square, _)| chi_square).sum();
    let freedom: usize = usable.iter().map(|(_, freedom)| freedom).sum();
    (chi_square / freedom as f64).max(1.0)
}

/// Groups consecutive days into periods of seven, from the latest back; the remainder of the oldest is dropped.
pub fn weeks_of_days(days: &[PastDay]) -> Vec<PastPeriod> {
    days.rchunks_exact(DAYS_TOGETHER).rev().map(|days| PastPeriod(days.to_vec())).collect()
}

impl PastPeriod {
    /// Pearson's chi-square and its degrees of freedom; `None` for a period with fewer than two open days or events.
    fn chi_square(&self) -> Option<(f64, usize)> {
        let open: Vec<&PastDay> = self.0.iter().filter(|day| day.share > 0.0).collect();
        let counted: f64 = open.iter().map(|day| day.count).sum();
        let planned: f64 = open.iter().map(|day| day.share).sum();
        let is_usable = open.len() > 1 && counted >= LEAST_COUNT && planned.is_finite();
        is_usable.then(|| {
            let deviations = open.iter().map(|day| {
                let expected = counted * day.share / planned;
                (day.count - expected).powi(2) / expected
            });
            (deviations.sum(), open.len() - 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(days: &[(f64, f64)]) -> PastPeriod {
        PastPeriod(days.iter().map(|&(share, count)| PastDay { share, count }).collect())
    }

    #[test]
    fn it_is_chi_square_over_freedom_pooled_over_periods() {
        // Expected counts are 50 and 50: (10^2 + 10^2) / 50 = 4 with one degree of freedom. The chi-squares of the
        // others are 0 with one, one and two degrees.
        let periods =
            [period(&[(0.5, 60.0), (0.5, 40.0)]), period(&[(0.5, 7.0), (0.5, 7.0)]), period(&[(0.2, 1.0), (0.8, 4.0)])];
        let last = period(&[(1.0, 3.0), (1.0, 3.0), (2.0, 6.0)]);
        let periods: Vec<_> = periods.into_iter().chain([last]).collect();
        assert_eq!(overdispersion(&periods), 1.0, "4 over 5 is less than 1");
        let scattered = vec![period(&[(0.5, 70.0), (0.5, 30.0)]); 4];
        assert_eq!(overdispersion(&scattered), 16.0);
    }

    #[test]
    fn days_without_a_share_are_ignored() {
        let with = vec![period(&[(0.5, 70.0), (0.5, 30.0), (0.0, 500.0)]); 4];
        let without = vec![period(&[(0.5, 70.0), (0.5, 30.0)]); 4];
        assert_eq!(overdispersion(&with), overdispersion(&without));
    }

    #[test]
    fn it_is_4_before_four_usable_periods() {
        let week = period(&[(0.5, 70.0), (0.5, 30.0)]);
        let nothing = period(&[(0.5, 0.0), (0.5, 0.0)]);
        let one_day = period(&[(1.0, 80.0), (0.0, 3.0)]);
        assert_eq!(overdispersion(&[]), DEFAULT_OVERDISPERSION);
        assert_eq!(
            overdispersion(&[week.clone(), week.clone(), week.clone(), nothing, one_day]),
            DEFAULT_OVERDISPERSION
        );
        assert_eq!(overdispersion(&vec![week; 4]), 16.0);
    }

    #[test]
    fn single_events_say_nothing_of_scatter() {
        let single = period(&[(0.2, 0.0), (0.2, 1.0), (0.2, 0.0), (0.2, 0.0), (0.2, 0.0)]);
        let two_at_once = period(&[(0.2, 0.0), (0.2, 2.0), (0.2, 0.0), (0.2, 0.0), (0.2, 0.0)]);
        assert_eq!(overdispersion(&vec![single.clone(); 40]), DEFAULT_OVERDISPERSION);
        // The count squared over the expected 0.4, less the count, over four degrees of freedom.
        assert!((overdispersion(&vec![two_at_once.clone(); 4]) - 2.0).abs() < 1e-9);
        let mixed = [vec![two_at_once; 3], vec![single]].concat();
        assert_eq!(overdispersion(&mixed), DEFAULT_OVERDISPERSION);
    }

    #[test]
    fn payments_on_one_day_of_each_week_scatter_most() {
        let file = period(&[(0.2, 0.0), (0.2, 500.0), (0.2, 0.0), (0.2, 0.0), (0.2, 0.0)]);
        assert!((overdispersion(&vec![file; 4]) - 500.0).abs() < 1e-9);
    }

    #[test]
    fn days_are_grouped_by_seven_from_the_latest_back() {
        let days: Vec<_> = (0..16_u32).map(|day| PastDay { share: 1.0, count: f64::from(day) }).collect();
        let weeks = weeks_of_days(&days);
        assert_eq!(weeks.len(), 2);
        assert_eq!(weeks[0].0, days[2..9]);
        assert_eq!(weeks[1].0, days[9..]);
    }
}
