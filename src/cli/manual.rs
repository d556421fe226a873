//! `pacemeter man`: the manual, a page for each command in the man macros of roff, made from the definitions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Args, Command, ValueHint};

use super::help::{HelpTexts, SETTINGS_HELP, texts_of};
use crate::clock::{Clock, Timestamp};
use crate::runtime::{Exit, Failure, print};

/// Maximum length of a line of the source (bytes).
const WIDTH: usize = 78;

/// Environment variable of reproducible builds: the time of the sources in seconds since 1970.
const SOURCE_DATE: &str = "SOURCE_DATE_EPOCH";

/// Arguments of `pacemeter man`.
#[derive(Args)]
pub(crate) struct ManualArgs {
    /// Directory for the pages, pacemeter.1 and one for each command; it is created.
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    into: PathBuf,
}

/// Writes the pages, and prints their number. Their date is that of `SOURCE_DATE_EPOCH`, or today.
///
/// # Errors
/// Exit code 74 or 77 if a page cannot be written; 64 if the variable is no time.
pub(super) fn run(arguments: &ManualArgs, mut command: Command, clock: &Clock) -> Result<(), Failure> {
    let date = date(std::env::var(SOURCE_DATE).ok().as_deref(), clock.now())?;
    command.build();
    let directory = &arguments.into;
    let failed = |what: &Path, error: &std::io::Error| {
        Failure::from_io(
            format_args!("the manual cannot be written to {}, name another directory in --into", what.display()),
            error,
        )
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let pages = pages(&command, &date);
    for (name, page) in &pages {
        let path = directory.join(name);
        std::fs::write(&path, page).map_err(|error| failed(&path, &error))?;
    }
    print(&format!("{} pages written to {}\n", pages.len(), directory.display()))
}

fn date(source: Option<&str>, now: Timestamp) -> Result<String, Failure> {
    let seconds = source.map(str::parse::<u32>).transpose().map_err(|_| {
        Failure::new(Exit::Usage, format!("{SOURCE_DATE} is no number of seconds since 1970; correct or unset it"))
    })?;
    let at = seconds.map_or(now, |seconds| Timestamp::from_seconds(seconds.into()));
    Ok(at.to_jiff().strftime("%Y-%m-%d").to_string())
}

/// Names and contents of all pages.
fn pages(root: &Command, date: &str) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    add_pages(&[root], date, &mut pages);
    pages
}

/// Adds the page of the last of `lineage`, which begins with the root, and those below it.
fn add_pages(lineage: &[&Command], date: &str, pages: &mut Vec<(String, String)>) {
    let [.., command] = lineage else { return };
    let names: Vec<&str> = lineage.iter().map(|command| command.get_name()).collect();
    let page = Page { names: &names, command, date };
    pages.push((format!("{}.1", names.join("-")), page.text()));
    for child in children(command) {
        add_pages(&[lineage, &[child]].concat(), date, pages);
    }
}

/// Commands below this one, without `help`, which clap adds.
fn children(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|child| child.get_name() != "help" && !child.is_hide_set())
}

/// Page of one command.
struct Page<'c> {
    /// Names from `pacemeter` to the command.
    names: &'c [&'c str],
    command: &'c Command,
    date: &'c str,
}

