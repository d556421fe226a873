//! Every condition of a rule that keeps it from firing, removed one by one: then the scenario of that name must fail.
//!
//! A condition without a test could be dropped unnoticed, as every alert would still fire. A test checks that this
//! table is complete.

use std::fs;
use std::thread;

use super::rules::{self, Rule, RuleFile};
use super::scenarios::{Scenarios, play};
use super::{copy, prometheus};

/// A condition to remove, and the scenario that then fails.
struct Guard {
    /// Name of the rule; a prefix of several if it ends in `*`.
    rule: &'static str,
    /// Part of its expression, with single spaces for white space, or a field.
    without: &'static str,
    /// Replacement.
    instead: &'static str,
    scenario: &'static str,
}

const fn guard(rule: &'static str, without: &'static str, scenario: &'static str) -> Guard {
    Guard { rule, without, instead: "", scenario }
}

const fn change(rule: &'static str, without: &'static str, instead: &'static str, scenario: &'static str) -> Guard {
    Guard { rule, without, instead, scenario }
}

const FRESH: &str = "and on (job, instance) job_instance:pacemeter_data_fresh:bool == 1";
const KEPT: &str = "keep_firing_for: 15m";

#[rustfmt::skip]
const GUARDS: &[Guard] = &[
    // Which replicas are read.
    guard("job_instance:*", r#"(min by (job, instance) (pacemeter_ready{job="pacemeter"}) == bool 1) *"#, "what is not ready is not read"),
    guard("job_instance:*", r#"* (time() - min by (job, instance) (pacemeter_complete_until_timestamp_seconds{job="pacemeter"}) < bool 300)"#,
        "a broker outage takes the figures with it"),
    guard("job_instance:*", r#"* (abs(time() - min by (job, instance) (pacemeter_time_seconds{job="pacemeter"})) < bool 120)"#,
        "one of two replicas has tomorrow's date"),
    guard("job_instance:*", r#"or 0 * min by (job, instance) (pacemeter_ready{job="pacemeter"})"#, "one replica rebuilds for long"),
    guard("job_target:pacemeter_target_actual:max", FRESH, "one of two replicas is stale"),
    guard("job_target:pacemeter_target_plan:max", FRESH, "one of two replicas has tomorrow's date"),
    guard("job_target*", FRESH, "one of two replicas has tomorrow's date"),
    guard("job_calendar:pacemeter_calendar_open:max", FRESH, "a holiday, and one of two replicas has yesterday's date"),
    guard("job_programme:pacemeter_backlog_*", FRESH, "only a stale replica knows of an old approval"),

    // What a rebuild does to counters.
    guard("job_programme:pacemeter_disbursement_events_returned:increase7d",
        r#"unless resets(pacemeter_disbursement_events_total{job="pacemeter",event="returned"}[7d]) > 0"#, "a rebuild that counts fewer returns"),
    guard("job_queue_event:pacemeter_call_events:increase30m", r#"unless resets(pacemeter_call_events_total{job="pacemeter"}[30m]) > 0"#,
        "a rebuild that counts fewer calls"),
    guard("job_queue:pacemeter_calls_abandoned_short:increase30m",
        r#"unless resets(pacemeter_calls_abandoned_short_total{job="pacemeter"}[30m]) > 0"#, "a rebuild that counts fewer short calls"),
    guard("job_stream:pacemeter_records_rejected:increase1h",
        r#"unless resets(pacemeter_records_total{job="pacemeter",outcome="rejected"}[1h]) > 0"#, "a rebuild that counts fewer records"),
    guard("job_stream:pacemeter_records_rejected:increase6h",
        r#"unless resets(pacemeter_records_total{job="pacemeter",outcome="rejected"}[6h]) > 0"#, "a rebuild that counts fewer records"),
    guard("job_stream:pacemeter_records_expired:increase15m",
        r#"unless resets(pacemeter_records_total{job="pacemeter",outcome="expired"}[15m]) > 0"#, "a rebuild that counts fewer records"),

    // Pacemeter itself.
    change("PacemeterNotReady", "max by (job)", "min by (job)", "one replica rebuilds for long"),
    change("PacemeterPipelineStalled", "max by (job, stream)", "min by (job, stream)", "one replica stands still"),
    guard("PacemeterReplicaImpaired", r#"up{job="pacemeter"} == 0 or on (job, instance)"#, "one replica is down"),
    guard("PacemeterReplicaImpaired", "or on (job, instance) job_instance:pacemeter_data_fresh:bool == 0", "one replica rebuilds for long"),
    guard("PacemeterConsumerLagHigh", r#"and sum by (job, topic) (pacemeter_kafka_consumer_lag_records{job="pacemeter"}) > 1000"#,
        "a backlog is being read, and a quiet topic holds some records back"),

    // Records.
    guard("PacemeterEventRejectionFastBurn", "job_stream:pacemeter_records_rejected:ratio_rate1h > 14.4 * 0.001 and",
        "a burst of five minutes among many records"),
    guard("PacemeterEventRejectionFastBurn", "and job_stream:pacemeter_records_rejected:ratio_rate5m > 14.4 * 0.001", "a producer goes wrong"),
    guard("PacemeterEventRejectionFastBurn", "and job_stream:pacemeter_records_rejected:increase1h >= 10", "three of a handful of records are rejected"),
    guard("PacemeterEventRejectionSlowBurn", "job_stream:pacemeter_records_rejected:ratio_rate6h > 6 * 0.001 and",
        "a burst of five minutes among many records"),
    guard("PacemeterEventRejectionSlowBurn", "and job_stream:pacemeter_records_rejected:ratio_rate30m > 6 * 0.001", "a producer goes wrong"),
    guard("PacemeterEventRejectionSlowBurn", "and job_stream:pacemeter_records_rejected:increase6h >= 10", "three of a handful of records are rejected"),

    // Targets.
    change("PacemeterTargetBehindPlan", "< 0.9 unless", "< 9 unless", "behind by less than a tenth"),
    guard("PacemeterTargetBehindPlan",
        "unless job_target:pacemeter_target_plan:max - job_target:pacemeter_target_actual:max <= job_target:pacemeter_target_pace_tolerance:max",
        "behind by no more than chance"),
    change("PacemeterTargetBehindPlan",
        "unless job_target:pacemeter_target_plan:max - job_target:pacemeter_target_actual:max <= job_target:pacemeter_target_pace_tolerance:max",
        "and job_target:pacemeter_target_plan:max - job_target:pacemeter_target_actual:max > job_target:pacemeter_target_pace_tolerance:max",
        "nothing was paid yet"),
    guard("PacemeterTargetBehindPlan", "and job_target:pacemeter_target_plan:max >= 0.05 * job_target:pacemeter_target_goal:max",
        "the first hours of a week"),
    guard("PacemeterTargetBehindPlan", r#"unless on (job, target) job_target_measure_period_description:pacemeter_target_info:max{measure="service_level"}"#,
        "a day of service begins with a caller who hangs up"),
    guard("PacemeterTargetBehindPlan", "and on (job, target) ( job_target:pacemeter_target_open:bool == 1 or \
        ALERTS{alertname=\"PacemeterTargetBehindPlan\",alertstate=\"firing\"} )", "a holiday"),
    guard("PacemeterTargetBehindPlan", r#"or ALERTS{alertname="PacemeterTargetBehindPlan",alertstate="firing"}"#, "an alert stays over the evening"),
    guard("PacemeterTargetBehindPlan", KEPT, "a restart"),
    guard("PacemeterTargetAtRisk", "and job_target:pacemeter_target_plan:max >= 0.4 * job_target:pacemeter_target_goal:max",
        "a target at risk early in the week"),
    guard("PacemeterTargetAtRisk", "and on (job, target) ( job_target:pacemeter_target_open:bool == 1 or \
        ALERTS{alertname=\"PacemeterTargetAtRisk\",alertstate=\"firing\"} )", "a month ends on a weekend"),
    guard("PacemeterTargetAtRisk", r#"or ALERTS{alertname="PacemeterTargetAtRisk",alertstate="firing"}"#,
        "a target at risk stays so over the evening and over a restart"),
    guard("PacemeterTargetAtRisk", KEPT, "a target at risk stays so over the evening and over a restart"),
    change("PacemeterTargetRatioLow", "> job_target:pacemeter_target_pace_tolerance:max", "> 0", "service is within its band"),
    guard("PacemeterTargetRatioLow", r#"and on (job, target) job_target_measure_period_description:pacemeter_target_info:max{measure="service_level"}"#,
        "a count is behind while many calls are answered"),
    guard("PacemeterTargetRatioLow", "and on (job, target) job_target:pacemeter_target_open:bool == 1",
        "service is low with many calls, and then it is night"),
    guard("PacemeterTargetRatioLow",
        r#"and on (job) sum by (job) (job_queue_event:pacemeter_call_events:increase30m{event=~"answered|abandoned"}) >= 500"#,
        "a day of service begins with a caller who hangs up"),
    guard("PacemeterTargetRatioLow", KEPT, "service is low with many calls, and then it is night"),
    guard("PacemeterTargetMissed", "and time() - job_target:pacemeter_target_period_start_timestamp_seconds:max < 86400", "last week was missed"),

    // Payments.
    guard("PacemeterDisbursementStopped", "and min_over_time(job_programme:pacemeter_backlog_supports:max[1h]) > 0",
        "there was nothing to pay until now"),
    guard("PacemeterDisbursementStopped", "and sum by (job, programme) (max without (instance) ( \
        pacemeter_disbursement_events_total{job=\"pacemeter\",event=\"dispersed\"} offset 1h ))", "the first minutes after an outage of 90 minutes"),
    guard("PacemeterDisbursementStopped", "and job_programme:pacemeter_disbursement_events_dispersed:increase7d >= 400",
        "a programme that pays now and then"),
    guard("PacemeterDisbursementStopped", r#"and on (job) min_over_time(job_calendar:pacemeter_calendar_open:max{calendar="payments"}[1h]) == 1"#,
        "the first hour of a day"),
    guard("PacemeterDisbursementStopped", "and on (job) job:pacemeter_data_fresh:bool == 1", "a broker outage, and counters that stand still"),
    guard("PacemeterReturnedPaymentsHigh", "and job_programme:pacemeter_disbursement_events_dispersed:increase7d >= 1000",
        "returns come in after a programme has ended"),
    change("job_programme:pacemeter_disbursement_events_*", "[7d]", "[1d]", "returns of a weekend, and few payments on Monday morning"),
    guard("PacemeterApprovalBacklogOld", r#"and on (job) avg_over_time(job_calendar:pacemeter_calendar_open:max{calendar="payments"}[5d]) >= 0.15"#,
        "an approval of Wednesday at 10:00, on the Monday after Easter"),
    guard("PacemeterApprovalBacklogOld", "and on (job, programme) ( job_programme:pacemeter_backlog_supports:max and on (job) \
        job_calendar:pacemeter_calendar_open:max{calendar=\"payments\"} == 1 or \
        ALERTS{alertname=\"PacemeterApprovalBacklogOld\",alertstate=\"firing\"} )", "an approval of Monday at 10:00, on Saturday"),
    guard("PacemeterApprovalBacklogOld", r#"and on (job) job_calendar:pacemeter_calendar_open:max{calendar="payments"} == 1"#,
        "an approval of Monday at 10:00, on Saturday"),
    guard("PacemeterApprovalBacklogOld", r#"or ALERTS{alertname="PacemeterApprovalBacklogOld",alertstate="firing"}"#,
        "a support has waited for six days"),
    guard("PacemeterApprovalBacklogOld", KEPT, "a support has waited for six days"),

    // Inputs.
    guard("PacemeterInputSilent", r#"or job_stream:pacemeter_records:increase1h{stream="call"} == 0 and on (job) sum_over_time(job_calendar:pacemeter_calendar_open:max{calendar="calls"}[1h]) >= 55"#,
        "inputs fall silent in working time"),
    guard("PacemeterInputSilent", r#"and on (job) sum_over_time(job_calendar:pacemeter_calendar_open:max{calendar="payments"}[1h]) >= 55"#,
        "inputs fall silent at night"),
    guard("PacemeterInputSilent", r#"and on (job) sum_over_time(job_calendar:pacemeter_calendar_open:max{calendar="calls"}[1h]) >= 55"#,
        "calls fall silent at night"),
    change("PacemeterInputSilent", ">= 55", ">= 1", "the first minutes after an outage of Prometheus, and inputs that are not heard of"),
    guard("PacemeterInputSilent", "and job_stream:pacemeter_records:increase7d >= 400", "an input that is seldom used"),
    guard("job:pacemeter_milestones_open:max", r#"max by (job) (job_calendar:pacemeter_calendar_open:max{calendar="milestones"}) or"#,
        "milestones fall silent while their own calendar is closed"),
    guard("job:pacemeter_milestones_open:max", r#"or max by (job) (job_calendar:pacemeter_calendar_open:max{calendar="payments"})"#,
        "milestones fall silent for a working day"),
    guard("PacemeterMilestonesSilent", "and job_stream:pacemeter_records:increase7d >= 200", "milestones that are seldom reported"),
    guard("PacemeterMilestonesSilent", "and on (job) sum_over_time(job:pacemeter_milestones_open:max[1d]) >= 470",
        "milestones fall silent on a holiday"),
    guard("PacemeterEventsLate", r#"and sum by (job, instance, stream) (increase(pacemeter_event_delay_seconds_count{job="pacemeter"}[1h])) >= 100"#,
        "a few events come late"),
    guard("PacemeterEventsLate", "and on (job, instance) min_over_time(job_instance:pacemeter_data_fresh:bool[1h]) == 1", "history is replayed"),
    guard("PacemeterRecordsConflicting", r#"unless resets(pacemeter_conflicts_total{job="pacemeter"}[1h]) > 0"#,
        "a rebuild that counts fewer conflicts"),
    change("PacemeterLabelsUnlisted", ">= 10 and", ">= 0 and", "three values are not listed"),
    guard("PacemeterLabelsUnlisted", r#"and max by (job, label) (increase(pacemeter_unlisted_labels_total{job="pacemeter"}[1h])) > 0.1 * max by (job, label) (increase(pacemeter_unlisted_labels_total{job="pacemeter"}[7d]))"#,
        "values have long been left out on purpose"),
    guard("PacemeterStateUnpaid", r#"max without (instance) (pacemeter_rolling_7d_dispersals{job="pacemeter"}) >= 200 and"#, "a state with few payments"),
    guard("PacemeterStateUnpaid", r#"and max without (instance) (pacemeter_rolling_24h_dispersals{job="pacemeter"}) == 0"#,
        "a state without payments for a working day"),
    guard("PacemeterStateUnpaid", r#"and on (job) sum_over_time(job_calendar:pacemeter_calendar_open:max{calendar="payments"}[1d]) >= 470"#,
        "a state without payments on a holiday"),
    guard("PacemeterStateUnpaid", "and on (job) job:pacemeter_data_fresh:bool == 1", "a broker outage after a day without payments"),

    // Calls.
    guard("PacemeterCallServiceLevelLow", r#"and sum by (job, queue) (job_queue_event:pacemeter_call_events:increase30m{event="offered"}) >= 50"#,
        "one call in a minute"),
    guard("PacemeterCallServiceLevelLow", r#"and on (job) job_calendar:pacemeter_calendar_open:max{calendar="calls"} == 1"#, "at night"),
    guard("PacemeterCallAbandonmentHigh", r#"and sum by (job, queue) (job_queue_event:pacemeter_call_events:increase30m{event="offered"}) >= 50"#,
        "one call in a minute"),
    guard("PacemeterCallAbandonmentHigh", r#"and on (job) job_calendar:pacemeter_calendar_open:max{calendar="calls"} == 1"#, "at night"),
];

impl Guard {
    fn is_of(&self, rule: &Rule) -> bool {
        match self.rule.strip_suffix('*') {
            Some(begin) => rule.name.starts_with(begin),
            None => rule.name == self.rule,
        }
    }

    /// Text of a file without this guard; `None` if the file does not have it.
    fn remove_from(&self, file: &RuleFile) -> Option<String> {
        let mut lines: Vec<String> = file.text.lines().map(str::to_owned).collect();
        let mut is_found = false;
        // From the end on, so that the lines of earlier rules keep their numbers.
        for rule in file.rules.iter().rev().filter(|rule| self.is_of(rule)) {
            let (mut changed, begin) = (Vec::new(), format!("        {}", self.without));
            let has_field = lines[rule.lines.clone()].contains(&begin);
            let has_part = rule.expression().contains(self.without);
            is_found |= has_field || has_part;
            let mut is_expression = false;
            for line in &lines[rule.lines.clone()] {
                is_expression =
                    if line.starts_with("         ") { is_expression } else { line.starts_with("        expr:") };
                if !(has_field && *line == begin || has_part && is_expression) {
                    changed.push(line.clone());
                }
            }
            if has_part {
                let expression = rule.expression().replace(self.without, self.instead).replace('\'', "''");
                changed.insert(1, format!("        expr: '{expression}'"));
            }
            lines.splice(rule.lines.clone(), changed);
        }
        is_found.then(|| lines.join("\n") + "\n")
    }

    /// Plays the guard's scenario without the guard. Returns a fault unless the scenario fails.
    fn try_without(&self) -> Option<String> {
        let name = format!("{} without `{}`", self.rule, self.without);
        let directory = tempfile::tempdir().expect("a temporary directory");
        copy(&prometheus(), directory.path());
        let changed: Vec<(RuleFile, String)> =
            rules::files().into_iter().filter_map(|file| self.remove_from(&file).map(|text| (file, text))).collect();
        let [(file, text)] = changed.as_slice() else {
            return Some(format!("{name}: found in {} files", changed.len()));
        };
        fs::write(directory.path().join("rules").join(file.name()), text).expect("a rules file");
        let found: Vec<(Scenarios, String)> =
            Scenarios::all().into_iter().filter_map(|file| file.only(self.scenario).map(|text| (file, text))).collect();
        let [(file, text)] = found.as_slice() else {
            return Some(format!("{}: in {} files", self.scenario, found.len()));
        };
        fs::write(directory.path().join("tests").join(&file.name), text).expect("a scenario");
        match play(directory.path(), &file.name) {
            Err(said) if said.contains(&format!("name: {},", self.scenario)) => None,
            Err(said) => Some(format!("{name}: promtool does not play `{}`: {said}", self.scenario)),
            Ok(_) => Some(format!("{name}: `{}` passes, so the guard has no test", self.scenario)),
        }
    }
}

/// Two at a time: the smallest machine for the tests has two cores.
#[test]
fn without_a_guard_its_scenario_fails() {
    let (even, odd): (Vec<_>, Vec<_>) = GUARDS.iter().enumerate().partition(|(index, _)| index % 2 == 0);
    let faults: Vec<String> = thread::scope(|scope| {
        let halves = [even, odd].map(|half| {
            scope.spawn(|| half.into_iter().filter_map(|(_, guard)| guard.try_without()).collect::<Vec<_>>())
        });
        halves.into_iter().flat_map(|half| half.join().expect("no panic")).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_has_every_guard() {
    for rule in rules::all() {
        let mut guards: Vec<&Guard> = GUARDS.iter().filter(|guard| guard.is_of(&rule)).collect();
        guards.sort_by_key(|guard| std::cmp::Reverse(guard.without.len()));
        let rest = guards
            .iter()
            .fold(format!("{} ", rule.expression()), |rest, guard| rest.replace(guard.without, guard.instead));
        for word in ["and", "unless", "or"] {
            assert!(
                !rest.split(' ').any(|part| part == word),
                "{}: no row of the table removes this: {rest}",
                rule.name
            );
        }
        let is_kept = !rule.field("keep_firing_for").is_empty();
        assert_eq!(guards.iter().any(|guard| guard.without == KEPT), is_kept, "{}: {KEPT}", rule.name);
    }
}
