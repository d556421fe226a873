//! Causes for which a broker cannot be used, as librdkafka's lines about failed connections report them, and remedies.
//!
//! A line is all there is: the errors of requests say no more than that none was answered. librdkafka repeats a line of
//! the same text only every half a minute.
//!
//! Causes that end the program are recognised by numbers where there are some: refused logins by librdkafka's codes
//! (`error::is_denial`), faults of TLS by those of OpenSSL and of TLS ([`tls`]). The other causes, which are retried, have
//! nothing but librdkafka's words.

mod tls;

pub use tls::CertificateFault;
pub(super) use tls::{VERDICT, VERDICT_FACILITY};

use std::fmt;
use std::time::{Duration, Instant};

/// Maximum number of brokers whose failures are kept.
const MAX_BROKERS: usize = 8;

/// Time after which a failure that was not repeated counts no more; longer than librdkafka keeps a repetition back.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// Port of a server that is named without one.
const DEFAULT_PORT: u16 = 9092;

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
    UntrustedCertificate(CertificateFault),
    /// The broker wants a certificate of the client.
    NoClientCertificate,
    /// The broker refuses the certificate of the client, for the reason given.
    RefusedClientCertificate(&'static str),
    /// Client and broker have no version or cipher suite of TLS in common, in OpenSSL's words.
    Handshake(String),
    /// TLS fails for a reason that may pass, in OpenSSL's words.
    TlsFailed(String),
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
        if let Some(fault) = CertificateFault::read(text) {
            return Some(Self::UntrustedCertificate(fault));
        }
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
            _ if has("Failed to verify broker certificate") || has("Broker did not provide a certificate") => {
                Some(Self::UntrustedCertificate(CertificateFault::Unknown))
            }
            _ => tls::cause(text, protocol.has_client_certificate).or_else(|| Self::of_login(text)),
        }
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

    /// True if one side does not accept the certificate of the other, or has none, or both have no TLS in common.
    fn is_of_certificates(&self) -> bool {
        matches!(
            self,
            Self::UntrustedCertificate(_)
                | Self::NoClientCertificate
                | Self::RefusedClientCertificate(_)
                | Self::Handshake(_)
        )
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
            Self::UntrustedCertificate(fault) => fault.sentence(at),
            Self::NoClientCertificate => format!("the listener at {at} wants a certificate of the client"),
            Self::RefusedClientCertificate(fault) => {
                format!("the listener at {at} refuses the certificate of the client: {fault}")
            }
            Self::Handshake(words) => format!("the tls handshake with the listener at {at} fails ({words})"),
            Self::TlsFailed(words) => format!("tls with the listener at {at} fails ({words})"),
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
            Self::UntrustedCertificate(fault) => fault.remedy(),
            Self::RefusedClientCertificate(_) => {
                "set kafka.properties.ssl.certificate.location and ssl.key.location to a certificate in force that an authority of the brokers has signed"
            }
            Self::Handshake(_) => {
                "let client and listener have a version and a cipher suite of TLS in common (kafka.properties.ssl.cipher.suites)"
            }
            Self::TlsFailed(_) => "look for the reason in the log of the broker",
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
    has_client_certificate: bool,
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
    fn read(line: &str, has_client_certificate: bool) -> Option<Self> {
        // The client's thread stands before the line.
        let line = line.strip_prefix("[thrd:").and_then(|line| line.split_once("]: ")).map_or(line, |(_, line)| line);
        let (name, text) = line.split_once(": ")?;
        let (protocol, name) = name.split_once("://").unwrap_or(("", name));
        let protocol = Protocol {
            has_tls: protocol.ends_with("ssl"),
            has_login: protocol.starts_with("sasl"),
            has_client_certificate,
        };
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
    /// True if nothing but certificates keeps the client away, so that trying again does not help.
    fn are_of_certificates(&self) -> bool {
        self.failures.iter().all(|failure| failure.cause.is_of_certificates())
    }

    /// True if each address of `kafka.bootstrap_servers` has failed.
    fn cover_servers(&self) -> bool {
        self.bootstrap_servers
            .split(',')
            .map(|server| address(server.trim()))
            .all(|server| self.failures.iter().any(|failure| failure.broker.is_none() && failure.address == server))
    }

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

/// Address as librdkafka writes it, of an entry of `kafka.bootstrap_servers`.
fn address(server: &str) -> String {
    let server = server.split_once("://").map_or(server, |(_, server)| server);
    if server.contains(':') { server.to_owned() } else { format!("{server}:{DEFAULT_PORT}") }
}

/// Recent failures of the brokers of one client.
#[derive(Debug, Default)]
pub(super) struct FailureLog(Vec<(Instant, BrokerFailure)>);

impl FailureLog {
    /// Notes the failure in a line of the client, if there is one.
    pub(super) fn note(&mut self, line: &str, has_client_certificate: bool, now: Instant) {
        const UNKNOWN: Cause = Cause::UntrustedCertificate(CertificateFault::Unknown);
        let Some(mut failure) = BrokerFailure::read(line, has_client_certificate) else { return };
        // The line before tells why a certificate is not accepted, this one only that it is not.
        if failure.cause == UNKNOWN
            && let Some((_, known)) = self.0.iter().find(|(_, known)| known.address == failure.address)
            && matches!(known.cause, Cause::UntrustedCertificate(_))
        {
            failure.cause = known.cause.clone();
        }
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

    /// Failures that still hold if all of them are of certificates: of every server of the settings, unless the time of
    /// trying them is over.
    pub(super) fn of_certificates(
        &self,
        bootstrap_servers: &str,
        is_time_over: bool,
        now: Instant,
    ) -> Option<BrokerFailures> {
        let current = self.current(bootstrap_servers, false, now)?;
        (current.are_of_certificates() && (is_time_over || current.cover_servers())).then_some(current)
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
mod tests;
