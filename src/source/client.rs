//! Configuration of librdkafka's clients, and their reports while they run.

use super::error::{SourceError, is_denial, whole};
use super::settings::Settings;
use super::unreachable::{BrokerFailures, FailureLog, VERDICT_FACILITY};
use crate::runtime::end_for_shortage;
use crate::settings::Redactor;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub(super) type Client = BaseConsumer<Context>;

/// Paths of trusted certificates in common distributions. The TLS library is linked statically and knows none of them.
const CERTIFICATE_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Default size of an answer to a request for records, in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Default of [`max_batch_bytes`].
const MAX_BATCH_BYTES: u64 = 32 << 20;
/// Default size of an answer without records, in bytes. The largest is metadata: a topic of 100,000 partitions with three
/// replicas takes 5 MB. The client's own default lets each broker take 100 MB.
const MAX_REPLY_BYTES: u64 = 8 << 20;
/// Maximum size of the headers that a dead letter has more than its record, in bytes.
const MAX_HEADER_BYTES: u64 = 64 << 10;
/// Maximum of `message.max.bytes` in the client.
const MAX_MESSAGE_BYTES: u64 = 1_000_000_000;
/// Maximum of numbers in the client's configuration.
const MAX_NUMBER: u64 = i32::MAX as u64;

/// Configuration of every client but the one that reads records: its answers are small.
pub(crate) fn base(settings: &Settings) -> ClientConfig {
    let mut config = common(settings);
    default_to(&mut config, &["receive.message.max.bytes"], &MAX_REPLY_BYTES.to_string());
    config
}

/// Configuration of every client: defaults, `kafka.properties` over them, and fixed properties over both.
fn common(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("client.id", "pacemeter");
    config.set("socket.keepalive.enable", "true");
    config.set("log.connection.close", "false");
    config.set("socket.timeout.ms", settings.request_timeout.as_millis().to_string());
    // The default gives up a connection without an answer only after half a minute.
    config.set("socket.connection.setup.timeout.ms", settings.request_timeout.as_millis().to_string());
    let set = |key: &str| settings.properties.contains_key(key);
    let protocol = settings.properties.get("security.protocol").map(|protocol| protocol.to_lowercase());
    let speaks_tls = protocol.is_some_and(|protocol| protocol.contains("ssl"));
    let bundle = CERTIFICATE_BUNDLES.into_iter().find(|bundle| Path::new(bundle).exists());
    if let (true, false, false, Some(bundle)) = (speaks_tls, set("ssl.ca.location"), set("ssl.ca.pem"), bundle) {
        config.set("ssl.ca.location", bundle);
    }
    for (key, value) in &settings.properties {
        config.set(key, value);
    }
    // Empty for a client that is to connect to nothing.
    if !settings.bootstrap_servers.is_empty() {
        config.set("bootstrap.servers", &settings.bootstrap_servers);
    }
    // Producers would ask for their topic in a way that creates it, where brokers allow that.
    config.set("allow.auto.create.topics", "false");
    config
}

/// Name without the prefix that librdkafka ignores before properties of topics.
pub(super) fn without_prefix(property: &str) -> &str {
    property.strip_prefix("topic.").unwrap_or(property)
}

/// Sets a property that the user has set under none of its names. A configuration with two names of one property would
/// give it either value, by chance.
pub(crate) fn default_to(config: &mut ClientConfig, names: &[&str], value: &str) {
    let is_set = config.config_map().keys().any(|name| names.contains(&without_prefix(name)));
    if !is_set {
        config.set(names[0], value);
    }
}

/// Configuration of the client that reads records.
pub(super) fn consumer(settings: &Settings) -> ClientConfig {
    let mut config = reader(settings);
    config.set("group.id", &settings.group_id);
    // Pacemeter is no member of the group, but closing waits this long for a commit whose coordinator is unavailable.
    default_to(&mut config, &["session.timeout.ms"], "6000");
    default_to(&mut config, &["heartbeat.interval.ms"], "2000");
    // With the default, 1000, a partition whose records are fetched faster than applied sleeps a second at a time.
    default_to(&mut config, &["fetch.queue.backoff.ms"], "2");
    // A fetch that waits at idle partitions holds up those that are assigned meanwhile.
    default_to(&mut config, &["fetch.wait.max.ms"], "100");
    // For all partitions together, as all forward to one queue. More would only leave the processor's cache before it is
    // decoded, and keep more unpacked batches alive.
    default_to(&mut config, &["queued.max.messages.kbytes"], "2048");
    bound_answers(&mut config, MAX_BATCH_BYTES);
    config
}

