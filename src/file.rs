//! Reading of files that are not ours, bounded in bytes and in time.
//!
//! A name may lead to a pipe, a device or a directory, and a file system may not answer. What is no regular file is
//! refused before it is opened, since opening it may already block or change something.
//!
//! No system call can be recalled. A reading that may block therefore has a thread of its own, which is abandoned after
//! [`TIME_LIMIT`]: it ends with the process at the latest. A path whose last reading was abandoned is not read again
//! until that thread has ended, so there is at most one such thread for each path.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

/// Maximum duration of one reading, or of several that begin together.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Kinds of files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// Regular files.
    Regular,
    /// Pipes as well, for files that are read once.
    RegularOrPipe,
}

/// Content of a file, and what the file system says of it.
#[derive(Debug)]
pub(crate) struct FileContent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) metadata: Metadata,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system refuses.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A pipe, a device, a directory or a socket.
    #[error("is not a regular file; name a text file")]
    Irregular,
    /// More bytes than the limit.
    #[error("is larger than {0} bytes, the limit of a configuration file")]
    TooLarge(u64),
    /// No end within [`TIME_LIMIT`].
    #[error("cannot be read: no end within {} s; check its file system, or what writes to the pipe", TIME_LIMIT.as_secs())]
    TooSlow,
}

/// Reads a whole file of at most `max_bytes`, for at most [`TIME_LIMIT`].
pub(crate) fn read(path: &Path, max_bytes: u64, kind: FileKind) -> Result<FileContent, ReadError> {
    let deadline = Instant::now() + TIME_LIMIT;
    PendingReading::begin(path, max_bytes, kind)?.finish(deadline)
}

/// Reads several files at once, as [`read`] does, for at most [`TIME_LIMIT`] in all.
pub(crate) fn read_all(paths: &[PathBuf], max_bytes: u64) -> Vec<Result<FileContent, ReadError>> {
    let deadline = Instant::now() + TIME_LIMIT;
    let begun: Vec<_> = paths.iter().map(|path| PendingReading::begin(path, max_bytes, FileKind::Regular)).collect();
    begun.into_iter().map(|reading| reading?.finish(deadline)).collect()
}

/// Runs work that may block on a thread of its own. Returns `None`, and abandons the thread, if it takes longer than
/// `limit`.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new().name("file".to_owned()).spawn(move || drop(sender.send(work())))?;
    Ok(receiver.recv_timeout(limit).ok())
}

/// Opens a regular file without blocking; the error of anything else is [`ErrorKind::InvalidData`].
pub(crate) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let irregular = || io::Error::new(ErrorKind::InvalidData, "is not a regular file; move it away");
    // Even opening a device may have an effect.
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(irregular());
    }
    // The name may lead elsewhere by now. On regular files the flags have no effect.
    let file = options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// Opens a directory, to sync it; never blocks on anything else.
pub(crate) fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Paths of abandoned readings whose threads have not ended.
static ABANDONED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn abandoned() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    ABANDONED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reading on a thread of its own.
struct PendingReading {
    path: PathBuf,
    result: Receiver<Result<FileContent, ReadError>>,
}

impl PendingReading {
    fn begin(path: &Path, max_bytes: u64, kind: FileKind) -> Result<Self, ReadError> {
        if abandoned().contains(path) {
            return Err(ReadError::TooSlow);
        }
        let (sender, result) = sync_channel(1);
        let (own_path, own_sender) = (path.to_owned(), sender.clone());
        let spawned = thread::Builder::new().name("file".to_owned()).spawn(move || {
            drop(own_sender.send(read_now(&own_path, max_bytes, kind)));
            // After the result, so that `finish` either finds the result or is undone here.
            abandoned().remove(&own_path);
        });
        if spawned.is_err() {
            // Without threads, a file that is read here is better than none.
            drop(sender.send(read_now(path, max_bytes, kind)));
        }
        Ok(Self { path: path.to_owned(), result })
    }

    fn finish(self, deadline: Instant) -> Result<FileContent, ReadError> {
        if let Ok(result) = self.result.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            return result;
        }
        let mut abandoned = abandoned();
        self.result.try_recv().unwrap_or_else(|_| {
            abandoned.insert(self.path);
            Err(ReadError::TooSlow)
        })
    }
}

fn read_now(path: &Path, max_bytes: u64, kind: FileKind) -> Result<FileContent, ReadError> {
    let is_accepted =
        |metadata: &Metadata| metadata.is_file() || (kind == FileKind::RegularOrPipe && metadata.file_type().is_fifo());
    if !is_accepted(&fs::metadata(path)?) {
        return Err(ReadError::Irregular);
    }
    // Opening may block, on a pipe without a writer or a file that another process has leased: this thread may wait.
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NOCTTY.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !is_accepted(&metadata) {
        return Err(ReadError::Irregular);
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        Err(ReadError::TooLarge(max_bytes))
    } else {
        Ok(FileContent { bytes, metadata })
    }
}

#[cfg(test)]
mod tests;
