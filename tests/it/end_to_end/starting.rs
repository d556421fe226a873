//! Starting, waiting, refusals and shutdown of the program.

use std::time::{Duration, Instant};

use pacemeter::record::Stream;

use super::catalogue::assert_no_business;
use crate::kafka::Kafka;
use crate::program::{Pacemeter, run};
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, LOG_APPEND_TIME, Record, Topics};

/// Asserts that it reports why it is not ready, and exposes no business figures.
fn assert_waits_for(pacemeter: &mut Pacemeter, reason: &str) {
    pacemeter.until(&format!("/readyz says {reason}"), |pacemeter| {
        let answer = pacemeter.get("/readyz");
        assert_eq!(answer.status, 503, "{}", answer.body);
        answer.body.contains(reason).then_some(())
    });
    assert_eq!(pacemeter.get("/livez").status, 200);
    let scrape = pacemeter.scrape();
    assert_no_business(&scrape);
    assert_eq!(scrape.value("pacemeter_ready", &[]), Some(0.0));
    assert_eq!(pacemeter.status()["ready"], false);
}

fn records(pacemeter: &Pacemeter, outcome: &str) -> Option<f64> {
    pacemeter.scrape().value("pacemeter_records_total", &[("stream", "call"), ("outcome", outcome)])
}

#[test]
fn it_starts_before_broker_and_topics_and_survives_an_outage() {
    let kafka = Kafka::reserve();
    let topics = Topics::reserve(&kafka);
    let state = tempfile::tempdir().expect("a temporary directory");
    let started = Instant::now();
    let settings = [topics.settings(), vec!["kafka.request_timeout=3s".to_owned()]].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    assert_eq!(pacemeter.get("/livez").status, 200);
    assert_eq!(pacemeter.get("/metrics").status, 200);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "it must answer within seconds, not after {:?}",
        started.elapsed()
    );
    assert_waits_for(&mut pacemeter, "kafka");

    kafka.start();
    assert_waits_for(&mut pacemeter, &topics.input(Stream::Disbursement));
    topics.create_input(Stream::Disbursement, 1, CREATE_TIME);
    topics.create_input(Stream::Milestone, 2, LOG_APPEND_TIME);
    assert_waits_for(&mut pacemeter, &topics.input(Stream::Call));
    pacemeter.until("the log names the missing topic", |pacemeter| {
        let events = pacemeter.events("pacemeter.topic.waiting");
        events.iter().any(|event| event["topic"] == topics.input(Stream::Call)).then_some(())
    });
    topics.create_input(Stream::Call, 2, LOG_APPEND_TIME);
    pacemeter.wait_ready();
    assert_eq!(pacemeter.status()["ready"], true);
    assert_eq!(records(&pacemeter, "rejected"), Some(0.0));

    // There is no dead-letter topic: that is counted and logged, and does not stop the pipeline.
    topics.write(Stream::Call, &[Record::of("not an event"), Record { partition: 1, ..Record::of("{}") }]);
    pacemeter
        .until("both records are rejected", |pacemeter| records(pacemeter, "rejected").filter(|count| *count == 2.0));

    kafka.stop();
    let cause = format!("nothing listens at {}", kafka.bootstrap());
    pacemeter.until("the log says why there is no answer", |pacemeter| {
        let unknown = pacemeter.events("pacemeter.kafka.end_unknown");
        unknown.iter().any(|event| event["reason"].as_str().is_some_and(|reason| reason.contains(&cause))).then_some(())
    });
    assert_eq!(pacemeter.get("/livez").status, 200);
    assert_eq!(records(&pacemeter, "rejected"), Some(2.0), "business figures stay through an outage");
    kafka.start();
    topics.write(Stream::Call, &[Record::of("nor is this")]);
    pacemeter.until("it reads again", |pacemeter| records(pacemeter, "rejected").filter(|count| *count == 3.0));
    pacemeter.wait_ready();
    pacemeter
        .until("the log says that brokers are back", |pacemeter| pacemeter.events("pacemeter.kafka.returned").pop());
    assert!(
        pacemeter.scrape().all("pacemeter_kafka_errors_total").any(|(_, count)| count > 0.0),
        "the outage's errors are counted"
    );
    pacemeter.until("the dead letters fail", |pacemeter| {
        let failed = pacemeter.scrape().value("pacemeter_dead_letter_records_total", &[("result", "failed")]);
        failed.filter(|count| *count == 3.0)
    });
    assert!(!pacemeter.events("pacemeter.dead_letter.failed").is_empty(), "the log says so");
    let ended = pacemeter.stop();
    assert_eq!(ended.code, Some(0), "the log:\n{}", ended.stderr);
}

#[test]
fn a_topic_that_breaks_exactness_is_refused_with_a_remedy() {
    let kafka = shared_kafka();
    let unbounded = ("message.timestamp.after.max.ms", "9223372036854775807");
    let cases = [
        (
            [("cleanup.policy", "compact"), ("message.timestamp.type", "LogAppendTime")],
            "cleanup.policy",
            "kafka.accept_compacted_topics",
        ),
        (
            [("message.timestamp.type", "CreateTime"), unbounded],
            "message.timestamp",
            "kafka.accept_unbounded_timestamps",
        ),
    ];
    for (topic_settings, remedy, setting) in cases {
        let topics = Topics::create(kafka, 1, &topic_settings);
        let mut settings = topics.settings();
        for command in ["run", "check"] {
            let ended = run(&[command], &settings);
            assert_eq!(ended.code, Some(78), "{command}: {}", ended.stderr);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            for text in [remedy, setting, &topics.input(Stream::Call), &topics.input(Stream::Milestone)] {
                assert!(said.contains(text), "{command} does not say {text}: {said}");
            }
        }
        settings.push(format!("{setting}=true"));
        let checked = run(&["check"], &settings);
        assert_eq!(checked.code, Some(0));
        assert_eq!(
            checked.stdout.contains("one to two hours after their instant"),
            topic_settings.contains(&unbounded)
        );
        let state = tempfile::tempdir().expect("a temporary directory");
        let mut pacemeter = Pacemeter::start(&state, &settings);
        pacemeter.wait_ready();
        assert_eq!(pacemeter.stop().code, Some(0));
    }
}

#[test]
fn signals_end_the_process_promptly_with_and_without_a_broker() {
    let absent = Kafka::reserve();
    let without_broker = Topics::reserve(&absent);
    let with_broker = Topics::create(shared_kafka(), 2, LOG_APPEND_TIME);
    for (topics, has_broker) in [(with_broker, true), (without_broker, false)] {
        for signal in [libc::SIGTERM, libc::SIGINT] {
            let state = tempfile::tempdir().expect("a temporary directory");
            let mut pacemeter = Pacemeter::start(&state, &topics.settings());
            if has_broker {
                pacemeter.wait_ready();
            }
            let ended = pacemeter.end(signal);
            assert_eq!(ended.code, Some(0), "signal {signal}, broker {has_broker}, the log:\n{}", ended.stderr);
            assert!(ended.took < Duration::from_secs(8), "signal {signal}, broker {has_broker}: took {:?}", ended.took);
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        }
    }
}
