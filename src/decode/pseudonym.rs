//! The key under which identifiers become pseudonyms, and the hashing itself.
//!
//! Without the key nobody can trace a hash to a person, nor try all of the few million identifiers. The same identifier
//! always has the same hash under one key, so state made with one key is meaningless under another
//! ([`PseudonymKey::key_id`]).

use std::io;
use std::path::PathBuf;

use crate::event::Hash128;
use crate::file::TIME_LIMIT;

use super::blake3_lanes::EightLanes;

/// 256 secret bits. Has neither `Debug` nor `Display`: it is shown nowhere.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

/// A key that cannot be read or created.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is not 64 hexadecimal digits.
    #[error("a pseudonym key is 64 hexadecimal digits")]
    Malformed,
    /// The operating system gave no randomness.
    #[error("no randomness for a pseudonym key: {0}")]
    NoRandomness(getrandom::Error),
    /// The file does not hold 64 hexadecimal digits.
    #[error("pseudonym key file {} is malformed: it must hold 64 hexadecimal digits and nothing else", .0.display())]
    MalformedFile(PathBuf),
    /// Other users may write the file, or replace it in its directory.
    #[error(
        "pseudonym key file {} cannot be trusted: other users can write {} (mode {mode:o}); make sure that the key is \
         yours, then chmod go-w {}", key.display(), writable.display(), writable.display()
    )]
    Writable {
        /// The key file.
        key: PathBuf,
        /// The file or directory that others can write.
        writable: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file, or a directory in which it could be replaced, belongs to another user.
    #[error(
        "pseudonym key file {} cannot be trusted: {} belongs to user {owner}; run this as that user if the key is yours, or \
         make sure that it is and chown {user} {}", key.display(), path.display(), path.display()
    )]
    Foreign {
        /// The key file.
        key: PathBuf,
        /// The file or directory of the other user.
        path: PathBuf,
        /// User id of its owner.
        owner: u32,
        /// User id of the process.
        user: u32,
    },
    /// The file system does not answer.
    #[error("pseudonym key file {} cannot be read: no end within {} s; check its file system", .0.display(), TIME_LIMIT.as_secs())]
    TooSlow(PathBuf),
    /// The file cannot be read.
    #[error("cannot read pseudonym key file {}: {source}", path.display())]
    Read {
        /// The key file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The file or its directory cannot be created.
    #[error("cannot create pseudonym key file {}: {source}", path.display())]
    Create {
        /// The key file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl PseudonymKey {
    /// Reads 64 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| KeyError::Malformed)
    }

    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(KeyError::NoRandomness)?;
        Ok(Self(key))
    }

    /// The key as 64 hexadecimal digits, for its file.
    pub(super) fn to_hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    /// Derives a key for another purpose, which the context string names.
    pub fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, &self.0)
    }

    /// Identifies the key without revealing it: 16 hexadecimal digits, for logs and checkpoints.
    pub fn key_id(&self) -> String {
        let id = blake3::derive_key("pacemeter v1 pseudonym key id", &self.0);
        blake3::Hash::from_bytes(id).to_hex()[..16].to_owned()
    }
}

/// Kinds of identifiers, each hashed in a space of its own: a beneficiary and a credit of the same text have nothing in
/// common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentifierKind {
    Event,
    Beneficiary,
    Credit,
    Call,
    Agent,
}

impl IdentifierKind {
    pub(super) const ALL: [Self; 5] = [Self::Event, Self::Beneficiary, Self::Credit, Self::Call, Self::Agent];

    /// Names the kind's key in its derivation.
    fn context(self) -> &'static str {
        match self {
            Self::Event => "pacemeter v1 event id",
            Self::Beneficiary => "pacemeter v1 beneficiary",
            Self::Credit => "pacemeter v1 credit",
            Self::Call => "pacemeter v1 call",
            Self::Agent => "pacemeter v1 agent",
        }
    }
}

/// Hashes identifiers under one key.
///
/// Kinds differ by a derived key, not by a prefix, so that an identifier of up to 64 bytes is one block of BLAKE3.
pub(super) struct Pseudonyms {
    keys: [[u8; 32]; IdentifierKind::ALL.len()],
    record: RecordHasher,
    /// `None` if short identifiers cannot be hashed eight at once.
    pub(super) lanes: Option<EightLanes>,
}

/// Hashes whole records under a key of its own.
#[derive(Clone, Copy)]
pub struct RecordHasher([u8; 32]);

impl Pseudonyms {
    pub(super) fn new(PseudonymKey(key): &PseudonymKey) -> Self {
        Self {
            keys: IdentifierKind::ALL.map(|kind| blake3::derive_key(kind.context(), key)),
            record: RecordHasher(blake3::derive_key("pacemeter v1 record", key)),
            lanes: EightLanes::detect(),
        }
    }

    /// The key of a kind.
    pub(super) fn key(&self, kind: IdentifierKind) -> &[u8; 32] {
        &self.keys[kind as usize]
    }

    /// Hash of one identifier.
    pub(super) fn hash(&self, kind: IdentifierKind, identifier: &[u8]) -> Hash128 {
        first_half(blake3::keyed_hash(self.key(kind), identifier))
    }

    pub(super) fn record(&self) -> RecordHasher {
        self.record
    }
}

impl RecordHasher {
    /// Hash of a whole record: the length of the key (or a mark of its absence), the key, a flag for the value, the
    /// value.
    pub fn hash(&self, key: Option<&[u8]>, value: Option<&[u8]>) -> Hash128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&key.map_or(u64::MAX, |key| key.len() as u64).to_le_bytes()).update(key.unwrap_or_default());
        hasher.update(&[u8::from(value.is_some())]).update(value.unwrap_or_default());
        first_half(hasher.finalize())
    }
}

fn first_half(hash: blake3::Hash) -> Hash128 {
    *hash.as_bytes().first_chunk().expect("32 bytes have a first half")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: &str) -> PseudonymKey {
        PseudonymKey::from_hex(&digit.repeat(64)).unwrap()
    }

    #[test]
    fn a_key_id_tells_keys_apart_and_shows_none() {
        assert_eq!(key("1").key_id(), key("1").key_id());
        assert_ne!(key("1").key_id(), key("2").key_id());
        assert_eq!(key("1").key_id().len(), 16);
        assert!(!key("1").key_id().contains("1111"));
    }
}
