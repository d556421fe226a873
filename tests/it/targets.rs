//! Targets and calendars from files that change while the program runs, on a real Kafka.

use std::fs;
use std::thread;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use pacemeter::clock::Clock;
use pacemeter::record::Stream;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Pacemeter, run_in};
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

/// Name of the targets file, in the working directory of the program.
const FILE: &str = "targets.toml";

/// A programme that has made three payments to two people in two partitions, and a targets file.
struct Fixture {
    topics: Topics<'static>,
    state: TempDir,
}

fn now() -> Timestamp {
    Clock::wall().now().to_jiff()
}

fn dispersal(partition: i32, beneficiary: &str, credit: &str, pesos: u32) -> Record {
    let event = json!({
        "id": credit, "type": "disbursement.dispersed", "time": now().to_string(), "programme": "credito-a-la-palabra",
        "state": "MX-OAX", "beneficiary": beneficiary, "credit": credit, "amount": pesos.to_string(),
    });
    Record { partition, key: Some(beneficiary.into()), ..Record::of(event.to_string()) }
}

/// A target of a few days around today, so that no midnight interferes.
fn target(name: &str, measure: &str, goal: u32) -> String {
    let day = |days: i64| now().checked_add((days * 24).hours()).expect("our days").strftime("%Y-%m-%d").to_string();
    format!(
        "[target.{name}]\ndescription = \"Paid {name}\"\nmeasure = \"{measure}\"\nperiod = \"campaign\"\nfrom = {}\nto = {}\ngoal = {goal}\n\n",
        day(-3),
        day(3)
    )
}

impl Fixture {
    fn new(targets: &str) -> Self {
        let topics = Topics::create(shared_kafka(), 2, LOG_APPEND_TIME);
        let records = [
            dispersal(0, "ana", "C-1", 25_000),
            dispersal(1, "luis", "C-2", 25_000),
            dispersal(0, "ana", "C-3", 10_000),
        ];
        topics.write(Stream::Disbursement, &records);
        let fixture = Self { topics, state: tempfile::tempdir().expect("a temporary directory") };
        fixture.write(targets);
        fixture
    }

    fn write(&self, targets: &str) {
        fs::write(self.state.path().join(FILE), targets).expect("the targets file can be written");
    }

    fn settings(&self, check_interval: &str) -> Vec<String> {
        let own = [format!("targets.files=[{FILE:?}]"), format!("targets.check_interval={check_interval}")];
        [self.topics.settings(), own.to_vec()].concat()
    }

    fn start(&self, check_interval: &str) -> Pacemeter {
        let mut pacemeter = Pacemeter::start(&self.state, &self.settings(check_interval));
        pacemeter.wait_ready();
        pacemeter
    }
}

/// Value of a family for a target.
fn value_of(pacemeter: &Pacemeter, family: &str, target: &str) -> Option<f64> {
    pacemeter.scrape().value(&format!("pacemeter_target_{family}"), &[("target", target)])
}

/// Waits until the family has this value for the target.
fn await_value(pacemeter: &mut Pacemeter, family: &str, target: &str, expected: Option<f64>) {
    let what = format!("{family} of {target} is {expected:?}");
    pacemeter.until(&what, |pacemeter| (value_of(pacemeter, family, target) == expected).then_some(()));
}

fn was_reload_successful(pacemeter: &Pacemeter) -> Option<f64> {
    pacemeter.scrape().value("pacemeter_config_last_reload_successful", &[])
}

/// Waits for the result of the last reload.
fn await_successful(pacemeter: &mut Pacemeter, expected: bool) {
    let expected = Some(f64::from(u8::from(expected)));
    pacemeter.until("the metric shows the result of the reload", |pacemeter| {
        (was_reload_successful(pacemeter) == expected).then_some(())
    });
}

/// Waits for the log line of reload number `before`, from 0.
fn reloaded(pacemeter: &mut Pacemeter, before: usize) -> Value {
    pacemeter
        .until("the reload is logged", |pacemeter| pacemeter.events("pacemeter.targets.reloaded").get(before).cloned())
}

#[test]
fn targets_of_a_file_are_shown_with_their_actual_values() {
    let fixture = Fixture::new(&[target("people", "beneficiaries", 4), target("payments", "dispersals", 10)].concat());
    let pacemeter = fixture.start("1h");
    let values = |target: &str| ["goal", "actual"].map(|family| value_of(&pacemeter, family, target));
    assert_eq!(values("people"), [Some(4.0), Some(2.0)]);
    assert_eq!(values("payments"), [Some(10.0), Some(3.0)]);
    let scrape = pacemeter.scrape();
    let labels = [
        ("target", "people"),
        ("measure", "beneficiaries"),
        ("period", "campaign"),
        ("calendar", "always"),
        ("description", "Paid people"),
    ];
    assert_eq!(scrape.value("pacemeter_target_info", &labels), Some(1.0));
    let calendars: Vec<&str> =
        scrape.all("pacemeter_calendar_open").map(|(series, _)| series.labels["calendar"].as_str()).collect();
    assert_eq!(calendars, ["always", "calls", "payments"], "shipped calendars need no file");
    assert_eq!(was_reload_successful(&pacemeter), Some(1.0));
    let loaded = scrape.value("pacemeter_config_last_reload_success_timestamp_seconds", &[]).expect("it is known");
    assert!((loaded - now().as_second() as f64).abs() < 600.0, "{loaded}");
}

