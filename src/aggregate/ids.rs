//! Remembered event identifiers: those of every applied event within the horizon (`spec/figures.md#duplicates`).

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::pages::PagedTable;
use super::table::{Place, Table, TableEntry};
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
        time_and_fingerprint[..8].copy_from_slice(&(packed as u64).to_le_bytes());
        time_and_fingerprint[8] = (packed >> 64) as u8;
        Self { key: event.id, time_and_fingerprint }
    }

    fn time(&self) -> Timestamp {
        let without_first = u64::from_le_bytes(*self.time_and_fingerprint.last_chunk().expect("eight bytes"));
        Timestamp::from_millis((without_first >> (FINGERPRINT_BITS - 8)) as i64)
    }
}

/// Result of looking up an event's identifier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IdLookup {
    /// Not remembered; it belongs in this place.
    New(Place),
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
        let place = self.0.find(&event.id);
        match self.0.at(place) {
            Some(id) if id.time() >= oldest => {
                if id.time_and_fingerprint == IdEntry::of(event).time_and_fingerprint {
                    IdLookup::Repeated
                } else {
                    IdLookup::Contradicted
                }
            }
            _ => IdLookup::New(place),
        }
    }

    /// Remembers an event for which [`Self::look_up`] returned [`IdLookup::New`] with its place.
    pub(crate) fn remember(&mut self, event: &Event, place: Place) {
        self.0.put(place, IdEntry::of(event));
    }

    /// Sweeps some slots for entries older than `oldest`: see [`Table::sweep`].
    pub(crate) fn sweep(&mut self, oldest: Timestamp) {
        self.0.sweep(|id| id.time() < oldest);
    }

    pub(crate) fn regions(&mut self) -> impl Iterator<Item = &mut dyn PagedTable> {
        self.0.regions()
    }

    /// Reads the memory that the event will need into the cache: see [`Table::touch`].
    pub(crate) fn touch(&self, event: &Event) -> u8 {
        self.0.touch(&event.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Agent, Body, LabelArena, Status};

    #[test]
    fn a_forgotten_identifier_is_replaced_in_its_place() {
        let mut ids = Ids::new();
        let event = |millis: i64| {
            let body = Agent { agent: [1; 16], site: LabelArena::default().push(""), status: Status::Available };
            Event { id: [7; 16], fingerprint: 5, time: Timestamp::from_millis(millis), body: Body::Agent(body) }
        };
        let mut remember = |event: &Event, oldest: i64| match ids.look_up(event, Timestamp::from_millis(oldest)) {
            IdLookup::New(place) => {
                ids.remember(event, place);
                (true, ids.len())
            }
            known => (known == IdLookup::Repeated, ids.len()),
        };
        assert_eq!(remember(&event(1_000), 0), (true, 1));
        assert_eq!(remember(&event(2_000), 1_000), (false, 1), "a conflict while it is remembered");
        assert_eq!(remember(&event(2_000), 1_001), (true, 1));
        assert_eq!(remember(&event(2_000), 2_000), (true, 1), "repeated");
    }
}
