//! Refused settings and topics, each with a reason of its own.

use super::*;
use rdkafka::consumer::Consumer as _;

fn fault_texts(overrides: &[&str]) -> Vec<String> {
    let (_, faults) = read(overrides);
    let faults = faults.expect_err("the settings are refused").to_string();
    faults.lines().map(str::to_owned).collect()
}

#[test]
fn topics_that_do_not_exist_are_named_all_at_once() {
    let kafka = Kafka::without_topics();
    kafka.mock.create_topic(TOPICS[0], 1, 1).expect("a topic can be made");
    let missing = SourceError::TopicMissing { topic: format!("{}, {}", TOPICS[1], TOPICS[2]) };
    assert_eq!(kafka.consumer().describe(), Err(missing.clone()));
    assert!(missing.is_retriable());
}

#[test]
fn a_broker_that_is_not_there_may_come() {
    let (settings, _) = read(&["kafka.bootstrap_servers=127.0.0.1:1", "kafka.request_timeout=2s"]);
    let consumer = Consumer::open(&settings).expect("opening needs no network");
    let error = consumer.describe().expect_err("nobody answers");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.is_retriable());
    assert!(consumer.close(PATIENCE));
}

#[test]
fn a_missing_right_is_a_denial() {
    let kafka = Kafka::with_partitions(1);
    kafka
        .mock
        .topic_error(TOPICS[2], RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        .expect("errors can be set");
    let error = kafka.consumer().describe().expect_err("the topic may not be read");
    assert!(matches!(error, SourceError::Denied { .. }), "{error}");
    assert!(!error.is_retriable());
}

#[test]
fn an_unverified_topic_is_a_fault_that_can_be_accepted() {
    let kafka = Kafka::with_partitions(1);
    let findings = check::topic_faults(&kafka.settings(&[])).expect("the mock answers that it cannot tell");
    assert_eq!(findings.refused().map(|fault| fault.kind).collect::<Vec<_>>(), [check::FaultKind::Unverified; 3]);
    let findings = check::topic_faults(&kafka.settings(&["kafka.accept_unverified_topics=true"]))
        .expect("the mock answers that it cannot tell");
    assert_eq!((findings.faults.len(), findings.refused().count()), (3, 0));
}

#[test]
fn properties_of_exactness_are_refused_with_the_reason() {
    let faults = fault_texts(&["kafka.properties.isolation.level=read_uncommitted", "kafka.properties.group.id=mine"]);
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("kafka.properties.isolation.level") && fault.contains("aborted transactions")),
        "{faults:?}"
    );
    assert!(
        faults.iter().any(|fault| fault.contains("kafka.properties.group.id") && fault.contains("set kafka.group_id")),
        "{faults:?}"
    );
}

#[test]
fn a_property_that_is_not_in_effect_is_a_fault_of_the_client() {
    let (settings, _) = read(&[]);
    let ours = client::consumer(&settings);
    let mut other = ours.clone();
    other.set("auto.offset.reset", "latest");
    let made: client::Client = other.create_with_context(client::Context::default()).expect("a client can be made");
    let reason = factory::verify(made.client(), &ours).expect_err("the client would skip records").to_string();
    assert!(reason.contains("auto.offset.reset is largest instead of error"), "{reason}");
    // Whichever of the two names wins, the client has our value or is not used.
    let mut both = ours.clone();
    both.set("topic.auto.offset.reset", "latest");
    for _ in 0..20 {
        if let Ok(made) = factory::create_reader(&both.clone()) {
            assert_eq!(
                crate::source::native::property_in_effect(made.client(), "auto.offset.reset").as_deref(),
                Some("error")
            );
        }
    }
}

#[test]
fn every_kind_of_client_has_our_properties_in_effect() {
    let servers = "broker-of-a-long-list.example.org:9092,".repeat(100);
    let (settings, faults) = read(&[&format!("kafka.bootstrap_servers={servers}")]);
    assert_eq!(faults, Ok(()));
    assert!(factory::create_reader(&client::consumer(&settings)).is_ok());
    assert!(factory::create_reader(&client::probe(&settings)).is_ok());
    assert!(factory::create_admin(&client::admin(&settings), client::Context::default()).is_ok());
    assert!(factory::create_producer(&client::producer(&settings), rdkafka::producer::DefaultProducerContext).is_ok());
}

