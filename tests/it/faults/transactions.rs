//! Producers that leave their transaction open, or abort it.

use pacemeter::record::Stream;

use super::probes::{self, await_complete, await_reached, is_ready, milestones, own};
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

#[test]
fn an_open_transaction_is_lag_and_holds_back_figures() {
    let topics = Topics::create(shared_kafka(), 2, LOG_APPEND_TIME);
    let topic = topics.input(Stream::Milestone);
    let lag = |pacemeter: &Pacemeter| {
        pacemeter.scrape().value("pacemeter_kafka_consumer_lag_records", &[("topic", &topic), ("partition", "0")])
    };
    topics.write(Stream::Milestone, &milestones(0, "before", 10));
    let transaction = topics.open_transaction(Stream::Milestone, &milestones(0, "in", 5));
    // Records of other producers, after it in the log.
    topics.write(Stream::Milestone, &milestones(0, "behind", 20));

    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = [topics.settings(), probes::labels().to_vec(), vec!["kafka.stall_timeout=1s".to_owned()]].concat();
    let mut pacemeter = Pacemeter::start(&state, &settings);
    // An open transaction must not block readiness: the figures are those up to the last stable offset.
    pacemeter.wait_ready();
    await_reached(&mut pacemeter, 10);
    pacemeter.until("the records held back are lag", |pacemeter| lag(pacemeter).filter(|lag| *lag == 25.0));
    topics.write(Stream::Milestone, &milestones(1, "beside", 30));
    await_reached(&mut pacemeter, 40);
    await_complete(&mut pacemeter, Stream::Milestone);
    assert!(is_ready(&pacemeter), "an open transaction is no fault of the pipeline");
    assert_eq!(own(&pacemeter, "pacemeter_kafka_refetches_total"), 0.0, "nothing is refetched");

    transaction.commit();
    await_reached(&mut pacemeter, 65);
    pacemeter.until("there is no lag", |pacemeter| lag(pacemeter).filter(|lag| *lag == 0.0));
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn aborted_records_at_the_end_are_committed_as_read() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    topics.write_transaction(Stream::Milestone, &milestones(0, "committed", 10), true);
    topics.write_transaction(Stream::Milestone, &milestones(0, "aborted", 10), false);
    // Nobody ever wrote a record to the calls that counts.
    topics.write_transaction(Stream::Call, &milestones(0, "aborted", 3), false);
    let state = tempfile::tempdir().expect("a temporary directory");
    let settings = [topics.settings(), probes::labels().to_vec(), vec!["kafka.commit_interval=1s".to_owned()]].concat();
    let await_committed = |pacemeter: &mut Pacemeter, offset| {
        pacemeter.until(&format!("offset {offset} is committed"), |_| {
            (topics.committed(Stream::Milestone) == [Some(offset)]).then_some(())
        });
    };
    // Both markers take an offset.
    let mut pacemeter = Pacemeter::start(&state, &settings);
    await_committed(&mut pacemeter, 22);
    await_reached(&mut pacemeter, 10);
    assert_eq!(topics.committed(Stream::Call), [None], "a restart would look for its state");
    assert_eq!(pacemeter.stop().code, Some(0));

    // A restart resumes before the markers, and writes a letter only for what comes behind them.
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    assert_eq!(topics.committed(Stream::Milestone), [Some(22)]);
    topics.write_transaction(Stream::Milestone, &[crate::topics::Record::of("no JSON")], true);
    await_committed(&mut pacemeter, 24);
    assert_eq!(pacemeter.stop().code, Some(0));
    assert_eq!(topics.read(&topics.dead_letter()).len(), 1);
}