impl Page<'_> {
    fn text(&self) -> String {
        let title = escaped(&self.names.join("-"));
        let about = self.command.get_about().map(ToString::to_string).unwrap_or_default();
        let summary = about.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned();
        let (date, version) = (self.date, env!("CARGO_PKG_VERSION"));
        let mut text = format!(
            ".\\\" Written by pacemeter man.\n.TH {} 1 {date} \"pacemeter {version}\" \"Manual of Pacemeter\"\n.SH NAME\n",
            title.to_uppercase()
        );
        fill(&mut text, &format!("{} - {summary}", self.names.join("-")));
        text.push_str(".SH SYNOPSIS\n");
        text.push_str(&self.synopsis());
        text.push_str(".SH DESCRIPTION\n");
        let description = self.command.get_long_about().or(self.command.get_about());
        paragraphs(&mut text, &description.map(ToString::to_string).unwrap_or_default());
        self.commands(&mut text);
        self.options(&mut text);
        let path: Vec<String> = self.names[1..].iter().map(ToString::to_string).collect();
        if let Some(texts) = texts_of(&path) {
            below_options(&mut text, texts);
        }
        self.see_also(&mut text);
        text
    }

    fn synopsis(&self) -> String {
        let arguments = self.command.get_positionals().filter(|argument| !argument.is_hide_set());
        let words = arguments.map(|argument| {
            let name = format!("\\fI{}\\fR", escaped(&value_name(argument)));
            if argument.is_required_set() { name } else { format!("[{name}]") }
        });
        let is_required = self.command.is_subcommand_required_set();
        let below =
            children(self.command).next().map(|_| if is_required { "\\fICOMMAND\\fR" } else { "[\\fICOMMAND\\fR]" });
        let below = below.map(str::to_owned);
        let rest: Vec<String> = ["[\\fIOPTIONS\\fR]".to_owned()].into_iter().chain(words).chain(below).collect();
        format!(".B {}\n{}\n", escaped(&self.names.join(" ")), rest.join(" "))
    }

    fn commands(&self, text: &mut String) {
        if children(self.command).next().is_none() {
            return;
        }
        text.push_str(".SH COMMANDS\n");
        for child in children(self.command) {
            let name = escaped(&format!("{}-{}", self.names.join("-"), child.get_name()));
            // Writing to a string does not fail.
            let _ = writeln!(text, ".TP\n.BR {name} (1)");
            fill(text, &sentence(&child.get_about().map(ToString::to_string).unwrap_or_default()));
        }
    }

    fn options(&self, text: &mut String) {
        let shown: Vec<&Arg> = self.command.get_arguments().filter(|argument| !argument.is_hide_set()).collect();
        for (title, are_positional) in [("ARGUMENTS", true), ("OPTIONS", false)] {
            let arguments: Vec<&&Arg> =
                shown.iter().filter(|argument| argument.is_positional() == are_positional).collect();
            if arguments.is_empty() {
                continue;
            }
            let _ = writeln!(text, ".SH {title}");
            for argument in arguments {
                let _ = writeln!(text, ".TP\n{}", term(argument));
                item(text, &explanation(argument));
            }
        }
    }

    fn see_also(&self, text: &mut String) {
        text.push_str(".SH SEE ALSO\n");
        let above = (1..self.names.len()).map(|length| self.names[..length].join("-"));
        let below = children(self.command).map(|child| format!("{}-{}", self.names.join("-"), child.get_name()));
        let pages: Vec<String> = above.chain(below).collect();
        for (index, page) in pages.iter().enumerate() {
            let comma = if index + 1 < pages.len() { "," } else { "" };
            let _ = writeln!(text, ".BR {} (1){comma}", escaped(page));
        }
    }
}

fn below_options(text: &mut String, texts: &HelpTexts) {
    text.push_str(".SH EXIT STATUS\n");
    for exit in texts.exits() {
        let _ = writeln!(text, ".TP\n.B {}", exit.code());
        fill(text, exit.meaning());
    }
    if texts.reads_settings {
        text.push_str(".SH ENVIRONMENT\n");
        fill(text, SETTINGS_HELP);
    }
    text.push_str(".SH EXAMPLES\n");
    for (index, (purpose, line)) in texts.examples.iter().enumerate() {
        if !purpose.is_empty() {
            if index > 0 {
                text.push_str(".PP\n");
            }
            fill(text, &format!("{purpose}:"));
        }
        let _ = writeln!(text, ".RS 4\n.nf\n{}\n.fi\n.RE", example(line));
    }
}

/// Breaks an example between options, as a shell continues a line.
fn example(line: &str) -> String {
    let mut lines: Vec<String> = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last().map_or(0, String::len);
        if last + word.len() + 4 > WIDTH - 12 && word.starts_with("--") {
            lines.push(format!("    {word}"));
        } else if let Some(last) = lines.last_mut() {
            let space = if last.is_empty() { "" } else { " " };
            last.push_str(&format!("{space}{word}"));
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    lines.join(" \\(rs\n")
}

fn value_name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map_or_else(|| argument.get_id().to_string().to_uppercase(), ToString::to_string)
}

/// Heading of an argument: `-h, --help`, `--config FILE`, `[CUT]`.
fn term(argument: &Arg) -> String {
    let short = argument.get_short().map(|short| format!("\\fB\\-{short}\\fR"));
    let long = argument.get_long().map(|long| format!("\\fB\\-\\-{}\\fR", escaped(long)));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let value = format!("\\fI{}\\fR", escaped(&value_name(argument)));
    match (flags.is_empty(), takes_value) {
        (true, _) => value,
        (false, true) => format!("{} {value}", flags.join(", ")),
        (false, false) => flags.join(", "),
    }
}

