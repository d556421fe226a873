//! Writer of the Prometheus text format 0.0.4.
//!
//! It is written by hand because the values of the prometheus crate's encoder are `f64`, and ours are exact decimals.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::clock::{Millis, Timestamp};
use crate::targets::Quantity;
use crate::telemetry::catalogue::Family;
use crate::view::histogram::Histogram;

/// Exposition under construction. A family that would exceed `max_series` is omitted whole, because the sum over a part
/// of it would be too small; its series are counted.
pub(super) struct Exposition {
    text: String,
    family: Option<&'static Family>,
    /// Start of the current family: bytes of text and number of series before it.
    start: (usize, usize),
    series: usize,
    max_series: usize,
    dropped: BTreeMap<&'static str, u64>,
    /// Labels of the histogram that is being written.
    labels: String,
}

/// Label sets of many families, written once as they stand in each line: `programme="x",state="y"`.
pub(super) struct LabelSets {
    names: &'static [&'static str],
    sets: Vec<String>,
}

impl LabelSets {
    /// Writes sets of values of the labels `names`.
    pub(super) fn new<'a, const N: usize>(
        names: &'static [&'static str],
        sets: impl Iterator<Item = [&'a str; N]>,
    ) -> Self {
        assert_eq!(names.len(), N, "each label has a value");
        let written = |values: [&str; N]| {
            let mut text = String::new();
            push_labels(&mut text, names, &values);
            text.shrink_to_fit();
            text
        };
        Self { names, sets: sets.map(written).collect() }
    }
}

/// Value of a sample, in its own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum SampleValue {
    /// Plain number.
    Number(u128),
    /// Centavos, written as pesos.
    Centavos(u128),
    /// Milliseconds, written as seconds.
    Millis(u128),
    /// Ratio or a value derived from one; never a count or a sum.
    Real(f64),
}

impl From<u64> for SampleValue {
    fn from(number: u64) -> Self {
        Self::Number(u128::from(number))
    }
}

impl From<u128> for SampleValue {
    fn from(number: u128) -> Self {
        Self::Number(number)
    }
}

impl From<Quantity> for SampleValue {
    fn from(quantity: Quantity) -> Self {
        match quantity {
            Quantity::Count(count) => u128::try_from(count).map_or(Self::Real(quantity.value()), Self::Number),
            Quantity::Centavos(centavos) => {
                u128::try_from(centavos).map_or(Self::Real(quantity.value()), Self::Centavos)
            }
            Quantity::Ratio(_) | Quantity::Fraction { .. } => Self::Real(quantity.value()),
        }
    }
}

impl SampleValue {
    /// Returns an instant in seconds since the epoch; one before it becomes 0.
    pub(super) fn instant(time: Timestamp) -> Self {
        Self::Millis(u128::try_from(time.as_millis()).unwrap_or(0))
    }

    /// A length of time; a negative one is written as 0.
    pub(super) fn duration(length: Millis) -> Self {
        Self::Millis(u128::try_from(length).unwrap_or(0))
    }
}

