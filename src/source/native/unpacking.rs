//! Bounds on the memory of unpacked batches, and refusal of what librdkafka would lose records of.
//!
//! librdkafka unpacks a batch into memory as soon as it arrives. Only for zstd does it have a bound, so a gzip batch of
//! 1 MB may take 1 GB, and so may each of six partitions at once. `build.rs` leads the calls that unpack through the
//! functions of this file (the linker's `--wrap`), which have two bounds:
//!
//! - A batch that would unpack to more than [`set_limit`] is refused before it takes the memory. The client reports it as
//!   one that it cannot unpack, with its offset.
//! - All unpacked batches together take at most [`MAX_UNPACKED_BYTES`], or one batch alone. A batch for which there is no
//!   room waits for a moment, on the broker's thread, until the pipeline has applied others; then it is refused, and
//!   fetched again at once ([`take_postponed`], by its partition).
//!
//! An unpacked batch counts with its bytes and with librdkafka's struct for each of its records, until the last record is
//! freed.
//!
//! Three more kinds of batch are refused, because librdkafka aborts, stalls or drops records there: one that unpacks to
//! nothing, one that is not full of exactly the records that its header states ([`contents`]), and one that is packed
//! more than twice ([`nesting`]).

mod codecs;
mod contents;
mod nesting;
mod shortage;

pub(in crate::source) use shortage::{take_postponed, was_short_within};

use super::headers;
use super::queue_size::begin_batch;
use codecs::{Block, gzip, lz4_bound, snappy_java_bound, zstd};
use rdkafka::bindings as sys;
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum of all unpacked batches together, in bytes.
const MAX_UNPACKED_BYTES: u64 = 96 << 20;
/// Maximum wait for room.
const PATIENCE: Duration = Duration::from_millis(500);
/// Code of a batch that cannot be unpacked.
const REFUSED: c_int = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__BAD_COMPRESSION as c_int;
/// Code of a snappy batch that cannot be unpacked: `-EIO`.
const SNAPPY_REFUSED: c_int = -5;
/// Size of the header that comes before snappy-java's chunks.
const SNAPPY_JAVA_HEADER: usize = 16;
/// Code of success.
const UNPACKED: c_int = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as c_int;

/// Maximum of one batch, in bytes.
static LIMIT: AtomicU64 = AtomicU64::new(32 << 20);
/// Unpacked batches in memory.
static BATCHES: LazyLock<Mutex<Batches>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Batches {
    /// Bytes that each unpacked batch counts for, by its address.
    costs: HashMap<usize, u64>,
    /// Sum of the costs, and of what is being unpacked.
    bytes: u64,
}

fn batches() -> MutexGuard<'static, Batches> {
    BATCHES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets the maximum of one batch, for all clients of the process.
pub(in crate::source) fn set_limit(bytes: u64) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

fn limit() -> u64 {
    LIMIT.load(Ordering::Relaxed)
}

/// Room for a batch while it is unpacked.
struct Reservation(u64);

impl Reservation {
    /// Reserves room for a batch of at most `bytes`; `None` if it is empty or too large, or if there is no room in time.
    fn of(bytes: u64) -> Option<Self> {
        // librdkafka aborts at an empty one.
        if bytes == 0 || bytes > limit() {
            return None;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let mut batches = batches();
            if batches.bytes == 0 || batches.bytes + bytes <= MAX_UNPACKED_BYTES {
                batches.bytes += bytes;
                return Some(Self(bytes));
            }
            drop(batches);
            if Instant::now() >= until {
                shortage::note_postponed();
                return None;
            }
            shortage::note_wait();
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        batches().bytes -= self.0;
    }
}

/// Frees a block of memory.
type FreeFn = unsafe extern "C" fn(*mut c_void);

unsafe extern "C" {
    fn free(block: *mut c_void);
    #[link_name = "__real_rd_kafka_msgset_parse"]
    fn real_parse(
        answer: *mut c_void,
        request: *mut c_void,
        partition: *mut c_void,
        aborted: *mut c_void,
        version: *const c_void,
    ) -> c_int;
    #[link_name = "__real_rd_kafka_lz4_decompress"]
    fn real_lz4(
        broker: *mut c_void,
        proper_checksum: c_int,
        offset: i64,
        packed: *mut c_char,
        packed_size: usize,
        output: *mut *mut c_void,
        size: *mut usize,
    ) -> c_int;
    #[link_name = "__real_rd_kafka_snappy_uncompressed_length"]
    fn real_snappy_size(packed: *const c_char, packed_size: usize, size: *mut usize) -> bool;
    #[link_name = "__real_rd_kafka_snappy_uncompress"]
    fn real_snappy(packed: *const c_char, packed_size: usize, output: *mut c_char) -> c_int;
    #[link_name = "__real_rd_kafka_snappy_java_uncompress"]
    fn real_snappy_java(
        chunks: *const c_char,
        chunks_size: usize,
        size: *mut usize,
        error: *mut c_char,
        error_size: usize,
    ) -> *mut c_void;
    #[link_name = "__real_rd_kafka_buf_new_shadow"]
    fn real_new_shadow(start: *const c_void, size: usize, free: Option<FreeFn>) -> *mut c_void;
}

/// Bytes at an address; none at null.
///
/// # Safety
///
/// `start` is null or points to `size` bytes that nobody changes.
unsafe fn bytes<'a>(start: *const c_char, size: usize) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start.cast(), size) }
}

