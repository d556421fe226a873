//! Figures as they are exposed: exact values by series, read from an exposition or from JSON, and compared.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::families::{ALL, OracleFamily, TARGETS};

/// Values in thousandths by series, such as `pacemeter_week_beneficiaries{programme="x",state="MX-JAL"}`.
///
/// Counts, pesos (two decimals) and seconds (three) are exact; ratios and other real numbers of targets are rounded.
/// Labels are in the order of the family, `le` last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesValues(pub BTreeMap<String, i128>);

/// Series whose value differs between two [`SeriesValues`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesDifference {
    /// Name and labels.
    pub series: String,
    /// Expected value in thousandths; `None` if the series must be absent.
    pub expected: Option<i128>,
    /// Actual value in thousandths; `None` if the series is absent.
    pub actual: Option<i128>,
}

/// Reason why a text cannot be read as figures.
#[derive(Debug, thiserror::Error)]
pub enum SeriesValuesError {
    /// A line of a known family is no sample.
    #[error("line {line} of the exposition is no sample")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A sample's value cannot be compared exactly.
    #[error("line {line} of the exposition has a value that is no decimal with at most three places: {value}")]
    Value {
        /// Number of the line, from 1.
        line: usize,
        /// Text of the value.
        value: String,
    },
    /// A series has two samples.
    #[error("line {line} of the exposition repeats {series}")]
    Repeated {
        /// Number of the line of the second sample, from 1.
        line: usize,
        /// Name and labels.
        series: String,
    },
    /// The text is not the JSON that [`SeriesValues::to_json`] writes.
    #[error("the figures are no json object of decimals in strings")]
    Json(#[from] serde_json::Error),
    /// A value in the JSON cannot be compared exactly.
    #[error("the figure of {series} is no decimal with at most three places: {value}")]
    JsonValue {
        /// Name and labels.
        series: String,
        /// Text of the value.
        value: String,
    },
}

impl SeriesValues {
    /// Reads a Prometheus text exposition; families that neither [`super::Oracle::figures`] nor
    /// [`super::Oracle::target_figures`] has are skipped.
    ///
    /// # Errors
    ///
    /// Fails if a sample of one of its families is malformed, repeated, or has a value that is no plain decimal of at
    /// most three places. Values of targets may have any number of places.
    pub fn parse_exposition(text: &str) -> Result<Self, SeriesValuesError> {
        let mut figures = BTreeMap::new();
        for (index, text) in text.lines().enumerate() {
            let line = index + 1;
            let text = text.trim();
            let name = &text[..text.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(text.len())];
            let Some((family, parse)) = family_of(name) else { continue };
            let (labels, rest) = parse_labels(&text[name.len()..]).ok_or(SeriesValuesError::Malformed { line })?;
            let value = rest.split_whitespace().next().ok_or(SeriesValuesError::Malformed { line })?;
            let value = parse(value).ok_or_else(|| SeriesValuesError::Value { line, value: value.to_owned() })?;
            let series = series_name(name, &in_order(family, &labels));
            match figures.entry(series) {
                Entry::Vacant(entry) => entry.insert(value),
                Entry::Occupied(entry) => {
                    return Err(SeriesValuesError::Repeated { line, series: entry.key().clone() });
                }
            };
        }
        Ok(Self(figures))
    }

    /// Compares these expected values with the actual ones and returns every series that differs, sorted by name.
    pub fn differences(&self, actual: &SeriesValues) -> Vec<SeriesDifference> {
        let mut differences = Vec::new();
        let only_actual = actual.0.keys().filter(|series| !self.0.contains_key(*series));
        for series in self.0.keys().chain(only_actual) {
            let (expected, actual) = (self.0.get(series).copied(), actual.0.get(series).copied());
            if expected != actual {
                differences.push(SeriesDifference { series: series.clone(), expected, actual });
            }
        }
        differences.sort_by(|one, other| one.series.cmp(&other.series));
        differences
    }

