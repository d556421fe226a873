//! The calls to librdkafka that its Rust wrapper lacks: batches from a private queue, positions, watermarks. All
//! `unsafe` calls of C are here.
//!
//! librdkafka has two rules on the order of destruction. A queue or a message must be destroyed before its client; a
//! client that is closed while such a queue lives hangs for ever. Both hold by construction:
//!
//! - a [`Queue`] and a [`Messages`] each hold a share of their client, and drop it last;
//! - a [`NativeMessage`] is lent by the [`Messages`] that owns it, and never leaves it.
//!
//! Every pointer from the client gets an owner at once ([`QueueRef`], [`NativeMessage`]), so a panic or an early return
//! neither leaks nor frees twice.

mod abort;
mod headers;
mod libraries;
mod queue_size;
mod rights;
mod sockets;
mod soundness;
mod topic_ids;
pub(super) mod unpacking;
mod verification;

pub(super) use abort::handle_aborts;
pub(super) use libraries::linked as linked_libraries;
pub(super) use rights::{Operation, Rights, group_rights, topic_rights};
pub(super) use sockets::unacknowledged_bytes;
pub(super) use topic_ids::topic_ids;

use super::client::{Client, Context};
use crate::clock::Timestamp;
use crate::record::Header;
use rdkafka::bindings as sys;
use rdkafka::config::NativeClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaConfRes, RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientContext, TopicPartitionList};
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Size of messages after which no more are taken at once, in bytes.
const MAX_TAKEN_BYTES: usize = 4 << 20;
/// Maximum number of messages received by one call: so many may be larger than expected.
const MAX_CHUNK: usize = 64;
/// Memory for one message besides key and value, in bytes: librdkafka's own struct, and the decoded record.
const MESSAGE_BYTES: usize = 512;

/// A counted reference to a queue of the client; dropping it gives the reference back.
struct QueueRef(NonNull<sys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues may be used and released on any thread.
unsafe impl Send for QueueRef {}

impl QueueRef {
    /// Owns a reference that the client has just handed out; `None` for null.
    ///
    /// # Safety
    ///
    /// `queue` is null, or a reference that nobody else gives back; its client outlives the result.
    unsafe fn own(queue: *mut sys::rd_kafka_queue_t) -> Option<Self> {
        NonNull::new(queue).map(Self)
    }

    fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.0.as_ptr()
    }
}

impl Drop for QueueRef {
    fn drop(&mut self) {
        // SAFETY: `own` was given a reference of its own, whose client still lives.
        unsafe { sys::rd_kafka_queue_destroy(self.as_ptr()) }
    }
}

/// A queue to which partitions forward what is fetched of them.
pub(super) struct Queue {
    // Fields are dropped in this order: the client must be last.
    queue: QueueRef,
    /// The messages of one call on their way into a [`Messages`]; empty between calls, kept for its memory.
    received: Vec<Option<NativeMessage>>,
    /// Size of the largest message received last, in bytes.
    largest: usize,
    client: Arc<Client>,
}

impl Queue {
    pub(super) fn new(client: &Arc<Client>) -> Self {
        // SAFETY: the client lives. The call returns a new queue, or aborts for want of memory. The queue is dropped
        // before `client`.
        let queue = unsafe { QueueRef::own(sys::rd_kafka_queue_new(client.client().native_ptr())) };
        Self {
            queue: queue.expect("librdkafka returns a queue"),
            received: Vec::new(),
            largest: 0,
            client: Arc::clone(client),
        }
    }

    /// Forwards a partition to this queue: what is fetched from now on, and what waits already. Repeating it changes
    /// nothing.
    ///
    /// A partition that the client does not know is ignored.
    pub(super) fn forward(&self, topic: &CStr, partition: i32) {
        // SAFETY: the client lives and the topic is a C string. The partition's queue is a counted reference or null.
        let source = unsafe {
            QueueRef::own(sys::rd_kafka_queue_get_partition(
                self.client.client().native_ptr(),
                topic.as_ptr(),
                partition,
            ))
        };
        if let Some(source) = source {
            // SAFETY: both queues live; librdkafka counts the reference that it keeps.
            unsafe { sys::rd_kafka_queue_forward(source.as_ptr(), self.queue.as_ptr()) };
        }
    }

