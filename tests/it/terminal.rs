//! The built program on a pseudo-terminal, and what an emulator of a terminal shows of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::program::{LIMIT, child_command};

/// Lines that are kept once they have scrolled off the screen.
const SCROLLBACK: usize = 5_000;

/// A program that runs on a terminal; it is killed when dropped.
pub struct Terminal {
    child: Child,
    emulator: Arc<Mutex<vt100::Parser>>,
    reader: Option<JoinHandle<()>>,
    /// Side of the terminal on which keys are typed.
    keys: File,
}

/// One row of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    /// True if the line was too long and goes on in the next row.
    pub is_wrapped: bool,
}

impl Terminal {
    pub fn start(lines: u16, columns: u16, arguments: &[&str]) -> Self {
        Self::start_with(lines, columns, arguments, &[("TERM", "xterm")])
    }

    /// Starts the program with these environment variables.
    pub fn start_with(lines: u16, columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = child_command(arguments);
        command.env_remove("NO_COLOR").envs(environment.iter().copied()).stdin(Stdio::null());
        let (controller, terminal) = pseudo_terminal(lines, columns);
        Self::spawn(lines, columns, &mut command, controller, terminal)
    }

    /// Starts a shell in a session of its own, which reads what [`Terminal::type_keys`] types.
    pub fn start_shell(lines: u16, columns: u16, command: &mut Command) -> Self {
        let (controller, terminal) = pseudo_terminal(lines, columns);
        command.env("TERM", "xterm").stdin(Stdio::from(terminal.try_clone().expect("a descriptor")));
        // SAFETY: both calls are async-signal-safe, and descriptor 0 is the terminal.
        unsafe {
            command.pre_exec(|| {
                let is_led = libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0;
                if is_led { Ok(()) } else { Err(std::io::Error::last_os_error()) }
            });
        }
        Self::spawn(lines, columns, command, controller, terminal)
    }

    fn spawn(lines: u16, columns: u16, command: &mut Command, controller: OwnedFd, terminal: OwnedFd) -> Self {
        let output = || Stdio::from(terminal.try_clone().expect("a descriptor"));
        let child = command.stdout(output()).stderr(output()).spawn();
        // The controller reads an end once nobody has the terminal open any more.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(terminal);
        let keys = File::from(controller.try_clone().expect("a descriptor"));
        let size = |size| NonZeroU16::new(size).expect("not empty");
        let emulator = Arc::new(Mutex::new(vt100::Parser::new(size(lines), size(columns), SCROLLBACK)));
        let reader = thread::spawn({
            let emulator = Arc::clone(&emulator);
            move || {
                let (mut controller, mut bytes) = (File::from(controller), [0; 4096]);
                // An error, once the program and `command` have closed the terminal.
                while let Ok(length @ 1..) = controller.read(&mut bytes) {
                    emulator.lock().expect("no reader panicked").process(&bytes[..length]);
                }
            }
        });
        Self { child: child.expect("the program starts"), emulator, reader: Some(reader), keys }
    }

    /// Types keys, as a person does.
    pub fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes them");
    }

    /// All rows that are not empty at the end, the oldest first.
    pub fn rows(&self) -> Vec<Row> {
        let mut emulator = self.emulator.lock().expect("no reader panicked");
        let screen = emulator.screen_mut();
        let (lines, columns): (u16, u16) = (screen.size().0.into(), screen.size().1.into());
        let scrolled = screen.scrollback_len();
        let mut rows = Vec::new();
        for back in (0..=scrolled).rev() {
            screen.set_scrollback(back);
            // Only the first row of an older view is new.
            let shown = if back == 0 { lines } else { 1 };
            for (row, text) in screen.rows(0, columns).take(shown.into()).enumerate() {
                let is_wrapped = screen.row_wrapped(row as u16);
                rows.push(Row { text: text.trim_end().to_owned(), is_wrapped });
            }
        }
        while rows.last().is_some_and(|row| row.text.is_empty()) {
            rows.pop();
        }
        rows
    }

    /// True if a character has a colour.
    pub fn has_colours(&self) -> bool {
        let emulator = self.emulator.lock().expect("no reader panicked");
        let screen = emulator.screen();
        let (lines, columns) = screen.size();
        let mut cells =
            (0..lines.into()).flat_map(|row| (0..columns.into()).filter_map(move |column| screen.cell(row, column)));
        cells.any(|cell| cell.fgcolor() != vt100::Color::Default)
    }

    /// Polls until the rows satisfy `is_wanted`.
    pub fn until(&self, what: &str, is_wanted: impl Fn(&[Row]) -> bool) -> Vec<Row> {
        let started = Instant::now();
        loop {
            let rows = self.rows();
            if is_wanted(&rows) {
                return rows;
            }
            assert!(started.elapsed() < LIMIT, "not within {LIMIT:?}: {what}; the terminal shows {rows:#?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Interrupts the program, as Ctrl-C does.
    pub fn interrupt(&self) {
        // SAFETY: kill takes no pointers; the process is our child and not reaped, so the id is still its own.
        let result = unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGINT) };
        assert_eq!(result, 0, "the process is there");
    }

    /// Waits for the end of the program; returns its exit code and all rows.
    pub fn ended(mut self) -> (Option<i32>, Vec<Row>) {
        let started = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status.code();
            }
            assert!(started.elapsed() < LIMIT, "it does not end; the terminal shows {:#?}", self.rows());
            thread::sleep(Duration::from_millis(20));
        };
        self.reader.take().expect("it has not ended before").join().expect("no reader panicked");
        (code, self.rows())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A new pseudo-terminal of this size: the side that sees the output, and the one for the program.
fn pseudo_terminal(lines: u16, columns: u16) -> (OwnedFd, OwnedFd) {
    let (mut controller, mut terminal) = (-1, -1);
    let size = libc::winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the first two are valid for writes, the last for reads; the others may be null.
    let result = unsafe { libc::openpty(&mut controller, &mut terminal, ptr::null_mut(), ptr::null_mut(), &size) };
    assert_eq!(result, 0, "a pseudo-terminal: {}", std::io::Error::last_os_error());
    // SAFETY: both are open, and nobody else owns them.
    unsafe { (OwnedFd::from_raw_fd(controller), OwnedFd::from_raw_fd(terminal)) }
}
