//! Huella, files and events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{CLOSING, CORRECTING, EVENING, World, three_targets};
use crate::view::snapshot::Phase;

/// Values of the canonical form (`spec/figures.md#huella`), from the JSON alone.
#[derive(Default)]
struct Form(String);

impl Form {
    fn add(&mut self, value: &Value) {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_f64() => format!("{:#018x}", number.as_f64().unwrap().to_bits()),
            other => other.to_string(),
        };
        self.0 += &format!("{}:{text},", text.len());
    }

    fn add_fields(&mut self, object: &Value, fields: &[&str]) {
        fields.iter().for_each(|field| self.add(&object[*field]));
    }

    /// Adds the number of entries, and each in the order of the keys.
    fn add_list(&mut self, list: &Value, keys: &[&str], mut entry: impl FnMut(&mut Self, &Value)) {
        let mut entries: Vec<&Value> = list.as_array().unwrap().iter().collect();
        entries.sort_by_key(|one| keys.iter().map(|key| one[*key].to_string()).collect::<Vec<_>>());
        self.add(&json!(entries.len()));
        entries.into_iter().for_each(|one| entry(self, one));
    }

    fn add_period(&mut self, period: &Value) {
        self.add_fields(period, &["period", "id", "start_ms", "end_ms", "closes"]);
        let cells = period["cells"].as_array().unwrap().iter().filter(|cell| cell["dispersals"] != 0);
        self.add_list(&cells.cloned().collect(), &["programme", "state"], |form, cell| {
            form.add_fields(cell, &["programme", "state", "beneficiaries", "dispersals", "net_pesos"]);
        });
    }

    fn add_targets(&mut self, targets: &Value) {
        self.add_list(targets, &["target", "start_ms"], |form, target| {
            form.add_fields(
                target,
                &["target", "measure", "period", "start_ms", "end_ms", "closes", "goal", "plan", "actual"],
            );
        });
    }

    fn begun(name: &str, cut: &Value) -> Self {
        let mut form = Self::default();
        form.add(&json!(name));
        form.add(&cut["at_ms"]);
        form.add_list(&cut["offsets"], &["stream", "topic", "partition"], |form, offset| {
            form.add_fields(offset, &["stream", "topic", "partition", "first_offset", "next_offset"]);
        });
        form
    }

    fn huella(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex()[..10].to_owned()
    }
}

#[test]
fn anybody_can_compute_the_huella_from_the_json() {
    let world = World::new(three_targets());
    for id in [CLOSING, EVENING] {
        let cut = world.ok(&format!("cuts/{id}"));
        let mut form = Form::begun("pacemeter cut 1", &cut);
        form.add_list(&cut["periods"], &["period", "start_ms"], Form::add_period);
        form.add_targets(&cut["targets"]);
        form.add_list(&cut["corrections"], &["target", "start_ms"], |form, correction| {
            form.add_fields(correction, &["target", "period", "start_ms", "before", "after"]);
        });
        assert_eq!(cut["huella"], form.huella());
        let list = world.ok("cuts");
        let listed = list["cuts"].as_array().unwrap().iter().find(|listed| listed["id"] == id).unwrap();
        assert_eq!(listed["huella"], cut["huella"]);
    }
    let (cut, answer) = (world.ok(&format!("cuts/{CLOSING}")), world.ok("periods/week/2020-W19"));
    let mut form = Form::begun("pacemeter period 1", &cut);
    let week = cut["periods"].as_array().unwrap().iter().find(|period| period["period"] == "week").unwrap();
    form.add_period(week);
    let is_of_week = |target: &&Value| target["start_ms"] == week["start_ms"] && target["end_ms"] == week["end_ms"];
    form.add_targets(&cut["targets"].as_array().unwrap().iter().filter(is_of_week).cloned().collect());
    assert_eq!(answer["huella"], form.huella());
    assert_eq!(world.ok("periods/week/current")["huella"], Value::Null);
}

#[test]
fn a_history_has_its_own_huella_and_those_of_its_cuts() {
    let world = World::new(three_targets());
    let (history, cut) = (world.ok("targets/weekly-people/history"), world.ok(&format!("cuts/{CLOSING}")));
    assert_eq!(history["periods"][0]["huella"], cut["huella"]);
    assert_eq!(history["huella"], huella_of_history(&history));
}

/// Huella of a history of one period.
fn huella_of_history(history: &Value) -> String {
    let closed = &history["periods"][0];
    let mut form = Form::default();
    form.add(&json!("pacemeter history 1"));
    form.add(&closed["period"]["end_ms"]);
    form.add_fields(history, &["target", "measure"]);
    form.add(&json!(1));
    form.add_fields(&closed["period"], &["period", "id", "start_ms", "end_ms"]);
    form.add_fields(closed, &["cut", "goal", "actual"]);
    form.add(&json!(closed["corrections"].as_array().unwrap().len()));
    closed["corrections"].as_array().unwrap().iter().for_each(|one| form.add_fields(one, &["cut", "actual"]));
    form.huella()
}

