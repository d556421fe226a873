//! Payments of the current periods, and approved supports that wait. People are never added over programmes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::allowlists::{Allowlists, CellIndex, LabelKind, ProgrammeIndex};
use crate::api::cells::{pesos, sum};
use crate::clock::Timestamp;
use crate::settings::BilingualText;
use crate::targets::Quantity;
use crate::view::Backlog;
use crate::view::panes::SpanFigures;
use crate::view::totals::Totals;

/// Payments of all programmes, then of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PaymentsNow {
    /// Payments of the current day.
    pub(crate) day: PaymentTotals,
    /// Payments of the current week.
    pub(crate) week: PaymentTotals,
    /// Payments of the current month.
    pub(crate) month: PaymentTotals,
    /// Approved supports that wait for their dispersal.
    pub(crate) backlog: BacklogNow,
    /// Programmes with any event.
    pub(crate) programmes: Vec<ProgrammePayments>,
}

/// Payments of a period over all programmes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PaymentTotals {
    /// Number of dispersals, returned ones included.
    pub(crate) dispersals: u64,
    /// Number of them that were returned in full, until now.
    pub(crate) returned: u64,
    /// Pesos of the dispersals less returns, as text with two decimals.
    pub(crate) net_pesos: Quantity,
}

/// Payments of a programme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ProgrammePayments {
    /// Programme as in labels.
    pub(crate) programme: String,
    /// Name of the programme; without one the label.
    pub(crate) title: BilingualText,
    /// Payments of the current day.
    pub(crate) day: ProgrammeTotalsNow,
    /// Payments of the current week.
    pub(crate) week: ProgrammeTotalsNow,
    /// Payments of the current month.
    pub(crate) month: ProgrammeTotalsNow,
    /// Approved supports that wait for their dispersal.
    pub(crate) backlog: BacklogNow,
}

/// Payments of a programme in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ProgrammeTotalsNow {
    /// Number of distinct people with a dispersal in the period that is not fully returned; null for `other`, behind
    /// which several programmes can be.
    pub(crate) beneficiaries: Option<u64>,
    /// Number of dispersals, returned ones included.
    pub(crate) dispersals: u64,
    /// Number of them that were returned in full, until now.
    pub(crate) returned: u64,
    /// Pesos of the dispersals less returns, as text with two decimals.
    pub(crate) net_pesos: Quantity,
}

/// Approved supports that are neither dispersed nor rejected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct BacklogNow {
    /// Number of supports.
    pub(crate) supports: u64,
    /// Approved pesos, as text with two decimals.
    pub(crate) pesos: Quantity,
    /// Time of the oldest approval, in milliseconds since the epoch; null if nothing waits.
    pub(crate) oldest_approval_ms: Option<Timestamp>,
}

/// Positions of day, week and month in [`SPANS`](crate::view::totals::SPANS).
const PERIODS: [usize; 3] = [0, 1, 2];

pub(super) fn describe(totals: &Totals, allowlists: &Allowlists) -> PaymentsNow {
    let [day, week, month] = PERIODS.map(|period| {
        let all = sum(totals.spans[period].iter());
        PaymentTotals {
            dispersals: all.dispersals,
            returned: totals.returned[period].iter().sum(),
            net_pesos: pesos(all.net),
        }
    });
    let mut backlog = Backlog::default();
    totals.programmes.iter().for_each(|programme| backlog += &programme.backlog);
    let in_use = (0..allowlists.programmes.count()).filter(|&index| {
        let programme = &totals.programmes[index];
        programme.events.iter().any(|&count| count > 0)
    });
    PaymentsNow {
        day,
        week,
        month,
        backlog: BacklogNow::of(&backlog),
        programmes: in_use.map(|index| programme(totals, allowlists, index)).collect(),
    }
}

fn programme(totals: &Totals, allowlists: &Allowlists, index: usize) -> ProgrammePayments {
    let cells: Vec<CellIndex> =
        (0..allowlists.states.count()).map(|state| allowlists.cell(ProgrammeIndex::new(index), state)).collect();
    let [day, week, month] = PERIODS.map(|period| {
        let all: SpanFigures = sum(cells.iter().map(|cell| &totals.spans[period][cell.index()]));
        ProgrammeTotalsNow {
            beneficiaries: (index != allowlists.programmes.other()).then_some(all.beneficiaries),
            dispersals: all.dispersals,
            returned: cells.iter().map(|cell| totals.returned[period][cell.index()]).sum(),
            net_pesos: pesos(all.net),
        }
    });
    ProgrammePayments {
        programme: allowlists.programmes.names()[index].clone(),
        title: allowlists.names.of(LabelKind::Programme, index).clone(),
        day,
        week,
        month,
        backlog: BacklogNow::of(&totals.programmes[index].backlog),
    }
}

impl BacklogNow {
    fn of(backlog: &Backlog) -> Self {
        Self { supports: backlog.supports, pesos: pesos(backlog.centavos), oldest_approval_ms: backlog.oldest_approval }
    }
}
