//! Codecs of batches: sizes that are known before anything is unpacked, and unpacking into memory of the C library.

use super::contents::Contents;
use super::{Reservation, limit, nesting};
use flate2::bufread::MultiGzDecoder;
use std::ffi::c_void;
use std::io::Read;
use std::mem::ManuallyDrop;

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
    MultiGzDecoder::new(packed).read_exact(target).is_ok()
}

/// Unpacks zstd into a buffer of its exact size.
fn fill_from_zstd(packed: &[u8], target: &mut [u8]) -> bool {
    let size = target.len();
    zstd::zstd_safe::decompress(target, packed).is_ok_and(|unpacked| unpacked == size)
}

/// Upper bound of the size to which an lz4 batch unpacks, from the sizes of its blocks. `None` if something else than
/// frames is in it; frames to be skipped hide what comes behind them, and no producer writes them.
pub(super) fn lz4_bound(mut packed: &[u8]) -> Option<u64> {
    let mut bound = 0_u64;
    // Frames: magic number, flags, size of a block, perhaps the size of the content and a dictionary, a checksum.
    while let [0x04, 0x22, 0x4d, 0x18, flags, block, rest @ ..] = packed {
        let skipped = usize::from(flags & 8) + usize::from(flags & 1) * 4 + 1;
        let block_bytes = 1_u64 << (8 + 2 * u32::from((block >> 4) & 7).max(4));
        let mut blocks = rest.get(skipped..).unwrap_or_default();
        loop {
            let Some((size, rest)) = blocks.split_first_chunk::<4>() else { return Some(bound) };
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
    packed.is_empty().then_some(bound)
}

/// Size to which snappy-java's chunks unpack by their own account; `None` if they are damaged.
pub(super) fn snappy_java_bound(mut chunks: &[u8]) -> Option<u64> {
    let mut bound = 0_u64;
    while !chunks.is_empty() {
        let (size, rest) = chunks.split_first_chunk::<4>()?;
        let (chunk, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*size)).ok()?)?;
        // Its size is its first number, of at most five digits.
        let digits = chunk.iter().take(5).position(|byte| byte & 0x80 == 0)?;
        let unpacked = chunk[..=digits].iter().rev().fold(0_u64, |size, byte| size << 7 | u64::from(byte & 0x7f));
        bound = bound.saturating_add(unpacked);
        chunks = rest;
    }
    Some(bound)
}

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

/// An unpacked batch in memory of the C library; it is freed when this is dropped.
pub(super) struct Block {
    start: *mut c_void,
    size: usize,
    cost: u64,
}

impl Block {
    /// Unpacks a batch of this size. `None` if it is empty, damaged or too large, or if there is no room in time.
    fn of(size: usize, contents: Contents, packed: &[u8], fill: fn(&[u8], &mut [u8]) -> bool) -> Option<Self> {
        let _room = Reservation::of(size as u64)?;
        // SAFETY: the call has no preconditions; null is checked.
        let start = unsafe { calloc(size, 1) };
        let mut block = (!start.is_null()).then_some(Self { start, size, cost: 0 })?;
        // SAFETY: the block is zeroed, as large as the slice, and nobody else's.
        let target = unsafe { std::slice::from_raw_parts_mut(block.start.cast::<u8>(), size) };
        if !fill(packed, target) {
            return None;
        }
        block.cost = contents.cost(target, limit())?;
        Some(block)
    }

    /// Takes over an unpacked batch. `None` if it is refused; it is freed then.
    ///
    /// # Safety
    ///
    /// `start` points to a block of the C library of at least `size` bytes that nobody else has.
    pub(super) unsafe fn adopt(start: *mut c_void, size: usize, contents: Contents) -> Option<Self> {
        let mut block = Self { start, size, cost: 0 };
        // SAFETY: the caller's promise.
        block.cost = contents.cost(unsafe { std::slice::from_raw_parts(start.cast::<u8>(), size) }, limit())?;
        Some(block)
    }

    /// Hands the memory over: whoever takes it frees it.
    pub(super) fn into_raw(self) -> (*mut c_void, usize) {
        let block = ManuallyDrop::new(self);
        nesting::enter(block.start, block.size, block.cost);
        (block.start, block.size)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is of the C library, and nobody else has it.
        unsafe { free(self.start) }
    }
}

/// Unpacks all members of a gzip batch; bytes behind the last one are damage.
pub(super) fn gzip(packed: &[u8], contents: Contents) -> Option<Block> {
    Block::of(measure(MultiGzDecoder::new(packed), limit())?, contents, packed, fill_from_gzip)
}