/// Help of an argument, with its values and its default.
fn explanation(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| takes_value && !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    let defaults = argument.get_default_values().iter().filter(|_| takes_value);
    let defaults: Vec<String> = defaults.map(|value| value.to_string_lossy().into_owned()).collect();
    let mut text = help;
    if !values.is_empty() {
        text.push_str(&format!("\n\nOne of {}.", values.join(", ")));
    }
    if !defaults.is_empty() {
        text.push_str(&format!("\n\nDefault: {}.", defaults.join(", ")));
    }
    text
}

/// Adds the paragraphs of a section.
fn paragraphs(text: &mut String, plain: &str) {
    for (index, paragraph) in plain.split("\n\n").enumerate() {
        if index > 0 {
            text.push_str(".PP\n");
        }
        fill(text, &sentence(paragraph));
    }
}

/// Adds the full stop that clap strips.
fn sentence(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { text.to_owned() } else { format!("{text}.") }
}

/// Adds the paragraphs of a list's item, all with its indentation.
fn item(text: &mut String, plain: &str) {
    for (index, paragraph) in plain.split("\n\n").enumerate() {
        if index > 0 {
            text.push_str(".IP\n");
        }
        fill(text, &sentence(paragraph));
    }
}

/// Adds words in lines of at most [`WIDTH`] bytes. Each sentence begins a line, as roff wants it.
fn fill(text: &mut String, plain: &str) {
    let mut line = String::new();
    let end = |line: &mut String, text: &mut String| {
        if !line.is_empty() {
            // A dot at the beginning would be a macro.
            let _ = writeln!(text, "{}{line}", if line.starts_with('.') { "\\&" } else { "" });
            line.clear();
        }
    };
    for word in plain.split_whitespace() {
        let word_escaped = escaped(word);
        if line.len() + 1 + word_escaped.len() > WIDTH {
            end(&mut line, text);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word_escaped);
        if word.ends_with(['.', '?', '!']) {
            end(&mut line, text);
        }
    }
    end(&mut line, text);
}

/// Escapes what roff or a typographic output would change.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for one in text.chars() {
        match one {
            '\\' => escaped.push_str("\\(rs"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '"' => escaped.push_str("\\(dq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            ' '..='~' => escaped.push(one),
            other => {
                let _ = write!(escaped, "\\[u{:04X}]", u32::from(other));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manual() -> Vec<(String, String)> {
        let mut command = crate::cli::command();
        command.build();
        pages(&command, "2026-01-02")
    }

    #[test]
    fn there_is_a_page_for_every_command() {
        let pages = manual();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), super::super::help::TEXTS.len(), "{names:?}");
        assert!(names.contains(&"pacemeter.1") && names.contains(&"pacemeter-cut-verify.1"), "{names:?}");
        for (name, page) in &pages {
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"] {
                assert!(page.contains(&format!("\n.SH {section}\n")), "{name} has no {section}");
            }
            assert!(!page.contains("falsify"), "{name} has what is hidden");
        }
    }

    #[test]
    fn what_roff_would_read_is_escaped() {
        assert_eq!(escaped("a\\b --set 'x' `y` ~ñ\""), "a\\(rsb \\-\\-set \\(aqx\\(aq \\(gay\\(ga \\(ti\\[u00F1]\\(dq");
        let mut text = String::new();
        fill(&mut text, "Reads. ./a is. .b");
        assert_eq!(text, "Reads.\n\\&./a is.\n\\&.b\n");
        let long = "pacemeter status --address https://10.20.0.15:9464 --ca-file server.crt --user ann";
        assert!(
            example(long).lines().count() == 2 && example(long).contains(" \\(rs\n    \\-\\-user"),
            "{}",
            example(long)
        );
    }

    #[test]
    fn the_date_is_that_of_the_sources_or_today() {
        let now = Timestamp::from_millis(1_600_000_000_000);
        assert_eq!(date(None, now).unwrap(), "2020-09-13");
        assert_eq!(date(Some("0"), now).unwrap(), "1970-01-01");
        assert_eq!(date(Some("soon"), now).unwrap_err().exit, Exit::Usage);
    }
}
