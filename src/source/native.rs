//! The calls to librdkafka that its Rust wrapper does not have: batches from a queue of our own. All `unsafe` is here.
//!
//! Two rules of librdkafka hold the pieces together, and each piece keeps the client alive to follow them: messages are destroyed before
//! the client, and the queue is destroyed before the client (a client that is closed while the queue lives hangs for ever).

use super::client::Client;
use crate::clock::Millis;
use crate::record::Header;
use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::Consumer as _;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;
use std::time::Duration;

/// A queue to which partitions forward what is fetched of them.
pub(super) struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    client: Arc<Client>,
    /// What one call returned; kept for its memory.
    taken: Vec<*mut sys::rd_kafka_message_t>,
}

// SAFETY: librdkafka's queues may be used from any thread; `taken` is empty between calls.
unsafe impl Send for Queue {}

impl Queue {
    pub(super) fn new(client: &Arc<Client>) -> Self {
        // SAFETY: the client lives; the call returns a queue or aborts for want of memory.
        let queue = unsafe { sys::rd_kafka_queue_new(client.client().native_ptr()) };
        Self {
            queue: NonNull::new(queue).expect("librdkafka makes a queue"),
            client: Arc::clone(client),
            taken: Vec::new(),
        }
    }

    /// Sends what is fetched of a partition here, from now on and what it holds already. Calling it again changes nothing.
    pub(super) fn forward(&self, topic: &CStr, partition: i32) {
        // SAFETY: the client lives and the topic is a C string. The partition's queue is a counted reference, given back here; null means
        // that the client knows no such partition.
        unsafe {
            let source =
                sys::rd_kafka_queue_get_partition(self.client.client().native_ptr(), topic.as_ptr(), partition);
            if !source.is_null() {
                sys::rd_kafka_queue_forward(source, self.queue.as_ptr());
                sys::rd_kafka_queue_destroy(source);
            }
        }
    }

    /// Takes up to `max` messages, waiting for that many for at most `timeout`.
    pub(super) fn take(&mut self, max: usize, timeout: Duration) -> impl Iterator<Item = NativeMessage> + '_ {
        self.taken.reserve(max);
        let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: `taken` is empty and has room for `max` pointers, of which the call fills the first `count`. A negative answer is an error
        // and fills none.
        unsafe {
            let count = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), timeout, self.taken.as_mut_ptr(), max);
            self.taken.set_len(usize::try_from(count).unwrap_or(0));
        }
        self.taken
            .drain(..)
            .map(|message| NativeMessage(NonNull::new(message).expect("librdkafka fills what it counts")))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: this is the one owner, and `client` is dropped after this.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// A message, or an error of a partition. Must be dropped before its client is: see [`super::consumer::Batch`].
pub(super) struct NativeMessage(NonNull<sys::rd_kafka_message_t>);

// SAFETY: a message has one owner and may be used and destroyed on any thread. It is not `Sync`: headers are parsed on first use.
unsafe impl Send for NativeMessage {}

impl NativeMessage {
    fn get(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: the message lives until it is dropped, and nothing changes these fields.
        unsafe { self.0.as_ref() }
    }

    /// The error, if this is one and no message.
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let code = self.get().err;
        (code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
    }

    /// What the client says of the error.
    pub(super) fn error_text(&self) -> String {
        // SAFETY: the call returns null or a string that lives as long as the message.
        unsafe {
            let text = sys::rd_kafka_message_errstr(self.0.as_ptr());
            if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
        }
    }

    /// Tells the topics of one batch apart, at less cost than the name. Zero if there is no topic.
    pub(super) fn topic_mark(&self) -> usize {
        self.get().rkt.addr()
    }

