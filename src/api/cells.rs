//! Figures by programme and state in a span (`spec/figures.md#periods`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::context::RequestContext;
use super::history::quantity_today;
use crate::allowlists::{Allowlists, CellIndex};
use crate::calendar::{Interval, Period};
use crate::clock::Timestamp;
use crate::cuts::{CutCell, CutTarget};
use crate::targets::{Filter, Measure, Quantity, Target, TargetIndex, selection};
use crate::view::panes::SpanFigures;
use crate::view::progress::Tallies;
use crate::view::totals::cells_within;

/// Figures of one programme and state in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CellFigures {
    /// Number of distinct people with a dispersal in the period that is not fully returned.
    pub(crate) beneficiaries: u64,
    /// Number of dispersals, returned ones included.
    pub(crate) dispersals: u64,
    /// Pesos of the dispersals less returns, as text with two decimals.
    pub(crate) net_pesos: Quantity,
}

impl From<&SpanFigures> for CellFigures {
    fn from(figures: &SpanFigures) -> Self {
        Self { beneficiaries: figures.beneficiaries, dispersals: figures.dispersals, net_pesos: pesos(figures.net) }
    }
}

/// Sums over all programmes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PeriodTotals {
    /// Number of distinct people. A person paid by two programmes would count twice in a sum, so it is null unless a
    /// target without a filter counts people in this kind of period, or there is only one programme.
    pub(crate) beneficiaries: Option<u64>,
    /// Number of dispersals, returned ones included.
    pub(crate) dispersals: u64,
    /// Pesos of the dispersals less returns, as text with two decimals.
    pub(crate) net_pesos: Quantity,
}

impl From<&CellFigures> for PeriodTotals {
    fn from(figures: &CellFigures) -> Self {
        let CellFigures { beneficiaries, dispersals, net_pesos } = *figures;
        Self { beneficiaries: Some(beneficiaries), dispersals, net_pesos }
    }
}

/// Adds up cells. `counted` is the number of distinct people as a target counts it, if one does.
pub(super) fn totals(cells: &Cells, allowlists: &Allowlists, counted: Option<Quantity>) -> PeriodTotals {
    let sum = sum(cells.values());
    let counted = counted.and_then(|people| match people {
        Quantity::Count(people) => u64::try_from(people).ok(),
        _ => None,
    });
    PeriodTotals {
        beneficiaries: counted.or_else(|| is_one_programme(cells, allowlists).then_some(sum.beneficiaries)),
        dispersals: sum.dispersals,
        net_pesos: pesos(sum.net),
    }
}

/// True if all cells are of one programme. Several can be behind `other`.
fn is_one_programme(cells: &Cells, allowlists: &Allowlists) -> bool {
    let other = &allowlists.programmes.names()[allowlists.programmes.other()];
    let programmes: BTreeSet<&String> = cells.keys().map(|(programme, _)| programme).collect();
    programmes.len() < 2 && !programmes.contains(other)
}

pub(super) fn sum<'a>(figures: impl Iterator<Item = &'a SpanFigures>) -> SpanFigures {
    figures.fold(SpanFigures::default(), |mut sum, figures| {
        sum += figures;
        sum
    })
}

/// Hash of what a target counts that counts each person of a period once.
pub(super) fn everyone(period: Period) -> u64 {
    selection(Measure::Beneficiaries, period, &Filter::default())
}

/// Number of distinct people in a span, as a target counts it now; `None` without such a target.
pub(super) fn people_today(
    context: &RequestContext<'_>,
    tallies: &Tallies,
    period: Period,
    span: Interval,
) -> Option<Quantity> {
    let counts_everyone = |target: &Target| target.selection() == everyone(period);
    let index = context.targets().targets.iter().position(counts_everyone)?;
    quantity_today(context, tallies, TargetIndex::new(index), span)
}

/// Number of distinct people in a period of a cut, as a target counted it then; `None` without such a target.
pub(super) fn people_of_cut(cut: &[CutTarget], period: Period, start: Timestamp) -> Option<Quantity> {
    let target = cut.iter().find(|target| target.selection == everyone(period) && target.start_ms == start);
    target.and_then(|target| target.actual)
}

/// Figures by the displayed names of programme and state.
pub(super) type Cells = BTreeMap<(String, String), SpanFigures>;

/// Returns the cells with a dispersal in `span`, which starts with a period, as known now; `None` if part of it is
/// forgotten.
pub(super) fn cells_today(context: &RequestContext<'_>, period: Period, span: Interval) -> Option<Cells> {
    if !context.is_start(period, span.start) {
        return None;
    }
    let sums = cells_within(&context.snapshot.merged.disbursements.slots, context.allowlists, period, span)?;
    let in_use = sums.into_iter().enumerate().filter(|(_, sum)| sum.dispersals > 0);
    let named = in_use.map(|(cell, sum)| {
        let (programme, state) = context.allowlists.names_of_cell(CellIndex::new(cell));
        ((programme.to_owned(), state.to_owned()), sum)
    });
    Some(named.collect())
}

/// Returns the cells of a cut by name.
pub(super) fn cells_of_cut(cells: &[CutCell]) -> Cells {
    let figures = |cell: &CutCell| SpanFigures {
        beneficiaries: cell.beneficiaries,
        dispersals: cell.dispersals,
        net: if let Quantity::Centavos(centavos) = cell.net_pesos { u128::try_from(centavos).unwrap_or(0) } else { 0 },
    };
    cells.iter().map(|cell| ((cell.programme.clone(), cell.state.clone()), figures(cell))).collect()
}

pub(super) fn pesos(centavos: u128) -> Quantity {
    Quantity::Centavos(i128::try_from(centavos).unwrap_or(i128::MAX))
}
