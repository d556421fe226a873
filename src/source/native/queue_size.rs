//! Size of records that wait in the client: with everything that keeps memory, not their values alone.
//!
//! librdkafka fetches until `queued.max.messages.kbytes` wait, and counts the value of each record only. Those with large
//! keys or headers would take any amount of memory. `build.rs` leads its call that makes a record through [`new_record`],
//! where each counts for at least the mean size of the records in its batch.

use std::cell::Cell;
use std::ffi::c_void;

use rdkafka::bindings::rd_kafka_message_t;

thread_local! {
    /// Mean size of the records in the batch that this thread reads, in bytes.
    static MEAN: Cell<usize> = const { Cell::new(0) };
}

/// Notes the size of a batch, from which the thread makes records next.
pub(super) fn begin_batch(bytes: u64, records: u64) {
    MEAN.set(bytes.div_ceil(records.max(1)) as usize);
}

/// Size for which a record counts.
fn size(key: usize, value: usize) -> usize {
    (key.saturating_add(value)).max(MEAN.get())
}

/// A position in a log, as librdkafka has it.
#[repr(C)]
#[derive(Clone, Copy)]
struct FetchPosition {
    offset: i64,
    leader_epoch: i32,
    is_validated: u8,
}

unsafe extern "C" {
    #[link_name = "__real_rd_kafka_op_new_fetch_msg"]
    fn real_new_record(
        record: *mut *mut rd_kafka_message_t,
        partition: *mut c_void,
        version: i32,
        answer: *mut c_void,
        position: FetchPosition,
        key_size: usize,
        key: *const c_void,
        value_size: usize,
        value: *const c_void,
    ) -> *mut c_void;
}

/// Makes a record in place of librdkafka, which takes the size of the value for that of the record.
///
/// # Safety
///
/// librdkafka's call, handed on: `record` may be written to. The result's first member is the public message.
#[unsafe(export_name = "__wrap_rd_kafka_op_new_fetch_msg")]
unsafe extern "C" fn new_record(
    record: *mut *mut rd_kafka_message_t,
    partition: *mut c_void,
    version: i32,
    answer: *mut c_void,
    position: FetchPosition,
    key_size: usize,
    key: *const c_void,
    value_size: usize,
    value: *const c_void,
) -> *mut c_void {
    let size = size(key_size, value_size);
    // SAFETY: the caller's promise. The size is only stored, and that of the value is set right before anybody reads it.
    unsafe {
        let operation = real_new_record(record, partition, version, answer, position, key_size, key, size, value);
        (**record).len = value_size;
        operation
    }
}