/// Sets the size of answers of a reader. All that a broker sends is at most `receive.message.max.bytes`, by default
/// `most`; the client wants it to be larger than an answer with records.
fn bound_answers(config: &mut ClientConfig, most: u64) {
    let size =
        |config: &ClientConfig, name: &str| config.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // One answer, whatever number of partitions it is about. The broker exceeds it for a batch that is larger.
    let answer = size(config, "message.max.bytes").max(MAX_ANSWER_BYTES);
    default_to(config, &["fetch.message.max.bytes", "max.partition.fetch.bytes"], &MAX_ANSWER_BYTES.to_string());
    default_to(config, &["fetch.max.bytes"], &answer.to_string());
    // For the reader of records also what a batch may take once it is unpacked.
    let most = (size(config, "fetch.max.bytes") + 512).max(most);
    default_to(config, &["receive.message.max.bytes"], &most.to_string());
}

/// Maximum size of a batch that is read, in bytes: packed, and once it is unpacked.
pub(super) fn max_batch_bytes(settings: &Settings) -> u64 {
    let bytes = consumer(settings).get("receive.message.max.bytes").and_then(|text| text.parse().ok());
    bytes.unwrap_or(MAX_BATCH_BYTES)
}

/// Configuration of the client that asks for metadata and end offsets. It has connections of its own: an answer does
/// not wait behind a fetch.
pub(super) fn probe(settings: &Settings) -> ClientConfig {
    let mut config = reader(settings);
    bound_answers(&mut config, MAX_REPLY_BYTES);
    // A listener that is not Kafka's, or wants TLS, may just hang up, which the client tells at this level only.
    config.set("log.connection.close", "true");
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

/// Properties of a reader that exactness depends on. [`super::properties`] refuses whatever changes them.
const READER: [(&str, &str); 6] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("check.crcs", "true"),
    ("enable.partition.eof", "false"),
];

/// Properties of the client that writes dead letters without losing or repeating any.
const PRODUCER: [(&str, &str); 2] = [("enable.idempotence", "true"), ("delivery.report.only.error", "false")];

fn reader(settings: &Settings) -> ClientConfig {
    let mut config = common(settings);
    for (name, value) in READER {
        config.set(name, value);
    }
    config
}

/// Configuration of the client that asks for the configuration of topics.
pub(super) fn admin(settings: &Settings) -> ClientConfig {
    base(settings)
}

/// Configuration of the client that writes dead letters.
pub(super) fn producer(settings: &Settings) -> ClientConfig {
    let mut config = base(settings);
    // A checkpoint and a commit wait for the letters that they cover, but for no longer than this in each form.
    default_to(&mut config, &["message.timeout.ms", "delivery.timeout.ms"], "30000");
    default_to(&mut config, &["linger.ms", "queue.buffering.max.ms"], "20");
    // Letters fail after this time without the topic, and the client looks for it again with the next ones.
    default_to(&mut config, &["topic.metadata.propagation.max.ms", "metadata.propagation.max.ms"], "10000");
    // A record that came compressed fits as a letter only if that is compressed too. A broker that does not know the
    // codec gets letters as they are.
    default_to(&mut config, &["compression.codec", "compression.type"], "zstd");
    // Whatever is read fits, with the headers of the letter.
    let largest = (max_batch_bytes(settings) + MAX_HEADER_BYTES).min(MAX_MESSAGE_BYTES);
    default_to(&mut config, &["message.max.bytes"], &largest.to_string());
    default_to(&mut config, &["queue.buffering.max.kbytes"], &(largest / 512).max(64 << 10).to_string());
    for (name, value) in PRODUCER {
        config.set(name, value);
    }
    config.set("queue.buffering.max.messages", settings.dead_letter.max_in_flight.to_string());
    config
}

/// Configuration of the client that writes each dead letter in a batch of its own. It has room for all letters that may
/// be in flight.
pub(super) fn lone_producer(settings: &Settings) -> ClientConfig {
    let mut config = producer(settings);
    let letters = u64::from(settings.dead_letter.max_in_flight) * 2;
    for (name, value) in [
        ("batch.num.messages", 1),
        ("queue.buffering.max.messages", letters.min(MAX_NUMBER)),
        ("queue.buffering.max.kbytes", MAX_NUMBER),
    ] {
        config.set(name, value.to_string());
    }
    config
}

/// Errors of one code since the last call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorTally {
    pub code: RDKafkaErrorCode,
    pub count: u64,
    /// The client's description of the last of them.
    pub reason: String,
}

#[derive(Default)]
struct Reports {
    /// One entry for each code; there are some two hundred codes.
    errors: Vec<ErrorTally>,
    commit_in_flight: bool,
    commits: Vec<KafkaResult<()>>,
    failures: FailureLog,
}

/// Secrets of a client's configuration.
pub(super) fn redactor(config: &ClientConfig) -> Redactor {
    Redactor::new(config.config_map().iter().map(|(name, value)| (*name, *value)))
}

/// Reports of a client besides records: log lines go to `tracing`, errors and commits wait here. Neither repeats a secret
/// of the client's configuration.
#[derive(Default)]
pub(super) struct Context {
    reports: Mutex<Reports>,
    redactor: Redactor,
    bootstrap_servers: String,
    /// True if the client has a certificate of its own.
    has_certificate: bool,
}

