//! Cost of decoding one event, caches warm: `cargo bench --locked --bench decode`.
//!
//! A table first compares the whole decode with our JSON scanner and with serde_json in its place, both with all
//! checks: rounds of the two alternate, so that a busy machine slows both. Identifiers are hashed in groups, as in the
//! pipeline. Then divan times each event, decoded alone. Its last benchmark is a plain typed decode with serde_json into
//! borrowed fields, without checks and hashes.

use pacemeter::clock::Timestamp;
use std::time::Instant;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use pacemeter::decode::{Decoder, HashQueue, PseudonymKey, Settings};
use pacemeter::event::{Event, LabelArena};
use pacemeter::record::{Header, RawRecord, Rejection, Stream};
use serde::Deserialize;

const TIMESTAMP: i64 = 1_588_584_601_000;

const DISPERSED: &str = concat!(
    r#"{"id":"5f0c7a52-6a0e-4b1e-9c70-1d0e9c1f7a11","source":"urn:mx:banco:dispersor","type":"disbursement.dispersed","#,
    r#""time":"2020-05-04T04:30:00.123-05:00","programme":"credito-a-la-palabra","state":"MX-JAL","#,
    r#""beneficiary":"GOMC850314HJCRRL09","credit":"CR-2020-000381745","amount":"25000.00","currency":"MXN"}"#,
);

const COMPLETED: &str = concat!(
    r#"{"id":"c-20200504-0931-completed","source":"urn:mx:centro","type":"call.completed","time":"2020-05-04T09:30:00Z","#,
    r#""call":"c-20200504-0931","queue":"orientacion","talk_seconds":312.4,"hold_seconds":15,"wrap_up_seconds":40.25}"#,
);

const STRUCTURED: &str = concat!(
    r#"{"specversion":"1.0","id":"5f0c7a52-6a0e-4b1e-9c70-1d0e9c1f7a11","source":"urn:mx:banco:dispersor","#,
    r#""type":"mx.example.disbursement.dispersed.v1","time":"2020-05-04T04:30:00.123-05:00","datacontenttype":"application/json","#,
    r#""data":{"programme":"credito-a-la-palabra","state":"MX-JAL","beneficiary":"GOMC850314HJCRRL09","#,
    r#""credit":"CR-2020-000381745","amount":"25000.00","currency":"MXN"}}"#,
);

/// [`DISPERSED`] with an accent written as an escape, which costs an allocation.
const ESCAPED: &str = concat!(
    r#"{"id":"5f0c7a52-6a0e-4b1e-9c70-1d0e9c1f7a11","source":"urn:mx:banco:dispersor","type":"disbursement.dispersed","#,
    r#""time":"2020-05-04T04:30:00.123-05:00","programme":"cr\u00e9dito-a-la-palabra","state":"MX-JAL","#,
    r#""beneficiary":"GOMC850314HJCRRL09","credit":"CR-2020-000381745","amount":"25000.00","currency":"MXN"}"#,
);

const STRUCTURED_HEADERS: &[Header<'_>] = &[("content-type", Some(b"application/cloudevents+json; charset=utf-8"))];

const BINARY: &str = concat!(
    r#"{"programme":"credito-a-la-palabra","state":"MX-JAL","beneficiary":"GOMC850314HJCRRL09","#,
    r#""credit":"CR-2020-000381745","amount":"25000.00","currency":"MXN"}"#,
);

const BINARY_HEADERS: &[Header<'_>] = &[
    ("ce_specversion", Some(b"1.0")),
    ("ce_id", Some(b"5f0c7a52-6a0e-4b1e-9c70-1d0e9c1f7a11")),
    ("ce_source", Some(b"urn:mx:banco:dispersor")),
    ("ce_type", Some(b"mx.example.disbursement.dispersed.v1")),
    ("ce_time", Some(b"2020-05-04T04:30:00.123-05:00")),
    ("content-type", Some(b"application/json")),
];

/// Groups of decodes of one event in a measured round: some 10,000 decodes.
const GROUPS: usize = 10_000 / HashQueue::RECORDS;
/// Rounds of each way, in turn; an odd number, so that the middle one is the median.
const ROUNDS: usize = 41;

fn main() {
    print_ratios();
    divan::main();
}

/// An event to be decoded.
struct Sample {
    name: &'static str,
    stream: Stream,
    value: &'static str,
    headers: &'static [Header<'static>],
}

const SAMPLES: [Sample; 5] = [
    Sample { name: "flat dispersal", stream: Stream::Disbursement, value: DISPERSED, headers: &[] },
    Sample { name: "flat dispersal, escaped", stream: Stream::Disbursement, value: ESCAPED, headers: &[] },
    Sample { name: "flat call", stream: Stream::Call, value: COMPLETED, headers: &[] },
    Sample {
        name: "structured dispersal",
        stream: Stream::Disbursement,
        value: STRUCTURED,
        headers: STRUCTURED_HEADERS,
    },
    Sample { name: "binary dispersal", stream: Stream::Disbursement, value: BINARY, headers: BINARY_HEADERS },
];

