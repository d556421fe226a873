//! The content of a cut.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::{SECOND, Timestamp};
use crate::targets::Quantity;
use crate::view::closed_periods::{ClosedPeriod, ClosedPeriods};

/// The figures of an instant; the JSON of a stored cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// Its instant in UTC, such as `20200515T230000Z`; see [`cut_id`].
    pub id: String,
    /// Its instant.
    pub at_ms: Timestamp,
    /// Its instant in the programme's zone, such as `2020-05-15T18:00:00-05:00`.
    pub at: String,
    /// Instant when the cut was taken.
    pub taken_ms: Timestamp,
    /// Instant when building the state of the cut began.
    pub state_built_ms: Timestamp,
    /// Settings that the figures depend on, by name, and for each target the fingerprint of what it counts. Empty in
    /// cuts of versions that did not store them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Ends of the cut in each partition.
    pub offsets: Vec<CutOffset>,
    /// The day, the week and the month that contain the instant before the cut, up to the cut.
    pub periods: Vec<CutPeriod>,
    /// Every target whose current period is completely known.
    pub targets: Vec<CutTarget>,
    /// Periods that closed with an earlier cut and have changed since the cut before this one.
    pub corrections: Vec<Correction>,
}

impl Cut {
    /// True if a record that comes later may belong to the cut.
    pub fn is_provisional(&self) -> bool {
        self.offsets.iter().any(|offset| offset.is_provisional)
    }

    /// True if a record that belongs to the cut has come after it.
    pub fn is_late(&self) -> bool {
        self.offsets.iter().any(|offset| offset.is_late)
    }

    /// Adds the periods that close with this cut, and its corrections of earlier ones.
    pub fn report(&self, periods: &mut ClosedPeriods) {
        periods.add_known_cut(self.at_ms, self.huella());
        for target in self.targets.iter().filter(|target| target.closes) {
            let closed = ClosedPeriod {
                cut: self.id.clone(),
                period: target.period.clone(),
                selection: target.selection,
                start_ms: target.start_ms,
                end_ms: target.end_ms,
                goal: target.goal,
                actual: target.actual,
                corrections: BTreeMap::new(),
            };
            periods.close(&target.target, closed);
        }
        for correction in &self.corrections {
            periods.correct(&correction.target, correction.start_ms, &self.id, correction.after);
        }
    }
}

/// End of a cut in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CutOffset {
    /// Name of the stream.
    pub stream: String,
    /// Topic of the stream.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
    /// First offset of the state behind the cut; `None` in cuts of versions that did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_offset: Option<i64>,
    /// First offset that is not part of the cut.
    pub next_offset: i64,
    /// True if a record that comes later may belong to the cut (`spec/figures.md#passing`).
    #[serde(default, rename = "provisional", skip_serializing_if = "std::ops::Not::not")]
    pub is_provisional: bool,
    /// True if a record that belongs to the cut has come after it. Never stored: it follows from the list of cuts.
    #[serde(default, rename = "late", skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
}

/// The disbursements of a period up to the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutPeriod {
    /// `day`, `week` or `month`.
    pub period: String,
    /// Name of this period, such as `2020-W20`.
    pub id: String,
    /// Start of the period.
    pub start_ms: Timestamp,
    /// End of the period.
    pub end_ms: Timestamp,
    /// True if the period ends with this cut.
    pub closes: bool,
    /// Cells that have at least one dispersal.
    pub cells: Vec<CutCell>,
}

/// The disbursements of one programme in one state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CutCell {
    /// Label of the programme.
    pub programme: String,
    /// Label of the state.
    pub state: String,
    /// Number of distinct people to whom something is left after returns (`spec/figures.md#beneficiaries`).
    pub beneficiaries: u64,
    /// Number of dispersals, returned ones included (`spec/figures.md#dispersals`).
    pub dispersals: u64,
    /// Amount that is left of the dispersals after returns (pesos).
    pub net_pesos: Quantity,
}

/// A target's period up to the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutTarget {
    /// Name of the target.
    pub target: String,
    /// Name of its measure.
    pub measure: String,
    /// Fingerprint of what it counts; see [`Target::selection`](crate::targets::Target::selection).
    pub selection: u64,
    /// Name of the period.
    pub period: String,
    /// Start of the period.
    pub start_ms: Timestamp,
    /// End of the period.
    pub end_ms: Timestamp,
    /// True if the period ends with this cut, which makes this its record.
    pub closes: bool,
    /// Amount to reach by the end of the period.
    pub goal: Quantity,
    /// Amount planned until the instant of the cut.
    pub plan: f64,
    /// Amount reached; `None` for a ratio whose denominator is zero.
    #[serde(with = "counted")]
    pub actual: Option<Quantity>,
}

/// A change of a period that had closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Correction {
    /// Name of the target.
    pub target: String,
    /// Name of the period.
    pub period: String,
    /// Start of the period.
    pub start_ms: Timestamp,
    /// Amount in the previous cut; `None` for a ratio whose denominator is zero.
    #[serde(with = "counted")]
    #[schemars(with = "Option<Quantity>")]
    pub before: Option<Quantity>,
    /// Amount as of this cut; `None` for a ratio whose denominator is zero.
    #[serde(with = "counted")]
    #[schemars(with = "Option<Quantity>")]
    pub after: Option<Quantity>,
}

impl Correction {
    /// Replaces the counts of ratios by their values, which readers of the API expect.
    pub fn without_counts(self) -> Self {
        let value = |quantity: Option<Quantity>| quantity.map(Quantity::without_counts);
        Self { before: value(self.before), after: value(self.after), ..self }
    }
}

/// Stored form of an amount: a ratio has its counts, and everything else its form in the API. Older versions stored the
/// value of a ratio.
mod counted {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::targets::Quantity;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Fraction { numerator: i64, denominator: i64 },
        Amount(Quantity),
    }

    pub(super) fn serialize<S: Serializer>(amount: &Option<Quantity>, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = |count: i128| i64::try_from(count).map_err(serde::ser::Error::custom);
        let stored = match *amount {
            None => None,
            Some(Quantity::Fraction { numerator, denominator }) => {
                Some(Stored::Fraction { numerator: whole(numerator)?, denominator: whole(denominator)? })
            }
            Some(amount) => Some(Stored::Amount(amount)),
        };
        stored.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Quantity>, D::Error> {
        match Option::<Stored>::deserialize(deserializer)? {
            None => Ok(None),
            Some(Stored::Amount(amount)) => Ok(Some(amount)),
            Some(Stored::Fraction { denominator: 0, .. }) => {
                Err(serde::de::Error::custom("a ratio with a denominator of 0"))
            }
            Some(Stored::Fraction { numerator, denominator }) => {
                Ok(Some(Quantity::Fraction { numerator: numerator.into(), denominator: denominator.into() }))
            }
        }
    }
}

/// Returns the id of the cut at an instant, such as `20200515T230000Z`, with milliseconds if it has any.
pub fn cut_id(at: Timestamp) -> String {
    let format = if at == at.floor(SECOND) { "%Y%m%dT%H%M%SZ" } else { "%Y%m%dT%H%M%S%.3fZ" };
    at.to_jiff().strftime(format).to_string()
}

/// Returns the instant of the cut with this id; `None` if it is no id.
pub(crate) fn instant_of(id: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S%.fZ", id).ok()?;
    let at = Timestamp::from(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    (cut_id(at) == id).then_some(at)
}
