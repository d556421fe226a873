//! Distinguishes two records with the same `source` and `id` (spec/figures.md#conflicts).

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::clock::Timestamp;
use crate::event::Hash128;

/// A 30-bit hash over an event's type, its time and its known fields, in the order of spec/events.md#data.
///
/// - The type counts by its event name (the stream is one, so prefix and version do not count), the time as the instant
///   that it is.
/// - A string counts unescaped, a number by its value: `"25000"`, `25000.00` and `2.5E+4` are the same. A `state` counts
///   as given, before an alias is resolved, and by its source text if it is no string. `null` is absent; absent differs
///   from every value, also from the default.
/// - Identifiers enter by their keyed hashes. Fields that are ignored for the event do not enter.
///
/// The fields are chained: each is hashed under the hash of all before it as its seed, together with its length (which
/// XXH3 mixes in). So no field can stand in for a part of its neighbour, whatever its length, and nothing needs a
/// buffer. Two different records have the same fingerprint once in 2^30 by chance; then a conflict is counted as a
/// plain duplicate.
#[derive(Default, Clone, Copy)]
struct Fingerprint(u64);

impl Fingerprint {
    const BITS: u32 = 30;
    /// Stands for a field that is absent; no value does this to the chain.
    const ABSENT: u64 = 0x9e37_79b9_7f4a_7c15;

    fn new(event: &str, time: Timestamp) -> Self {
        Self(xxh3_64_with_seed(event.as_bytes(), time.as_millis() as u64))
    }

    #[inline]
    fn add(&mut self, value: &[u8]) {
        self.0 = xxh3_64_with_seed(value, self.0);
    }

    fn add_absent(&mut self) {
        self.0 = self.0.rotate_left(32) ^ Self::ABSENT;
    }

    fn finish(self) -> u32 {
        (self.0 >> (u64::BITS - Self::BITS)) as u32
    }
}

/// Fingerprints of events whose identifiers are not hashed yet: what comes before an event's first identifier is
/// chained, what comes after it is kept until the hashes are known.
#[derive(Default)]
pub(super) struct FingerprintQueue {
    /// Fingerprint of the event that is being read, up to its first identifier.
    current: Fingerprint,
    has_identifier: bool,
    /// Fields from the first identifier on, of all events. A byte comes first: [`ABSENT`](Self::ABSENT),
    /// [`IDENTIFIER`](Self::IDENTIFIER) or the length of the field, which follows.
    fields: Vec<u8>,
    /// Fingerprints of the events that have been read, up to their first identifiers, and the ends of their fields.
    ended: Vec<(Fingerprint, usize)>,
}

impl FingerprintQueue {
    const ABSENT: u8 = u8::MAX;
    const IDENTIFIER: u8 = u8::MAX - 1;
    /// Maximum length of a field after an identifier. Bytes.
    const MAX_FIELD_BYTES: usize = 64;

    /// Begins a new fingerprint. Forgets the one before, unless it was ended.
    pub(super) fn begin(&mut self, event: &str, time: Timestamp) {
        self.current = Fingerprint::new(event, time);
        self.has_identifier = false;
        self.fields.truncate(self.ended.last().map_or(0, |&(_, end)| end));
    }

    #[inline]
    pub(super) fn add(&mut self, value: &[u8]) {
        if self.has_identifier {
            assert!(value.len() <= Self::MAX_FIELD_BYTES, "a field after an identifier is short");
            self.fields.push(value.len() as u8);
            self.fields.extend_from_slice(value);
        } else {
            self.current.add(value);
        }
    }

    pub(super) fn add_optional(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.add(value.as_bytes()),
            None => self.add_absent(),
        }
    }

    pub(super) fn add_absent(&mut self) {
        if self.has_identifier {
            self.fields.push(Self::ABSENT);
        } else {
            self.current.add_absent();
        }
    }

    /// Adds a number in its smallest unit: centavos, milliseconds or 1.
    #[inline]
    pub(super) fn add_number(&mut self, units: u64) {
        self.add(&units.to_le_bytes());
    }

    /// Adds an identifier, whose hash will be known when the fingerprint is finished.
    pub(super) fn add_identifier(&mut self) {
        self.has_identifier = true;
        self.fields.push(Self::IDENTIFIER);
    }

    /// Ends the fingerprint: its event is valid.
    pub(super) fn end(&mut self) {
        self.ended.push((self.current, self.fields.len()));
    }

    /// Fingerprints that were ended, in order.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = UnfinishedFingerprint<'_>> {
        let mut start = 0;
        self.ended.iter().map(move |&(fingerprint, end)| {
            let fields = &self.fields[start..end];
            start = end;
            UnfinishedFingerprint { fingerprint, fields }
        })
    }

    /// Removes all fingerprints.
    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.ended.clear();
    }
}

/// A fingerprint that lacks the hashes of identifiers.
pub(super) struct UnfinishedFingerprint<'q> {
    fingerprint: Fingerprint,
    fields: &'q [u8],
}

impl UnfinishedFingerprint<'_> {
    /// Adds what is missing, with the hashes of the identifiers in their order.
    pub(super) fn finish(self, hashes: &[Hash128]) -> u32 {
        let Self { mut fingerprint, mut fields } = self;
        let mut hashes = hashes.iter();
        while let Some((&head, rest)) = fields.split_first() {
            fields = rest;
            match head {
                FingerprintQueue::ABSENT => fingerprint.add_absent(),
                FingerprintQueue::IDENTIFIER => fingerprint.add(hashes.next().expect("a hash for each identifier")),
                length => {
                    let (value, rest) = fields.split_at(usize::from(length));
                    fingerprint.add(value);
                    fields = rest;
                }
            }
        }
        fingerprint.finish()
    }
}
