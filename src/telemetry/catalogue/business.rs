//! Families of the programme's figures; their rules are in `docs/spec/figures.md`.

use super::MetricKind::{Counter, Gauge, Histogram};
use super::Unit::{Count, Info, Pesos, Quotient, Ratio, Seconds, UnixSeconds};
use super::{Family, families};
use crate::event::histogram_bounds;

const PROGRAMME: &[&str] = &["programme"];
const PROGRAMME_STATE: &[&str] = &["programme", "state"];
const STREAM: &[&str] = &["stream"];
const QUEUE: &[&str] = &["queue"];
const TARGET: &[&str] = &["target"];
/// Unit of a target's values, which depends on its measure: people, dispersals, pesos (MXN), calls or a ratio.
const MEASURED: super::Unit = Count("of the target's measure");

const SERVICE_LEVEL: &str = "Service level = answered within target / (answered + abandoned - short abandons): \
    [service level](spec/figures.md#service-level).";

families! {
    RECORDS = Family::business("pacemeter_records_total", Counter, &["stream", "outcome"], Count("records"),
        "Records read, by outcome.")
        .with_note("Outcomes are applied, duplicate, rejected and expired; the four add up to every record read: \
            [outcomes](spec/figures.md#outcomes).");
    REJECTED_RECORDS = Family::business("pacemeter_rejected_records_total", Counter, &["stream", "reason"],
        Count("records"), "Records rejected, by the first fault found.")
        .with_note("Rejected records change no figure and go to the [dead-letter topic](spec/events.md#dead-letters).");
    CONFLICTS = Family::business("pacemeter_conflicts_total", Counter, STREAM, Count("records"),
        "Duplicates whose content differs from the first record with their source and id.")
        .with_note("Content is the type, time or data; the first record counts: [conflicts](spec/figures.md#conflicts).");
    UNMATCHED_EVENTS = Family::business("pacemeter_unmatched_events_total", Counter, &["stream", "event"],
        Count("events"), "Events forgotten before their counterpart arrived.")
        .with_note("A return that still waits, an answer or abandonment without offer, a completion without answer or \
            durations, an approval still open after the open horizon: [unmatched](spec/figures.md#unmatched).");

    DISBURSEMENT_EVENTS = Family::business("pacemeter_disbursement_events_total", Counter, &["programme", "event"],
        Count("events"), "Disbursement events applied, by kind.")
        .with_note("Kinds are the steps of a support: applied (for), approved, rejected, dispersed and returned.");
    APPROVED_PESOS = Family::business("pacemeter_approved_pesos_total", Counter, PROGRAMME_STATE, Pesos,
        "Amount approved, in pesos (MXN).");
    DISPERSED_PESOS = Family::business("pacemeter_dispersed_pesos_total", Counter, PROGRAMME_STATE, Pesos,
        "Amount dispersed at settlement, in pesos (MXN), before returns.");
    RETURNED_PESOS = Family::business("pacemeter_returned_pesos_total", Counter, PROGRAMME_STATE, Pesos,
        "Amount of dispersals taken back by returns, in pesos (MXN).")
        .with_note("Counted when the return is matched, in the programme and state of the dispersal: \
            [returns](spec/figures.md#returns).");
    UNMATCHED_RETURNED_PESOS = Family::business("pacemeter_unmatched_returned_pesos_total", Counter, PROGRAMME, Pesos,
        "Amount of returns, in pesos (MXN), that matched no dispersal before their support was forgotten.")
        .with_note("See [waiting returns](spec/figures.md#waiting-returns).");
    WAITING_RETURNED_PESOS = Family::business("pacemeter_waiting_returned_pesos", Gauge, PROGRAMME, Pesos,
        "Amount of returns, in pesos (MXN), that wait for a dispersal of their support.")
        .with_note("See [waiting returns](spec/figures.md#waiting-returns).");

    BENEFICIARIES = people("pacemeter_beneficiaries",
        "Distinct people with at least one payment not fully returned, by state of their earliest one.",
        "Each person counts once: [all-time people](spec/figures.md#all-time-people), \
            [beneficiaries](spec/figures.md#beneficiaries).");
    DAY_BENEFICIARIES = people("pacemeter_day_beneficiaries",
        "Distinct people with a payment in the current day not fully returned, by state of their earliest one.",
        DAY_PEOPLE);
    DAY_DISPERSALS = dispersals("pacemeter_day_dispersals",
        "Dispersals in the current day, including returned ones.", DAY);
    DAY_NET_PESOS = net_pesos("pacemeter_day_net_pesos",
        "Amount dispersed in the current day less its returns, in pesos (MXN).", DAY);
    WEEK_BENEFICIARIES = people("pacemeter_week_beneficiaries",
        "Distinct people with a payment in the current week not fully returned, by state of their earliest one.",
        WEEK_PEOPLE);
    WEEK_DISPERSALS = dispersals("pacemeter_week_dispersals",
        "Dispersals in the current week, including returned ones.", WEEK);
    WEEK_NET_PESOS = net_pesos("pacemeter_week_net_pesos",
        "Amount dispersed in the current week less its returns, in pesos (MXN).", WEEK);
    MONTH_BENEFICIARIES = people("pacemeter_month_beneficiaries",
        "Distinct people with a payment in the current month not fully returned, by state of their earliest one.",
        MONTH_PEOPLE);
    MONTH_DISPERSALS = dispersals("pacemeter_month_dispersals",
        "Dispersals in the current month, including returned ones.", MONTH);
    MONTH_NET_PESOS = net_pesos("pacemeter_month_net_pesos",
        "Amount dispersed in the current month less its returns, in pesos (MXN).", MONTH);
    ROLLING_1H_DISPERSALS = dispersals("pacemeter_rolling_1h_dispersals",
        "Dispersals in the last hour, including returned ones.", LAST_HOUR);
    ROLLING_1H_NET_PESOS = net_pesos("pacemeter_rolling_1h_net_pesos",
        "Amount dispersed in the last hour less its returns, in pesos (MXN).", LAST_HOUR);
    ROLLING_24H_BENEFICIARIES = people("pacemeter_rolling_24h_beneficiaries",
        "Distinct people with a payment in the last 24 hours not fully returned, by state of their earliest one.",
        LAST_24_HOURS);
    ROLLING_24H_DISPERSALS = dispersals("pacemeter_rolling_24h_dispersals",
        "Dispersals in the last 24 hours, including returned ones.", LAST_24_HOURS);
    ROLLING_24H_NET_PESOS = net_pesos("pacemeter_rolling_24h_net_pesos",
        "Amount dispersed in the last 24 hours less its returns, in pesos (MXN).", LAST_24_HOURS);
    ROLLING_7D_BENEFICIARIES = people("pacemeter_rolling_7d_beneficiaries",
        "Distinct people with a payment in the last 7 days not fully returned, by state of their earliest one.",
        LAST_7_DAYS);
    ROLLING_7D_DISPERSALS = dispersals("pacemeter_rolling_7d_dispersals",
        "Dispersals in the last 7 days, including returned ones.", LAST_7_DAYS);
    ROLLING_7D_NET_PESOS = net_pesos("pacemeter_rolling_7d_net_pesos",
        "Amount dispersed in the last 7 days less its returns, in pesos (MXN).", LAST_7_DAYS);

    BACKLOG_SUPPORTS = Family::business("pacemeter_backlog_supports", Gauge, PROGRAMME, Count("supports"),
        "Supports approved, but neither dispersed nor rejected yet.")
        .with_note("See [backlog](spec/figures.md#backlog).");
    BACKLOG_PESOS = Family::business("pacemeter_backlog_pesos", Gauge, PROGRAMME, Pesos,
        "Approved amount of the supports in the backlog, in pesos (MXN).")
        .with_note("See [backlog](spec/figures.md#backlog).");
    BACKLOG_OLDEST_APPROVAL = Family::business("pacemeter_backlog_oldest_approval_timestamp_seconds", Gauge, PROGRAMME,
        UnixSeconds, "Time of the oldest approval in the backlog.")
        .with_note("Absent while the backlog is empty.");
    APPLICATION_TO_APPROVAL = Family::business("pacemeter_application_to_approval_seconds", Histogram, PROGRAMME,
        Seconds, "Time from the first application for a support to its first approval.")
        .with_note("Observed once both are known: [spans](spec/figures.md#spans).")
        .with_buckets(histogram_bounds::APPLICATION_TO_APPROVAL.bounds);
    APPROVAL_TO_DISPERSAL = Family::business("pacemeter_approval_to_dispersal_seconds", Histogram, PROGRAMME, Seconds,
        "Time from the first approval of a support to its first dispersal.")
        .with_note("Observed once both are known: [spans](spec/figures.md#spans).")
        .with_buckets(histogram_bounds::APPROVAL_TO_DISPERSAL.bounds);

    CALL_EVENTS = Family::business("pacemeter_call_events_total", Counter, &["queue", "event"], Count("events"),
        "Call events applied, by kind: offered, answered, abandoned or completed.")
        .with_note(SERVICE_LEVEL);
    CALLS_ANSWERED_WITHIN_TARGET = Family::business("pacemeter_calls_answered_within_target_total", Counter, QUEUE,
        Count("calls"), "Calls answered after a wait of at most calls.service_level_seconds.")
        .with_note(SERVICE_LEVEL);
    CALLS_ABANDONED_SHORT = Family::business("pacemeter_calls_abandoned_short_total", Counter, QUEUE, Count("calls"),
        "Calls abandoned after a wait shorter than calls.short_abandon_seconds.")
        .with_note(SERVICE_LEVEL);
    CALL_WAIT = Family::business("pacemeter_call_wait_seconds", Histogram, &["queue", "outcome"], Seconds,
        "Wait from the offer of a call to its answer or abandonment.")
        .with_note("The mean of outcome `answered` is the average speed of answer. Service level = answered within \
            target / (answered + abandoned - short abandons): [service level](spec/figures.md#service-level).")
        .with_buckets(histogram_bounds::CALL_WAIT.bounds);
    CALL_HANDLE = Family::business("pacemeter_call_handle_seconds", Histogram, QUEUE, Seconds,
        "Handle time of completed calls.")
        .with_note("Talk, hold and wrap-up together, or completion minus answer without them; the mean is the average \
            handle time: [handle time](spec/figures.md#handle-time).")
        .with_buckets(histogram_bounds::CALL_HANDLE.bounds);
    CALLS_WAITING = Family::business("pacemeter_calls_waiting", Gauge, QUEUE, Count("calls"),
        "Calls offered, but neither answered nor abandoned yet.")
        .with_note("A call counts for at most `calls.max_wait`: [calls waiting](spec/figures.md#calls-waiting).");
    AGENTS = Family::business("pacemeter_agents", Gauge, &["site", "status"], Count("agents"),
        "Agents signed in, by their newest status.")
        .with_note("An agent without an event for `calls.agent_timeout` no longer counts: \
            [agents](spec/figures.md#agents).");

    MILESTONES = Family::business("pacemeter_milestones_total", Counter, &["initiative", "milestone"],
        Count("quantity reached"), "Quantity of milestones reached, before withdrawals.")
        .with_note("See [milestones](spec/figures.md#milestones).");
    MILESTONES_WITHDRAWN = Family::business("pacemeter_milestones_withdrawn_total", Counter,
        &["initiative", "milestone"], Count("quantity withdrawn"), "Quantity of milestones withdrawn.")
        .with_note("See [milestones](spec/figures.md#milestones).");

    TARGET_INFO = Family::business("pacemeter_target_info", Gauge,
        &["target", "measure", "period", "calendar", "description"], Info,
        "Targets, with their measure, period, calendar and description.");
    TARGET_GOAL = target("pacemeter_target_goal", MEASURED, "Goal of the current period.")
        .with_note("Reduced in a period with holidays, if the target says so: [targets](targets.md).");
    TARGET_ACTUAL = target("pacemeter_target_actual", MEASURED,
        "Result of the current period so far, net of returns and withdrawals.")
        .with_note("Absent while the target is backfilled, and for a ratio while its divisor is 0.");
    TARGET_PLAN = target("pacemeter_target_plan", MEASURED, "Part of the goal that is due by now.")
        .with_note("goal x share of the period's weighted working time that has passed; constant while the calendar is \
            closed. For a ratio the plan is the goal.");
    TARGET_SHORTFALL = target("pacemeter_target_shortfall", MEASURED,
        "Plan minus actual; negative while ahead of the plan.");
    TARGET_SHORTFALL_PESOS = target("pacemeter_target_shortfall_pesos", Pesos,
        "Value of the shortfall, in pesos (MXN).")
        .with_note("shortfall x `pesos_each` of the target's file; for a money target the shortfall itself. Without \
            `pesos_each`, people and dispersals count with their mean payment, absent while none is known; other \
            targets have none.");
    TARGET_PROJECTION = target("pacemeter_target_projection", MEASURED,
        "Projected result at period end at the current pace.")
        .with_note("actual x goal / plan. Absent while less than 15 % of the plan has passed, and for a ratio.");
    TARGET_PACE_RATIO = target("pacemeter_target_pace_ratio", Quotient, "Actual divided by plan.")
        .with_note("Absent while the plan is 0.");
    TARGET_PACE_TOLERANCE = target("pacemeter_target_pace_tolerance", MEASURED,
        "Distance below the plan that chance alone explains.")
        .with_note("Counts: 3 x the square root of overdispersion x plan. Pesos: that of the dispersals x their mean \
            amount. Ratios: the band in the target's file. The overdispersion is that of past periods, or 4 until \
            four of them have two or more events: [targets](targets.md#figures).");
    TARGET_ATTAINMENT_PROBABILITY = target("pacemeter_target_attainment_probability_ratio", Ratio,
        "Probability that the goal is reached by the end of the period at the current pace.")
        .with_note("Gamma-Poisson model: [targets](targets.md). 1 once the goal is reached, 0 once it cannot be. Otherwise \
            absent while less than 1 % of the plan has passed, and for money while no payment is known. Always absent \
            for a ratio.");
    TARGET_REQUIRED_PER_OPEN_HOUR = target("pacemeter_target_required_per_open_hour", MEASURED,
        "Rate per remaining working hour that would still reach the goal.")
        .with_note("(goal - actual) / hours of working time left; 0 once the goal is reached. Absent where no working \
            time is left, and for a ratio.");
    TARGET_ACHIEVED_PER_OPEN_HOUR = target("pacemeter_target_achieved_per_open_hour", MEASURED,
        "Rate per working hour achieved so far in the period.")
        .with_note("actual / hours of working time passed. Absent where none has passed, and for a ratio.");
    TARGET_REMAINING_OPEN = target("pacemeter_target_remaining_open_seconds", Seconds,
        "Working time left until the end of the period.");
    TARGET_PERIOD_START = target("pacemeter_target_period_start_timestamp_seconds", UnixSeconds,
        "Start of the current period.");
    TARGET_PERIOD_END = target("pacemeter_target_period_end_timestamp_seconds", UnixSeconds,
        "End of the current period.");
    TARGET_PREVIOUS_GOAL = target("pacemeter_target_previous_goal", MEASURED, "Goal of the previous period.")
        .with_note("The last period that had ended by the newest cut. Absent without one, and once neither state nor \
            cuts have it.");
    TARGET_PREVIOUS_ACTUAL = target("pacemeter_target_previous_actual", MEASURED,
        "Result of the previous period, as known today.")
        .with_note("Returns and late records still change it: [corrections](spec/figures.md#corrections). Once part of \
            the period is forgotten it is what cuts reported last: [targets](spec/figures.md#targets). Absent without a \
            previous period.");
    CUT_LAST = Family::business("pacemeter_cut_last_timestamp_seconds", Gauge, &[], UnixSeconds,
        "Instant of the newest cut.")
        .with_note("A cut is a permanent copy of the figures at that instant: [cuts](spec/figures.md#cuts). Absent \
            before the first.");
    CUT_DUE = Family::business("pacemeter_cut_due_timestamp_seconds", Gauge, &[], UnixSeconds,
        "Instant of the oldest cut that is not stored: one that is overdue, or the next.")
        .with_note("Cuts at midnight and at the times of `cuts.at`. A cut that was missed counts for a day. Absent \
            before the first record.");

    WATERMARK = Family::business("pacemeter_watermark_timestamp_seconds", Gauge, STREAM, UnixSeconds,
        "Newest event time applied.")
        .with_note("Absent before the first event: [watermark](spec/figures.md#watermark).");
    HISTORY_START_OFFSET = Family::business("pacemeter_history_start_offset", Gauge, &["topic", "partition"],
        Count("offset"), "Offset at which the history in the state begins.")
        .with_note("The state contains no earlier record: [history](spec/figures.md#history).");
    STATE_BUILT = Family::business("pacemeter_state_built_timestamp_seconds", Gauge, &[], UnixSeconds,
        "Time at which the counters last restarted.")
        .with_note("A rebuild of the state or a changed allowlist moves it; a restart does not. Counters of figures \
            never decrease while it stays: [counters](spec/figures.md#counters).");
}

