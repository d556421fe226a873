use super::duration::DurationError;
use super::*;
use std::io::Write;

mod changed_settings;
mod large_files;
mod misplaced_secrets;
mod outside_text;
mod reference_page;

use changed_settings::changed;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
/// A secret that must not appear in any output.
const CANARY: &str = "hunter2canary";

/// Builder of layers: texts of files, environment variables and `--set`.
#[derive(Default)]
struct LayersBuilder {
    layers: Layers,
    files: Vec<tempfile::NamedTempFile>,
}

fn builder() -> LayersBuilder {
    LayersBuilder::default()
}

impl LayersBuilder {
    fn file(mut self, text: &str) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        self.layers.files.push(file.path().into());
        self.files.push(file);
        self
    }

    fn environment(mut self, name: &str, value: &str) -> Self {
        self.layers.environment.push((name.into(), value.into()));
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.layers.overrides.push(text.into());
        self
    }

    fn load(&self) -> SettingsReader {
        SettingsReader::load(&self.layers)
    }

    /// Returns the only fault, with `FILE0` for the name of the temporary file.
    fn fault(&self) -> String {
        let reader = self.load();
        let faults = reader.finish().expect_err("a fault");
        assert_eq!(faults.iter().count(), 1, "{faults}");
        self.with_stable_names(&faults.iter().next().unwrap().to_string())
    }

    fn with_stable_names(&self, text: &str) -> String {
        let paths = self.layers.files.iter().enumerate();
        paths.fold(text.to_owned(), |text, (index, path)| text.replace(path.to_str().unwrap(), &format!("FILE{index}")))
    }
}

/// All faults of a reader, as one text.
fn faults(reader: &SettingsReader) -> String {
    reader.finish().expect_err("a fault").to_string()
}

