//! A second, slow reader of the three envelopes (`spec/events.md#envelopes`), by `serde_json::Value`. It shares nothing
//! with the writer.

use serde_json::Value;

use crate::clock::{Millis, Timestamp};
use crate::oracle::{SentAgent, SentBody, SentCall, SentDisbursement, SentEvent, SentMilestone};
use crate::simulate::Emission;

struct Attributes {
    id: String,
    source: Option<String>,
    kind: String,
    time: String,
    data: Value,
}

/// Asserts that the record says `event`.
pub fn assert_says(emission: &Emission, event: &SentEvent) {
    let read = attributes(emission);
    assert_eq!(read.id, event.id);
    assert_eq!(read.source, event.source);
    assert_eq!(read.time.parse::<Timestamp>().unwrap(), event.time, "{}", read.time);
    let kind = read.kind.strip_prefix("mx.example.").unwrap_or(&read.kind);
    let kind = kind.strip_suffix(".v1").unwrap_or(kind);
    let (stream, name) = kind.split_once('.').expect("a type has two parts");
    assert_eq!(stream, emission.stream.name());
    assert_body(name, &read.data, &event.body);
}

fn attributes(emission: &Emission) -> Attributes {
    let header = |name: &str| {
        let value = emission.headers.iter().find(|(header, _)| *header == name)?;
        Some(String::from_utf8(value.1.clone()).expect("headers are UTF-8"))
    };
    let value = if emission.value[0] == 0 { &emission.value[5..] } else { &emission.value };
    let value: Value = serde_json::from_slice(value).expect("a good record is JSON");
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    if header("ce_id").is_some() {
        let required = |name| header(name).expect("a binary event has all attributes");
        let (id, kind, time) = (required("ce_id"), required("ce_type"), required("ce_time"));
        return Attributes { id, source: header("ce_source"), kind, time, data: value };
    }
    let (id, kind, time) = (text("id").unwrap(), text("type").unwrap(), text("time").unwrap());
    let structured = header("content-type").is_some() || value.get("specversion").is_some();
    let data = if structured { value["data"].clone() } else { value.clone() };
    Attributes { id, source: text("source"), kind, time, data }
}

fn assert_body(kind: &str, data: &Value, body: &SentBody) {
    let text = |field: &str| data[field].as_str().unwrap_or_else(|| panic!("no {field} in {data}")).to_owned();
    let optional =
        |field: &str| data.get(field).filter(|value| !value.is_null()).map(|value| value.as_str().unwrap().to_owned());
    let seconds = |field: &str| data.get(field).map(|value| (value.as_f64().unwrap() * 1_000.0).round() as Millis);
    match body {
        SentBody::Disbursement(SentDisbursement {
            kind: said,
            programme,
            state,
            beneficiary,
            credit,
            amount,
            currency,
        }) => {
            assert_eq!(kind, said.name());
            assert_eq!(&text("programme"), programme);
            assert_eq!(&optional("state"), state);
            assert_eq!(&text("beneficiary"), beneficiary);
            assert_eq!(&text("credit"), credit);
            assert_eq!(&optional("currency"), currency);
            if said.has_amount() {
                let amount = amount.unwrap();
                let pesos = data["amount"].as_str().map_or_else(|| data["amount"].as_f64(), |text| text.parse().ok());
                assert_eq!((pesos.unwrap() * 100.0).round() as u64, amount.centavos);
                if let Some(text) = data["amount"].as_str() {
                    assert_eq!(text, amount.text());
                }
            }
        }
        SentBody::Call(SentCall { kind: said, call, queue, talk, hold, wrap_up }) => {
            assert_eq!(kind, said.name());
            assert_eq!((&text("call"), &text("queue")), (call, queue));
            assert_eq!(
                (seconds("talk_seconds"), seconds("hold_seconds"), seconds("wrap_up_seconds")),
                (*talk, *hold, *wrap_up)
            );
        }
        SentBody::Agent(SentAgent { agent, site, status }) => {
            assert_eq!(kind, "agent_status");
            assert_eq!(&text("agent"), agent);
            assert_eq!(&optional("site"), site);
            assert_eq!(text("status"), status.name());
        }
        SentBody::Milestone(SentMilestone { kind: said, initiative, milestone, quantity }) => {
            assert_eq!(kind, said.name());
            assert_eq!((&text("initiative"), &text("milestone")), (initiative, milestone));
            assert_eq!(data.get("quantity").map(|quantity| quantity.as_u64().unwrap()), quantity.map(u64::from));
        }
    }
}
