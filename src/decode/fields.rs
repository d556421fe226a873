//! The known fields of a JSON object, found in one pass and checked later.
//!
//! The fields that count, and the fault that counts first, may depend on fields that stand later in the object. So the
//! pass only remembers each known field's slice of the text; the checks follow field by field, in the order of
//! spec/events.md#order-of-faults.

use std::borrow::Cow;

use crate::record::{Reason, Rejection};

use super::memory::Spellings;
use super::payload::Payload;
use super::scan::{self, Fault, Place, Scan};

pub(super) use super::field::Field;

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

impl<'a> FieldValue<'a> {
    /// Adds a value of the object; a second one makes the field faulty.
    #[inline]
    fn add(&mut self, value: scan::Value<'a>) {
        *self = match (*self, value) {
            (FieldValue::Absent, scan::Value::Plain(text)) => FieldValue::Plain(text),
            (FieldValue::Absent, scan::Value::Raw(raw)) => FieldValue::Json(raw),
            _ => FieldValue::Faulty,
        };
    }
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

    /// Finds the fields of the object in the value, those before `first` being unknown; faster with spellings.
    ///
    /// Takes linear time: the text is gone over once for UTF-8 and once for JSON, and twice if it has a fault. No known
    /// field's text is looked at more than a fixed number of times later.
    pub(super) fn read<S: Scan>(
        &mut self,
        payload: Payload<'a>,
        first: Field,
        spellings: Option<&mut Spellings>,
    ) -> Result<(), Rejection> {
        if let Some(spellings) = spellings {
            if let Some(text) = spellings.marks.text(payload.json())
                && self.add_guided(text, first, spellings)
            {
                return Ok(());
            }
            self.given.fill(FieldValue::Absent);
        }
        let text = std::str::from_utf8(payload.json()).map_err(|error| payload.not_utf8(error))?;
        self.add::<S>(text, first).map_err(|fault| payload.not_json(text, fault))
    }

    /// Replaces the data's fields by those of the object `data`, a part of the text that was read before.
    pub(super) fn descend<S: Scan>(
        &mut self,
        data: &'a str,
        spellings: Option<&mut Spellings>,
    ) -> Result<(), Rejection> {
        let first = Field::FIRST_OF_DATA;
        self.given[first as usize..].fill(FieldValue::Absent);
        if let Some(spellings) = spellings {
            if spellings.marks.mark(data.as_bytes()).is_some() && self.add_guided(data, first, spellings) {
                return Ok(());
            }
            self.given[first as usize..].fill(FieldValue::Absent);
        }
        // The data has no fault: it was read with the text around it.
        self.add::<S>(data, first).map_err(|_| Rejection::of(Reason::NotJson))
    }

    fn add<S: Scan>(&mut self, text: &'a str, first: Field) -> Result<(), Fault> {
        S::object(text, |key, value| {
            if let Some(field) = Field::from_name(key.as_bytes()).filter(|&field| field >= first) {
                self.given[field as usize].add(value);
            }
        })
    }

    /// Adds the fields of a text that the marks are of, with guesses; false if the scanner has to do it.
    fn add_guided(&mut self, text: &'a str, first: Field, spellings: &mut Spellings) -> bool {
        let start = if first == Field::FIRST_OF_DATA { Place::DATA } else { Place::RECORD };
        let Spellings { marks, guesses, .. } = spellings;
        let found = |field, value| {
            if field >= first {
                self.given[field as usize].add(value);
            }
        };
        scan::guided(text, marks, guesses, start, found).is_some()
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
        // The usual case, before the ways to what it might be instead.
        if let FieldValue::Plain(text) = self.given[field as usize]
            && (1..=bound).contains(&text.len())
        {
            return Ok(Some(Cow::Borrowed(text)));
        }
        match self.string(field)? {
            Some(text) if text.is_empty() || text.len() > bound => Err(field.invalid()),
            text => Ok(text),
        }
    }

    /// A string of any length, or nothing.
    #[inline]
    pub(super) fn string(&self, field: Field) -> Result<Option<Cow<'a, str>>, Rejection> {
        match self.given(field) {
            FieldValue::Plain(text) => Ok(Some(Cow::Borrowed(text))),
            FieldValue::Absent => Ok(None),
            FieldValue::Json(raw) if let Some(text) = unescaped(raw) => Ok(Some(Cow::Owned(text))),
            FieldValue::Json(_) | FieldValue::Faulty => Err(field.invalid()),
        }
    }

    /// A value of any type, or nothing.
    #[inline]
    pub(super) fn any(&self, field: Field) -> Result<Option<Value<'a>>, Rejection> {
        match self.given(field) {
            FieldValue::Absent => Ok(None),
            FieldValue::Faulty => Err(field.invalid()),
            FieldValue::Plain(text) => Ok(Some(Value::String(Cow::Borrowed(text)))),
            FieldValue::Json(raw) => Ok(Some(match unescaped(raw) {
                Some(text) => Value::String(Cow::Owned(text)),
                None => Value::Other(raw),
            })),
        }
    }
}

/// Text that a string with escapes spells; `None` for other values.
fn unescaped(raw: &str) -> Option<String> {
    if raw.starts_with('"') { serde_json::from_str(raw).ok() } else { None }
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
