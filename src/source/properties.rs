//! Properties of `kafka.properties` and of its files: which are refused, by what they change in the client and not by how they are spelled.
//!
//! librdkafka knows a property by several names: aliases (`metadata.broker.list`), and the prefix `topic.` before those
//! of topics. So a property is set on a configuration over each value of every property that Pacemeter sets itself; it
//! is refused if one of them changes. `factory` reads ours back from the clients that are made.

use super::client::{self, without_prefix};
use super::error::whole;
use super::native::set_property;
use super::settings::Settings;
use crate::settings::Redactor;
use rdkafka::ClientConfig;
use rdkafka::config::NativeClientConfig;
use rdkafka::error::{KafkaError, KafkaResult};
use std::collections::BTreeMap;

/// A property that `kafka.properties` may not change.
struct Guard {
    name: &'static str,
    /// Two valid values; any other property that replaces one of them writes to this property.
    values: [&'static str; 2],
    /// Reason, or the setting to use instead.
    why: &'static str,
}

const fn guard(name: &'static str, values: [&'static str; 2], why: &'static str) -> Guard {
    Guard { name, values, why }
}

const FLAG: [&str; 2] = ["true", "false"];
const COMMITS: &str = "offsets are committed when what they cover is safe";
const LIBRARY: &str = "a library would be loaded into this process";
const VERSIONS: &str = "without the broker's versions, records of aborted transactions would be counted";

const GUARDS: &[Guard] = &[
    guard(
        "allow.auto.create.topics",
        FLAG,
        "a topic made by asking for it would have the broker's defaults; topics are made by whoever owns them",
    ),
    guard("api.version.fallback.ms", ["1000", "2000"], VERSIONS),
    guard("api.version.request", FLAG, VERSIONS),
    guard("auto.commit.enable", FLAG, COMMITS),
    guard("auto.commit.interval.ms", ["1000", "2000"], "set kafka.commit_interval"),
    guard(
        "auto.offset.reset",
        ["error", "largest"],
        "an offset that is gone must stop the pipeline; going on elsewhere would lose or repeat records",
    ),
    guard("bootstrap.servers", ["one:1", "two:2"], "set kafka.bootstrap_servers"),
    guard("broker.version.fallback", ["0.9.0", "0.10.0"], VERSIONS),
    guard("check.crcs", FLAG, "records that were damaged on the way would be counted"),
    guard("delivery.report.only.error", FLAG, "dead letters would never count as acknowledged"),
    guard("enable.auto.commit", FLAG, COMMITS),
    guard("enable.auto.offset.store", FLAG, COMMITS),
    guard("enable.idempotence", FLAG, "dead letters would be written twice or out of order"),
    guard("enable.partition.eof", FLAG, "the client's position would pass records that were not read"),
    guard("group.id", ["one", "two"], "set kafka.group_id"),
    guard("group.protocol", ["classic", "consumer"], "partitions are not assigned by the group"),
    guard("internal.termination.signal", ["10", "12"], "closing a client could kill the process"),
    guard(
        "isolation.level",
        ["read_committed", "read_uncommitted"],
        "records of aborted transactions would be counted",
    ),
    guard("offset.store.method", ["broker", "file"], COMMITS),
    guard("queue.buffering.max.messages", ["1000", "2000"], "set dead_letter.max_in_flight"),
    guard("socket.timeout.ms", ["10000", "20000"], "set kafka.request_timeout"),
    guard("transactional.id", ["one", "two"], "dead letters are written without transactions"),
];

/// Properties that must not reach the client's parser, which acts on them at once. A name that ends with a dot stands
/// for all that begin with it.
const NEVER_PARSED: [(&str, &str); 5] = [
    ("plugin.library.paths", LIBRARY),
    ("ssl.engine.location", LIBRARY),
    ("ssl.engine.id", LIBRARY),
    // OpenSSL loads a provider that it does not contain from a file.
    ("ssl.providers", LIBRARY),
    ("test.", "the brokers of kafka.bootstrap_servers would not be asked"),
];

/// Checks of certificates that properties can switch off, with the value that does.
const CERTIFICATE_CHECKS: [(&str, &str); 2] =
    [("enable.ssl.certificate.verification", "false"), ("ssl.endpoint.identification.algorithm", "none")];

