use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use tracing::{Level, debug, error, info, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry};

use super::sentence::{REASONS, fields_of};
use super::*;
use crate::clock::{HOUR, SECOND};
use crate::record::{Outcome, Reason};

/// Layer that gives every event to a ring.
struct ToRing(std::sync::Arc<EventRing>);

impl Layer<Registry> for ToRing {
    fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, Registry>) {
        self.0.record(event);
    }
}

/// Returns the ring and its clock after `events`, which may advance the clock.
fn ring(events: impl FnOnce(&Clock)) -> std::sync::Arc<EventRing> {
    let (ring, clock) = (std::sync::Arc::<EventRing>::default(), Clock::manual(Timestamp::from_millis(1_000)));
    ring.set_clock(&clock);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(ToRing(ring.clone())), || events(&clock));
    ring
}

fn all(ring: &EventRing) -> Vec<NotedEvent> {
    ring.newest(MAX_EVENTS).0
}

fn object(fields: Value) -> Map<String, Value> {
    serde_json::from_value(fields).unwrap()
}

fn said(event: &str, fields: Value) -> [String; 2] {
    let EventSentence { es, en } = EventSentence::new(event_note(event).unwrap(), &object(fields));
    [es, en]
}

#[test]
fn both_languages_of_a_note_say_the_same_fields() {
    for note in event_rows().filter_map(|row| row.note.as_ref()) {
        let fields = |template: &'static str| fields_of(template).collect::<BTreeSet<_>>();
        assert_eq!(fields(note.es), fields(note.en), "{}", note.event);
        assert_eq!(
            required_fields(note.es).collect::<BTreeSet<_>>(),
            required_fields(note.en).collect::<BTreeSet<_>>(),
            "{}",
            note.event
        );
        for template in [note.es, note.en] {
            assert!(template.len() > 10 && template.ends_with('.'), "{}: {template}", note.event);
            assert_brackets_match(template);
        }
        assert_ne!(note.es, note.en, "{}", note.event);
    }
}

fn assert_brackets_match(template: &str) {
    for (open, close) in [('[', ']'), ('{', '}')] {
        assert_eq!(template.matches(open).count(), template.matches(close).count(), "{template}");
    }
}

/// Every row has a template, which names only fields of its event, and those of every line.
#[test]
fn a_template_names_only_fields_that_its_event_has() {
    let mut names = BTreeSet::new();
    for row in event_rows() {
        assert!(names.insert(row.name), "{} has two rows", row.name);
        let own: BTreeSet<&str> = row.fields.split_whitespace().chain(crate::telemetry::log::LINE_FIELDS).collect();
        for field in fields_of(row.text) {
            assert!(own.contains(field), "{}: the text has the field {field}, the event has not", row.name);
        }
        let template = row.text;
        assert!(template.len() > 10 && !template.ends_with('.'), "{}: {template}", row.name);
        assert!(!template.starts_with(|first: char| first.is_uppercase()), "{}: {template}", row.name);
        assert_brackets_match(template);
        let fields: Vec<_> = row.fields.split_whitespace().collect();
        assert!(fields.is_sorted() && !row.when.is_empty() && !row.levels.is_empty(), "{}", row.name);
    }
    assert!(names.len() > 90, "{}", names.len());
}

#[test]
fn every_reason_of_a_rejection_has_words() {
    let names: Vec<_> = Reason::ALL.map(Reason::name).into_iter().chain([Outcome::Expired.name()]).collect();
    assert_eq!(REASONS.map(|words| words[0]).to_vec(), names);
}

