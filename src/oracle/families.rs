//! The metric families that the oracle knows, with their labels. Written by hand, independent of the program's
//! catalogue.

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};

/// A metric family. Only [`TARGET_INFO`] has more than two labels.
#[derive(Debug)]
pub(super) struct OracleFamily {
    pub(super) name: &'static str,
    pub(super) labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets without `+Inf`; empty for counters and gauges.
    pub(super) bounds: &'static [Millis],
}

const fn family(name: &'static str, labels: &'static [&'static str]) -> OracleFamily {
    OracleFamily { name, labels, bounds: &[] }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], bounds: &'static [Millis]) -> OracleFamily {
    OracleFamily { name, labels, bounds }
}

const PROGRAMME: &[&str] = &["programme"];
const PROGRAMME_STATE: &[&str] = &["programme", "state"];

pub(super) static RECORDS: OracleFamily = family("pacemeter_records_total", &["stream", "outcome"]);
pub(super) static REJECTED: OracleFamily = family("pacemeter_rejected_records_total", &["stream", "reason"]);
pub(super) static CONFLICTS: OracleFamily = family("pacemeter_conflicts_total", &["stream"]);
pub(super) static UNMATCHED: OracleFamily = family("pacemeter_unmatched_events_total", &["stream", "event"]);
pub(super) static WATERMARK: OracleFamily = family("pacemeter_watermark_timestamp_seconds", &["stream"]);

pub(super) static UNMATCHED_PESOS: OracleFamily = family("pacemeter_unmatched_returned_pesos_total", PROGRAMME);
pub(super) static WAITING_PESOS: OracleFamily = family("pacemeter_waiting_returned_pesos", PROGRAMME);
pub(super) static DISBURSEMENT_EVENTS: OracleFamily =
    family("pacemeter_disbursement_events_total", &["programme", "event"]);
pub(super) static APPROVED_PESOS: OracleFamily = family("pacemeter_approved_pesos_total", PROGRAMME_STATE);
pub(super) static DISPERSED_PESOS: OracleFamily = family("pacemeter_dispersed_pesos_total", PROGRAMME_STATE);
pub(super) static RETURNED_PESOS: OracleFamily = family("pacemeter_returned_pesos_total", PROGRAMME_STATE);
pub(super) static BACKLOG_SUPPORTS: OracleFamily = family("pacemeter_backlog_supports", PROGRAMME);
pub(super) static BACKLOG_PESOS: OracleFamily = family("pacemeter_backlog_pesos", PROGRAMME);
pub(super) static BACKLOG_OLDEST: OracleFamily =
    family("pacemeter_backlog_oldest_approval_timestamp_seconds", PROGRAMME);

const SPAN_BOUNDS: &[Millis] = &[HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY];
pub(super) static APPLICATION_TO_APPROVAL: OracleFamily =
    histogram("pacemeter_application_to_approval_seconds", PROGRAMME, SPAN_BOUNDS);
pub(super) static APPROVAL_TO_DISPERSAL: OracleFamily =
    histogram("pacemeter_approval_to_dispersal_seconds", PROGRAMME, SPAN_BOUNDS);

