//! Secrets and hidden characters in settings, arguments and file names: neither is ever printed.

use super::mock::Mock;
use crate::program::{ExitedProcess, Pacemeter, run};

/// Turns the direction of text; an isolate; invisible ones; a control sequence.
const HIDDEN: &str = "a\u{202e}b\u{2066}c\u{200f}d\u{61c}e\u{200b}f\u{feff}g\u{1b}[31m";

fn outputs(ended: &ExitedProcess) -> String {
    format!("{}{}", ended.stdout, ended.stderr)
}

fn assert_nothing_hidden(text: &str) {
    let hidden = |one: char| HIDDEN.contains(one) && !one.is_ascii_graphic();
    assert!(!text.contains(hidden), "{text:?}");
}

#[test]
fn credentials_among_the_servers_are_in_no_output() {
    for servers in ["me:hunter2@127.0.0.1:1", "SASL_SSL://me:hunter2@127.0.0.1:1,127.0.0.1:2", "me:a,hunter2/b@c:1"] {
        let settings = [format!("kafka.bootstrap_servers={servers}"), "kafka.request_timeout=2s".to_owned()];
        for command in [&["check"][..], &["run"], &["produce"], &["produce", "--create-topics"], &["state", "rebuild"]]
        {
            let ended = run(command, &settings);
            assert_eq!(ended.code, Some(78), "{command:?}: {}", outputs(&ended));
            assert!(!outputs(&ended).contains("hunter2"), "{command:?}: {}", outputs(&ended));
            assert!(ended.stderr.contains("kafka.bootstrap_servers (--set): has credentials"), "{}", ended.stderr);
        }
        let shown = run(&["run", "--print-config"], &settings);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.contains("bootstrap_servers = \"[redacted]\"") && !shown.stdout.contains("hunter2"));
    }
}

#[test]
fn hidden_characters_of_arguments_and_files_are_escaped() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(format!("{HIDDEN}.toml"));
    std::fs::write(&path, format!("[target.\"{}\"]\nmeasure = \"x\"\n", HIDDEN.replace('\u{1b}', "\\u001b")))
        .expect("a file");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    let quoted = HIDDEN.replace('\u{1b}', "\\u001b");
    let settings = [
        format!("kafka.\"{quoted}\"=1"),
        format!("log.level={HIDDEN}"),
        format!("targets.files=['{}']", path.replace('\u{1b}', "")),
    ];
    for command in [&["check"][..], &["run"], &["check", "--config", &path], &["cut", HIDDEN, HIDDEN], &[HIDDEN]] {
        let ended = run(command, &settings);
        assert!(matches!(ended.code, Some(64 | 78)), "{command:?}: {}", outputs(&ended));
        assert!(outputs(&ended).contains("\\u{202e}"), "{command:?}: {}", outputs(&ended));
        assert_nothing_hidden(&outputs(&ended));
    }
}

#[test]
fn hidden_characters_of_settings_are_escaped_in_the_log() {
    let mock = Mock::start(1, 1);
    let shown = HIDDEN.replace('\u{1b}', "");
    let settings =
        mock.settings(&[&format!("labels.sites=['{shown}']"), &format!("kafka.properties.client.id={shown}")]);
    let config = run(&["run", "--print-config"], &settings);
    assert!(config.stdout.contains("\\U0000202E"), "{}", config.stdout);
    assert_nothing_hidden(&config.stdout);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    let started = pacemeter.events("pacemeter.started").pop().expect("the line of the start");
    assert!(started["settings"].as_str().is_some_and(|text| text.contains(&shown)), "machines get the same text");
    assert_nothing_hidden(&pacemeter.log());
    assert_eq!(pacemeter.stop().code, Some(0));
}