impl Settings {
    /// Passes each fault of `kafka.properties` to `fault`, with its key and message.
    pub(super) fn note_property_faults(&self, mut fault: impl FnMut(&str, String)) {
        let key_of = |property: &str| format!("kafka.properties.{property}");
        let mut is_clean = true;
        for (property, value) in &self.properties {
            if let Some(message) = fault_of(property, value) {
                is_clean = false;
                fault(&key_of(property), message);
            }
        }
        if !is_clean {
            return;
        }
        for (property, message) in overridden(&self.properties) {
            is_clean = false;
            fault(&key_of(property), message);
        }
        // Last, the configurations as they are used: the client reports the first fault only.
        let configurations = [client::consumer(self), client::producer(self)];
        let error = configurations.iter().find_map(|config| config.create_native_config().err());
        if let (true, Some(error)) = (is_clean, error) {
            let redactor = Redactor::new(self.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            // The property that the client names may stand in a file.
            let named = if let KafkaError::ClientConfig(_, _, name, _) = &error { name.as_str() } else { "" };
            let key = if self.properties.contains_key(named) { key_of(named) } else { "kafka.properties".into() };
            fault(&key, parse_fault("", &error, &redactor));
        }
    }

    /// Certificate checks that `kafka.properties` switches off, as `property=value`: whoever answers at the address of a
    /// broker could feed records.
    pub fn certificate_checks_off(&self) -> Vec<String> {
        let Ok(config) = client::probe(self).create_native_config() else { return Vec::new() };
        let off = |(name, off): &(&str, &str)| config.get(name).is_ok_and(|value| value == *off);
        CERTIFICATE_CHECKS.iter().filter(|check| off(check)).map(|(name, off)| format!("{name}={off}")).collect()
    }
}

/// Names of the properties that `kafka.properties` may not change.
pub(super) fn guarded() -> impl Iterator<Item = &'static str> {
    GUARDS.iter().map(|guard| guard.name)
}

/// Fault of one property, on its own.
fn fault_of(property: &str, value: &str) -> Option<String> {
    let name = without_prefix(property);
    let is_never_parsed = |never: &str| name == never || (never.ends_with('.') && name.starts_with(never));
    if let Some((_, why)) = NEVER_PARSED.iter().find(|(never, _)| is_never_parsed(never)) {
        return Some(format!("is not for you to set: {why}"));
    }
    if let Some(guard) = GUARDS.iter().find(|guard| guard.name == name) {
        return Some(format!("is not for you to set: {}", guard.why));
    }
    match guard_changed_by(property, value) {
        Ok(None) => None,
        Ok(Some(guard)) => Some(format!("takes effect as {}, which is not for you to set: {}", guard.name, guard.why)),
        Err(error) => Some(parse_fault(property, &error, &Redactor::of_refused(property, value))),
    }
}

/// The guarded property that this one replaces.
fn guard_changed_by(property: &str, value: &str) -> KafkaResult<Option<&'static Guard>> {
    for which in [0, 1] {
        let config = ClientConfig::new().create_native_config()?;
        for guard in GUARDS {
            set_property(&config, guard.name, guard.values[which])?;
        }
        // `auto.commit.enable` and others have two names of their own, so the values before are those read back.
        let before = in_effect(&config);
        set_property(&config, property, value)?;
        let after = in_effect(&config);
        if let Some(index) = (0..GUARDS.len()).find(|index| before[*index] != after[*index]) {
            return Ok(Some(&GUARDS[index]));
        }
    }
    Ok(None)
}

fn in_effect(config: &NativeClientConfig) -> Vec<Option<String>> {
    GUARDS.iter().map(|guard| config.get(guard.name).ok()).collect()
}

/// Properties that another one overrides, as both are names of the same: which one wins would be chance, because the
/// configuration is passed on in no order.
fn overridden(properties: &BTreeMap<String, String>) -> Vec<(&str, String)> {
    let new_config = || ClientConfig::new().create_native_config();
    let Ok(all) = new_config() else { return Vec::new() };
    let alone: Vec<Option<String>> = properties
        .iter()
        .map(|(property, value)| {
            let config = new_config().ok()?;
            set_property(&config, property, value).and_then(|()| set_property(&all, property, value)).ok()?;
            config.get(without_prefix(property)).or_else(|_| config.get(property)).ok()
        })
        .collect();
    let together = |property: &str| all.get(without_prefix(property)).or_else(|_| all.get(property)).ok();
    let lost = properties.keys().zip(alone).filter(|(property, alone)| *alone != together(property));
    lost.map(|(property, _)| {
        (property.as_str(), "is set under another name as well, with another value; keep one".into())
    })
    .collect()
}

