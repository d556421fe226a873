//! Figures by programme and state in a span (`spec/figures.md#periods`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::context::RequestContext;
use crate::allowlists::CellIndex;
use crate::calendar::{Interval, Period};
use crate::cuts::CutCell;
use crate::targets::Quantity;
use crate::view::panes::SpanFigures;
use crate::view::totals::cells_within;

/// Figures of one programme and state in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// Figures by the displayed names of programme and state.
pub(super) type Cells = BTreeMap<(String, String), SpanFigures>;

/// Returns the cells with a dispersal in `span`, which starts with a period, as known now; `None` if part of it is
/// forgotten.
pub(super) fn cells_today(context: &RequestContext<'_>, period: Period, span: Interval) -> Option<Cells> {
    if !context.is_start(period, span.start) {
        return None;
    }
    let sums = cells_within(&context.views(), context.allowlists, period, span)?;
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
