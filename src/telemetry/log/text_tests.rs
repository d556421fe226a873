//! Golden lines of the text form.

use serde_json::{Map, Value, json};
use tracing::Level;
use unicode_width::UnicodeWidthStr as _;

use super::line::Fields;
use super::object::JsonObject;
use super::style::LineWidth;
use super::*;
use crate::clock::{HOUR, MINUTE};

/// Thursday, 2026-11-26 17:13:44 in central Mexico.
const NOW: i64 = 1_795_734_824_000;

fn style(width: LineWidth, is_coloured: bool) -> LineStyle {
    let zone = TimeZone::get("America/Mexico_City").unwrap();
    LineStyle { form: Form::Text, zone, is_coloured, has_priorities: false, width }
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn collected(fields: &[(&str, Value)]) -> Fields {
    let mut collected = Fields::new(Form::Text, false);
    collected.add_message("a message");
    for (name, value) in fields {
        match value {
            Value::String(text) => collected.add_text(name, text),
            Value::Object(_) => collected.add_object(name, &JsonObject(object(value.clone()))),
            Value::Null => {}
            other => collected.add_number(name, other),
        }
    }
    collected
}

/// Returns heading and rows of an event.
fn rendered(style: &LineStyle, now: i64, level: Level, event: &str, fields: &[(&str, Value)]) -> Vec<String> {
    let prefix = LinePrefix { now: Timestamp::from_millis(now), level, event, module: None, suppressed: 0 };
    let line = String::from_utf8(collected(fields).line(&prefix, style)).unwrap();
    line.strip_suffix('\n').unwrap().split('\n').map(str::to_owned).collect()
}

/// Returns the one line of an event, without its heading.
fn line(level: Level, event: &str, fields: &[(&str, Value)]) -> String {
    let rows = rendered(&style(LineWidth::Unbounded, false), NOW, level, event, fields);
    assert_eq!((rows.len(), rows[0].as_str()), (2, "2026-11-26 Thursday, America/Mexico_City, UTC-06:00"));
    rows[1].clone()
}

#[test]
fn events_are_sentences_with_the_rest_behind() {
    let rejected = [
        ("topic", json!("disbursements")),
        ("partition", json!(3)),
        ("offset", json!(1_042)),
        ("reason", json!("missing_field")),
        ("field", json!("beneficiary")),
    ];
    assert_eq!(
        line(Level::WARN, "pacemeter.record.set_aside", &rejected),
        "17:13:44  WARN   record.set_aside        disbursements/3@1042: missing field (beneficiary)"
    );
    let summary = [
        ("applied", json!(1_275_371)),
        ("new_applied", json!(71_040)),
        ("new_duplicate", json!(12)),
        ("new_rejected", json!(3)),
        ("new_expired", json!(0)),
        ("records_per_second", json!(1_184.3)),
        ("lag_records", json!(0)),
        ("unsaved_ms", json!(3_000)),
    ];
    assert_eq!(
        line(Level::INFO, "pacemeter.summary", &summary),
        "17:13:44  INFO   summary                 +71,040 applied, +12 duplicate, +3 rejected, +0 expired (1,184/s); \
         0 unread, unsaved for 3 s  applied=1275371"
    );
    let status = [
        ("target_name", json!("weekly_beneficiaries")),
        ("from", json!("on_pace")),
        ("to", json!("behind")),
        ("actual", json!("43475")),
        ("plan", json!(50_000.4)),
        ("goal", json!("100000")),
    ];
    assert_eq!(
        line(Level::WARN, "pacemeter.target.status", &status),
        "17:13:44  WARN   target.status           weekly_beneficiaries: on pace -> behind, 43,475 of 50,000 by now  goal=100000"
    );
    let taken = [("at", json!("2026-11-26T18:00:00-06:00")), ("targets", json!(8)), ("provisional", json!(false))];
    assert_eq!(
        line(Level::INFO, "pacemeter.cut.taken", &taken),
        "17:13:44  INFO   cut.taken               the cut of 2026-11-26 18:00 was stored, targets: 8"
    );
    // An event of a library has its message; a long name moves the rest.
    assert_eq!(
        line(Level::ERROR, "dependency", &[("size", json!(4))]),
        "17:13:44  ERROR  dependency              a message  size=4"
    );
    assert_eq!(
        line(Level::INFO, "pacemeter.topic.partitions_accepted", &[]),
        "17:13:44  INFO   topic.partitions_accepted  – has – partitions instead of –, as a setting accepts"
    );
}

#[test]
fn the_start_lists_settings_with_their_sources() {
    let fields = [
        ("revision", json!("d901578")),
        ("settings", json!({"kafka.bootstrap_servers": "kafka-1:9093", "labels.sites": ["a b", "c"]})),
        ("sources", json!({"kafka.bootstrap_servers": "/etc/pacemeter.toml:5", "labels.sites": "--set"})),
    ];
    let start = format!(
        "17:13:44  INFO   started                 pacemeter {VERSION} (d901578), 2 settings differ from the defaults"
    );
    let settings =
        ["kafka.bootstrap_servers = kafka-1:9093 (/etc/pacemeter.toml:5)", r#"labels.sites = ["a b", "c"] (--set)"#];
    assert_eq!(line(Level::INFO, "pacemeter.started", &fields), format!("{start}; {}", settings.join("; ")));
    let rows = rendered(&style(LineWidth::Columns(120), false), NOW, Level::INFO, "pacemeter.started", &fields);
    assert_eq!(rows[1..], [start, format!("{:43}{}", "", settings[0]), format!("{:43}{}", "", settings[1])]);
}

#[test]
fn text_wraps_at_the_width_of_the_terminal() {
    let reason = "the answer took longer than it may, and 漢字漢字 too; ".repeat(6) + &"x".repeat(200);
    let fields = [("reason", json!(reason)), ("rest", json!("a\u{301}bc ".repeat(30)))];
    for columns in [10, 40, 72, 73, 80, 120, 200] {
        for is_coloured in [false, true] {
            let style = style(LineWidth::Columns(columns), is_coloured);
            let rows = rendered(&style, NOW, Level::WARN, "pacemeter.kafka.unavailable", &fields);
            let plain: Vec<String> = rows[1..].iter().map(|row| without_colours(row)).collect();
            let indentation = if columns < 73 { 10 } else { 43 };
            let widest = plain.iter().map(|row| row.width()).max().unwrap();
            assert!(widest <= columns.max(56) && widest + 20 > columns, "{columns}: {plain:#?}");
            let is_indented =
                |row: &String| row[..indentation].trim().is_empty() && !row[indentation..].starts_with(' ');
            assert!(plain[1..].iter().all(is_indented), "{columns}: {plain:#?}");
            let joined: String = plain.concat().split_whitespace().collect();
            assert!(joined.contains(&reason.split_whitespace().collect::<String>()), "nothing is lost: {plain:#?}");
        }
    }
}

/// Returns text without the sequences that set and reset colours, each of which must be reset in its row.
fn without_colours(row: &str) -> String {
    let mut plain = String::new();
    let (mut rest, mut is_set) = (row, false);
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let (code, after) = after.split_once('m').unwrap();
        assert_eq!(code == "0", is_set, "{row:?}");
        is_set = code != "0";
        rest = after;
    }
    assert!(!is_set, "{row:?}");
    plain + rest
}

#[test]
fn colours_frame_level_event_and_rest() {
    let fields = [("topic", json!("calls")), ("more", json!("x y"))];
    let rows = rendered(&style(LineWidth::Columns(120), true), NOW, Level::WARN, "pacemeter.topic.waiting", &fields);
    assert_eq!(
        rows,
        [
            "\u{1b}[2m2026-11-26 Thursday, America/Mexico_City, UTC-06:00\u{1b}[0m",
            "\u{1b}[2m17:13:44\u{1b}[0m  \u{1b}[33mWARN \u{1b}[0m  \u{1b}[1mtopic.waiting         \u{1b}[0m  topic calls \
             does not exist yet; retrying \u{1b}[2m\u{1b}[0m \u{1b}[2mmore=\"x\u{1b}[0m \u{1b}[2my\"\u{1b}[0m",
        ]
    );
}

#[test]
fn the_heading_changes_with_the_date_and_with_summer_time() {
    let style = LineStyle { zone: TimeZone::get("America/Tijuana").unwrap(), ..style(LineWidth::Unbounded, false) };
    let rows = |now: Timestamp| rendered(&style, now.as_millis(), Level::INFO, "pacemeter.ended", &[]);
    // Clocks are put back from 02:00 to 01:00 on 2026-11-01, at 09:00 UTC.
    let change: Timestamp = "2026-11-01T09:00:00Z".parse().unwrap();
    let [before, after] = [rows(change - MINUTE), rows(change)];
    assert_eq!(before[0], "2026-11-01 Sunday, America/Tijuana, UTC-07:00");
    assert_eq!(after[0], "2026-11-01 Sunday, America/Tijuana, UTC-08:00");
    assert_eq!((&before[1][..8], &after[1][..8]), ("01:59:00", "01:00:00"));
    let midnight: Timestamp = "2026-11-02T08:00:00Z".parse().unwrap();
    assert_eq!([&rows(midnight - MINUTE)[0][..10], &rows(midnight)[0][..10]], ["2026-11-01", "2026-11-02"]);
    // Spring: there is no 02:30.
    let spring: Timestamp = "2026-03-08T10:00:00Z".parse().unwrap();
    assert_eq!([&rows(spring - MINUTE)[1][..8], &rows(spring)[1][..8]], ["01:59:00", "03:00:00"]);
}

#[test]
fn a_heading_is_written_once_until_it_changes() {
    let (reader, pipe) = std::io::pipe().unwrap();
    let clock = Clock::manual(Timestamp::from_millis(NOW));
    let (layer, guard) = open(&tests::ON, style(LineWidth::Unbounded, false), clock.clone(), pipe, BUFFERED_LINES);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..4 {
            tracing::info!(event = "pacemeter.ended", "pacemeter ended");
            clock.advance(3 * HOUR, 0);
        }
    });
    drop(guard);
    let text = std::io::read_to_string(reader).unwrap();
    let starts: Vec<&str> = text.lines().map(|line| &line[..10]).collect();
    assert_eq!(starts, ["2026-11-26", "17:13:44  ", "20:13:44  ", "23:13:44  ", "2026-11-27", "02:13:44  "]);
}

#[test]
fn values_from_outside_garble_neither_line_nor_terminal() {
    let hostile = "\u{1b}]0;title\u{7}\u{1b}[2J\r\n17:13:44  INFO   forged\u{202e}\u{9b}31m{partition}[x]\u{200b}";
    for (event, field) in [("pacemeter.kafka.unavailable", "reason"), ("pacemeter.x\n\u{1b}[31m", "y\n\u{202e}=")] {
        let fields = [
            (field, json!(hostile.repeat(2_000))),
            ("partition", json!(hostile)),
            ("settings", json!({hostile: hostile})),
        ];
        for style in [style(LineWidth::Columns(100), false), style(LineWidth::Unbounded, false)] {
            let rows = rendered(&style, NOW, Level::WARN, event, &fields);
            assert!(rows.iter().flat_map(|row| row.chars()).all(crate::settings::is_printable), "{rows:?}");
            let limit = if style.columns().is_some() { 400 } else { 3 };
            assert!((2..limit).contains(&rows.len()), "{} rows", rows.len());
            assert!(
                rows[2..].iter().all(|row| row.starts_with(&" ".repeat(43))),
                "no row is taken for a line: {rows:?}"
            );
        }
    }
}
