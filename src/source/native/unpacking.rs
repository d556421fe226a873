//! Bounds on the memory of unpacked batches.
//!
//! librdkafka unpacks a batch into memory as soon as it arrives. Only for zstd does it have a bound, so a gzip batch of
//! 1 MB may take 1 GB, and so may each of six partitions at once. `build.rs` leads the calls that unpack through the
//! functions of this file (the linker's `--wrap`), which have two bounds:
//!
//! - A batch that would unpack to more than [`set_limit`] is refused before it takes the memory. The client reports it as
//!   one that it cannot unpack, with its offset.
//! - All unpacked batches together take at most [`MAX_UNPACKED_BYTES`], or one batch alone. A batch for which there is no
//!   room waits for a moment, on the broker's thread, until the pipeline has applied others; then it is refused, and
//!   fetched again at once ([`take_postponed`]).
//!
//! An unpacked batch counts with its bytes and with librdkafka's struct for each of its records, until the last record is
//! freed. Snappy unpacks to at most 21 times its size, so its batches count but are not refused.

use super::soundness;
use flate2::bufread::GzDecoder;
use rdkafka::bindings as sys;
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::io::Read;
use std::mem::ManuallyDrop;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Maximum of all unpacked batches together, in bytes.
const MAX_UNPACKED_BYTES: u64 = 96 << 20;
/// Memory of the client for one record, in bytes.
const RECORD_BYTES: u64 = 448;
/// Maximum wait for room.
const PATIENCE: Duration = Duration::from_millis(500);
/// Code of a batch that cannot be unpacked.
const REFUSED: c_int = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__BAD_COMPRESSION as c_int;
/// Code of success.
const UNPACKED: c_int = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as c_int;

/// Maximum of one batch, in bytes.
static LIMIT: AtomicU64 = AtomicU64::new(32 << 20);
/// Batches refused for want of room since last asked.
static POSTPONED: AtomicU64 = AtomicU64::new(0);
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

/// Returns true if batches were refused for want of room since the last call: they can be read later.
pub(in crate::source) fn take_postponed() -> bool {
    POSTPONED.swap(0, Ordering::AcqRel) > 0
}

/// Room for a batch while it is unpacked.
struct Reservation(u64);

impl Reservation {
    /// Reserves room for a batch of at most `bytes`; `None` if it is too large, or if there is no room in time.
    fn of(bytes: u64) -> Option<Self> {
        if bytes > limit() {
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
                POSTPONED.fetch_add(1, Ordering::AcqRel);
                return None;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        batches().bytes -= self.0;
    }
}

/// Number of records in an unpacked batch: each begins with its length.
fn count_records(mut batch: &[u8]) -> u64 {
    let mut records = 0;
    while !batch.is_empty() {
        let (mut length, mut digits) = (0_u64, 0);
        while let Some((byte, rest)) = batch.split_first() {
            batch = rest;
            length |= u64::from(byte & 0x7f).checked_shl(7 * digits).unwrap_or(0);
            digits += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        records += 1;
        // Zigzag; a negative length is no record.
        let length = usize::try_from(length >> 1).unwrap_or(usize::MAX);
        batch = batch.get(length..).unwrap_or_default();
    }
    records
}

fn cost(batch: &[u8]) -> u64 {
    batch.len() as u64 + RECORD_BYTES * count_records(batch)
}

/// Number of bytes that come out of a decoder; `None` if the batch is damaged, or unpacks to more than `limit`.
fn measure(mut decoder: impl Read, limit: u64) -> Option<usize> {
    let mut buffer = [0; 16 << 10];
    let mut size = 0;
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => return Some(size),
            Ok(read) if (size + read) as u64 <= limit => size += read,
            Ok(_) | Err(_) => return None,
        }
    }
}

/// Unpacks gzip into a buffer of its exact size.
fn fill_from_gzip(packed: &[u8], target: &mut [u8]) -> bool {
    GzDecoder::new(packed).read_exact(target).is_ok()
}

/// Unpacks zstd into a buffer of its exact size.
fn fill_from_zstd(packed: &[u8], target: &mut [u8]) -> bool {
    let size = target.len();
    zstd::zstd_safe::decompress(target, packed).is_ok_and(|unpacked| unpacked == size)
}

