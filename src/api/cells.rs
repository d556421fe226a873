//! Figures by programme and state in a span (`spec/figures.md#periods`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::present::Present;
use crate::allowlists::CellIndex;
use crate::calendar::{Interval, Period};
use crate::cuts::CutCell;
use crate::targets::Quantity;
use crate::view::panes::SpanFigures;
use crate::view::totals::cells_within;

/// Figures of one programme and state in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellFigures {
    /// Distinct people of whose dispersals in the period something is left.
    pub beneficiaries: u64,
    /// Number of dispersals, returned ones included.
    pub dispersals: u64,
    /// Pesos left after returns, as text with two decimals.
    pub net_pesos: Quantity,
}

impl From<&SpanFigures> for CellFigures {
    fn from(figures: &SpanFigures) -> Self {
        Self { beneficiaries: figures.beneficiaries, dispersals: figures.dispersals, net_pesos: pesos(figures.net) }
    }
}

/// Figures by programme and state, as shown.
pub(super) type Cells = BTreeMap<(String, String), SpanFigures>;

/// Cells with a dispersal from the start of a period to the end of `span`, as known now; `None` if part of it is
/// forgotten.
pub(super) fn cells_today(present: &Present<'_>, period: Period, span: Interval) -> Option<Cells> {
    if !present.begins(period, span.start) {
        return None;
    }
    let sums = cells_within(&present.views(), present.allowlists, period, span)?;
    let in_use = sums.into_iter().enumerate().filter(|(_, sum)| sum.dispersals > 0);
    let named = in_use.map(|(cell, sum)| {
        let (programme, state) = present.allowlists.names_of_cell(CellIndex::new(cell));
        ((programme.to_owned(), state.to_owned()), sum)
    });
    Some(named.collect())
}

/// Cells of a cut.
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
