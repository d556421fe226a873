//! `/api/v1/cuts` and `/api/v1/cuts/{id}`: the list of cuts, and one cut beside the same figures today.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::cells::{
    CellFigures, Cells, PeriodTotals, cells_of_cut, cells_today, people_of_cut, people_today, pesos, totals,
};
use super::context::RequestContext;
use super::history::quantity_today;
use super::instant_name::instant_named;
use super::parameters::Parameters;
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::cuts::{Correction, Cut, CutCell, CutOffset, CutPeriod, CutSeal, CutStanding, CutTarget, SealKind, cut_id};
use crate::targets::{Quantity, TargetIndex};
use crate::view::huella::Huella;
use crate::view::panes::SpanFigures;
use crate::view::progress::Tallies;

/// Id that stands for the newest cut.
const NEWEST: &str = "newest";

/// Answer of `/api/v1/cuts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CutsResponse {
    /// Instant for which everything is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Cuts, the newest first.
    pub(crate) cuts: Vec<CutSummary>,
    /// True if older cuts exist beyond the limit; the next page is `before_ms` the last one listed.
    pub(crate) more: bool,
}

/// A cut in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CutSummary {
    /// Id of the cut.
    pub(crate) id: String,
    /// Instant of the cut, in milliseconds since the epoch.
    pub(crate) at_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) at: String,
    /// `sealed`, `retaken` after an earlier one was damaged or removed, or `unsealed` if an operator adopted it.
    pub(crate) seal: SealKind,
    /// True while a record that comes later may belong to the cut.
    #[serde(default)]
    pub(crate) provisional: bool,
    /// True if a record that belongs to the cut came after it.
    #[serde(default)]
    pub(crate) late: bool,
    /// Ten hexadecimal digits of a hash over offsets and figures (`spec/figures.md#huella`); null while the cut cannot be
    /// read.
    #[serde(default)]
    pub(crate) huella: Option<Huella>,
    /// Day, week and month that ended with the cut.
    pub(crate) periods: Vec<PeriodId>,
    /// Targets whose period closed with the cut.
    pub(crate) targets: Vec<ClosedTarget>,
}

/// Kind and id of a day, a week or a month (`spec/figures.md#periods`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PeriodId {
    /// `day`, `week` or `month`.
    pub(crate) period: String,
    /// Id such as `2020-05-15`, `2020-W20` or `2020-05`.
    pub(crate) id: String,
}

/// A target whose period closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ClosedTarget {
    /// Name of the target.
    pub(crate) target: String,
    /// Id of the period.
    pub(crate) period: String,
}

/// Answer of `/api/v1/cuts/{id}`: a stored cut, each figure beside its value today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CutResponse {
    /// Instant for which `today` is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Id of the cut.
    pub(crate) id: String,
    /// Instant of the cut, in milliseconds since the epoch.
    pub(crate) at_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) at: String,
    /// Instant that was asked for, if no cut was taken then and this is the nearest one, in milliseconds since the epoch.
    pub(crate) nearest_to_ms: Option<Timestamp>,
    /// That instant as text in the programme's zone.
    pub(crate) nearest_to: Option<String>,
    /// Time at which the cut was taken, in milliseconds since the epoch.
    pub(crate) taken_ms: Timestamp,
    /// Time at which the state behind the cut began to be built, in milliseconds since the epoch.
    pub(crate) state_built_ms: Timestamp,
    /// Keyed hash over the cut and the hash of the cut stored before; also in the log event `pacemeter.cut.taken`.
    pub(crate) hash: String,
    /// `sealed`, `retaken` after an earlier one was damaged or removed, or `unsealed` if an operator adopted it.
    pub(crate) seal: SealKind,
    /// True while a record that comes later may belong to the cut.
    #[serde(default)]
    pub(crate) provisional: bool,
    /// True if a record that belongs to the cut came after it.
    #[serde(default)]
    pub(crate) late: bool,
    /// Ten hexadecimal digits of a hash over offsets and figures (`spec/figures.md#huella`).
    #[serde(default)]
    pub(crate) huella: Option<Huella>,
    /// First offset of each partition that is not in the cut.
    pub(crate) offsets: Vec<CutOffset>,
    /// Day, week and month that contain the instant before the cut, each up to the cut.
    pub(crate) periods: Vec<PeriodToday>,
    /// Targets whose period was known completely.
    pub(crate) targets: Vec<TargetToday>,
    /// Corrections of closed periods that the cut reports.
    pub(crate) corrections: Vec<Correction>,
}

