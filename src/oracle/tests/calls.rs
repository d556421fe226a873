//! Calls and agents.

use super::*;

const HORIZON: Millis = 7 * DAY;

#[test]
fn every_call_event_counts_under_its_own_queue() {
    let mut log = TestLog::new();
    log.send(offered("a", noon(0))).send(offered("a", noon(0))).send(answered("a", noon(0)).queue("advice"));
    log.send(abandoned("b", noon(0)).queue("unlisted")).send(completed("a", noon(0)));
    log.shows(
        noon(0),
        &[
            ("call_events_total credit offered", "2"),
            ("call_events_total advice answered", "1"),
            ("call_events_total other abandoned", "1"),
            ("call_events_total credit completed", "1"),
            ("call_events_total advice offered", "0"),
        ],
    );
}

#[test]
fn waits_join_the_first_of_each_kind_in_any_order() {
    let mut log = TestLog::new();
    log.send(answered("a", noon(20 * SECOND)).queue("advice")).send(offered("a", noon(0)));
    log.send(offered("a", noon(-HOUR))).send(answered("a", noon(HOUR)));
    log.shows(
        noon(0),
        &[
            ("call_wait_seconds_count advice answered", "1"),
            ("call_wait_seconds_sum advice answered", "20"),
            ("call_wait_seconds_bucket advice answered 10", "0"),
            ("call_wait_seconds_bucket advice answered 20", "1"),
            ("call_wait_seconds_bucket advice answered +Inf", "1"),
            ("call_wait_seconds_count credit answered", "0"),
            ("calls_answered_within_target_total advice", "1"),
        ],
    );
}

#[test]
fn bounds_of_the_service_level_and_of_short_abandons_are_exact() {
    let mut log = TestLog::new();
    for (name, wait) in [("a", 20_000), ("b", 20_001), ("c", -5_000)] {
        log.send(offered(name, noon(0))).send(answered(name, noon(wait)));
    }
    for (name, wait) in [("d", 4_999), ("e", 5_000), ("f", -1)] {
        log.send(offered(name, noon(0))).send(abandoned(name, noon(wait)));
    }
    log.shows(
        noon(0),
        &[
            ("calls_answered_within_target_total credit", "2"),
            ("call_wait_seconds_count credit answered", "3"),
            // A negative wait counts as 0.
            ("call_wait_seconds_sum credit answered", "40.001"),
            ("calls_abandoned_short_total credit", "2"),
            ("call_wait_seconds_sum credit abandoned", "9.999"),
            ("call_wait_seconds_bucket credit abandoned 1", "1"),
            ("call_wait_seconds_bucket credit abandoned 5", "3"),
        ],
    );
}

#[test]
fn a_call_both_answered_and_abandoned_has_both_waits() {
    let mut log = TestLog::new();
    log.send(offered("a", noon(0))).send(abandoned("a", noon(3_000))).send(answered("a", noon(4_000)));
    log.shows(
        noon(0),
        &[
            ("call_wait_seconds_sum credit answered", "4"),
            ("call_wait_seconds_sum credit abandoned", "3"),
            ("calls_waiting credit", "0"),
        ],
    );
}

#[test]
fn handle_time_is_as_given_else_the_time_since_the_answer() {
    let mut log = TestLog::new();
    let talk = |talk: Option<Millis>, wrap_up: Option<Millis>| {
        move |body: &mut SentCall| (body.talk, body.wrap_up) = (talk, wrap_up)
    };
    log.send(answered("a", noon(0)))
        .send(completed("a", noon(HOUR)).with_call(talk(Some(60_500), Some(1))).queue("advice"));
    log.shows(noon(0), &[("call_handle_seconds_sum advice", "60.501"), ("call_handle_seconds_bucket advice 60", "0")]);
    // One duration of 0 is enough to be given.
    log.send(answered("b", noon(0))).send(completed("b", noon(HOUR)).with_call(talk(Some(0), None)));
    log.shows(noon(0), &[("call_handle_seconds_sum credit", "0"), ("call_handle_seconds_count credit", "1")]);
    // No duration is given; the answer comes later in the log.
    log.send(completed("c", noon(100_000)));
    log.shows(noon(0), &[("call_handle_seconds_count credit", "1")]);
    log.send(answered("c", noon(0)).queue("advice"));
    log.shows(noon(0), &[("call_handle_seconds_sum credit", "100"), ("call_handle_seconds_count credit", "2")]);
    // The first completion counts, without the durations of the second.
    log.send(completed("d", noon(0))).send(completed("d", noon(0)).with_call(talk(Some(9), None)));
    log.send(completed("e", noon(0)).with_call(talk(Some(HOUR), None)))
        .send(completed("e", noon(0)).with_call(talk(Some(9), None)));
    log.shows(
        noon(0),
        &[
            ("call_handle_seconds_sum credit", "3700"),
            ("call_handle_seconds_bucket credit 1800", "2"),
            ("call_handle_seconds_bucket credit 3600", "3"),
        ],
    );
}