pub(super) static BENEFICIARIES: OracleFamily = family("pacemeter_beneficiaries", PROGRAMME_STATE);
pub(super) static DAY_BENEFICIARIES: OracleFamily = family("pacemeter_day_beneficiaries", PROGRAMME_STATE);
pub(super) static DAY_DISPERSALS: OracleFamily = family("pacemeter_day_dispersals", PROGRAMME_STATE);
pub(super) static DAY_NET_PESOS: OracleFamily = family("pacemeter_day_net_pesos", PROGRAMME_STATE);
pub(super) static WEEK_BENEFICIARIES: OracleFamily = family("pacemeter_week_beneficiaries", PROGRAMME_STATE);
pub(super) static WEEK_DISPERSALS: OracleFamily = family("pacemeter_week_dispersals", PROGRAMME_STATE);
pub(super) static WEEK_NET_PESOS: OracleFamily = family("pacemeter_week_net_pesos", PROGRAMME_STATE);
pub(super) static MONTH_BENEFICIARIES: OracleFamily = family("pacemeter_month_beneficiaries", PROGRAMME_STATE);
pub(super) static MONTH_DISPERSALS: OracleFamily = family("pacemeter_month_dispersals", PROGRAMME_STATE);
pub(super) static MONTH_NET_PESOS: OracleFamily = family("pacemeter_month_net_pesos", PROGRAMME_STATE);
pub(super) static ROLLING_24H_BENEFICIARIES: OracleFamily =
    family("pacemeter_rolling_24h_beneficiaries", PROGRAMME_STATE);
pub(super) static ROLLING_24H_DISPERSALS: OracleFamily = family("pacemeter_rolling_24h_dispersals", PROGRAMME_STATE);
pub(super) static ROLLING_24H_NET_PESOS: OracleFamily = family("pacemeter_rolling_24h_net_pesos", PROGRAMME_STATE);
pub(super) static ROLLING_7D_BENEFICIARIES: OracleFamily =
    family("pacemeter_rolling_7d_beneficiaries", PROGRAMME_STATE);
pub(super) static ROLLING_7D_DISPERSALS: OracleFamily = family("pacemeter_rolling_7d_dispersals", PROGRAMME_STATE);
pub(super) static ROLLING_7D_NET_PESOS: OracleFamily = family("pacemeter_rolling_7d_net_pesos", PROGRAMME_STATE);
pub(super) static ROLLING_1H_DISPERSALS: OracleFamily = family("pacemeter_rolling_1h_dispersals", PROGRAMME_STATE);
pub(super) static ROLLING_1H_NET_PESOS: OracleFamily = family("pacemeter_rolling_1h_net_pesos", PROGRAMME_STATE);

pub(super) static CALL_EVENTS: OracleFamily = family("pacemeter_call_events_total", &["queue", "event"]);
pub(super) static ANSWERED_WITHIN_TARGET: OracleFamily =
    family("pacemeter_calls_answered_within_target_total", &["queue"]);
pub(super) static ABANDONED_SHORT: OracleFamily = family("pacemeter_calls_abandoned_short_total", &["queue"]);
pub(super) static CALLS_WAITING: OracleFamily = family("pacemeter_calls_waiting", &["queue"]);
pub(super) static CALL_WAIT: OracleFamily = histogram(
    "pacemeter_call_wait_seconds",
    &["queue", "outcome"],
    &[
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        20 * SECOND,
        30 * SECOND,
        60 * SECOND,
        120 * SECOND,
        300 * SECOND,
        600 * SECOND,
        1800 * SECOND,
    ],
);
pub(super) static CALL_HANDLE: OracleFamily = histogram(
    "pacemeter_call_handle_seconds",
    &["queue"],
    &[30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR],
);
pub(super) static AGENTS: OracleFamily = family("pacemeter_agents", &["site", "status"]);

pub(super) static MILESTONES: OracleFamily = family("pacemeter_milestones_total", &["initiative", "milestone"]);
pub(super) static MILESTONES_WITHDRAWN: OracleFamily =
    family("pacemeter_milestones_withdrawn_total", &["initiative", "milestone"]);

const TARGET: &[&str] = &["target"];
pub(super) static TARGET_INFO: OracleFamily =
    family("pacemeter_target_info", &["target", "measure", "period", "calendar", "description"]);
