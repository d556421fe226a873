//! Causes in the lines of librdkafka, and their sentences.

use super::*;

const UNRESOLVED: &str = "[thrd:kafka.nowhere.invalid:9092/bootstrap]: kafka.nowhere.invalid:9092/bootstrap: Failed to resolve \
     'kafka.nowhere.invalid:9092': Name or service not known (after 0ms in state CONNECT, 1 identical error(s) suppressed)";

fn cause(line: &str) -> Option<UnreachableCause> {
    BrokerFailure::read(line, false).map(|failure| failure.cause)
}

/// Text about failures in these lines, with `one:1` as the only server of the settings.
fn text(lines: &[&str]) -> String {
    let mut log = FailureLog::default();
    let now = Instant::now();
    lines.iter().for_each(|line| log.note(line, false, now));
    log.current("one:1", false, now).map_or_else(String::new, |failures| failures.to_string())
}

#[test]
fn lines_about_connections_tell_their_cause() {
    let not_kafka = |answer| Some(Cause::NotKafka(answer));
    for (line, expected) in [
        (UNRESOLVED, Some(Cause::Unresolved)),
        (
            "[thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in \
             state CONNECT)",
            Some(Cause::Refused),
        ),
        (
            "b:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: No route to host (after 3055ms in state CONNECT)",
            Some(Cause::Unconnected("No route to host".into())),
        ),
        (
            "b:1/bootstrap: Connection setup timed out in state CONNECT (after 2001ms in state CONNECT)",
            Some(Cause::Unconnected("timed out".into())),
        ),
        (
            "b:1/bootstrap: Receive failed: Invalid response size 1213486160 (0..8388608): increase receive.message.max.bytes (after 0ms \
             in state APIVERSION_QUERY)",
            not_kafka("it answers in HTTP"),
        ),
        (
            "b:1/2: Receive failed: Invalid response size 9000000 (0..8388608): increase receive.message.max.bytes (after 0ms in state UP)",
            None,
        ),
        (
            "b:1/bootstrap: ApiVersionRequest failed: Local: Timed out: probably due to broker version < 0.10 (see api.version.request \
             configuration) (after 2000ms in state APIVERSION_QUERY, 1 identical error(s) suppressed)",
            not_kafka("it does not answer"),
        ),
        (
            "ssl://b:1/bootstrap: Connection setup timed out in state SSL_HANDSHAKE (after 2001ms in state SSL_HANDSHAKE)",
            not_kafka("it does not answer"),
        ),
        (
            "b:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 0ms in state APIVERSION_QUERY)",
            Some(Cause::HungUp),
        ),
        (
            "ssl://b:1/bootstrap: Disconnected: connection closed by peer (after 0ms in state APIVERSION_QUERY)",
            not_kafka("it hangs up at the first request"),
        ),
    ] {
        assert_eq!(cause(line), expected, "{line}");
    }
}

#[test]
fn lines_about_tls_and_logins_tell_their_cause() {
    for (line, expected) in [
        (
            "ssl://b:1/bootstrap: SSL handshake failed: error:0A00010B:SSL routines::wrong version number (after 1ms in state \
             SSL_HANDSHAKE)",
            Some(Cause::TlsUnknown),
        ),
        (
            "ssl://b:1/bootstrap: SSL handshake failed: Disconnected: connection reset by peer: connecting to a PLAINTEXT broker \
             listener? (after 0ms in state SSL_HANDSHAKE)",
            Some(Cause::TlsUnknown),
        ),
        (
            "ssl://b:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could \
             not be verified, verify that ssl.ca.location is correctly configured or root CA certificates are installed (install \
             ca-certificates package) (after 4ms in state SSL_HANDSHAKE)",
            Some(Cause::UntrustedCertificate(CertificateFault::Unknown)),
        ),
        (
            "ssl://b:1/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116 \
             (after 0ms in state APIVERSION_QUERY)",
            Some(Cause::NoClientCertificate),
        ),
        ("b:1/1: Disconnected: connection closed by peer (after 3ms in state UP)", Some(Cause::LoginExpected)),
        ("b:1/1: Disconnected: connection closed by peer (after 600000ms in state UP)", None),
        ("sasl_plaintext://b:1/1: Disconnected: connection closed by peer (after 3ms in state UP)", None),
        (
            "sasl_plaintext://b:1/bootstrap: SASL authentication error: Authentication failed: Invalid username or password (after 2ms in \
             state AUTH_REQ)",
            Some(Cause::Credentials("Authentication failed: Invalid username or password".into())),
        ),
        (
            "sasl_plaintext://b:1/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's \
             supported mechanisms: PLAIN (after 2ms in state AUTH_HANDSHAKE)",
            Some(Cause::Mechanism("PLAIN".into())),
        ),
        (
            "sasl_plaintext://b:1/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: \
             broker's supported mechanisms:  (after 2ms in state AUTH_HANDSHAKE)",
            Some(Cause::LoginUnknown),
        ),
        (
            "GroupCoordinator: b:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            None,
        ),
        ("b:1/bootstrap: Timed out 1 in-flight, 0 retry-queued, 0 out-queue, 0 partially-sent requests", None),
    ] {
        assert_eq!(cause(line), expected, "{line}");
    }
}

