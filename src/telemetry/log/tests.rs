use std::collections::HashSet;
use std::io::{BufReader, PipeReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use tracing::{Level, debug, error, info, warn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::line::{Fields, RESERVED};
use super::style::LineWidth;
use super::*;

/// JSON object as written: keys in their order, repeated ones included.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Parses a line, which must be an object without repeated keys.
fn object(line: &str) -> serde_json::Map<String, Value> {
    assert_eq!(line.find('\n'), Some(line.len() - 1), "one line, ended: {line:?}");
    let Pairs(pairs) = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let keys: HashSet<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys.len(), pairs.len(), "a repeated key: {line}");
    pairs.into_iter().collect()
}

pub(super) const ON: Settings =
    Settings { level: Level::INFO, format: Format::Auto, colour: Colour::Auto, burst: 20, per_second: 1 };

/// Writes a generated page, with `PACEMETER_BLESS=1`, or compares it with the file at `path`. `generate` receives the
/// present text.
pub(super) fn golden(path: &str, generate: impl FnOnce(&str) -> String) {
    // Two tests make parts of one page.
    static PAGES: Mutex<()> = Mutex::new(());
    let _pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let file = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let present = std::fs::read_to_string(&file).unwrap_or_default();
    let generated = generate(&present);
    if std::env::var_os("PACEMETER_BLESS").is_some() {
        std::fs::write(&file, generated).unwrap();
        return;
    }
    assert!(present == generated, "{path} is stale; run the test with PACEMETER_BLESS=1 and look at the difference");
}

/// Returns a page with another content of a section that is made from the source.
pub(super) fn with_section(page: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: made from the source -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    format!("{before}{begin}\n{content}\n{end}{after}")
}

/// Style for an output without colours and width.
fn plain_style(settings: &Settings, is_terminal: bool) -> LineStyle {
    let output = OutputKind { is_terminal, is_plain: true, is_journal: false };
    LineStyle { width: LineWidth::Unbounded, ..LineStyle::new(settings, TimeZone::UTC, output) }
}

/// Clock that stands at 2026-11-21T18:00:00.123Z.
fn clock() -> Clock {
    Clock::accelerated(Timestamp::from_millis(1_795_284_000_123), 0.0)
}

/// Returns the lines that `events` write, with their line breaks.
fn logged(settings: &Settings, terminal: bool, events: impl FnOnce()) -> Vec<String> {
    let (reader, pipe) = std::io::pipe().unwrap();
    let (layer, guard) = open(settings, plain_style(settings, terminal), clock(), pipe, BUFFERED_LINES);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
    lines(reader, guard)
}

/// Closes the log and reads what it wrote.
fn lines(reader: PipeReader, guard: Guard) -> Vec<String> {
    assert!(guard.counters().flush(Duration::from_secs(60)), "the writing thread makes no progress");
    drop(guard);
    let mut text = String::new();
    BufReader::new(reader).read_to_string(&mut text).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn an_event_is_one_json_object_with_numbers_as_numbers() {
    let lines = logged(&ON, false, || {
        let lag = Some(7_i64);
        warn!(
            event = "pacemeter.test",
            topic = "calls",
            partition = 3,
            offset = u64::MAX,
            share = 0.25,
            late = true,
            lag,
            gone = None::<u8>,
            "a test"
        );
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(
        lines[0],
        format!(
            "{{\"timestamp\":\"2026-11-21T18:00:00.123000Z\",\"level\":\"warn\",\"event\":\"pacemeter.test\",\"message\":\"a test\",\
             \"service\":\"pacemeter\",\"version\":\"{VERSION}\",\"topic\":\"calls\",\"partition\":3,\"offset\":18446744073709551615,\
             \"share\":0.25,\"late\":true,\"lag\":7}}\n"
        )
    );
    object(&lines[0]);
}

#[test]
fn an_object_is_written_as_an_object_and_bounded() {
    let entries = serde_json::json!({"a.b": 1, "c": ["x y", "\u{202e}"], "long": "x".repeat(9_000), "z": {"q": "\""}});
    let Value::Object(entries) = entries else { unreachable!("it is an object") };
    let settings = JsonObject(entries);
    let write = || info!(event = "pacemeter.test", settings = settings.as_field(), topic = "t", "a test");
    let json = &logged(&ON, false, write)[0];
    let found = object(json);
    assert_eq!(found["settings"], serde_json::json!({"a.b": 1, "c": ["x y", "\u{202e}"], "z": {"q": "\""}}));
    assert_eq!((&found["fields_left_out"], &found["topic"]), (&1.into(), &"t".into()));
    let text = &logged(&ON, true, write)[1];
    let shown = r#"  topic=t fields_left_out=1; a.b = 1; c = ["x y", "\u202e"]; z = {"q":"\""}"#;
    assert!(text.ends_with(&format!("{shown}\n")), "{text}");
}

#[test]
fn a_field_never_takes_a_key_of_the_log() {
    let lines = logged(&ON, false, || {
        info!(
            event = "pacemeter.test",
            level = "x",
            timestamp = 1,
            message = "second",
            service = "y",
            version = 2,
            suppressed = 3,
            span = "s",
            target = "t",
            module = "m",
            field_level = "z",
            r#type = "kind",
            topic = 1,
            topic = 2,
            event = "again",
            "first"
        );
    });
    let object = object(&lines[0]);
    assert_eq!(
        (&object["level"], &object["message"], &object["event"]),
        (&"info".into(), &"first".into(), &"pacemeter.test".into())
    );
    assert_eq!((&object["field_level"], &object["field_field_level"]), (&"x".into(), &"z".into()));
    assert_eq!((&object["field_message"], &object["field_event"]), (&"second".into(), &"again".into()));
    assert_eq!((&object["topic"], &object["field_topic"], &object["type"]), (&1.into(), &2.into(), &"kind".into()));
}

#[test]
fn an_event_without_a_name_shows_its_module() {
    let lines = logged(&ON, false, || info!(size = 4, "from elsewhere"));
    let object = object(&lines[0]);
    assert_eq!(object["event"], "dependency");
    assert_eq!(object["module"], module_path!());
    assert_eq!(object["size"], 4);
}

#[test]
fn an_error_is_written_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("topic is not usable")]
    struct Outer(#[source] std::io::Error);
    let outer = Outer(std::io::Error::other("broker said\nno"));
    let lines =
        logged(&ON, false, || error!(event = "pacemeter.test", error = &outer as &dyn std::error::Error, "failed"));
    assert_eq!(object(&lines[0])["error"], "topic is not usable: broker said\nno");
}

#[test]
fn disabled_levels_cost_nothing_and_write_nothing() {
    let formatted = std::cell::Cell::new(false);
    let lines = logged(&ON, false, || {
        debug!(
            event = "pacemeter.test",
            value = {
                formatted.set(true);
                1
            },
            "unseen"
        );
        tracing::info_span!("a span").in_scope(|| info!(event = "pacemeter.test", "seen"));
    });
    assert_eq!(lines.len(), 1);
    assert!(!formatted.get(), "the value of a disabled event is not even computed");
    let (_, pipe) = std::io::pipe().unwrap();
    let (layer, _guard) = open(&ON, plain_style(&ON, false), clock(), pipe, BUFFERED_LINES);
    assert_eq!(Layer::<tracing_subscriber::Registry>::max_level_hint(&layer), Some(LevelFilter::INFO));
}

#[test]
fn text_contains_nothing_that_a_terminal_acts_on() {
    let lines = logged(&ON, true, || {
        info!(event = "pacemeter.topic.waiting", topic = "pacemeter.calls.v1", partitions = 6, "waiting for topic");
        warn!(
            event = "pacemeter.test",
            name = "a b",
            empty = "",
            nasty = "\u{1b}[2J\r\n\u{9b}x\u{2028}",
            "it's \u{1b}[31mred\n"
        );
    });
    assert_eq!(lines[0], "2026-11-21 Saturday, UTC, UTC+00:00\n");
    let expected = "18:00:00  INFO   topic.waiting           topic pacemeter.calls.v1 does not exist yet; retrying  partitions=6\n";
    assert_eq!(lines[1], expected);
    let expected = r#"18:00:00  WARN   test                    it's \u{1b}[31mred\n  name="a b" empty="" nasty="\u{1b}[2J\r\n\u{9b}x\u{2028}""#;
    assert_eq!(lines[2].trim_end(), expected);
    assert_eq!(lines.len(), 3);
    let json = Settings { format: Format::Json, ..ON };
    object(&logged(&json, true, || info!(event = "pacemeter.test", "json on a terminal"))[0]);
}

#[test]
fn text_that_turns_or_hides_is_escaped_in_both_forms() {
    let event = || warn!(event = "pacemeter.test", topic = "calls\u{202e}slla\u{200b}", "turned \u{2066}");
    let text = logged(&ON, true, event).concat();
    assert!(text.contains(r#"turned \u{2066}  topic="calls\u{202e}slla\u{200b}""#), "{text}");
    let json = logged(&ON, false, event).concat();
    assert!(
        json.contains(r#""message":"turned \u2066""#) && json.contains(r#""topic":"calls\u202eslla\u200b""#),
        "{json}"
    );
    assert_eq!(object(&json)["topic"], "calls\u{202e}slla\u{200b}", "the same text to machines");
}

#[test]
fn suppressed_lines_are_counted_and_bugs_are_never_suppressed() {
    let (reader, pipe) = std::io::pipe().unwrap();
    let (layer, guard) = open(&ON, plain_style(&ON, false), clock(), pipe, BUFFERED_LINES);
    let counters = guard.counters();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for offset in 0..50 {
            error!(event = "pacemeter.record.rejected", offset, "record rejected");
            error!(event = "pacemeter.bug", "bug");
        }
    });
    let lines: Vec<_> = lines(reader, guard).iter().map(|line| object(line)).collect();
    let count = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((count("pacemeter.record.rejected"), count("pacemeter.bug")), (20, 50));
    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["level"]), (&"pacemeter.log.suppressed".into(), &"warn".into()));
    assert_eq!((&last["suppressed_event"], &last["suppressed"]), (&"pacemeter.record.rejected".into(), &30.into()));
    assert_eq!(counters.suppressed(), [("pacemeter.record.rejected".into(), 30)]);
    assert_eq!(counters.messages(), [(Level::ERROR, 70), (Level::WARN, 1), (Level::INFO, 0), (Level::DEBUG, 0)]);
    assert_eq!(counters.dropped(), 0);
}

/// Log whose clock the test moves.
struct Moved(Arc<Log>, Arc<AtomicI64>);

impl<S: Subscriber> Layer<S> for Moved {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.event(event, Timestamp::from_millis(self.1.load(SeqCst)));
    }
}

#[test]
fn a_bug_is_written_before_its_event_returns() {
    let (mut reader, pipe) = std::io::pipe().unwrap();
    let (layer, guard) = open(&ON, plain_style(&ON, false), clock(), pipe, BUFFERED_LINES);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        error!(event = "pacemeter.bug", "bug");
        assert_eq!(guard.counters().pending(), 0);
        assert!(reader.read(&mut [0; 16]).unwrap() > 0);
    });
}

