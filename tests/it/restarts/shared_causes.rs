//! Lines that several partitions share.

use std::fs;

use pacemeter::record::Stream;
use serde_json::{Value, json};

use super::StoredState;
use crate::program::{Pacemeter, run_in};
use crate::shared_kafka;

/// Events of a name in a log that was written to standard error.
fn events(log: &str, name: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == name).collect()
}

#[test]
fn partitions_with_one_cause_share_a_line() {
    let stored = StoredState::of(shared_kafka());
    let topic = stored.test_log.topics.input(Stream::Call);
    let horizon = ["streams.call.horizon=8d"];
    let refused = run_in(&stored.state, &["run"], &stored.settings(&horizon));
    let failed = &events(&refused.stderr, "pacemeter.failed")[0];
    let reason = failed["reason"].as_str().expect("a text");
    assert_eq!((refused.code, reason.lines().count()), (Some(65), 1), "{reason}");
    let said = "call-0 to call-1: the state was built with other settings: streams.call.horizon was 7d and is 8d";
    assert!(reason.starts_with(said), "{reason}");

    let all = ["call-0", "call-1"].map(|partition| stored.checkpoints(partition)).concat();
    for path in &all {
        let content = fs::read(path).expect("a file");
        fs::write(path, &content[..content.len() - 1]).expect("a file");
    }
    let mut pacemeter = stored.start(&[]);
    pacemeter.wait_ready();
    let shown = |event: &str, fields: &[&str]| -> Vec<Value> {
        let events = pacemeter.events(event).into_iter();
        events.map(|event| fields.iter().map(|field| event[*field].clone()).collect()).collect()
    };
    let damaged = shown("pacemeter.checkpoint.damaged", &["topic", "partitions", "files"]);
    assert_eq!(damaged, [json!([topic, "0-1", all.len()])]);
    let rebuilt = shown("pacemeter.state.rebuild", &["topic", "partitions"]);
    assert_eq!(rebuilt, [json!([topic, "0-1"])]);
    assert_eq!(shown("pacemeter.state.begun", &["topic"]), [Value::Null; 0]);
    assert_eq!(pacemeter.stop().code, Some(0));

    let elsewhere = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&elsewhere, &stored.settings(&["kafka.group_id=first"]));
    pacemeter.wait_ready();
    let begun: Vec<Value> =
        pacemeter.events("pacemeter.state.begun").into_iter().map(|event| event["partitions"].clone()).collect();
    assert_eq!(begun, ["0-1", "0-1", "0-1"], "one line for each topic");
    assert_eq!(pacemeter.stop().code, Some(0));
}
