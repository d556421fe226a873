//! Reading of files that are not ours, bounded in bytes and in time; our own directories ([`OpenDirectory`]).
//!
//! A name may lead to a pipe, a device or a directory, and a file system may not answer. What is no regular file is
//! refused before it is opened, since opening it may already block or change something.
//!
//! No system call can be recalled. A reading that may block therefore has a thread of its own, which is abandoned after
//! [`TIME_LIMIT`]: it ends with the process at the latest. A path whose last reading was abandoned is read again once
//! that thread has ended. Something else may be at the path by then, such as a new mount or another file, while the
//! thread hangs for ever; so the path is also tried again after a pause, which doubles from a minute to an hour. At most
//! [`MAX_HUNG_THREADS`] threads hang at a path.

mod directory;

pub(crate) use directory::{DIRECTORY_MODE, FILE_MODE, OpenDirectory, file_type};

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

/// Maximum duration of one reading, or of several that begin together.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Maximum number of threads that hang at one path, some ten hours of tries. Then the path is read again once one of
/// them has ended.
const MAX_HUNG_THREADS: usize = 16;

/// Pause before a path is tried again whose reading was abandoned.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// Longest such pause; each is twice as long as the one before.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

/// Mode bit with which the group may read.
const GROUP_READ: u32 = 0o040;

/// Mode of a file with a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SecretMode {
    /// Mode as `stat` prints it, for messages.
    pub(crate) actual: u32,
    /// Mode as far as it gives rights to strangers, for verdicts. The group of the process may read a file of root, as may
    /// root's group: so Kubernetes mounts secrets, systemd passes credentials on, and administrators give a file to one
    /// service (`root:pacemeter`, 640).
    pub(crate) for_strangers: u32,
}

impl SecretMode {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let is_roots = !is_root && metadata.uid() == 0 && is_own_group(metadata.gid());
        Self::new(metadata.mode(), is_roots)
    }

    /// Returns the mode of a file of root and a group of the process, or of another file.
    pub(crate) fn new(mode: u32, is_roots: bool) -> Self {
        let actual = mode & 0o7777;
        Self { actual, for_strangers: if is_roots { actual & !GROUP_READ } else { actual } }
    }
}

/// True for root's group and the groups of the process.
pub(crate) fn is_own_group(group: u32) -> bool {
    let is_member = |groups: Vec<rustix::process::Gid>| groups.iter().any(|own| own.as_raw() == group);
    group == 0 || group == rustix::process::getegid().as_raw() || rustix::process::getgroups().is_ok_and(is_member)
}

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
    let now = Instant::now();
    PendingReading::begin(path, max_bytes, kind, now)?.finish(now + TIME_LIMIT)
}

/// Reads several files at once, as [`read`] does, for at most [`TIME_LIMIT`] in all.
pub(crate) fn read_all(paths: &[PathBuf], max_bytes: u64) -> Vec<Result<FileContent, ReadError>> {
    let now = Instant::now();
    let begun: Vec<_> =
        paths.iter().map(|path| PendingReading::begin(path, max_bytes, FileKind::Regular, now)).collect();
    begun.into_iter().map(|reading| reading?.finish(now + TIME_LIMIT)).collect()
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
    while_advancing(limit, || 0, work)
}

/// Runs work that may block on a thread of its own. Returns `None`, and abandons the thread, once the number of its
/// `steps` stays the same for `limit`.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) fn while_advancing<T: Send + 'static>(
    limit: Duration,
    steps: impl Fn() -> u64,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (sender, receiver) = sync_channel(1);
    thread::Builder::new().name("file".to_owned()).spawn(move || drop(sender.send(work())))?;
    let (mut seen, mut since) = (steps(), Instant::now());
    loop {
        // A tenth of the limit is how much later than the limit the end may come.
        match receiver.recv_timeout((limit / 10).min(limit.saturating_sub(since.elapsed()))) {
            Ok(result) => return Ok(Some(result)),
            Err(RecvTimeoutError::Timeout) => {
                let now = steps();
                if now != seen {
                    (seen, since) = (now, Instant::now());
                } else if since.elapsed() >= limit {
                    return Ok(None);
                }
            }
            // The work panicked, which the panic hook reports.
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
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

/// Paths of abandoned readings whose threads have not all ended.
static HUNG: Mutex<BTreeMap<PathBuf, HungPath>> = Mutex::new(BTreeMap::new());

fn hung() -> MutexGuard<'static, BTreeMap<PathBuf, HungPath>> {
    HUNG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path with abandoned readings.
#[derive(Debug)]
struct HungPath {
    /// Number of abandoned threads that have not ended; at least one.
    threads: usize,
    /// Pause after the next abandoned reading.
    pause: Duration,
    next_try: Instant,
}

impl HungPath {
    fn new(now: Instant) -> Self {
        Self { threads: 0, pause: FIRST_PAUSE, next_try: now }
    }

    /// Begins a try, if one is due; the next is due after the pause, whatever comes of this one.
    fn begin_try(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next_try && self.threads < MAX_HUNG_THREADS;
        if is_due {
            self.next_try = now + self.pause;
        }
        is_due
    }

    /// Adds an abandoned thread, and doubles the pause.
    fn abandon(&mut self, began: Instant) {
        self.threads += 1;
        self.next_try = began + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Notes that the path can be read again, so that readings need no pause.
    fn recover(&mut self, now: Instant) {
        *self = Self { threads: self.threads, ..Self::new(now) };
    }
}

/// A reading on a thread of its own.
struct PendingReading {
    path: PathBuf,
    began: Instant,
    result: Receiver<Result<FileContent, ReadError>>,
    is_abandoned: Arc<AtomicBool>,
}

impl PendingReading {
    /// Begins a reading at `began`, the current time.
    fn begin(path: &Path, max_bytes: u64, kind: FileKind, began: Instant) -> Result<Self, ReadError> {
        if hung().get_mut(path).is_some_and(|hung| !hung.begin_try(began)) {
            return Err(ReadError::TooSlow);
        }
        let (sender, result) = sync_channel(1);
        let is_abandoned = Arc::new(AtomicBool::new(false));
        let (own_path, own_sender, own_is_abandoned) = (path.to_owned(), sender.clone(), Arc::clone(&is_abandoned));
        let spawned = thread::Builder::new().name("file".to_owned()).spawn(move || {
            drop(own_sender.send(read_now(&own_path, max_bytes, kind)));
            // After the result, so that `finish` either finds the result or is undone here.
            let mut hung = hung();
            if own_is_abandoned.load(Ordering::Relaxed)
                && let Some(path) = hung.get_mut(&own_path)
            {
                path.threads -= 1;
                if path.threads == 0 {
                    hung.remove(&own_path);
                }
            }
        });
        if spawned.is_err() {
            // Without threads, a file that is read here is better than none.
            drop(sender.send(read_now(path, max_bytes, kind)));
        }
        Ok(Self { path: path.to_owned(), began, result, is_abandoned })
    }

    fn finish(self, deadline: Instant) -> Result<FileContent, ReadError> {
        let result = self.result.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
        let mut hung = hung();
        if let Some(result) = result.or_else(|| self.result.try_recv().ok()) {
            if let Some(path) = hung.get_mut(&self.path) {
                path.recover(self.began);
            }
            return result;
        }
        self.is_abandoned.store(true, Ordering::Relaxed);
        hung.entry(self.path).or_insert_with(|| HungPath::new(self.began)).abandon(self.began);
        Err(ReadError::TooSlow)
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
