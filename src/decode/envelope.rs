//! The envelope of a record, and the fields in it (spec/events.md#envelopes).
//!
//! CloudEvents 1.0.2, Kafka protocol binding, sections 3.2 (binary) and 3.3 (structured), and Pacemeter's own flat
//! form.

use crate::record::{Header, Reason, Rejection};

use super::fields::{Field, FieldValue, Fields};
use super::memory::Spellings;
use super::payload::Payload;
use super::scan::Scan;

/// Finds the fields of a record, wherever its envelope has them.
pub(super) fn open<'a, S: Scan>(
    payload: Payload<'a>,
    headers: &[Header<'a>],
    fields: &mut Fields<'a>,
    mut spellings: Option<&mut Spellings>,
) -> Result<(), Rejection> {
    let headers = Headers::find(headers)?;
    let structured = match headers.content_type {
        None => false,
        Some(content_type) => is_structured(content_type).ok_or(Rejection::of(Reason::UnsupportedFormat))?,
    };
    if !structured && headers.are_binary() {
        fields.read::<S>(payload, Field::FIRST_OF_DATA, spellings)?;
        for (field, given) in Headers::ATTRIBUTES.into_iter().zip(headers.attributes) {
            fields.set(field, given);
        }
        return Ok(());
    }
    fields.read::<S>(payload, Field::Id, spellings.as_deref_mut())?;
    if structured || !matches!(fields.given(Field::SpecVersion), FieldValue::Absent) {
        descend::<S>(fields, spellings)
    } else {
        Ok(())
    }
}

/// Goes from a structured CloudEvent into its data.
fn descend<S: Scan>(fields: &mut Fields<'_>, spellings: Option<&mut Spellings>) -> Result<(), Rejection> {
    if !matches!(fields.given(Field::DataBase64), FieldValue::Absent) {
        return Err(Rejection::field(Reason::UnsupportedFormat, Field::DataBase64.name()));
    }
    if matches!(fields.given(Field::SpecVersion), FieldValue::Faulty) {
        return Err(Field::SpecVersion.invalid());
    }
    match fields.given(Field::Data) {
        FieldValue::Json(data) if data.starts_with('{') => fields.descend::<S>(data, spellings),
        FieldValue::Absent => Err(Field::Data.missing()),
        _ => Err(Field::Data.invalid()),
    }
}

/// Headers that decide the envelope.
struct Headers<'a> {
    /// Without parameters; `None` if there is none, or an empty one.
    content_type: Option<&'a str>,
    attributes: [FieldValue<'a>; 4],
}

impl<'a> Headers<'a> {
    const ATTRIBUTES: [Field; 4] = [Field::Id, Field::Source, Field::Type, Field::Time];

    /// A header may be repeated with an equal value, as retries copy it; the content type in any case of its letters.
    /// One that has two values, of which one may be null, or is not UTF-8, is faulty; such a content type is unsupported.
    fn find(headers: &[Header<'a>]) -> Result<Self, Rejection> {
        let mut content_type = FieldValue::Absent;
        let mut attributes = [FieldValue::Absent; 4];
        for &(name, value) in headers {
            let given = match name {
                "ce_id" => &mut attributes[0],
                "ce_source" => &mut attributes[1],
                "ce_type" => &mut attributes[2],
                "ce_time" => &mut attributes[3],
                _ if name.eq_ignore_ascii_case("content-type") => &mut content_type,
                _ => continue,
            };
            let is_same = |first: &str, text: &str| {
                if name.starts_with("ce_") { first == text } else { first.eq_ignore_ascii_case(text) }
            };
            *given = match (*given, value.map(std::str::from_utf8)) {
                (FieldValue::Absent | FieldValue::Json(_), None) => FieldValue::Json("null"),
                (FieldValue::Absent, Some(Ok(text))) => FieldValue::Plain(text),
                (FieldValue::Plain(first), Some(Ok(text))) if is_same(first, text) => FieldValue::Plain(first),
                _ => FieldValue::Faulty,
            };
        }
        let content_type = match content_type {
            FieldValue::Absent | FieldValue::Json(_) => None,
            FieldValue::Plain(content_type) => Some(media_type(content_type)).filter(|name| !name.is_empty()),
            FieldValue::Faulty => return Err(Rejection::of(Reason::UnsupportedFormat)),
        };
        Ok(Self { content_type, attributes })
    }

    /// True if there is a `ce_id` or a `ce_type`.
    fn are_binary(&self) -> bool {
        let [id, _, kind, _] = &self.attributes;
        [id, kind].into_iter().any(|given| matches!(given, FieldValue::Plain(_) | FieldValue::Faulty))
    }
}

/// A content type without its parameters.
fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or("").trim_ascii()
}

/// True for the media type of a structured CloudEvent, false for other JSON; `None` for anything else, batches of
/// events included.
fn is_structured(media_type: &str) -> Option<bool> {
    let starts_with =
        |prefix: &str| media_type.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let is = |name: &str| media_type.eq_ignore_ascii_case(name);
    if starts_with("application/cloudevents") {
        return (is("application/cloudevents") || is("application/cloudevents+json")).then_some(true);
    }
    let (_, subtype) = media_type.split_once('/')?;
    let suffix = subtype.rsplit_once('+').map_or("", |(_, suffix)| suffix);
    (is("application/json") || is("text/json") || suffix.eq_ignore_ascii_case("json")).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_say_structured_json_or_neither() {
        for name in
            ["application/cloudevents", "Application/CloudEvents+JSON; charset=utf-8", "application/cloudevents ;x"]
        {
            assert_eq!(is_structured(media_type(name)), Some(true), "{name}");
        }
        for name in ["application/json", " text/JSON;charset=utf-8", "application/vnd.x+json", "a/b+c+json"] {
            assert_eq!(is_structured(media_type(name)), Some(false), "{name}");
        }
        for name in [
            "",
            "json",
            "text/plain",
            "application/cloudevents-batch",
            "application/cloudevents-batch+json",
            "application/cloudevents+avro",
            "application/cloudeventsx",
            "application/avro",
            "application/x-json",
            "application/jsonx",
            "text/plain; application/json",
            "aplicación/cloudevents",
        ] {
            assert_eq!(is_structured(media_type(name)), None, "{name}");
        }
    }
}
