//! A log that comes faster than it can be worked off: what waits is bounded.

use std::time::Duration;

use pacemeter::record::{Outcome, Stream};

use super::proxy::Proxy;
use super::scene::{await_complete, records};
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

const MIB: u64 = 1024 * 1024;

#[test]
fn records_that_wait_take_no_more_memory_than_the_queues_may_hold() {
    const RECORDS: usize = 6_000;
    const BYTES: usize = 50_000;
    let proxy = Proxy::at(shared_kafka().door());
    let topics = Topics::create(shared_kafka(), 3, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut settings = topics.settings();
    settings.push(format!("kafka.bootstrap_servers={}", proxy.bootstrap()));
    // Each of these records makes a letter. The broker takes letters slowly, so that the task waits for room while much more comes in.
    settings.push("dead_letter.max_in_flight=4".to_owned());
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    let before = pacemeter.peak_memory();
    proxy.delay_writes(Duration::from_millis(200));
    let filler = "x".repeat(BYTES);
    for chunk in 0..6 {
        let records: Vec<Record> = (0..RECORDS / 6).map(|number| Record { partition: chunk % 3, ..Record::of(format!("{number} {filler}")) }).collect();
        topics.write(Stream::Call, &records);
    }
    pacemeter.until("the queue is full", |pacemeter| {
        let scrape = pacemeter.scrape();
        let queue = |name: &str| scrape.value(name, &[("queue", "records")]);
        (queue("pacemeter_queue_length")? >= queue("pacemeter_queue_capacity")?).then_some(())
    });
    // What comes in while nothing goes out.
    std::thread::sleep(Duration::from_secs(5));
    let held = records(&pacemeter, Stream::Call, Outcome::Rejected).expect("figures are there");
    assert!(held < RECORDS as f64 / 2.0, "the task was to be held up: {held} of {RECORDS} records are through");
    let grown = pacemeter.peak_memory() - before;
    eprintln!("{} MiB more at the peak while {held} of {RECORDS} records are through", grown / MIB);
    assert!(grown < 128 * MIB, "{} MiB more for {} MiB of records", grown / MIB, (RECORDS * BYTES) as u64 / MIB);

    proxy.delay_writes(Duration::ZERO);
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(RECORDS as f64));
    assert_eq!(pacemeter.stop().code, Some(0));
}
