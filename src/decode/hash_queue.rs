//! Events whose identifiers are not hashed yet.
//!
//! Eight hashes at once cost little more than one (`blake3_lanes`). So a batch is decoded in groups, each in two passes.
//! The first pass reads the records and copies each identifier into the queue of its kind. The second pass hashes the
//! queues, eight identifiers at once, and completes the events.
//!
//! An identifier longer than a block (64 bytes, an event's source included) is hashed by itself in the first pass.
//! Without AVX2 all others are hashed one by one in the second.

use crate::event::{Body, Event, Hash128};

use super::blake3_lanes::{BLOCK_BYTES, Block, LANES};
use super::fingerprint::FingerprintQueue;
use super::pseudonym::{IdentifierKind, Pseudonyms};

/// Events that [`Decoder::begin`](super::Decoder::begin) has read and [`Decoder::finish`](super::Decoder::finish) has
/// not completed. Holds their identifiers, so it has no `Debug`.
#[derive(Default)]
pub(super) struct HashQueue {
    identifiers: [IdentifierQueue; IdentifierKind::ALL.len()],
    pub(super) fingerprints: FingerprintQueue,
}

/// Identifiers of one kind, in the order of their events.
#[derive(Default)]
struct IdentifierQueue {
    /// Identifiers that are not hashed yet.
    short: Vec<ShortIdentifier>,
    /// Hashes of all, zero for those that are not hashed yet.
    hashes: Vec<Hash128>,
    /// Memory in which the parts of a long identifier are joined.
    long: Vec<u8>,
}

/// An identifier that fits one block.
struct ShortIdentifier {
    block: Block,
    length: u32,
    /// Place of its hash.
    place: u32,
}

impl HashQueue {
    /// Number of records to begin before they are finished.
    pub(super) const RECORDS: usize = 64;

    /// Queues an identifier of the event that is being read.
    pub(super) fn push(&mut self, pseudonyms: &Pseudonyms, kind: IdentifierKind, identifier: &str) {
        self.identifiers[kind as usize].push(pseudonyms, kind, [identifier.as_bytes()]);
    }

    /// Queues the identity of the event that has been read, which completes it: the length of its source (or a mark of
    /// its absence), the source and the id, so that no two pairs collide.
    pub(super) fn push_event(&mut self, pseudonyms: &Pseudonyms, source: Option<&str>, id: &str) {
        const NO_SOURCE: u16 = u16::MAX;
        let length =
            source.map_or(NO_SOURCE, |source| u16::try_from(source.len()).expect("a source is at most 1,024 bytes"));
        let parts = [&length.to_le_bytes(), source.unwrap_or("").as_bytes(), id.as_bytes()];
        self.identifiers[IdentifierKind::Event as usize].push(pseudonyms, IdentifierKind::Event, parts);
        self.fingerprints.end();
    }

    /// Completes the events in the order in which they were queued, and empties the queue.
    ///
    /// # Panics
    ///
    /// Panics if `events` are not those in the queue.
    pub(super) fn finish<'e>(&mut self, pseudonyms: &Pseudonyms, events: impl IntoIterator<Item = &'e mut Event>) {
        for (queue, kind) in self.identifiers.iter_mut().zip(IdentifierKind::ALL) {
            queue.hash(pseudonyms, kind);
        }
        let mut hashes = self.identifiers.each_mut().map(|queue| queue.hashes.drain(..));
        let mut next = |kind: IdentifierKind| hashes[kind as usize].next().expect("each event queued its identifiers");
        let mut fingerprints = self.fingerprints.unfinished();
        for event in events {
            let fingerprint = fingerprints.next().expect("each event is queued");
            event.id = next(IdentifierKind::Event);
            event.fingerprint = match &mut event.body {
                Body::Disbursement(body) => {
                    body.beneficiary = next(IdentifierKind::Beneficiary);
                    body.credit = next(IdentifierKind::Credit);
                    fingerprint.finish(&[body.beneficiary, body.credit])
                }
                Body::Call(body) => {
                    body.call = next(IdentifierKind::Call);
                    fingerprint.finish(&[body.call])
                }
                Body::Agent(body) => {
                    body.agent = next(IdentifierKind::Agent);
                    fingerprint.finish(&[body.agent])
                }
                Body::Milestone(_) => fingerprint.finish(&[]),
            };
        }
        assert!(fingerprints.next().is_none(), "each queued event is finished");
        drop((hashes, fingerprints));
        self.fingerprints.clear();
    }
}

impl IdentifierQueue {
    /// Fewest identifiers that cost less at once than one by one.
    const FEWEST: usize = 3;

    /// Queues an identifier, given in parts.
    #[inline]
    fn push<const PARTS: usize>(&mut self, pseudonyms: &Pseudonyms, kind: IdentifierKind, parts: [&[u8]; PARTS]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > BLOCK_BYTES {
            parts.iter().for_each(|part| self.long.extend_from_slice(part));
            self.hashes.push(pseudonyms.hash(kind, &self.long));
            self.long.clear();
            return;
        }
        let mut block = [0; BLOCK_BYTES];
        let mut rest = block.as_mut_slice();
        for part in parts {
            let (start, end) = rest.split_at_mut(part.len());
            start.copy_from_slice(part);
            rest = end;
        }
        self.short.push(ShortIdentifier { block, length: length as u32, place: self.hashes.len() as u32 });
        self.hashes.push(Hash128::default());
    }

