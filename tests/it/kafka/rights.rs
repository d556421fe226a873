//! Rights of accounts at the brokers, given and taken by librdkafka's calls, which the Rust wrapper lacks.

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};

use rdkafka::admin::AdminClient;
use rdkafka::bindings as sys;
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaRespErr;

use super::Kafka;

/// Time for an answer in milliseconds.
const PATIENCE: i32 = 30_000;

/// A right to a resource, both in the words of Kafka's tool: `["--topic", NAME]` and `Read`.
type Right<'a> = ([&'a str; 2], &'a str);

impl Kafka {
    /// Gives an account rights to a resource.
    pub fn allow(&self, account: &str, resource: [&str; 2], operations: &[&str]) {
        for operation in operations {
            change(&self.admin(), account, (resource, operation), true);
        }
    }

    /// Takes a right away that the account has.
    pub fn deny(&self, account: &str, resource: [&str; 2], operation: &str) {
        change(&self.admin(), account, (resource, operation), false);
    }
}

fn change(admin: &AdminClient<DefaultClientContext>, account: &str, right: Right<'_>, is_given: bool) {
    use sys::rd_kafka_AclOperation_t as Operation;
    let ([kind, name], operation) = right;
    let kind = match kind {
        "--topic" => sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
        "--group" => sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_GROUP,
        other => panic!("no kind of resource: {other}"),
    };
    let operation = match operation {
        "Describe" => Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE,
        "DescribeConfigs" => Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
        "Read" => Operation::RD_KAFKA_ACL_OPERATION_READ,
        "Write" => Operation::RD_KAFKA_ACL_OPERATION_WRITE,
        other => panic!("no operation: {other}"),
    };
    let text = |text: &str| CString::new(text).expect("no NUL");
    let (name, principal, host) = (text(name), text(&format!("User:{account}")), text("*"));
    let pattern = sys::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL;
    let permission = sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW;
    let native = admin.inner().native_ptr();
    let make = if is_given { sys::rd_kafka_AclBinding_new } else { sys::rd_kafka_AclBindingFilter_new };
    // SAFETY: the client lives longer than the queue. The request copies the binding, whose texts are C strings. What is
    // made here is destroyed once, after the request.
    let event = unsafe {
        let binding =
            make(kind, name.as_ptr(), pattern, principal.as_ptr(), host.as_ptr(), operation, permission, null_mut(), 0);
        assert!(!binding.is_null(), "{right:?} is a right");
        let (mut bindings, queue) = ([binding], sys::rd_kafka_queue_new(native));
        if is_given {
            sys::rd_kafka_CreateAcls(native, bindings.as_mut_ptr(), 1, null_mut(), queue);
        } else {
            sys::rd_kafka_DeleteAcls(native, bindings.as_mut_ptr(), 1, null_mut(), queue);
        }
        let event = sys::rd_kafka_queue_poll(queue, PATIENCE);
        sys::rd_kafka_AclBinding_destroy(binding);
        sys::rd_kafka_queue_destroy(queue);
        event
    };
    let event = NonNull::new(event).expect("kafka answers");
    // SAFETY: the event lives until it is destroyed, and so does what it lends.
    unsafe {
        let code = sys::rd_kafka_event_error(event.as_ptr());
        assert_eq!(code, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR, "{right:?}");
        let mut count = 0;
        if is_given {
            let result = sys::rd_kafka_event_CreateAcls_result(event.as_ptr());
            let results = sys::rd_kafka_CreateAcls_result_acls(result, &mut count);
            assert!(count == 1 && sys::rd_kafka_acl_result_error(*results).is_null(), "{right:?} was not given");
        } else {
            let result = sys::rd_kafka_event_DeleteAcls_result(event.as_ptr());
            let responses = sys::rd_kafka_DeleteAcls_result_responses(result, &mut count);
            assert!(count == 1 && sys::rd_kafka_DeleteAcls_result_response_error(*responses).is_null(), "{right:?}");
            let mut taken = 0;
            sys::rd_kafka_DeleteAcls_result_response_matching_acls(*responses, &mut taken);
            assert_eq!(taken, 1, "{account} did not have {right:?}");
        }
        sys::rd_kafka_event_destroy(event.as_ptr());
    }
}
