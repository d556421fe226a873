//! The generator against the meanings that it states: each record must say what its meaning says.

mod reader;

use crate::clock::{DAY, HOUR, MINUTE, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::event::DisbursementKind;
use crate::oracle::{Oracle, OracleRules, SentBody};
use crate::record::Reason;
use crate::settings::{Layers, SettingsReader};

/// A Monday, 00:00 in central Mexico.
const MONDAY: Timestamp = Timestamp::from_millis(1_795_413_600_000);
const SIX: PartitionCounts = PartitionCounts { disbursement: 6, call: 6, milestone: 6 };

fn hostile_load(seed: u64) -> Load {
    Load {
        supports: 2_000,
        people: 700,
        calls: 0.3,
        milestones: 0.05,
        faults: FaultRates::HOSTILE,
        ..Load::of(0, seed, SIX, MONDAY)
    }
}

fn hostile_live(seed: u64) -> LiveProgramme {
    LiveProgramme::new(LiveOptions { faults: FaultRates::HOSTILE, ..LiveOptions::of(seed, 0.02, SIX, MONDAY) })
}

fn live_emissions(seed: u64) -> Vec<Emission> {
    hostile_live(seed).advance_to(MONDAY + 3 * DAY)
}

fn bytes_of(emissions: impl IntoIterator<Item = Emission>) -> Vec<(i32, Vec<u8>, Vec<u8>, Timestamp)> {
    emissions
        .into_iter()
        .map(|emission| (emission.partition, emission.key, emission.value, emission.timestamp))
        .collect()
}

#[test]
fn the_seed_alone_decides_the_records() {
    let load = |seed| bytes_of(hostile_load(seed).emissions());
    assert_eq!(load(7), load(7));
    assert_ne!(load(7), load(8));
    let live = |seed| bytes_of(live_emissions(seed));
    assert_eq!(live(7), live(7));
    assert_ne!(live(7), live(8));
}

#[test]
fn steps_of_time_do_not_matter() {
    let at_once = bytes_of(live_emissions(3));
    let mut live = hostile_live(3);
    let stepwise: Vec<Emission> =
        (-5 * 24 * 7..=3 * 24 * 7).flat_map(|step| live.advance_to(MONDAY + step * (DAY / 24 / 7))).collect();
    assert_eq!(at_once, bytes_of(stepwise.into_iter().chain(live.advance_to(MONDAY + 3 * DAY))));
}

#[test]
fn every_record_has_the_meaning_stated_to_the_oracle() {
    let mut read = 0;
    for emission in hostile_load(1).emissions().chain(live_emissions(1)) {
        if let SentRecord::Event(event) = &emission.sent {
            reader::assert_says(&emission, event);
            read += 1;
        }
    }
    assert!(read > 10_000, "only {read} events");
}

/// The last days have every kind of record.
#[test]
fn records_of_the_story_say_their_meaning_in_order() {
    let first = story::StoryProgramme::new(5, SIX).advance_to(story::START + 2 * DAY);
    let mut programme = story::StoryProgramme::from_day(5, SIX, story::END - DAY);
    let last = programme.advance_to(story::END);
    assert!(programme.advance_to(story::END + DAY).is_empty(), "the story has an end");
    let mut kinds = BTreeSet::new();
    for emissions in [&first, &last] {
        assert!(emissions.is_sorted_by_key(|emission| emission.timestamp) && !emissions.is_empty());
    }
    for emission in first.iter().chain(&last) {
        let SentRecord::Event(event) = &emission.sent else { panic!("nothing is rejected") };
        reader::assert_says(emission, event);
        assert_eq!(event.time, emission.timestamp);
        kinds.insert(match &event.body {
            SentBody::Disbursement(event) => event.kind.name(),
            SentBody::Call(event) => event.kind.name(),
            SentBody::Agent(event) => event.status.name(),
            SentBody::Milestone(event) => event.kind.name(),
        });
    }
    let steps = ["abandoned", "answered", "applied", "approved", "available", "completed", "dispersed", "offered"];
    assert!(kinds.into_iter().eq(steps.into_iter().chain(["reached", "signed_out"])));
    let after = last.iter().filter(|emission| emission.timestamp > story::FIGURES_AT);
    assert!(after.clone().count() > 1_900, "agents and what followed");
    assert!(after.into_iter().all(|emission| emission.stream != Stream::Disbursement));
}

#[test]
fn records_of_one_key_are_in_one_partition() {
    let mut partition_of = BTreeMap::new();
    let mut used = BTreeSet::new();
    for emission in hostile_load(1).emissions() {
        assert!((0..6).contains(&emission.partition));
        used.insert((emission.stream, emission.partition));
        let first = *partition_of.entry((emission.stream, emission.key)).or_insert(emission.partition);
        assert_eq!(first, emission.partition);
    }
    assert_eq!(used.iter().filter(|(stream, _)| *stream != Stream::Milestone).count(), 12);
}

#[test]
fn live_records_come_in_the_order_of_their_timestamps() {
    let emissions = live_emissions(2);
    assert!(emissions.is_sorted_by_key(|emission| emission.timestamp));
    let events = emissions.iter().filter_map(|emission| match &emission.sent {
        SentRecord::Event(event) => Some((event.time, emission.timestamp)),
        SentRecord::Rejected(_) => None,
    });
    for (time, timestamp) in events {
        assert!(time <= timestamp + 2 * MINUTE, "an event is ahead by more than clocks may be");
    }
}

#[test]
fn personal_identifiers_begin_with_the_canary() {
    for emission in hostile_load(4).emissions().chain(live_emissions(4)) {
        let SentRecord::Event(event) = &emission.sent else { continue };
        let people: Vec<&str> = match &event.body {
            SentBody::Disbursement(event) => vec![&event.beneficiary, &event.credit],
            SentBody::Call(event) => vec![&event.call],
            SentBody::Agent(event) => vec![&event.agent],
            SentBody::Milestone(_) => vec![],
        };
        assert!(people.iter().all(|identifier| identifier.starts_with(CANARY)), "{people:?}");
        assert_eq!(emission.key.starts_with(CANARY.as_bytes()), emission.stream != Stream::Milestone);
        assert!(!event.id.contains(CANARY));
    }
}

/// Compares the oracle's outcomes with those that follow from the meanings alone: a known id is a duplicate, and an
/// event that is older than the generator ever makes a regular one is expired.
fn assert_outcomes_are_as_intended(emissions: impl IntoIterator<Item = Emission>, oldest: Timestamp) {
    let mut oracle = Oracle::new(OracleRules::default());
    let mut intended: BTreeMap<(&str, &str), i128> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for emission in emissions {
        let outcome = match &emission.sent {
            SentRecord::Rejected(_) => "rejected",
            SentRecord::Event(event) if event.time < oldest => "expired",
            SentRecord::Event(event) if !ids.insert((event.source.clone(), event.id.clone())) => "duplicate",
            SentRecord::Event(_) => "applied",
        };
        *intended.entry((emission.stream.name(), outcome)).or_default() += 1;
        oracle.record(emission.stream, emission.partition, emission.sent);
    }
    let figures = oracle.figures(MONDAY + 3 * DAY);
    for stream in Stream::ALL {
        for outcome in ["applied", "duplicate", "rejected", "expired"] {
            let series = format!("pacemeter_records_total{{stream=\"{}\",outcome=\"{outcome}\"}}", stream.name());
            let intended = intended.get(&(stream.name(), outcome)).copied().unwrap_or_default();
            assert_eq!(figures.0[&series], intended * 1_000, "{series}");
            assert!(intended > 0, "no record adds to {series}");
        }
    }
}

#[test]
fn outcomes_of_a_load_are_as_intended() {
    assert_outcomes_are_as_intended(hostile_load(6).emissions(), MONDAY - 6 * DAY);
}

#[test]
fn outcomes_of_a_live_programme_are_as_intended() {
    let from = MONDAY - DAY;
    let live = LiveProgramme::new(LiveOptions {
        faults: FaultRates::HOSTILE,
        start: from,
        calls_start: from,
        ..LiveOptions::of(9, 0.02, SIX, MONDAY)
    });
    let mut live = live;
    assert_outcomes_are_as_intended(live.advance_to(MONDAY + 3 * DAY), from - HOUR);
}

#[test]
fn every_reason_but_excluded_is_provoked_on_every_stream() {
    let mut seen = BTreeSet::new();
    let load = Load { supports: 5_000, calls: 0.3, milestones: 0.1, ..hostile_load(5) };
    for emission in load.emissions() {
        if let SentRecord::Rejected(reason) = emission.sent {
            seen.insert((emission.stream as usize, reason.name()));
        }
    }
    for reason in Reason::ALL.into_iter().filter(|&reason| reason != Reason::Excluded) {
        for stream in Stream::ALL {
            assert!(seen.contains(&(stream as usize, reason.name())), "no {} on {}", reason.name(), stream.name());
        }
    }
}

#[test]
fn a_load_has_the_proportions_asked_for() {
    let load = Load { calls: 0.25, milestones: 0.01, ..Load::of(0, 11, SIX, MONDAY) };
    let load = Load { supports: 20_000, people: 8_000, ..load };
    let expected = load.expected_records();
    let (start, end, disorder) = (load.start, load.end, load.disorder);
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut people, mut supports, mut records) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut bytes = 0;
    let mut times = (Timestamp::MAX, Timestamp::MIN);
    for emission in load.emissions() {
        records += 1;
        bytes += emission.value.len() as u64;
        let SentRecord::Event(event) = emission.sent else { panic!("nothing is rejected") };
        times = (times.0.min(event.time), times.1.max(event.time));
        let kind = match event.body {
            SentBody::Disbursement(event) => {
                people.insert(event.beneficiary);
                supports.insert(event.credit);
                event.kind.name()
            }
            SentBody::Call(_) | SentBody::Agent(_) => "call",
            SentBody::Milestone(_) => "milestone",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    assert!((270..330).contains(&(bytes / records)), "{} bytes a record", bytes / records);
    assert_eq!((people.len(), supports.len()), (8_000, 20_000));
    let assert_about = |is: u64, share: f64| {
        let intended = share * 20_000.0 * 1.01;
        assert!((is as f64 - intended).abs() < intended * 0.1 + 50.0, "{is} instead of about {intended}");
    };
    for kind in [DisbursementKind::Applied, DisbursementKind::Approved, DisbursementKind::Dispersed] {
        assert_about(kinds[kind.name()], 1.0);
    }
    assert_about(kinds["returned"], 0.02);
    assert_about(kinds["call"], 3.02 / 0.74 * 0.25);
    assert_about(kinds["milestone"], 3.02 / 0.74 * 0.01);
    assert!(expected.abs_diff(records) < records / 100, "{records} records instead of about {expected}");
    assert!(times.0 >= start - disorder && times.1 <= end, "{times:?}");
    assert!(times.0 < start + HOUR && times.1 > end - HOUR, "{times:?}");
}

#[test]
fn a_load_has_about_the_number_of_events_asked_for() {
    let load = Load::of(50_000, 1, SIX, MONDAY);
    let records = load.emissions().count();
    assert!(records.abs_diff(50_000) < 500, "{records} records");
}

#[test]
fn a_live_week_pays_as_many_people_as_its_scale_says() {
    let options = LiveOptions { faults: FaultRates::NONE, ..LiveOptions::of(12, 0.05, SIX, MONDAY) };
    let mut live = LiveProgramme::new(options);
    let (mut paid, mut pesos) = (BTreeSet::new(), 0);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for emission in live.advance_to(MONDAY + 7 * DAY) {
        let SentRecord::Event(event) = emission.sent else { panic!("nothing is rejected") };
        if event.time < MONDAY {
            continue;
        }
        let name = match event.body {
            SentBody::Disbursement(event) => {
                if event.kind == DisbursementKind::Dispersed {
                    paid.insert(event.beneficiary);
                    pesos += event.amount.unwrap().centavos / 100;
                }
                event.kind.name().to_owned()
            }
            SentBody::Call(event) => event.kind.name().to_owned(),
            SentBody::Agent(event) => event.status.name().to_owned(),
            SentBody::Milestone(event) => format!("{} {}", event.milestone, event.kind.name()),
        };
        *counts.entry(name).or_default() += 1;
    }
    let assert_within =
        |is: u64, bounds: std::ops::Range<u64>| assert!(bounds.contains(&is), "{is} is not in {bounds:?}: {counts:?}");
    assert_within(paid.len() as u64, 4_500..5_500);
    assert_within(pesos, 110_000_000..140_000_000);
    assert_within(counts["applied"], 5_590..5_610);
    assert_within(counts["rejected"] * 20, counts["approved"] * 4 / 5..counts["approved"] * 4 / 3);
    assert_within(counts["returned"] * 50, counts["dispersed"] * 3 / 5..counts["dispersed"] * 3 / 2);
    assert_within(counts["offered"], 2_950..3_001);
    assert!(counts["answered"] > counts["abandoned"] * 3 && counts["abandoned"] > 50, "{counts:?}");
    assert_within(counts["completed"], counts["answered"] - 5..counts["answered"] + 1);
    for status in ["available", "handling", "wrap_up", "paused", "signed_out"] {
        assert!(counts[status] > 100, "{counts:?}");
    }
    assert_within(counts["acuerdo-firmado reached"], 40..44);
    assert_within(counts["negocio-inscrito reached"], 182..185);
}

#[test]
fn the_production_example_lists_the_labels_of_the_simulation() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.toml");
    let mut reader = SettingsReader::load(&Layers { files: vec![file.into()], ..Layers::default() });
    assert_eq!(reader.strings("labels.programmes"), LABELS.programmes);
    assert_eq!(reader.strings("labels.queues"), LABELS.queues);
    assert_eq!(reader.strings("labels.sites"), LABELS.sites);
    assert_eq!(reader.strings("labels.initiatives"), LABELS.initiatives);
    assert_eq!(reader.strings("labels.milestones"), LABELS.milestones);
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_stall_of_payments_leaves_a_gap_and_loses_none() {
    let stall = PaymentStall::of_week(MONDAY);
    let usual = LiveOptions { faults: FaultRates::NONE, ..LiveOptions::of(4, 0.02, SIX, MONDAY) };
    let until = stall.span.end + 2 * DAY;
    let steps = |stall: Option<PaymentStall>, wanted: DisbursementKind| -> Vec<(Timestamp, bool)> {
        let emissions = LiveProgramme::new(LiveOptions { stall, ..usual.clone() }).advance_to(until);
        let of = |emission: Emission| match emission.sent {
            SentRecord::Event(event) => match event.body {
                SentBody::Disbursement(step) if step.kind == wanted => {
                    Some((event.time, step.programme == LABELS.programmes[0]))
                }
                _ => None,
            },
            _ => None,
        };
        emissions.into_iter().filter_map(of).collect()
    };
    let within = |steps: &[(Timestamp, bool)], is_stalled: bool| {
        steps.iter().filter(|(time, of)| *of == is_stalled && stall.span.contains(*time)).count()
    };
    let (paid, usually) = (steps(Some(stall), DisbursementKind::Dispersed), steps(None, DisbursementKind::Dispersed));
    assert_eq!(within(&paid, true), 0, "nothing is paid in the stall");
    assert!(within(&usually, true) > 500 && within(&paid, false) > 20, "without it much is, and others are paid");
    assert!(within(&steps(Some(stall), DisbursementKind::Approved), true) > 500, "approvals go on");
    let after = |steps: &[(Timestamp, bool)]| steps.iter().filter(|(time, _)| *time >= stall.span.end).count();
    assert!(after(&paid) > after(&usually) + within(&usually, true) / 2, "what was due is paid afterwards");
}
