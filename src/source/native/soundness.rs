//! Check of the records in a batch, before librdkafka reads them.
//!
//! Brokers check how long a batch is and how many offsets it takes, not what its records say. librdkafka believes each
//! record its distance from the first offset of the batch, so one record may claim an offset far behind its batch, and
//! everything that is written there later looks like a repetition. Where the length of a key or value makes no sense, it
//! waits for a rest of the batch that never comes, and reports nothing.
//!
//! `build.rs` leads librdkafka's call for the checksum of a batch through [`checksum`], which returns a wrong one for such
//! a batch. Packed ones are refused when they are unpacked ([`super::unpacking`]). Either way the client reports a batch
//! that cannot be read, before any of its records.

use super::queue_size::begin_batch;
use std::ffi::{c_char, c_void};
use std::ptr::null;

/// Length of what the checksum covers before the records: attributes, last offset, two timestamps, producer, its epoch,
/// its sequence, number of records.
const HEADER_BYTES: usize = 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4;
/// Bits of the attributes for the codec.
const CODEC: u16 = 7;
/// Bit of the attributes of a batch that a broker wrote to end a transaction.
const CONTROL: u16 = 1 << 5;
/// Bytes of a batch that are not read yet.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A whole number in Kafka's variable length: least significant digits first, zigzag.
    pub(super) fn number(&mut self) -> Option<i64> {
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

    pub(super) fn bytes(&mut self, length: i64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A key or a value; its length is -1 where there is none.
    pub(super) fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match self.number()? {
            -1 => Some(None),
            length => self.bytes(length).map(Some),
        }
    }
}

/// Distance of a record from the first offset of its batch; `None` if its key and value do not lie within it.
fn delta(record: &[u8]) -> Option<i64> {
    let mut rest = Rest(record);
    let _attributes = rest.byte()?;
    let _timestamp = rest.number()?;
    let delta = rest.number()?;
    let _key = rest.nullable()?;
    let _value = rest.nullable()?;
    Some(delta)
}

/// Number of records of a batch, if each is whole and their offsets ascend within those of the batch, of which the last is
/// at this distance from the first.
pub(super) fn count_sound(records: &[u8], last_delta: i64) -> Option<u64> {
    let (mut rest, mut before, mut count) = (Rest(records), -1, 0);
    while !rest.0.is_empty() {
        let length = rest.number()?;
        let delta = delta(rest.bytes(length)?).filter(|delta| *delta > before && *delta <= last_delta)?;
        (before, count) = (delta, count + 1);
    }
    Some(count)
}

/// True unless a batch contradicts itself, from its attributes on. A packed one is sound until it is unpacked.
fn is_sound(batch: &[u8]) -> bool {
    let Some((header, records)) = batch.split_at_checked(HEADER_BYTES) else { return true };
    let attributes = u16::from_be_bytes([header[0], header[1]]);
    let last_delta = i32::from_be_bytes([header[2], header[3], header[4], header[5]]).into();
    if attributes & (CONTROL | CODEC) != 0 {
        return true;
    }
    let count = count_sound(records, last_delta);
    count.inspect(|&count| begin_batch(records.len() as u64, count)).is_some()
}

unsafe extern "C" {
    fn rd_slice_reader(slice: *mut c_void, part: *mut *const c_void) -> usize;
    fn rd_crc32c(checksum: u32, bytes: *const c_char, size: usize) -> u32;
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
    fn packed_batches_and_those_of_a_broker_are_not_looked_into() {
        let wrong = record(1, 1, 2);
        assert!(is_sound(&batch(1, 0, std::slice::from_ref(&wrong))) && is_sound(&batch(CONTROL, 0, &[wrong])));
        assert!(is_sound(&batch(4, 0, &[vec![1, 2, 3]])));
    }
}
