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
        let words = text.split(' ').map(|word| word.trim_end_matches(['.', ',', ';', ':']));
        let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit()) && !word.contains('-');
        let said: Vec<&str> = words.filter(is_number).collect();
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
    let pesos = if pesos < 1e6 { format!("{pesos:.0}") } else { format!("{:.1}", pesos / 1e6) };
    let numbers = [
        format!("{:.1}", 100.0 * actual / plan),
        format!("{actual:.0}"),
        format!("{plan:.0}"),
        format!("{goal:.0}"),
        format!("{:.0}", plan - actual),
        pesos,
        format!("{required:.1}"),
        format!("{achieved:.1}"),
        format!("{:.1}", seconds / 3_600.0),
    ];
    numbers.iter().map(|number| grouped(number)).collect()
}

/// Decimal with a comma before every third digit of its whole part.
fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[test]
fn numbers_have_separators_of_thousands() {
    assert_eq!(["7", "1234", "123456.7", "1000000"].map(grouped), ["7", "1,234", "123,456.7", "1,000,000"]);
}
