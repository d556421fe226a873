//! The text of an alert, compared with the figures that Prometheus scraped.

use std::collections::BTreeMap;

use crate::alerts::servers::Prometheus;

/// Families of the figures in the text, in its order.
const FAMILIES: [&str; 7] = [
    "actual",
    "plan",
    "goal",
    "shortfall_pesos",
    "required_per_open_hour",
    "achieved_per_open_hour",
    "remaining_open_seconds",
];

/// Figures of one target, a row for each scrape.
pub struct Rows(Vec<[f64; FAMILIES.len()]>);

impl Rows {
    /// Figures of the last minute.
    pub fn of(prometheus: &Prometheus, target: &str) -> Self {
        let mut scrapes: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for family in FAMILIES {
            let found = prometheus.query(&format!("pacemeter_target_{family}{{target={target:?}}}[1m]"));
            let [series] = found.as_slice() else { panic!("one series of {family}: {found:?}") };
            for sample in series["values"].as_array().expect("samples") {
                let value = sample[1].as_str().and_then(|value| value.parse().ok()).expect("a number");
                scrapes.entry(sample[0].to_string()).or_default().push(value);
            }
        }
        Self(scrapes.into_values().filter_map(|row| row.try_into().ok()).collect())
    }

    /// Asserts that the numbers in the text are those of one scrape or its neighbours: a rule that is evaluated while a
    /// scrape comes in may see some figures of the one and some of the other.
    pub fn assert_said(&self, text: &str) {
        let words = text.split([' ', ';', ',']).map(|word| word.trim_end_matches('.'));
        let said: Vec<&str> = words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit())).collect();
        let made: Vec<Vec<String>> = self.0.iter().map(numbers).collect();
        let is_of = |rows: &[Vec<String>]| {
            said.len() == rows[0].len()
                && said.iter().enumerate().all(|(index, word)| rows.iter().any(|row| row[index] == *word))
        };
        assert!(
            made.windows(3).any(is_of),
            "numbers of the text {said:?}: {text}
numbers of the scrapes {made:#?}"
        );
    }
}

/// Numbers of a row as in the text.
fn numbers(row: &[f64; FAMILIES.len()]) -> Vec<String> {
    let [actual, plan, goal, pesos, required, achieved, seconds] = *row;
    vec![
        format!("{}%", significant(100.0 * actual / plan)),
        format!("{actual:.0}"),
        format!("{plan:.0}"),
        format!("{goal:.0}"),
        format!("{:.0}", plan - actual),
        humanized(pesos),
        format!("{required:.1}"),
        format!("{achieved:.1}"),
        format!("{:.1}", seconds / 3_600.0),
    ]
}

/// Number as Prometheus' `humanize` writes it: with a prefix, and four significant digits.
fn humanized(value: f64) -> String {
    let prefixes = ["", "k", "M", "G", "T"];
    let power = prefixes
        .iter()
        .scan(value, |left, _| {
            let now = *left;
            *left /= 1_000.0;
            Some(now)
        })
        .take_while(|left| *left >= 1_000.0)
        .count();
    format!("{}{}", significant(value / 1_000_f64.powi(power as i32)), prefixes[power])
}

/// Number from 1 to 9,999 with four significant digits and without trailing zeros.
fn significant(value: f64) -> String {
    let whole = format!("{:.0}", value.trunc()).len();
    let text = format!("{value:.*}", 4_usize.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[test]
fn numbers_are_written_as_prometheus_writes_them() {
    assert_eq!([7.1, 70.125, 833.25, 8.0].map(significant), ["7.1", "70.12", "833.2", "8"]);
    assert_eq!([8.0, 8_325_000.0, 2.5e9, 999.0].map(humanized), ["8", "8.325M", "2.5G", "999"]);
}
