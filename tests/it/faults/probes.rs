//! Helpers of these tests: milestones, which are easy to count, and readings of the program's metrics.

use std::time::Duration;

use pacemeter::clock::{Clock, Timestamp};
use pacemeter::record::{Outcome, Stream};
use pacemeter::simulate::LABELS;
use serde_json::json;

use crate::program::Pacemeter;
use crate::topics::Record;

/// Settings that list the labels of [`milestone`].
pub fn labels() -> [String; 2] {
    [format!("labels.initiatives={:?}", LABELS.initiatives), format!("labels.milestones={:?}", LABELS.milestones)]
}

/// A milestone reached now, as JSON.
pub fn milestone(id: &str) -> Vec<u8> {
    let time = Clock::wall().now().to_string();
    let (initiative, milestone) = (LABELS.initiatives[0], LABELS.milestones[0]);
    json!({ "id": id, "type": "milestone.reached", "time": time, "initiative": initiative, "milestone": milestone })
        .to_string()
        .into()
}

/// New milestones for one partition; `name` must be unique in a test.
pub fn milestones(partition: i32, name: &str, count: usize) -> Vec<Record> {
    (0..count)
        .map(|number| Record { partition, ..Record::of(milestone(&format!("{name}-{partition}-{number}"))) })
        .collect()
}

/// Number of milestones in the figures.
pub fn reached(pacemeter: &Pacemeter) -> Option<f64> {
    let labels = [("initiative", LABELS.initiatives[0]), ("milestone", LABELS.milestones[0])];
    pacemeter.scrape().value("pacemeter_milestones_total", &labels)
}

/// Waits until `count` milestones are in the figures. Asserts that there are never more, and no duplicates.
pub fn await_reached(pacemeter: &mut Pacemeter, count: usize) {
    pacemeter.until(&format!("{count} milestones are in the figures"), |pacemeter| {
        let reached = reached(pacemeter).unwrap_or(0.0);
        assert!(reached <= count as f64, "{reached} of {count} milestones");
        (reached == count as f64).then_some(())
    });
    for outcome in [Outcome::Duplicate, Outcome::Rejected, Outcome::Expired] {
        assert_eq!(records(pacemeter, Stream::Milestone, outcome), Some(0.0), "{}", outcome.name());
    }
}

/// Value of `pacemeter_records_total`.
pub fn records(pacemeter: &Pacemeter, stream: Stream, outcome: Outcome) -> Option<f64> {
    pacemeter.scrape().value("pacemeter_records_total", &[("stream", stream.name()), ("outcome", outcome.name())])
}

/// Value of a metric of the process without labels; 0 if it is absent.
pub fn own(pacemeter: &Pacemeter, name: &str) -> f64 {
    pacemeter.scrape().value(name, &[]).unwrap_or(0.0)
}

/// Value of `pacemeter_kafka_errors_total` for one kind; 0 if it is absent.
pub fn errors(pacemeter: &Pacemeter, kind: &str) -> f64 {
    pacemeter.scrape().value("pacemeter_kafka_errors_total", &[("kind", kind)]).unwrap_or(0.0)
}

pub fn is_ready(pacemeter: &Pacemeter) -> bool {
    pacemeter.get("/readyz").status == 200
}

/// Value of `pacemeter_complete_until_timestamp_seconds`, in milliseconds.
pub fn complete_until(pacemeter: &Pacemeter, stream: Stream) -> Option<Timestamp> {
    let value = pacemeter.scrape().value("pacemeter_complete_until_timestamp_seconds", &[("stream", stream.name())]);
    value.map(Timestamp::from_seconds)
}

/// Waits until the figures of a stream are complete up to a moment after this call.
pub fn await_complete(pacemeter: &mut Pacemeter, stream: Stream) {
    let now = Clock::wall().now();
    pacemeter.until(&format!("the figures of {} are complete", stream.name()), |pacemeter| {
        complete_until(pacemeter, stream).filter(|until| *until >= now)
    });
}

/// Lets a fault last for a while, where no metric shows that it has.
pub fn linger(duration: Duration) {
    std::thread::sleep(duration);
}
