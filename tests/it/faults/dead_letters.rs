//! Dead-letter topics that do not take every letter, or are not there.

use std::collections::BTreeMap;

use pacemeter::record::Stream;

use super::probes::{self, await_complete, is_ready, milestones, own, reached};
use crate::kafka::ACCOUNTS;
use crate::program::{Pacemeter, run};
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

/// Bytes that no codec makes smaller.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Creates the input topics with these settings; the dead-letter topic does not exist yet.
fn inputs(settings: &[(&str, &str)]) -> Topics<'static> {
    let topics = Topics::reserve(shared_kafka());
    for stream in Stream::ALL {
        topics.create_input(stream, 1, &[LOG_APPEND_TIME, settings].concat());
    }
    topics
}

fn start(topics: &Topics<'_>, state: &tempfile::TempDir, more: &[&str]) -> Pacemeter {
    let more = more.iter().map(|&setting| setting.to_owned()).collect();
    Pacemeter::start(state, &[topics.settings(), probes::labels().to_vec(), more].concat())
}

fn letters(pacemeter: &Pacemeter, result: &str) -> f64 {
    pacemeter.scrape().value("pacemeter_dead_letter_records_total", &[("result", result)]).unwrap_or(0.0)
}

fn await_acknowledged(pacemeter: &mut Pacemeter, count: usize) {
    pacemeter.until(&format!("{count} letters are acknowledged"), |pacemeter| {
        (letters(pacemeter, "acknowledged") == count as f64).then_some(())
    });
    assert_eq!(letters(pacemeter, "failed"), 0.0);
}

fn await_committed(pacemeter: &mut Pacemeter, topics: &Topics<'_>, offset: i64) {
    pacemeter.until(&format!("offset {offset} is committed"), |_| {
        (topics.committed(Stream::Milestone) == [Some(offset)]).then_some(())
    });
}

/// Value of each letter, or the size of the one that was left out, by the offset of the record.
fn written(topics: &Topics<'_>) -> BTreeMap<i64, Result<Vec<u8>, usize>> {
    let letters = topics.read(&topics.dead_letter()).into_iter().map(|letter| {
        let offset = letter.header("pacemeter-offset").parse().expect("a number");
        let left_out = || letter.header("pacemeter-value-bytes").parse().expect("a number");
        (offset, letter.value.clone().ok_or_else(left_out))
    });
    let letters: Vec<_> = letters.collect();
    let by_offset: BTreeMap<_, _> = letters.iter().cloned().collect();
    assert_eq!(by_offset.len(), letters.len(), "each letter is written once");
    by_offset
}