impl Sample {
    fn record(&self) -> RawRecord<'_> {
        RawRecord {
            value: Some(self.value.as_bytes()),
            timestamp: Some(Timestamp::from_millis(TIMESTAMP)),
            headers: self.headers,
            ..RawRecord::default()
        }
    }
}

fn decoder() -> Decoder {
    let settings = Settings { max_record_bytes: 65_536, max_future_skew: 600_000 };
    Decoder::new(settings, PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits"))
}

/// Prints the cost of a whole decode with our scanner and with serde_json, and the ratio of the medians.
fn print_ratios() {
    let decoder = decoder();
    println!("| event | bytes | our scanner ns | serde_json ns | ratio | ratios of rounds, middle half |");
    println!("|---|---:|---:|---:|---:|---|");
    for sample in &SAMPLES {
        let record = sample.record();
        let (mut ours, mut references, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let our = nanos(&decoder, |arena, queue| decoder.begin(sample.stream, black_box(&record), arena, queue));
            let reference = nanos(&decoder, |arena, queue| {
                decoder.begin_with_serde_json(sample.stream, black_box(&record), arena, queue)
            });
            ours.push(our);
            references.push(reference);
            ratios.push(reference / our);
        }
        let [ours, references, ratios] = [ours, references, ratios].map(|mut values| {
            values.sort_by(f64::total_cmp);
            values
        });
        let (middle, quarter) = (ROUNDS / 2, ROUNDS / 4);
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.2} | {:.2} to {:.2} |",
            sample.name,
            sample.value.len(),
            ours[middle],
            references[middle],
            references[middle] / ours[middle],
            ratios[quarter],
            ratios[ROUNDS - 1 - quarter]
        );
    }
}

/// Nanoseconds of one decode, mean of a round.
fn nanos(decoder: &Decoder, mut begin: impl FnMut(&mut LabelArena, &mut HashQueue) -> Result<Event, Rejection>) -> f64 {
    let (mut arena, mut queue, mut events) = (LabelArena::default(), HashQueue::default(), Vec::new());
    let started = Instant::now();
    for _ in 0..GROUPS {
        arena.clear();
        events.clear();
        events.extend((0..HashQueue::RECORDS).map(|_| begin(&mut arena, &mut queue).expect("a valid event")));
        decoder.finish(&mut queue, &mut events);
        black_box(&events);
    }
    started.elapsed().as_nanos() as f64 / (GROUPS * HashQueue::RECORDS) as f64
}

fn bench(bencher: Bencher<'_, '_>, sample: &Sample) {
    let decoder = decoder();
    let (mut arena, mut queue) = (LabelArena::default(), HashQueue::default());
    let record = sample.record();
    bencher.counter(BytesCount::of_str(sample.value)).counter(ItemsCount::new(1usize)).bench_local(|| {
        arena.clear();
        let mut event =
            decoder.begin(sample.stream, black_box(&record), &mut arena, &mut queue).expect("a valid event");
        decoder.finish(&mut queue, [&mut event]);
        event
    });
}

#[divan::bench]
fn flat_dispersed(bencher: Bencher<'_, '_>) {
    bench(bencher, &SAMPLES[0]);
}

#[divan::bench]
fn flat_escaped(bencher: Bencher<'_, '_>) {
    bench(bencher, &SAMPLES[1]);
}

#[divan::bench]
fn flat_call(bencher: Bencher<'_, '_>) {
    bench(bencher, &SAMPLES[2]);
}

#[divan::bench]
fn structured_dispersed(bencher: Bencher<'_, '_>) {
    bench(bencher, &SAMPLES[3]);
}

#[divan::bench]
fn binary_dispersed(bencher: Bencher<'_, '_>) {
    bench(bencher, &SAMPLES[4]);
}

#[expect(dead_code, reason = "only its decoding is of interest")]
#[derive(Deserialize)]
struct Plain<'a> {
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    time: &'a str,
    programme: &'a str,
    state: &'a str,
    beneficiary: &'a str,
    credit: &'a str,
    amount: &'a str,
    currency: &'a str,
}

/// A lower bound: no checks, no hashes.
#[divan::bench]
fn plain_serde_of_the_flat_event(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(BytesCount::of_str(DISPERSED)).counter(ItemsCount::new(1usize));
    bencher
        .bench_local(|| serde_json::from_slice::<Plain<'_>>(black_box(DISPERSED.as_bytes())).expect("a valid event"));
}
