//! Expressions in PromQL, built from families of the catalogue. Every selector names the job.
//!
//! Every replica has the figures of the whole group, so figures are the maximum over the instances before anything is
//! added. Metrics of a process are selected by instance. No expression needs a recording rule.

use crate::telemetry::catalogue::{Family, business};

/// Window of the graphs' rates; Grafana chooses it from the interval of the scrapes.
pub(super) const RATE: &str = "$__rate_interval";
/// Window of figures that are said to be of the last hour.
pub(super) const HOUR: &str = "1h";
/// Window of figures that are said to be of the last day.
pub(super) const DAY: &str = "1d";
/// Window of figures of the whole time range.
pub(super) const RANGE: &str = "$__range";

/// Selects a family's series of the chosen job.
fn select(family: &Family, suffix: &str, matchers: &str) -> String {
    let comma = if matchers.is_empty() { "" } else { "," };
    format!("{}{suffix}{{job=~\"$job\"{comma}{matchers}}}", family.name)
}

/// Returns the newest figures of a family, without instances.
pub(super) fn figure(family: &Family, matchers: &str) -> String {
    format!("max without (instance) ({})", select(family, "", matchers))
}

/// Returns what a counter gained within `window`. Over a fixed window it is absent as soon as the counter is, and not
/// what was counted before.
pub(super) fn increase(family: &Family, matchers: &str, window: &str) -> String {
    increase_of(family, "", matchers, window)
}

/// Returns what the series of a histogram with this suffix gained within `window`.
pub(super) fn increase_of(family: &Family, suffix: &str, matchers: &str, window: &str) -> String {
    let series = select(family, suffix, matchers);
    if window == RATE {
        return format!("max without (instance) (increase({series}[{window}]))");
    }
    format!("max without (instance) (increase({series}[{window}]) and {series})")
}

/// Returns a counter's rate a second, without instances.
pub(super) fn rate(family: &Family, matchers: &str) -> String {
    format!("max without (instance) (rate({}[{RATE}]))", select(family, "", matchers))
}

/// Selects the process's own series of the chosen instances.
pub(super) fn own(family: &Family) -> String {
    own_of(family, "", "")
}

/// Selects the process's own series with this suffix, with further matchers.
pub(super) fn own_of(family: &Family, suffix: &str, matchers: &str) -> String {
    let comma = if matchers.is_empty() { "" } else { "," };
    select(family, suffix, &format!("instance=~\"$instance\"{comma}{matchers}"))
}

/// Returns the rate a second of a counter of the process.
pub(super) fn own_rate(family: &Family) -> String {
    format!("rate({}[{RATE}])", own(family))
}

/// Returns what a counter of the process gained between two points of a graph.
pub(super) fn own_increase(family: &Family) -> String {
    format!("increase({}[{RATE}])", own(family))
}

/// Keeps the job and these labels of a series that has no others but its name.
pub(super) fn keep(labels: &str, expression: &str) -> String {
    format!("max by (job, {labels}) ({expression})")
}

/// Sums over all labels but the job and these. Jobs are never added.
pub(super) fn sum_by(labels: &str, expression: &str) -> String {
    let comma = if labels.is_empty() { "" } else { ", " };
    format!("sum by (job{comma}{labels}) ({expression})")
}

/// Returns a quantile of a histogram's series, which are summed by these labels; absent without observations.
pub(super) fn quantile(share: f64, labels: &str, buckets: &str) -> String {
    let comma = if labels.is_empty() { "" } else { ", " };
    format!("histogram_quantile({share}, {}) >= 0", sum_by(&format!("le{comma}{labels}"), buckets))
}

/// Keeps figures of targets whose period has not ended. At the first instant of a period the newest sample can still be of
/// the period before.
pub(super) fn of_current_period(expression: &str) -> String {
    format!("{expression} and on (job, target) ({} > time())", figure(&business::TARGET_PERIOD_END, ""))
}

/// Keeps figures of the week until it ends, if there is a target of the week.
pub(super) fn of_current_week(expression: &str) -> String {
    let weekly = figure(&business::TARGET_INFO, "period=\"week\"");
    let end = format!("{} and on (job, target) {weekly}", figure(&business::TARGET_PERIOD_END, ""));
    format!("{expression} unless on (job) (max by (job) ({end}) <= time())")
}

/// Returns a share of two counters; absent while the whole is 0. It is at most 1, as two instances are not scraped at
/// one instant.
pub(super) fn share(part: &str, whole: &str) -> String {
    format!("clamp_max({}, 1)", ratio(part, whole))
}

/// Returns a quotient; absent while the divisor is 0, since panels would show NaN.
pub(super) fn ratio(part: &str, whole: &str) -> String {
    format!("{part} / ({whole} > 0)")
}
