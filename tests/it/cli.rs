//! The command line: exit codes and what is said.

use std::io::Write;

use crate::program::run;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn help_and_version_are_there_for_every_command() {
    for command in [&[][..], &["run"], &["demo"], &["check"], &["produce"]] {
        for flag in ["--help", "--version"] {
            let ended = run(&[command, &[flag]].concat(), &[]);
            assert_eq!(ended.code, Some(0), "{command:?} {flag}: {}", ended.stderr);
            assert!(!ended.stdout.is_empty() && ended.stderr.is_empty(), "{command:?} {flag}: {}", ended.stderr);
        }
        let version = run(&[command, &["--version"]].concat(), &[]).stdout;
        assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    }
}

#[test]
fn wrong_usage_ends_with_64() {
    for arguments in [&[][..], &["walk"], &["run", "--listen", "x"], &["run", "--set"], &["demo", "--for", "soon"]] {
        let ended = run(arguments, &[]);
        assert_eq!(ended.code, Some(64), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}: {}", ended.stdout);
    }
}

#[test]
fn all_faults_of_the_configuration_are_told_at_once_with_78() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    writeln!(file, "[programme]\ntime_zone = \"America/Mexico\"\n[streams.call]\nhorizont = \"8d\"\n").expect("a file");
    let path = file.path().to_str().expect("a path in UTF-8");
    let settings = strings(&[
        "kafka.bootstap_servers=127.0.0.1:1",
        "http.max_connections=none",
        "streams.disbursement.horizon=3d",
        "kafka.properties.enable.auto.commit=true",
    ]);
    for command in ["run", "check"] {
        let ended = run(&[command, "--config", path], &settings);
        assert_eq!(ended.code, Some(78), "{command}: {}", ended.stderr);
        let said = ended.stderr;
        for text in [
            "kafka.bootstap_servers",
            // The nearest known key.
            "kafka.bootstrap_servers",
            "streams.call.horizon",
            "http.max_connections",
            "streams.disbursement.horizon",
            "enable.auto.commit",
            "America/Mexico",
        ] {
            assert!(said.contains(text), "{command} does not name {text}:\n{said}");
        }
    }
}

#[test]
fn the_effective_settings_are_shown_without_secrets() {
    let settings = strings(&[
        "kafka.properties.sasl.username=somebody",
        "kafka.properties.sasl.password=hunter-two",
        "kafka.properties.ssl.key.pem=-----BEGIN PRIVATE KEY-----",
        "http.max_connections=17",
    ]);
    let ended = run(&["run", "--print-config"], &settings);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("max_connections = 17"), "{}", ended.stdout);
    assert!(ended.stdout.contains("America/Mexico_City"), "{}", ended.stdout);
    for secret in ["hunter-two", "BEGIN PRIVATE"] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{secret} is shown");
    }
}

#[test]
fn check_without_a_broker_says_so_and_may_be_tried_again() {
    let ended = run(&["check"], &strings(&["kafka.bootstrap_servers=127.0.0.1:1", "kafka.request_timeout=2s"]));
    assert_eq!(ended.code, Some(75), "{}", ended.stderr);
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("kafka did not answer"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn the_demo_agrees_with_its_ledger_and_says_so_when_it_does_not() {
    let settings = strings(&["log.level=warn"]);
    let ended = run(&["demo", "--for", "10s"], &settings);
    assert_eq!(ended.code, Some(0), "stdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("pacemeter_week_beneficiaries") || ended.stdout.contains("week"), "{}", ended.stdout);
    let ended = run(&["demo", "--for", "10s", "--falsify", "pacemeter_dispersed_pesos_total"], &settings);
    assert_eq!(ended.code, Some(1), "stdout:\n{}\nstderr:\n{}", ended.stdout, ended.stderr);
}
