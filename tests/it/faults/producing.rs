//! `pacemeter produce --create-topics`, where some topics exist already.

use pacemeter::record::Stream;

use crate::kafka::Kafka;
use crate::program::run;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Names of the cluster's topics.
fn names(kafka: &Kafka) -> Vec<String> {
    let metadata = kafka.admin().inner().fetch_metadata(None, crate::program::LIMIT).expect("kafka answers");
    metadata.topics().iter().map(|topic| topic.name().to_owned()).collect()
}

#[test]
fn each_topic_that_is_missing_is_created_for_a_trial() {
    let topics = Topics::reserve(shared_kafka());
    let produce = ["produce", "--create-topics", "--events", "50"];
    let created = |topic: &str, stdout: &str| stdout.contains(&format!("topic {topic} created"));
    // One input topic exists.
    topics.create_input(Stream::Call, 2, LOG_APPEND_TIME);
    let ended = run(&produce, &topics.settings());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for topic in [topics.input(Stream::Disbursement), topics.input(Stream::Milestone), topics.dead_letter()] {
        assert!(created(&topic, &ended.stdout), "{}", ended.stderr);
    }
    assert!(!created(&topics.input(Stream::Call), &ended.stdout), "{}", ended.stderr);
    // They are accepted as they are.
    let checked = run(&["check"], &topics.settings());
    assert_eq!((checked.code, checked.stdout.contains("accepted:")), (Some(0), false), "{}", checked.stdout);
    // Only the dead-letter topic is missing.
    let other = format!("{}-2", topics.dead_letter());
    let settings = [topics.settings(), vec![format!("dead_letter.topic={other}")]].concat();
    let without = run(&["produce", "--events", "50", "--into-topics-with-records"], &settings);
    assert_eq!(without.code, Some(0), "nothing is written to it: {}", without.stderr);
    assert!(!names(shared_kafka()).contains(&other));
    let ended = run(&[&produce[..], &["--into-topics-with-records"]].concat(), &settings);
    assert!(ended.code == Some(0) && created(&other, &ended.stdout), "{}", ended.stderr);
    assert!(names(shared_kafka()).contains(&other));
    // The broker stamps the records: those of days ago are not in the topic as of days ago.
    let records = topics.read(&topics.input(Stream::Disbursement));
    let hour_ago = pacemeter::clock::Clock::wall().now().as_millis() - 3_600_000;
    assert!(records.len() > 20 && records.iter().all(|record| record.timestamp > Some(hour_ago)));
}
