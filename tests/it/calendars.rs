//! Days, weeks, months and working hours, compared with an independent implementation of time zones: Python's zoneinfo.

use pacemeter::clock::{HOUR, SECOND, Timestamp};
use std::process::Command;

use jiff::tz::TimeZone;
use pacemeter::calendar::{Period, WorkingCalendar, read};
use pacemeter::settings::Document;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/calendars/periods.py");

/// Opening hours of the weekdays in minutes from midnight. They include hours that clocks skip and repeat.
const HOURS: [(&str, &[(u16, u16)]); 7] = [
    ("monday", &[(0, 1440)]),
    ("tuesday", &[(540, 1080)]),
    ("wednesday", &[(540, 840), (900, 1080)]),
    ("thursday", &[]),
    ("friday", &[(0, 75)]),
    ("saturday", &[(1410, 1440)]),
    ("sunday", &[(0, 45), (75, 105), (120, 165), (180, 600)]),
];

/// Period as printed by the script, one per line.
struct PythonPeriod {
    kind: String,
    name: String,
    /// Seconds since the epoch.
    start: i64,
    /// Seconds since the epoch; excluded.
    end: i64,
    /// Seconds open.
    open: i64,
}

fn python_periods(zone: &str, first: i16, last: i16) -> Vec<PythonPeriod> {
    let hours = serde_json::to_string(&HOURS.map(|(_, spans)| spans)).expect("numbers");
    let output = Command::new("python3")
        .args([SCRIPT, zone, &first.to_string(), &last.to_string(), &hours])
        .output()
        .expect("python3 runs; scripts/test installs it");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "python3 does not know {zone}, is tzdata installed? {errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let [kind, name, start, end, open] = words[..] else { panic!("not five words: {line}") };
        let number = |word: &str| word.parse().expect("seconds");
        PythonPeriod {
            kind: kind.to_owned(),
            name: name.to_owned(),
            start: number(start),
            end: number(end),
            open: number(open),
        }
    };
    text.lines().map(line).collect()
}

/// Calendar with [`HOURS`] in a zone.
fn calendar(zone: &TimeZone) -> std::sync::Arc<WorkingCalendar> {
    let time = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let spans = |spans: &[(u16, u16)]| {
        spans.iter().map(|(from, to)| format!("'{}-{}',", time(from), time(to))).collect::<String>()
    };
    let hours: String = HOURS.iter().map(|(day, hours)| format!("{day} = [{}]\n", spans(hours))).collect();
    let documents = [Document::parse("hours.toml", &format!("[calendar.hours.hours]\n{hours}"))];
    let calendars = read(&documents, zone);
    assert!(documents[0].faults().is_empty());
    calendars[1].clone()
}

/// Compares all periods of these years with Python's. Returns the distinct lengths of days in minutes.
fn compare(name: &str, first: i16, last: i16) -> Vec<i64> {
    let zone = TimeZone::get(name).expect("a zone of the bundled data");
    let (calendar, always) = (calendar(&zone), WorkingCalendar::always(zone.clone()));
    let periods = python_periods(name, first, last);
    assert!(periods.len() > 365 + 52 + 12, "{name}: only {} periods", periods.len());
    let mut lengths = Vec::new();
    for PythonPeriod { kind, name: id, start, end, open } in periods {
        let period = Period::STANDARD.into_iter().find(|period| period.name() == kind).expect("a known kind");
        let ours = period.at(Timestamp::from_millis(start * SECOND), &zone).expect("no campaign");
        assert_eq!(
            (ours.start.as_millis(), ours.end.as_millis()),
            (start * SECOND, end * SECOND),
            "{name}: {kind} {id}"
        );
        assert_eq!(period.id(Timestamp::from_millis(start * SECOND), &zone), id, "{name}");
        assert_eq!(
            period.at(Timestamp::from_millis(end * SECOND - 1), &zone),
            Some(ours),
            "{name}: the last instant of {kind} {id}"
        );
        assert_eq!(calendar.open_time(ours), open * SECOND, "{name}: open in {kind} {id}");
        assert_eq!(always.open_time(ours), ours.end - ours.start, "{name}: {kind} {id}");
        if kind == "day" {
            assert!((always.weight(ours, None) - 1.0).abs() < 1e-9, "{name}: weight of {id}");
            lengths.push((end - start) / 60);
        }
    }
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

#[test]
fn mexico_city_agrees_with_python_with_and_without_dst() {
    assert_eq!(compare("America/Mexico_City", 2019, 2026), [23 * 60, 24 * 60, 25 * 60]);
    assert_eq!(compare("America/Mexico_City", 2023, 2026), [24 * 60]);
}

#[test]
fn tijuana_agrees_with_python_and_still_changes_clocks() {
    assert_eq!(compare("America/Tijuana", 2024, 2026), [23 * 60, 24 * 60, 25 * 60]);
}

#[test]
fn skipped_half_hours_and_midnights_agree_with_python() {
    assert_eq!(compare("Australia/Lord_Howe", 2024, 2026), [23 * 60 + 30, 24 * 60, 24 * 60 + 30]);
    assert_eq!(compare("America/Havana", 2024, 2025), [23 * 60, 24 * 60, 25 * 60]);
}

#[test]
fn a_date_that_samoa_skipped_agrees_with_python() {
    assert_eq!(compare("Pacific/Apia", 2011, 2012), [23 * 60, 24 * 60, 25 * 60]);
}

#[test]
fn mexico_citys_week_of_the_last_change_is_an_hour_longer() {
    let zone = TimeZone::get("America/Mexico_City").expect("a zone of the bundled data");
    let periods = python_periods("America/Mexico_City", 2022, 2022);
    let week = periods.iter().find(|period| period.name == "2022-W43").expect("the week until 30 October 2022");
    let ours = Period::WEEK.at(Timestamp::from_millis(week.start * SECOND), &zone).expect("no campaign");
    assert_eq!(ours.end - ours.start, (7 * 24 + 1) * HOUR);
}
