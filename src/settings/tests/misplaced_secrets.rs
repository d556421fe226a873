//! Secrets where none belongs: in values of other settings, in names of keys, among lists.

use super::*;

/// A password with a sign that no word has.
const PASSWORD: &str = "Hunter2Zebra!Quartz";

/// Faults of these settings.
fn faults_of(layers: &LayersBuilder) -> String {
    faults(&read(layers))
}

/// Every text about these settings that reaches a person.
fn texts(layers: &LayersBuilder) -> String {
    let reader = read(layers);
    let exposures: Vec<String> = reader.exposures().iter().map(ToString::to_string).collect();
    let sources = serde_json::Value::Object(reader.sources());
    format!("{}\n{}\n{}\n{sources}\n{}", faults(&reader), reader.effective(), changed(&reader), exposures.join("\n"))
}

fn read(layers: &LayersBuilder) -> SettingsReader {
    let mut reader = layers.load();
    crate::source::Settings::read(&mut reader);
    crate::telemetry::log::Settings::read(&mut reader);
    crate::http::Settings::read(&mut reader);
    crate::allowlists::Allowlists::read(&mut reader);
    reader.offset_ranges("streams.call.exclude");
    reader.choice("state.on_mismatch", &["fail", "rebuild"]);
    reader.duration("checkpoint.max_interval", SECOND..=DAY);
    reader.integer("records.max_record_bytes", 1..=1 << 30);
    reader
}

#[test]
fn a_secret_in_any_place_is_in_no_output() {
    for text in [
        "log.level = 'password=SECRET'",
        "http.hosts = ['user:SECRET@h']",
        "http.hosts = ['password = SECRET']",
        "http.listen = 'user:SECRET@h:1'",
        "labels.states = ['token=SECRET']",
        "programme.time_zone = 'secret: SECRET'",
        "checkpoint.max_interval = 'password=SECRET'",
        "kafka.password = 'SECRET'",
        "'kafka.password=SECRET' = 1",
        "'password=SECRET' = 1",
        "[kafka.properties]\n'sasl.password=SECRET' = 1",
        "[kafka.properties]\n'security.protocol=SECRET' = 'ssl'",
        "[kafka.properties.sasl.password]\n'SECRET' = 1",
        "[kafka.properties.sasl.password]\n'SECRET' = []",
        "kafka.properties = 'sasl.password=SECRET'",
        "[streams.call]\nexclude = [{ 'SECRET' = 1 }]",
        "[streams.call]\nexclude = [{ 'password=SECRET' = 1 }]",
    ] {
        let said = texts(&builder().file(&text.replace("SECRET", PASSWORD)));
        assert!(!said.to_lowercase().contains("zebra"), "{text}: {said}");
    }
    for set in ["log.level=password=SECRET", "kafka.\"a=SECRET\"=1", "kafka.properties.\"sasl.password=SECRET\"=1"] {
        let said = texts(&builder().set(&set.replace("SECRET", PASSWORD)));
        assert!(!said.to_lowercase().contains("zebra"), "{set}: {said}");
    }
    // A password alone has no sign of one, but it is no word either.
    for text in [
        "log.level = 'SECRET'",
        "log.format = 'SECRET'",
        "state.on_mismatch = 'SECRET'",
        "kafka.properties.security.protocol = 'SECRET'",
        "kafka.properties.message.max.bytes = 'SECRET'",
    ] {
        let said = faults_of(&builder().file(&text.replace("SECRET", PASSWORD)));
        assert!(!said.to_lowercase().contains("zebra"), "{text}: {said}");
    }
    let shown = builder().set(&format!("kafka.properties.sasl.mechanisms={PASSWORD}")).load();
    assert!(!shown.effective().contains(PASSWORD) && !changed(&shown).contains(PASSWORD));
    // The client accepts any mechanism, and repeats it when it connects.
    let redactor = Redactor::new([("sasl.mechanisms", PASSWORD), ("security.protocol", "sasl_ssl")]);
    let said = redactor.redact(&format!("no mechanism {PASSWORD} for sasl_ssl").to_lowercase());
    assert_eq!(said, "no mechanism [redacted] for sasl_ssl");
}

#[test]
fn a_fault_says_where_a_secret_stands_and_what_to_write() {
    let fault = |text: &str| {
        let layers = builder().file(&text.replace("SECRET", PASSWORD));
        let mut reader = layers.load();
        crate::telemetry::log::Settings::read(&mut reader);
        crate::source::Settings::read(&mut reader);
        layers.with_stable_names(&reader.finish().unwrap_err().iter().next().unwrap().to_string())
    };
    assert_eq!(
        fault("log.level = 'password=SECRET'"),
        "log.level (FILE0:1): \"[redacted]\" is not a level; use error, warn, info or debug"
    );
    let refused = fault("\n[kafka.properties]\n'sasl.password=SECRET' = 1");
    assert!(refused.starts_with("kafka.properties.sasl.password=[redacted] (FILE0:3): is no property"), "{refused}");
    assert_eq!(
        fault("kafka.'paswd=SECRET' = 1"),
        "kafka.paswd=[redacted] (FILE0:1): no such setting; `pacemeter run --print-config` lists all settings"
    );
}

#[test]
fn plain_words_and_numbers_stay_visible() {
    let said = faults_of(
        &builder()
            .set("log.level=loud")
            .set("http.hosts=['metrics.example.org:80']")
            .set("checkpoint.max_interval=soon")
            .set("records.max_record_bytes=0")
            .set("kafka.properties.security.protocol=tls")
            .set("kafka.gruop_id=mine")
            .environment("PACEMETER_LOG__FORMAT", "yaml-2"),
    );
    for part in
        ["\"loud\"", "metrics.example.org:80", "\"soon\"", "0 is outside", "\"tls\"", "kafka.gruop_id", "\"yaml-2\""]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}
