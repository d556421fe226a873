//! Quantiles compared with the tail, and with the mixture of the model integrated by numbers.

use proptest::prelude::*;

use super::*;

/// Logarithm of a gamma density with a shape and a rate.
fn gamma_density(rate_of: f64, shape: f64, rate: f64) -> f64 {
    use special::Gamma;
    (shape * rate.ln() + (shape - 1.0) * rate_of.ln() - rate * rate_of - Gamma::ln_gamma(shape).0).exp()
}

/// `P(X < least)` of a Poisson count.
fn poisson_below(least: u32, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = 0.0;
    for count in 0..least {
        sum += term;
        term *= mean / f64::from(count + 1);
    }
    sum
}

/// `P(X < least)` of the counts to come: Poisson tails weighted by the density of the rate, by Simpson's rule.
fn integrated(actual: f64, share: f64, until: f64, least: u32) -> f64 {
    const STEPS: usize = 4_000;
    let (shape, mean) = (actual + 0.5, (actual + 0.5) / share);
    let (from, to) = (1e-9, mean + 14.0 * shape.sqrt() / share);
    let width = (to - from) / STEPS as f64;
    let at = |rate: f64| gamma_density(rate, shape, share) * poisson_below(least, rate * (until - share));
    let inner: f64 =
        (1..STEPS).map(|step| at(from + step as f64 * width) * if step % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (at(from) + inner + at(to)) * width / 3.0
}

#[test]
fn quantiles_are_those_of_the_integrated_mixture() {
    for (actual, share, until) in [(40.0, 0.3, 1.0), (40.0, 0.3, 0.5), (9.0, 0.5, 1.0), (150.0, 0.2, 0.6)] {
        let range = range_at(actual, share, until, 1.0).unwrap();
        for (quantile, order) in [(range.low, 0.1), (range.high, 0.9)] {
            // A whole count holds what lies within 1/2 of it.
            let (whole, part) = ((quantile - actual).floor(), (quantile - actual).fract());
            let below = |least: f64| integrated(actual, share, until, least as u32);
            let expected = below(whole) + part * (below(whole + 1.0) - below(whole));
            assert!((expected - order).abs() < 2e-3, "{actual} {share} {until}: {expected}, expected {order}");
        }
    }
}

#[test]
fn an_expansion_is_as_good_as_the_search() {
    for (shape, success) in [(310.0, 0.4), (310.0, 0.05), (4_000.0, 0.9), (25_000.0, 0.5), (1e6, 0.3)] {
        for (normal, upper_tail) in [(-NORMAL_90, 0.9), (NORMAL_90, 0.1)] {
            let units = units_to_come(shape, success, normal, upper_tail);
            let tail = (1.0 - success).inc_beta(units + 0.5, shape, (units + 0.5).ln_beta(shape));
            assert!((tail - upper_tail).abs() < 1e-3, "{shape} {success}: {tail}, expected {upper_tail}");
        }
    }
}

#[test]
fn the_mocks_week_ends_in_its_range() {
    let range = range_at(55_032.0, 0.6306, 1.0, 4.0).unwrap();
    assert!((85_000.0..87_267.0).contains(&range.low) && (87_268.0..89_600.0).contains(&range.high), "{range:?}");
}

#[test]
fn nothing_to_come_leaves_no_range() {
    let none = CountRange { low: 7.0, high: 7.0 };
    assert_eq!(range_at(7.0, 0.4, 0.4, 4.0), Some(none));
    assert_eq!(range_at(7.0, 1.0, 1.0, 4.0), Some(none));
    assert_eq!(range_at(7.0, 0.001, 1.0, 4.0), None);
    assert_eq!(range_at(f64::NAN, 0.5, 1.0, 4.0), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_agrees_with_the_probability(
        actual in 0_u64..300_000, share in 0.01..0.999_f64, overdispersion in 1.0..200.0_f64,
    ) {
        let actual = actual as f64;
        let CountRange { low, high } = range_at(actual, share, 1.0, overdispersion).unwrap();
        prop_assert!(actual <= low && low <= high, "{low} {high}");
        for (quantile, probability) in [(low, 0.9), (high, 0.1)] {
            // Less than one event to come is no goal that the probability knows, and it scales the largest counts down.
            if quantile - actual > 1.0 && quantile < 1e6 * overdispersion {
                let found = attainment(quantile, actual, share, overdispersion).unwrap();
                prop_assert!((found - probability).abs() < 2e-3, "{quantile}: {found}, expected {probability}");
            }
        }
    }

    #[test]
    fn a_range_widens_until_the_end(
        actual in 0_u64..1_000_000, share in 0.02..0.9_f64, overdispersion in 1.0..50.0_f64,
    ) {
        let at = |until| range_at(actual as f64, share, until, overdispersion).unwrap();
        let steps: Vec<CountRange> = (0..=10).map(|step| at(share + (1.0 - share) * f64::from(step) / 10.0)).collect();
        for pair in steps.windows(2) {
            prop_assert!(pair[0].low <= pair[1].low + 1e-6 && pair[0].high <= pair[1].high + 1e-6, "{pair:?}");
        }
    }
}
