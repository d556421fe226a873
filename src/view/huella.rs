//! Short hash of figures, by which people compare a printed page with a file or a screen (`spec/figures.md#huella`).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;
use crate::targets::Quantity;

/// Number of bytes of the hash that are shown.
const BYTES: usize = 5;

/// First bytes of a BLAKE3 hash over offsets and figures; ten hexadecimal digits as text. It finds a difference, and
/// proves nothing against somebody who looks for two contents with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Huella([u8; BYTES]);

impl fmt::Display for Huella {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl Serialize for Huella {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Huella {
    fn schema_name() -> Cow<'static, str> {
        "Huella".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Ten hexadecimal digits of a hash over offsets and figures.",
            "type": "string",
            "pattern": "^[0-9a-f]{10}$",
        })
    }
}

impl<'de> Deserialize<'de> for Huella {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_hex = text.len() == 2 * BYTES && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = is_hex.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        let number = number.ok_or_else(|| D::Error::custom("no ten hexadecimal digits"))?;
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&number.to_be_bytes()[8 - BYTES..]);
        Ok(Self(bytes))
    }
}

/// Hash of a sequence of values in the canonical form: each value is its length in bytes in decimal digits, a colon, its
/// bytes and a comma, so that no two sequences have the same bytes.
#[derive(Debug, Clone)]
pub struct HuellaHasher(blake3::Hasher);

impl HuellaHasher {
    /// Begins with the name of the form and the instant of the figures.
    pub fn new(form: &str, at: Timestamp) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.text(form).instant(at);
        hasher
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.update(format!("{}:", text.len()).as_bytes()).update(text.as_bytes()).update(b",");
        self
    }

    /// Adds a whole number as decimal digits.
    pub fn whole(&mut self, number: impl Into<i128>) -> &mut Self {
        self.text(&number.into().to_string())
    }

    /// Adds the length of a list, which stands before its entries.
    pub fn length(&mut self, length: usize) -> &mut Self {
        self.text(&length.to_string())
    }

    /// Adds an instant as milliseconds since the epoch.
    pub fn instant(&mut self, instant: Timestamp) -> &mut Self {
        self.whole(instant.as_millis())
    }

    /// Adds `true` or `false`.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.text(if flag { "true" } else { "false" })
    }

    /// Adds a number with decimals as `0x` and the 16 hexadecimal digits of its double.
    pub fn decimal(&mut self, number: f64) -> &mut Self {
        self.text(&format!("{:#018x}", number.to_bits()))
    }

    /// Adds a count as decimal digits, money as pesos with two decimals, a ratio as [`HuellaHasher::decimal`], and
    /// nothing as empty text.
    pub fn quantity(&mut self, quantity: Option<Quantity>) -> &mut Self {
        match quantity {
            None => self.text(""),
            Some(Quantity::Count(count)) => self.whole(count),
            Some(money @ Quantity::Centavos(_)) => self.text(&money.exact_text()),
            Some(ratio) => self.decimal(ratio.value()),
        }
    }

    /// Returns the hash of everything so far.
    pub fn finish(&self) -> Huella {
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&self.0.finalize().as_bytes()[..BYTES]);
        Huella(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huella_is_ten_digits_and_comes_back() {
        let huella = HuellaHasher::new("form", Timestamp::from_millis(7)).finish();
        let text = serde_json::to_string(&huella).unwrap();
        let expected = blake3::hash(b"4:form,1:7,").to_hex();
        assert_eq!(text, format!("\"{}\"", &expected[..10]));
        assert_eq!(serde_json::from_str::<Huella>(&text).unwrap(), huella);
        for other in ["\"0123456789a\"", "\"+12345678a\"", "\"ABCDEF0123\"", "\"\"", "7"] {
            assert!(serde_json::from_str::<Huella>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn values_of_different_kinds_have_different_forms() {
        let of = |quantity| HuellaHasher::new("form", Timestamp::from_millis(7)).quantity(quantity).finish();
        let forms = [
            of(None),
            of(Some(Quantity::Count(0))),
            of(Some(Quantity::Centavos(0))),
            of(Some(Quantity::Ratio(0.0))),
            of(Some(Quantity::Fraction { numerator: 1, denominator: 2 })),
        ];
        assert_eq!(forms.iter().collect::<std::collections::BTreeSet<_>>().len(), forms.len());
        assert_eq!(of(Some(Quantity::Ratio(0.5))), forms[4], "a ratio is its value, as in the API");
        let two =
            |one: &str, other: &str| HuellaHasher::new("", Timestamp::from_millis(7)).text(one).text(other).finish();
        assert_ne!(two("a", "b,"), two("a,1:b", ""));
    }
}