    /// Takes up to `max` messages, waiting for that many for at most `timeout`. Takes fewer once they have
    /// [`MAX_TAKEN_BYTES`]; a larger message comes alone.
    ///
    /// Keeps those for which `select` returns something, together with it; the others are freed. If `select` panics,
    /// all are freed.
    pub(super) fn take<T>(
        &mut self,
        max: usize,
        timeout: Duration,
        mut select: impl FnMut(&NativeMessage) -> Option<T>,
    ) -> Messages<T> {
        let until = Instant::now() + timeout;
        let mut messages = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        while count < max && bytes < MAX_TAKEN_BYTES {
            // The client does not say how large the next messages are: as large as the last ones were.
            let chunk = ((MAX_TAKEN_BYTES - bytes) / self.largest.max(1)).clamp(1, MAX_CHUNK).min(max - count);
            self.receive(chunk, until.saturating_duration_since(Instant::now()));
            let received = self.received.len();
            count += received;
            self.largest = 0;
            // A drain that is broken off drops what it has not yielded.
            for message in self.received.drain(..).flatten() {
                bytes += message.size();
                self.largest = self.largest.max(message.size());
                if let Some(selected) = select(&message) {
                    messages.push((message, selected));
                }
            }
            if received < chunk {
                break;
            }
        }
        Messages { messages, bytes, _client: Arc::clone(&self.client) }
    }

    /// Fills `received`.
    fn receive(&mut self, max: usize, timeout: Duration) {
        let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        self.received.clear();
        self.received.reserve(max);
        let start = self.received.as_mut_ptr().cast::<*mut sys::rd_kafka_message_t>();
        // SAFETY: `received` has room for `max` entries, each of the layout of a pointer: `NativeMessage` is
        // transparent over `NonNull`, and `None` is null. The call fills the first `count` with messages that it hands
        // over to us; nothing runs between it and `set_len`. A negative count is an error, which fills none.
        unsafe {
            let count = sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), timeout, start, max);
            self.received.set_len(usize::try_from(count).unwrap_or(0));
        }
        #[cfg(test)]
        alive::add(self.received.iter().flatten().count());
    }
}

/// Messages of one [`Queue::take`], each with what it was selected by. Keeps the client alive until all of them are
/// freed.
pub(super) struct Messages<T> {
    // Fields are dropped in this order: the client must be last.
    messages: Vec<(NativeMessage, T)>,
    bytes: usize,
    _client: Arc<Client>,
}

impl<T> Messages<T> {
    /// Size of all messages that were taken, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn as_slice(&self) -> &[(NativeMessage, T)] {
        &self.messages
    }
}

/// A message, or an error of a partition. Owned by a [`Messages`] or by a [`Queue::take`] in progress.
#[repr(transparent)]
pub(super) struct NativeMessage(NonNull<sys::rd_kafka_message_t>);

// SAFETY: a message has one owner and may be used and freed on any thread. It is not `Sync`: librdkafka promises
// nothing about two threads.
unsafe impl Send for NativeMessage {}

impl NativeMessage {
    fn get(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: the message lives until it is dropped, and nothing changes these fields.
        unsafe { self.0.as_ref() }
    }

    /// Error code, if this is an error and no record.
    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let code = self.get().err;
        (code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
    }

    /// The client's description of the error, without the secrets that its `context` knows.
    pub(super) fn error_text(&self, context: &Context) -> String {
        // SAFETY: the call returns null or a C string that lives as long as the message.
        unsafe {
            let text = sys::rd_kafka_message_errstr(self.0.as_ptr());
            if text.is_null() { String::new() } else { context.redact(&CStr::from_ptr(text).to_string_lossy()) }
        }
    }

    /// Address of the topic's handle: distinguishes the topics of a batch at less cost than the name. Zero without a
    /// topic.
    pub(super) fn topic_address(&self) -> usize {
        self.get().rkt.addr()
    }

    /// Name of the topic; empty without one.
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

    /// Memory that the message takes, in bytes: key, value and what the client keeps of it.
    fn size(&self) -> usize {
        let message = self.get();
        message.len + message.key_len + MESSAGE_BYTES
    }

