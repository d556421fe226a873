//! Partitions of which a batch was refused for want of room, as opposed to a damaged one.
//!
//! librdkafka reports both with the same code. It parses one partition at a time on each thread, and stops at the batch
//! that was refused, so the partition tells which batch it was.

use rdkafka::bindings as sys;
use std::cell::Cell;
use std::collections::HashSet;
use std::ffi::{CStr, CString, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

thread_local! {
    /// librdkafka's struct of the partition that this thread parses; null while it parses none.
    static PARTITION: Cell<*mut c_void> = const { Cell::new(null_mut()) };
}

static SHORTAGE: LazyLock<Mutex<Shortage>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Shortage {
    /// Topic and number of each partition whose report of a refused batch is still to come.
    postponed: HashSet<(CString, i32)>,
    /// Time at which a batch last found no room, whether it was refused or found some later.
    last: Option<Instant>,
}

fn shortage() -> MutexGuard<'static, Shortage> {
    SHORTAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

unsafe extern "C" {
    fn rd_kafka_topic_partition_new_from_rktp(partition: *mut c_void) -> *mut sys::rd_kafka_topic_partition_t;
}

/// Notes the partition that this thread parses until [`end`].
///
/// # Safety
///
/// `partition` is librdkafka's struct of a partition, and lives until [`end`].
pub(super) unsafe fn begin(partition: *mut c_void) {
    PARTITION.set(partition);
}

/// Notes that this thread parses no partition any more.
pub(super) fn end() {
    PARTITION.set(null_mut());
}

/// Notes that a batch waits for room.
pub(super) fn note_wait() {
    shortage().last = Some(Instant::now());
}

/// Notes that a batch of the partition that this thread parses is refused for want of room.
pub(super) fn note_postponed() {
    let partition = PARTITION.get();
    if partition.is_null() {
        return;
    }
    // SAFETY: `begin` promises a partition that lives. The call returns a struct of its own with a C string, or aborts
    // for want of memory; it is destroyed once.
    let place = unsafe {
        let Some(place) = NonNull::new(rd_kafka_topic_partition_new_from_rktp(partition)) else { return };
        let sys::rd_kafka_topic_partition_s { topic, partition, .. } = *place.as_ptr();
        let owned = (CStr::from_ptr(topic).to_owned(), partition);
        sys::rd_kafka_topic_partition_destroy(place.as_ptr());
        owned
    };
    let mut shortage = shortage();
    shortage.last = Some(Instant::now());
    shortage.postponed.insert(place);
}

/// Returns true if the batch that a partition reports as damaged was refused for want of room: it can be read later.
/// Each refused batch counts for one report.
pub(in crate::source) fn take_postponed(topic: &CStr, partition: i32) -> bool {
    let mut shortage = shortage();
    !shortage.postponed.is_empty() && shortage.postponed.remove(&(topic.to_owned(), partition))
}

/// Returns true if a batch found no room within the last `period`. Partitions are starved meanwhile, those of other
/// batches too: each waits on the broker's thread.
pub(in crate::source) fn was_short_within(period: Duration) -> bool {
    shortage().last.is_some_and(|last| last.elapsed() <= period)
}