/// A day, week or month up to the cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PeriodToday {
    /// `day`, `week` or `month`.
    pub(crate) period: String,
    /// Id such as `2020-05-15`, `2020-W20` or `2020-05`.
    pub(crate) id: String,
    /// Start of the period, in milliseconds since the epoch.
    pub(crate) start_ms: Timestamp,
    /// End of the period (exclusive), in milliseconds since the epoch.
    pub(crate) end_ms: Timestamp,
    /// True if the period ends with this cut.
    pub(crate) closes: bool,
    /// Programmes and states with a dispersal at the cut or today.
    pub(crate) cells: Vec<CellToday>,
    /// Sums over all programmes.
    pub(crate) total: TotalToday,
}

/// Sums over all programmes in the cut, beside those of today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TotalToday {
    /// Sums in the cut.
    #[serde(flatten)]
    pub(crate) cut: PeriodTotals,
    /// Sums of the same span today; null if part of it is forgotten.
    pub(crate) today: Option<PeriodTotals>,
}

/// Figures of a programme and state in the cut, beside those of today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CellToday {
    /// Figures in the cut.
    #[serde(flatten)]
    pub(crate) cut: CutCell,
    /// Figures of the same span today; null if part of it is forgotten.
    pub(crate) today: Option<CellFigures>,
}

/// Figures of a target in the cut, beside those of today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TargetToday {
    /// Name of the target.
    pub(crate) target: String,
    /// Name of the measure.
    pub(crate) measure: String,
    /// Id of the period that contains the instant before the cut.
    pub(crate) period: String,
    /// Start of the period, in milliseconds since the epoch.
    pub(crate) start_ms: Timestamp,
    /// End of the period (exclusive), in milliseconds since the epoch.
    pub(crate) end_ms: Timestamp,
    /// True if the period ends with this cut.
    pub(crate) closes: bool,
    /// Goal of the period.
    pub(crate) goal: Quantity,
    /// Part of the goal planned up to the cut.
    pub(crate) plan: f64,
    /// Result up to the cut; null for a ratio with nothing to divide by.
    pub(crate) actual: Option<Quantity>,
    /// Result of the same span today; null if part of it is forgotten, or if no target of this name counts the same
    /// now.
    pub(crate) today: Option<Quantity>,
}

pub(super) fn list(context: &RequestContext<'_>, &Parameters { limit, before, .. }: &Parameters) -> CutsResponse {
    let is_listed = |at: &Timestamp| before.is_none_or(|before| *at < before);
    let mut cuts = context.closed_periods().cuts().rev().filter(is_listed);
    let mut closed: BTreeMap<&str, Vec<ClosedTarget>> = BTreeMap::new();
    for (target, period) in context.closed_periods().iter() {
        let entry = ClosedTarget { target: target.to_owned(), period: period.period.clone() };
        closed.entry(&period.cut).or_default().push(entry);
    }
    let unusual = context.cuts.unusual();
    let summary = |at: Timestamp| {
        let id = cut_id(at);
        let targets = closed.remove(id.as_str()).unwrap_or_default();
        let CutStanding { seal, is_provisional, is_late } = unusual.get(&id).copied().unwrap_or_default();
        CutSummary {
            id,
            at_ms: at,
            at: context.local(at),
            seal,
            provisional: is_provisional,
            late: is_late,
            huella: context.closed_periods().huella(at),
            periods: periods_ending(context, at),
            targets,
        }
    };
    CutsResponse {
        now_ms: context.now,
        now: context.local(context.now),
        cuts: cuts.by_ref().take(limit).map(summary).collect(),
        more: cuts.next().is_some(),
    }
}

fn periods_ending(context: &RequestContext<'_>, at: Timestamp) -> Vec<PeriodId> {
    let ending =
        |period: Period| period.at(at - 1, context.zone()).filter(|span| span.end == at).map(|span| (period, span));
    let period_id = |(period, span): (Period, Interval)| PeriodId {
        period: period.name().to_owned(),
        id: period.id(span.start, context.zone()),
    };
    Period::STANDARD.into_iter().filter_map(ending).map(period_id).collect()
}

/// Reads a cut and compares it with today.
///
/// # Errors
/// 404 if there is no such cut, 500 if it is or was damaged or removed.
pub(super) fn get(context: &RequestContext<'_>, id: &str) -> Result<CutResponse, ApiError> {
    let ids: Vec<String> = context.closed_periods().cuts().map(cut_id).collect();
    let wanted = instant_named(context, id);
    let near = wanted.and_then(|wanted| nearest_cut(context, wanted));
    let nearest = near.map(cut_id);
    let newest = ids.last().filter(|_| id == NEWEST);
    let cut = read(context, newest.or(nearest.as_ref()).map_or(id, String::as_str))?;
    let unknown = || match ids.last() {
        Some(newest) => {
            let error = format!("no such cut, the newest is {newest}, see /api/v1/cuts");
            ApiError::unknown(&error, id, ids.iter().map(String::as_str))
        }
        None => ApiError::absent("there are no cuts yet"),
    };
    let (cut, seal) = cut.ok_or_else(unknown)?;
    let missed = wanted.filter(|wanted| *wanted != cut.at_ms);
    Ok(compared_with_today(context, cut, seal, missed))
}

