//! The scanner's task done with serde_json: the witness of the tests and the reference of `benches/decode.rs`. The
//! program never calls it.
//!
//! A visitor collects the members as raw values, and a second pass looks at what raw values leave unchecked: lone
//! surrogates and depth.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Fault, MAX_DEPTH, Scan, Value};

/// Scans with serde_json.
pub(in crate::decode) struct SerdeJson;

impl Scan for SerdeJson {
    /// Says by itself if there is a fault; where it is, the scanner says.
    fn object<'a>(text: &'a str, found: impl FnMut(&str, Value<'a>)) -> Result<(), Fault> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = Members { depth: 1, found }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
        read.map_err(|_| super::object(text, |_, _| {}).err().unwrap_or(Fault::end(text.as_bytes())))
    }
}

/// Hands each member of an object at `depth` to `found`.
struct Members<F> {
    depth: usize,
    found: F,
}

impl<'de, F: FnMut(&str, Value<'de>)> DeserializeSeed<'de> for Members<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, Value<'de>)> Visitor<'de> for Members<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &RawValue>()? {
            let raw = raw.get();
            if !is_sound(raw, self.depth + 1) {
                return Err(A::Error::custom("a lone surrogate, or too deep"));
            }
            let plain =
                raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|text| !text.contains('\\'));
            (self.found)(&key, plain.map_or(Value::Raw(raw), Value::Plain));
        }
        Ok(())
    }
}

/// A key, borrowed if it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// True if serde_json can unescape every string in a value at `depth`, and nothing in it lies deeper than
/// [`MAX_DEPTH`].
fn is_sound(raw: &str, depth: usize) -> bool {
    match raw.as_bytes()[0] {
        b'"' => !raw.contains('\\') || serde_json::from_str::<String>(raw).is_ok(),
        b'[' => {
            depth <= MAX_DEPTH
                && serde_json::from_str::<Vec<&RawValue>>(raw)
                    .is_ok_and(|items| items.iter().all(|item| is_sound(item.get(), depth + 1)))
        }
        b'{' if depth <= MAX_DEPTH => {
            // The visitor looks into the values one level deeper.
            let mut deserializer = serde_json::Deserializer::from_str(raw);
            Members { depth, found: |_: &str, _: Value<'_>| {} }.deserialize(&mut deserializer).is_ok()
        }
        b'{' => false,
        _ => true,
    }
}
