//! Why a file cannot be read as a checkpoint.

use std::io::{self, ErrorKind};

/// Reads on as "the file ...".
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("is no file of this kind")]
    Foreign,
    #[error("was written by a newer pacemeter: its format is {found}, this one reads up to {known}")]
    Newer { found: u32, known: u32 },
    #[error("is cut short, or was never finished")]
    Unfinished,
    /// The part named differs from its hash.
    #[error("is damaged: {0}")]
    Checksum(&'static str),
    /// Every hash holds, yet what is said cannot be.
    #[error("contradicts itself: {0}")]
    MalformedState(&'static str),
    #[error("refers to {name}, which {damage}")]
    Days { name: String, damage: Box<Damage> },
    #[error("is of {found}, not of {expected}")]
    Misplaced { found: String, expected: String },
}

impl Damage {
    /// All kinds.
    pub const KINDS: [&str; 8] =
        ["unreadable", "foreign", "newer", "unfinished", "checksum", "malformed", "days", "misplaced"];

    /// Its kind, as a label.
    pub fn kind(&self) -> &'static str {
        match self {
            Damage::Unreadable(_) => "unreadable",
            Damage::Foreign => "foreign",
            Damage::Newer { .. } => "newer",
            Damage::Unfinished => "unfinished",
            Damage::Checksum(_) => "checksum",
            Damage::MalformedState(_) => "malformed",
            Damage::Days { .. } => "days",
            Damage::Misplaced { .. } => "misplaced",
        }
    }

    /// Whether it or a file that it refers to was written by a newer pacemeter.
    pub fn is_newer(&self) -> bool {
        match self {
            Damage::Newer { .. } => true,
            Damage::Days { damage, .. } => damage.is_newer(),
            _ => false,
        }
    }

    /// Whether it will not get better: another try, another program or another place may help with the rest.
    pub(super) fn is_for_good(&self) -> bool {
        match self {
            Damage::Foreign | Damage::Unfinished | Damage::Checksum(_) | Damage::MalformedState(_) => true,
            Damage::Days { damage, .. } => {
                damage.is_for_good()
                    || matches!(&**damage, Damage::Unreadable(error) if error.kind() == ErrorKind::NotFound)
            }
            Damage::Unreadable(_) | Damage::Newer { .. } | Damage::Misplaced { .. } => false,
        }
    }
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::UnexpectedEof { Damage::Unfinished } else { Damage::Unreadable(error) }
    }
}