/// Parses the batches of a partition; what is unpacked meanwhile belongs to them.
///
/// # Safety
///
/// librdkafka's call, handed on.
#[unsafe(export_name = "__wrap_rd_kafka_msgset_parse")]
unsafe extern "C" fn parse(
    answer: *mut c_void,
    request: *mut c_void,
    partition: *mut c_void,
    aborted: *mut c_void,
    version: *const c_void,
) -> c_int {
    nesting::begin();
    // SAFETY: the partition lives during the call.
    unsafe { shortage::begin(partition) };
    // Messages of version 0 or 1 that are not packed have no such size.
    begin_batch(0, 1);
    // SAFETY: the caller's promise.
    let code = unsafe { real_parse(answer, request, partition, aborted, version) };
    shortage::end();
    nesting::end();
    code
}

/// Unpacks gzip in place of librdkafka, which allocates whatever the batch asks for and reads the first member only.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes, and `size` may be written to. The result is null, or a
/// block of the C library of `size` bytes.
#[unsafe(export_name = "__wrap_rd_gz_decompress")]
unsafe extern "C" fn unpack_gzip(packed: *const c_void, packed_size: c_int, size: *mut u64) -> *mut c_void {
    // SAFETY: the caller's promise.
    let packed = unsafe { bytes(packed.cast(), usize::try_from(packed_size).unwrap_or(0)) };
    // SAFETY: librdkafka unpacks a batch where it found it.
    let contents = unsafe { nesting::contents_of(packed) };
    let Some(block) = contents.and_then(|contents| gzip(packed, contents)) else { return null_mut() };
    let (start, unpacked_size) = block.into_raw();
    // SAFETY: the caller's promise.
    unsafe { *size = unpacked_size as u64 };
    start
}

/// Unpacks lz4 within the bounds.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes; `output` and `size` may be written to.
#[unsafe(export_name = "__wrap_rd_kafka_lz4_decompress")]
unsafe extern "C" fn unpack_lz4(
    broker: *mut c_void,
    proper_checksum: c_int,
    offset: i64,
    packed: *mut c_char,
    packed_size: usize,
    output: *mut *mut c_void,
    size: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise, handed on; librdkafka unpacks a batch where it found it.
    unsafe {
        let (contents, bound) = {
            let packed = bytes(packed, packed_size);
            (nesting::contents_of(packed), lz4_bound(packed))
        };
        let (Some(contents), Some(_room)) = (contents, bound.and_then(Reservation::of)) else { return REFUSED };
        let code = real_lz4(broker, proper_checksum, offset, packed, packed_size, output, size);
        if code != UNPACKED {
            return code;
        }
        let Some(block) = Block::adopt(*output, *size, contents) else {
            *output = null_mut();
            return REFUSED;
        };
        (*output, *size) = block.into_raw();
    }
    UNPACKED
}

/// Unpacks zstd in place of librdkafka, which guesses the size in steps and misses batches just below the limit.
///
/// # Safety
///
/// The safety conditions of [`unpack_lz4`].
#[unsafe(export_name = "__wrap_rd_kafka_zstd_decompress")]
unsafe extern "C" fn unpack_zstd(
    _broker: *mut c_void,
    packed: *mut c_char,
    packed_size: usize,
    output: *mut *mut c_void,
    size: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise.
    let packed = unsafe { bytes(packed, packed_size) };
    // SAFETY: librdkafka unpacks a batch where it found it.
    let contents = unsafe { nesting::contents_of(packed) };
    let Some(block) = contents.and_then(|contents| zstd(packed, contents)) else { return REFUSED };
    let (start, unpacked_size) = block.into_raw();
    // SAFETY: the caller's promise.
    unsafe { (*output, *size) = (start, unpacked_size) };
    UNPACKED
}

