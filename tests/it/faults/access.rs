//! Denied access to Kafka.

use pacemeter::record::Stream;

use crate::kafka::ACCOUNTS;
use crate::program::{Pacemeter, run};
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Settings with an account's name and password.
pub fn as_account(topics: &Topics<'_>, name: &str, password: &str) -> Vec<String> {
    let mut settings = topics.settings();
    settings.extend([
        format!("kafka.bootstrap_servers={}", shared_kafka().sasl_bootstrap()),
        "kafka.properties.security.protocol=SASL_PLAINTEXT".to_owned(),
        "kafka.properties.sasl.mechanism=PLAIN".to_owned(),
        format!("kafka.properties.sasl.username={name}"),
        format!("kafka.properties.sasl.password={password}"),
    ]);
    settings
}

#[test]
fn denied_access_at_the_start_ends_with_77() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let [(reader, password), (stranger, password_of_stranger)] = ACCOUNTS;
    let cases = [
        ("a wrong password", as_account(&topics, reader, "open-barley"), "uthentication"),
        ("no such account", as_account(&topics, "nobody", password), "uthentication"),
    ];
    for (case, settings, said) in cases {
        for command in ["run", "check"] {
            let ended = run(&[command], &settings);
            assert_eq!(ended.code, Some(77), "{case}, {command}: {}", ended.stderr);
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert!(text.contains("kafka denies access") && text.contains(said), "{case}, {command}: {text}");
            for password in [password, password_of_stranger, "open-barley"] {
                assert!(!text.contains(password), "{case}, {command}: a password is printed: {text}");
            }
        }
    }
    let ended = run(&["run"], &as_account(&topics, stranger, password_of_stranger));
    assert_eq!(ended.code, Some(77), "{}", ended.stderr);
    let missing = format!("grant the missing rights: Describe on topic {}", topics.input(Stream::Disbursement));
    assert!(ended.stderr.contains("kafka denies access") && ended.stderr.contains(&missing), "{}", ended.stderr);
    let settings = as_account(&topics, reader, password);
    assert_eq!(run(&["check"], &settings).code, Some(0));
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn run_and_check_name_every_missing_right_at_once() {
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let [_, (stranger, password)] = ACCOUNTS;
    let settings = as_account(&topics, stranger, password);
    let [disbursements, calls, milestones] = Stream::ALL.map(|stream| topics.input(stream));
    let allow = |resource: [&str; 2], operations: &[&str]| shared_kafka().allow(stranger, resource, operations);
    allow(["--topic", &calls], &["Describe", "DescribeConfigs"]);
    allow(["--topic", &milestones], &["Read", "DescribeConfigs"]);
    let (group, dead_letter) = (topics.group(), topics.dead_letter());
    let missing = format!(
        "kafka denies access: grant the missing rights: Describe on topic {disbursements}, Read on topic {disbursements}, Read on topic \
         {calls}, Write on topic {dead_letter}, Read on group {group}, DescribeConfigs on topic {disbursements}"
    );
    for command in ["check", "run"] {
        let refused = run(&[command], &settings);
        assert_eq!(refused.code, Some(77), "{command}: {}", refused.stderr);
        assert!(refused.stderr.contains(&missing), "{command}: no {missing:?} in {}", refused.stderr);
    }
    allow(["--topic", &disbursements], &["Read", "DescribeConfigs"]);
    allow(["--topic", &calls], &["Read"]);
    allow(["--topic", &dead_letter], &["Write"]);
    // All topics can be described now, so that nothing else would fail at the start.
    for command in ["check", "run"] {
        let refused = run(&[command], &settings);
        assert_eq!(refused.code, Some(77), "{command}: {}", refused.stderr);
        let missing = format!("missing rights: Read on group {group}");
        assert!(refused.stderr.contains(&missing), "{command}: {}", refused.stderr);
    }
    allow(["--group", group], &["Read"]);
    let accepted = run(&["check"], &settings);
    assert_eq!(accepted.code, Some(0), "{}", accepted.stderr);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    assert_eq!(pacemeter.stop().code, Some(0));
}
