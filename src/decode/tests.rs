//! Decoding as a whole. `draft` is the language in which the tests speak, `damage` a source of records, `differential`
//! compares all ways to decode them, `batches` records that are decoded together, `faults` holds what is wrong and in
//! which order it counts, `hashes` what stored state holds, `not_json` where a value is no JSON, `properties` what must
//! hold of anything at all.

mod batches;
mod damage;
mod differential;
mod draft;
mod envelopes;
mod faults;
mod hashes;
mod not_json;
mod properties;

use super::*;
use crate::clock::Timestamp;
use crate::event::{Body, FederalState, Status};
use draft::{Draft, Envelope};

#[test]
fn settings_have_their_defaults_and_bounds() {
    let read = |overrides: &[&str]| {
        let overrides = overrides.iter().map(|text| (*text).to_owned()).collect();
        let mut reader = SettingsReader::load(&crate::settings::Layers { overrides, ..Default::default() });
        (Settings::read(&mut reader), reader.finish().is_ok())
    };
    let defaults = Settings { max_record_bytes: 65_536, max_future_skew: 600_000 };
    assert_eq!(read(&[]), (defaults, true));
    let given = Settings { max_record_bytes: 4_096, max_future_skew: 0 };
    assert_eq!(read(&["records.max_record_bytes=4096", "records.max_future_skew=0s"]), (given, true));
    assert_eq!(read(&["records.max_record_bytes=4095", "records.max_future_skew=25h"]), (defaults, false));
}

#[test]
fn a_dispersal_is_read() {
    let (event, labels) = Draft::dispersed().decode().unwrap();
    let Body::Disbursement(body) = event.body else { panic!("{event:?}") };
    assert_eq!(event.time, Timestamp::from_millis(1_588_584_600_123));
    assert_eq!(labels, ["credito"]);
    assert_eq!((body.kind.name(), body.state.code(), body.amount), ("dispersed", "MX-JAL", 2_500_050));
    assert_ne!(body.beneficiary, body.credit);
    assert!(event.fingerprint < 1 << 30);
}

#[test]
fn a_completed_call_is_read() {
    let (event, labels) = Draft::completed().decode().unwrap();
    let Body::Call(body) = event.body else { panic!("{event:?}") };
    assert_eq!((body.kind.name(), body.handle, labels), ("completed", Some(327_650), vec!["orientacion".to_owned()]));
}

