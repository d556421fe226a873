//! Records that must be rejected: good ones with one corruption.

use serde_json::{Map, Value, json};

use super::Emission;
use super::occurrence::{Body, Occurrence};
use super::style::{Envelope, Style};
use super::write::{CLOUD_EVENTS, EncodedRecord, EventWriter, FRAME};
use crate::clock::{DAY, Timestamp};
use crate::event::DisbursementKind;
use crate::oracle::SentRecord;
use crate::record::{Reason, Stream};

/// Corruptions and the reasons for which they are rejected. Only `excluded` is missing: it needs a setting.
const CORRUPTIONS: [(Corruption, Reason); 34] = [
    (Corruption::Bytes(|_| Vec::new()), Reason::Empty),
    (Corruption::Bytes(|_| FRAME.to_vec()), Reason::Empty),
    (Corruption::TooLarge, Reason::TooLarge),
    (Corruption::ContentType("text/csv"), Reason::UnsupportedFormat),
    (Corruption::ContentType("application/avro"), Reason::UnsupportedFormat),
    (Corruption::ContentType("application/cloudevents-batch+json"), Reason::UnsupportedFormat),
    (Corruption::Base64, Reason::UnsupportedFormat),
    (Corruption::Bytes(|value| value[..value.len() / 2].to_vec()), Reason::NotJson),
    (Corruption::Bytes(|value| [b"[", value, b"]"].concat()), Reason::NotJson),
    (Corruption::Bytes(|value| [value, b"}"].concat()), Reason::NotJson),
    (Corruption::Bytes(|value| append(value, b"\"humor\":NaN")), Reason::NotJson),
    (Corruption::Bytes(|value| append(value, b"\"humor\":\"\xff\"")), Reason::NotJson),
    (
        Corruption::Bytes(|value| append(value, &[b"\"humor\":".as_slice(), &[b'['; 200], &[b']'; 200]].concat())),
        Reason::NotJson,
    ),
    (Corruption::NoData, Reason::MissingField),
    (Corruption::Remove("id"), Reason::MissingField),
    (Corruption::Remove("type"), Reason::MissingField),
    (Corruption::Remove("time"), Reason::MissingField),
    (Corruption::Remove(""), Reason::MissingField),
    (Corruption::Null(""), Reason::MissingField),
    (Corruption::Replace("id", ""), Reason::InvalidField),
    (Corruption::Replace("time", "ayer por la tarde"), Reason::InvalidField),
    (Corruption::Replace("time", "2026-02-30T12:00:00Z"), Reason::InvalidField),
    (Corruption::Replace("time", "2026-03-03T12:00:00"), Reason::InvalidField),
    (Corruption::Replace("time", "1999-12-31T23:59:59Z"), Reason::InvalidField),
    (Corruption::Replace("time", "2016-12-31T23:59:60Z"), Reason::InvalidField),
    (Corruption::Replace("", ""), Reason::InvalidField),
    (Corruption::TooLong, Reason::InvalidField),
    (Corruption::Bytes(|value| append(value, b"\"id\":\"otro\"")), Reason::InvalidField),
    (Corruption::DataText, Reason::InvalidField),
    (Corruption::Amount, Reason::InvalidField),
    (Corruption::Replace("type", "nomina.pagada"), Reason::UnknownType),
    (Corruption::Replace("type", "disbursement.paid"), Reason::UnknownType),
    (Corruption::OtherStream, Reason::WrongStream),
    (Corruption::Future, Reason::Future),
];

