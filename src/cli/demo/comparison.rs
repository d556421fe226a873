//! Comparison of expected and actual figures, family by family.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indicatif::HumanCount;

use crate::cli::words::shortened;
use crate::clock::Timestamp;
use crate::oracle::{SeriesDifference, SeriesValues, decimal};
use crate::runtime::{Exit, Failure};

/// Number of differing series that are printed in full.
const MAX_PRINTED: usize = 20;

/// Result of the comparison of all figures.
pub(super) struct Comparison {
    families: BTreeMap<String, Family>,
    differences: Vec<SeriesDifference>,
}

#[derive(Default)]
struct Family {
    series: usize,
    differing: usize,
    /// Series with the largest value, as an example.
    sample: Option<(String, i128)>,
}

impl Comparison {
    pub(super) fn new(expected: &SeriesValues, actual: &SeriesValues) -> Self {
        let differences = expected.differences(actual);
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let only_actual = actual.0.iter().filter(|(series, _)| !expected.0.contains_key(*series));
        for (series, &value) in expected.0.iter().chain(only_actual) {
            let family = families.entry(family(series).to_owned()).or_default();
            family.series += 1;
            if family.sample.as_ref().is_none_or(|(_, largest)| value > *largest) {
                family.sample = Some((series.clone(), value));
            }
        }
        for difference in &differences {
            families.entry(family(&difference.series).to_owned()).or_default().differing += 1;
        }
        Self { families, differences }
    }

    pub(super) fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// Formats the comparison as a table, followed by the differing series and the verdict. Rows of the table are
    /// shortened to `columns`, the width of a terminal.
    pub(super) fn table(&self, records: usize, now: Timestamp, columns: Option<usize>) -> String {
        let width = self.families.keys().map(String::len).max().unwrap_or(0);
        let fit = |row: String| columns.map_or(row.clone(), |columns| shortened(&row, columns));
        let mut text = format!("\n{}\n", fit(format!("{:width$}  series  differing  sample: expected", "family")));
        for (name, family) in &self.families {
            let sample = family.sample.as_ref().map(|(series, value)| {
                let labels = series.find('{').map_or("", |start| &series[start..]);
                format!("{} {labels}", decimal(*value))
            });
            let (series, differing, sample) = (family.series, family.differing, sample.unwrap_or_default());
            let row = format!("{name:width$}  {series:>6}  {differing:>9}  {sample}");
            let _ = writeln!(text, "{}", fit(row));
        }
        for SeriesDifference { series, expected, actual } in self.differences.iter().take(MAX_PRINTED) {
            let value = |value: &Option<i128>| value.map_or("absent".to_owned(), decimal);
            let _ = write!(text, "\n{series}: expected {}, actual {}", value(expected), value(actual));
        }
        if self.differences.len() > MAX_PRINTED {
            let _ = write!(text, "\nand {} more", self.differences.len() - MAX_PRINTED);
        }
        if !self.is_equal() {
            text.push('\n');
        }
        let series: usize = self.families.values().map(|family| family.series).sum();
        let result = match self.differences.len() {
            0 => "all equal".to_owned(),
            differing => format!("{} DIFFER", HumanCount(differing as u64)),
        };
        let (families, series, records) = (self.families.len(), HumanCount(series as u64), HumanCount(records as u64));
        let _ =
            writeln!(text, "\nat {now}, after {records} records:\n{series} series of {families} families: {result}");
        text
    }
}

/// Returns the family of a series; `_bucket`, `_sum` and `_count` belong to the histogram's.
fn family(series: &str) -> &str {
    let name = &series[..series.find('{').unwrap_or(series.len())];
    ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// Adds 1 to the first figure whose series begins with `prefix`.
///
/// # Errors
/// No series begins with `prefix`.
pub(super) fn falsify(figures: &mut SeriesValues, prefix: &str) -> Result<(), Failure> {
    let figure = figures.0.iter_mut().find(|(series, _)| series.starts_with(prefix));
    let (_, value) = figure
        .ok_or_else(|| Failure::new(Exit::Usage, format!("no series begins with {prefix}; nothing to falsify")))?;
    *value += 1_000;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(series: &[(&str, i128)]) -> SeriesValues {
        SeriesValues(series.iter().map(|&(series, value)| (series.to_owned(), value * 1_000)).collect())
    }

    const GOOD: [(&str, i128); 4] = [
        ("p_total{a=\"x\"}", 3),
        ("p_total{a=\"y\"}", 12_345),
        ("p_seconds_sum{a=\"x\"}", 9),
        ("p_seconds_count{a=\"x\"}", 2),
    ];

    #[test]
    fn equal_figures_are_counted_by_family() {
        let comparison = Comparison::new(&figures(&GOOD), &figures(&GOOD));
        assert!(comparison.is_equal());
        let table = comparison.table(1_234, Timestamp::EPOCH, None);
        assert!(table.contains("p_total         2          0  12345 {a=\"y\"}"), "{table}");
        assert!(table.contains("p_seconds       2          0  9 {a=\"x\"}"), "{table}");
        let verdict = "\nat 1970-01-01T00:00:00Z, after 1,234 records:\n4 series of 2 families: all equal\n";
        assert!(table.ends_with(verdict), "{table}");
    }

    #[test]
    fn rows_are_shortened_to_the_width_of_the_terminal() {
        let series = format!("p_total{{a=\"{}\"}}", "x".repeat(100));
        let figures = figures(&[(&series, 1)]);
        let table = Comparison::new(&figures, &figures).table(1, Timestamp::EPOCH, Some(40));
        assert!(table.contains("\nfamily   series  differing  sample: exp~\n"), "{table}");
        assert!(table.contains("\np_total       1          0  1 {a=\"xxxxx~\n"), "{table}");
    }

    #[test]
    fn a_falsified_figure_is_found_and_printed() {
        let mut expected = figures(&GOOD);
        falsify(&mut expected, "p_total").unwrap();
        let comparison = Comparison::new(&expected, &figures(&GOOD));
        assert!(!comparison.is_equal());
        let table = comparison.table(1, Timestamp::EPOCH, None);
        assert!(table.contains("p_total{a=\"x\"}: expected 4, actual 3"), "{table}");
        assert!(table.contains(": 1 DIFFER"), "{table}");
        assert_eq!(falsify(&mut expected, "q").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn one_sided_series_differ_and_printed_ones_are_bounded() {
        let many: Vec<String> = (0..30).map(|number| format!("p{number:02}")).collect();
        let many: Vec<(&str, i128)> = many.iter().map(|series| (series.as_str(), 1)).collect();
        let table = Comparison::new(&figures(&GOOD[..1]), &figures(&many)).table(1, Timestamp::EPOCH, None);
        assert!(table.contains("p00: expected absent, actual 1"), "{table}");
        assert!(table.contains("and 11 more"), "{table}");
        assert!(table.contains("31 DIFFER"), "{table}");
    }
}
