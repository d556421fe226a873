//! All ways to decode, compared over many records, most of them damaged: event for event and fault for fault.
//!
//! State that lasts from record to record is the risk, so two memories take part: one that has seen all records
//! before, and one that is new at times.

use std::collections::BTreeMap;

use super::damage::{Sample, Samples};
use super::*;
use crate::record::Header;

/// A million where they take seconds.
const RECORDS: usize = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };

type Way<'w> = &'w mut dyn FnMut(&mut LabelArena) -> Result<Event, Rejection>;

#[test]
fn all_ways_to_decode_find_the_same_events_and_faults() {
    let settings = Settings { max_record_bytes: 6_000, max_future_skew: draft::MAX_FUTURE_SKEW };
    let decoder = Decoder::new(settings, PseudonymKey::from_hex(&"5a".repeat(32)).unwrap());
    let mut samples = Samples::new(2020);
    // Records by their outcome, to see that all outcomes are compared.
    let mut outcomes = BTreeMap::<String, usize>::new();
    let (mut arena, mut other_arena) = (LabelArena::default(), LabelArena::default());
    let (mut long_memory, mut short_memory) = (DecodeMemory::default(), DecodeMemory::default());
    for number in 0..RECORDS {
        if number % 64 == 0 {
            short_memory = DecodeMemory::default();
        }
        let sample = samples.next();
        let Sample { stream, timestamp, headers, value } = &sample;
        let headers: Vec<Header<'_>> = headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
        let record =
            RawRecord { value: Some(value), timestamp: Some(*timestamp), headers: &headers, ..RawRecord::default() };
        let decoded = decoder.decode(*stream, &record, &mut arena);
        let labels = format!("{arena:?}");
        let ways: [(&str, Way<'_>); 3] = [
            ("serde_json", &mut |arena| decoder.decode_with_serde_json(*stream, &record, arena)),
            ("a long memory", &mut |arena| decode_with(&decoder, &mut long_memory, *stream, &record, arena)),
            ("a short memory", &mut |arena| decode_with(&decoder, &mut short_memory, *stream, &record, arena)),
        ];
        for (name, decode) in ways {
            let other = decode(&mut other_arena);
            assert_eq!(decoded, other, "{name}, record {number} of {headers:?}: {}", value.escape_ascii());
            assert_eq!(labels, format!("{other_arena:?}"), "{name}, record {number}: {}", value.escape_ascii());
            other_arena.clear();
        }
        arena.clear();
        *outcomes.entry(outcome(&decoded)).or_default() += 1;
    }
    let share = |outcome: &str| outcomes.get(outcome).copied().unwrap_or_default() as f64 / RECORDS as f64;
    assert!((0.15..0.5).contains(&share("event")), "{outcomes:?}");
    let reasons = Reason::ALL.into_iter().filter(|reason| !matches!(reason, Reason::NotJson | Reason::Excluded));
    let findings =
        ["end of input", "invalid UTF-8", "lone surrogate", "nested too deep", "control character", "letter"];
    for outcome in reasons.map(Reason::name).chain(findings) {
        assert!(share(outcome) >= 0.000_1, "{outcome}: {outcomes:?}");
    }
}

fn decode_with(
    decoder: &Decoder,
    memory: &mut DecodeMemory,
    stream: Stream,
    record: &RawRecord<'_>,
    arena: &mut LabelArena,
) -> Result<Event, Rejection> {
    let mut decoded = decoder.begin(stream, record, arena, memory);
    decoder.finish(memory, &mut decoded);
    decoded
}

/// `event`, or the reason of a rejection, or the class of the fault in a value that is no JSON.
fn outcome(decoded: &Result<Event, Rejection>) -> String {
    match decoded {
        Ok(_) => "event".to_owned(),
        Err(Rejection { detail: Some(fault), .. }) => fault.finding.name().to_owned(),
        Err(rejection) => rejection.reason.name().to_owned(),
    }
}