#[test]
fn suppressed_lines_are_reported_by_the_next_line_or_minutely() {
    let (reader, pipe) = std::io::pipe().unwrap();
    let (layer, guard) = open(&Settings { burst: 1, ..ON }, plain_style(&ON, false), clock(), pipe, BUFFERED_LINES);
    let now = Arc::new(AtomicI64::new(0));
    let moved = Moved(layer.0, now.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(moved), || {
        let speak = |lines| (0..lines).for_each(|_| info!(event = "pacemeter.test", "again"));
        speak(3);
        now.store(1_000, SeqCst);
        speak(5);
        now.store(59_000, SeqCst);
        info!(event = "pacemeter.progress", "too early for a summary");
        now.store(60_000, SeqCst);
        info!(event = "pacemeter.progress", "time for one");
    });
    let lines: Vec<_> = lines(reader, guard).iter().map(|line| object(line)).collect();
    let reported: Vec<_> = lines
        .iter()
        .map(|line| (line["event"].as_str().unwrap(), line.get("suppressed").and_then(Value::as_u64)))
        .collect();
    let (test, progress) = ("pacemeter.test", "pacemeter.progress");
    assert_eq!(
        reported,
        [(test, None), (test, Some(2)), (progress, None), ("pacemeter.log.suppressed", Some(4)), (progress, None)]
    );
}