#[test]
fn answers_are_bounded_for_every_client() {
    let bounds = |overrides: &[&str]| {
        let (settings, faults) = read(overrides);
        assert_eq!(faults, Ok(()), "{overrides:?}");
        assert!(factory::create_reader(&client::probe(&settings)).is_ok(), "{overrides:?}");
        [client::consumer(&settings), client::probe(&settings), client::admin(&settings), client::producer(&settings)]
            .map(|config| config.get("receive.message.max.bytes").and_then(|bytes| bytes.parse::<u64>().ok()))
    };
    let mib = |size: u64| Some(size << 20);
    assert_eq!(bounds(&[]), [mib(32), mib(8), mib(8), mib(8)]);
    // The client wants it to be larger than an answer with records.
    let answer = Some((50 << 20) + 512);
    assert_eq!(bounds(&["kafka.properties.fetch.max.bytes=52428800"]), [answer, answer, mib(8), mib(8)]);
    assert_eq!(bounds(&["kafka.properties.receive.message.max.bytes=67108864"]), [mib(64); 4]);
}

#[test]
fn a_default_gives_way_to_every_name_of_its_property() {
    for name in ["message.timeout.ms", "delivery.timeout.ms", "topic.message.timeout.ms", "topic.delivery.timeout.ms"] {
        let (settings, faults) = read(&[&format!("kafka.properties.{name}=7000")]);
        assert_eq!(faults, Ok(()), "{name}");
        let config = client::producer(&settings).create_native_config().expect("the configuration is right");
        assert_eq!(config.get("message.timeout.ms").as_deref(), Ok("7000"), "{name}");
    }
}

#[test]
fn letters_fit_if_their_records_were_read() {
    for overrides in [&[][..], &["kafka.properties.receive.message.max.bytes=67108864"]] {
        let (settings, faults) = read(overrides);
        assert_eq!(faults, Ok(()));
        for config in [client::producer(&settings), client::lone_producer(&settings)] {
            let number = |name: &str| config.get(name).and_then(|text| text.parse::<u64>().ok()).expect("a number");
            assert!(number("message.max.bytes") > client::max_batch_bytes(&settings), "{overrides:?}");
            assert!(number("queue.buffering.max.kbytes") << 10 > number("message.max.bytes"), "{overrides:?}");
        }
    }
}

#[test]
fn letters_that_are_sent_alone_are_no_batch_whatever_is_set() {
    let (settings, faults) = read(&["kafka.properties.batch.num.messages=7"]);
    assert_eq!(faults, Ok(()));
    let config = client::lone_producer(&settings).create_native_config().expect("the configuration is right");
    assert_eq!(config.get("batch.num.messages").as_deref(), Ok("1"));
}

#[test]
fn a_topic_that_is_missing_is_looked_for_as_long_as_is_set() {
    let (settings, faults) = read(&["kafka.properties.topic.metadata.propagation.max.ms=7000"]);
    assert_eq!(faults, Ok(()));
    let config = client::producer(&settings).create_native_config().expect("the configuration is right");
    assert_eq!(config.get("topic.metadata.propagation.max.ms").as_deref(), Ok("7000"));
}

#[test]
fn properties_that_the_client_does_not_know_are_refused() {
    let faults = fault_texts(&["kafka.properties.fetch.wait.max.msec=5"]);
    assert!(faults.iter().any(|fault| fault.contains("fetch.wait.max.msec")), "{faults:?}");
}

#[test]
fn no_fault_repeats_a_secret() {
    let faults =
        fault_texts(&["kafka.properties.sasl.passwordd=hunter2", "kafka.properties.ssl.key.passwords=hunter2"]);
    assert!(!faults.concat().contains("hunter2"), "{faults:?}");
}

