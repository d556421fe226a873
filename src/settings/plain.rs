//! TOML as it stands in a text: plain values, and the lines that they are on.

use config::{Value, ValueKind};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// A value that remembers where it came from.
pub(super) fn plain(
    value: &Spanned<DeValue<'_>>,
    origin: &dyn Fn(Range<usize>) -> String,
) -> Result<Value, &'static str> {
    let kind = match value.get_ref() {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        DeValue::Integer(digits) => {
            let number =
                i64::from_str_radix(digits.as_str(), digits.radix()).map_err(|_| "is a number of more than 64 bits")?;
            ValueKind::I64(number)
        }
        DeValue::Float(digits) => {
            ValueKind::Float(digits.as_str().parse().map_err(|_| "is a number that cannot be read")?)
        }
        DeValue::Datetime(datetime) => ValueKind::String(datetime.to_string()),
        DeValue::Array(items) => {
            ValueKind::Array(items.iter().map(|item| plain(item, origin)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(entries) => {
            let entry = |(name, value): (&Spanned<_>, &Spanned<_>)| {
                Ok((ToString::to_string(name.get_ref()), plain(value, origin)?))
            };
            ValueKind::Table(entries.iter().map(entry).collect::<Result<_, &'static str>>()?)
        }
    };
    Ok(Value::new(Some(&origin(value.span())), kind))
}

/// The line, counted from 1, of a byte offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
