//! Brokers that are far away.

use super::*;

#[test]
fn a_broker_two_seconds_away_is_reached_at_the_start() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    kafka.mock.broker_round_trip_time(-1, Duration::from_secs(2)).expect("the brokers are there");
    // As is the default.
    let settings = kafka.settings(&["kafka.request_timeout=10s"]);
    let consumer = Consumer::open(&settings).expect("a consumer can be made");
    let topology = consumer.describe().expect("the topics are described");
    assert_eq!(topology.partitions.len(), 3);
    // The mock says late that it cannot tell; it does say so.
    let findings = check::topic_faults(&settings).expect("there is an answer");
    assert_eq!(findings.faults.len(), 3);
}
