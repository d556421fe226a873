//! Causes for which a broker cannot be used, as librdkafka's lines about failed connections report them, and remedies.
//!
//! A line is all there is: the errors of requests say no more than that none was answered. librdkafka repeats a line of
//! the same text only every half a minute.

use std::fmt;
use std::time::{Duration, Instant};

/// Maximum number of brokers whose failures are kept.
const MAX_BROKERS: usize = 8;

/// Time after which a failure that was not repeated counts no more; longer than librdkafka keeps a repetition back.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Age of a connection up to which the broker that ends it wants a login. Later it may be idle, or the broker stops.
const LOGIN_EXPECTED_WITHIN_MS: u64 = 2_000;

/// Cause for which a broker cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreachableCause {
    /// The name has no address.
    Unresolved,
    /// Nothing listens at the port.
    Refused,
    /// No connection comes about, for the reason given.
    Unconnected(String),
    /// The listener is not Kafka's, as shown by its answer.
    NotKafka(&'static str),
    /// The listener hangs up at the first request: it wants TLS, or is not Kafka's.
    HungUp,
    /// The client wants TLS, and the listener has none.
    TlsUnknown,
    /// The client does not trust the broker's certificate.
    UntrustedCertificate,
    /// The broker wants a certificate of the client.
    NoClientCertificate,
    /// The listener wants a login, and the client has none.
    LoginExpected,
    /// The client logs in, and the listener knows no logins.
    LoginUnknown,
    /// The broker does not offer the mechanism of the login, but those given.
    Mechanism(String),
    /// The broker refuses user name or password, in the words given.
    Credentials(String),
}

use UnreachableCause as Cause;

impl Cause {
    /// Cause in the text of a failure, which ends with the state of the connection and the time in it.
    fn read(text: &str, protocol: Protocol) -> Option<Self> {
        let (text, state) = text.rsplit_once(" (after ")?;
        let (elapsed, state) = state.split_once("ms in state ")?;
        let state = state.split([',', ')']).next()?;
        let has = |part: &str| text.contains(part);
        if has("Failed to resolve") {
            return Some(Self::Unresolved);
        }
        if has("Connection refused") {
            return Some(Self::Refused);
        }
        let is_connecting = state == "CONNECT" || state == "TRY_CONNECT";
        if is_connecting && (has("setup timed out") || text.starts_with("Connect to ")) {
            let reason = text.split_once(" failed: ").map_or("timed out", |(_, reason)| reason);
            return Some(Self::Unconnected(reason.to_owned()));
        }
        let is_closed = has("Disconnected");
        match state {
            "SSL_HANDSHAKE" if is_closed => Some(Self::TlsUnknown),
            "SSL_HANDSHAKE" | "APIVERSION_QUERY" if has("setup timed out") || has("ApiVersionRequest failed") => {
                Some(Self::NotKafka("it does not answer"))
            }
            "APIVERSION_QUERY" if is_closed && !protocol.has_tls => Some(Self::HungUp),
            "APIVERSION_QUERY" if is_closed => Some(Self::NotKafka("it hangs up at the first request")),
            // Later answers may be too large indeed.
            "APIVERSION_QUERY" if has("Invalid response size") => Some(Self::NotKafka(protocol_of_size(text))),
            "UP" if is_closed && !protocol.has_login => {
                let elapsed: u64 = elapsed.parse().ok()?;
                (elapsed < LOGIN_EXPECTED_WITHIN_MS).then_some(Self::LoginExpected)
            }
            _ => Self::of_tls(text).or_else(|| Self::of_login(text)),
        }
    }

    fn of_tls(text: &str) -> Option<Self> {
        let causes = [
            ("certificate verify failed", Self::UntrustedCertificate),
            ("Failed to verify broker certificate", Self::UntrustedCertificate),
            ("Broker did not provide a certificate", Self::UntrustedCertificate),
            ("client SSL authentication might be required", Self::NoClientCertificate),
            ("alert certificate required", Self::NoClientCertificate),
            ("alert bad certificate", Self::NoClientCertificate),
            ("wrong version number", Self::TlsUnknown),
            ("packet length too long", Self::TlsUnknown),
        ];
        causes.into_iter().find(|(part, _)| text.contains(part)).map(|(_, cause)| cause)
    }

    fn of_login(text: &str) -> Option<Self> {
        if text.contains("mechanism handshake failed") {
            if text.contains("not valid in current SASL state") {
                return Some(Self::LoginUnknown);
            }
            let (_, offered) = text.split_once("broker's supported mechanisms: ")?;
            return Some(Self::Mechanism(offered.to_owned()));
        }
        let prefixes = ["SASL authentication error: ", "SASL authentication failure: "];
        let (_, words) = prefixes.into_iter().find_map(|prefix| text.split_once(prefix))?;
        Some(Self::Credentials(words.to_owned()))
    }

