//! Progress through the cuts in the head of a checkpoint.

use super::{CutProgress, CutSpan};
use crate::checkpoint::Head;
use crate::clock::Timestamp;

/// Progress of a partition through the cuts, as saved with its state.
#[derive(Debug, Clone, Default)]
pub(in crate::pipeline) struct SavedProgress {
    /// Instant after which the first record was written.
    pub(in crate::pipeline) first: Option<Timestamp>,
    /// Instant before which all cuts are passed.
    pub(in crate::pipeline) passed: Option<Timestamp>,
    /// Parts by the first cut of each span.
    pub(in crate::pipeline) parts: Vec<(Timestamp, CutSpan)>,
}

impl SavedProgress {
    /// Reads the head of a checkpoint.
    pub(in crate::pipeline) fn read(head: &Head) -> Self {
        // Before format version 4 each part was of one cut.
        let until = head.pending_until.iter().copied().chain(std::iter::repeat(Timestamp::MIN));
        let provisional = head.provisional.iter().copied().chain(std::iter::repeat(false));
        let parts =
            head.pending_cuts.iter().zip(until).zip(provisional).map(|(((at, part), until), is_provisional)| {
                (*at, CutSpan { part: part.clone(), until: until.max(*at), is_provisional })
            });
        // Before format version 6 the last record told what was passed.
        let passed = head.passed.or_else(|| head.last_record?.timestamp);
        Self { first: head.first_timestamp, passed, parts: parts.collect() }
    }

    /// Adds the progress to the head of a checkpoint.
    pub(in crate::pipeline) fn add_to(self, head: Head) -> Head {
        let Self { first, passed, parts } = self;
        let has_provisional = parts.iter().any(|(_, span)| span.is_provisional);
        let provisional = parts.iter().filter(|_| has_provisional).map(|(_, span)| span.is_provisional).collect();
        let (pending_cuts, pending_until) =
            parts.into_iter().map(|(at, CutSpan { part, until, .. })| ((at, part), until)).unzip();
        Head { pending_cuts, first_timestamp: first, pending_until, passed, provisional, ..head }
    }
}

impl CutProgress {
    /// Progress to be saved with the state.
    pub(in crate::pipeline) fn saved(&self) -> SavedProgress {
        let parts = self.parts.iter().map(|(&at, span)| (at, span.clone())).collect();
        SavedProgress { first: self.first, passed: self.passed, parts }
    }
}