const DAY: &str = "The day of the programme's time zone: [periods](spec/figures.md#periods).";
const DAY_PEOPLE: &str = "The day of the programme's time zone: [periods](spec/figures.md#periods). Each person counts \
    once: [beneficiaries](spec/figures.md#beneficiaries).";
const WEEK: &str = "The week, from Monday, of the programme's time zone: [periods](spec/figures.md#periods).";
const WEEK_PEOPLE: &str = "The week, from Monday, of the programme's time zone: [periods](spec/figures.md#periods). Each \
    person counts once: [beneficiaries](spec/figures.md#beneficiaries).";
const MONTH: &str = "The calendar month of the programme's time zone: [periods](spec/figures.md#periods).";
const MONTH_PEOPLE: &str = "The calendar month of the programme's time zone: [periods](spec/figures.md#periods). Each \
    person counts once: [beneficiaries](spec/figures.md#beneficiaries).";
const LAST_HOUR: &str =
    "The window is the current minute and the 59 before it: [rolling windows](spec/figures.md#rolling-windows).";
const LAST_24_HOURS: &str =
    "The window is the current hour (UTC) and the 23 before it: [rolling windows](spec/figures.md#rolling-windows).";
const LAST_7_DAYS: &str =
    "The window is the current hour (UTC) and the 167 before it: [rolling windows](spec/figures.md#rolling-windows).";

const fn people(name: &'static str, help: &'static str, note: &'static str) -> Family {
    Family::business(name, Gauge, PROGRAMME_STATE, Count("people"), help).with_note(note)
}

const fn dispersals(name: &'static str, help: &'static str, note: &'static str) -> Family {
    Family::business(name, Gauge, PROGRAMME_STATE, Count("dispersals"), help).with_note(note)
}

const fn net_pesos(name: &'static str, help: &'static str, note: &'static str) -> Family {
    Family::business(name, Gauge, PROGRAMME_STATE, Pesos, help).with_note(note)
}

const fn target(name: &'static str, unit: super::Unit, help: &'static str) -> Family {
    Family::business(name, Gauge, TARGET, unit, help)
}
