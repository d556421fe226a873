//! The figures of the programme: the contract's section 3.

use super::MetricKind::{Counter, Gauge, Histogram};
use super::Unit::{Count, Info, Pesos, Quotient, Ratio, Seconds, UnixSeconds};
use super::{Family, families};
use crate::event::histogram_bounds;

const PROGRAMME: &[&str] = &["programme"];
const PROGRAMME_STATE: &[&str] = &["programme", "state"];
const STREAM: &[&str] = &["stream"];
const QUEUE: &[&str] = &["queue"];
const TARGET: &[&str] = &["target"];
/// What a target counts: people, dispersals, pesos (MXN), calls, a ratio.
const MEASURED: super::Unit = Count("of the target's measure");

families! {
    RECORDS = Family::business("pacemeter_records_total", Counter, &["stream", "outcome"], Count("records"),
        "Records read, by what became of them: applied, duplicate, rejected or expired; the four add up to every record read.");
    REJECTED_RECORDS = Family::business("pacemeter_rejected_records_total", Counter, &["stream", "reason"], Count("records"),
        "Records rejected, by the first fault found; they changed no figure and went to the dead-letter topic.");
    CONFLICTS = Family::business("pacemeter_conflicts_total", Counter, STREAM, Count("records"),
        "Duplicates whose type, time or data differ from the first record with their source and id; the first holds.");
    UNMATCHED_EVENTS = Family::business("pacemeter_unmatched_events_total", Counter, &["stream", "event"], Count("events"),
        "Events whose counterpart never came, counted when they are forgotten: a return of which something still waits, an answer or abandonment \
         without offer, a completion without answer or durations, an approval still open after the open horizon.");

    DISBURSEMENT_EVENTS = Family::business("pacemeter_disbursement_events_total", Counter, &["programme", "event"], Count("events"),
        "Disbursement events applied: supports applied for, approved, rejected, dispersed, returned.");
    APPROVED_PESOS = Family::business("pacemeter_approved_pesos_total", Counter, PROGRAMME_STATE, Pesos,
        "Amount of approvals, in pesos (MXN).");
    DISPERSED_PESOS = Family::business("pacemeter_dispersed_pesos_total", Counter, PROGRAMME_STATE, Pesos,
        "Amount dispersed at settlement, in pesos (MXN); returns are not taken off here.");
    RETURNED_PESOS = Family::business("pacemeter_returned_pesos_total", Counter, PROGRAMME_STATE, Pesos,
        "Amount taken back from dispersals by returns, in pesos (MXN), counted when matched, under the programme and state of the dispersal.");
    UNMATCHED_RETURNED_PESOS = Family::business("pacemeter_unmatched_returned_pesos_total", Counter, PROGRAMME, Pesos,
        "Amount of returns, in pesos (MXN), that found no dispersal to take back before their support was forgotten.");
    WAITING_RETURNED_PESOS = Family::business("pacemeter_waiting_returned_pesos", Gauge, PROGRAMME, Pesos,
        "Amount of returns, in pesos (MXN), that wait for a dispersal of their support.");

    BENEFICIARIES = Family::business("pacemeter_beneficiaries", Gauge, PROGRAMME_STATE, Count("people"),
        "Distinct people ever paid, of whose dispersals something is left; each counts once, under the state of the earliest such dispersal.");
    DAY_BENEFICIARIES = period("pacemeter_day_beneficiaries", Count("people"),
        "Distinct people paid in the current calendar day of the programme's time zone, of whose dispersals in it something is left; each \
         counts once, under the state of the earliest such dispersal.");
    DAY_DISPERSALS = period("pacemeter_day_dispersals", Count("dispersals"),
        "Dispersals in the current calendar day of the programme's time zone, returned ones included.");
    DAY_NET_PESOS = period("pacemeter_day_net_pesos", Pesos,
        "What is left after returns of the dispersals in the current calendar day of the programme's time zone, in pesos (MXN).");
    WEEK_BENEFICIARIES = period("pacemeter_week_beneficiaries", Count("people"),
        "Distinct people paid in the current ISO week (from Monday) of the programme's time zone, of whose dispersals in it something is \
         left; each counts once, under the state of the earliest such dispersal.");
    WEEK_DISPERSALS = period("pacemeter_week_dispersals", Count("dispersals"),
        "Dispersals in the current ISO week (from Monday) of the programme's time zone, returned ones included.");
    WEEK_NET_PESOS = period("pacemeter_week_net_pesos", Pesos,
        "What is left after returns of the dispersals in the current ISO week (from Monday) of the programme's time zone, in pesos (MXN).");
    MONTH_BENEFICIARIES = period("pacemeter_month_beneficiaries", Count("people"),
        "Distinct people paid in the current calendar month of the programme's time zone, of whose dispersals in it something is left; each \
         counts once, under the state of the earliest such dispersal.");
    MONTH_DISPERSALS = period("pacemeter_month_dispersals", Count("dispersals"),
        "Dispersals in the current calendar month of the programme's time zone, returned ones included.");
    MONTH_NET_PESOS = period("pacemeter_month_net_pesos", Pesos,
        "What is left after returns of the dispersals in the current calendar month of the programme's time zone, in pesos (MXN).");
    ROLLING_1H_DISPERSALS = period("pacemeter_rolling_1h_dispersals", Count("dispersals"),
        "Dispersals in the current minute and the 59 before it, returned ones included.");
    ROLLING_1H_NET_PESOS = period("pacemeter_rolling_1h_net_pesos", Pesos,
        "What is left after returns of the dispersals in the current minute and the 59 before it, in pesos (MXN).");
    ROLLING_24H_BENEFICIARIES = period("pacemeter_rolling_24h_beneficiaries", Count("people"),
        "Distinct people paid in the current hour (UTC) and the 23 before it, of whose dispersals in them something is left; each counts \
         once, under the state of the earliest such dispersal.");
    ROLLING_24H_DISPERSALS = period("pacemeter_rolling_24h_dispersals", Count("dispersals"),
        "Dispersals in the current hour (UTC) and the 23 before it, returned ones included.");
    ROLLING_24H_NET_PESOS = period("pacemeter_rolling_24h_net_pesos", Pesos,
        "What is left after returns of the dispersals in the current hour (UTC) and the 23 before it, in pesos (MXN).");
    ROLLING_7D_BENEFICIARIES = period("pacemeter_rolling_7d_beneficiaries", Count("people"),
        "Distinct people paid in the current hour (UTC) and the 167 before it, of whose dispersals in them something is left; each counts \
         once, under the state of the earliest such dispersal.");
    ROLLING_7D_DISPERSALS = period("pacemeter_rolling_7d_dispersals", Count("dispersals"),
        "Dispersals in the current hour (UTC) and the 167 before it, returned ones included.");
    ROLLING_7D_NET_PESOS = period("pacemeter_rolling_7d_net_pesos", Pesos,
        "What is left after returns of the dispersals in the current hour (UTC) and the 167 before it, in pesos (MXN).");

    BACKLOG_SUPPORTS = Family::business("pacemeter_backlog_supports", Gauge, PROGRAMME, Count("supports"),
        "Supports approved and neither dispersed nor rejected.");
    BACKLOG_PESOS = Family::business("pacemeter_backlog_pesos", Gauge, PROGRAMME, Pesos,
        "Approved amount of the supports in the backlog, in pesos (MXN).");
    BACKLOG_OLDEST_APPROVAL = Family::business("pacemeter_backlog_oldest_approval_timestamp_seconds", Gauge, PROGRAMME, UnixSeconds,
        "Time of the oldest approval in the backlog; absent when there is none.");
    APPLICATION_TO_APPROVAL = Family::business("pacemeter_application_to_approval_seconds", Histogram, PROGRAMME, Seconds,
        "Time from a support's first application to its first approval, observed once both are known.").with_buckets(histogram_bounds::APPLICATION_TO_APPROVAL.bounds);
    APPROVAL_TO_DISPERSAL = Family::business("pacemeter_approval_to_dispersal_seconds", Histogram, PROGRAMME, Seconds,
        "Time from a support's first approval to its first dispersal, observed once both are known.").with_buckets(histogram_bounds::APPROVAL_TO_DISPERSAL.bounds);

    CALL_EVENTS = Family::business("pacemeter_call_events_total", Counter, &["queue", "event"], Count("events"),
        "Call events applied: offered, answered, abandoned, completed. Service level = answered within target / \
         (answered + abandoned - short abandons).");
    CALLS_ANSWERED_WITHIN_TARGET = Family::business("pacemeter_calls_answered_within_target_total", Counter, QUEUE, Count("calls"),
        "Calls answered after a wait of at most calls.service_level_seconds. Service level = answered within target / \
         (answered + abandoned - short abandons).");
    CALLS_ABANDONED_SHORT = Family::business("pacemeter_calls_abandoned_short_total", Counter, QUEUE, Count("calls"),
        "Calls abandoned after a wait below calls.short_abandon_seconds. Service level = answered within target / \
         (answered + abandoned - short abandons).");
    CALL_WAIT = Family::business("pacemeter_call_wait_seconds", Histogram, &["queue", "outcome"], Seconds,
        "Wait from a call's offer to its answer or abandonment (outcome). The mean for answered is the average speed of answer. \
         Service level = answered within target / (answered + abandoned - short abandons).").with_buckets(histogram_bounds::CALL_WAIT.bounds);
    CALL_HANDLE = Family::business("pacemeter_call_handle_seconds", Histogram, QUEUE, Seconds,
        "Handle time of completed calls: talk, hold and wrap-up together, else completion minus answer. The mean is the average handle \
         time.").with_buckets(histogram_bounds::CALL_HANDLE.bounds);
    CALLS_WAITING = Family::business("pacemeter_calls_waiting", Gauge, QUEUE, Count("calls"),
        "Calls offered and neither answered nor abandoned, for at most calls.max_wait.");
    AGENTS = Family::business("pacemeter_agents", Gauge, &["site", "status"], Count("agents"),
        "Agents by their newest status; those signed out, or not heard of for calls.agent_timeout, are not counted.");

    MILESTONES = Family::business("pacemeter_milestones_total", Counter, &["initiative", "milestone"], Count("quantity reached"),
        "Quantity of milestones reached; those withdrawn are not taken off here.");
    MILESTONES_WITHDRAWN = Family::business("pacemeter_milestones_withdrawn_total", Counter, &["initiative", "milestone"],
        Count("quantity withdrawn"), "Quantity of milestones withdrawn.");

    TARGET_INFO = Family::business("pacemeter_target_info", Gauge, &["target", "measure", "period", "calendar"], Info,
        "The targets there are: what each measures, over which period, and the calendar by which its plan goes.");
    TARGET_GOAL = target("pacemeter_target_goal", MEASURED,
        "What is to be reached in the current period; in a period with holidays as much less as they take, if the target says so.");
    TARGET_ACTUAL = target("pacemeter_target_actual", MEASURED,
        "What was reached in the current period, net of returns and withdrawals; absent while the target is being filled, and of a ratio \
         while there is nothing to divide by.");
    TARGET_PLAN = target("pacemeter_target_plan", MEASURED,
        "What should be reached by now: goal x the share of the period's working time, by its weights, that has passed. Flat while the \
         calendar is closed. Of a ratio it is the goal.");
    TARGET_SHORTFALL = target("pacemeter_target_shortfall", MEASURED, "plan - actual; negative while ahead of the plan.");
    TARGET_SHORTFALL_PESOS = target("pacemeter_target_shortfall_pesos", Pesos,
        "What the shortfall is worth, in pesos (MXN): shortfall x what one of the counted is worth, by the target's file or by the mean of \
         the period's dispersals. Absent where neither is known, and of calls.");
    TARGET_PROJECTION = target("pacemeter_target_projection", MEASURED,
        "What the period will end with if it goes on as it did: actual x goal / plan. Absent while less than 15 % of the plan has passed, \
         and of a ratio.");
    TARGET_PACE_RATIO = target("pacemeter_target_pace_ratio", Quotient, "actual / plan; absent while the plan is 0.");
    TARGET_PACE_TOLERANCE = target("pacemeter_target_pace_tolerance", MEASURED,
        "How far below the plan is still chance. Counts: 3 x the square root of dispersion x plan; pesos: that of the dispersals x their mean \
         amount; a ratio: the band that the target's file gives. The dispersion is that of past weeks, 4 until four of them are known.");
    TARGET_ATTAINMENT_PROBABILITY = target("pacemeter_target_attainment_probability_ratio", Ratio,
        "Probability that the goal is reached by the end of the period, as far as chance and the pace so far tell (Gamma-Poisson); 1 once it \
         is reached, 0 once it cannot be. Absent while the projection is.");
    TARGET_REQUIRED_PER_OPEN_HOUR = target("pacemeter_target_required_per_open_hour", MEASURED,
        "(goal - actual) / hours of working time left; 0 once the goal is reached. Absent where no working time is left, and of a ratio.");
    TARGET_ACHIEVED_PER_OPEN_HOUR = target("pacemeter_target_achieved_per_open_hour", MEASURED,
        "actual / hours of working time passed in the period. Absent where none has passed, and of a ratio.");
    TARGET_REMAINING_OPEN = target("pacemeter_target_remaining_open_seconds", Seconds, "Working time left until the end of the period.");
    TARGET_PERIOD_START = target("pacemeter_target_period_start_timestamp_seconds", UnixSeconds, "When the current period began.");
    TARGET_PERIOD_END = target("pacemeter_target_period_end_timestamp_seconds", UnixSeconds, "When the current period ends.");
    TARGET_PREVIOUS_GOAL = target("pacemeter_target_previous_goal", MEASURED, "The goal of the period before; absent if none was.");
    TARGET_PREVIOUS_ACTUAL = target("pacemeter_target_previous_actual", MEASURED,
        "What the period before ended with, by what is known today: returns and late records change it still. Absent if there was none.");
    CUT_LAST = Family::business("pacemeter_cut_last_timestamp_seconds", Gauge, &[], UnixSeconds,
        "The instant of the newest cut: the figures of that moment, kept for good; absent before the first.");

    WATERMARK = Family::business("pacemeter_watermark_timestamp_seconds", Gauge, STREAM, UnixSeconds,
        "Newest event time applied; absent before the first event.");
    HISTORY_START_OFFSET = Family::business("pacemeter_history_start_offset", Gauge, &["topic", "partition"], Count("offset"),
        "Offset at which the history known to state begins: it knows nothing before it.");
    STATE_BUILT = Family::business("pacemeter_state_built_timestamp_seconds", Gauge, &[], UnixSeconds,
        "When the counters last began anew: a rebuild of state or a changed allowlist moves it. Counters of figures never go down while it \
         stays.");
}

const fn period(name: &'static str, unit: super::Unit, help: &'static str) -> Family {
    Family::business(name, Gauge, PROGRAMME_STATE, unit, help)
}

const fn target(name: &'static str, unit: super::Unit, help: &'static str) -> Family {
    Family::business(name, Gauge, TARGET, unit, help)
}
