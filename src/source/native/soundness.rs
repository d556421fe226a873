//! Check of the records in a batch, before librdkafka reads them.
//!
//! Brokers check how long a batch is and how many offsets it takes, not what its records say. librdkafka believes each
//! record its distance from the first offset of the batch, so one record may claim an offset far behind its batch, and
//! everything that is written there later looks like a repetition. Where the length of a key or value makes no sense, it
//! waits for a rest of the batch that never comes, and reports nothing.
//!
//! `build.rs` leads librdkafka's call for the checksum of a batch through [`checksum`], which returns a wrong one for such
//! a batch. Those that are compressed are refused once they are unpacked, here and in `unpacking`. Either way the client reports a batch that
//! cannot be read, before any of its records.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{null, null_mut};

/// Length of what the checksum covers before the records: attributes, last offset, two timestamps, producer, its epoch,
/// its sequence, number of records.
const HEADER_BYTES: usize = 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4;
/// Bits of the attributes for the codec.
const CODEC: u16 = 7;
/// Bit of the attributes of a batch that a broker wrote to end a transaction.
const CONTROL: u16 = 1 << 5;
/// Number of the error of an invalid argument.
const INVALID: c_int = -22;

thread_local! {
    /// Distance of the last offset from the first in the compressed batch that this thread unpacks next.
    static LAST_DELTA: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Bytes of a batch that are not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A whole number in Kafka's variable length: least significant digits first, zigzag.
    fn number(&mut self) -> Option<i64> {
        let mut digits = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            digits |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((digits >> 1) as i64 ^ -((digits & 1) as i64));
            }
        }
        None
    }

    fn bytes(&mut self, length: i64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Passes over a key or a value; its length is -1 where there is none.
    fn pass_nullable(&mut self) -> Option<()> {
        match self.number()? {
            -1 => Some(()),
            length => self.bytes(length).map(drop),
        }
    }
}

/// Distance of a record from the first offset of its batch; `None` if its key and value do not lie within it.
fn delta(record: &[u8]) -> Option<i64> {
    let mut rest = Rest(record);
    let _attributes = rest.byte()?;
    let _timestamp = rest.number()?;
    let delta = rest.number()?;
    rest.pass_nullable()?;
    rest.pass_nullable()?;
    Some(delta)
}

/// True if each record is whole, and their offsets ascend within those of the batch.
fn are_sound(records: &[u8], last_delta: i64) -> bool {
    let mut rest = Rest(records);
    let mut before = -1;
    while !rest.0.is_empty() {
        let record = rest.number().and_then(|length| rest.bytes(length));
        match record.and_then(delta) {
            Some(delta) if delta > before && delta <= last_delta => before = delta,
            _ => return false,
        }
    }
    true
}

/// True unless a batch contradicts itself, from its attributes on. A compressed one is sound until it is unpacked.
fn is_sound(batch: &[u8]) -> bool {
    LAST_DELTA.set(None);
    let Some((header, records)) = batch.split_at_checked(HEADER_BYTES) else { return true };
    let attributes = u16::from_be_bytes([header[0], header[1]]);
    let last_delta = i32::from_be_bytes([header[2], header[3], header[4], header[5]]).into();
    if attributes & CONTROL != 0 {
        return true;
    }
    if attributes & CODEC != 0 {
        LAST_DELTA.set(Some(last_delta));
        return true;
    }
    are_sound(records, last_delta)
}

/// True unless the batch that this thread has unpacked contradicts itself. Batches of older formats are not looked into:
/// their offsets are those of the broker.
pub(super) fn is_sound_unpacked(records: &[u8]) -> bool {
    LAST_DELTA.take().is_none_or(|last_delta| are_sound(records, last_delta))
}

unsafe extern "C" {
    fn rd_slice_reader(slice: *mut c_void, part: *mut *const c_void) -> usize;
    fn rd_crc32c(checksum: u32, bytes: *const c_char, size: usize) -> u32;
    fn free(block: *mut c_void);
    fn rd_kafka_snappy_uncompressed_length(packed: *const c_char, packed_size: usize, size: *mut usize) -> bool;
    #[link_name = "__real_rd_kafka_snappy_uncompress"]
    fn real_snappy(packed: *const c_char, packed_size: usize, target: *mut c_char) -> c_int;
    #[link_name = "__real_rd_kafka_snappy_java_uncompress"]
    fn real_framed_snappy(
        packed: *const c_char,
        packed_size: usize,
        size: *mut usize,
        reason: *mut c_char,
        reason_size: usize,
    ) -> *mut c_char;
}

/// Computes the checksum of a batch in place of librdkafka; a wrong one if the batch contradicts itself.
///
/// # Safety
///
/// librdkafka's call: `slice` is one of its slices, which begins with the attributes of a batch and is read to its end.
#[unsafe(export_name = "__wrap_rd_slice_crc32c")]
unsafe extern "C" fn checksum(slice: *mut c_void) -> u32 {
    let (mut checksum, mut parts, mut is_wrong) = (0, 0, false);
    let mut part = null();
    // SAFETY: the slice is the caller's promise; each call makes `part` point to as many bytes as it returns.
    unsafe {
        loop {
            let size = rd_slice_reader(slice, &mut part);
            if size == 0 {
                break;
            }
            checksum = rd_crc32c(checksum, part.cast(), size);
            parts += 1;
            // A batch that was received is in one part. One of several is our own, to be sent.
            is_wrong = parts == 1 && !is_sound(std::slice::from_raw_parts(part.cast::<u8>(), size));
        }
    }
    if is_wrong { !checksum } else { checksum }
}

