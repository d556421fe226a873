//! Comparison of a stored cut with the same cut recomputed from the log.
//!
//! Two kinds of content are kept apart. Figures follow from the log, and a difference means that the cut does not hold.
//! Goals and plans follow from the files of targets, which may have changed since: a difference is a changed setting.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::record::{Correction, Cut, CutTarget};
use crate::aggregate::unnamed_setting;
use crate::targets::{Quantity, Targets};
use crate::view::closed_periods::ClosedPeriods;

/// Start of the names under which [`Cut::settings`] has the selections of targets.
const TARGET: &str = "target ";

/// Figures of a cut as exact text, by a name for people.
type Figures = BTreeMap<String, String>;

/// Result of comparing a stored cut with the recomputed one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CutComparison {
    /// Number of figures that were compared.
    pub compared: usize,
    /// Figures that differ, in the order of their names.
    pub differences: Vec<FigureDifference>,
    /// Parts that were not compared, because settings have changed since the cut.
    pub changed_settings: Vec<String>,
}

/// A figure of a cut that is not the one of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureDifference {
    /// Name of the figure.
    pub figure: String,
    /// Value in the stored cut; `None` if it lacks the figure.
    pub stored: Option<String>,
    /// Value according to the log; `None` if the log gives none.
    pub recomputed: Option<String>,
}

impl std::fmt::Display for FigureDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "absent".to_owned());
        write!(formatter, "{}: {} in the cut, {} by the log", self.figure, text(&self.stored), text(&self.recomputed))
    }
}

impl Cut {
    /// Name under which [`Cut::settings`] has the selection of a target.
    pub fn target_setting(name: &str) -> String {
        format!("{TARGET}{name}")
    }

    /// Describes the settings that decide all figures and are not those of the cut. Empty for a cut of a version that
    /// stored no settings.
    pub fn changed_settings(&self, present: &BTreeMap<String, String>) -> Vec<String> {
        if self.settings.is_empty() {
            return Vec::new();
        }
        let names: BTreeSet<&String> = self.settings.keys().chain(present.keys()).collect();
        let names = names.into_iter().filter(|name| !name.starts_with(TARGET));
        let changed = names.filter_map(|name| {
            let then = self.settings.get(name).map(String::as_str).or_else(|| unnamed_setting(name));
            let now = present.get(name).map(String::as_str);
            let text = |value: Option<&str>| value.unwrap_or("not set").to_owned();
            (then != now).then(|| format!("{name} was {}, is {}", text(then), text(now)))
        });
        changed.collect()
    }

    /// Compares this stored cut with the one that the log gives. `targets` are the present ones, `closed_periods` those
    /// of the cuts stored before this one.
    pub fn compare(&self, recomputed: &Cut, targets: &Targets, closed_periods: &ClosedPeriods) -> CutComparison {
        let mut comparison = CutComparison::default();
        let (mut stored, mut log) = (self.figures(), recomputed.figures());
        let names: BTreeSet<&str> =
            self.targets.iter().chain(&recomputed.targets).map(|target| target.target.as_str()).collect();
        for name in names {
            let find = |cut: &'_ Cut| cut.targets.iter().position(|target| target.target == name);
            let then = find(self).map(|index| &self.targets[index]);
            let now = find(recomputed).map(|index| &recomputed.targets[index]);
            if self.is_comparable(name, targets) {
                let has_counts = then.is_none_or(|target| !matches!(target.actual, Some(Quantity::Ratio(_))));
                then.into_iter().for_each(|target| add_target(&mut stored, target, has_counts));
                now.into_iter().for_each(|target| add_target(&mut log, target, has_counts));
                comparison.changed_settings.extend(then.zip(now).and_then(|(then, now)| changed_goal(then, now)));
            } else if then.is_some() {
                let changed = format!("target {name} counted something else, or is no longer in the files");
                comparison.changed_settings.push(changed);
            }
        }
        let is_known = |correction: &&Correction| {
            closed_periods.of(&correction.target).any(|closed| closed.start_ms == correction.start_ms)
        };
        for correction in self.corrections.iter().filter(|correction| self.is_comparable(&correction.target, targets)) {
            if is_known(&correction) {
                add_correction(&mut stored, correction);
            } else {
                let Correction { target, period, .. } = correction;
                let pruned = format!("correction of {target} {period}: the cut that closed the period is not stored");
                comparison.changed_settings.push(pruned);
            }
        }
        let comparable = |correction: &&Correction| self.is_comparable(&correction.target, targets);
        recomputed.corrections.iter().filter(comparable).for_each(|correction| add_correction(&mut log, correction));
        comparison.add_figures(&stored, &log);
        comparison
    }

