//! Writer of lines to a file descriptor that may be slow, full or closed.
//!
//! The thread of `tracing-appender` calls it, so waiting here delays only the lines in its buffer; once that is full,
//! further lines are dropped and counted. A failed write drops its line, as there is nowhere else to report it.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Bytes that a pipe accepts without blocking once it polls as writable (PIPE_BUF on Linux).
const CHUNK_BYTES: usize = 4_096;

/// Interval at which a waiting writer checks whether the log is being closed: 100 ms.
const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Progress shared by the two ends of the log.
#[derive(Debug, Default)]
pub(super) struct WriterProgress {
    /// Number of lines written or given up.
    pub(super) settled: AtomicU64,
    /// Number of lines given up.
    pub(super) failed: AtomicU64,
    /// True once a line that cannot be written at once is given up.
    pub(super) closing: AtomicBool,
}

/// Writer that never blocks longer than the log stays open.
#[derive(Debug)]
pub(super) struct Sink<T> {
    out: T,
    progress: Arc<WriterProgress>,
    /// True if the last line was truncated in the middle: the next one must not continue it.
    torn: bool,
    /// Last heading that was written; `None` if lines have no headings.
    heading: Option<Vec<u8>>,
}

impl<T: AsFd> Sink<T> {
    /// Creates a writer. `has_headings` is true if each line stands behind one, which is written once.
    pub(super) fn new(out: T, progress: Arc<WriterProgress>, has_headings: bool) -> Self {
        Self { out, progress, torn: false, heading: has_headings.then(Vec::new) }
    }

    /// Writes a line, behind its heading if that is another than the last one.
    fn put_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.put(b"\n")?;
        }
        let Some(last) = &self.heading else { return self.put(line) };
        let end = line.iter().position(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let (heading, text) = line.split_at(end);
        if last == heading {
            return self.put(text);
        }
        self.put(line)?;
        self.heading = Some(heading.to_vec());
        Ok(())
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.wait()?;
            // Bypasses `std::io::Stderr`: its lock, held while a pipe is full, would block the thread that prints a
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

    /// Waits until a write will not block.
    ///
    /// # Errors
    /// Returns an error if the write would block while the log is being closed.
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
    /// Writes one whole line, with its heading if lines have headings. It returns no error, as the appender could not report it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.put_line(line).is_err() {
            self.progress.failed.fetch_add(1, SeqCst);
        }
        self.progress.settled.fetch_add(1, SeqCst);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