#[test]
fn a_text_sentence_says_which_fields_it_has() {
    let fields = object(json!({"topic": "calls", "partition": 0, "offset": 1_042, "reason": "missing_field",
        "field": "beneficiary", "detail": null, "extra": 1}));
    let sentence = TextSentence::new(event_row("pacemeter.record.set_aside").unwrap().text, &fields);
    assert_eq!(sentence.text, "calls/0@1042: missing field (beneficiary)");
    assert_eq!(sentence.said, ["topic", "partition", "offset", "reason", "field", "detail"]);
    // Without its offset, the partition is still to be said.
    let sentence = TextSentence::new(
        "{topic}[/{partition:i}@{offset:i}][, partitions {partitions}]: x",
        &object(json!({
        "topic": "calls", "partition": 3, "partitions": "0-3"})),
    );
    assert_eq!(
        (sentence.text.as_str(), &sentence.said[..]),
        ("calls, partitions 0-3: x", &["topic", "partitions"][..])
    );
    let text = |template, value: Value| TextSentence::new(template, &object(json!({"a": value}))).text;
    assert_eq!(text("{a:b}", json!(1_500_000)), "1.4 MiB");
    assert_eq!(text("{a:b}", json!(10)), "10 bytes");
    assert_eq!(text("{a:t}", json!("2026-11-26T18:00:00-06:00")), "2026-11-26 18:00");
    assert_eq!(text("{a:t}", json!("mañana")), "mañana");
    assert_eq!(text("{a:k}", json!({"b": 1})), "1 setting differs from the defaults");
    assert_eq!(text("[, +{a:n} applied]; x", json!(1_200)), "+1,200 applied; x");
    let long = text("{a}", json!("x\u{1b}".repeat(5_000)));
    assert!(long.chars().all(crate::settings::is_printable) && long.ends_with('…') && long.len() < 10_000, "{long}");
}

#[test]
fn only_events_of_note_are_kept_with_their_fields() {
    let ring = ring(|clock| {
        info!(event = "pacemeter.cut.settled", cut = "20200515T230000Z", "provisional cut settled");
        warn!(event = "pacemeter.record.set_aside", reason = "malformed", "record rejected");
        info!("an event of a library");
        clock.advance(SECOND, 0);
        let fault = std::io::Error::other("disk full");
        error!(event = "pacemeter.cut.failed", cut = "c", error = &fault as &dyn Error, late = true, n = 7, "x");
        debug!(event = "pacemeter.checkpoint.written", "checkpoint written");
    });
    let (newest, more) = ring.newest(1);
    assert!(more);
    assert_eq!((newest[0].name(), newest[0].level), ("pacemeter.cut.failed", Level::ERROR));
    assert_eq!(Value::from(newest[0].fields.clone()), json!({"cut": "c", "error": "disk full", "late": true, "n": 7}));
    let (both, more) = ring.newest(2);
    assert_eq!((both.len(), more), (2, false));
    assert_eq!(
        (both[1].name(), both[1].at, both[0].at - both[1].at),
        ("pacemeter.cut.settled", both[0].at - SECOND, SECOND)
    );
}

#[test]
fn events_are_bounded_in_number_and_in_bytes() {
    let many = ring(|_| {
        for number in 0..MAX_EVENTS as u64 + 50 {
            info!(event = "pacemeter.cut.settled", cut = number, "settled");
        }
    });
    let events = all(&many);
    assert_eq!((events.len(), &events[0].fields["cut"]), (MAX_EVENTS, &json!(249)));
    let text = "é".repeat(10_000);
    let large = ring(|_| {
        for _ in 0..1_000 {
            let texts = [text.as_str(); 8];
            let [a, b, c, d, e, f, g, h] = texts;
            info!(event = "pacemeter.cut.settled", a, b, c, d, e, f, g, h, "settled");
        }
    });
    let state = large.lock();
    let bytes: usize = state.events.iter().map(NotedEvent::bytes).sum();
    assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&bytes), "{bytes}");
    assert_eq!(state.bytes, bytes);
    assert!(
        state.events.iter().flat_map(|event| event.fields.values()).all(|text| text.as_str().unwrap().len() == 512)
    );
}

#[test]
fn a_run_of_the_same_event_is_one() {
    let ring = ring(|clock| {
        for partition in 0..3 {
            info!(event = "pacemeter.state.restored", topic = "calls", partition, "state restored");
        }
        for _ in 0..10_000 {
            clock.advance(SECOND, 0);
            warn!(event = "pacemeter.topic.waiting", topic = "calls", "waiting for topic");
        }
        warn!(event = "pacemeter.topic.waiting", topic = "milestones", "waiting for topic");
        clock.advance(HOUR, 0);
        info!(event = "pacemeter.state.restored", topic = "calls", partition = 4, "state restored");
    });
    let fields: Vec<Value> = all(&ring).into_iter().map(|event| event.fields.into()).collect();
    assert_eq!(
        fields,
        [
            json!({"topic": "calls", "partition": 4}),
            json!({"topic": "milestones"}),
            json!({"topic": "calls", "times": 10_000}),
            json!({"topic": "calls", "times": 3}),
        ]
    );
    assert_eq!(all(&ring)[3].say().en, "The state of 3 partitions is restored.");
    assert_eq!(all(&ring)[0].say().es, "Se restauró el estado.");
}