#[test]
fn the_defaults_load_without_faults() {
    let mut reader = builder().load();
    assert_eq!(reader.string("kafka.bootstrap_servers"), "127.0.0.1:9092");
    assert_eq!(reader.integer("records.max_record_bytes", 1..=1 << 30), 65_536);
    assert_eq!(reader.duration("streams.disbursement.horizon", DAY..=1000 * DAY), 92 * DAY);
    assert_eq!(reader.strings("labels.states").len(), 32);
    assert_eq!(reader.strings("labels.queues"), Vec::<String>::new());
    assert_eq!(reader.offset_ranges("streams.call.exclude"), []);
    assert_eq!(reader.properties("kafka.properties"), BTreeMap::new());
    assert_eq!(reader.optional_path("state.pseudonym_key_file"), None);
    assert!(!reader.boolean("kafka.accept_compacted_topics"));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn later_files_then_environment_then_set_win() {
    let three = "[http]\nlisten = 'one:1'\nmax_connections = 1\nmax_series = 1\n[log]\nburst = 1";
    let layers = builder()
        .file(three)
        .file("http = { max_connections = 2, max_series = 2 }\nlog.burst = 2")
        .environment("PACEMETER_HTTP__MAX_SERIES", "3")
        .environment("PACEMETER_LOG__BURST", "3")
        .set("log.burst=3")
        .set("log.burst=4");
    let mut reader = layers.load();
    assert_eq!(reader.string("http.listen"), "one:1");
    assert_eq!(reader.integer("http.max_connections", 1..=9), 2);
    assert_eq!(reader.integer("http.max_series", 1..=9), 3);
    assert_eq!(reader.integer("log.burst", 1..=9), 4);
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_list_replaces_the_list_of_a_weaker_layer() {
    let mut reader =
        builder().file("labels.states = ['MX-JAL']").set("labels.queues=['a', 'b']").set("labels.queues=['c']").load();
    assert_eq!(reader.strings("labels.states"), ["MX-JAL"]);
    assert_eq!(reader.strings("labels.queues"), ["c"]);
}

#[test]
fn text_values_are_toml_if_they_parse_else_strings() {
    let mut reader = builder()
        .environment("PACEMETER_KAFKA__BOOTSTRAP_SERVERS", "a:1,b:2")
        .environment("PACEMETER_KAFKA__GROUP_ID", "'quoted'")
        .environment("PACEMETER_LABELS__SITES", "['x', \"y\"]")
        .environment("PACEMETER_DEAD_LETTER__ENABLED", "false")
        .environment("PACEMETER_STREAMS__CALL__EXCLUDE", "[{ partition = 1, first_offset = 2, last_offset = 3 }]")
        .environment("ELSEWHERE_KAFKA__BOOTSTRAP_SERVERS", "c:3")
        .set("dead_letter.topic = 1e5")
        .set("http={ timeout = '7s', max_series = 0x10 }")
        .set("state.directory=a=b")
        .load();
    assert_eq!(reader.string("kafka.bootstrap_servers"), "a:1,b:2");
    assert_eq!(reader.string("kafka.group_id"), "quoted");
    assert_eq!(reader.strings("labels.sites"), ["x", "y"]);
    assert!(!reader.boolean("dead_letter.enabled"));
    assert_eq!(
        reader.offset_ranges("streams.call.exclude"),
        [OffsetRange { partition: 1, first_offset: 2, last_offset: 3 }]
    );
    assert_eq!(reader.string("dead_letter.topic"), "1e5", "what was typed, not the number");
    assert_eq!(reader.duration("http.timeout", SECOND..=9 * SECOND), 7 * SECOND);
    assert_eq!(reader.integer("http.max_series", 1..=99), 16);
    assert_eq!(reader.optional_path("state.directory"), Some("a=b".into()));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn properties_of_all_layers_merge_however_they_are_nested() {
    let mut reader = builder()
        .file("[kafka.properties]\nsecurity.protocol = 'PLAINTEXT'\nsocket.keepalive.enable = true\n'client.id' = 'me'")
        .file(
            "[kafka.properties.security]\nprotocol = 'SASL_SSL'\n[kafka.properties.group.protocol]\ntype = 'consumer'",
        )
        .environment("PACEMETER_KAFKA__PROPERTIES__SASL__PASSWORD", "007")
        .set("kafka.properties.group.protocol=classic")
        .set("kafka.properties={ ssl.ca.location = '/ca.pem', statistics.interval.ms = 5 }")
        .load();
    let properties = reader.properties("kafka.properties");
    let properties: Vec<(&str, &str)> =
        properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("client.id", "me"),
        ("group.protocol", "classic"),
        ("group.protocol.type", "consumer"),
        ("sasl.password", "007"),
        ("security.protocol", "SASL_SSL"),
        ("socket.keepalive.enable", "true"),
        ("ssl.ca.location", "/ca.pem"),
        ("statistics.interval.ms", "5"),
    ];
    assert_eq!(properties, expected);
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn faults_are_reported_with_key_origin_and_remedy() {
    let builder = builder()
        .file("[kafka]\nboostrap_servers = 'x'\nbatch_records = 'many'\n\n[htp]\nlisten = 'y'")
        .file("[http\n")
        .environment("PACEMETER_STREAMS__CALL__HORIZON", "soon")
        .environment("PACEMETER_KAFKA_GROUP_ID", "x")
        .set("labels.queues=a,b")
        .set("records.max_record_bytes=0")
        .set("verbose");
    let mut reader = builder.load();
    assert_eq!(reader.integer("kafka.batch_records", 1..=9_999), 2_000, "the built-in default");
    assert_eq!(reader.duration("streams.call.horizon", DAY..=999 * DAY), 7 * DAY);
    assert_eq!(reader.strings("labels.queues"), Vec::<String>::new());
    assert_eq!(reader.integer("records.max_record_bytes", 1..=1_048_576), 65_536);
    reader.fault("kafka.group_id", "is in use; choose another");
    let expected = "the settings have 10 faults
  kafka.boostrap_servers (FILE0:2): no such setting; did you mean kafka.bootstrap_servers?
  htp (FILE0:5): no such setting; did you mean http?
  FILE1:1: not TOML: unclosed table, expected `]`
  kafka_group_id (environment variable PACEMETER_KAFKA_GROUP_ID): no such setting; did you mean kafka.group_id?
  verbose (--set): has no value; write --set KEY=VALUE
  kafka.batch_records (FILE0:3): is a string, expected a whole number from 1 to 9999 (records)
  streams.call.horizon (environment variable PACEMETER_STREAMS__CALL__HORIZON): \"soon\" is not a duration; write a whole number with a unit \
                    (ms, s, m, h, d, w), such as \"500ms\", \"30s\", \"10m\", \"4h\" or \"92d\"
  labels.queues (--set): is a string, expected a list of strings such as [\"a\", \"b\"]
  records.max_record_bytes (--set): 0 is outside 1 to 1048576 (bytes)
  kafka.group_id (built-in default): is in use; choose another";
    assert_eq!(builder.with_stable_names(&faults(&reader)), expected);
}

#[test]
fn a_wrong_type_range_or_shape_is_a_fault() {
    let message = |text: &str, read: fn(&mut SettingsReader)| {
        let mut reader = builder().file(text).load();
        read(&mut reader);
        let faults = reader.finish().expect_err(text);
        faults.iter().next().unwrap().message.clone()
    };
    assert_eq!(message("kafka = 5", |_| ()), "is a table of settings; write [kafka]");
    assert_eq!(message("kafka.properties = 'x'", |_| ()), "is a table of settings; write [kafka.properties]");
    assert_eq!(message("log.burst = 99999999999999999999", |_| ()), "is a whole number of more than 64 bits");

    let string = |reader: &mut SettingsReader| assert_eq!(reader.string("kafka.group_id"), "pacemeter");
    assert_eq!(message("kafka.group_id = 5", string), "is a whole number, expected a string");
    assert_eq!(message("kafka.group_id = { a = 1 }", string), "is a table, expected a string");

    let properties = |reader: &mut SettingsReader| assert_eq!(reader.properties("kafka.properties"), BTreeMap::new());
    assert_eq!(message("kafka.properties.a = ['x']", properties), "is a list, expected a string");

    let strings = |reader: &mut SettingsReader| assert_eq!(reader.strings("labels.sites"), Vec::<String>::new());
    assert_eq!(message("labels.sites = ['a', 1]", strings), "has a whole number in a list of strings");

    let integer = |reader: &mut SettingsReader| assert_eq!(reader.integer("log.burst", 0..=99), 20);
    assert_eq!(message("log.burst = -1", integer), "-1 is outside 0 to 99 (lines)");
    assert_eq!(message("log.burst = 1.5", integer), "is a fraction, expected a whole number from 0 to 99 (lines)");

    let boolean = |reader: &mut SettingsReader| assert!(reader.boolean("dead_letter.enabled"));
    assert_eq!(message("dead_letter.enabled = 'no'", boolean), "is a string, expected true or false");

    let duration =
        |reader: &mut SettingsReader| assert_eq!(reader.duration("http.timeout", SECOND..=60 * SECOND), 10 * SECOND);
    assert_eq!(message("http.timeout = '2h'", duration), "2h is outside 1s to 1m");
    assert_eq!(
        message("http.timeout = 5", duration),
        "is a whole number, expected a duration as a string such as \"30s\""
    );
}

#[test]
fn an_offset_range_is_read_strictly() {
    let fault_of = |range: &str| {
        let mut reader = builder().set(&format!("streams.call.exclude=[{range}]")).load();
        assert_eq!(reader.offset_ranges("streams.call.exclude"), []);
        faults(&reader)
    };
    assert!(fault_of("{ partition = 0, first_offset = 1 }").contains("lacks last_offset"));
    assert!(
        fault_of("{ partition = 0, first_offset = 2, last_offset = 1 }")
            .contains("has first_offset 2 after last_offset 1")
    );
    assert!(
        fault_of("{ partition = -1, first_offset = 1, last_offset = 1 }")
            .contains("partition that is not a whole number")
    );
    assert!(fault_of("{ partition = 0, first = 1, last_offset = 1 }").contains("an unknown key first"));
    assert!(fault_of("7").contains("has a whole number"));
}

#[test]
fn an_unreadable_file_is_one_fault() {
    let mut missing = builder();
    missing.layers.files.push("/nowhere/pacemeter.toml".into());
    assert_eq!(missing.fault(), "FILE0: cannot be read: No such file or directory (os error 2)");
    let mut endless = builder();
    endless.layers.files.push("/dev/zero".into());
    assert_eq!(endless.fault(), "FILE0: is not a regular file; name a text file");
    let large = builder().file(&"#".repeat((1 << 20) + 1));
    assert_eq!(large.fault(), "FILE0: is larger than 1048576 bytes, the limit of a configuration file");
    assert_eq!(builder().file("[http]\nlisten = 'a'\nlisten = 'b'").fault(), "FILE0:3: not TOML: duplicate key");
}

#[test]
fn bytes_that_are_not_utf_8_are_a_fault() {
    let builder = builder().file("");
    std::fs::write(&builder.layers.files[0], b"[http]\nlisten = '\xff'").unwrap();
    assert_eq!(builder.fault(), "FILE0: is not UTF-8 in line 2");
    let environment = self::builder().environment("PACEMETER_HTTP__LISTEN", "\u{FFFD}");
    assert_eq!(environment.fault(), "http.listen (environment variable PACEMETER_HTTP__LISTEN): is not UTF-8");
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    let nearest = |key: &str| {
        let fault = builder().set(&format!("{key}=1")).fault();
        let hint = fault.rsplit_once("did you mean ").and_then(|(_, hint)| hint.strip_suffix('?'));
        hint.map_or(fault.clone(), str::to_owned)
    };
    assert_eq!(nearest("kafka.bootstrap.servers"), "kafka.bootstrap_servers");
    assert_eq!(nearest("kafka.brokers_bootstrap_servers"), "kafka.bootstrap_servers");
    assert_eq!(nearest("time_zone"), "programme.time_zone");
    assert_eq!(nearest("streams.disbursements.topic"), "streams.disbursement.topic");
    assert_eq!(nearest("http.listen.address"), "http.listen");
    assert_eq!(nearest("Labels.Queues"), "labels.queues");
    assert!(nearest("qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq").contains("--print-config"));
    assert!(nearest("\"\"").contains("no such setting"));
    assert!(nearest("kafka.properties.\"\"").contains("has no name after the dot"));
    for wrong in ["", "kafka.properties.", "kafka group_id", "kafka.properties.\"group.id", "señal"] {
        assert!(nearest(wrong).contains("write --set KEY=VALUE"), "{wrong}");
    }
}

#[test]
fn what_does_not_show_in_a_malformed_argument_is_escaped() {
    let told = |argument: &str| faults(&builder().set(argument).load());
    for (argument, shown) in [
        ("kafka.group\u{202e}_id=x", "kafka.group\\u{202e}_id (--set): is not a whole TOML key"),
        ("kafka.\u{7}group_id=x", "kafka.\\u{7}group_id (--set): is not a whole TOML key"),
        ("kafka.group_id\u{200b}", "kafka.group_id\\u{200b} (--set): has no value"),
        ("kafka.group_id hunter2", "kafka.group_id (--set): has no value"),
    ] {
        let text = told(argument);
        assert!(text.contains(shown) && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn the_variables_of_a_kubernetes_service_are_not_settings() {
    let quiet = builder()
        .environment("PACEMETER_SERVICE_HOST", "10.0.0.1")
        .environment("PACEMETER_SERVICE_PORT_METRICS", "9464")
        .environment("PACEMETER_METRICS_PORT", "tcp://10.0.0.1:9464")
        .environment("PACEMETER_PORT_9464_TCP_ADDR", "10.0.0.1");
    assert_eq!(quiet.load().finish(), Ok(()));
    assert!(builder().environment("PACEMETER_HTTP_PORT", "9464").fault().contains("no such setting"));
    assert!(builder().environment("PACEMETER_HTTP__PORT_9464_TCP", "9464").fault().contains("no such setting"));
}

#[test]
fn the_hooks_of_tests_are_not_settings() {
    let hooks = builder().environment("PACEMETER_TEST_CLOCK", "1@2x3").environment("PACEMETER_TEST_FAILPOINT", "a:1");
    assert_eq!(hooks.load().finish(), Ok(()));
    assert!(builder().environment("PACEMETER_TEST_CLOCKS", "1@2x3").fault().contains("no such setting"));
}

#[test]
fn a_secret_appears_in_no_output() {
    let secret_file = format!(
        "kafka.properties.sasl.oauthbearer.client.secret = '{CANARY}'\nkafka.properties.ssl.key.pem = '''{CANARY}'''\nkafka.properties.sasl.\
         jaas.config = '{CANARY}'\nkafka.properties.plugin.config = 'a=1,password={CANARY}'\nkafka.properties.ssl.keystore.password = ['{CANARY}']"
    );
    let builder = builder()
        .file(&secret_file)
        .file(&format!("kafka.properties.sasl.password = \"{CANARY}"))
        .file(&format!("kafka.properties.sasl.password = {CANARY}"))
        .file(&format!("kafka.properties.sasl.username = '{CANARY}'\nkafka.propertis.sasl.password = '{CANARY}'"))
        .environment("PACEMETER_KAFKA__PROPERTIES__SASL__PASSWORD", CANARY)
        .environment("PACEMETER_KAFKA__PROPERTIES", CANARY)
        .environment("PACEMETER_KAFKA__BOOTSTRAP_SERVERS", &format!("sasl://me:{CANARY}@broker:1"))
        .set(&format!("kafka.properties.ssl.key.password={CANARY}"))
        .set(&format!("kafka.propertie.ssl.key.password={CANARY}"))
        .set(&format!("kafka.properties.sasl.password:{CANARY}"))
        .set(&format!("kafka.properties.sasl.password:{CANARY}=="))
        .set(&format!("kafka.properties.sasl.\"password:{CANARY}=="))
        .set("kafka.properties.ssl.key.location=/run/secrets/key.pem");
    let mut reader = builder.load();
    assert_eq!(reader.properties("kafka.properties")["sasl.password"], CANARY);
    reader.fault("kafka.properties.sasl.password", "is too short");
    for text in [faults(&reader), reader.effective(), changed(&reader), format!("{:?}", reader.finish())] {
        assert!(!text.contains(CANARY), "{text}");
    }
    assert!(reader.effective().contains(
        "\"sasl.password\" = \"[redacted]\"  # environment variable PACEMETER_KAFKA__PROPERTIES__SASL__PASSWORD"
    ));
    assert!(reader.effective().contains("\"ssl.key.location\" = \"/run/secrets/key.pem\""), "a path is not secret");
}

#[test]
fn the_effective_settings_can_be_read_back() {
    let original = builder()
        .set("kafka.properties.client.id=\"it's\\n me\"")
        .set("labels.sites=['a\"b']")
        .set("streams.call.exclude=[{ partition = 1, first_offset = 2, last_offset = 3 }]")
        .set("dead_letter.enabled=false");
    let text = original.load().effective();
    assert!(text.contains("listen = \"127.0.0.1:9464\"\n"), "a default has no origin");
    assert!(text.contains("enabled = false  # --set\n"), "{text}");
    let mut again = builder().file(&text).load();
    assert_eq!(again.properties("kafka.properties")["client.id"], "it's\n me");
    assert_eq!(again.strings("labels.sites"), ["a\"b"]);
    assert_eq!(again.offset_ranges("streams.call.exclude").len(), 1);
    assert_eq!(again.changed(), original.load().changed());
    assert_eq!(again.finish(), Ok(()));
}

#[test]
fn settings_that_no_stage_reads_are_listed() {
    let mut reader = builder().load();
    assert!(reader.unread().contains(&"http.listen"));
    reader.string("http.listen");
    reader.properties("kafka.properties");
    assert!(!reader.unread().contains(&"http.listen"));
    assert!(!reader.unread().contains(&"kafka.properties"));
}

#[test]
fn a_getter_of_an_unknown_key_is_a_fault_not_a_panic() {
    let mut reader = builder().load();
    assert_eq!(reader.string("no.such"), "");
    reader.fault("kafka", "is odd");
    assert!(faults(&reader).contains("no.such: is not in config/default.toml, which is a bug\n  kafka: is odd"));
}

#[test]
fn durations_are_whole_numbers_with_units() {
    let millis = |text: &str| parse_duration(text).ok().map(|duration| duration.as_millis());
    for (text, expected) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("10m", 600_000),
        ("4h", 14_400_000),
        ("92d", 7_948_800_000),
        ("2w", 1_209_600_000),
        ("0s", 0),
    ] {
        assert_eq!(millis(text), Some(expected), "{text}");
        assert_eq!(millis(&format_duration(parse_duration(text).unwrap())), Some(expected), "{text}");
    }
    assert_eq!(millis(" 1h 30m"), Some(5_400_000));
    assert_eq!(format_duration(Duration::from_millis(90_061_001)), "1d1h1m1s1ms");
    for wrong in [
        "",
        " ",
        "5",
        "s",
        "1.5h",
        "-1s",
        "1m1h",
        "1s1s",
        "1 s",
        "5y",
        "5é",
        "1S",
        "99999999999999999999s",
        "18446744073709551615s",
    ] {
        assert_eq!(parse_duration(wrong), Err(DurationError), "{wrong}");
    }
}

#[test]
fn every_default_has_a_comment_above_it_or_its_table() {
    let lines: Vec<&str> = known::DEFAULTS.lines().collect();
    let explained = |line: usize| line > 0 && lines[line - 1].starts_with('#');
    let mut table_explained = false;
    let mut keys = 0;
    for (number, line) in lines.iter().enumerate() {
        if line.starts_with('[') {
            table_explained = explained(number);
        } else if line.starts_with(|first: char| first.is_ascii_lowercase()) {
            keys += 1;
            assert!(table_explained || explained(number), "line {}: {line} has no comment", number + 1);
        }
    }
    assert_eq!(keys, KnownSettings::read().iter().count() - 6, "all but the open tables");
}

#[test]
fn the_production_example_is_valid() {
    let mut builder = builder();
    builder.layers.files.push(concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.toml").into());
    let mut reader = builder.load();
    assert_eq!(reader.finish(), Ok(()));
    for setting in KnownSettings::read().iter() {
        let value = reader.value(&setting.key).unwrap();
        assert_eq!(kind_name(&value.kind), kind_name(&setting.default.kind), "{}", setting.key);
    }
    assert!(reader.strings("labels.programmes").contains(&"credito-a-la-palabra".into()));
    assert_eq!(reader.properties("kafka.properties")["security.protocol"], "SASL_SSL");
    assert_eq!(reader.duration("shutdown.deadline", SECOND..=30 * SECOND), 20 * SECOND);
    assert_eq!(reader.finish(), Ok(()));
}

proptest::proptest! {
    #[test]
    fn no_input_makes_reading_panic(
        file in "[\\[\\]a-z.=\"'{}0-9\n ]{0,40}",
        key in "(kafka|http|labels|streams)?[.a-z_]{0,12}",
        value in ".{0,20}",
    ) {
        let builder = builder().file(&file).set(&format!("{key}={value}")).set(&value).environment(&format!("PACEMETER_{key}"), &value);
        let mut reader = builder.load();
        let _ = (reader.string(&key), reader.strings(&key), reader.integer(&key, 1..=2), reader.duration(&key, SECOND..=DAY));
        let _ = (reader.boolean(&key), reader.properties(&key), reader.offset_ranges(&key), reader.effective(), reader.changed());
        let _ = reader.finish().map_err(|faults| faults.to_string());
    }
}
