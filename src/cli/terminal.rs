//! The terminal behind standard output, if there is one.

use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

/// Width of a terminal that does not tell its own.
const USUAL_COLUMNS: usize = 80;

/// Columns of the terminal; `None` if standard output is not a terminal.
pub(super) fn columns() -> Option<usize> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let columns = tcgetwinsize(&out).map_or(0, |size| usize::from(size.ws_col));
    Some(if columns == 0 { USUAL_COLUMNS } else { columns })
}
