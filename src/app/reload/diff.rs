//! Difference between two readings of targets and calendars, by name.

use std::collections::BTreeMap;

use crate::calendar::WorkingCalendar;
use crate::targets::{Target, Targets};

/// Full names of what was added, removed and changed: `calendar.NAME` and `target.NAME`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TargetsDiff {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    /// Includes targets whose calendar has changed.
    pub(super) changed: Vec<String>,
}

impl TargetsDiff {
    pub(super) fn between(before: &Targets, after: &Targets) -> Self {
        let mut diff = Self::default();
        diff.compare("calendar", &calendars(before), &calendars(after), |old, new| old == new);
        let changed_calendars = diff.changed.clone();
        diff.compare("target", &targets(before), &targets(after), |old, new| {
            is_same(old, new) && !changed_calendars.contains(&format!("calendar.{}", new.calendar.name()))
        });
        diff
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn compare<T>(
        &mut self,
        kind: &str,
        old: &BTreeMap<&str, &T>,
        new: &BTreeMap<&str, &T>,
        is_same: impl Fn(&T, &T) -> bool,
    ) {
        let full = |name: &&str| format!("{kind}.{name}");
        self.added.extend(new.keys().filter(|name| !old.contains_key(*name)).map(full));
        self.removed.extend(old.keys().filter(|name| !new.contains_key(*name)).map(full));
        let differs = |name: &&&str| old.get(*name).is_some_and(|old| !is_same(old, new[*name]));
        self.changed.extend(new.keys().filter(differs).map(full));
    }
}

fn calendars(targets: &Targets) -> BTreeMap<&str, &WorkingCalendar> {
    targets.calendars.iter().map(|calendar| (calendar.name(), calendar.as_ref())).collect()
}

fn targets(targets: &Targets) -> BTreeMap<&str, &Target> {
    targets.targets.iter().map(|target| (target.name.as_str(), target)).collect()
}

/// True if the targets are equal but for the content of their calendar. That is large, and compared once for all
/// targets that use it.
fn is_same(old: &Target, new: &Target) -> bool {
    let Target {
        name,
        description,
        title,
        group,
        measure,
        filter,
        period,
        goals,
        calendar,
        profile,
        prorate,
        tolerance,
        pesos_each,
    } = old;
    (name, description, measure, filter, period, goals)
        == (&new.name, &new.description, &new.measure, &new.filter, &new.period, &new.goals)
        && (title, group) == (&new.title, &new.group)
        && (calendar.name(), profile, prorate) == (new.calendar.name(), &new.profile, &new.prorate)
        && (tolerance, pesos_each) == (&new.tolerance, &new.pesos_each)
}
