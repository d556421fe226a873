//! `/api/v1/cuts` and `/api/v1/cuts/{id}`: the cuts there are, and one of them beside what is known now.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::ApiError;
use super::cells::{CellFigures, Cells, cells_of_cut, cells_today, pesos};
use super::history::quantity_today;
use super::present::Present;
use crate::calendar::{Interval, Period};
use crate::clock::Millis;
use crate::cuts::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutTarget, cut_id};
use crate::targets::{Quantity, TargetIndex};
use crate::view::panes::SpanFigures;
use crate::view::progress::Tallies;

/// Instead of an id.
const NEWEST: &str = "newest";

/// The newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutsResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub now_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub now: String,
    /// Cuts, the newest first.
    pub cuts: Vec<CutSummary>,
    /// True if older cuts exist beyond the limit.
    pub more: bool,
}

/// A cut in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutSummary {
    /// Id of the cut.
    pub id: String,
    /// Instant of the cut, in milliseconds since the epoch.
    pub at_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub at: String,
    /// The day, the week and the month that ended with it, if they did.
    pub periods: Vec<PeriodFigures>,
    /// The targets whose periods closed with it.
    pub targets: Vec<ClosedTarget>,
}

/// A standard period (`spec/figures.md#periods`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodFigures {
    /// `day`, `week` or `month`.
    pub period: String,
    /// Name of the period.
    pub id: String,
}

/// A target whose period closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedTarget {
    /// Name of the target.
    pub target: String,
    /// Name of the period.
    pub period: String,
}

/// A cut as it is stored, each figure with what is known of it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutResponse {
    /// Instant for which `today` is evaluated.
    pub now_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub now: String,
    /// Id of the cut.
    pub id: String,
    /// Instant of the cut, in milliseconds since the epoch.
    pub at_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub at: String,
    /// Instant at which the cut was taken.
    pub taken_ms: Millis,
    /// Instant at which the state that the cut was taken from began to be built.
    pub state_built_ms: Millis,
    /// First offset of each partition that is not in the cut.
    pub offsets: Vec<CutOffset>,
    /// The day, the week and the month that hold the instant before the cut, up to the cut.
    pub periods: Vec<PeriodToday>,
    /// Targets whose period was completely known.
    pub targets: Vec<TargetToday>,
    /// Corrections of closed periods that the cut reports.
    pub corrections: Vec<Correction>,
}

/// A period up to the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodToday {
    /// `day`, `week` or `month`.
    pub period: String,
    /// Name of the period.
    pub id: String,
    /// Start of the period, in milliseconds since the epoch.
    pub start_ms: Millis,
    /// End of the period, not part of it, in milliseconds since the epoch.
    pub end_ms: Millis,
    /// True if the period ends with this cut.
    pub closes: bool,
    /// Cells with a dispersal, then or now.
    pub cells: Vec<CellToday>,
}

/// Figures of a programme and state in the cut, beside those known today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellToday {
    /// Figures in the cut.
    #[serde(flatten)]
    pub cut: CutCell,
    /// Figures known today for the same span; null where part of it is forgotten.
    pub today: Option<CellFigures>,
}

/// Figures of a target in the cut, beside those known today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetToday {
    /// Name of the target.
    pub target: String,
    /// Name of the measure.
    pub measure: String,
    /// Name of the period that contains the instant before the cut.
    pub period: String,
    /// Start of the period, in milliseconds since the epoch.
    pub start_ms: Millis,
    /// End of the period, not part of it, in milliseconds since the epoch.
    pub end_ms: Millis,
    /// True if the period ends with this cut.
    pub closes: bool,
    /// Goal of the period.
    pub goal: Quantity,
    /// Part of the goal planned up to the cut.
    pub plan: f64,
    /// Null for a ratio with nothing to divide by.
    pub actual: Option<Quantity>,
    /// Result known today for the same span; null where part of it is forgotten, or no target of that name counts the
    /// same now.
    pub today: Option<Quantity>,
}

pub(super) fn list(present: &Present<'_>, limit: usize) -> CutsResponse {
    let mut cuts = present.closed_periods().cuts().rev();
    let mut closed: BTreeMap<&str, Vec<ClosedTarget>> = BTreeMap::new();
    for (target, period) in present.closed_periods().iter() {
        let entry = ClosedTarget { target: target.to_owned(), period: period.period.clone() };
        closed.entry(&period.cut).or_default().push(entry);
    }
    let listed = |at: Millis| {
        let id = cut_id(at);
        let targets = closed.remove(id.as_str()).unwrap_or_default();
        CutSummary { id, at_ms: at, at: present.local(at), periods: closed_periods_at(present, at), targets }
    };
    CutsResponse {
        now_ms: present.now,
        now: present.local(present.now),
        cuts: cuts.by_ref().take(limit).map(listed).collect(),
        more: cuts.next().is_some(),
    }
}