/// Upper bound of the size to which an lz4 batch unpacks, from the sizes of its blocks.
fn lz4_bound(mut packed: &[u8]) -> u64 {
    let mut bound = 0_u64;
    // Frames: magic number, flags, size of a block, perhaps the size of the content and a dictionary, a checksum.
    while let [_, _, _, _, flags, block, rest @ ..] = packed {
        let skipped = usize::from(flags & 8) + usize::from(flags & 1) * 4 + 1;
        let block_bytes = 1_u64 << (8 + 2 * u32::from((block >> 4) & 7).max(4));
        let mut blocks = rest.get(skipped..).unwrap_or_default();
        loop {
            let Some((size, rest)) = blocks.split_first_chunk::<4>() else { return bound };
            let size = u32::from_le_bytes(*size);
            if size == 0 {
                blocks = rest;
                break;
            }
            let stored = u64::from(size & 0x7fff_ffff);
            bound += if size >> 31 == 1 { stored } else { block_bytes.min(stored * 255) };
            let checksum = if flags & 16 == 0 { 0 } else { 4 };
            blocks =
                rest.get(usize::try_from(stored).unwrap_or(usize::MAX).saturating_add(checksum)..).unwrap_or_default();
        }
        packed = blocks.get(if flags & 4 == 0 { 0 } else { 4 }..).unwrap_or_default();
    }
    bound
}

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
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
    #[link_name = "__real_rd_kafka_buf_new_shadow"]
    fn real_new_shadow(start: *const c_void, size: usize, free: Option<FreeFn>) -> *mut c_void;
}

/// Frees a block of memory.
type FreeFn = unsafe extern "C" fn(*mut c_void);

/// Refuses an unpacked batch whose records take too much or contradict it; its memory is freed then.
///
/// # Safety
///
/// Unless `code` is that of an error, `output` points to a block of the C library of at least `size` bytes.
unsafe fn judge(code: c_int, output: *mut *mut c_void, size: *const usize) -> c_int {
    if code != UNPACKED {
        return code;
    }
    // SAFETY: the caller's promise; nobody else has the block yet.
    unsafe {
        let batch = std::slice::from_raw_parts((*output).cast::<u8>(), *size);
        if cost(batch) > limit() || !soundness::is_sound_unpacked(batch) {
            free(*output);
            *output = null_mut();
            return REFUSED;
        }
    }
    UNPACKED
}

/// An unpacked batch in memory of the C library; it is freed when this is dropped.
struct Block {
    start: *mut c_void,
    size: usize,
}

impl Block {
    /// Unpacks a batch of this size. `None` if it is damaged or too large, or if there is no room in time.
    fn of(size: usize, packed: &[u8], fill: fn(&[u8], &mut [u8]) -> bool) -> Option<Self> {
        let _room = Reservation::of(size as u64)?;
        // SAFETY: the call has no preconditions; null is checked.
        let start = unsafe { calloc(size.max(1), 1) };
        let block = (!start.is_null()).then_some(Self { start, size })?;
        // SAFETY: the block is zeroed, as large as the slice, and nobody else's.
        let target = unsafe { std::slice::from_raw_parts_mut(block.start.cast::<u8>(), size) };
        (fill(packed, target) && cost(target) <= limit()).then_some(block)
    }

    /// True unless the records contradict the batch.
    fn is_sound(&self) -> bool {
        // SAFETY: the block is as large, initialised, and nobody else's.
        soundness::is_sound_unpacked(unsafe { std::slice::from_raw_parts(self.start.cast::<u8>(), self.size) })
    }

    /// Hands the memory over: whoever takes it frees it.
    fn into_raw(self) -> (*mut c_void, usize) {
        let block = ManuallyDrop::new(self);
        (block.start, block.size)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is from `calloc`, and nobody else has it.
        unsafe { free(self.start) }
    }
}

fn gzip(packed: &[u8]) -> Option<Block> {
    Block::of(measure(GzDecoder::new(packed), limit())?, packed, fill_from_gzip)
}

fn zstd(packed: &[u8]) -> Option<Block> {
    // Most producers do not declare the size, and a declared one is that of the first frame only.
    let declared = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    if let Some(declared) = declared.filter(|size| *size <= limit())
        && let Some(block) = Block::of(declared as usize, packed, fill_from_zstd)
    {
        return Some(block);
    }
    Block::of(measure(zstd::Decoder::with_buffer(packed).ok()?, limit())?, packed, fill_from_zstd)
}

/// Unpacks gzip in place of librdkafka, which allocates whatever the batch asks for.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes, and `size` may be written to. The result is null, or a
/// block of the C library of `size` bytes.
#[unsafe(export_name = "__wrap_rd_gz_decompress")]
unsafe extern "C" fn unpack_gzip(packed: *const c_void, packed_size: c_int, size: *mut u64) -> *mut c_void {
    let packed_size = usize::try_from(packed_size).unwrap_or(0);
    // SAFETY: the caller's promise.
    let packed = unsafe { std::slice::from_raw_parts(packed.cast::<u8>(), packed_size) };
    let Some(block) = gzip(packed).filter(Block::is_sound) else {
        return null_mut();
    };
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
    // SAFETY: the caller's promise, handed on.
    unsafe {
        let bound = lz4_bound(std::slice::from_raw_parts(packed.cast::<u8>(), packed_size));
        let Some(_room) = Reservation::of(bound) else { return REFUSED };
        judge(real_lz4(broker, proper_checksum, offset, packed, packed_size, output, size), output, size)
    }
}