    /// True if a target counted the same when the cut was taken as it does now.
    fn is_comparable(&self, name: &str, targets: &Targets) -> bool {
        let now = targets.targets.iter().find(|target| target.name == name).map(|target| target.selection());
        let in_cut = self.targets.iter().find(|target| target.target == name).map(|target| target.selection);
        let then = match self.settings.get(&Self::target_setting(name)) {
            Some(selection) => Some(selection.clone()),
            None => in_cut.map(|selection| selection.to_string()),
        };
        now.is_some() && then == now.map(|now| now.to_string())
    }

    /// Figures of disbursements and offsets.
    fn figures(&self) -> Figures {
        let mut figures = Figures::new();
        let mut add = |name: String, value: String| figures.insert(name, value);
        add("instant".to_owned(), format!("{} {} {}", self.id, self.at_ms.as_millis(), self.at));
        for offset in &self.offsets {
            let name = format!("{} partition {}: end offset", offset.topic, offset.partition);
            add(name, offset.next_offset.to_string());
        }
        for period in &self.periods {
            let of = format!("{} {}", period.period, period.id);
            let span =
                format!("{} to {}, closes {}", period.start_ms.as_millis(), period.end_ms.as_millis(), period.closes);
            add(format!("{of}: span"), span);
            for cell in &period.cells {
                let cell_name = format!("{of}, programme {}, state {}", cell.programme, cell.state);
                add(format!("{cell_name}: beneficiaries"), cell.beneficiaries.to_string());
                add(format!("{cell_name}: dispersals"), cell.dispersals.to_string());
                add(format!("{cell_name}: net pesos"), exact(&cell.net_pesos));
            }
        }
        figures
    }
}

impl CutComparison {
    fn add_figures(&mut self, stored: &Figures, log: &Figures) {
        let names: BTreeSet<&String> = stored.keys().chain(log.keys()).collect();
        self.compared += names.len();
        let differing = names.into_iter().filter(|name| stored.get(*name) != log.get(*name));
        self.differences.extend(differing.map(|name| FigureDifference {
            figure: name.clone(),
            stored: stored.get(name).cloned(),
            recomputed: log.get(name).cloned(),
        }));
    }
}

/// Adds the figures of a target; `has_counts` is false if the stored cut has the value of a ratio alone.
fn add_target(figures: &mut Figures, target: &CutTarget, has_counts: bool) {
    let CutTarget { target: name, measure, selection, period, start_ms, end_ms, closes, actual, .. } = target;
    let of = format!("target {name} {period}");
    let (start, end) = (start_ms.as_millis(), end_ms.as_millis());
    figures.insert(format!("{of}: definition"), format!("{measure} {selection}, {start} to {end}, closes {closes}"));
    figures.insert(format!("{of}: result"), exact(actual));
    if let Some(Quantity::Fraction { numerator, denominator }) = actual.filter(|_| has_counts) {
        figures.insert(format!("{of}: counts"), format!("{numerator} of {denominator}"));
    }
}

fn add_correction(figures: &mut Figures, correction: &Correction) {
    let Correction { target, period, before, after, .. } = correction;
    let of = format!("correction of {target} {period}");
    figures.insert(format!("{of}: before"), exact(before));
    figures.insert(format!("{of}: after"), exact(after));
}

/// Describes a goal or a plan that the present files do not give.
fn changed_goal(then: &CutTarget, now: &CutTarget) -> Option<String> {
    let text = |target: &CutTarget| format!("goal {} and plan {}", exact(&target.goal), exact(&target.plan));
    (then.goal != now.goal || then.plan.to_bits() != now.plan.to_bits())
        .then(|| format!("target {} had {}, the present files give {}", then.target, text(then), text(now)))
}

/// Formats a value as the cut stores it, which is exact.
fn exact(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
