//! Quantities reached by initiative and milestone.

use serde::{Deserialize, Serialize};

use crate::allowlists::{Allowlists, LabelKind};
use crate::settings::BilingualText;
use crate::targets::Quantity;
use crate::view::totals::Totals;

/// Milestone of an initiative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MilestoneNow {
    /// Initiative as in labels.
    pub(crate) initiative: String,
    /// Name of the initiative; without one the label.
    pub(crate) initiative_name: BilingualText,
    /// Milestone as in labels.
    pub(crate) milestone: String,
    /// Name of the milestone; without one the label.
    pub(crate) name: BilingualText,
    /// Quantity reached since the state began, less what was withdrawn.
    pub(crate) total: Quantity,
}

pub(super) fn describe(totals: &Totals, allowlists: &Allowlists) -> Vec<MilestoneNow> {
    let signed = |quantity: u128| i128::try_from(quantity).unwrap_or(i128::MAX);
    let width = allowlists.milestones.count();
    let in_use = totals.milestones.iter().enumerate().filter(|(_, cell)| cell.reached > 0 || cell.withdrawn > 0);
    let entry = |(cell, milestone): (usize, &crate::view::MilestoneTotals)| {
        let (initiative, name) = (cell / width, cell % width);
        MilestoneNow {
            initiative: allowlists.initiatives.names()[initiative].clone(),
            initiative_name: allowlists.names.of(LabelKind::Initiative, initiative).clone(),
            milestone: allowlists.milestones.names()[name].clone(),
            name: allowlists.names.of(LabelKind::Milestone, name).clone(),
            total: Quantity::Count(signed(milestone.reached) - signed(milestone.withdrawn)),
        }
    };
    in_use.map(entry).collect()
}
