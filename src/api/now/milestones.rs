//! Quantities reached by initiative and milestone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::allowlists::LabelKind;
use crate::api::context::RequestContext;
use crate::calendar::Period;
use crate::settings::BilingualText;
use crate::targets::Quantity;
use crate::view::totals::Totals;

/// Milestone of an initiative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MilestoneNow {
    /// Initiative as in labels.
    pub(crate) initiative: String,
    /// Name of the initiative; without one the label.
    pub(crate) initiative_name: BilingualText,
    /// Milestone as in labels.
    pub(crate) milestone: String,
    /// Name of the milestone; without one the label.
    pub(crate) name: BilingualText,
    /// Quantity reached in the current day, less what was withdrawn in it; null if part of the day is forgotten.
    pub(crate) day: Option<Quantity>,
    /// Quantity of the current week, likewise.
    pub(crate) week: Option<Quantity>,
    /// Quantity reached since the state began, less what was withdrawn.
    pub(crate) total: Quantity,
}

pub(super) fn describe(context: &RequestContext<'_>, totals: &Totals) -> Vec<MilestoneNow> {
    let allowlists = context.allowlists;
    let recent = &context.snapshot.merged.milestones.recent;
    let [day, week] = [Period::Day, Period::WEEK].map(|period| {
        let span = period.at(context.now, &allowlists.zone)?;
        recent.within(span, allowlists.milestone_cells())
    });
    let net = |counts: &Option<Vec<[u128; 2]>>, cell: usize| {
        counts.as_ref().map(|all| Quantity::Count(signed(all[cell][0]) - signed(all[cell][1])))
    };
    let width = allowlists.milestones.count();
    let in_use = totals.milestones.iter().enumerate().filter(|(_, cell)| cell.reached > 0 || cell.withdrawn > 0);
    let entry = |(cell, milestone): (usize, &crate::view::MilestoneTotals)| {
        let (initiative, name) = (cell / width, cell % width);
        MilestoneNow {
            initiative: allowlists.initiatives.names()[initiative].clone(),
            initiative_name: allowlists.names.of(LabelKind::Initiative, initiative).clone(),
            milestone: allowlists.milestones.names()[name].clone(),
            name: allowlists.names.of(LabelKind::Milestone, name).clone(),
            day: net(&day, cell),
            week: net(&week, cell),
            total: Quantity::Count(signed(milestone.reached) - signed(milestone.withdrawn)),
        }
    };
    in_use.map(entry).collect()
}

fn signed(quantity: u128) -> i128 {
    i128::try_from(quantity).unwrap_or(i128::MAX)
}
