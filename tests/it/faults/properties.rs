//! Properties of the Kafka client that would change which records count, under whatever name.
//!
//! The client takes properties in no certain order, so each is tried several times.

use super::mock::Mock;
use super::probes::await_reached;
use crate::program::{Pacemeter, run};

const RUNS: usize = 5;

fn settings(properties: &[&str]) -> Vec<String> {
    let brokers = ["kafka.bootstrap_servers=127.0.0.1:1".to_owned(), "kafka.request_timeout=2s".to_owned()];
    brokers.into_iter().chain(properties.iter().map(|property| format!("kafka.properties.{property}"))).collect()
}

#[test]
fn a_property_that_exactness_depends_on_is_refused_by_effect() {
    let refused = [
        (&["topic.auto.offset.reset=latest"][..], "topic.auto.offset.reset"),
        (&["auto.offset.reset=latest"], "auto.offset.reset"),
        (&["\"topic.auto.offset.reset\"=latest"], "topic.auto.offset.reset"),
        (&["metadata.broker.list=127.0.0.1:2"], "takes effect as bootstrap.servers"),
        (&["topic.auto.commit.enable=true"], "topic.auto.commit.enable"),
        (&["plugin.library.paths=/nowhere/library"], "a library would be loaded into this process"),
        (&["topic.plugin.library.paths=/nowhere/library"], "a library would be loaded into this process"),
        (&["ssl.engine.location=/nowhere/engine"], "a library would be loaded into this process"),
        (&["ssl.providers=/nowhere/provider"], "a library would be loaded into this process"),
        (&["broker.version.fallback=0.8.2"], "kafka.properties.broker.version.fallback"),
        (&["internal.termination.signal=9"], "closing a client could kill the process"),
        (&["test.mock.num.brokers=1"], "kafka.properties.test.mock.num.brokers"),
        (&["linger.ms=5", "queue.buffering.max.ms=50"], "is set under another name as well"),
        (&["compression.type=lz4", "compression.codec=gzip"], "is set under another name as well"),
        // What only one of the clients refuses.
        (&["acks=0"], "enable.idempotence"),
        (&["linger.ms=900000"], "message.timeout.ms"),
    ];
    for (properties, fault) in refused {
        for run_number in 0..RUNS {
            let ended = run(&["check"], &settings(properties));
            assert_eq!(ended.code, Some(78), "{properties:?}, run {run_number}: {}", ended.stderr);
            assert!(ended.stderr.contains(fault), "{properties:?}, run {run_number}: {}", ended.stderr);
        }
        for command in ["run", "produce"] {
            let ended = run(&[command], &settings(properties));
            assert_eq!(ended.code, Some(78), "{command} {properties:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn accepted_properties_leave_no_record_uncounted() {
    let mock = Mock::start(1, 1);
    let written = mock.write(0, 200);
    // Names with a prefix and aliases, which the client could mistake for others.
    let properties =
        ["topic.acks=all", "topic.message.timeout.ms=5000", "queue.buffering.max.ms=5", "fetch.wait.max.ms=50"]
            .map(|property| format!("kafka.properties.{property}"));
    let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
    for _ in 0..RUNS {
        let state = tempfile::tempdir().expect("a temporary directory");
        let mut pacemeter = Pacemeter::start(&state, &mock.settings(&properties));
        pacemeter.wait_ready();
        await_reached(&mut pacemeter, written);
        assert_eq!(pacemeter.stop().code, Some(0));
    }
}

#[test]
fn certificate_checks_that_are_switched_off_are_warned_of() {
    let mock = Mock::start(1, 1);
    let properties = [
        "kafka.properties.enable.ssl.certificate.verification=false",
        "kafka.properties.ssl.endpoint.identification.algorithm=none",
    ];
    let checked = run(&["check"], &mock.settings(&properties));
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let state = tempfile::tempdir().expect("a temporary directory");
    let pacemeter = Pacemeter::start(&state, &mock.settings(&properties));
    let warned = pacemeter.events("pacemeter.kafka.certificates_unchecked");
    for (number, off) in
        ["enable.ssl.certificate.verification=false", "ssl.endpoint.identification.algorithm=none"].iter().enumerate()
    {
        assert!(checked.stdout.contains(&format!("warning: kafka.properties: {off}")), "{}", checked.stdout);
        assert_eq!((&warned[number]["property"], &warned[number]["level"]), (&(*off).into(), &"warn".into()));
    }
    assert!(!run(&["check"], &mock.settings(&[])).stdout.contains("certificate"));
}