/// Instant of the cut nearest to an instant, the earlier one of two; `None` without cuts.
fn nearest_cut(context: &RequestContext<'_>, wanted: Timestamp) -> Option<Timestamp> {
    context.closed_periods().cuts().min_by_key(|at| (*at - wanted).unsigned_abs())
}

/// Reads a stored cut and its proof; `None` if there is none.
///
/// # Errors
/// 500 if it is or was damaged or removed, or cannot be read.
pub(super) fn read(context: &RequestContext<'_>, id: &str) -> Result<Option<(Cut, CutSeal)>, ApiError> {
    context.cuts.get(id).map_err(|error| {
        tracing::error!(event = "pacemeter.cut.damaged", error = %error, "cut not readable");
        ApiError::internal(format!("cut cannot be read: {error}"))
    })
}

/// `missed` is the instant that was asked for, if it is not that of the cut.
fn compared_with_today(
    context: &RequestContext<'_>,
    cut: Cut,
    seal: CutSeal,
    missed: Option<Timestamp>,
) -> CutResponse {
    let tallies = context.tallies();
    let period_today = |period| period_today(context, &tallies, period, &cut.targets, cut.at_ms);
    CutResponse {
        provisional: cut.is_provisional(),
        late: cut.is_late(),
        huella: Some(cut.huella()),
        now_ms: context.now,
        now: context.local(context.now),
        nearest_to_ms: missed,
        nearest_to: missed.map(|missed| context.local(missed)),
        periods: cut.periods.into_iter().map(period_today).collect(),
        targets: cut.targets.into_iter().map(|target| target_today(context, &tallies, target, cut.at_ms)).collect(),
        id: cut.id,
        at_ms: cut.at_ms,
        at: cut.at,
        taken_ms: cut.taken_ms,
        state_built_ms: cut.state_built_ms,
        hash: seal.hash,
        seal: seal.kind,
        offsets: cut.offsets,
        corrections: cut.corrections.into_iter().map(Correction::without_counts).collect(),
    }
}

fn period_today(
    context: &RequestContext<'_>,
    tallies: &Tallies,
    period: CutPeriod,
    targets: &[CutTarget],
    at: Timestamp,
) -> PeriodToday {
    let kind = Period::STANDARD.into_iter().find(|kind| kind.name() == period.period);
    let span = Interval { start: period.start_ms, end: at };
    let (at_cut, today) = (cells_of_cut(&period.cells), kind.and_then(|kind| cells_today(context, kind, span)));
    let names: BTreeSet<&(String, String)> = at_cut.keys().chain(today.iter().flat_map(Cells::keys)).collect();
    let no_figures = SpanFigures::default();
    let cell = |name: &(String, String)| {
        let figures = at_cut.get(name).unwrap_or(&no_figures);
        let cut = CutCell {
            programme: name.0.clone(),
            state: name.1.clone(),
            beneficiaries: figures.beneficiaries,
            dispersals: figures.dispersals,
            net_pesos: pesos(figures.net),
        };
        CellToday { cut, today: today.as_ref().map(|today| today.get(name).unwrap_or(&no_figures).into()) }
    };
    let people_at_cut = kind.and_then(|kind| people_of_cut(targets, kind, period.start_ms));
    let people_today = kind.and_then(|kind| people_today(context, tallies, kind, span));
    let total = TotalToday {
        cut: totals(&at_cut, context.allowlists, people_at_cut),
        today: today.as_ref().map(|today| totals(today, context.allowlists, people_today)),
    };
    PeriodToday {
        total,
        cells: names.into_iter().map(cell).collect(),
        period: period.period,
        id: period.id,
        start_ms: period.start_ms,
        end_ms: period.end_ms,
        closes: period.closes,
    }
}

fn target_today(context: &RequestContext<'_>, tallies: &Tallies, cut: CutTarget, at: Timestamp) -> TargetToday {
    let targets = &context.targets().targets;
    let index = targets.iter().position(|target| target.name == cut.target && target.selection() == cut.selection);
    let span = Interval { start: cut.start_ms, end: at };
    TargetToday {
        today: index.and_then(|index| quantity_today(context, tallies, TargetIndex::new(index), span)),
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
