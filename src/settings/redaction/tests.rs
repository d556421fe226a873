use super::*;
use crate::settings::{Layers, SettingsReader};

/// Names of properties that librdkafka knows and that hold secrets, and others of Java's client.
const SECRETS: [&str; 18] = [
    "sasl.password",
    "sasl.username",
    "sasl.jaas.config",
    "sasl.kerberos.kinit.cmd",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.truststore.password",
    "ssl.certificate.pem",
    "https.ca.pem",
    "basic.auth.user.info",
];

const CANARY: &str = "hunter-2-canary";

/// Every name that is one edit away: a character deleted, inserted, replaced, or swapped with the next.
fn one_edit_away(name: &str) -> Vec<String> {
    let alphabet: Vec<char> = ('a'..='z').chain("ABKPST0159._- ".chars()).collect();
    let mut names = Vec::new();
    for at in 0..=name.len() {
        let (before, after) = name.split_at(at);
        names.extend(alphabet.iter().map(|new| format!("{before}{new}{after}")));
        let Some(first) = after.chars().next() else { continue };
        names.push(format!("{before}{}", &after[1..]));
        names.extend(alphabet.iter().map(|new| format!("{before}{new}{}", &after[1..])));
        if let Some(second) = after.chars().nth(1) {
            names.push(format!("{before}{second}{first}{}", &after[2..]));
        }
    }
    names.push(name.to_uppercase());
    names.extend(["-", "_", ""].map(|separator| name.replace('.', separator)));
    names
}

#[test]
fn no_misspelled_name_of_a_secret_is_public() {
    for secret in SECRETS {
        assert!(!is_public(secret), "{secret}");
        for name in one_edit_away(secret) {
            assert!(!is_public(&name) && !is_public(&format!("topic.{name}")), "{name}");
        }
    }
}

#[test]
fn every_public_property_is_one_of_the_client() {
    for name in PUBLIC_PROPERTIES.split_ascii_whitespace().filter(|name| *name != "plugin.library.paths") {
        let result = rdkafka::ClientConfig::new().set(name, "1").create_native_config();
        let error = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("No such configuration property"), "{error}");
    }
}