    /// True if the broker answers and denies access.
    fn is_denial(&self) -> bool {
        matches!(self, Self::Credentials(_) | Self::Mechanism(_) | Self::LoginUnknown)
    }

    /// True if there is no connection, so that another address helps.
    fn is_of_address(&self) -> bool {
        matches!(self, Self::Unresolved | Self::Refused | Self::Unconnected(_))
    }

    /// Sentence about listeners at these addresses.
    fn sentence(&self, at: &str) -> String {
        match self {
            Self::Unresolved => format!("the name in {at} cannot be resolved"),
            Self::Refused => format!("nothing listens at {at} (connection refused)"),
            Self::Unconnected(reason) => format!("there is no connection to {at} ({reason})"),
            Self::NotKafka(answer) => format!("what listens at {at} is not Kafka ({answer})"),
            Self::HungUp => {
                format!("the listener at {at} hangs up at the first request: it wants TLS, or is not Kafka")
            }
            Self::TlsUnknown => format!("the client uses TLS, and the listener at {at} does not"),
            Self::UntrustedCertificate => format!("the certificate of {at} is not trusted"),
            Self::NoClientCertificate => format!("the listener at {at} wants a certificate of the client"),
            Self::LoginExpected => {
                format!("the listener at {at} hangs up after its first answer, as one that wants a login does")
            }
            Self::LoginUnknown => format!("the client logs in, and the listener at {at} takes no logins"),
            Self::Mechanism(offered) => {
                format!("the listener at {at} does not offer the sasl.mechanism of the client, but: {offered}")
            }
            Self::Credentials(words) => format!("the listener at {at} refuses the login ({words})"),
        }
    }

    /// Instruction that removes the cause.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Unresolved => "correct kafka.bootstrap_servers, or the name service of this machine",
            Self::Refused => "start the broker, or correct kafka.bootstrap_servers",
            Self::Unconnected(_) => "check routes and firewalls, or correct kafka.bootstrap_servers",
            Self::NotKafka(_) => "name a listener for Kafka clients in kafka.bootstrap_servers",
            Self::HungUp => {
                "set kafka.properties.security.protocol to SSL or SASL_SSL, or correct the port in kafka.bootstrap_servers"
            }
            Self::TlsUnknown => {
                "set kafka.properties.security.protocol to PLAINTEXT or SASL_PLAINTEXT, or name a listener with TLS in kafka.bootstrap_servers"
            }
            Self::UntrustedCertificate => {
                "set kafka.properties.ssl.ca.location to the certificate of its authority, and name the broker as its certificate does"
            }
            Self::NoClientCertificate => "set kafka.properties.ssl.certificate.location and ssl.key.location",
            Self::LoginExpected => "set kafka.properties.security.protocol to SASL_PLAINTEXT or SASL_SSL",
            Self::LoginUnknown => "set kafka.properties.security.protocol to PLAINTEXT or SSL",
            Self::Mechanism(_) => "set kafka.properties.sasl.mechanism to one of these",
            Self::Credentials(_) => "correct kafka.properties.sasl.username and sasl.password",
        }
    }
}

/// Protocol of a listener whose first answer the client takes for one of an impossible size.
fn protocol_of_size(text: &str) -> &'static str {
    let size = text.split_once("Invalid response size ").and_then(|(_, size)| size.split(' ').next());
    let bytes = size.and_then(|size| size.parse::<i32>().ok()).map(i32::to_be_bytes);
    if bytes == Some(*b"HTTP") { "it answers in HTTP" } else { "it answers in another protocol" }
}

/// Protocol of the client.
#[derive(Debug, Clone, Copy)]
struct Protocol {
    has_tls: bool,
    has_login: bool,
}

/// The last failure of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BrokerFailure {
    address: String,
    /// Number of the broker, once others have reported it; `None` for an address of `kafka.bootstrap_servers`.
    broker: Option<i32>,
    cause: UnreachableCause,
}

impl BrokerFailure {
    /// Failure in a line of librdkafka, such as `ssl://one:9093/bootstrap: Connect to ... (after 2ms in state CONNECT)`.
    /// `None` for other lines, and for those about a broker's role instead of its address.
    fn read(line: &str) -> Option<Self> {
        // The client's thread stands before the line.
        let line = line.strip_prefix("[thrd:").and_then(|line| line.split_once("]: ")).map_or(line, |(_, line)| line);
        let (name, text) = line.split_once(": ")?;
        let (protocol, name) = name.split_once("://").unwrap_or(("", name));
        let protocol = Protocol { has_tls: protocol.ends_with("ssl"), has_login: protocol.starts_with("sasl") };
        let (address, origin) = name.rsplit_once('/')?;
        Some(Self { address: address.to_owned(), broker: origin.parse().ok(), cause: Cause::read(text, protocol)? })
    }
}