    pub(super) fn topic(&self) -> &CStr {
        if self.get().rkt.is_null() {
            return c"";
        }
        // SAFETY: a message holds its topic, and a topic holds its name.
        unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.get().rkt)) }
    }

    pub(super) fn partition(&self) -> i32 {
        self.get().partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.get().offset
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: a message owns its key.
        unsafe { bytes(self.get().key, self.get().key_len) }
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: a message owns its payload.
        unsafe { bytes(self.get().payload, self.get().len) }
    }

    pub(super) fn timestamp(&self) -> Option<Millis> {
        use sys::rd_kafka_timestamp_type_t as Kind;
        let mut kind = Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message lives, and `kind` is written to.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), &mut kind) };
        (kind != Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis != -1).then_some(millis)
    }

    /// Appends the headers. One whose name is not UTF-8 is left out.
    pub(super) fn append_headers<'a>(&'a self, headers: &mut Vec<Header<'a>>) {
        let mut list = null_mut();
        // SAFETY: the message lives and keeps the list; it is parsed at the first call, and no other thread has the message.
        let answer = unsafe { sys::rd_kafka_message_headers(self.0.as_ptr(), &mut list) };
        if answer != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (null(), null(), 0);
            // SAFETY: the list lives as long as the message, and so do the name, a C string, and the value of `size` bytes.
            let header = unsafe {
                let answer = sys::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut size);
                if answer != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return;
                }
                (CStr::from_ptr(name).to_str(), bytes(value, size))
            };
            if let (Ok(name), value) = header {
                headers.push((name, value));
            }
        }
    }
}

impl Drop for NativeMessage {
    fn drop(&mut self) {
        // SAFETY: this is the one owner.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// # Safety
///
/// Unless null, `start` points to `len` bytes that stay as they are for `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

/// Writes into `partitions` how far each was consumed by this client, records, markers and aborted batches alike. No network.
pub(super) fn positions(client: &Client, partitions: &mut TopicPartitionList) {
    // SAFETY: the client and the list live. The call always succeeds; what is unknown is marked in the list.
    unsafe { sys::rd_kafka_position(client.client().native_ptr(), partitions.ptr()) };
}

/// The end of a partition that the client heard of with the last records it fetched: open transactions do not hold it back. No network.
pub(super) fn high_watermark(client: &Client, topic: &CStr, partition: i32) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client lives, the topic is a C string, and both numbers are written to.
    let code = unsafe {
        sys::rd_kafka_get_watermark_offsets(
            client.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &mut low,
            &mut high,
        )
    };
    // What is unknown is negative.
    (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Sends offsets to the group's coordinator. The result comes as an event of the main queue, which the wrapper's commit does not ask for.
pub(super) fn commit(client: &Client, offsets: &TopicPartitionList) -> Result<(), RDKafkaErrorCode> {
    // SAFETY: the client and the list live; the list is copied. The queue is a counted reference, given back here; the reply keeps its own.
    let code = unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(client.client().native_ptr());
        if queue.is_null() {
            return Err(RDKafkaErrorCode::UnknownGroup);
        }
        let code = sys::rd_kafka_commit_queue(client.client().native_ptr(), offsets.ptr(), queue, None, null_mut());
        sys::rd_kafka_queue_destroy(queue);
        code
    };
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(code.into()) }
}

/// How many events wait in the client's main queue.
pub(super) fn waiting_events(client: &Client) -> usize {
    // SAFETY: the client lives. The queue is a counted reference, given back here. A client without a group has no consumer queue: null.
    unsafe {
        let consumer = sys::rd_kafka_queue_get_consumer(client.client().native_ptr());
        let queue =
            if consumer.is_null() { sys::rd_kafka_queue_get_main(client.client().native_ptr()) } else { consumer };
        let count = sys::rd_kafka_queue_length(queue);
        sys::rd_kafka_queue_destroy(queue);
        count
    }
}

/// Puts the client beyond use, as a fault of its own would.
#[cfg(test)]
pub(super) fn fail_for_good(client: &Client) {
    // SAFETY: the client lives, and the reason is a C string.
    unsafe {
        sys::rd_kafka_test_fatal_error(
            client.client().native_ptr(),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            c"on purpose".as_ptr(),
        )
    };
}
