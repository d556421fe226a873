//! Checkpoints: the state of a partition and its `next_offset`, stored as one durable value.
//!
//! # How a checkpoint is made durable
//!
//! 1. The pipeline's task takes an image of a partition at one record boundary (`PartitionState::begin_image`) and
//!    sends [`CheckpointRequest::Begin`]. The checkpoint thread creates `N.checkpoint.tmp` and writes the head.
//! 2. The task copies pages between two messages and sends them ([`CheckpointRequest::Pages`]); the thread appends each
//!    chunk. Events continue to be applied: a page is copied before it changes.
//! 3. When all pages are copied and the dead letters below `next_offset` are acknowledged or have failed, the task
//!    sends [`CheckpointRequest::Finish`]. A checkpoint must not claim that a record was dead-lettered before it was.
//! 4. The thread takes the steps of the table below, one `CheckpointFile::advance` each, and reports a
//!    [`CheckpointOutcome`].
//! 5. The task commits offsets to Kafka. They are for lag tools only: a restart resumes from the checkpoint, not from
//!    them.
//!
//! | step | on disk | if the process or the machine dies after it |
//! |---|---|---|
//! | begin | leftover temporary files are removed; `N.checkpoint.tmp` has the head | older checkpoints are used |
//! | chunk, any number | pages are appended | same |
//! | write closed days | days that no file holds yet: `N.days.tmp`, synced | same |
//! | name closed days | renamed to `N.days`, directory synced | same; `N.days` is an orphan, removed by pruning |
//! | complete | open days, body, index and footer are appended | same |
//! | sync | `fsync` of `N.checkpoint.tmp` | same |
//! | rename | `N.checkpoint` | N or an older one is used, both are complete |
//! | sync the directory | `fsync` of the directory | **N is durable and is used** |
//! | prune, file by file | unneeded files are removed, oldest first | N is used |
//!
//! Unneeded are damaged checkpoints, intact ones beyond the three newest, and then closed days that none of the rest
//! refers to.
//!
//! Both files are written with the atomic write of [`crate::disk`]: a name without `.tmp` stands for synced content,
//! unless the disk lies or decays, which the hashes reveal. N is above every number that any file name of the partition
//! has, so no file is written twice.
//!
//! A failed step ends the attempt; nothing is synced or renamed after it. The next checkpoint is a new file with
//! everything that is in memory. The previous checkpoint stays valid.
//!
//! When a checkpoint begins, how the copying is paced and what happens if the disk hangs is decided by the pipeline's
//! checkpoint scheduler.
//!
//! # How a checkpoint is restored
//!
//! [`CheckpointStore::newest`] opens checkpoints from the newest to the oldest and returns the first whose preamble,
//! footer, index, head, body and days are intact, and whose index has the seal of our key. One of another key, or of a
//! format without a seal, proves nothing and is skipped as well; formats without a seal may be accepted where nothing
//! sealed is there. [`ExpectedHead::mismatches`] compares its head with the log, the
//! settings and the pseudonym key. [`CheckpointReader::fill`] checks each chunk and copies its pages to where they
//! belong in memory; if one is damaged, the pipeline asks for the next older checkpoint
//! ([`CheckpointStore::newest_before`]). A checkpoint of a newer format is never skipped: an older one would silently
//! discard what a newer program stored.
//!
//! Reading the log resumes at the last applied record ([`LastRecord`]): the log must still contain that very record
//! there, else it is another log. Indexes and timers are in no checkpoint; they are derived from the state that was
//! read.
//!
//! # Files
//!
//! ```text
//! lock                                      held while the process lives (crate::disk::Lock)
//! pseudonym.key                             without it no state is of any use
//! cuts/                                     see crate::cuts
//! checkpoints/<stream>-<partition>/
//!     <sequence>.checkpoint                 an image of the state at one record boundary; the three newest are kept
//!     <sequence>.days                       closed days, written with the checkpoint of that number
//!     <either>.tmp                          in progress, or left behind by a crash
//!     cleared                               mark of `pacemeter state rebuild`; removed after the next checkpoint
//!     begun                                 mark of a first start on a shortened log; removed like the other
//! ```
//!
//! A closed day is a day of history that no event changes any more. It is stored once, in the `.days` file of the first
//! checkpoint that finds it closed; later checkpoints refer to that file by sequence number and hash. A checkpoint
//! refers to at most 32 files: beyond that, all closed days are written into one new file. A late event may still
//! change a closed day (a call's offer changes the day of its answer). Such a day is *reopened*: it is stored with the
//! open days from then on, until it is forgotten.
//!
//! # Format
//!
//! Both kinds of file consist of sections between a preamble and an index (`container`):
//!
//! ```text
//! preamble    magic, format version (u32), first 7 bytes of the BLAKE3 hash of both
//! sections    back to back
//! index       length and BLAKE3 hash of each section, in the order of the file; in checkpoints the seal follows
//! footer      offset, length and BLAKE3 hash of the index (the root hash), length of the file; their hash; end magic
//! ```
//!
//! | section of a checkpoint | content | module |
//! |---|---|---|
//! | head | stream, partition, `next_offset`, last record, settings that state depends on, ...; postcard | `head` |
//! | chunks | pages of the large tables in the order in which they were copied; zstd if mostly zero | `index` |
//! | open days | one section per day that may still change; zstd | `days` |
//! | body | everything else that is state; postcard, zstd | - |
//!
//! The index (postcard) also lists the layout of each table, the ranges of pages of each chunk, and the files of closed
//! days. The seal is a keyed hash of the index (`seal`). Numbers outside postcard are little-endian. Every byte of a file
//! is compared or covered by a hash, and the root hash, which is in the footer, identifies the whole file. The size of a
//! file proves nothing, since a sparse one costs nothing: the length of an index is bounded, its hash is compared before
//! memory is allocated for it, and its seal before it is decoded. All other lengths stand in the proven index.
//!
//! An image holds state in three forms. *Tables* are sequences of equal pages of entries without padding or pointers
//! (`bytemuck::Pod`): their bytes in memory are their bytes on disk, which is why a restart costs little more than
//! reading the file. *Days* are shared by pointer with the live state and encoded by the checkpoint thread. The *body*
//! is small and encoded when the image begins.
//!
//! A change of format is a new version number in `container`, a reader for the version before, and a new golden file:
//! the files in `tests/golden` must load forever.
//!
//! # Thread
//!
//! [`CheckpointThread`] writes the checkpoints of all partitions, one step at a time, and alone decides sequence
//! numbers and pruning. [`CheckpointHandle`] sends it requests and counts the bytes that it has not written yet, so
//! that the sender can wait. A test or the simulator calls [`CheckpointThread::handle`] and
//! [`CheckpointThread::finish_step`] itself, and crashes between any two steps. Nothing here reads the wall clock or
//! starts a thread, except [`CheckpointReader::fill`], which uses as many as its caller allows.

mod compression;
mod container;
mod damage;
mod days;
mod expected;
mod file;
mod fill;
mod head;
mod index;
mod mark;
mod names;
mod reader;
mod seal;
mod store;
#[cfg(test)]
mod tests;
mod thread;
mod write_error;

pub use damage::Damage;
pub use expected::{ExpectedHead, Mismatch, SettingChange};
pub use file::{CheckpointFile, CheckpointStart, WrittenCheckpoint};
pub use head::{Head, LastCut, LastRecord};
pub use index::DaysFile;
pub use mark::{StartMark, StartReason};
pub use names::{DIRECTORY, PartitionDir};
pub use reader::CheckpointReader;
pub use seal::CheckpointKey;
pub use store::{CheckpointCandidates, CheckpointChain, CheckpointStore, Listing};
pub use thread::{
    BytesInFlight, CheckpointHandle, CheckpointId, CheckpointOutcome, CheckpointRequest, CheckpointThread,
};
pub use write_error::{WriteError, WriteReason};