#[test]
fn a_reader_that_does_not_read_delays_nobody() {
    let (_reader, mut full) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    while full.write(&[b'x'; 1_024]).is_ok() {}
    let settings = Settings { burst: 1_000_000, ..ON };
    let (layer, guard) = open(&settings, plain_style(&ON, false), clock(), full, 100);
    let counters = guard.counters();
    let started = Instant::now();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for offset in 0..10_000 {
            info!(event = "pacemeter.test", offset, "nobody reads this");
        }
    });
    assert!(started.elapsed() < Duration::from_secs(10), "10,000 events took {:?}", started.elapsed());
    let dropped = counters.dropped();
    assert!((9_800..10_000).contains(&dropped), "{dropped} lines dropped");
    drop(guard);
    assert!(started.elapsed() < Duration::from_secs(20), "the end took {:?}", started.elapsed());
    assert_eq!(counters.dropped(), 10_000, "the lines that still waited were given up and counted");
}

#[test]
fn a_closed_pipe_costs_lines_and_nothing_else() {
    let (reader, pipe) = std::io::pipe().unwrap();
    drop(reader);
    let (layer, guard) = open(&ON, plain_style(&ON, false), clock(), pipe, BUFFERED_LINES);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..5 {
            info!(event = "pacemeter.test", "to nobody");
        }
    });
    let counters = guard.counters();
    assert!(guard.counters().flush(Duration::from_secs(5)));
    assert_eq!(counters.dropped(), 5);
    drop(guard);
}