#[test]
fn what_the_state_tells_stands_before_the_start() {
    let ring = ring(|_| info!(event = "pacemeter.started", "pacemeter started"));
    for at in [500, 100, 300] {
        ring.recall(Timestamp::from_millis(at), Level::INFO, "pacemeter.cut.taken", object(json!({"at": at})));
    }
    ring.recall(Timestamp::from_millis(700), Level::INFO, "pacemeter.summary", Map::new());
    let instants: Vec<i64> = all(&ring).iter().map(|event| event.at.as_millis()).collect();
    assert_eq!(instants, [1_000, 500, 300, 100]);
    // Newer ones stay if there are too many.
    for at in 0..300 {
        ring.recall(Timestamp::from_millis(at), Level::INFO, "pacemeter.cut.taken", Map::new());
    }
    assert_eq!(all(&ring).len(), MAX_EVENTS);
    assert_eq!(all(&ring)[0].name(), "pacemeter.started");
}

#[test]
fn sentences_say_what_the_fields_say() {
    let taken = json!({"at": "2020-05-15T18:00:00-05:00", "provisional": true, "retaken": false});
    assert_eq!(
        said("pacemeter.cut.taken", taken),
        [
            "Se tomó el corte de 2020-05-15T18:00:00-05:00; es provisional.",
            "The cut of 2020-05-15T18:00:00-05:00 was taken; it is provisional.",
        ]
    );
    let closed = json!({"period": "2020-W20", "target_name": "weekly", "actual": 98_765.0, "goal": 100_000.0});
    assert_eq!(
        said("pacemeter.period.closed", closed),
        [
            "Cerró 2020-W20 de weekly con 98,765; la meta era 100,000.",
            "2020-W20 of weekly closed with 98,765; the goal was 100,000."
        ]
    );
    let ratio = json!({"period": "2020-W20", "target_name": "calls", "before": -0.8125, "after": 0.8});
    assert_eq!(
        said("pacemeter.period.corrected", ratio)[1],
        "2020-W20 of calls was corrected from \u{2212}0.813 to 0.8."
    );
    let status = json!({"target_name": "w", "from": "on_pace", "to": "at_risk", "actual": "1234567.50", "plan": 64.88});
    assert_eq!(
        said("pacemeter.target.status", status),
        [
            "w pasó de «en ritmo» a «en riesgo»: 1,234,568, y el plan era 65.",
            "w went from “on pace” to “at risk”: 1,234,568, and the plan was 65.",
        ]
    );
    let returned = |gone_ms: i64| said("pacemeter.kafka.returned", json!({"gone_ms": gone_ms, "new_records": 0}));
    assert_eq!(returned(400)[1], "Kafka answers again after < 1 s.");
    assert_eq!(returned(90_000)[1], "Kafka answers again after 90 s.");
    assert_eq!(returned(600_000)[0], "Kafka responde de nuevo tras 10 min.");
    assert_eq!(returned(7_500_000)[0], "Kafka responde de nuevo tras 2 h 5 min.");
    assert_eq!(said("pacemeter.cut.settled", json!({}))[1], "Cut \u{2013} is final now.");
}

proptest! {
    #[test]
    fn any_text_of_a_field_makes_json_and_a_printable_sentence(text in "\\PC{0,40}|[\\x00-\\x1f\"\\\\{}\\[\\]\u{202e}é😀]{0,40}") {
        let ring = ring(|_| warn!(event = "pacemeter.kafka.unavailable", reason = text, "brokers do not answer"));
        let event = &all(&ring)[0];
        let json = serde_json::to_string(&event.fields).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Value>(&json).unwrap()["reason"], &json!(text));
        let EventSentence { es, en } = event.say();
        for sentence in [es, en] {
            prop_assert!(sentence.chars().all(crate::settings::is_printable), "{sentence:?}");
            prop_assert!(sentence.contains("Kafka") && sentence.ends_with('.'));
        }
    }
}
