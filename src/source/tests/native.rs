//! Ownership of messages: each is freed once, and before its client.

use super::*;
use crate::source::client::{self, Client, Context};
use crate::source::native::{Messages, NativeMessage, Queue, alive};
use rdkafka::consumer::Consumer as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::{Offset, TopicPartitionList};
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A client that fetches one partition into a queue.
fn fetching(kafka: &Kafka, overrides: &[&str]) -> (Arc<Client>, Queue) {
    let config = client::consumer(&kafka.settings(overrides));
    let client: Client = config.create_with_context(Context::default()).expect("a client can be made");
    let client = Arc::new(client);
    let queue = Queue::new(&client);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(TOPICS[0], 0, Offset::Beginning).expect("an offset can be set");
    client.assign(&list).expect("a partition can be assigned");
    (client, queue)
}

/// Takes messages until `select` was asked for one.
fn take<T>(queue: &mut Queue, mut select: impl FnMut(&NativeMessage) -> Option<T>) -> Messages<T> {
    let topic = CString::new(TOPICS[0]).expect("no NUL");
    let (started, mut asked) = (Instant::now(), false);
    loop {
        assert!(started.elapsed() < PATIENCE, "no message after {PATIENCE:?}");
        queue.forward(&topic, 0);
        let messages = queue.take(10, 10 * BLINK, |message| {
            asked = true;
            select(message)
        });
        if asked {
            return messages;
        }
    }
}

/// Drops the last share of a client, on another thread: closing hangs if one of its queues or messages is left.
fn assert_closes(client: Arc<Client>) {
    let client = Arc::try_unwrap(client).ok().expect("nobody else holds the client");
    let (closed, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(client);
        closed.send(())
    });
    assert_eq!(answer.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_take_that_panics_frees_every_message_once() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let (client, mut queue) = fetching(&kafka, &[]);
    // The first message is selected, the second refused, the third panics; the others have not been looked at then.
    let mut asked = 0;
    let broken_off = catch_unwind(AssertUnwindSafe(|| {
        loop {
            take(&mut queue, |message| {
                asked += 1;
                assert!(asked < 3, "on purpose");
                (asked == 1).then(|| message.offset())
            });
        }
    }));
    assert_eq!((broken_off.is_err(), asked), (true, 3));
    assert_eq!(alive::count(), 0);
    drop(queue);
    assert_closes(client);
}

#[test]
fn messages_that_are_not_selected_are_freed_at_once() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let (client, mut queue) = fetching(&kafka, &[]);
    let messages = take(&mut queue, |message| (message.offset() % 2 == 0).then(|| message.offset()));
    let selected = messages.as_slice().len();
    assert!(selected > 0 && messages.as_slice().iter().all(|(message, offset)| message.offset() == *offset));
    assert_eq!(alive::count(), selected as isize);
    drop((messages, queue));
    assert_eq!(alive::count(), 0);
    assert_closes(client);
}

#[test]
fn messages_and_queue_each_keep_their_client() {
    let kafka = Kafka::with_partitions(1);
    kafka.write(TOPICS[0], 0, 0..10);
    let (client, mut queue) = fetching(&kafka, &[]);
    let messages = take(&mut queue, |_| Some(()));
    let weak = Arc::downgrade(&client);
    drop(client);
    assert_eq!(weak.strong_count(), 2, "the queue and the messages");
    drop(queue);
    assert_eq!(messages.as_slice()[0].0.value(), Some(&b"0"[..]), "readable without queue and consumer");
    assert_eq!(weak.strong_count(), 1);
    drop(messages);
    assert_eq!((weak.strong_count(), alive::count()), (0, 0));
}

#[test]
fn records_wait_with_the_bytes_of_keys_and_headers() {
    const COUNT: usize = 400;
    for codec in ["none", "lz4"] {
        for in_key in [true, false] {
            let kafka = Kafka::with_partitions(1);
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", kafka.mock.bootstrap_servers()).set("compression.type", codec);
            config.set("batch.num.messages", "10").set("linger.ms", "1000");
            let producer: BaseProducer = config.create().expect("a producer can be made");
            for number in 0..COUNT {
                let noise = fastrand::Rng::with_seed(number as u64).choose_multiple(0_u8..255, 255).repeat(40);
                let headers = OwnedHeaders::new().insert(Header { key: "h", value: (!in_key).then_some(&noise) });
                let record = BaseRecord::<[u8], [u8]>::to(TOPICS[0]).partition(0).headers(headers);
                producer.send(record.key(if in_key { &noise } else { b"key" })).expect("a record can be sent");
            }
            producer.flush(PATIENCE).expect("records are written");
            let (client, mut queue) = fetching(&kafka, &["kafka.properties.queued.max.messages.kbytes=200"]);
            drop(take(&mut queue, |_| Some(())));
            std::thread::sleep(20 * BLINK);
            let waiting = queue.take(COUNT, Duration::ZERO, |_| Some(()));
            // 200 kB, and the answer that exceeds them.
            assert!(
                (1..COUNT / 4).contains(&waiting.as_slice().len()),
                "{codec} {in_key}: {} records wait",
                waiting.as_slice().len()
            );
            drop((waiting, queue));
            assert_closes(client);
        }
    }
}

#[test]
fn headers_beyond_a_hundred_are_not_read() {
    let kafka = Kafka::with_partitions(1);
    for count in [0, 1, 100, 101, 60_000] {
        let header = |headers: OwnedHeaders, _| headers.insert(Header { key: "h", value: Some("v") });
        let headers = (0..count).fold(OwnedHeaders::new_with_capacity(count), header);
        let record = BaseRecord::<[u8], [u8]>::to(TOPICS[0]).partition(0).headers(headers);
        kafka.producer.send(record.key(b"key")).expect("a record can be sent");
    }
    kafka.producer.flush(PATIENCE).expect("records are written");
    let (client, mut queue) = fetching(&kafka, &[]);
    let mut found = Vec::new();
    while found.len() < 5 {
        let messages = take(&mut queue, |_| Some(()));
        for (message, ()) in messages.as_slice() {
            let mut headers = Vec::new();
            let is_read = message.append_headers(&mut headers);
            assert!(headers.iter().all(|header| *header == ("h", Some(&b"v"[..]))));
            found.push((is_read, headers.len()));
        }
    }
    assert_eq!(found, [(true, 0), (true, 1), (true, 100), (false, 0), (false, 0)]);
    drop(queue);
    assert_closes(client);
}
