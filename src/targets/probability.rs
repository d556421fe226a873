//! Probability that a goal is attained, given the count so far and the share of the plan that has passed.
//!
//! The model is Gamma-Poisson. `A` events were counted while the share `F` of the plan passed. Events come in clumps:
//! counts vary φ times (the overdispersion) as much as those of a Poisson process ([`super::overdispersion`]). In units
//! of φ events counts are about Poisson: those so far, `A/φ`, have mean `λF`; those still to come have mean `λ(1 - F)`.
//!
//! - The rate `λ` is unknown. With Jeffreys' prior of a Poisson mean, `λ^(-1/2)`, its distribution after `A/φ` events
//!   in `F` is Gamma(`r = A/φ + 1/2`, rate `F`) (Gelman et al., Bayesian Data Analysis, section 2.6 for the conjugate
//!   pair, 2.8 for the prior).
//! - A Poisson count whose mean is `1 - F` times such a rate is negative binomial with `r` and success probability
//!   `F / (F + 1 - F) = F`.
//! - Its upper tail is the regularised incomplete beta function (DLMF 8.17.24): `P(X >= k) = I_{1-F}(k, r)`.
//! - `T - A` events are missing. With the continuity correction the tail at `k` covers everything above `k - 1/2` units
//!   of φ, and the goal needs everything above `T - A - 1/2` events. Hence `k = (T - A - 1/2)/φ + 1/2`; for φ = 1 it is
//!   `T - A`, which is exact.
//!
//! # Quantiles
//!
//! This model also gives the range in which the count lies once the share `F'` of the plan has passed ([`range_at`]; at
//! period end `F'` is 1). The count still to come until then is negative binomial with `r` and success probability
//! `p = F / F'`, and the quantile of order `q` is the count `M` with `P(X >= k) = I_{1-p}(k, r) = 1 - q` for
//! `k = (M - 1/2)/φ + 1/2`. It begins with the expansion of Cornish and Fisher in the cumulants of that distribution
//! (Abramowitz and Stegun 26.2.49 and 26.1.20: mean `r(1-p)/p`, variance `r(1-p)/p²`, skewness
//! `(2-p)/sqrt(r(1-p))`, excess kurtosis `6/r + p²/(r(1-p))`), whose error shrinks with `r`, and below
//! [`MOST_REFINED`] is refined by bisection.
//!
//! The model has no trend within the period: events continue at the rate so far, measured by the plan.
//!
//! The incomplete beta function comes from the crate `special` (algorithm AS 63). docs/targets.md repeats the formulas
//! for users.

#[cfg(test)]
mod calibration;

use special::Beta;

/// Minimum share of the plan for a probability. Below it the prior would decide, not the counts.
pub const LEAST_SHARE: f64 = 0.01;

/// Maximum count in units of φ; larger ones are scaled down to it. At this count the rate is known to one in three
/// thousand, which is enough, and the function's time grows with the root of its arguments (about 10 µs for 100,000
/// events at an overdispersion of 4, at most 0.2 ms).
const MOST_UNITS: f64 = 1e7;

/// Distance from 0 and 1 that the model keeps: these stand for a certain outcome, and no model is as sure.
const DOUBT: f64 = 1e-12;

/// Certain probability: 1 once the goal is reached, 0 once no open time is left, else `None`. Amounts are in any unit.
///
/// A later return may undo an attained goal; until then it counts as attained.
pub fn certain(goal: f64, actual: f64, share: f64) -> Option<f64> {
    match () {
        () if actual >= goal => Some(1.0),
        () if share >= 1.0 => Some(0.0),
        () => None,
    }
}

