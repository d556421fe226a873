//! The identifiers that are remembered: every applied event within the horizon, with what tells a repetition from a contradiction.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::pages::PagedTable;
use super::table::{Table, TableEntry};
use crate::clock::Millis;
use crate::event::{Event, Hash128};

/// A remembered identifier in 25 bytes: its hash, then 42 bits of time and 30 of the fingerprint.
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
        let packed = (event.time as u128) << FINGERPRINT_BITS | u128::from(event.fingerprint);
        assert!(event.fingerprint >> FINGERPRINT_BITS == 0 && packed >> 72 == 0, "time and fingerprint fit in 72 bits");
        let mut time_and_fingerprint = [0; 9];
        time_and_fingerprint.copy_from_slice(&packed.to_le_bytes()[..9]);
        Self { key: event.id, time_and_fingerprint }
    }

    fn time(&self) -> Millis {
        let mut bytes = [0; 16];
        bytes[..9].copy_from_slice(&self.time_and_fingerprint);
        (u128::from_le_bytes(bytes) >> FINGERPRINT_BITS) as Millis
    }
}

/// What the memory says of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdLookup {
    New,
    Repeated,
    /// The same identifier with another type, time or field.
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

    /// What is known of an event's identifier. That of an event older than `oldest` counts as forgotten, whether it was swept or not.
    pub(crate) fn look_up(&self, event: &Event, oldest: Millis) -> IdLookup {
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

    /// Remembers an event that [`Self::look_up`] called new, and sweeps what is older than `oldest`.
    pub(crate) fn remember(&mut self, event: &Event, oldest: Millis) {
        for _ in 0..4 {
            self.0.sweep(|id| id.time() < oldest);
        }
        *self.0.get_or_insert(&event.id, || IdEntry::of(event)) = IdEntry::of(event);
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.0.regions()
    }

    /// Fetches what the event will need into the cache: see [`Table::touch`].
    pub(crate) fn touch(&self, event: &Event) -> u8 {
        self.0.touch(&event.id)
    }
}