    /// JSON object of decimals in strings, one series a line.
    pub fn to_json(&self) -> String {
        let decimals: BTreeMap<&String, String> =
            self.0.iter().map(|(series, &value)| (series, decimal(value))).collect();
        serde_json::to_string_pretty(&decimals).expect("strings by strings are always json")
    }

    /// Reads the JSON that [`SeriesValues::to_json`] writes.
    ///
    /// # Errors
    ///
    /// Fails if the text is no JSON object of strings, or a string is no decimal of at most three places.
    pub fn from_json(text: &str) -> Result<Self, SeriesValuesError> {
        let decimals: BTreeMap<String, String> = serde_json::from_str(text)?;
        let mut figures = BTreeMap::new();
        for (series, value) in decimals {
            let Some(thousandths) = parse_decimal(&value) else {
                return Err(SeriesValuesError::JsonValue { series, value });
            };
            figures.insert(series, thousandths);
        }
        Ok(Self(figures))
    }
}

/// Shortest decimal text of thousandths: 1500 is `1.5`.
pub fn decimal(thousandths: i128) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, part) = (thousandths.unsigned_abs() / 1_000, thousandths.unsigned_abs() % 1_000);
    let text = format!("{sign}{whole}.{part:03}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Parses a decimal with at most three places (trailing zeros do not count) into thousandths.
fn parse_decimal(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let part = format!("{:0<3}", part.trim_end_matches('0'));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(&part) || part.len() > 3 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let part: i128 = part.parse().ok()?;
    Some(sign * whole.checked_mul(1_000)?.checked_add(part)?)
}

/// Parses a value of a target, which may be a real number, into thousandths, rounded.
fn parse_rounded(text: &str) -> Option<i128> {
    parse_decimal(text).or_else(|| text.parse().ok().filter(|value: &f64| value.is_finite()).map(thousandths))
}

/// Reads a value in thousandths.
type Parse = fn(&str) -> Option<i128>;

/// Rounds to the nearest thousandth.
pub(super) fn thousandths(value: f64) -> i128 {
    (value * 1_000.0).round() as i128
}

/// Name and labels of a series, as in an exposition.
pub(super) fn series_name(name: &str, labels: &[(&str, &str)]) -> String {
    let mut text = format!("{name}{{");
    for (index, (label, value)) in labels.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        text.push_str(&format!("{comma}{label}=\"{value}\""));
    }
    text.push('}');
    text
}

/// Family of a sample's name and the parser of its values; `None` if the oracle does not know the family.
fn family_of(name: &str) -> Option<(&'static OracleFamily, Parse)> {
    let of_targets =
        TARGETS.into_iter().find(|family| family.name == name).map(|family| (family, parse_rounded as Parse));
    let of_others = ALL.into_iter().find(|family| {
        let suffix = name.strip_prefix(family.name);
        if family.bounds.is_empty() {
            suffix == Some("")
        } else {
            matches!(suffix, Some("_bucket" | "_sum" | "_count"))
        }
    });
    of_targets.or(of_others.map(|family| (family, parse_decimal as Parse)))
}

/// Labels at the start of `text`, possibly none, and the rest of the text.
fn parse_labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    let Some(mut rest) = text.trim_start().strip_prefix('{') else { return Some((labels, text)) };
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = parse_quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim().to_owned(), value));
        rest = after;
    }
}

/// Label value up to its closing quote, unescaped, and the text after the quote.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            plain => value.push(plain),
        }
    }
    None
}

/// Labels sorted in the order of the family, then `le`. A label that the family does not have comes last, so that it
/// shows as a difference.
fn in_order<'a>(family: &OracleFamily, labels: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
    let position = |name: &str| match family.labels.iter().position(|label| *label == name) {
        Some(position) => position,
        None if name == "le" => family.labels.len(),
        None => family.labels.len() + 1,
    };
    let mut labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    labels.sort_by_key(|(name, _)| position(name));
    labels
}
