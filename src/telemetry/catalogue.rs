//! Every family of metrics that Pacemeter exposes: the one place where names, kinds, units, labels, buckets and help are written.
//!
//! [`business`] holds what comes from the records, by the contract's names; [`own`] what the process says about itself. `docs/metrics.md` is
//! made from this ([`markdown`]).

pub mod business;
pub mod own;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::clock::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl MetricKind {
    /// The word after `# TYPE`.
    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// What one of a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// So many of these; the name says of what.
    Count(&'static str),
    Seconds,
    /// Seconds since the Unix epoch.
    UnixSeconds,
    /// Mexican pesos (MXN).
    Pesos,
    Bytes,
    /// From 0 to 1.
    Ratio,
    /// One amount divided by another, from 0 on.
    Quotient,
    /// 1 for yes, 0 for no.
    YesNo,
    /// Always 1; the labels are what it says.
    Info,
}

impl Unit {
    /// For the table of metrics.
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

/// One family of metrics.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: MetricKind,
    /// Names of the labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    pub unit: Unit,
    /// Comes from state: absent until the figures are whole, and exact from then on.
    pub business: bool,
    pub help: &'static str,
    /// Upper bounds of a histogram's buckets, without the infinite one (milliseconds); empty for the other kinds.
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
        Self { name, kind, labels, unit, business: true, help, buckets: &[] }
    }

    const fn own(
        name: &'static str,
        kind: MetricKind,
        labels: &'static [&'static str],
        unit: Unit,
        help: &'static str,
    ) -> Self {
        Self { name, kind, labels, unit, business: false, help, buckets: &[] }
    }

    /// A histogram of seconds.
    const fn with_buckets(mut self, buckets: &'static [Millis]) -> Self {
        self.buckets = buckets;
        self
    }
}

/// Declares families as constants, and the list of them.
macro_rules! families {
    ($($(#[$doc:meta])* $const:ident = $family:expr;)+) => {
        $($(#[$doc])* pub const $const: Family = $family;)+

        /// Every family of this module, in the order of the documentation.
        pub const ALL: &[&Family] = &[$(&$const),+];
    };
}
use families;

/// Every family there is: the figures, then the process' own.
pub fn all() -> impl Iterator<Item = &'static Family> {
    business::ALL.iter().chain(own::ALL).copied()
}

/// The family of that name.
pub fn find(name: &str) -> Option<&'static Family> {
    all().find(|family| family.name == name)
}

/// The families as a Markdown table, a row each.
pub fn markdown(families: impl Iterator<Item = &'static Family>) -> String {
    let mut table = String::from("| family | kind | labels | unit | what it is |\n|---|---|---|---|---|\n");
    for family in families {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, unit) = (family.name, family.kind.name(), family.unit.name());
        let mut help = family.help.to_owned();
        if !family.buckets.is_empty() {
            let bounds: Vec<String> = family.buckets.iter().map(|bound| seconds(*bound)).collect();
            write!(help, " Buckets: {} s.", bounds.join(", ")).expect("a String takes everything");
        }
        writeln!(table, "| `{name}` | {kind} | {} | {unit} | {} |", labels.join(", "), help.replace('|', "\\|"))
            .expect("a String takes everything");
    }
    table
}

/// Milliseconds as seconds, as short as they can be written exactly: the `le` of a bucket.
pub fn seconds(millis: Millis) -> String {
    let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
    let text = format!("{sign}{}.{:03}", millis / 1_000, millis % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
