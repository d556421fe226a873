//! Contents of an unpacked batch, as librdkafka will read them.
//!
//! librdkafka takes contents that end in the middle of a record for an answer that was cut on the way: it drops the rest,
//! and asks for it again without end. It does not look at the number of records that the header states. So contents are
//! walked through before librdkafka gets them.

use crate::source::native::queue_size::begin_batch;
use crate::source::native::soundness::count_sound;

/// Memory of the client for one record, in bytes.
const RECORD_BYTES: u64 = 448;
/// Size of the smallest message behind its offset and size, in bytes: checksum, magic number, attributes, no key, no value.
const MIN_MESSAGE: usize = 14;

/// Form of what a batch contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Records of version 2, as the batch's header states them: their number, and the distance of the last offset from the
    /// first.
    Records { count: i32, last_delta: i32 },
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
            Self::Records { count, last_delta } => {
                count_sound(batch, last_delta.into()).filter(|found| i64::from(count) == *found as i64)
            }
            Self::Messages => count_messages(batch),
            Self::Other => Some(0),
        }?;
        let cost = batch.len() as u64 + RECORD_BYTES * records;
        begin_batch(batch.len() as u64, records);
        (!batch.is_empty() && cost <= limit).then_some(cost)
    }
}

/// Number of messages of which a batch is full.
fn count_messages(mut batch: &[u8]) -> Option<u64> {
    let mut messages = 0;
    while !batch.is_empty() {
        batch = skip_message(batch)?;
        messages += 1;
    }
    Some(messages)
}

/// Bytes behind the first message of version 0 or 1.
fn skip_message(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.get(8..)?.split_first_chunk::<4>()?;
    let size = usize::try_from(i32::from_be_bytes(*size)).ok().filter(|size| *size >= MIN_MESSAGE)?;
    rest.get(size..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 20;

    /// So many records without a key, with values of this size.
    fn records(count: u16, size: u8) -> Vec<u8> {
        let varint = |number: u16| [(number * 2) as u8 | 0x80, (number >> 6) as u8 | 0x80, 0];
        let record = |number: u16| {
            let content =
                [&[0, 0][..], &varint(number), &[1], &varint(size.into()), &vec![7; size.into()], &[0]].concat();
            [&varint(content.len() as u16)[..], &content].concat()
        };
        (0..count).flat_map(record).collect()
    }

    fn cost(count: i32, batch: &[u8]) -> Option<u64> {
        Contents::Records { count, last_delta: i32::from(u16::MAX) }.cost(batch, LIMIT)
    }

    #[test]
    fn a_batch_is_full_of_the_records_it_states() {
        let three = records(3, 50);
        assert_eq!(cost(3, &three), Some(three.len() as u64 + 3 * RECORD_BYTES));
        for stated in [-3, 0, 2, 4] {
            assert_eq!(cost(stated, &three), None, "{stated} are stated");
        }
        for missing in 1..three.len() {
            assert_eq!(cost(3, &three[..missing]), None, "{missing} bytes of {}", three.len());
        }
        assert_eq!(cost(3, &[&three[..], &[0]].concat()), None, "a byte too many");
        assert_eq!(cost(0, &[]), None, "empty");
        assert_eq!(
            Contents::Records { count: 3, last_delta: 1 }.cost(&three, LIMIT),
            None,
            "an offset behind the batch"
        );
    }

    #[test]
    fn records_count_for_what_the_client_keeps_of_them() {
        // Records of few bytes are beyond the limit long before their bytes are.
        assert!(cost(2_400, &records(2_400, 0)).is_none());
        assert!(cost(2_200, &records(2_200, 0)).is_some());
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
}