/// Probability that the count at period end is at least `goal`, given `actual` after `share` (0 to 1) of the plan. It is 0
/// or 1 only for a certain outcome.
///
/// Counts are of events; for money, of payments. `overdispersion` is at least 1. Returns `None` below [`LEAST_SHARE`]
/// unless the outcome is certain, and for arguments that are not finite.
pub fn attainment(goal: f64, actual: f64, share: f64, overdispersion: f64) -> Option<f64> {
    if ![goal, actual, share, overdispersion].iter().all(|value| value.is_finite()) {
        return None;
    }
    let certain = certain(goal, actual, share);
    if certain.is_some() || share < LEAST_SHARE {
        return certain;
    }
    let missing = (goal - actual).max(1.0);
    let overdispersion = overdispersion.max(1.0).max((missing + actual.max(0.0)) / MOST_UNITS);
    let least = (missing - 0.5) / overdispersion + 0.5;
    let shape = actual.max(0.0) / overdispersion + 0.5;
    Some((1.0 - share).inc_beta(least, shape, least.ln_beta(shape)).clamp(DOUBT, 1.0 - DOUBT))
}

/// Normal quantile of 90 %.
const NORMAL_90: f64 = 1.281_551_565_544_6;
/// Shape `r` and mean count, in units of φ, up to which a quantile is refined; beyond, the expansion is exact to less than
/// a hundredth of a standard deviation.
const MOST_REFINED: f64 = 300.0;
/// Number of halvings of an interval of at most some thousand units of φ.
const HALVINGS: usize = 30;

/// Quantiles of 10 % and 90 % of a count: it is within them with a probability of eight in ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CountRange {
    /// Quantile of 10 %.
    pub low: f64,
    /// Quantile of 90 %.
    pub high: f64,
}

/// Range of the count once the share `until` of the plan has passed, given `actual` after `share`; see the head of this
/// module.
///
/// Counts are of events, as for [`attainment`]. Returns `None` below [`LEAST_SHARE`], and for arguments that are not
/// finite.
pub fn range_at(actual: f64, share: f64, until: f64, overdispersion: f64) -> Option<CountRange> {
    if ![actual, share, until, overdispersion].iter().all(|value| value.is_finite()) || share < LEAST_SHARE {
        return None;
    }
    let (share, until) = (share.min(1.0), until.min(1.0));
    if until <= share {
        return Some(CountRange { low: actual, high: actual });
    }
    let overdispersion = overdispersion.max(1.0);
    let (shape, success) = (actual.max(0.0) / overdispersion + 0.5, share / until);
    let quantile = |normal: f64, upper_tail: f64| {
        let units = units_to_come(shape, success, normal, upper_tail);
        actual + (units * overdispersion + 0.5).max(0.0)
    };
    Some(CountRange { low: quantile(-NORMAL_90, 0.9), high: quantile(NORMAL_90, 0.1) })
}

