//! Reasons why a file cannot be read as a checkpoint.

use std::io::{self, ErrorKind};

/// Reason why a file cannot be read as a checkpoint. Its text continues "the file ...".
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The disk does not return the bytes; another attempt may succeed.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file does not begin with the magic of its kind.
    #[error("is not a file of this kind")]
    Foreign,
    /// A newer program wrote the file.
    #[error("was written by a newer pacemeter: its format is {found}, this one reads up to {known}")]
    Newer {
        /// Format version of the file.
        found: u32,
        /// Newest format version that this program reads.
        known: u32,
    },
    /// The file has no footer at its end.
    #[error("is truncated or was never completed")]
    Unfinished,
    /// The section named differs from its hash.
    #[error("is damaged: the hash of the {0} differs")]
    Checksum(&'static str),
    /// All hashes are right, yet the content cannot be: a bug wrote it, or somebody forged it.
    #[error("is inconsistent: {0}")]
    Malformed(&'static str),
    /// The file has no keyed hash, as only versions before wrote it, and is not accepted: anybody can make such a file.
    #[error("has format {found}, which has no keyed hash: anybody can make such a file")]
    Unsealed {
        /// Format version of the file.
        found: u32,
    },
    /// The file names another pseudonym key, so nothing in it is proven.
    #[error("was written with pseudonym key {found}, another one, so nothing in it is proven")]
    OtherKey {
        /// Key id in the head.
        found: String,
    },
    /// A file of closed days that the checkpoint refers to is damaged.
    #[error("refers to {name}, which {damage}")]
    Days {
        /// Name of the file of closed days.
        name: String,
        /// Damage of that file.
        damage: Box<Damage>,
    },
    /// The file belongs to another partition or has another sequence number.
    #[error("belongs to {found}, not to {expected}")]
    Misplaced {
        /// Partition and number in the head.
        found: String,
        /// Partition and number by the path.
        expected: String,
    },
}

impl Damage {
    /// All values of [`Damage::kind`].
    pub const KINDS: [&str; 10] = [
        "unreadable",
        "foreign",
        "newer",
        "unfinished",
        "checksum",
        "malformed",
        "unsealed",
        "other_key",
        "days",
        "misplaced",
    ];

    /// Value of the label `reason`.
    pub fn kind(&self) -> &'static str {
        match self {
            Damage::Unreadable(_) => "unreadable",
            Damage::Foreign => "foreign",
            Damage::Newer { .. } => "newer",
            Damage::Unfinished => "unfinished",
            Damage::Checksum(_) => "checksum",
            Damage::Malformed(_) => "malformed",
            Damage::Unsealed { .. } => "unsealed",
            Damage::OtherKey { .. } => "other_key",
            Damage::Days { .. } => "days",
            Damage::Misplaced { .. } => "misplaced",
        }
    }

    /// True if a newer program wrote the file, or a file that it refers to.
    pub fn is_newer(&self) -> bool {
        match self {
            Damage::Newer { .. } => true,
            Damage::Days { damage, .. } => damage.is_newer(),
            _ => false,
        }
    }

    /// True if the file may be of use elsewhere: with another key or setting, or in another place. It is kept, and counts
    /// for nothing beside a checkpoint that is proven.
    pub(super) fn is_of_elsewhere(&self) -> bool {
        matches!(self, Damage::Unsealed { .. } | Damage::OtherKey { .. } | Damage::Misplaced { .. })
    }

    /// True if the file can never be used, so that it may be pruned. After other damage another attempt, version or
    /// host may still read it.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Damage::Foreign | Damage::Unfinished | Damage::Checksum(_) | Damage::Malformed(_) => true,
            Damage::Days { damage, .. } => {
                damage.is_permanent()
                    || matches!(&**damage, Damage::Unreadable(error) if error.kind() == ErrorKind::NotFound)
            }
            Damage::Unreadable(_) | Damage::Newer { .. } => false,
            Damage::Unsealed { .. } | Damage::OtherKey { .. } | Damage::Misplaced { .. } => false,
        }
    }
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Damage::Unfinished } else { Damage::Unreadable(error) }
    }
}