pub(super) static TARGET_GOAL: OracleFamily = family("pacemeter_target_goal", TARGET);
pub(super) static TARGET_ACTUAL: OracleFamily = family("pacemeter_target_actual", TARGET);
pub(super) static TARGET_PLAN: OracleFamily = family("pacemeter_target_plan", TARGET);
pub(super) static TARGET_SHORTFALL: OracleFamily = family("pacemeter_target_shortfall", TARGET);
pub(super) static TARGET_SHORTFALL_PESOS: OracleFamily = family("pacemeter_target_shortfall_pesos", TARGET);
pub(super) static TARGET_PROJECTION: OracleFamily = family("pacemeter_target_projection", TARGET);
pub(super) static TARGET_PACE: OracleFamily = family("pacemeter_target_pace_ratio", TARGET);
pub(super) static TARGET_REQUIRED: OracleFamily = family("pacemeter_target_required_per_open_hour", TARGET);
pub(super) static TARGET_ACHIEVED: OracleFamily = family("pacemeter_target_achieved_per_open_hour", TARGET);
pub(super) static TARGET_REMAINING: OracleFamily = family("pacemeter_target_remaining_open_seconds", TARGET);
pub(super) static TARGET_START: OracleFamily = family("pacemeter_target_period_start_timestamp_seconds", TARGET);
pub(super) static TARGET_END: OracleFamily = family("pacemeter_target_period_end_timestamp_seconds", TARGET);
pub(super) static TARGET_PREVIOUS_GOAL: OracleFamily = family("pacemeter_target_previous_goal", TARGET);
pub(super) static TARGET_PREVIOUS_ACTUAL: OracleFamily = family("pacemeter_target_previous_actual", TARGET);

/// Every family of [`super::Oracle::target_figures`].
pub(super) static TARGETS: [&OracleFamily; 15] = [
    &TARGET_INFO,
    &TARGET_GOAL,
    &TARGET_ACTUAL,
    &TARGET_PLAN,
    &TARGET_SHORTFALL,
    &TARGET_SHORTFALL_PESOS,
    &TARGET_PROJECTION,
    &TARGET_PACE,
    &TARGET_REQUIRED,
    &TARGET_ACHIEVED,
    &TARGET_REMAINING,
    &TARGET_START,
    &TARGET_END,
    &TARGET_PREVIOUS_GOAL,
    &TARGET_PREVIOUS_ACTUAL,
];

/// Every family of [`super::Oracle::figures`].
pub(super) static ALL: [&OracleFamily; 43] = [
    &RECORDS,
    &REJECTED,
    &CONFLICTS,
    &UNMATCHED,
    &WATERMARK,
    &UNMATCHED_PESOS,
    &WAITING_PESOS,
    &DISBURSEMENT_EVENTS,
    &APPROVED_PESOS,
    &DISPERSED_PESOS,
    &RETURNED_PESOS,
    &BACKLOG_SUPPORTS,
    &BACKLOG_PESOS,
    &BACKLOG_OLDEST,
    &APPLICATION_TO_APPROVAL,
    &APPROVAL_TO_DISPERSAL,
    &BENEFICIARIES,
    &DAY_BENEFICIARIES,
    &DAY_DISPERSALS,
    &DAY_NET_PESOS,
    &WEEK_BENEFICIARIES,
    &WEEK_DISPERSALS,
    &WEEK_NET_PESOS,
    &MONTH_BENEFICIARIES,
    &MONTH_DISPERSALS,
    &MONTH_NET_PESOS,
    &ROLLING_24H_BENEFICIARIES,
    &ROLLING_24H_DISPERSALS,
    &ROLLING_24H_NET_PESOS,
    &ROLLING_7D_BENEFICIARIES,
    &ROLLING_7D_DISPERSALS,
    &ROLLING_7D_NET_PESOS,
    &ROLLING_1H_DISPERSALS,
    &ROLLING_1H_NET_PESOS,
    &CALL_EVENTS,
    &ANSWERED_WITHIN_TARGET,
    &ABANDONED_SHORT,
    &CALLS_WAITING,
    &CALL_WAIT,
    &CALL_HANDLE,
    &AGENTS,
    &MILESTONES,
    &MILESTONES_WITHDRAWN,
];