#[test]
fn each_cause_has_a_sentence_and_a_remedy_of_its_own() {
    let refused = |address: &str| {
        format!("{address}: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)")
    };
    assert_eq!(
        text(&[&refused("one:1/bootstrap"), &refused("two:2/bootstrap"), UNRESOLVED]),
        "nothing listens at one:1, two:2 (connection refused); start the broker, or correct kafka.bootstrap_servers. Besides, the name in \
         kafka.nowhere.invalid:9092 cannot be resolved; correct kafka.bootstrap_servers, or the name service of this machine"
    );
    let advertised = text(&[&refused("two:2/7")]);
    assert!(advertised.starts_with("kafka answers, but of an address that it advertises nothing"), "{advertised}");
    assert!(advertised.contains("advertised.listeners"), "{advertised}");
    let named = text(&[&refused("one:1/7")]);
    assert!(!named.contains("advertised"), "the settings name it: {named}");
}

#[test]
fn failures_are_forgotten_in_time_and_are_bounded() {
    let mut log = FailureLog::default();
    let start = Instant::now();
    for number in 0..2 * MAX_BROKERS {
        log.note(&format!("b:{number}/bootstrap: Failed to resolve 'b' (after 0ms in state CONNECT)"), false, start);
    }
    log.note("c:1/1: Failed to resolve 'c' (after 0ms in state CONNECT)", false, start);
    let count = |log: &FailureLog, at| log.current("", false, at).map_or(0, |failures| failures.failures.len());
    assert_eq!(count(&log, start), MAX_BROKERS);
    log.answered();
    assert_eq!(count(&log, start), 1, "one server of the settings is enough");
    assert_eq!(count(&log, start + FORGOTTEN_AFTER), 0);
}

/// Line about the end of a handshake or a connection with this OpenSSL error.
fn line_of(error: &str) -> String {
    format!("ssl://one:1/bootstrap: SSL handshake failed: {error} (after 4ms in state SSL_HANDSHAKE)")
}

#[test]
fn faults_of_tls_are_told_by_numbers() {
    let refused = |fault| Some(Cause::RefusedClientCertificate(fault));
    for (error, without, with) in [
        (
            "error:0A000412:SSL routines::any words: SSL alert number 42",
            Some(Cause::NoClientCertificate),
            refused("it is bad"),
        ),
        ("error:0A000415:SSL routines::any words", Some(Cause::NoClientCertificate), refused("it has expired")),
        ("error:0A000416:SSL routines::any words", Some(Cause::NoClientCertificate), refused("it is not acceptable")),
        (
            "error:0A000418:SSL routines::any words",
            Some(Cause::NoClientCertificate),
            refused("its authority is unknown"),
        ),
        ("error:0A00045C:SSL routines::any words", Some(Cause::NoClientCertificate), Some(Cause::NoClientCertificate)),
        (
            "error:0A00042E:SSL routines::tlsv1 alert protocol version: SSL alert number 70",
            Some(Cause::Handshake("tlsv1 alert protocol version".into())),
            Some(Cause::Handshake("tlsv1 alert protocol version".into())),
        ),
        (
            "error:0A000438:SSL routines::tlsv1 alert internal error: SSL alert number 80",
            Some(Cause::TlsFailed("tlsv1 alert internal error".into())),
            Some(Cause::TlsFailed("tlsv1 alert internal error".into())),
        ),
        ("error:0A00010B:SSL routines::any words", Some(Cause::TlsUnknown), Some(Cause::TlsUnknown)),
        // Another library of OpenSSL.
        ("error:0B000074:x509 certificate routines::any words", None, None),
        ("error:0A", None, None),
    ] {
        for (has_certificate, expected) in [(false, without), (true, with)] {
            let read = BrokerFailure::read(&line_of(error), has_certificate).map(|failure| failure.cause);
            assert_eq!(read, expected, "{error}");
        }
    }
}

