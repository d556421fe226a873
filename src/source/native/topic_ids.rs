//! Requests for descriptions of topics and groups; the ids of topics in them. The wrapper's metadata lacks these.

use super::super::client::Client;
use super::QueueRef;
use rdkafka::bindings as sys;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{NonNull, null_mut};
use std::time::Duration;

/// Time after its time-out in which the client reports that a request had no answer.
const GRACE: Duration = Duration::from_secs(1);

/// Asks a broker for the ids of topics; returns the id of each topic that has one, with its name.
///
/// The others do not exist, or brokers or rights do not show their ids.
pub(in crate::source) fn topic_ids<'a>(
    client: &Client,
    topics: impl Iterator<Item = &'a str>,
    broker: i32,
    timeout: Duration,
) -> Result<Vec<(String, String)>, RDKafkaErrorCode> {
    describe(client, topics, broker, timeout, false)?.topic_ids()
}

/// Asks a broker about topics; with `rights`, also for the operations that this client may do.
pub(super) fn describe<'a>(
    client: &Client,
    topics: impl Iterator<Item = &'a str>,
    broker: i32,
    timeout: Duration,
    rights: bool,
) -> Result<Event, RDKafkaErrorCode> {
    let names: Vec<CString> =
        topics.map(CString::new).collect::<Result<_, _>>().map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    ask(client, operation, Some(broker), timeout, rights, |native, options, queue| {
        // SAFETY: `ask` passes a client, options and a queue that live. The topics are ours and are destroyed once, after
        // the request has copied them; the names live until then.
        unsafe {
            let topics = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            sys::rd_kafka_DescribeTopics(native, topics, options, queue);
            sys::rd_kafka_TopicCollection_destroy(topics);
        }
    })
}

/// Sends a request with a queue of its own, to this broker or to the one that is in charge, and waits for the answer.
pub(super) fn ask(
    client: &Client,
    operation: sys::rd_kafka_admin_op_t,
    broker: Option<i32>,
    timeout: Duration,
    rights: bool,
    send: impl FnOnce(*mut sys::rd_kafka_t, *mut sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Event, RDKafkaErrorCode> {
    let millis = |duration: Duration| c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX).max(1);
    let native = client.client().native_ptr();
    // SAFETY: the client lives. The options are ours and are destroyed once, after the request has copied them. The client
    // accepts these values of the options, or leaves the options as they are; it writes no text without a place for it.
    // The error of an option is ours, or null. The queue is a new reference, or null, and is dropped before the client.
    let queue = unsafe {
        let queue = QueueRef::own(sys::rd_kafka_queue_new(native)).ok_or(RDKafkaErrorCode::Fail)?;
        let options = sys::rd_kafka_AdminOptions_new(native, operation);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, millis(timeout), null_mut(), 0);
        if let Some(broker) = broker {
            sys::rd_kafka_AdminOptions_set_broker(options, broker, null_mut(), 0);
        }
        let error = sys::rd_kafka_AdminOptions_set_include_authorized_operations(options, c_int::from(rights));
        if !error.is_null() {
            sys::rd_kafka_error_destroy(error);
        }
        send(native, options, queue.as_ptr());
        sys::rd_kafka_AdminOptions_destroy(options);
        queue
    };
    // SAFETY: the queue lives, longer than the event. The event is ours, or null.
    let event = unsafe { NonNull::new(sys::rd_kafka_queue_poll(queue.as_ptr(), millis(timeout + GRACE))).map(Event) };
    event.ok_or(RDKafkaErrorCode::OperationTimedOut)
}

/// An event of a queue.
pub(super) struct Event(NonNull<sys::rd_kafka_event_t>);

impl Event {
    /// The event, unless the whole request failed.
    pub(super) fn successful(&self) -> Result<*mut sys::rd_kafka_event_t, RDKafkaErrorCode> {
        let event = self.0.as_ptr();
        // SAFETY: the event lives.
        let code = unsafe { sys::rd_kafka_event_error(event) };
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { Ok(event) } else { Err(code.into()) }
    }

    fn topic_ids(&self) -> Result<Vec<(String, String)>, RDKafkaErrorCode> {
        // SAFETY: each topic lives as long as the event, and no other thread has it.
        Ok(self.topics()?.iter().filter_map(|&topic| unsafe { topic_id(topic) }).collect())
    }

    /// Topics of the answer. Each lives as long as the event.
    pub(super) fn topics(&self) -> Result<Vec<*const sys::rd_kafka_TopicDescription_t>, RDKafkaErrorCode> {
        let event = self.successful()?;
        let mut count = 0;
        // SAFETY: the event lives. A result is null for an event of another kind. The list has `count` entries and
        // lives as long as the event; an entry is null for a topic that the answer lacks.
        let topics = unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(event);
            if result.is_null() {
                return Err(RDKafkaErrorCode::Fail);
            }
            let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            if topics.is_null() { &[] } else { std::slice::from_raw_parts(topics, count) }
        };
        Ok(topics.iter().filter(|topic| !topic.is_null()).copied().collect())
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: whoever made this owns the event.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// Name and id of a topic, the id in the notation of Kafka's tools. `None` for a topic without an id, or with an
/// error.
///
/// # Safety
///
/// `topic` lives, and no other thread has it.
unsafe fn topic_id(topic: *const sys::rd_kafka_TopicDescription_t) -> Option<(String, String)> {
    // SAFETY: the caller's promise. Name, id, its text and the error live as long as the topic; the texts are C strings
    // or null.
    let (name, id) = unsafe {
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let is_zero =
            sys::rd_kafka_Uuid_most_significant_bits(id) == 0 && sys::rd_kafka_Uuid_least_significant_bits(id) == 0;
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let has_error =
            !error.is_null() && sys::rd_kafka_error_code(error) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        if is_zero || has_error {
            return None;
        }
        let (name, text) = (sys::rd_kafka_TopicDescription_name(topic), sys::rd_kafka_Uuid_base64str(id));
        if name.is_null() || text.is_null() {
            return None;
        }
        (CStr::from_ptr(name), CStr::from_ptr(text))
    };
    // Kafka's tools write these two digits of base 64 as in URLs.
    Some((name.to_str().ok()?.to_owned(), id.to_str().ok()?.replace('+', "-").replace('/', "_")))
}
