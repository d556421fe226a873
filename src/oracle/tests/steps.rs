//! Outcomes, duplicates, conflicts, watermarks, labels, milestones, and the series of an empty log.

use super::*;

const HORIZON: Millis = 92 * DAY;

fn milestone_now(quantity: Option<u32>) -> SentEvent {
    milestone(MilestoneKind::Reached, "market", "enrolled", quantity, noon(0))
}

#[test]
fn the_rules_default_to_the_default_settings() {
    let settings: toml::Table =
        include_str!("../../../config/default.toml").parse().expect("the default settings are toml");
    let rules = OracleRules::default();
    let duration = |millis: Millis, unit: Millis, letter: char| toml::Value::from(format!("{}{letter}", millis / unit));
    let strings = |strings: &[String]| toml::Value::from(strings.to_vec());
    let integer = |n: i64| toml::Value::from(n);
    assert_eq!(settings["streams"]["disbursement"]["horizon"], duration(rules.horizons.disbursement, DAY, 'd'));
    assert_eq!(settings["streams"]["disbursement"]["open_horizon"], duration(rules.open_horizon, DAY, 'd'));
    assert_eq!(settings["streams"]["call"]["horizon"], duration(rules.horizons.call, DAY, 'd'));
    assert_eq!(settings["streams"]["milestone"]["horizon"], duration(rules.horizons.milestone, DAY, 'd'));
    assert_eq!(settings["calls"]["service_level_seconds"], integer(rules.service_level / SECOND));
    assert_eq!(settings["calls"]["short_abandon_seconds"], integer(rules.short_abandon / SECOND));
    assert_eq!(settings["calls"]["max_wait"], duration(rules.max_wait, HOUR, 'h'));
    assert_eq!(settings["calls"]["agent_timeout"], duration(rules.agent_timeout, HOUR, 'h'));
    assert_eq!(settings["state"]["max_label_values"], integer(rules.max_label_values as i64));
    assert_eq!(settings["state"]["max_milestones"], integer(rules.max_milestones as i64));
    assert_eq!(settings["programme"]["time_zone"], toml::Value::from(rules.time_zone));
    assert_eq!(settings["labels"]["programmes"], strings(&rules.labels.programmes));
    assert_eq!(settings["labels"]["queues"], strings(&rules.labels.queues));
    assert_eq!(settings["labels"]["sites"], strings(&rules.labels.sites));
    assert_eq!(settings["labels"]["initiatives"], strings(&rules.labels.initiatives));
    assert_eq!(settings["labels"]["milestones"], strings(&rules.labels.milestones));
    assert_eq!(settings["labels"]["states"], strings(&rules.labels.states));
}

#[test]
fn an_empty_log_has_listed_series_at_zero_and_no_others() {
    let log = TestLog::new();
    let figures = log.at(noon(0)).0;
    assert!(figures.values().all(|&value| value == 0));
    // 3 streams x (4 outcomes + 10 reasons + conflicts), 5 kinds of unmatched events.
    let of_records = 3 * (4 + 10 + 1) + 5;
    // 3 programmes x (5 events + 3 families x 5 states + 2 of returns + 2 of backlog + 2 histograms of 10 bounds, +Inf,
    // sum and count).
    let of_supports = 3 * (5 + 3 * 5 + 2 + 2 + 2 * 13);
    // 3 queues x (4 events + 2 counters + waiting + 2 outcomes x (11 + 3) + 8 + 3).
    let of_calls = 3 * (4 + 2 + 1 + 2 * 14 + 11);
    // 4 sites x 4 statuses; 2 counters x 2 initiatives x 2 milestones.
    let (of_agents, of_milestones) = (4 * 4, 2 * 2 * 2);
    assert_eq!(figures.len(), of_records + of_supports + of_calls + of_agents + of_milestones);
    log.shows(
        noon(0),
        &[
            ("records_total milestone expired", "0"),
            ("rejected_records_total call excluded", "0"),
            ("approved_pesos_total other unknown", "0"),
            ("agents unknown wrap_up", "0"),
            ("agents home signed_out", "absent"),
            ("beneficiaries support MX-JAL", "absent"),
            ("backlog_oldest_approval_timestamp_seconds support", "absent"),
            ("watermark_timestamp_seconds disbursement", "absent"),
        ],
    );
}

