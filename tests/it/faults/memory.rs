//! A log that comes faster than it is processed: waiting records are bounded.

use std::time::Duration;

use pacemeter::clock::Clock;
use pacemeter::record::{Outcome, Stream};

use super::crafted::{Codec, CraftedBatch, append};
use super::mock::{Mock, topic};
use super::probes::{await_complete, errors, records};
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

/// Appends the same batch of zeros to six partitions of the calls, as often as asked. Returns the number of records.
fn append_zeros(topics: &Topics<'_>, batch: CraftedBatch<'_>, times: usize) -> usize {
    let bytes = batch.bytes();
    for partition in (0..6).cycle().take(6 * times) {
        append(&shared_kafka().bootstrap(), &topics.input(Stream::Call), partition, &bytes);
    }
    6 * times * batch.records as usize
}

#[test]
fn batches_that_unpack_to_gigabytes_take_bounded_memory() {
    let value = vec![0; 900_000];
    let topics = Topics::create(shared_kafka(), 6, LOG_APPEND_TIME);
    let timestamp = Clock::wall().now();
    let batch = CraftedBatch {
        records: 22,
        value: &value,
        headers: 0,
        codec: Codec::Gzip,
        damaged: false,
        timestamp: timestamp.as_millis(),
    };
    // Each is within the bound of a batch, all together are not: they are read one after the other.
    let mut count = append_zeros(&topics, batch, 3);
    count += append_zeros(&topics, CraftedBatch { codec: Codec::Zstd, ..batch }, 3);
    // Batches of few bytes with millions of records: what the client keeps of a record is larger than the record.
    let tiny = CraftedBatch { records: 50_000, value: b"", ..batch };
    count += append_zeros(&topics, tiny, 1);
    // Headers take twenty times as much memory once they are parsed.
    let headers = CraftedBatch { records: 300, value: b"", headers: 20_000, ..batch };
    count += append_zeros(&topics, headers, 1);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &topics.settings());
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(count as f64));
    let peak = pacemeter.peak_memory();
    println!("{} MiB at the peak of batches that can be read", peak / MIB);
    assert!(peak < MAX_PEAK, "{} MiB at the peak", peak / MIB);

    // The attack: 888 kB that unpack to 900 MB, in each of six partitions at once.
    append_zeros(&topics, CraftedBatch { records: 1_000, ..batch }, 1);
    let reported = |pacemeter: &Pacemeter| errors(pacemeter, "partition") >= 12.0;
    pacemeter.until("every partition reports it", |pacemeter| reported(pacemeter).then_some(()));
    let peak = pacemeter.peak_memory();
    println!("{} MiB at the peak of batches that cannot", peak / MIB);
    assert!(peak < MAX_PEAK, "{} MiB at the peak", peak / MIB);
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn intact_batches_that_wait_for_room_are_not_reported() {
    const PARTITIONS: i32 = 9;
    const RECORDS: i32 = 2;
    let mock = Mock::start(PARTITIONS, PARTITIONS);
    // 24 MB each: four of them have room.
    let batch = CraftedBatch {
        records: RECORDS,
        value: b"",
        headers: 4_000_000,
        codec: Codec::Zstd,
        damaged: false,
        timestamp: Clock::wall().now().as_millis(),
    };
    let bytes = batch.bytes();
    let servers = mock.cluster().bootstrap_servers();
    let leader = servers.split(',').next().expect("a broker");
    for partition in 0..PARTITIONS {
        append(leader, &topic(Stream::Call), partition, &bytes);
        // Brokers of their own, so that several batches are refused at the same time.
        mock.lead(Stream::Call, partition, partition + 1);
    }
    let state = tempfile::tempdir().expect("a temporary directory");
    // One dead letter at a time, which waits for others in vain: the batches keep their room.
    let settings = mock.settings(&[
        "dead_letter.max_in_flight=1",
        "kafka.properties.linger.ms=700",
        "kafka.stall_timeout=2s",
        "kafka.batch_records=1",
    ]);
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Call);
    assert_eq!(records(&pacemeter, Stream::Call, Outcome::Rejected), Some(f64::from(PARTITIONS * RECORDS)));
    assert_eq!(pacemeter.events("pacemeter.partition.interrupted"), Vec::<serde_json::Value>::new());
    assert_eq!(pacemeter.stop().code, Some(0));
}
