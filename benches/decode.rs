//! What it costs to make an event of a record: `cargo bench --locked --profile release --bench decode`.
//!
//! The reference is a plain typed decode of the same text with serde_json into borrowed fields: no checks, no hashes.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use pacemeter::decode::{Decoder, PseudonymKey, Settings};
use pacemeter::event::LabelArena;
use pacemeter::record::{Header, RawRecord, Stream};
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

/// As [`DISPERSED`], with an accent written as an escape: an allocation.
const ESCAPED: &str = concat!(
    r#"{"id":"5f0c7a52-6a0e-4b1e-9c70-1d0e9c1f7a11","source":"urn:mx:banco:dispersor","type":"disbursement.dispersed","#,
    r#""time":"2020-05-04T04:30:00.123-05:00","programme":"cr\u00e9dito-a-la-palabra","state":"MX-JAL","#,
    r#""beneficiary":"GOMC850314HJCRRL09","credit":"CR-2020-000381745","amount":"25000.00","currency":"MXN"}"#,
);

fn main() {
    divan::main();
}

fn bench(bencher: Bencher<'_, '_>, stream: Stream, value: &str, headers: &[Header<'_>]) {
    let settings = Settings { max_record_bytes: 65_536, max_future_skew: 600_000 };
    let key = PseudonymKey::from_hex(&"5a".repeat(32)).expect("64 digits");
    let decoder = Decoder::new(settings, key);
    let mut arena = LabelArena::default();
    let record = RawRecord { value: Some(value.as_bytes()), timestamp: Some(TIMESTAMP), headers };
    decoder.decode(stream, &record, &mut arena).expect("a valid event");
    bencher.counter(BytesCount::of_str(value)).counter(ItemsCount::new(1usize)).bench_local(|| {
        arena.clear();
        decoder.decode(stream, black_box(&record), &mut arena)
    });
}

#[divan::bench]
fn flat_dispersed(bencher: Bencher<'_, '_>) {
    bench(bencher, Stream::Disbursement, DISPERSED, &[]);
}

#[divan::bench]
fn flat_escaped(bencher: Bencher<'_, '_>) {
    bench(bencher, Stream::Disbursement, ESCAPED, &[]);
}

#[divan::bench]
fn flat_call(bencher: Bencher<'_, '_>) {
    bench(bencher, Stream::Call, COMPLETED, &[]);
}

#[divan::bench]
fn structured_dispersed(bencher: Bencher<'_, '_>) {
    let headers: [Header<'_>; 1] = [("content-type", Some(b"application/cloudevents+json; charset=utf-8"))];
    bench(bencher, Stream::Disbursement, STRUCTURED, &headers);
}

#[divan::bench]
fn binary_dispersed(bencher: Bencher<'_, '_>) {
    let headers: [Header<'_>; 6] = [
        ("ce_specversion", Some(b"1.0")),
        ("ce_id", Some(b"5f0c7a52-6a0e-4b1e-9c70-1d0e9c1f7a11")),
        ("ce_source", Some(b"urn:mx:banco:dispersor")),
        ("ce_type", Some(b"mx.example.disbursement.dispersed.v1")),
        ("ce_time", Some(b"2020-05-04T04:30:00.123-05:00")),
        ("content-type", Some(b"application/json")),
    ];
    let (_, data) = STRUCTURED.split_once(r#""data":"#).expect("there is data");
    bench(bencher, Stream::Disbursement, data.strip_suffix('}').expect("it ends"), &headers);
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

/// The reference.
#[divan::bench]
fn plain_serde_of_the_flat_event(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(BytesCount::of_str(DISPERSED)).counter(ItemsCount::new(1usize));
    bencher
        .bench_local(|| serde_json::from_slice::<Plain<'_>>(black_box(DISPERSED.as_bytes())).expect("a valid event"));
}
