//! What files are called and where they lie.

use std::fmt;

use crate::disk::TEMPORARY_SUFFIX;
use crate::record::Stream;

/// The directory of all checkpoints, below the state directory.
pub const DIRECTORY: &str = "checkpoints";

/// Numbers with more than this are not ours, so that there is always a next one.
const MOST_SEQUENCE: u64 = u64::MAX >> 1;

/// A partition of a stream, as a place for its checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionDir {
    pub stream: Stream,
    pub partition: i32,
}

impl fmt::Display for PartitionDir {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.stream.name(), self.partition)
    }
}

impl PartitionDir {
    /// From the name of its directory, if it is one.
    pub fn from_name(name: &str) -> Option<Self> {
        let (stream, partition) = name.split_once('-')?;
        let dir = Self {
            stream: Stream::from_name(stream)?,
            partition: partition.parse().ok().filter(|partition| *partition >= 0)?,
        };
        (dir.to_string() == name).then_some(dir)
    }

    pub(super) fn directory(self) -> String {
        format!("{DIRECTORY}/{self}")
    }

    pub(super) fn path(self, name: Name) -> String {
        format!("{}/{name}", self.directory())
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Checkpoint,
    /// Closed days.
    Days,
}

/// The name of a file of ours in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub kind: Kind,
    pub sequence: u64,
    /// Not whole yet, or left behind.
    pub is_temporary: bool,
}

impl Name {
    pub(super) fn checkpoint(sequence: u64) -> Self {
        Self { kind: Kind::Checkpoint, sequence, is_temporary: false }
    }

    pub(super) fn days(sequence: u64) -> Self {
        Self { kind: Kind::Days, sequence, is_temporary: false }
    }

    #[cfg(test)]
    pub(super) fn temporary(self) -> Self {
        Self { is_temporary: true, ..self }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (rest, is_temporary) = text.strip_suffix(TEMPORARY_SUFFIX).map_or((text, false), |rest| (rest, true));
        let (digits, kind) = match rest.split_once('.')? {
            (digits, "checkpoint") => (digits, Kind::Checkpoint),
            (digits, "days") => (digits, Kind::Days),
            _ => return None,
        };
        let name =
            Self { kind, sequence: digits.parse().ok().filter(|sequence| *sequence <= MOST_SEQUENCE)?, is_temporary };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Checkpoint => "checkpoint",
            Kind::Days => "days",
        };
        write!(formatter, "{:020}.{kind}{}", self.sequence, if self.is_temporary { TEMPORARY_SUFFIX } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_they_are_written_are_ours() {
        for name in [Name::checkpoint(0), Name::days(7).temporary(), Name::checkpoint(MOST_SEQUENCE)] {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        for name in [
            "7.checkpoint",
            "00000000000000000007.checkpoint.bak",
            "99999999999999999999.days",
            "18446744073709551615.days",
            "lock",
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
        let dir = PartitionDir { stream: Stream::Call, partition: 12 };
        assert_eq!(PartitionDir::from_name("call-12"), Some(dir));
        for name in ["call-012", "call--1", "call", "other-1", "call-+1"] {
            assert_eq!(PartitionDir::from_name(name), None, "{name}");
        }
    }
}
