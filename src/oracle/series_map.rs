//! Series by family and label values, in which figures are added up before they get the names that are exposed.

use std::collections::{BTreeMap, HashMap};

use super::families::OracleFamily;
use super::figures::{SeriesValues, decimal, series_name};
use crate::clock::{Millis, Timestamp};
use crate::event::Centavos;

/// Values of a family's labels; the second is empty where the family has one label.
type Values<'a> = [&'a str; 2];

/// All series so far. Adding to an absent series starts it.
#[derive(Default)]
pub(super) struct SeriesMap<'a> {
    /// Counters and gauges, in thousandths.
    plain: HashMap<(&'static str, Values<'a>), (&'static OracleFamily, i128)>,
    histograms: HashMap<(&'static str, Values<'a>), (&'static OracleFamily, Histogram)>,
}

struct Histogram {
    /// Number of observations up to each bound.
    at_most: Vec<i128>,
    sum: i128,
    count: i128,
}

impl<'a> SeriesMap<'a> {
    /// Starts a series at 0 (`spec/figures.md#series`).
    pub(super) fn start<const N: usize>(&mut self, family: &'static OracleFamily, values: [&'a str; N]) {
        if family.bounds.is_empty() {
            self.count(family, values, 0);
        } else {
            self.histogram(family, values);
        }
    }

    /// Starts the series of every pair of the values of two labels.
    pub(super) fn start_pairs(&mut self, family: &'static OracleFamily, firsts: &[&'a str], seconds: &[&'a str]) {
        for first in firsts {
            for second in seconds {
                self.start(family, [first, second]);
            }
        }
    }

    /// Adds to a series that counts.
    pub(super) fn count<const N: usize>(&mut self, family: &'static OracleFamily, values: [&'a str; N], n: u64) {
        *self.value(family, values) += i128::from(n) * 1_000;
    }

    /// Adds to a series of pesos.
    pub(super) fn pesos<const N: usize>(
        &mut self,
        family: &'static OracleFamily,
        values: [&'a str; N],
        amount: Centavos,
    ) {
        *self.value(family, values) += i128::from(amount) * 10;
    }

    /// Raises a series of timestamps to this time, if it is later.
    pub(super) fn newest<const N: usize>(
        &mut self,
        family: &'static OracleFamily,
        values: [&'a str; N],
        time: Timestamp,
    ) {
        let value = self.plain.entry((family.name, pair(values))).or_insert((family, i128::from(time.as_millis())));
        value.1 = value.1.max(i128::from(time.as_millis()));
    }

    /// Lowers a series of timestamps to this time, if it is earlier.
    pub(super) fn oldest<const N: usize>(
        &mut self,
        family: &'static OracleFamily,
        values: [&'a str; N],
        time: Timestamp,
    ) {
        let value = self.plain.entry((family.name, pair(values))).or_insert((family, i128::from(time.as_millis())));
        value.1 = value.1.min(i128::from(time.as_millis()));
    }

    /// Adds an observation to a histogram of seconds.
    pub(super) fn observe<const N: usize>(
        &mut self,
        family: &'static OracleFamily,
        values: [&'a str; N],
        span: Millis,
    ) {
        let histogram = self.histogram(family, values);
        for (at_most, bound) in histogram.at_most.iter_mut().zip(family.bounds) {
            if span <= *bound {
                *at_most += 1;
            }
        }
        histogram.sum += i128::from(span);
        histogram.count += 1;
    }

    /// The series with their exposed names.
    pub(super) fn into_figures(self) -> SeriesValues {
        let mut figures = BTreeMap::new();
        for ((name, values), (family, value)) in self.plain {
            figures.insert(series_name(name, &labelled(family, &values)), value);
        }
        for ((name, values), (family, histogram)) in self.histograms {
            let labels = labelled(family, &values);
            let bounds = family.bounds.iter().map(|&bound| decimal(i128::from(bound))).chain(["+Inf".to_owned()]);
            let counts = histogram.at_most.iter().copied().chain([histogram.count]);
            for (bound, count) in bounds.zip(counts) {
                let with_le: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
                figures.insert(series_name(&format!("{name}_bucket"), &with_le), count * 1_000);
            }
            figures.insert(series_name(&format!("{name}_sum"), &labels), histogram.sum);
            figures.insert(series_name(&format!("{name}_count"), &labels), histogram.count * 1_000);
        }
        SeriesValues(figures)
    }

    fn value<const N: usize>(&mut self, family: &'static OracleFamily, values: [&'a str; N]) -> &mut i128 {
        debug_assert_eq!(family.labels.len(), N, "{}", family.name);
        &mut self.plain.entry((family.name, pair(values))).or_insert((family, 0)).1
    }

    fn histogram<const N: usize>(&mut self, family: &'static OracleFamily, values: [&'a str; N]) -> &mut Histogram {
        debug_assert_eq!(family.labels.len(), N, "{}", family.name);
        let empty = || (family, Histogram { at_most: vec![0; family.bounds.len()], sum: 0, count: 0 });
        &mut self.histograms.entry((family.name, pair(values))).or_insert_with(empty).1
    }
}

fn pair<'a, const N: usize>(values: [&'a str; N]) -> Values<'a> {
    [values.first().copied().unwrap_or(""), values.get(1).copied().unwrap_or("")]
}

fn labelled<'a>(family: &OracleFamily, values: &Values<'a>) -> Vec<(&'static str, &'a str)> {
    family.labels.iter().copied().zip(values.iter().copied()).collect()
}
