//! Settings that differ from their defaults, as the first line of the log shows them.

use super::*;

/// Settings that differ from their defaults, as text.
pub(super) fn changed(reader: &SettingsReader) -> String {
    serde_json::Value::Object(reader.changed()).to_string()
}

#[test]
fn changed_settings_are_those_that_differ_from_defaults() {
    assert_eq!(changed(&builder().load()), "{}");
    let same = builder().set("http.max_connections=64").file("[labels]\nsites = []\n[kafka]\ngroup_id = 'pacemeter'\n");
    assert_eq!(changed(&same.load()), "{}", "set to the default");
    let differing = builder()
        .set("kafka.properties.client.id=me\nyou")
        .set("kafka.properties.sasl.password=hunter-two")
        .set("streams.call.exclude=[{ partition = 1, first_offset = 2, last_offset = 3 }]")
        .set("dead_letter.enabled=false")
        .set("http.max_connections=65");
    let expected = serde_json::json!({
        "dead_letter.enabled": false,
        "http.max_connections": 65,
        "kafka.properties.client.id": "me\nyou",
        "kafka.properties.sasl.password": "[redacted]",
        "streams.call.exclude": [{ "partition": 1, "first_offset": 2, "last_offset": 3 }],
    });
    assert_eq!(serde_json::Value::Object(differing.load().changed()), expected);
}

#[test]
fn each_changed_setting_has_its_source() {
    let layers = builder()
        .file("[http]\nmax_connections = 65\nmax_series = 5_000\n[log]\nburst = 20\n")
        .environment("PACEMETER_HTTP__MAX_SERIES", "6000")
        .set("kafka.properties.client.id=me");
    let reader = layers.load();
    let (changed, sources) = (reader.changed(), reader.sources());
    assert!(changed.keys().eq(sources.keys()), "{changed:?} {sources:?}");
    let source = |key: &str| sources[key].as_str().unwrap().to_owned();
    assert!(source("http.max_connections").ends_with(":2"), "file and line: {sources:?}");
    assert!(source("http.max_series").contains("PACEMETER_HTTP__MAX_SERIES"), "{sources:?}");
    assert_eq!(source("kafka.properties.client.id"), "--set");
    assert!(!sources.contains_key("log.burst"), "the file has the default");
}
