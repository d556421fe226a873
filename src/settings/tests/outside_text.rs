//! Keys as typed, hidden characters and credentials.

use super::*;

#[test]
fn set_takes_toml_keys_with_and_without_quotes() {
    let mut reader = builder()
        .set("kafka.properties.linger.ms=5")
        .set("kafka.properties.\"client.id\"=me")
        .set("kafka . 'properties' . \"security.protocol\" = SSL")
        .set("\"kafka\".group_id = mine")
        .set("kafka.properties.\"a=b\" = \"c=d\"")
        // The same setting as without quotes, so the later one wins.
        .set("kafka.properties.\"linger.ms\"=7")
        .load();
    let properties = reader.properties("kafka.properties");
    let properties: Vec<(&str, &str)> =
        properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(properties, [("a=b", "c=d"), ("client.id", "me"), ("linger.ms", "7"), ("security.protocol", "SSL")]);
    assert_eq!(reader.string("kafka.group_id"), "mine");
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn hidden_characters_are_printed_nowhere_and_read_back() {
    let hidden = "a\u{202e}b\u{2066}c\u{200f}d\u{61c}e\u{feff}f";
    let original = builder()
        .file(&format!("labels.sites = ['{hidden}']\n[kafka.properties]\n'{hidden}' = ''\nclient.id = '{hidden}\"\\'"))
        .set(&format!("kafka.'{hidden}'=1"))
        .environment(&format!("PACEMETER_{hidden}"), hidden)
        .environment("PACEMETER_LOG__LEVEL", hidden);
    let mut reader = original.load();
    reader.choice("log.level", &["info"]);
    let mut found = SettingsFaults::default();
    found.add(SettingsFault { key: String::new(), origin: Some(hidden.into()), message: hidden.into() });
    reader.add_faults(found);
    for text in [faults(&reader), reader.effective()] {
        assert!(text.chars().all(|one| one == '\n' || is_printable(one)), "{text:?}");
        assert!(text.contains("202E") || text.contains("\\u{202e}"), "{text}");
    }
    let mut again = builder().file(&reader.effective()).load();
    assert_eq!(again.strings("labels.sites"), [hidden]);
    let properties = again.properties("kafka.properties");
    assert!(properties.contains_key(hidden));
    assert_eq!(properties["client.id"], format!("{hidden}\"\\"));
}

#[test]
fn credentials_of_an_address_are_redacted_by_one_rule() {
    for servers in
        ["me:hunter2@broker:1", "SASL_SSL://me:hunt@er2@broker:1", "hunter2@broker:1", "a:1, b:2@c", "a;password = x"]
    {
        assert_eq!(redacted_text(servers), "[redacted]", "{servers}");
        let reader = builder().set(&format!("kafka.bootstrap_servers='{servers}'")).load();
        assert!(reader.effective().contains("bootstrap_servers = \"[redacted]\"  # --set"), "{servers}");
        assert!(changed(&reader).contains("\"kafka.bootstrap_servers\":\"[redacted]\""), "{servers}");
    }
    for servers in ["a:1,[::1]:2", "SSL://broker.example.org:9092", "kafka/host@REALM"] {
        assert_eq!(redacted_text(servers), servers);
    }
}
