//! Flow control: bounds the unread records of a partition, so that the embedded Kafka drops none.

use std::collections::VecDeque;

use serde_json::Value;

use crate::record::Stream;
use crate::simulate::Emission;

/// Maximum of unread bytes in a partition; the mock cluster keeps 5 MiB.
pub(super) const MAX_UNREAD: usize = 2 * 1024 * 1024;

/// Upper bound of a record's size beyond key, value and headers, in bytes.
const OVERHEAD: usize = 64;

pub(super) struct Flow {
    partitions: i32,
    /// Indexed by [`Flow::index`].
    unread: Vec<Unread>,
}

/// Unread records of one partition.
#[derive(Default)]
struct Unread {
    /// Offset of the oldest one.
    position: i64,
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl Flow {
    pub(super) fn new(partitions: i32) -> Self {
        Self { partitions, unread: (0..partitions as usize * Stream::ALL.len()).map(|_| Unread::default()).collect() }
    }

    fn index(&self, stream: Stream, partition: i32) -> usize {
        stream as usize * self.partitions as usize + partition as usize
    }

    /// True if the record may be sent to its partition now.
    pub(super) fn has_room(&self, emission: &Emission) -> bool {
        self.unread[self.index(emission.stream, emission.partition)].bytes + size(emission) <= MAX_UNREAD
    }

    pub(super) fn sent(&mut self, emission: &Emission) {
        let index = self.index(emission.stream, emission.partition);
        let (unread, size) = (&mut self.unread[index], size(emission));
        unread.sizes.push_back(size);
        unread.bytes += size;
    }

    /// Returns the last known offset of the next record to be read.
    pub(super) fn position(&self, stream: Stream, partition: i32) -> i64 {
        self.unread[self.index(stream, partition)].position
    }

    pub(super) fn unread_records(&self) -> usize {
        self.unread.iter().map(|unread| unread.sizes.len()).sum()
    }

    /// Updates the positions from a response of `/api/v1/status`.
    ///
    /// # Errors
    /// The response is malformed.
    pub(super) fn update(&mut self, status: &str) -> Result<(), String> {
        let status: Value =
            serde_json::from_str(status).map_err(|error| format!("/api/v1/status is not json: {error}"))?;
        let partitions = status["partitions"].as_array().ok_or("/api/v1/status has no partitions")?;
        for partition in partitions {
            let stream = partition["stream"]
                .as_str()
                .and_then(Stream::from_name)
                .ok_or("/api/v1/status has a partition without a known stream")?;
            let number = partition["partition"].as_i64().and_then(|number| i32::try_from(number).ok());
            let number = number.filter(|number| (0..self.partitions).contains(number));
            let number = number.ok_or("/api/v1/status has an unknown partition")?;
            // Absent before the first record is applied.
            if let Some(offset) = partition["next_offset"].as_i64() {
                let index = self.index(stream, number);
                self.unread[index].advance_to(offset);
            }
        }
        Ok(())
    }
}

impl Unread {
    fn advance_to(&mut self, offset: i64) {
        while self.position < offset {
            let Some(size) = self.sizes.pop_front() else { return };
            self.bytes -= size;
            self.position += 1;
        }
    }
}

fn size(emission: &Emission) -> usize {
    let headers: usize = emission.headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    emission.key.len() + emission.value.len() + headers + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::oracle::SentRecord;
    use crate::record::Reason;

    fn emission(partition: i32, bytes: usize) -> Emission {
        let value = vec![b' '; bytes];
        let sent = SentRecord::Rejected(Reason::NotJson);
        Emission {
            stream: Stream::Call,
            partition,
            key: Vec::new(),
            value,
            headers: Vec::new(),
            timestamp: Timestamp::EPOCH,
            sent,
        }
    }

    fn status(partition: i32, next_offset: i64) -> String {
        format!("{{\"partitions\":[{{\"stream\":\"call\",\"partition\":{partition},\"next_offset\":{next_offset}}}]}}")
    }

    #[test]
    fn a_partition_has_room_again_once_read() {
        let mut flow = Flow::new(2);
        let large = emission(1, MAX_UNREAD / 2);
        assert!(flow.has_room(&large));
        flow.sent(&large);
        assert!(!flow.has_room(&large));
        assert!(flow.has_room(&emission(0, MAX_UNREAD / 2)) && flow.has_room(&emission(1, 10)));
        flow.sent(&emission(1, 10));
        flow.update(&status(1, 1)).unwrap();
        assert!(flow.has_room(&large));
        assert_eq!((flow.unread_records(), flow.position(Stream::Call, 1), flow.position(Stream::Call, 0)), (1, 1, 0));
    }

    #[test]
    fn a_malformed_status_is_an_error() {
        let mut flow = Flow::new(2);
        for wrong in ["", "{}", "{\"partitions\":[{}]}", &status(2, 1), &status(-1, 1)] {
            assert!(flow.update(wrong).is_err(), "{wrong}");
        }
        flow.update("{\"partitions\":[{\"stream\":\"call\",\"partition\":0,\"next_offset\":null}]}").unwrap();
    }
}
