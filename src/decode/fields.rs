//! The known fields of a JSON object, found in one pass and checked later.
//!
//! The fields that count, and the fault that counts first, may depend on fields that stand later in the object. So the
//! pass only remembers each known field's slice of the text; the checks follow field by field, in the order of
//! spec/events.md#order-of-faults.

use std::borrow::Cow;

use crate::record::{Reason, Rejection};

use super::payload::Payload;
use super::scan::{self, Fault, Scan};

/// Declares the known fields in the order of spec/events.md#order-of-faults.
macro_rules! fields {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A known field: an attribute, a mark of an envelope or a field of the data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Field { $($variant),+ }

        impl Field {
            const ALL: &[Field] = &[$(Field::$variant),+];

            pub(super) fn name(self) -> &'static str {
                match self { $(Field::$variant => const { ascii($name) }),+ }
            }

            /// Matches bytes: the compiler turns them into a decision tree, and strings into a list of comparisons.
            fn from_name(name: &[u8]) -> Option<Self> {
                match name { $($name => Some(Field::$variant),)+ _ => None }
            }
        }
    };
}

/// A field's name as text, at compile time.
const fn ascii(name: &'static [u8]) -> &'static str {
    match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(_) => panic!("a field's name is ascii"),
    }
}

fields! {
    Id = b"id",
    Source = b"source",
    Type = b"type",
    Time = b"time",
    SpecVersion = b"specversion",
    Data = b"data",
    DataBase64 = b"data_base64",
    Programme = b"programme",
    State = b"state",
    Beneficiary = b"beneficiary",
    Credit = b"credit",
    Amount = b"amount",
    Currency = b"currency",
    Call = b"call",
    Queue = b"queue",
    TalkSeconds = b"talk_seconds",
    HoldSeconds = b"hold_seconds",
    WrapUpSeconds = b"wrap_up_seconds",
    Agent = b"agent",
    Site = b"site",
    Status = b"status",
    Initiative = b"initiative",
    Milestone = b"milestone",
    Quantity = b"quantity",
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

/// Value of one field as given.
#[derive(Debug, Clone, Copy)]
pub(super) enum FieldValue<'a> {
    Absent,
    /// Given twice, or a header that is not UTF-8.
    Faulty,
    /// Text of a header, or of a JSON string without escapes.
    Plain(&'a str),
    /// Source text of any other JSON value; one that begins with a quote has escapes.
    Json(&'a str),
}

/// The known fields of a record. Borrows the record's memory.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    given: [FieldValue<'a>; Field::COUNT],
}

impl<'a> Fields<'a> {
    pub(super) fn none() -> Self {
        Self { given: [FieldValue::Absent; Field::COUNT] }
    }

    /// Finds the fields of the object in the value, those before `first` being unknown.
    ///
    /// Takes linear time: the text is gone over once for UTF-8, which is all but free, and once for JSON. No known
    /// field's text is looked at more than a fixed number of times later.
    pub(super) fn read<S: Scan>(&mut self, payload: Payload<'a>, first: Field) -> Result<(), Rejection> {
        let text = std::str::from_utf8(payload.json()).map_err(|error| payload.not_utf8(error))?;
        self.add::<S>(text, first).map_err(|fault| payload.not_json(text, fault))
    }

    /// Replaces the data's fields by those of the object `data`, a part of the text that was read before.
    pub(super) fn descend<S: Scan>(&mut self, data: &'a str) -> Result<(), Rejection> {
        self.given[Field::FIRST_OF_DATA as usize..].fill(FieldValue::Absent);
        // The data has no fault: it was read with the text around it.
        self.add::<S>(data, Field::FIRST_OF_DATA).map_err(|_| Rejection::of(Reason::NotJson))
    }

    fn add<S: Scan>(&mut self, text: &'a str, first: Field) -> Result<(), Fault> {
        let found = |key: &str, value| {
            let Some(field) = Field::from_name(key.as_bytes()).filter(|&field| field >= first) else { return };
            let given = &mut self.given[field as usize];
            *given = match (*given, value) {
                (FieldValue::Absent, scan::Value::Plain(text)) => FieldValue::Plain(text),
                (FieldValue::Absent, scan::Value::Raw(raw)) => FieldValue::Json(raw),
                _ => FieldValue::Faulty,
            };
        };
        S::object(text, found)
    }

    pub(super) fn set(&mut self, field: Field, given: FieldValue<'a>) {
        self.given[field as usize] = given;
    }

    /// Value of a field; `null` is absent.
    #[inline]
    pub(super) fn given(&self, field: Field) -> FieldValue<'a> {
        match self.given[field as usize] {
            FieldValue::Json("null") => FieldValue::Absent,
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

    /// A value of any type, or nothing.
    #[inline]
    pub(super) fn any(&self, field: Field) -> Result<Option<Value<'a>>, Rejection> {
        match self.given(field) {
            FieldValue::Absent => Ok(None),
            FieldValue::Faulty => Err(field.invalid()),
            FieldValue::Plain(text) => Ok(Some(Value::String(Cow::Borrowed(text)))),
            FieldValue::Json(raw) if raw.starts_with('"') => match serde_json::from_str(raw) {
                Ok(text) => Ok(Some(Value::String(Cow::Owned(text)))),
                Err(_) => Err(field.invalid()),
            },
            FieldValue::Json(raw) => Ok(Some(Value::Other(raw))),
        }
    }
}

/// A value as given: an unescaped string, or the source text of anything else.
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