#[test]
fn long_values_and_many_values_are_bounded() {
    let long = "ñ\u{1}".repeat(100_000);
    let lines = logged(&ON, false, || {
        info!(event = "pacemeter.test", a = long, b = ?long, c = %long, d = long, e = long, "long");
    });
    assert!(lines[0].len() < 100_000, "{} bytes", lines[0].len());
    assert!(object(&lines[0])["fields_left_out"].as_u64() > Some(0));
}

fn any_line(form: Form, fields: &[(String, String)], number: i64) -> String {
    let mut line = Fields::new(form, true);
    for (name, value) in fields {
        line.add_text(name, value);
        line.add_number(name, number);
    }
    let prefix = LinePrefix {
        now: Timestamp::from_millis(number),
        level: Level::INFO,
        event: &fields[0].1,
        module: Some(&fields[0].0),
        suppressed: number.unsigned_abs(),
    };
    let settings = Settings { format: if form == Form::Json { Format::Json } else { Format::Text }, ..ON };
    String::from_utf8(line.line(&prefix, &plain_style(&settings, false))).unwrap()
}

proptest! {
    #[test]
    fn no_field_name_or_value_breaks_a_line(
        mut fields in prop::collection::vec((any::<String>(), any::<String>()), 1..8),
        reserved in prop::sample::select(RESERVED),
        number in any::<i64>(),
    ) {
        fields.push((reserved.to_owned(), "x".to_owned()));
        fields.push((format!("field_{reserved}"), "\u{2028}\n".to_owned()));
        fields.push((reserved.to_owned(), String::new()));
        let mut written = object(&any_line(Form::Json, &fields, number));
        prop_assert_eq!(written.remove("level"), Some("info".into()));
        prop_assert_eq!(written.remove("service"), Some("pacemeter".into()));
        let text = any_line(Form::Text, &fields, number);
        let (_, shown) = text.strip_suffix('\n').unwrap().split_once('\n').unwrap();
        prop_assert!(shown.chars().all(crate::settings::is_printable), "{:?}", shown);
        let json = any_line(Form::Json, &fields, number);
        prop_assert!(json.trim_end().chars().all(crate::settings::is_printable), "{:?}", json);
    }
}
