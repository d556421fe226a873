//! Catalogue of every metric family: names, kinds, units, labels, buckets and help texts are defined here only.
//!
//! [`business`] lists the families of figures, [`own`] those of the process. Tests generate `docs/metrics.md` from
//! them.

pub(crate) mod business;
pub(crate) mod own;
#[cfg(test)]
mod tests;

use crate::clock::Millis;

/// Prometheus type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Total that only grows while the state it belongs to stays.
    Counter,
    /// Value that rises and falls.
    Gauge,
    /// Distribution of durations over buckets.
    Histogram,
}

impl MetricKind {
    /// Returns the word after `# TYPE`.
    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// Unit of a family's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Number of the things named.
    Count(&'static str),
    /// Seconds of a duration.
    Seconds,
    /// Seconds since the Unix epoch.
    UnixSeconds,
    /// Mexican pesos (MXN).
    Pesos,
    /// Bytes.
    Bytes,
    /// Share from 0 to 1.
    Ratio,
    /// Quotient of two amounts, from 0 on.
    Quotient,
    /// 1 for yes, 0 for no.
    YesNo,
    /// Constant 1; the labels carry the information.
    Info,
}

impl Unit {
    /// Returns the unit as `docs/metrics.md` shows it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Count(things) => things,
            Unit::Seconds => "seconds",
            Unit::UnixSeconds => "seconds since 1970 (UTC)",
            Unit::Pesos => "pesos (MXN)",
            Unit::Bytes => "bytes",
            Unit::Ratio => "0 to 1",
            Unit::Quotient => "0 and above",
            Unit::YesNo => "1 or 0",
            Unit::Info => "always 1",
        }
    }
}

/// Metric family.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Name in the exposition, without the suffixes of histograms.
    pub name: &'static str,
    /// Prometheus type.
    pub kind: MetricKind,
    /// Label names, in the order of the label values of every sample.
    pub labels: &'static [&'static str],
    /// Unit of the values.
    pub unit: Unit,
    /// True if the family comes from state: absent until the figures are complete, and exact from then on.
    pub business: bool,
    /// Help text of the exposition: one sentence of at most twenty words.
    pub help: &'static str,
    /// Formulas, edge cases and links, for `docs/metrics.md` only; empty if the help says it all.
    pub note: &'static str,
    /// Upper bounds of a histogram's buckets (milliseconds) without the infinite one; empty for other kinds.
    pub buckets: &'static [Millis],
}

impl Family {
    const fn business(
        name: &'static str,
        kind: MetricKind,
        labels: &'static [&'static str],
        unit: Unit,
        help: &'static str,
    ) -> Self {
        Self { name, kind, labels, unit, business: true, help, note: "", buckets: &[] }
    }

    const fn own(
        name: &'static str,
        kind: MetricKind,
        labels: &'static [&'static str],
        unit: Unit,
        help: &'static str,
    ) -> Self {
        Self { name, kind, labels, unit, business: false, help, note: "", buckets: &[] }
    }

    const fn with_note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    const fn with_buckets(mut self, buckets: &'static [Millis]) -> Self {
        self.buckets = buckets;
        self
    }
}

/// Declares families as constants, and the list of them.
macro_rules! families {
    ($($(#[$doc:meta])* $const:ident = $family:expr;)+) => {
        $($(#[$doc])* pub(crate) const $const: Family = $family;)+

        /// Every family of this module, in the order of the documentation.
        pub(crate) const ALL: &[&Family] = &[$(&$const),+];
    };
}
use families;

/// Returns every family: the figures first, then the process's own.
pub fn all() -> impl Iterator<Item = &'static Family> {
    business::ALL.iter().chain(own::ALL).copied()
}

/// Returns the family of that name.
pub fn find(name: &str) -> Option<&'static Family> {
    all().find(|family| family.name == name)
}

/// Returns milliseconds as seconds in the shortest exact decimal form, as in the `le` of a bucket.
#[cfg(test)]
fn seconds(millis: Millis) -> String {
    let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
    let text = format!("{sign}{}.{:03}", millis / 1_000, millis % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
