//! Lines to a file descriptor that may be slow, full or closed.
//!
//! The thread of `tracing-appender` calls this, so waiting here holds up nobody but the lines behind; they are dropped,
//! and counted, once its buffer is full. A write that fails drops its line: there is nowhere else to say so.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A pipe that polls as writable takes this much at once without waiting (POSIX PIPE_BUF on Linux).
const CHUNK_BYTES: usize = 4_096;

/// Interval at which a waiting writer checks whether the log is being closed, in milliseconds.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Progress shared by the two ends of the log.
#[derive(Debug, Default)]
pub struct WriterProgress {
    /// Lines written or given up.
    pub settled: AtomicU64,
    /// Lines given up.
    pub failed: AtomicU64,
    /// From now on a line that cannot be written at once is given up.
    pub closing: AtomicBool,
}

#[derive(Debug)]
pub struct Sink<T> {
    out: T,
    progress: Arc<WriterProgress>,
    /// The last line was cut off in the middle: the next one must not continue it.
    torn: bool,
}

impl<T: AsFd> Sink<T> {
    pub fn new(out: T, progress: Arc<WriterProgress>) -> Self {
        Self { out, progress, torn: false }
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.wait()?;
            // Not through `std::io::Stderr`: its lock, held while a pipe is full, would stop the thread that prints a
            // panic.
            let written = rustix::io::write(&self.out, &bytes[..bytes.len().min(CHUNK_BYTES)]);
            match written.map_err(io::Error::from) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.torn = !bytes.is_empty();
                }
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns when a write will not wait; an error when the log is being closed and it would.
    fn wait(&self) -> io::Result<()> {
        loop {
            let closing = self.progress.closing.load(SeqCst);
            let mut descriptor = [PollFd::new(&self.out, PollFlags::OUT)];
            match poll(&mut descriptor, Some(if closing { &NO_WAIT } else { &WAIT })) {
                Ok(0) if closing => return Err(ErrorKind::TimedOut.into()),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                // An error condition of the descriptor counts as ready: the write reports it.
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<T: AsFd> Write for Sink<T> {
    /// Takes one whole line. Never an error: the appender would have nobody to tell.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let whole = if self.torn { self.put(b"\n") } else { Ok(()) }.and_then(|()| self.put(line));
        if whole.is_err() {
            self.progress.failed.fetch_add(1, SeqCst);
        }
        self.progress.settled.fetch_add(1, SeqCst);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
