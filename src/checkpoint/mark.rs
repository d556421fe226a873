//! Marks of partitions without checkpoints: where their state may begin.
//!
//! A mark has two lines: its content as JSON, and a keyed hash of that line. An empty or edited one, and one of another
//! partition or key, is no mark: anybody who can write the directory could make it.

use serde::{Deserialize, Serialize};

use super::names::PartitionDir;
use super::seal::CheckpointKey;

/// Maximum length of a mark (bytes).
pub(super) const MAX_BYTES: u64 = 1_024;

/// Decision on where the state of a partition begins, as long as it has no checkpoint.
///
/// A log that begins later than `first_offset` has lost records that nobody gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartMark {
    /// Origin of the decision.
    pub reason: StartReason,
    /// Offset at which the state before began, or to which an operator has given up its history.
    pub first_offset: i64,
}

/// Origin of a [`StartMark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartReason {
    /// The partition had no state before.
    FirstStart,
    /// `pacemeter state rebuild` removed the state.
    Rebuild,
    /// `pacemeter state rebuild --force` removed the state, and gave up what the log no longer has.
    ForcedRebuild,
}

/// First line of a mark.
#[derive(Serialize, Deserialize)]
struct Content<'a> {
    partition: &'a str,
    #[serde(flatten)]
    mark: StartMark,
}

impl StartReason {
    /// Name of the file of such a mark.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            StartReason::FirstStart => "begun",
            StartReason::Rebuild | StartReason::ForcedRebuild => "cleared",
        }
    }
}

/// Paths at which a partition may have a mark. A rebuild counts before a first start.
pub(super) fn paths(dir: PartitionDir) -> [String; 2] {
    [StartReason::Rebuild, StartReason::FirstStart].map(|reason| path(dir, reason))
}

pub(super) fn path(dir: PartitionDir, reason: StartReason) -> String {
    format!("{}/{}", dir.directory(), reason.file_name())
}

/// Text of a mark; without a key its hash is a fixed one.
pub(super) fn text(mark: &StartMark, dir: PartitionDir, key: &CheckpointKey) -> String {
    let content = Content { partition: &dir.to_string(), mark: *mark };
    let line = serde_json::to_string(&content).expect("plain values can always be encoded");
    let hash = key.mark_seal(&line).to_hex();
    format!("{line}\n{hash}\n")
}

/// Mark of a partition; `None` unless this key has sealed it for this partition.
pub(super) fn parse(text: &str, dir: PartitionDir, key: &CheckpointKey) -> Option<StartMark> {
    let (line, hash) = text.strip_suffix('\n')?.split_once('\n')?;
    let hash = blake3::Hash::from_hex(hash).ok()?;
    if key.mark_seal(line) != hash {
        return None;
    }
    let content: Content<'_> = serde_json::from_str(line).ok()?;
    (content.partition == dir.to_string()).then_some(content.mark)
}
