//! Kafka with TLS, logins and rights: the rights that README lists are enough, and each fault has an exit code of its own.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pacemeter::record::Stream;
use tempfile::TempDir;

use super::probes::own;
use crate::certificates::shown;
use crate::kafka::secured::{SECURED_ACCOUNT, Secured};
use crate::program::{ExitedProcess, Pacemeter, run};
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

/// Sentence of README with the rights of [`needed`].
const SENTENCE: &str = "Grant Read and DescribeConfigs on the input topics, Read on the group `pacemeter`, and Write on the dead-letter topic.";

/// Rights that README lists: kind and name of the resource, and the operation.
fn needed(topics: &Topics<'_>) -> Vec<(&'static str, String, &'static str)> {
    let of_input = |stream| ["Read", "DescribeConfigs"].map(|operation| ("--topic", topics.input(stream), operation));
    let mut rights: Vec<_> = Stream::ALL.into_iter().flat_map(of_input).collect();
    rights.push(("--group", topics.group().to_owned(), "Read"));
    rights.push(("--topic", topics.dead_letter(), "Write"));
    rights
}

fn grant(topics: &Topics<'_>) {
    for (kind, name, operation) in needed(topics) {
        shared_kafka().allow(SECURED_ACCOUNT, [kind, &name], &[operation]);
    }
}

/// Settings with this server and a file of these properties, which also trust the brokers' authority.
fn settings(topics: &Topics<'_>, directory: &Path, server: &str, properties: &[String]) -> Vec<String> {
    let authority = format!("ssl.ca.location={}", shown(&shared_kafka().certificate()));
    let path = Secured::write_properties(directory, "kafka.properties", &[&[authority][..], properties].concat());
    let mut settings = topics.settings();
    settings.push(format!("kafka.bootstrap_servers={server}"));
    settings.push(format!("kafka.properties_files=['{}']", shown(&path)));
    settings
}

/// Properties of a login with this password.
fn login(password: &str) -> Vec<String> {
    let properties =
        ["security.protocol=SASL_SSL", "sasl.mechanism=SCRAM-SHA-512", &format!("sasl.username={SECURED_ACCOUNT}")];
    properties.iter().map(ToString::to_string).chain([format!("sasl.password={password}")]).collect()
}

/// Properties of a client with this certificate.
fn certificate(name: &str) -> Vec<String> {
    let path = |kind: &str| shown(&shared_kafka().secured().path(&format!("{name}.{kind}")));
    vec![
        "security.protocol=SSL".to_owned(),
        format!("ssl.certificate.location={}", path("crt")),
        format!("ssl.key.location={}", path("key")),
    ]
}

fn assert_ended(ended: &ExitedProcess, code: i32, said: &str, case: &str) {
    let output = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{case}: {output}");
    assert!(output.contains(said), "{case}: no {said:?} in {output}");
    assert!(!output.contains(shared_kafka().secured().password()), "{case}: the password is printed");
}

/// Asserts that the program reads records and writes dead letters, and shows the password nowhere.
fn assert_works(topics: &Topics<'_>, state: &TempDir, settings: &[String]) {
    let mut pacemeter = Pacemeter::start(state, settings);
    pacemeter.wait_ready();
    topics.write(Stream::Disbursement, &[Record::of("no event")]);
    pacemeter
        .until("the dead letter is written", |_| topics.ends(&topics.dead_letter()).iter().sum::<i64>().checked_sub(1));
    pacemeter.until("offsets are committed", |pacemeter| {
        (own(pacemeter, "pacemeter_kafka_commits_total") > 0.0).then_some(())
    });
    assert_eq!(own(&pacemeter, "pacemeter_kafka_commit_failures_total"), 0.0);
    let password = shared_kafka().secured().password();
    for path in ["/metrics", "/api/v1/status", "/api/v1/events", "/readyz", "/"] {
        assert!(!pacemeter.get(path).body.contains(password), "{path} has the password");
    }
    let ended = pacemeter.stop();
    assert_ended(&ended, 0, "pacemeter.ended", "run");
    assert!(!ended.stderr.contains("\"level\":\"error\""), "{}", ended.stderr);
}

