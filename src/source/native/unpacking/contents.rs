//! Contents of an unpacked batch, as librdkafka will read them.
//!
//! librdkafka takes contents that end in the middle of a record for an answer that was cut on the way: it drops the rest,
//! and asks for it again without end. It does not look at the number of records that the header states. So contents are
//! walked through before librdkafka gets them.

/// Memory of the client for one record, in bytes.
const RECORD_BYTES: u64 = 448;
/// Size of the smallest message behind its offset and size, in bytes: checksum, magic number, attributes, no key, no value.
const MIN_MESSAGE: usize = 14;

/// Form of what a batch contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Records of version 2, in the number that the batch's header states.
    Records(i32),
    /// Messages of version 0 or 1.
    Messages,
    /// No batch, but something else that librdkafka unpacks.
    Other,
}

impl Contents {
    /// Bytes that an unpacked batch counts for. `None` if it takes more than `limit`, is empty, ends within a record, or
    /// contains another number of records than its header states.
    pub(super) fn cost(self, batch: &[u8], limit: u64) -> Option<u64> {
        let records = match self {
            Self::Records(stated) => count(batch, skip_record).filter(|count| i64::from(stated) == *count as i64),
            Self::Messages => count(batch, skip_message),
            Self::Other => Some(0),
        }?;
        let cost = batch.len() as u64 + RECORD_BYTES * records;
        (!batch.is_empty() && cost <= limit).then_some(cost)
    }
}

/// Number of records of which a batch is full.
fn count(mut batch: &[u8], skip: fn(&[u8]) -> Option<&[u8]>) -> Option<u64> {
    let mut records = 0;
    while !batch.is_empty() {
        batch = skip(batch)?;
        records += 1;
    }
    Some(records)
}

/// Splits off a number of variable length.
fn split_varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_u64;
    for (digit, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * digit);
        if byte & 0x80 == 0 {
            // Zigzag.
            return Some(((number >> 1).cast_signed() ^ -(number & 1).cast_signed(), &bytes[digit + 1..]));
        }
    }
    None
}

/// What follows the first record of version 2.
fn skip_record(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = split_varint(bytes)?;
    let (record, rest) = rest.split_at_checked(usize::try_from(size).ok()?)?;
    // Attributes, time, offset, key, value; librdkafka takes what is left for the headers.
    let (_, record) = split_varint(record.get(1..)?)?;
    let (_, record) = split_varint(record)?;
    skip_field(skip_field(record)?)?;
    Some(rest)
}

/// What follows a key or a value, which may be null.
fn skip_field(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = split_varint(bytes)?;
    if size == -1 { Some(rest) } else { rest.get(usize::try_from(size).ok()?..) }
}

/// What follows the first message of version 0 or 1.
fn skip_message(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.get(8..)?.split_first_chunk::<4>()?;
    let size = usize::try_from(i32::from_be_bytes(*size)).ok().filter(|size| *size >= MIN_MESSAGE)?;
    rest.get(size..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 20;

    /// A record without a key, and with a value of this size.
    fn record(size: u8) -> Vec<u8> {
        [&[2 * (6 + size), 0, 0, 0, 1, 2 * size], &vec![7; size.into()][..], &[0]].concat()
    }

    #[test]
    fn a_batch_is_full_of_the_records_it_states() {
        let three = [record(0), record(50), record(9)].concat();
        let cost = |stated, batch: &[u8]| Contents::Records(stated).cost(batch, LIMIT);
        assert_eq!(cost(3, &three), Some(three.len() as u64 + 3 * RECORD_BYTES));
        for stated in [-3, 0, 2, 4] {
            assert_eq!(cost(stated, &three), None, "{stated} are stated");
        }
        for missing in 1..three.len() {
            assert_eq!(cost(3, &three[..missing]), None, "{missing} bytes of {}", three.len());
        }
        assert_eq!(cost(3, &[&three[..], &[0]].concat()), None, "a byte too many");
        assert_eq!(cost(0, &[]), None, "empty");
    }

    #[test]
    fn a_record_that_is_larger_than_its_size_is_refused() {
        let cost = |batch: &[u8]| Contents::Records(1).cost(batch, LIMIT);
        assert!(cost(&record(3)).is_some());
        // Of value, of key, of the whole; a negative size that is not null; a number without end.
        assert_eq!(cost(&[12, 0, 0, 0, 1, 4, 0]), None);
        assert_eq!(cost(&[12, 0, 0, 0, 6, 1, 0]), None);
        assert_eq!(cost(&[14, 0, 0, 0, 1, 0, 0]), None);
        assert_eq!(cost(&[12, 0, 0, 0, 3, 0, 0]), None);
        assert_eq!(cost(&[1, 0, 0, 0, 1, 0, 0]), None);
        assert_eq!(cost(&[0xff; 40]), None);
    }

    #[test]
    fn records_count_for_what_the_client_keeps_of_them() {
        // Records of few bytes are beyond the limit long before their bytes are.
        let batch = record(0).repeat(2_400);
        assert!(Contents::Records(2_400).cost(&batch, LIMIT).is_none());
        assert!(Contents::Records(2_300).cost(&record(0).repeat(2_300), LIMIT).is_some());
    }

    #[test]
    fn messages_end_where_their_batch_ends() {
        let message = [&[0; 8][..], &20_i32.to_be_bytes(), &[9; 20]].concat();
        let two = message.repeat(2);
        assert_eq!(Contents::Messages.cost(&two, LIMIT), Some(64 + 2 * RECORD_BYTES));
        assert_eq!(Contents::Messages.cost(&two[..63], LIMIT), None);
        assert_eq!(Contents::Messages.cost(&[0; 12], LIMIT), None);
        assert_eq!(Contents::Messages.cost(&[0xff; 40], LIMIT), None);
    }

    #[test]
    fn numbers_have_at_most_ten_digits() {
        assert_eq!(split_varint(&[0x80, 2, 9]), Some((128, &[9][..])));
        assert_eq!(split_varint(&[1]), Some((-1, &[][..])));
        let least = [&[0xff; 9][..], &[1]].concat();
        assert_eq!(split_varint(&least), Some((i64::MIN, &[][..])));
        assert_eq!(split_varint(&[0x80; 10]), None);
        assert_eq!(split_varint(&[]), None);
    }
}