/// Line about a certificate that OpenSSL does not accept, with its code.
fn verdict(code: i32) -> String {
    format!(
        "[thrd:ssl://one:1/bootstrap]: ssl://one:1/bootstrap: Certificate (subject=/CN=a: b, issuer=/CN=c) verification callback \
         failed: x509 error {code}"
    )
}

#[test]
fn the_reason_against_a_certificate_outlasts_the_next_line() {
    for (code, said) in [
        (9, "it is not valid yet"),
        (10, "it has expired; renew it on the broker"),
        (62, "it is for another name; name the broker"),
        (64, "it is for another name; name the broker"),
        (19, "no authority of ssl.ca.location has signed it"),
        (20, "no authority of ssl.ca.location has signed it"),
        (26, "(openssl verification error 26)"),
    ] {
        let failed =
            line_of("error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified");
        let told = text(&[&verdict(code), &failed]);
        assert!(told.starts_with("the certificate of one:1 is not trusted") && told.contains(said), "{code}: {told}");
        let other = line_of("error:0A00010B:SSL routines::wrong version number");
        assert!(text(&[&verdict(code), &other]).contains("does not"), "another cause replaces it");
    }
}

#[test]
fn only_certificates_and_a_mismatch_of_tls_are_permanent() {
    // A reason as OpenSSL packs it; those from 1000 on are alerts.
    let is_permanent = |reason: u32| {
        let mut log = FailureLog::default();
        let code = (20 << 23) | reason;
        log.note(&line_of(&format!("error:{code:08X}:SSL routines::any words")), true, Instant::now());
        log.of_certificates("one:1", false, Instant::now()).is_some()
    };
    for reason in [134, 193, 258, 1040, 1042, 1045, 1048, 1070, 1071, 1086, 1116] {
        assert!(is_permanent(reason), "{reason}");
    }
    // Internal errors, an unexpected message or end, a cancelled handshake, an unknown name, alerts and reasons of nobody.
    for reason in [68, 244, 267, 294, 1010, 1020, 1050, 1051, 1080, 1090, 1112, 1255, 500] {
        assert!(!is_permanent(reason), "{reason}");
    }
}

#[test]
fn certificates_alone_end_the_tries_once_each_server_has_failed() {
    let now = Instant::now();
    let refused =
        "two:2/bootstrap: Connect to ipv4#127.0.0.1:2 failed: Connection refused (after 0ms in state CONNECT)";
    let untrusted_two = verdict(10).replace("one:1", "two:2");
    let found = |lines: &[&str], servers: &str, is_time_over: bool| {
        let mut log = FailureLog::default();
        lines.iter().for_each(|line| log.note(line, false, now));
        log.of_certificates(servers, is_time_over, now).is_some()
    };
    let one = &verdict(10);
    for servers in ["one:1", " ssl://one:1 ", "one:1,two:2"] {
        assert!(found(&[one, &untrusted_two], servers, false), "{servers}");
        assert!(!found(&[one, refused], servers, true), "{servers}: another broker is absent");
    }
    assert!(!found(&[one], "one:1,two:2", false), "the other may do");
    assert!(found(&[one], "one:1,two:2", true));
    assert!(!found(&[one], "one", false), "another port");
    assert!(found(&[&one.replace("one:1", "one:9092")], "one", false), "the port that is meant");
    assert!(!found(&[], "one:1", true));
}
