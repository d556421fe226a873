//! Amounts with the unit they are counted in.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Amount of a measure, with its unit.
///
/// Ratios are equal if their values are, however they are given.
#[derive(Debug, Clone, Copy)]
pub enum Quantity {
    /// Number of people, dispersals, calls or other things.
    Count(i128),
    /// Money, in hundredths of a peso.
    Centavos(i128),
    /// Ratio as given, such as the goal of a service level.
    Ratio(f64),
    /// Ratio as counted. The denominator is not 0.
    Fraction {
        /// Part of the denominator, such as calls answered in time.
        numerator: i128,
        /// All of them.
        denominator: i128,
    },
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Quantity::Count(one), Quantity::Count(other)) | (Quantity::Centavos(one), Quantity::Centavos(other)) => {
                one == other
            }
            (one, other) => one.ratio().is_some() && one.ratio() == other.ratio(),
        }
    }
}

impl Quantity {
    /// Multiplies by `part`, rounding to the nearest whole unit or centavo. A ratio is returned unchanged.
    pub fn times(self, part: f64) -> Self {
        let scaled = |amount: i128| (amount as f64 * part).round() as i128;
        match self {
            Quantity::Count(count) => Quantity::Count(scaled(count)),
            Quantity::Centavos(centavos) => Quantity::Centavos(scaled(centavos)),
            ratio @ (Quantity::Ratio(_) | Quantity::Fraction { .. }) => ratio,
        }
    }

    /// Difference from an amount in the same unit; `None` if the units differ.
    pub fn above(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Quantity::Count(one), Quantity::Count(other)) => Some(Quantity::Count(one - other)),
            (Quantity::Centavos(one), Quantity::Centavos(other)) => Some(Quantity::Centavos(one - other)),
            (one, other) => Some(Quantity::Ratio(one.ratio()? - other.ratio()?)),
        }
    }

    /// Value of a ratio; `None` for an amount.
    pub fn ratio(self) -> Option<f64> {
        match self {
            Quantity::Count(_) | Quantity::Centavos(_) => None,
            Quantity::Ratio(ratio) => Some(ratio),
            Quantity::Fraction { numerator, denominator } => Some(numerator as f64 / denominator as f64),
        }
    }

    /// Replaces the counts of a ratio by its value.
    pub fn without_counts(self) -> Self {
        self.ratio().map_or(self, Quantity::Ratio)
    }

    /// Text with every digit: a whole number, pesos with two decimals, or the shortest decimals of a ratio.
    pub fn exact_text(self) -> String {
        match self {
            Quantity::Count(count) => count.to_string(),
            Quantity::Centavos(centavos) => pesos(centavos),
            Quantity::Ratio(_) | Quantity::Fraction { .. } => self.value().to_string(),
        }
    }

    /// Value in the unit shown: people, pesos, calls, a ratio.
    pub fn value(self) -> f64 {
        match self {
            Quantity::Count(count) => count as f64,
            Quantity::Centavos(centavos) => centavos as f64 / 100.0,
            Quantity::Ratio(_) | Quantity::Fraction { .. } => self.ratio().unwrap_or_default(),
        }
    }
}

/// Form for people, with all digits: `100,000`, `25,000.00`, `81.3 %`.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |number: i128| if number < 0 { "-" } else { "" };
        match *self {
            Quantity::Count(count) => write!(out, "{}{}", sign(count), grouped(count.unsigned_abs())),
            Quantity::Centavos(centavos) => {
                let (pesos, part) = (centavos.unsigned_abs() / 100, centavos.unsigned_abs() % 100);
                write!(out, "{}{}.{part:02}", sign(centavos), grouped(pesos))
            }
            Quantity::Ratio(_) | Quantity::Fraction { .. } => write!(out, "{:.1} %", self.value() * 100.0),
        }
    }
}

/// Formats with separators of thousands.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// JSON form: a whole number for a count, a string of pesos with two decimals for money (exact for every reader), and a
/// number with decimals for a ratio.
impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Quantity::Count(count) => {
                serializer.serialize_i64(i64::try_from(count).map_err(serde::ser::Error::custom)?)
            }
            Quantity::Centavos(centavos) => serializer.serialize_str(&pesos(centavos)),
            Quantity::Ratio(_) | Quantity::Fraction { .. } => serializer.serialize_f64(self.value()),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let count = value.as_i64().map(|count| Quantity::Count(count.into()));
        let money = || value.as_str().and_then(centavos).map(Quantity::Centavos);
        let ratio = || value.as_f64().map(Quantity::Ratio);
        count
            .or_else(money)
            .or_else(ratio)
            .ok_or_else(|| D::Error::custom("no count, pesos with two decimals, or ratio"))
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Amount of a measure: a whole number of a count, pesos as text with two decimals, or a ratio.",
            "anyOf": [
                { "type": "integer", "description": "Count." },
                { "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2}$", "description": "Pesos." },
                { "type": "number", "description": "Ratio." },
            ],
        })
    }
}

/// Formats pesos with two decimals, such as `-25000.00`.
fn pesos(centavos: i128) -> String {
    let sign = if centavos < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", centavos.unsigned_abs() / 100, centavos.unsigned_abs() % 100)
}

fn centavos(text: &str) -> Option<i128> {
    let (whole, part) = text.split_once('.').filter(|(_, part)| part.len() == 2)?;
    let digits = format!("{whole}{part}");
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_centavo_and_the_unit() {
        let amounts = [
            Quantity::Count(-3),
            Quantity::Centavos(923_200_000_000_005),
            Quantity::Centavos(-5),
            Quantity::Ratio(1.0),
            Quantity::Ratio(0.8),
        ];
        let texts = ["-3", "\"9232000000000.05\"", "\"-0.05\"", "1.0", "0.8"];
        for (amount, text) in amounts.into_iter().zip(texts) {
            assert_eq!(serde_json::to_string(&amount).unwrap(), text);
            assert_eq!(serde_json::from_str::<Quantity>(text).unwrap(), amount);
        }
        assert!(serde_json::from_str::<Quantity>("\"12.5\"").is_err());
    }

    #[test]
    fn a_counted_ratio_is_its_value() {
        let fraction = |numerator, denominator| Quantity::Fraction { numerator, denominator };
        assert_eq!(serde_json::to_string(&fraction(4, 5)).unwrap(), "0.8");
        assert_eq!((fraction(4, 5), fraction(8, 10)), (Quantity::Ratio(0.8), fraction(4, 5)));
        assert_ne!(fraction(4, 5), Quantity::Count(1));
        assert_ne!(Quantity::Count(1), Quantity::Centavos(1));
        assert_eq!(fraction(3, 4).above(Quantity::Ratio(0.5)), Some(Quantity::Ratio(0.25)));
    }
}
