use super::configuration::in_order;
use super::*;
use crate::clock::HOUR;
use crate::settings::{Layers, SettingsReader};
use rdkafka::admin::{ConfigResource, OwnedResourceSpecifier};
use rdkafka::error::RDKafkaErrorCode;

const DAY: Millis = 24 * HOUR;

fn settings(overrides: &[&str]) -> Settings {
    let overrides = overrides.iter().map(|text| (*text).to_owned()).collect();
    let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
    let settings = Settings::read(&mut reader);
    reader.finish().expect("the test's settings are right");
    settings
}

fn findings_with(overrides: &[&str], configuration: &[(&str, &str)]) -> Findings {
    let mut findings = Findings::default();
    let value = |name: &str| configuration.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    check_topic(&mut findings, &settings(overrides), Stream::Call, value);
    findings
}

fn faults(configuration: &[(&str, &str)]) -> Vec<FaultKind> {
    findings_with(&[], configuration).faults.iter().map(|fault| fault.kind).collect()
}

const NO_LIMIT: &str = "9223372036854775807";

#[test]
fn a_topic_of_a_new_broker_with_its_defaults_is_fine() {
    let kafka_4 = [
        ("cleanup.policy", "delete"),
        ("message.timestamp.type", "CreateTime"),
        ("message.timestamp.after.max.ms", "3600000"),
        ("retention.ms", "-1"),
    ];
    let found = Findings { timestamps: PerStream::default(), ..findings_with(&[], &kafka_4) };
    assert_eq!(found, Findings::default());
}

#[test]
fn log_append_time_needs_no_bound() {
    assert_eq!(faults(&[("cleanup.policy", "delete"), ("message.timestamp.type", "LogAppendTime")]), []);
}

#[test]
fn a_compacted_topic_is_refused_with_a_remedy() {
    let findings =
        findings_with(&[], &[("cleanup.policy", "compact,delete"), ("message.timestamp.type", "LogAppendTime")]);
    let texts = findings.refused().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        texts,
        [
            "topic pacemeter.calls.v1 is compacted (cleanup.policy is compact,delete); set the topic's cleanup.policy to delete, \
          or accept the risk with kafka.accept_compacted_topics = true"
        ]
    );
}

#[test]
fn an_accepted_fault_is_still_found_but_refuses_nothing() {
    let accepted = ["kafka.accept_compacted_topics=true"];
    let findings =
        findings_with(&accepted, &[("cleanup.policy", "compact"), ("message.timestamp.type", "LogAppendTime")]);
    assert_eq!(findings.faults.len(), 1);
    assert_eq!(findings.refused().count(), 0);
}

#[test]
fn the_bound_on_timestamps_is_read_as_the_broker_reads_it() {
    let with = |after: Option<&'static str>, difference: Option<&'static str>| {
        let mut configuration = vec![("cleanup.policy", "delete"), ("message.timestamp.type", "CreateTime")];
        configuration.extend(after.map(|value| ("message.timestamp.after.max.ms", value)));
        configuration.extend(difference.map(|value| ("message.timestamp.difference.max.ms", value)));
        faults(&configuration)
    };
    assert_eq!(with(Some("3600000"), None), []);
    assert_eq!(with(Some("3600001"), None), [FaultKind::UnboundedTimestamps]);
    assert_eq!(with(Some(NO_LIMIT), None), [FaultKind::UnboundedTimestamps]);
    assert_eq!(with(Some(NO_LIMIT), Some("3600000")), [], "the old name holds while the new one is at its default");
    assert_eq!(
        with(Some("7200000"), Some("3600000")),
        [FaultKind::UnboundedTimestamps],
        "the new name goes before the old one"
    );
    assert_eq!(with(None, Some("60000")), []);
    assert_eq!(with(None, Some(NO_LIMIT)), [FaultKind::UnboundedTimestamps]);
    assert_eq!(with(None, None), [FaultKind::Unverified]);
}