#[test]
fn corrections_have_their_before_and_after_in_a_file() {
    let world = World::corrected(three_targets());
    let csv = |path: &str| String::from_utf8(world.file(&format!("{path}.csv")).1).unwrap();
    let (cut, text) = (world.ok(&format!("cuts/{CORRECTING}")), csv(&format!("cuts/{CORRECTING}")));
    let corrections = cut["corrections"].as_array().unwrap();
    assert!(
        corrections.iter().any(|one| one["target"] == "weekly-people" && one["before"] == 50 && one["after"] == 51)
    );
    assert_eq!(rows(&text, "corrections").len(), corrections.len());
    for (row, one) in rows(&text, "corrections").iter().zip(corrections) {
        assert_cells(row, &["target", "before", "after"].map(|name| (name, &one[name])));
        assert_cells(row, &[("period_id", &one["period"])]);
    }
}

#[test]
fn corrections_are_in_the_huella_of_a_history() {
    let world = World::corrected(three_targets());
    let csv = |path: &str| String::from_utf8(world.file(&format!("{path}.csv")).1).unwrap();
    let path = "targets/weekly-people/history";
    let (history, before) = (world.ok(path), World::new(three_targets()).ok(path));
    let correction = &history["periods"][0]["corrections"][0];
    assert_eq!(*correction, json!({ "cut": CORRECTING, "actual": 51 }));
    assert_cells(&rows(&csv(path), "corrections")[0], &["cut", "actual"].map(|name| (name, &correction[name])));
    assert_eq!(history["huella"], huella_of_history(&history));
    assert_ne!(history["huella"], before["huella"], "a correction is another history");
}

#[test]
fn a_history_goes_on_before_the_last_period_listed() {
    let world = World::new(three_targets());
    let of = |before: &Value| world.ok(&format!("targets/weekly-people/history?limit=1&before_ms={before}"));
    let listed = world.ok("targets/weekly-people/history");
    let start = &listed["periods"][0]["period"]["start_ms"];
    assert_eq!(of(&json!(start.as_i64().unwrap() + 1))["periods"], listed["periods"]);
    assert_eq!((&of(start)["periods"], &of(start)["more"]), (&json!([]), &json!(false)));
}

#[test]
fn files_have_names_and_the_same_bytes_for_the_same_answer() {
    let world = World::new(three_targets());
    for (path, name) in [
        (format!("cuts/{CLOSING}"), format!("pacemeter-cut-{CLOSING}")),
        ("cuts/newest".to_owned(), format!("pacemeter-cut-{EVENING}")),
        ("cuts".to_owned(), "pacemeter-cuts".to_owned()),
        ("periods/week/2020-W19".to_owned(), "pacemeter-week-2020-W19".to_owned()),
        ("targets/weekly-people/history".to_owned(), "pacemeter-history-weekly-people".to_owned()),
    ] {
        for extension in ["csv", "xlsx"] {
            let (found, bytes) = world.file(&format!("{path}.{extension}"));
            assert_eq!(found, format!("{name}.{extension}"));
            assert_eq!(world.file(&format!("{path}.{extension}")).1, bytes);
            assert!(bytes.starts_with(if extension == "csv" { b"\xef\xbb\xbf" } else { b"PK\x03" }), "{path}");
        }
    }
    let text = String::from_utf8(world.file(&format!("cuts/{CLOSING}.csv")).1).unwrap();
    assert!(text.contains("\r\ntargets,,2020-W19,2020-05-04T00:00:00-05:00,2020-05-11T00:00:00-05:00,true,"), "{text}");
    assert!(text.contains(&format!(",source,/api/v1/cuts/{CLOSING}\r\n")), "{text}");
}

#[test]
fn errors_of_files_are_those_of_the_json() {
    let world = World::new(three_targets());
    for path in ["cuts/2020", "cuts/a.csv", "periods/week/2020-W99", "periods/year/2020", "targets/none/history"] {
        for extension in ["csv", "xlsx"] {
            assert_eq!(world.get(&format!("{path}.{extension}")), world.get(path), "{path}");
        }
    }
    assert_eq!(world.get("targets/weekly-people/history.csv?limit=0").0, 400);
    assert_eq!(world.get("cuts/newest.csv?limit=1").0, 400);
    assert_eq!(world.unchecked("targets.csv").status, 404, "the list of targets is no file");
}

