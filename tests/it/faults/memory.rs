//! A log that comes faster than it is processed: waiting records are bounded.

use std::time::Duration;

use pacemeter::record::{Outcome, Stream};

use super::probes::{await_complete, records};
use super::proxy::Proxy;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

const MIB: u64 = 1024 * 1024;

#[test]
fn waiting_records_take_no_more_memory_than_the_queues() {
    const RECORDS: usize = 4_800;
    const BYTES: usize = 50_000;
    let proxy = Proxy::at(shared_kafka().door());
    let topics = Topics::create(shared_kafka(), 3, LOG_APPEND_TIME);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut settings = topics.settings();
    settings.push(format!("kafka.bootstrap_servers={}", proxy.bootstrap()));
    // Each of these records makes a dead letter. The broker takes those slowly, so that the task waits while more
    // records come in.
    settings.extend(["dead_letter.max_in_flight=4", "kafka.properties.linger.ms=0"].map(str::to_owned));
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    let before = pacemeter.peak_memory();
    proxy.delay_writes(Duration::from_millis(200));
    let filler = "x".repeat(BYTES);
    for chunk in 0..6 {
        let records: Vec<Record> = (0..RECORDS / 6)
            .map(|number| Record { partition: chunk % 3, ..Record::of(format!("{number} {filler}")) })
            .collect();
        topics.write(Stream::Call, &records);
    }
    // Let records come in. The figures of a task that is in the middle of a batch wait for its end.
    std::thread::sleep(Duration::from_secs(8));
    let shown = pacemeter.scrape();
    let received =
        shown.value("pacemeter_kafka_records_total", &[("topic", &topics.input(Stream::Call))]).unwrap_or(0.0);
    assert!(
        received < RECORDS as f64 / 2.0,
        "the task must be held up, but {received} of {RECORDS} records are through"
    );
    let grown = pacemeter.peak_memory() - before;
    println!("{} MiB more at the peak", grown / MIB);
    assert!(grown < 128 * MIB, "{} MiB more for {} MiB of records", grown / MIB, (RECORDS * BYTES) as u64 / MIB);

    proxy.delay_writes(Duration::ZERO);
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(RECORDS as f64));
    assert_eq!(pacemeter.stop().code, Some(0));
}

/// Peak of memory that no input exceeds, besides what state holds.
const MAX_PEAK: u64 = 300 * MIB;

#[test]
fn large_dead_letters_take_a_bounded_amount_of_memory() {
    const RECORDS: usize = 600;
    const BYTES: usize = 900_000;
    let topics = Topics::create(shared_kafka(), 6, LOG_APPEND_TIME);
    let filler = "x".repeat(BYTES);
    for chunk in 0..6 {
        let records: Vec<Record> = (0..RECORDS / 6)
            .map(|number| Record { partition: chunk, ..Record::of(format!("{number} {filler}")) })
            .collect();
        topics.write(Stream::Call, &records);
    }
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &topics.settings());
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(RECORDS as f64));
    pacemeter.until("the letters are acknowledged", |pacemeter| {
        let labels = [("result", "acknowledged")];
        let acknowledged = pacemeter.scrape().value("pacemeter_dead_letter_records_total", &labels);
        acknowledged.filter(|count| *count == RECORDS as f64)
    });
    let peak = pacemeter.peak_memory();
    println!("{} MiB at the peak", peak / MIB);
    assert!(peak < MAX_PEAK, "{} MiB at the peak", peak / MIB);
    assert_eq!(pacemeter.stop().code, Some(0));
}
