//! Rights of this client to topics and groups, as brokers report them with a description.

use super::super::client::Client;
use super::topic_ids::{Event, ask, describe};
use rdkafka::bindings as sys;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, CString};
use std::time::Duration;

/// Operation that a right allows.
pub(in crate::source) use sys::rd_kafka_AclOperation_t as Operation;

/// Rights to a topic or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum Rights {
    /// None, not even to know that the resource exists.
    Hidden,
    /// Operations that are allowed.
    Allowed(Vec<Operation>),
    /// The brokers do not tell.
    Unknown,
}

/// Asks a broker for the rights to topics; returns them with the name of each topic.
pub(in crate::source) fn topic_rights<'a>(
    client: &Client,
    topics: impl Iterator<Item = &'a str>,
    broker: i32,
    timeout: Duration,
) -> Result<Vec<(String, Rights)>, RDKafkaErrorCode> {
    let event = describe(client, topics, broker, timeout, true)?;
    let mut rights = Vec::new();
    for topic in event.topics()? {
        let mut count = 0;
        // SAFETY: the topic lives as long as the event, and no other thread has it. Its name is a C string or null.
        // There are `count` operations, which live as long, unless they are null; so does the error, or it is null.
        unsafe {
            let name = sys::rd_kafka_TopicDescription_name(topic);
            if name.is_null() {
                continue;
            }
            let operations = sys::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
            let error = sys::rd_kafka_TopicDescription_error(topic);
            rights.push((CStr::from_ptr(name).to_string_lossy().into_owned(), rights_in(operations, count, error)));
        }
    }
    Ok(rights)
}

/// Asks the coordinator of a group for the rights to the group.
pub(in crate::source) fn group_rights(
    client: &Client,
    group: &str,
    timeout: Duration,
) -> Result<Rights, RDKafkaErrorCode> {
    let name = CString::new(group).map_err(|_| RDKafkaErrorCode::InvalidGroupId)?;
    let mut names = [name.as_ptr()];
    let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    let event = ask(client, operation, None, timeout, true, |native, options, queue| {
        // SAFETY: `ask` passes a client, options and a queue that live; the request copies the name, which lives until then.
        unsafe { sys::rd_kafka_DescribeConsumerGroups(native, names.as_mut_ptr(), names.len(), options, queue) }
    })?;
    rights_of_group(&event)
}

fn rights_of_group(event: &Event) -> Result<Rights, RDKafkaErrorCode> {
    let event = event.successful()?;
    let (mut groups, mut count) = (0, 0);
    // SAFETY: the event lives. A result is null for an event of another kind; the list has `groups` entries and lives as
    // long as the event. There are `count` operations, which live as long, unless they are null; so does the error, or
    // it is null.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let list = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut groups);
        if list.is_null() || groups == 0 || (*list).is_null() {
            return Ok(Rights::Unknown);
        }
        let operations = sys::rd_kafka_ConsumerGroupDescription_authorized_operations(*list, &mut count);
        Ok(rights_in(operations, count, sys::rd_kafka_ConsumerGroupDescription_error(*list)))
    }
}

/// Rights in a description.
///
/// # Safety
///
/// `error` and `operations` live or are null, and there are `count` operations.
unsafe fn rights_in(operations: *const Operation, count: usize, error: *const sys::rd_kafka_error_t) -> Rights {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED as NoGroup, RD_KAFKA_RESP_ERR_NO_ERROR as Success,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as NoTopic,
    };
    // SAFETY: the caller's promise.
    unsafe {
        let code = if error.is_null() { Success } else { sys::rd_kafka_error_code(error) };
        match code {
            NoTopic | NoGroup => Rights::Hidden,
            Success if !operations.is_null() => Rights::Allowed(std::slice::from_raw_parts(operations, count).to_vec()),
            _ => Rights::Unknown,
        }
    }
}
