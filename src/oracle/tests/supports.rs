//! Supports: returns, second dispersals, backlog, spans, forgetting.

use super::*;

const HORIZON: Millis = 92 * DAY;

#[test]
fn every_event_counts_under_its_own_labels() {
    let mut log = TestLog::new();
    log.send(applied("a", noon(0))).send(approved("a", 100, noon(0))).send(approved("a", 50, noon(0)).state(None));
    log.send(rejected("b", noon(0))).send(dispersed("a", 100, noon(0)).programme("housing").state(Some("MX-OAX")));
    log.shows(
        noon(0),
        &[
            ("disbursement_events_total support applied", "1"),
            ("disbursement_events_total support approved", "2"),
            ("disbursement_events_total support rejected", "1"),
            ("disbursement_events_total support dispersed", "0"),
            ("disbursement_events_total housing dispersed", "1"),
            ("approved_pesos_total support MX-JAL", "100"),
            ("approved_pesos_total support unknown", "50"),
            ("dispersed_pesos_total housing MX-OAX", "100"),
        ],
    );
}

#[test]
fn a_return_corrects_labels_and_period_of_the_dispersal() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 100, noon(-7 * DAY)));
    // The return comes this week, under other labels.
    log.send(returned("a", 30, noon(0)).programme("housing").state(Some("MX-OAX")).by("juan"));
    log.shows(
        noon(0),
        &[
            ("returned_pesos_total support MX-JAL", "30"),
            ("returned_pesos_total housing MX-OAX", "0"),
            ("disbursement_events_total housing returned", "1"),
            ("month_net_pesos support MX-JAL", "70"),
            ("week_net_pesos support MX-JAL", "0"),
            ("week_net_pesos housing MX-OAX", "absent"),
        ],
    );
    // Last week's figures have it, too.
    log.shows(noon(-7 * DAY), &[("week_net_pesos support MX-JAL", "70"), ("day_net_pesos support MX-JAL", "70")]);
}

#[test]
fn returns_take_from_the_newest_dispersal_in_log_order_first() {
    let mut log = TestLog::new();
    // The first in the log has the later time.
    log.send(dispersed("a", 100, noon(0)).state(Some("MX-CMX")))
        .send(dispersed("a", 40, noon(-DAY)).state(Some("MX-OAX")));
    log.send(returned("a", 30, noon(0)));
    log.shows(noon(0), &[("returned_pesos_total support MX-OAX", "30"), ("returned_pesos_total support MX-CMX", "0")]);
    // The second dispersal has 10 left of the next 30.
    log.send(returned("a", 30, noon(0)));
    log.shows(
        noon(0),
        &[
            ("returned_pesos_total support MX-OAX", "40"),
            ("returned_pesos_total support MX-CMX", "20"),
            ("week_net_pesos support MX-CMX", "80"),
            ("week_net_pesos support MX-OAX", "0"),
            ("week_dispersals support MX-OAX", "1"),
            ("week_beneficiaries support MX-CMX", "1"),
            ("week_beneficiaries support MX-OAX", "0"),
        ],
    );
}

#[test]
fn excess_returns_wait_for_the_next_dispersal_oldest_first() {
    let mut log = TestLog::new();
    log.send(returned("a", 50, noon(0)).programme("housing")).send(returned("a", 60, noon(0)));
    log.shows(noon(0), &[("waiting_returned_pesos housing", "50"), ("waiting_returned_pesos support", "60")]);
    log.send(dispersed("a", 70, noon(0)));
    // All 50 of the first return and 20 of the second.
    log.shows(
        noon(0),
        &[
            ("waiting_returned_pesos housing", "0"),
            ("waiting_returned_pesos support", "40"),
            ("returned_pesos_total support MX-JAL", "70"),
            ("day_dispersals support MX-JAL", "1"),
            ("day_net_pesos support MX-JAL", "0"),
            ("day_beneficiaries support MX-JAL", "0"),
        ],
    );
    // A second dispersal of the support: the person is paid again.
    log.send(dispersed("a", 45, noon(0)));
    log.shows(
        noon(0),
        &[
            ("waiting_returned_pesos support", "0"),
            ("returned_pesos_total support MX-JAL", "110"),
            ("day_dispersals support MX-JAL", "2"),
            ("day_net_pesos support MX-JAL", "5"),
            ("day_beneficiaries support MX-JAL", "1"),
            ("unmatched_events_total disbursement returned", "0"),
        ],
    );
}

