//! Checkpoints: a partition's state and its `next_offset` as one durable value.
//!
//! # Files
//!
//! ```text
//! lock                                      held while the process lives; names it for people
//! pseudonym.key                             without it no state is worth anything
//! checkpoints/<stream>-<partition>/
//!     <sequence>.checkpoint                 an image of the state at one record boundary; the three newest are kept
//!     <sequence>.days                       days of history that will not change any more, written once, with the checkpoint of that number
//!     <either>.tmp                          being written, or left behind by a crash
//!     cleared                               everything here was removed on purpose; goes with the next checkpoint
//! ```
//!
//! A checkpoint file has, one after the other: what it is (`head`); pages of the large tables as they lie in memory, in the order in which
//! they were copied, a piece at a time (`index::ChunkEntry`); the days that are not closed; all the rest (the body); and the index
//! (`container`, `index`). Whatever a file says is checked before room is made for it.
//!
//! # The protocol of writing
//!
//! ```text
//! begin                  what earlier attempts left is removed; N.checkpoint.tmp is made; the head is written
//! piece, any number      each is appended as it comes
//! advance                closed days that no file has yet: N.days.tmp is written and synced
//! advance                ... renamed to N.days, and the directory synced
//! advance                open days, body, index and footer are appended
//! advance                N.checkpoint.tmp is synced
//! advance                ... renamed to N.checkpoint
//! advance                the directory is synced: now the checkpoint counts as written
//! prune_one, as needed   damaged ones and all but the three newest go, oldest first; then closed days to which none of the kept refers
//! ```
//!
//! What a name without `.tmp` shows was synced before, so it is whole, unless the disk lies or decays; that is what the hashes are for. N is
//! above any number seen in a name, so no file is ever written twice. A step that fails ends the attempt: nothing is known of what a failed
//! sync left in the file, so it is never synced again and never renamed; the next checkpoint is a new file with all that is in memory.
//!
//! # The protocol of reading
//!
//! From the newest to the oldest, the first checkpoint is taken whose head, index, body and days hold (`CheckpointStore::newest`). Its head is held
//! against what is expected (`ExpectedHead::mismatches`); its pages are checked as they are put in place (`CheckpointReader::fill`), and should one be
//! damaged, the next older checkpoint is taken. A file of a newer format is not passed over.
//!
//! Nothing here reads the wall clock or starts a thread, but for `CheckpointReader::fill` when it is told to.

mod container;
mod damage;
mod days;
mod expected;
mod fault;
mod file;
mod fill;
mod head;
mod index;
mod names;
mod packed;
mod reader;
mod store;
#[cfg(test)]
mod tests;
mod thread;

pub use damage::Damage;
pub use expected::{ExpectedHead, Mismatch, SettingChange};
pub use fault::{WriteError, WriteReason};
pub use file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
pub use head::{Head, LastRecord};
pub use index::{DaysFile, MAX_PIECE_BYTES};
pub use names::{DIRECTORY, PartitionDir};
pub use reader::CheckpointReader;
pub use store::{CheckpointCandidates, CheckpointChain, CheckpointStore, KEPT, Listing};
pub use thread::{
    BytesInFlight, CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointThread,
};
