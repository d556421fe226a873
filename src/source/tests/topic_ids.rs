//! Ids of topics as a real client reads them from brokers.

use super::*;

fn described(consumer: &Consumer) -> Topology {
    consumer.describe().expect("the topics are described")
}

#[test]
fn each_topic_has_an_id_that_stays() {
    let kafka = Kafka::with_partitions(2);
    let consumer = kafka.consumer();
    let ids = described(&consumer).topic_ids.expect("the mock cluster reports ids");
    let mut distinct: Vec<&str> = ids.iter().map(|(_, id)| id.as_deref().expect("an id")).collect();
    assert!(distinct.iter().all(|id| id.len() == 22 && !id.contains(['+', '/', '='])), "{distinct:?}");
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    assert_eq!(consumer.ends(&[]).topic_ids(), Ok(ids.clone()));
    assert_eq!(described(&kafka.consumer()).topic_ids, Ok(ids));
    assert!(consumer.close(PATIENCE));
}

#[test]
fn a_topic_that_is_not_shown_has_no_id() {
    for code in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    ] {
        let kafka = Kafka::with_partitions(1);
        let probe = kafka.consumer().ends(&[]);
        let before = probe.topic_ids().expect("ids");
        kafka.mock.topic_error(TOPICS[1], code).expect("errors can be set");
        let after = probe.topic_ids().expect("ids of the others");
        assert_eq!(after, PerStream::from_fn(|stream| before[stream].clone().filter(|_| stream != Stream::Call)));
    }
}

#[test]
fn without_an_answer_no_id_is_known() {
    let kafka = Kafka::with_partitions(1);
    let consumer = Consumer::open(&kafka.settings(&["kafka.request_timeout=2s"])).expect("a consumer can be made");
    let probe = consumer.ends(&[]);
    probe.topic_ids().expect("ids");
    kafka.mock.broker_down(1).expect("a broker can be stopped");
    let error = probe.topic_ids().expect_err("nobody answers");
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    drop(probe);
    assert!(consumer.close(PATIENCE));
}