#[test]
fn a_return_takes_from_its_own_support_only() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 100, noon(0))).send(returned("b", 100, noon(0)));
    log.send_to(1, returned("a", 100, noon(0)));
    log.shows(noon(0), &[("day_net_pesos support MX-JAL", "100"), ("waiting_returned_pesos support", "200")]);
}

#[test]
fn returns_still_waiting_when_forgotten_are_unmatched() {
    let mut log = TestLog::new();
    log.send(dispersed("a", 10, noon(0)))
        .send(returned("a", 25, noon(0)))
        .send(returned("a", 5, noon(0)).programme("housing"));
    log.send(returned("a", 7, noon(0)));
    // This return was matched in full.
    log.send(returned("b", 3, noon(0))).send(dispersed("b", 3, noon(0)));
    log.send(dispersed("other", 1, noon(HORIZON)));
    log.shows(
        noon(0),
        &[("waiting_returned_pesos support", "22"), ("unmatched_events_total disbursement returned", "0")],
    );
    log.send(dispersed("other", 1, noon(HORIZON + 1)));
    let expected = [
        ("waiting_returned_pesos support", "0"),
        ("waiting_returned_pesos housing", "0"),
        ("unmatched_returned_pesos_total support", "22"),
        ("unmatched_returned_pesos_total housing", "5"),
        ("unmatched_events_total disbursement returned", "3"),
        ("returned_pesos_total support MX-JAL", "13"),
    ];
    log.shows(noon(0), &expected);
    // A new support with the same identifier changes nothing of that.
    log.send(dispersed("a", 1_000, noon(HORIZON + 1)));
    log.shows(noon(0), &expected).shows(noon(HORIZON + 1), &[("day_net_pesos support MX-JAL", "1002")]);
}

#[test]
fn a_support_is_forgotten_by_its_newest_event_before_applying() {
    let mut log = TestLog::new();
    log.send(dispersed("kept", 10, noon(0))).send(returned("kept", 1, noon(1))).send(applied("kept", noon(0)));
    log.send(dispersed("forgotten", 10, noon(0)));
    log.send(returned("kept", 3, noon(HORIZON + 1))).send(returned("forgotten", 4, noon(HORIZON + 1)));
    log.shows(
        noon(0),
        &[
            ("returned_pesos_total support MX-JAL", "4"),
            ("waiting_returned_pesos support", "4"),
            // People of all time stay.
            ("beneficiaries support MX-JAL", "1"),
        ],
    );
    let mut log = TestLog::new();
    // The return itself makes its dispersal forgotten.
    log.send(dispersed("a", 10, noon(0))).send(returned("a", 10, noon(HORIZON + 1)));
    log.shows(noon(0), &[("returned_pesos_total support MX-JAL", "0"), ("waiting_returned_pesos support", "10")]);
}

#[test]
fn the_backlog_is_approved_and_neither_dispersed_nor_rejected() {
    let mut log = TestLog::new();
    log.send(approved("a", 100, noon(2 * HOUR))).send(approved("a", 999, noon(0)).programme("housing"));
    log.send(approved("b", 200, noon(HOUR)).programme("housing")).send(applied("c", noon(0)));
    log.shows(
        noon(0),
        &[
            // The first approval in log order gives programme, time and amount.
            ("backlog_supports support", "1"),
            ("backlog_pesos support", "100"),
            ("backlog_oldest_approval_timestamp_seconds support", "1590001200"),
            ("backlog_supports housing", "1"),
            ("backlog_pesos housing", "200"),
            ("backlog_oldest_approval_timestamp_seconds housing", "1589997600"),
            ("backlog_supports other", "0"),
            ("backlog_oldest_approval_timestamp_seconds other", "absent"),
        ],
    );
    log.send(dispersed("a", 100, noon(0))).send(rejected("b", noon(0)));
    // Neither a return nor another approval reopens a support; the order of approval and rejection does not matter.
    log.send(returned("a", 100, noon(0))).send(approved("a", 100, noon(0)));
    log.send(rejected("d", noon(0))).send(approved("d", 100, noon(0)));
    log.shows(
        noon(0),
        &[
            ("backlog_supports support", "0"),
            ("backlog_supports housing", "0"),
            ("backlog_pesos support", "0"),
            ("backlog_oldest_approval_timestamp_seconds support", "absent"),
        ],
    );
}

