//! The families of the contract's section 3 that the ledger knows, with their labels in the contract's order.

use crate::clock::{DAY, HOUR, MINUTE, Millis, SECOND};

/// A metric family. None has more than two labels of its own, but for [`TARGET_INFO`].
#[derive(Debug)]
pub struct Family {
    pub name: &'static str,
    pub labels: &'static [&'static str],
    /// The upper bounds of a histogram's buckets but for `+Inf`; empty for what is no histogram.
    pub bounds: &'static [Millis],
}

const fn family(name: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, labels, bounds: &[] }
}

const fn histogram(name: &'static str, labels: &'static [&'static str], bounds: &'static [Millis]) -> Family {
    Family { name, labels, bounds }
}

const PROGRAMME: &[&str] = &["programme"];
const PROGRAMME_STATE: &[&str] = &["programme", "state"];

pub static RECORDS: Family = family("pacemeter_records_total", &["stream", "outcome"]);
pub static REJECTED: Family = family("pacemeter_rejected_records_total", &["stream", "reason"]);
pub static CONFLICTS: Family = family("pacemeter_conflicts_total", &["stream"]);
pub static UNMATCHED: Family = family("pacemeter_unmatched_events_total", &["stream", "event"]);
pub static WATERMARK: Family = family("pacemeter_watermark_timestamp_seconds", &["stream"]);

pub static UNMATCHED_PESOS: Family = family("pacemeter_unmatched_returned_pesos_total", PROGRAMME);
pub static WAITING_PESOS: Family = family("pacemeter_waiting_returned_pesos", PROGRAMME);
pub static DISBURSEMENT_EVENTS: Family = family("pacemeter_disbursement_events_total", &["programme", "event"]);
pub static APPROVED_PESOS: Family = family("pacemeter_approved_pesos_total", PROGRAMME_STATE);
pub static DISPERSED_PESOS: Family = family("pacemeter_dispersed_pesos_total", PROGRAMME_STATE);
pub static RETURNED_PESOS: Family = family("pacemeter_returned_pesos_total", PROGRAMME_STATE);
pub static BACKLOG_SUPPORTS: Family = family("pacemeter_backlog_supports", PROGRAMME);
pub static BACKLOG_PESOS: Family = family("pacemeter_backlog_pesos", PROGRAMME);
pub static BACKLOG_OLDEST: Family = family("pacemeter_backlog_oldest_approval_timestamp_seconds", PROGRAMME);

const SPAN_BOUNDS: &[Millis] = &[HOUR, 6 * HOUR, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 60 * DAY];
pub static APPLICATION_TO_APPROVAL: Family = histogram("pacemeter_application_to_approval_seconds", PROGRAMME, SPAN_BOUNDS);
pub static APPROVAL_TO_DISPERSAL: Family = histogram("pacemeter_approval_to_dispersal_seconds", PROGRAMME, SPAN_BOUNDS);

pub static BENEFICIARIES: Family = family("pacemeter_beneficiaries", PROGRAMME_STATE);
pub static DAY_BENEFICIARIES: Family = family("pacemeter_day_beneficiaries", PROGRAMME_STATE);
pub static DAY_DISPERSALS: Family = family("pacemeter_day_dispersals", PROGRAMME_STATE);
pub static DAY_NET_PESOS: Family = family("pacemeter_day_net_pesos", PROGRAMME_STATE);
pub static WEEK_BENEFICIARIES: Family = family("pacemeter_week_beneficiaries", PROGRAMME_STATE);
pub static WEEK_DISPERSALS: Family = family("pacemeter_week_dispersals", PROGRAMME_STATE);
pub static WEEK_NET_PESOS: Family = family("pacemeter_week_net_pesos", PROGRAMME_STATE);
pub static MONTH_BENEFICIARIES: Family = family("pacemeter_month_beneficiaries", PROGRAMME_STATE);
pub static MONTH_DISPERSALS: Family = family("pacemeter_month_dispersals", PROGRAMME_STATE);
pub static MONTH_NET_PESOS: Family = family("pacemeter_month_net_pesos", PROGRAMME_STATE);
pub static ROLLING_24H_BENEFICIARIES: Family = family("pacemeter_rolling_24h_beneficiaries", PROGRAMME_STATE);
pub static ROLLING_24H_DISPERSALS: Family = family("pacemeter_rolling_24h_dispersals", PROGRAMME_STATE);
pub static ROLLING_24H_NET_PESOS: Family = family("pacemeter_rolling_24h_net_pesos", PROGRAMME_STATE);
pub static ROLLING_7D_BENEFICIARIES: Family = family("pacemeter_rolling_7d_beneficiaries", PROGRAMME_STATE);
pub static ROLLING_7D_DISPERSALS: Family = family("pacemeter_rolling_7d_dispersals", PROGRAMME_STATE);
pub static ROLLING_7D_NET_PESOS: Family = family("pacemeter_rolling_7d_net_pesos", PROGRAMME_STATE);
pub static ROLLING_1H_DISPERSALS: Family = family("pacemeter_rolling_1h_dispersals", PROGRAMME_STATE);
pub static ROLLING_1H_NET_PESOS: Family = family("pacemeter_rolling_1h_net_pesos", PROGRAMME_STATE);

pub static CALL_EVENTS: Family = family("pacemeter_call_events_total", &["queue", "event"]);
pub static ANSWERED_WITHIN_TARGET: Family = family("pacemeter_calls_answered_within_target_total", &["queue"]);
pub static ABANDONED_SHORT: Family = family("pacemeter_calls_abandoned_short_total", &["queue"]);
pub static CALLS_WAITING: Family = family("pacemeter_calls_waiting", &["queue"]);
pub static CALL_WAIT: Family = histogram(
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
pub static CALL_HANDLE: Family = histogram(
    "pacemeter_call_handle_seconds",
    &["queue"],
    &[30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR],
);
pub static AGENTS: Family = family("pacemeter_agents", &["site", "status"]);

pub static MILESTONES: Family = family("pacemeter_milestones_total", &["initiative", "milestone"]);
pub static MILESTONES_WITHDRAWN: Family = family("pacemeter_milestones_withdrawn_total", &["initiative", "milestone"]);

const TARGET: &[&str] = &["target"];
pub static TARGET_INFO: Family = family("pacemeter_target_info", &["target", "measure", "period", "calendar"]);
pub static TARGET_GOAL: Family = family("pacemeter_target_goal", TARGET);
pub static TARGET_ACTUAL: Family = family("pacemeter_target_actual", TARGET);
pub static TARGET_PLAN: Family = family("pacemeter_target_plan", TARGET);
pub static TARGET_SHORTFALL: Family = family("pacemeter_target_shortfall", TARGET);
pub static TARGET_SHORTFALL_PESOS: Family = family("pacemeter_target_shortfall_pesos", TARGET);
pub static TARGET_PROJECTION: Family = family("pacemeter_target_projection", TARGET);
pub static TARGET_PACE: Family = family("pacemeter_target_pace_ratio", TARGET);
pub static TARGET_REQUIRED: Family = family("pacemeter_target_required_per_open_hour", TARGET);
pub static TARGET_ACHIEVED: Family = family("pacemeter_target_achieved_per_open_hour", TARGET);
pub static TARGET_REMAINING: Family = family("pacemeter_target_remaining_open_seconds", TARGET);
pub static TARGET_START: Family = family("pacemeter_target_period_start_timestamp_seconds", TARGET);
pub static TARGET_END: Family = family("pacemeter_target_period_end_timestamp_seconds", TARGET);
pub static TARGET_PREVIOUS_GOAL: Family = family("pacemeter_target_previous_goal", TARGET);
pub static TARGET_PREVIOUS_ACTUAL: Family = family("pacemeter_target_previous_actual", TARGET);

/// Every family of [`super::Ledger::target_figures`].
pub static TARGETS: [&Family; 15] = [
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

/// Every family of [`super::Ledger::figures`].
pub static ALL: [&Family; 43] = [
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
