//! Events as records, in the envelopes of `spec/events.md`, with or without framing. Shares nothing with the
//! generator's writer.

use pacemeter::oracle::{PesoAmount, SentBody, SentEvent};
use pacemeter::record::Stream;
use serde_json::{Map, Value, json};

use crate::topics::Record;

/// Envelopes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    Flat,
    /// Flat, framed.
    Framed,
    /// CloudEvents structured, recognised by the content type.
    Structured,
    /// CloudEvents structured, recognised by `specversion` alone, framed.
    StructuredFramed,
    /// CloudEvents binary: attributes in headers.
    Binary,
}

impl Envelope {
    pub const ALL: [Envelope; 5] =
        [Envelope::Flat, Envelope::Framed, Envelope::Structured, Envelope::StructuredFramed, Envelope::Binary];
}

/// Record of an event.
pub fn write(event: &SentEvent, envelope: Envelope) -> Record {
    let (kind, key, data) = data(&event.body);
    let mut attributes = Map::new();
    attributes.insert("id".to_owned(), json!(event.id));
    if let Some(source) = &event.source {
        attributes.insert("source".to_owned(), json!(source));
    }
    let prefix = if envelope == Envelope::Flat { "" } else { "mx.example." };
    let suffix = if envelope == Envelope::Binary { ".v1" } else { "" };
    attributes.insert("type".to_owned(), json!(format!("{prefix}{kind}{suffix}")));
    let time = event.time;
    attributes.insert("time".to_owned(), json!(time.to_string()));
    let (value, headers) = match envelope {
        Envelope::Flat | Envelope::Framed => (attributes.into_iter().chain(data).collect(), vec![]),
        Envelope::Structured | Envelope::StructuredFramed => {
            attributes.insert("specversion".to_owned(), json!("1.0"));
            attributes.insert("data".to_owned(), Value::Object(data));
            let content_type = ("content-type".to_owned(), b"application/cloudevents+json; charset=utf-8".to_vec());
            (attributes, if envelope == Envelope::Structured { vec![content_type] } else { vec![] })
        }
        Envelope::Binary => {
            let header = |(name, value): (String, Value)| {
                (format!("ce_{name}"), value.as_str().expect("text").as_bytes().to_vec())
            };
            let mut headers = vec![
                ("ce_specversion".to_owned(), b"1.0".to_vec()),
                ("content-type".to_owned(), b"application/json".to_vec()),
            ];
            headers.extend(attributes.into_iter().map(header));
            (data, headers)
        }
    };
    let framed = matches!(envelope, Envelope::Framed | Envelope::StructuredFramed);
    let mut bytes = if framed { vec![0, 0, 0, 1, 44] } else { vec![] };
    bytes.extend(serde_json::to_vec(&value).expect("a map is JSON"));
    let headers = headers.into_iter().map(|(name, value)| (name, Some(value))).collect();
    Record { key: Some(key.into_bytes()), headers, ..Record::of(bytes) }
}

pub fn stream(event: &SentEvent) -> Stream {
    match &event.body {
        SentBody::Disbursement(_) => Stream::Disbursement,
        SentBody::Call(_) | SentBody::Agent(_) => Stream::Call,
        SentBody::Milestone(_) => Stream::Milestone,
    }
}

/// Type, record key and data fields of an event.
fn data(body: &SentBody) -> (String, String, Map<String, Value>) {
    // Absent fields are written as null, which must be read as absent.
    let (kind, key, data) = match body {
        SentBody::Disbursement(event) => (
            format!("disbursement.{}", event.kind.name()),
            &event.beneficiary,
            json!({
                "programme": event.programme, "state": event.state, "beneficiary": event.beneficiary, "credit": event.credit,
                "amount": event.amount.map(PesoAmount::text), "currency": event.currency,
            }),
        ),
        SentBody::Call(event) => (
            format!("call.{}", event.kind.name()),
            &event.call,
            json!({
                "call": event.call, "queue": event.queue, "talk_seconds": event.talk.map(seconds), "hold_seconds": event.hold.map(seconds),
                "wrap_up_seconds": event.wrap_up.map(seconds),
            }),
        ),
        SentBody::Agent(event) => (
            "call.agent_status".to_owned(),
            &event.agent,
            json!({ "agent": event.agent, "site": event.site, "status": event.status.name() }),
        ),
        SentBody::Milestone(event) => (
            format!("milestone.{}", event.kind.name()),
            &event.initiative,
            json!({ "initiative": event.initiative, "milestone": event.milestone, "quantity": event.quantity }),
        ),
    };
    let Value::Object(data) = data else { unreachable!("an object is written above") };
    (kind, key.clone(), data)
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}
