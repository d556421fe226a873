//! `/api/v1/periods/{day|week|month}/{id}`: figures of a standard period, as it closed and with what is
//! known now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ApiError;
use super::cells::{CellFigures, Cells, cells_of_cut, cells_today, pesos};
use super::cuts::read;
use super::present::{PeriodSpan, Present};
use crate::calendar::{Interval, Period};
use crate::clock::Millis;
use crate::cuts::cut_id;
use crate::record::Stream;
use crate::targets::Quantity;
use crate::view::panes::SpanFigures;

/// A day, a week or a month.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodResponse {
    /// Instant for which `today` is evaluated.
    pub now_ms: Millis,
    /// The same instant as text in the programme's zone.
    pub now: String,
    /// Instant at which the state behind the figures began to be built.
    pub state_built_ms: Millis,
    /// Instant up to which every record is in the figures of today; null until known.
    pub complete_until_ms: Option<Millis>,
    /// The period.
    pub period: PeriodSpan,
    /// The cut that the period closed with; null if there is none, as of the running period.
    pub cut: Option<String>,
    /// Sums over all programmes when the period closed; null without a cut.
    pub closed: Option<MoneyTotals>,
    /// Sums known now; null where part of the period is forgotten.
    pub today: Option<MoneyTotals>,
    /// Cells with a dispersal, then or now.
    pub programmes: Vec<ProgrammeFigures>,
}

/// Sums over programmes. People are left out: a person paid by two programmes would count twice. A target without a
/// filter counts each person once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoneyTotals {
    /// Number of dispersals, returned ones included.
    pub dispersals: u64,
    /// Pesos left after returns, as text with two decimals.
    pub net_pesos: Quantity,
}

/// Figures of a programme as shown, over its states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeFigures {
    /// Name of the programme as shown.
    pub programme: String,
    /// Figures when the period closed; null without a cut.
    pub closed: Option<CellFigures>,
    /// Figures known now; null where part of the period is forgotten.
    pub today: Option<CellFigures>,
    /// Figures by state.
    pub states: Vec<StateFigures>,
}

/// Figures of a state as shown. Each person counts in one state of a programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFigures {
    /// Code of the state as shown.
    pub state: String,
    /// Figures when the period closed; null without a cut.
    pub closed: Option<CellFigures>,
    /// Figures known now; null where part of the period is forgotten.
    pub today: Option<CellFigures>,
}

/// # Errors
/// There is no such period, it has not begun, nothing is known of it, or its cut is damaged.
pub(super) fn one(present: &Present<'_>, kind: &str, id: &str) -> Result<PeriodResponse, ApiError> {
    let (period, span) = named(present, kind, id)?;
    if span.start > present.now {
        return Err(ApiError::absent("the period has not begun"));
    }
    let cut = read(present, &cut_id(span.end))?;
    let of_period =
        cut.as_ref().and_then(|cut| cut.periods.iter().find(|of_cut| of_cut.period == kind && of_cut.closes));
    let closed = of_period.map(|of_cut| cells_of_cut(&of_cut.cells));
    let today = cells_today(present, period, span);
    if closed.is_none() && today.is_none() {
        return Err(ApiError::absent(
            "nothing is known of the period: there is no cut at its end, and its events are forgotten",
        ));
    }
    Ok(PeriodResponse {
        now_ms: present.now,
        now: present.local(present.now),
        state_built_ms: present.snapshot.built,
        complete_until_ms: present.snapshot.complete_until[Stream::Disbursement],
        period: present.span(period, span),
        cut: closed.is_some().then(|| cut_id(span.end)),
        closed: closed.as_ref().map(money),
        today: today.as_ref().map(money),
        programmes: programmes(closed.as_ref(), today.as_ref()),
    })
}

fn named(present: &Present<'_>, kind: &str, id: &str) -> Result<(Period, Interval), ApiError> {
    let own = Period::OWN.into_iter().find(|own| own.name() == kind);
    let period = own.ok_or_else(|| {
        ApiError::unknown("there are periods of a day, a week or a month", kind, Period::OWN.map(Period::name))
    })?;
    let running = period.id(present.now, present.zone());
    let span = period.named(id, present.zone());
    let span =
        span.ok_or_else(|| ApiError::bad(format!("there is no {kind} of that name; the running one is {running}")))?;
    Ok((period, span))
}

fn money(cells: &Cells) -> MoneyTotals {
    let sum = sum(cells.values());
    MoneyTotals { dispersals: sum.dispersals, net_pesos: pesos(sum.net) }
}

fn sum<'a>(figures: impl Iterator<Item = &'a SpanFigures>) -> SpanFigures {
    figures.fold(SpanFigures::default(), |mut sum, figures| {
        sum += figures;
        sum
    })
}

fn programmes(closed: Option<&Cells>, today: Option<&Cells>) -> Vec<ProgrammeFigures> {
    let mut states: BTreeMap<&str, BTreeMap<&str, [SpanFigures; 2]>> = BTreeMap::new();
    for (column, cells) in [closed, today].into_iter().enumerate() {
        for ((programme, state), figures) in cells.into_iter().flatten() {
            states.entry(programme).or_default().entry(state).or_default()[column] = *figures;
        }
    }
    let told = |[of_cut, of_today]: [&SpanFigures; 2]| (closed.map(|_| of_cut.into()), today.map(|_| of_today.into()));
    let of_state = |(state, [of_cut, of_today]): (&&str, &[SpanFigures; 2])| {
        let (closed, today) = told([of_cut, of_today]);
        StateFigures { state: (*state).to_owned(), closed, today }
    };
    let of_programme = |(programme, states): (&str, BTreeMap<&str, [SpanFigures; 2]>)| {
        let [of_cut, of_today] = [0, 1].map(|column| sum(states.values().map(|figures| &figures[column])));
        let (closed, today) = told([&of_cut, &of_today]);
        ProgrammeFigures {
            programme: programme.to_owned(),
            closed,
            today,
            states: states.iter().map(of_state).collect(),
        }
    };
    states.into_iter().map(of_programme).collect()
}