impl Exposition {
    /// Creates an empty exposition with room for `bytes`.
    pub(super) fn new(max_series: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            family: None,
            start: (0, 0),
            series: 0,
            max_series,
            dropped: BTreeMap::new(),
            labels: String::new(),
        }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, family: &'static Family) {
        self.family = Some(family);
        self.start = (self.text.len(), self.series);
        self.text.push_str("# HELP ");
        self.text.push_str(family.name);
        self.text.push(' ');
        self.text.push_str(&family.help.replace('\\', r"\\").replace('\n', r"\n"));
        self.text.push_str("\n# TYPE ");
        self.text.push_str(family.name);
        self.text.push(' ');
        self.text.push_str(family.kind.name());
        self.text.push('\n');
    }

    /// Writes a sample of the current family, with label values in the catalogue's order.
    pub(super) fn sample(&mut self, labels: &[&str], value: impl Into<SampleValue>) {
        self.check_labels(labels);
        if self.admits(1) {
            let family = self.current();
            self.text.push_str(family.name);
            if !labels.is_empty() {
                self.text.push('{');
                push_labels(&mut self.text, family.labels, labels);
                self.text.push('}');
            }
            push_end(&mut self.text, value.into());
        }
    }

    /// Writes a family with a sample for each label set that has a value.
    pub(super) fn family_of(
        &mut self,
        family: &'static Family,
        labels: &LabelSets,
        value: impl Fn(usize) -> Option<SampleValue>,
    ) {
        assert_eq!(family.labels, labels.names, "label sets of {}", family.name);
        self.family(family);
        for (index, labels) in labels.sets.iter().enumerate() {
            if let Some(value) = value(index)
                && self.admits(1)
            {
                self.text.push_str(family.name);
                self.text.push('{');
                self.text.push_str(labels);
                self.text.push('}');
                push_end(&mut self.text, value);
            }
        }
    }

    /// Writes a histogram of the current family.
    pub(super) fn histogram(&mut self, labels: &[&str], histogram: &Histogram) {
        self.check_labels(labels);
        if !self.admits(histogram.cumulative().count() + 3) {
            return;
        }
        let (family, Self { text, labels: set, .. }) = (self.current(), self);
        set.clear();
        push_labels(set, family.labels, labels);
        for (bound, count) in histogram.cumulative() {
            push_bucket(text, family.name, set, Some(bound), count);
        }
        push_bucket(text, family.name, set, None, histogram.count());
        for (suffix, value) in
            [("_sum", SampleValue::Millis(histogram.sum())), ("_count", SampleValue::from(histogram.count()))]
        {
            text.push_str(family.name);
            text.push_str(suffix);
            if !set.is_empty() {
                text.push('{');
                text.push_str(set);
                text.push('}');
            }
            push_end(text, value);
        }
    }

    /// Returns the number of omitted series of each family that was omitted.
    pub(super) fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.dropped.iter().map(|(&family, &count)| (family, count))
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Counts series of the current family. Returns false, and omits the family, if they would exceed `max_series`.
    fn admits(&mut self, series: usize) -> bool {
        let name = self.current().name;
        if self.dropped.contains_key(name) || self.series + series > self.max_series {
            let (text, before) = self.start;
            *self.dropped.entry(name).or_default() += (self.series - before + series) as u64;
            self.text.truncate(text);
            self.series = before;
            return false;
        }
        self.series += series;
        true
    }

    /// Checks the number of label values: they are matched to names by position, so a missing one would shift the rest.
    fn check_labels(&self, labels: &[&str]) {
        let family = self.current();
        assert!(labels.len() == family.labels.len(), "{} has the labels {:?}", family.name, family.labels);
    }

    fn current(&self) -> &'static Family {
        self.family.expect("a sample belongs to a family")
    }
}

/// Appends labels without braces.
fn push_labels(text: &mut String, names: &[&str], values: &[&str]) {
    for (index, (name, value)) in names.iter().zip(values).enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        push_escaped(text, value);
        text.push('"');
    }
}

/// Appends the line of a bucket. `bound` is its upper bound, `None` for the infinite one.
fn push_bucket(text: &mut String, name: &str, labels: &str, bound: Option<Millis>, count: u64) {
    text.push_str(name);
    text.push_str("_bucket{");
    text.push_str(labels);
    text.push_str(if labels.is_empty() { "le=\"" } else { ",le=\"" });
    match bound {
        Some(bound) => push_value(text, SampleValue::duration(bound)),
        None => text.push_str("+Inf"),
    }
    text.push_str("\"}");
    push_end(text, count.into());
}

/// Appends the value of a line, and its end.
fn push_end(text: &mut String, value: SampleValue) {
    text.push(' ');
    push_value(text, value);
    text.push('\n');
}

fn push_escaped(text: &mut String, value: &str) {
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return text.push_str(value);
    }
    for character in value.chars() {
        match character {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            other => text.push(other),
        }
    }
}

/// Appends an exact decimal without superfluous zeros.
fn push_value(text: &mut String, value: SampleValue) {
    match value {
        SampleValue::Number(number) => push_decimal(text, number, 1),
        SampleValue::Centavos(number) => push_decimal(text, number, 100),
        SampleValue::Millis(number) => push_decimal(text, number, 1_000),
        // Writing to a string never fails.
        SampleValue::Real(number) => drop(write!(text, "{number}")),
    }
}

