//! Bare drains: the cost of taking records from librdkafka and touching their bytes, and nothing else.

use std::ffi::CString;
use std::ptr::null_mut;
use std::time::Duration;

use pacemeter::record::Stream;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::load::Log;
use crate::process::Usage;

/// First argument of this program when it runs as a drain.
pub const CHILD: &str = "--child-drain";
pub const POLL: &str = "poll";
pub const BATCH: &str = "batch";

const LIMIT: Duration = Duration::from_secs(30);

/// Drains the log in a process of its own.
pub fn run(kind: &str, log: &Log) -> Usage {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
    command.arg(CHILD).args([kind, &log.bootstrap(), &log.records.to_string()]);
    command.args(Stream::ALL.map(|stream| log.topic(stream)));
    Usage::of_child(command)
}

/// Runs as a child: reads the log to its end once.
pub fn child(arguments: &[String]) {
    let [kind, bootstrap, records, topics @ ..] = arguments else { panic!("kind, brokers, records, topics") };
    let records: u64 = records.parse().expect("a number of records");
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "drain")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        // With the default of a second a drain is idle now and then.
        .set("fetch.queue.backoff.ms", "2")
        .create()
        .expect("a consumer");
    let mut assignment = TopicPartitionList::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT).expect("metadata");
        for partition in metadata.topics()[0].partitions() {
            assignment.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("an offset");
        }
    }
    let mut drain = Drain { left: records, touched: 0 };
    match kind.as_str() {
        POLL => drain.poll(&consumer, &assignment),
        BATCH => drain.batches(&consumer, &assignment),
        unknown => panic!("no such drain: {unknown}"),
    }
    std::hint::black_box(drain.touched);
    Usage::print();
}

struct Drain {
    left: u64,
    touched: u64,
}

impl Drain {
    fn poll(&mut self, consumer: &BaseConsumer, assignment: &TopicPartitionList) {
        consumer.assign(assignment).expect("an assignment");
        while self.left > 0 {
            let message = consumer.poll(LIMIT).expect("there are records left").expect("a record");
            self.touch(message.payload().unwrap_or_default());
        }
    }

    fn batches(&mut self, consumer: &BaseConsumer, assignment: &TopicPartitionList) {
        const MOST: usize = 2_000;
        let mut messages = vec![null_mut(); MOST];
        let client = consumer.client().native_ptr();
        // SAFETY: the client outlives the queue, which is destroyed below; a message is read before it is destroyed.
        unsafe {
            let queue = sys::rd_kafka_queue_new(client);
            forward(client, assignment, queue);
            consumer.assign(assignment).expect("an assignment");
            forward(client, assignment, queue);
            while self.left > 0 {
                let count = sys::rd_kafka_consume_batch_queue(queue, 100, messages.as_mut_ptr(), MOST);
                for &message in &messages[..usize::try_from(count).expect("no error")] {
                    let (payload, length) = ((*message).payload.cast::<u8>(), (*message).len);
                    if !payload.is_null() {
                        self.touch(std::slice::from_raw_parts(payload, length));
                    }
                    sys::rd_kafka_message_destroy(message);
                }
                // Poll for rebalances and errors, and forward again, as forwarding is lost now and then.
                if count == 0 {
                    assert!(consumer.poll(Duration::ZERO).is_none(), "a record arrived in the main queue");
                    forward(client, assignment, queue);
                }
            }
            sys::rd_kafka_queue_destroy(queue);
        }
    }

    /// Reads a byte of every cache line.
    fn touch(&mut self, payload: &[u8]) {
        self.touched += payload.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
        self.left -= 1;
    }
}

/// Forwards the fetched records of the partitions to `queue`.
///
/// # Safety
///
/// The client and the queue must be alive.
unsafe fn forward(client: *mut sys::rd_kafka_t, assignment: &TopicPartitionList, queue: *mut sys::rd_kafka_queue_t) {
    for element in assignment.elements() {
        let topic = CString::new(element.topic()).expect("a topic's name");
        // SAFETY: as the caller promises; the partition's queue is a counted reference, given back here.
        unsafe {
            let source = sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), element.partition());
            assert!(!source.is_null(), "the client knows its partitions");
            sys::rd_kafka_queue_forward(source, queue);
            sys::rd_kafka_queue_destroy(source);
        }
    }
}