#[derive(Clone, Copy)]
enum Corruption {
    /// Changes the bytes of the flat value.
    Bytes(fn(&[u8]) -> Vec<u8>),
    ContentType(&'static str),
    /// Removes a field of the flat value; the empty name stands for the first label that the event requires.
    Remove(&'static str),
    Null(&'static str),
    Replace(&'static str, &'static str),
    TooLong,
    TooLarge,
    Base64,
    NoData,
    DataText,
    /// Gives a disbursement an invalid amount or currency, the others an invalid queue, status or quantity.
    Amount,
    OtherStream,
    Future,
}

/// Number of corruptions.
pub(super) const COUNT: usize = CORRUPTIONS.len();

/// Record of an occurrence with corruption number `index % COUNT`.
///
/// `random` is any number; values of more than `max_record_bytes` are too large.
pub(super) fn emission(
    writer: &mut EventWriter,
    occurrence: &Occurrence,
    timestamp: Timestamp,
    index: usize,
    random: u64,
    max_record_bytes: usize,
) -> Emission {
    let (corruption, reason) = CORRUPTIONS[index % COUNT];
    let mut occurrence = *occurrence;
    if let Body::Disbursement { kind, .. } = &mut occurrence.body {
        // A kind that requires an amount.
        *kind = DisbursementKind::Approved;
    }
    if let Corruption::Future = corruption {
        occurrence.time = timestamp + 30 * DAY;
    }
    let style = Style { envelope: Envelope::Flat, prefix: false, version: false, ..writer.style(&occurrence) };
    let mut written = writer.write(&occurrence, style);
    corrupt(&mut written, corruption, random, max_record_bytes);
    written.emission(timestamp, SentRecord::Rejected(reason))
}

fn corrupt(written: &mut EncodedRecord, corruption: Corruption, random: u64, max_record_bytes: usize) {
    let stream = written.stream;
    match corruption {
        Corruption::Future => {}
        Corruption::Bytes(change) => written.value = change(&written.value),
        Corruption::ContentType(kind) => written.headers.push(("content-type", kind.as_bytes().to_vec())),
        Corruption::Remove(field) => edit(written, |fields| {
            let field = named(field, fields);
            fields.remove(field);
        }),
        Corruption::Null(field) => edit(written, |fields| {
            fields.insert(named(field, fields).to_owned(), Value::Null);
        }),
        Corruption::Replace(field, value) => edit(written, |fields| {
            fields.insert(named(field, fields).to_owned(), json!(value));
        }),
        Corruption::TooLong => edit(written, |fields| {
            fields.insert(named("", fields).to_owned(), json!("x".repeat(129)));
        }),
        Corruption::TooLarge => edit(written, |fields| {
            fields.insert("anexo".to_owned(), json!("x".repeat(max_record_bytes)));
        }),
        Corruption::Base64 => enveloped(written, Some(("data_base64", json!("e30=")))),
        Corruption::NoData => enveloped(written, None),
        Corruption::DataText => enveloped(written, Some(("data", json!("texto")))),
        Corruption::Amount => edit(written, |fields| {
            let (field, value) = senseless(stream, fields.contains_key("agent"), random);
            fields.insert(field.to_owned(), value);
        }),
        Corruption::OtherStream => edit(written, |fields| {
            let kind = if stream == Stream::Call { "milestone.reached" } else { "call.offered" };
            fields.insert("type".to_owned(), json!(kind));
        }),
    }
}

/// Resolves the empty name to a label that the event requires.
fn named(field: &'static str, fields: &Map<String, Value>) -> &'static str {
    if !field.is_empty() {
        return field;
    }
    ["programme", "queue", "agent", "milestone"]
        .into_iter()
        .find(|&required| fields.contains_key(required))
        .expect("every event has one")
}

fn senseless(stream: Stream, agent: bool, random: u64) -> (&'static str, Value) {
    const AMOUNTS: [&str; 9] =
        ["-25000.00", "25000.001", "2.5e-3", "", "0.00", "10000000000.01", "25,000.00", "+25000", " 25000"];
    match stream {
        Stream::Disbursement if random.is_multiple_of(3) => ("currency", json!("USD")),
        Stream::Disbursement => ("amount", json!(AMOUNTS[(random / 3 % 9) as usize])),
        Stream::Call if agent => ("status", json!("asleep")),
        Stream::Call => ("queue", json!(7)),
        Stream::Milestone => {
            ("quantity", [json!(0), json!(-1), json!(1.5), json!(1_000_000_001)][(random % 4) as usize].clone())
        }
    }
}

/// Adds a field at the end of the object in `value`.
fn append(value: &[u8], field: &[u8]) -> Vec<u8> {
    [&value[..value.len() - 1], b",", field, b"}"].concat()
}

fn edit(written: &mut EncodedRecord, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut fields: Map<String, Value> =
        serde_json::from_slice(&written.value).expect("the writer writes JSON objects");
    change(&mut fields);
    written.value = serde_json::to_vec(&fields).expect("a map of values is JSON");
}

/// Turns the flat value into a structured CloudEvent with `data` instead of its data.
fn enveloped(written: &mut EncodedRecord, data: Option<(&str, Value)>) {
    edit(written, |fields| {
        fields.retain(|name, _| matches!(name.as_str(), "id" | "source" | "type" | "time"));
        fields.insert("specversion".to_owned(), json!("1.0"));
        fields.insert("source".to_owned(), json!("/programa/prueba"));
        fields.extend(data.map(|(name, value)| (name.to_owned(), value)));
    });
    written.headers.push(("content-type", CLOUD_EVENTS.as_bytes().to_vec()));
}