/// Unpacks snappy, and refuses a batch that contradicts itself.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes, and `target` to as many as they declare.
#[unsafe(export_name = "__wrap_rd_kafka_snappy_uncompress")]
unsafe extern "C" fn unpack_snappy(packed: *const c_char, packed_size: usize, target: *mut c_char) -> c_int {
    let mut size = 0;
    // SAFETY: the caller's promise; a call that returns 0 has filled the target up to its declared size.
    unsafe {
        let code = real_snappy(packed, packed_size, target);
        if code != 0 || !rd_kafka_snappy_uncompressed_length(packed, packed_size, &mut size) {
            return code;
        }
        if is_sound_unpacked(std::slice::from_raw_parts(target.cast::<u8>(), size)) { code } else { INVALID }
    }
}

/// Unpacks snappy in the frames of its Java library, and refuses a batch that contradicts itself.
///
/// # Safety
///
/// librdkafka's call: `packed` points to `packed_size` bytes, `size` and `reason_size` bytes of `reason` may be written
/// to. The result is null with a reason, or a block of the C library of `size` bytes.
#[unsafe(export_name = "__wrap_rd_kafka_snappy_java_uncompress")]
unsafe extern "C" fn unpack_framed_snappy(
    packed: *const c_char,
    packed_size: usize,
    size: *mut usize,
    reason: *mut c_char,
    reason_size: usize,
) -> *mut c_char {
    // SAFETY: the caller's promise, handed on; nobody else has the block yet.
    unsafe {
        let block = real_framed_snappy(packed, packed_size, size, reason, reason_size);
        if block.is_null() || is_sound_unpacked(std::slice::from_raw_parts(block.cast::<u8>(), *size)) {
            return block;
        }
        free(block.cast());
        if reason_size > 0 {
            *reason = 0;
        }
        null_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(number: i64) -> Vec<u8> {
        let (mut digits, mut bytes) = (((number << 1) ^ (number >> 63)) as u64, Vec::new());
        while digits > 0x7f {
            bytes.push(digits as u8 | 0x80);
            digits >>= 7;
        }
        bytes.push(digits as u8);
        bytes
    }

    /// A record with this distance, and these lengths of a key and a value that have three bytes together.
    fn record(delta: i64, key: i64, value: i64) -> Vec<u8> {
        let content = [&[0, 0][..], &varint(delta), &varint(key), &[7; 1], &varint(value), &[7; 2], &[0]].concat();
        [varint(content.len() as i64), content].concat()
    }

    fn batch(attributes: u16, last_delta: i32, records: &[Vec<u8>]) -> Vec<u8> {
        let mut batch = attributes.to_be_bytes().to_vec();
        batch.extend(last_delta.to_be_bytes());
        batch.resize(HEADER_BYTES, 0);
        batch.extend(records.concat());
        batch
    }

    fn are_accepted(last_delta: i32, deltas: &[i64]) -> bool {
        let records: Vec<Vec<u8>> = deltas.iter().map(|&delta| record(delta, 1, 2)).collect();
        is_sound(&batch(0, last_delta, &records))
    }

    #[test]
    fn offsets_must_ascend_within_those_of_the_batch() {
        assert!(are_accepted(2, &[0, 1, 2]));
        assert!(are_accepted(9, &[3, 7]) && are_accepted(9, &[]), "compaction leaves gaps");
        assert!(!are_accepted(0, &[3]) && !are_accepted(0, &[(1 << 31) - 1]), "behind the batch");
        assert!(!are_accepted(1, &[-1, 1]) && !are_accepted(0, &[i64::MIN]), "before the batch");
        assert!(!are_accepted(1, &[0, 0]) && !are_accepted(1, &[1, 0]), "not ascending");
        assert!(!are_accepted(1, &[0, i64::MAX]));
    }

    #[test]
    fn keys_and_values_must_lie_within_their_record() {
        let is_accepted = |key, value| is_sound(&batch(0, 0, &[record(0, key, value)]));
        assert!(is_accepted(1, 2));
        for (key, value) in [(-2, 2), (1, -2), (1, 4), (900, 2), (i64::MIN, 2), (1, i64::MAX)] {
            assert!(!is_accepted(key, value), "a key of {key} and a value of {value} bytes");
        }
        let none = [&[0, 0, 0][..], &varint(-1), &varint(-1), &[0]].concat();
        assert!(is_sound(&batch(0, 0, &[[varint(none.len() as i64), none].concat()])), "no key and no value");
    }

    #[test]
    fn records_must_be_whole() {
        let whole = record(0, 1, 2);
        for length in 1..whole.len() {
            assert!(!is_sound(&batch(0, 0, &[whole[..length].to_vec()])), "{length} bytes");
        }
        assert!(!is_sound(&batch(0, 0, &[varint(-1)])) && !is_sound(&batch(0, 0, &[vec![0xff; 40]])));
    }

    #[test]
    fn a_compressed_batch_is_checked_once_it_is_unpacked() {
        let (right, wrong) = (record(0, 1, 2), record(1, 1, 2));
        assert!(is_sound(&batch(1, 0, std::slice::from_ref(&wrong))));
        assert!(!is_sound_unpacked(&wrong));
        assert!(is_sound_unpacked(&wrong), "one of an older format");
        assert!(is_sound(&batch(4, 0, &[vec![1, 2, 3]])));
        assert!(is_sound_unpacked(&right));
        assert!(is_sound(&batch(CONTROL, 0, &[wrong])), "a broker's own");
    }
}
