//! Tests against librdkafka's mock cluster: Kafka and the oracle get equal records.

use crate::clock::Timestamp;
use std::collections::BTreeMap;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::cli::{Command, parse};

const TOPICS: [&str; 3] = ["pacemeter.disbursements.v1", "pacemeter.calls.v1", "pacemeter.milestones.v1"];

fn arguments(line: &str) -> crate::cli::ProduceArgs {
    match parse(line.split_whitespace()) {
        Ok(Command::Produce(arguments)) => arguments,
        _ => panic!("not a produce command: {line}"),
    }
}

/// Clock that stands still.
fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(1_795_413_600_000))
}

type Read = BTreeMap<(String, i32), Vec<(Vec<u8>, Vec<u8>, usize)>>;

/// Key, value and number of headers of `count` records, by topic and partition, in order.
fn read(servers: &str, partitions: i32, count: usize) -> Read {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", "test");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for topic in TOPICS {
        for partition in 0..partitions {
            assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&assignment).unwrap();
    let (mut records, mut read) = (Read::new(), 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while read < count {
        assert!(Instant::now() < deadline, "only {read} of {count} records arrived");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let headers = message.headers().map_or(0, |headers| headers.count());
        let record = (message.key().unwrap_or(b"").to_vec(), message.payload().unwrap_or(b"").to_vec(), headers);
        records.entry((message.topic().to_owned(), message.partition())).or_default().push(record);
        read += 1;
    }
    records
}

#[test]
fn records_arrive_once_in_order_and_the_oracle_counts_them() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in TOPICS {
        cluster.create_topic(topic, 3, 1).unwrap();
    }
    let servers = cluster.bootstrap_servers();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.json");
    let line = format!(
        "--events 3000 --seed 4 --faults hostile --ledger {} --set kafka.bootstrap_servers={servers}",
        path.display()
    );
    let arguments = arguments(&format!("pacemeter produce {line}"));
    run_until(&arguments, &clock(), &Shutdown::new()).unwrap();

    let plan = Plan::read(&mut SettingsReader::load(&arguments.settings.layers()));
    let load = load(&arguments, &plan, PartitionCounts::each(3), 4, clock().now()).unwrap();
    let (mut expected, mut count) = (Read::new(), 0);
    for emission in load.emissions() {
        let topic = plan.source.topics[emission.stream].clone();
        expected.entry((topic, emission.partition)).or_default().push((
            emission.key,
            emission.value,
            emission.headers.len(),
        ));
        count += 1;
    }
    assert!(count > 2_500, "{count}");
    assert!(read(&servers, 3, count) == expected);

    let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(expected["records"], count);
    assert_eq!(expected["now"], "2026-11-23T06:00:00Z");
    let applied = &expected["figures"]["pacemeter_records_total{stream=\"disbursement\",outcome=\"applied\"}"];
    assert!(applied.as_str().unwrap().parse::<u32>().unwrap() > 1_000, "{applied}");
}

/// Cluster with the topics, and a command line for it.
fn filled_cluster(options: &str) -> (MockCluster<'static, rdkafka::producer::DefaultProducerContext>, String) {
    let cluster = MockCluster::new(1).unwrap();
    for topic in TOPICS {
        cluster.create_topic(topic, 2, 1).unwrap();
    }
    // The mock cannot create topics by itself, and `--create-topics` would create this one, too.
    cluster.create_topic("pacemeter.dead-letter.v1", 1, 1).unwrap();
    let servers = format!("--set kafka.bootstrap_servers={}", cluster.bootstrap_servers());
    let line = format!("pacemeter produce --events 300 {servers}");
    run_until(&arguments(&line), &clock(), &Shutdown::new()).unwrap();
    (cluster, format!("{line} {options}"))
}

/// Number of records in all topics.
fn written(line: &str) -> i64 {
    let plan = Plan::read(&mut SettingsReader::load(&arguments(line).settings.layers()));
    let writer = plan.writer().unwrap();
    let partitions = crate::record::Stream::ALL.into_iter().flat_map(|stream| [(stream, 0), (stream, 1)]);
    let ends = partitions.map(|(stream, partition)| writer.watermarks(stream, partition, FLUSH_TIMEOUT).unwrap().1);
    ends.sum()
}

#[test]
fn topics_with_records_are_refused_unless_permitted() {
    // Brokers elsewhere are permitted; that permits nothing else.
    let (_cluster, line) = filled_cluster("--to-brokers-beyond-loopback --create-topics");
    let before = written(&line);
    assert!(before > 200, "{before}");
    let refused = run_until(&arguments(&line), &clock(), &Shutdown::new()).unwrap_err();
    assert_eq!(refused.exit, Exit::Configuration);
    for part in [TOPICS[0], TOPICS[1], "--into-topics-with-records"] {
        assert!(refused.message.contains(part), "{refused}");
    }
    assert_eq!(written(&line), before);
    let permitted = line.clone() + " --into-topics-with-records";
    run_until(&arguments(&permitted), &clock(), &Shutdown::new()).unwrap();
    assert!(written(&line) > before + 200);
}

