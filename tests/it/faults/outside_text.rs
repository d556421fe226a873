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
fn what_the_kafka_client_says_repeats_no_secret() {
    let settings = [
        "kafka.bootstrap_servers=127.0.0.1:1",
        "kafka.request_timeout=2s",
        "kafka.properties.security.protocol=SASL_PLAINTEXT",
        "kafka.properties.sasl.mechanism=OAUTHBEARER",
        "kafka.properties.enable.sasl.oauthbearer.unsecure.jwt=true",
        "kafka.properties.sasl.oauthbearer.config=principal=me hunter2-canary",
        "log.level=debug",
        "kafka.properties.debug=all",
    ]
    .map(str::to_owned);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &settings);
    let error = pacemeter.until("the client reports the secret", |pacemeter| {
        let lines = [pacemeter.events("pacemeter.kafka.error"), pacemeter.events("pacemeter.kafka.client")].concat();
        lines.into_iter().map(|line| line.to_string()).find(|line| line.contains("beginning at: "))
    });
    assert!(error.contains("sasl.oauthbearer.config beginning at: [redacted]"), "{error}");
    let ended = pacemeter.stop();
    assert!(!outputs(&ended).contains("hunter2"), "{}", outputs(&ended));
    let settings = ["kafka.properties.security.protocol=SSL", "kafka.properties.ssl.key.pem=hunter2-canary"];
    for command in [&["check"][..], &["run"], &["produce"]] {
        let ended = run(command, &settings.map(str::to_owned));
        assert!(outputs(&ended).contains("ssl.key.pem"), "{command:?}: {}", outputs(&ended));
        assert!(!outputs(&ended).contains("hunter2"), "{command:?}: {}", outputs(&ended));
    }
}

#[test]
fn the_value_of_a_misspelled_secret_is_in_no_output() {
    for name in ["sasl.pasword", "ssl.key.pasword", "sasl.secret", "SASL_PASSWORD", "sasl.psw", "ssl.keypem"] {
        let settings = [format!("kafka.properties.{name}=hunter2-canary"), "kafka.request_timeout=2s".to_owned()];
        for command in [&["run", "--print-config"][..], &["check"], &["run"], &["produce"], &["state", "verify"]] {
            let ended = run(command, &settings);
            assert_eq!(ended.code, Some(if command.len() == 2 && command[0] == "run" { 0 } else { 78 }), "{command:?}");
            assert!(!outputs(&ended).contains("hunter2"), "{command:?}: {}", outputs(&ended));
            assert!(outputs(&ended).contains(name), "{command:?}: {}", outputs(&ended));
        }
    }
}

#[test]
fn a_secret_where_none_belongs_is_in_no_output() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let config = directory.path().join("password=hunter2.toml");
    std::fs::write(&config, "[kafka.properties]\n'sasl.password=hunter2' = 1\n").expect("a file");
    let config = config.to_str().expect("a path in UTF-8").to_owned();
    let set = |setting: &str| vec![setting.to_owned()];
    let mechanism = ["security.protocol=sasl_plaintext", "sasl.mechanisms=hunter2!"];
    let mechanism = mechanism.map(|property| format!("kafka.properties.{property}")).to_vec();
    let refused: [(&[&str], Vec<String>, i32); 11] = [
        (&["check"], mechanism, 78),
        (&["check"], set("log.level=password=hunter2"), 78),
        (&["check"], set("log.level=hunter2!"), 78),
        (&["check"], set("http.hosts=['user:hunter2@h']"), 78),
        (&["check"], set("targets.files=['/nope/password=hunter2']"), 78),
        (&["check"], set("kafka.properties.security.protocol=hunter2!"), 78),
        (&["check", "--config", &config], Vec::new(), 78),
        (&["check", "--config", "/nope/password=hunter2"], Vec::new(), 78),
        (&["check", "password=hunter2"], Vec::new(), 64),
        (&["user:hunter2@host"], Vec::new(), 64),
        (&["cut", "verify", "password=hunter2", "--set", "state.directory='/nope/secret=hunter2'"], Vec::new(), 78),
    ];
    for (command, settings, code) in refused {
        let ended = run(command, &settings);
        assert_eq!(ended.code, Some(code), "{command:?} {settings:?}: {}", outputs(&ended));
        assert!(!outputs(&ended).contains("hunter2"), "{command:?} {settings:?}: {}", outputs(&ended));
        assert!(outputs(&ended).contains("[redacted]"), "{command:?} {settings:?}: {}", outputs(&ended));
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
    let sites = &started["settings"]["labels.sites"];
    assert_eq!(sites, &serde_json::json!([shown]), "machines get the same text");
    assert_nothing_hidden(&pacemeter.log());
    assert_eq!(pacemeter.stop().code, Some(0));
}
