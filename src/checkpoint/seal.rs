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

    fn seal(&self, index: &[u8]) -> [u8; BYTES] {
        *blake3::keyed_hash(&self.key, index).as_bytes()
    }
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
