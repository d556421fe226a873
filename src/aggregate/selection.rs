//! Which targets of a stream an event counts for, by its labels.

use std::sync::Arc;

use hashbrown::HashMap;

use super::slots::SlotLayout;
use crate::calendar::{CutTimes, Period};
use crate::clock::{DAY, HOUR, Millis};
use crate::record::Stream;
use crate::targets::{Filter, Measure, StreamTargetIndex, Target, Targets};

/// The targets of one stream.
#[derive(Debug)]
pub(crate) struct Selection {
    pub layout: Arc<SlotLayout>,
    pub targets: Vec<SelectedTarget>,
    /// The set that these targets are of.
    pub set: Arc<Targets>,
    /// How far back slots are kept.
    pub reach: Millis,
    /// How far back what is only counted is known: no further than state keeps it, from which all is found again after a restart.
    pub counted: Millis,
}

#[derive(Debug)]
pub(crate) struct SelectedTarget {
    pub measure: Measure,
    filter: Filter,
    /// Its period among [`SlotLayout::periods`].
    pub period: usize,
}

/// What is kept for the dispersion of past weeks and the months before.
const MIN_REACH: Millis = 92 * DAY;

impl Selection {
    /// `horizon`: how far back state remembers, so that figures can be corrected; `history`: how far back it keeps counts.
    pub(crate) fn new(
        set: &Arc<Targets>,
        stream: Stream,
        cut_times: CutTimes,
        horizon: Millis,
        history: Millis,
    ) -> Self {
        let mut periods = Period::OWN.to_vec();
        let mut reach = horizon.max(MIN_REACH);
        let mut select = |target: &Target| {
            let index = periods.iter().position(|&period| period == target.period).unwrap_or_else(|| {
                periods.push(target.period);
                periods.len() - 1
            });
            reach = reach.max(target.period.longest_days() * DAY + 3 * DAY + HOUR);
            SelectedTarget { measure: target.measure, filter: target.filter.clone(), period: index }
        };
        let targets = set.of_stream(stream).map(|(_, target)| select(target)).collect();
        Self {
            layout: Arc::new(SlotLayout { cut_times, periods }),
            targets,
            set: Arc::clone(set),
            reach,
            counted: reach.min(history),
        }
    }

    /// Targets whose filter has the values that `is_selected` checks, in rising order; see [`Filter`].
    pub(crate) fn matching(&self, is_selected: impl Fn(&Filter) -> bool) -> Box<[StreamTargetIndex]> {
        let matching = self.targets.iter().enumerate().filter(|(_, target)| is_selected(&target.filter));
        matching.map(|(index, _)| StreamTargetIndex::new(index)).collect()
    }

    pub(crate) fn of(&self, target: StreamTargetIndex) -> &SelectedTarget {
        &self.targets[target.index()]
    }
}

/// Numbers what label sets count for, so that there are few figures, whatever labels there are.
#[derive(Debug)]
pub(crate) struct Groups<G> {
    groups: Vec<G>,
    /// By the key of a label set.
    numbers: HashMap<u32, u32>,
}

impl<G: PartialEq> Groups<G> {
    pub(crate) fn new() -> Self {
        Self { groups: Vec::new(), numbers: HashMap::new() }
    }

    /// The number of what `key` counts for.
    pub(crate) fn number(&mut self, key: u32, group: impl FnOnce() -> G) -> u32 {
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let group = group();
        let number = self.groups.iter().position(|known| *known == group).unwrap_or_else(|| {
            self.groups.push(group);
            self.groups.len() - 1
        });
        let number = u32::try_from(number).expect("there are no more groups than keys");
        self.numbers.insert(key, number);
        number
    }

    pub(crate) fn get(&self, number: u32) -> &G {
        &self.groups[number as usize]
    }
}

/// The counts of a group in a slot.
pub(crate) fn counts_of<T: Default>(counts: &mut Vec<T>, group: u32) -> &mut T {
    let index = group as usize;
    if counts.len() <= index {
        counts.resize_with(index + 1, T::default);
    }
    &mut counts[index]
}

/// Whether a list of a filter has a value: an empty one has every.
pub(crate) fn has(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|listed| listed == value)
}