#[test]
fn events_are_answered_before_there_are_figures() {
    let world = World::new(three_targets());
    world.publish(|snapshot| snapshot.phase = Phase::Replaying { read: 1, total: 2 });
    let answer = world.ok("events?limit=1");
    let event = &answer["events"][0];
    assert_eq!((&event["event"], &answer["more"]), (&json!("pacemeter.period.closed"), &json!(true)));
    assert_eq!(event["at"], "2020-05-11T00:00:00-05:00");
    assert_eq!(event["say"]["en"], "2020-W19 of weekly-people closed with 50; the goal was 100.");
    assert_eq!(world.ok("events")["events"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("events?before_ms=1").0, 400);
}

/// Rows of a table of a CSV file without quoted fields, each with its columns by name.
fn rows(text: &str, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(|line| line.split(',').collect::<Vec<_>>());
    let columns = lines.next().unwrap();
    let of_table = lines.filter(|line| line[0] == table);
    let owned = |text: &&str| (*text).to_owned();
    of_table.map(|line| columns.iter().map(owned).zip(line.iter().map(owned)).collect()).collect()
}

/// Asserts that cells have the values of the JSON; null is empty.
fn assert_cells(row: &BTreeMap<String, String>, cells: &[(&str, &Value)]) {
    for (column, value) in cells {
        let expected = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(row[*column], if value.is_null() { String::new() } else { expected }, "{column} of {row:?}");
    }
}

/// Cells of figures then and today.
fn figures<'a>(then: &'a Value, today: &'a Value) -> [(&'static str, &'a Value); 6] {
    [
        ("beneficiaries", &then["beneficiaries"]),
        ("dispersals", &then["dispersals"]),
        ("net_pesos", &then["net_pesos"]),
        ("beneficiaries_today", &today["beneficiaries"]),
        ("dispersals_today", &today["dispersals"]),
        ("net_pesos_today", &today["net_pesos"]),
    ]
}

#[test]
fn cells_of_a_file_are_in_their_own_columns() {
    let world = World::new(three_targets());
    let csv = |path: &str| String::from_utf8(world.file(&format!("{path}.csv")).1).unwrap();
    let (cut, text) = (world.ok(&format!("cuts/{CLOSING}")), csv(&format!("cuts/{CLOSING}")));
    let mut has_difference = false;
    for (row, target) in rows(&text, "targets").iter().zip(cut["targets"].as_array().unwrap()) {
        let plan = row["plan"].parse::<f64>().ok();
        assert_eq!(plan, target["plan"].as_f64());
        assert_cells(row, &["target", "measure", "goal", "actual"].map(|name| (name, &target[name])));
        assert_cells(row, &[("actual_today", &target["today"]), ("period_id", &target["period"])]);
        has_difference |= target["actual"] != target["today"];
    }
    let periods = cut["periods"].as_array().unwrap();
    for (row, period) in rows(&text, "figures").iter().zip(periods) {
        assert_cells(row, &figures(&period["total"], &period["total"]["today"]));
        has_difference &=
            period["period"] == "day" || period["total"]["dispersals"] != period["total"]["today"]["dispersals"];
    }
    assert!(has_difference, "figures then and today differ");
    let cells = periods.iter().flat_map(|period| period["cells"].as_array().unwrap());
    for (row, cell) in rows(&text, "states").iter().zip(cells) {
        assert_cells(row, &figures(cell, &cell["today"]));
        assert_cells(row, &[("programme", &cell["programme"]), ("state", &cell["state"])]);
    }
    for (row, offset) in rows(&text, "offsets").iter().zip(cut["offsets"].as_array().unwrap()) {
        assert_cells(row, &["topic", "partition", "first_offset", "next_offset"].map(|name| (name, &offset[name])));
    }
    let (period, text) = (world.ok("periods/week/2020-W19"), csv("periods/week/2020-W19"));
    let programmes = period["programmes"].as_array().unwrap();
    let sums = rows(&text, "figures");
    assert_eq!(sums.len(), programmes.len() + 1);
    assert_cells(&sums[0], &figures(&period["closed"], &period["today"]));
    let states = programmes.iter().flat_map(|programme| programme["states"].as_array().unwrap());
    for (row, one) in sums[1..].iter().zip(programmes).chain(rows(&text, "states").iter().zip(states)) {
        assert_cells(row, &figures(&one["closed"], &one["today"]));
    }
    let (list, text) = (world.ok("cuts"), csv("cuts"));
    let listed = list["cuts"].as_array().unwrap();
    assert_eq!(rows(&text, "cuts").len(), listed.len());
    for (row, cut) in rows(&text, "cuts").iter().zip(listed) {
        assert_cells(row, &["seal", "provisional", "late", "huella"].map(|name| (name, &cut[name])));
        let ended = |kind: &str| cut["periods"].as_array().unwrap().iter().find(|period| period["period"] == kind);
        for kind in ["day", "week", "month"] {
            assert_cells(row, &[("cut", &cut["id"]), (kind, ended(kind).map_or(&Value::Null, |period| &period["id"]))]);
        }
    }
    let closed = listed.iter().flat_map(|cut| cut["targets"].as_array().unwrap().iter().map(move |one| (cut, one)));
    for (row, (cut, one)) in rows(&text, "targets").iter().zip(closed) {
        assert_cells(row, &[("cut", &cut["id"]), ("target", &one["target"]), ("period_id", &one["period"])]);
    }
    let (history, text) = (world.ok("targets/weekly-people/history"), csv("targets/weekly-people/history"));
    let entry = &history["periods"][0];
    assert_ne!(entry["actual"], entry["today"]);
    let row = &rows(&text, "targets")[0];
    assert_cells(row, &["goal", "actual", "difference", "cut", "huella"].map(|name| (name, &entry[name])));
    assert_cells(row, &[("actual_today", &entry["today"])]);
}
