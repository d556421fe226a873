//! Completion scripts, in the shells for which they are: the tab key is pressed in bash and zsh, and fish is asked.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::program::run;
use crate::terminal::Terminal;

/// Keys that are typed up to a tab, and what the line is after it.
const TABS: [(&str, &str); 6] = [
    ("pacemeter hea\t", "$ pacemeter health"),
    ("\u{15}pacemeter health --time\t", "$ pacemeter health --timeout"),
    ("\u{15}pacemeter cut ver\t", "$ pacemeter cut verify"),
    ("\u{15}pacemeter cut verify --recom\t", "$ pacemeter cut verify --recompute"),
    ("\u{15}pacemeter completions zs\t", "$ pacemeter completions zsh"),
    ("\u{15}pacemeter status --http-config-file cli\t", "$ pacemeter status --http-config-file client.yml"),
];

/// A directory with the script of a shell, and a file whose name can be completed.
fn scripted(shell: &str, name: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let ended = run(&["completions", shell], &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    fs::write(directory.path().join(name), ended.stdout).expect("a file");
    fs::write(directory.path().join("client.yml"), "").expect("a file");
    directory
}

/// A shell without the user's files.
fn shell(program: &str, arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).env("HOME", directory).env("PS1", "$ ").env_remove("ENV");
    command
}

/// Types `set_up`, then each of [`TABS`].
fn press_tabs(mut terminal: Terminal, set_up: &str) {
    terminal.until("the shell waits", |rows| rows.iter().any(|row| row.text.ends_with('$')));
    terminal.type_keys(&format!("{set_up}; echo set up | tr a-z A-Z\n"));
    terminal.until("the script is loaded", |rows| {
        let done = rows.iter().position(|row| row.text == "SET UP");
        done.is_some_and(|at| rows[at..].iter().any(|row| row.text == "$"))
    });
    for (keys, line) in TABS {
        terminal.type_keys(keys);
        terminal.until(&format!("{keys:?} is completed to {line:?}"), |rows| {
            // zsh adds an equals sign, and takes it back.
            rows.last().is_some_and(|row| row.text.trim_end_matches('=').trim_end() == line)
        });
    }
}

#[test]
fn a_tab_in_bash_completes_commands_options_and_files() {
    let directory = scripted("bash", "pacemeter.bash");
    let mut bash = shell("bash", &["--norc", "--noprofile", "-i"], directory.path());
    bash.env("INPUTRC", "/dev/null").env("PS1", "$ ");
    press_tabs(Terminal::start_shell(40, 100, &mut bash), "bind 'set bell-style none'; . ./pacemeter.bash");
}

#[test]
fn a_tab_in_zsh_completes_commands_options_and_files() {
    let directory = scripted("zsh", "_pacemeter");
    let mut zsh = shell("zsh", &["-f", "-i"], directory.path());
    let set_up = "unsetopt promptcr promptsp beep; bindkey -e; bindkey '^U' kill-whole-line; fpath=($PWD $fpath); \
                  autoload -Uz compinit; compinit -u -d zcompdump";
    press_tabs(Terminal::start_shell(40, 240, &mut zsh), set_up);
}

#[test]
fn fish_completes_commands_options_and_values() {
    let directory = scripted("fish", "pacemeter.fish");
    for (line, wanted) in [
        ("pacemeter hea", "health"),
        ("pacemeter health --time", "--timeout"),
        ("pacemeter cut ver", "verify"),
        ("pacemeter cut verify --recom", "--recompute"),
        ("pacemeter demo --story 2", "2020"),
        ("pacemeter status --http-config-file cli", "client.yml"),
    ] {
        let ask = format!("source pacemeter.fish; complete --do-complete '{line}'");
        let ran = shell("fish", &["--no-config", "--command", &ask], directory.path()).output().expect("fish runs");
        let offered = String::from_utf8_lossy(&ran.stdout);
        let is_offered = offered.lines().any(|line| line.split('\t').next() == Some(wanted));
        assert!(ran.status.success() && is_offered, "{line}: {offered}{}", String::from_utf8_lossy(&ran.stderr));
    }
}