#[test]
fn one_oversized_letter_costs_none_of_its_neighbours() {
    const SMALL: usize = 40;
    let topics = inputs(&[]);
    topics.create_dead_letter_with(&[("max.message.bytes", "3000")]);
    // The small ones together are too large for a batch.
    let mut values: Vec<Vec<u8>> = (0..SMALL).map(|number| noise(number as u64, 400)).collect();
    values.insert(SMALL / 2, noise(1_000, 5_000));
    let records: Vec<Record> = values.iter().map(|value| Record::of(value.clone())).collect();
    topics.write(Stream::Milestone, &records);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = start(&topics, &state, &["kafka.commit_interval=1s"]);
    pacemeter.wait_ready();
    await_acknowledged(&mut pacemeter, values.len());
    let expected = (0..)
        .zip(&values)
        .map(|(offset, value)| (offset, if value.len() > 3_000 { Err(value.len()) } else { Ok(value.clone()) }));
    assert!(written(&topics) == expected.collect(), "one letter for each record");
    await_committed(&mut pacemeter, &topics, values.len() as i64);
    // The producer still works.
    topics.write(Stream::Milestone, &records[..1]);
    await_acknowledged(&mut pacemeter, values.len() + 1);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_record_that_came_compressed_is_compressed_as_a_letter() {
    let topics = inputs(&[("max.message.bytes", "2000000")]);
    topics.create_dead_letter();
    let compressible = vec![b'v'; 1_500_000];
    topics.write_compressed(Stream::Milestone, &[Record::of(compressible.clone())], "zstd");
    // This one fits in its own topic alone.
    topics.write(Stream::Milestone, &[Record::of(noise(1, 1_500_000))]);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = start(&topics, &state, &[]);
    pacemeter.wait_ready();
    await_acknowledged(&mut pacemeter, 2);
    assert!(written(&topics) == BTreeMap::from([(0, Ok(compressible)), (1, Err(1_500_000))]));
    let checked = run(&["check"], &topics.settings());
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let warning = format!("warning: topic {} accepts 1048588 bytes, but topic", topics.dead_letter());
    assert!(checked.stdout.contains(&warning), "{}", checked.stdout);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn without_a_dead_letter_topic_letters_fail_and_figures_go_on() {
    let topics = inputs(&[]);
    let checked = run(&["check"], &topics.settings());
    assert_eq!(checked.code, Some(78), "{}", checked.stderr);
    let fault = format!("kafka has no topic {} for dead letters", topics.dead_letter());
    assert!(checked.stderr.contains(&fault), "{}", checked.stderr);

    topics.write(Stream::Milestone, &[vec![Record::of("no JSON")], milestones(0, "good", 10)].concat());
    let state = tempfile::tempdir().expect("a temporary directory");
    let fast = ["kafka.commit_interval=1s", "kafka.properties.topic.metadata.propagation.max.ms=1000"];
    let mut pacemeter = start(&topics, &state, &fast);
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(reached(&pacemeter), Some(10.0));
    pacemeter.until("the letter fails", |pacemeter| (letters(pacemeter, "failed") == 1.0).then_some(()));
    let failures = pacemeter.events("pacemeter.dead_letter.failed");
    let error = failures[0]["error"].as_str().expect("a text");
    assert!(error.contains(&format!("kafka has no topic {}", topics.dead_letter())), "{error}");
    await_committed(&mut pacemeter, &topics, 11);
    assert!(is_ready(&pacemeter));

    topics.create_dead_letter();
    pacemeter.until("a letter is acknowledged", |pacemeter| {
        topics.write(Stream::Milestone, &[Record::of("no JSON")]);
        (letters(pacemeter, "acknowledged") > 0.0).then_some(())
    });
    assert_eq!(own(&pacemeter, "pacemeter_ready"), 1.0);
    assert_eq!(pacemeter.stop().code, Some(0));
    assert_eq!(run(&["check"], &topics.settings()).code, Some(0));
}

#[test]
fn check_says_that_dead_letters_may_not_be_written() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let [_, (stranger, password)] = ACCOUNTS;
    let settings = super::access::as_account(&topics, stranger, password);
    let inputs: Vec<String> = Stream::ALL.iter().map(|stream| topics.input(*stream)).collect();
    for input in &inputs {
        shared_kafka().allow(stranger, ["--topic", input], &["Describe", "Read", "DescribeConfigs"]);
    }
    let dead_letter = topics.dead_letter();
    shared_kafka().allow(stranger, ["--topic", &dead_letter], &["Describe"]);
    shared_kafka().allow(stranger, ["--group", topics.group()], &["Read"]);
    let refused = run(&["check"], &settings);
    assert_eq!(refused.code, Some(77), "{}", refused.stderr);
    let reason = format!("grant the missing rights: Write on topic {dead_letter}\n");
    assert!(refused.stderr.contains(&reason), "{}", refused.stderr);
    shared_kafka().allow(stranger, ["--topic", &dead_letter], &["Write"]);
    let accepted = run(&["check"], &settings);
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
    // It may write, and not ask for limits.
    assert!(accepted.stdout.contains("so its limits are not checked"), "{}", accepted.stdout);
}