#[test]
fn a_changed_file_is_reloaded_on_sighup() {
    let people = target("people", "beneficiaries", 4);
    let fixture = Fixture::new(&people);
    let mut pacemeter = fixture.start("1h");

    fixture.write(&target("people", "beneficiaries", 5));
    pacemeter.signal(libc::SIGHUP);
    await_value(&mut pacemeter, "goal", "people", Some(5.0));
    assert_eq!(value_of(&pacemeter, "actual", "people"), Some(2.0));
    let line = reloaded(&mut pacemeter, 0);
    assert_eq!((&line["added"], &line["removed"], &line["changed"]), (&json!(""), &json!(""), &json!("target.people")));

    // A new target counts records read before it was added, and later ones.
    fixture.write(&[people.as_str(), &target("pesos", "net_pesos", 100_000)].concat());
    pacemeter.signal(libc::SIGHUP);
    await_value(&mut pacemeter, "actual", "pesos", Some(60_000.0));
    fixture.topics.write(Stream::Disbursement, &[dispersal(1, "eva", "C-4", 5_000)]);
    await_value(&mut pacemeter, "actual", "pesos", Some(65_000.0));
    await_value(&mut pacemeter, "actual", "people", Some(3.0));
    assert_eq!(reloaded(&mut pacemeter, 1)["added"], "target.pesos");

    fixture.write(&people);
    pacemeter.signal(libc::SIGHUP);
    await_value(&mut pacemeter, "goal", "pesos", None);
    let scrape = pacemeter.scrape();
    assert!(scrape.samples.keys().all(|series| series.labels.get("target").is_none_or(|target| target == "people")));
    assert_eq!(reloaded(&mut pacemeter, 2)["removed"], "target.pesos");
    assert_eq!(pacemeter.stop().code, Some(0));
}

#[test]
fn a_broken_file_changes_nothing_and_reports_every_fault() {
    let good = target("people", "beneficiaries", 4);
    let fixture = Fixture::new(&good);
    let mut pacemeter = fixture.start("1h");
    fixture.write(
        "[target.people]\nmeasure = \"peple\"\nperiod = \"week\"\ngoal = 7\n[calendar.office]\n[calendar.office.hours]\nmonday = [\"9\"]\n",
    );
    for asked in 1..=2 {
        pacemeter.signal(libc::SIGHUP);
        let lines = pacemeter.until("every fault is logged", |pacemeter| {
            let lines = pacemeter.events("pacemeter.targets.refused");
            (lines.len() >= 2 * asked).then_some(lines)
        });
        let faults: Vec<&str> =
            lines[2 * (asked - 1)..].iter().map(|line| line["fault"].as_str().expect("text")).collect();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[0].starts_with("target.people.measure (targets.toml:2): \"peple\" is not one of "),
            "{faults:?}"
        );
        assert!(faults[1].starts_with("calendar.office.hours.monday (targets.toml:7): "), "{faults:?}");
    }
    await_successful(&mut pacemeter, false);
    assert_eq!(["goal", "actual"].map(|family| value_of(&pacemeter, family, "people")), [Some(4.0), Some(2.0)]);

    fixture.write(&good);
    pacemeter.signal(libc::SIGHUP);
    await_successful(&mut pacemeter, true);
    assert_eq!(["goal", "actual"].map(|family| value_of(&pacemeter, family, "people")), [Some(4.0), Some(2.0)]);
}

#[test]
fn a_changed_file_is_reloaded_and_its_faults_reported_once() {
    let fixture = Fixture::new(&target("people", "beneficiaries", 4));
    let mut pacemeter = fixture.start("100ms");
    fixture.write(&target("people", "beneficiaries", 5));
    await_value(&mut pacemeter, "goal", "people", Some(5.0));

    fs::remove_file(fixture.state.path().join(FILE)).expect("the file exists");
    await_successful(&mut pacemeter, false);
    thread::sleep(Duration::from_secs(1));
    let lines = pacemeter.events("pacemeter.targets.refused");
    assert!(
        lines.len() == 1 && lines[0]["fault"].as_str().expect("text").starts_with("targets.toml: cannot be read: "),
        "{lines:?}"
    );
    assert_eq!(value_of(&pacemeter, "goal", "people"), Some(5.0));

    fixture.write(&target("people", "beneficiaries", 6));
    await_value(&mut pacemeter, "goal", "people", Some(6.0));
    await_successful(&mut pacemeter, true);
}

#[test]
fn check_counts_targets_and_reports_an_expired_calendar() {
    let fixture = Fixture::new(&target("people", "beneficiaries", 4));
    let ended = run_in(&fixture.state, &["check"], &fixture.settings("10s"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("targets: 1, calendars: 3"), "{}", ended.stdout);

    fixture.write("[calendar.old.hours]\nmonday = [\"09:00-10:00\"]\n[[calendar.old.list]]\nyear = 2020\ndates = [\"2020-04-09\"]\n");
    let ended = run_in(&fixture.state, &["check"], &fixture.settings("10s"));
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.stderr.contains("calendar.old (targets.toml:1): "), "{}", ended.stderr);

    // The fault does not keep the program from running.
    let pacemeter = fixture.start("10s");
    let lines = pacemeter.events("pacemeter.calendar.uncovered");
    assert!(lines.len() == 1 && lines[0]["level"] == "warn", "{lines:?}");
}