#[test]
fn a_call_waits_until_it_is_answered_or_abandoned_or_too_long() {
    let mut log = TestLog::new();
    let max_wait = 4 * HOUR;
    log.send(offered("longest", noon(-max_wait))).send(offered("too long", noon(-max_wait - 1)).queue("advice"));
    log.send(offered("after now", noon(HOUR))).send(offered("answered", noon(0))).send(answered("answered", noon(0)));
    log.send(offered("abandoned", noon(0))).send(abandoned("abandoned", noon(0)));
    log.send(offered("completed", noon(0)).queue("unlisted")).send(completed("completed", noon(0)));
    // The first offer counts.
    log.send(offered("twice", noon(-max_wait - 1))).send(offered("twice", noon(0)));
    log.shows(noon(0), &[("calls_waiting credit", "2"), ("calls_waiting advice", "0"), ("calls_waiting other", "1")]);
    log.shows(noon(1), &[("calls_waiting credit", "1"), ("calls_waiting advice", "0")]);
    log.shows(noon(HOUR + max_wait + 1), &[("calls_waiting credit", "0")]);
}

#[test]
fn incomplete_calls_are_unmatched_when_they_are_forgotten() {
    let mut log = TestLog::new();
    // Each counts once, however many events there are.
    log.send(answered("a", noon(0))).send(answered("a", noon(0))).send(abandoned("b", noon(0)));
    log.send(completed("c", noon(0))).send(completed("c", noon(0)).with_call(|body| body.hold = Some(5)));
    // Not these: with durations; with an answer (which itself lacks its offer); an offer alone.
    log.send(completed("d", noon(0)).with_call(|body| body.hold = Some(0)));
    log.send(answered("e", noon(0))).send(completed("e", noon(0)));
    log.send(offered("f", noon(0))).send(offered("g", noon(0))).send(answered("g", noon(0)));
    log.send(offered("z", noon(HORIZON)));
    log.shows(noon(0), &[("unmatched_events_total call answered", "0"), ("calls_waiting credit", "2")]);
    log.send(offered("z", noon(HORIZON + 1)));
    log.shows(
        noon(0),
        &[
            ("unmatched_events_total call answered", "2"),
            ("unmatched_events_total call abandoned", "1"),
            ("unmatched_events_total call completed", "1"),
            ("unmatched_events_total call offered", "absent"),
            // A forgotten call does not wait; observed waits stay.
            ("calls_waiting credit", "1"),
            ("call_wait_seconds_count credit answered", "1"),
            ("call_handle_seconds_count credit", "2"),
        ],
    );
}

#[test]
fn a_call_is_forgotten_by_its_newest_event() {
    let mut log = TestLog::new();
    log.send(offered("kept", noon(1))).send(offered("kept", noon(0))).send(offered("forgotten", noon(0)));
    log.send(answered("kept", noon(HORIZON + 1))).send(answered("forgotten", noon(HORIZON + 1)));
    log.shows(
        noon(0),
        &[("call_wait_seconds_count credit answered", "1"), ("call_wait_seconds_sum credit answered", "604800")],
    );
    log.send(offered("z", noon(2 * HORIZON + 2)));
    log.shows(noon(0), &[("unmatched_events_total call answered", "1")]);
}

#[test]
fn an_agent_has_the_site_and_the_status_of_the_newest_time() {
    let mut log = TestLog::new();
    log.send(agent("ana", Some("home"), Status::Available, noon(0)));
    log.send(agent("ana", Some("office"), Status::Paused, noon(-1)));
    log.shows(noon(0), &[("agents home available", "1"), ("agents office paused", "0")]);
    // At the same instant the later in the log holds.
    log.send(agent("ana", None, Status::WrapUp, noon(0)));
    log.shows(noon(0), &[("agents home available", "0"), ("agents unknown wrap_up", "1")]);
    log.send(agent("eva", Some("unlisted"), Status::Handling, noon(0))).send(agent(
        "ada",
        Some("unknown"),
        Status::Handling,
        noon(0),
    ));
    log.shows(noon(0), &[("agents other handling", "1"), ("agents unknown handling", "1")]);
    log.send(agent("ana", Some("home"), Status::SignedOut, noon(1)));
    log.shows(
        noon(0),
        &[("agents unknown wrap_up", "0"), ("agents home signed_out", "absent"), ("records_total call applied", "6")],
    );
}

#[test]
fn an_agent_without_news_times_out() {
    let mut log = TestLog::new();
    log.send(agent("ana", Some("home"), Status::Available, noon(0)));
    log.shows(noon(-HOUR), &[("agents home available", "1")]);
    log.shows(noon(24 * HOUR), &[("agents home available", "1")]);
    log.shows(noon(24 * HOUR + 1), &[("agents home available", "0")]);
}

#[test]
fn an_agent_is_forgotten_by_the_horizon() {
    let mut log = TestLog::with(OracleRules { agent_timeout: 30 * DAY, ..rules() });
    log.send(agent("ana", Some("home"), Status::Available, noon(0))).send(offered("z", noon(HORIZON)));
    log.shows(noon(HORIZON), &[("agents home available", "1")]);
    log.send(offered("z", noon(HORIZON + 1)));
    log.shows(noon(HORIZON), &[("agents home available", "0")]);
}
