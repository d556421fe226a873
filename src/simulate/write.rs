//! Occurrences as Kafka records: key, value, headers and partition.

use xxhash_rust::xxh3::xxh3_64;

use super::occurrence::{AGENT, Body, CALL, CREDIT, Occurrence, Seconds, source};
use super::style::{Amount, Envelope, Envelopes, Style};
use super::text::{self, TimeWriter};
use super::{Emission, PartitionCounts};
use crate::clock::Timestamp;
use crate::oracle::SentRecord;
use crate::record::Stream;

pub(super) const CLOUD_EVENTS: &str = "application/cloudevents+json; charset=UTF-8";
/// Magic byte and schema id of the Confluent wire format.
pub(super) const FRAME: [u8; 5] = [0, 0, 0, 0, 42];

/// Capacity for the usual value, so that the buffer seldom grows.
const USUAL_BYTES: usize = 448;

#[derive(Debug)]
pub(super) struct EventWriter {
    seed: u64,
    run: String,
    partitions: PartitionCounts,
    envelopes: Envelopes,
    times: TimeWriter,
}

/// A record without its meaning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EncodedRecord {
    pub stream: Stream,
    pub partition: i32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
}

impl EncodedRecord {
    pub(super) fn emission(self, timestamp: Timestamp, sent: SentRecord) -> Emission {
        let EncodedRecord { stream, partition, key, value, headers } = self;
        Emission { stream, partition, key, value, headers, timestamp, sent }
    }
}

impl EventWriter {
    pub(super) fn new(seed: u64, partitions: PartitionCounts, envelopes: Envelopes) -> Self {
        Self { seed, run: text::run(seed), partitions, envelopes, times: TimeWriter::default() }
    }

    pub(super) fn style(&self, occurrence: &Occurrence) -> Style {
        Style::of(self.seed, occurrence.serial, self.envelopes)
    }

    pub(super) fn emission(&mut self, occurrence: &Occurrence, timestamp: Timestamp) -> Emission {
        let style = self.style(occurrence);
        self.emission_in(occurrence, style, timestamp)
    }

    pub(super) fn emission_in(&mut self, occurrence: &Occurrence, style: Style, timestamp: Timestamp) -> Emission {
        let written = self.write(occurrence, style);
        let sent = super::sent::event(occurrence, style, &self.run);
        written.emission(timestamp, sent)
    }

    pub(super) fn write(&mut self, occurrence: &Occurrence, style: Style) -> EncodedRecord {
        let key = self.key(&occurrence.body);
        let stream = occurrence.body.stream();
        let partition = (xxh3_64(&key) % self.partitions.of(stream) as u64) as i32;
        let mut headers = Vec::new();
        let mut value = Vec::with_capacity(USUAL_BYTES);
        match style.envelope {
            Envelope::Flat | Envelope::Framed => {
                if style.envelope == Envelope::Framed {
                    value.extend_from_slice(&FRAME);
                }
                value.push(b'{');
                self.attributes(&mut value, occurrence, style);
                value.push(b',');
                self.data(&mut value, occurrence, style);
            }
            Envelope::Structured { content_type } => {
                if content_type {
                    headers.push(("content-type", CLOUD_EVENTS.as_bytes().to_vec()));
                }
                value.extend_from_slice(b"{\"specversion\":\"1.0\",");
                self.attributes(&mut value, occurrence, style);
                value.extend_from_slice(b",\"datacontenttype\":\"application/json\",\"data\":{");
                self.data(&mut value, occurrence, style);
                value.push(b'}');
            }
            Envelope::Binary => {
                headers = self.binary(occurrence, style);
                value.push(b'{');
                self.data(&mut value, occurrence, style);
            }
        }
        value.push(b'}');
        EncodedRecord { stream, partition, key, value, headers }
    }

    fn key(&self, body: &Body) -> Vec<u8> {
        let mut key = Vec::with_capacity(32);
        match body {
            Body::Disbursement { support, .. } => text::person(&mut key, support.person),
            Body::Call { call, .. } => text::thing(&mut key, CALL, &self.run, *call),
            Body::Agent { agent, .. } => text::thing(&mut key, AGENT, "", *agent),
            Body::Milestone { initiative, .. } => key.extend_from_slice(initiative.as_bytes()),
        }
        key
    }

    fn id(&self, out: &mut Vec<u8>, occurrence: &Occurrence) {
        out.extend_from_slice(self.run.as_bytes());
        text::decimal(out, occurrence.serial);
    }

    fn attributes(&mut self, out: &mut Vec<u8>, occurrence: &Occurrence, style: Style) {
        out.extend_from_slice(b"\"id\":\"");
        self.id(out, occurrence);
        if style.source {
            out.extend_from_slice(b"\",\"source\":\"");
            out.extend_from_slice(source(occurrence.body.stream()).as_bytes());
        }
        out.extend_from_slice(b"\",\"type\":\"");
        event_type(out, &occurrence.body, style);
        out.extend_from_slice(b"\",\"time\":\"");
        self.times.write(out, occurrence.time, style.offset, style.finer);
        out.push(b'"');
    }

    fn binary(&mut self, occurrence: &Occurrence, style: Style) -> Vec<(&'static str, Vec<u8>)> {
        let mut id = Vec::new();
        self.id(&mut id, occurrence);
        let mut kind = Vec::new();
        event_type(&mut kind, &occurrence.body, style);
        let mut time = Vec::new();
        self.times.write(&mut time, occurrence.time, style.offset, style.finer);
        vec![
            ("ce_specversion", b"1.0".to_vec()),
            ("ce_id", id),
            ("ce_type", kind),
            ("ce_time", time),
            ("ce_source", source(occurrence.body.stream()).as_bytes().to_vec()),
            ("content-type", b"application/json".to_vec()),
        ]
    }