    /// The Kafka timestamp, and whether the producer set it; `None` for message formats without one.
    pub(super) fn timestamp(&self) -> Option<(Timestamp, bool)> {
        use sys::rd_kafka_timestamp_type_t as Kind;
        let mut kind = Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message lives, and `kind` is written to.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), &mut kind) };
        let is_producer_time = kind == Kind::RD_KAFKA_TIMESTAMP_CREATE_TIME;
        (kind != Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis != -1)
            .then_some((Timestamp::from_millis(millis), is_producer_time))
    }

    /// Appends the headers to an empty list, without those whose name is not UTF-8. Returns false if they cannot be parsed,
    /// or are more than 100. A name ends at its first NUL.
    pub(super) fn append_headers<'a>(&'a self, headers: &mut Vec<Header<'a>>) -> bool {
        // SAFETY: the message lives as long as it is borrowed, and no other thread has it.
        unsafe { headers::raw(self.0) }.is_some_and(|raw| headers::parse(raw, headers))
    }
}

impl Drop for NativeMessage {
    fn drop(&mut self) {
        // SAFETY: `receive` made this the message's only owner, and whoever owns this holds the client.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
        #[cfg(test)]
        alive::remove();
    }
}

/// Borrows the bytes at `start`; `None` for null.
///
/// # Safety
///
/// Unless null, `start` points to `len` bytes that stay as they are for `'a`.
unsafe fn bytes<'a>(start: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), len) })
}

/// Sets the offset of each partition in the list to the client's position: past records, markers and aborted batches
/// alike. No network.
pub(super) fn positions(client: &Client, partitions: &mut TopicPartitionList) {
    // SAFETY: the client and the list live. The call always succeeds; an unknown position is marked in the list.
    unsafe { sys::rd_kafka_position(client.client().native_ptr(), partitions.ptr()) };
}

/// Sets a property of a configuration. Unlike through `ClientConfig`, the order of properties is that of the calls.
///
/// # Errors
///
/// The client refuses the name or the value, or one of them contains NUL. Leaves the value out: it may be secret.
pub(super) fn set_property(config: &NativeClientConfig, name: &str, value: &str) -> KafkaResult<()> {
    let (c_name, c_value) = (CString::new(name)?, CString::new(value)?);
    let mut message = [0; 512];
    // SAFETY: the configuration lives, both texts are C strings, and the message is written up to its length.
    let result = unsafe {
        sys::rd_kafka_conf_set(
            config.ptr(),
            c_name.as_ptr(),
            c_value.as_ptr(),
            message.as_mut_ptr().cast(),
            message.len(),
        )
    };
    if result == RDKafkaConfRes::RD_KAFKA_CONF_OK {
        return Ok(());
    }
    let message = CStr::from_bytes_until_nul(&message).unwrap_or_default().to_string_lossy().into_owned();
    Err(KafkaError::ClientConfig(result, message, name.to_owned(), String::new()))
}

/// Value of a property in a client that was made; `None` if the client has no such property, or it has no value.
pub(super) fn property_in_effect<C: ClientContext>(client: &rdkafka::client::Client<C>, name: &str) -> Option<String> {
    let name = CString::new(name).ok()?;
    // SAFETY: the client lives, and so does its configuration.
    let config = unsafe { sys::rd_kafka_conf(client.native_ptr()) };
    let mut size = 0;
    // SAFETY: as above; without a place for the value only its size is written, with the NUL.
    let found = unsafe { sys::rd_kafka_conf_get(config, name.as_ptr(), null_mut(), &mut size) };
    if found != RDKafkaConfRes::RD_KAFKA_CONF_OK {
        return None;
    }
    let mut value = vec![0_u8; size];
    // SAFETY: as above; the value is written up to `size` bytes with its NUL.
    let found = unsafe { sys::rd_kafka_conf_get(config, name.as_ptr(), value.as_mut_ptr().cast(), &mut size) };
    let value = CStr::from_bytes_until_nul(&value).ok().filter(|_| found == RDKafkaConfRes::RD_KAFKA_CONF_OK)?;
    value.to_str().ok().map(str::to_owned)
}

