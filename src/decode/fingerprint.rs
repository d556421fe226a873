//! Distinguishes two records with the same `source` and `id` (spec/figures.md#conflicts).

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::clock::Timestamp;

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
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    const BITS: u32 = 30;
    /// Stands for a field that is absent; no value does this to the chain.
    const ABSENT: u64 = 0x9e37_79b9_7f4a_7c15;

    pub(super) fn new(event: &str, time: Timestamp) -> Self {
        Self(xxh3_64_with_seed(event.as_bytes(), time.as_millis() as u64))
    }

    #[inline]
    pub(super) fn add(&mut self, value: &[u8]) {
        self.0 = xxh3_64_with_seed(value, self.0);
    }

    pub(super) fn add_optional(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.add(value.as_bytes()),
            None => self.add_absent(),
        }
    }

    pub(super) fn add_absent(&mut self) {
        self.0 = self.0.rotate_left(32) ^ Self::ABSENT;
    }

    /// Adds a number in its smallest unit: centavos, milliseconds or 1.
    #[inline]
    pub(super) fn add_number(&mut self, units: u64) {
        self.add(&units.to_le_bytes());
    }

    pub(super) fn finish(self) -> u32 {
        (self.0 >> (u64::BITS - Self::BITS)) as u32
    }
}
