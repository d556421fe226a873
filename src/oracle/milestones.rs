//! Milestones: quantities reached and withdrawn (`spec/figures.md#milestones`).

use super::families::{MILESTONES, MILESTONES_WITHDRAWN};
use super::labels::{MilestonePairs, listed_and_other};
use super::series_map::SeriesMap;
use super::steps::ReplayedLog;
use super::{OracleRules, SentBody};
use crate::event::MilestoneKind;

pub(super) fn start_series<'a>(rules: &'a OracleRules, series: &mut SeriesMap<'a>) {
    let initiatives = listed_and_other(&rules.labels.initiatives);
    let milestones = listed_and_other(&rules.labels.milestones);
    series.start_pairs(&MILESTONES, &initiatives, &milestones);
    series.start_pairs(&MILESTONES_WITHDRAWN, &initiatives, &milestones);
}

/// Adds every quantity; an absent one is 1.
pub(super) fn evaluate<'a>(log: &ReplayedLog<'a>, rules: &'a OracleRules, series: &mut SeriesMap<'a>) {
    let mut pairs = MilestonePairs::new(rules);
    for applied in &log.applied {
        let SentBody::Milestone(given) = &applied.event.body else { continue };
        let family = match given.kind {
            MilestoneKind::Reached => &MILESTONES,
            MilestoneKind::Withdrawn => &MILESTONES_WITHDRAWN,
        };
        series.count(family, pairs.show(given), u64::from(given.quantity.unwrap_or(1)));
    }
}
