//! Decision whether a request may be answered, by the [`WebConfig`] in force.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;
use tokio::time::Instant;

use super::passwords::{PasswordCheck, PasswordVerifier};
use super::refusal::Refusal;
use super::web_config::{RateLimit, WebConfig};
use crate::telemetry::process::HttpMetrics;

/// Facts about the client of a connection, which every request carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// True if the client has proven in the handshake that it has an accepted certificate.
    pub(super) has_certificate: bool,
}

/// Rights and transport in force, shared by all connections. A change closes connections once their answers in flight
/// are complete.
pub struct WebAccess {
    config: watch::Sender<Arc<WebConfig>>,
    passwords: PasswordVerifier,
    bucket: Mutex<TokenBucket>,
    metrics: HttpMetrics,
}

/// Omits the hashes of passwords.
impl fmt::Debug for WebAccess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WebAccess")
    }
}

impl WebAccess {
    /// Puts a configuration in force.
    pub fn new(config: WebConfig, metrics: HttpMetrics) -> Self {
        metrics.web_config_loaded(config.not_after);
        let bucket = Mutex::new(TokenBucket::new(config.rate_limit));
        Self { config: watch::Sender::new(Arc::new(config)), passwords: PasswordVerifier::new(), bucket, metrics }
    }

    /// Puts another configuration in force, for all requests from now on.
    pub(crate) fn replace(&self, config: WebConfig) {
        self.metrics.web_config_loaded(config.not_after);
        *self.bucket.lock().unwrap_or_else(PoisonError::into_inner) = TokenBucket::new(config.rate_limit);
        self.config.send_replace(Arc::new(config));
    }

    /// Returns the configuration in force.
    pub(super) fn current(&self) -> Arc<WebConfig> {
        Arc::clone(&self.config.borrow())
    }

    /// Returns the users whose passwords are accepted.
    #[cfg(test)]
    pub(crate) fn users(&self) -> Vec<String> {
        self.current().users.keys().cloned().collect()
    }

    /// Returns a receiver that notices the next change.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<WebConfig>> {
        self.config.subscribe()
    }

    /// Checks the rights of a request. Paths are compared as the routes compare them: byte by byte, before any decoding.
    ///
    /// # Errors
    /// 401 without the right password, 403 without a client certificate, 429 beyond a bound.
    pub(super) async fn check(&self, config: &WebConfig, request: &Parts) -> Result<(), Refusal> {
        if config.excluded_paths.iter().any(|path| path == request.uri.path()) {
            return Ok(());
        }
        let client = request.extensions.get::<Client>();
        if config.needs_certificate && !client.is_some_and(|client| client.has_certificate) {
            return Err(self.refused(client, "certificate", Refusal::NO_CERTIFICATE));
        }
        if !config.users.is_empty() {
            let Some((user, password)) = credentials(&request.headers) else {
                return Err(self.refused(client, "missing", Refusal::UNAUTHORIZED));
            };
            let address = client.map_or(IpAddr::from([0; 4]), |client| client.address);
            match self.passwords.check(&config.users, address, &user, &password).await {
                PasswordCheck::Right => {}
                PasswordCheck::Wrong => return Err(self.refused(client, "wrong", Refusal::UNAUTHORIZED)),
                PasswordCheck::Busy => return Err(self.refused(client, "limited", Refusal::TOO_MANY_ATTEMPTS)),
            }
        }
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.take(Instant::now()) { Ok(()) } else { Err(Refusal::RATE_LIMITED) }
    }

    /// Counts and logs a refusal. The name of the user may be a misplaced password, so it is not logged.
    fn refused(&self, client: Option<&Client>, reason: &'static str, refusal: Refusal) -> Refusal {
        self.metrics.unauthorized(reason);
        let address = client.map_or(String::new(), |client| client.address.to_string());
        tracing::warn!(event = "pacemeter.http.unauthorized", address, reason, "request without access refused");
        refusal
    }
}

/// Returns user and password of the only Authorization line, if it is of the Basic scheme (RFC 7617).
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next()?.as_bytes();
    if lines.next().is_some() {
        return None;
    }
    let (scheme, encoded) = line.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

/// Token bucket of a rate limit; without one it is never empty.
#[derive(Debug)]
struct TokenBucket {
    limit: Option<RateLimit>,
    tokens: u32,
    /// Time up to which tokens were added; `None` before the first request.
    filled_at: Option<Instant>,
}

impl TokenBucket {
    fn new(limit: Option<RateLimit>) -> Self {
        Self { limit, tokens: limit.map_or(0, |limit| limit.burst), filled_at: None }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let Some(RateLimit { interval, burst }) = self.limit else { return true };
        let filled_at = *self.filled_at.get_or_insert(now);
        let passed = now.saturating_duration_since(filled_at);
        let added = u32::try_from(passed.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX);
        if added >= burst {
            (self.tokens, self.filled_at) = (burst, Some(now));
        } else {
            self.tokens = (self.tokens + added).min(burst);
            self.filled_at = Some(filled_at + interval.saturating_mul(added));
        }
        let has_token = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        has_token
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_one_well_formed_basic_line_is_read() {
        let parsed = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (header::AUTHORIZATION, line.parse().unwrap()));
            credentials(&lines.collect::<HeaderMap>())
        };
        let ann = Some(("ann".to_owned(), b"pa:ss".to_vec()));
        assert_eq!(parsed(&["Basic YW5uOnBhOnNz"]), ann);
        assert_eq!(parsed(&["bASIC  YW5uOnBhOnNz "]), ann);
        for lines in [
            &[][..],
            &["Basic YW5uOnBhOnNz", "Basic YW5uOnBhOnNz"],
            &["Bearer YW5uOnBhOnNz"],
            &["Basic"],
            &["BasicYW5uOnBhOnNz"],
            &["Basic !!!"],
            &["Basic YW5u"],
            &["Basic /zo="],
            &[""],
        ] {
            assert_eq!(parsed(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_bucket_refills_up_to_its_burst() {
        let (second, start) = (Duration::from_secs(1), Instant::now());
        let mut bucket = TokenBucket::new(Some(RateLimit { interval: second, burst: 2 }));
        let mut taken = |at: f64| bucket.take(start + second.mul_f64(at));
        assert_eq!([0.0, 0.0, 0.0, 0.9].map(&mut taken), [true, true, false, false]);
        assert_eq!([1.0, 1.5, 2.0, 2.1].map(&mut taken), [true, false, true, false]);
        assert_eq!([1e6, 1e6, 1e6].map(&mut taken), [true, true, false]);
        assert!((0..1_000).all(|_| TokenBucket::new(None).take(start)));
    }
}
