//! A log that nobody reads, while there is much to log.

use pacemeter::record::{Outcome, Stream};

use super::probes::{self, await_complete, is_ready, milestones, own, records};
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

/// Number of records to be rejected. The dead letter of each fails, with a log line.
const REJECTED: usize = 20_000;

#[test]
fn a_full_or_closed_log_pipe_costs_lines_and_nothing_else() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let rejected: Vec<Record> = (0..REJECTED).map(|number| Record::of(format!("not an event {number}"))).collect();
    topics.write(Stream::Call, &rejected);
    topics.write(Stream::Milestone, &milestones(0, "beside", 100));
    // Without the default rate limit, which would suppress most lines.
    let more = [
        "log.burst=1000000",
        "log.per_second=1000000",
        "dead_letter.max_in_flight=1",
        "dead_letter.topic=a-topic-that-is-missing",
    ];
    let more = more.map(str::to_owned).to_vec();
    let settings = [topics.settings(), probes::labels().to_vec(), more].concat();
    for is_closed in [false, true] {
        let state = tempfile::tempdir().expect("a temporary directory");
        let (mut pacemeter, pipe) = Pacemeter::start_with_unread_log(&state, &settings, is_closed);
        pacemeter.wait_ready();
        await_complete(&mut pacemeter, Stream::Call);
        assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(REJECTED as f64), "closed: {is_closed}");
        assert_eq!(probes::reached(&pacemeter), Some(100.0));
        assert!(is_ready(&pacemeter));
        pacemeter.until("the lines that are lost are counted", |pacemeter| {
            // A pipe holds some hundred lines, and a thousand wait in the queue.
            (own(pacemeter, "pacemeter_log_dropped_total") > REJECTED as f64 / 2.0).then_some(())
        });
        assert_eq!(pacemeter.stop().code, Some(0), "closed: {is_closed}");
        drop(pipe);
    }
}