/// Unpacks zstd in place of librdkafka, which guesses the size in steps and misses batches just below the limit.
///
/// # Safety
///
/// As for lz4.
#[unsafe(export_name = "__wrap_rd_kafka_zstd_decompress")]
unsafe extern "C" fn unpack_zstd(
    _broker: *mut c_void,
    packed: *mut c_char,
    packed_size: usize,
    output: *mut *mut c_void,
    size: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise.
    let packed = unsafe { std::slice::from_raw_parts(packed.cast::<u8>(), packed_size) };
    let Some(block) = zstd(packed).filter(Block::is_sound) else {
        return REFUSED;
    };
    let (start, unpacked_size) = block.into_raw();
    // SAFETY: the caller's promise.
    unsafe { (*output, *size) = (start, unpacked_size) };
    UNPACKED
}

/// Counts a buffer that librdkafka frees itself: an unpacked batch.
///
/// # Safety
///
/// librdkafka's call: `start` is null or points to `size` bytes.
#[unsafe(export_name = "__wrap_rd_kafka_buf_new_shadow")]
unsafe extern "C" fn new_shadow(start: *const c_void, size: usize, free: Option<FreeFn>) -> *mut c_void {
    // Only unpacked batches are freed by the buffer; librdkafka does so with `free`.
    let is_batch = !start.is_null() && free.is_some();
    if is_batch {
        // SAFETY: the caller's promise.
        let cost = cost(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), size) });
        let mut batches = batches();
        batches.costs.insert(start.addr(), cost);
        batches.bytes += cost;
    }
    // SAFETY: the caller's promise, handed on.
    unsafe { real_new_shadow(start, size, if is_batch { Some(free_batch) } else { free }) }
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
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    #[test]
    fn a_batch_is_measured_up_to_the_limit() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&[0; 1_000_000]).expect("memory is enough");
        let packed = encoder.finish().expect("memory is enough");
        assert_eq!(measure(GzDecoder::new(&packed[..]), 1_000_000), Some(1_000_000));
        assert_eq!(measure(GzDecoder::new(&packed[..]), 999_999), None);
        assert_eq!(measure(GzDecoder::new(&packed[..packed.len() / 2]), 1_000_000), None);
    }

    #[test]
    fn zstd_is_unpacked_whether_its_size_is_declared_or_not() {
        // Records of 50 bytes.
        let mut content = vec![0; 51_000];
        content.iter_mut().step_by(51).for_each(|length| *length = 100);
        let declared = zstd::bulk::compress(&content, 3).expect("memory is enough");
        let streamed = zstd::encode_all(&content[..], 3).expect("memory is enough");
        let two = [&declared[..], &streamed[..]].concat();
        let size = |packed: &[u8]| zstd(packed).map(|block| block.size);
        assert_eq!((size(&declared), size(&streamed), size(&two)), (Some(51_000), Some(51_000), Some(102_000)));
        assert_eq!(size(&declared[..declared.len() - 4]), None);
        assert_eq!(size(b"no zstd"), None);
    }

    #[test]
    fn records_count_for_what_the_client_keeps_of_them() {
        // 32 MiB of records without content are beyond the limit long before their bytes are.
        let tiny = zstd::bulk::compress(&vec![0; 1 << 20], 3).expect("memory is enough");
        assert!(zstd(&tiny).is_none());
    }

    #[test]
    fn records_are_counted_by_their_lengths() {
        assert_eq!(count_records(&[]), 0);
        assert_eq!(count_records(&[4, 1, 1, 2, 9, 0]), 3);
        // A length of two digits, and one that reaches beyond the end.
        assert_eq!(count_records(&[&[0x80, 2][..], &[0; 128], &[100, 0]].concat()), 2);
        assert_eq!(count_records(&[0xff; 40]), 1);
    }

    #[test]
    fn an_lz4_batch_is_bounded_by_its_blocks() {
        let frame = |flags: u8, blocks: &[(u32, usize)]| {
            let mut frame = vec![4, 0x22, 0x4d, 0x18, flags, 0x40, 0];
            for (size, stored) in blocks {
                frame.extend(size.to_le_bytes());
                frame.extend(vec![0; *stored]);
            }
            frame.extend([0; 4]);
            frame
        };
        assert_eq!(lz4_bound(&frame(0x40, &[(500, 500), (10, 10)])), 65_536 + 2_550);
        assert_eq!(lz4_bound(&frame(0x40, &[(1 << 31 | 7, 7)])), 7, "a block as it is");
        assert_eq!(lz4_bound(&frame(0x50, &[(10, 14), (10, 14)])), 5_100, "blocks with checksums");
        assert_eq!(lz4_bound(&[frame(0x40, &[(10, 10)]), frame(0x40, &[(10, 10)])].concat()), 5_100, "two frames");
        assert_eq!(lz4_bound(&[1, 2, 3]), 0);
    }
}