fn closed_periods_at(present: &Present<'_>, at: Millis) -> Vec<PeriodFigures> {
    let last =
        |period: Period| period.at(at - 1, present.zone()).filter(|span| span.end == at).map(|span| (period, span));
    let named = |(period, span): (Period, Interval)| PeriodFigures {
        period: period.name().to_owned(),
        id: period.id(span.start, present.zone()),
    };
    Period::OWN.into_iter().filter_map(last).map(named).collect()
}

/// # Errors
/// There is no such cut, or it is damaged.
pub(super) fn one(present: &Present<'_>, id: &str) -> Result<CutResponse, ApiError> {
    let ids: Vec<String> = present.closed_periods().cuts().map(cut_id).collect();
    let newest = (id == NEWEST).then(|| ids.last().map_or(id, String::as_str));
    let cut = read(present, newest.unwrap_or(id))?;
    let unknown = || match ids.last() {
        Some(newest) => {
            let error = format!("there is no such cut, the newest is {newest}, see /api/v1/cuts");
            ApiError::unknown(&error, id, ids.iter().map(String::as_str))
        }
        None => ApiError::absent("there are no cuts yet"),
    };
    Ok(beside_today(present, cut.ok_or_else(unknown)?))
}

/// A cut that is stored; none if there is none.
///
/// # Errors
/// It is damaged, or cannot be read.
pub(super) fn read(present: &Present<'_>, id: &str) -> Result<Option<Cut>, ApiError> {
    present.cuts.get(id).or_else(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            // It was removed since the directory was looked at.
            return Ok(None);
        }
        tracing::error!(event = "pacemeter.cut.damaged", error = %error, "cut not readable");
        Err(ApiError::internal(format!("the cut cannot be read: {error}")))
    })
}

fn beside_today(present: &Present<'_>, cut: Cut) -> CutResponse {
    let tallies = present.tallies();
    CutResponse {
        now_ms: present.now,
        now: present.local(present.now),
        periods: cut.periods.into_iter().map(|period| period_today(present, period, cut.at_ms)).collect(),
        targets: cut.targets.into_iter().map(|target| target_today(present, &tallies, target, cut.at_ms)).collect(),
        id: cut.id,
        at_ms: cut.at_ms,
        at: cut.at,
        taken_ms: cut.taken_ms,
        state_built_ms: cut.state_built_ms,
        offsets: cut.offsets,
        corrections: cut.corrections,
    }
}

fn period_today(present: &Present<'_>, period: CutPeriod, at: Millis) -> PeriodToday {
    let own = Period::OWN.into_iter().find(|own| own.name() == period.period);
    let span = Interval { start: period.start_ms, end: at };
    let (then, now) = (cells_of_cut(&period.cells), own.and_then(|own| cells_today(present, own, span)));
    let names: BTreeSet<&(String, String)> = then.keys().chain(now.iter().flat_map(Cells::keys)).collect();
    let nothing = SpanFigures::default();
    let cell = |name: &(String, String)| {
        let figures = then.get(name).unwrap_or(&nothing);
        let cut = CutCell {
            programme: name.0.clone(),
            state: name.1.clone(),
            beneficiaries: figures.beneficiaries,
            dispersals: figures.dispersals,
            net_pesos: pesos(figures.net),
        };
        CellToday { cut, today: now.as_ref().map(|now| now.get(name).unwrap_or(&nothing).into()) }
    };
    PeriodToday {
        cells: names.into_iter().map(cell).collect(),
        period: period.period,
        id: period.id,
        start_ms: period.start_ms,
        end_ms: period.end_ms,
        closes: period.closes,
    }
}

fn target_today(present: &Present<'_>, tallies: &Tallies, cut: CutTarget, at: Millis) -> TargetToday {
    let targets = &present.targets().targets;
    let place = targets.iter().position(|target| target.name == cut.target && target.selection() == cut.selection);
    let span = Interval { start: cut.start_ms, end: at };
    TargetToday {
        today: place.and_then(|place| quantity_today(present, tallies, TargetIndex::new(place), span)),
        target: cut.target,
        measure: cut.measure,
        period: cut.period,
        start_ms: cut.start_ms,
        end_ms: cut.end_ms,
        closes: cut.closes,
        goal: cut.goal,
        plan: cut.plan,
        actual: cut.actual,
    }
}
