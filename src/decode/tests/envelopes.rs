//! The envelopes carry the same attributes, and each is known by its marks.

use super::*;
use crate::clock::Timestamp;
use crate::record::Header;

fn drafts() -> [Draft; 5] {
    let escaped = Draft::dispersed()
        .with("programme", r#""cr\u00e9dito""#)
        .with("source", r#""urn:\/banco""#)
        .with("amount", "7");
    [Draft::dispersed(), Draft::completed(), Draft::agent(), Draft::milestone(), escaped]
}

#[test]
fn every_envelope_means_the_same_with_and_without_a_frame() {
    for draft in drafts() {
        let flat = draft.decode().unwrap();
        for envelope in Envelope::ALL {
            let draft = draft.clone().within(envelope);
            assert_eq!(draft.decode(), Ok(flat.clone()), "{draft:?}");
            assert_eq!(draft.clone().framed().decode(), Ok(flat.clone()), "{draft:?}");
            assert_eq!(draft.clone().marked().decode(), Ok(flat.clone()), "{draft:?}");
            assert_eq!(draft.clone().marked().framed().decode(), Ok(flat.clone()), "{draft:?}");
        }
    }
}

#[test]
fn a_field_is_known_only_where_its_envelope_has_it() {
    let plain = Draft::dispersed().decode();
    for envelope in [Envelope::Structured, Envelope::StructuredByType] {
        let draft = Draft::dispersed().within(envelope);
        let outside = draft.clone().outside("programme", "5").outside("amount", "1").outside("amount", "2");
        assert_eq!(outside.decode(), plain, "data beside the attributes");
        let data = r#"{"id":5,"id":6,"time":7,"data":8,"data":9,"specversion":1,"data_base64":2,"programme":"credito","state":"MX-JAL",
            "beneficiary":"GOMC850314HJCRRL09","credit":"CR-1","amount":"25000.50","currency":"MXN"}"#;
        assert_eq!(draft.clone().data(&[data]).decode(), plain, "attributes among the data");
        let twice = draft.clone().also("amount", "1").decode();
        assert_eq!(twice.err(), Some(Rejection::field(Reason::InvalidField, "amount")));
        let missing = draft.without("programme").outside("programme", r#""credito""#).decode();
        assert_eq!(missing.err(), Some(Rejection::field(Reason::MissingField, "programme")));
    }
    let flat = Draft::dispersed().with("data", "{\"programme\":5}").also("data", "6").with("data_base64", "\"e30=\"");
    assert_eq!(flat.with("specversion", "null").decode(), plain);
    let headers = Draft::dispersed().header("ce_time", Some(b"never")).header("ce_source", Some(b"\xff"));
    assert_eq!(headers.decode(), plain, "a flat record's headers say nothing");
}

#[test]
fn a_binary_event_has_its_attributes_in_headers_alone() {
    let record = |headers: &[Header<'_>]| {
        let value = br#"{"id":"no","type":5,"type":6,"specversion":"1.0","data":null,"call":"c-1","queue":"q"}"#;
        draft::decode(
            Stream::Call,
            &RawRecord {
                value: Some(value),
                timestamp: Some(Timestamp::from_millis(1_588_584_601_000)),
                headers,
                ..RawRecord::default()
            },
        )
    };
    let id: Header<'_> = ("ce_id", Some(b"e-1"));
    let kind: Header<'_> = ("ce_type", Some(b"call.offered"));
    let time: Header<'_> = ("ce_time", Some(b"2020-05-04T09:30:00Z"));
    let binary = record(&[id, kind, time]);
    assert!(binary.is_ok());
    assert_eq!(record(&[("ce_specversion", Some(b"1.0")), time, kind, id, ("x", None)]), binary);
    assert_eq!(record(&[id, kind, time, ("content-type", Some(b"application/json; charset=utf-8"))]), binary);
    assert_eq!(record(&[id, kind, time, ("content-type", None), ("ce_source", None)]), binary);
    assert_eq!(record(&[id, time]).err(), Some(Rejection::field(Reason::MissingField, "type")));
    assert_eq!(record(&[kind, time]).err(), Some(Rejection::field(Reason::MissingField, "id")));
    let invalid = |field| Some(Rejection::field(Reason::InvalidField, field));
    assert_eq!(record(&[id, kind, time, ("ce_id", Some(b"e-2"))]).err(), invalid("id"));
    assert_eq!(record(&[id, kind, time, id, ("ce_id", Some(b"E-1")), id]).err(), invalid("id"));
    assert_eq!(record(&[("ce_id", Some(b"\xff")), ("ce_id", Some(b"\xff")), kind, time]).err(), invalid("id"));
    assert_eq!(record(&[id, kind, time, ("ce_id", None)]).err(), invalid("id"));
    assert_eq!(record(&[("ce_id", Some(b"\xff")), kind, time]).err(), invalid("id"));
    assert_eq!(record(&[id, kind, ("ce_time", Some(b"\xff"))]).err(), invalid("time"));
    assert_eq!(record(&[id, kind, time, ("ce_source", Some(b""))]).err(), invalid("source"));
    let structured = record(&[id, kind, time, ("content-type", Some(b"application/cloudevents"))]);
    assert_eq!(
        structured.err(),
        Some(Rejection::field(Reason::MissingField, "data")),
        "the content type says structured"
    );
    let neither = record(&[("ce_id", None), time, ("CE_ID", Some(b"x"))]);
    assert_eq!(
        neither.err(),
        Some(Rejection::field(Reason::MissingField, "data")),
        "a specversion, and no header that counts"
    );
}

#[test]
fn any_json_content_type_leaves_the_envelope_open() {
    for content_type in ["application/json", "text/json", "application/vnd.programme+json;v=1"] {
        for envelope in [Envelope::Flat, Envelope::Structured, Envelope::Binary] {
            let draft = Draft::milestone().within(envelope).header("Content-Type", Some(content_type.as_bytes()));
            assert_eq!(draft.decode(), Draft::milestone().decode(), "{content_type} {envelope:?}");
        }
    }
}

#[test]
fn headers_may_be_repeated_with_equal_values() {
    let repeated = |draft: Draft| {
        [("ce_id", "e-1"), ("ce_source", "urn:banco"), ("ce_time", "2020-05-04T04:30:00.123-05:00")]
            .into_iter()
            .fold(draft, |draft, (name, value)| draft.header(name, Some(value.as_bytes())))
            .header("ce_type", Some(b"mx.example.disbursement.dispersed.v1"))
    };
    let binary = Draft::dispersed().within(Envelope::Binary);
    assert_eq!(repeated(repeated(binary)).decode(), Draft::dispersed().decode());
    for name in ["content-type", "Content-Type"] {
        let structured = Draft::dispersed().within(Envelope::StructuredByType);
        let again = structured.header(name, Some(b"application/cloudevents+JSON"));
        assert_eq!(again.decode(), Draft::dispersed().decode());
    }
    let null = Draft::dispersed().header("content-type", None).header("content-type", None);
    assert_eq!(null.header("ce_id", None).header("ce_id", None).decode(), Draft::dispersed().decode());
}

#[test]
fn an_empty_content_type_is_none() {
    for content_type in ["", " ", ";", " ; charset=utf-8"] {
        for envelope in [Envelope::Flat, Envelope::Structured, Envelope::Binary] {
            let draft = Draft::milestone().within(envelope).header("content-type", Some(content_type.as_bytes()));
            assert_eq!(draft.decode(), Draft::milestone().decode(), "{content_type:?} {envelope:?}");
        }
    }
}