#[test]
fn an_event_expires_a_millisecond_beyond_the_horizon() {
    let mut log = TestLog::new();
    log.send(dispersed("new", 1, noon(0)));
    log.send(dispersed("oldest", 1, noon(-HORIZON))).send(dispersed("too old", 1, noon(-HORIZON - 1)));
    log.shows(
        noon(0),
        &[
            ("records_total disbursement applied", "2"),
            ("records_total disbursement expired", "1"),
            ("watermark_timestamp_seconds disbursement", "1589994000"),
        ],
    );
}

#[test]
fn expiry_depends_on_the_own_partition_only() {
    let mut log = TestLog::new();
    log.send_to(0, dispersed("a", 1, noon(0))).send_to(1, dispersed("b", 1, noon(-200 * DAY)));
    log.shows(
        noon(0),
        &[("records_total disbursement applied", "2"), ("watermark_timestamp_seconds disbursement", "1589994000")],
    );
}

#[test]
fn an_event_does_not_expire_by_the_watermark_that_it_raises() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 1, noon(-500 * DAY))).send(dispersed("b", 1, noon(0)));
    log.shows(noon(0), &[("records_total disbursement applied", "2"), ("records_total disbursement expired", "0")]);
}

#[test]
fn duplicates_conflict_if_their_content_differs() {
    let mut log = TestLog::new();
    let first = dispersed("a", 100, noon(0)).id("1");
    log.send(first.clone()).send(first.clone());
    log.shows(noon(0), &[("records_total disbursement duplicate", "1"), ("conflicts_total disbursement", "0")]);
    let whole = PesoAmount { centavos: 10_000, spelling: Spelling::Whole };
    log.send(first.clone().with_disbursement(|body| body.amount = Some(whole))); // another spelling of the amount
    log.shows(noon(0), &[("records_total disbursement duplicate", "2"), ("conflicts_total disbursement", "0")]);
    log.send(dispersed("a", 101, noon(0)).id("1")); // amount
    log.send(dispersed("a", 100, noon(1)).id("1")); // time
    log.send(returned("a", 100, noon(0)).id("1")); // type
    log.send(first.clone().state(None)); // state
    log.send(first.clone().with_disbursement(|body| body.currency = Some("MXN".to_owned()))); // currency
    log.shows(
        noon(0),
        &[
            ("records_total disbursement applied", "1"),
            ("records_total disbursement duplicate", "7"),
            ("conflicts_total disbursement", "5"),
            ("dispersed_pesos_total support MX-JAL", "100"),
            // A duplicate does not move the watermark, even if its time differs.
            ("watermark_timestamp_seconds disbursement", "1589994000"),
        ],
    );
}

#[test]
fn fields_that_the_type_does_not_read_make_no_conflict() {
    let mut log = TestLog::new();
    let (application, offer) = (applied("a", noon(0)).id("1"), offered("c", noon(0)).id("1"));
    log.send(application.clone()).send(application.with_disbursement(|body| body.amount = Some(5.into())));
    log.send(offer.clone()).send(offer.with_call(|body| body.talk = Some(5)));
    let completion = completed("c", noon(0)).id("2");
    log.send(completion.clone()).send(completion.with_call(|body| body.talk = Some(5)));
    log.send(milestone_now(None).id("1")).send(milestone_now(Some(1)).id("1"));
    log.shows(
        noon(0),
        &[
            ("conflicts_total disbursement", "0"),
            ("conflicts_total call", "1"),
            // An absent quantity differs from 1.
            ("conflicts_total milestone", "1"),
        ],
    );
}

#[test]
fn an_id_is_unique_with_its_source_and_partition() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 1, noon(0)).id("1")).send(dispersed("b", 1, noon(0)).id("1").source("bank"));
    log.send_to(1, dispersed("c", 1, noon(0)).id("1"));
    log.shows(noon(0), &[("records_total disbursement applied", "3"), ("records_total disbursement duplicate", "0")]);
}

#[test]
fn an_id_is_remembered_while_its_event_is_within_the_horizon() {
    let mut log = TestLog::new();
    log.send(milestone_now(None).id("1"));
    let later = |plus| milestone(MilestoneKind::Reached, "market", "enrolled", None, noon(plus));
    // The id is looked up before this event raises the watermark.
    log.send(later(HORIZON + 1).id("1"));
    log.shows(noon(0), &[("records_total milestone duplicate", "1")]);
    log.send(later(HORIZON)).send(later(HORIZON).id("1"));
    log.shows(noon(0), &[("records_total milestone duplicate", "2")]);
    log.send(later(HORIZON + 1)).send(later(HORIZON + 1).id("1"));
    log.shows(noon(0), &[("records_total milestone applied", "4"), ("records_total milestone duplicate", "2")]);
    // The second record is the one that is remembered now.
    log.send(later(HORIZON + 1).id("1"));
    log.shows(noon(0), &[("records_total milestone duplicate", "3"), ("conflicts_total milestone", "2")]);
}