/// Properties of a client whose authentication fails, with an error that repeats `config`.
fn unusable_tokens(config: &str) -> [String; 4] {
    [
        "kafka.properties.security.protocol=SASL_PLAINTEXT".to_owned(),
        "kafka.properties.sasl.mechanism=OAUTHBEARER".to_owned(),
        "kafka.properties.enable.sasl.oauthbearer.unsecure.jwt=true".to_owned(),
        format!("kafka.properties.sasl.oauthbearer.config={config}"),
    ]
}

#[test]
fn no_report_of_a_client_repeats_a_secret() {
    for config in ["hunter2-canary", "principal=me hunter2-canary", "'hunter2 canary=1 '"] {
        let overrides = unusable_tokens(config);
        let (settings, faults) = read(&overrides.each_ref().map(String::as_str));
        assert_eq!(faults, Ok(()));
        let mut consumer = Consumer::open(&settings).expect("opening needs no network");
        let started = Instant::now();
        let reason = loop {
            let mut errors = consumer.serve().into_iter().filter_map(|event| match event {
                ClientEvent::Errors { reason, .. } => Some(reason),
                _ => None,
            });
            if let Some(reason) = errors.find(|reason| reason.contains("sasl.oauthbearer.config")) {
                break reason;
            }
            assert!(started.elapsed() < PATIENCE, "no error");
            std::thread::sleep(BLINK);
        };
        assert!(reason.ends_with("beginning at: [redacted]"), "{reason}");
        assert!(!reason.contains("hunter2"), "{reason}");
        assert!(consumer.close(PATIENCE));
    }
}

#[test]
fn a_client_that_cannot_be_made_repeats_no_secret() {
    let (settings, faults) =
        read(&["kafka.properties.security.protocol=SSL", "kafka.properties.ssl.key.pem=hunter2-canary"]);
    assert_eq!(faults, Ok(()), "the parser takes any text");
    let error = Consumer::open(&settings).err().expect("it is no key").to_string();
    assert!(error.contains("ssl.key.pem") && !error.contains("hunter2"), "{error}");
    // Errors of the parser have the value in them.
    let config = ClientConfig::new().set("sasl.pasword", "hunter2-canary").create_native_config();
    let error = config.err().expect("there is no such property");
    assert!(error.to_string().contains("hunter2-canary"));
    let shown = SourceError::of("test", &error).to_string();
    assert!(shown.contains("sasl.pasword") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn credentials_among_the_servers_are_refused_unseen() {
    for servers in ["me:hunter2@127.0.0.1:1", "sasl_ssl://me:hunter2@a:1,b:2", "a:1,hunter2@b", "me:hun,hunter2@b:1"] {
        let faults = fault_texts(&[&format!("kafka.bootstrap_servers={servers}")]).concat();
        assert!(faults.contains("kafka.bootstrap_servers (--set): has credentials"), "{faults}");
        assert!(!faults.contains("hunter2") && faults.contains("sasl.password"), "{faults}");
        let (settings, _) = read(&[&format!("kafka.bootstrap_servers={servers}")]);
        assert!(!settings.shown_servers().contains("me:hun"), "{servers}");
    }
}

#[test]
fn each_stream_needs_its_own_topic_and_dead_letters_too() {
    let faults = fault_texts(&["streams.call.topic=one", "streams.milestone.topic=one", "dead_letter.topic=one"]);
    assert!(faults.iter().any(|fault| fault.contains("streams.milestone.topic")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("dead_letter.topic")), "{faults:?}");
    let (_, faults) = read(&["dead_letter.topic=pacemeter.calls.v1", "dead_letter.enabled=false"]);
    assert!(faults.is_ok(), "a topic that is not written to may have any name");
}

#[test]
fn a_name_that_no_topic_can_have_is_refused() {
    for name in ["a topic", "..", "áé"] {
        let faults = fault_texts(&[&format!("streams.call.topic={name:?}")]);
        assert!(faults.iter().any(|fault| fault.contains("streams.call.topic")), "{faults:?}");
    }
}
