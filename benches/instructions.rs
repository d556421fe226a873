//! Work of decoding and applying a record, to be counted in instructions, which a busy machine does not change.
//!
//! `scripts/bench instructions` runs this program under callgrind, which counts what happens inside [`measured_decode`] and
//! [`measured_apply`]. The load is [`Load`]: supports that are applied for, approved, dispersed and returned, in mixed envelopes.
//! Without callgrind it prints nanoseconds of CPU a record instead: `instructions [RECORDS]`. With `counted` it reads no
//! clock: under valgrind, the kernel's page with the clock is not always where rustix looks for it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use pacemeter::aggregate::{PartitionState, Rules, ViewConfig};
use pacemeter::allowlists::Allowlists;
use pacemeter::clock::{Timestamp, thread_cpu_time};
use pacemeter::decode::{DecodeMemory, Decoder, PseudonymKey, Settings};
use pacemeter::event::{Event, LabelArena};
use pacemeter::record::{Header, RawRecord, Rejection, Stream};
use pacemeter::settings::{Layers, SettingsReader};
use pacemeter::simulate::{Emission, Load, PartitionCounts};

/// Number of records decoded before they are applied, as in the pipeline.
const BATCH: usize = 2_000;
/// Number of records whose state is fetched ahead of applying, as in the pipeline.
const FETCHED_AHEAD: usize = 16;
const RECORDS: u64 = 200_000;
const PARTITIONS: i32 = 6;
/// End of the simulated programme. The same at each run, so that counts are equal.
const END: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn main() {
    let records = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(RECORDS);
    let is_counted = std::env::args().any(|argument| argument == "counted");
    let cpu_time = || if is_counted { Duration::ZERO } else { thread_cpu_time() };
    let mut reader = SettingsReader::load(&Layers::default());
    let key = PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits");
    let decoder = Decoder::new(Settings::read(&mut reader), key);
    let (rules, allowlists) = (Rules::read(&mut reader), Arc::new(Allowlists::read(&mut reader)));
    let view_config = ViewConfig { allowlists, ..ViewConfig::default() };
    let partition = |_| PartitionState::new(Stream::Disbursement, 0, rules, &view_config, END);
    let mut partitions: Vec<PartitionState> = (0..PARTITIONS).map(partition).collect();
    let mut offsets = [0; PARTITIONS as usize];

    let load = Load::of(records, 2020, PartitionCounts::each(PARTITIONS), END);
    let emissions: Vec<Emission> =
        load.emissions().filter(|emission| emission.stream == Stream::Disbursement).collect();
    let (mut decoding, mut applying) = (Duration::ZERO, Duration::ZERO);
    let mut memory = DecodeMemory::default();
    let (mut arena, mut events) = (LabelArena::default(), Vec::with_capacity(BATCH));
    for batch in emissions.chunks(BATCH) {
        let headers: Vec<Vec<Header<'_>>> = batch.iter().map(headers).collect();
        let raw: Vec<RawRecord<'_>> =
            batch.iter().zip(&headers).map(|(emission, headers)| raw(emission, headers)).collect();
        arena.clear();
        events.clear();
        let started = cpu_time();
        measured_decode(&decoder, &raw, &mut arena, &mut memory, &mut events);
        let between = cpu_time();
        measured_apply(&mut partitions, &mut offsets, batch, &events, &arena);
        decoding += between - started;
        applying += cpu_time() - between;
    }
    let each = |total: Duration| total.as_nanos() as f64 / emissions.len() as f64;
    println!("{} records: decode {:.0} ns, apply {:.0} ns a record", emissions.len(), each(decoding), each(applying));
}

#[inline(never)]
fn measured_decode(
    decoder: &Decoder,
    records: &[RawRecord<'_>],
    arena: &mut LabelArena,
    memory: &mut DecodeMemory,
    events: &mut Vec<Result<Event, Rejection>>,
) {
    for group in records.chunks(DecodeMemory::RECORDS) {
        let begun = events.len();
        events.extend(group.iter().map(|record| decoder.begin(Stream::Disbursement, record, arena, memory)));
        decoder.finish(memory, events[begun..].iter_mut().flatten());
    }
}

#[inline(never)]
fn measured_apply(
    partitions: &mut [PartitionState],
    offsets: &mut [i64],
    batch: &[Emission],
    events: &[Result<Event, Rejection>],
    arena: &LabelArena,
) {
    for (number, (emission, event)) in batch.iter().zip(events).enumerate() {
        if number.is_multiple_of(FETCHED_AHEAD) {
            let next = batch[number..].iter().zip(&events[number..]).take(FETCHED_AHEAD);
            let touch = |(emission, event): (&Emission, &Result<Event, Rejection>)| {
                event.as_ref().map_or(0, |event| partitions[emission.partition as usize].touch(event))
            };
            black_box(next.fold(0, |touched, pair| touched ^ touch(pair)));
        }
        let index = emission.partition as usize;
        partitions[index].step(offsets[index], event, arena);
        offsets[index] += 1;
    }
}

fn headers(emission: &Emission) -> Vec<Header<'_>> {
    emission.headers.iter().map(|(name, value)| (*name, Some(value.as_slice()))).collect()
}

fn raw<'a>(emission: &'a Emission, headers: &'a [Header<'a>]) -> RawRecord<'a> {
    RawRecord { value: Some(&emission.value), timestamp: Some(emission.timestamp), headers, ..RawRecord::default() }
}