#[test]
fn the_oldest_approval_is_that_of_all_partitions() {
    let mut log = TestLog::new();
    log.send_to(0, approved("a", 1, noon(5))).send_to(1, approved("b", 2, noon(-5)));
    log.shows(
        noon(0),
        &[("backlog_pesos support", "3"), ("backlog_oldest_approval_timestamp_seconds support", "1589993999.995")],
    );
}

#[test]
fn an_open_support_is_remembered_until_the_open_horizon() {
    let open_horizon = 400 * DAY;
    let mut log = TestLog::new();
    log.send(applied("a", noon(-DAY))).send(approved("a", 100, noon(0)));
    log.send(approved("b", 70, noon(0))).send(returned("b", 5, noon(0)));
    // The dispersal still finds its approval after 300 days.
    log.send(applied("z", noon(300 * DAY))).send(dispersed("a", 100, noon(300 * DAY)));
    log.shows(
        noon(0),
        &[
            ("backlog_supports support", "1"),
            ("approval_to_dispersal_seconds_count support", "1"),
            ("approval_to_dispersal_seconds_sum support", "25920000"),
        ],
    );
    log.send(applied("z", noon(open_horizon)));
    log.shows(noon(0), &[("backlog_pesos support", "70"), ("waiting_returned_pesos support", "5")]);
    log.send(applied("z", noon(open_horizon + 1)));
    log.shows(
        noon(0),
        &[
            ("backlog_supports support", "0"),
            ("waiting_returned_pesos support", "0"),
            ("unmatched_events_total disbursement approved", "1"),
            ("unmatched_events_total disbursement returned", "1"),
            ("unmatched_returned_pesos_total support", "5"),
        ],
    );
}

#[test]
fn a_settled_support_is_forgotten_by_the_horizon_and_is_matched() {
    let mut log = TestLog::new();
    log.send(approved("a", 100, noon(0))).send(rejected("a", noon(0))).send(applied("only", noon(0)));
    // If the rejection were remembered, this support would not be open.
    log.send(approved("a", 100, noon(HORIZON + 1)));
    log.shows(noon(0), &[("backlog_supports support", "1"), ("unmatched_events_total disbursement approved", "0")]);
}

#[test]
fn spans_join_the_first_event_of_each_kind_in_any_order() {
    let mut log = TestLog::new();
    // In the log: dispersal, approval of an hour earlier, application of a day before that.
    log.send(dispersed("a", 1, noon(0)).programme("housing"))
        .send(approved("a", 1, noon(-HOUR)).programme("other name"));
    log.send(applied("a", noon(-DAY - HOUR)));
    // Later events of the same kind do not count.
    log.send(applied("a", noon(-50 * DAY))).send(approved("a", 1, noon(-40 * DAY))).send(dispersed(
        "a",
        1,
        noon(40 * DAY),
    ));
    log.shows(
        noon(0),
        &[
            ("application_to_approval_seconds_count other", "1"),
            ("application_to_approval_seconds_sum other", "86400"),
            ("application_to_approval_seconds_bucket other 21600", "0"),
            ("application_to_approval_seconds_bucket other 86400", "1"),
            ("application_to_approval_seconds_bucket other +Inf", "1"),
            ("approval_to_dispersal_seconds_sum housing", "3600"),
            ("approval_to_dispersal_seconds_bucket housing 3600", "1"),
            ("approval_to_dispersal_seconds_count support", "0"),
        ],
    );
}

#[test]
fn a_negative_span_counts_as_zero() {
    let mut log = TestLog::new();
    log.send(applied("a", noon(0))).send(approved("a", 1, noon(-1)));
    log.send(applied("b", noon(0))).send(approved("b", 1, noon(1)));
    log.shows(
        noon(0),
        &[
            ("application_to_approval_seconds_sum support", "0.001"),
            ("application_to_approval_seconds_count support", "2"),
            ("application_to_approval_seconds_bucket support 3600", "2"),
        ],
    );
}

#[test]
fn a_forgotten_support_lends_nothing_to_the_next() {
    let mut log = TestLog::new();
    log.send(applied("a", noon(0))).send(rejected("a", noon(0))).send(approved("a", 1, noon(HORIZON + 1)));
    log.send(applied("b", noon(HORIZON + 1)))
        .send(approved("b", 1, noon(HORIZON + 1)))
        .send(rejected("b", noon(HORIZON + 1)));
    log.send(applied("z", noon(2 * HORIZON + 2)));
    log.shows(noon(0), &[("application_to_approval_seconds_count support", "1")]);
}