    fn data(&self, out: &mut Vec<u8>, occurrence: &Occurrence, style: Style) {
        match &occurrence.body {
            Body::Disbursement { support, kind, amount } => {
                label(out, "\"programme\":\"", support.programme, style);
                optional(out, ",\"state\":\"", support.state, style);
                out.extend_from_slice(b",\"beneficiary\":\"");
                text::person(out, support.person);
                out.extend_from_slice(b"\",\"credit\":\"");
                text::thing(out, CREDIT, &self.run, support.number);
                out.push(b'"');
                // Some applications give an amount, which is ignored.
                if kind.has_amount() || style.nulls {
                    write_amount(out, *amount, style.amount);
                }
                optional(out, ",\"currency\":\"", style.currency.then_some("MXN"), style);
                extras(out, &["sucursal", "telefono", "portal"], style);
            }
            Body::Call { call, queue, seconds, .. } => {
                out.extend_from_slice(b"\"call\":\"");
                text::thing(out, CALL, &self.run, *call);
                label(out, "\",\"queue\":\"", queue, style);
                write_seconds(out, *seconds);
                extras(out, &["telefono", "aplicacion"], style);
            }
            Body::Agent { agent, site, status } => {
                out.extend_from_slice(b"\"agent\":\"");
                text::thing(out, AGENT, "", *agent);
                out.push(b'"');
                optional(out, ",\"site\":\"", *site, style);
                out.extend_from_slice(b",\"status\":\"");
                out.extend_from_slice(status.name().as_bytes());
                out.push(b'"');
                extras(out, &["casa"], style);
            }
            Body::Milestone { initiative, milestone, quantity, .. } => {
                label(out, "\"initiative\":\"", initiative, style);
                out.extend_from_slice(b",\"milestone\":\"");
                out.extend_from_slice(milestone.as_bytes());
                out.push(b'"');
                if let Some(quantity) = quantity {
                    out.extend_from_slice(b",\"quantity\":");
                    text::decimal(out, u64::from(*quantity));
                }
                extras(out, &["acta", "formulario"], style);
            }
        }
    }
}

/// Last part of the event's type, after the stream.
pub(super) fn event_name(body: &Body) -> &'static str {
    match body {
        Body::Disbursement { kind, .. } => kind.name(),
        Body::Call { kind, .. } => kind.name(),
        Body::Agent { .. } => "agent_status",
        Body::Milestone { kind, .. } => kind.name(),
    }
}

pub(super) fn event_type(out: &mut Vec<u8>, body: &Body, style: Style) {
    if style.prefix {
        out.extend_from_slice(b"mx.example.");
    }
    out.extend_from_slice(body.stream().name().as_bytes());
    out.push(b'.');
    out.extend_from_slice(event_name(body).as_bytes());
    if style.version {
        out.extend_from_slice(b".v1");
    }
}

/// Appends `before`, a label of plain ASCII and its closing quote.
fn label(out: &mut Vec<u8>, before: &str, label: &str, style: Style) {
    out.extend_from_slice(before.as_bytes());
    if style.escaped {
        let (first, rest) = label.split_at(1);
        out.extend_from_slice(format!("\\u{:04x}", first.as_bytes()[0]).as_bytes());
        out.extend_from_slice(rest.as_bytes());
    } else {
        out.extend_from_slice(label.as_bytes());
    }
    out.push(b'"');
}

/// Like [`label`] for an optional field: if absent, it is left out or `null`. `before` ends with the opening quote.
fn optional(out: &mut Vec<u8>, before: &str, value: Option<&str>, style: Style) {
    match value {
        Some(value) => {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(value.as_bytes());
            out.push(b'"');
        }
        None if style.nulls => {
            out.extend_from_slice(&before.as_bytes()[..before.len() - 1]);
            out.extend_from_slice(b"null");
        }
        None => {}
    }
}

fn write_amount(out: &mut Vec<u8>, amount: u64, style: Amount) {
    out.extend_from_slice(b",\"amount\":");
    let quoted = matches!(style, Amount::Text | Amount::ShortText);
    if quoted {
        out.push(b'"');
    }
    if style == Amount::Exponent {
        text::decimal(out, amount);
        out.extend_from_slice(b"E-2");
    } else {
        text::pesos(out, amount, style.is_short());
    }
    if quoted {
        out.push(b'"');
    }
}

fn write_seconds(out: &mut Vec<u8>, seconds: Seconds) {
    let fields = [
        (",\"talk_seconds\":", seconds.talk),
        (",\"hold_seconds\":", seconds.hold),
        (",\"wrap_up_seconds\":", seconds.wrap_up),
    ];
    for (before, millis) in fields {
        if let Some(millis) = millis {
            out.extend_from_slice(before.as_bytes());
            text::seconds(out, u64::from(millis));
        }
    }
}

/// Appends fields that are not specified and so ignored. With them values are about 300 bytes, like real ones.
fn extras(out: &mut Vec<u8>, channels: &[&str], style: Style) {
    let random = style.random as usize;
    out.extend_from_slice(b",\"canal\":\"");
    out.extend_from_slice(channels[random % channels.len()].as_bytes());
    out.extend_from_slice(b"\",\"oficina\":{\"clave\":");
    text::decimal(out, style.random % 3_000);
    out.push(b'}');
    if random.is_multiple_of(8) {
        out.extend_from_slice(",\"nota\":\"atención \\\"prioritaria\\\"\"".as_bytes());
    }
}
