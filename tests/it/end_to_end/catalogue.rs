//! Metric families, listed by hand from docs/metrics.md: a change of the code's catalogue must not change this list.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use pacemeter::telemetry;

use crate::exposition::Exposition;

/// Business families, which are absent until the figures are complete.
pub const BUSINESS: &[(&str, &str, &[&str])] = &[
    ("pacemeter_records_total", "counter", &["stream", "outcome"]),
    ("pacemeter_rejected_records_total", "counter", &["stream", "reason"]),
    ("pacemeter_conflicts_total", "counter", &["stream"]),
    ("pacemeter_unmatched_events_total", "counter", &["stream", "event"]),
    ("pacemeter_unmatched_returned_pesos_total", "counter", &["programme"]),
    ("pacemeter_waiting_returned_pesos", "gauge", &["programme"]),
    ("pacemeter_disbursement_events_total", "counter", &["programme", "event"]),
    ("pacemeter_approved_pesos_total", "counter", &["programme", "state"]),
    ("pacemeter_dispersed_pesos_total", "counter", &["programme", "state"]),
    ("pacemeter_returned_pesos_total", "counter", &["programme", "state"]),
    ("pacemeter_beneficiaries", "gauge", &["programme", "state"]),
    ("pacemeter_day_beneficiaries", "gauge", &["programme", "state"]),
    ("pacemeter_day_dispersals", "gauge", &["programme", "state"]),
    ("pacemeter_day_net_pesos", "gauge", &["programme", "state"]),
    ("pacemeter_week_beneficiaries", "gauge", &["programme", "state"]),
    ("pacemeter_week_dispersals", "gauge", &["programme", "state"]),
    ("pacemeter_week_net_pesos", "gauge", &["programme", "state"]),
    ("pacemeter_month_beneficiaries", "gauge", &["programme", "state"]),
    ("pacemeter_month_dispersals", "gauge", &["programme", "state"]),
    ("pacemeter_month_net_pesos", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_24h_beneficiaries", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_24h_dispersals", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_24h_net_pesos", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_7d_beneficiaries", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_7d_dispersals", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_7d_net_pesos", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_1h_dispersals", "gauge", &["programme", "state"]),
    ("pacemeter_rolling_1h_net_pesos", "gauge", &["programme", "state"]),
    ("pacemeter_backlog_supports", "gauge", &["programme"]),
    ("pacemeter_backlog_pesos", "gauge", &["programme"]),
    ("pacemeter_backlog_oldest_approval_timestamp_seconds", "gauge", &["programme"]),
    ("pacemeter_application_to_approval_seconds", "histogram", &["programme"]),
    ("pacemeter_approval_to_dispersal_seconds", "histogram", &["programme"]),
    ("pacemeter_call_events_total", "counter", &["queue", "event"]),
    ("pacemeter_calls_answered_within_target_total", "counter", &["queue"]),
    ("pacemeter_calls_abandoned_short_total", "counter", &["queue"]),
    ("pacemeter_call_wait_seconds", "histogram", &["queue", "outcome"]),
    ("pacemeter_call_handle_seconds", "histogram", &["queue"]),
    ("pacemeter_calls_waiting", "gauge", &["queue"]),
    ("pacemeter_agents", "gauge", &["site", "status"]),
    ("pacemeter_milestones_total", "counter", &["initiative", "milestone"]),
    ("pacemeter_milestones_withdrawn_total", "counter", &["initiative", "milestone"]),
    ("pacemeter_watermark_timestamp_seconds", "gauge", &["stream"]),
    ("pacemeter_history_start_offset", "gauge", &["topic", "partition"]),
    ("pacemeter_state_built_timestamp_seconds", "gauge", &[]),
];

/// Other families that must be exposed.
const OTHERS: &[(&str, &str, &[&str])] = &[
    ("pacemeter_unlisted_labels_total", "counter", &["label"]),
    ("pacemeter_complete_until_timestamp_seconds", "gauge", &["stream"]),
    ("pacemeter_ready", "gauge", &[]),
    ("pacemeter_build_info", "gauge", &["version"]),
];

/// Families of the code's catalogue whose series appear only after events that do not occur in these tests, or with TLS.
const UNPROVOKED: &[&str] = &[
    "pacemeter_series_dropped_total",
    "pacemeter_log_suppressed_total",
    "pacemeter_http_certificate_not_after_timestamp_seconds",
];

/// Asserts that a scrape has exactly the families of these lists and of the code's catalogue, and that promtool accepts
/// it. The topics must contain every kind of event, and offsets must be committed.
pub fn assert_complete(text: &str) {
    let scrape = Exposition::parse(text);
    for (name, kind, labels) in BUSINESS.iter().chain(OTHERS) {
        assert_eq!(scrape.families.get(*name).map(String::as_str), Some(*kind), "type of {name}");
        let expected: BTreeSet<&str> = labels.iter().copied().collect();
        let suffix = if *kind == "histogram" { "_count" } else { "" };
        let sample = format!("{name}{suffix}");
        let mut series = scrape.all(&sample).map(|(series, _)| series).peekable();
        assert!(series.peek().is_some(), "{name} has no series");
        for series in series {
            let labels: BTreeSet<&str> = series.labels.keys().map(String::as_str).collect();
            // The build may add labels besides its version.
            let is_as_expected =
                if *name == "pacemeter_build_info" { labels.is_superset(&expected) } else { labels == expected };
            assert!(is_as_expected, "labels of {series}, expected {expected:?}");
        }
    }
    let catalogued: BTreeSet<&str> = telemetry::catalogue::all().map(|family| family.name).collect();
    let shown: BTreeSet<&str> = scrape.families.keys().map(String::as_str).collect();
    let unknown: Vec<_> = shown.difference(&catalogued).collect();
    assert!(unknown.is_empty(), "families in no catalogue: {unknown:?}");
    let missing: Vec<_> = catalogued.difference(&shown).filter(|name| !UNPROVOKED.contains(name)).collect();
    assert!(missing.is_empty(), "catalogued families that are not exposed: {missing:?}");
    assert_promtool_is_quiet(text);
}

/// Asserts that no business family is exposed.
pub fn assert_no_business(scrape: &Exposition) {
    let found: Vec<&str> = BUSINESS.iter().map(|(name, ..)| *name).filter(|name| scrape.has(name)).collect();
    assert!(found.is_empty(), "business families must be absent until figures are complete: {found:?}");
}

/// Asserts that Prometheus's linter accepts the text without remarks.
pub fn assert_promtool_is_quiet(text: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed; scripts/test installs it");
    // promtool reads everything before it writes, so neither side blocks the other.
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool exits");
    let remarks = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && remarks.is_empty(),
        "promtool check metrics: {}",
        String::from_utf8_lossy(&remarks)
    );
}
