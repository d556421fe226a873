//! Names and paths of the files of a partition.

use std::fmt;

use crate::disk::TEMPORARY_SUFFIX;
use crate::record::Stream;

/// Directory of all checkpoints, relative to the state directory.
pub const DIRECTORY: &str = "checkpoints";

/// Highest sequence number that is accepted in a file name, so that there is always a next one.
const MAX_SEQUENCE: u64 = u64::MAX >> 1;

/// A partition of a stream; names the directory of its checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionDir {
    /// Stream of the topic.
    pub stream: Stream,
    /// Partition of the topic.
    pub partition: i32,
}

impl fmt::Display for PartitionDir {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.stream.name(), self.partition)
    }
}

impl PartitionDir {
    /// Parses the name of a directory, such as `call-12`; `None` if it has another form.
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

/// Kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Checkpoint,
    /// A file of closed days.
    Days,
}

/// Name of a file in the directory of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub kind: Kind,
    pub sequence: u64,
    /// True while the file is written, and if a crash left it behind.
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
            Self { kind, sequence: digits.parse().ok().filter(|sequence| *sequence <= MAX_SEQUENCE)?, is_temporary };
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
    fn only_canonical_names_are_parsed() {
        for name in [Name::checkpoint(0), Name::days(7).temporary(), Name::checkpoint(MAX_SEQUENCE)] {
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