/// Quantile of a negative binomial count, less 1/2, taken as continuous.
fn units_to_come(shape: f64, success: f64, normal: f64, upper_tail: f64) -> f64 {
    let failure = 1.0 - success;
    let (mean, deviation) = (shape * failure / success, (shape * failure).sqrt() / success);
    let skewness = (1.0 + failure) / (shape * failure).sqrt();
    let kurtosis = 6.0 / shape + success * success / (shape * failure);
    let expansion =
        normal + skewness * (normal.powi(2) - 1.0) / 6.0 + kurtosis * (normal.powi(3) - 3.0 * normal) / 24.0
            - skewness.powi(2) * (2.0 * normal.powi(3) - 5.0 * normal) / 36.0;
    let expanded = mean + deviation * expansion;
    if shape > MOST_REFINED && mean > MOST_REFINED {
        return expanded;
    }
    // The tail falls from 1, at -1/2 units, to 0.
    let tail = |units: f64| failure.inc_beta(units + 0.5, shape, (units + 0.5).ln_beta(shape));
    let (mut low, mut high) = (-0.5, (mean + 12.0 * deviation).max(expanded).max(1.0));
    if shape > MOST_REFINED || mean > MOST_REFINED {
        // A bracket around the expansion, where it holds: fewer units to search.
        let (below, above) = ((expanded - deviation).max(low), (expanded + deviation).min(high));
        if below > low && tail(below) > upper_tail && tail(above) < upper_tail {
            (low, high) = (below, above);
        }
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle > -0.5 && tail(middle) < upper_tail {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod quantiles;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `P(X >= least)` of a negative binomial, summed term by term.
    fn tail(least: u32, shape: f64, share: f64) -> f64 {
        let mut term = share.powf(shape);
        let mut below = 0.0;
        for count in 0..least {
            below += term;
            term *= (f64::from(count) + shape) / f64::from(count + 1) * (1.0 - share);
        }
        1.0 - below
    }

    #[test]
    fn without_overdispersion_it_is_the_negative_binomial_tail() {
        for (goal, actual, share) in
            [(10.0, 4.0, 0.5), (1.0, 0.0, 0.3), (300.0, 100.0, 0.3), (300.0, 90.0, 0.35), (50.0, 49.0, 0.9)]
        {
            let expected = tail((goal - actual) as u32, actual + 0.5, share);
            let probability = attainment(goal, actual, share, 1.0).unwrap();
            assert!(
                (probability - expected).abs() < 1e-9,
                "{goal} {actual} {share}: {probability}, expected {expected}"
            );
        }
    }

    /// Expected values: the beta density integrated to forty digits with mpmath.
    #[test]
    fn large_counts_are_exact_too() {
        for (least, shape, share, expected) in [
            (49_699.5, 50_300.5, 0.5, 0.971_319_019_305),
            (12_624.875, 12_375.5, 0.5, 0.057_373_201_652),
            (4_998_999.5, 5_001_000.5, 0.5, 0.736_558_658_846),
            (499_999_999.5_f64, 500_000_000.5, 0.5_f64, 0.500_012_615_663),
        ] {
            let probability = (1.0 - share).inc_beta(least, shape, least.ln_beta(shape));
            assert!((probability - expected).abs() < 1e-6, "{least} {shape}: {probability}, expected {expected}");
        }
    }

    #[test]
    fn it_is_1_or_0_if_certain_and_absent_without_counts() {
        assert_eq!(attainment(100.0, 100.0, 0.0, 4.0), Some(1.0));
        assert_eq!(attainment(100.0, 99.0, 1.0, 4.0), Some(0.0));
        assert_eq!(attainment(0.0, 0.0, 0.0, 4.0), Some(1.0));
        assert_eq!(attainment(100.0, 0.0, 0.0, 4.0), None);
        assert_eq!(attainment(f64::NAN, 0.0, 0.5, 4.0), None);
    }

    #[test]
    fn it_is_neither_0_nor_1_unless_certain() {
        assert_eq!(attainment(1e6, 1.0, 0.99, 1.0), Some(DOUBT));
        assert_eq!(attainment(1e6, 999_999.0, 0.5, 1.0), Some(1.0 - DOUBT));
    }

    #[test]
    fn on_plan_it_is_one_half_and_overdispersion_flattens_it() {
        let on_plan = attainment(100_000.0, 50_000.0, 0.5, 4.0).unwrap();
        assert!((on_plan - 0.5).abs() < 0.01, "{on_plan}");
        let of = |actual, overdispersion| attainment(100_000.0, actual, 0.5, overdispersion).unwrap();
        assert!(of(51_000.0, 1.0) > of(51_000.0, 50.0) && of(51_000.0, 50.0) > 0.5);
        assert!(of(49_000.0, 1.0) < of(49_000.0, 50.0) && of(49_000.0, 50.0) < 0.5);
    }

    proptest! {
        #[test]
        fn it_is_a_probability_that_grows_with_the_count(
            goal in 1_u64..1_000_000_000_000, part in 0.0..1.1_f64, more in 1_u64..100_000, share in 0.01..1.0_f64, overdispersion in 1.0..500.0_f64,
        ) {
            let actual = (goal as f64 * part).floor();
            let less = attainment(goal as f64, actual, share, overdispersion).unwrap();
            let greater = attainment(goal as f64, actual + more as f64, share, overdispersion).unwrap();
            prop_assert!((0.0..=1.0).contains(&less));
            prop_assert_eq!(less == 0.0 || less == 1.0, certain(goal as f64, actual, share).is_some());
            // At ten million units the function is exact to eight digits.
            prop_assert!(greater >= less - 1e-7, "{less} {greater}");
        }
    }
}
