use super::*;
use std::io::Write;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
/// Must be seen nowhere.
const CANARY: &str = "hunter2canary";

/// A small language: settings from a file's text, the environment and `--set`.
#[derive(Default)]
struct Given {
    layers: Layers,
    files: Vec<tempfile::NamedTempFile>,
}

fn given() -> Given {
    Given::default()
}

impl Given {
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

    fn load(&self) -> Reader {
        Reader::load(&self.layers)
    }

    /// The one fault there is, without the changing name of the file.
    fn fault(&self) -> String {
        let reader = self.load();
        let faults = reader.finish().expect_err("a fault");
        assert_eq!(faults.iter().count(), 1, "{faults}");
        self.named(&faults.iter().next().unwrap().to_string())
    }

    fn named(&self, text: &str) -> String {
        let paths = self.layers.files.iter().enumerate();
        paths.fold(text.to_owned(), |text, (index, path)| text.replace(path.to_str().unwrap(), &format!("FILE{index}")))
    }
}

/// The faults noted by reading, as one text.
fn faults(reader: &Reader) -> String {
    reader.finish().expect_err("a fault").to_string()
}

#[test]
fn the_defaults_alone_load_without_a_fault() {
    let mut reader = given().load();
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
fn later_files_then_the_environment_then_set_win() {
    let three = "[http]\nlisten = 'one:1'\nmax_connections = 1\nmax_series = 1\n[log]\nburst = 1";
    let layers = given()
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
fn a_list_replaces_the_list_below_it() {
    let mut reader = given().file("labels.states = ['MX-JAL']").set("labels.queues=['a', 'b']").set("labels.queues=['c']").load();
    assert_eq!(reader.strings("labels.states"), ["MX-JAL"]);
    assert_eq!(reader.strings("labels.queues"), ["c"]);
}
