//! Repetition of a table once a second until Ctrl-C.
//!
//! On a terminal the table is drawn over itself on the alternate screen, each time in one write, and left on the usual
//! screen at the end. Elsewhere one table follows the other.

use std::io::IsTerminal;
use std::thread;
use std::time::{Duration, Instant};

use super::api_client::Server;
use super::terminal::{self, Style};
use super::words::{lapse, wrapped};
use crate::runtime::{Exit, Failure, Hangup, Shutdown, print, print_styled};
use crate::settings::printable_json;

/// Time between two requests.
const INTERVAL: Duration = Duration::from_secs(1);
/// Maximum time of a request.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two looks at the shutdown.
const PAUSE: Duration = Duration::from_millis(20);

/// Enters the alternate screen, hides the cursor, and cuts off long lines.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l";
const LEAVE: &str = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
/// Asks the terminal to show what follows at once, and moves the cursor to the first line.
const BEGIN_FRAME: &str = "\u{1b}[?2026h\u{1b}[H";
/// Clears the rest of the line.
const END_LINE: &str = "\u{1b}[K\r\n";
/// Clears the rest of the screen.
const END_FRAME: &str = "\u{1b}[J\u{1b}[?2026l";

/// Prints the answer to `GET path`: as a table, once or again and again, or as JSON.
///
/// # Errors
/// Exit code 75 without a response or if figures are not ready.
pub(super) fn print_answer(
    server: &Server,
    path: &str,
    (is_watched, is_json): (bool, bool),
    table: impl Fn(&str, Style) -> Result<String, Failure>,
) -> Result<(), Failure> {
    if is_watched {
        return run(server, path, table);
    }
    let answer = server.body(path)?;
    if is_json {
        return print(&format!("{}\n", printable_json(&answer)));
    }
    print_styled(&table(&answer, Style::of_stdout())?)
}

/// Prints the table of the answer to `GET path` again and again. While there is no answer it says so, above the last
/// table.
///
/// # Errors
/// An answer that another request will not change, such as an unknown name; standard output that is closed.
fn run(server: &Server, path: &str, table: impl Fn(&str, Style) -> Result<String, Failure>) -> Result<(), Failure> {
    let shutdown = Shutdown::on_signals(Hangup::Shutdown)?;
    let style = Style::of_stdout();
    let mut screen = Screen::open()?;
    let mut last = LastTable::default();
    while !shutdown.is_requested() {
        let due = Instant::now() + INTERVAL;
        let answer = server.get_within(path, TIMEOUT).and_then(|response| response.body());
        match answer.and_then(|answer| table(&answer, style)) {
            Ok(text) => last.set(text),
            Err(failure) if failure.exit == Exit::TryAgain => last.note(&failure, style),
            Err(failure) => return Err(failure),
        }
        screen.show(&last)?;
        while Instant::now() < due && !shutdown.is_requested() {
            thread::sleep(PAUSE);
        }
    }
    screen.close(&last)
}

/// Newest table, and the reason why there is no newer one.
#[derive(Debug, Default)]
struct LastTable {
    text: String,
    note: String,
    /// Time since which there is no answer.
    missing_since: Option<Instant>,
}

impl LastTable {
    fn set(&mut self, text: String) {
        *self = Self { text, ..Self::default() };
    }

    fn note(&mut self, failure: &Failure, style: Style) {
        let since = *self.missing_since.get_or_insert_with(Instant::now);
        let age = lapse(since.elapsed().as_secs_f64());
        let head = style.paint("31", &format!("no answer for {age}, trying again"));
        let below = if self.text.is_empty() { "" } else { "last answer:\n" };
        self.note = format!("{head}\n{}\n{below}", wrapped(&failure.message));
    }
}

/// Place where tables are shown.
struct Screen {
    is_terminal: bool,
}

impl Screen {
    fn open() -> Result<Self, Failure> {
        let screen = Self { is_terminal: std::io::stdout().is_terminal() };
        if screen.is_terminal {
            print_styled(ENTER)?;
        }
        Ok(screen)
    }

    fn show(&self, last: &LastTable) -> Result<(), Failure> {
        if !self.is_terminal {
            // The last table is above already.
            return print_styled(&format!("{}\n", if last.note.is_empty() { &last.text } else { &last.note }));
        }
        print_styled(&frame(&format!("{}{}", last.note, last.text), terminal::rows()))
    }

    /// Leaves the last table on the usual screen.
    fn close(&mut self, last: &LastTable) -> Result<(), Failure> {
        if !std::mem::take(&mut self.is_terminal) {
            return Ok(());
        }
        print_styled(&format!("{LEAVE}{}{}", last.note, last.text))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.is_terminal {
            // The failure that ends the command is reported; another one would hide it.
            let _ = print_styled(LEAVE);
        }
    }
}

/// Returns what draws a text over the one before on a terminal with `rows` rows. Of a longer text the end is left out.
fn frame(text: &str, rows: usize) -> String {
    let mut frame = BEGIN_FRAME.to_owned();
    let count = text.lines().count();
    let shown = if count < rows { count } else { rows.saturating_sub(2) };
    for line in text.lines().take(shown) {
        frame.push_str(line);
        frame.push_str(END_LINE);
    }
    if shown < count {
        frame.push_str(&format!("... {} more lines{END_LINE}", count - shown));
    }
    frame + END_FRAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_drawn_over_the_one_before() {
        assert_eq!(frame("a\nb\n", 24), "\u{1b}[?2026h\u{1b}[Ha\u{1b}[K\r\nb\u{1b}[K\r\n\u{1b}[J\u{1b}[?2026l");
        assert!(!frame("a\n", 24).contains("\u{1b}[2J"), "an empty screen in between flickers");
    }

    #[test]
    fn a_frame_never_scrolls() {
        for (lines, rows) in [(5, 6), (6, 6), (100, 6), (1, 2), (3, 1), (0, 6)] {
            let text = "x\n".repeat(lines);
            let drawn = frame(&text, rows).matches("\r\n").count();
            assert!(drawn < rows.max(2), "{drawn} of {lines} lines on {rows} rows");
        }
        assert!(frame(&"x\n".repeat(9), 6).contains("... 5 more lines"));
    }

    #[test]
    fn a_note_stands_above_the_last_table() {
        let mut last = LastTable::default();
        let failure = Failure::new(Exit::TryAgain, "nothing listens\u{1b}[8m");
        last.note(&failure, Style::PLAIN);
        assert!(last.note.ends_with("nothing listens\\u{1b}[8m\n") && last.text.is_empty(), "{}", last.note);
        last.set("table\n".to_owned());
        assert!(last.note.is_empty());
        last.note(&failure, Style::PLAIN);
        assert!(
            last.note.starts_with("no answer for 0 s, trying again\n  nothing")
                && last.note.ends_with("last answer:\n")
        );
        assert_eq!(last.text, "table\n");
    }
}