#[test]
fn the_rights_of_the_readme_are_enough_and_none_is_spare() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a text");
    assert!(readme.split_whitespace().collect::<Vec<_>>().join(" ").contains(SENTENCE), "README lists other rights");
    let (kafka, state) = (shared_kafka(), tempfile::tempdir().expect("a temporary directory"));
    let topics = Topics::create(kafka, 1, LOG_APPEND_TIME);
    let secured = kafka.secured();
    let settings = settings(&topics, state.path(), &secured.scram_bootstrap(), &login(secured.password()));
    grant(&topics);
    assert_ended(&run(&["check"], &settings), 0, "partitions", "all rights");
    assert_ended(&run(&["run", "--print-config"], &settings), 0, "kafka.properties", "--print-config");
    assert_works(&topics, &state, &settings);
    for (kind, name, operation) in needed(&topics) {
        kafka.deny(SECURED_ACCOUNT, [kind, &name], operation);
        let (resource, is_hidden) = (format!("{} {name}", &kind[2..]), kind == "--topic" && operation == "Read");
        // A topic that may not be read is hidden, and then its description is a right of its own.
        let described = if is_hidden { format!("Describe on {resource}, ") } else { String::new() };
        let case = format!("{operation} on {resource}");
        let said = format!("kafka denies access: grant the missing rights: {described}{case}");
        let commands =
            if operation == "DescribeConfigs" || kind == "--group" { &["check", "run"][..] } else { &["check"] };
        for command in commands {
            let ended = run(&[command], &settings);
            assert_ended(&ended, 77, &said, &case);
            for (kind, other, _) in needed(&topics).iter().filter(|(_, other, _)| *other != name) {
                let other = format!(" on {} {other}", &kind[2..]);
                assert!(!ended.stderr.contains(&other), "{case}: {}", ended.stderr);
            }
        }
        kafka.allow(SECURED_ACCOUNT, [kind, &name], &[operation]);
    }
    assert_ended(&run(&["check"], &settings), 0, "partitions", "all rights again");
}

#[test]
fn a_certificate_of_the_client_logs_in() {
    let (kafka, state) = (shared_kafka(), tempfile::tempdir().expect("a temporary directory"));
    let topics = Topics::create(kafka, 1, LOG_APPEND_TIME);
    grant(&topics);
    let settings = settings(&topics, state.path(), &kafka.secured().mutual_bootstrap(), &certificate("client"));
    assert_ended(&run(&["check"], &settings), 0, "partitions", "a certificate");
    assert_works(&topics, &state, &settings);
}

#[test]
fn password_certificate_and_absence_end_with_their_codes() {
    let (kafka, directory) = (shared_kafka(), tempfile::tempdir().expect("a temporary directory"));
    let topics = Topics::create(kafka, 1, LOG_APPEND_TIME);
    let secured = kafka.secured();
    let (scram, mutual) = (secured.scram_bootstrap(), secured.mutual_bootstrap());
    let own_login = login(secured.password());
    let other_authority = format!("ssl.ca.location={}", shown(&secured.path("clients.crt")));
    let tls = vec!["security.protocol=SSL".to_owned()];
    let cases = [
        ("a wrong password", &scram, login("open-barley"), 77, format!("{scram} refuses the login")),
        (
            "another name",
            &scram.replace("localhost", "127.0.0.1"),
            own_login.clone(),
            78,
            "it is for another name".into(),
        ),
        ("an expired certificate", &secured.expired_bootstrap(), tls.clone(), 78, "it has expired; renew it".into()),
        (
            "no certificate of the client",
            &mutual,
            tls.clone(),
            78,
            format!("{mutual} wants a certificate of the client"),
        ),
        (
            "an expired client",
            &mutual,
            certificate("lapsed"),
            78,
            format!("{mutual} refuses the certificate of the client"),
        ),
        (
            "a foreign client",
            &mutual,
            certificate("foreign"),
            78,
            format!("{mutual} refuses the certificate of the client"),
        ),
        ("no broker", &"127.0.0.1:1".to_owned(), own_login.clone(), 75, "nothing listens at 127.0.0.1:1".into()),
    ];
    for (case, server, properties, code, said) in cases {
        let settings =
            [settings(&topics, directory.path(), server, &properties), vec!["kafka.request_timeout=3s".into()]]
                .concat();
        assert_ended(&run(&["check"], &settings), code, &said, case);
        // A start waits for a broker that is absent.
        if code != 75 {
            assert_ended(&run(&["run"], &settings), code, &said, case);
        }
    }
    let settings = settings(&topics, directory.path(), &scram, &own_login);
    let path = directory.path().join("kafka.properties");
    let trusted = fs::read_to_string(&path).expect("a text");
    let untrusted: Vec<&str> = trusted.lines().skip(1).chain([other_authority.as_str()]).collect();
    fs::write(&path, untrusted.join("\n")).expect("ours");
    for command in ["check", "run"] {
        let said = format!("the certificate of {scram} is not trusted: no authority of ssl.ca.location has signed it");
        assert_ended(&run(&[command], &settings), 78, &said, "an unknown authority");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("ours");
    for command in ["check", "run", "produce"] {
        assert_ended(&run(&[command], &settings), 78, "mode 644 lets other users read", "everybody can read");
    }
}