/// High watermark of a partition as of the last fetch, open transactions included; `None` before the first. No network.
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
    // An unknown watermark is negative.
    (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Sends offsets to the group's coordinator. The result comes as an event of the main queue; the wrapper's commit does
/// not ask for one.
pub(super) fn commit(client: &Client, offsets: &TopicPartitionList) -> Result<(), RDKafkaErrorCode> {
    let queue = consumer_queue(client).ok_or(RDKafkaErrorCode::UnknownGroup)?;
    // SAFETY: the client, the list and the queue live. The call copies the list, and counts the reference that the
    // reply keeps.
    let code = unsafe {
        sys::rd_kafka_commit_queue(client.client().native_ptr(), offsets.ptr(), queue.as_ptr(), None, null_mut())
    };
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(()) } else { Err(code.into()) }
}

/// Number of events that wait in the client's main queue.
pub(super) fn waiting_events(client: &Client) -> usize {
    let queue = consumer_queue(client).or_else(|| main_queue(client));
    // SAFETY: the queue lives.
    queue.map_or(0, |queue| unsafe { sys::rd_kafka_queue_length(queue.as_ptr()) })
}

/// The queue of a client's group; `None` for a client without a group.
fn consumer_queue(client: &Client) -> Option<QueueRef> {
    // SAFETY: the client lives, longer than what is returned to the functions above. The queue is a counted reference
    // or null.
    unsafe { QueueRef::own(sys::rd_kafka_queue_get_consumer(client.client().native_ptr())) }
}

fn main_queue(client: &Client) -> Option<QueueRef> {
    // SAFETY: as in `consumer_queue`.
    unsafe { QueueRef::own(sys::rd_kafka_queue_get_main(client.client().native_ptr())) }
}

/// True if the last call of this thread to librdkafka failed for want of threads or memory.
pub(super) fn is_short_of_resources() -> bool {
    // SAFETY: the call reads a value of this thread.
    unsafe { sys::rd_kafka_last_error() == RDKafkaRespErr::RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE }
}

/// True if a client whose reports nobody reads has logged that it lacks the thread of a broker. Discards its reports.
pub(super) fn lacks_a_thread<C: rdkafka::ClientContext>(client: &rdkafka::client::Client<C>) -> bool {
    // SAFETY: the client lives, longer than the reference. The queue is a counted reference or null.
    let Some(queue) = (unsafe { QueueRef::own(sys::rd_kafka_queue_get_main(client.native_ptr())) }) else {
        return false;
    };
    let mut lacks = false;
    let (mut facility, mut text, mut level) = (null(), null(), 0);
    // SAFETY: the queue lives. Each event is ours and is destroyed once, after its facility, a C string, was read. The
    // three places are written to if the event is a line of the log.
    unsafe {
        while let Some(event) = NonNull::new(sys::rd_kafka_queue_poll(queue.as_ptr(), 0)) {
            let is_line = sys::rd_kafka_event_log(event.as_ptr(), &mut facility, &mut text, &mut level) == 0;
            lacks |= is_line && CStr::from_ptr(facility) == c"THREAD";
            sys::rd_kafka_event_destroy(event.as_ptr());
        }
    }
    lacks
}

/// Puts the client into the state of a fatal error.
#[cfg(test)]
pub(super) fn fail_fatally(client: &Client) {
    // SAFETY: the client lives, and the reason is a C string.
    unsafe {
        sys::rd_kafka_test_fatal_error(
            client.client().native_ptr(),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            c"on purpose".as_ptr(),
        )
    };
}

/// Number of messages that this thread has received and not freed.
#[cfg(test)]
pub(super) mod alive {
    use std::cell::Cell;

    thread_local!(static COUNT: Cell<isize> = const { Cell::new(0) });

    pub(in crate::source) fn count() -> isize {
        COUNT.get()
    }

    pub(super) fn add(received: usize) {
        COUNT.set(COUNT.get() + received as isize);
    }

    pub(super) fn remove() {
        // A batch may be freed when the thread's own values are gone.
        let _ = COUNT.try_with(|count| count.set(count.get() - 1));
    }
}
