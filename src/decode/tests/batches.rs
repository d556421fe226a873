//! Records that are decoded together, compared with each by itself.

use super::*;
use crate::simulate::{Emission, FaultRates, Load, PartitionCounts};

/// Records of the simulated programme, every other one damaged further.
fn records(seed: u64) -> Vec<Emission> {
    let end = Timestamp::from_millis(1_790_000_000_000);
    let load = Load::of(3_000, seed, PartitionCounts::each(3), end);
    let mut random = fastrand::Rng::with_seed(seed);
    let load = Load { calls: 0.3, milestones: 0.1, faults: FaultRates::HOSTILE, ..load };
    load.emissions()
        .map(|mut emission| {
            if random.bool() && !emission.value.is_empty() {
                let at = random.usize(..emission.value.len());
                emission.value[at] = random.u8(..);
            }
            emission
        })
        .collect()
}

#[test]
fn a_batch_is_decoded_as_its_records_are() {
    let (decoder, mut without_lanes) = (draft::decoder(), draft::decoder());
    without_lanes.pseudonyms.lanes = None;
    let (mut valid, mut rejected) = (0, 0);
    for seed in 1..=3 {
        let mut random = fastrand::Rng::with_seed(seed);
        let records = records(seed);
        let mut memories = [DecodeMemory::default(), DecodeMemory::default()];
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let (group, others) = rest.split_at(random.usize(1..=2 * DecodeMemory::RECORDS).min(rest.len()));
            rest = others;
            let mut arenas = [LabelArena::default(), LabelArena::default(), LabelArena::default()];
            let mut decoded = [Vec::new(), Vec::new(), Vec::new()];
            for Emission { stream, value, headers, .. } in group {
                let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect();
                let timestamp = Some(Timestamp::from_millis(1_790_000_000_000));
                let record = RawRecord { value: Some(value), timestamp, headers: &headers, ..RawRecord::default() };
                decoded[0].push(decoder.decode(*stream, &record, &mut arenas[0]));
                decoded[1].push(decoder.begin(*stream, &record, &mut arenas[1], &mut memories[0]));
                decoded[2].push(without_lanes.begin(*stream, &record, &mut arenas[2], &mut memories[1]));
            }
            decoder.finish(&mut memories[0], decoded[1].iter_mut().flatten());
            without_lanes.finish(&mut memories[1], decoded[2].iter_mut().flatten());
            assert_eq!(decoded[0], decoded[1]);
            assert_eq!(decoded[0], decoded[2]);
            assert_eq!(format!("{:?}", arenas[0]), format!("{:?}", arenas[1]));
            valid += decoded[0].iter().flatten().count();
            rejected += decoded[0].iter().filter(|event| event.is_err()).count();
        }
    }
    assert!(valid > 3_000 && rejected > 1_000, "{valid} events and {rejected} rejections");
}

#[test]
#[should_panic(expected = "each queued event is finished")]
fn an_event_that_is_not_finished_is_found() {
    let (decoder, mut memory) = (draft::decoder(), DecodeMemory::default());
    let value = Draft::milestone().value();
    let record = RawRecord { value: Some(&value), timestamp: Some(Timestamp::MAX), ..RawRecord::default() };
    decoder.begin(Stream::Milestone, &record, &mut LabelArena::default(), &mut memory).unwrap();
    decoder.finish(&mut memory, []);
}
