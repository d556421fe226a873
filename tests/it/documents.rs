//! Files of the API, read again with Python's csv module and openpyxl: each cell is that of the JSON, with hostile names
//! too.

use std::fs;
use std::path::Path;
use std::process::Command;

use pacemeter::clock::{Clock, DAY, HOUR, Timestamp};
use pacemeter::record::Stream;
use serde_json::{Value, json};

use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{CREATE_TIME, Record, Topics};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/documents/check.py");

/// Names of programmes that a spreadsheet, a parser or a reader could take for something else.
const HOSTILE: [&str; 14] = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\ttab",
    "\rreturn",
    "'quoted",
    "a,\"b\";c",
    "two\nlines\r\nand more",
    "😀🧑‍🌾 é",
    "\u{202e}txet thgir ot tfel",
    "_x0041_ <b>&amp;",
    "\u{1}\u{7f}\u{fffe}",
    "  spaces  ",
];

pub const TARGETS: &str = "[target.people]\nmeasure = \"beneficiaries\"\nperiod = \"day\"\ngoal = 100\n\n\
                       [target.pesos]\nmeasure = \"net_pesos\"\nperiod = \"day\"\ngoal = 999999999999.99\n\n\
                       [target.answered]\nmeasure = \"service_level\"\nperiod = \"week\"\ngoal = 0.8\n";

/// Record of a payment at an instant, which is its Kafka timestamp too.
pub fn payment(number: usize, programme: &str, at: Timestamp, amount: &str) -> Record {
    let value = json!({
        "id": format!("d-{number}"), "type": "disbursement.dispersed", "time": format!("{at:.3}"),
        "programme": programme, "state": if number.is_multiple_of(2) { "MX-OAX" } else { "MX-JAL" },
        "beneficiary": format!("b-{number}"), "credit": format!("c-{number}"), "amount": amount,
    });
    Record {
        key: Some(format!("b-{number}").into_bytes()),
        timestamp: Some(at.as_millis()),
        ..Record::of(value.to_string())
    }
}

/// Last midnight of the programme whose cut is due; see the test of recomputed cuts.
pub fn last_midnight() -> Timestamp {
    let midnight = 6 * HOUR;
    (Clock::wall().now() - midnight - 3 * HOUR).floor(DAY) + midnight
}

/// Returns the directory of the Python packages that the tests use.
pub fn python_packages() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target directory");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/python-packages");
    let output = Command::new(script).env("CARGO_TARGET_DIR", target).output().expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn files_read_again_in_python_equal_the_json() {
    let topics = Topics::create(shared_kafka(), 1, CREATE_TIME);
    let midnight = last_midnight();
    let payments = |first: usize, at: Timestamp| {
        let one = |(number, programme): (usize, &&str)| payment(first + number, programme, at, "25000.50");
        HOSTILE.iter().enumerate().map(one).collect::<Vec<_>>()
    };
    let large = payment(900, HOSTILE[0], midnight - HOUR, "99999999999.99");
    // The last are late: payments of the day before that come after its cut.
    let mut late = payments(300, midnight - 2 * HOUR);
    late.iter_mut().for_each(|record| record.timestamp = Some((midnight + HOUR).as_millis()));
    let records = [payments(0, midnight - DAY - HOUR), payments(100, midnight - HOUR), vec![large], late].concat();
    topics.write(Stream::Disbursement, &records);

    let state = tempfile::tempdir().expect("a temporary directory");
    let targets = state.path().join("targets.toml");
    fs::write(&targets, TARGETS).expect("a file");
    let mut settings = topics.settings();
    settings.push(format!("targets.files=[{targets:?}]"));
    settings.push(format!("labels.programmes={}", toml_list(&HOSTILE)));
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    let has_cut = |pacemeter: &mut Pacemeter| {
        let cuts: Value = serde_json::from_str(&pacemeter.get("/api/v1/cuts").body).expect("JSON");
        cuts["cuts"].as_array().is_some_and(|cuts| cuts.len() > 1).then(|| cuts["cuts"].clone())
    };
    let cuts = pacemeter.until("cuts are stored", has_cut);
    assert_events(&pacemeter);

    let newest = |cut: &Value| format!("/api/v1/cuts/{}", cut["id"].as_str().expect("an id"));
    let mut paths: Vec<String> = cuts.as_array().expect("a list").iter().take(5).map(newest).collect();
    paths.push("/api/v1/cuts".to_owned());
    paths.extend(
        ["day/previous", "day/current", "week/current", "month/current"].map(|id| format!("/api/v1/periods/{id}")),
    );
    paths.extend(["people", "pesos", "answered"].map(|name| format!("/api/v1/targets/{name}/history")));
    let checked = Command::new("python3")
        .env("PYTHONPATH", python_packages())
        .arg(SCRIPT)
        .arg(pacemeter.address())
        .args(&paths)
        .output()
        .expect("python3 runs; scripts/test installs it");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let cells: usize = String::from_utf8_lossy(&checked.stdout).trim().parse().expect("a number");
    assert!(cells > 1_000, "only {cells} cells were compared");
    for path in
        ["cuts/none.csv", "periods/day/none.xlsx", "targets/none/history.csv", "targets/people/history.csv?limit=0"]
    {
        let answer = pacemeter.get(&format!("/api/v1/{path}"));
        assert!(
            (400..=404).contains(&answer.status) && answer.body.starts_with("{\"error\":"),
            "{path}: {}",
            answer.body
        );
    }
    assert_eq!(pacemeter.stop().code, Some(0));

    // A second start knows from the state what was of note before it.
    let mut pacemeter = Pacemeter::start(&state, &settings);
    pacemeter.wait_ready();
    assert_events(&pacemeter);
    assert_eq!(pacemeter.stop().code, Some(0));
}

/// Asserts that the start, cuts and closed periods are among the events, with sentences.
fn assert_events(pacemeter: &Pacemeter) {
    let answer: Value = serde_json::from_str(&pacemeter.get("/api/v1/events?limit=200").body).expect("JSON");
    let events = answer["events"].as_array().expect("a list");
    for name in ["started", "cut.taken", "period.closed"] {
        let event = events.iter().find(|event| event["event"] == format!("pacemeter.{name}"));
        let event = event.unwrap_or_else(|| panic!("no {name} in {answer}"));
        assert!(event["say"]["es"] != event["say"]["en"] && event["at_ms"].is_i64(), "{event}");
    }
    assert!(events.is_sorted_by(|one, other| one["at_ms"].as_i64() >= other["at_ms"].as_i64()), "the newest are first");
}

/// List of strings in TOML.
fn toml_list(names: &[&str]) -> String {
    let escaped = |name: &&str| {
        let escaped: String = name.chars().map(|one| format!("\\U{:08X}", u32::from(one))).collect();
        format!("\"{escaped}\"")
    };
    format!("[{}]", names.iter().map(escaped).collect::<Vec<_>>().join(", "))
}