#[test]
fn the_handle_time_is_the_sum_of_what_is_given() {
    let handle = |given: &[(&'static str, &str)]| {
        let mut draft = Draft::completed().without("talk_seconds").without("hold_seconds").without("wrap_up_seconds");
        for (name, raw) in given {
            draft = draft.with(name, raw);
        }
        match draft.decode().unwrap().0.body {
            Body::Call(call) => call.handle,
            body => panic!("{body:?}"),
        }
    };
    assert_eq!(handle(&[]), None);
    assert_eq!(handle(&[("hold_seconds", "null")]), None);
    assert_eq!(handle(&[("hold_seconds", "0")]), Some(0));
    assert_eq!(handle(&[("talk_seconds", "1.5"), ("wrap_up_seconds", "0.001")]), Some(1_501));
    assert_eq!(
        handle(&[("talk_seconds", "86400"), ("hold_seconds", "86400"), ("wrap_up_seconds", "86400.000")]),
        Some(259_200_000)
    );
}

#[test]
fn an_agent_status_is_read() {
    let (event, labels) = Draft::agent().decode().unwrap();
    let Body::Agent(body) = event.body else { panic!("{event:?}") };
    assert_eq!((body.status, labels), (Status::WrapUp, vec!["casa".to_owned()]));
    let (_, labels) = Draft::agent().without("site").decode().unwrap();
    assert_eq!(labels, ["unknown"]);
}

#[test]
fn a_milestone_is_read() {
    let (event, labels) = Draft::milestone().decode().unwrap();
    let Body::Milestone(body) = event.body else { panic!("{event:?}") };
    assert_eq!((body.kind.name(), body.quantity), ("reached", 12));
    assert_eq!(labels, ["mercado", "inscrita"]);
    let Body::Milestone(body) = Draft::milestone().without("quantity").decode().unwrap().0.body else { panic!() };
    assert_eq!(body.quantity, 1);
}

#[test]
fn a_state_is_never_wrong() {
    for (raw, state) in [
        (r#""MX-JAL""#, FederalState::from_code("MX-JAL")),
        (r#""MX-\u004aAL""#, FederalState::from_code("MX-JAL")),
        (r#""MX-DIF""#, FederalState::from_code("MX-CMX")),
        ("null", FederalState::UNKNOWN),
        (r#""""#, FederalState::OTHER),
        (r#""unknown""#, FederalState::OTHER),
        (r#""mx-jal""#, FederalState::OTHER),
        ("14", FederalState::OTHER),
        ("true", FederalState::OTHER),
        (r#"["MX-JAL"]"#, FederalState::OTHER),
        (r#"{"code":"MX-JAL"}"#, FederalState::OTHER),
    ] {
        let Body::Disbursement(body) = Draft::dispersed().with("state", raw).decode().unwrap().0.body else { panic!() };
        assert_eq!(body.state, state, "{raw}");
    }
}

#[test]
fn a_number_is_one_value_in_every_spelling() {
    let pesos = Draft::dispersed().with("amount", "25000");
    for raw in ["25000.00", "\"25000\"", "25000.0000", "2.5E+4", "2.5e4", "\"2.5E+4\"", "250000e-1", r#""2\u002e5e4""#]
    {
        assert_eq!(pesos.clone().with("amount", raw).decode(), pesos.decode(), "{raw}");
    }
    for field in ["talk_seconds", "hold_seconds", "wrap_up_seconds"] {
        let seconds = Draft::completed().with(field, "12.345");
        for raw in ["12.3450", "\"12.345\"", "1.2345E1", "12345e-3"] {
            assert_eq!(seconds.clone().with(field, raw).decode(), seconds.decode(), "{field} {raw}");
        }
    }
    let quantity = Draft::milestone().with("quantity", "3");
    for raw in ["3.0", "\"3\"", "3e0", "0.3E1", "\"0003.000\""] {
        assert_eq!(quantity.clone().with("quantity", raw).decode(), quantity.decode(), "{raw}");
    }
}

#[test]
fn null_is_absent() {
    let event = |draft: Draft| draft.decode().unwrap();
    for name in ["source", "state", "currency"] {
        assert_eq!(event(Draft::dispersed().with(name, "null")), event(Draft::dispersed().without(name)), "{name}");
    }
    assert_eq!(event(Draft::milestone().with("quantity", "null")), event(Draft::milestone().without("quantity")));
    assert_eq!(event(Draft::agent().with("site", "null")), event(Draft::agent().without("site")));
}

#[test]
fn strings_are_bounded_in_bytes_of_what_they_spell() {
    for (draft, name, bound) in [
        (Draft::dispersed(), "id", 128),
        (Draft::dispersed(), "source", 1_024),
        (Draft::dispersed(), "programme", 64),
        (Draft::dispersed(), "beneficiary", 128),
        (Draft::dispersed(), "credit", 128),
        (Draft::completed(), "call", 128),
        (Draft::completed(), "queue", 64),
        (Draft::agent(), "agent", 128),
        (Draft::agent(), "site", 64),
        (Draft::milestone(), "initiative", 64),
        (Draft::milestone(), "milestone", 64),
    ] {
        let decode = |text: String| draft.clone().with(name, &format!("\"{text}\"")).decode();
        let invalid = Some(Rejection::field(Reason::InvalidField, name));
        assert!(decode("x".repeat(bound)).is_ok(), "{name}");
        assert!(decode("é".repeat(bound / 2)).is_ok(), "{name}");
        assert!(decode("\\u0078".repeat(bound)).is_ok(), "{name}");
        assert_eq!(decode("\\u0078".repeat(bound)), decode("x".repeat(bound)), "{name}");
        assert_eq!(decode(String::new()).err(), invalid, "{name}");
        assert_eq!(decode("x".repeat(bound + 1)).err(), invalid, "{name}");
        assert_eq!(decode("é".repeat(bound / 2) + "x").err(), invalid, "{name}");
        assert_eq!(decode("\\u0078".repeat(bound + 1)).err(), invalid, "{name}");
        assert_eq!(draft.clone().with(name, "7").decode().err(), invalid, "{name}");
    }
}

#[test]
fn what_an_event_does_not_read_may_be_anything() {
    for event in ["applied", "rejected"] {
        let draft = Draft::dispersed().with("type", &format!("\"disbursement.{event}\"")).without("amount");
        let plain = draft.decode().unwrap();
        assert_eq!(draft.clone().with("amount", "-1").also("amount", "{}").decode().unwrap(), plain);
        assert_eq!(
            draft.with("currency", "\"USD\"").decode().err(),
            Some(Rejection::field(Reason::InvalidField, "currency"))
        );
    }
    for event in ["offered", "answered", "abandoned"] {
        let draft = Draft::completed().with("type", &format!("\"call.{event}\""));
        let Body::Call(call) = draft.decode().unwrap().0.body else { panic!() };
        assert_eq!(call.handle, None);
        assert_eq!(draft.clone().also("talk_seconds", "\"long\"").with("agent", "5").decode(), draft.decode());
    }
    let agent = Draft::agent();
    assert_eq!(agent.clone().with("queue", "5").also("queue", "6").with("talk_seconds", "-1").decode(), agent.decode());
    let unknown = Draft::dispersed()
        .with("colour", "[1e999, -0.0, {\"id\": 5}]")
        .also("colour", "2")
        .with("ID", "7")
        .with("", "8");
    assert_eq!(unknown.decode(), Draft::dispersed().decode());
}

#[test]
fn an_escaped_key_is_what_it_spells() {
    let draft = Draft::dispersed().without("programme");
    assert_eq!(draft.clone().with(r"pro\u0067ramme", r#""credito""#).decode(), Draft::dispersed().decode());
    let twice = Draft::dispersed().with(r"pro\u0067ramme", r#""credito""#).decode();
    assert_eq!(twice.err(), Some(Rejection::field(Reason::InvalidField, "programme")));
}

#[test]
fn a_record_may_be_as_large_as_the_bound_and_late_as_the_skew() {
    let draft = Draft::dispersed();
    let padding = draft::MAX_RECORD_BYTES - draft.value().len();
    assert!(draft.clone().padded(padding).decode().is_ok());
    assert_eq!(draft.clone().padded(padding + 1).decode().err(), Some(Rejection::of(Reason::TooLarge)));
    assert_eq!(draft.clone().padded(padding - 4).framed().decode().err(), Some(Rejection::of(Reason::TooLarge)));
    let time = draft.decode().unwrap().0.time;
    for (timestamp, expected) in [
        (time, None),
        (time - draft::MAX_FUTURE_SKEW, None),
        (time - draft::MAX_FUTURE_SKEW - 1, Some(Rejection::field(Reason::Future, "time"))),
        (Timestamp::MAX, None),
        (Timestamp::MIN, Some(Rejection::field(Reason::Future, "time"))),
        (Timestamp::from_millis(-1), Some(Rejection::field(Reason::Future, "time"))),
    ] {
        assert_eq!(draft.clone().stamped(Some(timestamp)).decode().err(), expected, "{timestamp}");
    }
}

#[test]
fn depth_128_is_read_and_129_is_not() {
    for name in ["colour", "state"] {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let flat = |depth: usize| Draft::dispersed().with(name, &nested(depth)).decode().err();
        assert_eq!(flat(127), None);
        assert_eq!(flat(128), Some(Rejection::of(Reason::NotJson)));
        assert_eq!(flat(30_000), Some(Rejection::of(Reason::NotJson)));
        let structured =
            |depth: usize| Draft::dispersed().with(name, &nested(depth)).within(Envelope::Structured).decode().err();
        assert_eq!(structured(126), None);
        assert_eq!(structured(127), Some(Rejection::of(Reason::NotJson)));
    }
}

#[test]
fn source_and_id_identify_an_event() {
    let id = |draft: Draft| draft.decode().unwrap().0.id;
    let other_text =
        Draft::dispersed().with("amount", "1").with("programme", "\"other\"").with("source", "\"urn:\\u0062anco\"");
    assert_eq!(id(other_text), id(Draft::dispersed()));
    assert_ne!(id(Draft::dispersed().without("source")), id(Draft::dispersed()));
    assert_ne!(id(Draft::dispersed().with("id", "\"e-2\"")), id(Draft::dispersed()));
}

#[test]
fn a_fingerprint_tells_what_the_fields_say() {
    let of = |draft: Draft| draft.decode().unwrap().0.fingerprint;
    let dispersed = of(Draft::dispersed());
    for (name, raw) in [
        ("id", r#""another""#),
        ("source", "null"),
        ("type", r#""disbursement.dispersed""#),
        ("time", r#""2020-05-04T09:30:00.1239Z""#),
        ("programme", r#""cr\u0065dito""#),
        ("amount", "25000.50"),
        ("amount", "25000.5"),
        ("amount", r#""025000.5000""#),
        ("amount", "2.50005E+4"),
        ("colour", "5"),
    ] {
        assert_eq!(of(Draft::dispersed().with(name, raw)), dispersed, "{name} {raw}");
    }
    for (name, raw) in [
        ("type", r#""disbursement.returned""#),
        ("time", r#""2020-05-04T09:30:00.124Z""#),
        ("programme", r#""credit""#),
        ("state", r#""MX-jal""#),
        ("state", "null"),
        ("beneficiary", r#""another""#),
        ("credit", r#""another""#),
        ("amount", r#""25000.51""#),
        ("amount", "250005"),
        ("currency", "null"),
    ] {
        assert_ne!(of(Draft::dispersed().with(name, raw)), dispersed, "{name} {raw}");
    }
    let state = |raw: &str| of(Draft::dispersed().with("state", raw));
    assert_ne!(state(r#""MX-DIF""#), state(r#""MX-CMX""#));
    assert_ne!(state("1"), state("2"));
    assert_ne!(of(Draft::milestone().with("quantity", "1")), of(Draft::milestone().without("quantity")));
    assert_ne!(of(Draft::agent().with("site", "\"unknown\"")), of(Draft::agent().without("site")));
    let seconds = |talk: &str, hold: &str| of(Draft::completed().with("talk_seconds", talk).with("hold_seconds", hold));
    assert_ne!(seconds("1", "null"), seconds("null", "1"));
    assert_ne!(seconds("1", "2"), seconds("12", "null"));
    assert_eq!(seconds("1", "2"), seconds("1.0", "\"0.2e1\""));
    let quantity = |raw: &str| of(Draft::milestone().with("quantity", raw));
    assert_eq!(quantity("30"), quantity("3.0e1"));
    assert_ne!(quantity("30"), quantity("3"));
    let labels = |initiative: &str, milestone: &str| {
        of(Draft::milestone().with("initiative", initiative).with("milestone", milestone))
    };
    assert_ne!(labels("\"ab\"", "\"c\""), labels("\"a\"", "\"bc\""));
}

#[test]
fn nothing_of_a_person_is_left_in_events_and_rejections() {
    let canary = "\"CANARY850314HJCRRL09\"";
    for draft in [
        Draft::dispersed().with("beneficiary", canary).with("credit", canary),
        Draft::completed().with("call", canary),
        Draft::agent().with("agent", canary),
        Draft::agent().with("agent", canary).with("status", canary),
        Draft::dispersed().with("beneficiary", canary).also("beneficiary", canary),
    ] {
        let shown = match draft.decode() {
            Ok(event) => format!("{event:?}"),
            Err(rejection) => format!("{rejection} {rejection:?}"),
        };
        assert!(!shown.contains("CANARY"), "{shown}");
    }
}

#[test]
fn a_record_whose_headers_cannot_be_read_is_rejected() {
    let decoder = draft::decoder();
    let record = RawRecord { value: Some(b"{}"), has_unreadable_headers: true, ..RawRecord::default() };
    let decoded = decoder.decode(Stream::Call, &record, &mut LabelArena::default());
    assert_eq!(decoded, Err(Rejection::field(Reason::UnsupportedFormat, "headers")));
}