/// Message for an error of the client's parser, which may repeat a value.
fn parse_fault(property: &str, error: &KafkaError, redactor: &Redactor) -> String {
    match error {
        KafkaError::ClientConfig(_, description, of, _) => {
            let of = if property.is_empty() { format!("{of}: ") } else { String::new() };
            if description.starts_with("No such configuration property") {
                return format!("{of}is no property of the kafka client, which tells capitals from small letters");
            }
            let description = redactor.redact(whole(description));
            let mut letters = description.trim_end_matches('.').chars();
            let first = letters.next().into_iter().flat_map(char::to_lowercase);
            format!("is refused by the kafka client: {of}{}", first.chain(letters).collect::<String>())
        }
        _ => "cannot be passed to the kafka client, which wants text without NUL".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{GUARDS, fault_of, overridden};
    use rdkafka::ClientConfig;

    fn is_refused(property: &str, value: &str) -> bool {
        fault_of(property, value).is_some_and(|fault| fault.contains("is not for you to set"))
    }

    #[test]
    fn every_guard_is_a_property_of_the_client() {
        for guard in GUARDS {
            for value in guard.values {
                let mut config = ClientConfig::new();
                config.set(guard.name, value);
                let read = config.create_native_config().and_then(|config| config.get(guard.name));
                assert_eq!(read.as_deref(), Ok(value), "{}", guard.name);
            }
        }
    }

    #[test]
    fn prefixes_and_aliases_are_refused_by_their_effect() {
        for (property, value) in [
            ("auto.offset.reset", "error"),
            ("topic.auto.offset.reset", "latest"),
            ("topic.auto.offset.reset", "largest"),
            ("topic.auto.offset.reset", "error"),
            ("topic.auto.commit.enable", "true"),
            ("topic.enable.auto.commit", "true"),
            ("topic.auto.commit.interval.ms", "5"),
            ("topic.offset.store.method", "file"),
            ("metadata.broker.list", "elsewhere:1"),
            ("api.version.request", "false"),
            ("isolation.level", "read_uncommitted"),
            ("broker.version.fallback", "0.8.2"),
            ("topic.delivery.report.only.error", "true"),
            ("internal.termination.signal", "9"),
        ] {
            assert!(is_refused(property, value), "{property}={value}: {:?}", fault_of(property, value));
        }
        for (property, value) in
            [("fetch.wait.max.ms", "50"), ("topic.acks", "all"), ("sasl.mechanism", "PLAIN"), ("debug", "all")]
        {
            assert_eq!(fault_of(property, value), None, "{property}={value}");
        }
    }

    #[test]
    fn a_refused_value_keeps_its_letters() {
        let fault = |property: &str, value: &str| fault_of(property, value).unwrap_or_default();
        assert_eq!(
            fault("security.protocol", "Plain"),
            "is refused by the kafka client: invalid value \"Plain\" for configuration property \"security.protocol\""
        );
        let no_property = "is no property of the kafka client, which tells capitals from small letters";
        assert_eq!(fault("Security.Protocol", "SSL"), no_property);
        assert!(fault("compression.type", "ca\u{f1}a").contains("\"ca\u{f1}a\""));
        // librdkafka cuts its text within a letter of two bytes; what is no word may be a secret.
        for value in ["\u{f1}".repeat(400), format!("x{}", "\u{f1}".repeat(400))] {
            let fault = fault("compression.type", &value);
            assert!(fault.contains("[redacted]") && !fault.contains(['\u{f1}', '\u{fffd}']), "{fault}");
        }
    }

    #[test]
    fn libraries_and_test_brokers_never_reach_the_parser() {
        for property in [
            "plugin.library.paths",
            "topic.plugin.library.paths",
            "ssl.engine.location",
            "ssl.providers",
            "test.mock.broker.rtt",
        ] {
            assert!(is_refused(property, "/nowhere/library"), "{property}");
        }
    }

    #[test]
    fn two_names_of_one_property_with_two_values_are_a_fault() {
        let properties = |entries: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            entries.iter().map(own).collect()
        };
        let both = properties(&[("linger.ms", "5"), ("queue.buffering.max.ms", "50"), ("debug", "broker")]);
        let faults = overridden(&both);
        assert_eq!(faults.iter().map(|(property, _)| *property).collect::<Vec<_>>(), ["linger.ms"]);
        assert!(overridden(&properties(&[("linger.ms", "5"), ("queue.buffering.max.ms", "5")])).is_empty());
    }
}
