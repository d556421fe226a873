//! Seal of a checkpoint: a keyed hash of its index, so that nobody without the pseudonym key can make or edit one.
//!
//! The index has the hashes of everything in the file, and the root hashes of the files of closed days. Plain hashes show
//! what a disk has damaged; whoever edits a file can compute them as well.

/// First format version of sealed checkpoints.
pub(super) const FIRST_VERSION: u32 = 5;
/// Length of a seal, which follows the index (bytes).
const BYTES: usize = 32;

/// Secret key of the seals of checkpoints, derived from the pseudonym key with [`CheckpointKey::CONTEXT`].
#[derive(Clone)]
pub struct CheckpointKey {
    key: [u8; BYTES],
    /// Identifies the pseudonym key. Checkpoints of another one are refused as such, not as damaged.
    pub(super) pseudonym_key_id: String,
}

impl CheckpointKey {
    /// Context string of the derivation from the pseudonym key.
    pub const CONTEXT: &'static str = "pacemeter v1 checkpoint";

    /// Wraps a derived key; `pseudonym_key_id` identifies the pseudonym key.
    pub fn new(key: [u8; BYTES], pseudonym_key_id: String) -> Self {
        Self { key, pseudonym_key_id }
    }

    /// Key of a store that has none: nothing that another key has sealed is proven.
    pub fn unknown() -> Self {
        Self::new([0; BYTES], String::new())
    }

    fn seal(&self, index: &[u8]) -> [u8; BYTES] {
        *blake3::keyed_hash(&self.key, index).as_bytes()
    }

    /// Keyed hash of a mark. Its key is another one, so that no seal of an index is one of a mark.
    pub(super) fn mark_seal(&self, text: &str) -> blake3::Hash {
        blake3::keyed_hash(&blake3::derive_key("pacemeter v1 checkpoint mark", &self.key), text.as_bytes())
    }
}

/// Conditions under which a checkpoint is believed.
#[derive(Clone)]
pub(super) struct SealTrust {
    /// Key of the seals; without one no seal is compared.
    pub key: Option<CheckpointKey>,
    /// True if formats without a seal are accepted.
    pub accepts_unsealed: bool,
}

/// Appends its seal to an index: zeros without a key.
pub(super) fn sealed(mut index: Vec<u8>, key: Option<&CheckpointKey>) -> Vec<u8> {
    let seal = key.map_or([0; BYTES], |key| key.seal(&index));
    index.extend(seal);
    index
}

/// Separates an index from its seal; `None` if it is too short.
pub(super) fn split(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    sealed.split_at_checked(sealed.len().checked_sub(BYTES)?)
}

/// True if this is the seal of an index.
pub(super) fn fits(index: &[u8], seal: &[u8], key: &CheckpointKey) -> bool {
    blake3::Hash::from_bytes(key.seal(index)) == *seal
}