    /// Hashes what is not hashed yet.
    fn hash(&mut self, pseudonyms: &Pseudonyms, kind: IdentifierKind) {
        let (eights, mut rest) = self.short.as_chunks::<LANES>();
        if let Some(lanes) = pseudonyms.lanes {
            let mut hash = |inputs: [&ShortIdentifier; LANES]| {
                let (blocks, lengths) = (inputs.map(|input| &input.block), inputs.map(|input| input.length));
                for (input, hash) in inputs.iter().zip(lanes.hash(pseudonyms.key(kind), blocks, lengths)) {
                    self.hashes[input.place as usize] = hash;
                }
            };
            eights.iter().for_each(|eight| hash(eight.each_ref()));
            if rest.len() >= Self::FEWEST {
                // Lanes that are left over repeat the first identifier.
                hash(std::array::from_fn(|lane| rest.get(lane).unwrap_or(&rest[0])));
                rest = &[];
            }
        } else {
            rest = &self.short;
        }
        for ShortIdentifier { block, length, place } in rest {
            self.hashes[*place as usize] = pseudonyms.hash(kind, &block[..*length as usize]);
        }
        self.short.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::pseudonym::PseudonymKey;

    fn pseudonyms(digit: &str) -> Pseudonyms {
        Pseudonyms::new(&PseudonymKey::from_hex(&digit.repeat(64)).unwrap())
    }

    fn without_lanes(digit: &str) -> Pseudonyms {
        let mut pseudonyms = pseudonyms(digit);
        pseudonyms.lanes = None;
        pseudonyms
    }

    /// An identifier, with the source if it is an event's.
    type Identifier = (IdentifierKind, Option<String>, String);

    /// Hashes identifiers of any kinds together, and returns their hashes in order.
    fn hashes(pseudonyms: &Pseudonyms, identifiers: &[Identifier]) -> Vec<Hash128> {
        let mut queue = HashQueue::default();
        for (kind, source, text) in identifiers {
            match kind {
                IdentifierKind::Event => queue.push_event(pseudonyms, source.as_deref(), text),
                _ => queue.push(pseudonyms, *kind, text),
            }
        }
        queue.identifiers.iter_mut().zip(IdentifierKind::ALL).for_each(|(queue, kind)| queue.hash(pseudonyms, kind));
        let mut queues = queue.identifiers.map(|queue| queue.hashes.into_iter());
        identifiers.iter().map(|(kind, ..)| queues[*kind as usize].next().unwrap()).collect()
    }

    /// Hash by the crate alone.
    fn expected(pseudonyms: &Pseudonyms, (kind, source, text): &Identifier) -> Hash128 {
        let mut input = Vec::new();
        if *kind == IdentifierKind::Event {
            input.extend(source.as_ref().map_or(u16::MAX, |source| source.len() as u16).to_le_bytes());
            input.extend(source.as_deref().unwrap_or("").as_bytes());
        }
        input.extend(text.as_bytes());
        *blake3::keyed_hash(pseudonyms.key(*kind), &input).as_bytes().first_chunk().unwrap()
    }

    fn assert_all_are_expected(identifiers: &[Identifier]) {
        let pseudonyms = pseudonyms("1");
        let expected: Vec<Hash128> = identifiers.iter().map(|identifier| expected(&pseudonyms, identifier)).collect();
        assert_eq!(hashes(&pseudonyms, identifiers), expected);
        assert_eq!(hashes(&without_lanes("1"), identifiers), expected);
    }

    #[test]
    fn every_kind_and_length_is_hashed_as_by_the_crate() {
        let lengths = (0..=130).chain([1_024]);
        let all: Vec<Identifier> = lengths
            .flat_map(|length| {
                let text = |letter: char| letter.to_string().repeat(length);
                let source = (IdentifierKind::Event, Some(text('s')), "i".repeat(128 - length % 128));
                IdentifierKind::ALL.map(|kind| (kind, None, text('x'))).into_iter().chain([source])
            })
            .collect();
        assert_all_are_expected(&all);
    }

    #[test]
    fn kinds_keys_and_sources_separate_identifiers() {
        let long = "x".repeat(300);
        let event = |source: Option<&str>, id: &str| (IdentifierKind::Event, source.map(str::to_owned), id.to_owned());
        let identifiers: Vec<Identifier> = IdentifierKind::ALL
            .map(|kind| (kind, None, "a".to_owned()))
            .into_iter()
            .chain([
                (IdentifierKind::Beneficiary, None, "b".to_owned()),
                event(None, "ab"),
                event(Some("a"), "b"),
                event(Some("ab"), "c"),
                event(Some("a"), "bc"),
                event(Some(&long), "bc"),
                event(Some(&long[1..]), "xbc"),
            ])
            .collect();
        let both = [hashes(&pseudonyms("1"), &identifiers), hashes(&pseudonyms("2"), &identifiers)].concat();
        assert_eq!(both.iter().collect::<HashSet<_>>().len(), 2 * identifiers.len());
    }

    proptest! {
        #[test]
        fn mixed_identifiers_are_hashed_as_by_the_crate(
            identifiers in prop::collection::vec(
                (prop::sample::select(IdentifierKind::ALL.to_vec()), prop::option::of("[a-z]{0,90}"), "[ -~]{0,130}"),
                0..100,
            ),
        ) {
            assert_all_are_expected(&identifiers);
        }
    }
}