/// Reads the size to which snappy unpacks. librdkafka allocates it next, so one beyond the bounds is refused here.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes, and `size` may be written to.
#[unsafe(export_name = "__wrap_rd_kafka_snappy_uncompressed_length")]
unsafe extern "C" fn snappy_size(packed: *const c_char, packed_size: usize, size: *mut usize) -> bool {
    // SAFETY: the caller's promise, handed on.
    unsafe {
        real_snappy_size(packed, packed_size, size) && (!nesting::is_parsing() || *size > 0 && *size as u64 <= limit())
    }
}

/// Unpacks snappy within the bounds.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes, and `output` has room for what [`snappy_size`] returned.
#[unsafe(export_name = "__wrap_rd_kafka_snappy_uncompress")]
unsafe extern "C" fn unpack_snappy(packed: *const c_char, packed_size: usize, output: *mut c_char) -> c_int {
    let mut size = 0;
    // SAFETY: the caller's promise, handed on; librdkafka unpacks a batch where it found it.
    unsafe {
        if !nesting::is_parsing() {
            return real_snappy(packed, packed_size, output);
        }
        let Some(contents) = nesting::contents_of(bytes(packed, packed_size)) else { return SNAPPY_REFUSED };
        if !snappy_size(packed, packed_size, &raw mut size) {
            return SNAPPY_REFUSED;
        }
        let Some(_room) = Reservation::of(size as u64) else { return SNAPPY_REFUSED };
        let code = real_snappy(packed, packed_size, output);
        if code != 0 {
            return code;
        }
        // The caller frees what is refused.
        let Some(cost) = contents.cost(bytes(output, size), limit()) else { return SNAPPY_REFUSED };
        nesting::enter(output.cast(), size, cost);
    }
    0
}

/// Unpacks snappy in the chunks of snappy-java within the bounds.
///
/// # Safety
///
/// librdkafka's call: `chunks` points to `chunks_size` bytes behind a header of 16; `size` may be written to, and `error`
/// has room for `error_size` bytes. The result is null, or a block of the C library of `size` bytes.
#[unsafe(export_name = "__wrap_rd_kafka_snappy_java_uncompress")]
unsafe extern "C" fn unpack_snappy_java(
    chunks: *const c_char,
    chunks_size: usize,
    size: *mut usize,
    error: *mut c_char,
    error_size: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise, handed on; librdkafka unpacks a batch where it found it.
    unsafe {
        if error_size > 0 {
            *error = 0;
        }
        let bound = snappy_java_bound(bytes(chunks, chunks_size));
        let packed = bytes(chunks.wrapping_sub(SNAPPY_JAVA_HEADER), SNAPPY_JAVA_HEADER + chunks_size);
        let (Some(contents), Some(_room)) = (nesting::contents_of(packed), bound.and_then(Reservation::of)) else {
            return null_mut();
        };
        // Some linkers lead its calls for each chunk through the functions above.
        let suspended = nesting::suspend();
        let start = real_snappy_java(chunks, chunks_size, size, error, error_size);
        nesting::resume(suspended);
        if start.is_null() {
            return start;
        }
        let Some(block) = Block::adopt(start, *size, contents) else { return null_mut() };
        block.into_raw().0
    }
}

/// Counts a buffer that librdkafka frees itself: an unpacked batch. Others are headers that it parses, or replies.
///
/// # Safety
///
/// librdkafka's call: `start` is null or points to `size` bytes.
#[unsafe(export_name = "__wrap_rd_kafka_buf_new_shadow")]
unsafe extern "C" fn new_shadow(start: *const c_void, size: usize, free: Option<FreeFn>) -> *mut c_void {
    // Only unpacked batches are freed by the buffer; librdkafka does so with `free`.
    let is_batch = !start.is_null() && free.is_some();
    if is_batch {
        let cost = nesting::cost_of(start).unwrap_or(size as u64);
        let mut batches = batches();
        batches.costs.insert(start.addr(), cost);
        batches.bytes += cost;
    }
    if is_batch {
        // SAFETY: the caller's promise, handed on.
        return unsafe { real_new_shadow(start, size, Some(free_batch)) };
    }
    let (start, size) = headers::capture(start, size);
    // SAFETY: the caller's promise, or bytes that always live.
    unsafe { real_new_shadow(start, size, free) }
}

/// Frees an unpacked batch.
///
/// # Safety
///
/// `block` is one of the C library and is not used any more.
unsafe extern "C" fn free_batch(block: *mut c_void) {
    {
        let mut batches = batches();
        // Before the block is freed: its address may be another's then.
        let cost = batches.costs.remove(&block.addr()).unwrap_or(0);
        batches.bytes -= cost;
    }
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

#[cfg(test)]
mod tests;
