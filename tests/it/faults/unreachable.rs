//! Causes for which Kafka cannot be reached, each with a sentence and a remedy of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use super::access::as_account;
use super::mock::Mock;
use crate::kafka::{ACCOUNTS, MISADVERTISED};
use crate::program::{Pacemeter, run};
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Topics};

/// Settings with these servers, for which `check` does not wait long.
fn at(servers: impl std::fmt::Display, more: &[&str]) -> Vec<String> {
    let mut settings = vec![format!("kafka.bootstrap_servers={servers}"), "kafka.request_timeout=3s".to_owned()];
    settings.extend(more.iter().map(|&setting| setting.to_owned()));
    settings
}

/// Asserts that `check` ends with this code and these words.
fn assert_checked(settings: &[String], code: i32, words: &[&str]) {
    let ended = run(&["check"], settings);
    assert_eq!(ended.code, Some(code), "{settings:?}: {}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{settings:?}: no {word:?} in {}", ended.stderr);
    }
}

/// Address of a listener that gives this answer to the first request of each connection; without one it keeps silent.
fn listener(answer: Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let mut silent = Vec::new();
        for mut connection in listener.incoming().flatten() {
            match answer {
                None => silent.push(connection),
                Some(answer) => {
                    // A client that is gone is one that the test does not need.
                    let _ = connection.read(&mut [0; 1024]).and_then(|_| connection.write_all(answer));
                }
            }
        }
    });
    address
}

#[test]
fn each_cause_before_the_first_answer_has_its_sentence() {
    let unresolved = ["the name in kafka.nowhere.invalid:9092 cannot be resolved", "correct kafka.bootstrap_servers"];
    assert_checked(&at("kafka.nowhere.invalid:9092", &[]), 75, &unresolved);
    let refused = ["nothing listens at 127.0.0.1:1 (connection refused)", "start the broker"];
    assert_checked(&at("127.0.0.1:1", &[]), 75, &refused);
    let both = [unresolved[0], refused[0]];
    assert_checked(&at("127.0.0.1:1,kafka.nowhere.invalid:9092", &[]), 75, &both);

    let http = listener(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let silent = listener(None);
    let not_kafka = |address| format!("what listens at {address} is not Kafka");
    assert_checked(&at(http, &[]), 75, &[&not_kafka(http), "it answers in HTTP"]);
    assert_checked(&at(silent, &[]), 75, &[&not_kafka(silent), "it does not answer"]);

    let mock = Mock::start(1, 1);
    let server = mock.cluster().bootstrap_servers();
    let settings = mock.settings(&["kafka.request_timeout=3s", "kafka.properties.security.protocol=SSL"]);
    let words = [&format!("the client uses TLS, and the listener at {server} does not"), "PLAINTEXT or SASL_PLAINTEXT"];
    assert_checked(&settings, 75, &words);
}

#[test]
fn each_cause_at_a_real_broker_has_its_sentence() {
    let kafka = shared_kafka();
    let topics = Topics::create(kafka, 1, LOG_APPEND_TIME);
    let with = |servers: &str, more: &[&str]| [topics.settings(), at(servers, more)].concat();
    let tls = kafka.tls_bootstrap();
    let (ssl, authority) = (
        "kafka.properties.security.protocol=SSL",
        format!("kafka.properties.ssl.ca.location={}", kafka.certificate().display()),
    );
    assert_checked(
        &with(&tls, &[]),
        75,
        &[&format!("the listener at {tls} hangs up"), "it wants TLS", "SSL or SASL_SSL"],
    );
    assert_checked(&with(&tls, &[ssl]), 78, &[&format!("the certificate of {tls} is not trusted"), "ssl.ca.location"]);
    let other_name = tls.replace("localhost", "127.0.0.1");
    let words = [&format!("the certificate of {other_name} is not trusted"), "name the broker as its certificate does"];
    assert_checked(&with(&other_name, &[ssl, &authority]), 78, &words);
    assert_checked(&with(&tls, &[ssl, &authority]), 0, &[]);
    let plain = kafka.bootstrap();
    assert_checked(&with(&plain, &[ssl]), 75, &[&format!("the client uses TLS, and the listener at {plain} does not")]);

    let astray = ["kafka answers, but", &format!("{MISADVERTISED} cannot be resolved"), "correct advertised.listeners"];
    assert_checked(&with(&kafka.misadvertised_bootstrap(), &[]), 75, &astray);

    let sasl = kafka.sasl_bootstrap();
    assert_checked(&with(&sasl, &[]), 75, &[&format!("the listener at {sasl}"), "wants a login", "SASL_PLAINTEXT"]);
    let [(reader, password), _] = ACCOUNTS;
    let refused = [&format!("the listener at {sasl} refuses the login"), "sasl.username"];
    assert_checked(&as_account(&topics, reader, "open-barley"), 77, &refused);
    let mut scram = as_account(&topics, reader, password);
    scram.push("kafka.properties.sasl.mechanism=SCRAM-SHA-256".to_owned());
    assert_checked(&scram, 77, &["does not offer the sasl.mechanism", "but: PLAIN"]);
    let mut unwanted = as_account(&topics, reader, password);
    unwanted.push(format!("kafka.bootstrap_servers={plain}"));
    assert_checked(&unwanted, 77, &[&format!("the listener at {plain} takes no logins"), "PLAINTEXT or SSL"]);
}

#[test]
fn readiness_and_log_say_why_kafka_is_not_reached() {
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &at("kafka.nowhere.invalid:9092", &[]));
    let cause = "the name in kafka.nowhere.invalid:9092 cannot be resolved";
    for path in ["/readyz", "/api/v1/status"] {
        pacemeter.until(&format!("{path} says it"), |pacemeter| pacemeter.get(path).body.contains(cause).then_some(()));
    }
    let waiting = pacemeter.events("pacemeter.kafka.waiting");
    assert!(
        waiting.iter().any(|event| event["reason"].as_str().is_some_and(|reason| reason.contains(cause))),
        "{waiting:?}"
    );
    assert_eq!(pacemeter.stop().code, Some(0));
}
