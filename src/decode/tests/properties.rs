//! Properties of decoding for arbitrary input.

use crate::clock::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const FIELDS: [&str; 13] = [
    "id",
    "source",
    "type",
    "time",
    "programme",
    "state",
    "amount",
    "currency",
    "call",
    "hold_seconds",
    "status",
    "site",
    "quantity",
];

fn any_headers() -> impl Strategy<Value = Vec<(String, Option<Vec<u8>>)>> {
    let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..40));
    prop::collection::vec(("ce_id|ce_type|ce_time|ce_source|content-type|x", value), 0..6)
}

fn any_stream() -> impl Strategy<Value = Stream> {
    prop::sample::select(Stream::ALL.to_vec())
}

/// JSON text of a string: any characters, some of them escaped.
fn json_string(characters: impl Strategy<Value = Vec<char>>) -> impl Strategy<Value = String> {
    (characters, any::<u64>()).prop_map(|(characters, escapes)| {
        let mut text = String::from("\"");
        for (index, character) in characters.into_iter().enumerate() {
            if escapes >> (index % 64) & 1 == 1 {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                let quoted = serde_json::to_string(&character.to_string()).unwrap();
                text.push_str(quoted.trim_start_matches('"').strip_suffix('"').unwrap_or("\\\""));
            }
        }
        text + "\""
    })
}

fn json_text(bytes: usize) -> impl Strategy<Value = String> {
    // At most four bytes a character.
    json_string(prop::collection::vec(
        any::<char>().prop_filter("a quote is trimmed away", |c| *c != '"'),
        1..=bytes / 4,
    ))
}

/// Valid events of all kinds, flat.
fn any_draft() -> impl Strategy<Value = Draft> {
    let amount = (1..=1_000_000_000_000u64, any::<bool>()).prop_map(|(centavos, quoted)| {
        let number = format!("{}.{:02}", centavos / 100, centavos % 100);
        if quoted { format!("\"{number}\"") } else { number }
    });
    let state = prop::sample::select(vec!["\"MX-DIF\"", "\"MX-VER\"", "\"\"", "null", "7", "[\"\\\\\"]"]);
    let attributes = (json_text(128), prop::option::of(json_text(1_024)), 946_684_800_000..1_588_584_000_000i64);
    let kind = prop::sample::select(vec![Draft::dispersed(), Draft::completed(), Draft::agent(), Draft::milestone()]);
    (kind, attributes, json_text(128), json_text(64), amount, state, 0..86_400_000u64).prop_map(
        |(draft, (id, source, time), identifier, label, amount, state, millis)| {
            let time = format!("\"{}\"", jiff::Timestamp::from_millisecond(time).unwrap());
            let seconds = format!("{}.{:03}", millis / 1_000, millis % 1_000);
            let mut draft =
                draft.with("id", &id).with("time", &time).with("source", source.as_deref().unwrap_or("null"));
            for (fields, raw) in [
                (&["beneficiary", "credit", "call", "agent"][..], &identifier),
                (&["programme", "queue", "site", "initiative", "milestone"], &label),
                (&["amount"], &amount),
                (&["state"], &state.to_owned()),
                (&["talk_seconds", "wrap_up_seconds"], &seconds),
            ] {
                for field in fields {
                    draft = if draft.has(field) { draft.with(field, raw) } else { draft };
                }
            }
            draft
        },
    )
}

/// Any JSON value as text.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        any::<i64>().prop_map(|value| value.to_string()),
        json_text(64),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((json_text(16), inner), 0..4).prop_map(|members| format!(
                "{{{}}}",
                members.iter().map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(",")
            )),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        stream in any_stream(),
        value in prop::collection::vec(any::<u8>(), 0..200),
        headers in any_headers(),
        timestamp in any::<Option<i64>>(),
    ) {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        let _ = draft::decode(stream, &RawRecord { value: Some(&value), timestamp: timestamp.map(Timestamp::from_millis), headers: &headers, ..RawRecord::default() });
    }

    #[test]
    fn damaged_events_never_panic(
        draft in any_draft(),
        stream in any_stream(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut value = draft.value();
        for (index, byte, how) in damage {
            let at = index.index(value.len().max(1)).min(value.len().saturating_sub(1));
            match how {
                0 if !value.is_empty() => value[at] = byte,
                1 => value.insert(at, byte),
                _ => value.truncate(at + 1),
            }
        }
        let _ = draft::decode(stream, &RawRecord { value: Some(&value), timestamp: Some(Timestamp::EPOCH), ..RawRecord::default() });
    }

    /// Any JSON as the value of any field is accepted, or rejected with a fault of that field.
    #[test]
    fn any_value_of_a_field_is_its_own_fault_or_none(
        draft in any_draft(),
        field in prop::sample::select(FIELDS.to_vec()),
        raw in any_json(),
        envelope in prop::sample::select(vec![Envelope::Flat, Envelope::Structured]),
    ) {
        if let Err(rejection) = draft.with(field, &raw).within(envelope).decode() {
            prop_assert_eq!(rejection.field, Some(field));
            prop_assert!(matches!(rejection.reason, Reason::MissingField | Reason::InvalidField | Reason::UnknownType), "{}", rejection);
        }
    }

    #[test]
    fn ignored_fields_change_nothing(draft in any_draft(), raw in any_json(), envelope in prop::sample::select(Envelope::ALL.to_vec())) {
        let draft = draft.within(envelope);
        prop_assert_eq!(draft.clone().with("colour", &raw).outside("flavour", &raw).decode(), draft.decode());
    }

    #[test]
    fn events_are_alike_in_every_envelope(draft in any_draft()) {
        let flat = draft.decode();
        prop_assert!(flat.is_ok(), "{:?} {:?}", flat, draft);
        for envelope in Envelope::ALL {
            prop_assert_eq!(draft.clone().within(envelope).decode(), flat.clone());
            prop_assert_eq!(draft.clone().within(envelope).framed().decode(), flat.clone());
        }
    }

    /// serde_json's own string decoding is the witness.
    #[test]
    fn labels_are_what_their_text_spells(label in json_text(64)) {
        let (_, labels) = Draft::dispersed().with("programme", &label).decode().unwrap();
        prop_assert_eq!(&labels[0], &serde_json::from_str::<String>(&label).unwrap());
    }
}
