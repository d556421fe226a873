//! Poison records, and unbounded label values.

use pacemeter::clock::Clock;
use pacemeter::record::{Outcome, Stream};
use serde_json::json;

use super::probes::{self, await_complete, is_ready, milestones, records};
use crate::end_to_end::catalogue::BUSINESS;
use crate::program::Pacemeter;
use crate::shared_kafka;
use crate::topics::{LOG_APPEND_TIME, Record, Topics};

fn now() -> String {
    Clock::wall().now().to_string()
}

/// A dispersal to a person of its own.
fn dispersed(number: usize, programme: &str, amount: &str) -> Record {
    let id = format!("dispersal-{number}");
    let value = json!({
        "id": id, "type": "disbursement.dispersed", "time": now(), "programme": programme, "beneficiary": id, "credit": id, "amount": amount,
    });
    Record { key: Some(id.into_bytes()), ..Record::of(value.to_string()) }
}

/// Number of series of business families; a histogram has many for each label set.
fn series(pacemeter: &Pacemeter) -> usize {
    let scrape = pacemeter.scrape();
    let is_business = |name: &str| BUSINESS.iter().any(|(family, ..)| name.starts_with(family));
    scrape.samples.keys().filter(|series| is_business(&series.name)).count()
}

#[test]
fn poison_records_are_dead_letters_and_the_others_count() {
    const POISONED: usize = 29_700;
    const GOOD: usize = 300;
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    let good = milestones(0, "good", GOOD);
    let poisoned = |number: usize| {
        Record::of(if number.is_multiple_of(2) { "not JSON".to_owned() } else { json!({ "id": "x" }).to_string() })
    };
    let per_good = POISONED / GOOD;
    let mixed = good
        .into_iter()
        .enumerate()
        .flat_map(|(index, good)| (0..per_good).map(move |number| poisoned(index + number)).chain([good]));
    let mixed: Vec<Record> = mixed.collect();
    topics.write(Stream::Milestone, &mixed);
    let state = tempfile::tempdir().expect("a temporary directory");
    let mut pacemeter = Pacemeter::start(&state, &[topics.settings(), probes::labels().to_vec()].concat());
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Milestone);
    assert_eq!(probes::reached(&pacemeter), Some(GOOD as f64));
    assert_eq!(records(&pacemeter, Stream::Milestone, Outcome::Rejected), Some(POISONED as f64));
    assert!(is_ready(&pacemeter));
    // Each one is a dead letter; only a few are logged.
    pacemeter.until("the letters are acknowledged", |pacemeter| {
        let labels = [("result", "acknowledged")];
        let acknowledged = pacemeter.scrape().value("pacemeter_dead_letter_records_total", &labels);
        acknowledged.filter(|count| *count == POISONED as f64)
    });
    let logged = pacemeter.events("pacemeter.record.set_aside");
    for line in &logged {
        let detail = (line["reason"] == "not_json").then(|| "byte 0: letter".into());
        assert_eq!(line.get("detail"), detail.as_ref(), "{line}");
    }
    let not_json = logged.iter().filter(|line| line["reason"] == "not_json").count();
    assert!((5..=20).contains(&not_json), "{not_json} lines, five a minute");
    let ended = pacemeter.stop();
    assert_eq!(ended.code, Some(0));
    let lines = ended.stderr.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let summaries: Vec<_> = lines.filter(|line| line["event"] == "pacemeter.records.rejected").collect();
    assert_eq!(summaries.iter().filter_map(|line| line["count"].as_u64()).sum::<u64>(), POISONED as u64);
}

#[test]
fn unbounded_labels_make_no_new_series_and_lose_no_peso() {
    const PROGRAMMES: usize = 5_000;
    let topics = Topics::create(shared_kafka(), 1, LOG_APPEND_TIME);
    topics.write(Stream::Disbursement, &[dispersed(PROGRAMMES, "unlisted", "1.00")]);
    let state = tempfile::tempdir().expect("a temporary directory");
    let more = ["state.max_label_values=100".to_owned()];
    let mut pacemeter = Pacemeter::start(&state, &[topics.settings(), more.to_vec()].concat());
    pacemeter.wait_ready();
    await_complete(&mut pacemeter, Stream::Disbursement);
    let before = series(&pacemeter);
    // The maximum amount of an event: the sum of so many has centavos beyond the precision of a float.
    let explosion: Vec<Record> =
        (0..PROGRAMMES).map(|number| dispersed(number, &format!("programme {number}"), "9999999999.99")).collect();
    topics.write(Stream::Disbursement, &explosion);
    topics.write(
        Stream::Disbursement,
        &[dispersed(PROGRAMMES + 1, "unlisted", "10000000000.01"), dispersed(PROGRAMMES + 2, "unlisted", "1e300")],
    );
    await_complete(&mut pacemeter, Stream::Disbursement);
    assert_eq!(series(&pacemeter), before, "no series is new");
    assert_eq!(records(&pacemeter, Stream::Disbursement, Outcome::Applied), Some(PROGRAMMES as f64 + 1.0));
    assert_eq!(
        records(&pacemeter, Stream::Disbursement, Outcome::Rejected),
        Some(2.0),
        "amounts beyond the bound are rejected"
    );
    // Compared as text: 5,000 times 9,999,999,999.99, and one.
    let text = pacemeter.get("/metrics").body;
    let line = text.lines().find(|line| {
        line.starts_with("pacemeter_dispersed_pesos_total{") && line.contains("other") && line.contains("unknown")
    });
    assert!(line.is_some_and(|line| line.ends_with(" 49999999999951")), "{line:?}");
    let unlisted = pacemeter.scrape().value("pacemeter_unlisted_labels_total", &[("label", "programme")]);
    assert_eq!(unlisted, Some(PROGRAMMES as f64 + 1.0));
    assert_eq!(pacemeter.stop().code, Some(0));

    // A bound on series leaves out whole families, and counts them.
    let more = ["state.max_label_values=100", "http.max_series=100"].map(str::to_owned);
    let mut pacemeter = Pacemeter::start(&state, &[topics.settings(), more.to_vec()].concat());
    pacemeter.wait_ready();
    let scrape = pacemeter.scrape();
    assert!(series(&pacemeter) <= 100);
    assert!(scrape.all("pacemeter_series_dropped_total").any(|(_, count)| count > 0.0));
    assert_eq!(pacemeter.stop().code, Some(0));
}
