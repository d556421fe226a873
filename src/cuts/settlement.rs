//! Settlement of provisional cuts: later facts about stored cuts, which themselves never change.
//!
//! A partition that passed a cut by the clock may get a record that a replay puts into the cut
//! (`spec/figures.md#settlement`). The first record behind the end of the cut in this partition decides: if it was written
//! after the instant of the cut, every replay ends the cut where it ended, and the cut is settled there; else the record
//! came late, and the cut is not the one that a replay makes. The list of cuts keeps these decisions, under its seal.

use serde::{Deserialize, Serialize};

use super::record::{Cut, CutOffset};
use crate::clock::Timestamp;

/// Partitions in which a cut was provisional when it was stored, and the outcome of each. A partition is its position in
/// [`Cut::offsets`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CutSettlement {
    /// All of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) provisional: Vec<usize>,
    /// Those whose next record was written after the instant of the cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    settled: Vec<usize>,
    /// Those whose next record belongs to the cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) late: Vec<usize>,
}

/// Decision of the first record behind the end of a provisional cut in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementDecision {
    /// Id of the cut.
    pub id: String,
    /// Hash of the cut.
    pub hash: String,
    /// Position of the partition in [`Cut::offsets`].
    pub position: usize,
    /// True if the record belongs to the cut.
    pub is_late: bool,
}

/// A stored cut that is provisional in some partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsettledCut {
    /// Id of the cut.
    pub id: String,
    /// Hash of the cut.
    pub hash: String,
    /// Instant of the cut.
    pub at: Timestamp,
    /// Instant when building the state of the cut began.
    pub state_built: Timestamp,
    /// These partitions, with their positions in [`Cut::offsets`].
    pub offsets: Vec<(usize, CutOffset)>,
}

impl UnsettledCut {
    /// Finds the partitions in which a cut that was just stored with a hash is provisional.
    pub fn of(cut: &Cut, hash: &str) -> Self {
        let offsets = cut.offsets.iter().cloned().enumerate().filter(|(_, offset)| offset.is_provisional).collect();
        Self { id: cut.id.clone(), hash: hash.to_owned(), at: cut.at_ms, state_built: cut.state_built_ms, offsets }
    }
}

impl CutSettlement {
    /// Settlement of a cut that was just stored.
    pub(super) fn of(cut: &Cut) -> Self {
        let offsets = cut.offsets.iter().enumerate();
        let provisional = offsets.filter(|(_, offset)| offset.is_provisional).map(|(position, _)| position);
        Self { provisional: provisional.collect(), ..Self::default() }
    }

    /// True while a partition is undecided.
    pub(super) fn is_provisional(&self) -> bool {
        self.provisional.iter().any(|position| self.is_open(position))
    }

    fn is_open(&self, position: &usize) -> bool {
        self.provisional.contains(position) && !self.settled.contains(position) && !self.late.contains(position)
    }

    /// Adds a decision; a second one about a partition changes nothing.
    pub(super) fn add(&mut self, decision: &SettlementDecision) {
        if self.is_open(&decision.position) {
            let decided = if decision.is_late { &mut self.late } else { &mut self.settled };
            decided.push(decision.position);
        }
    }

    /// The undecided partitions of a stored cut.
    pub(super) fn unsettled(&self, cut: &Cut, hash: &str) -> UnsettledCut {
        let mut unsettled = UnsettledCut::of(cut, hash);
        unsettled.offsets.retain(|(position, _)| self.is_open(position));
        unsettled
    }

    /// Marks the partitions of a stored cut as they are known by now.
    pub(super) fn mark(&self, cut: &mut Cut) {
        for (position, offset) in cut.offsets.iter_mut().enumerate() {
            offset.is_provisional = self.is_open(&position);
            offset.is_late = self.late.contains(&position);
        }
    }
}