/// Failures of brokers, for people: one sentence with a remedy for all that have the same cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerFailures {
    failures: Vec<BrokerFailure>,
    /// Addresses of `kafka.bootstrap_servers`.
    bootstrap_servers: String,
}

impl BrokerFailures {
    /// True for an address that brokers report and the settings do not name.
    fn is_advertised(&self, failure: &BrokerFailure) -> bool {
        let is_named = || self.bootstrap_servers.split(',').any(|server| server.trim() == failure.address);
        failure.broker.is_some() && failure.cause.is_of_address() && !is_named()
    }
}

impl fmt::Display for BrokerFailures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<(&Cause, bool, Vec<&str>)> = Vec::new();
        for failure in &self.failures {
            let (cause, is_advertised) = (&failure.cause, self.is_advertised(failure));
            match groups.iter_mut().find(|(of, advertised, _)| *of == cause && *advertised == is_advertised) {
                Some((_, _, addresses)) => addresses.push(&failure.address),
                None => groups.push((cause, is_advertised, vec![&failure.address])),
            }
        }
        for (number, (cause, is_advertised, addresses)) in groups.iter().enumerate() {
            let separator = if number == 0 { "" } else { ". Besides, " };
            let sentence = cause.sentence(&addresses.join(", "));
            if *is_advertised {
                let remedy =
                    "correct advertised.listeners of the brokers, or make that address reachable from this machine";
                write!(
                    formatter,
                    "{separator}kafka answers, but of an address that it advertises {sentence}; {remedy}"
                )?;
            } else {
                write!(formatter, "{separator}{sentence}; {}", cause.remedy())?;
            }
        }
        Ok(())
    }
}

/// Recent failures of the brokers of one client.
#[derive(Debug, Default)]
pub(super) struct FailureLog(Vec<(Instant, BrokerFailure)>);

impl FailureLog {
    /// Notes the failure in a line of the client, if there is one.
    pub(super) fn note(&mut self, line: &str, now: Instant) {
        let Some(failure) = BrokerFailure::read(line) else { return };
        self.0.retain(|(_, known)| known.address != failure.address);
        if self.0.len() == MAX_BROKERS {
            self.0.remove(0);
        }
        self.0.push((now, failure));
    }

    /// Forgets addresses of `kafka.bootstrap_servers` that failed before a broker answered: one is enough.
    pub(super) fn answered(&mut self) {
        self.0.retain(|(_, failure)| failure.broker.is_some());
    }

    /// Failures that still hold, or only those that are denials; `None` without any.
    pub(super) fn current(&self, bootstrap_servers: &str, denials: bool, now: Instant) -> Option<BrokerFailures> {
        let is_current = |at: &Instant| now.saturating_duration_since(*at) < FORGOTTEN_AFTER;
        let current = self.0.iter().filter(|(at, failure)| is_current(at) && (!denials || failure.cause.is_denial()));
        let failures: Vec<BrokerFailure> = current.map(|(_, failure)| failure.clone()).collect();
        (!failures.is_empty()).then(|| BrokerFailures { failures, bootstrap_servers: bootstrap_servers.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNRESOLVED: &str = "[thrd:kafka.nowhere.invalid:9092/bootstrap]: kafka.nowhere.invalid:9092/bootstrap: Failed to resolve \
         'kafka.nowhere.invalid:9092': Name or service not known (after 0ms in state CONNECT, 1 identical error(s) suppressed)";

    fn cause(line: &str) -> Option<UnreachableCause> {
        BrokerFailure::read(line).map(|failure| failure.cause)
    }

    /// Text about failures in these lines, with `one:1` as the only server of the settings.
    fn text(lines: &[&str]) -> String {
        let mut log = FailureLog::default();
        let now = Instant::now();
        lines.iter().for_each(|line| log.note(line, now));
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
                Some(Cause::UntrustedCertificate),
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
            log.note(&format!("b:{number}/bootstrap: Failed to resolve 'b' (after 0ms in state CONNECT)"), start);
        }
        log.note("c:1/1: Failed to resolve 'c' (after 0ms in state CONNECT)", start);
        let count = |log: &FailureLog, at| log.current("", false, at).map_or(0, |failures| failures.failures.len());
        assert_eq!(count(&log, start), MAX_BROKERS);
        log.answered();
        assert_eq!(count(&log, start), 1, "one server of the settings is enough");
        assert_eq!(count(&log, start + FORGOTTEN_AFTER), 0);
    }
}