/// Unpacks all frames of a zstd batch.
pub(super) fn zstd(packed: &[u8], contents: Contents) -> Option<Block> {
    // Most producers do not declare the size, and a declared one is that of the first frame only.
    let declared = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    if let Some(declared) = declared.filter(|size| *size <= limit())
        && let Some(block) = Block::of(declared as usize, contents, packed, fill_from_zstd)
    {
        return Some(block);
    }
    Block::of(measure(zstd::Decoder::with_buffer(packed).ok()?, limit())?, contents, packed, fill_from_zstd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn gzipped(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).expect("memory is enough");
        encoder.finish().expect("memory is enough")
    }

    /// Content of an unpacked batch.
    fn bytes(block: Option<Block>) -> Option<Vec<u8>> {
        // SAFETY: the block has as many bytes.
        block.map(|block| unsafe { std::slice::from_raw_parts(block.start.cast::<u8>(), block.size) }.to_vec())
    }

    #[test]
    fn a_batch_is_measured_up_to_the_limit() {
        let packed = gzipped(&[0; 1_000_000]);
        assert_eq!(measure(MultiGzDecoder::new(&packed[..]), 1_000_000), Some(1_000_000));
        assert_eq!(measure(MultiGzDecoder::new(&packed[..]), 999_999), None);
        assert_eq!(measure(MultiGzDecoder::new(&packed[..packed.len() / 2]), 1_000_000), None);
    }

    #[test]
    fn all_members_of_a_gzip_batch_are_unpacked() {
        let unpacked = |packed: &[&[u8]]| bytes(gzip(&packed.concat(), Contents::Other));
        let (one, two, empty) = (gzipped(b"one"), gzipped(b"two"), gzipped(b""));
        assert_eq!(unpacked(&[&one, &two]), Some(b"onetwo".to_vec()));
        assert_eq!(unpacked(&[&empty, &one, &empty, &two]), Some(b"onetwo".to_vec()));
        assert_eq!(unpacked(&[&one, b"rest"]), None, "bytes behind the last member");
        assert_eq!(unpacked(&[&one, &two[..two.len() - 1]]), None, "a member without its end");
        assert_eq!(unpacked(&[&empty]), None, "nothing");
        assert_eq!(unpacked(&[&empty, &empty]), None, "nothing, twice");
        assert_eq!(unpacked(&[]), None);
    }

    #[test]
    fn zstd_is_unpacked_whether_its_size_is_declared_or_not() {
        let content = [5; 51_000];
        let declared = zstd::bulk::compress(&content, 3).expect("memory is enough");
        let streamed = zstd::encode_all(&content[..], 3).expect("memory is enough");
        let empty = zstd::bulk::compress(b"", 3).expect("memory is enough");
        let size = |packed: &[&[u8]]| zstd(&packed.concat(), Contents::Other).map(|block| block.size);
        assert_eq!(size(&[&declared]), Some(51_000));
        assert_eq!(size(&[&streamed]), Some(51_000));
        assert_eq!(size(&[&declared, &streamed]), Some(102_000));
        assert_eq!(size(&[&empty, &declared]), Some(51_000));
        assert_eq!(size(&[&declared[..declared.len() - 4]]), None);
        assert_eq!(size(&[&declared, b"rest"]), None);
        assert_eq!(size(&[&empty]), None, "nothing");
        assert_eq!(size(&[b"no zstd"]), None);
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
        let one = frame(0x40, &[(10, 10)]);
        assert_eq!(lz4_bound(&frame(0x40, &[(500, 500), (10, 10)])), Some(65_536 + 2_550));
        assert_eq!(lz4_bound(&frame(0x40, &[(1 << 31 | 7, 7)])), Some(7), "a block as it is");
        assert_eq!(lz4_bound(&frame(0x50, &[(10, 14), (10, 14)])), Some(5_100), "blocks with checksums");
        assert_eq!(lz4_bound(&[&one[..], &one].concat()), Some(5_100), "two frames");
        assert_eq!(lz4_bound(&frame(0x40, &[])), Some(0), "nothing");
        // A frame to be skipped could hold a false frame that ends behind the true one.
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 0x40, 0x40, 0, 0][..], &[0xff; 0x4040], &one].concat();
        assert_eq!(lz4_bound(&skipped), None);
        assert_eq!(lz4_bound(&[&one[..], &skipped].concat()), None);
        assert_eq!(lz4_bound(&[1, 2, 3]), None);
    }

    #[test]
    fn snappy_chunks_are_bounded_by_what_they_claim() {
        let chunk = |content: &[u8]| [&(content.len() as u32).to_be_bytes(), content].concat();
        let large = chunk(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(snappy_java_bound(&[chunk(&[3, 8, 1, 2, 3]), chunk(&[0x80, 1])].concat()), Some(131));
        assert_eq!(snappy_java_bound(&large.repeat(1_000)), Some(1_000 * u64::from(u32::MAX)));
        assert_eq!(snappy_java_bound(&large[..8]), None);
        assert_eq!(snappy_java_bound(&chunk(&[0xff; 6])), None, "a size without end");
        assert_eq!(snappy_java_bound(&chunk(&[])), None, "a chunk of nothing");
        assert_eq!(snappy_java_bound(&[]), Some(0));
    }
}
