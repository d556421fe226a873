//! The terminal behind standard output, if there is one.

use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

/// Size of a terminal that does not tell its own.
const USUAL_COLUMNS: usize = 80;
const USUAL_ROWS: usize = 24;

/// Columns of the terminal; `None` if standard output is not a terminal.
pub(super) fn columns() -> Option<usize> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let columns = tcgetwinsize(&out).map_or(0, |size| usize::from(size.ws_col));
    Some(if columns == 0 { USUAL_COLUMNS } else { columns })
}

/// Rows of the terminal.
pub(super) fn rows() -> usize {
    let rows = tcgetwinsize(std::io::stdout()).map_or(0, |size| usize::from(size.ws_row));
    if rows == 0 { USUAL_ROWS } else { rows }
}

/// Characters and colours of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Characters for done, not done, and the mark of the plan.
    pub(super) bar: [char; 3],
    colours: bool,
}

impl Style {
    pub(super) const PLAIN: Style = Style { bar: ['#', '.', '|'], colours: false };

    /// Returns the style for standard output: ASCII without colours unless it is a terminal.
    pub(super) fn of_stdout() -> Self {
        if std::io::stdout().is_terminal() {
            Self::terminal(std::env::var_os("NO_COLOR").is_none())
        } else {
            Self::PLAIN
        }
    }

    pub(super) fn terminal(colours: bool) -> Self {
        Self { bar: ['█', '░', '│'], colours }
    }

    /// `code` is an ECMA-48 colour.
    pub(super) fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