/// Appends `number / unit`, where `unit` is a power of ten.
fn push_decimal(text: &mut String, number: u128, unit: u64) {
    let mut digits = itoa::Buffer::new();
    let (mut part, mut unit) = match u64::try_from(number) {
        // Division of 64 bits is many times cheaper than that of 128.
        Ok(number) => {
            text.push_str(digits.format(number / unit));
            (number % unit, unit)
        }
        Err(_) => {
            text.push_str(digits.format(number / u128::from(unit)));
            ((number % u128::from(unit)) as u64, unit)
        }
    };
    if part > 0 {
        text.push('.');
    }
    while part > 0 {
        unit /= 10;
        text.push(char::from(b'0' + (part / unit) as u8));
        part %= unit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{HOUR, SECOND};
    use crate::telemetry::catalogue::{business, own};

    fn written(value: SampleValue) -> String {
        let mut text = String::new();
        push_value(&mut text, value);
        text
    }

    #[test]
    fn values_are_exact_decimals() {
        assert_eq!(written(SampleValue::Number(0)), "0");
        assert_eq!(written(SampleValue::Number(1_200)), "1200");
        assert_eq!(written(SampleValue::Centavos(2_500_000)), "25000");
        assert_eq!(written(SampleValue::Centavos(923_200_000_005)), "9232000000.05");
        assert_eq!(written(SampleValue::Centavos(10)), "0.1");
        assert_eq!(written(SampleValue::Millis(1_500)), "1.5");
        assert_eq!(written(SampleValue::Millis(1_001)), "1.001");
        assert_eq!(written(SampleValue::Millis(40)), "0.04");
        assert_eq!(written(SampleValue::Number(u128::MAX)), u128::MAX.to_string());
        assert_eq!(written(SampleValue::Centavos(u128::MAX)), format!("{}.55", u128::MAX / 100));
    }

    #[test]
    fn a_histogram_has_cumulative_buckets_a_sum_and_a_count() {
        static BOUNDS: [Millis; 2] = [SECOND, HOUR];
        let mut histogram = Histogram::new(&BOUNDS);
        [500, 1_000, 1_001, 2 * HOUR, -5].into_iter().for_each(|duration| histogram.observe(duration));
        let mut out = Exposition::new(100, 0);
        out.family(&business::CALL_HANDLE);
        out.histogram(&["a\"b\\c"], &histogram);
        let lines: Vec<_> = out.text.lines().skip(2).map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                r#"pacemeter_call_handle_seconds_bucket{queue="a\"b\\c",le="1"} 3"#,
                r#"pacemeter_call_handle_seconds_bucket{queue="a\"b\\c",le="3600"} 4"#,
                r#"pacemeter_call_handle_seconds_bucket{queue="a\"b\\c",le="+Inf"} 5"#,
                r#"pacemeter_call_handle_seconds_sum{queue="a\"b\\c"} 7202.501"#,
                r#"pacemeter_call_handle_seconds_count{queue="a\"b\\c"} 5"#,
            ]
        );
    }

    #[test]
    fn prepared_label_sets_give_the_same_lines() {
        let values = [["a\"b", "x"], ["c", "y\\\n"], ["d", "z"]];
        let labels = LabelSets::new(business::APPROVED_PESOS.labels, values.into_iter());
        let value = |index: usize| (index != 1).then_some(SampleValue::Centavos(index as u128 * 150));
        let (mut prepared, mut single) = (Exposition::new(100, 0), Exposition::new(100, 0));
        prepared.family_of(&business::APPROVED_PESOS, &labels, value);
        single.family(&business::APPROVED_PESOS);
        for (index, values) in values.iter().enumerate() {
            value(index).into_iter().for_each(|value| single.sample(values, value));
        }
        assert_eq!(prepared.text, single.text);
        assert_eq!(single.text.lines().last(), Some(r#"pacemeter_approved_pesos_total{programme="d",state="z"} 3"#));
    }

    #[test]
    fn families_beyond_the_maximum_are_omitted_and_counted() {
        let mut out = Exposition::new(2, 0);
        out.family(&business::CONFLICTS);
        ["disbursement", "call", "milestone"].into_iter().for_each(|stream| out.sample(&[stream], 1_u64));
        out.family(&own::READY);
        out.sample(&[], 1_u64);
        assert_eq!(out.dropped().collect::<Vec<_>>(), [("pacemeter_conflicts_total", 3)]);
        let samples: Vec<_> = out.text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(samples, ["pacemeter_ready 1"], "a family is omitted whole, and later ones that fit are kept");
    }
}