impl Context {
    /// Context of a client with this configuration.
    pub(super) fn new(config: &ClientConfig) -> Self {
        let bootstrap_servers = config.get("bootstrap.servers").unwrap_or_default().to_owned();
        let certificates = ["ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location"];
        let has_certificate = certificates.iter().any(|name| config.get(name).is_some_and(|value| !value.is_empty()));
        Self { reports: Mutex::default(), redactor: redactor(config), bootstrap_servers, has_certificate }
    }

    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a text of the client without the secrets of its configuration.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redactor.redact(whole(text))
    }

    /// The errors since the last call.
    pub(super) fn take_errors(&self) -> Vec<ErrorTally> {
        std::mem::take(&mut self.reports().errors)
    }

    /// The results of commits since the last call.
    pub(super) fn take_commits(&self) -> Vec<KafkaResult<()>> {
        std::mem::take(&mut self.reports().commits)
    }

    pub(super) fn note_error(&self, code: RDKafkaErrorCode, reason: &str) {
        let reason = self.redact(reason);
        let mut reports = self.reports();
        match reports.errors.iter_mut().find(|tally| tally.code == code) {
            Some(tally) => {
                tally.count += 1;
                tally.reason = reason;
            }
            None => reports.errors.push(ErrorTally { code, count: 1, reason }),
        }
    }

    /// Notes that a broker answered.
    pub(super) fn note_answer(&self) {
        self.reports().failures.answered();
    }

    /// Known causes why brokers deny access.
    pub(super) fn denials(&self) -> Option<BrokerFailures> {
        self.reports().failures.current(&self.bootstrap_servers, true, Instant::now())
    }

    /// Returns the error with the causes why brokers cannot be reached, if there was no answer and they are known.
    pub(super) fn explain(&self, error: SourceError) -> SourceError {
        if !matches!(error, SourceError::Unavailable { .. }) {
            return error;
        }
        if let Some(untrusted) = self.untrusted(true) {
            return untrusted;
        }
        let failures = self.reports().failures.current(&self.bootstrap_servers, false, Instant::now());
        failures.map_or(error, |failures| SourceError::Unreachable { failures })
    }

    /// Error for which trying again does not help: nothing but certificates keeps the client away from every server, or,
    /// once the time of trying them is over, from those that were tried.
    pub(super) fn untrusted(&self, is_time_over: bool) -> Option<SourceError> {
        let failures = &self.reports().failures;
        let failures = failures.of_certificates(&self.bootstrap_servers, is_time_over, Instant::now())?;
        Some(SourceError::Untrusted { failures })
    }

    /// Notes a commit in flight; returns false if there is one already.
    pub(super) fn begin_commit(&self) -> bool {
        !std::mem::replace(&mut self.reports().commit_in_flight, true)
    }

    pub(super) fn end_commit(&self, result: KafkaResult<()>) {
        let mut reports = self.reports();
        reports.commit_in_flight = false;
        reports.commits.push(result);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, detail: &str) {
        use RDKafkaLogLevel as Level;
        // `kafka.properties` goes to all clients; each warns of the properties of other kinds of client.
        let expected = facility == "CONFWARN" && detail.contains("will be ignored by this");
        let detail = self.redact(detail);
        // A certificate that is not accepted has a line of its own before that of the failure, at each try.
        let is_verdict = facility == VERDICT_FACILITY;
        let is_failure = facility == "FAIL" || is_verdict;
        if is_failure {
            self.reports().failures.note(&detail, self.has_certificate, Instant::now());
        }
        // Brokers close connections that are idle.
        let expected = expected || is_verdict || (is_failure && matches!(level, Level::Notice | Level::Info));
        match level {
            _ if expected => {
                tracing::debug!(event = "pacemeter.kafka.client", facility, detail, "kafka client reported")
            }
            Level::Emerg | Level::Alert | Level::Critical => {
                tracing::error!(event = "pacemeter.kafka.client", facility, detail, "kafka client reported");
            }
            // The client retries a connection that failed; the pipeline logs the consequences.
            Level::Error | Level::Warning => {
                tracing::warn!(event = "pacemeter.kafka.client", facility, detail, "kafka client reported")
            }
            Level::Notice | Level::Info => {
                tracing::info!(event = "pacemeter.kafka.client", facility, detail, "kafka client reported")
            }
            Level::Debug => {
                tracing::debug!(event = "pacemeter.kafka.client", facility, detail, "kafka client reported")
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            // A client without the thread of a broker never reaches it, and does not try again.
            if code == RDKafkaErrorCode::CriticalSystemResource {
                end_for_shortage(&self.redact(reason));
            }
            self.note_error(code, reason);
        }
    }

    /// Nothing: statistics are not used, even if `statistics.interval.ms` turns them on.
    fn stats_raw(&self, _statistics: &[u8]) {}
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.end_commit(result.and_then(|()| offsets.elements().iter().try_for_each(|element| element.error())));
    }
}

impl ErrorTally {
    pub(super) fn is_denial(&self) -> bool {
        is_denial(self.code)
    }
}
