//! The fields of a JSON object that Pacemeter knows, found in one pass and not yet judged.
//!
//! Which field counts, and which fault counts first, depends on others that may stand later in the object. So the pass only remembers where
//! each known field's value lies in the record's text; what it must be is asked afterwards, field by field, in the contract's order.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::record::{Reason, Rejection};

use super::strict;

/// Declares the known fields, in the order in which their faults count.
macro_rules! fields {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A known field: an attribute, a mark of an envelope or a field of the data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Field { $($variant),+ }

        impl Field {
            const ALL: &[Field] = &[$(Field::$variant),+];

            pub(super) fn name(self) -> &'static str {
                match self { $(Field::$variant => $name),+ }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Field::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    Id = "id",
    Source = "source",
    Type = "type",
    Time = "time",
    SpecVersion = "specversion",
    Data = "data",
    DataBase64 = "data_base64",
    Programme = "programme",
    State = "state",
    Beneficiary = "beneficiary",
    Credit = "credit",
    Amount = "amount",
    Currency = "currency",
    Call = "call",
    Queue = "queue",
    TalkSeconds = "talk_seconds",
    HoldSeconds = "hold_seconds",
    WrapUpSeconds = "wrap_up_seconds",
    Agent = "agent",
    Site = "site",
    Status = "status",
    Initiative = "initiative",
    Milestone = "milestone",
    Quantity = "quantity",
}

impl Field {
    const COUNT: usize = Field::ALL.len();
    /// From here on the fields belong to the data, before it to the envelope.
    pub(super) const FIRST_OF_DATA: Field = Field::Programme;

    pub(super) fn missing(self) -> Rejection {
        Rejection::field(Reason::MissingField, self.name())
    }

    pub(super) fn invalid(self) -> Rejection {
        Rejection::field(Reason::InvalidField, self.name())
    }
}

/// What a record says of one field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    Absent,
    /// Given twice, or a header that is not UTF-8.
    Faulty,
    /// A JSON value of any type, by its own text.
    Json(&'a str),
    /// A header's text.
    Plain(&'a str),
}

/// The known fields of a record. Borrows the record's memory.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    given: [Given<'a>; Field::COUNT],
    /// Whether a string of the record may hold an escape.
    escaped: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn none() -> Self {
        Self { given: [Given::Absent; Field::COUNT], escaped: false }
    }

    /// Finds the fields of the object `value`, those before `first` being unknown.
    ///
    /// Takes linear time: serde_json goes over the text once, without recursion (its values are skipped, not built), the strict scan once
    /// more where it is needed. No known field's text is looked at more than a fixed number of times later.
    pub(super) fn read(&mut self, value: &'a [u8], first: Field) -> Result<(), Rejection> {
        let not_json = Rejection::of(Reason::NotJson);
        let text = std::str::from_utf8(value).map_err(|_| not_json)?;
        let census = strict::census(value);
        self.escaped = census.escapes;
        self.add(text, first)?;
        if census.needs_scan() && !strict::is_strict(value) { Err(not_json) } else { Ok(()) }
    }

    /// Replaces the data's fields by those of the object `data`, a part of the text that was read before.
    pub(super) fn descend(&mut self, data: &'a str) -> Result<(), Rejection> {
        self.given[Field::FIRST_OF_DATA as usize..].fill(Given::Absent);
        self.add(data, Field::FIRST_OF_DATA)
    }

    fn add(&mut self, text: &'a str, first: Field) -> Result<(), Rejection> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = deserializer.deserialize_map(Finder { given: &mut self.given, first });
        read.and_then(|()| deserializer.end()).map_err(|_| Rejection::of(Reason::NotJson))
    }

    pub(super) fn set(&mut self, field: Field, given: Given<'a>) {
        self.given[field as usize] = given;
    }

    /// What is given; `null` is absent.
    #[inline]
    pub(super) fn given(&self, field: Field) -> Given<'a> {
        match self.given[field as usize] {
            Given::Json("null") => Given::Absent,
            given => given,
        }
    }

    /// A string of 1 to `bound` bytes (after unescaping).
    #[inline]
    pub(super) fn required(&self, field: Field, bound: usize) -> Result<Cow<'a, str>, Rejection> {
        self.optional(field, bound)?.ok_or_else(|| field.missing())
    }

    /// A string of 1 to `bound` bytes (after unescaping), or nothing.
    #[inline]
    pub(super) fn optional(&self, field: Field, bound: usize) -> Result<Option<Cow<'a, str>>, Rejection> {
        match self.string(field)? {
            Some(text) if text.is_empty() || text.len() > bound => Err(field.invalid()),
            text => Ok(text),
        }
    }

    /// A string of any length, or nothing.
    #[inline]
    pub(super) fn string(&self, field: Field) -> Result<Option<Cow<'a, str>>, Rejection> {
        match self.any(field)? {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Other(_)) => Err(field.invalid()),
            None => Ok(None),
        }
    }

    /// A number's own text, or nothing.
    pub(super) fn number(&self, field: Field) -> Result<Option<&'a str>, Rejection> {
        match self.any(field)? {
            // What is syntactically correct and begins with a digit is a number. None of ours may have a sign.
            Some(Value::Other(text)) if text.as_bytes()[0].is_ascii_digit() => Ok(Some(text)),
            Some(_) => Err(field.invalid()),
            None => Ok(None),
        }
    }

    /// A value of any type, or nothing.
    #[inline]
    pub(super) fn any(&self, field: Field) -> Result<Option<Value<'a>>, Rejection> {
        match self.given(field) {
            Given::Absent => Ok(None),
            Given::Faulty => Err(field.invalid()),
            Given::Plain(text) => Ok(Some(Value::String(Cow::Borrowed(text)))),
            Given::Json(raw) => match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
                None => Ok(Some(Value::Other(raw))),
                Some(inner) if !self.escaped || !inner.contains('\\') => Ok(Some(Value::String(Cow::Borrowed(inner)))),
                Some(_) => match serde_json::from_str(raw) {
                    Ok(text) => Ok(Some(Value::String(Cow::Owned(text)))),
                    Err(_) => Err(field.invalid()),
                },
            },
        }
    }
}

/// A value as given: a string by what it spells, anything else by its own text.
pub(super) enum Value<'a> {
    String(Cow<'a, str>),
    Other(&'a str),
}

impl Value<'_> {
    pub(super) fn as_given(&self) -> &str {
        match self {
            Value::String(text) => text,
            Value::Other(text) => text,
        }
    }

    #[inline]
    pub(super) fn string(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Other(_) => None,
        }
    }
}

/// Notes the values of known fields as it goes over an object.
struct Finder<'f, 'a> {
    given: &'f mut [Given<'a>; Field::COUNT],
    first: Field,
}

impl<'a> Visitor<'a> for Finder<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            match key {
                Some(field) if field >= self.first => {
                    let value = Given::Json(map.next_value::<&RawValue>()?.get());
                    let given = &mut self.given[field as usize];
                    *given = if matches!(given, Given::Absent) { value } else { Given::Faulty };
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads a key, by what it spells, as a known field.
struct Key;

impl<'a> DeserializeSeed<'a> for Key {
    type Value = Option<Field>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<Field>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Field::from_name(key))
    }
}
