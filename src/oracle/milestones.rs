//! Milestones: quantities reached and withdrawn.

use super::families::{MILESTONES, MILESTONES_WITHDRAWN};
use super::labels::{Names, listed_and_other};
use super::series_map::SeriesMap;
use super::steps::ReplayedLog;
use super::{Body, OracleRules};
use crate::event::MilestoneKind;

pub fn start<'a>(rules: &'a OracleRules, sheet: &mut SeriesMap<'a>) {
    let initiatives = listed_and_other(&rules.labels.initiatives);
    let milestones = listed_and_other(&rules.labels.milestones);
    sheet.start_pairs(&MILESTONES, &initiatives, &milestones);
    sheet.start_pairs(&MILESTONES_WITHDRAWN, &initiatives, &milestones);
}

/// Adds every quantity; `quantity?` has "default 1".
pub fn account<'a>(walked: &ReplayedLog<'a>, rules: &'a OracleRules, sheet: &mut SeriesMap<'a>) {
    let mut initiatives = Names::new(&rules.labels.initiatives, rules);
    let mut milestones = Names::new(&rules.labels.milestones, rules);
    for applied in &walked.applied {
        let Body::Milestone(given) = &applied.event.body else { continue };
        let labels = [initiatives.show(&given.initiative), milestones.show(&given.milestone)];
        let family = match given.kind {
            MilestoneKind::Reached => &MILESTONES,
            MilestoneKind::Withdrawn => &MILESTONES_WITHDRAWN,
        };
        sheet.count(family, labels, u64::from(given.quantity.unwrap_or(1)));
    }
}
