//! Remembered event identifiers: those of every applied event within the horizon (`spec/figures.md#duplicates`).

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::pages::PagedTable;
use super::table::{Table, TableEntry};
use crate::clock::Timestamp;
use crate::event::{Event, Hash128};

/// A remembered identifier in 25 bytes: its hash, then 42 bits of time and 30 bits of the fingerprint.
///
/// With 30 bits, one conflict in 2^30 counts as a plain duplicate.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct IdEntry {
    key: Hash128,
    time_and_fingerprint: [u8; 9],
}

const FINGERPRINT_BITS: u32 = 30;

impl TableEntry for IdEntry {
    fn key(&self) -> Hash128 {
        self.key
    }
}

impl IdEntry {
    fn of(event: &Event) -> Self {
        let packed = (event.time.as_millis() as u128) << FINGERPRINT_BITS | u128::from(event.fingerprint);
        assert!(event.fingerprint >> FINGERPRINT_BITS == 0 && packed >> 72 == 0, "time and fingerprint fit in 72 bits");
        let mut time_and_fingerprint = [0; 9];
        time_and_fingerprint.copy_from_slice(&packed.to_le_bytes()[..9]);
        Self { key: event.id, time_and_fingerprint }
    }

    fn time(&self) -> Timestamp {
        let mut bytes = [0; 16];
        bytes[..9].copy_from_slice(&self.time_and_fingerprint);
        Timestamp::from_millis((u128::from_le_bytes(bytes) >> FINGERPRINT_BITS) as i64)
    }
}

/// Result of looking up an event's identifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdLookup {
    /// Not remembered.
    New,
    /// Remembered with the same time and fingerprint.
    Repeated,
    /// Remembered with another type, time or field: a conflict.
    Contradicted,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ids(Table<IdEntry>);

impl Ids {
    pub(crate) fn new() -> Self {
        Self(Table::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Looks up an event's identifier. An entry older than `oldest` counts as forgotten, swept or not, so the result
    /// follows from the log alone.
    pub(crate) fn look_up(&self, event: &Event, oldest: Timestamp) -> IdLookup {
        match self.0.get(&event.id) {
            Some(id) if id.time() >= oldest => {
                if id.time_and_fingerprint == IdEntry::of(event).time_and_fingerprint {
                    IdLookup::Repeated
                } else {
                    IdLookup::Contradicted
                }
            }
            _ => IdLookup::New,
        }
    }

    /// Remembers an event for which [`Self::look_up`] returned [`IdLookup::New`], and sweeps a few slots for entries
    /// older than `oldest`.
    pub(crate) fn remember(&mut self, event: &Event, oldest: Timestamp) {
        for _ in 0..4 {
            self.0.sweep(|id| id.time() < oldest);
        }
        *self.0.get_or_insert(&event.id, || IdEntry::of(event)) = IdEntry::of(event);
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.0.regions()
    }

    /// Reads the memory that the event will need into the cache: see [`Table::touch`].
    pub(crate) fn touch(&self, event: &Event) -> u8 {
        self.0.touch(&event.id)
    }
}