#[test]
fn retention_shorter_than_the_horizon_is_a_warning() {
    let with = |retention: &str, bytes: &str| {
        let configuration = [
            ("cleanup.policy", "delete"),
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.ms", retention),
            ("retention.bytes", bytes),
        ];
        let findings = findings_with(&[], &configuration);
        assert_eq!(findings.faults, []);
        findings
            .warnings
            .into_iter()
            .map(|warning| (warning.retention, warning.retention_bytes, warning.horizon, warning.to_string()))
            .collect::<Vec<_>>()
    };
    let none: [(Option<Millis>, Option<i64>, Millis, String); 0] = [];
    let (topic, horizon) = ("pacemeter.calls.v1", "the horizon is 7d (streams.call.horizon)");
    assert_eq!(with("604800000", "-1"), none, "exactly the horizon of calls, 7 d");
    let short = format!(
        "retention.ms of topic {topic} is 2d, {horizon}: a rebuild would lack 5d; raise it to at least 604800000"
    );
    assert_eq!(with("172800000", "-1"), [(Some(2 * DAY), None, 7 * DAY, short.clone())]);
    assert!(
        with("604799999", "-1")[0].3.contains("6d23h59m59s999ms, ")
            && with("604799999", "-1")[0].3.contains("lack 1ms;")
    );
    assert_eq!(with("-1", "-1"), none);
    let small = format!(
        "retention.bytes of topic {topic} is 1000000, {horizon}: a rebuild would lack what was removed before its time; set it to -1"
    );
    assert_eq!(with("-1", "1000000"), [(None, Some(1_000_000), 7 * DAY, small)]);
    assert_eq!(with("172800000", "9")[0].3, format!("{short}, and remove retention.bytes, which is 9"));
}

#[test]
fn a_topic_without_a_visible_policy_is_unverified() {
    assert_eq!(faults(&[]), [FaultKind::Unverified]);
}

#[test]
fn an_error_fills_the_place_that_named_answers_leave() {
    let named =
        |name: &str| Ok(ConfigResource { specifier: OwnedResourceSpecifier::Topic(name.into()), entries: Vec::new() });
    let denied = Err(RDKafkaErrorCode::TopicAuthorizationFailed);
    let ordered = in_order(vec![named("c"), denied, named("a")], &["a", "b", "c"]);
    let specifiers: Vec<String> = ordered
        .iter()
        .map(|result| result.as_ref().map_or_else(|code| format!("{code:?}"), |ok| format!("{:?}", ok.specifier)))
        .collect();
    assert_eq!(specifiers, ["Topic(\"a\")", "TopicAuthorizationFailed", "Topic(\"c\")"]);
}

#[test]
fn batches_larger_than_are_read_are_a_warning() {
    let topic = |bytes: &'static str| {
        [("cleanup.policy", "delete"), ("message.timestamp.type", "LogAppendTime"), ("max.message.bytes", bytes)]
    };
    assert_eq!(findings_with(&[], &topic("33554432")), Findings::default());
    let findings = findings_with(&[], &topic("33554433"));
    assert_eq!((findings.faults.len(), findings.large_batches.len()), (0, 1));
    let text = findings.large_batches[0].to_string();
    assert!(text.contains("33554433") && text.contains("receive.message.max.bytes"), "{text}");
    let raised = ["kafka.properties.receive.message.max.bytes=40000000"];
    assert_eq!(findings_with(&raised, &topic("33554433")), Findings::default());
}

#[test]
fn who_sets_timestamps_is_found_with_its_delay() {
    let source = |configuration: &[(&str, &str)]| {
        let topic = [&[("cleanup.policy", "delete"), ("message.timestamp.after.max.ms", "3600000")], configuration];
        let mut findings = findings_with(&[], &topic.concat());
        findings.timestamps = PerStream::from_fn(|stream| {
            if stream == Stream::Call { findings.timestamps[stream] } else { TimestampSource::Broker }
        });
        let warnings: Vec<_> = findings.delays(&settings(&[])).map(|warning| warning.to_string()).collect();
        (findings.timestamps[Stream::Call], warnings)
    };
    assert_eq!(source(&[("message.timestamp.type", "LogAppendTime")]), (TimestampSource::Broker, vec![]));
    let (bounded, unbounded) =
        (("message.timestamp.before.max.ms", "3600000"), ("message.timestamp.before.max.ms", NO_LIMIT));
    let (found, warnings) = source(&[bounded]);
    assert_eq!(found, TimestampSource::Producer { is_delay_bounded: true });
    assert!(warnings[0].contains("one to two hours after their instant; set"), "{warnings:?}");
    for configuration in [&[unbounded][..], &[]] {
        let (found, warnings) = source(configuration);
        assert_eq!(found, TimestampSource::Producer { is_delay_bounded: false });
        assert!(
            warnings[0].contains("are provisional") && warnings[0].ends_with("before.max.ms to 3600000"),
            "{warnings:?}"
        );
    }
}