#[test]
fn brokers_elsewhere_are_refused_before_anything_is_sent() {
    let mut line = "pacemeter produce --into-topics-with-records --create-topics --set kafka.request_timeout=2s \
                    --set kafka.bootstrap_servers=127.0.0.1:1,192.0.2.7:9092"
        .to_owned();
    let refused = run_until(&arguments(&line), &clock(), &Shutdown::new()).unwrap_err();
    assert_eq!(refused.exit, Exit::Configuration);
    for part in ["machine: 192.0.2.7:9092;", "--to-brokers-beyond-loopback"] {
        assert!(refused.message.contains(part), "{refused}");
    }
    line += " --to-brokers-beyond-loopback";
    let unanswered = run_until(&arguments(&line), &clock(), &Shutdown::new()).unwrap_err();
    assert!(unanswered.exit == Exit::TryAgain && unanswered.message.contains("; pacemeter check asks"), "{unanswered}");
}

/// A tunnel is a server on this machine, and its brokers are elsewhere.
#[test]
fn brokers_that_the_cluster_names_are_refused_too() {
    let permissions = &arguments("pacemeter produce").permissions;
    let refused = permissions.check_brokers(["127.0.0.1:1", "192.0.2.7:9092"].into_iter()).unwrap_err();
    assert!(refused.message.contains("192.0.2.7:9092"), "{refused}");
    let (cluster, line) = filled_cluster("");
    let plan = Plan::read(&mut SettingsReader::load(&arguments(&line).settings.layers()));
    let writer = plan.writer().unwrap();
    assert_eq!(writer.brokers(FLUSH_TIMEOUT).unwrap().join(","), cluster.bootstrap_servers());
}

/// A newcomer watches the pesos, so they must not wait behind thousands of applications.
#[test]
fn at_a_rate_pesos_move_within_seconds() {
    let rated = arguments("pacemeter produce --rate 500");
    let plan = Plan::read(&mut SettingsReader::load(&rated.settings.layers()));
    let load = load(&rated, &plan, PartitionCounts::each(3), 4, clock().now()).unwrap();
    let mut paid = load.clone().emissions().filter_map(|emission| match emission.sent {
        crate::oracle::SentRecord::Event(event) => Some(event),
        crate::oracle::SentRecord::Rejected(_) => None,
    });
    let seconds = |records: usize| records / 500;
    let is_dispersal = |event: &crate::oracle::SentEvent| match &event.body {
        crate::oracle::SentBody::Disbursement(event) => event.kind == crate::event::DisbursementKind::Dispersed,
        _ => false,
    };
    assert!(seconds(paid.position(|event| is_dispersal(&event)).unwrap()) < 3);
    assert!(paid.by_ref().take(1_000).filter(is_dispersal).count() > 150);
    // But for those that are expired on purpose.
    let is_recent = |event: &crate::oracle::SentEvent| event.time > clock().now() - 90 * crate::clock::MINUTE;
    let (recent, old): (Vec<_>, Vec<_>) = paid.partition(is_recent);
    assert!(old.len() * 100 < recent.len(), "{} of {}", old.len(), recent.len());
}

#[test]
fn a_missing_topic_is_named_with_its_remedy() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPICS[0], 1, 1).unwrap();
    let line = format!("pacemeter produce --events 10 --set kafka.bootstrap_servers={}", cluster.bootstrap_servers());
    let failure = run_until(&arguments(&line), &clock(), &Shutdown::new()).unwrap_err();
    assert_eq!(failure.exit, Exit::Configuration);
    assert!(!failure.message.contains(TOPICS[0]), "{failure}");
    for part in [TOPICS[1], TOPICS[2], "--create-topics", "kafka-topics.sh"] {
        assert!(failure.message.contains(part), "{failure}");
    }
}

#[test]
fn shutdown_is_noticed_between_records() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in TOPICS {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let shutdown = Shutdown::new();
    let requested = shutdown.clone();
    let line = format!("pacemeter produce --rate 2 --set kafka.bootstrap_servers={}", cluster.bootstrap_servers());
    let asking = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        requested.request();
    });
    let begun = Instant::now();
    run_until(&arguments(&line), &clock(), &shutdown).unwrap();
    asking.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_span_that_would_expire_is_a_usage_error() {
    let too_long = arguments("pacemeter produce --span 7d");
    let plan = Plan::read(&mut SettingsReader::load(&too_long.settings.layers()));
    let refused = load(&too_long, &plan, PartitionCounts::each(1), 1, clock().now()).unwrap_err();
    assert_eq!(refused.exit, Exit::Usage);
    assert!(refused.message.contains("(7d)"), "{refused}");
    let without_calls = arguments("pacemeter produce --span 30d --calls 0");
    assert!(load(&without_calls, &plan, PartitionCounts::each(1), 1, clock().now()).is_ok());
}

#[test]
fn brokers_that_do_not_answer_are_a_reason_to_try_again() {
    let line = "pacemeter produce --set kafka.bootstrap_servers=127.0.0.1:1 --set kafka.request_timeout=2s";
    assert_eq!(run_until(&arguments(line), &clock(), &Shutdown::new()).unwrap_err().exit, Exit::TryAgain);
}
