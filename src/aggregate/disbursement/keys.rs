//! People and supports that state remembers, for the audit of their keying.

use super::DisbursementsState;
use crate::aggregate::key_sample::{KeyKind, SampledKey};
use crate::aggregate::table::TableEntry;
use crate::clock::Timestamp;

impl DisbursementsState {
    /// Supports and paid people. Of a person who was not paid state holds nothing.
    pub(crate) fn remembered_keys(&self) -> impl Iterator<Item = SampledKey> {
        let people = self.people.hashes();
        let people = people.map(|hash| SampledKey { kind: KeyKind::Person, hash, time: Timestamp::MIN });
        let supports = self.supports.iter().map(|support| SampledKey {
            kind: KeyKind::Support,
            hash: support.key(),
            time: support.newest(),
        });
        people.chain(supports)
    }

    pub(crate) fn remembers(&self, key: &SampledKey) -> bool {
        match key.kind {
            KeyKind::Person => self.people.has(&key.hash),
            _ => self.supports.get(&key.hash).is_some(),
        }
    }
}
