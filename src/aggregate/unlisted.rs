//! Label values that are shown as `other`: how many, and the first of them by name.

use crate::allowlists::LabelKind;

/// Number of label values shown as `other`, for each [`LabelKind`]. Counts every occurrence, not distinct values. A
/// figure of the process, replays included: in no state.
#[derive(Debug, Clone, Default)]
pub struct UnlistedCounts {
    counts: [u64; LabelKind::ALL.len()],
    values: Vec<UnlistedValue>,
}

/// A label value that is shown as `other`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlistedValue {
    /// Label that has the value.
    pub kind: LabelKind,
    /// The value as given, of at most [`UnlistedValue::MAX_CHARACTERS`].
    pub value: String,
}

impl UnlistedValue {
    /// Length from which a value is truncated (characters).
    pub const MAX_CHARACTERS: usize = 64;
}

impl UnlistedCounts {
    /// Number of values that are named; all are counted.
    pub const MAX_VALUES: usize = 20;

    pub(super) fn count<'a>(&mut self, kind: LabelKind, unlisted: bool, value: impl FnOnce() -> &'a str) {
        self.counts[kind as usize] += u64::from(unlisted);
        if unlisted && self.values.len() < Self::MAX_VALUES {
            self.name(kind, value());
        }
    }

    /// Adds a value unless it is named already. Most are, so that takes no memory.
    fn name(&mut self, kind: LabelKind, value: &str) {
        // Characters are counted only of values that may have too many: each has at least one byte.
        let end = match value.len() {
            len if len <= UnlistedValue::MAX_CHARACTERS => len,
            len => value.char_indices().nth(UnlistedValue::MAX_CHARACTERS).map_or(len, |(end, _)| end),
        };
        let value = &value[..end];
        if !self.values.iter().any(|named| named.kind == kind && named.value == value) {
            self.values.push(UnlistedValue { kind, value: value.to_owned() });
        }
    }

    /// Counts in the order of [`LabelKind::ALL`].
    pub fn counts(&self) -> &[u64; LabelKind::ALL.len()] {
        &self.counts
    }

    /// The first distinct values, at most [`Self::MAX_VALUES`].
    pub fn values(&self) -> &[UnlistedValue] {
        &self.values
    }
}