#[test]
fn rejected_records_are_counted_by_reason_and_leave_nothing() {
    let mut log = TestLog::new();
    log.oracle.record(Stream::Call, 0, SentRecord::Rejected(Reason::NotJson));
    log.oracle.record(Stream::Call, 3, SentRecord::Rejected(Reason::NotJson));
    log.oracle.record(Stream::Call, 3, SentRecord::Rejected(Reason::Future));
    assert_eq!(log.oracle.len(), 3);
    log.shows(
        noon(0),
        &[
            ("records_total call rejected", "3"),
            ("rejected_records_total call not_json", "2"),
            ("rejected_records_total call future", "1"),
            ("rejected_records_total disbursement not_json", "0"),
            ("watermark_timestamp_seconds call", "absent"),
        ],
    );
}

#[test]
#[should_panic(expected = "wrong_stream")]
fn an_event_of_another_stream_is_not_accepted() {
    TestLog::new().oracle.record(Stream::Call, 0, SentRecord::Event(milestone_now(None)));
}

#[test]
fn unlisted_names_are_other_and_states_are_codes() {
    let mut log = TestLog::new();
    log.send(approved("1", 1, noon(0)).programme("unlisted").state(None));
    log.send(approved("2", 2, noon(0)).state(Some("MX-DIF")));
    log.send(approved("3", 4, noon(0)).state(Some("MX-SON"))); // a code that is not listed
    log.send(approved("4", 8, noon(0)).state(Some("jalisco")));
    log.shows(
        noon(0),
        &[
            ("approved_pesos_total other unknown", "1"),
            ("approved_pesos_total support MX-CMX", "2"),
            ("approved_pesos_total support other", "12"),
            ("approved_pesos_total support MX-SON", "absent"),
        ],
    );
}

#[test]
fn a_listed_name_beyond_max_label_values_stays_other() {
    let mut log = TestLog::with(OracleRules { max_label_values: 1, ..rules() });
    log.send(approved("1", 1, noon(0)).programme("unlisted"));
    log.send(approved("2", 2, noon(0)).programme("support"));
    // Another partition has room of its own, and expired records take none.
    log.send_to(1, approved("3", 4, noon(0)).programme("housing"));
    log.send_to(1, approved("4", 8, noon(-HORIZON - 1)).programme("support"));
    log.send_to(1, approved("5", 16, noon(0)).programme("housing"));
    log.shows(
        noon(0),
        &[
            ("approved_pesos_total other MX-JAL", "3"),
            ("approved_pesos_total support MX-JAL", "0"),
            ("approved_pesos_total housing MX-JAL", "20"),
        ],
    );
}

#[test]
fn a_milestone_beyond_the_bound_on_pairs_is_other_other() {
    let mut log = TestLog::with(OracleRules { max_milestones: 1, ..rules() });
    log.send(milestone(MilestoneKind::Reached, "market", "signed", None, noon(0)));
    // Both labels are kept, the pair is not; the first pair still counts.
    log.send(milestone_now(Some(20))).send(milestone(MilestoneKind::Reached, "market", "signed", Some(3), noon(0)));
    // Another partition has room of its own.
    log.send_to(1, milestone_now(Some(500)));
    log.shows(
        noon(0),
        &[
            ("milestones_total market other", "4"),
            ("milestones_total other other", "20"),
            ("milestones_total market enrolled", "500"),
        ],
    );
}

#[test]
fn milestones_add_up_by_quantity() {
    let mut log = TestLog::new();
    log.send(milestone_now(Some(5))).send(milestone_now(None));
    log.send(milestone(MilestoneKind::Withdrawn, "market", "enrolled", Some(2), noon(0)));
    log.send(milestone(MilestoneKind::Reached, "meeting", "signed", Some(837), noon(0)));
    log.send(milestone(MilestoneKind::Reached, "market", "signed", Some(1_000_000_000), noon(0)));
    log.shows(
        noon(0),
        &[
            ("milestones_total market enrolled", "6"),
            ("milestones_withdrawn_total market enrolled", "2"),
            ("milestones_total other other", "837"),
            ("milestones_total market other", "1000000000"),
            ("milestones_total other enrolled", "0"),
        ],
    );
}
