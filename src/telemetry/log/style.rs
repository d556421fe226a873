//! Style of the lines on one output: form, colours, width, and priorities for the journal.

use std::ffi::OsStr;
use std::io::{IsTerminal, Stderr};

use jiff::tz::TimeZone;
use rustix::termios::tcgetwinsize;
use tracing::Level;

use super::settings::{Colour, Format, Settings};

/// Columns of a terminal that does not tell its own.
const USUAL_COLUMNS: usize = 80;

/// Form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Text,
}

/// Width at which text is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineWidth {
    /// One event is one line.
    Unbounded,
    /// Number of columns.
    #[cfg(test)]
    Columns(usize),
    /// Present width of the terminal behind standard error.
    Terminal,
}

/// Standard error and its environment, as far as lines depend on it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OutputKind {
    /// True for a terminal.
    pub(super) is_terminal: bool,
    /// True for a terminal without colours, and where the user wants none.
    pub(super) is_plain: bool,
    /// True for the stream of the journal of systemd.
    pub(super) is_journal: bool,
}

impl OutputKind {
    /// Finds out about standard error.
    pub(super) fn of(output: &Stderr) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let stream = variable("JOURNAL_STREAM");
        let file = rustix::fs::fstat(output).map(|file| (file.st_dev, file.st_ino));
        Self {
            is_terminal: output.is_terminal(),
            is_plain: variable("NO_COLOR").is_some() || variable("TERM").is_some_and(|term| term == "dumb"),
            is_journal: stream.zip(file.ok()).is_some_and(|(stream, file)| is_stream(&stream, file)),
        }
    }
}

/// True if `JOURNAL_STREAM` names the file with this device and inode (systemd.exec(5)). A child that redirected its
/// standard error inherits the variable too.
fn is_stream(variable: &OsStr, (device, inode): (u64, u64)) -> bool {
    variable.to_str() == Some(&format!("{device}:{inode}"))
}

/// Style of the lines.
#[derive(Debug)]
pub(super) struct LineStyle {
    pub(super) form: Form,
    /// Time zone of the text form.
    pub(super) zone: TimeZone,
    /// True if the text form has colours.
    pub(super) is_coloured: bool,
    /// True if each line begins with the priority of its level, as in `<4>`.
    pub(super) has_priorities: bool,
    pub(super) width: LineWidth,
}

impl LineStyle {
    /// Chooses the style for an output.
    pub(super) fn new(settings: &Settings, zone: TimeZone, output: OutputKind) -> Self {
        let form = match settings.format {
            Format::Json | Format::Journal => Form::Json,
            Format::Text => Form::Text,
            Format::Auto if output.is_terminal => Form::Text,
            Format::Auto => Form::Json,
        };
        let is_coloured = match settings.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => output.is_terminal && !output.is_plain,
        };
        Self {
            form,
            zone,
            is_coloured,
            has_priorities: output.is_journal || settings.format == Format::Journal,
            width: if output.is_terminal { LineWidth::Terminal } else { LineWidth::Unbounded },
        }
    }

    /// Writes the priority with which a line begins in the journal.
    pub(super) fn begin(&self, line: &mut Vec<u8>, level: Level) {
        if self.has_priorities {
            line.extend_from_slice(match level {
                Level::ERROR => b"<3>",
                Level::WARN => b"<4>",
                Level::INFO => b"<6>",
                _ => b"<7>",
            });
        }
    }

    /// Returns the columns of a row; `None` if text is not wrapped.
    pub(super) fn columns(&self) -> Option<usize> {
        match self.width {
            LineWidth::Unbounded => None,
            #[cfg(test)]
            LineWidth::Columns(columns) => Some(columns),
            LineWidth::Terminal => {
                let columns = tcgetwinsize(std::io::stderr()).map_or(0, |size| usize::from(size.ws_col));
                Some(if columns == 0 { USUAL_COLUMNS } else { columns })
            }
        }
    }

    /// Returns text in a colour of ECMA-48.
    pub(super) fn paint(&self, code: &str, text: &str) -> String {
        if self.is_coloured && !code.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: OutputKind = OutputKind { is_terminal: true, is_plain: false, is_journal: false };
    const PIPE: OutputKind = OutputKind { is_terminal: false, ..TERMINAL };

    fn style(format: Format, colour: Colour, output: OutputKind) -> LineStyle {
        let settings = Settings { level: Level::INFO, format, colour, burst: 1, per_second: 1 };
        LineStyle::new(&settings, TimeZone::UTC, output)
    }

    #[test]
    fn the_form_follows_the_setting_and_then_the_output() {
        let form = |format, output| style(format, Colour::Auto, output).form;
        assert_eq!([form(Format::Auto, TERMINAL), form(Format::Auto, PIPE)], [Form::Text, Form::Json]);
        assert_eq!([form(Format::Json, TERMINAL), form(Format::Text, PIPE)], [Form::Json, Form::Text]);
        assert_eq!(form(Format::Journal, TERMINAL), Form::Json);
        assert_eq!(style(Format::Text, Colour::Auto, PIPE).columns(), None, "a file has no width");
        assert!(style(Format::Text, Colour::Auto, TERMINAL).columns().is_some());
    }

    #[test]
    fn colours_are_those_of_a_terminal_whose_user_wants_them() {
        let is_coloured = |colour, output| style(Format::Text, colour, output).is_coloured;
        let plain = OutputKind { is_plain: true, ..TERMINAL };
        assert!(is_coloured(Colour::Auto, TERMINAL) && !is_coloured(Colour::Auto, PIPE));
        assert!(!is_coloured(Colour::Auto, plain), "NO_COLOR");
        assert!(is_coloured(Colour::Always, PIPE) && is_coloured(Colour::Always, plain));
        assert!(!is_coloured(Colour::Never, TERMINAL));
    }

    #[test]
    fn lines_in_the_journal_begin_with_their_priority() {
        let begun = |format, output| {
            let style = style(format, Colour::Auto, output);
            [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].map(|level| {
                let mut line = Vec::new();
                style.begin(&mut line, level);
                String::from_utf8(line).unwrap()
            })
        };
        let journal = OutputKind { is_journal: true, ..PIPE };
        for (format, output) in [(Format::Auto, journal), (Format::Text, journal), (Format::Journal, PIPE)] {
            assert_eq!(begun(format, output), ["<3>", "<4>", "<6>", "<7>"]);
        }
        assert_eq!(begun(Format::Auto, PIPE), [""; 4]);
    }

    #[test]
    fn the_journal_is_recognised_by_device_and_inode() {
        let is_stream = |variable: &str| is_stream(OsStr::new(variable), (9, 42));
        assert!(is_stream("9:42"));
        for other in ["9:43", "8:42", "", "9", "9:42 ", "9:42:1"] {
            assert!(!is_stream(other), "{other:?}");
        }
    }
}
