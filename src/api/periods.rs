//! `/api/v1/periods/{day|week|month}/{id}`: figures of a period at its close and today.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cells::{
    CellFigures, Cells, PeriodTotals, cells_of_cut, cells_today, people_of_cut, people_today, sum, totals,
};
use super::context::RequestContext;
use super::cuts;
use super::{ApiError, PeriodSpan};
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::cuts::{Cut, cut_id};
use crate::record::Stream;
use crate::view::huella::Huella;
use crate::view::panes::SpanFigures;

/// Id that stands for the period that includes now.
const CURRENT: &str = "current";
/// Id that stands for the last period that has ended.
const PREVIOUS: &str = "previous";

/// Answer of `/api/v1/periods/{day|week|month}/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PeriodResponse {
    /// Instant for which `today` is evaluated, in milliseconds since the epoch.
    pub(crate) now_ms: Timestamp,
    /// That instant as text in the programme's zone.
    pub(crate) now: String,
    /// Time at which the state behind the figures began to be built, in milliseconds since the epoch.
    pub(crate) state_built_ms: Timestamp,
    /// Instant up to which the figures of today are complete, in milliseconds since the epoch; null until known
    /// (`spec/figures.md#complete-until`).
    pub(crate) complete_until_ms: Option<Timestamp>,
    /// Kind, id and bounds of the period.
    pub(crate) period: PeriodSpan,
    /// Id of the cut with which the period closed; null without one, so also for the current period.
    pub(crate) cut: Option<String>,
    /// Ten hexadecimal digits of a hash over offsets and figures at the close (`spec/figures.md#huella`); null without a
    /// cut.
    #[serde(default)]
    pub(crate) huella: Option<Huella>,
    /// Sums over all programmes at the close; null without a cut.
    pub(crate) closed: Option<PeriodTotals>,
    /// Sums over all programmes today; null if part of the period is forgotten.
    pub(crate) today: Option<PeriodTotals>,
    /// Programmes with a dispersal at the close or today.
    pub(crate) programmes: Vec<ProgrammeFigures>,
}

/// Figures of a programme, in all and by state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ProgrammeFigures {
    /// Displayed name of the programme.
    pub(crate) programme: String,
    /// Figures at the close; null without a cut.
    pub(crate) closed: Option<CellFigures>,
    /// Figures today; null if part of the period is forgotten.
    pub(crate) today: Option<CellFigures>,
    /// Figures by state.
    pub(crate) states: Vec<StateFigures>,
}

/// Figures of a state. Each person counts in one state of a programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct StateFigures {
    /// Displayed code of the state.
    pub(crate) state: String,
    /// Figures at the close; null without a cut.
    pub(crate) closed: Option<CellFigures>,
    /// Figures today; null if part of the period is forgotten.
    pub(crate) today: Option<CellFigures>,
}

/// Compares the figures of a period at its close with those of today.
///
/// # Errors
/// 400 for an invalid id; 404 for an unknown kind, and if the period has not begun or is forgotten; 500 if its cut is
/// damaged.
pub(super) fn get(context: &RequestContext<'_>, kind: &str, id: &str) -> Result<PeriodResponse, ApiError> {
    let (period, span) = parse(context, kind, id)?;
    if span.start > context.now {
        return Err(ApiError::absent("the period has not begun yet"));
    }
    let cut = cuts::read(context, &cut_id(span.end))?.map(|(cut, _)| cut);
    let at_close = |cut: &Cut| {
        let period = cut.periods.iter().find(|period| period.period == kind && period.closes)?;
        Some((cells_of_cut(&period.cells), cut.huella_of(period)))
    };
    let (closed, huella) = cut.as_ref().and_then(at_close).unzip();
    let today = cells_today(context, period, span);
    if closed.is_none() && today.is_none() {
        return Err(ApiError::absent(
            "the period has no figures: no cut was taken at its end, and its events are forgotten",
        ));
    }
    let people_at_close = cut.as_ref().and_then(|cut| people_of_cut(&cut.targets, period, span.start));
    let people_today = people_today(context, &context.tallies(), period, span);
    Ok(PeriodResponse {
        now_ms: context.now,
        now: context.local(context.now),
        state_built_ms: context.snapshot.built,
        complete_until_ms: context.snapshot.complete_until[Stream::Disbursement],
        period: context.span(period, span),
        cut: closed.is_some().then(|| cut_id(span.end)),
        huella,
        closed: closed.as_ref().map(|cells| totals(cells, context.allowlists, people_at_close)),
        today: today.as_ref().map(|cells| totals(cells, context.allowlists, people_today)),
        programmes: programmes(closed.as_ref(), today.as_ref()),
    })
}

/// Returns the kind and the bounds of a period.
fn parse(context: &RequestContext<'_>, kind: &str, id: &str) -> Result<(Period, Interval), ApiError> {
    let period = Period::STANDARD.into_iter().find(|period| period.name() == kind);
    let period = period.ok_or_else(|| {
        ApiError::unknown(
            "no such kind of period, expected day, week or month",
            kind,
            Period::STANDARD.map(Period::name),
        )
    })?;
    let invalid = || {
        let current = period.id(context.now, context.zone());
        ApiError::bad(format!("not the id of a {kind}; the current one is {current}"))
    };
    let named = match id {
        CURRENT => period.at(context.now, context.zone()),
        PREVIOUS => period.ended(context.now, context.zone()),
        id => period.named(id, context.zone()),
    };
    Ok((period, named.ok_or_else(invalid)?))
}

fn programmes(closed: Option<&Cells>, today: Option<&Cells>) -> Vec<ProgrammeFigures> {
    // By programme and state; the figures are those at the close and those of today.
    let mut by_programme: BTreeMap<&str, BTreeMap<&str, [SpanFigures; 2]>> = BTreeMap::new();
    for (column, cells) in [closed, today].into_iter().enumerate() {
        for ((programme, state), figures) in cells.into_iter().flatten() {
            by_programme.entry(programme).or_default().entry(state).or_default()[column] = *figures;
        }
    }
    let known = |[at_close, now]: [&SpanFigures; 2]| (closed.map(|_| at_close.into()), today.map(|_| now.into()));
    let state_figures = |(state, [at_close, now]): (&&str, &[SpanFigures; 2])| {
        let (closed, today) = known([at_close, now]);
        StateFigures { state: (*state).to_owned(), closed, today }
    };
    let programme_figures = |(programme, states): (&str, BTreeMap<&str, [SpanFigures; 2]>)| {
        let [at_close, now] = [0, 1].map(|column| sum(states.values().map(|figures| &figures[column])));
        let (closed, today) = known([&at_close, &now]);
        ProgrammeFigures {
            programme: programme.to_owned(),
            closed,
            today,
            states: states.iter().map(state_figures).collect(),
        }
    };
    by_programme.into_iter().map(programme_figures).collect()
}