#[test]
fn public_properties_are_shown_as_they_are() {
    let sets = ["linger.ms=7", "topic.acks=all", "client.id=me", "ssl.key.location=/run/key", "sasl.mechanism=PLAIN"];
    let overrides = sets.map(|set| format!("kafka.properties.{set}")).to_vec();
    let shown = SettingsReader::load(&Layers { overrides, ..Layers::default() }).effective();
    for (name, value) in sets.map(|set| set.split_once('=').unwrap()) {
        assert!(shown.contains(&format!("\"{name}\" = \"{value}\"")), "{shown}");
    }
    let overrides = vec!["kafka.properties.client.id='password = hunter2'".to_owned()];
    let shown = SettingsReader::load(&Layers { overrides, ..Layers::default() }).effective();
    assert!(!shown.contains("hunter2"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn the_value_of_a_misspelled_secret_is_in_no_output(secret in 0..SECRETS.len(), edit in 0..1_000_000_usize) {
        let names = one_edit_away(SECRETS[secret]);
        let name = &names[edit % names.len()];
        let overrides = vec![format!("kafka.properties.'{name}'={CANARY}")];
        let mut reader = SettingsReader::load(&Layers { overrides, ..Layers::default() });
        crate::source::Settings::read(&mut reader);
        let faults = reader.finish().err().map(|faults| faults.to_string()).unwrap_or_default();
        for text in [reader.effective(), serde_json::Value::Object(reader.changed()).to_string(), faults] {
            proptest::prop_assert!(!text.contains(CANARY), "{}: {}", name, text);
        }
    }

    #[test]
    fn a_secret_is_redacted_in_any_text(
        secret in "[a-z0-9+/ñ =]{8,40}", before in ".{0,20}", after in ".{0,20}", cut in 0..20_usize,
    ) {
        let redactor = Redactor::new([("sasl.password", secret.as_str())]);
        let text = redactor.redact(&format!("{before}{secret}{after}"));
        proptest::prop_assert!(secret.trim().is_empty() || !text.contains(secret.trim()), "{}", text);
        // A part, as of a value that ends where a buffer does.
        let part: String = secret.trim().chars().skip(cut).collect();
        if part.len() >= FRAGMENT && !part.contains('ñ') {
            let text = redactor.redact(&format!("beginning at: {part}"));
            proptest::prop_assert!(!text.contains(&part), "{}", text);
        }
    }
}

#[test]
fn secrets_parts_of_them_and_options_in_them_are_redacted() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nqQ==\n-----END PRIVATE KEY-----\n";
    let redactor = Redactor::new([
        ("sasl.password", "hunter2"),
        ("sasl.oauthbearer.config", "principal=me ext_a=s3cr3t scope=role"),
        ("ssl.key.pem", pem),
        ("ssl.key.password", "7"),
        ("sasl.username", "somebody"),
        ("client.id", "linger.ms"),
    ]);
    for (text, expected) in [
        ("invalid value \"hunter2\" for x", "invalid value \"[redacted]\" for x"),
        ("INVALID HUNTER2x", "INVALID [redacted]x"),
        ("beginning at: ext_a=s3cr3t scope", "beginning at: [redacted]"),
        ("extension value: s3cr3t\u{1}", "extension value: [redacted]\u{1}"),
        ("at MIIEvQIBADAN, line 2", "at [redacted], line 2"),
        ("expecting: ANY PRIVATE KEY", "expecting: ANY PRIVATE KEY"),
        ("value 7 of ms17", "value [redacted] of ms17"),
        ("somebody: linger.ms is 5", "somebody: linger.ms is 5"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
}

#[test]
fn credentials_show_by_their_form() {
    let redactor = Redactor::default();
    for (text, expected) in [
        ("me:hunter2@127.0.0.1:1/bootstrap: Connect failed", "[redacted]@127.0.0.1:1/bootstrap: Connect failed"),
        ("sasl_ssl://me:hunter2@a:1,b:2", "sasl_ssl://[redacted]@a:1,b:2"),
        ("no \"hunter2@broker:9092\"", "no \"[redacted]@broker:9092\""),
        ("options a=1,password=hunter2; b=2", "options a=1,password=[redacted]; b=2"),
        ("-----BEGIN KEY-----\nabc\n-----END KEY-----", "[redacted] KEY-----"),
        ("kafka/host@REALM: no such principal", "kafka/host@REALM: no such principal"),
        ("sasl.password: is too short, señal", "sasl.password: is too short, señal"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
}

#[test]
fn texts_that_are_repeated_lose_what_may_be_a_secret() {
    let (token, hex) = ("Abc0".repeat(6), "0a".repeat(16));
    for (text, expected) in [
        ("loud", "loud"),
        ("12h", "12h"),
        ("/var/lib/pacemeter/2026/Targets-Of-May_2.toml", "/var/lib/pacemeter/2026/Targets-Of-May_2.toml"),
        (
            "b-1.Msk2Cluster.c3.kafka.us-east-1.amazonaws.com:9092",
            "b-1.Msk2Cluster.c3.kafka.us-east-1.amazonaws.com:9092",
        ),
        ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
        ("password = x", REDACTED),
        ("x:y@z", REDACTED),
        (token.as_str(), REDACTED),
        (hex.as_str(), REDACTED),
    ] {
        assert_eq!(redacted_text(text), expected);
    }
    for (text, expected) in [
        (format!("/etc/{token}/a.toml:3"), "/etc/[redacted]/a.toml:3"),
        (format!("ñ {hex}ñ"), "ñ [redacted]ñ"),
        ("unexpected argument 'password=hunter2' found".to_owned(), "unexpected argument 'password=[redacted] found"),
        ("/nope/me:hunter2@host/a.toml".to_owned(), "/nope/[redacted]@host/a.toml"),
    ] {
        assert_eq!(redacted_parts(&text), expected);
    }
    for (word, expected) in [("xml", "xml"), ("info\u{202e}", "info\u{202e}"), ("p4ss!", REDACTED), ("a/b", REDACTED)] {
        assert_eq!(redacted_word(word), expected);
    }
    assert_eq!(redacted_word(&"a".repeat(41)), REDACTED);
}

#[test]
fn keys_lose_what_may_be_a_secret() {
    let long = "k".repeat(200);
    for (key, expected) in [
        ("", String::new()),
        ("kafka.properties.sasl.password", "kafka.properties.sasl.password".to_owned()),
        ("target.señal-2.goal", "target.señal-2.goal".to_owned()),
        ("a.\\u{202e}b", "a.\\u{202e}b".to_owned()),
        ("sasl.password=hunter2.x=y", "sasl.password=[redacted]".to_owned()),
        ("sasl.password.Hunter!2.x", "sasl.password.[redacted].x".to_owned()),
        ("user:hunter2@host", REDACTED.to_owned()),
        (long.as_str(), format!("{}…", "k".repeat(80))),
    ] {
        assert_eq!(redacted_key(key), expected);
    }
}
